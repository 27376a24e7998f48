//! Which records a device wants, and which of their properties: filters that change between
//! sessions.

use fastrand::Rng;
use session::filter::{FieldProperty, Fields, Filter, Kind, Query, Record};
use session::store::{DatastoreKind, StoredItem};

use crate::items::SECOND_ADDRESS;

/// The property that has a record's version in it, which every edit changes.
const fn versioned(kind: DatastoreKind) -> Option<&'static str> {
    match kind {
        DatastoreKind::Contacts => Some("TEL"),
        DatastoreKind::Calendar => Some("LOCATION"),
        _ => None,
    }
}

/// The property that a remark is in.
pub(crate) const fn remark(kind: DatastoreKind) -> &'static str {
    match kind {
        DatastoreKind::Contacts => "NOTE",
        _ => "DESCRIPTION",
    }
}

/// Properties of a record but for its remark.
pub(crate) const fn without_remark(kind: DatastoreKind) -> &'static [&'static str] {
    match kind {
        DatastoreKind::Contacts => &["VERSION", "N", "FN", "EMAIL", "TEL", "REV"],
        _ => &["VERSION", "UID", "DTSTART", "SUMMARY", "LOCATION"],
    }
}

/// Whether a datastore's records can be filtered.
pub(crate) const fn can_filter(kind: DatastoreKind) -> bool {
    versioned(kind).is_some()
}

/// Another filter, or none: records with some digit in their version, or some that the device has
/// already. `fields` allows one that leaves out the remarks, `inclusive` one that leaves the device
/// what it has.
pub(crate) fn another(
    kind: DatastoreKind,
    fields: bool,
    inclusive: bool,
    rng: &mut Rng,
) -> Option<Filter> {
    let property = versioned(kind)?;
    let digit = rng.u8(..10);
    let query = match rng.u8(..8) {
        0..4 => Some(format!("{property}&CON;{digit}")),
        4 => Some(format!("&LUID;&NE;{digit}")),
        5 => Some(format!("&LUID;&EQ;{digit}&OR;{property}&CON;{digit}")),
        _ => None,
    };
    let kind_of_filter = if rng.u8(..4) == 0 && inclusive {
        Kind::Inclusive
    } else {
        Kind::Exclusive
    };
    filter(kind, query, fields && rng.bool(), kind_of_filter)
}

/// The filter with which all gets quiet, which is none of the others.
pub(crate) fn last(kind: DatastoreKind, fields: bool, rng: &mut Rng) -> Option<Filter> {
    let property = versioned(kind)?;
    let digit = rng.u8(..5);
    let query = match rng.u8(..4) {
        0 => return None,
        _ => format!("{property}&CON;{digit}&OR;{property}&CON;{}", digit + 5),
    };
    filter(kind, Some(query), fields && rng.bool(), Kind::Exclusive)
}

fn filter(
    datastore: DatastoreKind,
    query: Option<String>,
    in_part: bool,
    kind: Kind,
) -> Option<Filter> {
    let record = query.and_then(|query| Query::parse(&query).ok());
    let properties = without_remark(datastore).iter();
    let fields = in_part.then(|| Fields {
        properties: properties
            .map(|name| FieldProperty {
                name: (*name).to_owned(),
                ..FieldProperty::default()
            })
            .collect(),
    });
    (record.is_some() || in_part).then_some(Filter {
        media_type: String::new(),
        kind,
        record,
        fields,
    })
}

/// Whether an item is inside of a filter that asks for no LUIDs.
pub(crate) fn is_inside(filter: Option<&Filter>, item: &StoredItem) -> bool {
    filter.is_none_or(|filter| {
        filter.matches(&Record {
            media_type: &item.media_type,
            content: &item.content,
            luid: None,
            modified: item.modified,
        })
    })
}

/// Whether a record has its remark.
pub(crate) fn has_remark(content: &str) -> bool {
    content.contains("\nNOTE:") || content.contains("\nDESCRIPTION:")
}

/// A record's new content, by somebody who knows no more of it than `before`.
pub(crate) fn as_known(kind: DatastoreKind, before: &str, newer: String) -> String {
    if !can_filter(kind) {
        return newer;
    }
    let (knows_remark, knows_second) = (has_remark(before), has_second(before));
    let is_remark = |line: &str| line.starts_with("NOTE:") || line.starts_with("DESCRIPTION:");
    let lines = newer.split_inclusive('\n');
    lines
        .filter(|line| knows_remark || !is_remark(line))
        .filter(|line| knows_second || !line.starts_with(SECOND_ADDRESS))
        .collect()
}

/// Whether a contact has both its addresses; other records have one at most.
pub(crate) fn has_second(content: &str) -> bool {
    !content.starts_with("BEGIN:VCARD") || content.contains(SECOND_ADDRESS)
}

/// What a filter leaves of a content.
pub(crate) fn reduced(filter: Option<&Filter>, media_type: &str, content: &str) -> String {
    let Some(filter) = filter else {
        return content.to_owned();
    };
    let left = filter.reduce(media_type, content.as_bytes());
    String::from_utf8_lossy(&left).into_owned()
}
