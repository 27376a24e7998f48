//! Time zones: from a name, an offset or a rule to wall clocks and instants, and their
//! descriptions in both formats.
//!
//! Walls and instants are seconds since 1970, of a clock on the wall there and of UTC. The zone
//! data is compiled in, so that one text converts alike everywhere.

use std::fmt::Write as _;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone, TimeZoneDatabase};

use crate::moment::{read_offset, read_wall};

/// Names of zones that Microsoft's programs write, for those that old clients use.
const WINDOWS: [(&str, &str); 16] = [
    ("W. Europe Standard Time", "Europe/Berlin"),
    ("Central Europe Standard Time", "Europe/Budapest"),
    ("Central European Standard Time", "Europe/Warsaw"),
    ("Romance Standard Time", "Europe/Paris"),
    ("GMT Standard Time", "Europe/London"),
    ("E. Europe Standard Time", "Europe/Chisinau"),
    ("FLE Standard Time", "Europe/Kyiv"),
    ("Russian Standard Time", "Europe/Moscow"),
    ("Eastern Standard Time", "America/New_York"),
    ("Central Standard Time", "America/Chicago"),
    ("Mountain Standard Time", "America/Denver"),
    ("Pacific Standard Time", "America/Los_Angeles"),
    ("India Standard Time", "Asia/Kolkata"),
    ("China Standard Time", "Asia/Shanghai"),
    ("Tokyo Standard Time", "Asia/Tokyo"),
    ("AUS Eastern Standard Time", "Australia/Sydney"),
];

/// Zones that an offset and the dates of summer time are looked up in, the likely ones first.
const LIKELY: [&str; 22] = [
    "Europe/Berlin",
    "Europe/London",
    "Europe/Helsinki",
    "America/New_York",
    "America/Chicago",
    "America/Denver",
    "America/Los_Angeles",
    "America/Anchorage",
    "America/Halifax",
    "America/St_Johns",
    "Australia/Sydney",
    "Australia/Adelaide",
    "Pacific/Auckland",
    "Asia/Kolkata",
    "Asia/Shanghai",
    "Asia/Tokyo",
    "America/Phoenix",
    "America/Sao_Paulo",
    "America/Santiago",
    "Europe/Moscow",
    "Asia/Jerusalem",
    "Africa/Johannesburg",
];

/// How many years of summer time are described to a device, at most: some clients write a line
/// for each year of a series without end.
const YEARS_DESCRIBED: i16 = 3;

/// A time zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zone {
    name: String,
    rules: TimeZone,
}

impl Zone {
    /// The zone of a name, which is one of the IANA database (a path may stand before it), one of
    /// Microsoft's, an offset from UTC such as `+01:00`, or a rule as POSIX writes it
    /// (`CET-1CEST,M3.5.0,M10.5.0/3`). None if it is none of these.
    // spec: U26
    pub fn new(name: &str) -> Option<Self> {
        let name = name.trim().trim_matches('"');
        if name.is_empty() || name.len() > 128 || name.chars().any(char::is_control) {
            return None;
        }
        let database = TimeZoneDatabase::bundled();
        if name.eq_ignore_ascii_case("UTC") || name.eq_ignore_ascii_case("Z") {
            return Some(Self::utc());
        }
        let windows = WINDOWS.iter().find(|(w, _)| w.eq_ignore_ascii_case(name));
        if let Some((_, known)) = windows {
            return Self::new(known);
        }
        let starts = std::iter::once(0).chain(name.match_indices('/').map(|(at, _)| at + 1));
        let tails = starts.filter_map(|at| name.get(at..));
        // no name of the database has more than three parts
        for rest in tails.filter(|rest| rest.matches('/').count() <= 2) {
            if let Ok(rules) = database.get(rest)
                && let Some(known) = rules.iana_name()
            {
                return Some(Self {
                    name: known.to_owned(),
                    rules,
                });
            }
        }
        if let Some(seconds) = offset(name) {
            return Self::fixed(seconds);
        }
        TimeZone::posix(name).ok().map(|rules| Self {
            name: name.replace([',', ';', ':', '"', '<', '>'], "_"),
            rules,
        })
    }

    /// The zone that is always so many seconds ahead of UTC. None beyond a day.
    pub fn fixed(seconds: i64) -> Option<Self> {
        if seconds == 0 {
            return Some(Self::utc());
        }
        let ahead = Offset::from_seconds(i32::try_from(seconds).ok()?).ok()?;
        Some(Self {
            name: format!("UTC{}", write_offset(seconds, "")),
            rules: TimeZone::fixed(ahead),
        })
    }

    /// Universal time.
    pub fn utc() -> Self {
        Self {
            name: "UTC".to_owned(),
            rules: TimeZone::UTC,
        }
    }

