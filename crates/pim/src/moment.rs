//! Dates and times as calendars write them, so far as telling two starts apart needs it.
//!
//! A device writes in UTC what a server holds in a zone. Where the item describes its zone
//! (VTIMEZONE), both are turned into an instant, and where it only names one that the zone database
//! has. What cannot be decided then is decided leniently, and said so at [`Moment::is_alike`].

use crate::convert::Zone as KnownZone;

/// Seconds of a day.
const DAY: i64 = 86_400;

/// Offsets from UTC are whole quarters of an hour, in this century.
const QUARTER: i64 = 900;

/// Hours from UTC that the zones of an area keep, summer time included; by the area's name in a
/// zone name such as `Europe/Berlin`.
const AREAS: [(&str, i64, i64); 8] = [
    ("AFRICA", -1, 4),
    ("AMERICA", -11, 0),
    ("ASIA", 2, 13),
    ("ATLANTIC", -4, 1),
    ("AUSTRALIA", 8, 12),
    ("EUROPE", -1, 5),
    ("INDIAN", 3, 7),
    ("PACIFIC", -12, 14),
];

/// The widest offset from UTC that any zone keeps, in hours.
pub(crate) const WIDEST: i64 = 14;

/// What a written time is relative to.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    /// A date without a time.
    Date,
    /// The time of whatever place the reader is in.
    Floating,
    Utc,
    /// A zone by its name, in upper case.
    Zone(String),
    /// Not known: the text is none of a date or time.
    Unreadable(String),
}

/// A date, or a date with a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Moment {
    /// Seconds since 1970 that a clock there shows.
    wall: i64,
    place: Place,
    /// Seconds since 1970 in UTC, where known.
    instant: Option<i64>,
}

impl Moment {
    /// Reads the basic and the extended form: `20260102`, `20260102T030405Z`,
    /// `2026-01-02T03:04`. Anything else is like its own text only.
    pub(crate) fn read(text: &str, zone: Option<&str>) -> Self {
        let Some((wall, is_date, is_utc)) = read_wall(text) else {
            return Self {
                wall: 0,
                place: Place::Unreadable(text.trim().to_owned()),
                instant: None,
            };
        };
        let place = match zone.map(str::trim).filter(|zone| !zone.is_empty()) {
            _ if is_date => Place::Date,
            _ if is_utc => Place::Utc,
            Some(zone) => Place::Zone(zone.to_uppercase()),
            None => Place::Floating,
        };
        let instant = (place == Place::Utc).then_some(wall);
        Self {
            wall,
            place,
            instant,
        }
    }

    /// Looks the zone up among those that the item describes, and then by its name.
    pub(crate) fn resolve(&mut self, zones: &[Zone]) {
        if let Place::Zone(name) = &self.place {
            let zone = zones.iter().find(|zone| zone.name == *name);
            self.instant = match zone {
                Some(zone) => zone.offset(self.wall).map(|offset| self.wall - offset),
                None => KnownZone::new(name).map(|zone| zone.instant(self.wall)),
            };
        }
    }

    /// Seconds since 1970 that a clock there shows.
    pub(crate) fn wall(&self) -> Option<i64> {
        let is_known = !matches!(self.place, Place::Unreadable(_));
        is_known.then_some(self.wall)
    }

    /// What a clock there shows in seconds since 1970, whether it is of no place, and whether it
    /// is a date alone. `None` if the text is no date or time.
    pub(crate) fn reading(&self) -> Option<(i64, bool, bool)> {
        match &self.place {
            Place::Unreadable(_) => None,
            Place::Date => Some((self.wall, true, true)),
            Place::Floating => Some((self.wall, true, false)),
            Place::Utc | Place::Zone(_) => Some((self.wall, false, false)),
        }
    }

    /// Seconds since 1970 in UTC, where known.
    pub(crate) fn instant(&self) -> Option<i64> {
        self.instant
    }

    /// The day on the calendar of that place, counted from 1970.
    pub(crate) fn day(&self) -> Option<i64> {
        let is_known = !matches!(self.place, Place::Unreadable(_));
        is_known.then(|| self.wall.div_euclid(DAY))
    }

