//! What a person does in a datastore with folders: makes them, fills them, moves what is in them,
//! and deletes them with all inside or because they are empty.

use std::collections::BTreeMap;

use fastrand::Rng;

use crate::device::Store;
use crate::items::{is_folder, media_type_of};
use crate::ledger::Ledger;

/// Items below which persons rather add than delete.
const FEW_ITEMS: usize = 16;

/// LUIDs of a store, each with its content and the LUID of its folder.
type Tree = BTreeMap<String, (String, Option<String>)>;

/// A person of the device of that number does something in the store; what, in words.
pub(crate) fn person(
    store: &Store,
    number: usize,
    ledger: &mut Ledger,
    rng: &mut Rng,
    filling: usize,
) -> Option<String> {
    let tree = store.tree();
    let what = rng.u8(..20);
    if tree.is_empty() || what < if tree.len() < FEW_ITEMS { 8 } else { 3 } {
        return Some(make(store, number, &tree, ledger, rng, filling));
    }
    let luids: Vec<&String> = tree.keys().collect();
    let luid = luids.get(rng.usize(..luids.len()))?.as_str();
    let (content, _) = tree.get(luid)?;
    match what {
        0..13 => {
            let newer = ledger.edit(content, filling, store.keeps)?;
            store.memory().edit(luid, newer.as_bytes());
            Some(format!("edits {luid}: {newer:?}"))
        }
        13..17 if store.has_folders => {
            let folder = choose_folder(&tree, rng).filter(|folder| !is_in(&tree, folder, luid));
            store.memory().put_into(luid, folder.as_deref());
            ledger.moved(content, number, record_at(&tree, folder.as_deref()));
            Some(format!("moves {luid} into {folder:?}"))
        }
        _ => {
            // what is in a folder goes before it
            let mut gone: Vec<(usize, &str)> = luids
                .iter()
                .filter_map(|inside| Some((depth_below(&tree, inside, luid)?, inside.as_str())))
                .collect();
            gone.sort_unstable_by(|a, b| b.cmp(a));
            for (_, luid) in &gone {
                if let Some((content, _)) = tree.get(*luid) {
                    ledger.delete(content, number, store.is_settled());
                }
                store.memory().remove(luid);
            }
            Some(format!("deletes {gone:?}"))
        }
    }
}

fn make(
    store: &Store,
    number: usize,
    tree: &Tree,
    ledger: &mut Ledger,
    rng: &mut Rng,
    filling: usize,
) -> String {
    let content = if store.has_folders && rng.u8(..3) == 0 {
        ledger.create_folder()
    } else {
        ledger.create(filling, store.keeps)
    };
    let media_type = media_type_of(store.kind, &content);
    let mut memory = store.memory();
    let luid = memory.insert(media_type, content.as_bytes());
    let folder = choose_folder(tree, rng);
    if folder.is_some() {
        memory.put_into(&luid, folder.as_deref());
    }
    ledger.moved(&content, number, record_at(tree, folder.as_deref()));
    format!("makes {luid} in {folder:?}: {content:?}")
}

/// Some folder, or the root.
fn choose_folder(tree: &Tree, rng: &mut Rng) -> Option<String> {
    let folders = tree.iter().filter(|(_, (content, _))| is_folder(content));
    let folders: Vec<&String> = folders.map(|(luid, _)| luid).collect();
    let which = rng.usize(..=folders.len());
    folders.get(which).map(|luid| (*luid).clone())
}

/// Folders between an item and the one that it is in; `None` where it is not in it.
fn depth_below(tree: &Tree, luid: &str, folder: &str) -> Option<usize> {
    let mut at = luid;
    for depth in 0..=tree.len() {
        if at == folder {
            return Some(depth);
        }
        at = tree.get(at)?.1.as_deref()?;
    }
    None
}

fn is_in(tree: &Tree, luid: &str, folder: &str) -> bool {
    depth_below(tree, luid, folder).is_some()
}

fn record_at(tree: &Tree, luid: Option<&str>) -> Option<u32> {
    let (content, _) = tree.get(luid?)?;
    crate::items::read(content).map(|(record, _)| record)
}
