//! Filters: which records and which of their properties a client wants (DS Protocol, filtering).
//!
//! A filter comes in the alert of a session of 1.2, or in the address of the datastore before
//! that ([`Address`]); it holds for that session alone.
//!
//! ```text
//! syncml::Filter ─▶ Filter::read ─▶ Filter { Query, Fields } ─▶ matches(Record), reduce(content)
//! address?query  ─▶ Address::split ─▶ Query, Options
//! ```
//!
//! What is refused says with which status ([`FilterError::status`]); what is accepted evaluates.
//! In doubt a record matches, since a client may delete what does not.

mod address;
mod email;
mod fields;
mod matching;
mod parse;
mod period;
mod query;
mod support;

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use syncml::devinf::Property;
use syncml::{Data, Item, Location, Meta, StatusCode};

pub use address::{Address, Options};
pub use fields::{FieldParameter, FieldProperty, Fields};
pub use matching::Record;
pub use query::{Clause, Operator, PropertyPath, Query, Subject, Value};
pub use support::announced;

use crate::content::content_of;
use crate::store::DatastoreKind;

/// The grammar of queries, as `Filter-Rx` and the `Type` of a `Record` name it.
pub const GRAMMAR: &str = "syncml:filtertype-cgi";

/// The longest query that is read, in bytes.
pub const MAX_BYTES: usize = 8192;

/// The most clauses of a query: each is a look through the record.
pub const MAX_CLAUSES: usize = 64;

/// How deep parentheses of a query are followed.
pub const MAX_DEPTH: usize = 16;

/// The most properties of a field filter.
pub const MAX_PROPERTIES: usize = 512;

/// The media type of device information, in which a field filter is written.
const DEVINF: &str = "application/vnd.syncml-devinf+xml";

/// Why a filter is refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FilterError {
    /// `FilterType` is none of the standard's.
    #[error("filter type {filter_type:?} is not supported")]
    FilterType {
        /// As the client wrote it.
        filter_type: String,
    },
    /// The datastore holds nothing of the type to be filtered.
    #[error("the datastore holds no {media_type:?}")]
    MediaType {
        /// As the client wrote it.
        media_type: String,
    },
    /// The grammar of the query is not known.
    #[error("query grammar {grammar:?} is not known")]
    Grammar {
        /// As the client wrote it.
        grammar: String,
    },
    /// The query is not of the grammar.
    #[error("query at byte {at}: {what}")]
    Syntax {
        /// Bytes from the first that is no blank.
        at: usize,
        /// What is wrong there.
        what: &'static str,
    },
    /// The query or the list of properties exceeds a limit.
    #[error("more than {limit} {what}")]
    TooLong {
        /// What there is too much of.
        what: &'static str,
        /// How much there may be.
        limit: usize,
    },
    /// A keyword or property that means nothing for the datastore, or not so compared.
    #[error("{clause:?} is not supported here")]
    Unsupported {
        /// The clause.
        clause: String,
    },
    /// A date or number is wanted and is none.
    #[error("{clause:?} compares with what is no date or number")]
    Value {
        /// The clause.
        clause: String,
    },
    /// An option of an address that is not known, or not understood.
    #[error("option {option:?} of the address is not supported")]
    Option {
        /// As the client wrote it.
        option: String,
    },
    /// The query is in an encoding that cannot be undone.
    #[error("the query cannot be decoded")]
    Encoding,
    /// The list of properties cannot be read.
    #[error("field filter: {0}")]
    Fields(#[from] syncml::Error),
}

impl FilterError {
    /// The status that the alert gets (DS Protocol, filtering; Representation, status codes).
    // spec: L02 L09 L11
    pub fn status(&self) -> StatusCode {
        match self {
            Self::FilterType { .. } | Self::Unsupported { .. } | Self::Option { .. } => {
                StatusCode::NOT_SUPPORTED
            }
            Self::MediaType { .. } => StatusCode::UNSUPPORTED_TYPE,
            Self::Grammar { .. } => StatusCode::UNKNOWN_GRAMMAR,
            Self::Syntax { .. } | Self::TooLong { .. } | Self::Value { .. } | Self::Encoding => {
                StatusCode::BAD_CGI
            }
            Self::Fields(_) => StatusCode::BAD_REQUEST,
        }
    }

