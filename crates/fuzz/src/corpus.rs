//! The inputs that are kept: the committed corpus of each target, and the sample documents.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::Target;

/// The folders with a target's seeds; the committed corpus is the first.
pub fn folders(target: &Target) -> Vec<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders = vec![here.join("corpus").join(target.name)];
    if target.takes_samples {
        folders.push(here.join("../syncml/tests/samples"));
    }
    folders
}

/// The seeds of a target with their paths, in order of path.
///
/// # Errors
///
/// When a folder or file cannot be read.
pub fn seeds(target: &Target) -> io::Result<Vec<(PathBuf, Vec<u8>)>> {
    let mut paths = Vec::new();
    for folder in folders(target) {
        walk(&folder, &mut paths)?;
    }
    paths.sort();
    paths
        .into_iter()
        .map(|path| fs::read(&path).map(|bytes| (path, bytes)))
        .collect()
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            walk(&path, found)?;
        } else {
            found.push(path);
        }
    }
    Ok(())
}
