//! Writing content lines: escapes, transfer encodings and folds of each dialect.

use memchr::memchr2;

use crate::decode::{Dialect, line_end};

const WIDTH: usize = 75;

const HEX: &[u8; 16] = b"0123456789ABCDEF";

/// Escapes text for a value of the new formats. Each end of a line is one newline.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    escape_into(&mut out, text);
    out
}

/// Appends text as [`escape`] writes it.
// spec: T07
pub(crate) fn escape_into(out: &mut String, text: &str) {
    let mut rest = text;
    let is_special = |byte| matches!(byte, b'\\' | b';' | b',' | b'\n' | b'\r');
    while let Some(at) = rest.bytes().position(is_special) {
        let (plain, special) = rest.split_at(at);
        out.push_str(plain);
        // what is special is of one byte
        let newline = line_end(special.as_bytes());
        out.push('\\');
        out.push_str(if newline > 0 {
            "n"
        } else {
            special.get(..1).unwrap_or_default()
        });
        rest = special.get(newline.max(1)..).unwrap_or_default();
    }
    out.push_str(rest);
}

/// Writes one line of text. `value` is escaped already. The old formats get quoted-printable
/// where the text has newlines, or characters outside of ASCII and `quoted` says so; they are
/// not folded otherwise, since old phones cannot unfold.
// spec: T13
pub(crate) fn text(out: &mut Vec<u8>, head: &str, value: &str, dialect: Dialect, quoted: bool) {
    if dialect == Dialect::New {
        fold(out, &[head, ":", value]);
        return;
    }
    out.extend_from_slice(head.as_bytes());
    let is_ascii = value.is_ascii();
    if !is_ascii {
        out.extend_from_slice(b";CHARSET=UTF-8");
    }
    let has_newline = memchr2(b'\n', b'\r', value.as_bytes()).is_some();
    if has_newline || (quoted && !is_ascii) {
        out.extend_from_slice(b";ENCODING=QUOTED-PRINTABLE:");
        quoted_printable(out, value);
    } else {
        out.push(b':');
        out.extend_from_slice(value.as_bytes());
    }
    out.extend_from_slice(b"\r\n");
}

/// Writes the pieces of a line, folded at 75 octets, between characters.
// spec: T14
fn fold(out: &mut Vec<u8>, pieces: &[&str]) {
    let mut width = 0;
    for piece in pieces {
        let mut rest = *piece;
        while width + rest.len() > WIDTH {
            let (line, after) = rest.split_at(rest.floor_char_boundary(WIDTH - width));
            out.extend_from_slice(line.as_bytes());
            out.extend_from_slice(b"\r\n ");
            width = 1;
            rest = after;
        }
        out.extend_from_slice(rest.as_bytes());
        width += rest.len();
    }
    out.extend_from_slice(b"\r\n");
}

/// A soft break never parts the octets of one character: phones decode line by line.
// spec: T14
fn quoted_printable(out: &mut Vec<u8>, value: &str) {
    let is_literal = |byte: &u8| matches!(byte, b'!'..=b'<' | b'>'..=b'~');
    let mut width = 0;
    let mut rest = value;
    // the octets of one character, three digits each
    let mut unit = Vec::with_capacity(12);
    while let Some(c) = rest.chars().next() {
        let room = WIDTH - 1 - width;
        let literals = rest.bytes().take(room).take_while(is_literal).count();
        let (plain, after) = rest.split_at(literals);
        out.extend_from_slice(plain.as_bytes());
        width += literals;
        rest = after;
        if literals > 0 {
            continue;
        }
        unit.clear();
        let mut length = c.len_utf8();
        match c {
            '\r' | '\n' => {
                length += usize::from(rest.starts_with("\r\n"));
                unit.extend_from_slice(b"=0D=0A");
            }
            '!'..='<' | '>'..='~' => unit.push(c as u8),
            _ => {
                for octet in c.encode_utf8(&mut [0; 4]).bytes() {
                    let digit = |half: u8| HEX[usize::from(half & 15)];
                    unit.extend_from_slice(&[b'=', digit(octet >> 4), digit(octet)]);
                }
            }
        }
        if width + unit.len() > WIDTH - 1 {
            out.extend_from_slice(b"=\r\n");
            width = 0;
        }
        width += unit.len();
        out.extend_from_slice(&unit);
        rest = rest.get(length..).unwrap_or_default();
    }
}

/// Writes a line of binary data as base64; in vCard 2.1 an empty line ends it.
// spec: T13
pub(crate) fn binary(out: &mut Vec<u8>, head: &str, data: &[u8], dialect: Dialect) {
    let encoded = base64(data);
    if dialect == Dialect::New {
        fold(out, &[head, ":", &encoded]);
        return;
    }
    out.extend_from_slice(head.as_bytes());
    out.push(b':');
    for chunk in encoded.as_bytes().chunks(72) {
        out.extend_from_slice(b"\r\n ");
        out.extend_from_slice(chunk);
    }
    out.extend_from_slice(b"\r\n\r\n");
}

