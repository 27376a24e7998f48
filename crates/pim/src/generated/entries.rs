//! Events of anything that vCalendar 1.0 and iCalendar 2.0 can both say, written in either, and read
//! field by field.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::cards::{escaped, line_new, line_old, lines_of_text, list, text};
use crate::convert::{TimeMode, Zone, stamp};
use crate::decode::{Dialect, with_line_feeds};
use crate::line::{Line, Lines};
use crate::moment::read_wall;

/// What the time of an event is told by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Zoned,
    Utc,
    Date,
}

#[derive(Debug, Clone)]
struct Alarm {
    is_shown: bool,
    ahead: i64,
    repeated: Option<(u8, u8)>,
    text: String,
}

#[derive(Debug, Clone)]
struct Person {
    name: Option<String>,
    address: String,
    answer: Option<(&'static str, &'static str)>,
    role: Option<(&'static str, &'static str)>,
    is_asked: Option<bool>,
}

/// A rule in both formats, without its end, and the number of its occurrences.
#[derive(Debug, Clone)]
struct Series {
    new: String,
    old: String,
    count: Option<u8>,
    /// Weeks after the start of which an occurrence of the weekday is left out.
    exceptions: BTreeSet<u8>,
}

/// An event of a device in a zone that writes times in a mode.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) place: &'static str,
    pub(crate) mode: TimeMode,
    form: Form,
    is_winter: bool,
    minutes: i64,
    has_length: bool,
    series: Option<Series>,
    summary: String,
    description: Option<String>,
    location: Option<String>,
    categories: Vec<String>,
    resources: Vec<String>,
    class: Option<&'static str>,
    status: Option<&'static str>,
    priority: Option<(&'static str, &'static str)>,
    is_free: Option<bool>,
    is_created: bool,
    url: Option<String>,
    geo: Option<(i16, i16)>,
    organizer: Option<Person>,
    attendees: Vec<Person>,
    alarms: Vec<Alarm>,
    custom: Option<String>,
}

const ANSWERS: [(&str, &str); 6] = [
    ("NEEDS ACTION", "NEEDS-ACTION"),
    ("ACCEPTED", "ACCEPTED"),
    ("TENTATIVE", "TENTATIVE"),
    ("DECLINED", "DECLINED"),
    ("COMPLETED", "COMPLETED"),
    ("DELEGATED", "DELEGATED"),
];
const ROLES: [(&str, &str); 3] = [
    ("REQUIRE", "REQ-PARTICIPANT"),
    ("REQUEST", "OPT-PARTICIPANT"),
    ("FYI", "NON-PARTICIPANT"),
];
const PRIORITIES: [(&str, &str); 4] = [("0", "0"), ("1", "1"), ("2", "5"), ("3", "9")];

/// The start, a Monday, the second one of a month of 31 days, its month, and its day of the year.
fn start(is_winter: bool) -> (&'static str, &'static str, &'static str) {
    if is_winter {
        ("20240108", "1", "8")
    } else {
        ("20240708", "7", "190")
    }
}

/// Rules that the start belongs to: of iCalendar 2.0 without its frequency's interval, and the word
/// and list of vCalendar 1.0.
fn rules(is_winter: bool) -> Vec<(String, &'static str, String)> {
    let (_, month, day) = start(is_winter);
    let fixed = [
        ("DAILY", "D", ""),
        ("WEEKLY;BYDAY=MO", "W", "MO"),
        ("WEEKLY;BYDAY=MO,TH", "W", "MO TH"),
        ("WEEKLY;BYDAY=MO,TU,WE,TH,FR", "W", "MO TU WE TH FR"),
        ("MONTHLY;BYDAY=2MO", "MP", "2+ MO"),
        ("MONTHLY;BYDAY=2MO,-1FR", "MP", "2+ MO 1- FR"),
        ("MONTHLY;BYDAY=2MO,2WE", "MP", "2+ MO WE"),
        ("MONTHLY;BYMONTHDAY=8", "MD", "8"),
        ("MONTHLY;BYMONTHDAY=8,15,28", "MD", "8 15 28"),
        ("MONTHLY;BYMONTHDAY=8,-1", "MD", "8 LD"),
        ("MONTHLY;BYMONTHDAY=-24,-3", "MD", "24- 3-"),
        ("YEARLY", "YM", month),
        ("YEARLY;BYMONTH=1,7", "YM", "1 7"),
    ];
    let mut rules: Vec<_> = fixed
        .iter()
        .map(|(new, word, list)| ((*new).to_owned(), *word, (*list).to_owned()))
        .collect();
    rules.push((
        format!("YEARLY;BYYEARDAY={day},200"),
        "YD",
        format!("{day} 200"),
    ));
    rules
}