    /// What the `Data` of the status's item says: the part that was refused, as the client wrote
    /// it. A filter type has to be named so; the rest helps.
    pub fn detail(&self) -> Option<&str> {
        match self {
            Self::FilterType { filter_type: text }
            | Self::MediaType { media_type: text }
            | Self::Grammar { grammar: text }
            | Self::Unsupported { clause: text }
            | Self::Value { clause: text }
            | Self::Option { option: text } => Some(text),
            _ => None,
        }
    }
}

/// What becomes of records outside of a filter (`FilterType`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// They are to go from the client, where nothing but what matches stays.
    #[default]
    Exclusive,
    /// The client keeps those that it has, and hears of their changes.
    Inclusive,
}

impl Kind {
    /// Its name in `FilterType`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Exclusive => "EXCLUSIVE",
            Self::Inclusive => "INCLUSIVE",
        }
    }
}

/// What a client wants of a datastore in this session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Filter {
    /// The content type that it is about; empty for all that the datastore holds.
    pub media_type: String,
    /// What becomes of the records outside.
    #[serde(default)]
    pub kind: Kind,
    /// Which records; all without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record: Option<Query>,
    /// Which of their properties; all without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fields: Option<Fields>,
}

impl Filter {
    /// Reads the filter of an alert's target, for a datastore of this kind. `None` for a filter with neither a query nor properties: the session goes on without.
    ///
    /// # Errors
    ///
    /// When it has to be refused, with [`FilterError::status`] on the alert.
    // spec: L02 L03 L05 L09 L11
    pub fn read(
        filter: &syncml::Filter<'_>,
        datastore: DatastoreKind,
    ) -> Result<Option<Self>, FilterError> {
        if filter.record.is_none() && filter.field.is_none() {
            return Ok(None);
        }
        let kind = match filter.filter_type.as_deref().map(str::trim) {
            None | Some("") => Kind::default(),
            Some(name) => [Kind::Exclusive, Kind::Inclusive]
                .into_iter()
                .find(|kind| kind.name().eq_ignore_ascii_case(name))
                .ok_or_else(|| FilterError::FilterType {
                    filter_type: name.to_owned(),
                })?,
        };
        let media_type = type_of(filter.meta.as_ref()).to_owned();
        let mut types = datastore.content_types().iter();
        let is_held = types.any(|(held, _)| pim::media::same_media(held, &media_type));
        if !media_type.is_empty() && !is_held {
            return Err(FilterError::MediaType { media_type });
        }
        let record = match &filter.record {
            Some(item) => read_record(item)?,
            None => None,
        };
        match &record {
            Some(query) if media_type.is_empty() => query.check_for(datastore)?,
            Some(query) => query.check(&media_type)?,
            None => {}
        }
        let fields = match &filter.field {
            Some(item) => read_fields(item)?,
            None => None,
        };
        let is_empty = record.is_none() && fields.is_none();
        Ok((!is_empty).then_some(Self {
            media_type,
            kind,
            record,
            fields,
        }))
    }

    /// The filter of an address, about all that a datastore of this kind holds, at `now` (seconds
    /// since 1970, UTC). `None` if nothing there chooses records. The options that do not are for
    /// the caller to keep or to refuse.
    ///
    /// # Errors
    ///
    /// Those of [`Query::check`].
    // spec: L17
    pub fn of_address(
        address: &Address<'_>,
        datastore: DatastoreKind,
        now: i64,
    ) -> Result<Option<Self>, FilterError> {
        let Some(query) = address.query_at(now) else {
            return Ok(None);
        };
        query.check_for(datastore)?;
        Ok(Some(Self {
            media_type: String::new(),
            kind: Kind::default(),
            record: Some(query),
            fields: None,
        }))
    }

