//! Recurrence rules in the grammar of vCalendar 1.0 (`W1 MO #10`) and of RFC 5545, and the days
//! they mean.
//!
//! Both grammars are read into one [`Rule`]. What a rule of RFC 5545 says beyond it is not read,
//! so that a device never gets a rule that means other days.

mod days;

use std::fmt::Write as _;

use jiff::civil::{Date, Weekday};

pub(super) use days::RULE_BUDGET;

const DAYS: [(&str, Weekday); 7] = [
    ("SU", Weekday::Sunday),
    ("MO", Weekday::Monday),
    ("TU", Weekday::Tuesday),
    ("WE", Weekday::Wednesday),
    ("TH", Weekday::Thursday),
    ("FR", Weekday::Friday),
    ("SA", Weekday::Saturday),
];

/// Entries of a list that are read.
const MAX_LIST: usize = 366;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Frequency {
    Daily,
    Weekly,
    Monthly,
    Yearly,
}

/// When a rule ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum End {
    Never,
    /// Occurrences of RFC 5545, or intervals of vCalendar 1.0.
    Count(u32),
    /// The text of an end date as it was read.
    Date(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rule {
    pub(super) frequency: Frequency,
    pub(super) interval: i32,
    /// Position within the month (0 for every one) and weekday.
    pub(super) days: Vec<(i8, Weekday)>,
    pub(super) month_days: Vec<i8>,
    pub(super) months: Vec<i8>,
    pub(super) year_days: Vec<i16>,
    pub(super) week_start: Weekday,
    pub(super) end: End,
}

pub(super) fn day_name(day: Weekday) -> &'static str {
    let found = DAYS.iter().find(|(_, d)| *d == day);
    found.map_or("SU", |(name, _)| name)
}

fn day_of(name: &str) -> Option<Weekday> {
    let found = DAYS.iter().find(|(n, _)| n.eq_ignore_ascii_case(name));
    found.map(|(_, day)| *day)
}

/// The position of a day among the days of its name within the month.
fn position(date: Date) -> i8 {
    (date.day() - 1) / 7 + 1
}

/// A number before a sign: `2+`, `3-`, `2`.
fn signed(token: &str) -> Option<i8> {
    let (digits, sign) = match token.strip_suffix('-') {
        Some(digits) => (digits, -1),
        None => (token.strip_suffix('+').unwrap_or(token), 1),
    };
    if digits.is_empty() || digits.len() > 2 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    digits.parse::<i8>().ok().map(|n| n * sign)
}

impl Rule {
    fn new(frequency: Frequency, interval: i32) -> Self {
        Self {
            frequency,
            interval,
            days: Vec::new(),
            month_days: Vec::new(),
            months: Vec::new(),
            year_days: Vec::new(),
            week_start: Weekday::Monday,
            end: End::Never,
        }
    }

