//! Notifications: what is read is written in its own form and says the same, and its digest proves
//! it; short messages carry the whole of it.

use syncml::Encoding;
use syncml::san::{self, AlertMessage, Notification, Package, Received, push};

use super::shown::assert_same;

const NONCE: &[u8] = b"nonce";

pub(crate) fn run(input: &[u8]) {
    cut_and_joined(input);
    match san::read(input) {
        Ok(Received::Package(package)) => as_package(&package.notification),
        Ok(Received::Message(message)) => as_message(&message),
        Err(_) => {}
    }
}

fn as_package(said: &Notification) {
    let digest = san::password_digest(&said.server_id, "secret");
    let written = said.to_package(&digest, NONCE);
    let written = written.expect("what came in a package fits into one");
    assert!(written.len() <= san::MAX_PACKAGE);
    let again = Package::read(&written).expect("what is written is read");
    assert_same(&again.notification, said, "written and read again");
    assert!(
        again.is_proved_by(&digest, NONCE),
        "the digest is not its own"
    );
    assert!(!again.is_proved_by(&digest, b"other"), "any nonce will do");
}

fn as_message(message: &AlertMessage) {
    let write = |said: &Notification, encoding| {
        let written = said.to_message(&message.device, encoding);
        written.expect("what came in a message fits into one")
    };
    // XML first: it has no form for some characters
    let text = write(&message.notification, Encoding::Xml);
    let Ok(settled) = AlertMessage::read(&text) else {
        // some references and tags longer than it came
        assert!(text.len() > 4096, "what is written is not read");
        return;
    };
    for encoding in [Encoding::Xml, Encoding::Wbxml] {
        let again = AlertMessage::read(&write(&settled.notification, encoding));
        let again = again.expect("what is written is read");
        assert_eq!(again.encoding, encoding);
        assert_same(
            &again.notification,
            &settled.notification,
            "written and read again",
        );
    }
}

/// Every byte of a push comes once, and no short message is too long.
fn cut_and_joined(input: &[u8]) {
    let Some(messages) = push::short_messages(input, 7) else {
        assert!(input.len() > 30_000, "{} bytes do not fit", input.len());
        return;
    };
    let mut joined = Vec::new();
    for message in &messages {
        assert!(message.len() <= 140, "a short message of {}", message.len());
        let header = usize::from(message.first().copied().unwrap_or_default());
        joined.extend_from_slice(message.get(header + 1..).unwrap_or_default());
    }
    assert_eq!(joined, input, "the push is not what was cut");
}
