//! Files that hold many items, as address books and calendars export them.
//!
//! A store holds one record an item, so a file is taken apart: each card, note and bookmark by
//! its exact bytes; each record of a calendar, overridden occurrences included, in a calendar of
//! its own with the properties and time zones that it needs. Parts are made one at a time, so a
//! file costs the memory of its index and of one part.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::Range;

use crate::component::{Components, Event, Tag};
use crate::line::Line;
use crate::media::{Format, first_component, media_type_of};

/// Bytes of properties and time zones that are copied into each part of a calendar at most.
const MAX_ENVELOPE: usize = 128 * 1024;

/// Bytes of a component's name that an error shows.
const MAX_NAME: usize = 40;

/// One item of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The media type, by the text of the item.
    pub media_type: &'static str,
    /// The item.
    pub content: Vec<u8>,
}

/// A part of a file that is no item. Offsets are bytes from the start of the text, after its byte
/// order mark.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SplitError {
    /// The file is no text.
    #[error("no text: a zero byte at byte {offset}")]
    Binary {
        /// Where the first zero byte stands.
        offset: usize,
    },
    /// Text between items.
    #[error("{length} bytes at byte {offset} belong to no item")]
    Outside {
        /// Where it begins.
        offset: usize,
        /// Its length in bytes.
        length: usize,
    },
    /// A component that breaks off, at the end of the file or at the start of another.
    #[error("{component} at byte {offset} has no end")]
    Unended {
        /// Its name.
        component: String,
        /// Where it begins.
        offset: usize,
    },
    /// A component that is nothing a store holds, such as free and busy times.
    #[error("{component} at byte {offset} is no item")]
    Component {
        /// Its name.
        component: String,
        /// Where it begins.
        offset: usize,
    },
    /// A calendar's properties and the time zones of an item are too long to be repeated for it.
    #[error("the item at byte {offset} needs more than {limit} bytes of properties and time zones")]
    Envelope {
        /// Where the item begins.
        offset: usize,
        /// The limit in bytes.
        limit: usize,
    },
}

/// Takes a file apart, in the order of the file.
///
/// Text that does not start with a component is one plain text. A calendar with a single record
/// stays as it is. Records of a calendar are told apart by `UID`; each one without is an item.
pub fn split(content: &[u8]) -> Parts<'_> {
    let is_wide = content.starts_with(&[0xff, 0xfe]) || content.starts_with(&[0xfe, 0xff]);
    let content = content.strip_prefix(b"\xef\xbb\xbf").unwrap_or(content);
    let mut parts = Parts {
        content,
        components: Components::new(content),
        calendar: None,
        ready: VecDeque::new(),
        pushed_back: None,
    };
    let zero = content.iter().position(|byte| *byte == 0);
    match zero {
        Some(offset) if !is_wide => parts.only(Err(SplitError::Binary { offset })),
        _ if content.trim_ascii().is_empty() => parts.components = Components::new(&[]),
        _ if first_component(content, false).is_none() => {
            parts.only(Ok(Part {
                media_type: Format::Text.media_type(),
                content: content.to_vec(),
            }));
        }
        _ => {}
    }
    parts
}

/// The parts of a file; see [`split`].
#[derive(Debug, Clone)]
pub struct Parts<'a> {
    content: &'a [u8],
    components: Components<'a>,
    calendar: Option<Calendar>,
    /// What comes before the next record of the calendar.
    ready: VecDeque<Result<Part, SplitError>>,
    pushed_back: Option<Event<'a>>,
}

/// What a calendar holds, as places in the file.
#[derive(Debug, Clone, Default)]
struct Calendar {
    start: Range<usize>,
    properties: Vec<Range<usize>>,
    zones: Vec<(Vec<u8>, Range<usize>)>,
    records: VecDeque<Record>,
    end: Option<Range<usize>>,
}

#[derive(Debug, Clone, Default)]
struct Record {
    components: Vec<Range<usize>>,
    zones: BTreeSet<Vec<u8>>,
}

/// What one component of a calendar says of itself.
#[derive(Debug, Default)]
struct Entry {
    uid: Option<Vec<u8>>,
    zone: Option<Vec<u8>>,
    zones: BTreeSet<Vec<u8>>,
}

