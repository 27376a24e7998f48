//! What the server says of itself.

use std::collections::BTreeSet;

use syncml::Version;
use syncml::devinf::{ContentType, DataStore, DevInf};

use super::Run;
use super::selection::announces;
use crate::peer::has_use;
use crate::store::StoreError;

/// The server's device information for this client.
///
/// A datastore carries the address under which the client alerted it, a filter in it included,
/// because some phones look for just that. No capabilities are listed: such a list is closed, and a client would hold
/// back every property that it does not find there, while the server keeps all. The formats are
/// those that the client has, too, where it is known what it has; a datastore of which it has none
/// is left out, for the document has to fit into one message of a phone, and some phones fail when
/// they find mail in it.
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
            let is_of_use = run
                .devinf
                .as_ref()
                .is_none_or(|device| has_use(device, datastore.kind));
            if alerted.is_none() && !is_of_use {
                continue;
            }
            let address = alerted.map_or(datastore.name.as_str(), |ds| ds.target.as_str());
            let (filter_rx, filter_capabilities) = if announces(version) {
                crate::filter::announced(datastore.kind)
            } else {
                Default::default()
            };
            let source = alerted.map_or("", |ds| ds.source.as_str());
            let known = run.capabilities(source);
            let rules = &run.state.rules;
            let (rx_pref, rx) = preferred(known.to_receive(rules, datastore.kind));
            let (tx_pref, tx) = preferred(known.to_send(rules, datastore.kind));
            datastores.push(DataStore {
                filter_rx,
                filter_capabilities,
                source_ref: address.to_owned(),
                rx_pref,
                rx,
                tx_pref,
                tx,
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

fn preferred(formats: Vec<ContentType>) -> (Option<ContentType>, Vec<ContentType>) {
    let mut formats = formats.into_iter();
    (formats.next(), formats.collect())
}