fn series(is_winter: bool) -> impl Strategy<Value = Series> {
    let rule = prop::sample::select(rules(is_winter));
    let count = prop::option::of(2..9_u8);
    let exceptions = prop::collection::btree_set(1..9_u8, 0..3);
    (rule, 1..5_u8, count, exceptions).prop_map(
        |((new, word, list), interval, count, exceptions)| {
            let (frequency, by) = new.split_once(';').unwrap_or((&new, ""));
            let interval_new = match interval {
                1 => String::new(),
                _ => format!(";INTERVAL={interval}"),
            };
            let new = format!("FREQ={frequency}{interval_new};{by}");
            Series {
                new: new.trim_end_matches(';').to_owned(),
                old: format!("{word}{interval} {list}").trim_end().to_owned(),
                // what ends in 2037 or later has no end for readers
                count: count.map(|count: u8| {
                    if word.starts_with('Y') {
                        count.min(4)
                    } else {
                        count
                    }
                }),
                exceptions,
            }
        },
    )
}

fn person() -> impl Strategy<Value = Person> {
    (
        prop::option::of("[A-ZÄЖ][a-zäж, ]{0,12}[a-z]"),
        "[a-z.]{1,9}@[a-z]{1,9}[.]org",
        prop::option::of(prop::sample::select(&ANSWERS[..])),
        prop::option::of(prop::sample::select(&ROLES[..])),
        prop::option::of(any::<bool>()),
    )
        .prop_map(|(name, address, answer, role, is_asked)| Person {
            name,
            address,
            answer,
            role,
            is_asked,
        })
}

fn alarm() -> impl Strategy<Value = Alarm> {
    let repeated = prop::option::of((1..9_u8, 1..50_u8));
    (any::<bool>(), 0..400_i64, repeated, text()).prop_map(|(is_shown, ahead, repeated, text)| {
        Alarm {
            is_shown,
            ahead,
            repeated,
            text,
        }
    })
}

pub(crate) fn entry() -> impl Strategy<Value = Entry> {
    let places = vec![
        "Europe/Berlin",
        "America/New_York",
        "Asia/Kolkata",
        "Australia/Sydney",
    ];
    let modes = vec![
        TimeMode::Utc,
        TimeMode::Floating,
        TimeMode::FalseZ,
        TimeMode::UtcWithoutZ,
    ];
    let when = (
        any::<bool>(),
        prop::option::of(any::<bool>()),
        prop::sample::select(vec![Form::Zoned, Form::Utc, Form::Date]),
    )
        .prop_flat_map(|(is_winter, recurs, form)| {
            let series = match recurs {
                Some(true) => series(is_winter).prop_map(Some).boxed(),
                _ => Just(None).boxed(),
            };
            (Just(is_winter), series, Just(form))
        });
    let word = || "[a-zäЖ][a-z ä]{0,8}[a-zß]";
    let texts = (
        text(),
        prop::option::of(lines_of_text()),
        prop::option::of(text()),
        prop::collection::vec(word(), 0..4),
        prop::collection::vec(word(), 0..3),
        prop::option::of(text()),
    );
    let words = (
        prop::option::of(prop::sample::select(vec![
            "PUBLIC",
            "PRIVATE",
            "CONFIDENTIAL",
        ])),
        prop::option::of(prop::sample::select(vec!["TENTATIVE", "CONFIRMED"])),
        prop::option::of(prop::sample::select(&PRIORITIES[..])),
        prop::option::of(any::<bool>()),
        any::<bool>(),
        prop::option::of("https?://[a-z]{1,9}[.]org/[a-z?=&;,%~#]{0,30}"),
        prop::option::of((-90..90_i16, -180..180_i16)),
    );
    let people = (
        prop::option::of(person()),
        prop::collection::vec(person(), 0..3),
    );
    let alarms = prop::collection::vec(alarm(), 0..3);
    let place = (prop::sample::select(places), prop::sample::select(modes));
    let length = (1..2000_i64, any::<bool>());
    let times = (place, when, length, alarms);
    (times, texts, words, people).prop_map(
        |(
            ((place, mode), (is_winter, series, form), (minutes, has_length), alarms),
            (summary, description, location, categories, resources, custom),
            (class, status, priority, is_free, is_created, url, geo),
            (organizer, attendees),
        )| Entry {
            place,
            mode,
            // a series in UTC is not on one hour in a zone
            form: if form == Form::Utc && series.is_some() {
                Form::Zoned
            } else {
                form
            },
            is_winter,
            minutes,
            has_length,
            series,
            summary,
            description,
            location,
            categories,
            resources,
            class,
            status,
            priority,
            is_free,
            is_created,
            url,
            geo,
            organizer,
            attendees,
            alarms,
            custom,
        },
    )
}