    /// What two moments have in common if they are [alike](Self::is_alike): the day where no zone
    /// is told, else the week. A day would not do, since it begins at another time elsewhere; the
    /// week turns on Sunday at 04:00, when little begins.
    pub(crate) fn bucket(&self) -> (bool, i64) {
        // the first of January 1970 was a Thursday
        const TURN: i64 = 3 * DAY + 4 * 3600;
        match &self.place {
            Place::Date | Place::Floating | Place::Unreadable(_) => {
                (false, self.wall.div_euclid(DAY))
            }
            Place::Utc | Place::Zone(_) => {
                let seconds = self.instant.unwrap_or(self.wall);
                (true, (seconds - TURN).div_euclid(7 * DAY))
            }
        }
    }

    /// Whether both may be the same start.
    ///
    /// Two floating times or dates are if they are written alike, a date being midnight. Two zoned
    /// times are if they are one instant, or show the same time in zones of one name. If the
    /// instant of only one is known, the other names a zone that its item does not describe: then
    /// they are alike if their difference could be that zone's offset, which is a whole number of
    /// quarters of an hour within the range that the area in the zone's name keeps, or within 14
    /// hours. Two zones of different names without description are never alike, nor is a floating
    /// time like a zoned one.
    pub(crate) fn is_alike(&self, other: &Self) -> bool {
        match (&self.place, &other.place) {
            (Place::Date | Place::Floating, Place::Date | Place::Floating) => {
                self.wall == other.wall
            }
            (Place::Unreadable(a), Place::Unreadable(b)) => a == b,
            (Place::Date | Place::Floating | Place::Unreadable(_), _)
            | (_, Place::Date | Place::Floating | Place::Unreadable(_)) => false,
            (Place::Zone(a), Place::Zone(b)) if city(a) == city(b) && self.wall == other.wall => {
                true
            }
            (a, b) => match (self.instant, other.instant) {
                (Some(a), Some(b)) => a == b,
                (Some(instant), None) => may_be_offset(other.wall - instant, b),
                (None, Some(instant)) => may_be_offset(self.wall - instant, a),
                (None, None) => false,
            },
        }
    }
}

/// The last two pieces of a zone's name: some put a path of their own before it.
fn city(zone: &str) -> &str {
    zone.rmatch_indices('/')
        .nth(1)
        .and_then(|(at, slash)| zone.get(at + slash.len()..))
        .unwrap_or(zone)
}

fn may_be_offset(seconds: i64, place: &Place) -> bool {
    let area = match place {
        Place::Zone(name) => AREAS
            .iter()
            .find(|(area, ..)| name.split('/').any(|piece| piece == *area)),
        _ => None,
    };
    let (least, most) = area.map_or((-WIDEST, WIDEST), |(_, least, most)| (*least, *most));
    seconds % QUARTER == 0 && (least * 3600..=most * 3600).contains(&seconds)
}

/// Seconds since 1970, whether there is no time, and whether it is in UTC.
pub(crate) fn read_wall(text: &str) -> Option<(i64, bool, bool)> {
    let text = text.trim();
    let (date, time) = match text.split_once(['T', 't']) {
        Some((date, time)) => (date, Some(time)),
        None => (text, None),
    };
    let date = digits(date, '-', 8)?;
    let (year, month, day) = (date / 10_000, date / 100 % 100, date % 100);
    if !(1..=12).contains(&month) || day < 1 || day > month_length(year, month) {
        return None;
    }
    let midnight = days(year, month, day) * DAY;
    let Some(time) = time else {
        return Some((midnight, true, false));
    };
    let local = time.strip_suffix(['Z', 'z']);
    let is_utc = local.is_some();
    let time = local.unwrap_or(time);
    let time = digits(time, ':', 6).or_else(|| digits(time, ':', 4).map(|time| time * 100))?;
    let (hour, minute, second) = (time / 10_000, time / 100 % 100, time % 100);
    if hour > 24 || minute > 59 || second > 60 {
        return None;
    }
    let seconds = midnight + hour * 3600 + minute * 60 + second;
    Some((seconds, false, is_utc))
}

/// A number of so many digits, with separators between them.
fn digits(text: &str, separator: char, count: usize) -> Option<i64> {
    let mut value = 0;
    let mut seen = 0;
    for c in text.chars().filter(|c| *c != separator) {
        value = value * 10 + i64::from(c.to_digit(10)?);
        seen += 1;
        if seen > count {
            return None;
        }
    }
    (seen == count).then_some(value)
}

/// Days from 1970 to a date of the Gregorian calendar.
fn days(year: i64, month: i64, day: i64) -> i64 {
    // years are counted from March, so that the leap day is the last
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let leaps = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    365 * year + leaps + (153 * month + 2) / 5 + day - 719_469
}

