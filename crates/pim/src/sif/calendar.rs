//! Events and tasks: SIF-E, SIF-T and vCalendar 1.0, in which a device writes times and rules much
//! as SIF does.

use super::rule;
use super::xml::Elements;
use super::{KEPT, Written, has, keep_rest, put, put_back, text_line};
use crate::component::{Components, Event, Tag};
use crate::convert::{encode, stamp};
use crate::decode::{self, Dialect};
use crate::line::Line;
use crate::media::Format;
use crate::moment::read_wall;

/// Texts: the element and the property.
const TEXTS: [(&str, &str); 3] = [
    ("Subject", "SUMMARY"),
    ("Location", "LOCATION"),
    ("Body", "DESCRIPTION"),
];

/// Numbers that stand for words: the element, the property, and the pairs, of which the first is
/// written for a word.
type Words = (
    &'static str,
    &'static str,
    &'static [(&'static str, &'static str)],
);

const WORDS: [Words; 3] = [
    (
        "Sensitivity",
        "CLASS",
        &[
            ("0", "PUBLIC"),
            ("2", "PRIVATE"),
            ("3", "CONFIDENTIAL"),
            ("1", "PRIVATE"),
        ],
    ),
    (
        "Importance",
        "PRIORITY",
        &[("0", "3"), ("1", "2"), ("2", "1")],
    ),
    (
        "BusyStatus",
        BUSY,
        &[
            ("0", "FREE"),
            ("1", "TENTATIVE"),
            ("2", "BUSY"),
            ("3", "OOF"),
        ],
    ),
];

const BUSY: &str = "X-MICROSOFT-CDO-BUSYSTATUS";

/// States of a task that are none of the other format's.
const OWN_STATES: [&str; 2] = ["3", "4"];

const MINUTE: i64 = 60;
const DAY: i64 = 86_400;

/// A time of an item: seconds since 1970 on the clock that it is told by, and whether that is UTC.
#[derive(Debug, Clone, Copy)]
pub(super) struct Time {
    pub(super) wall: i64,
    pub(super) is_date: bool,
    pub(super) is_utc: bool,
}

impl Time {
    pub(super) fn read(text: &str) -> Option<Self> {
        let (wall, is_date, is_utc) = read_wall(text)?;
        Some(Self {
            wall,
            is_date,
            is_utc,
        })
    }

    /// As vCalendar 1.0 and SIF write it.
    pub(super) fn write(self) -> String {
        stamp(self.wall) + if self.is_utc { "Z" } else { "" }
    }

    fn day(self) -> i64 {
        self.wall.div_euclid(DAY)
    }
}

/// A date as SIF writes it.
fn date(wall: i64) -> String {
    let text = stamp(wall);
    let part = |from: usize, to: usize| text.get(from..to).unwrap_or_default();
    format!("{}-{}-{}", part(0, 4), part(4, 6), part(6, 8))
}

/// The list of categories as the old formats write it.
pub(super) fn categories(text: &str) -> String {
    let list = text.split([',', ';']).map(str::trim);
    let list: Vec<_> = list.filter(|one| !one.is_empty()).collect();
    list.join(";")
}

