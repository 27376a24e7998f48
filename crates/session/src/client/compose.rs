//! The client's messages: statuses first, then what the package brings, within the server's
//! limit.

use syncml::{
    Access, AccessKind, Alert, AlertCode, Anchor, Change, Command, Data, Header, Item, Location,
    Map, MapItem, MessageWriter, Meta, Results, Status, StatusCode, Sync, Version, auth,
};

use super::{Awaited, ChangeKind, Error, Failure, LocalChange, Owed, Phase, Plan, Scheme, Session};

/// Pairs in one Map command.
const MAP_ITEMS: usize = 50;

/// Limit of our own messages where the server names none, so that both sides see progress.
const OWN_LIMIT: usize = 200_000;

/// A message being written.
struct Outgoing {
    writer: MessageWriter,
    limit: usize,
    next_cmd_id: u32,
}

impl Outgoing {
    fn try_command(&mut self, command: &Command<'_>) -> bool {
        let mark = self.writer.mark();
        self.writer.command(command);
        if self.writer.size() > self.limit {
            self.writer.rollback(mark);
            return false;
        }
        self.next_cmd_id += 1;
        true
    }
}

impl Session {
    /// Writes the next message and moves the phase on by what it says.
    pub(super) fn compose(&mut self) -> Result<Vec<u8>, Error> {
        self.msg_id += 1;
        self.final_sent = false;
        let limit = self
            .peer_max_msg_size
            .map_or(OWN_LIMIT, |size| usize::try_from(size).unwrap_or(OWN_LIMIT));
        let header = self.header();
        let mut out = Outgoing {
            writer: MessageWriter::new(self.config.encoding, self.config.version, &header),
            limit: limit.min(OWN_LIMIT),
            next_cmd_id: 1,
        };
        let said_all = self.write_statuses(&mut out) && self.write_devinf_results(&mut out);
        let mut is_final = false;
        if said_all {
            is_final = match self.phase {
                Phase::Alerting => {
                    self.write_initialization(&mut out);
                    self.phase = Phase::Initialization;
                    true
                }
                Phase::Sending => self.write_changes(&mut out)?,
                Phase::Receiving => {
                    self.write_maps(&mut out)?;
                    false
                }
                Phase::Mapping => self.write_maps(&mut out)?,
                Phase::Initialization | Phase::Done => false,
            };
        }
        if !is_final && self.asks_for_more(said_all) {
            let alert = self.next_message(out.next_cmd_id);
            out.try_command(&alert);
        }
        self.final_sent = is_final;
        Ok(out.writer.finish(is_final))
    }

    /// Whether the message needs an alert that asks for the server's next one: when it carries no
    /// command that the server would answer anyway.
    fn asks_for_more(&self, said_all: bool) -> bool {
        !said_all || matches!(self.phase, Phase::Initialization | Phase::Receiving)
    }

