//! Device information: what a device is and what its datastores can hold.
//!
//! Documents of all versions fold into one shape, that of 1.2; reading a 1.0 or 1.1 document
//! copies its global capabilities to each datastore that names their type (Device Information
//! 1.0 to 1.2, `CTCap`).

use std::collections::BTreeSet;

use crate::version::Version;

/// A device information document (`DevInf`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DevInf {
    /// `VerDTD`; `None` when missing or unknown.
    pub version: Option<Version>,
    /// `Man`.
    pub man: Option<String>,
    /// `Mod`.
    pub model: Option<String>,
    /// `OEM`.
    pub oem: Option<String>,
    /// `FwV`.
    pub firmware: Option<String>,
    /// `SwV`.
    pub software: Option<String>,
    /// `HwV`.
    pub hardware: Option<String>,
    /// `DevID`; empty when missing.
    pub dev_id: String,
    /// `DevTyp`; empty when missing.
    pub dev_type: String,
    /// `UTC`: times in UTC are understood.
    pub utc: bool,
    /// `SupportLargeObjs`.
    pub large_objects: bool,
    /// `SupportNumberOfChanges`.
    pub number_of_changes: bool,
    /// `DataStore`s.
    pub datastores: Vec<DataStore>,
    /// `Ext`: vendor extensions, name and values.
    pub extensions: Vec<(String, Vec<String>)>,
}

/// A `DataStore`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DataStore {
    /// `SourceRef`: the datastore's address on the declaring device.
    pub source_ref: String,
    /// `DisplayName`.
    pub display_name: Option<String>,
    /// `MaxGUIDSize`, bytes; clients only.
    pub max_guid_size: Option<u64>,
    /// `Rx-Pref`: the type preferred for receiving.
    pub rx_pref: Option<ContentType>,
    /// `Rx`: other types that can be received.
    pub rx: Vec<ContentType>,
    /// `Tx-Pref`: the type preferred for sending.
    pub tx_pref: Option<ContentType>,
    /// `Tx`: other types that can be sent.
    pub tx: Vec<ContentType>,
    /// `CTCap`: what of each type is kept.
    pub capabilities: Vec<Capability>,
    /// `DSMem`.
    pub memory: Option<Memory>,
    /// `SupportHierarchicalSync` (1.2).
    pub hierarchical: bool,
    /// `SyncCap`: the sync types, 1 (two-way) to 7 (server alerted); others as sent.
    pub sync_types: BTreeSet<u64>,
    /// `Filter-Rx`: filter grammars understood (1.2).
    pub filter_rx: Vec<ContentType>,
    /// `FilterCap` (1.2).
    pub filter_capabilities: Vec<FilterCapability>,
}

/// A pair of `CTType` and `VerCT`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ContentType {
    /// `CTType`: a media type or grammar.
    pub media_type: String,
    /// `VerCT`; may be empty.
    pub version: String,
}

/// `CTCap`: the properties of one content type that a datastore keeps. The list is closed: what
/// is not listed is not kept.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Capability {
    /// `CTType`.
    pub media_type: String,
    /// `VerCT`; empty means every version.
    pub version: String,
    /// `FieldLevel`: partial Replace is understood (1.2).
    pub field_level: bool,
    /// `Property`s.
    pub properties: Vec<Property>,
}

/// `Property`, or a `PropName` group before 1.2.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Property {
    /// `PropName`.
    pub name: String,
    /// `DataType`.
    pub data_type: Option<String>,
    /// `MaxOccur`: the most occurrences in one object (1.2).
    pub max_occur: Option<u64>,
    /// `MaxSize`, characters; `Size` before 1.2.
    pub max_size: Option<u64>,
    /// `NoTruncate`: leave out rather than cut (1.2).
    pub no_truncate: bool,
    /// `ValEnum`: the values allowed; empty means all.
    pub values: Vec<String>,
    /// `DisplayName`.
    pub display_name: Option<String>,
    /// `PropParam`s; empty means all.
    pub parameters: Vec<Parameter>,
}

/// `PropParam`, or a `ParamName` group before 1.2.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Parameter {
    /// `ParamName`.
    pub name: String,
    /// `DataType`.
    pub data_type: Option<String>,
    /// `Size` (before 1.2).
    pub max_size: Option<u64>,
    /// `ValEnum`.
    pub values: Vec<String>,
    /// `DisplayName`.
    pub display_name: Option<String>,
}

/// `DSMem`: the size of a datastore.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Memory {
    /// `SharedMem`.
    pub shared: bool,
    /// `MaxMem`, bytes.
    pub max_bytes: Option<u64>,
    /// `MaxID`, items.
    pub max_ids: Option<u64>,
}

/// `FilterCap` (1.2).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FilterCapability {
    /// `CTType` and `VerCT`: the grammar, or a content type as some peers have it.
    pub content_type: ContentType,
    /// `FilterKeyword`s.
    pub keywords: Vec<String>,
    /// `PropName`s.
    pub properties: Vec<String>,
}
