//! Writing content lines: escapes, transfer encodings and folds of each dialect.

use crate::decode::Dialect;

const WIDTH: usize = 75;

/// Escapes text for a value of the new formats.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' | ';' | ',' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\r' => {}
            _ => out.push(c),
        }
    }
    out
}

/// Writes one line of text. `value` is escaped already. The old formats get quoted-printable
/// where the text has newlines, or characters outside of ASCII and `quoted` says so; they are
/// not folded otherwise, since old phones cannot unfold.
pub(crate) fn text(out: &mut Vec<u8>, head: &str, value: &str, dialect: Dialect, quoted: bool) {
    if dialect == Dialect::New {
        fold(out, &format!("{head}:{value}"));
        return;
    }
    out.extend_from_slice(head.as_bytes());
    if !value.is_ascii() {
        out.extend_from_slice(b";CHARSET=UTF-8");
    }
    if value.contains(['\n', '\r']) || (quoted && !value.is_ascii()) {
        out.extend_from_slice(b";ENCODING=QUOTED-PRINTABLE:");
        quoted_printable(out, value);
    } else {
        out.push(b':');
        out.extend_from_slice(value.as_bytes());
    }
    out.extend_from_slice(b"\r\n");
}

/// Folds at 75 octets, between characters.
fn fold(out: &mut Vec<u8>, line: &str) {
    let mut width = 0;
    for c in line.chars() {
        if width + c.len_utf8() > WIDTH {
            out.extend_from_slice(b"\r\n ");
            width = 1;
        }
        out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
        width += c.len_utf8();
    }
    out.extend_from_slice(b"\r\n");
}

/// A soft break never parts the octets of one character: phones decode line by line.
fn quoted_printable(out: &mut Vec<u8>, value: &str) {
    let mut width = 0;
    let value = value.replace("\r\n", "\n");
    for c in value.chars() {
        let unit = match c {
            '\n' | '\r' => "=0D=0A".to_owned(),
            '!'..='<' | '>'..='~' => c.to_string(),
            ' ' => "=20".to_owned(),
            _ => {
                let mut buffer = [0; 4];
                let octets = c.encode_utf8(&mut buffer).bytes();
                octets.fold(String::new(), |unit, b| format!("{unit}={b:02X}"))
            }
        };
        if width + unit.len() > WIDTH - 1 {
            out.extend_from_slice(b"=\r\n");
            width = 0;
        }
        width += unit.len();
        out.extend_from_slice(unit.as_bytes());
    }
}

/// Writes a line of binary data as base64; in vCard 2.1 an empty line ends it.
pub(super) fn binary(out: &mut Vec<u8>, head: &str, data: &[u8], dialect: Dialect) {
    let encoded = base64(data);
    if dialect == Dialect::New {
        fold(out, &format!("{head}:{encoded}"));
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

fn base64(data: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(data.len().div_ceil(3) * 4);
    for chunk in data.chunks(3) {
        let bits = (0..3).fold(0_u32, |bits, i| {
            bits << 8 | u32::from(chunk.get(i).copied().unwrap_or(0))
        });
        for i in 0..4_usize {
            let digit = (bits >> (18 - 6 * i)) & 63;
            out.push(if i <= chunk.len() {
                char::from(DIGITS[digit as usize])
            } else {
                '='
            });
        }
    }
    out
}

/// Writes binary data as a `data:` URI.
pub(super) fn data_uri(out: &mut Vec<u8>, name: &str, media_type: &str, data: &[u8]) {
    fold(
        out,
        &format!("{name}:data:{media_type};base64,{}", base64(data)),
    );
}
