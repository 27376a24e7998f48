//! Content lines: the layer under vCard, vCalendar, iCalendar, vNote and vBookmark.
//!
//! [`Lines`] cuts bytes into logical lines. A logical line may be several physical ones: folded,
//! continued by quoted-printable soft breaks, or a base64 block up to the empty line that vCard
//! 2.1 ends it with. Where a line ends does not depend on the version, so one reader serves all of
//! them; only the meaning of a fold does, and that is asked for with a [`Dialect`].
//!
//! Every byte of the input belongs to exactly one line, malformed and empty lines included: the
//! [`Line::source`] slices of all lines, put together, are the input.

use std::borrow::Cow;

use memchr::memchr2;

use crate::decode::{self, Dialect, is_blank, line_end};

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The transfer encoding that a line's parameters declare.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// None, or one that changes nothing (7BIT, 8BIT).
    Plain,
    /// `QUOTED-PRINTABLE`, bare or as the value of `ENCODING`.
    QuotedPrintable,
    /// `BASE64` or `B`, bare or as the value of `ENCODING`.
    Base64,
}

impl Encoding {
    /// The encoding that a parameter's value names, if it names one.
    // spec: T09
    pub(crate) fn named(value: &[u8]) -> Option<Self> {
        let is = |name: &[u8]| value.eq_ignore_ascii_case(name);
        if is(b"QUOTED-PRINTABLE") || is(b"QP") || is(b"Q") {
            Some(Self::QuotedPrintable)
        } else if is(b"BASE64") || is(b"B") {
            Some(Self::Base64)
        } else if is(b"8BIT") || is(b"7BIT") {
            Some(Self::Plain)
        } else {
            None
        }
    }
}

/// One parameter of a line, as written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Param<'l> {
    /// The name as spelled; empty for the bare values of vCard 2.1 (`TEL;CELL`).
    pub name: &'l [u8],
    /// The value as spelled, quotes included.
    pub value: &'l [u8],
}

impl<'l> Param<'l> {
    /// Whether the parameter has this name, in any case.
    pub fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name.as_bytes())
    }

    /// The whole value without the quotes around it.
    pub fn unquoted(&self) -> &'l [u8] {
        unquote(self.value)
    }

    /// The values of a comma list, each without its quotes. A comma inside quotes separates
    /// nothing.
    pub fn values(&self) -> impl Iterator<Item = &'l [u8]> + use<'l> {
        let mut quoted = false;
        self.value
            .split(move |b| {
                quoted ^= *b == b'"';
                *b == b',' && !quoted
            })
            .map(unquote)
    }
}

fn unquote(value: &[u8]) -> &[u8] {
    let value = value.trim_ascii();
    match value {
        [b'"', inner @ .., b'"'] => inner,
        [b'"', inner @ ..] => inner,
        _ => value,
    }
}

/// The parameters of a line, in order; see [`Line::params`].
#[derive(Debug, Clone)]
pub struct Params<'l> {
    rest: &'l [u8],
}

impl<'l> Iterator for Params<'l> {
    type Item = Param<'l>;

    // spec: T11
    fn next(&mut self) -> Option<Param<'l>> {
        while !self.rest.is_empty() {
            let mut quoted = false;
            let end = self.rest.iter().position(|b| {
                quoted ^= *b == b'"';
                *b == b';' && !quoted
            });
            let (param, rest) = match end {
                Some(end) => (&self.rest[..end], &self.rest[end + 1..]),
                None => (self.rest, &[][..]),
            };
            self.rest = rest;
            let param = param.trim_ascii();
            if param.is_empty() {
                continue;
            }
            return Some(match param.iter().position(|b| *b == b'=') {
                Some(at) => Param {
                    name: param[..at].trim_ascii_end(),
                    value: &param[at + 1..],
                },
                None => Param {
                    name: &[],
                    value: param,
                },
            });
        }
        None
    }
}

/// One logical content line.
#[derive(Debug, Clone)]
pub struct Line<'a> {
    source: &'a [u8],
    offset: usize,
    /// What stands before the colon, unfolded.
    head: Cow<'a, [u8]>,
    name_start: usize,
    name_end: usize,
    /// Where the value starts in the source.
    value_start: usize,
    value: &'a [u8],
    folded: bool,
    encoding: Encoding,
}