impl<'a> Parts<'a> {
    fn only(&mut self, part: Result<Part, SplitError>) {
        self.components = Components::new(&[]);
        self.ready.push_back(part);
    }

    fn event(&mut self) -> Option<Event<'a>> {
        self.pushed_back.take().or_else(|| self.components.next())
    }

    /// The component that `start` begins, to its end.
    fn component(&mut self, start: &Line<'a>) -> Result<(Range<usize>, Entry), SplitError> {
        let mut entry = Entry::default();
        let mut depth = 1_usize;
        while let Some(event) = self.event() {
            match event {
                Event::Begin { .. } => depth += 1,
                Event::Property(line) => {
                    if let Some(zone) = line.param("TZID") {
                        entry.zones.insert(zone.unquoted().to_vec());
                    }
                    let value = || line.text(crate::Dialect::New).trim().as_bytes().to_vec();
                    if depth == 1 && line.is("UID") {
                        entry.uid = Some(value()).filter(|uid| !uid.is_empty());
                    } else if depth == 1 && line.is("TZID") {
                        entry.zone = Some(value());
                    }
                }
                Event::End { line, .. } => {
                    depth -= 1;
                    if depth == 0 {
                        let end = line.ok_or_else(|| unended(start))?;
                        return Ok((start.offset()..place(&end).end, entry));
                    }
                }
            }
        }
        Err(unended(start))
    }

    /// Reads the calendar that `start` begins, and makes its records ready.
    fn read_calendar(&mut self, start: &Line<'a>) {
        let mut calendar = Calendar {
            start: place(start),
            ..Calendar::default()
        };
        let mut by_uid = BTreeMap::new();
        while let Some(event) = self.event() {
            match event {
                Event::Property(line) => calendar.properties.push(place(&line)),
                Event::End { line, .. } => {
                    calendar.end = line.as_ref().map(place);
                    break;
                }
                Event::Begin { tag, line } => match self.component(&line) {
                    Err(error) => self.ready.push_back(Err(error)),
                    Ok((range, entry)) if tag == Tag::VTimezone => {
                        calendar.zones.push((entry.zone.unwrap_or_default(), range));
                    }
                    Ok((range, entry)) if tag.is_calendar_entry() => {
                        let next = calendar.records.len();
                        let at = match entry.uid {
                            Some(uid) => *by_uid.entry(uid).or_insert(next),
                            None => next,
                        };
                        if at == next {
                            calendar.records.push_back(Record::default());
                        }
                        if let Some(record) = calendar.records.get_mut(at) {
                            record.components.push(range);
                            record.zones.extend(entry.zones);
                        }
                    }
                    Ok(_) => self.ready.push_back(Err(no_item(&line))),
                },
            }
        }
        match &calendar.end {
            Some(end) if calendar.records.len() == 1 && self.ready.is_empty() => {
                let whole = calendar.start.start..end.end;
                self.ready.push_back(Ok(part(self.bytes(&whole).to_vec())));
            }
            _ => self.calendar = Some(calendar),
        }
    }

    /// The next record of the calendar, in a calendar of its own.
    fn record(&mut self) -> Option<Result<Part, SplitError>> {
        let record = self.calendar.as_mut()?.records.pop_front()?;
        let calendar = self.calendar.as_ref()?;
        let zones = calendar
            .zones
            .iter()
            .filter(|(name, _)| record.zones.contains(name))
            .map(|(_, range)| range);
        let head = || calendar.properties.iter().chain(zones.clone());
        if head().map(Range::len).sum::<usize>() > MAX_ENVELOPE {
            return Some(Err(SplitError::Envelope {
                offset: record.components.first().map_or(0, |range| range.start),
                limit: MAX_ENVELOPE,
            }));
        }
        let mut content = Vec::new();
        let ranges = std::iter::once(&calendar.start)
            .chain(head())
            .chain(&record.components)
            .chain(&calendar.end);
        for range in ranges {
            content.extend_from_slice(self.bytes(range));
            if !content.ends_with(b"\n") && !content.ends_with(b"\r") {
                content.extend_from_slice(b"\r\n");
            }
        }
        if calendar.end.is_none() {
            content.extend_from_slice(b"END:VCALENDAR\r\n");
        }
        Some(Ok(part(content)))
    }

    fn bytes(&self, range: &Range<usize>) -> &'a [u8] {
        self.content.get(range.clone()).unwrap_or_default()
    }

    /// Text outside of components, from `first` to the next of them.
    fn outside(&mut self, first: &Line<'a>) -> Option<SplitError> {
        let mut end = first.offset();
        let mut next = Some(first.clone());
        while let Some(line) = next.take() {
            if !line.source().trim_ascii().is_empty() {
                end = place(&line).end;
            }
            match self.event() {
                Some(Event::Property(line)) => next = Some(line),
                other => self.pushed_back = other,
            }
        }
        let length = end - first.offset();
        (length > 0).then_some(SplitError::Outside {
            offset: first.offset(),
            length,
        })
    }
}

