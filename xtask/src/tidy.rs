//! Rules of the tree that no compiler checks.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Which of our crates a crate may use, outside its tests. The code map of `ARCHITECTURE.md` says
/// the same for people.
const LAYERS: [(&str, &[&str]); 12] = [
    ("wbxml", &[]),
    ("syncml", &["wbxml"]),
    ("pim", &[]),
    ("session", &["syncml", "pim"]),
    ("store", &["session", "pim"]),
    ("connectors", &["session", "pim"]),
    ("transports", &["syncml"]),
    ("testkit", &[]),
    ("simulation", &["pim", "syncml", "session", "store"]),
    ("fuzz", &["wbxml", "syncml", "pim", "session", "store"]),
    (
        "bench",
        &["pim", "session", "store", "syncml", "testkit", "transports"],
    ),
    (
        "syncline",
        &[
            "wbxml",
            "syncml",
            "pim",
            "session",
            "store",
            "connectors",
            "transports",
        ],
    ),
];

/// Crates that do no I/O, and what they therefore never name.
const PURE: [&str; 4] = ["wbxml", "syncml", "pim", "session"];
const IMPURE: [&str; 6] = [
    "std::fs",
    "std::net",
    "std::thread",
    "std::time",
    "std::env::",
    "HashMap",
];

/// What no statement for PostgreSQL says, since engines that speak like it lack it or it would be of more
/// than one account; with the file that may say it nevertheless.
const NO_STATEMENT: [(&str, &str); 13] = [
    ("pg_advisory_lock", ""),
    ("pg_try_advisory_lock", ""),
    ("nextval", ""),
    ("BIGSERIAL", ""),
    ("IDENTITY", ""),
    ("REFERENCES", ""),
    ("TRIGGER", ""),
    ("CREATE FUNCTION", ""),
    ("TEMP TABLE", ""),
    ("LISTEN ", ""),
    ("ctid", ""),
    // a move locks all tables
    ("LOCK TABLE", "copying.rs"),
    // left out where the engine is another one
    ("SET STORAGE", "schema.rs"),
];

/// Checks all rules; the error lists every break.
pub(crate) fn check(root: &Path) -> Result<(), String> {
    let mut faults = Vec::new();
    for shown in files(root, &["crates", "xtask"]) {
        let Ok(text) = fs::read_to_string(root.join(&shown)) else {
            continue;
        };
        if Path::new(&shown)
            .extension()
            .is_some_and(|extension| extension == "rs")
        {
            check_source(&shown, &text, &mut faults);
        }
        if shown.ends_with(".snap.new") {
            faults.push(format!("{shown}: a snapshot that nobody accepted"));
        }
    }
    check_layers(root, &mut faults);
    crate::links::check(root, &mut faults);
    if faults.is_empty() {
        Ok(())
    } else {
        Err(faults.join("\n"))
    }
}

fn check_source(shown: &str, text: &str, faults: &mut Vec<String>) {
    if !text.starts_with("//!") {
        faults.push(format!("{shown}: no `//!` says why the module exists"));
    }
    let pure = PURE
        .iter()
        .any(|name| shown.starts_with(&format!("crates/{name}/src/")));
    let unfinished = ["TO", "DO"].concat();
    let is_statement = shown.starts_with("crates/store/src/postgres");
    for (number, line) in (1..).zip(text.lines()) {
        if is_statement && !line.trim_start().starts_with("//") {
            let is_told = |(word, file): &&(&str, &str)| {
                line.contains(*word) && (file.is_empty() || !shown.ends_with(file))
            };
            for (word, _) in NO_STATEMENT.iter().filter(is_told) {
                faults.push(format!("{shown}:{number}: {word} is not for every engine"));
            }
        }
        if line.trim_end() != line || line.contains('\t') {
            faults.push(format!("{shown}:{number}: a tab or a blank at the end"));
        }
        let is_word = line
            .split(|character: char| !character.is_alphanumeric())
            .any(|word| word == unfinished);
        if is_word && !line.contains("blocked by") {
            faults.push(format!("{shown}:{number}: say what it is blocked by"));
        }
        let in_code = !line.trim_start().starts_with("//");
        if pure && in_code && !line.contains("std::env::var(\"CARGO") {
            for name in IMPURE.iter().filter(|name| line.contains(**name)) {
                faults.push(format!("{shown}:{number}: {name} in a crate without I/O"));
            }
        }
    }
}

/// Checks that the manifests follow [`LAYERS`].
fn check_layers(root: &Path, faults: &mut Vec<String>) {
    let layers: BTreeMap<&str, &[&str]> = LAYERS.into_iter().collect();
    for (name, allowed) in &layers {
        let path = root.join("crates").join(name).join("Cargo.toml");
        let Ok(manifest) = fs::read_to_string(&path) else {
            continue;
        };
        let mut section = "";
        for line in manifest.lines() {
            if line.starts_with('[') {
                section = line;
            }
            let used = line.split(['.', ' ', '=']).next().unwrap_or_default();
            if section == "[dependencies]" && layers.contains_key(used) && !allowed.contains(&used)
            {
                faults.push(format!("crates/{name}: may not use {used}"));
            }
        }
    }
}

/// All files in these folders, by their paths from the root, sorted.
pub(crate) fn files(root: &Path, folders: &[&str]) -> Vec<String> {
    let mut files = Vec::new();
    for folder in folders {
        walk(&root.join(folder), &mut files);
    }
    let mut shown: Vec<String> = files
        .iter()
        .map(|file| file.strip_prefix(root).unwrap_or(file))
        .map(|file| file.display().to_string())
        .collect();
    shown.sort();
    shown
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            walk(&path, files);
        } else {
            files.push(path);
        }
    }
}
