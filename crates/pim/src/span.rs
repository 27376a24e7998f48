//! When an entry of a calendar takes place, and which instants a written time may be: what a
//! choice of entries by time needs.
//!
//! A time in a zone that the item does not describe, a time of no place, and a date are known to
//! within the offsets that zones keep. So they come as a range, and whoever asks decides what a
//! doubt means.

use crate::component::{Components, Event, Tag};
use crate::decode::Dialect;
use crate::fields::is_one_of;
use crate::line::Line;
use crate::media::Format;
use crate::moment::{Moment, WIDEST, Zone};
use crate::own::own_lines;

const DAY: i64 = 86_400;

/// Bytes of descriptions of zones: each time that is read is a look through them.
const MAX_ZONES: usize = 16 * 1024;

/// Times of one line that are read.
const MAX_TIMES: usize = 1000;

/// A date or time, as the instants that it may stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Time {
    /// The earliest, in seconds since 1970, UTC.
    pub earliest: i64,
    /// The latest.
    pub latest: i64,
    /// For a date or a time of no place: what a clock shows then, in seconds since 1970. Two such
    /// times are compared exactly by it.
    pub local: Option<i64>,
    /// Whether it is a date without a time; then the range is that of its first instant.
    pub is_date: bool,
}

impl Time {
    /// Reads the basic or extended form of ISO 8601, with or without a time. `None` for anything
    /// else.
    pub fn read(text: &str) -> Option<Self> {
        Self::of(&Moment::read(text, None))
    }

    fn of(moment: &Moment) -> Option<Self> {
        let (wall, is_local, is_date) = moment.reading()?;
        let around = |seconds: i64| (seconds - WIDEST * 3600, seconds + WIDEST * 3600);
        let (earliest, latest) = match moment.instant() {
            Some(instant) => (instant, instant),
            None => around(wall),
        };
        Some(Self {
            earliest,
            latest,
            local: is_local.then_some(wall),
            is_date,
        })
    }

    fn later_by(self, seconds: i64) -> Self {
        Self {
            earliest: self.earliest.saturating_add(seconds),
            latest: self.latest.saturating_add(seconds),
            local: self.local.map(|local| local.saturating_add(seconds)),
            is_date: self.is_date && seconds % DAY == 0,
        }
    }
}

/// The time zones that an item describes.
#[derive(Debug, Default)]
pub struct Zones(Vec<Zone>);

impl Zones {
    /// Those of `content` (VTIMEZONE); none if their descriptions are longer than 16 KiB.
    pub fn of(content: &[u8], dialect: Dialect) -> Self {
        let mut zones: Vec<Zone> = Vec::new();
        let mut within = false;
        let mut length = 0;
        for event in Components::new(content) {
            match event {
                Event::Begin {
                    tag: Tag::VTimezone,
                    ..
                } => {
                    zones.push(Zone::default());
                    within = true;
                }
                Event::End {
                    tag: Tag::VTimezone,
                    ..
                } => within = false,
                Event::Begin { line, .. } if within => {
                    length += line.source().len();
                    if let Some(zone) = zones.last_mut() {
                        zone.begin_observance();
                    }
                }
                Event::Property(line) if within => {
                    length += line.source().len();
                    if length > MAX_ZONES {
                        return Self::default();
                    }
                    if let Some(zone) = zones.last_mut() {
                        let text = line.text(dialect);
                        if line.is("TZID") {
                            zone.name = text.trim().to_uppercase();
                        } else {
                            zone.take(line.name(), &text);
                        }
                    }
                }
                _ => {}
            }
        }
        Self(zones)
    }

    /// The times of a line's value, which may be a list; of a period, its start. `None` for each
    /// that is none, and for all beyond the first thousand.
    pub fn times(&self, line: &Line<'_>, dialect: Dialect) -> Vec<Option<Time>> {
        let zone = line
            .param("TZID")
            .map(|param| String::from_utf8_lossy(param.unquoted()).into_owned());
        line.text(dialect)
            .split([',', ';'])
            .enumerate()
            .map(|(at, text)| {
                // a zone may be as long as the list
                if at >= MAX_TIMES {
                    return None;
                }
                let start = text.split('/').next().unwrap_or_default();
                let mut moment = Moment::read(start, zone.as_deref());
                moment.resolve(&self.0);
                Time::of(&moment)
            })
            .collect()
    }

