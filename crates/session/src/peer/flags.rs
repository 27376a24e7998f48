//! The flags: each is one question that the session asks about its peer.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use syncml::devinf::{Parameter, Property};

use super::table::{FlagSet, too_small};

/// A format of items: media type and version, as in device information.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Format {
    /// `CTType`.
    pub media_type: String,
    /// `VerCT`.
    pub version: String,
}

/// A property that a device holds, as a rule lists it in place of device information. What a
/// [`pim::Holding`] says of one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Held {
    /// `PropName`; `*` stands for all that are not listed.
    pub name: String,
    /// `MaxOccur`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub most: Option<u64>,
    /// `MaxSize`, in characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// `NoTruncate`.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub uncut: bool,
    /// `ValEnum`; none listed: any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<String>,
    /// The types that it may have, or with commas their combinations; an empty list: none. Unset:
    /// any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub types: Option<Vec<String>>,
    /// The components of N, ADR or ORG, as devices name them (`LastName`, `Street`); none listed:
    /// all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<String>,
}

impl Held {
    /// As device information says it.
    pub(super) fn listed(&self) -> Property {
        let types = self.types.as_ref().map(|types| Parameter {
            name: "TYPE".to_owned(),
            // a parameter without values may have any
            values: if types.is_empty() {
                vec![String::new()]
            } else {
                types.clone()
            },
            ..Parameter::default()
        });
        let parts = self.parts.iter().map(|part| Parameter {
            name: part.clone(),
            ..Parameter::default()
        });
        Property {
            name: self.name.clone(),
            max_occur: self.most,
            max_size: self.size,
            no_truncate: self.uncut,
            values: self.values.clone(),
            parameters: parts.chain(types).collect(),
            ..Property::default()
        }
    }

    fn mistake(&self) -> Option<String> {
        if self.name.trim().is_empty() {
            return Some("a property needs a name".to_owned());
        }
        let mut parts = self.parts.iter();
        let wrong = parts.find(|part| !pim::names_component(&self.name, part))?;
        Some(format!("{} has no part {wrong}", self.name))
    }
}

/// How a device writes times in the old formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Times {
    /// In UTC, and marked so.
    Utc,
    /// As its own clock shows them.
    Local,
    /// As its own clock shows them, and marked as UTC.
    FalseUtc,
    /// In UTC, without the mark.
    UnmarkedUtc,
}

impl From<Times> for pim::TimeMode {
    fn from(times: Times) -> Self {
        match times {
            Times::Utc => Self::Utc,
            Times::Local => Self::Floating,
            Times::FalseUtc => Self::FalseZ,
            Times::UnmarkedUtc => Self::UtcWithoutZ,
        }
    }
}

/// How a device writes an event of whole days in the old formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AllDay {
    /// From midnight to the midnight after the last day.
    Midnight,
    /// From midnight to 23:59 of the last day.
    Minute,
    /// From midnight to 23:59:59 of the last day.
    Second,
    /// From midnight to 24:00 of the last day.
    Hour24,
    /// From midnight, without an end.
    NoEnd,
    /// From 08:00 to 18:00.
    Daytime,
}

impl From<AllDay> for pim::AllDay {
    fn from(all_day: AllDay) -> Self {
        match all_day {
            AllDay::Midnight => Self::Midnight,
            AllDay::Minute => Self::Minute,
            AllDay::Second => Self::Second,
            AllDay::Hour24 => Self::Hour24,
            AllDay::NoEnd => Self::NoEnd,
            AllDay::Daytime => Self::Daytime,
        }
    }
}

/// How a device writes the end of a series in the old formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RuleEnd {
    /// As the start of the last occurrence.
    Date,
    /// As the start of the last occurrence, as its own clock shows it.
    LocalDate,
    /// As the number of occurrences.
    Count,
}

impl From<RuleEnd> for pim::RuleEnd {
    fn from(rule_end: RuleEnd) -> Self {
        match rule_end {
            RuleEnd::Date => Self::Date,
            RuleEnd::LocalDate => Self::LocalDate,
            RuleEnd::Count => Self::Count,
        }
    }
}

/// How a later rule goes over an earlier one.
pub(super) trait Overlay {
    fn overlay(&mut self, over: &Self);
}

