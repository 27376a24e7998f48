//! From commands to bytes, strictly: children in the order of the model, nothing that the
//! version does not have, and always a known length.

mod devinf;
mod output;

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::message::{
    Access, Alert, Chal, Change, ChangeKind, Command, Cred, Data, Exec, Filter, Group, GroupKind,
    Header, Item, Location, Map, Results, Search, Status, Sync,
};
use crate::meta::{Anchor, Meta};
use crate::names::{Name, metinf, syncml as n};
use crate::version::{Encoding, Version};
pub use output::Mark;
use output::Output;

/// Writes one message, command by command.
#[derive(Debug, Clone)]
pub struct MessageWriter {
    out: Output,
    version: Version,
    /// A Sync is open.
    in_sync: bool,
}

impl MessageWriter {
    /// Writes the header and opens the body.
    // spec: A01
    pub fn new(encoding: Encoding, version: Version, header: &Header<'_>) -> Self {
        let out = Output::message(encoding, version);
        let mut writer = Self {
            out,
            version,
            in_sync: false,
        };
        writer.out.start(n::SYNC_HDR);
        writer.leaf(n::VER_DTD, &header.ver_dtd);
        writer.leaf(n::VER_PROTO, &header.ver_proto);
        writer.leaf(n::SESSION_ID, &header.session_id);
        writer.leaf(n::MSG_ID, &header.msg_id);
        writer.location(n::TARGET, &header.target);
        writer.location(n::SOURCE, &header.source);
        writer.optional(n::RESP_URI, header.resp_uri.as_deref());
        writer.flag(n::NO_RESP, header.no_resp);
        writer.cred(header.cred.as_ref());
        writer.meta(header.meta.as_ref());
        writer.out.end(n::SYNC_HDR);
        writer.out.start(n::SYNC_BODY);
        writer
    }

    /// Writes a command, into the open Sync if there is one. What the version does not have is
    /// left out: a Move below 1.2 as a whole, newer children one by one.
    pub fn command(&mut self, command: &Command<'_>) {
        match command {
            Command::Change(change) => self.change(change),
            Command::Alert(alert) => self.alert(alert),
            Command::Group(group) => self.group(group),
            Command::Exec(exec) => self.exec(exec),
            Command::Access(access) => self.access(access),
            Command::Map(map) => self.map(map),
            Command::Results(results) => self.results(results),
            Command::Search(search) => self.search(search),
            Command::Status(status) => self.status(status),
            Command::Sync(sync) => {
                self.sync_start(sync);
                for inner in &sync.commands {
                    self.command(inner);
                }
                self.out.end(n::SYNC);
            }
            Command::Unknown(_) => {}
        }
    }

    /// Begins a Sync that takes the commands that follow; those inside `start` are not written.
    pub fn open_sync(&mut self, start: &Sync<'_>) {
        self.sync_start(start);
        self.in_sync = true;
    }

    /// Ends the open Sync.
    pub fn close_sync(&mut self) {
        if std::mem::take(&mut self.in_sync) {
            self.out.end(n::SYNC);
        }
    }

    /// The encoding that is written.
    pub fn encoding(&self) -> Encoding {
        self.out.encoding()
    }

    /// Bytes of the message if it were finished now, with `Final`.
    pub fn size(&self) -> usize {
        self.out.finished_len(self.in_sync)
    }

    /// This place, to return to by [`MessageWriter::rollback`].
    pub fn mark(&self) -> Mark {
        self.out.mark(self.in_sync)
    }

    /// Drops all that was written since `mark`.
    pub fn rollback(&mut self, mark: Mark) {
        self.in_sync = self.out.rollback(mark);
    }

    /// The message; an open Sync is ended.
    pub fn finish(mut self, is_final: bool) -> Vec<u8> {
        self.close_sync();
        self.flag(n::FINAL, is_final);
        self.out.end(n::SYNC_BODY);
        self.out.end(n::SYNCML);
        self.out.into_bytes()
    }