/// The calendar with the event or task.
pub(super) fn read(elements: &mut Elements, format: Format) -> Vec<u8> {
    let is_task = format == Format::SifTask;
    let kind = if is_task { "VTODO" } else { "VEVENT" };
    let mut out = format!("BEGIN:VCALENDAR\r\nVERSION:1.0\r\nBEGIN:{kind}\r\n").into_bytes();
    for (element, property) in TEXTS {
        let text = elements.take(element);
        if !text.is_empty() {
            text_line(&mut out, property, &text, Dialect::Old);
        }
    }
    let list = categories(&elements.take("Categories"));
    if !list.is_empty() {
        encode::text(&mut out, "CATEGORIES", &list, Dialect::Old, false);
    }
    for (element, property, words) in WORDS {
        let number = elements.take(element);
        if let Some((_, word)) = words.iter().find(|(known, _)| *known == number) {
            text_line(&mut out, property, word, Dialect::Old);
            if property == BUSY {
                let transparency = if *word == "FREE" { "1" } else { "0" };
                text_line(&mut out, "TRANSP", transparency, Dialect::Old);
            }
        }
    }
    let start = if is_task {
        read_task(&mut out, elements)
    } else {
        read_event(&mut out, elements)
    };
    read_alarm(&mut out, elements, start, is_task);
    if let Some(rule) = rule::read(elements, start) {
        text_line(&mut out, "RRULE", &rule, Dialect::Old);
    }
    let mut excluded = elements.take_all("ExcludeDate");
    // before 1.1 the list was one text
    for list in elements.take_all("Exceptions") {
        excluded.extend(list.split([',', ';']).map(|one| one.trim().to_owned()));
    }
    for (dates, property) in [
        (excluded, "EXDATE"),
        (elements.take_all("IncludeDate"), "RDATE"),
    ] {
        let times = dates.iter().filter_map(|text| Time::read(text));
        let times: Vec<String> = times.map(Time::write).collect();
        if !times.is_empty() {
            encode::text(&mut out, property, &times.join(";"), Dialect::Old, false);
        }
    }
    keep_rest(&mut out, elements, Dialect::Old);
    out.extend_from_slice(format!("END:{kind}\r\nEND:VCALENDAR\r\n").as_bytes());
    out
}

fn time_line(out: &mut Vec<u8>, name: &str, time: Time) {
    text_line(out, name, &time.write(), Dialect::Old);
}

/// The start and end of an event; what its alarm and rule count from.
fn read_event(out: &mut Vec<u8>, elements: &mut Elements) -> Option<Time> {
    let whole_day = elements.take("AllDayEvent") == "1";
    let start = Time::read(&elements.take("Start"))?;
    let end = Time::read(&elements.take("End"));
    if whole_day || start.is_date {
        let first = start.day();
        // a midnight is that after the last day, a date the last day itself
        let last = end.map_or(first, |end| match end.wall.rem_euclid(DAY) {
            0 if !end.is_date && end.day() > first => end.day() - 1,
            _ => end.day().max(first),
        });
        let at = |wall: i64| Time {
            wall,
            is_date: false,
            is_utc: false,
        };
        time_line(out, "DTSTART", at(first * DAY));
        time_line(out, "DTEND", at((last + 1) * DAY - MINUTE));
        text_line(out, "X-FUNAMBOL-ALLDAY", "1", Dialect::Old);
        return Some(at(first * DAY));
    }
    time_line(out, "DTSTART", start);
    if let Some(end) = end {
        time_line(out, "DTEND", end);
    }
    Some(start)
}

fn read_task(out: &mut Vec<u8>, elements: &mut Elements) -> Option<Time> {
    let mut anchor = None;
    for (element, property) in [("StartDate", "DTSTART"), ("DueDate", "DUE")] {
        if let Some(time) = Time::read(&elements.take(element)) {
            time_line(out, property, time);
            anchor = anchor.or(Some(time));
        }
    }
    let is_complete = elements.take("Complete") == "1";
    let state = elements.take("Status");
    let percent = elements.take("PercentComplete");
    if OWN_STATES.contains(&state.as_str()) {
        elements.leave("Status");
    }
    if is_complete || state == "2" {
        text_line(out, "STATUS", "COMPLETED", Dialect::Old);
    } else if !state.is_empty() {
        text_line(out, "STATUS", "NEEDS ACTION", Dialect::Old);
    }
    if !percent.is_empty() {
        text_line(out, "PERCENT-COMPLETE", &percent, Dialect::Old);
    }
    if let Some(time) = Time::read(&elements.take("DateCompleted")) {
        time_line(out, "COMPLETED", time);
    }
    anchor
}

fn read_alarm(out: &mut Vec<u8>, elements: &mut Elements, start: Option<Time>, is_task: bool) {
    let is_set = elements.take("ReminderSet") == "1";
    let ahead: Option<i64> = elements.take("ReminderMinutesBeforeStart").parse().ok();
    let time = if is_task {
        Time::read(&elements.take("ReminderTime"))
    } else {
        None
    };
    let minutes = ahead.filter(|minutes| (0..=i64::from(u32::MAX)).contains(minutes));
    let before = start.zip(minutes).map(|(start, minutes)| Time {
        wall: start.wall - minutes * MINUTE,
        ..start
    });
    if let Some(time) = time.or(before).filter(|_| is_set) {
        time_line(out, "AALARM", time);
    }
}

