//! The grammar `syncml:filtertype-cgi` (DS Protocol, filtering; Representation, CGI queries): what
//! a query says, as a value, and its text.
//!
//! ```text
//! query    = term *( "&OR;" term )
//! term     = factor *( "&AND;" factor )
//! factor   = clause / "(" query ")"
//! clause   = ( keyword / "&" keyword ";" / property / "&LUID;" ) operator value
//! property = name [ "[" n "]" ] *( "." part )
//! value    = text with %HH escapes / "&NULL;"
//! ```
//!
//! AND binds tighter than OR. Some readers go from left to right and know no parentheses, so a
//! query that mixes the two is written with parentheses, and any other without.

use std::fmt;

use super::FilterError;
use super::parse;

/// What a record must be like. Its text is its serialized form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Query {
    /// One comparison.
    Clause(Clause),
    /// All of these; see [`Query::all`].
    All(Vec<Self>),
    /// At least one of these; see [`Query::any`].
    Any(Vec<Self>),
}

/// One comparison: a subject, an operator and a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clause {
    /// What is compared.
    pub subject: Subject,
    /// How.
    pub operator: Operator,
    /// Whether upper and lower case are the same (`&iEQ;` and its kin).
    pub ignore_case: bool,
    /// With what.
    pub value: Value,
}

/// What a clause compares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// `&LUID;`: the client's identifier of the item.
    Luid,
    /// `SINCE`: the time given, or later.
    Since,
    /// `BEFORE`: earlier than the time given.
    Before,
    /// `UNSEEN`: whether a message is unread.
    Unseen,
    /// `GROUP`: a category that the record is in.
    Group,
    /// A property of the record.
    Property(PropertyPath),
}

/// A property, or a part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PropertyPath {
    /// Its name: letters, digits, `-` and `_`; compared in any case.
    pub name: String,
    /// Which occurrence, from 1; without it, any.
    pub index: Option<u32>,
    /// Parts: a number from 1 chooses a component of a structured value (`N.1` is the family
    /// name); anything else, the occurrences of that type (`TEL.CELL`).
    pub parts: Vec<String>,
}

/// A comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "each is the name that it has in the grammar")]
pub enum Operator {
    Eq,
    Ne,
    Gt,
    Ge,
    Lt,
    Le,
    /// Contains.
    Con,
    /// Does not contain.
    Ncon,
}

impl Operator {
    /// All of them, with their names.
    pub const ALL: [(Self, &'static str); 8] = [
        (Self::Eq, "EQ"),
        (Self::Ne, "NE"),
        (Self::Gt, "GT"),
        (Self::Ge, "GE"),
        (Self::Lt, "LT"),
        (Self::Le, "LE"),
        (Self::Con, "CON"),
        (Self::Ncon, "NCON"),
    ];

    /// Its name, as it stands between `&` and `;`.
    pub fn name(self) -> &'static str {
        let found = Self::ALL.iter().find(|(operator, _)| *operator == self);
        found.map_or("", |(_, name)| name)
    }
}

/// What a clause compares with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// `&NULL;`: absent or empty.
    Null,
    /// A text, its escapes undone.
    Text(String),
}

impl Query {
    /// Reads a query.
    ///
    /// # Errors
    ///
    /// [`FilterError::Syntax`] for what the grammar does not allow, [`FilterError::TooLong`]
    /// beyond [`MAX_BYTES`](super::MAX_BYTES), [`MAX_CLAUSES`](super::MAX_CLAUSES) or
    /// [`MAX_DEPTH`](super::MAX_DEPTH). Whether the keywords and properties mean anything for a
    /// datastore is the question of [`Query::check`].
    pub fn parse(text: &str) -> Result<Self, FilterError> {
        parse::query(text)
    }

    /// A query that holds if all of these do, kept flat.
    pub fn all(queries: impl IntoIterator<Item = Self>) -> Self {
        let mut flat = Vec::new();
        for query in queries {
            match query {
                Self::All(inner) => flat.extend(inner),
                other => flat.push(other),
            }
        }
        single(flat, Self::All)
    }

    /// A query that holds if at least one of these does, kept flat.
    pub fn any(queries: impl IntoIterator<Item = Self>) -> Self {
        let mut flat = Vec::new();
        for query in queries {
            match query {
                Self::Any(inner) => flat.extend(inner),
                other => flat.push(other),
            }
        }
        single(flat, Self::Any)
    }
}

fn single(mut flat: Vec<Query>, many: fn(Vec<Query>) -> Query) -> Query {
    match flat.pop() {
        Some(only) if flat.is_empty() => only,
        last => {
            flat.extend(last);
            many(flat)
        }
    }
}

impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (queries, between) = match self {
            Self::Clause(clause) => return clause.fmt(f),
            Self::All(queries) => (queries, "&AND;"),
            Self::Any(queries) => (queries, "&OR;"),
        };
        for (at, query) in queries.iter().enumerate() {
            if at > 0 {
                f.write_str(between)?;
            }
            match query {
                Self::Clause(clause) => clause.fmt(f)?,
                group => write!(f, "({group})")?,
            }
        }
        Ok(())
    }
}

impl fmt::Display for Clause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.subject {
            Subject::Luid => f.write_str("&LUID;")?,
            Subject::Since => f.write_str("SINCE")?,
            Subject::Before => f.write_str("BEFORE")?,
            Subject::Unseen => f.write_str("UNSEEN")?,
            Subject::Group => f.write_str("GROUP")?,
            Subject::Property(path) => path.fmt(f)?,
        }
        let case = if self.ignore_case { "i" } else { "" };
        write!(f, "&{case}{};{}", self.operator.name(), self.value)
    }
}

impl fmt::Display for PropertyPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        if let Some(index) = self.index {
            write!(f, "[{index}]")?;
        }
        self.parts.iter().try_for_each(|part| write!(f, ".{part}"))
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::Null => return f.write_str("&NULL;"),
            Self::Text(text) => text,
        };
        for byte in text.bytes() {
            match byte {
                b'-' | b'_' | b'.' | b'~' | b':' | b'/' | b'@' | b',' => {
                    write!(f, "{}", char::from(byte))?;
                }
                _ if byte.is_ascii_alphanumeric() => write!(f, "{}", char::from(byte))?,
                _ => write!(f, "%{byte:02X}")?,
            }
        }
        Ok(())
    }
}

impl serde::Serialize for Query {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Query {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}
