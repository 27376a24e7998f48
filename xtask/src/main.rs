//! What the developers of Syncline run.
//!
//! `cargo xtask test` checks everything, as CI does; `cargo xtask bench` measures.

mod fuzz;
mod links;
mod peers;
mod spec;
mod tidy;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Instant;

const USAGE: &str = "\
usage: cargo xtask COMMAND

  test     format, tree rules, lints, dependencies, tests, documentation
  tidy     the tree rules and the table of conformance alone
  spec     writes docs/conformance.md; with --check says whether it and its sources are right
  bench    speed and memory beside a floor and the peers, as ratios
  load     sessions of many devices at once, on our own server or --url; --help says more
  scale    what a fleet of devices needs by the figures of load, simulated; --help says more
  simulate [--guard] SEEDS [FIRST]
           runs that many seeds of the simulation, with sessions that are held
  simulate [--guard] --tell SEED
           tells what happens in one
  chaos    nodes, a database and its replica that are killed and cut off while devices sync;
           --help says more
  kills    [N]
           kills a server, and then PostgreSQL under one, that often (200) while devices write, and
           looks for what was confirmed
  fuzz     [TARGET] [--seconds N | --runs N | --merge]
           guided by coverage, a target or all in turn; --merge minimizes the corpus
  peers    installs the programs that the interoperability tests talk to";

/// Version of cargo-deny that is installed when there is none.
const CARGO_DENY: &str = "0.20.2";

/// Where property tests begin unless the environment says where, so that a check that passed passes again
/// on the same tree; other numbers are for looking for faults.
const PROPERTY_SEED: (&str, &str) = ("PROPTEST_RNG_SEED", "1");

/// Tests of the program that make their state by [`testkit::syncline::Installation::new`], but for those
/// about one of the engines.
const OVER_POSTGRES: [&str; 11] = [
    "directory",
    "guard",
    "hostile",
    "interrupted",
    "kill",
    "large",
    "large_objects",
    "open_sessions",
    "stop",
    "syncevolution_client",
    "syncevolution_poor_phone",
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match arguments.first().map(String::as_str) {
        Some("test") => test(),
        Some("bench") => bench(&arguments[1..]),
        Some("load") => load(&arguments[1..]),
        Some("scale") => scale(&arguments[1..]),
        Some("tidy") => tidy(),
        Some("spec") => match arguments.get(1).map(String::as_str) {
            None => spec::write(&root()).map_err(Failed),
            Some("--check") => spec::check(&root()).map_err(Failed),
            Some(other) => Err(Failed(format!("spec knows no {other}"))),
        },
        Some("simulate") => simulate(&arguments[1..]),
        Some("chaos") => chaos(&arguments[1..]),
        Some("kills") => kills(&arguments[1..]),
        Some("fuzz") => fuzz::run(&root(), &arguments[1..]),
        Some("peers") => {
            peers::install();
            report_missing(&peers::missing());
            Ok(())
        }
        _ => {
            say(USAGE);
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failed(what)) => {
            say(&format!("failed: {what}"));
            ExitCode::FAILURE
        }
    }
}

/// A step that did not pass.
struct Failed(String);

type Outcome = Result<(), Failed>;

fn test() -> Outcome {
    let mut skipped = Vec::new();
    step("format", || cargo(&["fmt", "--all", "--check"], &[]))?;
    step("tree", tidy)?;
    step("lints", || {
        cargo(
            &[
                "clippy",
                "--workspace",
                "--all-targets",
                "--",
                "-D",
                "warnings",
            ],
            &[],
        )
    })?;
    step("dependencies", || dependencies(&mut skipped))?;

    peers::install();
    let missing = peers::missing();
    let mut environment = Vec::new();
    if missing.is_empty() {
        environment.push(("SYNCLINE_REQUIRE_PEERS", "1"));
    }
    if std::env::var_os(PROPERTY_SEED.0).is_none() {
        environment.push(PROPERTY_SEED);
    }
    let tests = ["test", "--workspace", "--all-targets"];
    step("tests", || cargo(&tests, &environment))?;
    if !missing.contains(&testkit::Peer::Postgres) {
        step("tests of the program over PostgreSQL", || {
            over_postgres(&environment)
        })?;
    }
    step("documentation examples", || {
        cargo(&["test", "--workspace", "--doc"], &[])
    })?;
    step("documentation", || {
        cargo(
            &["doc", "--workspace", "--no-deps", "--quiet"],
            &[("RUSTDOCFLAGS", "-D warnings")],
        )
    })?;

    skipped.extend(
        missing
            .iter()
            .map(|peer| format!("tests with {peer}: install {}", peer.packages().join(" "))),
    );
    for what in &skipped {
        say(&format!("skipped: {what}"));
    }
    say(if skipped.is_empty() {
        "all checks passed; nothing was skipped"
    } else {
        "all checks that could run passed"
    });
    Ok(())
}

/// The rules of the tree, and the table of conformance.
fn tidy() -> Outcome {
    tidy::check(&root())
        .and_then(|()| spec::check(&root()))
        .map_err(Failed)
}