    /// Reads a rule of vCalendar 1.0. The day of `start` is part of a weekly rule, and stands for
    /// a list that lacks. A rule without an end has two intervals.
    // spec: U11 U15
    pub(super) fn read_old(text: &str, start: Date) -> Option<Self> {
        let text = text.to_ascii_uppercase();
        let mut tokens = text.split([' ', '\t', ',']).filter(|t| !t.is_empty());
        let head = tokens.next()?;
        let at = head.find(|c: char| c.is_ascii_digit())?;
        let (letters, number) = head.split_at_checked(at)?;
        let interval = number
            .parse()
            .ok()
            .filter(|n: &i32| (1..=9999).contains(n))?;
        let frequency = match letters {
            "D" => Frequency::Daily,
            "W" => Frequency::Weekly,
            "MP" | "MD" => Frequency::Monthly,
            "YM" | "YD" => Frequency::Yearly,
            _ => return None,
        };
        let mut rule = Self::new(frequency, interval);
        rule.week_start = Weekday::Sunday;
        let mut end = None;
        let mut occurrence = None;
        for (seen, token) in tokens.enumerate() {
            if seen > MAX_LIST {
                return None;
            }
            if let Some(count) = token.strip_prefix('#') {
                let count = count.parse().ok()?;
                // a date beside a count, whichever comes first, counts
                end.get_or_insert(if count == 0 {
                    End::Never
                } else {
                    End::Count(count)
                });
            } else if token.len() >= 8 && token.starts_with(|c: char| c.is_ascii_digit()) {
                end.get_or_insert(End::Date(token.to_owned()));
            } else {
                match letters {
                    "W" => rule.days.push((0, day_of(token)?)),
                    "MP" => {
                        if let Some(day) = day_of(token) {
                            let (ordinal, used) = occurrence.as_mut()?;
                            *used = true;
                            rule.days.push((*ordinal, day));
                        } else {
                            if let Some((ordinal, false)) = occurrence {
                                rule.days.push((ordinal, start.weekday()));
                            }
                            let ordinal = signed(token).filter(|n| (1..=5).contains(&n.abs()))?;
                            occurrence = Some((ordinal, false));
                        }
                    }
                    "MD" if token == "LD" => rule.month_days.push(-1),
                    "MD" => {
                        let day = signed(token).filter(|n| (1..=31).contains(&n.abs()))?;
                        rule.month_days.push(day);
                    }
                    "YM" => rule
                        .months
                        .push(token.parse().ok().filter(|n| (1..=12).contains(n))?),
                    "YD" => rule
                        .year_days
                        .push(token.parse().ok().filter(|n| (1..=366).contains(n))?),
                    _ => return None,
                }
            }
        }
        if let Some((ordinal, false)) = occurrence {
            rule.days.push((ordinal, start.weekday()));
        }
        rule.end = end.unwrap_or(End::Count(2));
        rule.complete(letters, start);
        Some(rule)
    }

    fn complete(&mut self, letters: &str, start: Date) {
        let own = start.weekday();
        match letters {
            "W" if !self.days.is_empty() => self.days.push((0, own)),
            "MP" if self.days.is_empty() => self.days.push((position(start), own)),
            "MD" if self.month_days.is_empty() => self.month_days.push(start.day()),
            _ => {}
        }
        self.tidy();
        if self.frequency == Frequency::Monthly && self.interval % 12 == 0 {
            if self.month_days == [start.day()] {
                self.month_days.clear();
                self.frequency = Frequency::Yearly;
                self.interval /= 12;
            } else if self.month_days.is_empty() {
                self.frequency = Frequency::Yearly;
                self.interval /= 12;
                self.months.push(start.month());
            }
        }
        if letters == "YM" && self.months == [start.month()] {
            self.months.clear();
        }
    }

    /// Weekdays run from Monday, as most write them.
    fn tidy(&mut self) {
        if self.frequency == Frequency::Weekly {
            let first = |d: &(i8, Weekday)| match self.week_start {
                Weekday::Sunday if self.interval > 1 => d.1.to_sunday_zero_offset(),
                _ => d.1.to_monday_zero_offset(),
            };
            self.days.sort_by_key(first);
        }
        self.days.dedup();
        self.months.sort_unstable();
        self.months.dedup();
    }

