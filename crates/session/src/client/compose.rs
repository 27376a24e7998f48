//! The client's messages: statuses first, then what the package brings, within the server's
//! limit.

use std::collections::BTreeSet;

use syncml::{
    Access, AccessKind, Alert, AlertCode, Anchor, Chal, Change, Command, Cred, Data, Header, Item,
    Location, Map, MapItem, Mem, MessageWriter, Meta, Results, Status, StatusCode, Sync, Version,
    auth,
};

use crate::brief;
use crate::filter::{Filter, Kind};
use crate::uri::is_readable;

use super::{
    Awaited, ChangeKind, Error, Failure, LocalChange, Login, MAX_STUCK, Owed, Phase, Plan, Room,
    Scheme, Session, Source, Suspending, large, renews_map,
};

/// Pairs in one Map command.
const MAP_ITEMS: usize = 50;

/// Limit of our own messages where the server names none, so that both sides see progress.
const OWN_LIMIT: usize = 200_000;

/// A message being written.
// spec: A11
pub(super) struct Outgoing {
    pub(super) writer: MessageWriter,
    /// Bytes that the message should have at most.
    pub(super) limit: usize,
    /// Bytes that the server takes at most.
    whole_limit: usize,
    pub(super) next_cmd_id: u32,
}

impl Outgoing {
    // spec: A15
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

    /// Writes device information with as much in it as fits; whether any does.
    fn try_forms(&mut self, command: Command<'_>) -> bool {
        // all of the client's datastores are wanted: it names those that it syncs
        let mut forms = brief::forms(command, |_| true);
        forms.any(|form| self.try_command(&form))
    }
}

impl Session {
    /// Writes the next message and moves the phase on by what it says.
    // spec: A10 B01 B02 B03
    pub(super) fn compose(&mut self) -> Result<Vec<u8>, Error> {
        self.msg_id += 1;
        let by_rule = self.server.rules.message_limit.into_iter();
        let limit = by_rule.chain(self.peer_max_msg_size).min();
        let limit = limit.map_or(usize::MAX, |size| {
            usize::try_from(size).unwrap_or(usize::MAX)
        });
        let header = self.header();
        let mut out = Outgoing {
            writer: MessageWriter::new(self.config.encoding, self.config.version, &header),
            limit: limit.min(OWN_LIMIT),
            whole_limit: limit,
            next_cmd_id: 1,
        };
        if self.busy {
            // spec: K02
            let alert = self.server_alert(AlertCode::RESULT, out.next_cmd_id);
            out.try_command(&alert);
            return Ok(out.writer.finish(false));
        }
        if self.unknown_scheme.is_some() {
            // no login can follow: the session ends with this message
            self.write_statuses(&mut out);
            return Ok(out.writer.finish(true));
        }
        let said_all = self.write_statuses(&mut out)
            && self.write_unended(&mut out)
            && self.write_devinf_results(&mut out);
        if self.suspending == Suspending::Wanted {
            return self.write_suspension(out);
        }
        let mut is_final = false;
        if said_all {
            is_final = match self.phase {
                Phase::Alerting => self.write_first(&mut out)?,
                Phase::Sending => self.write_changes(&mut out)?,
                Phase::Receiving => {
                    self.write_maps(&mut out)?;
                    false
                }
                Phase::Mapping => self.write_last_maps(&mut out)?,
                Phase::Initialization | Phase::Closing | Phase::Done => false,
            };
        }
        if !is_final && self.asks_for_more(said_all) {
            let alert = self.server_alert(AlertCode::NEXT_MESSAGE, out.next_cmd_id);
            out.try_command(&alert);
        }
        Ok(out.writer.finish(is_final))
    }

    /// Ends a message that suspends the session: the maps that wait, and alert 224.
    // spec: I01
    fn write_suspension(&mut self, mut out: Outgoing) -> Result<Vec<u8>, Error> {
        self.write_maps(&mut out)?;
        let key = (self.msg_id, out.next_cmd_id);
        let alert = self.server_alert(AlertCode::SUSPEND, out.next_cmd_id);
        if out.try_command(&alert) {
            self.suspending = Suspending::Told;
            self.awaited.insert(key, Awaited::Suspend);
        }
        let is_told = self.suspending == Suspending::Told;
        Ok(out.writer.finish(is_told))
    }

