//! The encodings of a property's value.
//!
//! A value reaches us folded, perhaps in a transfer encoding, in some character set, with escapes.
//! The functions here undo one layer each; [`crate::line::Line`] strings them together.

use std::borrow::Cow;

use encoding_rs::{Encoding, UTF_8, WINDOWS_1252};

/// The two families of content-line syntax.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Dialect {
    /// vCard 2.1, vCalendar 1.0, vNote 1.1 and vBookmark 1.0: a fold keeps its blank, and only `;`
    /// is escaped.
    Old,
    /// vCard 3.0 and 4.0, iCalendar 2.0: a fold is removed with its blank; `\\`, `\,`, `\;` and
    /// `\n` are escapes.
    New,
}

pub(crate) fn is_blank(byte: u8) -> bool {
    byte == b' ' || byte == b'\t'
}

/// The length of the line end at the start of `bytes`: CRLF, LF, CR or CR CR LF; 0 if none.
// spec: T03 T07
pub(crate) fn line_end(bytes: &[u8]) -> usize {
    match bytes {
        [b'\r', b'\r', b'\n', ..] => 3,
        [b'\r', b'\n', ..] => 2,
        [b'\r' | b'\n', ..] => 1,
        _ => 0,
    }
}

/// A text whose lines end in LF, whichever way they ended.
// spec: T07
pub(crate) fn with_line_feeds(text: &str) -> Cow<'_, str> {
    if !text.contains('\r') {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['\r', '\n']) {
        let (line, end) = rest.split_at(at);
        out.push_str(line);
        out.push('\n');
        rest = end.get(line_end(end.as_bytes())..).unwrap_or_default();
    }
    out.push_str(rest);
    Cow::Owned(out)
}

fn blank_run(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|b| is_blank(**b)).count()
}

fn hex_digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).map(|d| d as u8)
}

fn hex_pair(bytes: &[u8]) -> Option<u8> {
    match bytes {
        [b'=', high, low, ..] => Some(hex_digit(*high)? << 4 | hex_digit(*low)?),
        _ => None,
    }
}

/// The length of a soft line break at the start of `bytes`, which is `=`, blanks and a line end or
/// the end of the value.
fn soft_break(bytes: &[u8]) -> Option<usize> {
    if bytes.first() != Some(&b'=') {
        return None;
    }
    let blanks = 1 + blank_run(&bytes[1..]);
    let end = line_end(&bytes[blanks..]);
    (end > 0 || blanks == bytes.len()).then_some(blanks + end)
}

/// Removes folding from `raw` and appends the result to `out`.
///
/// vCard 2.1 puts the line end before a blank that is part of the value; the later formats insert
/// the blank with the line end.
// spec: T04
pub fn unfold(raw: &[u8], dialect: Dialect, out: &mut Vec<u8>) {
    let mut rest = raw;
    while let Some(at) = rest.iter().position(|b| matches!(b, b'\r' | b'\n')) {
        out.extend_from_slice(&rest[..at]);
        rest = &rest[at + line_end(&rest[at..])..];
        if dialect == Dialect::New && rest.first().is_some_and(|b| is_blank(*b)) {
            rest = &rest[1..];
        }
    }
    out.extend_from_slice(rest);
}

/// Decodes quoted-printable `raw` (RFC 2045, as vCard 2.1 uses it) and appends it to `out`.
///
/// Soft breaks and folds are removed, blanks before a line end dropped, a `=` without two
/// hexadecimal digits kept. With `keep_separators` an encoded `;` comes out as `\;`, so that it
/// can still be told from a `;` that separates the parts of a structured value.
// spec: T06 T07 T12
pub fn quoted_printable(raw: &[u8], dialect: Dialect, keep_separators: bool, out: &mut Vec<u8>) {
    let mut rest = raw;
    while let Some(&byte) = rest.first() {
        if let Some(decoded) = hex_pair(rest) {
            rest = &rest[3..];
            if decoded == b';' && keep_separators {
                out.push(b'\\');
            }
            out.push(decoded);
            // One newline with its halves swapped, as the Nokia N9 ends its lines.
            if decoded == b'\n'
                && hex_pair(rest) == Some(b'\r')
                && rest.len() > 3
                && soft_break(&rest[3..]).is_some()
            {
                rest = &rest[3..];
            }
        } else if let Some(length) = soft_break(rest) {
            rest = &rest[length..];
        } else if is_blank(byte) {
            let (run, after) = rest.split_at(blank_run(rest));
            if line_end(after) == 0 && !after.is_empty() {
                out.extend_from_slice(run);
            }
            rest = after;
        } else if matches!(byte, b'\r' | b'\n') {
            rest = &rest[line_end(rest)..];
            if dialect == Dialect::New && rest.first().is_some_and(|b| is_blank(*b)) {
                rest = &rest[1..];
            } else if dialect == Dialect::Old {
                let (run, after) = rest.split_at(blank_run(rest));
                out.extend_from_slice(run);
                rest = after;
            }
        } else {
            out.push(byte);
            rest = &rest[1..];
        }
    }
}

