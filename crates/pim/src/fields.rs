//! Leaving out of an item the properties that its receiver did not ask for (DS Protocol,
//! filtering; Device Information, Property).
//!
//! Lines that stay keep their bytes. A line is written anew only where its value has to be cut or
//! a parameter has to go.

use std::borrow::Cow;

use crate::component::{Components, Event, Tag};
use crate::convert::encode;
use crate::decode::{self, Dialect, whole_text, with_line_feeds};
use crate::line::{Encoding, Line, Param, without_soft_break};
use crate::media::Format;
use crate::own::is_own;

/// A property that the receiver takes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Field {
    /// Its name, in any case. The name of a component (`VALARM`) asks for that.
    pub name: String,
    /// The longest value in characters; those of a base64 value are counted as written.
    pub max_size: Option<u64>,
    /// Leave a value that is too long out instead of cutting it.
    pub no_truncate: bool,
    /// How many occurrences at most; the first ones are kept.
    pub max_occur: Option<u64>,
    /// The parameters that it may have; none listed means all.
    pub parameters: Vec<String>,
}

/// Without these an item would not be one, or not the same: they stay, whole.
const ALWAYS: [&str; 13] = [
    "BEGIN",
    "END",
    "VERSION",
    "PRODID",
    "CALSCALE",
    "METHOD",
    "TZ",
    "DAYLIGHT",
    "UID",
    "DTSTAMP",
    "DTSTART",
    "RECURRENCE-ID",
    "X-IRMC-LUID",
];

/// A card has a name, however little of it is asked for; it may be cut if it is listed.
const NAMES: [&str; 2] = ["N", "FN"];

/// Values of which a part means something else: left out rather than cut.
pub(crate) const WHOLE: [&str; 17] = [
    "DTEND",
    "DUE",
    "COMPLETED",
    "DURATION",
    "CREATED",
    "DCREATED",
    "LAST-MODIFIED",
    "REV",
    "BDAY",
    "ANNIVERSARY",
    "RRULE",
    "EXRULE",
    "RDATE",
    "EXDATE",
    "GEO",
    "URL",
    "EMAIL",
];

/// Parameters without which a value cannot be read.
pub(crate) const NEEDED: [&str; 4] = ["ENCODING", "CHARSET", "VALUE", "TZID"];

pub(crate) fn is_one_of(line: &Line<'_>, names: &[&str]) -> bool {
    names.iter().any(|name| line.is(name))
}

/// The item with only those of its own properties that `fields` lists, and with what no item can
/// do without: its structure, version, identifier and time zones, a card's name, an entry's start.
///
/// A text value longer than its `max_size` is cut between two characters, never within an
/// escape; values of which a part would mean something else (dates, rules, addresses, binary
/// data) are left out instead. Alarms and other components within go unless they are listed by
/// their name. Plain text has one property, `BODY`. Content of any other format comes back as
/// it is.
pub fn keep_fields(media_type: &str, content: &[u8], fields: &[Field]) -> Vec<u8> {
    match Format::of(media_type, content) {
        None => content.to_vec(),
        Some(Format::Text) => {
            let body = find(fields, b"BODY").and_then(|field| field.max_size);
            let text = whole_text(content);
            match body.and_then(|max| cut(&text, max, None)) {
                Some(part) => part.as_bytes().to_vec(),
                None => content.to_vec(),
            }
        }
        Some(format) => Keeper {
            fields,
            dialect: format.dialect(),
            occurrences: vec![0; fields.len()],
            out: Vec::with_capacity(content.len().min(64 * 1024)),
        }
        .keep(content),
    }
}

fn find<'f>(fields: &'f [Field], name: &[u8]) -> Option<&'f Field> {
    fields
        .iter()
        .find(|field| field.name.as_bytes().eq_ignore_ascii_case(name))
}

struct Keeper<'f> {
    fields: &'f [Field],
    dialect: Dialect,
    /// Of each field, how many lines were kept.
    occurrences: Vec<u64>,
    out: Vec<u8>,
}

