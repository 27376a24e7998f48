//! How a series goes on: Outlook's patterns and the rules of vCalendar 1.0.

use super::calendar::Time;
use super::xml::Elements;
use super::{Written, put};
use crate::convert::stamp;

const DAYS: [&str; 7] = ["SU", "MO", "TU", "WE", "TH", "FR", "SA"];

const DAY: i64 = 86_400;
const WEEK: i64 = 7 * DAY;

/// 1970 began on a Thursday: seconds from the Sunday before.
const SUNDAY: i64 = 4 * DAY;

/// Instance 5 of a pattern is the last one of the month.
const LAST: i64 = 5;

/// All days of the week in a mask: such a pattern is about days of the month.
const ANY_DAY: i64 = 0b111_1111;

/// The last second of the year 9999, since 1970.
const LAST_SECOND: i64 = 253_402_300_799;

/// The elements of a pattern.
const ELEMENTS: [&str; 11] = [
    "IsRecurring",
    "RecurrenceType",
    "Interval",
    "DayOfWeekMask",
    "DayOfMonth",
    "MonthOfYear",
    "Instance",
    "PatternStartDate",
    "NoEndDate",
    "PatternEndDate",
    "Occurrences",
];

/// Weeks, and occurrences, that are looked through for the last one of a counted series.
const MAX_OCCURRENCES: i64 = 10_000;

/// Patterns by number.
const DAILY: i64 = 0;
const WEEKLY: i64 = 1;
const MONTHLY: i64 = 2;
const MONTHLY_NTH: i64 = 3;
const YEARLY: i64 = 5;
const YEARLY_NTH: i64 = 6;

fn number(elements: &mut Elements, name: &str) -> Option<i64> {
    elements.take(name).parse().ok()
}

/// The rule of the item; `None` when it does not recur. A pattern that the rules of vCalendar 1.0 have no
/// words for is left to what is kept as it is: the first working day of a month, or a series that begins on
/// a day that is none of it.
pub(super) fn read(elements: &mut Elements, start: Option<Time>) -> Option<String> {
    let recurs = elements.take("IsRecurring") == "1";
    let pattern = Pattern::read(elements);
    let end = End::read(elements);
    let start = start.filter(|_| recurs)?;
    let rule = pattern.as_ref().and_then(|pattern| pattern.rule(start));
    let (Some(rule), Some(pattern)) = (rule, pattern) else {
        for name in ELEMENTS {
            elements.leave(name);
        }
        return None;
    };
    Some(rule + &end.write(start, &pattern))
}

/// What recurs.
struct Pattern {
    kind: i64,
    interval: i64,
    mask: i64,
    day: Option<i64>,
    month: Option<i64>,
    instance: i64,
}

impl Pattern {
    /// `None` where there is none, or a number beyond what it counts.
    fn read(elements: &mut Elements) -> Option<Self> {
        let kind = number(elements, "RecurrenceType");
        let interval = number(elements, "Interval").unwrap_or(1);
        let mask = number(elements, "DayOfWeekMask").unwrap_or(0);
        let day = number(elements, "DayOfMonth").filter(|day| *day != 0);
        let month = number(elements, "MonthOfYear").filter(|month| *month != 0);
        let instance = number(elements, "Instance").filter(|instance| *instance != 0);
        let instance = instance.unwrap_or(1);
        let is_right = (1..1000).contains(&interval)
            && (0..=ANY_DAY).contains(&mask)
            && day.is_none_or(|day| (1..=31).contains(&day))
            && month.is_none_or(|month| (1..=12).contains(&month))
            && (1..=LAST).contains(&instance);
        Some(Self {
            kind: kind.filter(|_| is_right)?,
            interval,
            mask,
            day,
            month,
            instance,
        })
    }