    /// The name, as `TZID` carries it.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn is_utc(&self) -> bool {
        self.name == "UTC"
    }

    /// Seconds ahead of UTC at an instant, in seconds since 1970.
    pub fn ahead(&self, instant: i64) -> i64 {
        Timestamp::from_second(instant).map_or(0, |t| self.rules.to_offset(t).seconds().into())
    }

    pub(crate) fn wall(&self, instant: i64) -> i64 {
        instant.saturating_add(self.ahead(instant))
    }

    /// The instant at which the clock there shows `wall`; the first of two, and where the clock
    /// leaps over it, as if it had not leapt.
    pub(crate) fn instant(&self, wall: i64) -> i64 {
        let shown = civil(wall);
        let instant = self.rules.to_ambiguous_timestamp(shown).compatible();
        instant.map_or(wall, Timestamp::as_second)
    }

    /// The changes of the offset after an instant: when, and the seconds ahead before and after.
    fn changes(&self, after: i64, count: usize) -> Vec<(i64, i64, i64)> {
        let Ok(start) = Timestamp::from_second(after) else {
            return Vec::new();
        };
        let found = self.rules.following(start).take(count);
        let changes = found.map(|change| {
            let at = change.timestamp().as_second();
            (at, self.ahead(at - 1), self.ahead(at))
        });
        changes.collect()
    }

    /// Appends the description (VTIMEZONE, RFC 5545 3.6.5): one rule for either half of the year
    /// as it is in the years after `from`.
    // spec: U25
    pub(super) fn describe_new(&self, from: i64, out: &mut String) {
        let _ = write!(out, "BEGIN:VTIMEZONE\r\nTZID:{}\r\n", self.name);
        let from = from.saturating_sub(366 * 86_400);
        let changes = self.changes(from, 6);
        let mut described = 0;
        for (i, change) in changes.iter().enumerate().take(2) {
            let Some(second) = changes.get(i + 2) else {
                break;
            };
            let Some(third) = changes.get(i + 4) else {
                break;
            };
            let Some(rule) = yearly([change, second, third]) else {
                break;
            };
            described += 1;
            let (at, before, after) = *change;
            observance(out, at + before, before, after, Some(&rule));
        }
        if described < 2 && !changes.is_empty() {
            // An offset that changes by no rule of the year: date by date.
            out.truncate(out.find("TZID:").map_or(out.len(), |at| {
                at + "TZID:".len() + self.name.len() + "\r\n".len()
            }));
            for (at, before, after) in changes {
                observance(out, at + before, before, after, None);
            }
        } else if described == 0 {
            let ahead = self.ahead(from);
            observance(out, 0, ahead, ahead, None);
        }
        out.push_str("END:VTIMEZONE\r\n");
    }

    /// `TZ` and `DAYLIGHT` of vCalendar 1.0, for the years from one instant to another.
    // spec: U25
    pub(super) fn describe_old(&self, from: i64, to: i64) -> String {
        let first = civil(self.wall(from)).year();
        let last = civil(self.wall(to.max(from))).year();
        let last = last.min(first.saturating_add(YEARS_DESCRIBED - 1));
        let mut days = String::new();
        let mut standard = self.ahead(from);
        let begin = seconds(jiff::civil::date(first.max(1), 1, 1).at(0, 0, 0, 0));
        let changes = self.changes(begin, 2 * usize::from(YEARS_DESCRIBED.unsigned_abs()) + 1);
        for pair in changes.windows(2) {
            let [(start, before, after), (end, summer, _)] = pair else {
                continue;
            };
            if after > before && civil(start + before).year() <= last {
                standard = *before;
                let (start, end) = (stamp(start + before), stamp(end + summer));
                let _ = write!(
                    days,
                    "DAYLIGHT:TRUE;{};{start};{end};;\r\n",
                    write_offset(*after, ":")
                );
            }
        }
        if days.is_empty() {
            days.push_str("DAYLIGHT:FALSE\r\n");
        }
        format!("TZ:{}\r\n{days}", write_offset(standard, ":"))
    }

    /// The zone that `TZ` and the `DAYLIGHT` lines of vCalendar 1.0 describe: that of the device or
    /// else a likely one that has this offset and these changes, else the bare offset. An offset
    /// alone may be that of the time of year `at`.
    pub(super) fn of_old(
        tz: &str,
        daylight: &[String],
        device: Option<&Self>,
        at: i64,
    ) -> Option<Self> {
        let standard = offset(tz)?;
        let mut summers = Vec::new();
        for line in daylight {
            let fields: Vec<_> = line.split(';').map(str::trim).collect();
            if let [flag, ahead, start, end, ..] = fields.as_slice()
                && flag.eq_ignore_ascii_case("TRUE")
            {
                let ahead = offset(ahead)?;
                let wall = |text: &str, ahead: i64| {
                    let (wall, _, utc) = read_wall(text)?;
                    Some(if utc { wall } else { wall - ahead })
                };
                summers.push((ahead, wall(start, standard)?, wall(end, ahead)?));
            }
        }
        if summers.is_empty() {
            let fits = |zone: &&Self| {
                let changes = zone.changes(at, 2);
                let mut offsets = changes.iter().flat_map(|(_, a, b)| [*a, *b]);
                let is_summerless = !daylight.is_empty();
                (changes.is_empty() || !is_summerless)
                    && (zone.ahead(at) == standard || offsets.any(|one| one == standard))
            };
            return device.filter(fits).cloned().or(Self::fixed(standard));
        }
        let fits = |zone: &Self| {
            summers.iter().take(8).all(|(ahead, start, end)| {
                // a change on the right day is enough: some write another hour
                let day = 86_400;
                zone.ahead(start - day) == standard
                    && zone.ahead(start + day) == *ahead
                    && zone.ahead(end - day) == *ahead
                    && zone.ahead(end + day) == standard
            })
        };
        let likely = LIKELY.iter().filter_map(|n| Self::new(n));
        let found = device.cloned().into_iter().chain(likely).find(fits);
        found.or_else(|| Self::fixed(standard))
    }
}