    fn header(&self) -> Header<'static> {
        let config = &self.config;
        let cred = (!self.authenticated).then(|| match self.scheme {
            Scheme::Basic => auth::basic_cred(&config.user, &config.password),
            Scheme::Md5 => auth::md5_cred(match config.version {
                Version::V1_0 => auth::md5_v1_0(&config.user, &config.password, &self.nonce),
                _ => auth::md5(
                    &auth::user_digest(&config.user, &config.password),
                    &self.nonce,
                ),
            }),
        });
        let meta = Meta {
            max_msg_size: Some(config.max_msg_size),
            ..Meta::default()
        };
        Header {
            ver_dtd: config.version.dtd().into(),
            ver_proto: config.version.proto().into(),
            session_id: self.id.clone().into(),
            msg_id: self.msg_id.to_string().into(),
            target: Location::new(self.url.clone()),
            source: Location {
                name: Some(config.user.clone().into()),
                ..Location::new(config.device_id.clone())
            },
            cred,
            meta: Some(meta),
            ..Header::default()
        }
    }

    /// Writes the statuses owed; whether all of them fitted.
    fn write_statuses(&mut self, out: &mut Outgoing) -> bool {
        let owed = std::mem::take(&mut self.owed);
        let mut owed = owed.into_iter();
        while let Some(next) = owed.next() {
            let status = status_of(&next, out.next_cmd_id);
            // one that does not even fit alone would never be sent
            if !out.try_command(&Command::Status(status)) && out.next_cmd_id > 1 {
                self.owed = std::iter::once(next).chain(owed).collect();
                return false;
            }
        }
        true
    }

    fn write_devinf_results(&mut self, out: &mut Outgoing) -> bool {
        while let Some((msg_ref, cmd_ref)) = self.asked_devinf.first().cloned() {
            let results = Command::Results(Results {
                cmd_id: out.next_cmd_id.to_string().into(),
                msg_ref: Some(msg_ref.into()),
                cmd_ref: Some(cmd_ref.into()),
                meta: Some(Meta::of_type(self.config.encoding.devinf_media_type())),
                items: vec![self.devinf_item()],
                ..Results::default()
            });
            let fits = out.try_command(&results);
            if !fits && !std::mem::replace(&mut self.devinf_stuck, true) {
                return false;
            }
            // first in two messages and still too large: the server has to do without
            self.asked_devinf.remove(0);
        }
        true
    }

    fn devinf_item(&self) -> Item<'static> {
        Item {
            source: Some(Location::new(self.config.version.devinf_uri())),
            data: Some(Data::DevInf(Box::new(self.devinf()))),
            ..Item::default()
        }
    }

    fn write_initialization(&mut self, out: &mut Outgoing) {
        for index in 0..self.sources.len() {
            let Some(active) = self.sources.get(index).filter(|active| active.is_on()) else {
                continue;
            };
            let last = active.anchors.client.clone();
            let alert = Alert {
                cmd_id: out.next_cmd_id.to_string().into(),
                data: active.source.mode.alert().to_string().into(),
                items: vec![Item {
                    target: Some(Location::new(active.source.remote_uri.clone())),
                    source: Some(Location::new(active.source.local_uri.clone())),
                    meta: Some(Meta {
                        anchor: Some(Anchor {
                            last: Some(last.into()),
                            next: active.next.clone().into(),
                        }),
                        ..Meta::default()
                    }),
                    ..Item::default()
                }],
                ..Alert::default()
            };
            self.await_status(out, Awaited::Alert(index));
            out.writer.command(&Command::Alert(alert));
            out.next_cmd_id += 1;
        }
        let media_type = self.config.encoding.devinf_media_type();
        let access = |kind, cmd_id: u32, item| {
            Command::Access(Access {
                kind,
                cmd_id: cmd_id.to_string().into(),
                no_resp: false,
                lang: None,
                cred: None,
                meta: Some(Meta::of_type(media_type)),
                items: vec![item],
            })
        };
        let put = access(AccessKind::Put, out.next_cmd_id, self.devinf_item());
        out.writer.command(&put);
        out.next_cmd_id += 1;
        let never = self
            .sources
            .iter()
            .all(|active| active.anchors.server.is_empty());
        if never {
            let target = Item {
                target: Some(Location::new(self.config.version.devinf_uri())),
                ..Item::default()
            };
            out.writer
                .command(&access(AccessKind::Get, out.next_cmd_id, target));
            out.next_cmd_id += 1;
        }
    }

    fn await_status(&mut self, out: &Outgoing, what: Awaited) {
        self.awaited.insert((self.msg_id, out.next_cmd_id), what);
    }

    /// Fills the message with changes; whether all of them are out now.
    fn write_changes(&mut self, out: &mut Outgoing) -> Result<bool, Error> {
        for index in 0..self.sources.len() {
            self.begin(index)?;
        }
        if !self.write_maps(out)? {
            return Ok(false);
        }
        for index in 0..self.sources.len() {
            let waits = self
                .sources
                .get(index)
                .is_some_and(|active| active.is_on() && !active.sent_all);
            if waits && !self.write_source(out, index)? {
                return Ok(false);
            }
        }
        self.phase = Phase::Receiving;
        Ok(true)
    }

    /// Tells a replica what is coming, once.
    fn begin(&mut self, index: usize) -> Result<(), Error> {
        let Some(active) = self.sources.get_mut(index) else {
            return Ok(());
        };
        if active.begun || !active.is_on() {
            return Ok(());
        }
        active.begun = true;
        let agreed = active.agreed.unwrap_or(AlertCode::TWO_WAY);
        let plan = Plan {
            all_items: matches!(agreed, AlertCode::SLOW | AlertCode::REFRESH_FROM_CLIENT),
            sends: !matches!(
                agreed,
                AlertCode::ONE_WAY_FROM_SERVER | AlertCode::REFRESH_FROM_SERVER
            ),
            renews_map: matches!(
                agreed,
                AlertCode::SLOW | AlertCode::REFRESH_FROM_CLIENT | AlertCode::REFRESH_FROM_SERVER
            ),
        };
        active.progress.to_send = active.call(|replica| replica.begin(plan))?;
        Ok(())
    }

    /// Writes a Sync with what fits; whether the source has nothing more to send.
    fn write_source(&mut self, out: &mut Outgoing, index: usize) -> Result<bool, Error> {
        let message = self.msg_id;
        let Some(active) = self.sources.get_mut(index) else {
            return Ok(true);
        };
        let counts = self.config.version > Version::V1_0 && !active.opened;
        let start = Sync {
            cmd_id: out.next_cmd_id.to_string().into(),
            target: Some(Location::new(active.source.remote_uri.clone())),
            source: Some(Location::new(active.source.local_uri.clone())),
            number_of_changes: counts.then_some(active.progress.to_send),
            ..Sync::default()
        };
        let before = out.writer.mark();
        out.writer.open_sync(&start);
        if out.writer.size() > out.limit {
            out.writer.rollback(before);
            return Ok(false);
        }
        self.awaited
            .insert((message, out.next_cmd_id), Awaited::Sync(index));
        out.next_cmd_id += 1;
        active.opened = true;
        while let Some(change) = active.call(|replica| replica.next_change())? {
            let cmd_id = out.next_cmd_id;
            if out.try_command(&command_of(&change, cmd_id)) {
                active.progress.sent += 1;
                let awaited = Awaited::Change {
                    source: index,
                    luid: change.luid,
                    kind: change.kind,
                };
                self.awaited.insert((message, cmd_id), awaited);
            } else if active.stuck.as_deref() != Some(change.luid.as_str()) {
                active.stuck = Some(change.luid.clone());
                active.source.replica.unread(change);
                out.writer.close_sync();
                return Ok(false);
            } else {
                active.summary.failed.push(Failure {
                    item: change.luid,
                    reason: format!(
                        "{} bytes are more than the server takes in a message",
                        change.content.len()
                    ),
                });
            }
        }
        out.writer.close_sync();
        active.sent_all = true;
        Ok(true)
    }

    /// Writes the pairs that wait; whether all of them fitted.
    fn write_maps(&mut self, out: &mut Outgoing) -> Result<bool, Error> {
        for index in 0..self.sources.len() {
            let message = self.msg_id;
            let Some(active) = self.sources.get_mut(index) else {
                continue;
            };
            if !active.is_on() || !active.begun {
                continue;
            }
            let awaited = &self.awaited;
            let on_the_way = |guid: &String| {
                awaited
                    .values()
                    .any(|what| matches!(what, Awaited::Map { guids, .. } if guids.contains(guid)))
            };
            let pending = active.call(|replica| replica.pending_maps())?;
            let pending: Vec<_> = pending
                .into_iter()
                .filter(|(guid, _)| !on_the_way(guid))
                .collect();
            for pairs in pending.chunks(MAP_ITEMS) {
                let map = Map {
                    cmd_id: out.next_cmd_id.to_string().into(),
                    target: Location::new(active.source.remote_uri.clone()),
                    source: Location::new(active.source.local_uri.clone()),
                    items: pairs
                        .iter()
                        .map(|(guid, luid)| MapItem {
                            guid: guid.as_str().into(),
                            luid: luid.as_str().into(),
                        })
                        .collect(),
                    ..Map::default()
                };
                let cmd_id = out.next_cmd_id;
                if !out.try_command(&Command::Map(map)) {
                    return Ok(false);
                }
                let guids = pairs.iter().map(|(guid, _)| guid.clone()).collect();
                self.awaited.insert(
                    (message, cmd_id),
                    Awaited::Map {
                        source: index,
                        guids,
                    },
                );
            }
        }
        Ok(true)
    }

    fn next_message(&self, cmd_id: u32) -> Command<'static> {
        Command::Alert(Alert {
            cmd_id: cmd_id.to_string().into(),
            data: AlertCode::NEXT_MESSAGE.to_string().into(),
            items: vec![Item {
                target: Some(Location::new(self.url.clone())),
                source: Some(Location::new(self.config.device_id.clone())),
                ..Item::default()
            }],
            ..Alert::default()
        })
    }
}

