//! The notification of 1.0 and 1.1: a SyncML message with alerts 206 to 210.

use super::{ContentType, Error, Initiator, Notification, Sync, UiMode};
use crate::message::{Alert, Command, Header, Item, Location};
use crate::meta::Meta;
use crate::read::{Document, Limits};
use crate::version::{Encoding, Version};
use crate::write::MessageWriter;

/// A message that asks for a session, with what the client needs to answer it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertMessage {
    /// What it says.
    pub notification: Notification,
    /// `MsgID`, for the statuses.
    pub msg_id: String,
    /// `CmdID` of the alert that named a sync, in the order of the notification's syncs.
    pub cmd_ids: Vec<String>,
    /// The device that is meant: `Target` of the header.
    pub device: String,
    /// How the message is encoded.
    pub encoding: Encoding,
}

/// Bounds of a notification, which is a small message.
const LIMITS: Limits = Limits {
    max_depth: 16,
    max_elements: 2_000,
    max_commands: 100,
};

/// Largest message that is looked at, bytes.
const MAX_MESSAGE: usize = 64 << 10;

impl AlertMessage {
    /// Reads a message. Commands other than alerts 206 to 210, and alerts that name no datastore
    /// of the server, are passed over.
    ///
    /// # Errors
    ///
    /// [`Error::Message`], [`Error::MessageVersion`], [`Error::NoSync`].
    // spec: Q11
    pub fn read(bytes: &[u8]) -> Result<Self, Error> {
        if bytes.len() > MAX_MESSAGE {
            return Err(Error::Message(crate::Error::Limit {
                what: "bytes",
                limit: MAX_MESSAGE,
            }));
        }
        let document = Document::new(bytes, None)?;
        let message = document.read(&LIMITS)?;
        let header = &message.header;
        let version = Version::from_dtd(&header.ver_dtd).ok_or_else(|| Error::MessageVersion {
            dtd: header.ver_dtd.to_string(),
        })?;
        let mut syncs = Vec::new();
        let mut cmd_ids = Vec::new();
        for command in &message.commands {
            let Command::Alert(alert) = command else {
                continue;
            };
            for sync in syncs_of(alert) {
                syncs.push(sync);
                cmd_ids.push(alert.cmd_id.to_string());
            }
        }
        if syncs.is_empty() {
            return Err(Error::NoSync);
        }
        let session_id = header.session_id.trim();
        Ok(Self {
            notification: Notification {
                version,
                ui_mode: UiMode::NotSpecified,
                initiator: Initiator::Server,
                session_id: Some(session_id.to_owned()).filter(|id| !id.is_empty()),
                server_id: header.source.uri.trim().to_owned(),
                syncs,
                vendor: Vec::new(),
            },
            msg_id: header.msg_id.trim().to_owned(),
            cmd_ids,
            device: header.target.uri.trim().to_owned(),
            encoding: document.encoding(),
        })
    }
}

/// The datastores that an alert names.
fn syncs_of<'m>(alert: &'m Alert<'_>) -> impl Iterator<Item = Sync> + 'm {
    let code = alert.code().filter(|code| (206..=210).contains(&code.0));
    let named = alert
        .items
        .iter()
        .filter(|item| !item.source_uri().is_empty());
    code.into_iter().flat_map(move |code| {
        named.clone().map(move |item| {
            let meta = item.meta.as_ref();
            let media_type = meta.and_then(|meta| meta.media_type.as_deref());
            let client_uri = item.target_uri().trim();
            Sync {
                code,
                content_type: ContentType::named(media_type.unwrap_or_default()),
                server_uri: item.source_uri().trim().to_owned(),
                client_uri: Some(client_uri.to_owned()).filter(|uri| !uri.is_empty()),
            }
        })
    })
}

impl Notification {
    /// Writes the message of 1.0 and 1.1 for a device, with one alert a datastore. A notification
    /// without a session identifier gets the identifier `1`, since a message has to have one.
    ///
    /// # Errors
    ///
    /// [`Error::NoSync`] when no datastore is named, or one without an address or by a code other
    /// than 206 to 210.
    // spec: Q11
    pub fn to_message(&self, device: &str, encoding: Encoding) -> Result<Vec<u8>, Error> {
        let names_one = |sync: &Sync| sync.client_code().is_some() && !sync.server_uri.is_empty();
        if self.syncs.is_empty() || !self.syncs.iter().all(names_one) {
            return Err(Error::NoSync);
        }
        let header = Header {
            ver_dtd: self.version.dtd().into(),
            ver_proto: self.version.proto().into(),
            session_id: self.session_id.as_deref().unwrap_or("1").into(),
            msg_id: "1".into(),
            target: Location::new(device),
            source: Location::new(self.server_id.as_str()),
            ..Header::default()
        };
        let mut writer = MessageWriter::new(encoding, self.version, &header);
        for (place, sync) in self.syncs.iter().enumerate() {
            writer.command(&Command::Alert(Alert {
                cmd_id: (place + 1).to_string().into(),
                data: sync.code.to_string().into(),
                items: vec![Item {
                    target: sync.client_uri.as_deref().map(Location::new),
                    source: Some(Location::new(sync.server_uri.as_str())),
                    meta: sync.content_type.name().map(Meta::of_type),
                    ..Item::default()
                }],
                ..Alert::default()
            }));
        }
        Ok(writer.finish(true))
    }
}
