//! What a property means, so that two spellings of it are no edit.

use std::collections::{BTreeMap, BTreeSet};

use crate::convert::Zone;
use crate::decode::{self, Dialect, with_line_feeds};
use crate::facts::{canonical_param, is_number_of_slot};
use crate::line::{Encoding, Line};
use crate::media::Format;
use crate::span::Zones;

/// How a value is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Text,
    /// Components parted by `;`.
    Parts,
    /// A set of texts.
    Texts,
    /// A set of times.
    Times,
    Phone,
    /// An address, in which case means nothing.
    Address,
    /// A word of the standard.
    Word,
    Date,
    Time,
    /// An alarm's distance or time.
    Trigger,
}

const SHAPES: [(&str, Shape); 36] = [
    ("N", Shape::Parts),
    ("ADR", Shape::Parts),
    ("ORG", Shape::Parts),
    ("GEO", Shape::Parts),
    ("GENDER", Shape::Parts),
    ("CLIENTPIDMAP", Shape::Parts),
    ("REQUEST-STATUS", Shape::Parts),
    ("AALARM", Shape::Parts),
    ("DALARM", Shape::Parts),
    ("PALARM", Shape::Parts),
    ("MALARM", Shape::Parts),
    ("CATEGORIES", Shape::Texts),
    ("NICKNAME", Shape::Texts),
    ("RESOURCES", Shape::Texts),
    ("EXDATE", Shape::Times),
    ("TEL", Shape::Phone),
    ("EMAIL", Shape::Address),
    ("ATTENDEE", Shape::Address),
    ("ORGANIZER", Shape::Address),
    ("BDAY", Shape::Date),
    ("ANNIVERSARY", Shape::Date),
    ("X-ANNIVERSARY", Shape::Date),
    ("DTSTART", Shape::Time),
    ("DTEND", Shape::Time),
    ("DUE", Shape::Time),
    ("COMPLETED", Shape::Time),
    ("RECURRENCE-ID", Shape::Time),
    ("RDATE", Shape::Times),
    ("TRIGGER", Shape::Trigger),
    ("RRULE", Shape::Word),
    ("EXRULE", Shape::Word),
    ("CLASS", Shape::Word),
    ("STATUS", Shape::Word),
    ("TRANSP", Shape::Word),
    ("ACTION", Shape::Word),
    ("KIND", Shape::Word),
];

/// Properties that software changes by itself, or that say what a text is: never an edit.
// spec: V02
const SILENT: [&str; 18] = [
    "BEGIN",
    "END",
    "VERSION",
    "PRODID",
    "CALSCALE",
    "METHOD",
    "PROFILE",
    "UID",
    "X-IRMC-LUID",
    "REV",
    "DTSTAMP",
    "LAST-MODIFIED",
    "X-LAST-MODIFIED",
    "CREATED",
    "DCREATED",
    "SEQUENCE",
    "AGENT",
    "RECURRENCE-ID",
];

/// Properties that say something of the other one in their group, and nothing alone.
const LABELS: [&str; 2] = ["X-ABLABEL", "X-ABADR"];

pub(super) fn shape(name: &str) -> Shape {
    let known = SHAPES.iter().find(|(known, _)| *known == name);
    known.map_or(Shape::Text, |(_, shape)| *shape)
}

pub(super) fn is_silent(name: &str) -> bool {
    SILENT.contains(&name)
}

/// A property, as it is compared.
#[derive(Debug)]
pub(super) struct Prop<'a> {
    pub(super) line: Line<'a>,
    /// Its name in upper case.
    pub(super) name: String,
    /// What its value means.
    pub(super) value: Vec<u8>,
    /// What its types, other parameters and labels mean, sorted.
    pub(super) kinds: Vec<String>,
    /// The lines of its group that label it.
    pub(super) labels: Vec<Line<'a>>,
}