    /// The filter as a client writes it into the target of its alert.
    pub fn to_syncml(&self) -> syncml::Filter<'static> {
        let typed = |media_type: &str| Meta {
            media_type: Some(media_type.to_owned().into()),
            ..Meta::default()
        };
        let item = |media_type: &str, data: String| Item {
            meta: Some(typed(media_type)),
            data: Some(Data::text(data)),
            ..Item::default()
        };
        syncml::Filter {
            meta: Some(typed(&self.media_type)),
            field: self
                .fields
                .as_ref()
                .map(|fields| item(DEVINF, fields.to_markup())),
            record: self
                .record
                .as_ref()
                .map(|query| item(GRAMMAR, query.to_string())),
            filter_type: Some(self.kind.name().into()),
        }
    }

    /// The address of a datastore with this filter.
    pub fn target(&self, uri: &str) -> Location<'static> {
        Location {
            filter: Some(Box::new(self.to_syncml())),
            ..Location::new(uri.to_owned())
        }
    }

    /// Whether the filter is about records of this kind: a filter on one calendar format is about
    /// the other too, since the datastore turns one into the other. Folders are outside of any
    /// filter but one on folders: what is in them has to have its place.
    pub fn applies_to(&self, media_type: &str, content: &[u8]) -> bool {
        use pim::Kind as K;
        let group = |kind| match kind {
            K::Event | K::Task | K::Journal => K::Event,
            other => other,
        };
        if pim::media::is_folder(media_type) {
            return pim::media::is_folder(&self.media_type);
        }
        if self.media_type.is_empty() || pim::media::same_media(&self.media_type, media_type) {
            return true;
        }
        let wanted = group(pim::media::kind_of_media_type(&self.media_type));
        wanted != K::Other && wanted == group(pim::media::kind_of(media_type, content))
    }

    /// Whether a record is inside the filter. Records of other kinds are.
    pub fn matches(&self, record: &Record<'_>) -> bool {
        match &self.record {
            Some(query) if self.applies_to(record.media_type, record.content) => {
                query.matches(record)
            }
            _ => true,
        }
    }

    /// A record's content with the wanted properties alone; see [`Fields::reduce`].
    // spec: L04
    pub fn reduce<'c>(&self, media_type: &str, content: &'c [u8]) -> Cow<'c, [u8]> {
        match &self.fields {
            Some(fields) if self.applies_to(media_type, content) => {
                Cow::Owned(fields.reduce(media_type, content))
            }
            _ => Cow::Borrowed(content),
        }
    }
}

fn type_of<'m>(meta: Option<&'m Meta<'_>>) -> &'m str {
    meta.and_then(|meta| meta.media_type.as_deref())
        .map_or("", str::trim)
}

fn read_record(item: &Item<'_>) -> Result<Option<Query>, FilterError> {
    let grammar = type_of(item.meta.as_ref());
    // the second spelling stands in texts that implementers have read
    let is_known = [GRAMMAR, "syncml::filtertype-cgi", ""]
        .iter()
        .any(|name| name.eq_ignore_ascii_case(grammar));
    if !is_known {
        return Err(FilterError::Grammar {
            grammar: grammar.to_owned(),
        });
    }
    let none = Meta::default();
    let bytes =
        content_of(item, item.meta.as_ref().unwrap_or(&none)).ok_or(FilterError::Encoding)?;
    let text = String::from_utf8_lossy(&bytes);
    if text.trim().is_empty() {
        return Ok(None);
    }
    Ok(Some(Query::parse(&text)?))
}

fn read_fields(item: &Item<'_>) -> Result<Option<Fields>, FilterError> {
    let media_type = type_of(item.meta.as_ref());
    if !media_type.is_empty() && !media_type.to_ascii_lowercase().contains("devinf") {
        return Err(FilterError::MediaType {
            media_type: media_type.to_owned(),
        });
    }
    let Some(data) = &item.data else {
        return Ok(None);
    };
    // a list of nothing would leave nothing
    Fields::of(&Property::read_list(data)?)
}

/// The value of a flag.
fn truth(text: &str) -> Option<bool> {
    let is_in = |names: [&str; 4]| names.iter().any(|n| n.eq_ignore_ascii_case(text.trim()));
    if is_in(["true", "1", "yes", "t"]) {
        Some(true)
    } else if is_in(["false", "0", "no", "f"]) {
        Some(false)
    } else {
        None
    }
}

#[cfg(test)]
mod tests;
