//! Objects of mail and files, and items of SIF: what is taken apart is put together the same, and what
//! an object leaves unsaid is completed once.

use pim::{
    Format, Target, complete, complete_object, convert, element_in_head, object_parts, summary,
    with_element, write_object,
};

use super::script::blocks;

const EMAIL: &str = "application/vnd.omads-email+xml";
const FILE: &str = "application/vnd.omads-file+xml";
const FOLDER: &str = "application/vnd.omads-folder+xml";

const SIF: [&str; 4] = [
    "text/x-s4j-sifc",
    "text/x-s4j-sife",
    "text/x-s4j-sift",
    "text/x-s4j-sifn",
];

/// The input is what is held and what a device gives in its place, with a line `%%` between them.
pub(crate) fn run(input: &[u8]) {
    let mut items = blocks(input);
    let held = items.next().unwrap_or_default();
    let given = items.next().unwrap_or(held);
    for media_type in [EMAIL, FILE] {
        apart(media_type, held);
    }
    for media_type in [EMAIL, FILE, FOLDER] {
        summary(held, media_type);
        completed(media_type, held, given);
    }
    for media_type in SIF {
        plain(media_type, held);
        let _ = complete(media_type, held, given);
    }
}

fn apart(media_type: &str, object: &[u8]) {
    let Some(parts) = object_parts(media_type, object) else {
        return;
    };
    let head = with_element(&parts.head, "name", "a & b");
    let body = parts.body.unwrap_or_default();
    let written = write_object(media_type, &head, &body).expect("it has a form");
    // an octet that is no UTF-8 may be a letter of three, and base64 makes four of these
    let most = 5 * object.len() + 256;
    assert!(written.len() <= most, "{} bytes", written.len());
    let again = object_parts(media_type, &written).expect("what is written is read");
    assert_eq!(again.body.unwrap_or_default(), body, "another content");
    let name = element_in_head(&again.head, "name");
    assert_eq!(name.as_deref(), Some("a & b"), "another name");
    let once_more = write_object(media_type, &again.head, &body);
    assert_eq!(
        once_more,
        Some(written),
        "it differs when it is written again"
    );
}

fn completed(media_type: &str, held: &[u8], given: &[u8]) {
    let Some(whole) = complete_object(media_type, held, held, given) else {
        return;
    };
    // an octet that is no UTF-8 may be a letter of three
    let most = 4 * (held.len() + given.len()) + 256;
    assert!(whole.len() <= most, "{} bytes", whole.len());
}

/// An item of SIF becomes what it says in another format, and that an item of SIF again.
fn plain(media_type: &str, item: &[u8]) {
    let Some(format) = Format::of(media_type, item) else {
        return;
    };
    for wanted in [
        Format::VCard30,
        Format::VCalendar10,
        Format::ICalendar20,
        Format::VNote,
    ] {
        let target = |format| Target {
            format,
            quoted_printable: false,
        };
        let Ok(made) = convert(item, media_type, target(wanted)) else {
            continue;
        };
        let most = 12 * item.len() + 4096;
        assert!(made.bytes.len() <= most, "{} bytes", made.bytes.len());
        let back = convert(&made.bytes, made.media_type, target(format));
        assert!(back.is_ok(), "there is no way back");
    }
}