    fn days(&self) -> Vec<&'static str> {
        let bits = DAYS.iter().enumerate();
        let named = bits.filter(|(bit, _)| self.mask >> bit & 1 == 1);
        named.map(|(_, day)| *day).collect()
    }

    /// The rule without its end.
    fn rule(&self, start: Time) -> Option<String> {
        let Self { interval, .. } = self;
        let (month_of_start, day_of_start) = month_and_day(start);
        let is_in_month = self.month.is_none() || self.month == month_of_start;
        Some(match self.kind {
            DAILY => format!("D{interval}"),
            WEEKLY => {
                let named: String = self.days().iter().flat_map(|day| [" ", day]).collect();
                format!("W{interval}{named}")
            }
            MONTHLY => match self.day {
                Some(day) => format!("MD{interval} {day}"),
                None => format!("MD{interval}"),
            },
            MONTHLY_NTH => self.nth(*interval)?,
            YEARLY if self.day.is_none() || self.day == day_of_start => match self.month {
                Some(month) => format!("YM{interval} {month}"),
                None => format!("YM{interval}"),
            },
            YEARLY_NTH if is_in_month && self.days().len() == 1 => self.nth(interval * 12)?,
            _ => return None,
        })
    }

    /// A day of the week in a month, or, of any day of the week, a day of the month.
    fn nth(&self, months: i64) -> Option<String> {
        let days = self.days();
        Some(match (days.as_slice(), self.instance) {
            ([day], LAST) => format!("MP{months} 1- {day}"),
            ([day], nth) => format!("MP{months} {nth}+ {day}"),
            (_, LAST) if self.mask == ANY_DAY => format!("MD{months} LD"),
            (_, nth) if self.mask == ANY_DAY => format!("MD{months} {nth}"),
            // several days of the week would each have an occurrence of their own
            _ => return None,
        })
    }
}

/// The month and the day of a start, from 1 on.
fn month_and_day(start: Time) -> (Option<i64>, Option<i64>) {
    let stamp = stamp(start.wall);
    let part = |from: usize, to: usize| stamp.get(from..to).and_then(|part| part.parse().ok());
    (part(4, 6), part(6, 8))
}

/// When a series ends.
enum End {
    Never,
    On(Time),
    After(i64),
}

impl End {
    fn read(elements: &mut Elements) -> Self {
        elements.take("PatternStartDate");
        let is_endless = elements.take("NoEndDate") == "1";
        let date = Time::read(&elements.take("PatternEndDate"));
        let count = number(elements, "Occurrences").filter(|count| *count > 0);
        match (date, count) {
            _ if is_endless => Self::Never,
            (Some(date), _) => Self::On(date),
            (None, Some(count)) => Self::After(count),
            (None, None) => Self::Never,
        }
    }

    /// The end of a rule, which counts intervals where Outlook counts occurrences.
    fn write(&self, start: Time, pattern: &Pattern) -> String {
        match self {
            Self::Never => " #0".to_owned(),
            Self::On(end) => format!(" {}", end.write()),
            Self::After(count) if pattern.kind == WEEKLY && pattern.days().len() > 1 => {
                let wall = last_of_weeks(start.wall, pattern.interval, pattern.mask, *count);
                format!(" {}", Time { wall, ..start }.write())
            }
            Self::After(count) => format!(" #{count}"),
        }
    }
}

/// The start of the last of so many occurrences on days of a week.
fn last_of_weeks(start: i64, interval: i64, mask: i64, count: i64) -> i64 {
    let sunday = (start + SUNDAY).div_euclid(WEEK) * WEEK - SUNDAY;
    let of_day = start.rem_euclid(DAY);
    let weeks = (0..MAX_OCCURRENCES).map(|week| sunday + week * interval * WEEK);
    let days = weeks.flat_map(|week| (0..7).map(move |day| (day, week + day * DAY + of_day)));
    let days = days.take_while(|(_, wall)| *wall <= LAST_SECOND);
    let occurrences = days.filter(|(day, wall)| mask >> day & 1 == 1 && *wall >= start);
    let count = usize::try_from(count.min(MAX_OCCURRENCES)).unwrap_or(1);
    occurrences
        .map(|(_, wall)| wall)
        .take(count)
        .last()
        .unwrap_or(start)
}

/// A number from 1 to `most`.
fn within(text: &str, most: i64) -> Option<i64> {
    text.parse().ok().filter(|n| (1..=most).contains(n))
}

