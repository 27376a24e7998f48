//! Occurrences of a series that are not what its rule makes of them, as events of their own.
//!
//! A device of vCalendar 1.0 has no words for an occurrence that was changed, and few such devices
//! read added dates.
//!
//! ```text
//! series ──▶ overrides, added dates ──▶ events, each under the key of its occurrence
//!    ▲                                             │ edited, or gone
//!    └──── put_occurrence, remove_occurrence ◀─────┘
//! ```

use std::collections::{BTreeMap, BTreeSet};

use super::profile::DAY;
use super::tree::{self, Node, param};
use super::zone::{Zone, stamp};
use crate::component::Tag;
use crate::decode::Dialect;
use crate::line::{Line, Lines};
use crate::media::Format;
use crate::moment::read_wall;
use crate::span::Zones;

/// Occurrences of a series that become events of their own, at most: the last ones, since what is
/// past is missed least.
pub const MAX_OCCURRENCES: usize = 64;

/// Bytes of all events of a series after which there are no further ones: an added date is a copy of
/// the series.
const MAX_BYTES: usize = 1 << 20;

/// Dates of a series that are looked at: the last ones, for the same reason.
const MAX_DATES: usize = 1000;

/// What an event has only as part of a series.
const OF_SERIES: [&str; 7] = [
    "UID",
    "RECURRENCE-ID",
    "X-RECURRENCE-ID",
    "RRULE",
    "RDATE",
    "EXDATE",
    "EXRULE",
];

/// An occurrence of a series, as an event of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Occurrence {
    /// Names it within its series: its original start, in UTC where the zone is known.
    pub key: String,
    /// A calendar object of iCalendar 2.0 with this event, which neither recurs nor has the `UID` of
    /// the series.
    pub content: Vec<u8>,
}

/// The occurrences of a series of iCalendar 2.0 that its rule does not make: overrides that are not
/// cancelled, and dates that were added (`RDATE`, but for periods), in order of key. Of more than
/// [`MAX_OCCURRENCES`], or of a MiB together, the last ones; none of what is no series. An override of
/// all that comes after it (`RANGE`) is none: one event cannot say that.
pub fn occurrences(media_type: &str, content: &[u8]) -> Vec<Occurrence> {
    if Format::of(media_type, content) != Some(Format::ICalendar20) || !may_have_some(content) {
        return Vec::new();
    }
    let Some(series) = Series::read(content) else {
        return Vec::new();
    };
    let mut found = series.all();
    let beyond = found.len().saturating_sub(MAX_OCCURRENCES);
    let first = found.keys().nth(beyond).cloned();
    if let Some(first) = first {
        found = found.split_off(&first);
    }
    let mut events = Vec::new();
    let mut bytes = 0;
    for (key, source) in found.into_iter().rev() {
        let content = series.event(&source);
        bytes += content.len();
        if bytes > MAX_BYTES {
            break;
        }
        events.push(Occurrence { key, content });
    }
    events.reverse();
    events
}

/// A series with this event as the occurrence of a key: its override is replaced, or it gets one.
/// `None` where that cannot be said, since the series excludes the occurrence, the event recurs
/// itself, or `series` is none.
pub fn put_occurrence(series: &[u8], key: &str, event: &[u8]) -> Option<Vec<u8>> {
    let whole = Series::read(series)?;
    let known = whole.overrides().find(|(of, ..)| of == key);
    let mut excluded = whole.dates("EXDATE").into_iter();
    if known.is_none() && excluded.any(|date| date.key == key) {
        return None;
    }
    let read = tree::read(event);
    let object = read.children.iter().find(|c| c.tag == Tag::VCalendar)?;
    let entry = object.children.iter().find(|c| c.tag == Tag::VEvent)?;
    if entry.find("RRULE").is_some() || entry.find("RDATE").is_some() {
        return None;
    }
    let id = whole.id_of(key)?;
    let mut text = b"BEGIN:VEVENT\r\n".to_vec();
    if let Some(uid) = whole.master()?.find("UID") {
        put(&mut text, uid.source());
    }
    put(&mut text, id.as_bytes());
    put_own(&mut text, entry, &[]);
    put_rest(&mut text, entry, |_| true);
    let mut parts = whole.parts();
    match known.and_then(|(_, at, _)| parts.get_mut(at)) {
        Some(part) => *part = text,
        None => parts.push(text),
    }
    let zones = object.children.iter().filter(|c| c.tag == Tag::VTimezone);
    let missing = zones.filter(|zone| !whole.describes(zone));
    let mut described: Vec<Vec<u8>> = missing.map(source_of).collect();
    described.append(&mut parts);
    Some(whole.written(&described))
}