const DAY: i64 = 86_400;
const CREATED: &str = "20240101T000000Z";

impl Person {
    fn as_old(&self, role: &str) -> String {
        let mut head = format!("ATTENDEE;ROLE={role}");
        if role == "ATTENDEE" {
            let answer = self.answer.map(|(old, _)| format!(";STATUS={old}"));
            let asked = self
                .is_asked
                .map(|yes| format!(";RSVP={}", if yes { "YES" } else { "NO" }));
            let role = self.role.map(|(old, _)| format!(";EXPECT={old}"));
            head.extend([answer, asked, role].into_iter().flatten());
        }
        let address = &self.address;
        match &self.name {
            Some(name) => line_old(&head, &format!("{name} <{address}>")),
            None => line_old(&head, address),
        }
    }

    fn as_new(&self, name: &str) -> String {
        let mut head = name.to_owned();
        if let Some(name) = &self.name {
            head = format!("{head};CN=\"{name}\"");
        }
        if name == "ATTENDEE" {
            let answer = self.answer.map(|(_, new)| format!(";PARTSTAT={new}"));
            let asked = self
                .is_asked
                .map(|yes| format!(";RSVP={}", if yes { "TRUE" } else { "FALSE" }));
            let role = self.role.map(|(_, new)| format!(";ROLE={new}"));
            head.extend([answer, asked, role].into_iter().flatten());
        }
        line_new(&head, &format!("mailto:{}", self.address))
    }
}

impl Alarm {
    fn as_old(&self, at: &str) -> String {
        let (times, every) = match self.repeated {
            Some((times, every)) => (times.to_string(), format!("PT{every}M")),
            None => (String::new(), String::new()),
        };
        let (name, text) = if self.is_shown {
            ("DALARM", self.text.replace(';', "\\;"))
        } else {
            ("AALARM", String::new())
        };
        line_old(name, &format!("{at};{every};{times};{text}"))
    }

    fn as_new(&self) -> String {
        let mut lines = format!("BEGIN:VALARM\r\nTRIGGER:-PT{}M\r\n", self.ahead);
        if let Some((times, every)) = self.repeated {
            lines = format!("{lines}REPEAT:{times}\r\nDURATION:PT{every}M\r\n");
        }
        if self.is_shown {
            lines += "ACTION:DISPLAY\r\n";
            lines += &line_new("DESCRIPTION", &escaped(&self.text));
        } else {
            lines += "ACTION:AUDIO\r\n";
        }
        lines + "END:VALARM\r\n"
    }
}

/// Days of a rule of iCalendar 2.0 from a start on.
pub(crate) type Days<'d> = &'d dyn Fn(&str, &str) -> Vec<String>;

impl Entry {
    pub(crate) fn zone(&self) -> Zone {
        Zone::new(self.place).unwrap()
    }

    /// The start and the end, as the clock of the event's own place shows them.
    fn span(&self) -> (i64, i64) {
        let (day, ..) = start(self.is_winter);
        let (day, ..) = read_wall(day).unwrap();
        match self.form {
            Form::Date => (day, day + (self.minutes / 700 + 1) * DAY),
            _ => (day + 34_200, day + 34_200 + self.minutes * 60),
        }
    }

