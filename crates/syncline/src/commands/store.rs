//! `syncline store`: datastores and their items.

mod conflict;
mod dedupe;
mod history;
mod tidy;
mod undo;

use std::fs;
use std::path::Path;

use pim::{Converted, Format, Kind, Target};
use serde::Serialize;
use session::store::{Datastore, DatastoreKind, Guid, StoredItem};

use super::folder;
use crate::cli::Store;
use crate::config::Config;
use crate::report::{Failure, Outcome, warn};
use crate::{output, state, world};

pub(super) fn run(command: Store) -> Outcome {
    match command {
        Store::List {
            state: options,
            user,
            json,
        } => list(&state::open_existing(&options)?, &user, json),
        Store::Export {
            state: options,
            user,
            media_type,
            store: name,
            dir,
        } => {
            let store = state::open_existing(&options)?;
            let account = state::account(&store, &user)?;
            let datastore = state::datastore(&store, &account, &name)?;
            export(&store, &datastore, media_type.as_deref(), &dir)
        }
        Store::Import {
            state: options,
            user,
            store: name,
            from,
        } => {
            let store = state::open_existing(&options)?;
            let account = state::account(&store, &user)?;
            let datastore = state::datastore(&store, &account, &name)?;
            import(&store, &datastore, &from)
        }
        Store::History {
            state: options,
            user,
            json,
            store: name,
            guid,
        } => {
            let store = state::open_existing(&options)?;
            let account = state::account(&store, &user)?;
            let datastore = state::datastore(&store, &account, &name)?;
            match guid {
                Some(guid) => history::versions(&store, &datastore, Guid(guid), json),
                None => history::changed(&store, &datastore, json),
            }
        }
        Store::Restore {
            state: options,
            user,
            version,
            undo,
            store: name,
            guid,
        } => {
            let store = state::open_existing(&options)?;
            let account = state::account(&store, &user)?;
            let datastore = state::datastore(&store, &account, &name)?;
            match (&undo.before, guid) {
                (Some(session), _) => undo::run(&store, &datastore, session, &undo),
                (None, Some(guid)) => history::restore(&store, &datastore, Guid(guid), version),
                (None, None) => Err(Failure::usage(
                    "nothing was named to restore; give an item, or a session with --before",
                )),
            }
        }
        Store::Policy {
            state: options,
            user,
            store: name,
            policy,
            default: _,
            device,
            json,
        } => {
            let store = state::open_existing(&options)?;
            let account = state::account(&store, &user)?;
            match name {
                None => conflict::list(&store, &account, json),
                Some(name) => conflict::set(&store, &account, &name, device.as_deref(), policy),
            }
        }
        Store::Dedupe {
            state: options,
            user,
            dry_run,
            json,
            store: name,
        } => {
            let store = state::open_existing(&options)?;
            let account = state::account(&store, &user)?;
            let datastore = state::datastore(&store, &account, &name)?;
            dedupe::run(&store, &datastore, dry_run, json)
        }
        Store::Tidy {
            state: options,
            dry_run,
            json,
        } => {
            let keep = Config::load(options.config.as_deref())?.keep;
            tidy::run(&state::open_existing(&options)?, keep, dry_run, json)
        }
        Store::Conflicts {
            state: options,
            user,
            json,
            store: name,
        } => {
            let store = state::open_existing(&options)?;
            let account = state::account(&store, &user)?;
            let datastore = state::datastore(&store, &account, &name)?;
            history::overruled(&store, &datastore, json)
        }
    }
}

#[derive(Serialize)]
struct Row {
    name: String,
    items: u64,
    uri: String,
    types: Vec<&'static str>,
}

fn list(store: &store::Store, user: &str, json: bool) -> Outcome {
    let account = state::account(store, user)?;
    let rows: Vec<Row> = store
        .datastores_summary(account.id)?
        .into_iter()
        .map(|(datastore, items)| Row {
            uri: datastore.name.clone(),
            name: datastore.name,
            items,
            types: datastore
                .kind
                .content_types()
                .iter()
                .map(|(media_type, _)| *media_type)
                .collect(),
        })
        .collect();
    if json {
        return output::json(&rows);
    }
    let rows = rows
        .into_iter()
        .map(|row| vec![row.name, row.items.to_string(), row.types.join(", ")]);
    output::table(&["datastore", "items", "types"], rows.collect(), "")
}

/// Items read from the state at a time.
const PAGE: usize = 200;

fn export(
    store: &store::Store,
    datastore: &Datastore,
    media_type: Option<&str>,
    dir: &Path,
) -> Outcome {
    fs::create_dir_all(dir).map_err(|error| folder::unusable(dir, &error))?;
    let mut last = Guid(0);
    let (mut exported, mut failed) = (0_u64, 0_u64);
    loop {
        let page = store.items_page(datastore.id, last, PAGE)?;
        let Some(end) = page.last() else {
            break;
        };
        last = end.guid;
        for item in &page {
            if export_item(item, media_type, dir)? {
                exported += 1;
            } else {
                failed += 1;
            }
        }
    }
    output::line(format_args!("exported {exported} items"))?;
    if failed > 0 {
        return Err(Failure::partly());
    }
    Ok(())
}