    /// Tells the server of its objects that were not ended; whether all of it fitted.
    fn write_unended(&mut self, out: &mut Outgoing) -> bool {
        while let Some((target, source)) = self.unended.first().cloned() {
            let alert = Command::Alert(Alert {
                cmd_id: out.next_cmd_id.to_string().into(),
                data: AlertCode::NO_END_OF_DATA.to_string().into(),
                items: vec![Item {
                    target: target.map(Location::new),
                    source: source.map(Location::new),
                    ..Item::default()
                }],
                ..Alert::default()
            });
            if !out.try_command(&alert) {
                return false;
            }
            self.unended.remove(0);
        }
        true
    }

    /// Package 1, and with it package 3 where that is wanted and the server is known; whether the
    /// message is its last.
    // spec: B21
    fn write_first(&mut self, out: &mut Outgoing) -> Result<bool, Error> {
        if !self.write_initialization(out) {
            return Ok(false);
        }
        // a message that begins a session is bound to it by its digest alone: a copy of one with a
        // password, that comes late, would undo what was changed since
        if !self.is_at_once || self.scheme == Scheme::Basic {
            return Ok(true);
        }
        for active in &mut self.sources {
            active.early = true;
        }
        self.phase = Phase::Sending;
        self.write_changes(out)
    }

    /// Whether the message needs an alert that asks for the server's next one: when it carries no
    /// command that the server would answer anyway.
    // spec: B04 B05
    fn asks_for_more(&self, said_all: bool) -> bool {
        let waits = matches!(
            self.phase,
            Phase::Initialization | Phase::Receiving | Phase::Closing
        );
        !said_all || waits
    }

