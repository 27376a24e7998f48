//! Our binary XML against libwbxml's: each reads what the other writes.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use common::{is_message, read_outline, samples};
use syncml::transcode::to_wbxml;
use syncml::{Document, Encoding, Limits, MessageWriter, Version};
use testkit::libwbxml::Libwbxml;
use testkit::{Peer, require};

/// Samples with names that have no token, `DevId` for `DevID` or device information outside its
/// document. libwbxml writes such names into a string table alone, which is turned off here
/// because nothing else needs it.
const NAMES_WITHOUT_TOKEN: [&str; 5] = [
    "filter/field_c.xml",
    "filter/record_and_field_c.xml",
    "seed_pkg1.xml",
    "seed_pkg2.xml",
    "seed_pkg3.xml",
];

/// The messages that are not the same after `round`, with what differs first.
fn differing(round: impl Fn(&Path) -> Result<(), String>) -> Vec<(PathBuf, String)> {
    let mut paths = samples("", "xml");
    paths.retain(|path| is_message(path));
    assert!(paths.len() > 130, "{} messages", paths.len());
    let fault = |path: PathBuf| round(&path).err().map(|reason| (path, reason));
    paths.into_iter().filter_map(fault).collect()
}

fn same(ours: &str, theirs: &str) -> Result<(), String> {
    if ours == theirs {
        return Ok(());
    }
    let line = ours.lines().zip(theirs.lines()).find(|(a, b)| a != b);
    Err(format!("{line:?}"))
}

#[test]
fn libwbxml_reads_what_is_transcoded() {
    let Some(installed) = require(Peer::Libwbxml) else {
        return;
    };
    let peer = Libwbxml::new(installed);
    let differing = differing(|path| {
        let xml = fs::read(path).unwrap();
        let wbxml = to_wbxml(&xml).unwrap();
        let theirs = peer.to_xml(&wbxml).map_err(|e| e.to_string())?;
        let theirs = read_outline(&theirs).map_err(|e| e.to_string())?;
        same(&read_outline(&wbxml).unwrap(), &theirs)
    });
    assert_eq!(differing, []);
}

#[test]
fn libwbxml_reads_what_is_written() {
    let Some(installed) = require(Peer::Libwbxml) else {
        return;
    };
    let peer = Libwbxml::new(installed);
    let differing = differing(|path| {
        // of binary messages: libwbxml opens device information by its type, `…devinf+wbxml`
        let binary = to_wbxml(&fs::read(path).unwrap()).unwrap();
        let document = Document::new(&binary, None).unwrap();
        let message = document.read(&Limits::default()).unwrap();
        let Some(version) = Version::from_dtd(&message.header.ver_dtd) else {
            return Ok(());
        };
        let mut writer = MessageWriter::new(Encoding::Wbxml, version, &message.header);
        for command in &message.commands {
            writer.command(command);
        }
        let wbxml = writer.finish(message.is_final);
        let theirs = peer.to_xml(&wbxml).map_err(|e| e.to_string())?;
        let theirs = read_outline(&theirs).map_err(|e| e.to_string())?;
        same(&read_outline(&wbxml).unwrap(), &theirs)
    });
    assert_eq!(differing, []);
}

#[test]
fn what_libwbxml_writes_is_read() {
    let Some(installed) = require(Peer::Libwbxml) else {
        return;
    };
    let peer = Libwbxml::new(installed);
    let differing = differing(|path| {
        let xml = fs::read(path).unwrap();
        let wbxml = peer.to_wbxml(&xml).map_err(|e| e.to_string())?;
        let theirs = read_outline(&wbxml).map_err(|e| e.to_string())?;
        same(&read_outline(&xml).unwrap(), &theirs)
    });
    let (refused, wrong): (Vec<_>, Vec<_>) = differing
        .into_iter()
        .partition(|(_, reason)| reason.contains("can't encode Literal"));
    assert_eq!(wrong, []);
    let known = refused
        .iter()
        .all(|(path, _)| NAMES_WITHOUT_TOKEN.iter().any(|name| path.ends_with(name)));
    assert!(
        known && refused.len() == NAMES_WITHOUT_TOKEN.len(),
        "{refused:?}"
    );
}