/// What a calendar says of its first event or task.
#[derive(Default)]
struct Entry<'a> {
    lines: Vec<Line<'a>>,
}

impl<'a> Entry<'a> {
    /// The lines of the first entry of that kind; those of others are lost.
    fn read(content: &'a [u8], kind: Tag, lost: &mut Vec<Vec<u8>>) -> Option<Self> {
        let mut found: Option<Self> = None;
        let mut is_open = false;
        let mut walker = Components::new(content);
        while let Some(event) = walker.next() {
            match event {
                Event::Begin { tag, .. } if tag == kind && found.is_none() => {
                    found = Some(Self::default());
                    is_open = true;
                }
                Event::End { tag, .. } if tag == kind => is_open = false,
                Event::Property(line) if !line.is_malformed() => match &mut found {
                    Some(entry) if is_open && walker.enclosing(0) == Some(kind) => {
                        entry.lines.push(line);
                    }
                    _ if walker.depth() < 2 => {}
                    _ => lost.push(line.source().to_vec()),
                },
                _ => {}
            }
        }
        found
    }

    fn text(&self, name: &str) -> Option<String> {
        let line = self.lines.iter().find(|line| line.is(name))?;
        let text = line.text(Dialect::Old).replace("\r\n", "\n");
        Some(text.trim().to_owned())
    }

    fn time(&self, name: &str) -> Option<Time> {
        Time::read(&self.text(name)?)
    }
}

/// Properties that are read by name.
const READ: [&str; 15] = [
    "SUMMARY",
    "LOCATION",
    "DESCRIPTION",
    "CLASS",
    "PRIORITY",
    "TRANSP",
    BUSY,
    "DTSTART",
    "DTEND",
    "DUE",
    "COMPLETED",
    "STATUS",
    "PERCENT-COMPLETE",
    "X-FUNAMBOL-ALLDAY",
    "CATEGORIES",
];

/// The elements of the first event or task.
pub(super) fn write(content: &[u8], format: Format, lost: &mut Vec<Vec<u8>>) -> Option<Written> {
    let is_task = format == Format::SifTask;
    let kind = if is_task { Tag::VTodo } else { Tag::VEvent };
    let entry = Entry::read(content, kind, lost)?;
    let mut written = Written::new();
    for (element, property) in TEXTS {
        if let Some(text) = entry.text(property) {
            put(&mut written, element, text);
        }
    }
    for (element, property, words) in WORDS {
        let word = entry.text(property).unwrap_or_default();
        let number = words
            .iter()
            .find(|(_, known)| known.eq_ignore_ascii_case(&word));
        if let Some((number, _)) = number.filter(|_| !is_task || property != BUSY) {
            put(&mut written, element, *number);
        }
    }
    if !is_task && !has(&written, "BusyStatus") {
        let transparency = entry.text("TRANSP").unwrap_or_default();
        let status = match transparency.as_str() {
            "" => None,
            "0" => Some("2"),
            _ => Some("0"),
        };
        if let Some(status) = status {
            put(&mut written, "BusyStatus", status);
        }
    }
    if let Some(line) = entry.lines.iter().find(|line| line.is("CATEGORIES")) {
        let list = line.escaped_text(Dialect::Old);
        let list = decode::parts(&list, ';', Dialect::Old);
        let list: Vec<_> = list
            .map(|part| decode::unescape(part, Dialect::Old))
            .collect();
        put(&mut written, "Categories", list.join(", "));
    }
    let is_whole_day = entry.text("X-FUNAMBOL-ALLDAY").as_deref() == Some("1");
    let start = if is_task {
        write_task(&mut written, &entry)
    } else {
        write_event(&mut written, &entry, is_whole_day)
    };
    let mut has_rule = false;
    let mut has_alarm = false;
    for line in &entry.lines {
        let text = || line.text(Dialect::Old).into_owned();
        let fits = if line.is("RRULE") && !has_rule {
            has_rule = rule::write(&mut written, &text(), start);
            has_rule
        } else if line.is("EXDATE") || line.is("RDATE") {
            let element = if line.is("EXDATE") {
                "ExcludeDate"
            } else {
                "IncludeDate"
            };
            write_dates(&mut written, element, &text(), is_whole_day)
        } else if (line.is("AALARM") || line.is("DALARM")) && !has_alarm {
            has_alarm = write_alarm(&mut written, &text(), start, is_task);
            has_alarm
        } else if line.is(KEPT) {
            put_back(&mut written, &text())
        } else {
            READ.iter().any(|name| line.is(name))
        };
        if !fits {
            lost.push(line.source().to_vec());
        }
    }
    for (name, is_there) in [("ReminderSet", has_alarm), ("IsRecurring", has_rule)] {
        // it may be among what was kept
        if !has(&written, name) {
            put(&mut written, name, if is_there { "1" } else { "0" });
        }
    }
    Some(written)
}

