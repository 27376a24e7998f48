//! The answer: statuses in order, then what the package brings, never beyond the peer's limit.

use serde::{Deserialize, Serialize};
use syncml::devinf::DataStore;
use syncml::{
    Access, AccessKind, Alert, AlertCode, Anchor, Chal, Command, Data, Encoding, Header, Item,
    Location, MessageWriter, Meta, Results, Status, StatusCode, Version, auth,
};

use super::state::{Owed, Phase};
use super::{Answer, Level, LogEvent, Run, devinf};
use crate::brief;
use crate::store::StoreError;

/// Statuses that may wait for a message with room for them.
const MAX_WAITING: usize = 20_000;

/// What the answer is made of before it is written.
#[derive(Debug, Default)]
pub(super) struct Reply {
    /// The header's status, when it is not plain success.
    pub(super) header_status: Option<StatusOut>,
    pub(super) statuses: Vec<StatusOut>,
    /// The client wants no statuses.
    pub(super) no_resp: bool,
}

/// A status to be sent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct StatusOut {
    pub(super) msg_ref: String,
    pub(super) cmd_ref: String,
    pub(super) cmd: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) target_ref: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) source_ref: Option<String>,
    pub(super) code: u16,
    /// The client's `Next`, repeated in the status of its alert.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) anchor: Option<String>,
    /// Text of an item.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) data: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) challenge: Option<ChallengeOut>,
}

/// A challenge to be sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum ChallengeOut {
    Basic,
    Md5(Vec<u8>),
    Mac(Vec<u8>),
}

impl StatusOut {
    fn without_refs(&self) -> Self {
        Self {
            target_ref: None,
            source_ref: None,
            ..self.clone()
        }
    }

    pub(super) fn to_status(&self, cmd_id: u32) -> Status<'_> {
        let item = |data| Item {
            data: Some(data),
            ..Item::default()
        };
        let mut items = Vec::new();
        if let Some(next) = &self.anchor {
            items.push(item(Data::Anchor(Anchor {
                last: None,
                next: next.as_str().into(),
            })));
        }
        if let Some(text) = &self.data {
            items.push(item(Data::text(text.as_str())));
        }
        Status {
            cmd_id: cmd_id.to_string().into(),
            msg_ref: self.msg_ref.as_str().into(),
            cmd_ref: self.cmd_ref.as_str().into(),
            cmd: self.cmd.as_str().into(),
            target_refs: self
                .target_ref
                .iter()
                .map(|uri| uri.as_str().into())
                .collect(),
            source_refs: self
                .source_ref
                .iter()
                .map(|uri| uri.as_str().into())
                .collect(),
            chal: self.challenge.as_ref().map(ChallengeOut::to_chal),
            data: self.code.to_string().into(),
            items,
            ..Status::default()
        }
    }
}

impl ChallengeOut {
    fn to_chal(&self) -> Chal<'static> {
        match self {
            Self::Basic => auth::basic_chal(),
            Self::Md5(nonce) => auth::md5_chal(nonce),
            Self::Mac(nonce) => auth::mac_chal(nonce),
        }
    }
}

/// The message being written, with its numbering.
// spec: A11
pub(super) struct Outgoing {
    pub(super) writer: MessageWriter,
    pub(super) limit: usize,
    pub(super) next_cmd_id: u32,
}

