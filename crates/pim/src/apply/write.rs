//! Lines of a record, written anew.

use std::collections::BTreeSet;

use super::meaning::{Prop, is_default};
use crate::convert::encode;
use crate::decode::{self, Dialect, is_blank, with_line_feeds};
use crate::line::{Encoding, Line, Param};
use crate::media::Format;

/// What a line written anew has for a value.
pub(super) enum Value<'v> {
    /// The value of that line, as it is encoded there.
    Of(&'v Line<'v>),
    /// A text, escapes in it.
    Escaped(String),
}

/// Parameters that say how a value is encoded.
fn is_coding(param: &Param<'_>) -> bool {
    param.is("ENCODING")
        || param.is("CHARSET")
        || (param.name.is_empty() && Encoding::named(param.value).is_some())
}

/// Parameters without which a value cannot be read.
fn is_of_value(param: &Param<'_>) -> bool {
    is_coding(param) || param.is("VALUE") || param.is("TZID")
}

/// The exact line, ended, in a group of that name.
pub(super) fn copy(line: &Line<'_>, group: Option<&[u8]>, dialect: Dialect) -> Vec<u8> {
    if line.group() != group || line.is_dangling() {
        let params: Vec<_> = line.params().collect();
        return write(group, line.name(), &params, &Value::Of(line), dialect);
    }
    let source = line.source();
    let source = source.strip_prefix(b"\xef\xbb\xbf").unwrap_or(source);
    let blanks = source.iter().take_while(|b| is_blank(**b)).count();
    let mut out = source.get(blanks..).unwrap_or_default().to_vec();
    end(&mut out, line, dialect);
    out
}

/// Ends a line, and by an empty line the binary data of the old formats.
fn end(out: &mut Vec<u8>, line: &Line<'_>, dialect: Dialect) {
    if !out.ends_with(b"\n") && !out.ends_with(b"\r") {
        out.extend_from_slice(b"\r\n");
    }
    let is_open = line.encoding() == Encoding::Base64 && dialect == Dialect::Old;
    if is_open && !out.ends_with(b"\n\r\n") && !out.ends_with(b"\n\n") && !out.ends_with(b"\r\r") {
        out.extend_from_slice(b"\r\n");
    }
}

/// A line of these parts.
pub(super) fn write(
    group: Option<&[u8]>,
    name: &[u8],
    params: &[Param<'_>],
    value: &Value<'_>,
    dialect: Dialect,
) -> Vec<u8> {
    let mut head = Vec::new();
    if let Some(group) = group {
        head.extend_from_slice(group);
        head.push(b'.');
    }
    head.extend_from_slice(name);
    let mut param = |param: &Param<'_>| {
        head.push(b';');
        if !param.name.is_empty() {
            head.extend_from_slice(param.name);
            head.push(b'=');
        }
        head.extend_from_slice(param.value);
    };
    params.iter().filter(|p| !is_coding(p)).for_each(&mut param);
    match value {
        Value::Of(line) => {
            line.params().filter(is_coding).for_each(|p| param(&p));
            let mut out = head;
            out.push(b':');
            let raw = line.raw_value();
            if line.is_dangling() {
                let raw = raw.trim_ascii_end();
                out.extend_from_slice(raw.strip_suffix(b"=").unwrap_or(raw));
            } else {
                out.extend_from_slice(raw);
            }
            end(&mut out, line, dialect);
            out
        }
        Value::Escaped(text) => {
            let head = decode::charset(head.into(), None);
            let mut out = Vec::new();
            // half a line end would be written as a whole one
            let text = text.strip_suffix('\r').unwrap_or(text);
            match dialect {
                Dialect::New => {
                    let text = with_line_feeds(text).replace('\n', "\\n");
                    encode::text(&mut out, &head, &text, dialect, true);
                }
                Dialect::Old => encode::text(&mut out, &head, text, dialect, true),
            }
            out
        }
    }
}