fn month_length(year: i64, month: i64) -> i64 {
    let (next_year, next) = if month == 12 {
        (year + 1, 1)
    } else {
        (year, month + 1)
    };
    days(next_year, next, 1) - days(year, month, 1)
}

/// The year of a time since 1970.
fn year_of(seconds: i64) -> i64 {
    let day = seconds.div_euclid(DAY);
    // 146 097 days are 400 years: at most one year off
    let guess = 1970 + (day * 400).div_euclid(146_097);
    (guess - 1..=guess + 1)
        .rev()
        .find(|year| days(*year, 1, 1) <= day)
        .unwrap_or(guess)
}

/// A zone as an item describes it (VTIMEZONE).
#[derive(Debug, Default)]
pub(crate) struct Zone {
    /// The name in upper case.
    pub(crate) name: String,
    observances: Vec<Observance>,
}

/// STANDARD or DAYLIGHT: when an offset begins.
#[derive(Debug, Default)]
struct Observance {
    start: Option<i64>,
    from: Option<i64>,
    to: Option<i64>,
    rule: Rule,
    dates: Vec<i64>,
}

#[derive(Debug, Default)]
enum Rule {
    #[default]
    Once,
    Yearly(Yearly),
    /// One that is not followed.
    Unclear,
}

/// The n-th weekday of a month, or the month and day of the start, until an instant.
#[derive(Debug, Default)]
struct Yearly {
    until: Option<i64>,
    month: Option<i64>,
    /// Ordinal, negative from the month's end, and weekday, Monday being 0.
    weekday: Option<(i64, i64)>,
}

impl Zone {
    /// Begins an observance; [`Self::take`] fills it.
    pub(crate) fn begin_observance(&mut self) {
        self.observances.push(Observance::default());
    }

    /// Takes a property of the observance that was begun last.
    pub(crate) fn take(&mut self, name: &[u8], value: &str) {
        let Some(observance) = self.observances.last_mut() else {
            return;
        };
        let wall = |text: &str| read_wall(text).map(|(wall, ..)| wall);
        match name.to_ascii_uppercase().as_slice() {
            b"DTSTART" => observance.start = wall(value),
            b"TZOFFSETFROM" => observance.from = read_offset(value),
            b"TZOFFSETTO" => observance.to = read_offset(value),
            b"RDATE" => observance.dates.extend(value.split(',').filter_map(wall)),
            b"RRULE" => observance.rule = Yearly::read(value).map_or(Rule::Unclear, Rule::Yearly),
            _ => {}
        }
    }

    /// Seconds that a clock there which shows `wall` is ahead of UTC. `None` if the description
    /// is incomplete or has a rule other than the n-th weekday of a month, every year.
    pub(crate) fn offset(&self, wall: i64) -> Option<i64> {
        let mut latest: Option<(i64, i64)> = None;
        let mut first: Option<(i64, i64)> = None;
        for observance in &self.observances {
            let (start, from, to) = (observance.start?, observance.from?, observance.to?);
            if first.is_none_or(|(earliest, _)| start < earliest) {
                first = Some((start, from));
            }
            if matches!(observance.rule, Rule::Unclear) {
                return None;
            }
            if let Some(onset) = observance.latest_onset(start, from, wall)
                && latest.is_none_or(|(latest, _)| onset > latest)
            {
                latest = Some((onset, to));
            }
        }
        latest.or(first).map(|(_, offset)| offset)
    }
}

impl Observance {
    /// When it last began, not after `wall`.
    fn latest_onset(&self, start: i64, from: i64, wall: i64) -> Option<i64> {
        let mut onsets = vec![start];
        onsets.extend(&self.dates);
        if let Rule::Yearly(rule) = &self.rule {
            let end = rule
                .until
                .map_or(wall, |until| wall.min(until.saturating_add(from)));
            let year = year_of(end);
            onsets.extend(
                [year - 1, year]
                    .into_iter()
                    .filter_map(|year| rule.onset(year, start))
                    .filter(|onset| (start..=end).contains(onset)),
            );
        }
        onsets.into_iter().filter(|onset| *onset <= wall).max()
    }
}

impl Yearly {
    fn read(value: &str) -> Option<Self> {
        let mut rule = Self::default();
        let mut is_yearly = false;
        for part in value.trim().split(';').filter(|part| !part.is_empty()) {
            let (name, value) = part.split_once('=')?;
            match name.trim().to_ascii_uppercase().as_str() {
                "FREQ" if value.eq_ignore_ascii_case("YEARLY") => is_yearly = true,
                "INTERVAL" if value == "1" => {}
                "WKST" => {}
                "UNTIL" => rule.until = Some(read_wall(value)?.0),
                "BYMONTH" => {
                    let month = value.parse().ok()?;
                    rule.month = (1..=12).contains(&month).then_some(month);
                    rule.month?;
                }
                "BYDAY" => rule.weekday = Some(read_weekday(value)?),
                _ => return None,
            }
        }
        (is_yearly && rule.month.is_some() == rule.weekday.is_some()).then_some(rule)
    }

