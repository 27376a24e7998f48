//! Whether a record is what a query asks for.
//!
//! A client that filters exclusively deletes what does not match, so a doubt is a match: a date
//! that cannot be read or whose zone is not known, and content that cannot be looked into.

use std::borrow::Cow;

use pim::decode::{Dialect, parts, unescape, whole_text};
use pim::line::Line;
use pim::{Time, Zones, own_lines};

use super::query::{Clause, Operator, PropertyPath, Query, Subject, Value};
use super::support::{Ordering, Shape};
use super::{email, truth};

const DAY: i64 = 86_400;

/// Properties whose value has components, each of which may be asked for.
const STRUCTURED: [&str; 7] = [
    "N",
    "ADR",
    "ORG",
    "NICKNAME",
    "CATEGORIES",
    "RESOURCES",
    "GEO",
];

/// A record that a query is put to.
#[derive(Debug, Clone, Copy)]
pub struct Record<'r> {
    /// Its media type.
    pub media_type: &'r str,
    /// Its content.
    pub content: &'r [u8],
    /// The client's identifier of it; none if the client does not have it.
    pub luid: Option<&'r str>,
    /// When it was last changed, in seconds since 1970, UTC.
    pub modified: i64,
}

impl Query {
    /// Whether it asks for the client's identifiers ([`Record::luid`]).
    pub fn asks_for_luids(&self) -> bool {
        match self {
            Self::Clause(clause) => clause.subject == Subject::Luid,
            Self::All(queries) | Self::Any(queries) => queries.iter().any(Self::asks_for_luids),
        }
    }

    /// Whether a record is what the query asks for.
    ///
    /// * `SINCE` and `BEFORE` look at the time of an entry of a calendar, as [`pim::span`] tells
    ///   it: an entry that lasts to the given time or longer is since it, one that begins earlier
    ///   is before it. So both together ask for what takes place in between in part. A series
    ///   matches if any of its occurrences may. Of other records they look at the last change.
    ///   An entry without a time matches.
    /// * `GROUP` is one of the values of `CATEGORIES`.
    /// * Of a property that occurs more than once, one occurrence has to match; `NE` and `NCON`
    ///   hold if none is equal or contains. A property that is absent is empty.
    /// * A value with components (`N`, `ADR`, `ORG`, `CATEGORIES` and the like) is equal if the
    ///   whole is or one component.
    /// * Dates and numbers are compared by value in the properties that are such. A date without
    ///   a time is the whole day. All else is compared as text, by code point.
    ///
    /// A query that [`Query::check`] refuses gets an answer too: what cannot be evaluated holds.
    // spec: L01 L12 L13
    pub fn matches(&self, record: &Record<'_>) -> bool {
        match self {
            Self::Clause(clause) => holds(clause, record).unwrap_or(true),
            Self::All(queries) => queries.iter().all(|query| query.matches(record)),
            Self::Any(queries) => queries.iter().any(|query| query.matches(record)),
        }
    }
}

/// `None` where there is no knowing.
fn holds(clause: &Clause, record: &Record<'_>) -> Option<bool> {
    match &clause.subject {
        Subject::Luid => {
            let is_it = match &clause.value {
                Value::Null => record.luid.is_none(),
                Value::Text(text) => record.luid.is_some_and(|luid| same(luid, text, clause)),
            };
            Some(is_it == (clause.operator == Operator::Eq))
        }
        Subject::Since | Subject::Before => in_time(clause, record),
        Subject::Unseen => {
            let Value::Text(text) = &clause.value else {
                return None;
            };
            if Shape::of(record.media_type, record.content) != Shape::Email {
                return None;
            }
            let is_read = truth(&email::element(record.content, "read")?)?;
            Some((is_read != truth(text)?) == (clause.operator == Operator::Eq))
        }
        Subject::Group => {
            let categories = PropertyPath {
                name: "CATEGORIES".to_owned(),
                index: None,
                parts: Vec::new(),
            };
            property(&categories, clause, record)
        }
        Subject::Property(path) => property(path, clause, record),
    }
}

fn in_time(clause: &Clause, record: &Record<'_>) -> Option<bool> {
    let Value::Text(text) = &clause.value else {
        return None;
    };
    let time = Time::read(text)?;
    let is_calendar = match Shape::of(record.media_type, record.content) {
        Shape::Lines(format) => {
            matches!(format, pim::Format::VCalendar10 | pim::Format::ICalendar20)
        }
        _ => false,
    };
    let (first, last) = if is_calendar {
        let span = pim::span(record.media_type, record.content)?;
        (span.first, span.last)
    } else {
        (record.modified, Some(record.modified))
    };
    Some(match clause.subject {
        Subject::Since => last.is_none_or(|last| last >= time.earliest),
        _ => first < time.latest,
    })
}

