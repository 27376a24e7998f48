//! From iCalendar 2.0 to vCalendar 1.0, for one device.

mod properties;
mod times;

use std::collections::BTreeSet;

use jiff::civil::Date;

use super::alarm::{self, Anchor};
use super::profile::{DAY, RuleEnd, TimeMode, TimeProfile};
use super::rule::{End, RULE_BUDGET, Rule};
use super::tree::{self, Node, name, param};
use super::words;
use super::zone::{Zone, civil, seconds, stamp};
use crate::component::Tag;
use crate::decode::Dialect;
use crate::line::Line;
use crate::moment::{self, read_wall};

/// Occurrences that are counted to find the last.
const MAX_OCCURRENCES: usize = 20_000;

/// Occurrences that are passed over to find one that the device can hold: every day of a century.
const MAX_SKIPPED: usize = 40_000;

/// Years within which a series has another occurrence.
const YEARS_BETWEEN: i16 = 8;

/// Last occurrences from here on are taken for "no end" by readers.
const FOREVER: i16 = 2037;

/// Where a time of the source is.
#[derive(Clone)]
enum Place {
    Date,
    Floating,
    Zone(Zone),
    /// A zone that only the item describes, by its number there.
    Described(usize),
}

#[derive(Clone)]
struct When {
    wall: i64,
    place: Place,
}

struct Writer<'p> {
    profile: &'p TimeProfile,
    quoted: bool,
    home: Option<Zone>,
    described: Vec<moment::Zone>,
    out: Vec<u8>,
    lost: Vec<Vec<u8>>,
    geo: Option<String>,
    /// Steps that are left for finding the ends of rules.
    budget: u32,
}