/// Decodes base64 `raw` and appends it to `out`, skipping whatever is not of its alphabet
/// (line ends, blanks, padding).
// spec: T08
pub fn base64(raw: &[u8], out: &mut Vec<u8>) {
    let mut bits = 0_u32;
    let mut held = 0;
    for &byte in raw {
        let six = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => continue,
        };
        bits = bits << 6 | u32::from(six);
        held += 6;
        if held >= 8 {
            held -= 8;
            out.push((bits >> held) as u8);
        }
    }
}

/// Turns `bytes` into text.
///
/// `label` is the value of the `CHARSET` parameter. It is believed if the bytes are valid in it;
/// otherwise, and without it, the bytes are UTF-8 if they can be, and Windows-1252 if not.
// spec: T10
pub fn charset<'b>(bytes: Cow<'b, [u8]>, label: Option<&[u8]>) -> Cow<'b, str> {
    let declared = label
        .filter(|l| !l.eq_ignore_ascii_case(b"us-ascii") && !l.eq_ignore_ascii_case(b"ascii"))
        .and_then(Encoding::for_label)
        .filter(|e| *e != UTF_8 && !(e.is_ascii_compatible() && bytes.is_ascii()));
    if let Some(text) =
        declared.and_then(|e| e.decode_without_bom_handling_and_without_replacement(&bytes))
    {
        return Cow::Owned(text.into_owned());
    }
    match bytes {
        Cow::Borrowed(bytes) => match str::from_utf8(bytes) {
            Ok(text) => Cow::Borrowed(text),
            Err(_) => WINDOWS_1252.decode_without_bom_handling(bytes).0,
        },
        Cow::Owned(bytes) => Cow::Owned(String::from_utf8(bytes).unwrap_or_else(|error| {
            let text = WINDOWS_1252.decode_without_bom_handling(error.as_bytes());
            text.0.into_owned()
        })),
    }
}

/// Turns a whole text, such as a plain note, into a string: a byte order mark decides (UTF-8,
/// UTF-16), and [`charset`] where there is none.
// spec: T10
pub fn whole_text(content: &[u8]) -> Cow<'_, str> {
    match Encoding::for_bom(content) {
        Some((encoding, length)) => {
            encoding
                .decode_without_bom_handling(content.get(length..).unwrap_or_default())
                .0
        }
        None => charset(Cow::Borrowed(content), None),
    }
}

/// Undoes the backslash escapes of a text value.
///
/// The old formats know `\;` only, and a path such as `C:\new` is plain text there.
// spec: T12
pub fn unescape(text: &str, dialect: Dialect) -> Cow<'_, str> {
    if !text.contains('\\') {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((plain, escaped)) = rest.split_once('\\') {
        out.push_str(plain);
        let decoded = match (escaped.chars().next(), dialect) {
            (Some('n' | 'N'), Dialect::New) => Some('\n'),
            (Some(next @ ('\\' | ';' | ',' | ':')), Dialect::New) => Some(next),
            (Some(';'), Dialect::Old) => Some(';'),
            _ => None,
        };
        out.push(decoded.unwrap_or('\\'));
        // what can be escaped is of one byte
        rest = escaped
            .get(usize::from(decoded.is_some())..)
            .unwrap_or_default();
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// The parts of a structured or list value, still escaped; see [`parts`].
#[derive(Debug, Clone)]
pub struct Parts<'t> {
    rest: Option<&'t str>,
    separator: char,
    dialect: Dialect,
}

/// Splits escaped text at each `separator` (`;` or `,`) that no backslash escapes.
///
/// An empty text has one empty part. Each part is to be given to [`unescape`].
pub fn parts(text: &str, separator: char, dialect: Dialect) -> Parts<'_> {
    Parts {
        rest: Some(text),
        separator,
        dialect,
    }
}

impl<'t> Iterator for Parts<'t> {
    type Item = &'t str;