    /// Reads a rule of RFC 5545; none if it says what a [`Rule`] cannot.
    pub(super) fn read_new(text: &str) -> Option<Self> {
        let text = text.trim().to_ascii_uppercase();
        let mut rule = Self::new(Frequency::Daily, 1);
        let mut frequency = None;
        fn list<T>(value: &str, read: impl Fn(&str) -> Option<T>) -> Option<Vec<T>> {
            let items = value.split(',').take(MAX_LIST + 1);
            let items: Option<Vec<T>> = items.map(|item| read(item.trim())).collect();
            items.filter(|items| items.len() <= MAX_LIST)
        }
        for part in text.split(';').filter(|part| !part.is_empty()) {
            let (name, value) = part.split_once('=')?;
            match name.trim() {
                "FREQ" => {
                    frequency = Some(match value.trim() {
                        "DAILY" => Frequency::Daily,
                        "WEEKLY" => Frequency::Weekly,
                        "MONTHLY" => Frequency::Monthly,
                        "YEARLY" => Frequency::Yearly,
                        _ => return None,
                    });
                }
                "INTERVAL" => {
                    let interval = value.trim().parse().ok();
                    rule.interval = interval.filter(|n| (1..=9999).contains(n))?;
                }
                "COUNT" => rule.end = End::Count(value.trim().parse().ok().filter(|n| *n > 0)?),
                "UNTIL" => rule.end = End::Date(value.trim().to_owned()),
                "WKST" => rule.week_start = day_of(value.trim())?,
                "BYDAY" => {
                    rule.days = list(value, |item| {
                        let (ordinal, day) = item.split_at_checked(item.len().checked_sub(2)?)?;
                        let ordinal = match ordinal {
                            "" => 0,
                            n => n
                                .parse()
                                .ok()
                                .filter(|n: &i8| (1..=5).contains(&n.unsigned_abs()))?,
                        };
                        Some((ordinal, day_of(day)?))
                    })?;
                }
                "BYMONTHDAY" => {
                    rule.month_days = list(value, |item| {
                        let day: i8 = item.parse().ok()?;
                        (1..=31).contains(&day.unsigned_abs()).then_some(day)
                    })?;
                }
                "BYMONTH" => {
                    rule.months = list(value, |item| {
                        item.parse().ok().filter(|n| (1..=12).contains(n))
                    })?;
                }
                "BYYEARDAY" => {
                    rule.year_days = list(value, |item| {
                        item.parse().ok().filter(|n| (1..=366).contains(n))
                    })?;
                }
                _ => return None,
            }
        }
        rule.frequency = frequency?;
        let has_position = rule.days.iter().any(|(ordinal, _)| *ordinal != 0);
        let sensible = match rule.frequency {
            Frequency::Daily | Frequency::Weekly => !has_position && rule.year_days.is_empty(),
            Frequency::Monthly => {
                rule.year_days.is_empty() && (rule.days.is_empty() || rule.month_days.is_empty())
            }
            Frequency::Yearly => {
                (rule.days.is_empty() || !rule.months.is_empty() && rule.month_days.is_empty())
                    && (rule.year_days.is_empty()
                        || rule.days.is_empty()
                            && rule.months.is_empty()
                            && rule.month_days.is_empty())
            }
        };
        rule.tidy();
        sensible.then_some(rule)
    }

    /// Writes the rule as RFC 5545 does, with an end that is written already (`;UNTIL=…`).
    pub(super) fn write_new(&self, end: &str) -> String {
        let mut out = String::from(match self.frequency {
            Frequency::Daily => "FREQ=DAILY",
            Frequency::Weekly => "FREQ=WEEKLY",
            Frequency::Monthly => "FREQ=MONTHLY",
            Frequency::Yearly => "FREQ=YEARLY",
        });
        let mut part = |name: &str, values: Vec<String>| {
            if !values.is_empty() {
                let _ = write!(out, ";{name}={}", values.join(","));
            }
        };
        if self.interval > 1 {
            part("INTERVAL", vec![self.interval.to_string()]);
        }
        let sunday = self.days.iter().any(|(_, d)| *d == Weekday::Sunday);
        let weekly = self.frequency == Frequency::Weekly && self.interval > 1;
        if weekly && sunday && self.days.len() > 1 && self.week_start == Weekday::Sunday {
            part("WKST", vec!["SU".to_owned()]);
        }
        let texts = |values: &[i8]| values.iter().map(ToString::to_string).collect();
        part("BYMONTH", texts(&self.months));
        part("BYMONTHDAY", texts(&self.month_days));
        let year_days = self.year_days.iter().map(ToString::to_string).collect();
        part("BYYEARDAY", year_days);
        let days = self.days.iter().map(|(ordinal, day)| match ordinal {
            0 => day_name(*day).to_owned(),
            n => format!("{n}{}", day_name(*day)),
        });
        part("BYDAY", days.collect());
        out.push_str(end);
        out
    }