impl<'a> Line<'a> {
    /// The first logical line of `source`.
    pub fn parse(source: &'a [u8]) -> Option<Self> {
        Lines::new(source).next()
    }

    /// The exact bytes of the line, its folds and line end included, and for a base64 value the
    /// empty line that ends it.
    pub fn source(&self) -> &'a [u8] {
        self.source
    }

    /// Where the line starts, in bytes from the start of the content.
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// The property group (`item1` of `item1.TEL`), if there is one.
    pub fn group(&self) -> Option<&[u8]> {
        self.name_start.checked_sub(1).map(|dot| &self.head[..dot])
    }

    /// The property's name as spelled; empty if the line has none (an empty line, or one without
    /// a colon).
    pub fn name(&self) -> &[u8] {
        &self.head[self.name_start..self.name_end]
    }

    /// Whether the property has this name, in any case.
    pub fn is(&self, name: &str) -> bool {
        self.name().eq_ignore_ascii_case(name.as_bytes())
    }

    /// Whether the line is no property: empty, or without a name and a colon.
    pub fn is_malformed(&self) -> bool {
        self.name_start == self.name_end
    }

    /// The parameters, without the empty ones.
    pub fn params(&self) -> Params<'_> {
        Params {
            rest: &self.head[self.name_end..],
        }
    }

    /// The first parameter of this name.
    pub fn param(&self, name: &str) -> Option<Param<'_>> {
        self.params().find(|p| p.is(name))
    }

    /// The types of the property: the values of `TYPE` and the bare parameters of vCard 2.1, in
    /// order, whichever way they are spelled. Bare encodings are not types.
    // spec: T09
    pub fn types(&self) -> impl Iterator<Item = &[u8]> {
        self.params()
            .filter(|p| p.is("TYPE") || (p.name.is_empty() && Encoding::named(p.value).is_none()))
            .flat_map(|p| p.values())
            .flat_map(|v| v.split(|b| *b == b','))
            .map(<[u8]>::trim_ascii)
            .filter(|v| !v.is_empty())
    }

    /// The declared transfer encoding.
    pub fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// The declared character set.
    pub fn charset(&self) -> Option<&[u8]> {
        self.params()
            .find(|p| p.is("CHARSET"))
            .map(|p| p.unquoted())
    }

    /// The value as it stands in the source: still folded and encoded, without the line end. For a
    /// malformed line, the whole of it.
    pub fn raw_value(&self) -> &'a [u8] {
        self.value
    }

    /// Everything from the value on, the line end included, and for a base64 value the empty line
    /// that ends it.
    pub(crate) fn source_of_value(&self) -> &'a [u8] {
        self.source.get(self.value_start..).unwrap_or_default()
    }

    /// Whether nothing but blanks and line ends stands after the colon.
    pub fn is_empty(&self) -> bool {
        self.value.trim_ascii().is_empty()
    }

    /// Whether the value breaks off in a quoted-printable soft break, so that a line put behind it
    /// would be read as its continuation.
    pub(crate) fn is_dangling(&self) -> bool {
        self.encoding == Encoding::QuotedPrintable && self.value.trim_ascii_end().ends_with(b"=")
    }

    /// The value unfolded and freed from its transfer encoding.
    pub fn bytes(&self, dialect: Dialect) -> Cow<'a, [u8]> {
        let mut out = Vec::new();
        if self.decode_into(dialect, false, &mut out) {
            Cow::Owned(out)
        } else {
            Cow::Borrowed(self.value)
        }
    }

    /// The value as text with its escapes still in it, for [`decode::parts`]. A separator that was
    /// hidden in quoted-printable (`=3B`) is escaped.
    pub fn escaped_text(&self, dialect: Dialect) -> Cow<'a, str> {
        let mut out = Vec::new();
        let bytes = if self.decode_into(dialect, true, &mut out) {
            Cow::Owned(out)
        } else {
            Cow::Borrowed(self.value)
        };
        decode::charset(bytes, self.charset())
    }

    /// The value as text, all layers undone.
    pub fn text(&self, dialect: Dialect) -> Cow<'a, str> {
        match decode::charset(self.bytes(dialect), self.charset()) {
            Cow::Borrowed(text) => decode::unescape(text, dialect),
            Cow::Owned(text) if text.contains('\\') => {
                Cow::Owned(decode::unescape(&text, dialect).into_owned())
            }
            owned @ Cow::Owned(_) => owned,
        }
    }

    /// Decodes the value into `out` and says so, or says that [`Self::raw_value`] is the decoded
    /// value already.
    pub(crate) fn decode_into(
        &self,
        dialect: Dialect,
        keep_separators: bool,
        out: &mut Vec<u8>,
    ) -> bool {
        match self.encoding {
            Encoding::Plain if !self.folded => return false,
            Encoding::Plain => decode::unfold(self.value, dialect, out),
            Encoding::QuotedPrintable => {
                decode::quoted_printable(self.value, dialect, keep_separators, out);
            }
            Encoding::Base64 => decode::base64(self.value, out),
        }
        true
    }
}