    fn start_text(&self) -> String {
        let (start, _) = self.span();
        match self.form {
            Form::Date => stamp(start)[..8].to_owned(),
            _ => stamp(start),
        }
    }

    /// The texts that it has, by the properties of both formats.
    fn texts(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let texts = [
            ("DESCRIPTION", &self.description),
            ("LOCATION", &self.location),
        ];
        texts
            .into_iter()
            .filter_map(|(name, text)| Some((name, text.as_deref()?)))
    }

    /// The lists in which something is.
    fn lists(&self) -> impl Iterator<Item = (&'static str, &[String])> {
        let lists = [
            ("CATEGORIES", &self.categories[..]),
            ("RESOURCES", &self.resources[..]),
        ];
        lists.into_iter().filter(|(_, list)| !list.is_empty())
    }

    fn exceptions(&self) -> Vec<i64> {
        let (start, _) = self.span();
        let weeks = self.series.iter().flat_map(|series| &series.exceptions);
        weeks
            .map(|week| start + i64::from(*week) * 7 * DAY)
            .collect()
    }

    /// A time of the event as the device writes it.
    fn shown(&self, wall: i64) -> String {
        match self.form {
            Form::Utc => self.written(self.zone().wall(wall)),
            _ => self.written(wall),
        }
    }

    /// What the device writes of a time that its own clock shows.
    fn written(&self, wall: i64) -> String {
        match self.mode {
            TimeMode::Utc => stamp(self.zone().instant(wall)) + "Z",
            TimeMode::Floating => stamp(wall),
            TimeMode::FalseZ => stamp(wall) + "Z",
            TimeMode::UtcWithoutZ => stamp(self.zone().instant(wall)),
        }
    }

    /// The same of a start or end: the midnight of a day is one of the device's clock.
    fn shown_edge(&self, wall: i64) -> String {
        if self.form == Form::Date && self.mode == TimeMode::Utc {
            return stamp(wall);
        }
        self.shown(wall)
    }

    pub(crate) fn as_old(&self, days: Days<'_>) -> String {
        let (start, end) = self.span();
        let mut lines = vec![
            format!("DTSTART:{}\r\n", self.shown_edge(start)),
            format!("DTEND:{}\r\n", self.shown_edge(end)),
            line_old("SUMMARY", &self.summary),
        ];
        if let Some(series) = &self.series {
            let end = match series.count {
                None => "#0".to_owned(),
                Some(count) => {
                    let days = days(&format!("{};COUNT={count}", series.new), &self.start_text());
                    let (day, ..) = read_wall(days.last().unwrap()).unwrap();
                    self.shown_edge(day + start.rem_euclid(DAY))
                }
            };
            lines.push(format!("RRULE:{} {end}\r\n", series.old));
        }
        let exceptions: Vec<_> = self
            .exceptions()
            .iter()
            .map(|at| self.shown_edge(*at))
            .collect();
        if !exceptions.is_empty() {
            lines.push(format!("EXDATE:{}\r\n", exceptions.join(";")));
        }
        let texts = self.texts();
        lines.extend(texts.map(|(name, text)| line_old(name, text)));
        let lists = self.lists();
        lines.extend(lists.map(|(name, list)| line_old(name, &list.join(";"))));
        lines.extend(self.priority.map(|(old, _)| format!("PRIORITY:{old}\r\n")));
        lines.extend(
            self.is_free
                .map(|is_free| format!("TRANSP:{}\r\n", u8::from(is_free))),
        );
        if self.is_created {
            let (created, ..) = read_wall(CREATED).unwrap();
            let created = self.written(self.zone().wall(created));
            lines.push(format!("DCREATED:{created}\r\n"));
        }
        lines.extend(
            self.organizer
                .as_ref()
                .map(|person| person.as_old("ORGANIZER")),
        );
        lines.extend(
            self.attendees
                .iter()
                .map(|person| person.as_old("ATTENDEE")),
        );
        for alarm in &self.alarms {
            lines.push(alarm.as_old(&self.shown(start - alarm.ahead * 60)));
        }
        lines.extend(
            self.both()
                .into_iter()
                .map(|(name, text)| line_old(name, &text)),
        );
        let geo = self
            .geo
            .map(|(latitude, longitude)| format!("GEO:{longitude},{latitude}\r\n"));
        let geo = geo.unwrap_or_default();
        let lines = lines.concat();
        format!(
            "BEGIN:VCALENDAR\r\nVERSION:1.0\r\n{geo}BEGIN:VEVENT\r\n{lines}END:VEVENT\r\nEND:VCALENDAR\r\n"
        )
    }