impl Iterator for Parts<'_> {
    type Item = Result<Part, SplitError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(part) = self.ready.pop_front() {
                return Some(part);
            }
            if let Some(part) = self.record() {
                return Some(part);
            }
            self.calendar = None;
            match self.event()? {
                Event::Begin {
                    tag: Tag::VCalendar,
                    line,
                } => self.read_calendar(&line),
                Event::Begin { tag, line } => {
                    let is_item = !matches!(tag, Tag::Other | Tag::VTimezone | Tag::VAlarm);
                    return Some(match self.component(&line) {
                        Ok((range, _)) if is_item => Ok(part(self.bytes(&range).to_vec())),
                        Ok(_) => Err(no_item(&line)),
                        Err(error) => Err(error),
                    });
                }
                Event::Property(line) => {
                    if let Some(error) = self.outside(&line) {
                        return Some(Err(error));
                    }
                }
                // belongs to a component that was given up
                Event::End { .. } => {}
            }
        }
    }
}

fn part(content: Vec<u8>) -> Part {
    Part {
        media_type: media_type_of(&content),
        content,
    }
}

fn place(line: &Line<'_>) -> Range<usize> {
    line.offset()..line.offset() + line.source().len()
}

fn name(line: &Line<'_>) -> String {
    let name = line.raw_value().trim_ascii();
    let name = name.get(..name.len().min(MAX_NAME)).unwrap_or(name);
    String::from_utf8_lossy(name).into_owned()
}

fn unended(start: &Line<'_>) -> SplitError {
    SplitError::Unended {
        component: name(start),
        offset: start.offset(),
    }
}

