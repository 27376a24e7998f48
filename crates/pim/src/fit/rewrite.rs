//! Reading a line's value at the length that a device counts, and writing the line anew.

use std::borrow::Cow;

use super::slot::{Allowed, Slot, is_encoding, is_type};
use crate::convert::encode;
use crate::decode::{self, Dialect, with_line_feeds};
use crate::fields::is_one_of;
use crate::line::{Encoding, Line, Param};

/// Values with separators in them.
const STRUCTURED: [&str; 5] = ["N", "ADR", "ORG", "CATEGORIES", "RESOURCES"];

pub(super) fn is_preferred(line: &Line<'_>) -> bool {
    line.types().any(|word| word.eq_ignore_ascii_case(b"PREF")) || line.param("PREF").is_some()
}

/// The types in a parameter, which quotes may hold together.
pub(super) fn words<'l>(param: &Param<'l>) -> impl Iterator<Item = &'l [u8]> + use<'l> {
    let values = param.values().flat_map(|value| value.split(|b| *b == b','));
    values
        .map(<[u8]>::trim_ascii)
        .filter(|word| !word.is_empty())
}

/// Octets of binary data; None if the value is text.
pub(super) fn data_length(line: &Line<'_>, dialect: Dialect) -> Option<u64> {
    let digits = |data: &[u8]| {
        let is_digit = |b: &&u8| b.is_ascii_alphanumeric() || b"+/-_".contains(b);
        data.iter().filter(is_digit).count() as u64 * 3 / 4
    };
    if line.encoding() == Encoding::Base64 {
        return Some(digits(line.raw_value()));
    }
    if !line.raw_value().starts_with(b"data:") {
        return None;
    }
    let uri = line.text(dialect);
    let (_, data) = uri.split_once(";base64,")?;
    Some(digits(data.as_bytes()))
}

/// The decoded value, its escapes still in it, its line ends as the format writes them.
pub(super) fn text_of<'a>(line: &Line<'a>, dialect: Dialect) -> Cow<'a, str> {
    let text = if dialect == Dialect::New || is_one_of(line, &STRUCTURED) {
        line.escaped_text(dialect)
    } else {
        decode::charset(line.bytes(dialect), line.charset())
    };
    if dialect == Dialect::New || !text.contains(['\r', '\n']) {
        return text;
    }
    Cow::Owned(with_line_feeds(&text).replace('\n', "\r\n"))
}

/// A line with a new value, escapes in it.
pub(super) fn written(
    line: &Line<'_>,
    slot: &Slot,
    types: &Allowed<'_>,
    value: &str,
    dialect: Dialect,
) -> Vec<u8> {
    let head = head(line, slot, types, false);
    let head = decode::charset(Cow::Owned(head), None);
    let quoted = line.encoding() == Encoding::QuotedPrintable;
    let mut out = Vec::new();
    // half a line end would be written as a whole one
    let value = value.strip_suffix('\r').unwrap_or(value);
    match dialect {
        Dialect::New => {
            let value = with_line_feeds(value).replace('\n', "\\n");
            encode::text(&mut out, &head, &value, dialect, quoted);
        }
        Dialect::Old => encode::text(&mut out, &head, value, dialect, quoted),
    }
    out
}

/// What stands before the colon, without what may not be there.
pub(super) fn head(
    line: &Line<'_>,
    slot: &Slot,
    types: &Allowed<'_>,
    with_encoding: bool,
) -> Vec<u8> {
    let mut out = Vec::new();
    if let Some(group) = line.group() {
        out.extend_from_slice(group);
        out.push(b'.');
    }
    out.extend_from_slice(line.name());
    for param in line.params() {
        // an open quote would find its end in the new value
        let is_open = param.value.split(|b| *b == b'"').count() % 2 == 0;
        let goes = (is_open && !with_encoding) || !slot.may_have(&param, types);
        if goes || (is_encoding(&param) && !with_encoding) {
            continue;
        }
        let mut value = Cow::Borrowed(param.value);
        if is_type(&param) && !words(&param).all(|word| types.has(word)) {
            let kept: Vec<&[u8]> = words(&param).filter(|word| types.has(word)).collect();
            if kept.is_empty() {
                continue;
            }
            value = Cow::Owned(kept.join(&b','));
        }
        out.push(b';');
        if !param.name.is_empty() {
            out.extend_from_slice(param.name);
            out.push(b'=');
        }
        out.extend_from_slice(&value);
    }
    out
}