/// What the occurrences of a property say together.
#[derive(Default)]
struct Tally {
    /// One holds for certain.
    holds: bool,
    /// One may hold.
    may_hold: bool,
    /// One is not empty.
    is_present: bool,
}

impl Tally {
    fn take(&mut self, is_present: bool, answer: Option<bool>) {
        self.is_present |= is_present;
        self.holds |= answer == Some(true);
        self.may_hold |= answer.is_none();
    }

    fn conclude(&self, clause: &Clause) -> Option<bool> {
        let positive = match (&clause.value, positive(clause.operator)) {
            (Value::Null, _) => Some(!self.is_present),
            (Value::Text(text), Operator::Eq) if text.is_empty() => Some(!self.is_present),
            (Value::Text(text), Operator::Con) if text.is_empty() => Some(true),
            _ if self.holds => Some(true),
            _ if self.may_hold => None,
            _ => Some(false),
        };
        match clause.operator {
            Operator::Ne | Operator::Ncon => positive.map(|holds| !holds),
            _ => positive,
        }
    }
}

fn positive(operator: Operator) -> Operator {
    match operator {
        Operator::Ne => Operator::Eq,
        Operator::Ncon => Operator::Con,
        other => other,
    }
}

fn property(path: &PropertyPath, clause: &Clause, record: &Record<'_>) -> Option<bool> {
    let mut tally = Tally::default();
    let one = |text: &str| {
        let answer = match Ordering::of(path) {
            Ordering::Date => compare_text_as_date(text, clause),
            Ordering::Number => compare_number(text, clause),
            Ordering::Text => Some(compare_text(text, clause)),
        };
        (!text.trim().is_empty(), answer)
    };
    match Shape::of(record.media_type, record.content) {
        Shape::Opaque => return None,
        Shape::Text => {
            if path.name.eq_ignore_ascii_case("BODY") {
                let (is_present, answer) = one(&whole_text(record.content));
                tally.take(is_present, answer);
            }
        }
        Shape::Email => {
            if let Some(text) = email::element(record.content, &path.name) {
                let (is_present, answer) = one(&text);
                tally.take(is_present, answer);
            }
        }
        Shape::Lines(format) => {
            let dialect = format.dialect();
            let named = own_lines(record.content).filter(|line| line.is(&path.name));
            let first = path
                .index
                .map_or(0, |index| index.saturating_sub(1) as usize);
            let count = if path.index.is_some() { 1 } else { usize::MAX };
            let mut zones: Option<Zones> = None;
            for line in named.skip(first).take(count) {
                if !has_types(&line, path) {
                    continue;
                }
                if let Some(text) = component(&line, path, dialect) {
                    let (is_present, answer) = one(&text);
                    tally.take(is_present, answer);
                } else if numbers(path).next().is_some() {
                    // it has no such component
                } else if Ordering::of(path) == Ordering::Date && is_by_value(clause) {
                    let zones = zones.get_or_insert_with(|| Zones::of(record.content, dialect));
                    if line.is_empty() {
                        continue;
                    }
                    for time in zones.times(&line, dialect) {
                        tally.take(true, time.and_then(|time| compare_date(time, clause)));
                    }
                } else {
                    let text = line.text(dialect);
                    let (is_present, answer) = one(&text);
                    tally.take(is_present, answer);
                    if positive(clause.operator) == Operator::Eq
                        && STRUCTURED.iter().any(|name| line.is(name))
                    {
                        let text = line.escaped_text(dialect);
                        let equal = parts(&text, ';', dialect)
                            .flat_map(|part| parts(part, ',', dialect))
                            .any(|part| compare_text(unescape(part, dialect).trim(), clause));
                        tally.take(false, Some(equal));
                    }
                }
            }
        }
    }
    tally.conclude(clause)
}

/// Whether dates and numbers count here; what is contained is text.
fn is_by_value(clause: &Clause) -> bool {
    positive(clause.operator) != Operator::Con
}

fn numbers(path: &PropertyPath) -> impl Iterator<Item = usize> {
    path.parts.iter().filter_map(|part| part.parse().ok())
}