fn no_item(start: &Line<'_>) -> SplitError {
    SplitError::Component {
        component: name(start),
        offset: start.offset(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use proptest::prelude::*;

    fn contents(file: &str) -> Vec<String> {
        split(file.as_bytes())
            .map(|part| String::from_utf8(part.unwrap().content).unwrap())
            .collect()
    }

    fn card(name: &str) -> String {
        format!("BEGIN:VCARD\r\nVERSION:3.0\r\nFN:{name}\r\nEND:VCARD\r\n")
    }

    fn event(uid: &str, more: &str) -> String {
        format!("BEGIN:VEVENT\r\nUID:{uid}\r\n{more}END:VEVENT\r\n")
    }

    fn zone(name: &str) -> String {
        format!(
            "BEGIN:VTIMEZONE\r\nTZID:{name}\r\nBEGIN:STANDARD\r\nTZOFFSETTO:+0100\r\n\
             END:STANDARD\r\nEND:VTIMEZONE\r\n"
        )
    }

    fn calendar(body: &str) -> String {
        format!("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x\r\n{body}END:VCALENDAR\r\n")
    }

    #[test]
    fn each_card_keeps_its_bytes() {
        let agent =
            "BEGIN:VCARD\nVERSION:2.1\nAGENT:\nBEGIN:VCARD\nFN:b\nEND:VCARD\nFN:a\nEND:VCARD\n";
        let last = "BEGIN:VCARD\nVERSION:4.0\nFN:c\nEND:VCARD";
        let file = format!("\u{feff}{}\r\n\r\n{agent}{last}", card("x"));
        assert_eq!(contents(&file), [&card("x"), agent, last]);
        let types: Vec<_> = split(file.as_bytes())
            .map(|part| part.unwrap().media_type)
            .collect();
        assert_eq!(types, ["text/vcard", "text/x-vcard", "text/vcard"]);
    }

    #[test]
    fn a_calendar_of_one_record_stays_as_it_is() {
        let one = calendar(&format!("{}{}", zone("Unused"), event("1", "")));
        assert_eq!(contents(&one), [one.as_str()]);
        let two = format!("{one}{}", calendar(&event("2", "")));
        assert_eq!(contents(&two), [one, calendar(&event("2", ""))]);
    }

    #[test]
    fn records_take_their_zones_and_overrides_with_them() {
        let start = "DTSTART;TZID=\"Europe/Berlin\":20260302T090000\r\n";
        let alarm = "BEGIN:VALARM\r\nTRIGGER;TZID=Asia/Tokyo:20260302T080000\r\nEND:VALARM\r\n";
        let moved = event("1", "RECURRENCE-ID:20260309T080000Z\r\n");
        let file = calendar(&format!(
            "{}{}{}{}{}{}",
            zone("Europe/Berlin"),
            event("1", start),
            event("2", alarm),
            moved,
            zone("Asia/Tokyo"),
            zone("Unused"),
        ));
        assert_eq!(
            contents(&file),
            [
                calendar(&format!(
                    "{}{}{moved}",
                    zone("Europe/Berlin"),
                    event("1", start)
                )),
                calendar(&format!("{}{}", zone("Asia/Tokyo"), event("2", alarm))),
            ]
        );
    }

    #[test]
    fn entries_without_an_identifier_are_records_of_their_own() {
        let todo = "BEGIN:VTODO\nSUMMARY:a\nEND:VTODO\n";
        let file = format!("BEGIN:VCALENDAR\nVERSION:1.0\nTZ:+01\n{todo}{todo}END:VCALENDAR\n");
        let parts: Vec<_> = split(file.as_bytes()).map(Result::unwrap).collect();
        let one = format!("BEGIN:VCALENDAR\nVERSION:1.0\nTZ:+01\n{todo}END:VCALENDAR\n");
        assert_eq!(parts.len(), 2);
        for part in parts {
            assert_eq!(part.content, one.as_bytes());
            assert_eq!(part.media_type, "text/x-vcalendar");
        }
    }

    #[test]
    fn notes_and_bookmarks_are_items() {
        let note = "BEGIN:VNOTE\nVERSION:1.1\nBODY:milk\nEND:VNOTE\n";
        let link = "BEGIN:VBKM\nVERSION:1.0\nURL:http://example.org\nEND:VBKM\n";
        assert_eq!(contents(&format!("{note}{link}{note}")), [note, link, note]);
    }

    #[test]
    fn other_text_is_one_item() {
        let text = "Shopping\n\nBEGIN:VCARD is how a card begins\n";
        assert_eq!(contents(text), [text]);
        assert_eq!(
            split(text.as_bytes()).next().unwrap().unwrap().media_type,
            "text/plain"
        );
        assert_eq!(contents(" \r\n\n"), Vec::<String>::new());
        assert_eq!(contents(""), Vec::<String>::new());
    }

    #[test]
    fn what_is_no_item_is_told() {
        let file = format!(
            "{}junk\n\nmore junk\n\n{}BEGIN:X-THING\nEND:X-THING\nBEGIN:VCARD\nFN:cut",
            card("a"),
            card("b").replace("END:VCARD\r\n", "")
        );
        let offset = |text: &str| file.find(text).unwrap();
        let parts: Vec<_> = split(file.as_bytes()).collect();
        let unended = |offset| {
            Err(SplitError::Unended {
                component: "VCARD".to_owned(),
                offset,
            })
        };
        assert_eq!(parts.len(), 4, "{parts:?}");
        assert!(parts[0].is_ok());
        assert_eq!(
            parts[1],
            Err(SplitError::Outside {
                offset: offset("junk"),
                length: "junk\n\nmore junk\n".len()
            })
        );
        assert_eq!(
            parts[2],
            unended(offset("BEGIN:VCARD\r\nVERSION:3.0\r\nFN:b"))
        );
        assert_eq!(parts[3], unended(offset("BEGIN:VCARD\nFN:cut")));
    }

    #[test]
    fn components_that_no_store_holds_are_told() {
        let busy = "BEGIN:VFREEBUSY\r\nEND:VFREEBUSY\r\n";
        let file = calendar(&format!("{busy}{}", event("1", "")));
        let parts: Vec<_> = split(file.as_bytes()).collect();
        assert_eq!(
            parts[0],
            Err(SplitError::Component {
                component: "VFREEBUSY".to_owned(),
                offset: file.find("BEGIN:VFREE").unwrap()
            })
        );
        assert_eq!(
            parts[1].as_ref().unwrap().content,
            calendar(&event("1", "")).as_bytes()
        );
        assert_eq!(parts.len(), 2);
        let alone = b"BEGIN:X-THING\nEND:X-THING\n";
        assert!(matches!(
            split(alone).next(),
            Some(Err(SplitError::Component { .. }))
        ));
    }

    #[test]
    fn a_cut_calendar_gives_its_whole_entries() {
        let file = calendar(&format!("{}{}", event("1", ""), event("2", "")));
        let cut = &file[..file.rfind("END:VEVENT").unwrap()];
        let parts: Vec<_> = split(cut.as_bytes()).collect();
        assert!(
            matches!(parts[0], Err(SplitError::Unended { .. })),
            "{parts:?}"
        );
        assert_eq!(
            parts[1].as_ref().unwrap().content,
            calendar(&event("1", "")).as_bytes()
        );
        assert_eq!(parts.len(), 2);
    }

    #[test]
    fn bytes_are_no_text() {
        let parts: Vec<_> = split(b"\x89PNG\0\0").collect();
        assert_eq!(parts, [Err(SplitError::Binary { offset: 4 })]);
    }

    #[test]
    fn an_envelope_is_not_repeated_without_bound() {
        let long = format!("X-LONG:{}\r\n", "x".repeat(MAX_ENVELOPE));
        let file = calendar(&format!("{long}{}{}", event("1", ""), event("2", "")));
        let parts: Vec<_> = split(file.as_bytes()).collect();
        assert_eq!(parts.len(), 2);
        assert!(matches!(parts[0], Err(SplitError::Envelope { .. })));
    }

    proptest! {
        #[test]
        fn no_entry_is_lost_or_doubled(uids in prop::collection::vec(0..5_u8, 0..12)) {
            let entries: Vec<String> = uids
                .iter()
                .enumerate()
                .map(|(number, uid)| event(&uid.to_string(), &format!("X-NUMBER:{number}.\r\n")))
                .collect();
            let joined = contents(&calendar(&entries.concat())).concat();
            for number in 0..uids.len() {
                prop_assert_eq!(joined.matches(&format!("X-NUMBER:{number}.")).count(), 1);
            }
            let distinct: BTreeSet<_> = uids.iter().collect();
            prop_assert_eq!(joined.matches("BEGIN:VCALENDAR").count(), distinct.len());
        }

        #[test]
        fn anything_is_split(pieces in prop::collection::vec(prop_oneof![
            Just("BEGIN:VCARD\n"), Just("END:VCARD\n"), Just("AGENT:\n"), Just("BEGIN:VEVENT\n"),
            Just("END:VEVENT\n"), Just("BEGIN:X\n"), Just("END:X\n"), Just("\n"), Just("UID:x\n"),
            Just("BEGIN:VCALENDAR\n"), Just("END:VCALENDAR\n"), Just("AGENT:BEGIN:VCARD\n"),
            Just("BEGIN:VTIMEZONE\n"), Just("END:VTIMEZONE\n"), Just("text"), Just("TZID:z\n"),
        ], 0..60)) {
            let file = pieces.concat();
            let found = split(file.as_bytes()).count();
            prop_assert!(found <= pieces.len());
        }
    }
}
