//! From vCalendar 1.0 to iCalendar 2.0.

mod properties;

use super::alarm::{self, Anchor};
use super::profile::{DAY, TimeMode, TimeProfile};
use super::rule::{End, RULE_BUDGET, Rule};
use super::tree::{self, Node, name};
use super::words;
use super::zone::{Zone, civil, day_stamp, seconds, stamp};
use crate::component::Tag;
use crate::convert::encode;
use crate::decode::Dialect;
use crate::line::Line;
use crate::moment::read_wall;

/// An end date of such a year means that there is no end.
const FOREVER: i16 = 2037;

/// Days that a rule of exceptions is written out as.
const MAX_EXCEPTIONS: usize = 500;

/// How the times of an entry are written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Days,
    Utc,
    Zoned,
    Floating,
}

struct Writer<'p> {
    profile: &'p TimeProfile,
    out: Vec<u8>,
    lost: Vec<Vec<u8>>,
    zones: Vec<(Zone, i64)>,
    /// The zone that the calendar as a whole describes.
    described: Option<Zone>,
    /// Steps that are left for writing rules out.
    budget: u32,
    /// Dates that are left for exceptions by rule.
    exceptions: usize,
}

/// The times of one entry, on the wall of `home`.
struct Times {
    home: Option<Zone>,
    form: Form,
    start: Option<i64>,
    end: Option<i64>,
    due: Option<i64>,
}

/// The calendar as iCalendar 2.0, and the lines that do not fit in it.
// spec: T15 U31
pub(super) fn convert(content: &[u8], profile: &TimeProfile) -> (Vec<u8>, Vec<Vec<u8>>) {
    let root = tree::read(content);
    let calendar = root.children.iter().find(|c| c.tag == Tag::VCalendar);
    let calendar = calendar.unwrap_or(&root);
    let mut writer = Writer {
        profile,
        out: Vec::new(),
        lost: Vec::new(),
        zones: Vec::new(),
        described: described(calendar, profile.zone.as_ref()),
        budget: RULE_BUDGET,
        exceptions: MAX_EXCEPTIONS,
    };
    let product = calendar
        .text("PRODID", Dialect::Old)
        .unwrap_or_else(|| "-//Syncline//EN".to_owned());
    let mut whole = b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\n".to_vec();
    encode::text(
        &mut whole,
        "PRODID",
        &encode::escape(&product),
        Dialect::New,
        false,
    );
    for line in calendar.properties() {
        let consumed = ["VERSION", "PRODID", "TZ", "DAYLIGHT", "GEO"];
        if !consumed.iter().any(|n| line.is(n)) {
            writer.plain(line);
        }
    }
    whole.append(&mut writer.out);
    for child in &calendar.children {
        if matches!(child.tag, Tag::VEvent | Tag::VTodo | Tag::VJournal) {
            writer.entry(child, calendar);
        } else {
            child.sources(&mut writer.lost);
        }
    }
    let outside = root.children.iter().filter(|c| !std::ptr::eq(*c, calendar));
    if !std::ptr::eq(calendar, &raw const root) {
        outside.for_each(|c| c.sources(&mut writer.lost));
    }
    for (zone, from) in &writer.zones {
        let mut text = String::new();
        zone.describe_new(*from, &mut text);
        whole.extend_from_slice(text.as_bytes());
    }
    whole.append(&mut writer.out);
    whole.extend_from_slice(b"END:VCALENDAR\r\n");
    (whole, writer.lost)
}

impl Times {
    /// The instant of a wall time; a floating one is taken for UTC.
    fn instant(&self, wall: i64) -> i64 {
        self.home.as_ref().map_or(wall, |home| home.instant(wall))
    }