macro_rules! replaced {
    ($($type:ty),*) => {
        $(impl $crate::peer::flags::Overlay for $type {
            fn overlay(&mut self, over: &Self) {
                self.clone_from(over);
            }
        })*
    };
}

pub(super) use replaced;

replaced!(
    bool,
    u64,
    Option<bool>,
    Option<u64>,
    Option<i16>,
    Option<String>,
    Option<Times>,
    Option<AllDay>,
    Option<RuleEnd>,
    BTreeSet<u64>
);

impl<V: Clone> Overlay for BTreeMap<String, V> {
    fn overlay(&mut self, over: &Self) {
        for (name, value) in over {
            self.insert(name.clone(), value.clone());
        }
    }
}

/// Two structures of the same flags: what a rule sets, and what then holds.
macro_rules! flags {
    (
        $(#[$of_set:meta])* $set:ident,
        $(#[$of_whole:meta])* $whole:ident:
        $($(#[$meta:meta])* $name:ident: $type:ty = $default:expr;)*
    ) => {
        $(#[$of_set])*
        #[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
        pub struct $set {
            $(
                $(#[$meta])*
                #[serde(skip_serializing_if = "Option::is_none")]
                pub $name: Option<$type>,
            )*
        }

        impl $set {
            /// Lays the flags of a later rule over these: what it sets replaces what was set, in
            /// tables entry by entry.
            pub fn overlay(&mut self, later: &Self) {
                $(match (&mut self.$name, &later.$name) {
                    (_, None) => {}
                    (Some(held), Some(over)) => {
                        $crate::peer::flags::Overlay::overlay(held, over);
                    }
                    (held, over) => held.clone_from(over),
                })*
            }
        }

        $(#[$of_whole])*
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(default, rename_all = "kebab-case")]
        pub struct $whole {
            $($(#[$meta])* pub $name: $type,)*
        }

        impl Default for $whole {
            fn default() -> Self {
                Self { $($name: $default,)* }
            }
        }

        impl From<&$set> for $whole {
            fn from(flags: &$set) -> Self {
                let mut rules = Self::default();
                $(if let Some(value) = &flags.$name {
                    rules.$name.clone_from(value);
                })*
                rules
            }
        }
    };
}

pub(super) use flags;

impl FlagSet for Flags {
    type Whole = Rules;

    fn lay_over(&mut self, later: &Self) {
        self.overlay(later);
    }

    fn whole(&self) -> Rules {
        Rules::from(self)
    }

    fn mistake(&self) -> Option<String> {
        let fills = |fill: u64| (10..=100).contains(&fill);
        too_small(self.message_limit.flatten())
            .or_else(|| too_small(self.assumed_message_size))
            .or_else(|| {
                let is_wrong = self.message_fill.is_some_and(|fill| !fills(fill));
                is_wrong.then(|| "message-fill is a percentage of 10 to 100".to_owned())
            })
            .or_else(|| {
                let mut listed = self.properties.iter().flat_map(BTreeMap::values).flatten();
                listed.find_map(Held::mistake)
            })
    }
}

flags! {
    /// The flags that a rule sets; of those it does not name it says nothing. The fields are
    /// those of [`Rules`].
    Flags,
    /// What holds of a peer: every flag, with its default where no rule sets it.
    Rules:
    /// Bytes that an answer has at most, whatever `MaxMsgSize` the device gives.
    message_limit: Option<u64> = None;
    /// Percent of `MaxMsgSize` up to which answers are filled: devices count a little more than
    /// the bytes.
    message_fill: u64 = 95;
    /// Bytes taken for `MaxMsgSize` of a device that gives none: what phones of the time could
    /// take.
    assumed_message_size: u64 = 10_000;
    /// Whether the device takes objects in chunks; unset, as its device information says.
    large_objects: Option<bool> = None;
    /// Bytes of the largest object that is sent in chunks, whatever `MaxObjSize` the device gives.
    object_limit: Option<u64> = None;
    /// Whether the device is told the number of changes; unset, as its device information says.
    number_of_changes: Option<bool> = None;
    /// The sync types that the device has, 1 (two-way) to 7, in place of its `SyncCap`.
    sync_types: BTreeSet<u64> = BTreeSet::new();
    /// An alert of a type that the device does not list is refused (406).
    check_sync_types: bool = true;
    /// An alert of a datastore for which the device lists no format that the server's has is
    /// refused (415).
    check_content_types: bool = true;
    /// The format to prefer by datastore, whatever the device prefers.
    prefer: BTreeMap<String, Format> = BTreeMap::new();
    /// The server's datastore by the name that the device has for it. Names are in lower case,
    /// without a leading `./` or `/` and without a query.
    datastores: BTreeMap<String, String> = BTreeMap::new();
    /// Bytes of the longest identifier that the device keeps, in place of its `MaxGUIDSize`.
    max_guid_size: Option<u64> = None;
    /// What the device says of single properties is not heeded.
    ignore_properties: bool = false;
    /// The properties that the device holds, by datastore: where it lists none for what is in there,
    /// or where its lists are not heeded.
    properties: BTreeMap<String, Vec<Held>> = BTreeMap::new();
    /// What the device says of the size of properties is not heeded.
    ignore_sizes: bool = false;
    /// What the device says of the size of its memory is not heeded.
    ignore_memory: bool = false;
    /// The device is asked for the device information that is lacking or no longer fits it.
    ask_devinf: bool = true;
    /// Answers carry `RespURI`.
    resp_uri: bool = true;
    /// The client's `Last` is not compared: where a session has completed, the next one goes on
    /// from there. A session without `Last` is a slow one all the same.
    ignore_last_anchor: bool = false;
    /// A Copy with content is an Add.
    copy_is_add: bool = false;
    /// Replace is sent in a slow sync; else such changes wait for the session after it.
    replace_in_slow_sync: bool = true;
    /// Each change gets a Status when it succeeded; else only failures and the Sync itself.
    item_statuses: bool = true;
    /// Text outside of ASCII goes as quoted-printable in the old formats, else as it is.
    quoted_printable: bool = true;
    /// The zone that the device is in, by its IANA name or as an offset such as `+01:00`, in place
    /// of the server's.
    time_zone: Option<String> = None;
    /// How the device writes times in the old formats; unset, in UTC if its device information
    /// says that it can, else as its own clock shows them.
    times: Option<Times> = None;
    /// The device converts between UTC and its own clock by the offset of the current day, whatever
    /// the date.
    converts_by_today: bool = false;
    /// How the device writes an event of whole days in the old formats.
    all_day: Option<AllDay> = None;
    /// How the device writes the end of a series in the old formats.
    rule_end: Option<RuleEnd> = None;
    /// The device is told its zone (`TZ`, `DAYLIGHT`) in the old formats.
    describe_zone: bool = false;
    /// Alarms go as their bare time in the old formats.
    bare_alarms: bool = false;
    /// The first year that the device can hold: an older series of events goes in the old formats
    /// from its first occurrence there.
    earliest_year: Option<i16> = None;
    /// Bytes of the largest photo that the device takes, whatever its device information says.
    max_photo: Option<u64> = None;
    /// A change that the device left without Status is taken as done when the session ends well.
    missing_status_is_success: bool = false;
    /// The `Size` of an object that goes in chunks is told one byte larger than it is.
    size_plus_one: bool = false;
    /// The root of an answer in XML has no namespace.
    plain_xml_root: bool = false;
    /// A digest over no nonce proves the password. Who has seen one can use it for ever.
    empty_nonce: bool = false;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_flags_go_over_earlier_ones() {
        let table = |pairs: &[(&str, &str)]| {
            let pairs = pairs.iter();
            Some(
                pairs
                    .map(|(a, b)| ((*a).to_owned(), (*b).to_owned()))
                    .collect(),
            )
        };
        let mut flags = Flags {
            message_limit: Some(Some(3000)),
            copy_is_add: Some(true),
            datastores: table(&[("pb", "contacts"), ("x", "notes")]),
            ..Flags::default()
        };
        flags.overlay(&Flags {
            message_limit: Some(Some(2000)),
            resp_uri: Some(false),
            datastores: table(&[("x", "tasks")]),
            ..Flags::default()
        });
        let rules = Rules::from(&flags);
        assert_eq!(rules.message_limit, Some(2000));
        assert!(rules.copy_is_add && !rules.resp_uri);
        assert_eq!(
            Some(rules.datastores),
            table(&[("pb", "contacts"), ("x", "tasks")])
        );
        assert_eq!(Rules::from(&Flags::default()), Rules::default());
    }
}
