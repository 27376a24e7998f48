//! What a device makes of time: the facts of its calendar that its texts do not tell.

use super::zone::{Zone, day_stamp, stamp};
use crate::moment::read_wall;

pub(super) const DAY: i64 = 86_400;

/// How a device writes a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TimeMode {
    /// In UTC, with a `Z`; a time without one is that of its own clock.
    #[default]
    Utc,
    /// As its own clock shows it, without a `Z`.
    Floating,
    /// As its own clock shows it, with a `Z` that means nothing.
    FalseZ,
    /// In UTC, but without a `Z`.
    UtcWithoutZ,
}

/// How a device writes an event of whole days; all of them are read, where they can be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AllDay {
    /// From midnight to the midnight after the last day.
    #[default]
    Midnight,
    /// From midnight to 23:59 of the last day, with `X-FUNAMBOL-ALLDAY`.
    Minute,
    /// From midnight to 23:59:59 of the last day.
    Second,
    /// From midnight to 24:00 of the last day.
    Hour24,
    /// From midnight, without an end: one day.
    NoEnd,
    /// From 08:00 to 18:00.
    Daytime,
}

/// How a device writes the end of a series.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RuleEnd {
    /// As the start of the last occurrence, in the form of other times.
    #[default]
    Date,
    /// As the start of the last occurrence, always as its own clock shows it.
    LocalDate,
    /// As a number, since the device refuses dates. A series that no number ends has no end there.
    Count,
}

/// What a device makes of time. The default is a device that writes UTC and whose place is not
/// known.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TimeProfile {
    /// How times are written.
    pub mode: TimeMode,
    /// The zone that the device is in, with its rule of summer time. `TZ` and `DAYLIGHT` of an item
    /// of an old format that say another one go before it; without either, times stay in UTC or
    /// floating.
    pub zone: Option<Zone>,
    /// Seconds ahead of UTC by which the device converts all times, whatever their date: some
    /// use the offset of the current day.
    pub converts_by: Option<i64>,
    /// How events of whole days are written.
    pub all_day: AllDay,
    /// How the end of a series is written.
    pub rule_end: RuleEnd,
    /// Whether `TZ` and `DAYLIGHT` are written.
    pub describes_zone: bool,
    /// Whether an alarm is written as its bare time, without snooze, repeat and text.
    pub bare_alarms: bool,
    /// The first year that the device can hold: a series of events that is older is written from
    /// its first occurrence in that year or later on.
    pub earliest_year: Option<i16>,
}

impl TimeProfile {
    /// Seconds since 1970 on the clock of `home` for a time that the device wrote, and whether it
    /// is a date without a time.
    // spec: U23
    pub(super) fn read(&self, text: &str, home: Option<&Zone>) -> Option<(i64, bool)> {
        let (wall, is_date, is_utc) = read_wall(text)?;
        let in_utc = match self.mode {
            TimeMode::Utc | TimeMode::Floating => is_utc,
            TimeMode::FalseZ => false,
            TimeMode::UtcWithoutZ => true,
        };
        let local = match (home, self.converts_by) {
            _ if is_date || !in_utc => wall,
            (_, Some(ahead)) => wall.saturating_add(ahead),
            (Some(home), None) => home.wall(wall),
            (None, None) => wall,
        };
        Some((local, is_date))
    }

    /// A wall time of the zone `home`, as the device writes it.
    // spec: U23
    pub(super) fn write(&self, wall: i64, home: Option<&Zone>) -> String {
        let Some(home) = home else {
            return stamp(wall);
        };
        let utc = match self.converts_by {
            Some(ahead) => wall.saturating_sub(ahead),
            None => home.instant(wall),
        };
        match self.mode {
            TimeMode::Utc => stamp(utc) + "Z",
            TimeMode::Floating => stamp(wall),
            TimeMode::FalseZ => stamp(wall) + "Z",
            TimeMode::UtcWithoutZ => stamp(utc),
        }
    }

    /// A midnight as the device writes it for events of whole days.
    // spec: U28
    pub(super) fn write_midnight(&self, wall: i64, home: Option<&Zone>) -> String {
        match self.mode {
            TimeMode::FalseZ => stamp(wall) + "Z",
            TimeMode::UtcWithoutZ => self.write(wall, home),
            TimeMode::Utc | TimeMode::Floating => stamp(wall),
        }
    }

    /// The start and the end of whole days; `end` is the midnight after the last.
    // spec: U28
    pub(super) fn write_days(
        &self,
        start: i64,
        end: i64,
        home: Option<&Zone>,
    ) -> (String, Option<String>) {
        let first = self.write_midnight(start, home);
        let last = match self.all_day {
            AllDay::Midnight => self.write_midnight(end, home),
            AllDay::Minute => self.write_midnight(end - 60, home),
            AllDay::Second => self.write_midnight(end - 1, home),
            AllDay::Hour24 if self.mode == TimeMode::UtcWithoutZ => self.write(end, home),
            AllDay::Hour24 => {
                let z = if self.mode == TimeMode::FalseZ {
                    "Z"
                } else {
                    ""
                };
                format!("{}T240000{z}", day_stamp(end - DAY))
            }
            AllDay::NoEnd => return (first, None),
            AllDay::Daytime => {
                let start = self.write_midnight(start + 8 * 3600, home);
                return (start, Some(self.write_midnight(end - 6 * 3600, home)));
            }
        };
        (first, Some(last))
    }

    /// The midnights before and after the whole days that a start and an end on the device's
    /// clock mean; none if they mean times of a day.
    // spec: U27
    pub(super) fn whole_days(&self, start: i64, end: Option<i64>) -> Option<(i64, i64)> {
        let of_day = |wall: i64| wall.rem_euclid(DAY);
        let midnight = |wall: i64| wall - of_day(wall);
        let Some(end) = end else {
            let whole = of_day(start) == 0 && self.all_day == AllDay::NoEnd;
            return whole.then_some((start, start + DAY));
        };
        if self.all_day == AllDay::Daytime
            && of_day(start) == 8 * 3600
            && of_day(end) == 18 * 3600
            && start < end
        {
            return Some((midnight(start), midnight(end) + DAY));
        }
        if of_day(start) != 0 {
            return None;
        }
        match of_day(end) {
            0 if end > start => Some((start, end)),
            0 => Some((start, start + DAY)),
            86_340 | 86_399 => Some((start, (midnight(end) + DAY).max(start + DAY))),
            _ => None,
        }
    }
}