    fn write(&self, name: &str, wall: i64) -> String {
        match (self.form, &self.home) {
            (Form::Days, _) => format!("{name};VALUE=DATE:{}\r\n", day_stamp(wall)),
            (Form::Zoned, Some(home)) => {
                format!(
                    "{name};TZID={}:{}\r\n",
                    words::quote(home.name()),
                    stamp(wall)
                )
            }
            (Form::Utc, _) => format!("{name}:{}Z\r\n", stamp(wall)),
            _ => format!("{name}:{}\r\n", stamp(wall)),
        }
    }

    fn until(&self, wall: i64) -> String {
        match self.form {
            Form::Days => format!(";UNTIL={}", day_stamp(wall)),
            Form::Floating => format!(";UNTIL={}", stamp(wall)),
            _ => format!(";UNTIL={}Z", stamp(self.instant(wall))),
        }
    }

    /// An exception or addition: a device may name only the day, or its midnight.
    // spec: U19
    fn occurrence(&self, wall: i64, is_date: bool) -> i64 {
        match self.start {
            Some(start) if self.form != Form::Days && (is_date || wall.rem_euclid(DAY) == 0) => {
                wall - wall.rem_euclid(DAY) + start.rem_euclid(DAY)
            }
            _ => wall,
        }
    }
}

/// Whether the entry says in so many words that it is of whole days.
// spec: U27
fn is_marked(node: &Node<'_>) -> bool {
    let text = |name: &str| {
        let text = node.text(name, Dialect::Old).unwrap_or_default();
        text.to_ascii_uppercase()
    };
    ["EVENT", "ANNIVERSARY"].contains(&text("X-EPOCAGENDAENTRYTYPE").as_str())
        || text("X-FUNAMBOL-ALLDAY") == "1"
        || ["X-MICROSOFT-CDO-ALLDAYEVENT", "X-ALLDAYEVENT"]
            .iter()
            .any(|n| ["TRUE", "1"].contains(&text(n).as_str()))
        || (node.find("DTEND").is_none()
            && ["MISCELLANEOUS", "SPECIAL OCCASION"].contains(&text("CATEGORIES").as_str()))
}

/// When an entry begins or is due, as the device writes it.
fn first_time(node: &Node<'_>) -> Option<String> {
    let names = ["DTSTART", "DUE"];
    let found = names.iter().find_map(|n| node.text(n, Dialect::Old));
    found.or_else(|| node.children.first().and_then(first_time))
}

/// The zone in the `TZ` and `DAYLIGHT` of an entry or a calendar: `device` where it is that of the
/// device.
// spec: U24
fn described(node: &Node<'_>, device: Option<&Zone>) -> Option<Zone> {
    let tz = node.text("TZ", Dialect::Old)?;
    let first = first_time(node);
    let (at, _, is_utc) = first.as_deref().and_then(read_wall).unwrap_or_default();
    let daylight = node.properties().filter(|l| l.is("DAYLIGHT")).take(16);
    let daylight: Vec<_> = daylight
        .map(|l| l.text(Dialect::Old).into_owned())
        .collect();
    // of a device that counts in UTC, this says what it counts in, and not where it is
    let found = Zone::of_old(&tz, &daylight, device, at)?;
    (device.is_none() || !is_utc || !found.is_utc()).then_some(found)
}