/// Licences, sources and bans of everything that is depended on.
fn dependencies(skipped: &mut Vec<String>) -> Outcome {
    let tools = root().join("target/tools");
    let installed = tools.join("bin/cargo-deny");
    let on_path = Command::new("cargo-deny").arg("--version").output();
    let program = if on_path.is_ok_and(|output| output.status.success()) {
        PathBuf::from("cargo-deny")
    } else {
        if !installed.exists() {
            say("cargo-deny is not here, it is built once (some minutes)");
            let root = tools.display().to_string();
            let arguments = [
                "install",
                "--quiet",
                "--locked",
                "--version",
                CARGO_DENY,
                "--root",
                &root,
                "cargo-deny",
            ];
            if cargo(&arguments, &[]).is_err() {
                skipped.push("licences: cargo-deny could not be installed".to_owned());
                return Ok(());
            }
        }
        installed
    };
    let mut command = Command::new(program);
    command.current_dir(root()).args([
        "--log-level",
        "error",
        "check",
        "licenses",
        "bans",
        "sources",
    ]);
    run("cargo-deny", command)
}

/// Runs the tests of the program once more whose state may be in either engine.
fn over_postgres(environment: &[(&str, &str)]) -> Outcome {
    // of the whole workspace, so that nothing is built again with other features
    let mut tests = vec!["test", "--workspace"];
    for test in OVER_POSTGRES {
        tests.extend(["--test", test]);
    }
    let engine = (testkit::syncline::ENGINE, "postgres");
    cargo(&tests, &[environment, &[engine]].concat())
}

fn bench(arguments: &[String]) -> Outcome {
    peers::install_for_bench();
    report_missing(&peers::missing());
    let mut all = vec!["run", "--release", "--package", "bench", "--"];
    all.extend(arguments.iter().map(String::as_str));
    cargo(&["build", "--release", "--package", "syncline"], &[])?;
    cargo(&all, &[])
}

fn load(arguments: &[String]) -> Outcome {
    cargo(&["build", "--release", "--package", "syncline"], &[])?;
    let mut all = vec!["run", "--release", "--package", "bench", "--", "load"];
    all.extend(arguments.iter().map(String::as_str));
    cargo(&all, &[])
}

fn scale(arguments: &[String]) -> Outcome {
    let mut all = vec!["run", "--release", "--package", "bench", "--", "scale"];
    all.extend(arguments.iter().map(String::as_str));
    cargo(&all, &[])
}

fn simulate(arguments: &[String]) -> Outcome {
    let mut all = vec!["run", "--release", "--package", "simulation", "--"];
    all.extend(arguments.iter().map(String::as_str));
    cargo(&all, &[])
}

fn chaos(arguments: &[String]) -> Outcome {
    cargo(&["build", "--release", "--package", "syncline"], &[])?;
    let mut all = vec!["run", "--release", "--package", "chaos", "--"];
    all.extend(arguments.iter().map(String::as_str));
    cargo(&all, &[])
}

fn kills(arguments: &[String]) -> Outcome {
    let kills = match arguments {
        [] => "200",
        [kills] if kills.parse::<u32>().is_ok() => kills,
        _ => return Err(Failed("kills takes a number".to_owned())),
    };
    let test = ["--package", "syncline", "--test", "interrupted", "kills"];
    let all = [&["test", "--release"][..], &test].concat();
    cargo(&all, &[("SYNCLINE_KILLS", kills)])
}

fn report_missing(missing: &[testkit::Peer]) {
    for peer in missing {
        say(&format!(
            "{peer} is not here: install {}",
            peer.packages().join(" ")
        ));
    }
}

fn step(name: &str, check: impl FnOnce() -> Outcome) -> Outcome {
    say(&format!("== {name}"));
    let begun = Instant::now();
    check().map_err(|Failed(what)| Failed(format!("{name}: {what}")))?;
    say(&format!(
        "   {name}: {:.0} s",
        begun.elapsed().as_secs_f32()
    ));
    Ok(())
}

fn cargo(arguments: &[&str], environment: &[(&str, &str)]) -> Outcome {
    let mut command = Command::new(env!("CARGO"));
    command
        .current_dir(root())
        .args(arguments)
        .envs(environment.iter().copied());
    run(&format!("cargo {}", arguments.join(" ")), command)
}

fn run(name: &str, mut command: Command) -> Outcome {
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(Failed(format!("{name} ended with {status}"))),
        Err(error) => Err(Failed(format!("{name} cannot be run: {error}"))),
    }
}

/// The workspace's folder.
fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}

#[allow(clippy::print_stderr)] // this program talks to a person at a terminal
fn say(text: &str) {
    eprintln!("{text}");
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::fs;

    use super::*;

    /// The text of a test: a file, or a folder of them.
    fn text_of(path: &Path) -> String {
        if path.is_dir() {
            let entries = fs::read_dir(path).unwrap();
            return entries
                .map(|entry| text_of(&entry.unwrap().path()))
                .collect();
        }
        fs::read_to_string(path).unwrap()
    }

    #[test]
    fn no_test_of_the_program_is_left_out_over_postgres() {
        // what is done with files of SQLite, and from one engine to the other
        let others = ["backup", "migrate"];
        for entry in fs::read_dir(root().join("crates/syncline/tests")).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            let is_meant = text_of(&path).contains("Installation::new(");
            let is_listed = OVER_POSTGRES.contains(&name.as_str());
            let expected = is_meant && !others.contains(&name.as_str());
            assert_eq!(is_listed, expected, "{name}");
        }
    }
}