    /// What is spelled alike in both formats, to the last escape.
    fn both(&self) -> Vec<(&'static str, String)> {
        let word = |word: Option<&str>| word.map(str::to_owned);
        let custom = self.custom.as_deref().map(escaped);
        let all = [
            ("CLASS", word(self.class)),
            ("STATUS", word(self.status)),
            ("URL", self.url.clone()),
            ("X-CUSTOM", custom),
        ];
        all.into_iter()
            .filter_map(|(name, text)| Some((name, text?)))
            .collect()
    }

    pub(crate) fn as_new(&self) -> String {
        let (start, end) = self.span();
        let time = |name: &str, wall: i64| match self.form {
            Form::Zoned => format!("{name};TZID={}:{}\r\n", self.place, stamp(wall)),
            Form::Utc => format!("{name}:{}Z\r\n", stamp(wall)),
            Form::Date => format!("{name};VALUE=DATE:{}\r\n", &stamp(wall)[..8]),
        };
        let length = match self.form {
            Form::Date => format!("DURATION:P{}D\r\n", (end - start) / DAY),
            _ => format!("DURATION:PT{}M\r\n", self.minutes),
        };
        let mut lines = vec![
            time("DTSTART", start),
            if self.has_length {
                length
            } else {
                time("DTEND", end)
            },
            line_new("SUMMARY", &escaped(&self.summary)),
        ];
        if let Some(series) = &self.series {
            let end = series
                .count
                .map(|count| format!(";COUNT={count}"))
                .unwrap_or_default();
            lines.push(format!("RRULE:{}{end}\r\n", series.new));
        }
        lines.extend(self.exceptions().iter().map(|at| time("EXDATE", *at)));
        let texts = self.texts();
        lines.extend(texts.map(|(name, text)| line_new(name, &escaped(text))));
        let lists = self.lists();
        lines.extend(lists.map(|(name, list)| line_new(name, &list.join(","))));
        lines.extend(self.priority.map(|(_, new)| format!("PRIORITY:{new}\r\n")));
        lines.extend(self.is_free.map(|is_free| {
            format!(
                "TRANSP:{}\r\n",
                if is_free { "TRANSPARENT" } else { "OPAQUE" }
            )
        }));
        if self.is_created {
            lines.push(format!("CREATED:{CREATED}\r\n"));
        }
        lines.extend(
            self.geo
                .map(|(latitude, longitude)| format!("GEO:{latitude};{longitude}\r\n")),
        );
        lines.extend(
            self.organizer
                .as_ref()
                .map(|person| person.as_new("ORGANIZER")),
        );
        lines.extend(
            self.attendees
                .iter()
                .map(|person| person.as_new("ATTENDEE")),
        );
        lines.extend(
            self.both()
                .into_iter()
                .map(|(name, text)| line_new(name, &text)),
        );
        lines.extend(self.alarms.iter().map(Alarm::as_new));
        let lines = lines.concat();
        format!(
            "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Example//EN\r\nBEGIN:VEVENT\r\n\
             DTSTAMP:20240101T000000Z\r\n{lines}END:VEVENT\r\nEND:VCALENDAR\r\n"
        )
    }
}

/// Seconds of a length such as `-P1DT2H30M`.
fn seconds_of(length: &str) -> i64 {
    let (mut seconds, mut number) = (0, String::new());
    for c in length.chars() {
        let unit = match c {
            '0'..='9' => {
                number.push(c);
                continue;
            }
            'W' => 7 * DAY,
            'D' => DAY,
            'H' => 3600,
            'M' => 60,
            'S' => 1,
            _ => continue,
        };
        seconds += unit * std::mem::take(&mut number).parse::<i64>().unwrap();
    }
    if length.starts_with('-') {
        -seconds
    } else {
        seconds
    }
}