    fn leaf(&mut self, name: Name, text: &str) {
        self.out.leaf(name, text);
    }

    fn optional(&mut self, name: Name, text: Option<&str>) {
        if let Some(text) = text {
            self.out.leaf(name, text);
        }
    }

    fn number(&mut self, name: Name, number: Option<u64>) {
        if let Some(number) = number {
            self.out.leaf(name, &number.to_string());
        }
    }

    fn flag(&mut self, name: Name, set: bool) {
        if set {
            self.out.empty(name);
        }
    }

    // spec: D07
    fn is_1_2(&self) -> bool {
        self.version >= Version::V1_2
    }

    fn location(&mut self, name: Name, location: &Location<'_>) {
        self.out.start(name);
        self.leaf(n::LOC_URI, &location.uri);
        self.optional(n::LOC_NAME, location.name.as_deref());
        if let Some(filter) = location.filter.as_deref().filter(|_| self.is_1_2()) {
            self.filter(filter);
        }
        self.out.end(name);
    }

    fn maybe_location(&mut self, name: Name, location: Option<&Location<'_>>) {
        if let Some(location) = location {
            self.location(name, location);
        }
    }

    fn filter(&mut self, filter: &Filter<'_>) {
        self.out.start(n::FILTER);
        self.meta(filter.meta.as_ref());
        for (name, item) in [(n::FIELD, &filter.field), (n::RECORD, &filter.record)] {
            if let Some(item) = item {
                self.out.start(name);
                self.item(item);
                self.out.end(name);
            }
        }
        self.optional(n::FILTER_TYPE, filter.filter_type.as_deref());
        self.out.end(n::FILTER);
    }

    fn cred(&mut self, cred: Option<&Cred<'_>>) {
        let Some(cred) = cred else { return };
        self.out.start(n::CRED);
        self.meta(cred.meta.as_ref());
        match cred.data.as_bytes().map(std::str::from_utf8) {
            // a digest of sixteen bytes is no text
            Some(Err(_)) => self.data(&cred.data),
            _ => self.leaf(n::DATA, &cred.data.to_text()),
        }
        self.out.end(n::CRED);
    }

    fn chal(&mut self, chal: Option<&Chal<'_>>) {
        let Some(chal) = chal else { return };
        self.out.start(n::CHAL);
        self.meta(Some(&chal.meta));
        self.out.end(n::CHAL);
    }

    fn meta(&mut self, meta: Option<&Meta<'_>>) {
        let Some(meta) = meta else { return };
        self.out.start(n::META);
        self.out.begin_metinf();
        self.flag(metinf::FIELD_LEVEL, meta.field_level && self.is_1_2());
        self.optional(metinf::FORMAT, meta.format.as_deref());
        self.optional(metinf::TYPE, meta.media_type.as_deref());
        self.optional(metinf::MARK, meta.mark.as_deref());
        self.number(metinf::SIZE, meta.size);
        if let Some(anchor) = &meta.anchor {
            self.anchor(anchor);
        }
        self.optional(metinf::VERSION, meta.version.as_deref());
        if let Some(nonce) = &meta.next_nonce {
            self.leaf(metinf::NEXT_NONCE, &STANDARD.encode(nonce));
        }
        self.number(metinf::MAX_MSG_SIZE, meta.max_msg_size);
        if self.version >= Version::V1_1 {
            self.number(metinf::MAX_OBJ_SIZE, meta.max_obj_size);
        }
        for emi in &meta.emi {
            self.leaf(metinf::EMI, emi);
        }
        if let Some(mem) = &meta.mem {
            self.out.start(metinf::MEM);
            self.flag(metinf::SHARED_MEM, mem.shared);
            self.number(metinf::FREE_MEM, mem.free_bytes);
            self.number(metinf::FREE_ID, mem.free_ids);
            self.out.end(metinf::MEM);
        }
        self.out.end_metinf();
        self.out.end(n::META);
    }

