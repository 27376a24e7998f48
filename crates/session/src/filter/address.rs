//! The filter in the address of a datastore, as SyncML 1.0 and 1.1 have it: a query behind a `?`,
//! or the options that libsynthesis made up for the same place.

use super::{FilterError, Query};

const DAY: i64 = 86_400;

/// The address of a datastore, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address<'u> {
    /// The address without what follows the `?`.
    pub uri: &'u str,
    /// The query, if there is one.
    pub query: Option<Query>,
    /// The options.
    pub options: Options,
}

/// Options of an address: `/dr(-30,90)/li(2000)/na`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Options {
    /// `/dr(a,b)`: from so many days after now to so many; both may be negative.
    pub days: Option<(i64, i64)>,
    /// `/li(n)`: the size of a record, in bytes.
    pub max_size: Option<u64>,
    /// `/fi(query)`, or `/tf(query)`.
    pub query: Option<Query>,
    /// `/na`: no attachments.
    pub no_attachments: bool,
    /// `/max(n)`: how many records.
    pub max_records: Option<u64>,
}

impl<'u> Address<'u> {
    /// Takes an address apart. What starts with `/` behind the `?` is options, anything else a
    /// query; an empty one is none.
    ///
    /// # Errors
    ///
    /// [`FilterError::Option`] for an option that is not known, and the errors of
    /// [`Query::parse`]. A server that goes on all the same takes the text before the `?`.
    // spec: L17
    pub fn split(uri: &'u str) -> Result<Self, FilterError> {
        let (uri, rest) = uri.trim().split_once('?').unwrap_or((uri.trim(), ""));
        let mut address = Self {
            uri,
            query: None,
            options: Options::default(),
        };
        let rest = rest.trim();
        if rest.starts_with('/') {
            address.options = Options::parse(rest)?;
        } else if !rest.is_empty() {
            address.query = Some(Query::parse(rest)?);
        }
        Ok(address)
    }

    /// Everything that chooses records, as one query: the query, that of `/fi`, and the range of
    /// days around `now` (seconds since 1970, UTC).
    pub fn query_at(&self, now: i64) -> Option<Query> {
        let days = self.options.days.map(|days| range(now, days));
        let queries: Vec<Query> = [self.query.clone(), self.options.query.clone()]
            .into_iter()
            .flatten()
            .chain(days)
            .collect();
        (!queries.is_empty()).then(|| Query::all(queries))
    }
}

impl Options {
    fn parse(text: &str) -> Result<Self, FilterError> {
        let mut options = Self::default();
        let mut rest = text;
        while let Some(option) = rest.strip_prefix('/') {
            let length = end_of(option);
            let (option, after) = option.split_at_checked(length).unwrap_or((option, ""));
            rest = after;
            if option.is_empty() {
                continue;
            }
            options.take(option)?;
        }
        Ok(options)
    }

    fn take(&mut self, option: &str) -> Result<(), FilterError> {
        let refused = || FilterError::Option {
            option: option.to_owned(),
        };
        let (name, argument) = match option.split_once('(') {
            Some((name, rest)) => (name, rest.strip_suffix(')').ok_or_else(refused)?),
            None => (option, ""),
        };
        let number = || argument.trim().parse().map_err(|_| refused());
        match name.to_ascii_lowercase().as_str() {
            "dr" => {
                let day = |text: &str| text.trim().parse::<i32>().ok().map(i64::from);
                let days = argument.split_once(',');
                let days = days.and_then(|(from, to)| Some((day(from)?, day(to)?)));
                self.days = Some(days.ok_or_else(refused)?);
            }
            "li" => self.max_size = Some(number()?),
            "max" => self.max_records = Some(number()?),
            "fi" | "tf" => {
                let query = Query::parse(argument)?;
                let both = self.query.take().into_iter().chain([query]);
                self.query = Some(Query::all(both));
            }
            "na" if argument.is_empty() => self.no_attachments = true,
            _ => return Err(refused()),
        }
        Ok(())
    }
}

/// The length of the option that a text starts with: up to the `/` outside of parentheses.
fn end_of(text: &str) -> usize {
    let mut open = 0_usize;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'(' => open += 1,
            b')' => open = open.saturating_sub(1),
            b'/' if open == 0 => return at,
            _ => {}
        }
    }
    text.len()
}

fn range(now: i64, (from, to): (i64, i64)) -> Query {
    use super::{Clause, Operator, Subject, Value};
    let clause = |subject, days: i64| {
        let at = now.saturating_add(days.saturating_mul(DAY));
        Query::Clause(Clause {
            subject,
            operator: Operator::Eq,
            ignore_case: false,
            // before the year 1 and after 9999 there are no dates
            value: Value::Text(crate::clock::basic_utc(
                at.clamp(-62_135_596_800, 253_402_300_799),
            )),
        })
    };
    Query::all([clause(Subject::Since, from), clause(Subject::Before, to)])
}