/// Writes the pattern of a rule; whether there is one.
pub(super) fn write(written: &mut Written, rule: &str, start: Option<Time>) -> bool {
    let Some(start) = start else { return false };
    let mut tokens = rule.split_ascii_whitespace();
    let Some(head) = tokens.next() else {
        return false;
    };
    let at = head
        .find(|c: char| c.is_ascii_digit())
        .unwrap_or(head.len());
    let (frequency, interval) = head.split_at(at);
    let Some(interval) = interval.parse::<i64>().ok().filter(|n| *n > 0) else {
        return false;
    };
    let (mut list, mut end) = (Vec::new(), None);
    for token in tokens {
        let is_date = token.len() >= 8 && token.starts_with(|c: char| c.is_ascii_digit());
        if token.starts_with('#') || is_date {
            end = Some(token);
        } else {
            list.push(token);
        }
    }
    let day_of_week = DAYS[((start.wall + SUNDAY).rem_euclid(WEEK) / DAY) as usize];
    let (month, day) = month_and_day(start);
    let mut fields: Vec<(&str, i64)> = Vec::new();
    let mask = |days: &[&str]| -> Option<i64> {
        let bits = days
            .iter()
            .map(|day| DAYS.iter().position(|known| known == day));
        bits.map(|bit| bit.map(|bit| 1 << bit))
            .try_fold(0, |mask, bit| Some(mask | bit?))
    };
    let pattern = match (frequency, list.as_slice()) {
        ("D", []) => Some(DAILY),
        ("W", days) => {
            let own = [day_of_week];
            let days = if days.is_empty() { &own[..] } else { days };
            mask(days).map(|mask| {
                fields.push(("DayOfWeekMask", mask));
                WEEKLY
            })
        }
        ("MD", []) => day.map(|day| {
            fields.push(("DayOfMonth", day));
            MONTHLY
        }),
        ("MD", ["LD"]) => {
            fields.push(("Instance", LAST));
            fields.push(("DayOfWeekMask", ANY_DAY));
            Some(MONTHLY_NTH)
        }
        ("MD", [one]) => within(one.trim_end_matches('+'), 31).map(|day| {
            fields.push(("DayOfMonth", day));
            MONTHLY
        }),
        ("MP", [nth] | [nth, _]) => {
            let days = [list.get(1).copied().unwrap_or(day_of_week)];
            let instance = match *nth {
                "1-" => Some(LAST),
                nth => nth
                    .trim_end_matches('+')
                    .parse()
                    .ok()
                    .filter(|nth| (1..LAST).contains(nth)),
            };
            instance.zip(mask(&days)).map(|(instance, mask)| {
                fields.push(("Instance", instance));
                fields.push(("DayOfWeekMask", mask));
                MONTHLY_NTH
            })
        }
        ("YM", [] | [_]) => {
            let named = list.first().map_or(month, |month| within(month, 12));
            named.zip(day).map(|(month, day)| {
                fields.push(("MonthOfYear", month));
                fields.push(("DayOfMonth", day));
                YEARLY
            })
        }
        ("YD", []) => month.zip(day).map(|(month, day)| {
            fields.push(("MonthOfYear", month));
            fields.push(("DayOfMonth", day));
            YEARLY
        }),
        _ => None,
    };
    let Some(mut pattern) = pattern else {
        return false;
    };
    let mut interval = interval;
    if pattern == MONTHLY_NTH
        && frequency == "MP"
        && interval % 12 == 0
        && let Some(month) = month
    {
        pattern = YEARLY_NTH;
        interval /= 12;
        fields.push(("MonthOfYear", month));
    }
    let count: Option<usize> = match end {
        // without an end a rule happens twice
        None => Some(2),
        Some(end) => end.strip_prefix('#').map_or(Some(0), |n| n.parse().ok()),
    };
    let Some(count) = count else {
        return false;
    };
    put(written, "RecurrenceType", pattern.to_string());
    put(written, "Interval", interval.to_string());
    let days_of_week = fields.iter().find(|(name, _)| *name == "DayOfWeekMask");
    let fields_mask = days_of_week.map(|(_, mask)| *mask);
    for (name, number) in fields {
        put(written, name, number.to_string());
    }
    put(written, "PatternStartDate", start.write());
    // a week has an occurrence on each of its days
    let slots = match fields_mask {
        Some(mask) if pattern == WEEKLY => mask.count_ones() as usize,
        _ => 1,
    };
    match end {
        Some("#0") => put(written, "NoEndDate", "1"),
        Some(end) if !end.starts_with('#') => {
            put(written, "NoEndDate", "0");
            put(written, "PatternEndDate", end);
        }
        _ => {
            put(written, "NoEndDate", "0");
            put(
                written,
                "Occurrences",
                count.saturating_mul(slots).to_string(),
            );
        }
    }
    true
}
