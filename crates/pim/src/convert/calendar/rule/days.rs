//! The days that a rule means.

use std::collections::BTreeSet;

use jiff::civil::Date;
use jiff::{Span, ToSpan as _};

use super::{End, Frequency, Rule};

/// Intervals that are looked through for a rule's last day.
const MAX_INTERVALS: i32 = 40_000;

/// Days of intervals that are looked at in all rules of one item.
pub(in crate::convert::calendar) const RULE_BUDGET: u32 = 1_000_000;

/// The day so many days after another; `None` outside of the calendar, and beyond what a span can
/// say, which any rule may ask for.
fn days_after(day: Date, days: i32) -> Option<Date> {
    day.checked_add(Span::new().try_days(days).ok()?).ok()
}

impl Rule {
    /// Whether a day is one of the rule's, its end and interval aside.
    pub(super) fn has(&self, date: Date) -> bool {
        let endless = Self {
            end: End::Never,
            ..self.clone()
        };
        endless
            .interval_days(date, 0)
            .is_some_and(|d| d.contains(&date))
    }

    /// How many occurrences an interval has, and whether every interval has them all.
    pub(in crate::convert::calendar) fn slots(&self, start: Date) -> (usize, bool) {
        let slots = self.days.len() + self.month_days.len() + self.year_days.len();
        let slots = slots.max(self.months.len()).max(1);
        let monthly = match self.frequency {
            Frequency::Daily | Frequency::Weekly => true,
            Frequency::Monthly if self.days.is_empty() && self.month_days.is_empty() => {
                start.day() <= 28
            }
            Frequency::Monthly => true,
            Frequency::Yearly => start.day() <= 28 || start.month() != 2,
        };
        let exists = self.month_days.iter().all(|day| day.unsigned_abs() <= 28)
            && self
                .days
                .iter()
                .all(|(ordinal, _)| ordinal.unsigned_abs() <= 4)
            && self.year_days.iter().all(|day| *day <= 365)
            && monthly;
        (slots, exists)
    }

    /// The last day of the n-th interval, counted from 1: of the week from Sunday to Saturday, the
    /// month or the year.
    pub(in crate::convert::calendar) fn interval_end(&self, start: Date, n: u32) -> Option<Date> {
        let steps = i64::from(n.saturating_sub(1)).checked_mul(self.interval.into())?;
        let steps = i32::try_from(steps).ok().filter(|s| *s < 4_000_000)?;
        match self.frequency {
            Frequency::Daily => days_after(start, steps),
            Frequency::Weekly => {
                let saturday = 6 - i32::from(start.weekday().to_sunday_zero_offset());
                let days = steps.checked_mul(7)?.checked_add(saturday)?;
                days_after(start, days)
            }
            Frequency::Monthly if steps < 100_000 => {
                let month = start.first_of_month().checked_add(steps.months());
                month.ok().map(Date::last_of_month)
            }
            Frequency::Yearly if steps < 9_000 => {
                let year = start.first_of_year().checked_add(steps.years());
                year.ok().map(Date::last_of_year)
            }
            _ => None,
        }
    }

