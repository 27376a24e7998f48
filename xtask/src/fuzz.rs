//! Fuzzing guided by coverage, with the stable toolchain: `cargo xtask fuzz`.
//!
//! The compiler's own coverage pass marks every edge, libFuzzer watches them, and the targets are
//! those that the tests replay (`crates/fuzz`). What is found that is new goes to
//! `target/fuzz/corpus`; input for which a claim does not hold, to `target/fuzz/failed`.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::{Failed, Outcome, run as run_command, say};

/// Seconds for a target when neither time nor runs are given.
const SECONDS: u64 = 60;

/// Makes coverage visible to libFuzzer, and overflows to the target.
const FLAGS: &str = "--cfg fuzzing -Cpasses=sancov-module \
    -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares \
    -Ccodegen-units=1 -Cdebug-assertions -Coverflow-checks";

/// What one run of a target does.
#[derive(Clone, Copy)]
enum Plan {
    Seconds(u64),
    Runs(u64),
    Merge,
}

/// Builds the runner and runs it over the target that `arguments` name, or over all.
pub(crate) fn run(root: &Path, arguments: &[String]) -> Outcome {
    let (wanted, plan) = read(arguments)?;
    let all = targets(root)?;
    if let Some(name) = wanted
        && !all.iter().any(|target| target == name)
    {
        return Err(Failed(format!(
            "no target {name:?}; there are {}",
            all.join(", ")
        )));
    }
    let runner = build(root)?;
    for target in all
        .iter()
        .filter(|target| wanted.is_none_or(|name| name == *target))
    {
        say(&format!("== {target}"));
        run_target(root, &runner, target, plan)?;
    }
    Ok(())
}

fn read(arguments: &[String]) -> Result<(Option<&str>, Plan), Failed> {
    let mut wanted = None;
    let mut plan = Plan::Seconds(SECONDS);
    let mut rest = arguments.iter().map(String::as_str);
    while let Some(argument) = rest.next() {
        let mut number = || {
            let value = rest.next().and_then(|value| value.parse().ok());
            value.ok_or_else(|| Failed(format!("{argument} needs a number")))
        };
        match argument {
            "--seconds" => plan = Plan::Seconds(number()?),
            "--runs" => plan = Plan::Runs(number()?),
            "--merge" => plan = Plan::Merge,
            name if !name.starts_with('-') && wanted.is_none() => wanted = Some(name),
            other => return Err(Failed(format!("fuzz does not know {other:?}"))),
        }
    }
    Ok((wanted, plan))
}

/// The targets, which are the folders of the corpus.
fn targets(root: &Path) -> Result<Vec<String>, Failed> {
    let folder = committed(root);
    let entries = fs::read_dir(&folder)
        .map_err(|error| Failed(format!("{} cannot be read: {error}", folder.display())))?;
    let mut names: Vec<String> = entries
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    Ok(names)
}

fn committed(root: &Path) -> PathBuf {
    root.join("crates/fuzz/corpus")
}

/// Builds the runner; where it is.
fn build(root: &Path) -> Result<PathBuf, Failed> {
    let compiler = std::env::var_os("CXX").unwrap_or_else(|| OsString::from("c++"));
    let found = Command::new(&compiler)
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    if !found.is_ok_and(|status| status.success()) {
        return Err(Failed(format!(
            "libFuzzer is C++, and {} does not run: install a C++ compiler (g++ or clang) or set CXX",
            compiler.display()
        )));
    }
    let host = host()?;
    let folder = root.join("target/fuzz");
    let mut command = Command::new(env!("CARGO"));
    command
        .current_dir(root)
        .args(["build", "--release", "--package", "fuzz", "--bin", "fuzz"])
        .args(["--features", "fuzz/libfuzzer"])
        // without a target the flags would reach build scripts, which do not link with them
        .args(["--target", &host])
        .env("CARGO_TARGET_DIR", &folder)
        .env("RUSTFLAGS", FLAGS);
    run_command("building the fuzz runner", command)?;
    Ok(folder.join(host).join("release/fuzz"))
}

/// The platform that runs this.
fn host() -> Result<String, Failed> {
    let output = Command::new("rustc").arg("-vV").output();
    let output = output.map_err(|error| Failed(format!("rustc cannot be run: {error}")))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned)
        .ok_or_else(|| Failed("rustc does not name its host".to_owned()))
}

fn run_target(root: &Path, runner: &Path, target: &str, plan: Plan) -> Outcome {
    let found = root.join("target/fuzz/corpus").join(target);
    let failed = root.join("target/fuzz/failed");
    let kept = committed(root).join(target);
    for folder in [&found, &failed] {
        fs::create_dir_all(folder)
            .map_err(|error| Failed(format!("{}: {error}", folder.display())))?;
    }
    let mut command = Command::new(runner);
    command
        .env("SYNCLINE_FUZZ", target)
        .current_dir(root)
        .arg(format!("-artifact_prefix={}/{target}-", failed.display()))
        // an input of some kilobytes that needs seconds or hundreds of megabytes is a fault, too
        .args([
            "-timeout=10",
            "-rss_limit_mb=256",
            "-seed=1",
            "-verbosity=1",
        ]);
    match plan {
        Plan::Seconds(seconds) => command.arg(format!("-max_total_time={seconds}")),
        Plan::Runs(runs) => command.arg(format!("-runs={runs}")),
        Plan::Merge => command.args(["-set_cover_merge=1", "-use_counters=0", "-max_len=700"]),
    };
    if matches!(plan, Plan::Merge) {
        // the first is the one that grows
        command.args([&kept, &found]);
    } else {
        command
            .arg(format!(
                "-dict={}",
                root.join("crates/fuzz/words.dict").display()
            ))
            .args([&found, &kept])
            .arg(root.join("crates/syncml/tests/samples"));
    }
    run_command(&format!("fuzzing {target}"), command)
}