    /// The onset in a year, at the time of day of `start`. `None` if the month has no such day.
    fn onset(&self, year: i64, start: i64) -> Option<i64> {
        let time = start.rem_euclid(DAY);
        let (Some(month), Some((ordinal, weekday))) = (self.month, self.weekday) else {
            let into_year = start.div_euclid(DAY) - days(year_of(start), 3, 1);
            return Some((days(year, 3, 1) + into_year) * DAY + time);
        };
        let (first, length) = (days(year, month, 1), month_length(year, month));
        // the first of January 1970 was a Thursday
        let weekday_of = |day: i64| (day + 3).rem_euclid(7);
        let day = if ordinal > 0 {
            (weekday - weekday_of(first)).rem_euclid(7) + (ordinal - 1) * 7
        } else {
            let last = length - 1;
            last - (weekday_of(first + last) - weekday).rem_euclid(7) + (ordinal + 1) * 7
        };
        (0..length)
            .contains(&day)
            .then_some((first + day) * DAY + time)
    }
}

/// `2SU` or `-1SU`.
fn read_weekday(value: &str) -> Option<(i64, i64)> {
    let value = value.trim();
    let (ordinal, weekday) = value.split_at_checked(value.len().checked_sub(2)?)?;
    let weekday = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"]
        .iter()
        .zip(0..)
        .find(|(name, _)| name.eq_ignore_ascii_case(weekday))?
        .1;
    let ordinal: i64 = ordinal.parse().ok()?;
    (1..=5)
        .contains(&ordinal.unsigned_abs())
        .then_some((ordinal, weekday))
}