impl Writer<'_> {
    fn push(&mut self, line: &str) {
        self.out.extend_from_slice(line.as_bytes());
    }

    fn lose(&mut self, line: &Line<'_>) {
        self.lost.push(line.source().to_vec());
    }

    // spec: U24
    fn home(&self, node: &Node<'_>) -> Option<Zone> {
        let device = self.profile.zone.as_ref();
        let described = described(node, device).or_else(|| self.described.clone());
        if let Some(zone) = described.or_else(|| device.cloned()) {
            return Some(zone);
        }
        let first = first_time(node);
        match self.profile.mode {
            TimeMode::UtcWithoutZ => Some(Zone::utc()),
            TimeMode::FalseZ => None,
            _ => first
                .filter(|t| t.ends_with(['Z', 'z']))
                .map(|_| Zone::utc()),
        }
    }

    /// Reads the times of an entry, and tells whole days from times of a day.
    // spec: U27
    fn times(&self, node: &Node<'_>) -> Times {
        let home = self.home(node);
        let mut dated = false;
        let mut read = |name: &str| {
            let text = node.text(name, Dialect::Old)?;
            let (wall, is_date) = self.profile.read(&text, home.as_ref())?;
            dated |= is_date;
            Some(wall)
        };
        let (start, end, due) = (read("DTSTART"), read("DTEND"), read("DUE"));
        let form = match &home {
            Some(home) if home.is_utc() => Form::Utc,
            Some(_) => Form::Zoned,
            None => Form::Floating,
        };
        let mut times = Times {
            home,
            form,
            start,
            end,
            due,
        };
        let midnight = |wall: i64| wall - wall.rem_euclid(DAY);
        if node.tag == Tag::VTodo {
            let mut moments = [start, due].into_iter().flatten();
            let some = start.or(due).is_some();
            if dated || (some && moments.all(|wall| midnight(wall) == wall)) {
                times.form = Form::Days;
            }
            return times;
        }
        let Some(start) = start else { return times };
        let marked = dated || is_marked(node);
        let mut days = self.profile.whole_days(start, end);
        if marked && days.is_none() {
            let first = midnight(start);
            let last = end.map_or(first, |end| {
                if midnight(end) == end {
                    end
                } else {
                    midnight(end) + DAY
                }
            });
            days = Some((first, last.max(first + DAY)));
        }
        if let Some((first, after)) = days {
            times.form = Form::Days;
            times.start = Some(first);
            times.end = Some(after);
        }
        times
    }

    // spec: U07 U09 U10
    fn entry(&mut self, node: &Node<'_>, calendar: &Node<'_>) {
        let is_task = node.tag == Tag::VTodo;
        let times = self.times(node);
        let kind = match node.tag {
            Tag::VTodo => "VTODO",
            Tag::VJournal => "VJOURNAL",
            _ => "VEVENT",
        };
        self.push(&format!("BEGIN:{kind}\r\n"));
        self.stamps(node, &times);
        let summary = node.text("SUMMARY", Dialect::Old);
        let percent = node.find("PERCENT-COMPLETE").filter(|_| is_task);
        let share = percent.and_then(|line| line.text(Dialect::Old).trim().parse().ok());
        let is_begun = share.is_some_and(|share: u8| (1..100).contains(&share));
        let mut status = None;
        let mut rules = 0;
        for line in node.properties() {
            let upper = name(line);
            match upper.as_str() {
                "VERSION" | "TZ" | "DAYLIGHT" | "RNUM" | "LAST-MODIFIED" | "DCREATED"
                | "X-FUNAMBOL-ALLDAY" => {}
                "DTSTART" | "DTEND" | "DUE" => self.time(line, &upper, &times),
                "COMPLETED" => {}
                "PERCENT-COMPLETE" if is_task => {}
                "RRULE" | "EXRULE" => {
                    rules += 1;
                    if rules > 4 || !self.rule(line, &upper, &times) {
                        self.lose(line);
                    }
                }
                "EXDATE" | "RDATE" => self.dates(line, &upper, &times),
                "RECURRENCE-ID" | "X-RECURRENCE-ID" => self.dates(line, "RECURRENCE-ID", &times),
                "AALARM" | "DALARM" | "MALARM" => {}
                "PALARM" => self.lose(line),
                "ATTENDEE" => self.attendee(line),
                "STATUS" => {
                    let word = words::status_new(&line.text(Dialect::Old), is_task, is_begun);
                    status = word.map(|(word, _)| word);
                    self.word(line, "STATUS", word);
                }
                "PRIORITY" => {
                    self.word(
                        line,
                        "PRIORITY",
                        words::priority_new(&line.text(Dialect::Old)),
                    );
                }
                "TRANSP" => {
                    self.word(
                        line,
                        "TRANSP",
                        words::transparency_new(&line.text(Dialect::Old)),
                    );
                }
                "DESCRIPTION" => {
                    let text = line.text(Dialect::Old).replace("\r\n", "\n");
                    let text = text.trim_end();
                    if Some(text) != summary.as_deref() && !text.is_empty() {
                        self.text(line, "DESCRIPTION", &encode::escape(text));
                    }
                }
                _ => self.plain(line),
            }
        }
        let completed = status == Some("COMPLETED");
        if let Some(line) = node.find("COMPLETED") {
            let text = line.text(Dialect::Old);
            match self.profile.read(&text, times.home.as_ref()) {
                Some((wall, _)) if completed || status.is_none() => {
                    self.push(&format!("COMPLETED:{}Z\r\n", stamp(times.instant(wall))));
                }
                _ => self.lose(line),
            }
        }
        if completed && is_task {
            self.push("PERCENT-COMPLETE:100\r\n");
        }
        match percent {
            Some(line) if !completed => self.plain(line),
            Some(line) if share != Some(100) => self.lose(line),
            _ => {}
        }
        if let Some(line) = calendar.find("GEO")
            && node.find("GEO").is_none()
        {
            self.plain(line);
        }
        self.alarms(node, &times);
        node.children.iter().for_each(|c| c.sources(&mut self.lost));
        self.push(&format!("END:{kind}\r\n"));
        if let (Form::Zoned, Some(home)) = (times.form, &times.home) {
            let from = times.start.or(times.due).unwrap_or_default();
            match self.zones.iter_mut().find(|(zone, _)| zone == home) {
                Some((_, earliest)) => *earliest = from.min(*earliest),
                None => self.zones.push((home.clone(), from)),
            }
        }
    }

    /// When the entry was made and changed. The new format demands a stamp, and there is no clock
    /// to ask: the start of 1970 says that it is not known.
    // spec: U08
    fn stamps(&mut self, node: &Node<'_>, times: &Times) {
        let mut stamped = None;
        for (old, new) in [("DCREATED", "CREATED"), ("LAST-MODIFIED", "LAST-MODIFIED")] {
            let Some(line) = node.find(old) else { continue };
            let text = line.text(Dialect::Old);
            match self.profile.read(&text, times.home.as_ref()) {
                Some((wall, _)) => {
                    let text = stamp(times.instant(wall));
                    self.push(&format!("{new}:{text}Z\r\n"));
                    stamped = Some(text);
                }
                None => self.lose(line),
            }
        }
        let text = stamped.unwrap_or_else(|| stamp(0));
        self.push(&format!("DTSTAMP:{text}Z\r\n"));
    }

    // spec: U10 U30
    fn time(&mut self, line: &Line<'_>, name: &str, times: &Times) {
        let (wall, start) = match name {
            "DTSTART" => (times.start, None),
            "DTEND" => (times.end, times.start),
            _ => (times.due, None),
        };
        let late = name == "DTSTART" && times.due.is_some_and(|due| Some(due) < times.start);
        match wall {
            // an end at the start says no more than none
            Some(wall) if start == Some(wall) => {}
            Some(wall) if start.is_none_or(|start| start < wall) && !late => {
                self.push(&times.write(name, wall));
            }
            _ if line.is_empty() => {}
            _ => self.lose(line),
        }
    }

    /// Splits a rule's end into what RFC 5545 says of it: its text, and the last day. None if
    /// there is no recurrence.
    // spec: U11 U12 U15 U16
    fn end(&self, rule: &Rule, times: &Times, start: i64) -> Option<(String, Option<i64>)> {
        let first = civil(start).date();
        match &rule.end {
            End::Never => Some((String::new(), None)),
            End::Count(1) => None,
            End::Count(n) => {
                if rule.slots(first) == (1, true) {
                    return Some((format!(";COUNT={n}"), None));
                }
                let Some(last) = rule.interval_end(first, *n) else {
                    return Some((String::new(), None));
                };
                let wall = seconds(last.at(23, 59, 59, 0));
                Some((times.until(wall), Some(wall)))
            }
            End::Date(text) => {
                let (mut wall, is_date) = self.profile.read(text, times.home.as_ref())?;
                if civil(wall).year() >= FOREVER {
                    return Some((String::new(), None));
                }
                let of_day = wall.rem_euclid(DAY);
                let timed = times.form != Form::Days;
                if timed && (is_date || of_day == 0 && start.rem_euclid(DAY) != 0) {
                    wall += DAY - 1 - of_day;
                }
                let comparable = if timed { wall } else { wall - of_day };
                (comparable >= start).then(|| (times.until(wall), Some(wall)))
            }
        }
    }

    // spec: U18
    fn rule(&mut self, line: &Line<'_>, name: &str, times: &Times) -> bool {
        let Some(start) = times.start.or(times.due) else {
            return false;
        };
        let first = civil(start).date();
        let Some(rule) = Rule::read_old(&line.text(Dialect::Old), first) else {
            return line.is_empty();
        };
        let readable = match &rule.end {
            End::Date(text) => self.profile.read(text, times.home.as_ref()).is_some(),
            _ => true,
        };
        let Some((end, last)) = self.end(&rule, times, start) else {
            return readable;
        };
        if name == "RRULE" {
            self.push(&format!("RRULE:{}\r\n", rule.write_new(&end)));
            return true;
        }
        let until = last.map(|wall| civil(wall).date());
        let bounded = until.is_some() || matches!(rule.end, End::Count(_));
        let days = rule.days(first, until, self.exceptions, &mut self.budget);
        let days = days.filter(|_| bounded);
        self.exceptions -= days.as_ref().map_or(0, Vec::len).min(self.exceptions);
        for day in days.iter().flatten() {
            let wall = seconds(day.at(0, 0, 0, 0)) + start.rem_euclid(DAY);
            self.push(&times.write("EXDATE", wall));
        }
        days.is_some()
    }

    /// One property a date; some separate dates by commas, as the new format does.
    // spec: U19
    fn dates(&mut self, line: &Line<'_>, name: &str, times: &Times) {
        let text = line.text(Dialect::Old);
        let mut complete = true;
        for date in text.split([';', ',']).filter(|d| !d.trim().is_empty()) {
            match self.profile.read(date, times.home.as_ref()) {
                Some((wall, is_date)) => {
                    self.push(&times.write(name, times.occurrence(wall, is_date)));
                }
                None => complete = false,
            }
        }
        if !complete {
            self.lose(line);
        }
    }

    fn alarms(&mut self, node: &Node<'_>, times: &Times) {
        let anchor = times.start.or(times.due).map(|wall| Anchor {
            wall,
            instant: times.instant(wall),
        });
        let read = |text: &str| {
            let (wall, is_date) = self.profile.read(text, times.home.as_ref())?;
            (!is_date).then_some(wall)
        };
        let instant = |wall| times.instant(wall);
        for line in node.properties() {
            let is_alarm = ["AALARM", "DALARM", "MALARM"].iter().any(|n| line.is(n));
            if !is_alarm {
                continue;
            }
            // a task may be begun long before it is reminded of
            let text = line.text(Dialect::Old);
            let wall = read(text.split(';').next().unwrap_or_default());
            let is_late = |anchor: &Anchor| {
                wall.is_some_and(|wall| (1..alarm::NEVER).contains(&(wall - anchor.wall)))
            };
            let anchor = anchor.filter(|anchor| node.tag != Tag::VTodo || !is_late(anchor));
            if !alarm::write_new(line, anchor, read, instant, &mut self.out) {
                self.lost.push(line.source().to_vec());
            }
        }
    }
}
