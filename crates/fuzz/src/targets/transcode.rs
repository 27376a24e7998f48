//! Showing documents: what is shown can be made again, and is not much longer than the document.

use syncml::transcode::{redacted_xml, to_wbxml, to_xml};

use super::shown::assert_same_text;

pub(crate) fn run(input: &[u8]) {
    let most = 32 * input.len() + 66 * 1024;
    let redacted = redacted_xml(input);
    assert!(redacted.len() <= most, "{} bytes for a log", redacted.len());
    let Ok(xml) = to_xml(input) else {
        return;
    };
    assert!(xml.len() <= most, "{} bytes of XML", xml.len());
    let wbxml = to_wbxml(input).expect("what is shown as XML has a binary form");
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
    let again = to_wbxml(xml.as_bytes()).expect("what is shown has a binary form");
    assert_same_text(&to_xml(&again).expect("binary is shown"), &xml, "from XML");
}