    /// Adds those of another item, which are looked at last.
    pub(crate) fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// A written time, in one of these zones.
    pub(crate) fn moment(&self, text: &str, zone: Option<&str>) -> Moment {
        let mut moment = Moment::read(text, zone);
        moment.resolve(&self.0);
        moment
    }

    fn time(&self, line: &Line<'_>, dialect: Dialect) -> Option<Time> {
        self.times(line, dialect).into_iter().next().flatten()
    }
}

/// From when to when an item takes place at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The first instant that may be part of it, in seconds since 1970, UTC.
    pub first: i64,
    /// The last; `None` if it may go on for ever.
    pub last: Option<i64>,
}

/// When the entries of a calendar object take place, all together.
///
/// An event goes from `DTSTART` to just before `DTEND`, or for its `DURATION`, or for the day of
/// a date. A task goes from `DTSTART` to `DUE`, or is at the one that it has. A journal entry is
/// at its `DTSTART`. What recurs ends by `UNTIL` (for vCalendar, the date that ends the rule) or
/// its last `RDATE`; a rule that ends by a count, or in any other way, is taken to go on.
///
/// `None` if the content is no calendar object, or an entry in it has no time that can be read.
pub fn span(media_type: &str, content: &[u8]) -> Option<Span> {
    let format = Format::of(media_type, content)?;
    if !matches!(format, Format::VCalendar10 | Format::ICalendar20) {
        return None;
    }
    let dialect = format.dialect();
    let zones = Zones::of(content, dialect);
    let mut whole: Option<Span> = None;
    let mut entry = Entry::default();
    let mut walker = Components::new(content);
    while let Some(event) = walker.next() {
        match event {
            Event::Begin { tag, .. } if tag.is_calendar_entry() => entry = Entry::default(),
            Event::End { tag, .. } if tag.is_calendar_entry() => {
                let span = std::mem::take(&mut entry).span(tag)?;
                whole = Some(match whole {
                    None => span,
                    Some(before) => Span {
                        first: before.first.min(span.first),
                        last: before.last.zip(span.last).map(|(a, b)| a.max(b)),
                    },
                });
            }
            Event::Property(line) if walker.enclosing(0).is_some_and(Tag::is_calendar_entry) => {
                entry.take(&line, dialect, &zones);
            }
            _ => {}
        }
    }
    whole
}

/// The [`span()`] of a calendar object, widened to every start, end and due time that is written in it,
/// also where it means nothing: what compares any of them finds it in here.
///
/// `None` where `span` has none, or one of these cannot be read.
pub fn reach(media_type: &str, content: &[u8]) -> Option<Span> {
    let mut reach = span(media_type, content)?;
    let dialect = Format::of(media_type, content)?.dialect();
    let zones = Zones::of(content, dialect);
    let written = own_lines(content).filter(|line| is_one_of(line, &["DTSTART", "DTEND", "DUE"]));
    for line in written.filter(|line| !line.is_empty()) {
        for time in zones.times(&line, dialect) {
            let time = time?;
            reach.first = reach.first.min(time.earliest);
            reach.last = reach.last.map(|last| last.max(time.latest));
        }
    }
    Some(reach)
}

#[derive(Debug, Default)]
struct Entry {
    start: Option<Time>,
    end: Option<Time>,
    due: Option<Time>,
    duration: Option<i64>,
    /// The latest starts of what recurs.
    later: Vec<Time>,
    endless: bool,
}

impl Entry {
    fn take(&mut self, line: &Line<'_>, dialect: Dialect, zones: &Zones) {
        if line.is("DTSTART") {
            self.start = zones.time(line, dialect);
        } else if line.is("DTEND") {
            self.end = zones.time(line, dialect);
        } else if line.is("DUE") {
            self.due = zones.time(line, dialect);
        } else if line.is("DURATION") {
            self.duration = read_duration(&line.text(dialect));
        } else if line.is("RDATE") && !line.is_empty() {
            let times = zones.times(line, dialect);
            self.endless |= times.iter().any(Option::is_none);
            self.later.extend(times.into_iter().flatten());
        } else if line.is("RRULE") && !line.is_empty() {
            match rule_end(&line.text(dialect), dialect) {
                Some(until) => self.later.push(until),
                None => self.endless = true,
            }
        }
    }

