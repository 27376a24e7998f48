//! What a device and the server must agree on when all is quiet.

use std::collections::{BTreeMap, BTreeSet};

use session::client::Replica as _;
use session::store::{
    ChangeSeq, DatastoreKind, Guid, Link, LinkId, Mapping, PendingRange, Period, StoredItem,
    Transaction as _,
};

use crate::device::{Device, Store};
use crate::fault::Fault;
use crate::items::{is_folder, media_type, read};
use crate::ledger::held;
use crate::server::Server;
use crate::wanted::{is_inside, reduced};

/// Checks contents, anchors and maps of all of a device's datastores.
pub(crate) fn agreement(server: &mut Server, device: &Device) -> Result<(), Fault> {
    for store in &device.stores {
        let datastore = store.kind.name();
        let (held, expected) = (held_of(store), expected(server, store));
        if !store.is_small && held != expected {
            let mut pairs = held.iter().zip(&expected);
            let first = pairs.find(|(held, expected)| held != expected);
            return Err(Fault::Differs {
                device: device.name.clone(),
                datastore,
                what: match first {
                    Some((held, expected)) => format!("{held:?} in place of {expected:?}"),
                    None => format!("{} in place of {}", held.len(), expected.len()),
                },
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

/// The contents that a device should hold, in order.
fn expected(server: &Server, store: &Store) -> Vec<String> {
    let items = server.items(store.kind).into_iter();
    let mut contents: Vec<String> = items
        .filter(|item| is_inside(store.filter.as_ref(), item))
        .map(|item| shown_of(store, &item.content))
        .filter(|content| store.has_folders || !is_folder(content))
        .map(|content| says(&content))
        .collect();
    contents.sort();
    contents
}

/// The contents that a device holds, in order, as far as its filter wants to know of them.
fn held_of(store: &Store) -> Vec<String> {
    let contents = store.contents().into_iter();
    let mut contents: Vec<String> = contents
        .map(|content| says(&wanted_of(store, content.as_bytes())))
        .collect();
    contents.sort();
    contents
}

/// What a device should hold of a content.
fn shown_of(store: &Store, content: &[u8]) -> String {
    store.keeps.fitted(store.kind, &wanted_of(store, content))
}

/// When an edit was made that stands in part only, or whose text is that of another, no device is told
/// for that alone.
fn wanted_of(store: &Store, content: &[u8]) -> String {
    let content = String::from_utf8_lossy(content);
    let wanted = reduced(store.filter.as_ref(), media_type(store.kind), &content);
    let lines = wanted.split_inclusive('\n');
    lines.filter(|line| !line.starts_with("REV:")).collect()
}

/// What a content says: of a card or an entry its lines in any order, since that says nothing.
fn says(content: &str) -> String {
    let mut lines: Vec<&str> = content.split_inclusive('\n').collect();
    if content.starts_with("BEGIN:") {
        lines.sort_unstable();
    }
    lines.concat()
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
    if let Some(open) = &link.open {
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
            (false, None) if !store.has_folders && pim::media::is_folder(&item.media_type) => {}
            (false, None) if !is_inside(store.filter.as_ref(), &item) => {}
            (false, None) => return Err(format!("item {number} has no LUID")),
            (false, Some(pair)) => {
                placed(server, store, id, &item, &pair)?;
                let content = content_by(store, &pair.luid);
                let shown = says(&shown_of(store, &item.content));
                let is_same = |content: &Vec<u8>| says(&wanted_of(store, content)) == shown;
                if !content.as_ref().is_some_and(is_same) {
                    // it may have made a deletion of what has come back since
                    is_owed(store, &link, &item, &pair)?;
                }
                if content.is_some() && !luids.insert(pair.luid.clone()) {
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
        period: Period::ANY,
        with_occurrences: false,
    };
    match server.state.count_pending(id, all).map_err(failed)? {
        0 => Ok(()),
        _ if store.is_small || store.filter.is_some() => Ok(()),
        // folders for ever wait for a device that has none
        _ if store.kind.is_hierarchical() && !store.has_folders => Ok(()),
        count => Err(format!("{count} items wait for the device")),
    }
}

/// Checks that a version which the device lacks has no room on it, and that the server will send it as
/// soon as there is some. A device that says nothing of its room refuses what grows beyond it, and
/// holds the version before. For one that says it the server reckons: where the answer to an earlier
/// version was lost, with the one before that, and may take the growth for more than it is.
fn is_owed(store: &Store, link: &Link, item: &StoredItem, pair: &Mapping) -> Result<(), String> {
    let room = store.memory().room().map_err(|error| error.to_string())?;
    let held = content_by(store, &pair.luid).map_or(0, |content| content.len());
    let reckoned = if store.tells_room { 0 } else { held };
    let growth = item.content.len().saturating_sub(reckoned) as u64;
    if room.is_none_or(|room| room.bytes >= growth) {
        return Err(format!("{pair:?} is of another item on the device"));
    }
    if pair.revision >= item.seq || link.seen >= item.seq {
        return Err(format!("{pair:?} had no room, and is forgotten"));
    }
    Ok(())
}

/// What the device holds by a LUID.
fn content_by(store: &Store, luid: &str) -> Option<Vec<u8>> {
    let memory = store.memory();
    let mut items = memory.items();
    let found = items.find(|(of, _)| *of == luid);
    found.map(|(_, content)| content.to_vec())
}

/// Checks that the device has an item in the folder in which the server has it.
fn placed(
    server: &mut Server,
    store: &Store,
    id: LinkId,
    item: &StoredItem,
    pair: &Mapping,
) -> Result<(), String> {
    if !store.has_folders || store.is_small {
        return Ok(());
    }
    let folder = match item.parent {
        Some(parent) => server.state.mapping_of(id, parent),
        None => Ok(None),
    };
    let folder = folder.map_err(|error| error.to_string())?;
    let wanted = folder.map(|folder| folder.luid);
    let memory = store.memory();
    let held = memory.parent_of(&pair.luid);
    if held != wanted.as_deref() {
        return Err(format!(
            "{} is in {held:?} on the device, in {:?}, its {wanted:?}, on the server",
            pair.luid, item.parent
        ));
    }
    Ok(())
}

/// Checks that every item is at the root or in a folder that is there, and no folder in itself.
pub(crate) fn is_tree(server: &Server, kind: DatastoreKind) -> Result<(), Fault> {
    let items: BTreeMap<Guid, StoredItem> = server
        .items(kind)
        .into_iter()
        .map(|item| (item.guid, item))
        .collect();
    let misplaced = |what: String| Fault::Misplaced {
        datastore: kind.name(),
        what,
    };
    for item in items.values() {
        let mut above = item.parent;
        for _ in 0..=items.len() {
            let Some(folder) = above else {
                break;
            };
            let folder = items
                .get(&folder)
                .filter(|f| pim::media::is_folder(&f.media_type));
            let folder =
                folder.ok_or_else(|| misplaced(format!("{:?} is in no folder", item.guid)))?;
            above = folder.parent;
        }
        if above.is_some() {
            return Err(misplaced(format!("{:?} is in itself", item.guid)));
        }
    }
    Ok(())
}

/// Records of the server's items, each with that of the folder that it is in.
pub(crate) fn places(server: &Server, kind: DatastoreKind) -> Vec<(u32, Option<u32>)> {
    let record = |item: &StoredItem| read(&String::from_utf8_lossy(&item.content)).map(|r| r.0);
    let items = server.items(kind);
    let of = |guid: Guid| items.iter().find(|item| item.guid == guid).and_then(record);
    items
        .iter()
        .filter_map(|item| Some((record(item)?, item.parent.and_then(of))))
        .collect()
}

/// The server's items, in the version it has, of records that a store does not hold.
pub(crate) fn unknown_to(server: &Server, store: &Store) -> Vec<(Guid, ChangeSeq)> {
    let known = held(&store.contents());
    let items = server.items(store.kind).into_iter();
    items
        // folders stay, unless the server knows that the device has some
        .filter(|item| !pim::media::is_folder(&item.media_type))
        .filter(|item| {
            let record = read(&String::from_utf8_lossy(&item.content));
            record.is_some_and(|(record, _)| !known.contains_key(&record))
        })
        .map(|item| (item.guid, item.seq))
        .collect()
}