/// A series without the occurrence of a key: its override goes, and so does the added date; what the
/// rule makes there is excluded. `None` where the series has neither, or `series` is none.
pub fn remove_occurrence(series: &[u8], key: &str) -> Option<Vec<u8>> {
    let whole = Series::read(series)?;
    let overrides: Vec<_> = whole.overrides().filter(|(of, ..)| of == key).collect();
    let is_added = whole.dates("RDATE").iter().any(|date| date.key == key);
    if overrides.is_empty() && !is_added {
        return None;
    }
    let id = overrides.first().and_then(|(.., id)| {
        let text = id.text(Dialect::New);
        (!is_added).then(|| dated("EXDATE", id, text.trim()))
    });
    let mut parts = whole.parts();
    if let Some(part) = parts.get_mut(whole.master) {
        *part = whole.master_without(key, id.as_deref())?;
    }
    for (_, at, _) in &overrides {
        if let Some(part) = parts.get_mut(*at) {
            part.clear();
        }
    }
    Some(whole.written(&parts))
}

/// A series without its added dates, for a device that has them as events of their own. `None` where
/// it has none.
pub fn without_dates(content: &[u8]) -> Option<Vec<u8>> {
    if !Lines::new(content).any(|line| line.is("RDATE")) {
        return None;
    }
    let series = Series::read(content)?;
    let master = series.master()?;
    master.find("RDATE")?;
    let mut parts = series.parts();
    if let Some(part) = parts.get_mut(series.master) {
        *part = b"BEGIN:VEVENT\r\n".to_vec();
        let lines = master.properties().filter(|line| !line.is("RDATE"));
        lines.for_each(|line| put(part, line.source()));
        put_rest(part, master, |_| true);
    }
    Some(series.written(&parts))
}

/// Whether it is worth to read the content as a tree.
fn may_have_some(content: &[u8]) -> bool {
    let mut lines = Lines::new(content);
    lines.any(|line| line.is("RDATE") || line.is("RECURRENCE-ID"))
}

/// A date of a list.
struct Dated<'s, 'a> {
    key: String,
    value: String,
    line: &'s Line<'a>,
}

/// What an occurrence is made of.
enum Source<'s, 'a> {
    Override(&'s Node<'a>),
    /// The series itself, at this date.
    Added(Dated<'s, 'a>),
}

/// A calendar object with one series.
struct Series<'a> {
    calendar: Node<'a>,
    zones: Zones,
    /// The place of the series itself among the components.
    master: usize,
    uid: Option<String>,
}

impl<'a> Series<'a> {
    fn read(content: &'a [u8]) -> Option<Self> {
        let root = tree::read(content);
        let mut objects = root.children.into_iter();
        let calendar = objects.find(|c| c.tag == Tag::VCalendar)?;
        if !is_closed(&calendar) {
            return None;
        }
        let is_master = |c: &Node<'_>| c.tag == Tag::VEvent && c.find("RECURRENCE-ID").is_none();
        let master = calendar.children.iter().position(is_master)?;
        let uid = calendar.children.get(master)?.text("UID", Dialect::New);
        Some(Self {
            calendar,
            zones: Zones::of(content, Dialect::New),
            master,
            uid,
        })
    }

