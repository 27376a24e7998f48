//! What a device says of itself: which properties of a record it keeps, and how much of them.
//!
//! The client of this project keeps everything and lists nothing. A device of a run that keeps less has
//! the device information in its messages written anew, as it would write it, and what its person
//! writes is what such a device can hold.

use fastrand::Rng;
use pim::{Holding, Holdings};
use session::store::DatastoreKind;
use syncml::devinf::{Capability, ContentType, DataStore, DevInf, Property};
use syncml::{Command, Data, Document, Item, Limits, MessageWriter, Version};

use crate::items::media_type;
use crate::wanted::{can_filter, remark, without_remark};

/// What a device keeps of a record's properties.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keeps {
    /// Everything, and it lists nothing.
    All,
    /// Everything, as it lists.
    Listed,
    /// All but the remark.
    NoRemark,
    /// One of each.
    OneOfEach,
    /// Of the remark the beginning.
    ShortRemark,
    /// Of remarks the short ones.
    WholeRemark,
}

/// Characters of a short remark.
const SHORT: u64 = 12;

impl Keeps {
    /// What a device of a version that has words for it keeps.
    pub(crate) fn new(kind: DatastoreKind, version: Version, rng: &mut Rng) -> Self {
        let all = [
            Self::All,
            Self::Listed,
            Self::NoRemark,
            // neither was said before 1.2
            Self::OneOfEach,
            Self::ShortRemark,
            Self::WholeRemark,
        ];
        let words = if version >= Version::V1_2 { 6 } else { 3 };
        let drawn = all[rng.usize(..words)];
        let drawn = if rng.bool() { drawn } else { Self::All };
        if can_filter(kind) { drawn } else { Self::All }
    }

    /// The properties that it lists; `None` where it lists none.
    fn properties(self, kind: DatastoreKind) -> Option<Vec<Property>> {
        let property = |name: &str| Property {
            name: name.to_owned(),
            max_occur: (self == Self::OneOfEach).then_some(1),
            // the version of the format stands there
            values: match name {
                "VERSION" => vec![format_of(kind).version],
                _ => Vec::new(),
            },
            ..Property::default()
        };
        let remark = Property {
            max_size: matches!(self, Self::ShortRemark | Self::WholeRemark).then_some(SHORT),
            no_truncate: self == Self::WholeRemark,
            ..property(remark(kind))
        };
        let others = without_remark(kind).iter().map(|name| property(name));
        match self {
            Self::All => None,
            Self::NoRemark => Some(others.collect()),
            _ => Some(others.chain([remark]).collect()),
        }
    }

    /// What its person writes of a record: no more than there is room for.
    pub(crate) fn written(self, kind: DatastoreKind, content: &str) -> String {
        match self {
            Self::WholeRemark => Self::ShortRemark.fitted(kind, content),
            _ => self.fitted(kind, content),
        }
    }

    /// A record as the device can hold it.
    pub(crate) fn fitted(self, kind: DatastoreKind, content: &str) -> String {
        let holding = |property: Property| Holding {
            name: property.name,
            max_size: property.max_size,
            max_occur: property.max_occur,
            no_truncate: property.no_truncate,
            values: property.values,
            ..Holding::default()
        };
        let holdings = Holdings {
            properties: self
                .properties(kind)
                .map(|all| all.into_iter().map(holding).collect()),
            max_photo: None,
        };
        let fitted = pim::fit(content.as_bytes(), media_type(kind), &holdings);
        fitted.map_or_else(
            || content.to_owned(),
            |fitted| String::from_utf8_lossy(&fitted.bytes).into_owned(),
        )
    }
}

/// Says what one of the device's datastores keeps, whether or not the session syncs it.
pub(crate) fn describe(devinf: &mut DevInf, uri: &str, kind: DatastoreKind, keeps: Keeps) {
    let Some(properties) = keeps.properties(kind) else {
        return;
    };
    let format = format_of(kind);
    let capability = Capability {
        media_type: format.media_type.clone(),
        version: format.version.clone(),
        properties,
        ..Capability::default()
    };
    let known = devinf.datastores.iter_mut();
    match known.into_iter().find(|store| store.source_ref == uri) {
        Some(store) => store.capabilities.push(capability),
        None => devinf.datastores.push(DataStore {
            source_ref: uri.to_owned(),
            max_guid_size: Some(255),
            rx_pref: Some(format.clone()),
            tx_pref: Some(format),
            capabilities: vec![capability],
            sync_types: (1..=6).collect(),
            ..DataStore::default()
        }),
    }
}

/// The format in which a datastore's records are.
fn format_of(kind: DatastoreKind) -> ContentType {
    let first = kind.content_types().first();
    let (media_type, version) = first.copied().unwrap_or_default();
    ContentType {
        media_type: media_type.to_owned(),
        version: version.to_owned(),
    }
}

/// A message with other device information; `None` where it has none.
pub(crate) fn rewritten(body: &[u8], rewrite: impl Fn(&mut DevInf)) -> Option<Vec<u8>> {
    // reading every message would cost most of a run
    const MARK: &[u8] = b"devinf1";
    if !body.windows(MARK.len()).any(|bytes| bytes == MARK) {
        return None;
    }
    let document = Document::new(body, None).ok()?;
    let mut message = document.read(&Limits::default()).ok()?;
    let version = Version::from_dtd(&message.header.ver_dtd)?;
    for command in &mut message.commands {
        let items: &mut [Item<'_>] = match command {
            Command::Access(access) => &mut access.items,
            Command::Results(results) => &mut results.items,
            _ => continue,
        };
        for item in items {
            if let Some(Data::DevInf(devinf)) = &mut item.data {
                rewrite(devinf);
            }
        }
    }
    let mut writer = MessageWriter::new(document.encoding(), version, &message.header);
    for command in &message.commands {
        writer.command(command);
    }
    Some(writer.finish(message.is_final))
}
