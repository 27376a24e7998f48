//! How messages are written and shown, to the last character.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::sample;
use insta::assert_snapshot;
use syncml::transcode::{redacted_xml, to_xml};
use syncml::{Document, Encoding, Limits, MessageWriter, Version};

/// A sample as it is written again, shown as XML.
fn written(name: &str) -> String {
    let bytes = sample(name);
    let document = Document::new(&bytes, None).unwrap();
    let message = document.read(&Limits::default()).unwrap();
    let version = Version::from_dtd(&message.header.ver_dtd).unwrap();
    let mut writer = MessageWriter::new(Encoding::Wbxml, version, &message.header);
    for command in &message.commands {
        writer.command(command);
    }
    to_xml(&writer.finish(message.is_final)).unwrap()
}

// spec: A03
#[test]
fn initialization_1_0() {
    assert_snapshot!(written("v10/pkg1.wbxml"));
}

#[test]
fn challenge_1_1() {
    assert_snapshot!(written("v11/pkg2_challenge.wbxml"));
}

#[test]
fn modifications_from_string_tables_1_1() {
    assert_snapshot!(written("peer_wbxml/v11_pkg3_funambol_java.wbxml"));
}

// spec: A01 A03
#[test]
fn initialization_1_2() {
    assert_snapshot!(written("v12/pkg1.wbxml"));
}

#[test]
fn modifications_1_2() {
    assert_snapshot!(written("v12/pkg4.wbxml"));
}

#[test]
fn map_1_2() {
    assert_snapshot!(written("v12/pkg5.wbxml"));
}

#[test]
fn filter_1_2() {
    assert_snapshot!(written("filter/record_and_field_c.wbxml"));
}

#[test]
fn hierarchy_1_2() {
    assert_snapshot!(written("hierarchy/pkg3.wbxml"));
}

#[test]
fn literals_as_they_came() {
    assert_snapshot!(to_xml(&sample("filter/field_c.wbxml")).unwrap());
}

#[test]
fn a_message_for_logs() {
    assert_snapshot!(redacted_xml(&sample("v11/pkg1_try2.wbxml")));
}

#[test]
fn a_cut_message_for_logs() {
    let bytes = sample("variants/v11_pkg3_no_string_table.wbxml");
    assert_snapshot!(redacted_xml(&bytes[..300]));
}