impl Prop<'_> {
    pub(super) fn start(&self) -> usize {
        self.line.offset()
    }

    pub(super) fn end(&self) -> usize {
        self.line.offset() + self.line.source().len()
    }

    pub(super) fn means(&self, other: &Self) -> bool {
        self.value == other.value && self.kinds == other.kinds
    }
}

/// Reads the meaning of properties.
#[derive(Debug)]
pub(super) struct Reader {
    pub(super) format: Format,
    zones: Zones,
}

impl Reader {
    /// A reader of texts in one format; the first that describes a zone is believed.
    pub(super) fn new(format: Format, texts: &[&[u8]]) -> Self {
        let mut zones = Zones::default();
        if format == Format::ICalendar20 {
            for text in texts {
                zones.extend(Zones::of(text, format.dialect()));
            }
        }
        Self { format, zones }
    }

    pub(super) fn dialect(&self) -> Dialect {
        self.format.dialect()
    }

    /// The properties of a component, and those of them that have no value.
    // spec: T17
    pub(super) fn props<'a>(&self, lines: Vec<Line<'a>>) -> (Vec<Prop<'a>>, Vec<Prop<'a>>) {
        let is_label =
            |line: &Line<'_>| line.group().is_some() && LABELS.iter().any(|name| line.is(name));
        let (labels, lines): (Vec<_>, Vec<_>) = lines.into_iter().partition(is_label);
        let mut of_groups: BTreeMap<Vec<u8>, Vec<Line<'a>>> = BTreeMap::new();
        for label in labels {
            let group = label.group().unwrap_or_default().to_ascii_uppercase();
            of_groups.entry(group).or_default().push(label);
        }
        let mut props: Vec<Prop<'a>> = Vec::new();
        for line in lines {
            // the first one of a group is what its labels are about
            let group = line.group().map(<[u8]>::to_ascii_uppercase);
            let labels = group.and_then(|group| of_groups.remove(&group));
            props.push(self.prop(line, labels.unwrap_or_default()));
        }
        for label in of_groups.into_values().flatten() {
            props.push(self.prop(label, Vec::new()));
        }
        props.into_iter().partition(|prop| !prop.value.is_empty())
    }

    fn prop<'a>(&self, line: Line<'a>, labels: Vec<Line<'a>>) -> Prop<'a> {
        let name = String::from_utf8_lossy(line.name()).to_ascii_uppercase();
        let value = self.value(&line, &name);
        let mut kinds = kinds(&line, &name);
        for label in &labels {
            let text = label.text(self.dialect());
            let name = String::from_utf8_lossy(label.name()).to_ascii_uppercase();
            kinds.push(format!("\n{name}:{}", plain(&text)));
        }
        kinds.sort_unstable();
        kinds.dedup();
        Prop {
            line,
            name,
            value,
            kinds,
            labels,
        }
    }

    // spec: V02
    fn value(&self, line: &Line<'_>, name: &str) -> Vec<u8> {
        let dialect = self.dialect();
        if line.encoding() == Encoding::Base64 {
            return binary(&line.bytes(dialect));
        }
        let text = || line.text(dialect);
        match shape(name) {
            Shape::Texts | Shape::Times => {
                let values = self.values(line, name).into_iter();
                let values: BTreeSet<String> = values.map(|(_, meaning)| meaning).collect();
                Vec::from_iter(values).join("\u{1f}").into_bytes()
            }
            Shape::Text => {
                let text = text();
                let data = text.trim_start().strip_prefix("data:");
                match data.and_then(|data| data.split_once(";base64,")) {
                    Some((_, data)) => {
                        let mut bytes = Vec::new();
                        decode::base64(data.as_bytes(), &mut bytes);
                        binary(&bytes)
                    }
                    None => plain(&text).into_bytes(),
                }
            }
            Shape::Parts => {
                let escaped = line.escaped_text(dialect);
                let parts: Vec<String> = decode::parts(&escaped, ';', dialect)
                    .map(|part| plain(&decode::unescape(part, dialect)))
                    .collect();
                parts.join("\u{1f}").trim_end_matches('\u{1f}').into()
            }
            Shape::Phone => phone(&text()).into_bytes(),
            Shape::Address => {
                let text = text().trim().to_lowercase();
                text.strip_prefix("mailto:").unwrap_or(&text).into()
            }
            Shape::Word => text().trim().to_ascii_uppercase().into_bytes(),
            Shape::Date => date(&text()).into_bytes(),
            Shape::Time => self.time(&text(), line).into_bytes(),
            Shape::Trigger => match distance(&text()) {
                Some(seconds) => format!("{seconds}s").into_bytes(),
                None => self.time(&text(), line).into_bytes(),
            },
        }
    }

    /// A time by which two spellings of one instant are equal, if its zone is known.
    fn time(&self, text: &str, line: &Line<'_>) -> String {
        let zone = line.param("TZID");
        let zone = zone.map(|zone| String::from_utf8_lossy(zone.unquoted()).into_owned());
        let known = zone.as_deref().and_then(Zone::new);
        self.moment(text, zone.as_deref(), known.as_ref())
    }

    fn moment(&self, text: &str, zone: Option<&str>, known: Option<&Zone>) -> String {
        let moment = self.zones.moment(text, zone);
        let wall = moment.wall();
        let instant = moment.instant();
        match (moment.reading(), instant, wall) {
            (_, Some(instant), _) => format!("@{instant}"),
            (Some((wall, true, is_date)), ..) => format!("{wall} {is_date}"),
            (Some(_), None, Some(wall)) => match known {
                Some(zone) => format!("@{}", zone.instant(wall)),
                None => format!("{wall} {}", zone.unwrap_or_default().to_uppercase()),
            },
            _ => plain(text),
        }
    }

    /// The values of a list, each with its meaning, escapes still in them.
    pub(super) fn values(&self, line: &Line<'_>, name: &str) -> Vec<(String, String)> {
        let dialect = self.dialect();
        let escaped = line.escaped_text(dialect);
        let separator = self.separator(&escaped, name);
        let zone = line.param("TZID");
        let zone = zone.map(|zone| String::from_utf8_lossy(zone.unquoted()).into_owned());
        let known = zone.as_deref().and_then(Zone::new);
        decode::parts(&escaped, separator, dialect)
            .map(|part| {
                let text = decode::unescape(part, dialect);
                let meaning = match shape(name) {
                    Shape::Times => self.moment(&text, zone.as_deref(), known.as_ref()),
                    _ => plain(&text).to_lowercase(),
                };
                (part.trim().to_owned(), meaning)
            })
            .filter(|(_, meaning)| !meaning.is_empty())
            .collect()
    }

    /// What parts the values of a list: vCalendar 1.0 has `;` where all else has `,`, and some
    /// bookmarks do.
    pub(super) fn separator(&self, escaped: &str, name: &str) -> char {
        let is_parted = decode::parts(escaped, ';', self.dialect()).count() > 1;
        let is_old = match self.format {
            Format::VCalendar10 => name != "CATEGORIES" || is_parted || !escaped.contains(','),
            Format::VBookmark => is_parted,
            _ => false,
        };
        if is_old { ';' } else { ',' }
    }
}

