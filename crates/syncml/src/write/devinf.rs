//! Device information into either encoding, in the form of each version.

use std::collections::BTreeSet;

use wbxml::{WritePublicId, Writer};

use super::output::WBXML_VERSION;
use super::{escaped, legible};
use crate::devinf::{Capability, ContentType, DataStore, DevInf, Property};
use crate::names::{Name, devinf as d};
use crate::version::Version;

impl DevInf {
    /// The document as XML in the form of `version`: before 1.2 capabilities stand once for the
    /// whole device, and what the version does not have is left out.
    pub fn to_xml(&self, version: Version) -> Vec<u8> {
        to_xml(self, version).into_bytes()
    }

    /// The document as XML with all that it says, to be kept: in the form of 1.2, the only one that
    /// has a place for the sizes of all properties, under the version that it names, `told` where
    /// it names none.
    pub fn to_whole_xml(&self, told: Version) -> Vec<u8> {
        let told = self.version.unwrap_or(told);
        xml(self, (told, Version::V1_2)).into_bytes()
    }

    /// The document as binary XML in the form of `version`.
    pub fn to_wbxml(&self, version: Version) -> Vec<u8> {
        to_wbxml(self, version)
    }
}

pub(super) fn to_xml(devinf: &DevInf, version: Version) -> String {
    xml(devinf, (version, version))
}

fn xml(devinf: &DevInf, (told, form): (Version, Version)) -> String {
    let mut out = Out::Xml(String::from("<DevInf xmlns=\"syncml:devinf\">"));
    out.leaf(d::VER_DTD, told.dtd());
    children(&mut out, devinf, form);
    out.end(d::DEV_INF);
    match out {
        Out::Xml(text) => text,
        Out::Wbxml(_) => String::new(),
    }
}

pub(super) fn to_wbxml(devinf: &DevInf, version: Version) -> Vec<u8> {
    let public_id = match version {
        Version::V1_0 => WritePublicId::Text("-//SYNCML//DTD DevInf 1.0//EN"),
        Version::V1_1 => WritePublicId::Number(0x0fd4),
        Version::V1_2 => WritePublicId::Number(0x1203),
    };
    let mut out = Out::Wbxml(Writer::new(WBXML_VERSION, public_id));
    out.start(d::DEV_INF);
    out.leaf(d::VER_DTD, version.dtd());
    children(&mut out, devinf, version);
    out.end(d::DEV_INF);
    match out {
        Out::Wbxml(writer) => writer.finish(),
        Out::Xml(_) => Vec::new(),
    }
}

enum Out {
    Xml(String),
    Wbxml(Writer),
}

impl Out {
    fn start(&mut self, name: Name) {
        match self {
            Self::Xml(text) => text.extend(["<", name.text, ">"]),
            Self::Wbxml(writer) => writer.start(name.page, name.code),
        }
    }

    fn end(&mut self, name: Name) {
        match self {
            Self::Xml(text) => text.extend(["</", name.text, ">"]),
            Self::Wbxml(writer) => writer.end(),
        }
    }

    fn flag(&mut self, name: Name, set: bool) {
        match self {
            _ if !set => {}
            Self::Xml(text) => text.extend(["<", name.text, "/>"]),
            Self::Wbxml(writer) => writer.empty(name.page, name.code),
        }
    }

    fn leaf(&mut self, name: Name, value: &str) {
        self.start(name);
        match self {
            Self::Xml(text) => *text += &escaped(&legible(value)),
            Self::Wbxml(writer) => writer.text(value),
        }
        self.end(name);
    }

    fn optional(&mut self, name: Name, value: Option<&str>) {
        if let Some(value) = value {
            self.leaf(name, value);
        }
    }

    fn number(&mut self, name: Name, value: Option<u64>) {
        if let Some(value) = value {
            self.leaf(name, &value.to_string());
        }
    }
}