    fn master(&self) -> Option<&Node<'a>> {
        self.calendar.children.get(self.master)
    }

    /// The overrides with their keys, their places and what names their occurrences.
    fn overrides(&self) -> impl Iterator<Item = (String, usize, &Line<'a>)> {
        let entries = self.calendar.children.iter().enumerate();
        entries
            .filter(|(_, c)| c.tag == Tag::VEvent)
            .filter_map(|(at, entry)| {
                let id = entry.find("RECURRENCE-ID")?;
                if entry.text("UID", Dialect::New) != self.uid || param(id, "RANGE").is_some() {
                    return None;
                }
                let zone = param(id, "TZID");
                let key = self.key(&id.text(Dialect::New), zone.as_deref())?;
                Some((key, at, id))
            })
    }

    /// The dates of the series' properties of a name.
    fn dates(&self, name: &str) -> Vec<Dated<'_, 'a>> {
        let master = self.master().into_iter();
        let lines = master
            .flat_map(Node::properties)
            .filter(|line| line.is(name));
        let mut values: Vec<(String, &Line<'a>)> = Vec::new();
        for line in lines {
            let text = line.text(Dialect::New);
            values.extend(text.split(',').map(|value| (value.trim().to_owned(), line)));
        }
        if values.len() > MAX_DATES {
            // as they are written, dates are in order but for the zone
            values.sort_by(|(one, _), (other, _)| other.cmp(one));
            values.truncate(MAX_DATES);
        }
        let dated = values.into_iter().filter_map(|(value, line)| {
            let key = self.key(&value, param(line, "TZID").as_deref())?;
            Some(Dated { key, value, line })
        });
        dated.collect()
    }

    fn key(&self, text: &str, zone: Option<&str>) -> Option<String> {
        let moment = self.zones.moment(text, zone);
        let (wall, _, is_date) = moment.reading()?;
        Some(match moment.instant() {
            Some(instant) => stamp(instant) + "Z",
            None if is_date => stamp(wall).get(..8)?.to_owned(),
            None => stamp(wall),
        })
    }

    /// What each occurrence is made of, by key.
    fn all(&self) -> BTreeMap<String, Source<'_, 'a>> {
        let mut taken: BTreeSet<String> = self.dates("EXDATE").into_iter().map(|d| d.key).collect();
        let start = self.master().and_then(|master| master.find("DTSTART"));
        let is_date = |text: &str| read_wall(text).is_some_and(|(_, is_date, _)| is_date);
        let mut whole_days = false;
        if let Some(start) = start {
            let text = start.text(Dialect::New);
            whole_days = is_date(&text);
            // it is the first of the series in any case
            taken.extend(self.key(&text, param(start, "TZID").as_deref()));
        }
        let mut found = BTreeMap::new();
        for (key, at, _) in self.overrides() {
            let Some(entry) = self.calendar.children.get(at) else {
                continue;
            };
            let status = entry.text("STATUS", Dialect::New).unwrap_or_default();
            if status.eq_ignore_ascii_case("CANCELLED") {
                taken.insert(key);
            } else {
                found.entry(key).or_insert(Source::Override(entry));
            }
        }
        for date in self.dates("RDATE") {
            let is_like_series = is_date(&date.value) == whole_days;
            if is_like_series && !taken.contains(&date.key) {
                let place = found.entry(date.key.clone());
                place.or_insert(Source::Added(date));
            }
        }
        found
    }

    /// An occurrence as an event of its own.
    fn event(&self, source: &Source<'_, 'a>) -> Vec<u8> {
        let mut text = b"BEGIN:VEVENT\r\n".to_vec();
        match source {
            Source::Override(entry) => {
                put_own(&mut text, entry, &[]);
                put_rest(&mut text, entry, |_| true);
            }
            Source::Added(date) => {
                if let Some(master) = self.master() {
                    let start = dated("DTSTART", date.line, &date.value);
                    put(&mut text, start.as_bytes());
                    if let Some(length) = length_of(master) {
                        put(&mut text, length.as_bytes());
                    }
                    put_own(&mut text, master, &["DTSTART", "DTEND"]);
                    // an alarm at an instant is that of one occurrence
                    put_rest(&mut text, master, |alarm| !rings_at_an_instant(alarm));
                }
            }
        }
        let zones = self.calendar.children.iter();
        let zones = zones.filter(|c| c.tag == Tag::VTimezone);
        let parts: Vec<_> = zones.map(source_of).chain([text]).collect();
        self.written(&parts)
    }

    /// The text of each component.
    fn parts(&self) -> Vec<Vec<u8>> {
        self.calendar.children.iter().map(source_of).collect()
    }

    /// The calendar object with these components.
    fn written(&self, parts: &[Vec<u8>]) -> Vec<u8> {
        let mut text = b"BEGIN:VCALENDAR\r\n".to_vec();
        for line in self.calendar.properties() {
            put(&mut text, line.source());
        }
        text.extend(parts.concat());
        text.extend_from_slice(b"END:VCALENDAR\r\n");
        text
    }

    fn describes(&self, zone: &Node<'_>) -> bool {
        let name = zone.text("TZID", Dialect::New);
        let mut zones = self.calendar.children.iter();
        zones.any(|c| c.tag == Tag::VTimezone && c.text("TZID", Dialect::New) == name)
    }

    /// The line that names the occurrence of a key.
    fn id_of(&self, key: &str) -> Option<String> {
        if let Some((.., id)) = self.overrides().find(|(of, ..)| of == key) {
            return Some(String::from_utf8_lossy(id.source()).into_owned());
        }
        let added = self.dates("RDATE").into_iter().find(|date| date.key == key);
        if let Some(date) = added {
            return Some(dated("RECURRENCE-ID", date.line, &date.value));
        }
        let start = self.master()?.find("DTSTART")?;
        let zone = param(start, "TZID").and_then(|name| Zone::new(&name));
        let instant = key.strip_suffix('Z').and_then(read_wall);
        Some(match (instant, zone) {
            (Some((instant, ..)), Some(zone)) => {
                dated("RECURRENCE-ID", start, &stamp(zone.wall(instant)))
            }
            _ => dated("RECURRENCE-ID", start, key),
        })
    }

    /// The series itself without an added date, and with an exception.
    fn master_without(&self, key: &str, exception: Option<&str>) -> Option<Vec<u8>> {
        let master = self.master()?;
        let mut text = b"BEGIN:VEVENT\r\n".to_vec();
        for line in master.properties() {
            let zone = param(line, "TZID");
            let is_it = |value: &str| self.key(value, zone.as_deref()).as_deref() == Some(key);
            let values = line.text(Dialect::New);
            if !line.is("RDATE") || !values.split(',').any(is_it) {
                put(&mut text, line.source());
                continue;
            }
            let left: Vec<_> = values.split(',').filter(|value| !is_it(value)).collect();
            if let Some(first) = left.first() {
                let mut shorter = dated("RDATE", line, first.trim());
                for value in left.iter().skip(1) {
                    shorter.push(',');
                    shorter.push_str(value.trim());
                }
                put(&mut text, shorter.as_bytes());
            }
        }
        if let Some(exception) = exception {
            put(&mut text, exception.as_bytes());
        }
        put_rest(&mut text, master, |_| true);
        Some(text)
    }
}

