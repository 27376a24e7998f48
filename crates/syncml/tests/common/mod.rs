//! The sample messages, and how two readings of one are compared.

#![allow(dead_code)] // each test binary uses a part

use std::fs;
use std::path::{Path, PathBuf};

use syncml::{Document, Error, Limits, Message};

pub(crate) fn samples(folder: &str, extension: &str) -> Vec<PathBuf> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    walk(&root().join(folder), &mut found);
    found.retain(|path| path.extension().is_some_and(|e| e == extension));
    found.sort();
    found
}

pub(crate) fn sample(name: &str) -> Vec<u8> {
    fs::read(root().join(name)).unwrap()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/samples")
}

pub(crate) fn is_message(path: &Path) -> bool {
    let path = path.to_string_lossy();
    // device information alone, and messages that are broken on purpose
    !path.contains("/bad/") && !path.contains("/devinf/")
}

/// A message as text, without what the encodings do not share: line ends within data, the
/// indentation of elements that no table has, and the spelling of the type of device information.
fn outline(message: &Message<'_>) -> String {
    let text = format!("{message:#?}").replace("devinf+wbxml", "devinf+xml");
    let lines: Vec<&str> = text.split("\\n").map(str::trim_start).collect();
    lines.concat()
}

pub(crate) fn read_outline(bytes: &[u8]) -> Result<String, Error> {
    let document = Document::new(bytes, None)?;
    let message = document.read(&Limits::default())?;
    Ok(outline(&with_plain_data(message)))
}

/// Data with line ends as XML has them.
fn with_plain_data(mut message: Message<'_>) -> Message<'_> {
    fn plain(commands: &mut [syncml::Command<'_>]) {
        for command in commands {
            match command {
                syncml::Command::Change(change) => {
                    for item in &mut change.items {
                        if let Some(syncml::Data::Bytes(bytes)) = &mut item.data {
                            let text = String::from_utf8_lossy(bytes).replace("\r\n", "\n");
                            *bytes = text.trim().as_bytes().to_vec().into();
                        }
                    }
                }
                syncml::Command::Sync(sync) => plain(&mut sync.commands),
                syncml::Command::Group(group) => plain(&mut group.commands),
                _ => {}
            }
        }
    }
    plain(&mut message.commands);
    message
}
