//! Notes: vNote 1.1 and plain text.

use super::{Target, encode};
use crate::decode::{Dialect, whole_text, with_line_feeds};
use crate::line::Lines;
use crate::media::Format;

/// Plain text keeps the body alone; every other property of a vNote is lost.
// spec: T40
pub(super) fn convert(content: &[u8], target: Target) -> (Vec<u8>, Vec<Vec<u8>>) {
    let mut out = Vec::new();
    let mut lost = Vec::new();
    if target.format == Format::VNote {
        out.extend_from_slice(b"BEGIN:VNOTE\r\nVERSION:1.1\r\n");
        let text = whole_text(content).replace("\\;", "\\\\;");
        let quoted = target.quoted_printable;
        encode::text(&mut out, "BODY", &text, Dialect::Old, quoted);
        out.extend_from_slice(b"END:VNOTE\r\n");
        return (out, lost);
    }
    let mut found = false;
    for line in Lines::new(content) {
        if line.is("BODY") && !found {
            found = true;
            let text = line.text(Dialect::Old);
            out = with_line_feeds(&text).replace('\n', "\r\n").into_bytes();
        } else if !line.is_malformed() && !["BEGIN", "END", "VERSION"].iter().any(|n| line.is(n)) {
            lost.push(line.source().to_vec());
        }
    }
    (out, lost)
}

#[cfg(test)]
mod tests {
    use super::*;

    // spec: T40
    #[test]
    fn a_note_goes_to_vnote_and_back() {
        let to = |format| Target {
            format,
            quoted_printable: true,
        };
        let text = "Grüße; a\\;b = 1\r\n  zweite Zeile".as_bytes();
        let (vnote, _) = convert(text, to(Format::VNote));
        assert!(vnote.is_ascii());
        assert_eq!(convert(&vnote, to(Format::Text)), (text.to_vec(), vec![]));
    }

    // spec: T40
    #[test]
    fn plain_text_loses_what_is_not_the_body() {
        let vnote = b"BEGIN:VNOTE\r\nVERSION:1.1\r\nBODY:x\r\nCLASS:PRIVATE\r\nEND:VNOTE\r\n";
        let target = Target {
            format: Format::Text,
            quoted_printable: true,
        };
        let expected = (b"x".to_vec(), vec![b"CLASS:PRIVATE\r\n".to_vec()]);
        assert_eq!(convert(vnote, target), expected);
    }
}