    // spec: A01 A02 A09 J11
    fn header(&self) -> Header<'static> {
        let config = &self.config;
        let (user, password) = (&config.user, &config.password);
        let cred = match self.scheme {
            _ if self.authenticated || self.unknown_scheme.is_some() => None,
            Scheme::Mac => None,
            Scheme::Basic => Some(auth::basic_cred(user, password)),
            Scheme::Md5 => Some(self.digest_over(&self.nonce, (user, password))),
        };
        let meta = Meta {
            max_msg_size: Some(config.max_msg_size),
            // the writer leaves it out before 1.1
            max_obj_size: Some(config.max_obj_size),
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

    /// A login in the way that a challenge asks for, where that is possible and shows the password to
    /// nobody; ours to the server where none is given.
    // spec: E16
    pub(super) fn cred_for(&self, chal: &Chal<'_>, login: Option<&Login>) -> Option<Cred<'static>> {
        let config = &self.config;
        let (user, password) = match login {
            Some(own) => (&own.user, &own.password),
            None => (&config.user, &config.password),
        };
        let scheme = chal.meta.media_type.as_deref().unwrap_or_default().trim();
        let nonce = chal.meta.next_nonce.as_deref().unwrap_or_default();
        if scheme.eq_ignore_ascii_case(auth::BASIC) {
            let is_private = config.basic_first || !is_readable(&self.url);
            return is_private.then(|| auth::basic_cred(user, password));
        }
        scheme
            .eq_ignore_ascii_case(auth::MD5)
            .then(|| self.digest_over(nonce, (user, password)))
    }

    fn digest_over(&self, nonce: &[u8], (user, password): (&str, &str)) -> Cred<'static> {
        auth::md5_cred(match self.config.version {
            Version::V1_0 => auth::md5_v1_0(user, password, nonce),
            _ => auth::md5(&auth::user_digest(user, password), nonce),
        })
    }

    /// What proves a message to a server that has asked for such a proof.
    // spec: N21
    pub(super) fn mac_of(&self, body: &[u8]) -> Option<String> {
        let is_wanted = !self.authenticated && self.unknown_scheme.is_none();
        if !is_wanted || self.scheme != Scheme::Mac {
            return None;
        }
        let config = &self.config;
        let digest = auth::user_digest(&config.user, &config.password);
        let mac = auth::Mac {
            user: config.user.clone(),
            digest: auth::mac(&digest, &self.nonce, body),
        };
        Some(mac.to_string())
    }

    /// Writes the statuses owed; whether all of them fitted.
    // spec: C02 C03
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

    // spec: F03 S04
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
            // first in two messages and still too large: the server has to do with less, or without
            let _ = fits || out.try_forms(results);
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

    /// Fills the message with package 1; whether it is complete.
    fn write_initialization(&mut self, out: &mut Outgoing) -> bool {
        for index in 0..self.sources.len() {
            if !self.write_alert(out, index) {
                return false;
            }
        }
        if !self.write_devinf_exchange(out) {
            return false;
        }
        self.phase = Phase::Initialization;
        true
    }

    /// Writes the alert of a source once; whether it is written.
    // spec: B13 G08 G21 I09 M25 S05
    fn write_alert(&mut self, out: &mut Outgoing, index: usize) -> bool {
        let Some(active) = self.sources.get_mut(index) else {
            return true;
        };
        if active.alerted || !active.is_on() {
            return true;
        }
        // spec: I03 I04
        let (code, last) = match &active.unfinished {
            Some(unfinished) => (AlertCode::RESUME, unfinished.last.clone()),
            None => (active.source.mode.alert(), active.anchors.client.clone()),
        };
        let login = active.login.as_ref().filter(|_| active.cred.is_some());
        let name = login.map(|login| login.user.clone());
        let alert = Alert {
            cmd_id: out.next_cmd_id.to_string().into(),
            // spec: E16
            cred: active.cred.clone(),
            data: code.to_string().into(),
            items: vec![Item {
                target: Some(target_of(&active.source, self.config.version)),
                source: Some(Location {
                    // a digest does not say whose it is
                    name: name.map(Into::into),
                    ..Location::new(active.source.local_uri.clone())
                }),
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
        let cmd_id = out.next_cmd_id;
        if out.try_command(&Command::Alert(alert)) {
            active.alerted = true;
            self.awaited
                .insert((self.msg_id, cmd_id), Awaited::Alert(index));
            return true;
        }
        if cmd_id > 3 {
            return false;
        }
        active.fail("the server takes no message that is large enough for its alert");
        true
    }

    /// Puts our device information and gets the server's, once each; whether both are written.
    // spec: F01
    fn write_devinf_exchange(&mut self, out: &mut Outgoing) -> bool {
        let media_type = self.config.encoding.devinf_media_type();
        // of folders the server has to say each time that it knows them
        let has_folders = |active: &super::Active| active.has_folders(self.config.version);
        let knows_server = !self.sources.iter().any(has_folders)
            && self
                .sources
                .iter()
                .any(|active| !active.anchors.server.is_empty());
        let hash = crate::hash::hash(&self.devinf().to_xml(self.config.version));
        let target = Item {
            target: Some(Location::new(self.config.version.devinf_uri())),
            ..Item::default()
        };
        let exchange = [
            (AccessKind::Put, self.devinf_item()),
            (AccessKind::Get, target),
        ];
        for (place, (kind, item)) in exchange.into_iter().enumerate() {
            let done = self.devinf_exchanged.get_mut(place);
            let Some(done) = done.filter(|done| !**done) else {
                continue;
            };
            // spec: F02
            let is_known = match kind {
                AccessKind::Get => !self.server.is_in_doubt,
                AccessKind::Put => self.devinf_sent == Some(hash),
            };
            let is_unwanted = kind == AccessKind::Put && !self.server.rules.put_devinf;
            if is_unwanted || (knows_server && is_known) {
                continue;
            }
            let cmd_id = out.next_cmd_id;
            let command = Command::Access(Access {
                kind,
                cmd_id: cmd_id.to_string().into(),
                no_resp: false,
                lang: None,
                cred: None,
                meta: Some(Meta::of_type(media_type)),
                items: vec![item],
            });
            let mut written = out.try_command(&command);
            if !written && cmd_id > 1 && !std::mem::replace(&mut self.devinf_stuck, true) {
                return false;
            }
            // first in two messages and still too large: the server has to do with less, or without
            written = written || out.try_forms(command);
            self.devinf_stuck = false;
            *done = true;
            if written && kind == AccessKind::Put {
                self.awaited
                    .insert((self.msg_id, cmd_id), Awaited::DevInf(hash));
            }
        }
        true
    }

    /// Fills the message with changes; whether all of them are out now.
    // spec: I11
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
                .is_some_and(|active| active.is_on() && !active.sent_all && !active.again);
            if waits && !self.write_source(out, index)? {
                return Ok(false);
            }
        }
        self.phase = Phase::Receiving;
        Ok(true)
    }

    /// Tells a replica what is coming, once.
    // spec: I09 S16
    pub(super) fn begin(&mut self, index: usize) -> Result<(), Error> {
        let Some(active) = self.sources.get_mut(index) else {
            return Ok(());
        };
        if active.begun || !active.is_on() {
            return Ok(());
        }
        active.begun = true;
        let agreed = active.agreed.unwrap_or(active.source.mode.alert());
        let resumes = active.resumed;
        if !resumes {
            // there is nothing to go on with until the server has agreed to it
            let unfinished = (!active.early).then(|| active.begun_as(agreed));
            active.call(|replica| {
                replica.end_partial()?;
                replica.set_unfinished(unfinished.as_ref())
            })?;
        }
        let plan = Plan {
            resumes,
            all_items: matches!(agreed, AlertCode::SLOW | AlertCode::REFRESH_FROM_CLIENT),
            sends: !matches!(
                agreed,
                AlertCode::ONE_WAY_FROM_SERVER | AlertCode::REFRESH_FROM_SERVER
            ),
            renews_map: renews_map(agreed),
        };
        active.progress.to_send = active.call(|replica| replica.begin(plan))?;
        Ok(())
    }

    /// Writes a Sync with what fits; whether the source has nothing more to send.
    // spec: B09 B15 J16 M25 R08 S06
    fn write_source(&mut self, out: &mut Outgoing, index: usize) -> Result<bool, Error> {
        let message = self.msg_id;
        let Some(active) = self.sources.get_mut(index) else {
            return Ok(true);
        };
        // spec: F15
        let may_count = self.config.version > Version::V1_0 && self.server.takes_counts();
        let counts = may_count && !active.opened;
        // spec: K06
        let room = active.call(|replica| replica.room())?;
        let start = Sync {
            cmd_id: out.next_cmd_id.to_string().into(),
            target: Some(Location::new(active.source.remote_uri.clone())),
            source: Some(Location::new(active.source.local_uri.clone())),
            number_of_changes: counts.then_some(active.progress.to_send),
            meta: room.filter(|_| !active.opened).map(mem_of),
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
        // nothing but the statuses that every message has
        let almost_empty = out.next_cmd_id <= 3;
        out.next_cmd_id += 1;
        let first = out.next_cmd_id;
        let usual_limit = out.limit;
        active.opened = true;
        let mut has_ended_one = false;
        loop {
            if self.sources.get(index).is_some_and(|a| a.sending.is_some()) {
                // the server keeps what comes of one object, in case that this session breaks
                if has_ended_one {
                    out.writer.close_sync();
                    return Ok(false);
                }
                match self.write_chunk(out, index) {
                    large::Step::Written | large::Step::NoRoom => {
                        out.writer.close_sync();
                        return Ok(false);
                    }
                    large::Step::Ended => {
                        has_ended_one = true;
                        if let Some(active) = self.sources.get_mut(index) {
                            active.progress.sent += 1;
                            active.stuck = 0;
                        }
                    }
                }
                continue;
            }
            let Some(active) = self.sources.get_mut(index) else {
                break;
            };
            let Some(mut change) = active.call(|replica| replica.next_change())? else {
                break;
            };
            // spec: M09
            if change.stays {
                change.parent = None;
            } else if active.says_root(self.config.version, change.kind) {
                change.parent.get_or_insert_with(|| ROOT.to_owned());
            }
            // spec: M08
            if !active.peer_folders {
                change.parent = None;
                active.call(|replica| replica.place_untold(&change.luid))?;
                if change.kind == ChangeKind::Move {
                    // it has not changed, as far as the server is concerned
                    active.call(|replica| replica.confirm(&change.luid))?;
                    continue;
                }
            }
            let cmd_id = out.next_cmd_id;
            if cmd_id == first && almost_empty {
                // a large item has a message for itself
                out.limit = out.whole_limit;
            }
            let whole_limit = out.whole_limit;
            // written out an item is no shorter; one that cannot fit is not copied to find that out
            let fits = change.content.len() <= whole_limit
                && out.try_command(&command_of(&change, cmd_id));
            out.limit = usual_limit;
            if fits {
                active.progress.sent += 1;
                active.stuck = 0;
                let awaited = Awaited::Change {
                    source: index,
                    luid: change.luid,
                    kind: change.kind,
                };
                self.awaited.insert((message, cmd_id), awaited);
                continue;
            }
            // spec: J10
            let is_content = matches!(change.kind, ChangeKind::Add | ChangeKind::Replace);
            let never_fits = (is_content && change.content.len() > whole_limit)
                || (cmd_id == first && (almost_empty || active.stuck >= MAX_STUCK));
            if !never_fits {
                active.stuck += u32::from(cmd_id == first);
                active.source.replica.unread(change);
                out.writer.close_sync();
                return Ok(false);
            }
            active.stuck = 0;
            if is_content && !change.content.is_empty() && self.may_chunk(change.content.len()) {
                self.begin_sending(index, change);
                continue;
            }
            if let Some(active) = self.sources.get_mut(index) {
                active.summary.failed.push(Failure {
                    item: change.luid,
                    reason: format!(
                        "{} bytes are more than the server takes",
                        change.content.len()
                    ),
                });
            }
        }
        let Some(active) = self.sources.get_mut(index) else {
            return Ok(true);
        };
        out.writer.close_sync();
        active.sent_all = true;
        let left_out = active.source.replica.left_out();
        active.summary.failed.extend(
            left_out
                .into_iter()
                .map(|(item, reason)| Failure { item, reason }),
        );
        Ok(true)
    }

    /// Writes package 5; whether it is complete.
    fn write_last_maps(&mut self, out: &mut Outgoing) -> Result<bool, Error> {
        let is_complete = self.write_maps(out)?;
        if is_complete {
            self.phase = Phase::Closing;
        }
        Ok(is_complete)
    }

    /// Writes the pairs that wait; whether all of them fitted.
    // spec: H09 H11 H14 R05 S09
    fn write_maps(&mut self, out: &mut Outgoing) -> Result<bool, Error> {
        for index in 0..self.sources.len() {
            let message = self.msg_id;
            let Some(active) = self.sources.get_mut(index) else {
                continue;
            };
            if !active.is_on() || !active.begun {
                continue;
            }
            // GUIDs are numbered by datastore
            let on_the_way: BTreeSet<&String> = self
                .awaited
                .values()
                .filter_map(|what| match what {
                    Awaited::Map { source, guids } if *source == index => Some(guids),
                    _ => None,
                })
                .flatten()
                .collect();
            let pending = active.call(|replica| replica.pending_maps())?;
            let pending: Vec<_> = pending
                .into_iter()
                .filter(|(guid, _)| !on_the_way.contains(guid))
                .collect();
            let mut rest = pending.as_slice();
            let mut most = MAP_ITEMS;
            while !rest.is_empty() {
                let (pairs, after) = rest.split_at(most.min(rest.len()));
                let cmd_id = out.next_cmd_id;
                let map = map_of(&active.source, pairs, cmd_id);
                if out.try_command(&map) {
                    let guids = pairs.iter().map(|(guid, _)| guid.clone()).collect();
                    let awaited = Awaited::Map {
                        source: index,
                        guids,
                    };
                    self.awaited.insert((message, cmd_id), awaited);
                    rest = after;
                } else if most == 1 {
                    return Ok(false);
                } else {
                    most = pairs.len().div_ceil(2).min(most - 1);
                }
            }
        }
        Ok(true)
    }

    /// An alert between the two devices.
    fn server_alert(&self, code: AlertCode, cmd_id: u32) -> Command<'static> {
        Command::Alert(Alert {
            cmd_id: cmd_id.to_string().into(),
            data: code.to_string().into(),
            items: vec![Item {
                target: Some(Location::new(self.url.clone())),
                source: Some(Location::new(self.config.device_id.clone())),
                ..Item::default()
            }],
            ..Alert::default()
        })
    }
}

fn map_of<'p>(source: &'p Source, pairs: &'p [(String, String)], cmd_id: u32) -> Command<'p> {
    let items = pairs.iter().map(|(guid, luid)| MapItem {
        guid: guid.as_str().into(),
        luid: luid.as_str().into(),
    });
    Command::Map(Map {
        cmd_id: cmd_id.to_string().into(),
        target: Location::new(source.remote_uri.as_str()),
        source: Location::new(source.local_uri.as_str()),
        items: items.collect(),
        ..Map::default()
    })
}

// spec: A12 C06
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
        chal: owed.challenge.clone(),
        ..Status::default()
    }
}

