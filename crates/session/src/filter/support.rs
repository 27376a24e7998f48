//! What filters the server offers: the same knowledge refuses a query and announces what would
//! not be refused (Device Information, Filter-Rx and FilterCap).

use pim::Format;
use syncml::devinf::{ContentType, FilterCapability};

use super::query::{Clause, Operator, PropertyPath, Query, Subject, Value};
use super::{FilterError, GRAMMAR};
use crate::store::DatastoreKind;

/// What a query can look into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// Content lines.
    Lines(Format),
    /// Plain text, which is one property, `BODY`.
    Text,
    /// The email object of OMA DS.
    Email,
    /// Nothing is known of its inside.
    Opaque,
}

impl Shape {
    pub(super) fn of(media_type: &str, content: &[u8]) -> Self {
        if media_type.to_ascii_lowercase().contains("omads-email") {
            return Self::Email;
        }
        match Format::of(media_type, content) {
            None => Self::Opaque,
            Some(Format::Text) => Self::Text,
            Some(format) => Self::Lines(format),
        }
    }
}

/// How the values of a property are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ordering {
    Date,
    Number,
    Text,
}

const DATES: [&str; 16] = [
    "DTSTART",
    "DTEND",
    "DUE",
    "COMPLETED",
    "CREATED",
    "DCREATED",
    "DTSTAMP",
    "LAST-MODIFIED",
    "RECURRENCE-ID",
    "RDATE",
    "EXDATE",
    "BDAY",
    "ANNIVERSARY",
    "REV",
    "RECEIVED",
    "MODIFIED",
];

const NUMBERS: [&str; 4] = ["PRIORITY", "PERCENT-COMPLETE", "SEQUENCE", "RNUM"];

/// Elements of the email object that are a property.
const EMAIL: [&str; 8] = [
    "read",
    "forwarded",
    "replied",
    "received",
    "created",
    "modified",
    "deleted",
    "flagged",
];

impl Ordering {
    pub(super) fn of(property: &PropertyPath) -> Self {
        let is_in = |names: &[&str]| names.iter().any(|n| n.eq_ignore_ascii_case(&property.name));
        if is_in(&DATES) {
            Self::Date
        } else if is_in(&NUMBERS) {
            Self::Number
        } else {
            Self::Text
        }
    }

    fn can_read(self, text: &str) -> bool {
        match self {
            Self::Date => pim::Time::read(text).is_some(),
            Self::Number => text.trim().parse::<f64>().is_ok_and(f64::is_finite),
            Self::Text => true,
        }
    }
}

impl Query {
    /// Whether every clause means something for records of this media type.
    ///
    /// # Errors
    ///
    /// [`FilterError::Unsupported`] for a keyword or property that cannot be evaluated there, or
    /// not with its operator; [`FilterError::Value`] for a value that is no date or number where
    /// the property is one.
    pub fn check(&self, media_type: &str) -> Result<(), FilterError> {
        match self {
            Self::Clause(clause) => check(clause, Shape::of(media_type, b"")),
            Self::All(queries) | Self::Any(queries) => {
                queries.iter().try_for_each(|query| query.check(media_type))
            }
        }
    }

    /// Whether every clause means something for a datastore of this kind: for the type that it
    /// prefers. In its records of other types, what cannot be evaluated holds.
    ///
    /// # Errors
    ///
    /// Those of [`Self::check`].
    pub fn check_for(&self, datastore: DatastoreKind) -> Result<(), FilterError> {
        let preferred = datastore.content_types().first();
        self.check(preferred.map_or("", |(media_type, _)| media_type))
    }
}

fn check(clause: &Clause, shape: Shape) -> Result<(), FilterError> {
    use Operator as O;
    let is_supported = match &clause.subject {
        Subject::Luid => true,
        Subject::Since | Subject::Before => clause.operator == O::Eq,
        Subject::Unseen => shape == Shape::Email && matches!(clause.operator, O::Eq | O::Ne),
        Subject::Group => {
            matches!(shape, Shape::Lines(_))
                && matches!(clause.operator, O::Eq | O::Ne | O::Con | O::Ncon)
        }
        Subject::Property(path) => {
            let is = |name: &str| path.name.eq_ignore_ascii_case(name);
            let is_whole = path.index.is_none() && path.parts.is_empty();
            match shape {
                Shape::Lines(_) => true,
                Shape::Text => is_whole && is("BODY"),
                Shape::Email => is_whole && EMAIL.into_iter().any(is),
                Shape::Opaque => false,
            }
        }
    };
    if !is_supported {
        return Err(FilterError::Unsupported {
            clause: clause.to_string(),
        });
    }
    if let (Subject::Property(path), Value::Text(text)) = (&clause.subject, &clause.value)
        && !matches!(clause.operator, O::Con | O::Ncon)
        && !text.is_empty()
        && !Ordering::of(path).can_read(text)
    {
        return Err(FilterError::Value {
            clause: clause.to_string(),
        });
    }
    Ok(())
}

/// The `Filter-Rx` and `FilterCap` of a datastore: the grammar, and the keywords and properties
/// that mean something in the content type that it prefers. Other properties of a card or
/// calendar object can be asked for too; those listed are the ones that a person would.
// spec: L15
pub fn announced(kind: DatastoreKind) -> (Vec<ContentType>, Vec<FilterCapability>) {
    let (keywords, properties): (&[&str], &[&str]) = match kind {
        DatastoreKind::Contacts => (
            &["SINCE", "BEFORE", "GROUP"],
            &[
                "N",
                "FN",
                "ORG",
                "TITLE",
                "TEL",
                "EMAIL",
                "ADR",
                "BDAY",
                "NOTE",
                "CATEGORIES",
            ],
        ),
        DatastoreKind::Calendar => (
            &["SINCE", "BEFORE", "GROUP"],
            &[
                "SUMMARY",
                "DESCRIPTION",
                "LOCATION",
                "DTSTART",
                "DTEND",
                "CLASS",
                "CATEGORIES",
            ],
        ),
        DatastoreKind::Tasks => (
            &["SINCE", "BEFORE", "GROUP"],
            &[
                "SUMMARY",
                "DESCRIPTION",
                "DUE",
                "COMPLETED",
                "STATUS",
                "PRIORITY",
                "CATEGORIES",
            ],
        ),
        DatastoreKind::Notes => (&["SINCE", "BEFORE"], &["BODY"]),
        DatastoreKind::Mail => (&["SINCE", "BEFORE", "UNSEEN"], &EMAIL),
        DatastoreKind::Files => (&["SINCE", "BEFORE"], &[]),
    };
    let grammar = ContentType {
        media_type: GRAMMAR.to_owned(),
        version: "1.0".to_owned(),
    };
    let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
    let capability = FilterCapability {
        content_type: grammar.clone(),
        keywords: owned(keywords),
        properties: owned(properties),
    };
    (vec![grammar], vec![capability])
}
