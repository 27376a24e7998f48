//! What a device and the server must agree on when all is quiet.

use std::collections::BTreeSet;

use session::store::{ChangeSeq, Guid, LinkId, PendingRange, Transaction as _};

use crate::device::{Device, Store};
use crate::fault::Fault;
use crate::items::read;
use crate::ledger::held;
use crate::server::Server;

/// Checks contents, anchors and maps of all of a device's datastores.
pub(crate) fn agreement(server: &mut Server, device: &Device) -> Result<(), Fault> {
    for store in &device.stores {
        let datastore = store.kind.name();
        if !store.is_small && store.contents() != server.contents(store.kind) {
            return Err(Fault::Differs {
                device: device.name.clone(),
                datastore,
            });
        }
        state(server, device, store).map_err(|what| Fault::Disagree {
            device: device.name.clone(),
            datastore,
            what,
        })?;
    }
    Ok(())
}

fn state(server: &mut Server, device: &Device, store: &Store) -> Result<(), String> {
    let datastore = server.datastore(store.kind);
    let failed = |error: session::store::StoreError| error.to_string();
    let known = server
        .state
        .device(server.account, &device.name)
        .map_err(failed)?
        .ok_or("the server does not know the device")?;
    let id = LinkId {
        datastore,
        device: known.number,
    };
    let link = server.state.link(id).map_err(failed)?;
    let link = link.ok_or("there are no anchors")?;
    let anchors = store.anchors();
    if (&anchors.client, &anchors.server) != (&link.client_anchor, &link.server_anchor) {
        return Err(format!(
            "anchors {anchors:?} are {:?} and {:?} on the server",
            link.client_anchor, link.server_anchor
        ));
    }
    if let Some(open) = link.open {
        return Err(format!("the session {open:?} is open still"));
    }
    let mut luids = BTreeSet::new();
    for number in 1.. {
        let guid = Guid(number);
        let Some(item) = server.state.item(datastore, guid).map_err(failed)? else {
            break;
        };
        let pair = server.state.mapping_of(id, guid).map_err(failed)?;
        let pair = pair.filter(|pair| pair.generation == link.generation);
        match (item.deleted, pair) {
            (true, None) => {}
            (true, Some(pair)) => return Err(format!("{pair:?} is of a deleted item")),
            (false, None) if store.is_small => {}
            (false, None) => return Err(format!("item {number} has no LUID")),
            (false, Some(pair)) => {
                let memory = store.memory();
                let mut items = memory.items();
                let held = items.find(|(luid, _)| *luid == pair.luid);
                if held.is_none_or(|(_, content)| content != item.content) {
                    return Err(format!("{pair:?} is of another item on the device"));
                }
                if !luids.insert(pair.luid.clone()) {
                    return Err(format!("LUID {} is of two items", pair.luid));
                }
            }
        }
    }
    if luids.len() != store.items().len() {
        return Err("an item of the device is in no pair".to_owned());
    }
    let all = PendingRange {
        after: ChangeSeq(0),
        until: server.state.last_change(datastore).map_err(failed)?,
        generation: link.generation,
        limit: 0,
        inline: 0,
        with_held: false,
    };
    match server.state.count_pending(id, all).map_err(failed)? {
        0 => Ok(()),
        _ if store.is_small => Ok(()),
        count => Err(format!("{count} items wait for the device")),
    }
}

/// The server's items, in the version it has, of records that a store does not hold.
pub(crate) fn unknown_to(server: &Server, store: &Store) -> Vec<(Guid, ChangeSeq)> {
    let known = held(&store.contents());
    let items = server.items(store.kind).into_iter();
    items
        .filter(|item| {
            let record = read(&String::from_utf8_lossy(&item.content));
            record.is_some_and(|(record, _)| !known.contains_key(&record))
        })
        .map(|item| (item.guid, item.seq))
        .collect()
}