fn write_event(written: &mut Written, entry: &Entry<'_>, is_whole_day: bool) -> Option<Time> {
    let start = entry.time("DTSTART");
    let end = entry.time("DTEND").or(start);
    put(written, "AllDayEvent", if is_whole_day { "1" } else { "0" });
    for (element, time) in [("Start", start), ("End", end)] {
        if let Some(time) = time {
            let text = if is_whole_day {
                date(time.wall)
            } else {
                time.write()
            };
            put(written, element, text);
        }
    }
    start
}

/// A time of a task is a day, if it is midnight.
fn write_task(written: &mut Written, entry: &Entry<'_>) -> Option<Time> {
    let mut anchor = None;
    for (element, property) in [
        ("StartDate", "DTSTART"),
        ("DueDate", "DUE"),
        ("DateCompleted", "COMPLETED"),
    ] {
        let Some(time) = entry.time(property) else {
            continue;
        };
        let is_day = !time.is_utc && time.wall.rem_euclid(DAY) == 0;
        put(
            written,
            element,
            if is_day {
                date(time.wall)
            } else {
                time.write()
            },
        );
        if property != "COMPLETED" {
            anchor = anchor.or(Some(time));
        }
    }
    let status = entry.text("STATUS").unwrap_or_default();
    let is_complete = status == "COMPLETED";
    put(written, "Complete", if is_complete { "1" } else { "0" });
    let percent = entry.text("PERCENT-COMPLETE");
    if let Some(percent) = percent
        .clone()
        .or_else(|| is_complete.then(|| "100".to_owned()))
    {
        put(written, "PercentComplete", percent);
    }
    let own = |line: &Line<'_>| {
        let text = line.text(Dialect::Old);
        let state = text.strip_prefix("Status=")?;
        (line.is(KEPT) && OWN_STATES.contains(&state)).then(|| state.to_owned())
    };
    let own = entry.lines.iter().find_map(own).filter(|_| !is_complete);
    let is_begun = percent.is_some_and(|percent| percent != "0");
    let state = match (is_complete, status.is_empty()) {
        (true, _) => Some("2".to_owned()),
        (false, true) => own,
        _ => own.or_else(|| Some(if is_begun { "1" } else { "0" }.to_owned())),
    };
    if let Some(state) = state {
        put(written, "Status", state);
    }
    anchor
}

fn write_alarm(written: &mut Written, text: &str, start: Option<Time>, is_task: bool) -> bool {
    let Some(time) = Time::read(text.split(';').next().unwrap_or_default()) else {
        return false;
    };
    if is_task {
        put(written, "ReminderTime", time.write());
        return true;
    }
    let ahead = start.map(|start| start.wall - time.wall);
    match ahead.filter(|seconds| *seconds >= 0) {
        Some(seconds) => {
            let minutes = (seconds / MINUTE).to_string();
            put(written, "ReminderMinutesBeforeStart", minutes);
            true
        }
        None => false,
    }
}

fn write_dates(written: &mut Written, element: &str, list: &str, is_whole_day: bool) -> bool {
    let times: Vec<_> = list
        .split([';', ','])
        .map(|text| Time::read(text.trim()))
        .collect();
    for time in times.iter().flatten() {
        let text = if is_whole_day {
            date(time.wall)
        } else {
            time.write()
        };
        put(written, element, text);
    }
    times.iter().all(Option::is_some)
}