/// The calendar as vCalendar 1.0, and the lines that do not fit in it. An occurrence that
/// overrides one of a series is lost beside the series, which gets an exception for it.
// spec: U20 U31
pub(super) fn convert(
    content: &[u8],
    profile: &TimeProfile,
    quoted: bool,
) -> (Vec<u8>, Vec<Vec<u8>>) {
    let root = tree::read(content);
    let calendar = root.children.iter().find(|c| c.tag == Tag::VCalendar);
    let calendar = calendar.unwrap_or(&root);
    let home = match (&profile.zone, profile.mode) {
        (Some(zone), _) => Some(zone.clone()),
        (None, TimeMode::Utc | TimeMode::UtcWithoutZ) => Some(Zone::utc()),
        (None, _) => None,
    };
    let zones = calendar.children.iter().filter(|c| c.tag == Tag::VTimezone);
    let mut writer = Writer {
        profile,
        quoted,
        home,
        described: zones.take(16).map(describe).collect(),
        out: Vec::new(),
        lost: Vec::new(),
        geo: None,
        budget: RULE_BUDGET,
    };
    for line in calendar.properties() {
        let scale = line.is("CALSCALE") && line.raw_value().eq_ignore_ascii_case(b"GREGORIAN");
        if !line.is("VERSION") && !line.is("PRODID") && !scale {
            writer.plain(line);
        }
    }
    let entries: Vec<_> = calendar
        .children
        .iter()
        .filter(|c| matches!(c.tag, Tag::VEvent | Tag::VTodo))
        .collect();
    let uid = |node: &Node<'_>| node.text("UID", Dialect::New);
    let mut masters: BTreeSet<_> = entries
        .iter()
        .filter(|e| e.find("RECURRENCE-ID").is_none())
        .map(|e| uid(e))
        .collect();
    let mut overrides: Vec<(Option<String>, &Line<'_>)> = Vec::new();
    for entry in &entries {
        let line = entry.find("RECURRENCE-ID").map(|line| (uid(entry), line));
        overrides.extend(line.filter(|(uid, _)| masters.contains(uid)));
    }
    overrides.sort_by(|a, b| a.0.cmp(&b.0));
    let of_series = masters.clone();
    let is_override =
        |e: &Node<'_>| e.find("RECURRENCE-ID").is_some() && of_series.contains(&uid(e));
    for child in &calendar.children {
        match child.tag {
            Tag::VEvent | Tag::VTodo if !is_override(child) => {
                let own = uid(child);
                let from = overrides.partition_point(|(uid, _)| *uid < own);
                // only the first series of an identifier: a second is broken input
                let is_series = child.find("RECURRENCE-ID").is_none() && masters.remove(&own);
                let own: Vec<_> = overrides
                    .iter()
                    .skip(from)
                    .take_while(|(uid, _)| is_series && *uid == own)
                    .map(|(_, line)| *line)
                    .collect();
                writer.entry(child, &own);
            }
            Tag::VTimezone => {}
            _ => child.sources(&mut writer.lost),
        }
    }
    if !std::ptr::eq(calendar, &raw const root) {
        let outside = root.children.iter().filter(|c| !std::ptr::eq(*c, calendar));
        outside.for_each(|c| c.sources(&mut writer.lost));
    }
    let mut whole = b"BEGIN:VCALENDAR\r\nVERSION:1.0\r\n".to_vec();
    if let (true, Some(home)) = (profile.describes_zone, &writer.home) {
        let starts = entries.iter().filter_map(|e| {
            let line = e.find("DTSTART").or_else(|| e.find("DUE"))?;
            let recurs = e.find("RRULE").is_some();
            let (wall, ..) = read_wall(&line.text(Dialect::New))?;
            Some((wall, recurs))
        });
        if let Some((wall, recurs)) = starts.min() {
            let years = if recurs { 3 } else { 0 };
            let text = home.describe_old(wall, wall + years * 366 * DAY);
            whole.extend_from_slice(text.as_bytes());
        }
    }
    if let Some(geo) = writer.geo {
        whole.extend_from_slice(format!("GEO:{geo}\r\n").as_bytes());
    }
    whole.append(&mut writer.out);
    whole.extend_from_slice(b"END:VCALENDAR\r\n");
    (whole, writer.lost)
}

fn describe(node: &Node<'_>) -> moment::Zone {
    let mut zone = moment::Zone::default();
    let id = node.text("TZID", Dialect::New).unwrap_or_default();
    zone.name = id.to_uppercase();
    for observance in node.children.iter().take(64) {
        zone.begin_observance();
        for line in observance.properties() {
            zone.take(line.name(), &line.text(Dialect::New));
        }
    }
    zone
}

/// Reads a time of a place.
fn read(text: &str, place: &Place) -> Option<When> {
    let (wall, is_date, is_utc) = read_wall(text)?;
    let place = match place {
        _ if is_date => Place::Date,
        _ if is_utc => Place::Zone(Zone::utc()),
        place => place.clone(),
    };
    Some(When { wall, place })
}

impl Writer<'_> {
    fn push(&mut self, line: &str) {
        self.out.extend_from_slice(line.as_bytes());
    }

    fn lose(&mut self, line: &Line<'_>) {
        self.lost.push(line.source().to_vec());
    }

    /// Where the times of a line are. A zone that nothing is known of leaves them floating.
    // spec: U26
    fn place(&self, line: &Line<'_>) -> Place {
        let Some(id) = param(line, "TZID") else {
            return Place::Floating;
        };
        Zone::new(&id).map_or_else(
            || {
                let id = id.to_uppercase();
                let found = self.described.iter().position(|z| z.name == id);
                found.map_or(Place::Floating, Place::Described)
            },
            Place::Zone,
        )
    }

    fn read_line(&self, line: &Line<'_>) -> Option<When> {
        read(&line.text(Dialect::New), &self.place(line))
    }

    fn instant(&self, when: &When) -> Option<i64> {
        match &when.place {
            Place::Date | Place::Floating => self.home.as_ref().map(|h| h.instant(when.wall)),
            Place::Zone(zone) => Some(zone.instant(when.wall)),
            Place::Described(at) => {
                let ahead = self.described.get(*at)?.offset(when.wall)?;
                Some(when.wall - ahead)
            }
        }
    }

    /// What the device's clock shows then.
    fn local(&self, when: &When) -> i64 {
        match (&when.place, &self.home) {
            (Place::Zone(_) | Place::Described(_), Some(home)) => {
                let instant = self.instant(when);
                instant.map_or(when.wall, |instant| home.wall(instant))
            }
            _ => when.wall,
        }
    }

    /// Whether the device's form says all of a time, its zone included.
    fn keeps(&self, when: &When, recurs: bool) -> bool {
        match (&when.place, &self.home) {
            (Place::Date, _) | (Place::Floating, None) => true,
            (Place::Zone(zone), Some(home)) => zone == home || (zone.is_utc() && !recurs),
            _ => false,
        }
    }

    fn write(&self, wall: i64) -> String {
        self.profile.write(wall, self.home.as_ref())
    }

    fn write_when(&self, when: &When) -> String {
        match when.place {
            Place::Date => self.profile.write_midnight(when.wall, self.home.as_ref()),
            // no device marks a time that is the same everywhere
            Place::Floating if self.profile.mode == TimeMode::Utc => stamp(when.wall),
            _ => self.write(self.local(when)),
        }
    }

    // spec: U08
    fn entry(&mut self, node: &Node<'_>, overrides: &[&Line<'_>]) {
        let is_task = node.tag == Tag::VTodo;
        let kind = if is_task { "VTODO" } else { "VEVENT" };
        self.push(&format!("BEGIN:{kind}\r\n"));
        let recurs = node.find("RRULE").is_some() || node.find("RDATE").is_some();
        let read = |name: &str| node.find(name).and_then(|line| self.read_line(line));
        let (mut start, mut due) = (read("DTSTART"), read("DUE"));
        let mut end = read("DTEND").or_else(|| times::duration_end(node, start.as_ref()));
        let mut skipped = Some(0);
        let first = start.as_ref().or(due.as_ref());
        if let Some(later) = first.and_then(|when| self.later_start(node, when)) {
            skipped = later.skipped;
            let is_early = due.as_ref().is_some_and(|when| !self.can_hold(when));
            let due = due.as_mut().filter(|_| is_early);
            for when in start.iter_mut().chain(&mut end).chain(due) {
                when.wall += later.seconds;
            }
            // else it is lost for its zone
            let is_lost = start.as_ref().is_some_and(|when| !self.keeps(when, recurs));
            let line = node.find("DTSTART").or_else(|| node.find("DUE"));
            if let Some(line) = line.filter(|_| !is_lost) {
                self.lose(line);
            }
        }
        self.times(node, start.as_ref(), end.as_ref(), due.as_ref(), recurs);
        let anchor = start.clone().or_else(|| due.clone());
        let stamped = node.find("LAST-MODIFIED").is_some();
        let status = node.text("STATUS", Dialect::New).unwrap_or_default();
        let mut seen = Vec::new();
        for line in node.properties() {
            let upper = name(line);
            match upper.as_str() {
                "DTSTART" | "DTEND" | "DUE" | "DURATION" | "EXDATE" | "RDATE" => {}
                "X-FUNAMBOL-ALLDAY" | "X-EPOCAGENDAENTRYTYPE" => self.plain(line),
                "CREATED" | "LAST-MODIFIED" | "COMPLETED" => {
                    let new = if upper == "CREATED" {
                        "DCREATED"
                    } else {
                        &upper
                    };
                    self.stamp(line, new);
                }
                "DTSTAMP" if stamped || self.read_line(line).is_some_and(|w| w.wall == 0) => {}
                "DTSTAMP" => self.stamp(line, "LAST-MODIFIED"),
                "RRULE" | "EXRULE" => {
                    let first = !seen.contains(&upper);
                    if first {
                        seen.push(upper.clone());
                    }
                    // a rule of exceptions counts from the start that it has
                    let skipped = skipped.filter(|count| *count == 0 || upper == "RRULE");
                    let from = anchor.as_ref().zip(skipped).filter(|_| first);
                    let done = from.is_some_and(|(a, count)| self.rule(line, &upper, a, count));
                    if !done {
                        self.lose(line);
                    }
                }
                // phones count edits by themselves, and cannot follow an address
                "SEQUENCE" | "ATTACH" => self.lose(line),
                "RECURRENCE-ID" => match self.read_line(line) {
                    Some(when) => {
                        let text = self.write_when(&when);
                        self.push(&format!("X-RECURRENCE-ID:{text}\r\n"));
                        if param(line, "RANGE").is_some() {
                            self.lose(line);
                        }
                    }
                    None => self.lose(line),
                },
                "ATTENDEE" | "ORGANIZER" => self.attendee(line, &upper),
                "STATUS" => self.word(line, words::status_old(&status)),
                "PRIORITY" => {
                    self.word(line, words::priority_old(&line.text(Dialect::New)));
                }
                "TRANSP" => {
                    self.word(line, words::transparency_old(&line.text(Dialect::New)));
                }
                "PERCENT-COMPLETE" => {
                    let done = line.text(Dialect::New).trim() == "100";
                    if done && status.is_empty() {
                        self.push("STATUS:COMPLETED\r\n");
                    }
                    if !done || !["", "COMPLETED"].contains(&status.as_str()) {
                        self.lose(line);
                    }
                }
                _ => self.plain(line),
            }
        }
        self.dates(node, anchor.as_ref(), overrides);
        for child in &node.children {
            if child.tag != Tag::VAlarm || !self.alarm(child, anchor.as_ref(), end.as_ref(), recurs)
            {
                child.sources(&mut self.lost);
            }
        }
        self.push(&format!("END:{kind}\r\n"));
    }

    fn stamp(&mut self, line: &Line<'_>, name: &str) {
        match self.read_line(line).filter(|when| self.can_hold(when)) {
            Some(when) => {
                let text = self.write_when(&when);
                self.push(&format!("{name}:{text}\r\n"));
            }
            None => self.lose(line),
        }
    }

    /// Whether the device can hold a time, by whatever clock it is written.
    fn can_hold(&self, when: &When) -> bool {
        let there = [self.local(when), self.instant(when).unwrap_or(when.wall)];
        let year = self.profile.earliest_year;
        year.is_none_or(|year| there.iter().all(|wall| civil(*wall).year() >= year))
    }

    /// Where an entry has to begin for a device that cannot hold its start; none where it can. What
    /// does not recur from there on begins on the first day that the device has, by any clock.
    // spec: U29
    fn later_start(&mut self, node: &Node<'_>, start: &When) -> Option<Later> {
        if self.can_hold(start) {
            return None;
        }
        let earliest = Date::new(self.profile.earliest_year?, 1, 2).ok()?;
        self.later_occurrence(node, start).or_else(|| {
            let wall = seconds(earliest.at(0, 0, 0, 0)) + start.wall.rem_euclid(DAY);
            Some(Later {
                seconds: wall - start.wall,
                skipped: None,
            })
        })
    }

    fn later_occurrence(&mut self, node: &Node<'_>, start: &When) -> Option<Later> {
        let first = civil(start.wall).date();
        let rule = Rule::read_new(&node.find("RRULE")?.text(Dialect::New))?;
        let last = match self.end(&rule, start)? {
            Last::Found(_, last) => Some(last),
            Last::Never | Last::TooFar => None,
        };
        let until = self.profile.earliest_year?.saturating_add(YEARS_BETWEEN);
        let until = Date::new(until, 12, 31).ok()?;
        let until = last.map_or(until, |last| until.min(last));
        let days = rule.days(first, Some(until), MAX_SKIPPED, &mut self.budget)?;
        let on = |day: &Date| When {
            wall: seconds(day.at(0, 0, 0, 0)) + start.wall.rem_euclid(DAY),
            place: start.place.clone(),
        };
        let early = days.iter().take_while(|day| !self.can_hold(&on(day)));
        let skipped = early.count();
        let wall = on(days.get(skipped)?).wall;
        Some(Later {
            seconds: wall - start.wall,
            skipped: Some(u32::try_from(skipped).ok()?),
        })
    }

    /// Writes a rule with its last occurrence, without so many of its first ones; false if part of it
    /// cannot be.
    // spec: U12 U14 U16
    fn rule(&mut self, line: &Line<'_>, name: &str, start: &When, skipped: u32) -> bool {
        let Some(mut rule) = Rule::read_new(&line.text(Dialect::New)) else {
            return false;
        };
        if let End::Count(count) = &mut rule.end {
            *count = count.saturating_sub(skipped);
        }
        let source_day = civil(start.wall).date();
        let local = self.local(start);
        let shift = local.div_euclid(DAY) - start.wall.div_euclid(DAY);
        let Some(end) = self.end(&rule, start) else {
            return false;
        };
        if !rule.shift(shift) {
            return false;
        }
        let (slots, last_days) = (rule.slots(source_day), end);
        let Some(head) = rule.write_old(civil(local).date()) else {
            return false;
        };
        let mut complete = true;
        let end = match last_days {
            Last::Never => "#0".to_owned(),
            Last::TooFar => {
                complete = false;
                "#0".to_owned()
            }
            Last::Found(count, last) => {
                let wall = seconds(last.at(0, 0, 0, 0)) + start.wall.rem_euclid(DAY);
                let when = When {
                    wall,
                    place: start.place.clone(),
                };
                match self.profile.rule_end {
                    RuleEnd::Count if slots == (1, true) => format!("#{count}"),
                    RuleEnd::Count => {
                        complete = false;
                        "#0".to_owned()
                    }
                    form => {
                        complete &= last.year() < FOREVER;
                        match form {
                            RuleEnd::LocalDate => stamp(self.local(&when)),
                            _ => self.write_when(&when),
                        }
                    }
                }
            }
        };
        self.push(&format!("{name}:{head} {end}\r\n"));
        complete
    }

    /// How a rule ends; none if it has no occurrence.
    // spec: U12
    fn end(&mut self, rule: &Rule, start: &When) -> Option<Last> {
        let first = civil(start.wall).date();
        let until = match &rule.end {
            End::Never => return Some(Last::Never),
            End::Count(_) => None,
            End::Date(text) => {
                let (wall, is_date, is_utc) = read_wall(text)?;
                let wall = match &start.place {
                    Place::Zone(zone) if is_utc => zone.wall(wall),
                    Place::Described(_) if is_utc => {
                        let ahead = start.wall - self.instant(start)?;
                        wall + ahead
                    }
                    _ => wall,
                };
                let before = !is_date && wall.rem_euclid(DAY) < start.wall.rem_euclid(DAY);
                Some(civil(if before { wall - DAY } else { wall }).date())
            }
        };
        match rule.days(first, until, MAX_OCCURRENCES, &mut self.budget) {
            None => Some(Last::TooFar),
            Some(days) => days.last().map(|last| Last::Found(days.len(), *last)),
        }
    }

    /// Exceptions and additions, each in one line.
    // spec: U19 U20
    fn dates(&mut self, node: &Node<'_>, start: Option<&When>, overrides: &[&Line<'_>]) {
        for kind in ["EXDATE", "RDATE"] {
            let mut dates = Vec::new();
            let extra = overrides.iter().copied().filter(|_| kind == "EXDATE");
            for line in node.properties().filter(|l| l.is(kind)).chain(extra) {
                // looked up once: a line may have a million dates
                let place = self.place(line);
                let text = line.text(Dialect::New);
                for date in text.split(',').filter(|d| !d.trim().is_empty()) {
                    let Some(mut when) = read(date, &place) else {
                        self.lose(line);
                        break;
                    };
                    if let Some(start) = start {
                        match (&when.place, &start.place) {
                            // some leave the zone out: then it is that of the series
                            (Place::Floating, place) => when.place = place.clone(),
                            (Place::Date, place) if !matches!(place, Place::Date) => {
                                when.wall += start.wall.rem_euclid(DAY);
                                when.place = place.clone();
                            }
                            _ => {}
                        }
                    }
                    let when = match start {
                        Some(start) if kind == "EXDATE" => self.occurrence(when, start),
                        _ => when,
                    };
                    if self.can_hold(&when) {
                        dates.push(self.write_when(&when));
                    }
                }
            }
            if !dates.is_empty() {
                self.push(&format!("{kind}:{}\r\n", dates.join(";")));
            }
        }
    }

    /// An occurrence of a series of another zone, as a device comes to it that repeats the series by
    /// its own clock: where one of the two clocks has changed, that is not when it takes place.
    // spec: U23
    fn occurrence(&self, when: When, start: &When) -> When {
        let (Place::Zone(zone), Some(home)) = (&start.place, &self.home) else {
            return when;
        };
        let Place::Zone(of_when) = &when.place else {
            return when;
        };
        if self.profile.zone.is_none() || zone == home {
            return when;
        }
        let wall = zone.wall(of_when.instant(when.wall));
        When {
            wall: wall + self.local(start) - start.wall,
            place: Place::Zone(home.clone()),
        }
    }

    fn alarm(
        &mut self,
        node: &Node<'_>,
        start: Option<&When>,
        end: Option<&When>,
        recurs: bool,
    ) -> bool {
        let anchor = start.map(|when| Anchor {
            wall: self.local(when),
            instant: self.instant(when).unwrap_or(when.wall),
        });
        let home = self.home.clone();
        let wall = |instant: i64| home.as_ref().map_or(instant, |home| home.wall(instant));
        let end = end.map(|when| self.local(when));
        let Some(mut alarm) = alarm::read_new(node, anchor, end, recurs, wall) else {
            return false;
        };
        let (profile, bare) = (self.profile, self.profile.bare_alarms);
        let time = |wall| profile.write(wall, home.as_ref());
        alarm.write_old(bare, self.quoted, time, &mut self.out);
        alarm.complete
    }
}

/// How much later than it does an entry begins for a device.
struct Later {
    seconds: i64,
    /// Occurrences before that; none where it is no occurrence.
    skipped: Option<u32>,
}

/// How a rule ends.
enum Last {
    Never,
    /// Later than it was looked for.
    TooFar,
    /// How many occurrences there are, and the day of the last.
    Found(usize, Date),
}
