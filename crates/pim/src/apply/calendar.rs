//! Calendars: entries by the occurrence that they override, properties that change together, alarms.

use std::collections::BTreeSet;

use super::components::{Lists, Sort, value};
use super::meaning::{Prop, Reader};
use super::patch::Patch;
use super::properties::{Merge, Sides};
use super::record::Component;
use super::write::{self, Chosen};
use super::{Applied, Edit, Prefer};
use crate::component::Tag;
use crate::convert::{Zone, stamp};
use crate::decode::Dialect;
use crate::line::Line;
use crate::media::Format;
use crate::moment::read_wall;

/// When an entry takes place.
const TIMES: [&str; 7] = [
    "DTSTART", "DTEND", "DURATION", "DUE", "RRULE", "RDATE", "EXRULE",
];

/// Of these, what says how it recurs: whole as the record has it, unless it was edited itself.
const RULES: [&str; 3] = ["RRULE", "RDATE", "EXRULE"];

/// Of these, what says when it ends: one is in the place of another.
const ENDS: [&str; 3] = ["DTEND", "DURATION", "DUE"];

/// How far a task has come.
// spec: U10
const PROGRESS: [&str; 3] = ["STATUS", "PERCENT-COMPLETE", "COMPLETED"];

/// Applies the edit of a calendar object; see [`super::apply`].
pub(super) fn apply(edit: &Edit<'_>, prefer: Prefer, format: Format) -> Option<Applied> {
    let texts = [edit.current, edit.new, edit.shown];
    let reader = Reader::new(format, &texts);
    let read = |content| Component::read(content, &reader);
    let (current, shown) = (read(edit.current), read(edit.shown));
    let (held, new) = (edit.held.map(read), read(edit.new));
    let lists = Lists {
        current: entries(&current),
        shown: entries(&shown),
        held: held.as_ref().map(entries),
        new: entries(&new),
        uid: uid(&entries(&current)),
        room: entries(&current).last()?.end,
        text: edit.new,
    };
    let held_none = lists.held.as_ref().is_some_and(Vec::is_empty);
    if lists.shown.is_empty() || lists.new.is_empty() || held_none {
        return None;
    }
    let mut merge = Merge::new(&reader, prefer, edit.habit);
    merge.components(&lists, Sort::Entry);
    if merge.patch.is_empty() {
        return Some(merge.finish(edit.current));
    }
    let mut applied = merge.finish(edit.current);
    applied.bytes = with_zones(applied.bytes, &current, &new, edit.new, &reader);
    Some(applied)
}

/// The calendar object, or what stands in its place.
fn object<'s, 'a>(root: &'s Component<'a>) -> &'s Component<'a> {
    let calendar = root.children.iter().find(|c| c.tag == Tag::VCalendar);
    calendar.unwrap_or(root)
}

fn entries<'s, 'a>(root: &'s Component<'a>) -> Vec<&'s Component<'a>> {
    let children = object(root).children.iter();
    children.filter(|c| c.tag.is_calendar_entry()).collect()
}

/// The identifier of the first entry that has one.
fn uid<'s, 'a>(entries: &[&'s Component<'a>]) -> Option<&'s Prop<'a>> {
    let mut props = entries.iter().flat_map(|entry| &entry.props);
    props.find(|prop| prop.name == "UID")
}

/// The record with the descriptions of zones that it did not name before, as `current`, and that
/// the device describes.
// spec: U20
fn with_zones(
    record: Vec<u8>,
    current: &Component<'_>,
    new: &Component<'_>,
    text: &[u8],
    reader: &Reader,
) -> Vec<u8> {
    let root = Component::read(&record, reader);
    let Some(first) = entries(&root).first().map(|entry| entry.start) else {
        return record;
    };
    let before = named_zones(current);
    let mut named = named_zones(&root);
    named.retain(|zone| !before.contains(zone));
    let zones = |object: &Component<'_>| -> Vec<(Vec<u8>, usize, usize)> {
        let zones = object.children.iter().filter(|c| c.tag == Tag::VTimezone);
        zones
            .map(|zone| (value(zone, "TZID"), zone.start, zone.end))
            .collect()
    };
    let described: BTreeSet<_> = zones(object(&root)).into_iter().map(|z| z.0).collect();
    let mut patch = Patch::default();
    for (name, start, end) in zones(object(new)) {
        if named.remove(&name)
            && !described.contains(&name)
            && let Some(zone) = text.get(start..end)
        {
            let mut zone = zone.trim_ascii_start().to_vec();
            if !zone.ends_with(b"\n") {
                zone.extend_from_slice(b"\r\n");
            }
            patch.insert(first, zone);
        }
    }
    patch.apply(&record)
}

/// The zones that the entries name.
fn named_zones(root: &Component<'_>) -> BTreeSet<Vec<u8>> {
    let props = entries(root).into_iter().flat_map(|entry| &entry.props);
    let zones = props.filter_map(|prop| Some(prop.line.param("TZID")?.unquoted().to_vec()));
    zones.collect()
}

