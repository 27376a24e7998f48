//! Two records of one collection that are one, and what becomes of them.
//!
//! A slow sync may pair a record with one that is probably it: the device has it anyway. Here a record
//! goes away, so nothing may be a guess and nothing that it says may be lost:
//!
//! ```text
//! the same ───────────────────────────▶ the earlier stands
//! alike, with evidence beyond a name ─▶ no property contradicts ─▶ united ─▶ says all that both said
//! ```

use std::collections::{BTreeMap, BTreeSet};

use crate::convert::{Target, convert};
use crate::decode::Dialect;
use crate::facts::{Facts, Purpose, is_volatile};
use crate::identity::{Likeness, compare, same_by_content};
use crate::line::{Line, Lines};
use crate::media::{Format, Kind};
use crate::merge::{fill_missing, main_component, push_line};
use crate::moment::Moment;
use crate::saying::{self, name_in_any_order};

/// Why two records are one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Evidence {
    /// They say the same.
    Content,
    /// Contacts: one name and a number.
    Number,
    /// Contacts: one name and an e-mail address.
    Email,
    /// Contacts: one name and a birthday, the year included.
    Birthday,
    /// Events and journal entries: one title and start.
    Start,
    /// Tasks: one title and day.
    Due,
    /// Notes: one text.
    Text,
    /// Bookmarks: one address.
    Address,
}

/// What two records make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct United {
    /// Why they are one.
    pub evidence: Evidence,
    /// The kept record with what only the other says; `None` if it says all of that already.
    pub content: Option<Vec<u8>>,
}

/// Lists of a contact, whose lines are taken from both.
const LISTS: [&str; 6] = ["TEL", "EMAIL", "URL", "ADR", "IMPP", "NICKNAME"];

/// Unites a record with another one of the same collection, if they are one beyond doubt; `None` if
/// they are not, or if the united record would not say all that both said.
///
/// Records that are not the same have to agree in more than their name or title ([`Evidence`]), and
/// may not contradict each other: of each property that both have, one value has to be in both.
/// Identifiers and extensions (`X-`) do not count. The kept record's bytes stay as they are; lines of
/// the other one are added before its end, in the kept record's format.
pub fn unite(kept_type: &str, kept: &[u8], other_type: &str, other: &[u8]) -> Option<United> {
    match compare(kept_type, kept, other_type, other) {
        Likeness::Different => return None,
        Likeness::Same => {
            return Some(United {
                evidence: Evidence::Content,
                content: None,
            });
        }
        Likeness::Match(_) => {}
    }
    let facts = |media_type: &str, content: &[u8]| Facts::of(media_type, content, Purpose::Index);
    let (a, b) = (facts(kept_type, kept), facts(other_type, other));
    let evidence = evidence(&a, &b)?;
    let kept_says = Said::of(kept_type, kept);
    if kept_says.contradicts(&Said::of(other_type, other)) {
        return None;
    }
    let format = Format::of(kept_type, kept)?;
    let converted;
    let other = if Format::of(other_type, other) == Some(format) {
        other
    } else {
        let target = Target {
            format,
            quoted_printable: true,
        };
        converted = convert(other, other_type, target).ok()?;
        if !converted.lost.is_empty() {
            return None;
        }
        &converted.bytes
    };
    let other_says = Said::of(format.media_type(), other);
    if kept_says.says_all_of(&other_says) {
        return Some(United {
            evidence,
            content: None,
        });
    }
    let mut content = fill_missing(kept, other).unwrap_or_else(|| kept.to_vec());
    if a.kind() == Kind::Contact {
        content = with_lists(content, other, format.dialect());
    }
    let all = Said::of(kept_type, &content);
    (all.says_all_of(&kept_says) && all.says_all_of(&other_says)).then_some(United {
        evidence,
        content: Some(content),
    })
}

/// What beyond a name or title two records that may be one have in common.
fn evidence(a: &Facts, b: &Facts) -> Option<Evidence> {
    if !same_by_content(a, b) {
        return None;
    }
    match a.kind() {
        Kind::Contact if !a.phones.is_disjoint(&b.phones) => Some(Evidence::Number),
        Kind::Contact if !a.emails.is_disjoint(&b.emails) => Some(Evidence::Email),
        Kind::Contact => {
            (a.birthday.len() == 8 && a.birthday == b.birthday).then_some(Evidence::Birthday)
        }
        Kind::Event | Kind::Journal => a.record.start.is_some().then_some(Evidence::Start),
        Kind::Task => {
            let day = |facts: &Facts| facts.record.due.as_ref().and_then(Moment::day);
            (day(a).is_some() && day(a) == day(b)).then_some(Evidence::Due)
        }
        Kind::Note => (a.body == b.body).then_some(Evidence::Text),
        Kind::Bookmark => Some(Evidence::Address),
        Kind::Other => None,
    }
}

