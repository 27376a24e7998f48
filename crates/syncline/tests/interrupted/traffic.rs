//! What went over the network, item by item: what each side sent, and what it heard to be taken.

use std::collections::BTreeMap;

use syncml::{Command, Data, Document, Limits, StatusCode};
use testkit::proxy::Exchange;

/// Who sent an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum From {
    Client,
    Server,
}

/// An item: its sender, the datastore, and its identifier there.
type Key = (From, String, String);

/// What commands carried, by their sender, message and number.
type Commands = BTreeMap<(From, String, String), Vec<(Key, u64)>>;

/// Bytes of content by item, chunks of large objects summed up.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Traffic {
    sent: BTreeMap<Key, u64>,
    /// Of these, what the sender heard to be taken.
    confirmed: BTreeMap<Key, u64>,
    /// Alert codes, as the client and the server sent them.
    pub(crate) alerts: Vec<u16>,
}

impl Traffic {
    /// Reads exchanges. The last answer was never heard if it is `lost`.
    pub(crate) fn of(exchanges: &[Exchange], lost: bool) -> Self {
        let mut traffic = Self::default();
        let mut commands = Commands::new();
        for (number, exchange) in exchanges.iter().enumerate() {
            traffic.read(&exchange.request, From::Client, &mut commands);
            if !(lost && number + 1 == exchanges.len()) {
                traffic.read(&exchange.answer, From::Server, &mut commands);
            }
        }
        traffic
    }

    /// All bytes of content, of both sides.
    pub(crate) fn bytes(&self) -> u64 {
        self.sent.values().sum()
    }

    /// Everything that was taken before is not in what a resumed session sent: of each item it sent
    /// at most what `whole` has beyond that.
    #[track_caller]
    pub(crate) fn goes_on_from(&self, broken: &Self, whole: &Self, context: &str) {
        for (key, bytes) in &self.sent {
            let confirmed = broken.confirmed.get(key).copied().unwrap_or_default();
            let whole = whole.sent.get(key);
            let whole = whole.unwrap_or_else(|| panic!("{context}: {key:?} is a stranger"));
            assert!(
                bytes + confirmed <= *whole,
                "{context}: of the {whole} bytes of {key:?} {confirmed} were confirmed, and {bytes} sent"
            );
        }
    }

    fn read(&mut self, body: &[u8], from: From, commands: &mut Commands) {
        // the end of a broken session may be an answer without a body
        let Ok(document) = Document::new(body, None) else {
            return;
        };
        let message = document.read(&Limits::default()).unwrap();
        let id = message.header.msg_id.to_string();
        for command in &message.commands {
            match command {
                Command::Alert(alert) => self.alerts.extend(alert.code().map(|code| code.0)),
                Command::Status(status) => {
                    let other = match from {
                        From::Client => From::Server,
                        From::Server => From::Client,
                    };
                    let command = (
                        other,
                        status.msg_ref.to_string(),
                        status.cmd_ref.to_string(),
                    );
                    let is_taken = status.code().is_some_and(StatusCode::is_success);
                    for (key, bytes) in commands.remove(&command).unwrap_or_default() {
                        if is_taken {
                            *self.confirmed.entry(key).or_default() += bytes;
                        }
                    }
                }
                Command::Sync(sync) => {
                    let store = match from {
                        From::Client => &sync.target,
                        From::Server => &sync.source,
                    };
                    let store = store.as_ref().map_or("", |store| &*store.uri).to_owned();
                    for (command, items) in changes(&sync.commands) {
                        let keyed: Vec<(Key, u64)> = items
                            .into_iter()
                            .map(|(item, bytes)| ((from, store.clone(), item), bytes))
                            .collect();
                        for (key, bytes) in &keyed {
                            *self.sent.entry(key.clone()).or_default() += bytes;
                        }
                        commands.insert((from, id.clone(), command), keyed);
                    }
                }
                _ => {}
            }
        }
    }
}

/// The changes in a Sync: the command's number, and its items with their sizes.
fn changes(commands: &[Command<'_>]) -> Vec<(String, Vec<(String, u64)>)> {
    let mut found = Vec::new();
    for command in commands {
        match command {
            Command::Group(group) => found.extend(changes(&group.commands)),
            Command::Change(change) => {
                let items = change.items.iter().map(|item| {
                    let uri = match item.source_uri() {
                        "" => item.target_uri(),
                        source => source,
                    };
                    let size = item.data.as_ref().and_then(Data::as_bytes);
                    (uri.to_owned(), size.map_or(0, <[u8]>::len) as u64)
                });
                found.push((change.cmd_id.to_string(), items.collect()));
            }
            _ => {}
        }
    }
    found
}