/// A property with a date or time that stands in the zone of a line.
fn dated(name: &str, line: &Line<'_>, value: &str) -> String {
    let is_date = read_wall(value).is_some_and(|(_, is_date, _)| is_date);
    match param(line, "TZID") {
        _ if is_date => format!("{name};VALUE=DATE:{value}"),
        Some(zone) if !value.ends_with(['Z', 'z']) => {
            if zone.contains([':', ';', ',']) {
                format!("{name};TZID=\"{zone}\":{value}")
            } else {
                format!("{name};TZID={zone}:{value}")
            }
        }
        _ => format!("{name}:{value}"),
    }
}

/// How long an event is, where its end says so; a `DURATION` stands for itself.
fn length_of(entry: &Node<'_>) -> Option<String> {
    let (start, end) = (entry.find("DTSTART")?, entry.find("DTEND")?);
    let read = |line: &Line<'_>| read_wall(&line.text(Dialect::New));
    let ((from, is_date, is_utc), (until, ends_on_date, ends_in_utc)) = (read(start)?, read(end)?);
    let is_same_clock = param(start, "TZID") == param(end, "TZID") && is_utc == ends_in_utc;
    let length = until - from;
    if !is_same_clock || is_date != ends_on_date || length <= 0 {
        return None;
    }
    Some(if is_date {
        format!("DURATION:P{}D", length / DAY)
    } else {
        format!("DURATION:PT{length}S")
    })
}

/// Writes a line, with an end.
fn put(out: &mut Vec<u8>, line: &[u8]) {
    out.extend_from_slice(line);
    if !line.ends_with(b"\n") {
        out.extend_from_slice(b"\r\n");
    }
}

/// Writes the properties that an event has of its own, but for some.
fn put_own(out: &mut Vec<u8>, entry: &Node<'_>, but: &[&str]) {
    let names = OF_SERIES.iter().chain(but);
    let is_own = |line: &&Line<'_>| !names.clone().any(|name| line.is(name));
    for line in entry.properties().filter(is_own) {
        put(out, line.source());
    }
}

/// Writes the components in an event, and its end.
fn put_rest(out: &mut Vec<u8>, entry: &Node<'_>, keeps: impl Fn(&Node<'_>) -> bool) {
    for child in entry.children.iter().filter(|child| keeps(child)) {
        out.extend(source_of(child));
    }
    out.extend_from_slice(b"END:VEVENT\r\n");
}

fn rings_at_an_instant(alarm: &Node<'_>) -> bool {
    let trigger = alarm.find("TRIGGER");
    trigger.is_some_and(|line| read_wall(&line.text(Dialect::New)).is_some())
}

/// Whether a component and all in it have an end.
fn is_closed(node: &Node<'_>) -> bool {
    node.lines.last().is_some_and(|line| line.is("END")) && node.children.iter().all(is_closed)
}

/// The text of a component, each line with an end.
fn source_of(node: &Node<'_>) -> Vec<u8> {
    let mut lines = Vec::new();
    node.sources(&mut lines);
    let mut text = Vec::new();
    for line in &lines {
        put(&mut text, line);
    }
    text
}

#[cfg(test)]
mod tests;