/// All but the version.
fn children(out: &mut Out, devinf: &DevInf, version: Version) {
    out.optional(d::MAN, devinf.man.as_deref());
    out.optional(d::MOD, devinf.model.as_deref());
    out.optional(d::OEM, devinf.oem.as_deref());
    out.optional(d::FW_V, devinf.firmware.as_deref());
    out.optional(d::SW_V, devinf.software.as_deref());
    out.optional(d::HW_V, devinf.hardware.as_deref());
    out.leaf(d::DEV_ID, &devinf.dev_id);
    out.leaf(d::DEV_TYP, &devinf.dev_type);
    if version >= Version::V1_1 {
        out.flag(d::UTC, devinf.utc);
        out.flag(d::SUPPORT_LARGE_OBJS, devinf.large_objects);
        out.flag(d::SUPPORT_NUMBER_OF_CHANGES, devinf.number_of_changes);
    }
    for store in &devinf.datastores {
        datastore(out, store, version);
    }
    if version < Version::V1_2 {
        let mut written: BTreeSet<&Capability> = BTreeSet::new();
        for capability in devinf
            .datastores
            .iter()
            .flat_map(|store| &store.capabilities)
        {
            if written.insert(capability) {
                flat_capability(out, capability, version);
            }
        }
    }
    for (name, values) in &devinf.extensions {
        out.start(d::EXT);
        out.leaf(d::X_NAM, name);
        for value in values {
            out.leaf(d::X_VAL, value);
        }
        out.end(d::EXT);
    }
}

fn pair(out: &mut Out, name: Name, pair: &ContentType) {
    out.start(name);
    out.leaf(d::CT_TYPE, &pair.media_type);
    out.leaf(d::VER_CT, &pair.version);
    out.end(name);
}

fn datastore(out: &mut Out, store: &DataStore, version: Version) {
    out.start(d::DATA_STORE);
    out.leaf(d::SOURCE_REF, &store.source_ref);
    out.optional(d::DISPLAY_NAME, store.display_name.as_deref());
    out.number(d::MAX_GUID_SIZE, store.max_guid_size);
    for (name, pairs) in [
        (d::RX_PREF, store.rx_pref.as_slice()),
        (d::RX, &store.rx),
        (d::TX_PREF, store.tx_pref.as_slice()),
        (d::TX, &store.tx),
    ] {
        for content_type in pairs {
            pair(out, name, content_type);
        }
    }
    if version >= Version::V1_2 {
        for capability in &store.capabilities {
            nested_capability(out, capability);
        }
    }
    if let Some(memory) = &store.memory {
        out.start(d::DS_MEM);
        out.flag(d::SHARED_MEM, memory.shared);
        out.number(d::MAX_MEM, memory.max_bytes);
        out.number(d::MAX_ID, memory.max_ids);
        out.end(d::DS_MEM);
    }
    if version >= Version::V1_2 {
        out.flag(d::SUPPORT_HIERARCHICAL_SYNC, store.hierarchical);
    }
    out.start(d::SYNC_CAP);
    for sync_type in &store.sync_types {
        out.leaf(d::SYNC_TYPE, &sync_type.to_string());
    }
    out.end(d::SYNC_CAP);
    if version >= Version::V1_2 {
        for grammar in &store.filter_rx {
            pair(out, d::FILTER_RX, grammar);
        }
        for capability in &store.filter_capabilities {
            out.start(d::FILTER_CAP);
            out.leaf(d::CT_TYPE, &capability.content_type.media_type);
            out.leaf(d::VER_CT, &capability.content_type.version);
            for keyword in &capability.keywords {
                out.leaf(d::FILTER_KEYWORD, keyword);
            }
            for property in &capability.properties {
                out.leaf(d::PROP_NAME, property);
            }
            out.end(d::FILTER_CAP);
        }
    }
    out.end(d::DATA_STORE);
}

// spec: F13
fn nested_capability(out: &mut Out, capability: &Capability) {
    out.start(d::CT_CAP);
    out.leaf(d::CT_TYPE, &capability.media_type);
    out.leaf(d::VER_CT, &capability.version);
    out.flag(d::FIELD_LEVEL, capability.field_level);
    for property in &capability.properties {
        out.start(d::PROPERTY);
        out.leaf(d::PROP_NAME, &property.name);
        out.optional(d::DATA_TYPE, property.data_type.as_deref());
        out.number(d::MAX_OCCUR, property.max_occur);
        out.number(d::MAX_SIZE, property.max_size);
        out.flag(d::NO_TRUNCATE, property.no_truncate);
        values(out, &property.values);
        out.optional(d::DISPLAY_NAME, property.display_name.as_deref());
        for parameter in &property.parameters {
            out.start(d::PROP_PARAM);
            out.leaf(d::PARAM_NAME, &parameter.name);
            out.optional(d::DATA_TYPE, parameter.data_type.as_deref());
            values(out, &parameter.values);
            out.optional(d::DISPLAY_NAME, parameter.display_name.as_deref());
            out.end(d::PROP_PARAM);
        }
        out.end(d::PROPERTY);
    }
    out.end(d::CT_CAP);
}

