//! What tells one record from another, taken from an item in one pass over its lines.

use std::collections::BTreeSet;

use unicode_normalization::UnicodeNormalization as _;

use crate::decode::{Dialect, whole_text};
use crate::line::{Line, Lines};
use crate::media::{Format, Kind, kind_of_media_type};

/// Digits at the end of a phone number that are compared: country codes and leading zeros differ.
const PHONE_TAIL: usize = 7;

/// Bytes at the start of a text that make its key.
const TEXT_KEY: usize = 32;

/// The facts of one item.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    pub(crate) kind: Option<Kind>,
    /// Hash of the canonical form.
    pub(crate) exact: u64,
    /// The normalized name, title or first words; empty when there are none.
    pub(crate) title: String,
    /// Start of an event, as written, zone included.
    pub(crate) start: String,
    pub(crate) recurs: bool,
    /// Identifier, with that of the occurrence it overrides.
    pub(crate) uid: String,
    pub(crate) phones: BTreeSet<String>,
    pub(crate) emails: BTreeSet<String>,
    pub(crate) organization: String,
    pub(crate) birthday: String,
    /// Hashes of the canonical lines, for counting what two items share.
    pub(crate) lines: BTreeSet<u64>,
}

impl Facts {
    pub(crate) fn of(media_type: &str, content: &[u8]) -> Self {
        match Format::of(media_type, content) {
            Some(format) if format != Format::Text => Self::structured(media_type, content, format),
            _ => Self::plain(media_type, content),
        }
    }

    pub(crate) fn kind(&self) -> Kind {
        self.kind.unwrap_or(Kind::Other)
    }

    fn plain(media_type: &str, content: &[u8]) -> Self {
        let text = whole_text(content);
        let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
        let joined = lines.join("\n");
        let body = joined.trim();
        Self {
            kind: Some(kind_of_media_type(media_type)),
            exact: hash(body.as_bytes()),
            title: normalized(cut(body, TEXT_KEY)),
            ..Self::default()
        }
    }

    fn structured(media_type: &str, content: &[u8], format: Format) -> Self {
        let dialect = format.dialect();
        let mut facts = Self::default();
        // the last piece of an address of components: facts are those of the record itself
        let mut open: Vec<Vec<u8>> = Vec::new();
        let (mut name, mut display) = (String::new(), String::new());
        for line in Lines::new(content) {
            if line.is("BEGIN") {
                let component = line.raw_value().trim_ascii().to_ascii_uppercase();
                facts.kind = facts.kind.or(match component.as_slice() {
                    b"VCARD" => Some(Kind::Contact),
                    b"VEVENT" => Some(Kind::Event),
                    b"VTODO" => Some(Kind::Task),
                    b"VJOURNAL" => Some(Kind::Journal),
                    b"VNOTE" => Some(Kind::Note),
                    b"VBKM" => Some(Kind::Bookmark),
                    _ => None,
                });
                if open.len() < 16 {
                    open.push(component);
                }
                continue;
            }
            if line.is("END") {
                open.pop();
                continue;
            }
            if line.is_empty() || is_volatile(&line) {
                continue;
            }
            let inner = matches!(
                open.last().map(Vec::as_slice),
                Some(b"VALARM" | b"VTIMEZONE" | b"STANDARD" | b"DAYLIGHT")
            );
            if inner {
                // zones are spelled by software, not by people
                if open.iter().any(|component| component == b"VALARM") {
                    facts.count(&line, dialect);
                }
                continue;
            }
            facts.count(&line, dialect);
            facts.take(&line, dialect, &mut name, &mut display);
        }
        if facts.kind() == Kind::Contact {
            facts.title = if name.is_empty() { display } else { name };
        }
        facts.kind = facts.kind.or_else(|| Some(kind_of_media_type(media_type)));
        facts
    }

    fn take(&mut self, line: &Line<'_>, dialect: Dialect, name: &mut String, display: &mut String) {
        if line.is("N") {
            let text = line.escaped_text(dialect);
            let parts: Vec<&str> = text.split(';').take(3).map(str::trim).collect();
            *name = normalized(&parts.join(" "));
        } else if line.is("FN") {
            *display = normalized(&line.text(dialect));
        } else if line.is("SUMMARY") {
            self.title = normalized(&line.text(dialect));
        } else if line.is("BODY") && self.title.is_empty() {
            self.title = normalized(cut(&line.text(dialect), TEXT_KEY));
        } else if line.is("DTSTART") {
            let zone = line
                .param("TZID")
                .map(|p| p.unquoted().to_ascii_uppercase());
            let zone = String::from_utf8_lossy(&zone.unwrap_or_default()).into_owned();
            self.start = format!("{zone}{}", line.text(dialect).trim());
        } else if line.is("RRULE") {
            self.recurs = true;
        } else if line.is("UID") || line.is("RECURRENCE-ID") {
            self.uid += line.text(dialect).trim();
        } else if line.is("TEL") {
            let text = line.text(dialect);
            let digits: Vec<char> = text.chars().filter(char::is_ascii_digit).collect();
            let tail = digits.len().saturating_sub(PHONE_TAIL);
            if let Some(digits) = digits.get(tail..).filter(|digits| !digits.is_empty()) {
                self.phones.insert(digits.iter().collect());
            }
        } else if line.is("EMAIL") {
            self.emails.insert(line.text(dialect).trim().to_lowercase());
        } else if line.is("ORG") {
            let text = line.escaped_text(dialect);
            self.organization = normalized(text.split(';').next().unwrap_or_default());
        } else if line.is("BDAY") {
            let text = line.text(dialect);
            self.birthday = text.chars().filter(char::is_ascii_digit).take(8).collect();
        }
    }

    /// Adds a line to the canonical form, in which neither order nor spelling shows.
    fn count(&mut self, line: &Line<'_>, dialect: Dialect) {
        let mut form = line.name().to_ascii_uppercase();
        let mut types: Vec<Vec<u8>> = line.types().map(<[u8]>::to_ascii_uppercase).collect();
        types.sort_unstable();
        types.dedup();
        for kind in types {
            form.push(b';');
            form.extend(kind);
        }
        if let Some(zone) = line.param("TZID") {
            form.extend(b";TZID=");
            form.extend(zone.unquoted());
        }
        form.push(b':');
        match std::str::from_utf8(&line.bytes(dialect)) {
            Ok(_) => {
                let text = line.escaped_text(dialect);
                form.extend(text.trim().trim_end_matches(';').replace('\r', "").bytes());
            }
            Err(_) => form.extend(line.bytes(dialect).iter()),
        }
        let line = hash(&form);
        self.lines.insert(line);
        self.exact = self.exact.wrapping_add(line);
    }
}

/// Properties that software changes by itself.
fn is_volatile(line: &Line<'_>) -> bool {
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
fn normalized(text: &str) -> String {
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
