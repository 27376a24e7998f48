//! Showing documents: what is shown can be made again, and is not much longer than the document; a
//! log shows no password, whatever stands before it.

use syncml::transcode::{redacted_xml, to_wbxml, to_xml};

use super::script::contains;
use super::shown::assert_same_text;

/// A password as it travels, in base64.
const SECRET: &str = "c2VjcmV0OnNlY3JldA";

pub(crate) fn run(input: &[u8]) {
    shown(input);
    hidden(input);
}

fn shown(input: &[u8]) {
    let most = 32 * input.len() + 66 * 1024;
    let redacted = redacted_xml(input);
    assert!(redacted.len() <= most, "{} bytes for a log", redacted.len());
    let Ok(xml) = to_xml(input) else {
        return;
    };
    assert!(xml.len() <= most, "{} bytes of XML", xml.len());
    let Some(wbxml) = binary(input) else {
        return;
    };
    assert_same_text(
        &to_xml(&wbxml).expect("binary is shown"),
        &xml,
        "there and back",
    );
    assert_same_text(
        &to_xml(xml.as_bytes()).expect("XML is shown"),
        &xml,
        "XML twice",
    );
    let Some(again) = binary(xml.as_bytes()) else {
        return;
    };
    assert_same_text(&to_xml(&again).expect("binary is shown"), &xml, "from XML");
}

/// What is shown as XML has a binary form, but for names that are beyond the limits of a string
/// table.
fn binary(input: &[u8]) -> Option<Vec<u8>> {
    match to_wbxml(input) {
        Ok(binary) => Some(binary),
        Err(syncml::Error::Limit { .. }) => None,
        Err(error) => panic!("what is shown as XML has no binary form: {error}"),
    }
}

/// Credentials behind arbitrary content of the header.
fn hidden(before: &[u8]) {
    let has = |text: &str| contains(before, text.as_bytes());
    // in a comment or CDATA it is no credential, and the content may not bring one of its own
    if has("<!") || has("<?") || has(&SECRET[..4]) {
        return;
    }
    let after = format!(
        "<Cred><Meta><Type>syncml:auth-basic</Type></Meta><Data>{SECRET}==</Data></Cred></SyncHdr>\
         <SyncBody/></SyncML>"
    );
    let document = [b"<SyncML><SyncHdr>", before, after.as_bytes()].concat();
    assert_hidden(&redacted_xml(&document));
    if let Ok(binary) = to_wbxml(&document) {
        assert_hidden(&redacted_xml(&binary));
    }
}

fn assert_hidden(text: &str) {
    let bytes: Vec<String> = SECRET.bytes().take(6).map(|b| format!("{b:02x}")).collect();
    assert!(!text.contains(&SECRET[..6]), "a password is shown: {text}");
    assert!(
        !text.contains(&bytes.join(" ")),
        "a password is shown in hexadecimal: {text}"
    );
}