/// What the lines of an item say, by property.
#[derive(Debug, Default)]
struct Said(BTreeMap<Vec<u8>, BTreeSet<String>>);

impl Said {
    fn of(media_type: &str, content: &[u8]) -> Self {
        let mut said = Self::default();
        let format = Format::of(media_type, content).filter(|format| *format != Format::Text);
        let Some(format) = format else {
            return said;
        };
        let mut in_zone = false;
        for line in Lines::new(content) {
            if line.is("BEGIN") || line.is("END") {
                if line
                    .raw_value()
                    .trim_ascii()
                    .eq_ignore_ascii_case(b"VTIMEZONE")
                {
                    in_zone = line.is("BEGIN");
                }
                continue;
            }
            if in_zone || is_volatile(&line) || is_named_by_software(&line) {
                continue;
            }
            let value = value(&line, format.dialect());
            if !value.is_empty() {
                let name = line.name().to_ascii_uppercase();
                said.0.entry(name).or_default().insert(value);
            }
        }
        said
    }

    /// Whether they differ in all values of a property that both have.
    fn contradicts(&self, other: &Self) -> bool {
        let starts = |said: &Self| said.0.get(b"DTSTART".as_slice()).cloned();
        // one instant may be written in two zones, and then the end is as well
        let zones_differ = starts(self) != starts(other);
        self.0.iter().any(|(name, values)| {
            let is_time = [&b"DTSTART"[..], b"DTEND"].contains(&name.as_slice());
            let others = other.0.get(name);
            others.is_some_and(|others| values.is_disjoint(others)) && !(is_time && zones_differ)
        })
    }

    fn says_all_of(&self, other: &Self) -> bool {
        let starts = |said: &Self| said.0.get(b"DTSTART".as_slice()).cloned();
        let zones_differ = starts(self) != starts(other);
        other.0.iter().all(|(name, values)| {
            let is_time = [&b"DTSTART"[..], b"DTEND"].contains(&name.as_slice());
            let own = self.0.get(name);
            own.is_some_and(|own| values.is_subset(own) || (is_time && zones_differ))
        })
    }
}

fn is_named_by_software(line: &Line<'_>) -> bool {
    line.is("UID")
        || line
            .name()
            .get(..2)
            .is_some_and(|start| start.eq_ignore_ascii_case(b"X-"))
}

/// A value, the same for whatever is the same to a person.
fn value(line: &Line<'_>, dialect: Dialect) -> String {
    if line.is("TEL") {
        let digits = saying::digits_of_number(&line.text(dialect), crate::facts::PHONE_TAIL);
        if !digits.is_empty() {
            return digits;
        }
    }
    if line.is("FN") {
        return name_in_any_order(&line.text(dialect));
    }
    saying::value(line, dialect)
}