impl Outgoing {
    /// Writes a command when it fits.
    // spec: A15
    pub(super) fn try_command(&mut self, command: &Command<'_>) -> bool {
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

/// The answer to a message whose header could be read and whose body could not: the client may
/// send it again, whole.
// spec: R06
pub(super) fn to_broken(header: &Header<'_>, fault: &syncml::Error, encoding: Encoding) -> Answer {
    let log = format!("message {} is broken: {fault}", header.msg_id);
    outside(header, encoding, &log)
}

/// The answer to a message that is not the one that a session awaits.
pub(super) fn to_misplaced(header: &Header<'_>, awaited: u64, encoding: Encoding) -> Answer {
    let log = format!(
        "message {} came where message {awaited} is awaited: nothing of it was done",
        header.msg_id
    );
    outside(header, encoding, &log)
}

/// An answer that refuses a message and stands outside the session, whose state stays as it was.
fn outside(header: &Header<'_>, encoding: Encoding, log: &str) -> Answer {
    let version = Version::from_dtd(&header.ver_dtd).unwrap_or(Version::V1_2);
    let answer_header = Header {
        ver_dtd: version.dtd().into(),
        ver_proto: version.proto().into(),
        session_id: header.session_id.clone(),
        msg_id: header.msg_id.clone(),
        target: Location::new(header.source.uri.clone()),
        source: Location::new(header.target.uri.clone()),
        ..Header::default()
    };
    let mut writer = MessageWriter::new(encoding, version, &answer_header);
    writer.command(&Command::Status(Status {
        cmd_id: "1".into(),
        msg_ref: header.msg_id.clone(),
        cmd_ref: "0".into(),
        cmd: "SyncHdr".into(),
        target_refs: vec![header.target.uri.clone()],
        source_refs: vec![header.source.uri.clone()],
        data: StatusCode::BAD_REQUEST.to_string().into(),
        ..Status::default()
    }));
    Answer {
        body: writer.finish(true),
        encoding,
        repeated: false,
        refused: false,
        session: String::new(),
        msg_id: header.msg_id.trim().to_owned(),
        device: header.source.uri.to_string(),
        account: None,
        mac: None,
        log: vec![LogEvent::new(Level::Warn, log)],
    }
}

impl Run<'_> {
    /// Writes the answer and moves the session on by what it says.
    // spec: A10 B12 C02
    pub(super) fn write(&mut self, token: &str, encoding: Encoding) -> Result<Vec<u8>, StoreError> {
        let msg_id = self.state.next_msg_id;
        self.state.next_msg_id += 1;
        // spec: D04
        let version = self.state.version();
        let header = self.answer_header(token, msg_id, version);
        let limit = self.message_limit();
        let mut out = Outgoing {
            writer: MessageWriter::new(encoding, version, &header),
            limit,
            next_cmd_id: 1,
        };

        let no_resp = std::mem::take(&mut self.reply.no_resp);
        let header_status = match self.reply.header_status.take() {
            // spec: A28
            Some(status) if no_resp && StatusCode(status.code).is_success() => None,
            Some(status) => Some(status),
            None if no_resp => None,
            None => Some(self.header_status(StatusCode::OK)),
        };
        if let Some(status) = header_status {
            out.writer
                .command(&Command::Status(status.to_status(out.next_cmd_id)));
            out.next_cmd_id += 1;
        }
        let mut statuses = Vec::new();
        if self.authenticated {
            statuses.append(&mut self.state.waiting);
        }
        statuses.append(&mut self.reply.statuses);
        let mut statuses = statuses.into_iter().peekable();
        while let Some(status) = statuses.peek() {
            let alone = out.next_cmd_id <= 2;
            if !out.try_command(&Command::Status(status.to_status(out.next_cmd_id))) {
                if !alone {
                    break;
                }
                // addresses that fill a message of their own are not repeated
                let bare = status.without_refs();
                out.writer
                    .command(&Command::Status(bare.to_status(out.next_cmd_id)));
                out.next_cmd_id += 1;
            }
            statuses.next();
        }
        if self.authenticated {
            // the device sends again what it hears nothing of
            self.state.waiting = statuses.take(MAX_WAITING).collect();
        }

        let is_final = if !self.authenticated {
            // a refused message is answered by statuses alone
            true
        } else if self.state.waiting.is_empty() {
            self.write_package(&mut out, encoding)?
        } else {
            false
        };
        Ok(self.finished(out.writer, is_final))
    }

    /// The bytes of an answer, as the device can read them.
    pub(super) fn finished(&self, writer: MessageWriter, is_final: bool) -> Vec<u8> {
        let is_plain = self.state.rules.plain_xml_root && writer.encoding() == Encoding::Xml;
        let body = writer.finish(is_final);
        if !is_plain {
            return body;
        }
        let namespace = format!(" xmlns=\"{}\"", self.state.version().namespace());
        match String::from_utf8(body) {
            // the root is the first element
            Ok(text) => text.replacen(&namespace, "", 1).into_bytes(),
            Err(error) => error.into_bytes(),
        }
    }

    // spec: A01 A02 A09 J11 N15
    pub(super) fn answer_header(
        &self,
        token: &str,
        msg_id: u32,
        version: Version,
    ) -> Header<'static> {
        let resp_uri = self
            .request
            .resp_uri_base
            .filter(|_| self.authenticated && self.state.rules.resp_uri)
            .map(|base| format!("{base}?sid={token}").into());
        let cred = self.server_cred();
        let name = self.config.auth.server.as_ref().filter(|_| cred.is_some());
        let meta = Meta {
            max_msg_size: Some(self.config.max_msg_size),
            // the writer leaves it out before 1.1
            max_obj_size: Some(self.config.max_obj_size),
            ..Meta::default()
        };
        Header {
            ver_dtd: version.dtd().into(),
            ver_proto: version.proto().into(),
            session_id: self.header.session_id.to_string().into(),
            msg_id: msg_id.to_string().into(),
            target: Location::new(self.header.source.uri.to_string()),
            source: Location {
                name: name.map(|login| login.name.clone().into()),
                ..Location::new(self.header.target.uri.to_string())
            },
            resp_uri,
            no_resp: false,
            cred,
            meta: (msg_id == 1).then_some(meta),
        }
    }

