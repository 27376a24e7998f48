//! SIF: the XML in which Funambol's clients for Outlook, Windows Mobile and BlackBerry write
//! contacts (SIF-C), events (SIF-E), tasks (SIF-T) and notes (SIF-N), one element for a field of
//! Outlook's.
//!
//! Each is read into a text of a format that says the same, and written from one: a contact into
//! vCard 3.0, what has a date into vCalendar 1.0, whose rules and times are those of devices, a
//! note into vNote. What these have no property for is kept in `X-SIF-ELEMENT`, so that it comes
//! back. An element that is absent says nothing, an empty one that there is no value.

mod calendar;
mod contact;
mod note;
mod rule;
mod xml;

use std::fmt::Write as _;

use crate::convert::encode;
use crate::decode::Dialect;
use crate::media::Format;

use xml::Elements;

/// What holds an element for which the other format has no property: `Name=text`. Formats differ in
/// how they escape values that they do not know, so nothing in the text needs an escape: it is
/// percent-encoded as far as that goes.
const KEPT: &str = "X-SIF-ELEMENT";

/// Elements that say nothing of the item.
const SILENT: [&str; 1] = ["SIFVersion"];

/// Written elements, in order.
type Written = Vec<(String, String)>;

/// The format that an item of a SIF format is read into and written from.
pub(crate) fn pivot(format: Format) -> Format {
    match format {
        Format::SifContact => Format::VCard30,
        Format::SifNote => Format::VNote,
        _ => Format::VCalendar10,
    }
}

/// The SIF format of an item of this media type: by its root, which clients name more reliably.
pub(crate) fn format(declared: Format, content: &[u8]) -> Format {
    match Elements::read(content).root() {
        "contact" => Format::SifContact,
        "appointment" => Format::SifEvent,
        "task" => Format::SifTask,
        "note" => Format::SifNote,
        _ => declared,
    }
}

/// The item in its [`pivot`].
// spec: T43
pub(crate) fn read(content: &[u8], format: Format) -> Vec<u8> {
    let mut elements = Elements::read(content);
    match format {
        Format::SifContact => contact::read(&mut elements),
        Format::SifNote => note::read(&mut elements),
        _ => calendar::read(&mut elements, format),
    }
}

/// An item of the format's [`pivot`] in SIF, and the lines that it has no element for. `None` when
/// there is no such item in it.
// spec: T43
pub(crate) fn write(content: &[u8], format: Format) -> Option<(Vec<u8>, Vec<Vec<u8>>)> {
    let mut lost = Vec::new();
    let (root, written) = match format {
        Format::SifContact => ("contact", contact::write(content, &mut lost)?),
        Format::SifNote => ("note", note::write(content, &mut lost)?),
        Format::SifTask => ("task", calendar::write(content, format, &mut lost)?),
        _ => ("appointment", calendar::write(content, format, &mut lost)?),
    };
    Some((xml::write(root, &written), lost))
}

/// An item with the elements that it lacks and `held` has; `None` when it lacks none.
// spec: T43
pub(crate) fn complete(held: &[u8], new: &[u8]) -> Option<Vec<u8>> {
    let (before, now) = (Elements::read(held), Elements::read(new));
    let mut all: Written = now.all().collect();
    let count = all.len();
    all.extend(before.all().filter(|(name, _)| !now.has(name)));
    (all.len() > count).then(|| xml::write(now.root(), &all))
}

/// Writes the elements that were not taken.
fn keep_rest(out: &mut Vec<u8>, elements: &Elements, dialect: Dialect) {
    for (name, text) in elements.rest() {
        if !SILENT.contains(&name) && is_name(name) {
            text_line(out, KEPT, &format!("{name}={}", guarded(text)), dialect);
        }
    }
}

/// Whether a document may have an element of this name.
fn is_name(name: &str) -> bool {
    let is_first = |c: char| c.is_ascii_alphabetic() || c == '_';
    name.starts_with(is_first)
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b))
}

/// Puts an element back that was kept; whether it was one.
fn put_back(written: &mut Written, kept: &str) -> bool {
    let Some((name, text)) = kept.split_once('=') else {
        return false;
    };
    if is_name(name) && !has(written, name) {
        put(written, name, unguarded(text));
        return true;
    }
    false
}

/// A text without characters that any format escapes.
fn guarded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '%' | '\\' | ';' | ',' | '"') || c.is_ascii_control() {
            let _ = write!(out, "%{:02X}", u32::from(c));
        } else {
            out.push(c);
        }
    }
    out
}

fn unguarded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((plain, after)) = rest.split_once('%') {
        out.push_str(plain);
        let digits = after
            .get(..2)
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        let octet = digits.filter(u8::is_ascii);
        out.push(octet.map_or('%', char::from));
        let length = if octet.is_some() { 2 } else { 0 };
        rest = after.get(length..).unwrap_or_default();
    }
    out.push_str(rest);
    out
}

/// Writes a property of one text.
fn text_line(out: &mut Vec<u8>, head: &str, text: &str, dialect: Dialect) {
    let text = match dialect {
        Dialect::New => encode::escape(text),
        Dialect::Old => text.replace("\\;", "\\\\;"),
    };
    encode::text(out, head, &text, dialect, false);
}

fn has(written: &Written, name: &str) -> bool {
    written.iter().any(|(known, _)| known == name)
}

fn put(written: &mut Written, name: &str, text: impl Into<String>) {
    written.push((name.to_owned(), text.into()));
}

#[cfg(test)]
mod tests;