fn status_of(owed: &Owed, cmd_id: u32) -> Status<'_> {
    let anchor = owed.anchor.as_ref().map(|next| Item {
        data: Some(Data::Anchor(Anchor {
            last: None,
            next: next.as_str().into(),
        })),
        ..Item::default()
    });
    let refs = |uri: &'_ Option<String>| uri.iter().map(|uri| uri.clone().into()).collect();
    Status {
        cmd_id: cmd_id.to_string().into(),
        msg_ref: owed.msg_ref.as_str().into(),
        cmd_ref: owed.cmd_ref.as_str().into(),
        cmd: owed.cmd.as_str().into(),
        target_refs: refs(&owed.target_ref),
        source_refs: refs(&owed.source_ref),
        data: StatusCode(owed.code.0).to_string().into(),
        items: anchor.into_iter().collect(),
        ..Status::default()
    }
}

fn command_of(change: &LocalChange, cmd_id: u32) -> Command<'_> {
    let source = Some(Location::new(change.luid.as_str()));
    let (kind, item) = match change.kind {
        ChangeKind::Delete => (
            syncml::ChangeKind::Delete,
            Item {
                source,
                ..Item::default()
            },
        ),
        kind => (
            if kind == ChangeKind::Add {
                syncml::ChangeKind::Add
            } else {
                syncml::ChangeKind::Replace
            },
            Item {
                source,
                meta: Some(Meta::of_type(change.media_type.as_str())),
                data: Some(Data::Bytes(change.content.as_slice().into())),
                ..Item::default()
            },
        ),
    };
    Command::Change(Change::new(kind, cmd_id.to_string(), item))
}