    fn anchor(&mut self, anchor: &Anchor<'_>) {
        self.out.start(metinf::ANCHOR);
        self.optional(metinf::LAST, anchor.last.as_deref());
        self.leaf(metinf::NEXT, &anchor.next);
        self.out.end(metinf::ANCHOR);
    }

    fn item(&mut self, item: &Item<'_>) {
        self.out.start(n::ITEM);
        self.maybe_location(n::TARGET, item.target.as_ref());
        self.maybe_location(n::SOURCE, item.source.as_ref());
        if self.is_1_2() {
            for (name, parent) in [
                (n::SOURCE_PARENT, &item.source_parent),
                (n::TARGET_PARENT, &item.target_parent),
            ] {
                if let Some(uri) = parent {
                    self.location(name, &Location::new(uri.as_ref()));
                }
            }
        }
        match &item.data {
            Some(Data::Bytes(bytes)) if !self.out.can_carry(bytes) => {
                // XML has no form for these bytes but base64
                let mut meta = item.meta.clone().unwrap_or_default();
                meta.format = Some("b64".into());
                self.meta(Some(&meta));
                self.leaf(n::DATA, &STANDARD.encode(bytes));
            }
            data => {
                self.meta(item.meta.as_ref());
                if let Some(data) = data {
                    self.data(data);
                }
            }
        }
        self.flag(
            n::MORE_DATA,
            item.more_data && self.version >= Version::V1_1,
        );
        self.out.end(n::ITEM);
    }