/// Writes an item to its file; whether it could be written in the type wanted.
fn export_item(item: &StoredItem, wanted: Option<&str>, dir: &Path) -> Outcome<bool> {
    let converted = match wanted.map(|wanted| in_type(item, wanted)).transpose() {
        Ok(converted) => converted.flatten(),
        Err(reason) => {
            warn(format_args!("{reason}; export it without --type"));
            return Ok(false);
        }
    };
    let (media_type, content) = match &converted {
        Some(converted) => (converted.media_type, &converted.bytes),
        None => (item.media_type.as_str(), &item.content),
    };
    let lost = converted.as_ref().map_or(0, |one| one.lost.len());
    if lost > 0 {
        warn(format_args!(
            "item {} says more than {media_type} can hold: {lost} lines are left out or cut",
            item.guid.0
        ));
    }
    let extension = pim::media::extension_of(media_type, content);
    let path = dir.join(format!("{}.{extension}", item.guid.0));
    fs::write(&path, content).map_err(|error| {
        Failure::input(format_args!(
            "{} cannot be written: {error}; check space and permissions",
            path.display()
        ))
    })?;
    Ok(true)
}

/// An item in a media type, `None` where it is in that already; or why it cannot be.
fn in_type(item: &StoredItem, wanted: &str) -> Result<Option<Converted>, String> {
    let held = Format::of(&item.media_type, &item.content);
    let held_type = held.map_or(item.media_type.as_str(), |format| format.media_type());
    let target = Format::of_media_type(wanted);
    if pim::media::same_media(wanted, held_type) && (target == held || !wanted.contains(';')) {
        return Ok(None);
    }
    let target = target.map(|format| Target {
        format,
        quoted_printable: true,
    });
    target
        .and_then(|target| pim::convert(&item.content, &item.media_type, target).ok())
        .map(Some)
        .ok_or_else(|| {
            let guid = item.guid.0;
            format!("item {guid} is {held_type} and cannot be written as {wanted}")
        })
}

/// Items written to the state at a time.
const BATCH: usize = 500;

fn import(store: &store::Store, datastore: &Datastore, from: &Path) -> Outcome {
    let mut batch = Vec::new();
    let (mut imported, mut failed) = (0, 0);
    let files = if from.is_file() {
        vec![(from.to_owned(), Ok(()))]
    } else {
        folder::entries(from)?
    };
    for (path, readable) in files {
        let content = match readable.and_then(|()| read(&path)) {
            Ok(content) => content,
            Err(reason) => {
                warn(format_args!("{} {reason}", path.display()));
                failed += 1;
                continue;
            }
        };
        for part in pim::split(&content) {
            match part {
                Ok(part) if fits(datastore.kind, part.media_type, &part.content) => {
                    batch.push((part.media_type.to_owned(), part.content));
                }
                Ok(part) => {
                    let (what, home) = component(part.media_type, &part.content);
                    warn(format_args!(
                        "{} holds {what}, which belongs into {home} and not into {}",
                        path.display(),
                        datastore.name
                    ));
                    failed += 1;
                }
                Err(error) => {
                    warn(format_args!("{}: {error}", path.display()));
                    failed += 1;
                }
            }
            if batch.len() >= BATCH {
                imported += store.import(datastore.id, std::mem::take(&mut batch), world::now())?;
            }
        }
    }
    imported += store.import(datastore.id, batch, world::now())?;
    output::line(format_args!("imported {imported} items"))?;
    if failed > 0 {
        return Err(Failure::partly());
    }
    Ok(())
}

/// The content of a file, or why there is nothing in it to import.
fn read(path: &Path) -> Result<Vec<u8>, String> {
    let content = fs::read(path).map_err(|error| format!("cannot be read: {error}"))?;
    if content.trim_ascii().is_empty() {
        return Err("is empty".to_owned());
    }
    Ok(content)
}

/// What people call an item, and the datastore where such items belong.
fn component(media_type: &str, content: &[u8]) -> (&'static str, &'static str) {
    match pim::media::kind_of(media_type, content) {
        Kind::Contact => ("a VCARD", "contacts"),
        Kind::Event => ("a VEVENT", "calendar"),
        Kind::Task => ("a VTODO", "tasks"),
        Kind::Journal => ("a VJOURNAL", "notes"),
        Kind::Note if media_type == Format::VNote.media_type() => ("a VNOTE", "notes"),
        Kind::Note => ("plain text", "notes"),
        Kind::Bookmark => ("a VBKM", "no datastore"),
        Kind::Other => ("something else", "no datastore"),
    }
}

/// Whether a datastore of that kind takes such an item.
fn fits(datastore: DatastoreKind, media_type: &str, content: &[u8]) -> bool {
    let kind = pim::media::kind_of(media_type, content);
    match datastore {
        DatastoreKind::Contacts => kind == Kind::Contact,
        DatastoreKind::Calendar => kind == Kind::Event,
        DatastoreKind::Tasks => kind == Kind::Task,
        DatastoreKind::Notes => matches!(kind, Kind::Note | Kind::Journal),
        DatastoreKind::Mail | DatastoreKind::Files => datastore.takes(media_type, content),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_belong_where_their_component_says() {
        let task = b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VTODO\r\nSUMMARY:x\r\n";
        assert!(fits(DatastoreKind::Tasks, "text/calendar", task));
        assert!(!fits(DatastoreKind::Calendar, "text/calendar", task));
        let card = b"BEGIN:VCARD\r\nFN:x\r\nEND:VCARD\r\n";
        assert!(fits(DatastoreKind::Contacts, "text/vcard", card));
        assert!(!fits(DatastoreKind::Notes, "text/vcard", card));
        assert!(fits(DatastoreKind::Notes, "text/plain", b"buy milk"));
        assert!(!fits(DatastoreKind::Contacts, "text/plain", b"buy milk"));
    }
}