/// Binary data, told from text by a byte that no text begins with.
fn binary(bytes: &[u8]) -> Vec<u8> {
    if bytes.is_empty() {
        return Vec::new();
    }
    let mut value = Vec::with_capacity(bytes.len() + 1);
    value.push(0);
    value.extend_from_slice(bytes);
    value
}

/// Text without blanks around it and at the end of its lines, the lines ended by LF.
pub(super) fn plain(text: &str) -> String {
    if !text.contains(['\n', '\r']) {
        return text.trim().to_owned();
    }
    let text = with_line_feeds(text);
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    lines.join("\n").trim().to_owned()
}

/// What is dialled; for a text without digits, the text.
fn phone(text: &str) -> String {
    let text = text.trim();
    let text = text.strip_prefix("tel:").unwrap_or(text);
    let is_dialled = |c: &char| c.is_alphanumeric() || "+*#".contains(*c);
    let dialled: String = text.chars().filter(is_dialled).collect();
    if dialled.is_empty() {
        text.to_owned()
    } else {
        dialled.to_lowercase()
    }
}

/// A date without its time: devices add midnight.
fn date(text: &str) -> String {
    let text = text.trim();
    let day = text.split(['T', 't']).next().unwrap_or_default();
    let digits: String = day.chars().filter(char::is_ascii_digit).collect();
    if digits.len() == 8 && !text.starts_with('-') {
        digits
    } else {
        text.to_owned()
    }
}

