//! Search: the server's items that match a query (Representation Protocol, Search).
//!
//! The query is asked of the whole items; what is found is shown as the device would be sent it.

use std::rc::Rc;

use syncml::{Command, Item, Location, Results, Search, StatusCode};

use super::Run;
use super::state::{Login, Owed};
use super::view::View;
use crate::content::packed;
use crate::filter::{GRAMMAR, Query, Record};
use crate::peer::{Capabilities, datastore_for};
use crate::store::{
    ChangeSeq, DatastoreId, Guid, LinkId, PendingRange, Permission, StoreError, StoredItem,
};

/// Bytes of the contents that are read with the items.
const LARGE: usize = 4096;

/// Items that the searches of one message look through.
const MOST_SEARCHED: usize = 20_000;

/// Items that one search brings.
const MOST_FOUND: usize = 500;

/// Items read at a time.
const BATCH: usize = 200;

impl Run<'_> {
    // spec: M18
    pub(super) fn take_search(
        &mut self,
        command: &Command<'_>,
        search: &Search<'_>,
    ) -> Result<(), StoreError> {
        let code = match self.search(command, search)? {
            Ok(code) | Err(code) => code,
        };
        self.push_status(command, code);
        Ok(())
    }

    fn search(
        &mut self,
        command: &Command<'_>,
        search: &Search<'_>,
    ) -> Result<Result<StatusCode, StatusCode>, StoreError> {
        let grammar = search
            .meta
            .as_ref()
            .and_then(|meta| meta.media_type.as_deref());
        let grammar = grammar.unwrap_or_default().trim();
        if !grammar.is_empty() && !grammar.eq_ignore_ascii_case(GRAMMAR) {
            return Ok(Err(StatusCode::UNKNOWN_GRAMMAR));
        }
        let Ok(query) = Query::parse(&search.data.to_text()) else {
            return Ok(Err(StatusCode::BAD_CGI));
        };
        let Some(login) = self.state.login.clone() else {
            return Ok(Err(StatusCode::MISSING_CREDENTIALS));
        };
        let known = self.tx.datastores(login.id())?;
        let mut found = 0;
        for source in &search.sources {
            let name = self.name_meant(&source.uri, "");
            let Some(datastore) = known.iter().find(|datastore| datastore.name == name) else {
                return Ok(Err(StatusCode::NOT_FOUND));
            };
            if self.tx.permission(datastore.id, &self.state.device)? == Permission::Refused {
                return Ok(Err(StatusCode::FORBIDDEN));
            }
            if self.searched >= MOST_SEARCHED {
                return Ok(Err(StatusCode::RETRY_LATER));
            }
            let hits = self.hits(datastore.id, login.device, &query)?;
            for guid in hits {
                if found >= MOST_FOUND {
                    break;
                }
                found += 1;
                if !search.no_results {
                    self.state.owed.push(Owed::Found {
                        msg_ref: self.header.msg_id.to_string(),
                        cmd_ref: command.cmd_id().to_owned(),
                        datastore: datastore.id.number,
                        guid,
                    });
                }
            }
        }
        Ok(Ok(
            if found >= MOST_FOUND || self.searched >= MOST_SEARCHED {
                StatusCode::PARTIAL_CONTENT
            } else {
                StatusCode::OK
            },
        ))
    }

    /// The GUIDs of a datastore's items that match.
    fn hits(
        &mut self,
        datastore: DatastoreId,
        device: i64,
        query: &Query,
    ) -> Result<Vec<i64>, StoreError> {
        let link = LinkId { datastore, device };
        let until = self.tx.last_change(datastore)?;
        let mut after = ChangeSeq(0);
        let mut hits = Vec::new();
        let generation = self.tx.link(link)?.map(|known| known.generation);
        let generation = generation.filter(|_| query.asks_for_luids());
        loop {
            let range = PendingRange {
                after,
                until,
                // a map that there never is: every item is one that is not held
                generation: -1,
                limit: BATCH,
                inline: LARGE,
                with_held: false,
                period: query.period(),
                with_occurrences: false,
            };
            let batch = self.tx.pending(link, range)?;
            let is_last = batch.len() < BATCH;
            for pending in batch {
                after = pending.item.seq;
                self.searched += 1;
                let mut content = pending.item.content;
                if content.is_empty() {
                    let length = usize::try_from(pending.size).unwrap_or(usize::MAX);
                    let guid = pending.item.guid;
                    content = self.tx.content_slice(datastore, guid, 0, length)?;
                    // it costs what many small ones do
                    self.searched += length / LARGE;
                }
                let mapping = match generation {
                    Some(_) => self.tx.mapping_of(link, pending.item.guid)?,
                    None => None,
                };
                let mapping = mapping.filter(|known| Some(known.generation) == generation);
                let record = Record {
                    media_type: &pending.item.media_type,
                    content: &content,
                    luid: mapping.as_ref().map(|known| known.luid.as_str()),
                    modified: pending.item.modified,
                };
                if query.matches(&record) {
                    hits.push(pending.item.guid.0);
                }
            }
            if is_last || hits.len() > MOST_FOUND || self.searched >= MOST_SEARCHED {
                return Ok(hits);
            }
        }
    }

    /// The result that brings an item that a Search found. It is empty where the item has gone
    /// since, or the device could keep nothing of it.
    // spec: M18
    pub(super) fn found_command(
        &mut self,
        cmd_id: String,
        (msg_ref, cmd_ref): (&str, &str),
        number: i64,
        guid: i64,
    ) -> Result<Command<'static>, StoreError> {
        let account = self.state.login.as_ref().map(Login::id);
        let item = match account {
            Some(account) => self.tx.item(DatastoreId { account, number }, Guid(guid))?,
            None => None,
        };
        let found = match item.filter(|item| !item.deleted) {
            Some(item) => Some(self.as_found(number, item)?),
            None => None,
        };
        let items = found.filter(|(_, bytes)| !bytes.is_empty());
        let items = items.map(|(media_type, bytes)| {
            let (meta, data) = packed(media_type, bytes);
            Item {
                source: Some(Location::new(guid.to_string())),
                meta: Some(meta),
                data: Some(data),
                ..Item::default()
            }
        });
        Ok(Command::Results(Results {
            cmd_id: cmd_id.into(),
            msg_ref: Some(msg_ref.to_owned().into()),
            cmd_ref: Some(cmd_ref.to_owned().into()),
            items: items.into_iter().collect(),
            ..Results::default()
        }))
    }

    /// The media type and content of an item as the device is shown it.
    fn as_found(&mut self, number: i64, item: StoredItem) -> Result<(String, Vec<u8>), StoreError> {
        let view = self.search_view(number)?;
        let shown = view.show(&item.media_type, &item.content);
        Ok(match shown {
            Some(shown) => (shown.media_type, shown.bytes),
            None => (item.media_type, item.content),
        })
    }

    /// How the device is shown what a search finds in a datastore, which it need not have alerted:
    /// then its formats tell which of its own goes with it. A filter of the session is left out, for
    /// the search has a query of its own.
    fn search_view(&mut self, number: i64) -> Result<Rc<View>, StoreError> {
        if let Some(view) = self.search_views.get(&number) {
            return Ok(Rc::clone(view));
        }
        self.read_devinf()?;
        let known = match &self.state.login {
            Some(login) => self.tx.datastores(login.id())?,
            None => Vec::new(),
        };
        let view = match known.iter().find(|datastore| datastore.id.number == number) {
            Some(datastore) => {
                let mut alerted = self.state.datastores.iter();
                let source = match alerted.find(|ds| ds.number == number) {
                    Some(ds) => Some(ds.source.as_str()),
                    None => (self.devinf.as_ref())
                        .and_then(|devinf| datastore_for(devinf, datastore.kind)),
                };
                let source = source.unwrap_or_default();
                let rules = &self.state.rules;
                let devinf = self.devinf.as_ref();
                let properties = Capabilities::properties(devinf, rules, source, datastore.kind);
                View::of(
                    &self.capabilities(source),
                    &properties,
                    rules,
                    datastore.kind,
                    self.config.zone.as_ref(),
                    (self.state.version(), self.request.now),
                )
            }
            None => View::default(),
        };
        let view = Rc::new(view);
        self.search_views.insert(number, Rc::clone(&view));
        Ok(view)
    }
}
