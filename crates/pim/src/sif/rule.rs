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

/// The rule of the item; `None` when it does not recur.
pub(super) fn read(elements: &mut Elements, start: Option<Time>) -> Option<String> {
    let recurs = elements.take("IsRecurring") == "1";
    let pattern = number(elements, "RecurrenceType");
    let interval = number(elements, "Interval").filter(|n| (1..1000).contains(n));
    let interval = interval.unwrap_or(1);
    let mask = number(elements, "DayOfWeekMask").unwrap_or(0);
    let day = number(elements, "DayOfMonth");
    let month = number(elements, "MonthOfYear");
    let instance = number(elements, "Instance").unwrap_or(1);
    let end = End::read(elements);
    let start = start.filter(|_| recurs)?;
    let bits = DAYS
        .iter()
        .enumerate()
        .filter(|(bit, _)| mask >> bit & 1 == 1);
    let days: Vec<&str> = bits.map(|(_, day)| *day).collect();
    let named: String = days.iter().flat_map(|day| [" ", day]).collect();
    let nth = || match instance {
        LAST => format!(" 1-{named}"),
        nth => format!(" {nth}+{named}"),
    };
    let rule = match pattern? {
        DAILY => format!("D{interval}"),
        WEEKLY => format!("W{interval}{named}"),
        MONTHLY => match day {
            Some(day) => format!("MD{interval} {day}"),
            None => format!("MD{interval}"),
        },
        MONTHLY_NTH => format!("MP{interval}{}", nth()),
        YEARLY => match month.filter(|month| *month > 0) {
            Some(month) => format!("YM{interval} {month}"),
            None => format!("YM{interval}"),
        },
        YEARLY_NTH => format!("MP{}{}", interval * 12, nth()),
        _ => return None,
    };
    Some(
        rule + &end.write(
            start,
            (pattern? == WEEKLY).then_some((interval, mask)),
            days.len(),
        ),
    )
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

    /// The end of a rule, which counts intervals where Outlook counts occurrences. `weekly` is the
    /// interval and the days of a series by the week.
    fn write(&self, start: Time, weekly: Option<(i64, i64)>, slots: usize) -> String {
        match (self, weekly) {
            (Self::Never, _) => " #0".to_owned(),
            (Self::On(end), _) => format!(" {}", end.write()),
            (Self::After(count), Some((interval, mask))) if slots > 1 => {
                let wall = last_of_weeks(start.wall, interval, mask, *count);
                format!(" {}", Time { wall, ..start }.write())
            }
            (Self::After(count), _) => {
                let slots = i64::try_from(slots).unwrap_or(1).max(1);
                format!(" #{}", count.saturating_add(slots - 1) / slots)
            }
        }
    }
}

/// The start of the last of so many occurrences on days of a week.
fn last_of_weeks(start: i64, interval: i64, mask: i64, count: i64) -> i64 {
    let sunday = (start + SUNDAY).div_euclid(WEEK) * WEEK - SUNDAY;
    let of_day = start.rem_euclid(DAY);
    let weeks = (0..MAX_OCCURRENCES).map(|week| sunday + week * interval * WEEK);
    let days = weeks.flat_map(|week| (0..7).map(move |day| (day, week + day * DAY + of_day)));
    let occurrences = days.filter(|(day, wall)| mask >> day & 1 == 1 && *wall >= start);
    let count = usize::try_from(count.min(MAX_OCCURRENCES)).unwrap_or(1);
    occurrences
        .map(|(_, wall)| wall)
        .take(count)
        .last()
        .unwrap_or(start)
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
    let Ok(interval) = interval.parse::<i64>() else {
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
    let stamp = stamp(start.wall);
    let part = |from: usize, to: usize| stamp.get(from..to).and_then(|part| part.parse().ok());
    let (month, day): (Option<i64>, Option<i64>) = (part(4, 6), part(6, 8));
    let mut fields: Vec<(&str, i64)> = Vec::new();
    let mask = |days: &[&str]| -> Option<i64> {
        let bits = days
            .iter()
            .map(|day| DAYS.iter().position(|known| known == day));
        bits.map(|bit| bit.map(|bit| 1 << bit)).sum()
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
        ("MD", [one]) => one.trim_end_matches('+').parse().ok().map(|day| {
            fields.push(("DayOfMonth", day));
            MONTHLY
        }),
        ("MP", [nth, days @ ..]) => {
            let own = [day_of_week];
            let days = if days.is_empty() { &own[..] } else { days };
            let instance = match *nth {
                "1-" => Some(LAST),
                nth => nth
                    .trim_end_matches('+')
                    .parse()
                    .ok()
                    .filter(|nth| (1..LAST).contains(nth)),
            };
            instance.zip(mask(days)).map(|(instance, mask)| {
                fields.push(("Instance", instance));
                fields.push(("DayOfWeekMask", mask));
                MONTHLY_NTH
            })
        }
        ("YM", [] | [_]) => {
            let named = list.first().map_or(month, |month| month.parse().ok());
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
        && interval % 12 == 0
        && let Some(month) = month
    {
        pattern = YEARLY_NTH;
        interval /= 12;
        fields.push(("MonthOfYear", month));
    }
    put(written, "RecurrenceType", pattern.to_string());
    put(written, "Interval", interval.to_string());
    for (name, number) in fields {
        put(written, name, number.to_string());
    }
    put(written, "PatternStartDate", start.write());
    let slots = if pattern == WEEKLY {
        list.len().max(1)
    } else {
        1
    };
    match end {
        Some("#0") => put(written, "NoEndDate", "1"),
        Some(end) if !end.starts_with('#') => {
            put(written, "NoEndDate", "0");
            put(written, "PatternEndDate", end);
        }
        counted => {
            // without an end a rule happens twice
            let count = counted.and_then(|count| count.trim_start_matches('#').parse().ok());
            let count: usize = count.unwrap_or(2);
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