/// The properties of some names in each of the texts.
struct Group<'g, 'a> {
    current: Vec<&'g Prop<'a>>,
    shown: Vec<&'g Prop<'a>>,
    held: Option<Vec<&'g Prop<'a>>>,
    new: Vec<&'g Prop<'a>>,
}

impl<'g, 'a> Group<'g, 'a> {
    fn of(sides: Sides<'g, 'a>, names: &[&str]) -> Self {
        let props = |component: &'g Component<'a>| {
            let props = component.props.iter();
            props.filter(|p| names.contains(&p.name.as_str())).collect()
        };
        Self {
            current: props(sides.current),
            shown: props(sides.shown),
            held: sides.held.map(props),
            new: props(sides.new),
        }
    }

    /// Whether the device has not edited them.
    fn is_same(&self) -> bool {
        match &self.held {
            Some(held) => are_alike(held, &self.new),
            None => self.new.is_empty() || are_alike(&self.shown, &self.new),
        }
    }
}

/// The line of a time with another one, which another line tells by the clock of another zone.
// spec: V09
fn in_zone_of(line: &Line<'_>, other: &Line<'_>, dialect: Dialect) -> Option<Vec<u8>> {
    let zone = |line: &Line<'_>| {
        let name = line.param("TZID")?.unquoted().to_vec();
        Zone::new(std::str::from_utf8(&name).ok()?)
    };
    let (wall, is_date, is_utc) = read_wall(&other.text(dialect))?;
    let here = zone(line)?;
    let instant = match zone(other) {
        _ if is_date => return None,
        _ if is_utc => wall,
        Some(there) if there != here => there.instant(wall),
        _ => return None,
    };
    let text = stamp(here.wall(instant));
    Some(write::with_value(line, text, dialect))
}

/// A series whose zone is not that of the device, which repeats it by its own clock.
#[derive(Debug)]
pub(super) struct Elsewhere {
    /// `TZID` of the series; none where it is in UTC.
    zone: Option<String>,
    /// The zone of the device.
    there: Zone,
    /// Seconds that the clock of the series is ahead of the device's when it starts.
    ahead: i64,
}

impl Elsewhere {
    fn of(sides: Sides<'_, '_>, dialect: Dialect) -> Option<Self> {
        let start = |component: &Component<'_>| {
            let mut props = component.props.iter();
            let line = &props.find(|prop| prop.name == "DTSTART")?.line;
            let zone = line.param("TZID").map(|zone| zone.unquoted().to_vec());
            let zone = zone.and_then(|zone| String::from_utf8(zone).ok());
            let (wall, is_date, is_utc) = read_wall(&line.text(dialect))?;
            (!is_date && is_utc == zone.is_none()).then_some((zone, wall))
        };
        let ((zone, here), (there, wall)) = (start(sides.current)?, start(sides.shown)?);
        let there = Zone::new(there.as_deref()?)?;
        let is_there = zone.as_deref().and_then(Zone::new).as_ref() == Some(&there);
        (!is_there).then_some(Self {
            zone,
            there,
            ahead: here - wall,
        })
    }

    /// An exception for the occurrence that the device takes out, by the clock of the series.
    pub(super) fn exception(&self, text: &str) -> Option<String> {
        let (wall, is_date, is_utc) = read_wall(text)?;
        if is_date {
            return None;
        }
        let wall = if is_utc { self.there.wall(wall) } else { wall };
        let text = stamp(wall + self.ahead);
        Some(match &self.zone {
            Some(zone) if zone.contains([':', ';', ',']) => {
                format!("EXDATE;TZID=\"{zone}\":{text}\r\n")
            }
            Some(zone) => format!("EXDATE;TZID={zone}:{text}\r\n"),
            None => format!("EXDATE:{text}Z\r\n"),
        })
    }
}

fn are_alike(a: &[&Prop<'_>], b: &[&Prop<'_>]) -> bool {
    let meaning = |props: &[&Prop<'_>]| {
        let props = props
            .iter()
            .map(|p| (p.name.clone(), p.value.clone(), p.kinds.clone()));
        props.collect::<BTreeSet<_>>()
    };
    meaning(a) == meaning(b)
}

