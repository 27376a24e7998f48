//! What tells one record from another, taken from an item in one pass over its lines.

use std::borrow::Cow;
use std::collections::BTreeSet;

use unicode_normalization::UnicodeNormalization as _;

use crate::convert::journal_text;
use crate::decode::{self, Dialect, whole_text};
use crate::line::{Encoding, Line, Lines, Param};
use crate::media::{Format, Kind, kind_of_media_type};
use crate::moment::{Moment, Zone};
use crate::object;
use crate::saying::{date, digits_of_number, name_in_any_order, parts, saying};
use crate::sif;

/// Digits at the end of a phone number that are compared: country codes and leading zeros differ.
pub(crate) const PHONE_TAIL: usize = 7;

/// Bytes at the start of a text that make its key.
pub(crate) const TEXT_KEY: usize = 32;

/// Components inside one another that are told apart; deeper ones are taken as the last of these.
const MAX_DEPTH: usize = 16;

/// Parameters whose values are words of the standard, in which case means nothing.
const WORDS: [&str; 13] = [
    "CUTYPE",
    "FBTYPE",
    "LANGUAGE",
    "LEVEL",
    "MEDIATYPE",
    "PARTSTAT",
    "PREF",
    "RANGE",
    "RELATED",
    "RELTYPE",
    "ROLE",
    "RSVP",
    "VALUE",
];

/// The facts of one item.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    pub(crate) kind: Option<Kind>,
    /// `None` for plain text.
    pub(crate) format: Option<Format>,
    /// Hash of the canonical form.
    pub(crate) exact: u64,
    /// The entry of a calendar, or what a note or bookmark is known by.
    pub(crate) record: Record,
    pub(crate) phones: BTreeSet<String>,
    pub(crate) emails: BTreeSet<String>,
    pub(crate) organization: String,
    pub(crate) birthday: String,
    /// The text of a note, without blanks at the end of lines and around the whole.
    pub(crate) body: String,
    /// What only versions of one item have in common, if it is none of the kinds that people keep
    /// records of.
    pub(crate) twin: Option<String>,
    /// The name of a contact in its parts, normalized, in their order; empty where it is written as
    /// one text.
    pub(crate) structured_name: String,
    /// The name is that of a company.
    pub(crate) is_company: bool,
    /// The normalized name or title as it is written, of which a device may keep the beginning.
    pub(crate) written_name: String,
    /// For [`Purpose::Compare`], hashes of the canonical lines, sorted, each once.
    pub(crate) lines: Vec<u64>,
    /// For [`Purpose::Compare`], hashes of what the lines say, sorted, each once.
    pub(crate) sayings: Vec<u64>,
}

/// What facts are wanted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// The numbers of an index.
    Index,
    /// A comparison of two items, line by line.
    Compare,
}

/// What names one component. Of a series with overrides it is the series, not one of them.
#[derive(Debug, Default)]
pub(crate) struct Record {
    /// The normalized title, or the words of a contact's name in alphabetical order, or the address of
    /// a bookmark; empty when there is none.
    pub(crate) title: String,
    pub(crate) start: Option<Moment>,
    pub(crate) due: Option<Moment>,
    pub(crate) recurs: bool,
    /// Summary and description of a journal entry.
    entry: (String, String),
    uid: String,
    recurrence: String,
}

impl Record {
    /// Identifier, with that of the occurrence it overrides; empty when there is none.
    pub(crate) fn uid(&self) -> String {
        if self.uid.is_empty() || self.recurrence.is_empty() {
            self.uid.clone()
        } else {
            format!("{}\n{}", self.uid, self.recurrence)
        }
    }
}

/// Where in an item's components its lines are.
#[derive(Debug, Default)]
struct Nesting {
    open: Vec<Vec<u8>>,
    /// Open components beyond [`MAX_DEPTH`].
    deeper: usize,
    /// How many of the open ones are records.
    records: usize,
}

impl Nesting {
    fn begin(&mut self, component: Vec<u8>) {
        if self.open.len() < MAX_DEPTH {
            self.records += usize::from(kind_of_component(&component).is_some());
            self.open.push(component);
        } else {
            self.deeper += 1;
        }
    }

    /// Ends the innermost component, and says whether it was the outermost record.
    fn end(&mut self) -> bool {
        if self.deeper > 0 {
            self.deeper -= 1;
            return false;
        }
        let ended = self.open.pop();
        let is_record = ended.is_some_and(|component| kind_of_component(&component).is_some());
        self.records -= usize::from(is_record);
        is_record && self.records == 0
    }

    fn is_within(&self, component: &[u8]) -> bool {
        self.open.iter().any(|open| open == component)
    }