/// `+0100` or `-033000`, in seconds.
pub(crate) fn read_offset(value: &str) -> Option<i64> {
    let value = value.trim();
    let (sign, number) = match value.strip_prefix('-') {
        Some(number) => (-1, number),
        None => (1, value.strip_prefix('+').unwrap_or(value)),
    };
    let number = digits(number, ':', 6).or_else(|| digits(number, ':', 4).map(|n| n * 100))?;
    Some(sign * (number / 10_000 * 3600 + number / 100 % 100 * 60 + number % 100))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    fn berlin() -> Zone {
        let mut zone = Zone {
            name: "BERLIN".to_owned(),
            ..Zone::default()
        };
        for (start, from, to, rule) in [
            (
                "19810329T020000",
                "+0100",
                "+0200",
                "FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU",
            ),
            (
                "19961027T030000",
                "+0200",
                "+0100",
                "FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10",
            ),
        ] {
            zone.begin_observance();
            zone.take(b"dtstart", start);
            zone.take(b"TZOFFSETFROM", from);
            zone.take(b"TZOFFSETTO", to);
            zone.take(b"RRULE", rule);
        }
        zone
    }

    fn offset(zone: &Zone, wall: &str) -> Option<i64> {
        zone.offset(read_wall(wall).unwrap().0)
    }

    #[test]
    fn dates_are_counted_from_1970() {
        assert_eq!(days(1970, 1, 1), 0);
        assert_eq!(days(2000, 3, 1), 11_017);
        assert_eq!(days(1969, 12, 31), -1);
        for (date, year) in [("20001231", 2000), ("20010101", 2001), ("00010101", 1)] {
            assert_eq!(year_of(read_wall(date).unwrap().0), year);
        }
        assert_eq!(month_length(2000, 2), 29);
        assert_eq!(month_length(1900, 2), 28);
        assert_eq!(month_length(2026, 12), 31);
    }

    #[test]
    fn both_forms_are_read() {
        let basic = read_wall("20260102T030400Z");
        assert_eq!(basic, Some((1_767_323_040, false, true)));
        assert_eq!(read_wall(" 2026-01-02T03:04Z"), basic);
        assert_eq!(read_wall("20260102"), Some((1_767_312_000, true, false)));
        for bad in [
            "",
            "T",
            "2026",
            "20260230",
            "20261301",
            "20260102T",
            "20260102T99",
            "x\u{e4}",
        ] {
            assert_eq!(read_wall(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_described_zone_has_offsets() {
        let zone = berlin();
        for (wall, hours) in [
            ("20260101T100000", 1),
            ("20260329T015900", 1),
            ("20260329T030000", 2),
            ("20260701T100000", 2),
            ("20261025T030000", 1),
            ("19700101T000000", 1),
        ] {
            assert_eq!(offset(&zone, wall), Some(hours * 3600), "{wall}");
        }
    }

    #[test]
    fn a_rule_ends() {
        let mut zone = berlin();
        zone.begin_observance();
        zone.take(b"DTSTART", "19700301T000000");
        zone.take(b"TZOFFSETFROM", "+0000");
        zone.take(b"TZOFFSETTO", "-0330");
        zone.take(b"RRULE", "FREQ=YEARLY;UNTIL=19750301T000000Z");
        assert_eq!(offset(&zone, "19740401T000000"), Some(-12_600));
        assert_eq!(offset(&zone, "20260101T100000"), Some(3600));
    }

    #[test]
    fn an_unclear_rule_gives_no_offset() {
        for rule in [
            "FREQ=YEARLY;COUNT=3",
            "FREQ=MONTHLY",
            "FREQ=YEARLY;BYDAY=SU",
            "",
            "\u{e4}",
        ] {
            let mut zone = berlin();
            zone.take(b"RRULE", rule);
            assert_eq!(offset(&zone, "20260101T100000"), None, "{rule}");
        }
    }

    proptest! {
        #[test]
        fn anything_is_read(text in "[0-9TZ:+-]{0,20}", rule in "[A-Z0-9=;,+-]{0,30}", other in ".{0,12}") {
            for text in [&text, &other] {
                let mut zone = berlin();
                zone.take(b"TZOFFSETTO", text);
                zone.take(b"DTSTART", text);
                zone.take(b"RRULE", &rule);
                let mut moment = Moment::read(text, Some("Berlin"));
                moment.resolve(&[zone]);
                prop_assert!(moment.is_alike(&moment.clone()));
            }
        }

        #[test]
        fn years_are_found(seconds in -62_135_596_800_i64..253_402_300_800) {
            let day = seconds.div_euclid(DAY);
            let year = year_of(seconds);
            prop_assert!(days(year, 1, 1) <= day && day < days(year + 1, 1, 1));
        }
    }

    #[test]
    fn names_of_zones_are_compared_without_their_path() {
        assert_eq!(city("/EXAMPLE.ORG/1/EUROPE/BERLIN"), "EUROPE/BERLIN");
        assert_eq!(city("EUROPE/BERLIN"), "EUROPE/BERLIN");
        assert_eq!(city("UTC"), "UTC");
    }

    #[test]
    fn an_undescribed_zone_is_taken_leniently() {
        let moment = |text, zone| Moment::read(text, zone);
        let utc = moment("20260101T090000Z", None);
        let alike = |text, zone| utc.is_alike(&moment(text, zone));
        assert!(alike("20260101T100000", Some("Europe/Berlin")));
        assert!(alike("20260101T144500", Some("Asia/Kathmandu")));
        assert!(alike("20260101T010000", Some("Pacific Standard Time")));
        assert!(!alike("20260101T101000", Some("Europe/Berlin")));
        assert!(!alike("20260101T160000", Some("Europe/Berlin")));
        assert!(!alike("20260102T000000", Some("Somewhere")));
        assert!(!alike("20260101T090000", None));
        assert!(!alike("20260101T100000", None));
        let local = moment("20260101T100000", None);
        assert!(!local.is_alike(&moment("20260101T110000", None)));
        let berlin = moment("20260101T100000", Some("Europe/Berlin"));
        assert!(!berlin.is_alike(&moment("20260101T110000", Some("Europe/Athens"))));
        assert!(berlin.is_alike(&moment("20260101T100000", Some("/x/Europe/Berlin"))));
    }

    #[test]
    fn a_date_is_midnight() {
        let date = Moment::read("20260101", None);
        let midnight = Moment::read("20260101T000000", None);
        assert!(date.is_alike(&midnight));
        assert_eq!(date.bucket(), midnight.bucket());
    }

    #[test]
    fn what_is_no_time_is_like_itself_only() {
        let soon = Moment::read("soon", None);
        assert!(soon.is_alike(&Moment::read(" soon", None)));
        assert!(!soon.is_alike(&Moment::read("later", None)));
        assert!(!soon.is_alike(&Moment::read("19700101", None)));
        assert_eq!(soon.day(), None);
    }
}