    // spec: T12
    fn next(&mut self) -> Option<&'t str> {
        let text = self.rest?;
        let mut from = 0;
        while let Some(found) = text
            .get(from..)
            .and_then(|rest| rest.find(['\\', self.separator]))
        {
            let at = from + found;
            let (part, rest) = text.split_at(at);
            let mut chars = rest.chars();
            if chars.next() == Some(self.separator) {
                self.rest = Some(chars.as_str());
                return Some(part);
            }
            let escaped = chars.next();
            let escapes = self.dialect == Dialect::New || escaped == Some(self.separator);
            let length = escaped.filter(|_| escapes).map_or(0, char::len_utf8);
            from = at + 1 + length;
        }
        self.rest = None;
        Some(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn qp(raw: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        quoted_printable(raw, Dialect::Old, false, &mut out);
        out
    }

    // spec: T06
    #[test]
    fn quoted_printable_is_decoded_leniently() {
        assert_eq!(qp(b"M=C3=bcller"), "Müller".as_bytes());
        assert_eq!(qp(b"a=0D=0A=\r\nb"), b"a\r\nb");
        assert_eq!(qp(b"a = b =zz ="), b"a = b =zz ");
        assert_eq!(qp(b"trailing  \t"), b"trailing");
        assert_eq!(qp(b"soft=  \r\r\nbreak"), b"softbreak");
        assert_eq!(qp(b"one=0A=0D=\r\ntwo"), b"one\ntwo");
        assert_eq!(qp(b"one=0A=0Dtwo"), b"one\n\rtwo");
    }

    // spec: T06
    #[test]
    fn a_soft_break_may_cut_a_character() {
        assert_eq!(qp(b"Caf=C3=\r\n=A9"), "Café".as_bytes());
    }

    // spec: T12
    #[test]
    fn an_encoded_separator_stays_apart() {
        let mut out = Vec::new();
        quoted_printable(b"A=3BB;C", Dialect::Old, true, &mut out);
        assert_eq!(out, b"A\\;B;C");
    }

    // spec: T04
    #[test]
    fn the_blank_of_a_fold_belongs_to_the_old_value_only() {
        let mut old = Vec::new();
        unfold(b"one\r\n two\n\tthree", Dialect::Old, &mut old);
        assert_eq!(old, b"one two\tthree");
        let mut new = Vec::new();
        unfold(b"one\r\n two\n\tthree", Dialect::New, &mut new);
        assert_eq!(new, b"onetwothree");
        let mut two = Vec::new();
        unfold(b"a \r\n b", Dialect::Old, &mut two);
        assert_eq!(two, b"a  b");
    }

    // spec: T07
    #[test]
    fn every_end_of_a_line_is_one_line_feed() {
        assert_eq!(
            with_line_feeds("a\r\nb\nc\rd\r\r\n\r\ne\r"),
            "a\nb\nc\nd\n\ne\n"
        );
        assert_eq!(with_line_feeds("a\n"), "a\n");
    }

    // spec: T08
    #[test]
    fn base64_skips_line_ends_and_padding() {
        let mut out = Vec::new();
        base64(b"SGVs\r\n bG8=\r\n", &mut out);
        assert_eq!(out, b"Hello");
    }

    // spec: T10
    #[test]
    fn a_charset_is_believed_only_if_it_fits() {
        assert_eq!(
            charset(Cow::Borrowed(b"caf\xe9"), Some(b"ISO-8859-1")),
            "café"
        );
        assert_eq!(charset(Cow::Borrowed(b"caf\xe9"), Some(b"UTF-8")), "café");
        assert_eq!(charset(Cow::Borrowed(b"caf\xe9"), None), "café");
        assert_eq!(charset(Cow::Borrowed("café".as_bytes()), None), "café");
        assert_eq!(
            charset(Cow::Borrowed("café".as_bytes()), Some(b"US-ASCII")),
            "café"
        );
        assert_eq!(charset(Cow::Borrowed(b"\xc3\xa9!"), Some(b"GBK")), "茅!");
        assert_eq!(
            charset(Cow::Borrowed(b"\x83\x65\x83\x58"), Some(b"Shift_JIS")),
            "テス"
        );
        assert_eq!(charset(Cow::Borrowed(b"\xff"), Some(b"no-such")), "ÿ");
        assert_eq!(charset(Cow::Owned(b"\xff".to_vec()), None), "ÿ");
    }

    // spec: T10
    #[test]
    fn a_byte_order_mark_decides_a_whole_text() {
        assert_eq!(whole_text(b"\xff\xfeH\0i\0"), "Hi");
        assert_eq!(whole_text(b"\xfe\xff\0H\0i"), "Hi");
        assert_eq!(whole_text(b"\xef\xbb\xbfHi"), "Hi");
        assert_eq!(whole_text(b"Hi"), "Hi");
    }

    // spec: T12
    #[test]
    fn escapes_depend_on_the_dialect() {
        assert_eq!(
            unescape(r"a\, b\; c\\d\ne\Nf\x", Dialect::New),
            "a, b; c\\d\ne\nf\\x"
        );
        assert_eq!(
            unescape(r"C:\Temp\new\; \, \\", Dialect::Old),
            r"C:\Temp\new; \, \\"
        );
        assert_eq!(unescape(r"end\", Dialect::New), r"end\");
    }

    // spec: T12
    #[test]
    fn parts_are_split_at_bare_separators() {
        let old: Vec<_> = parts(r"Doe;John\;X;;", ';', Dialect::Old).collect();
        assert_eq!(old, ["Doe", r"John\;X", "", ""]);
        let new: Vec<_> = parts(r"a\\;b\;c", ';', Dialect::New).collect();
        assert_eq!(new, [r"a\\", r"b\;c"]);
        let path: Vec<_> = parts(r"C:\x;y", ';', Dialect::Old).collect();
        assert_eq!(path, [r"C:\x", "y"]);
        assert_eq!(parts("", ';', Dialect::New).collect::<Vec<_>>(), [""]);
    }
}