    fn span(self, tag: Tag) -> Option<Span> {
        let end = match tag {
            Tag::VTodo => self.due,
            Tag::VEvent => self.end,
            _ => None,
        };
        let start = self.start.or(end)?;
        let by_duration = self.duration.map(|seconds| start.later_by(seconds));
        let day = (tag == Tag::VEvent && start.is_date).then(|| start.later_by(DAY));
        let end = end.or(by_duration).or(day).unwrap_or(start);
        // the end of an event is the first instant that is not part of it
        let open = i64::from(tag == Tag::VEvent);
        let first = start.earliest.min(end.earliest);
        let last = start.latest.max(end.latest.saturating_sub(open));
        let length = last.saturating_sub(start.latest);
        let ends = self.later.iter().map(|time| time.latest);
        let firsts = self.later.iter().map(|time| time.earliest);
        Some(Span {
            first: firsts.fold(first, i64::min),
            last: (!self.endless).then(|| {
                ends.map(|end| end.saturating_add(length))
                    .fold(last, i64::max)
            }),
        })
    }
}

/// The last start that a recurrence rule allows, if it names one.
fn rule_end(rule: &str, dialect: Dialect) -> Option<Time> {
    let end = match dialect {
        Dialect::New => rule.split(';').find_map(|part| {
            let (name, value) = part.split_once('=')?;
            name.trim().eq_ignore_ascii_case("UNTIL").then_some(value)
        })?,
        Dialect::Old => rule.split_ascii_whitespace().next_back()?,
    };
    let end = Time::read(end)?;
    // a date is the whole day
    Some(if end.is_date {
        end.later_by(DAY - 1)
    } else {
        end
    })
}