/// A contact with the lines of another one's lists whose values it lacks.
fn with_lists(content: Vec<u8>, other: &[u8], dialect: Dialect) -> Vec<u8> {
    let is_card = |name: &[u8]| name == b"VCARD";
    let main = main_component(&content, is_card);
    let source = main_component(other, is_card);
    let (Some(main), Some(source)) = (main, source) else {
        return content;
    };
    let lists = |line: &[u8]| -> Option<(Vec<u8>, String)> {
        let line = Line::parse(line)?;
        let name = line.name().to_ascii_uppercase();
        let is_list = LISTS.iter().any(|list| line.is(list));
        is_list.then(|| (name, value(&line, dialect)))
    };
    let mut held: BTreeSet<_> = main
        .properties
        .iter()
        .filter_map(|own| lists(own.line))
        .collect();
    let mut added = Vec::new();
    for property in &source.properties {
        if let Some(entry) = lists(property.line)
            && held.insert(entry)
        {
            push_line(&mut added, property.line);
        }
    }
    let Some((before, after)) = main.end.and_then(|end| content.split_at_checked(end)) else {
        return content;
    };
    [before, &added, after].concat()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn card(version: &str, lines: &str) -> String {
        format!("BEGIN:VCARD\r\nVERSION:{version}\r\nN:Berg;Ada\r\n{lines}\r\nEND:VCARD\r\n")
    }

    fn cards(kept: &str, other: &str) -> Option<United> {
        let (kept, other) = (card("3.0", kept), card("2.1", other));
        unite(
            "text/vcard",
            kept.as_bytes(),
            "text/x-vcard",
            other.as_bytes(),
        )
    }

    #[test]
    fn the_same_in_another_spelling_leaves_the_first_as_it_is() {
        let united = cards("TEL;TYPE=CELL:+49 30 1", "TEL;CELL:+49301").unwrap();
        assert_eq!(united.evidence, Evidence::Content);
        assert_eq!(united.content, None);
    }

    #[test]
    fn lists_are_united_in_the_format_that_is_kept() {
        let united = cards(
            "TEL;TYPE=CELL:030 1234567\r\nTITLE:Baker",
            "TEL;HOME:(030) 1234567\r\nTEL;WORK:040 7654321\r\nNOTE:likes tea, strong",
        )
        .unwrap();
        assert_eq!(united.evidence, Evidence::Number);
        let text = String::from_utf8(united.content.unwrap()).unwrap();
        let kept = card("3.0", "TEL;TYPE=CELL:030 1234567\r\nTITLE:Baker");
        let kept = kept.strip_suffix("END:VCARD\r\n").unwrap();
        let added = text.strip_prefix(kept).unwrap();
        assert!(
            added.contains("040 7654321") && added.contains("tea\\, strong"),
            "{added}"
        );
        assert!(!added.contains("(030)"), "{added}");
        // and what is united takes the other one in without a change
        let again = card("2.1", "TEL;WORK:040 7654321\r\nTITLE:Baker");
        let united = unite("text/vcard", text.as_bytes(), "", again.as_bytes()).unwrap();
        assert_eq!(united.content, None);
    }

    #[test]
    fn what_contradicts_stays_two() {
        for (kept, other) in [
            ("TEL:1234567", "TEL:7654321"),
            ("TEL:1234567", "NOTE:x"),
            (
                "TEL:1234567\r\nEMAIL:a@example.org",
                "TEL:1234567\r\nEMAIL:b@example.org",
            ),
            (
                "TEL:1234567\r\nBDAY:1950-01-01",
                "TEL:1234567\r\nBDAY:19840506",
            ),
            ("TEL:1234567\r\nNOTE:old", "TEL:1234567\r\nNOTE:new"),
            ("ORG:Mill", "ORG:Mill\r\nTEL:1234567"),
        ] {
            assert_eq!(cards(kept, other), None, "{kept} and {other}");
        }
    }

    #[test]
    fn events_of_one_title_and_start_are_one_unless_something_contradicts() {
        let event = |lines: &str| {
            format!(
                "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nSUMMARY:Choir\r\n{lines}\r\n\
                 END:VEVENT\r\nEND:VCALENDAR\r\n"
            )
        };
        let unite = |a: &str, b: &str| {
            let (a, b) = (event(a), event(b));
            unite("text/calendar", a.as_bytes(), "text/calendar", b.as_bytes())
        };
        let held = "UID:1\r\nDTSTART;TZID=Europe/Berlin:20260701T100000\r\nLOCATION:Hall";
        let found = unite(held, "UID:2\r\nDTSTART:20260701T080000Z\r\nCLASS:PRIVATE").unwrap();
        assert_eq!(found.evidence, Evidence::Start);
        let text = String::from_utf8(found.content.unwrap()).unwrap();
        assert!(text.contains("CLASS:PRIVATE\r\nEND:VEVENT"), "{text}");
        for other in [
            "UID:1\r\nDTSTART:20260701T090000Z",
            "UID:2\r\nDTSTART:20260701T080000Z\r\nLOCATION:Church",
            "UID:2\r\nDTSTART:20260701T080000Z\r\nRRULE:FREQ=DAILY",
            // an alarm would be lost
            "UID:2\r\nDTSTART:20260701T080000Z\r\nBEGIN:VALARM\r\nTRIGGER:-PT5M\r\nEND:VALARM",
        ] {
            assert_eq!(unite(held, other), None, "{other}");
        }
    }
}