// spec: F13
fn flat_capability(out: &mut Out, capability: &Capability, version: Version) {
    out.start(d::CT_CAP);
    out.leaf(d::CT_TYPE, &capability.media_type);
    for property in &capability.properties {
        flat_property(out, property, version);
    }
    out.end(d::CT_CAP);
}

fn flat_property(out: &mut Out, property: &Property, version: Version) {
    out.leaf(d::PROP_NAME, &property.name);
    limits(
        out,
        &property.values,
        property.data_type.as_deref(),
        property.max_size,
        version,
    );
    out.optional(d::DISPLAY_NAME, property.display_name.as_deref());
    for parameter in &property.parameters {
        out.leaf(d::PARAM_NAME, &parameter.name);
        let (data_type, size) = (parameter.data_type.as_deref(), parameter.max_size);
        limits(out, &parameter.values, data_type, size, version);
        out.optional(d::DISPLAY_NAME, parameter.display_name.as_deref());
    }
}

/// Either the values or the data type and its size. Some 1.0 phones crash on the latter.
fn limits(
    out: &mut Out,
    allowed: &[String],
    data_type: Option<&str>,
    size: Option<u64>,
    version: Version,
) {
    if !allowed.is_empty() {
        values(out, allowed);
    } else if let Some(data_type) = data_type.filter(|_| version > Version::V1_0) {
        out.leaf(d::DATA_TYPE, data_type);
        out.number(
            Name {
                text: "Size",
                ..d::MAX_SIZE
            },
            size,
        );
    }
}

fn values(out: &mut Out, values: &[String]) {
    for value in values {
        out.leaf(d::VAL_ENUM, value);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    // spec: F14 F15
    #[test]
    fn a_document_that_is_kept_says_all_that_it_said() {
        for version in ["1.0", "1.1", "1.2"] {
            let document = format!(
                "<DevInf><VerDTD>{version}</VerDTD><DevID>x</DevID><DevTyp>phone</DevTyp><UTC/>\
                 <DataStore><SourceRef>pb</SourceRef><Rx-Pref><CTType>text/x-vcard</CTType><VerCT>2.1\
                 </VerCT></Rx-Pref></DataStore><CTCap><CTType>text/x-vcard</CTType>\
                 <PropName>N</PropName><Size>30</Size><PropName>TEL</PropName><Size>9</Size>\
                 <ParamName>HOME</ParamName><PropName>VERSION</PropName><ValEnum>2.1</ValEnum>\
                 <Size>3</Size></CTCap></DevInf>"
            );
            let read = DevInf::read(document.as_bytes()).unwrap();
            let properties = &read.datastores.first().unwrap().capabilities;
            let sizes = properties.iter().flat_map(|one| &one.properties);
            let sizes: Vec<_> = sizes.map(|property| property.max_size).collect();
            assert_eq!(sizes, [Some(30), Some(9), Some(3)]);
            let kept = read.to_whole_xml(Version::V1_2);
            assert_eq!(DevInf::read(&kept).unwrap(), read, "{version}");
        }
    }

    #[test]
    fn sizes_and_types_of_properties_are_left_out_for_devices_of_1_0() {
        let document = "<DevInf><VerDTD>1.1</VerDTD><DevID>x</DevID><DevTyp>server</DevTyp>\
            <DataStore><SourceRef>pb</SourceRef><Rx-Pref><CTType>text/x-vcard</CTType><VerCT>2.1\
            </VerCT></Rx-Pref></DataStore><CTCap><CTType>text/x-vcard</CTType>\
            <PropName>TEL</PropName><DataType>chr</DataType><Size>9</Size></CTCap></DevInf>";
        let read = DevInf::read(document.as_bytes()).unwrap();
        for (version, says) in [(Version::V1_0, false), (Version::V1_1, true)] {
            let written = String::from_utf8(read.to_xml(version)).unwrap();
            assert!(written.contains("TEL"), "{version:?}");
            assert_eq!(written.contains("<DataType>"), says, "{version:?}");
            assert_eq!(written.contains("<Size>9</Size>"), says, "{version:?}");
        }
    }
}