/// `+01`, `-0330`, `+05:30`: seconds ahead of UTC.
pub(super) fn offset(text: &str) -> Option<i64> {
    let text = text.trim();
    let signed = text.starts_with(['+', '-']);
    let digits = text.trim_start_matches(['+', '-']);
    let sign = if text.starts_with('-') { "-" } else { "+" };
    let seconds = match digits.len() {
        1 if digits.is_ascii() => read_offset(&format!("{sign}0{digits}00"))?,
        2 if digits.is_ascii() => read_offset(&format!("{sign}{digits}00"))?,
        4.. if signed => read_offset(text)?,
        _ => return None,
    };
    (seconds.abs() < 86_400).then_some(seconds)
}

fn write_offset(seconds: i64, colon: &str) -> String {
    let sign = if seconds < 0 { '-' } else { '+' };
    let minutes = seconds.abs() / 60;
    format!("{sign}{:02}{colon}{:02}", minutes / 60, minutes % 60)
}

fn observance(out: &mut String, wall: i64, before: i64, after: i64, rule: Option<&str>) {
    let kind = if after > before {
        "DAYLIGHT"
    } else {
        "STANDARD"
    };
    let _ = write!(
        out,
        "BEGIN:{kind}\r\nDTSTART:{}\r\nTZOFFSETFROM:{}\r\nTZOFFSETTO:{}\r\n",
        stamp(wall),
        write_offset(before, ""),
        write_offset(after, "")
    );
    if let Some(rule) = rule {
        let _ = write!(out, "RRULE:{rule}\r\n");
    }
    let _ = write!(out, "END:{kind}\r\n");
}

/// The rule by which three changes of three years follow each other.
fn yearly(changes: [&(i64, i64, i64); 3]) -> Option<String> {
    let dates = changes.map(|(at, before, _)| civil(at + before).date());
    let [first, second, third] = dates;
    if second.year() != first.year() + 1 || third.year() != second.year() + 1 {
        return None;
    }
    let ordinals = [i64::from((first.day() - 1) / 7 + 1), -1];
    for ordinal in ordinals.map(|o| o as i8) {
        let on = |year| {
            let month = jiff::civil::Date::new(year, first.month(), 1).ok()?;
            month.nth_weekday_of_month(ordinal, first.weekday()).ok()
        };
        if dates.iter().all(|date| on(date.year()) == Some(*date)) {
            let day = super::rule::day_name(first.weekday());
            return Some(format!(
                "FREQ=YEARLY;BYMONTH={};BYDAY={ordinal}{day}",
                first.month()
            ));
        }
    }
    None
}

/// The date and time of seconds since 1970.
pub(super) fn civil(wall: i64) -> DateTime {
    Timestamp::from_second(wall).map_or(DateTime::ZERO, |t| Offset::UTC.to_datetime(t))
}

/// Seconds since 1970 of a date and time.
pub(super) fn seconds(shown: DateTime) -> i64 {
    Offset::UTC
        .to_timestamp(shown)
        .map_or(0, Timestamp::as_second)
}

/// `20240506T070000`.
pub(crate) fn stamp(wall: i64) -> String {
    let at = civil(wall);
    format!(
        "{}T{:02}{:02}{:02}",
        day_stamp(wall),
        at.hour(),
        at.minute(),
        at.second()
    )
}

/// `20240506`.
pub(super) fn day_stamp(wall: i64) -> String {
    let at = civil(wall);
    format!("{:04}{:02}{:02}", at.year(), at.month(), at.day())
}