/// Whether a line is of all the types that a path names.
fn has_types(line: &Line<'_>, path: &PropertyPath) -> bool {
    let mut named = path
        .parts
        .iter()
        .filter(|part| part.parse::<usize>().is_err());
    named.all(|part| {
        line.types()
            .any(|found| found.eq_ignore_ascii_case(part.as_bytes()))
    })
}

/// The component that the numbers of a path choose; the second number chooses in the list that
/// the first one leads to.
fn component(line: &Line<'_>, path: &PropertyPath, dialect: Dialect) -> Option<String> {
    let whole = line.escaped_text(dialect);
    let mut text: &str = &whole;
    let mut separators = [';', ','].into_iter();
    let mut is_part = false;
    for number in numbers(path) {
        text = parts(text, separators.next()?, dialect).nth(number.checked_sub(1)?)?;
        is_part = true;
    }
    is_part.then(|| unescape(text, dialect).trim().to_owned())
}

fn folded<'t>(text: &'t str, clause: &Clause) -> Cow<'t, str> {
    if clause.ignore_case {
        Cow::Owned(text.to_lowercase())
    } else {
        Cow::Borrowed(text)
    }
}

fn same(a: &str, b: &str, clause: &Clause) -> bool {
    folded(a, clause) == folded(b, clause)
}

fn compare_text(found: &str, clause: &Clause) -> bool {
    let Value::Text(wanted) = &clause.value else {
        return false;
    };
    let (found, wanted) = (folded(found, clause), folded(wanted, clause));
    match positive(clause.operator) {
        Operator::Gt => found > wanted,
        Operator::Ge => found >= wanted,
        Operator::Lt => found < wanted && !found.is_empty(),
        Operator::Le => found <= wanted && !found.is_empty(),
        Operator::Con | Operator::Ncon => found.contains(&*wanted),
        Operator::Eq | Operator::Ne => found == wanted,
    }
}

fn compare_number(found: &str, clause: &Clause) -> Option<bool> {
    let Value::Text(wanted) = &clause.value else {
        return Some(false);
    };
    let Some(wanted) = wanted
        .trim()
        .parse::<f64>()
        .ok()
        .filter(|_| is_by_value(clause))
    else {
        return Some(compare_text(found, clause));
    };
    if found.trim().is_empty() {
        return Some(false);
    }
    let order = found.trim().parse::<f64>().ok()?.partial_cmp(&wanted)?;
    Some(match positive(clause.operator) {
        Operator::Gt => order.is_gt(),
        Operator::Ge => order.is_ge(),
        Operator::Lt => order.is_lt(),
        Operator::Le => order.is_le(),
        _ => order.is_eq(),
    })
}

fn compare_text_as_date(found: &str, clause: &Clause) -> Option<bool> {
    if !is_by_value(clause) {
        return Some(compare_text(found, clause));
    }
    if found.trim().is_empty() {
        return Some(false);
    }
    compare_date(Time::read(found)?, clause)
}

/// Compares by instant, or by what a clock shows if neither side tells its place.
fn compare_date(found: Time, clause: &Clause) -> Option<bool> {
    let Value::Text(wanted) = &clause.value else {
        return Some(false);
    };
    let wanted = Time::read(wanted)?;
    let length = if wanted.is_date { DAY - 1 } else { 0 };
    let (found, wanted) = match (found.local, wanted.local) {
        (Some(found), Some(wanted)) => ((found, found), (wanted, wanted)),
        _ => (
            (found.earliest, found.latest),
            (wanted.earliest, wanted.latest),
        ),
    };
    let begin = wanted;
    let end = (wanted.0 + length, wanted.1 + length);
    // is `a` certainly below `b`, certainly not, or is there no knowing?
    let below = |a: (i64, i64), b: (i64, i64)| {
        if a.1 < b.0 {
            Some(true)
        } else if a.0 >= b.1 {
            Some(false)
        } else {
            None
        }
    };
    let not = |answer: Option<bool>| answer.map(|answer| !answer);
    let is_before = below(found, begin);
    let is_after = below(end, found);
    match positive(clause.operator) {
        Operator::Gt => is_after,
        Operator::Ge => not(is_before),
        Operator::Lt => is_before,
        Operator::Le => not(is_after),
        _ => match (is_before, is_after) {
            (Some(false), Some(false)) => Some(true),
            (Some(true), _) | (_, Some(true)) => Some(false),
            _ => None,
        },
    }
}
