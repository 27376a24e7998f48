//! Folders of one item a file, as import reads them.

use std::path::{Path, PathBuf};

use crate::report::{Failure, Outcome};

/// A folder that cannot be used.
pub(super) fn unusable(dir: &Path, error: &std::io::Error) -> Failure {
    Failure::usage(format_args!(
        "the folder {} cannot be used: {error}; check the path and its permissions",
        dir.display()
    ))
}

/// The files of a folder by name, without hidden ones and sub-folders.
pub(super) fn files(dir: &Path) -> Outcome<Vec<PathBuf>> {
    let entries = std::fs::read_dir(dir).map_err(|error| unusable(dir, &error))?;
    let mut files = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|error| unusable(dir, &error))?;
        let hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
        if !hidden && entry.path().is_file() {
            files.push(entry.path());
        }
    }
    files.sort();
    Ok(files)
}