    /// The days of the n-th interval, counted from 0; none beyond the end of the calendar.
    fn interval_days(&self, start: Date, n: i32) -> Option<BTreeSet<Date>> {
        let steps = n.checked_mul(self.interval)?;
        let mut found = BTreeSet::new();
        match self.frequency {
            Frequency::Daily => {
                let day = days_after(start, steps)?;
                let month_day = |d: &i8| on_month_day(day, *d) == Some(day);
                if (self.days.is_empty() || self.has_day(day.weekday()))
                    && (self.months.is_empty() || self.months.contains(&day.month()))
                    && (self.month_days.is_empty() || self.month_days.iter().any(month_day))
                {
                    found.insert(day);
                }
            }
            Frequency::Weekly => {
                let back = start.weekday().since(self.week_start);
                let week = days_after(start, -i32::from(back))?;
                let week = days_after(week, steps.checked_mul(7)?)?;
                let own = [(0, start.weekday())];
                let days: &[_] = if self.days.is_empty() {
                    &own
                } else {
                    &self.days
                };
                for (_, day) in days {
                    let on = i32::from(day.since(self.week_start));
                    let on = days_after(week, on)?;
                    if self.months.is_empty() || self.months.contains(&on.month()) {
                        found.insert(on);
                    }
                }
            }
            Frequency::Monthly => {
                if steps > 120_000 {
                    return None;
                }
                let month = start.first_of_month().checked_add(steps.months()).ok()?;
                if self.months.is_empty() || self.months.contains(&month.month()) {
                    self.month(month, start.day(), &mut found);
                }
            }
            Frequency::Yearly => {
                if steps > 9_999 {
                    return None;
                }
                let year = start.first_of_year().checked_add(steps.years()).ok()?;
                for day in &self.year_days {
                    if *day <= year.days_in_year() {
                        found.insert(days_after(year, i32::from(day - 1))?);
                    }
                }
                if self.year_days.is_empty() {
                    let own = [start.month()];
                    let months: &[_] = if self.months.is_empty() {
                        &own
                    } else {
                        &self.months
                    };
                    for month in months {
                        let month = Date::new(year.year(), *month, 1).ok()?;
                        self.month(month, start.day(), &mut found);
                    }
                }
            }
        }
        Some(found)
    }

    /// The days of one month, which is given by its first day.
    fn month(&self, month: Date, own: i8, found: &mut BTreeSet<Date>) {
        for (ordinal, day) in &self.days {
            let ordinals = if *ordinal == 0 {
                1..=5
            } else {
                *ordinal..=*ordinal
            };
            found.extend(ordinals.filter_map(|n| month.nth_weekday_of_month(n, *day).ok()));
        }
        if self.days.is_empty() {
            let own = [own];
            let days: &[_] = if self.month_days.is_empty() {
                &own
            } else {
                &self.month_days
            };
            found.extend(days.iter().filter_map(|day| on_month_day(month, *day)));
        }
    }

    /// The days of the rule in order, the start's included only if it is one of them; the
    /// rule's count is obeyed, its end date is the caller's `until`. None if there are more than
    /// `limit`, or if the search had to be given up before the end; `budget` is what it may cost.
    // spec: U11
    pub(in crate::convert::calendar) fn days(
        &self,
        start: Date,
        until: Option<Date>,
        limit: usize,
        budget: &mut u32,
    ) -> Option<Vec<Date>> {
        let mut found = Vec::new();
        let count = match self.end {
            End::Count(count) => count as usize,
            _ => usize::MAX,
        };
        let lists = (self.days.len() + self.month_days.len()) * self.months.len().max(1);
        let cost = 1 + (lists + self.year_days.len()) as u32;
        for n in 0..MAX_INTERVALS {
            *budget = budget.checked_sub(cost)?;
            let Some(days) = self.interval_days(start, n) else {
                return Some(found);
            };
            for day in days.into_iter().filter(|day| *day >= start) {
                if until.is_some_and(|until| day > until) || found.len() == count {
                    return Some(found);
                }
                if found.len() == limit {
                    return None;
                }
                found.push(day);
            }
            if found.len() == count {
                return Some(found);
            }
        }
        None
    }

    /// Moves the weekdays, for a zone in which the series falls on the day before or after. False
    /// if the rule has days that cannot be moved.
    // spec: U17
    pub(in crate::convert::calendar) fn shift(&mut self, days: i64) -> bool {
        let weekly = self.frequency == Frequency::Weekly && self.interval == 1;
        if days == 0 || (self.frequency == Frequency::Daily && self.days.is_empty()) {
            return true;
        }
        if weekly {
            for (_, day) in &mut self.days {
                *day = day.wrapping_add(days);
            }
            self.tidy();
        }
        weekly
    }
}

/// The n-th day of the month of a date, from the end if negative.
fn on_month_day(month: Date, day: i8) -> Option<Date> {
    let length = month.days_in_month();
    let day = if day < 0 { length + 1 + day } else { day };
    Date::new(month.year(), month.month(), day).ok()
}
