//! The times outside of which no item is inside a filter: what an index answers, so that the items
//! outside are not read.
//!
//! The answer may be too wide and never too narrow: what is within it is evaluated.

use pim::{Kind, Time};

use super::Filter;
use super::query::{Clause, Operator, Query, Subject, Value};
use crate::store::Period;

/// A date without a time is the whole day.
const DAY: i64 = 86_400;

impl Filter {
    /// Times outside of which no item is inside the filter.
    pub fn period(&self) -> Period {
        // what it is not about is inside at any time
        let is_of_calendars = self.media_type.is_empty()
            || matches!(
                pim::media::kind_of_media_type(&self.media_type),
                Kind::Event | Kind::Task | Kind::Journal
            );
        match &self.record {
            Some(query) if is_of_calendars => query.period(),
            _ => Period::ANY,
        }
    }
}

impl Query {
    /// Times outside of which no item [matches](Self::matches), as [`pim::reach`] tells those of items.
    pub fn period(&self) -> Period {
        match self {
            Self::Clause(clause) => of_clause(clause).unwrap_or(Period::ANY),
            Self::All(queries) => queries.iter().map(Self::period).fold(Period::ANY, both),
            Self::Any(queries) => queries
                .iter()
                .map(Self::period)
                .reduce(either)
                .unwrap_or(Period::ANY),
        }
    }
}

/// An item that lasts may be within one of two periods by its beginning and within the other by its
/// end, so that the two together may end before they begin.
fn both(a: Period, b: Period) -> Period {
    Period {
        since: a.since.max(b.since),
        until: a.until.min(b.until),
    }
}

fn either(a: Period, b: Period) -> Period {
    Period {
        since: a.since.min(b.since),
        until: a.until.max(b.until),
    }
}

/// `None` for a clause that says nothing of when an item takes place.
fn of_clause(clause: &Clause) -> Option<Period> {
    let Value::Text(text) = &clause.value else {
        return None;
    };
    let (has_begin, has_end) = match &clause.subject {
        Subject::Since => (true, false),
        Subject::Before => (false, true),
        Subject::Property(path) if path.parts.is_empty() => {
            let named = ["DTSTART", "DTEND", "DUE"];
            if !named
                .iter()
                .any(|name| path.name.eq_ignore_ascii_case(name))
            {
                return None;
            }
            match clause.operator {
                Operator::Gt | Operator::Ge => (true, false),
                Operator::Lt | Operator::Le => (false, true),
                Operator::Eq => (true, true),
                Operator::Ne | Operator::Con | Operator::Ncon => return None,
            }
        }
        _ => return None,
    };
    let time = Time::read(text)?;
    let mut period = Period::ANY;
    if has_begin {
        period.since = time.earliest;
    }
    if has_end {
        period.until = time.latest.saturating_add(DAY);
    }
    Some(period)
}
