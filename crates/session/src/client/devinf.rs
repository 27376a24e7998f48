//! What the client says of itself.

use std::collections::BTreeSet;

use syncml::Version;
use syncml::devinf::{ContentType, DataStore, DevInf, Memory};

use super::{Room, Session};
use crate::store::DatastoreKind;

/// A datastore of the device that a session does not sync.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resting {
    /// Its address on the device.
    pub local_uri: String,
    /// The server's datastore.
    pub remote_uri: String,
    /// What it holds.
    pub kind: DatastoreKind,
    /// Whether it keeps the folders of a hierarchy.
    pub has_folders: bool,
    /// Room in all, where it is limited.
    pub size: Option<Room>,
}

impl Session {
    /// Names the other datastores of the device; to be called before the first message. What a device says
    /// of itself takes the place of what it said before, so that a server would forget of them what they
    /// can do.
    // spec: F09
    pub fn mention(&mut self, resting: Vec<Resting>) {
        self.resting = resting;
    }

    /// The datastores of the device, in the same order whichever of them are synced.
    fn datastores(&self) -> Vec<Resting> {
        let version = self.config.version;
        let synced = self.sources.iter().map(|active| Resting {
            local_uri: active.source.local_uri.clone(),
            remote_uri: active.source.remote_uri.clone(),
            kind: active.source.kind,
            has_folders: active.has_folders(version),
            size: active.size,
        });
        let may = version >= Version::V1_2 && self.server.rules.hierarchy;
        let resting = self.resting.iter().cloned().map(|one| Resting {
            has_folders: one.has_folders && may,
            ..one
        });
        let mut all: Vec<Resting> = synced.chain(resting).collect();
        all.sort_by(|a, b| a.local_uri.cmp(&b.local_uri));
        all
    }

    /// The client's device information. No capabilities are listed: such a list is closed, and
    /// the client keeps every byte.
    // spec: F09 F10 F12 F18
    pub(super) fn devinf(&self) -> DevInf {
        let datastores = self.datastores().into_iter().map(|one| {
            let (uri, kind) = (one.remote_uri.as_str(), one.kind);
            let (rx_pref, rx) = preferred(self.server.formats_taken(uri, kind));
            let (tx_pref, tx) = preferred(self.server.formats_given(uri, kind));
            DataStore {
                source_ref: one.local_uri,
                max_guid_size: Some(255),
                rx_pref,
                rx,
                tx_pref,
                tx,
                hierarchical: one.has_folders,
                // spec: K09
                memory: one.size.map(|size| Memory {
                    shared: size.shared,
                    max_bytes: Some(size.bytes),
                    max_ids: size.items,
                }),
                sync_types: (1..=6).collect::<BTreeSet<u64>>(),
                ..DataStore::default()
            }
        });
        let version = self.config.version;
        DevInf {
            version: Some(version),
            man: Some("Syncline".to_owned()),
            model: Some("Syncline client".to_owned()),
            firmware: Some(self.config.software_version.clone()),
            software: Some(self.config.software_version.clone()),
            hardware: Some("1".to_owned()),
            dev_id: self.config.device_id.clone(),
            dev_type: "workstation".to_owned(),
            utc: version > Version::V1_0,
            large_objects: version > Version::V1_0,
            number_of_changes: version > Version::V1_0,
            datastores: datastores.collect(),
            ..DevInf::default()
        }
    }
}

fn preferred(formats: Vec<ContentType>) -> (Option<ContentType>, Vec<ContentType>) {
    let mut formats = formats.into_iter();
    (formats.next(), formats.collect())
}
