//! Framing of notifications for WAP push: the push itself, and the headers of the short messages
//! that carry it.
//!
//! Follows the notification document for what a push of a package consists of, and WAP-259 and
//! 3GPP 23.040 for short messages with ports.

use crate::version::Encoding;

/// What a push carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// The package of 1.2.
    Package,
    /// A message of 1.0 or 1.1.
    Message(Encoding),
}

/// Port of the recipient for pushes without a connection.
pub const PORT: u16 = 2948;

/// Port of the sender that short messages name.
const SENDER_PORT: u16 = 0xc002;

/// `X-Wap-Application-Id: push.syncml`.
const APPLICATION: [u8; 2] = [0xaf, 0x85];

/// Bytes in a short message, headers included.
const SHORT_MESSAGE: usize = 140;

/// A connectionless push: transaction identifier, type, length of the headers, content type,
/// application, content.
// spec: Q13 Q15
pub fn push(transaction: u8, content: Content, body: &[u8]) -> Vec<u8> {
    let content_type: &[u8] = match content {
        Content::Package => &[0xce],
        // a type of two bytes needs the general form: length of all, length of the number
        Content::Message(Encoding::Xml) => &[0x03, 0x02, 0x03, 0x02],
        Content::Message(Encoding::Wbxml) => &[0x03, 0x02, 0x03, 0x03],
    };
    let headers = content_type.len() + APPLICATION.len();
    let mut push = vec![transaction, 0x06, headers as u8];
    push.extend(content_type);
    push.extend(APPLICATION);
    push.extend(body);
    push
}

/// The user data of the short messages that carry a push, each with its header: ports alone where
/// one message has the room, else ports and the place among several, which `reference` ties
/// together. `None` for a push that 255 messages do not hold.
// spec: Q14
pub fn short_messages(push: &[u8], reference: u8) -> Option<Vec<Vec<u8>>> {
    let [to, from] = [PORT.to_be_bytes(), SENDER_PORT.to_be_bytes()];
    let ports = [0x05, 0x04, to[0], to[1], from[0], from[1]];
    let header = |more: &[u8]| {
        let mut header = vec![(ports.len() + more.len()) as u8];
        header.extend(ports);
        header.extend(more);
        header
    };
    let alone = header(&[]);
    if alone.len() + push.len() <= SHORT_MESSAGE {
        return Some(vec![[alone.as_slice(), push].concat()]);
    }
    let room = SHORT_MESSAGE - header(&[0; 5]).len();
    let total = u8::try_from(push.len().div_ceil(room)).ok()?;
    let parts = (1..=total).zip(push.chunks(room));
    let messages = parts.map(|(number, part)| {
        let header = header(&[0x00, 0x03, reference, total, number]);
        [header.as_slice(), part].concat()
    });
    Some(messages.collect())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    // spec: Q13 Q15
    #[test]
    fn pushes_have_the_mandatory_headers_in_order() {
        assert_eq!(
            push(1, Content::Package, b"x"),
            [0x01, 0x06, 0x03, 0xce, 0xaf, 0x85, b'x']
        );
        assert_eq!(
            push(2, Content::Message(Encoding::Wbxml), b""),
            [0x02, 0x06, 0x06, 0x03, 0x02, 0x03, 0x03, 0xaf, 0x85]
        );
        assert_eq!(push(2, Content::Message(Encoding::Xml), b"")[6], 0x02);
    }

    // spec: Q14
    #[test]
    fn a_short_push_is_one_short_message() {
        let messages = short_messages(&[7; 133], 9).unwrap();
        assert_eq!(messages.len(), 1);
        assert_eq!(messages[0][..7], [0x06, 0x05, 0x04, 0x0b, 0x84, 0xc0, 0x02]);
        assert_eq!(messages[0][7..], [7; 133]);
    }

    // spec: Q14
    #[test]
    fn a_long_push_is_cut_into_numbered_short_messages() {
        let long: Vec<u8> = (0..=255).collect();
        let messages = short_messages(&long, 9).unwrap();
        assert_eq!(messages.len(), 2);
        let mut whole: Vec<u8> = Vec::new();
        for (number, message) in (1..).zip(&messages) {
            assert!(message.len() <= 140);
            assert_eq!(message[..7], [0x0b, 0x05, 0x04, 0x0b, 0x84, 0xc0, 0x02]);
            assert_eq!(message[7..12], [0x00, 0x03, 9, 2, number]);
            whole.extend(&message[12..]);
        }
        assert_eq!(whole, long);
        assert_eq!(short_messages(&vec![0; 128 * 255], 1).unwrap().len(), 255);
        assert_eq!(short_messages(&vec![0; 128 * 255 + 1], 1), None);
    }
}