/// Whether this version has words for a filter; or why not. What an address asks for is exclusive, so
/// that a server takes from the device what an inclusive filter leaves there.
// spec: L17
pub(super) fn check_filter(filter: Option<&Filter>, version: Version) -> Result<(), String> {
    let Some(filter) = filter.filter(|_| version < Version::V1_2) else {
        return Ok(());
    };
    let what = match (filter.kind, &filter.record, &filter.fields) {
        (_, _, Some(_)) => "a filter of properties",
        (Kind::Inclusive, Some(_), _) => "an inclusive filter",
        _ => return Ok(()),
    };
    Err(format!(
        "the session is in SyncML {version}, which has no words for {what}; leave it out, or sync \
         in 1.2 with a server that speaks it"
    ))
}

/// The server's datastore with the filter on it: an element of its own from 1.2 on, before that a part
/// of the address.
// spec: L08 L17
fn target_of(source: &Source, version: Version) -> Location<'static> {
    let uri = &source.remote_uri;
    match &source.filter {
        Some(filter) if version >= Version::V1_2 => filter.target(uri),
        Some(Filter {
            record: Some(query),
            ..
        }) => Location::new(format!("{uri}?{query}")),
        _ => Location::new(uri.clone()),
    }
}

fn mem_of(room: Room) -> Meta<'static> {
    Meta {
        mem: Some(Mem {
            shared: room.shared,
            free_bytes: Some(room.bytes),
            // the element is not optional, and an item has a byte at least
            free_ids: Some(room.items.unwrap_or(room.bytes)),
        }),
        ..Meta::default()
    }
}

fn command_of(change: &LocalChange, cmd_id: u32) -> Command<'_> {
    Command::Change(change_of(change, cmd_id))
}

/// The command that tells the server of a change.
// spec: S08 S10 S12 S14
pub(super) fn change_of(change: &LocalChange, cmd_id: u32) -> Change<'_> {
    let source = Some(Location::new(change.luid.as_str()));
    // spec: M01
    let source_parent = change.parent.as_deref().map(Into::into);
    let (kind, item) = match change.kind {
        ChangeKind::Delete => (
            syncml::ChangeKind::Delete,
            Item {
                source,
                ..Item::default()
            },
        ),
        ChangeKind::Move => (
            syncml::ChangeKind::Move,
            Item {
                source,
                source_parent: Some(change.parent.as_deref().unwrap_or(ROOT).into()),
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
                source_parent,
                meta: Some(Meta::of_type(change.media_type.as_str())),
                data: Some(Data::Bytes(change.content.as_slice().into())),
                ..Item::default()
            },
        ),
    };
    Change::new(kind, cmd_id.to_string(), item)
}

/// The address of the folder that all others are in.
const ROOT: &str = "/";