impl Merge<'_> {
    /// Applies the edits of an entry.
    pub(super) fn entry(&mut self, sides: Sides<'_, '_>, text: &[u8]) {
        let before = self.patch.len();
        let mut groups = vec![&TIMES[..]];
        if sides.current.tag == Tag::VTodo {
            groups.push(&PROGRESS);
        }
        self.elsewhere = Elsewhere::of(sides, self.dialect());
        self.properties(sides, &groups.concat());
        for names in groups {
            self.group(sides, names);
        }
        self.components(&alarms(sides, text), Sort::Alarm);
        if self.patch.len() > before {
            self.stamp(sides);
        }
    }

    /// Applies an edit of properties that change together: all or none.
    // spec: V05
    fn group(&mut self, sides: Sides<'_, '_>, names: &[&str]) {
        let whole = Group::of(sides, names);
        let differing: Vec<&str> = names
            .iter()
            .copied()
            .filter(|name| {
                let of = Group::of(sides, &[name]);
                let says_nothing = of.held.is_none() && of.new.is_empty();
                !says_nothing && !are_alike(&of.new, &of.shown)
            })
            .collect();
        if differing.is_empty() {
            return;
        }
        let is_conflict = match &whole.held {
            Some(held) if are_alike(held, &whole.new) => return,
            Some(held) => !are_alike(held, &whole.shown),
            None => !whole.shown.is_empty(),
        };
        if is_conflict {
            let mut wins = false;
            for name in differing {
                wins = self.conflict(name);
            }
            if !wins {
                return;
            }
        }
        let has_end = whole.new.iter().any(|p| ENDS.contains(&p.name.as_str()));
        let has_same_rule = RULES.iter().all(|name| Group::of(sides, &[name]).is_same());
        for name in names {
            self.take(sides, name, has_end, has_same_rule);
        }
    }

    /// Takes the properties of one name of a group that was edited.
    ///
    /// A time stays in the record's zone, as long as the device has not said by what rule it recurs:
    /// a device tells times by its own clock, wherever they were made.
    // spec: U10 U13 V09
    fn take(&mut self, sides: Sides<'_, '_>, name: &str, has_end: bool, has_same_rule: bool) {
        let of = Group::of(sides, &[name]);
        let is_same = of.is_same();
        let values = |props: &[&Prop<'_>]| {
            let values = props.iter().map(|p| p.value.clone());
            values.collect::<BTreeSet<_>>()
        };
        if is_same && (RULES.contains(&name) || values(&of.shown) == values(&of.current)) {
            return;
        }
        if name == "COMPLETED" && of.new.is_empty() && is_done(sides.new) {
            // when it was done is not said again
            return;
        }
        let is_hidden = of.shown.is_empty() && of.new.is_empty();
        if is_hidden && ENDS.contains(&name) && !has_end {
            self.keep_length(sides, &of.current, name);
            return;
        }
        if let ([current], [shown], [new]) = (&*of.current, &*of.shown, &*of.new) {
            let dialect = self.dialect();
            let there = has_same_rule.then(|| in_zone_of(&current.line, &new.line, dialect));
            let text = there.flatten().unwrap_or_else(|| {
                write::edited(current, shown, new, true, Chosen::New, self.reader.format)
            });
            self.patch.replace(current.start(), current.end(), text);
            return;
        }
        let mut text: Vec<u8> = Vec::new();
        for new in &of.new {
            text.extend(write::copy(&new.line, None, self.dialect()));
        }
        match of.current.split_first() {
            Some((first, rest)) => {
                self.patch.replace(first.start(), first.end(), text);
                for prop in rest {
                    self.patch.remove(prop.start(), prop.end());
                }
            }
            None if text.is_empty() => {}
            None => self.patch.insert(sides.current.room(), text),
        }
    }

    /// An end that the device is not shown moves with the start.
    fn keep_length(&mut self, sides: Sides<'_, '_>, ends: &[&Prop<'_>], name: &str) {
        let start = value(sides.current, "DTSTART");
        if name == "DURATION" || start == value(sides.new, "DTSTART") {
            return;
        }
        for end in ends {
            let length = length(&start, &end.value);
            let text = match length.filter(|_| self.reader.format == Format::ICalendar20) {
                Some((days, true)) => format!("DURATION:P{}D\r\n", days / 86_400),
                Some((seconds, false)) => format!("DURATION:PT{seconds}S\r\n"),
                None => String::new(),
            };
            self.patch.replace(end.start(), end.end(), text.into());
        }
    }
}

fn is_done(task: &Component<'_>) -> bool {
    value(task, "STATUS").eq_ignore_ascii_case(b"COMPLETED")
}

/// The seconds between two times, and whether they are dates.
fn length(start: &[u8], end: &[u8]) -> Option<(i64, bool)> {
    let read = |time: &[u8]| {
        let time = String::from_utf8_lossy(time).into_owned();
        if let Some(instant) = time.strip_prefix('@') {
            return Some((instant.parse::<i64>().ok()?, "@".to_owned()));
        }
        let (wall, place) = time.split_once(' ')?;
        Some((wall.parse().ok()?, place.to_owned()))
    };
    let ((start, from), (end, to)) = (read(start)?, read(end)?);
    let seconds = end.checked_sub(start).filter(|seconds| *seconds >= 0)?;
    (from == to).then_some((seconds, from == "true"))
}

fn alarms<'s, 'a>(sides: Sides<'s, 'a>, text: &'s [u8]) -> Lists<'s, 'a> {
    let alarms = |entry: &'s Component<'a>| {
        let children = entry.children.iter();
        children.filter(|c| c.tag == Tag::VAlarm).collect()
    };
    Lists {
        current: alarms(sides.current),
        shown: alarms(sides.shown),
        held: sides.held.map(alarms),
        new: alarms(sides.new),
        uid: None,
        room: sides.current.close,
        text,
    }
}
