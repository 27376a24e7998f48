//! What the server says of itself.

use std::collections::BTreeSet;

use syncml::Version;
use syncml::devinf::{ContentType, DataStore, DevInf};

use super::Run;
use super::selection::announces;
use crate::store::StoreError;

/// The server's device information for this client.
///
/// A datastore carries the address under which the client alerted it, because some phones look
/// for just that. No capabilities are listed: such a list is closed, and a client would hold
/// back every property that it does not find there, while the server keeps all.
// spec: F09 F11 F12 F18
pub(super) fn of_server(run: &mut Run<'_>) -> Result<DevInf, StoreError> {
    let version = run.state.version();
    let mut datastores = Vec::new();
    if let Some(login) = run.state.login.clone() {
        for datastore in run.tx.datastores(login.id())? {
            let alerted = run
                .state
                .datastores
                .iter()
                .find(|ds| ds.number == datastore.id.number);
            let address = alerted.map_or(datastore.name.as_str(), |ds| {
                ds.target.split('?').next().unwrap_or_default()
            });
            let types: Vec<ContentType> = datastore
                .kind
                .content_types()
                .iter()
                .map(|(media_type, version)| ContentType {
                    media_type: (*media_type).to_owned(),
                    version: (*version).to_owned(),
                })
                .collect();
            let (preferred, others) = types
                .split_first()
                .map_or((None, Vec::new()), |(first, rest)| {
                    (Some(first.clone()), rest.to_vec())
                });
            let (filter_rx, filter_capabilities) = if announces(version) {
                crate::filter::announced(datastore.kind)
            } else {
                Default::default()
            };
            datastores.push(DataStore {
                filter_rx,
                filter_capabilities,
                source_ref: address.to_owned(),
                rx_pref: preferred.clone(),
                rx: others.clone(),
                tx_pref: preferred,
                tx: others,
                hierarchical: datastore.kind.is_hierarchical() && version >= Version::V1_2,
                sync_types: (1..=6).collect::<BTreeSet<u64>>(),
                ..DataStore::default()
            });
        }
    }
    Ok(DevInf {
        version: Some(version),
        man: Some("Syncline".to_owned()),
        model: Some("Syncline server".to_owned()),
        firmware: Some(run.config.software_version.clone()),
        software: Some(run.config.software_version.clone()),
        hardware: Some("1".to_owned()),
        dev_id: run.config.server_id.clone(),
        dev_type: "server".to_owned(),
        utc: version > Version::V1_0,
        large_objects: version > Version::V1_0,
        number_of_changes: version > Version::V1_0,
        datastores,
        ..DevInf::default()
    })
}