/// A duration such as `-PT15M`, in seconds.
fn distance(text: &str) -> Option<i64> {
    let text = text.trim().to_ascii_uppercase();
    let (sign, rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(&text)),
    };
    let mut seconds = 0_i64;
    let mut number: Option<i64> = None;
    for c in rest.strip_prefix('P')?.chars() {
        if let Some(digit) = c.to_digit(10) {
            let before = number.unwrap_or(0);
            number = Some(before.checked_mul(10)?.checked_add(i64::from(digit))?);
            continue;
        }
        let unit = match c {
            'T' if number.is_none() => continue,
            'W' => 604_800,
            'D' => 86_400,
            'H' => 3600,
            'M' => 60,
            'S' => 1,
            _ => return None,
        };
        seconds = seconds.checked_add(number.take()?.checked_mul(unit)?)?;
    }
    number.is_none().then_some(sign * seconds)
}

/// The types and other parameters of a line, so far as a person would see a difference.
// spec: V02
fn kinds(line: &Line<'_>, name: &str) -> Vec<String> {
    let string = |bytes: &[u8]| String::from_utf8_lossy(bytes).to_ascii_uppercase();
    let mut kinds: Vec<String> = line
        .types()
        .map(string)
        .filter(|kind| !is_default(kind, name))
        .collect();
    let is_time = matches!(shape(name), Shape::Time | Shape::Times);
    for param in line.params() {
        let is_number = is_number_of_slot(param.name);
        if is_number || param.is("PREF") || param.is("VALUE") || (is_time && param.is("TZID")) {
            continue;
        }
        if let Some(form) = canonical_param(param) {
            kinds.push(String::from_utf8_lossy(&form).into_owned());
        }
    }
    kinds
}

/// Whether a type says nothing: that of a property without types, and the preference, which devices
/// give to the first of each kind.
pub(super) fn is_default(kind: &str, name: &str) -> bool {
    kind == "PREF" || (kind == "VOICE" && name == "TEL") || (kind == "INTERNET" && name == "EMAIL")
}

#[cfg(test)]
mod tests {
    use super::*;

    // spec: T07 V02
    #[test]
    fn spellings_of_one_meaning() {
        assert_eq!(phone("tel:+49 (30) 12-34"), phone("+493012 34"));
        assert_ne!(phone("030 1"), phone("+30 1"));
        assert_eq!(phone("-"), "-");
        assert_eq!(date("1984-05-06"), date("19840506T000000Z"));
        assert_eq!(date("--0506"), "--0506");
        assert_eq!(distance("-PT15M"), Some(-900));
        assert_eq!(distance("-P0DT0H15M0S"), Some(-900));
        assert_eq!(distance("P1W"), Some(604_800));
        assert_eq!(distance("20260101"), None);
        assert_eq!(distance("P99999999999999999999W"), None);
        assert_eq!(plain("a \r\nb\r\n"), "a\nb");
        assert_eq!(plain("a \rb\n\r"), "a\nb");
    }
}