/// A line whose value breaks off in a soft break, without that and without its line end.
pub(crate) fn without_soft_break(source: &[u8]) -> &[u8] {
    let mut source = source.trim_ascii_end();
    while let Some(before) = source.strip_suffix(b"=") {
        source = before.trim_ascii_end();
    }
    source
}

/// A physical line: where its text ends and where the next one starts.
#[derive(Clone, Copy)]
struct Physical {
    end: usize,
    next: usize,
}

impl Physical {
    // spec: T03
    fn at(content: &[u8], from: usize) -> Self {
        let length = memchr2(b'\r', b'\n', &content[from..]);
        let end = length.map_or(content.len(), |l| from + l);
        Self {
            end,
            next: end + line_end(&content[end..]),
        }
    }

    /// Whether another physical line follows that starts with a blank.
    fn is_folded(self, content: &[u8]) -> bool {
        self.next > self.end && content.get(self.next).is_some_and(|b| is_blank(*b))
    }
}

/// What the search for the end of a head found.
struct Head {
    start: usize,
    colon: Option<usize>,
    /// The physical line the colon is in, or the last one of the logical line.
    line: Physical,
    folded: bool,
}

/// Iterates over the logical lines of some bytes; nothing is skipped.
// spec: T18
#[derive(Debug, Clone)]
pub struct Lines<'a> {
    content: &'a [u8],
    position: usize,
}

impl<'a> Lines<'a> {
    /// Starts at the beginning of `content`. A UTF-8 byte order mark there is part of the first
    /// line's source, but not of its name.
    pub fn new(content: &'a [u8]) -> Self {
        Self {
            content,
            position: 0,
        }
    }

    // spec: T10 T11
    fn find_head(&self) -> Head {
        let content = self.content;
        let mut start = self.position;
        if start == 0 && content.starts_with(BYTE_ORDER_MARK) {
            start = BYTE_ORDER_MARK.len();
        }
        let mut line = Physical::at(content, start);
        while start < line.end && is_blank(content[start]) {
            start += 1;
        }
        // A quote that is never closed is no quote: then the first colon counts after all.
        let mut fallback: Option<(usize, Physical, bool)> = None;
        let mut quoted = false;
        let mut folded = false;
        let mut from = start;
        loop {
            for (at, byte) in content[from..line.end].iter().enumerate() {
                match byte {
                    b':' if !quoted => {
                        return Head {
                            start,
                            colon: Some(from + at),
                            line,
                            folded,
                        };
                    }
                    b':' if fallback.is_none() => fallback = Some((from + at, line, folded)),
                    b'"' => quoted = !quoted,
                    _ => {}
                }
            }
            if start == line.end || !line.is_folded(content) {
                break;
            }
            from = line.next + 1;
            line = Physical::at(content, line.next);
            folded = true;
        }
        match fallback {
            Some((colon, line, folded)) => Head {
                start,
                colon: Some(colon),
                line,
                folded,
            },
            None => Head {
                start,
                colon: None,
                line,
                folded,
            },
        }
    }

    /// Follows a plain value over its folds.
    fn extend_plain(&self, mut line: Physical) -> Physical {
        while line.is_folded(self.content) {
            line = Physical::at(self.content, line.next);
        }
        line
    }

    /// Follows a quoted-printable value, which starts at `from`, over soft breaks and folds.
    // spec: T05
    fn extend_quoted_printable(&self, mut from: usize, mut line: Physical) -> Physical {
        let content = self.content;
        loop {
            let soft = content[from..line.end].trim_ascii_end().ends_with(b"=");
            let continues = line.next > line.end
                && line.next < content.len()
                && soft
                && !is_boundary(&content[line.next..]);
            if !continues && !line.is_folded(content) {
                return line;
            }
            from = line.next;
            line = Physical::at(content, from);
        }
    }