/// `P1DT2H30M`, in seconds; vCalendar has none. Months and years are not in use.
fn read_duration(text: &str) -> Option<i64> {
    let text = text.trim().to_ascii_uppercase();
    let mut rest = text.strip_prefix('+').unwrap_or(&text).strip_prefix('P')?;
    let mut seconds = 0_i64;
    while !rest.is_empty() {
        rest = rest.strip_prefix('T').unwrap_or(rest);
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, after) = rest.split_at_checked(digits)?;
        let number: i64 = number.parse().ok()?;
        let unit = match after.bytes().next()? {
            b'W' => 7 * DAY,
            b'D' => DAY,
            b'H' => 3600,
            b'M' => 60,
            b'S' => 1,
            _ => return None,
        };
        seconds = seconds.checked_add(number.checked_mul(unit)?)?;
        rest = after.get(1..)?;
    }
    Some(seconds)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const HOUR: i64 = 3600;

    fn at(text: &str) -> i64 {
        Time::read(text).unwrap().earliest
    }

    fn of(version: &str, entry: &str, lines: &str) -> Option<Span> {
        let content = format!(
            "BEGIN:VCALENDAR\nVERSION:{version}\nBEGIN:{entry}\n{lines}\nEND:{entry}\nEND:VCALENDAR\n"
        );
        span("text/calendar", content.as_bytes())
    }

    #[test]
    fn an_entry_has_first_and_last_instant() {
        let nine = at("20100101T090000Z");
        let known = [
            ("VEVENT", "DTSTART:20100101T090000Z", 0),
            (
                "VEVENT",
                "DTSTART:20100101T090000Z\nDTEND:20100101T100000Z",
                HOUR - 1,
            ),
            (
                "VEVENT",
                "DTSTART:20100101T090000Z\nDURATION:PT2H",
                2 * HOUR - 1,
            ),
            (
                "VTODO",
                "DTSTART:20100101T090000Z\nDUE:20100101T100000Z",
                HOUR,
            ),
            ("VTODO", "DUE:20100101T090000Z", 0),
            ("VJOURNAL", "DTSTART:20100101T090000Z", 0),
        ];
        for (entry, lines, length) in known {
            let expected = Span {
                first: nine,
                last: Some(nine + length),
            };
            assert_eq!(of("2.0", entry, lines), Some(expected), "{lines}");
        }
        assert_eq!(of("2.0", "VEVENT", "SUMMARY:a"), None);
        assert_eq!(of("2.0", "VEVENT", "DTSTART:soon"), None);
        assert_eq!(span("text/vcard", b"BEGIN:VCARD\nEND:VCARD\n"), None);
    }

    #[test]
    fn every_time_that_is_written_is_within_reach() {
        let of = |lines: &str| {
            let content = format!(
                "BEGIN:VCALENDAR\nVERSION:2.0\nBEGIN:VEVENT\n{lines}\nEND:VEVENT\nEND:VCALENDAR\n"
            );
            reach("text/calendar", content.as_bytes())
        };
        let nine = at("20100101T090000Z");
        let reaches = |lines: &str, last: i64| {
            let expected = Span {
                first: nine,
                last: Some(nine + last),
            };
            assert_eq!(of(lines), Some(expected), "{lines}");
        };
        let start = "DTSTART:20100101T090000Z";
        reaches(start, 0);
        reaches(&format!("{start}\nDTEND:20100101T100000Z"), HOUR);
        reaches(&format!("{start},20100101T110000Z"), 2 * HOUR);
        reaches(&format!("{start}\nDUE:20100101T120000Z"), 3 * HOUR);
        assert_eq!(of(&format!("{start}\nDTEND:later")), None);
        assert_eq!(
            of(&format!("{start}\nRRULE:FREQ=DAILY")).unwrap().last,
            None
        );
    }

    #[test]
    fn what_recurs_lasts_to_its_end() {
        let start = "DTSTART:20100101T090000Z\n";
        let until = |version, rule: &str| {
            of(version, "VEVENT", &format!("{start}{rule}"))
                .unwrap()
                .last
        };
        let end = Some(at("20110101T090000Z"));
        assert_eq!(until("2.0", "RRULE:FREQ=DAILY;UNTIL=20110101T090000Z"), end);
        assert_eq!(until("1.0", "RRULE:D1 20110101T090000Z"), end);
        assert_eq!(until("2.0", "RDATE:20110101T090000Z"), end);
        for (version, rule) in [
            ("2.0", "RRULE:FREQ=DAILY"),
            ("2.0", "RRULE:FREQ=DAILY;COUNT=3"),
            ("1.0", "RRULE:YD1 #0"),
            ("1.0", "RRULE:W1 MO"),
            ("2.0", "RDATE:often"),
        ] {
            assert_eq!(until(version, rule), None, "{rule}");
        }
    }

    #[test]
    fn a_zone_that_is_not_described_is_a_doubt() {
        let floating = of("2.0", "VEVENT", "DTSTART:20100101T090000").unwrap();
        let nine = at("20100101T090000Z");
        assert_eq!(floating.first, nine - 14 * HOUR);
        assert_eq!(floating.last, Some(nine + 14 * HOUR));
        let content = "BEGIN:VCALENDAR\nVERSION:2.0\nBEGIN:VTIMEZONE\nTZID:Home\nBEGIN:STANDARD\n\
                       DTSTART:19700101T000000\nTZOFFSETFROM:+0200\nTZOFFSETTO:+0200\n\
                       END:STANDARD\nEND:VTIMEZONE\nBEGIN:VEVENT\n\
                       DTSTART;TZID=Home:20100101T110000\nEND:VEVENT\nEND:VCALENDAR\n";
        let described = span("text/calendar", content.as_bytes()).unwrap();
        assert_eq!(described.first, nine);
        assert_eq!(described.last, Some(nine));
        let comment = format!("TZID:Home\nCOMMENT:{}\n", "a".repeat(MAX_ZONES));
        let long = content.replace("TZID:Home\n", &comment);
        let long = span("text/calendar", long.as_bytes()).unwrap();
        assert_eq!(long.first, nine + 2 * HOUR - 14 * HOUR);
    }

    #[test]
    fn durations() {
        let read = [
            ("P1D", Some(DAY)),
            ("P1DT2H30M", Some(DAY + 9000)),
            ("P2W", Some(14 * DAY)),
            ("+PT5S", Some(5)),
            ("P1Y", None),
            ("1D", None),
            ("P99999999999999999999D", None),
        ];
        for (text, seconds) in read {
            assert_eq!(read_duration(text), seconds, "{text}");
        }
    }
}