    fn items(&mut self, items: &[Item<'_>]) {
        for item in items {
            self.item(item);
        }
    }

    fn data(&mut self, data: &Data<'_>) {
        match data {
            Data::Bytes(bytes) if bytes.is_empty() => self.out.empty(n::DATA),
            Data::Bytes(bytes) => {
                self.out.start(n::DATA);
                self.out.payload(bytes);
                self.out.end(n::DATA);
            }
            Data::Markup(text) => {
                self.out.start(n::DATA);
                self.out.payload(text.as_bytes());
                self.out.end(n::DATA);
            }
            Data::Anchor(anchor) => {
                self.out.start(n::DATA);
                self.out.begin_metinf();
                self.anchor(anchor);
                self.out.end_metinf();
                self.out.end(n::DATA);
            }
            Data::DevInf(devinf) => {
                self.out.start(n::DATA);
                self.out
                    .devinf(devinf, devinf.version.unwrap_or(self.version));
                self.out.end(n::DATA);
            }
        }
    }

    fn change(&mut self, change: &Change<'_>) {
        let name = match change.kind {
            ChangeKind::Add => n::ADD,
            ChangeKind::Replace => n::REPLACE,
            ChangeKind::Delete => n::DELETE,
            ChangeKind::Copy => n::COPY,
            ChangeKind::Move if self.is_1_2() => n::MOVE,
            ChangeKind::Move => return,
        };
        self.out.start(name);
        self.leaf(n::CMD_ID, &change.cmd_id);
        self.flag(n::NO_RESP, change.no_resp);
        if change.kind == ChangeKind::Delete {
            self.flag(n::ARCHIVE, change.archive);
            self.flag(n::SFT_DEL, change.soft_delete);
        }
        self.cred(change.cred.as_ref());
        self.meta(change.meta.as_ref());
        self.items(&change.items);
        self.out.end(name);
    }

    fn alert(&mut self, alert: &Alert<'_>) {
        self.out.start(n::ALERT);
        self.leaf(n::CMD_ID, &alert.cmd_id);
        self.flag(n::NO_RESP, alert.no_resp);
        self.cred(alert.cred.as_ref());
        if !alert.data.is_empty() {
            self.leaf(n::DATA, &alert.data);
        }
        self.optional(
            n::CORRELATOR,
            alert.correlator.as_deref().filter(|_| self.is_1_2()),
        );
        self.items(&alert.items);
        self.out.end(n::ALERT);
    }

    fn group(&mut self, group: &Group<'_>) {
        let name = match group.kind {
            GroupKind::Atomic => n::ATOMIC,
            GroupKind::Sequence => n::SEQUENCE,
        };
        self.out.start(name);
        self.leaf(n::CMD_ID, &group.cmd_id);
        self.flag(n::NO_RESP, group.no_resp);
        self.meta(group.meta.as_ref());
        for command in &group.commands {
            self.command(command);
        }
        self.out.end(name);
    }

    fn exec(&mut self, exec: &Exec<'_>) {
        self.out.start(n::EXEC);
        self.leaf(n::CMD_ID, &exec.cmd_id);
        self.flag(n::NO_RESP, exec.no_resp);
        self.cred(exec.cred.as_ref());
        if self.version >= Version::V1_1 {
            self.meta(exec.meta.as_ref());
        }
        self.optional(
            n::CORRELATOR,
            exec.correlator.as_deref().filter(|_| self.is_1_2()),
        );
        self.items(&exec.items);
        self.out.end(n::EXEC);
    }

    fn access(&mut self, access: &Access<'_>) {
        let name = match access.kind {
            crate::message::AccessKind::Get => n::GET,
            crate::message::AccessKind::Put => n::PUT,
        };
        self.out.start(name);
        self.leaf(n::CMD_ID, &access.cmd_id);
        self.flag(n::NO_RESP, access.no_resp);
        self.optional(n::LANG, access.lang.as_deref());
        self.cred(access.cred.as_ref());
        self.meta(access.meta.as_ref());
        self.items(&access.items);
        self.out.end(name);
    }

    fn map(&mut self, map: &Map<'_>) {
        self.out.start(n::MAP);
        self.leaf(n::CMD_ID, &map.cmd_id);
        self.location(n::TARGET, &map.target);
        self.location(n::SOURCE, &map.source);
        self.cred(map.cred.as_ref());
        self.meta(map.meta.as_ref());
        for pair in &map.items {
            self.out.start(n::MAP_ITEM);
            self.location(n::TARGET, &Location::new(pair.guid.as_ref()));
            self.location(n::SOURCE, &Location::new(pair.luid.as_ref()));
            self.out.end(n::MAP_ITEM);
        }
        self.out.end(n::MAP);
    }

    fn results(&mut self, results: &Results<'_>) {
        self.out.start(n::RESULTS);
        self.leaf(n::CMD_ID, &results.cmd_id);
        self.optional(n::MSG_REF, results.msg_ref.as_deref());
        self.leaf(n::CMD_REF, results.cmd_ref.as_deref().unwrap_or("1"));
        self.optional(n::CMD, results.cmd.as_deref());
        self.meta(results.meta.as_ref());
        self.optional(n::TARGET_REF, results.target_ref.as_deref());
        self.optional(n::SOURCE_REF, results.source_ref.as_deref());
        self.items(&results.items);
        self.out.end(n::RESULTS);
    }

    fn search(&mut self, search: &Search<'_>) {
        self.out.start(n::SEARCH);
        self.leaf(n::CMD_ID, &search.cmd_id);
        self.flag(n::NO_RESP, search.no_resp);
        self.flag(n::NO_RESULTS, search.no_results);
        self.cred(search.cred.as_ref());
        self.maybe_location(n::TARGET, search.target.as_ref());
        for source in &search.sources {
            self.location(n::SOURCE, source);
        }
        self.optional(n::LANG, search.lang.as_deref());
        self.meta(search.meta.as_ref());
        self.data(&search.data);
        self.out.end(n::SEARCH);
    }

    fn status(&mut self, status: &Status<'_>) {
        self.out.start(n::STATUS);
        self.leaf(n::CMD_ID, &status.cmd_id);
        self.leaf(n::MSG_REF, &status.msg_ref);
        self.leaf(n::CMD_REF, &status.cmd_ref);
        self.leaf(n::CMD, &status.cmd);
        for uri in &status.target_refs {
            self.leaf(n::TARGET_REF, uri);
        }
        for uri in &status.source_refs {
            self.leaf(n::SOURCE_REF, uri);
        }
        self.cred(status.cred.as_ref());
        self.chal(status.chal.as_ref());
        self.leaf(n::DATA, &status.data);
        self.items(&status.items);
        self.out.end(n::STATUS);
    }

    // spec: D08
    fn sync_start(&mut self, sync: &Sync<'_>) {
        self.out.start(n::SYNC);
        self.leaf(n::CMD_ID, &sync.cmd_id);
        self.flag(n::NO_RESP, sync.no_resp);
        self.cred(sync.cred.as_ref());
        self.maybe_location(n::TARGET, sync.target.as_ref());
        self.maybe_location(n::SOURCE, sync.source.as_ref());
        self.meta(sync.meta.as_ref());
        if self.version >= Version::V1_1 {
            self.number(n::NUMBER_OF_CHANGES, sync.number_of_changes);
        }
    }
}

/// Whether a message of this encoding can carry the bytes as they are; else they go as base64.
/// XML has no form for control characters and for what is no UTF-8.
pub fn can_carry(encoding: Encoding, bytes: &[u8]) -> bool {
    match encoding {
        Encoding::Wbxml => true,
        Encoding::Xml => xml_text(bytes).is_some(),
    }
}

/// Bytes as text, if XML has a form for each of its characters.
pub(crate) fn xml_text(bytes: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(bytes).ok()?;
    let is_control = |byte: &u8| *byte < 0x20 && !matches!(*byte, b'\t' | b'\n' | b'\r');
    // without a way out of the inner loop, so that it runs on many bytes at once
    let has_control = |piece: &[u8]| piece.iter().fold(false, |odd, byte| odd | is_control(byte));
    if bytes.chunks(64).any(has_control) {
        return None;
    }
    // U+FFFE and U+FFFF are the only other characters without a form
    let has_none = |at| matches!(bytes.get(at + 1..at + 3), Some([0xbf, 0xbe | 0xbf]));
    (!memchr::memchr_iter(0xef, bytes).any(has_none)).then_some(text)
}

/// Text with what XML has no form for replaced (U+FFFD): one such character would make a peer
/// refuse the whole message.
pub(crate) fn legible(text: &str) -> Cow<'_, str> {
    if xml_text(text.as_bytes()).is_some() {
        return Cow::Borrowed(text);
    }
    let has_form = |c: char| match c {
        '\t' | '\n' | '\r' => true,
        c => c >= ' ' && !matches!(c, '\u{fffe}' | '\u{ffff}'),
    };
    let replaced = text.chars();
    replaced
        .map(|c| {
            if has_form(c) {
                c
            } else {
                char::REPLACEMENT_CHARACTER
            }
        })
        .collect()
}

/// Text with what XML reserves escaped, and carriage returns kept from normalization.
pub(crate) fn escaped(text: &str) -> Cow<'_, str> {
    let bytes = text.as_bytes();
    let is_plain = memchr::memchr3(b'<', b'>', b'&', bytes).is_none()
        && memchr::memchr(b'\r', bytes).is_none();
    if is_plain {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + text.len() / 8 + 16);
    for (number, line) in text.split('\r').enumerate() {
        if number > 0 {
            out += "&#13;";
        }
        let mut done = 0;
        for at in memchr::memchr3_iter(b'<', b'>', b'&', line.as_bytes()) {
            out += line.get(done..at).unwrap_or_default();
            out += match line.as_bytes().get(at) {
                Some(b'<') => "&lt;",
                Some(b'>') => "&gt;",
                _ => "&amp;",
            };
            done = at + 1;
        }
        out += line.get(done..).unwrap_or_default();
    }
    Cow::Owned(out)
}