    /// Writes what the session's phase has to say; whether our package is complete with it.
    // spec: B02 B03
    fn write_package(
        &mut self,
        out: &mut Outgoing,
        encoding: Encoding,
    ) -> Result<bool, StoreError> {
        let before = out.next_cmd_id;
        if !self.write_owed(out, encoding)? {
            return Ok(false);
        }
        let is_final = match self.state.phase {
            Phase::Initialization if self.state.package_ended => {
                self.state.phase = Phase::FromClient;
                true
            }
            // spec: B08
            Phase::ToClient => {
                let done = self.write_changes(out)?;
                if done {
                    self.sending_ended()?;
                }
                done
            }
            // spec: B11
            Phase::Done | Phase::Suspended => true,
            Phase::Initialization | Phase::FromClient | Phase::Mapping => false,
        };
        if !is_final && out.next_cmd_id == before && self.state.phase != Phase::ToClient {
            // nothing but statuses: say that the rest of the client's package is awaited
            let alert = self.next_message_alert(out.next_cmd_id);
            out.try_command(&Command::Alert(alert));
        }
        Ok(is_final)
    }

    // spec: B04
    fn next_message_alert(&self, cmd_id: u32) -> Alert<'static> {
        Alert {
            cmd_id: cmd_id.to_string().into(),
            data: AlertCode::NEXT_MESSAGE.to_string().into(),
            items: vec![Item {
                target: Some(Location::new(self.header.source.uri.to_string())),
                source: Some(Location::new(self.header.target.uri.to_string())),
                ..Item::default()
            }],
            ..Alert::default()
        }
    }

    /// Sends what the initialization still owes; whether all of it fitted.
    fn write_owed(&mut self, out: &mut Outgoing, encoding: Encoding) -> Result<bool, StoreError> {
        let owed = std::mem::take(&mut self.state.owed);
        let mut owed = owed.into_iter();
        while let Some(next) = owed.next() {
            let command = self.owed_command(&next, out.next_cmd_id, encoding)?;
            let place = (self.state.next_msg_id - 1, out.next_cmd_id);
            if out.try_command(&command) {
                self.state.owed_stuck = false;
                if let Owed::Alert(index) = next
                    && let Some(ds) = self.state.datastores.get_mut(index)
                {
                    ds.alerted = Some(place);
                }
                continue;
            }
            if std::mem::replace(&mut self.state.owed_stuck, true)
                && matches!(next, Owed::Results { .. } | Owed::Found { .. })
            {
                self.state.owed_stuck = false;
                if self.try_forms(out, command) {
                    continue;
                }
                // first in two messages, it will never fit: a device without it is better than no
                // sync
                self.warn("results exceed the device's MaxMsgSize, left out".to_owned());
                continue;
            }
            self.state.owed = std::iter::once(next).chain(owed).collect();
            return Ok(false);
        }
        Ok(true)
    }

    /// Writes results that are too large for a usual message, in a form that fits; whether there is one.
    /// Without any a device sends no large objects and no folders.
    fn try_forms(&self, out: &mut Outgoing, command: Command<'_>) -> bool {
        let alerted = |store: &DataStore| {
            let mut all = self.state.datastores.iter();
            all.any(|ds| ds.target == store.source_ref)
        };
        // it may be longer than the server likes
        let usual = std::mem::replace(&mut out.limit, self.peer_limit());
        let fits = brief::forms(command, alerted).any(|form| out.try_command(&form));
        out.limit = usual;
        fits
    }

    fn owed_command(
        &mut self,
        owed: &Owed,
        cmd_id: u32,
        encoding: Encoding,
    ) -> Result<Command<'static>, StoreError> {
        let cmd_id = cmd_id.to_string();
        let devinf_meta = || Some(Meta::of_type(encoding.devinf_media_type()));
        Ok(match owed {
            Owed::Results {
                msg_ref,
                cmd_ref,
                uri,
            } => Command::Results(Results {
                cmd_id: cmd_id.into(),
                msg_ref: Some(msg_ref.clone().into()),
                cmd_ref: Some(cmd_ref.clone().into()),
                meta: devinf_meta(),
                items: vec![Item {
                    source: Some(Location::new(uri.clone())),
                    data: Some(Data::DevInf(Box::new(devinf::of_server(self)?))),
                    ..Item::default()
                }],
                ..Results::default()
            }),
            Owed::GetDevInf => Command::Access(Access {
                kind: AccessKind::Get,
                cmd_id: cmd_id.into(),
                no_resp: false,
                lang: None,
                cred: None,
                meta: devinf_meta(),
                items: vec![Item {
                    target: Some(Location::new(self.state.version().devinf_uri())),
                    ..Item::default()
                }],
            }),
            Owed::Found {
                msg_ref,
                cmd_ref,
                datastore,
                guid,
            } => self.found_command(cmd_id, (msg_ref, cmd_ref), *datastore, *guid)?,
            Owed::NoEndOfData { target, source } => Command::Alert(Alert {
                cmd_id: cmd_id.into(),
                data: AlertCode::NO_END_OF_DATA.to_string().into(),
                items: vec![Item {
                    target: target.clone().map(Location::new),
                    source: source.clone().map(Location::new),
                    ..Item::default()
                }],
                ..Alert::default()
            }),
            Owed::Alert(index) => {
                let Some(ds) = self.state.datastores.get(*index) else {
                    return Ok(Command::Alert(self.next_message_alert(0)));
                };
                let last = ds.server_last.clone();
                Command::Alert(Alert {
                    cmd_id: cmd_id.into(),
                    data: ds.alert.to_string().into(),
                    items: vec![Item {
                        target: Some(Location::new(ds.source.clone())),
                        source: Some(Location::new(ds.target.clone())),
                        meta: Some(Meta {
                            anchor: Some(Anchor {
                                last: Some(last.into()),
                                next: ds.server_next.clone().into(),
                            }),
                            ..Meta::default()
                        }),
                        ..Item::default()
                    }],
                    ..Alert::default()
                })
            }
        })
    }
}
