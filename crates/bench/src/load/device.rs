//! A simulated device: a replica in memory, its person's edits, and its sessions.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use session::client::{Config, MemoryReplica, Mode, Session, Source, Step, Summary};
use session::store::DatastoreKind;
use syncml::{Encoding, Version};
use testkit::items;
use transports::http::Client;

use super::options::Options;

/// The largest message that a device takes, bytes.
const MAX_MSG_SIZE: u64 = 150_000;

/// Messages after which a device goes away from a session that stays open. With no nonce from an
/// earlier session the first is refused.
const OPEN_AFTER: usize = 2;

/// What a session is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// Two-way, and the device has nothing new.
    Empty,
    /// Two-way, with changes of the device.
    Changes,
    /// A device that the server has not met, and that takes all items.
    First,
    /// A comparison of all items.
    Slow,
    /// A session whose device goes away after its first messages, and that stays open.
    Open,
}

impl Kind {
    pub(super) const ALL: [Self; 5] = [
        Self::Empty,
        Self::Changes,
        Self::First,
        Self::Slow,
        Self::Open,
    ];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::Changes => "changes",
            Self::First => "first",
            Self::Slow => "slow",
            Self::Open => "open",
        }
    }
}

/// How a session went.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) wall: Duration,
    /// From each message to its answer.
    pub(super) messages: Vec<Duration>,
    /// Bytes of messages to the server, and of its answers.
    pub(super) bytes: [u64; 2],
    /// Changes that the server took, and that came from it; or why the session failed.
    pub(super) outcome: Result<[u64; 2], String>,
}

/// One device.
pub(super) struct Device {
    number: usize,
    /// How often it began as a new device.
    life: u32,
    config: Config,
    changes: std::ops::RangeInclusive<u32>,
    /// Items of its own that were made.
    made: u32,
    random: fastrand::Rng,
    replica: Arc<Mutex<MemoryReplica>>,
}

impl Device {
    /// A device that has never synced.
    pub(super) fn new(number: usize, options: &Options) -> Self {
        Self {
            number,
            life: 0,
            config: Config {
                url: String::new(),
                user: options.account_of(number),
                password: options.password.clone(),
                device_id: String::new(),
                version: Version::V1_2,
                encoding: Encoding::Wbxml,
                max_msg_size: MAX_MSG_SIZE,
                max_obj_size: 32 << 20,
                resume: true,
                one_package: false,
                basic_first: false,
                software_version: env!("CARGO_PKG_VERSION").to_owned(),
            },
            changes: options.changes.clone(),
            made: 0,
            random: fastrand::Rng::with_seed(number as u64),
            replica: Arc::default(),
        }
    }

    fn replica(&self) -> MutexGuard<'_, MemoryReplica> {
        self.replica.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One session of a kind.
    pub(super) async fn session(&mut self, client: &Client, url: &str, kind: Kind) -> Ended {
        match kind {
            Kind::First => {
                self.life += 1;
                *self.replica() = MemoryReplica::default();
            }
            Kind::Changes => self.edit(),
            Kind::Empty | Kind::Slow | Kind::Open => {}
        }
        let mode = match kind {
            Kind::First | Kind::Slow => Mode::Slow,
            Kind::Empty | Kind::Changes | Kind::Open => Mode::TwoWay,
        };
        let most = if kind == Kind::Open {
            OPEN_AFTER
        } else {
            usize::MAX
        };
        let begun = Instant::now();
        let mut ended = Ended {
            wall: Duration::ZERO,
            messages: Vec::new(),
            bytes: [0; 2],
            outcome: Err(String::new()),
        };
        ended.outcome = match self.talk(client, url, (mode, most), &mut ended).await {
            Ok(Some(summary)) => judge(&summary),
            Ok(None) => Ok([0; 2]),
            Err(text) => Err(text),
        };
        ended.wall = begun.elapsed();
        ended
    }