    /// Follows a base64 value to the empty line or to what must be a property. Answers the last
    /// line of the value and the position behind the empty line.
    // spec: T08
    fn extend_base64(&self, mut line: Physical) -> (Physical, usize) {
        let content = self.content;
        while line.next > line.end && line.next < content.len() {
            let following = Physical::at(content, line.next);
            let text = &content[line.next..following.end];
            if text.trim_ascii().is_empty() {
                return (line, following.next);
            }
            if !is_blank(text[0]) && text.iter().any(|b| matches!(b, b':' | b';')) {
                break;
            }
            line = following;
        }
        (line, line.next)
    }
}

/// Whether `rest` starts with the end or the start of a component, which not even a soft break
/// makes a part of a value.
fn is_boundary(rest: &[u8]) -> bool {
    let starts = |with: &[u8]| {
        rest.get(..with.len())
            .is_some_and(|r| r.eq_ignore_ascii_case(with))
    };
    starts(b"END:V") || starts(b"BEGIN:V")
}

// spec: T09
fn declared_encoding(params: Params<'_>) -> Encoding {
    params
        .filter(|p| p.name.is_empty() || p.is("ENCODING"))
        .find_map(|p| Encoding::named(p.unquoted()))
        .unwrap_or(Encoding::Plain)
}

impl<'a> Iterator for Lines<'a> {
    type Item = Line<'a>;