    /// Whether a line here is of the record itself: directly in the outermost one, or in nothing.
    fn is_record(&self) -> bool {
        match self.open.last() {
            Some(last) => {
                self.records == 1 && self.deeper == 0 && kind_of_component(last).is_some()
            }
            None => true,
        }
    }
}

fn kind_of_component(component: &[u8]) -> Option<Kind> {
    match component {
        b"VCARD" => Some(Kind::Contact),
        b"VEVENT" => Some(Kind::Event),
        b"VTODO" => Some(Kind::Task),
        b"VJOURNAL" => Some(Kind::Journal),
        b"VNOTE" => Some(Kind::Note),
        b"VBKM" => Some(Kind::Bookmark),
        _ => None,
    }
}

/// What is being read, until it is known which of it counts.
#[derive(Debug, Default)]
struct Reading {
    /// N and FN of a card.
    name: String,
    display: String,
    record: Record,
    chosen: Option<Record>,
    zones: Vec<Zone>,
}

impl Reading {
    /// Ends a record. The first stands for the item, unless it is an override and another is not.
    fn end_record(&mut self) {
        let record = std::mem::take(&mut self.record);
        let better = match &self.chosen {
            None => true,
            Some(chosen) => !chosen.recurrence.is_empty() && record.recurrence.is_empty(),
        };
        if better {
            self.chosen = Some(record);
        }
    }

    fn take_zone(&mut self, line: &Line<'_>, dialect: Dialect) {
        if let Some(zone) = self.zones.last_mut() {
            if line.is("TZID") {
                zone.name = line.text(dialect).trim().to_uppercase();
            } else {
                zone.take(line.name(), &line.text(dialect));
            }
        }
    }
}

/// Properties whose values have components: software that has none of them writes the separators.
const OF_COMPONENTS: [&str; 4] = ["N", "ORG", "ADR", "GEO"];

fn says_nothing(line: &Line<'_>) -> bool {
    let is_separator = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b';' | b',');
    line.is_empty()
        || (OF_COMPONENTS.iter().any(|name| line.is(name))
            && line.raw_value().iter().all(is_separator))
}

impl Facts {
    pub(crate) fn of(media_type: &str, content: &[u8], purpose: Purpose) -> Self {
        match Format::of(media_type, content) {
            Some(format) if format.is_sif() => {
                let text = sif::read(content, format);
                let pivot = sif::pivot(format);
                Self::structured(pivot.media_type(), &text, pivot, purpose)
            }
            Some(format) if format != Format::Text => {
                Self::structured(media_type, content, format, purpose)
            }
            _ => Self::plain(media_type, content),
        }
    }

    pub(crate) fn kind(&self) -> Kind {
        self.kind.unwrap_or(Kind::Other)
    }

    fn plain(media_type: &str, content: &[u8]) -> Self {
        let mut facts = Self {
            kind: Some(kind_of_media_type(media_type)),
            body: body(&whole_text(content)),
            ..Self::default()
        };
        if facts.kind == Some(Kind::Other) {
            facts.twin = object::twin(media_type, content);
        }
        facts.exact = hash(facts.body.as_bytes());
        facts.record.title = normalized(cut(&facts.body, TEXT_KEY));
        facts
    }

    fn structured(media_type: &str, content: &[u8], format: Format, purpose: Purpose) -> Self {
        let dialect = format.dialect();
        let mut facts = Self {
            format: Some(format),
            ..Self::default()
        };
        let mut reading = Reading::default();
        let mut nesting = Nesting::default();
        let mut form = Vec::new();
        for line in Lines::new(content) {
            if line.is("BEGIN") {
                let component = line.raw_value().trim_ascii().to_ascii_uppercase();
                facts.kind = facts.kind.or_else(|| kind_of_component(&component));
                match component.as_slice() {
                    b"VTIMEZONE" => reading.zones.push(Zone::default()),
                    b"STANDARD" | b"DAYLIGHT" => {
                        if let Some(zone) = reading.zones.last_mut() {
                            zone.begin_observance();
                        }
                    }
                    _ => {}
                }
                nesting.begin(component);
                continue;
            }
            if line.is("END") {
                if nesting.end() {
                    reading.end_record();
                }
                continue;
            }
            let is_stamp = format == Format::VBookmark && line.is("X-LAST-MODIFIED");
            if says_nothing(&line) || is_stamp || is_volatile(&line) {
                continue;
            }
            if nesting.is_within(b"VTIMEZONE") {
                // zones are spelled by software, not by people
                reading.take_zone(&line, dialect);
                continue;
            }
            let canonical = canonical_line(&line, dialect, &mut form);
            facts.exact = facts.exact.wrapping_add(canonical);
            if purpose == Purpose::Compare {
                facts.lines.push(canonical);
                facts.sayings.extend(saying(&line, dialect));
            }
            if facts.kind == Some(Kind::Bookmark)
                && reading.record.title.is_empty()
                && nesting.is_within(b"ENV")
                && let Some(url) = shortcut(&line)
            {
                reading.record.title = address(&url);
            }
            if nesting.is_record() {
                facts.take(&line, dialect, &mut reading);
            }
        }
        facts.kind = facts.kind.or_else(|| Some(kind_of_media_type(media_type)));
        facts.conclude(reading);
        for hashes in [&mut facts.lines, &mut facts.sayings] {
            hashes.sort_unstable();
            hashes.dedup();
        }
        facts
    }