impl Keeper<'_> {
    fn keep(mut self, content: &[u8]) -> Vec<u8> {
        let mut walker = Components::new(content);
        // the depth of the component that is being left out
        let mut left_out: Option<usize> = None;
        while let Some(event) = walker.next() {
            let depth = walker.depth();
            match event {
                Event::Begin { tag, line } => {
                    if left_out.is_none() && !self.is_kept(tag, &line, walker.enclosing(1)) {
                        left_out = Some(depth);
                    }
                    if left_out.is_none() {
                        self.copy(&line);
                    }
                }
                Event::End { line, .. } => match (left_out, line) {
                    (Some(outer), _) if depth < outer => left_out = None,
                    (None, Some(line)) => self.copy(&line),
                    _ => {}
                },
                Event::Property(_) if left_out.is_some() => {}
                Event::Property(line) if is_own(&walker) => {
                    let is_card = walker.enclosing(0) == Some(Tag::VCard);
                    self.property(&line, is_card);
                }
                // of what is kept as a whole, or junk around the item
                Event::Property(line) if depth > 0 => self.copy(&line),
                Event::Property(_) => {}
            }
        }
        self.out
    }

    /// Whether a component stays that is now open, within `outer`.
    fn is_kept(&self, tag: Tag, line: &Line<'_>, outer: Option<Tag>) -> bool {
        let name = line.raw_value().trim_ascii();
        let is = |wanted: &[u8]| name.eq_ignore_ascii_case(wanted);
        match (outer, tag) {
            (None, _) => true,
            (Some(Tag::VTimezone), Tag::Other) => is(b"STANDARD") || is(b"DAYLIGHT"),
            (Some(Tag::VCalendar), Tag::VTimezone) => true,
            (Some(Tag::VCalendar), tag) if tag.is_calendar_entry() => true,
            (_, Tag::VAlarm | Tag::Other) => find(self.fields, name).is_some(),
            // it can stand here as the value of AGENT alone
            _ => find(self.fields, b"AGENT").is_some(),
        }
    }

    /// A line as it is.
    fn copy(&mut self, line: &Line<'_>) {
        if line.is_dangling() {
            // what follows now would be read as its continuation
            self.out
                .extend_from_slice(without_soft_break(line.source()));
            self.out.extend_from_slice(b"\r\n");
            return;
        }
        self.out.extend_from_slice(line.source());
        if !line.source().ends_with(b"\n") && !line.source().ends_with(b"\r") {
            self.out.extend_from_slice(b"\r\n");
        }
    }

    fn property(&mut self, line: &Line<'_>, is_card: bool) {
        if line.is_malformed() {
            return;
        }
        let listed = self
            .fields
            .iter()
            .position(|field| field.name.as_bytes().eq_ignore_ascii_case(line.name()));
        let is_needed = is_one_of(line, &ALWAYS);
        let Some((at, field)) = listed.and_then(|at| Some((at, self.fields.get(at)?))) else {
            if is_needed || (is_card && is_one_of(line, &NAMES)) {
                self.copy(line);
            }
            return;
        };
        if is_needed {
            self.copy(line);
            return;
        }
        let Some(kept) = self.occurrences.get_mut(at) else {
            return;
        };
        if field.max_occur.is_some_and(|most| *kept >= most) {
            return;
        }
        let text = line.escaped_text(self.dialect);
        let part = match field.max_size {
            Some(max) if line.encoding() == Encoding::Base64 => {
                let length = line.raw_value().iter().filter(|b| !b.is_ascii_whitespace());
                if length.count() as u64 > max {
                    return;
                }
                None
            }
            Some(max) => cut(&text, max, Some(self.dialect)),
            None => None,
        };
        if part.is_some() && (field.no_truncate || is_one_of(line, &WHOLE)) {
            return;
        }
        *kept += 1;
        let goes = |param: &Param<'_>| !may_have(field, param);
        match part {
            Some(part) => self.write(line, field, part),
            None if !line.params().any(|param| goes(&param)) => self.copy(line),
            None if line.encoding() == Encoding::Base64 => self.write_binary(line, field),
            None => self.write(line, field, &text),
        }
    }

    fn head(&mut self, line: &Line<'_>, field: &Field, with_encoding: bool) {
        if let Some(group) = line.group() {
            self.out.extend_from_slice(group);
            self.out.push(b'.');
        }
        self.out.extend_from_slice(line.name());
        for param in line.params() {
            let encodes = param.is("ENCODING")
                || param.is("CHARSET")
                || (param.name.is_empty() && Encoding::named(param.value).is_some());
            if (encodes && !with_encoding) || !may_have(field, &param) {
                continue;
            }
            self.out.push(b';');
            if !param.name.is_empty() {
                self.out.extend_from_slice(param.name);
                self.out.push(b'=');
            }
            self.out.extend_from_slice(param.value);
        }
    }

    /// A base64 line with fewer parameters.
    fn write_binary(&mut self, line: &Line<'_>, field: &Field) {
        self.head(line, field, true);
        self.out.push(b':');
        self.out.extend_from_slice(line.raw_value());
        // vCard 2.1 ends such a value by an empty line
        let end: &[u8] = match self.dialect {
            Dialect::Old => b"\r\n\r\n",
            Dialect::New => b"\r\n",
        };
        self.out.extend_from_slice(end);
    }

    /// A line with a new value, escapes in it.
    fn write(&mut self, line: &Line<'_>, field: &Field, value: &str) {
        let start = self.out.len();
        self.head(line, field, false);
        let head = decode::charset(Cow::Owned(self.out.split_off(start)), None);
        // half a line end would be written as a whole one
        let value = value.strip_suffix('\r').unwrap_or(value);
        match self.dialect {
            Dialect::New => {
                let value = with_line_feeds(value).replace('\n', "\\n");
                encode::text(&mut self.out, &head, &value, self.dialect, true);
            }
            Dialect::Old => encode::text(&mut self.out, &head, value, self.dialect, true),
        }
    }
}

fn may_have(field: &Field, param: &Param<'_>) -> bool {
    let listed = |name: &str| {
        field
            .parameters
            .iter()
            .any(|p| p.eq_ignore_ascii_case(name))
    };
    if field.parameters.is_empty() || NEEDED.iter().any(|name| param.is(name)) {
        return true;
    }
    if param.name.is_empty() {
        // bare, as in vCard 2.1: an encoding or a type, which some list by its own name
        return Encoding::named(param.value).is_some()
            || listed("TYPE")
            || std::str::from_utf8(param.value).is_ok_and(listed);
    }
    std::str::from_utf8(param.name).is_ok_and(listed)
}

/// The first `max` characters of a text, an escape counting as one; `None` if it has no more.
pub(crate) fn cut(text: &str, max: u64, escapes: Option<Dialect>) -> Option<&str> {
    if text.len() as u64 <= max {
        return None;
    }
    let mut chars = text.char_indices().peekable();
    let mut count = 0;
    while let Some((at, c)) = chars.next() {
        if count == max {
            return text.get(..at);
        }
        count += 1;
        if c == '\\'
            && let Some((_, next)) = chars.peek()
            && match escapes {
                Some(Dialect::New) => true,
                Some(Dialect::Old) => *next == ';',
                None => false,
            }
        {
            chars.next();
        }
    }
    None
}

#[cfg(test)]
mod tests;
