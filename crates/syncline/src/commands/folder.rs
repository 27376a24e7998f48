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

/// What a folder holds beside hidden files and sub-folders, by name; whether it is a file, or why
/// it is nothing to read.
pub(super) fn entries(dir: &Path) -> Outcome<Vec<(PathBuf, Result<(), String>)>> {
    let entries = std::fs::read_dir(dir).map_err(|error| unusable(dir, &error))?;
    let mut files = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|error| unusable(dir, &error))?;
        if entry.file_name().as_encoded_bytes().starts_with(b".") {
            continue;
        }
        let path = entry.path();
        match std::fs::metadata(&path) {
            Ok(found) if found.is_dir() => {}
            Ok(found) if found.is_file() => files.push((path, Ok(()))),
            Ok(_) => files.push((path, Err("is no file".to_owned()))),
            Err(_) if path.is_symlink() => {
                files.push((path, Err("is a link that leads nowhere".to_owned())));
            }
            Err(error) => files.push((path, Err(format!("cannot be read: {error}")))),
        }
    }
    files.sort();
    Ok(files)
}