    fn conclude(&mut self, mut reading: Reading) {
        // what no component ended is the record of a text that was cut off, or had none
        self.record = reading.chosen.take().unwrap_or(reading.record);
        match self.kind() {
            Kind::Contact => {
                let names = [&reading.name, &reading.display, &self.organization];
                let name = names.into_iter().find(|name| !name.is_empty());
                let name = name.cloned().unwrap_or_default();
                self.record.title = name_in_any_order(&name);
                self.written_name = name;
                self.is_company = reading.name.is_empty() && reading.display.is_empty();
                self.structured_name = reading.name;
            }
            Kind::Note if !self.body.is_empty() => {
                self.record.title = normalized(cut(&self.body, TEXT_KEY));
            }
            Kind::Event | Kind::Task => {
                self.written_name.clone_from(&self.record.title);
            }
            // what it is known by on a device that has it as a note
            Kind::Journal => {
                let (summary, description) = &self.record.entry;
                let text = body(&journal_text(summary, description));
                self.written_name = std::mem::take(&mut self.record.title);
                self.record.title = normalized(cut(&text, TEXT_KEY));
                self.body = text;
            }
            _ => {}
        }
        if let Some(start) = &mut self.record.start {
            start.resolve(&reading.zones);
        }
    }

    /// Takes a line of the record itself.
    fn take(&mut self, line: &Line<'_>, dialect: Dialect, reading: &mut Reading) {
        let record = &mut reading.record;
        if line.is("N") {
            let mut parts = parts(line, ';', dialect);
            parts.truncate(3);
            reading.name = normalized(&parts.join(" "));
        } else if line.is("FN") {
            reading.display = normalized(&line.text(dialect));
        } else if line.is("SUMMARY") {
            let text = line.text(dialect);
            record.title = normalized(&text);
            if self.kind == Some(Kind::Journal) && record.entry.0.is_empty() {
                record.entry.0 = text.into_owned();
            }
        } else if line.is("DESCRIPTION") && self.kind == Some(Kind::Journal) {
            // of several a note has the first
            if record.entry.1.is_empty() {
                record.entry.1 = line.text(dialect).into_owned();
            }
        } else if line.is("BODY") && self.body.is_empty() {
            self.body = body(&line.text(dialect));
        } else if line.is("URL") && self.kind == Some(Kind::Bookmark) {
            record.title = address(&line.text(dialect));
        } else if line.is("DTSTART") {
            record.start = Some(moment(line, dialect));
        } else if line.is("DUE") {
            record.due = Some(moment(line, dialect));
        } else if line.is("RRULE") {
            record.recurs = true;
        } else if line.is("UID") {
            line.text(dialect).trim().clone_into(&mut record.uid);
        } else if line.is("RECURRENCE-ID") {
            line.text(dialect).trim().clone_into(&mut record.recurrence);
        } else if line.is("TEL") {
            let digits = digits_of_number(&line.text(dialect), PHONE_TAIL);
            if !digits.is_empty() {
                self.phones.insert(digits);
            }
        } else if line.is("EMAIL") {
            self.emails.insert(line.text(dialect).trim().to_lowercase());
        } else if line.is("ORG") {
            let parts = parts(line, ';', dialect);
            self.organization = normalized(parts.first().map_or("", String::as_str));
        } else if line.is("BDAY") {
            self.birthday = date(&line.text(dialect));
        }
    }
}

fn upper(word: &[u8]) -> impl Iterator<Item = u8> {
    word.iter().map(u8::to_ascii_uppercase)
}