    // spec: T11
    fn next(&mut self) -> Option<Line<'a>> {
        let content = self.content;
        let offset = self.position;
        if offset >= content.len() {
            return None;
        }
        let found = self.find_head();
        let Some(colon) = found.colon else {
            self.position = found.line.next;
            return Some(Line {
                source: &content[offset..self.position],
                offset,
                head: Cow::Borrowed(&[]),
                name_start: 0,
                name_end: 0,
                value_start: found.start - offset,
                value: &content[found.start..found.line.end],
                folded: found.folded,
                encoding: Encoding::Plain,
            });
        };
        let raw_head = &content[found.start..colon];
        let head = if found.folded {
            let mut unfolded = Vec::with_capacity(raw_head.len());
            decode::unfold(raw_head, Dialect::New, &mut unfolded);
            Cow::Owned(unfolded)
        } else {
            Cow::Borrowed(raw_head)
        };
        let semicolon = head.iter().position(|b| *b == b';');
        let name_end = semicolon.unwrap_or(head.len());
        let name_start = head[..name_end]
            .iter()
            .rposition(|b| *b == b'.')
            .map_or(0, |dot| dot + 1);
        let encoding = match semicolon {
            Some(at) => declared_encoding(Params { rest: &head[at..] }),
            None => Encoding::Plain,
        };
        let (last, next) = match encoding {
            Encoding::Plain => {
                let last = self.extend_plain(found.line);
                (last, last.next)
            }
            Encoding::QuotedPrintable => {
                let last = self.extend_quoted_printable(colon + 1, found.line);
                (last, last.next)
            }
            Encoding::Base64 => self.extend_base64(found.line),
        };
        self.position = next;
        Some(Line {
            source: &content[offset..next],
            offset,
            name_start,
            name_end,
            head,
            value_start: colon + 1 - offset,
            value: &content[colon + 1..last.end],
            folded: last.end > found.line.end,
            encoding,
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use proptest::prelude::*;

    fn lines(content: &[u8]) -> Vec<Line<'_>> {
        let lines: Vec<_> = Lines::new(content).collect();
        let joined: Vec<u8> = lines.iter().flat_map(Line::source).copied().collect();
        assert_eq!(joined, content);
        lines
    }

    fn names(content: &[u8]) -> Vec<String> {
        lines(content)
            .iter()
            .map(|l| String::from_utf8_lossy(l.name()).into_owned())
            .collect()
    }

    fn types(line: &Line<'_>) -> Vec<String> {
        line.types()
            .map(|t| String::from_utf8_lossy(t).to_ascii_lowercase())
            .collect()
    }

    // spec: T11
    #[test]
    fn a_line_has_group_name_parameters_and_value() {
        let all = lines(b"item1.Tel;TYPE=HOME,cell;X-A=\"b:c;d\":+1 2:3\r\n");
        let line = &all[0];
        assert_eq!(line.group(), Some(&b"item1"[..]));
        assert_eq!(line.name(), b"Tel");
        assert!(line.is("TEL"));
        assert_eq!(types(line), ["home", "cell"]);
        assert_eq!(line.param("x-a").unwrap().unquoted(), b"b:c;d");
        assert_eq!(line.raw_value(), b"+1 2:3");
        assert_eq!(line.text(Dialect::New), "+1 2:3");
    }

    // spec: T09
    #[test]
    fn types_are_the_same_in_every_spelling() {
        for spelling in [
            "TEL;CELL;PREF:1",
            "TEL;TYPE=cell,pref:1",
            "TEL;TYPE=\"cell,pref\":1",
            "TEL;TYPE=CELL;TYPE=PREF:1",
            "tel;;type=\"cell\",pref;:1",
            "TEL;CELL;QUOTED-PRINTABLE;PREF:1",
        ] {
            assert_eq!(
                types(&lines(spelling.as_bytes())[0]),
                ["cell", "pref"],
                "{spelling}"
            );
        }
    }

    // spec: T09
    #[test]
    fn an_encoding_is_named_in_every_way() {
        let value = |encoding: &str| {
            let text = format!("NOTE;{encoding}:SGk=\r\nFN:x");
            lines(text.as_bytes())[0].bytes(Dialect::Old).into_owned()
        };
        for base64 in [
            "BASE64",
            "B",
            "b",
            "ENCODING=BASE64",
            "encoding=b",
            "ENCODING=\"b\"",
        ] {
            assert_eq!(value(base64), b"Hi", "{base64}");
        }
        for plain in [
            "ENCODING=8BIT",
            "ENCODING=7bit",
            "8BIT",
            "X-B",
            "ENCODING=none",
        ] {
            assert_eq!(value(plain), b"SGk=", "{plain}");
        }
        for quoted in [
            "QUOTED-PRINTABLE",
            "ENCODING=QUOTED-PRINTABLE",
            "ENCODING=QP",
            "Encoding=q",
        ] {
            let text = format!("NOTE;{quoted}:a=3Db=\r\nc\r\nFN:x");
            assert_eq!(
                &*lines(text.as_bytes())[0].bytes(Dialect::Old),
                b"a=bc",
                "{quoted}"
            );
        }
    }

    // spec: T03
    #[test]
    fn every_line_end_ends_one_line() {
        assert_eq!(
            names(b"A:1\rB:2\nC:3\r\nD:4\r\r\nE:5"),
            ["A", "B", "C", "D", "E"]
        );
        assert_eq!(names(b"A:1\r\r\n\r\nB:2"), ["A", "", "B"]);
    }

    // spec: T04
    #[test]
    fn folds_are_followed_in_head_and_value() {
        let all = lines(b"NOTE;LANGUAGE=\r\n en:one\r\n two\r\n\tthree\r\nFN:x");
        assert_eq!(all.len(), 2);
        assert_eq!(all[0].param("LANGUAGE").unwrap().value, b"en");
        assert_eq!(all[0].bytes(Dialect::New), &b"onetwothree"[..]);
        assert_eq!(all[0].bytes(Dialect::Old), &b"one two\tthree"[..]);
    }

    // spec: T05
    #[test]
    fn soft_breaks_continue_quoted_printable_only() {
        let all =
            lines(b"NOTE;ENCODING=QUOTED-PRINTABLE:a=\r\nb=\r\n c\r\nURL:http://x/?a=\r\nFN:y");
        assert_eq!(all[0].text(Dialect::Old), "ab c");
        assert_eq!(all[1].text(Dialect::Old), "http://x/?a=");
        assert_eq!(all[2].text(Dialect::Old), "y");
    }

    // spec: T05
    #[test]
    fn a_soft_break_does_not_swallow_the_end() {
        assert_eq!(
            names(b"NOTE;QUOTED-PRINTABLE:a=0D=0A=\r\nEND:VCARD\r\n"),
            ["NOTE", "END"]
        );
    }

    // spec: T08
    #[test]
    fn base64_runs_to_the_empty_line() {
        let all = lines(b"PHOTO;JPEG;BASE64:\r\n SGVs\r\n bG8=\r\n\r\nFN:x\r\n");
        assert_eq!(all.len(), 2);
        assert_eq!(all[0].bytes(Dialect::Old), &b"Hello"[..]);
        assert!(all[0].source().ends_with(b"\r\n\r\n"));
    }

    // spec: T08
    #[test]
    fn base64_needs_neither_indent_nor_empty_line() {
        let all = lines(b"PHOTO;ENCODING=BASE64:\nSGVs\nbG8=\nEND:VCARD\n");
        assert_eq!(all.len(), 2);
        assert_eq!(all[0].bytes(Dialect::Old), &b"Hello"[..]);
        let folded = lines(b"PHOTO;ENCODING=b:SGV\r\n sbG8=\r\nFN:x");
        assert_eq!(folded[0].bytes(Dialect::New), &b"Hello"[..]);
        assert_eq!(folded.len(), 2);
    }

    // spec: T11
    #[test]
    fn malformed_lines_are_kept() {
        let all = lines(b"no colon here\r\n\r\n:nameless\r\nTEL;X=\"open:5\r\n");
        assert!(all[0].is_malformed() && all[1].is_malformed() && all[2].is_malformed());
        assert_eq!(all[0].raw_value(), b"no colon here");
        assert_eq!(all[2].raw_value(), b"nameless");
        assert!(all[3].is("TEL"));
        assert_eq!(all[3].raw_value(), b"5");
    }

    // spec: T10
    #[test]
    fn a_byte_order_mark_is_no_part_of_a_name() {
        assert_eq!(names(b"\xef\xbb\xbfBEGIN:VCARD\n"), ["BEGIN"]);
    }

    // spec: T12
    #[test]
    fn hidden_separators_and_charsets_are_decoded() {
        let all = lines(b"ORG;CHARSET=ISO-8859-1;ENCODING=QUOTED-PRINTABLE:Caf=E9=3B Co;Bar\r\n");
        let text = all[0].escaped_text(Dialect::Old);
        let parts: Vec<_> = decode::parts(&text, ';', Dialect::Old)
            .map(|p| decode::unescape(p, Dialect::Old))
            .collect();
        assert_eq!(parts, ["Café; Co", "Bar"]);
        assert_eq!(all[0].text(Dialect::Old), "Café; Co;Bar");
    }

    #[test]
    fn one_text_in_three_dialects() {
        let old = b"NOTE;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:M=C3=BCller; \"Caf=C3=A9\"=0D=0A=\r\n2nd";
        let short = b"NOTE;CHARSET=UTF-8;QUOTED-PRINTABLE:M=C3=BCller; \"Caf=C3=A9\"=0D=0A2nd";
        let new = "NOTE:Müller\\; \"Café\"\\n2nd".as_bytes();
        assert_eq!(lines(old)[0].text(Dialect::Old), "Müller; \"Café\"\r\n2nd");
        assert_eq!(
            lines(short)[0].text(Dialect::Old),
            "Müller; \"Café\"\r\n2nd"
        );
        assert_eq!(lines(new)[0].text(Dialect::New), "Müller; \"Café\"\n2nd");
    }

    /// Bytes in which the characters that mean something are frequent.
    fn fragments() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            Just(&b"\r\n"[..]),
            Just(&b"\n"[..]),
            Just(&b"\r"[..]),
            Just(&b" "[..]),
            Just(&b":"[..]),
            Just(&b";"[..]),
            Just(&b"="[..]),
            Just(&b"\""[..]),
            Just(&b"."[..]),
            Just(&b","[..]),
            Just(&b"NOTE;QUOTED-PRINTABLE:"[..]),
            Just(&b"PHOTO;BASE64:"[..]),
            Just(&b"END:VCARD"[..]),
            Just(&b"BEGIN:VCARD"[..]),
            Just(&b"=C3"[..]),
            Just(&b"\xff\xfe"[..]),
            Just(&b"\xef\xbb\xbf"[..]),
            Just(&b"abc"[..]),
            Just(&b"AGENT:"[..]),
        ];
        prop::collection::vec(piece, 0..60).prop_map(|p| p.concat())
    }

    proptest! {
        #[test]
        fn sources_make_up_the_input(content in prop_oneof![
            fragments(), prop::collection::vec(any::<u8>(), 0..300)
        ]) {
            for line in lines(&content) {
                prop_assert_eq!(&content[line.offset()..][..line.source().len()], line.source());
                for dialect in [Dialect::Old, Dialect::New] {
                    let _ = (line.text(dialect), line.escaped_text(dialect));
                }
                let _ = (line.group(), line.name(), line.types().count(), line.charset());
            }
        }
    }
}