/// Text with the escapes of a value of one text.
pub(super) fn escape(text: &str, dialect: Dialect) -> String {
    match dialect {
        Dialect::New => encode::escape(text),
        Dialect::Old => text.replace("\\;", "\\\\;"),
    }
}

/// A line of the record with another value, its parameters kept.
pub(super) fn with_value(line: &Line<'_>, value: String, dialect: Dialect) -> Vec<u8> {
    let params: Vec<_> = line.params().collect();
    write(
        line.group(),
        line.name(),
        &params,
        &Value::Escaped(value),
        dialect,
    )
}

/// Whose value an edited property has.
pub(super) enum Chosen {
    Current,
    New,
    /// One with parts of both, escapes in it.
    Text(String),
}

/// The property `current` after an edit of `shown`, as which a device has it, to `new`.
///
/// `kinds` says whether types and parameters were edited too. Those that `current` has and `shown`
/// lacks stay.
pub(super) fn edited(
    current: &Prop<'_>,
    shown: &Prop<'_>,
    new: &Prop<'_>,
    kinds: bool,
    value: Chosen,
    format: Format,
) -> Vec<u8> {
    let dialect = format.dialect();
    let hidden = hidden(current, shown, new, format);
    let group = current.line.group().or_else(|| new.line.group());
    let (of_value, value) = match value {
        Chosen::New if hidden.is_empty() && (kinds || current.kinds == new.kinds) => {
            return copy(&new.line, group, dialect);
        }
        Chosen::New => (new, plain_value(new, dialect)),
        Chosen::Current => (current, plain_value(current, dialect)),
        Chosen::Text(text) => (new, Value::Escaped(text)),
    };
    let of_kinds = if kinds { new } else { current };
    let mut params: Vec<Param<'_>> = of_kinds
        .line
        .params()
        .filter(|param| !is_of_value(param))
        .collect();
    params.extend(of_value.line.params().filter(is_of_value));
    if kinds {
        params.extend(hidden);
    }
    write(group, current.line.name(), &params, &value, dialect)
}

/// The value of a property as it is if it is binary, else as text that is encoded anew.
fn plain_value<'v>(prop: &'v Prop<'_>, dialect: Dialect) -> Value<'v> {
    match prop.line.encoding() {
        Encoding::Base64 => Value::Of(&prop.line),
        _ => Value::Escaped(prop.line.escaped_text(dialect).into_owned()),
    }
}

/// The parameters of `current` that neither `shown` nor `new` has.
fn hidden<'c>(
    current: &'c Prop<'_>,
    shown: &Prop<'_>,
    new: &Prop<'_>,
    format: Format,
) -> Vec<Param<'c>> {
    let views = [shown, new];
    let types = views.iter().flat_map(|prop| prop.line.types());
    let types: BTreeSet<Vec<u8>> = types.map(<[u8]>::to_ascii_uppercase).collect();
    let names = views.iter().flat_map(|prop| prop.line.params());
    let names: BTreeSet<Vec<u8>> = names.map(|param| param.name.to_ascii_uppercase()).collect();
    let name: &[u8] = match format {
        Format::VCard21 => b"",
        _ => b"TYPE",
    };
    let is_told = |kind: &[u8]| {
        let kind = kind.to_ascii_uppercase();
        let says_nothing =
            kind != b"PREF" && is_default(&String::from_utf8_lossy(&kind), &current.name);
        says_nothing || types.contains(&kind)
    };
    let kinds = current.line.types().filter(|kind| !is_told(kind));
    let mut hidden: Vec<Param<'c>> = kinds.map(|value| Param { name, value }).collect();
    hidden.extend(current.line.params().filter(|param| {
        !param.name.is_empty()
            && !param.is("TYPE")
            && !is_of_value(param)
            && !names.contains(&param.name.to_ascii_uppercase())
    }));
    hidden
}