/// The hash of a line in its canonical form, in which neither order nor spelling shows. The form is
/// written into `form`, whose room is used again for the next line.
fn canonical_line(line: &Line<'_>, dialect: Dialect, form: &mut Vec<u8>) -> u64 {
    form.clear();
    form.extend(upper(line.name()));
    if line.params().next().is_some() {
        let mut types: Vec<&[u8]> = line.types().collect();
        types.sort_unstable_by(|a, b| upper(a).cmp(upper(b)));
        types.dedup_by(|a, b| a.eq_ignore_ascii_case(b));
        for kind in types {
            form.push(b';');
            form.extend(upper(kind));
        }
        let mut others: Vec<Vec<u8>> = line.params().filter_map(canonical_param).collect();
        others.sort_unstable();
        for param in others {
            form.push(b';');
            form.extend(param);
        }
    }
    form.push(b':');
    let bytes = line.bytes(dialect);
    let Ok(plain) = std::str::from_utf8(&bytes) else {
        form.extend_from_slice(&bytes);
        return hash(form);
    };
    let text = match (line.encoding(), line.charset()) {
        (Encoding::QuotedPrintable, _) => line.escaped_text(dialect),
        // nothing that separates is hidden in the others
        (_, None) => Cow::Borrowed(plain),
        (_, charset) => decode::charset(Cow::Borrowed(&bytes), charset),
    };
    let text = text.trim().trim_end_matches(';').as_bytes();
    if text.contains(&b'\r') {
        form.extend(text.iter().filter(|byte| **byte != b'\r'));
    } else {
        form.extend_from_slice(text);
    }
    hash(form)
}

/// Whether a parameter only numbers the places that a device has for numbers and addresses.
// spec: T38
pub(crate) fn is_number_of_slot(name: &[u8]) -> bool {
    let head = name.get(..b"X-SYNCMLREF".len());
    head.is_some_and(|head| head.eq_ignore_ascii_case(b"X-SYNCMLREF"))
}

/// A parameter as it counts; `None` for types, which are counted together, and for those that
/// only say how the value is encoded.
pub(crate) fn canonical_param(param: Param<'_>) -> Option<Vec<u8>> {
    if param.name.is_empty()
        || ["TYPE", "ENCODING", "CHARSET"]
            .iter()
            .any(|name| param.is(name))
    {
        return None;
    }
    let mut form = param.name.to_ascii_uppercase();
    let is_word = WORDS.iter().any(|name| param.is(name));
    for (value, separator) in param
        .values()
        .zip(std::iter::once(b'=').chain(std::iter::repeat(b',')))
    {
        form.push(separator);
        if is_word {
            form.extend(value.to_ascii_uppercase());
        } else {
            form.extend(value);
        }
    }
    Some(form)
}

fn moment(line: &Line<'_>, dialect: Dialect) -> Moment {
    let zone = line.param("TZID");
    let zone = zone.map(|zone| String::from_utf8_lossy(zone.unquoted()));
    Moment::read(&line.text(dialect), zone.as_deref())
}

/// A text without blanks at the end of its lines and around the whole, its lines ended by LF.
fn body(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    lines.join("\n").trim().to_owned()
}

/// A URL with its scheme and host in lower case and without a slash at the end.
// spec: T41
fn address(url: &str) -> String {
    let url = url.trim().trim_end_matches('/');
    let host = url.find("://").map_or(0, |at| at + 3);
    let rest = url.get(host..).unwrap_or_default();
    let path = host + rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (host, path) = url.split_at_checked(path).unwrap_or((url, ""));
    host.to_lowercase() + path
}

/// The address that the envelope of a bookmark repeats (IrMC): `URL=` in an Internet shortcut,
/// which is the value of `X-IRMC-URL` or, since few encode its line ends, stands in lines of its own.
// spec: T41
pub(crate) fn shortcut(line: &Line<'_>) -> Option<String> {
    let address = |text: &str| {
        let (key, url) = text.trim().split_once('=')?;
        let url = url.trim();
        (key.eq_ignore_ascii_case("URL") && !url.is_empty()).then(|| url.to_owned())
    };
    if line.is("X-IRMC-URL") {
        return line.text(Dialect::Old).lines().find_map(address);
    }
    address(&String::from_utf8_lossy(line.source()))
}

/// Properties that software changes by itself.
pub(crate) fn is_volatile(line: &Line<'_>) -> bool {
    [
        "VERSION",
        "PRODID",
        "REV",
        "DTSTAMP",
        "LAST-MODIFIED",
        "CREATED",
        "DCREATED",
        "SEQUENCE",
    ]
    .iter()
    .any(|name| line.is(name))
}

/// Text by which two spellings of one name are equal: compatibility form, lower case, single
/// blanks.
pub(crate) fn normalized(text: &str) -> String {
    let folded: String = if text.is_ascii() {
        text.to_ascii_lowercase()
    } else {
        text.nfkc().flat_map(char::to_lowercase).collect()
    };
    folded.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The first bytes of a text, whole characters only.
fn cut(text: &str, bytes: usize) -> &str {
    let mut end = text.len().min(bytes);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// FNV-1a, 64 bits, with a last stirring so that sums of hashes spread. Databases hold these
/// numbers: the function must never change.
pub(crate) fn hash(bytes: &[u8]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in bytes {
        hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    (hash ^ (hash >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9)
}