/// Base64 in one line.
pub(crate) fn base64(data: &[u8]) -> String {
    let mut out = String::with_capacity(base64_length(data));
    base64_into(&mut out, data);
    out
}

/// Bytes of [`base64`].
pub(crate) fn base64_length(data: &[u8]) -> usize {
    data.len().div_ceil(3) * 4
}

/// Writes [`base64`] behind a text.
pub(crate) fn base64_into(out: &mut String, data: &[u8]) {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for chunk in data.chunks(3) {
        let octet = |at: usize| u32::from(chunk.get(at).copied().unwrap_or(0));
        let bits = octet(0) << 16 | octet(1) << 8 | octet(2);
        let digit = |shift: u32| char::from(DIGITS[(bits >> shift & 63) as usize]);
        out.push(digit(18));
        out.push(digit(12));
        out.push(if chunk.len() > 1 { digit(6) } else { '=' });
        out.push(if chunk.len() > 2 { digit(0) } else { '=' });
    }
}

/// Writes binary data as a `data:` URI.
pub(super) fn data_uri(out: &mut Vec<u8>, name: &str, media_type: &str, data: &[u8]) {
    let encoded = base64(data);
    fold(out, &[name, ":data:", media_type, ";base64,", &encoded]);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;
    use crate::line::Line;

    fn written(value: &str, dialect: Dialect, quoted: bool) -> String {
        let mut out = Vec::new();
        text(&mut out, "NOTE", value, dialect, quoted);
        String::from_utf8(out).unwrap()
    }

    // spec: T13
    #[test]
    fn one_text_in_three_dialects() {
        let note = "Müller; \"Café\"\n2nd";
        assert_eq!(
            written(note, Dialect::Old, true),
            "NOTE;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:M=C3=BCller;=20\"Caf=C3=A9\"=0D=0A2nd\r\n"
        );
        assert_eq!(
            written("Müller", Dialect::Old, false),
            "NOTE;CHARSET=UTF-8:Müller\r\n"
        );
        assert_eq!(
            written(&escape(note), Dialect::New, true),
            "NOTE:Müller\\; \"Café\"\\n2nd\r\n"
        );
    }

    // spec: T07
    #[test]
    fn every_newline_of_a_text_is_one() {
        assert_eq!(
            escape("a\r\nb\nc\rd\r\r\ne\n\nf\r"),
            "a\\nb\\nc\\nd\\ne\\n\\nf\\n"
        );
        assert_eq!(
            written("a\r\nb\nc\rd", Dialect::Old, false),
            "NOTE;ENCODING=QUOTED-PRINTABLE:a=0D=0Ab=0D=0Ac=0D=0Ad\r\n"
        );
    }

    // spec: T13
    #[test]
    fn old_lines_are_folded_only_where_their_encoding_says_how() {
        let long = "a, b: c ".repeat(40);
        assert_eq!(
            written(&long, Dialect::Old, true),
            format!("NOTE:{long}\r\n")
        );
        assert!(written(&(long + "\n"), Dialect::Old, true).contains("=\r\n"));
    }

    // spec: T13
    #[test]
    fn old_binary_data_ends_in_an_empty_line() {
        let mut out = Vec::new();
        binary(&mut out, "PHOTO;ENCODING=BASE64", &[0; 60], Dialect::Old);
        let (first, rest) = ("A".repeat(72), "A".repeat(8));
        let expected = format!("PHOTO;ENCODING=BASE64:\r\n {first}\r\n {rest}\r\n\r\n");
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    proptest! {
        /// Phones decode line by line.
        // spec: T14
        #[test]
        fn no_line_is_too_long_and_none_cuts_a_character(value in "[a-z ßあ𝄞;=\n]{0,200}") {
            let new = written(&escape(&value), Dialect::New, true);
            for line in new.split("\r\n") {
                prop_assert!(line.len() <= WIDTH, "{line}");
            }
            let line = Line::parse(new.as_bytes()).unwrap();
            prop_assert_eq!(line.text(Dialect::New), value.as_str());
            let old = written(&value, Dialect::Old, true);
            let (_, quoted) = old.split_once(':').unwrap();
            if old.contains("QUOTED-PRINTABLE") {
                for part in quoted.trim_end().split("=\r\n") {
                    prop_assert!(part.len() < WIDTH, "{part}");
                    let mut out = Vec::new();
                    crate::decode::quoted_printable(part.as_bytes(), Dialect::Old, false, &mut out);
                    prop_assert!(String::from_utf8(out).is_ok(), "{part}");
                }
            }
            let line = Line::parse(old.as_bytes()).unwrap();
            let decoded = line.bytes(Dialect::Old);
            prop_assert_eq!(String::from_utf8_lossy(&decoded), value.replace('\n', "\r\n"));
        }
    }
}