/// A time of iCalendar 2.0: a day, or seconds since 1970.
fn time_of(line: &Line<'_>, text: &str) -> String {
    let (wall, is_date, is_utc) = read_wall(text).unwrap();
    let zone = line
        .param("TZID")
        .map(|zone| String::from_utf8_lossy(zone.unquoted()).into_owned());
    match zone {
        _ if is_date => format!("day {}", wall / DAY),
        _ if is_utc => format!("at {wall}"),
        Some(zone) => format!("at {}", Zone::new(&zone).unwrap().instant(wall)),
        None => format!("anywhere at {wall}"),
    }
}

/// What a calendar of one event says, field by field; lengths as ends, and rules as what `rule`
/// makes of them. What is of the file and of no use to a person is left out.
pub(crate) fn fields(
    calendar: &str,
    dialect: Dialect,
    rule: &dyn Fn(&str) -> String,
) -> Vec<String> {
    let is_new = dialect == Dialect::New;
    let unsaid = [
        "BEGIN",
        "END",
        "VERSION",
        "PRODID",
        "DTSTAMP",
        "LAST-MODIFIED",
    ];
    let lines = Lines::new(calendar.as_bytes());
    let (mut fields, mut alarm, mut within_zone) = (Vec::new(), None, false);
    let mut start = String::new();
    for line in lines {
        let name = String::from_utf8_lossy(line.name()).to_uppercase();
        let text = with_line_feeds(&line.text(dialect)).into_owned();
        match (name.as_str(), text.as_str()) {
            ("BEGIN", "VTIMEZONE") => within_zone = true,
            ("END", "VTIMEZONE") => within_zone = false,
            ("BEGIN", "VALARM") => alarm = Some(Vec::new()),
            ("END", "VALARM") => {
                let mut lines: Vec<String> = alarm.take().unwrap();
                lines.sort_unstable();
                fields.push(format!("VALARM {lines:?}"));
            }
            _ => {}
        }
        if within_zone || unsaid.contains(&name.as_str()) || line.is_malformed() {
            continue;
        }
        if name == "DTSTART" {
            start.clone_from(&text);
        }
        let word = |word: &[u8]| String::from_utf8_lossy(word).to_uppercase();
        let params: BTreeSet<String> = line
            .params()
            .filter(|param| {
                !["TZID", "VALUE", "CHARSET", "ENCODING"]
                    .iter()
                    .any(|name| param.is(name))
            })
            .map(|param| format!("{}={}", word(param.name), word(param.unquoted())))
            .collect();
        let raw = line.escaped_text(dialect);
        let (name, value) = match name.as_str() {
            "DURATION" if alarm.is_none() => {
                let (wall, is_date, _) = read_wall(&start).unwrap();
                let end = wall + seconds_of(&text);
                let place = Line::parse(line_of(calendar, "DTSTART").as_bytes()).unwrap();
                let z = if start.ends_with('Z') { "Z" } else { "" };
                let end = if is_date {
                    stamp(end)[..8].to_owned()
                } else {
                    stamp(end) + z
                };
                ("DTEND", time_of(&place, &end))
            }
            "TRIGGER" | "DURATION" => (name.as_str(), seconds_of(&text).to_string()),
            "DTSTART" | "DTEND" | "EXDATE" | "CREATED" if is_new => {
                (name.as_str(), time_of(&line, &text))
            }
            "RRULE" => ("RRULE", rule(&text)),
            "AALARM" | "DALARM" | "EXDATE" => {
                (name.as_str(), format!("{:?}", list(&raw, ';', dialect)))
            }
            "CATEGORIES" | "RESOURCES" => {
                let separator = if is_new { ',' } else { ';' };
                (
                    name.as_str(),
                    format!("{:?}", list(&raw, separator, dialect)),
                )
            }
            _ if name.starts_with("X-") => (name.as_str(), raw.clone().into_owned()),
            _ => (name.as_str(), text.clone()),
        };
        let field = format!("{name} {params:?} {value}");
        match &mut alarm {
            Some(lines) => lines.push(field),
            None => fields.push(field),
        }
    }
    fields.sort_unstable();
    fields
}

/// The line of a property that is not folded.
fn line_of<'c>(calendar: &'c str, name: &str) -> &'c str {
    calendar
        .lines()
        .find(|line| line.starts_with(name))
        .unwrap_or_default()
}