    /// Writes the rule, without an end, in the grammar of vCalendar 1.0; none if that cannot say
    /// it for a series that starts on `start`.
    // spec: U13
    pub(super) fn write_old(&self, start: Date) -> Option<String> {
        let n = self.interval;
        let names = |days: &[(i8, Weekday)]| {
            let names = days.iter().map(|(_, d)| format!(" {}", day_name(*d)));
            names.collect::<String>()
        };
        let plain = self.days.iter().all(|(ordinal, _)| *ordinal == 0);
        let bare = self.months.is_empty() && self.month_days.is_empty();
        match self.frequency {
            Frequency::Daily if bare && self.days.is_empty() => Some(format!("D{n}")),
            Frequency::Daily if bare && plain && n == 1 => self.weeks(1, names(&self.days), start),
            Frequency::Weekly if bare && plain && self.weeks_fit(start) => {
                self.weeks(n, names(&self.days), start)
            }
            Frequency::Monthly if !self.months.is_empty() => None,
            Frequency::Monthly if !self.days.is_empty() => {
                if plain {
                    return (n == 1).then(|| self.weeks(1, names(&self.days), start))?;
                }
                self.positions(n)
            }
            Frequency::Monthly if self.month_days.is_empty() => {
                Some(format!("MD{n} {}", start.day()))
            }
            Frequency::Monthly => {
                let days = self.month_days.iter().map(|day| match day {
                    -1 => " LD".to_owned(),
                    day if *day < 0 => format!(" {}-", day.unsigned_abs()),
                    day => format!(" {day}"),
                });
                Some(format!("MD{n}{}", days.collect::<String>()))
            }
            Frequency::Yearly if !self.year_days.is_empty() => {
                let days = self.year_days.iter().map(|day| format!(" {day}"));
                Some(format!("YD{n}{}", days.collect::<String>()))
            }
            Frequency::Yearly if !self.days.is_empty() => {
                let own = self.months == [start.month()] && self.has(start);
                own.then(|| self.positions(n.checked_mul(12)?))?
            }
            Frequency::Yearly => {
                if !self.month_days.is_empty() && self.month_days != [start.day()] {
                    return None;
                }
                if self.months.is_empty() {
                    return Some(format!("YM{n} {}", start.month()));
                }
                let months = self.months.iter().map(|month| format!(" {month}"));
                Some(format!("YM{n}{}", months.collect::<String>()))
            }
            _ => None,
        }
    }

    /// The day of the start is always part of a weekly rule of vCalendar 1.0.
    fn weeks(&self, interval: i32, names: String, start: Date) -> Option<String> {
        let own = self.days.is_empty() || self.has_day(start.weekday());
        own.then(|| format!("W{interval}{names}"))
    }

    fn has_day(&self, day: Weekday) -> bool {
        self.days.iter().any(|(_, d)| *d == day)
    }

    /// Weeks of vCalendar 1.0 run from Sunday; that matters if only every n-th week counts.
    fn weeks_fit(&self, start: Date) -> bool {
        let single = self.days.is_empty() || self.days == [(0, start.weekday())];
        self.interval == 1
            || single
            || self.week_start == Weekday::Sunday
            || (self.week_start == Weekday::Monday && !self.has_day(Weekday::Sunday))
    }

    fn positions(&self, interval: i32) -> Option<String> {
        let mut out = format!("MP{interval}");
        let mut last = 0;
        for (ordinal, day) in &self.days {
            if *ordinal == 0 {
                return None;
            }
            if *ordinal != last {
                last = *ordinal;
                let sign = if last < 0 { '-' } else { '+' };
                let _ = write!(out, " {}{sign}", last.unsigned_abs());
            }
            out.push(' ');
            out.push_str(day_name(*day));
        }
        Some(out)
    }
}