    /// Exchanges messages until the session is over; `None` when it had as many as it may before.
    async fn talk(
        &mut self,
        client: &Client,
        url: &str,
        (mode, most): (Mode, usize),
        ended: &mut Ended,
    ) -> Result<Option<Summary>, String> {
        let mut config = self.config.clone();
        url.clone_into(&mut config.url);
        config.device_id = format!("load-{}-{}", self.number, self.life);
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = now.map_err(|error| error.to_string())?;
        let entropy = self.random.u64(..).to_be_bytes();
        let sources = vec![self.source(mode)];
        let mut session = Session::new(config, sources, now.as_secs() as i64, entropy)
            .map_err(|error| error.to_string())?;
        loop {
            match session.step().map_err(|error| error.to_string())? {
                Step::Done(summary) => return Ok(Some(summary)),
                Step::Send { .. } if ended.messages.len() >= most => return Ok(None),
                Step::Send {
                    url: to,
                    body,
                    encoding,
                    wait_seconds,
                    ..
                } => {
                    tokio::time::sleep(Duration::from_secs(wait_seconds)).await;
                    ended.bytes[0] += body.len() as u64;
                    let sent = Instant::now();
                    let answer = client.post(&to, encoding.media_type(), body.into()).await;
                    // addresses carry the tokens of sessions: all would be different texts
                    let answer = answer.map_err(|error| error.to_string().replace(&to, url))?;
                    ended.messages.push(sent.elapsed());
                    ended.bytes[1] += answer.body.len() as u64;
                    session
                        .receive(&answer.body, answer.charset.as_deref())
                        .map_err(|error| error.to_string())?;
                }
            }
        }
    }

    fn source(&self, mode: Mode) -> Source {
        Source {
            name: "contacts".to_owned(),
            local_uri: "./contacts".to_owned(),
            remote_uri: "contacts".to_owned(),
            kind: DatastoreKind::Contacts,
            mode,
            filter: None,
            replica: Box::new(Arc::clone(&self.replica)),
        }
    }

    /// What a person does: of ten changes seven edits, two new contacts and a deletion.
    fn edit(&mut self) {
        let count = self.random.u32(self.changes.clone());
        let mut known: Vec<String> = {
            let replica = self.replica();
            let items = replica.items();
            items.map(|(luid, _)| luid.to_owned()).collect()
        };
        self.random.shuffle(&mut known);
        for number in 0..count {
            let luid = if number % 5 == 4 { None } else { known.pop() };
            match luid {
                None => self.make(),
                Some(luid) if number % 10 == 3 => {
                    self.replica().remove(&luid);
                }
                Some(luid) => {
                    let note = self.random.u64(..);
                    let mut replica = self.replica();
                    let old = replica.items().find(|(other, _)| *other == luid);
                    let new = old.map(|(_, content)| annotated(content, note));
                    if let Some(new) = new {
                        replica.edit(&luid, &new);
                    }
                }
            }
        }
    }

    /// A contact that no other device has.
    fn make(&mut self) {
        self.made += 1;
        let number = 1_000_000 + self.number as u32 * 10_000 + self.made;
        let kind = items::Kind::Contact;
        let content = items::item(kind, number, 0);
        self.replica().insert(kind.media_type(), &content);
    }
}

/// Nothing may have failed, or the number is worth nothing.
fn judge(summary: &Summary) -> Result<[u64; 2], String> {
    match summary.sources.as_slice() {
        [source] if source.error.is_some() => Err(source.error.clone().unwrap_or_default()),
        [source] if !source.failed.is_empty() => Err(source.failed[0].reason.clone()),
        [source] => {
            let sent = source.sent.total() + source.compared;
            Ok([sent, source.received.total()])
        }
        _ => Err("the session has no datastore".to_owned()),
    }
}

/// A contact with another note.
fn annotated(content: &[u8], number: u64) -> Vec<u8> {
    let text = String::from_utf8_lossy(content);
    let mut lines: Vec<&str> = text
        .lines()
        .filter(|line| !line.starts_with("NOTE"))
        .collect();
    let note = format!("NOTE:Seen {number}");
    let end = lines.len().saturating_sub(1);
    lines.insert(end, &note);
    let mut new = lines.join("\r\n");
    new.push_str("\r\n");
    new.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_takes_the_place_of_the_last() {
        let card = b"BEGIN:VCARD\r\nN:Berg;Ada\r\nNOTE:old\r\nEND:VCARD\r\n";
        let new = annotated(card, 7);
        assert_eq!(
            new,
            b"BEGIN:VCARD\r\nN:Berg;Ada\r\nNOTE:Seen 7\r\nEND:VCARD\r\n"
        );
        let folded = annotated(&items::item(items::Kind::Contact, 1, 0), 7);
        assert_eq!(annotated(&folded, 8).len(), folded.len());
    }
}
