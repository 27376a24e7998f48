//! What the client says of itself.

use std::collections::BTreeSet;

use syncml::Version;
use syncml::devinf::{ContentType, DataStore, DevInf, Memory};

use super::Session;

impl Session {
    /// The client's device information. No capabilities are listed: such a list is closed, and
    /// the client keeps every byte.
    // spec: F09 F10 F12 F18
    pub(super) fn devinf(&self) -> DevInf {
        let datastores = self.sources.iter().map(|active| {
            let (rx_pref, rx) = preferred(self.server.formats_taken(&active.source));
            let (tx_pref, tx) = preferred(self.server.formats_given(&active.source));
            DataStore {
                source_ref: active.source.local_uri.clone(),
                max_guid_size: Some(255),
                rx_pref,
                rx,
                tx_pref,
                tx,
                hierarchical: active.has_folders(self.config.version),
                // spec: K09
                memory: active.size.map(|size| Memory {
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
