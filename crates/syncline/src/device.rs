//! A device made of folders, and its sessions with a server.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use connectors::vdir::Vdir;
use session::client::{
    Config, Error, Login, Mode, Plan, Progress, Replica as _, ReplicaError, Resting, Room, Session,
    Source, SourceSummary, Step, Summary,
};
use session::filter::Filter;
use session::peer::{ServerRules, ServerTable, ServerTraits};
use session::store::DatastoreKind;
use syncml::san::Received;
use syncml::{DevInf, Encoding, StatusCode, Version};
use transports::http::{self, Client, Options};

use crate::cli::OnConflict;
use crate::report::{Failure, Outcome, warn};
use crate::{conflict, output, world};

/// The largest object that is taken in pieces, bytes.
const MAX_OBJ_SIZE: u64 = 256 << 20;

/// A folder that is kept in step with a datastore of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Folder {
    /// The server's datastore.
    pub(crate) store: String,
    /// The folder.
    pub(crate) dir: PathBuf,
    /// What it holds.
    pub(crate) kind: DatastoreKind,
    /// The type of files whose content does not tell.
    pub(crate) media_type: &'static str,
    /// How it is synced.
    pub(crate) mode: Mode,
    /// Which of the server's items are wanted.
    pub(crate) filter: Option<Filter>,
    /// Room for them, where it is limited.
    pub(crate) room: Option<Room>,
    /// Who logs in to the datastore, if it asks for a login of its own.
    pub(crate) login: Option<Login>,
}

/// What a server has to prove before anything is done with it.
pub(crate) struct ServerProof {
    /// Its name.
    pub(crate) name: String,
    /// Its password.
    pub(crate) password: String,
}

/// A device: whom it syncs with, as whom, and its folders.
pub(crate) struct Device {
    /// How HTTP is spoken.
    pub(crate) http: Options,
    pub(crate) url: String,
    pub(crate) user: String,
    pub(crate) password: String,
    /// The server is to prove itself.
    pub(crate) server: Option<ServerProof>,
    /// Made up once and kept with the first folder, unless given.
    pub(crate) id: Option<String>,
    /// The newest that both speak, unless given.
    pub(crate) version: Option<Version>,
    /// WBXML, unless given or ruled.
    pub(crate) encoding: Option<Encoding>,
    /// What is known of servers that depart from the standard.
    pub(crate) rules: ServerTable,
    pub(crate) max_msg_size: u64,
    pub(crate) basic_first: bool,
    pub(crate) one_package: bool,
    pub(crate) folders: Vec<Folder>,
    /// Its other folders, which are not synced now.
    pub(crate) resting: Vec<Folder>,
    /// What becomes of conflicts that the server leaves to this side.
    pub(crate) on_conflict: Option<OnConflict>,
    /// The server's notification that asked for the session.
    pub(crate) invitation: Option<Received>,
}

impl Device {
    /// Runs one session. `progress` is told how far each folder is, after every message; when `stop`
    /// is set the session is suspended.
    pub(crate) async fn sync(
        &self,
        mut progress: impl FnMut(&[Progress]),
        stop: &Arc<AtomicBool>,
    ) -> Outcome<Summary> {
        let client = Client::new(self.http.clone()).map_err(|error| unreachable(&error))?;
        let (device_id, mut sources) = self.sources()?;
        let rules = self.rules_for(&mut sources)?;
        let mut version = self.first_version(&rules);
        loop {
            let mut session = Session::by_rules(
                self.config(version, &rules, &device_id),
                sources,
                self.rules.clone(),
                world::now(),
                world::random()?,
            )
            .map_err(|error| self.failed(&error))?;
            let known_by = session.server_rules();
            if !known_by.is_empty() {
                tracing::info!(rules = known_by.join(", "), "the server is known");
            }
            if let Some(invitation) = &self.invitation {
                session.accept(invitation);
            }
            session.mention(self.resting.iter().map(resting).collect());
            for folder in &self.folders {
                if let Some(login) = &folder.login {
                    session.log_in_as(&folder.store, login.clone());
                }
            }
            if let Some(server) = &self.server {
                session.expect_server(&server.name, &server.password, world::random()?);
            }
            if let Some(choice) = self.on_conflict {
                session.decide_conflicts(conflict::decider(choice, stop));
            }
            match run(&mut session, &client, &mut progress, stop).await {
                Ok(summary) => {
                    client.close();
                    return Ok(summary);
                }
                // what it would have needed is forgotten: the next one is an ordinary one
                Err(End::Session(Error::Resume { .. })) => {
                    tracing::info!("the server cannot go on with the last session");
                    sources = session.into_sources();
                }
                Err(End::Session(error)) => {
                    let lower = error
                        .lower_version(version)
                        .filter(|_| self.version.is_none());
                    let Some(lower) = lower else {
                        return Err(self.failed(&error));
                    };
                    tracing::info!(%version, "the server does not speak this version");
                    version = lower;
                    sources = session.into_sources();
                }
                Err(End::Transport { error, answers: 0 }) => return Err(unreachable(&error)),
                Err(End::Transport { error, .. }) => {
                    return Err(broken_off(&error, &session.summary(), version));
                }
            }
        }
    }

    /// What holds of the server before it has said anything.
    fn rules_for(&self, sources: &mut [Source]) -> Outcome<ServerRules> {
        let kept = match sources.first_mut() {
            Some(first) => first.replica.server_devinf().map_err(|source| {
                self.failed(&Error::Replica {
                    name: first.name.clone(),
                    source,
                })
            })?,
            None => None,
        };
        let devinf = kept.and_then(|kept| DevInf::read(&kept).ok());
        Ok(self.rules.resolve(&ServerTraits {
            url: &self.url,
            devinf: devinf.as_ref(),
        }))
    }

    /// The version that the first message is in.
    // spec: D03
    fn first_version(&self, rules: &ServerRules) -> Version {
        let asked = self.invitation.as_ref();
        let newest = asked.map_or(Version::V1_2, |asked| asked.notification().version);
        let ruled = rules.max_version.map(Version::from);
        let newest = ruled.map_or(newest, |most| most.min(newest));
        self.version.unwrap_or(newest)
    }

    /// Counts what a session would send and remove, and contacts nobody.
    pub(crate) fn dry_run(&self) -> Outcome<Vec<Planned>> {
        let mut planned = Vec::with_capacity(self.folders.len());
        for folder in &self.folders {
            let mut vdir = self.open(folder)?;
            self.warn_of_other_address(folder, &mut vdir)?;
            let counted = outlook(&mut vdir, folder.mode);
            planned.push(counted.map_err(|error| self.broken(folder, error))?);
        }
        Ok(planned)
    }

    /// The nonces that the server has given for the next digest: each folder remembers that of
    /// its last session.
    pub(crate) fn nonces(&self) -> Outcome<Vec<Vec<u8>>> {
        let mut nonces = Vec::new();
        for folder in &self.folders {
            let nonce = self.open(folder)?.nonce();
            nonces.extend(nonce.map_err(|error| self.broken(folder, error))?);
        }
        Ok(nonces)
    }

    /// The device's identifier: as given, or as the first folder remembers it.
    pub(crate) fn identifier(&self) -> Outcome<String> {
        match (&self.id, self.folders.first()) {
            (Some(id), _) => Ok(id.clone()),
            (None, Some(first)) => self.remembered(first, &mut self.open(first)?),
            (None, None) => Ok(String::new()),
        }
    }

    /// The identifier that a folder remembers, made up where it has none yet.
    fn remembered(&self, folder: &Folder, vdir: &mut Vdir) -> Outcome<String> {
        // what the server says of itself comes too late for a name
        let rules = self.rules.resolve(&ServerTraits {
            url: &self.url,
            devinf: None,
        });
        let prefix = rules.device_prefix.unwrap_or_default();
        let number = u64::from_be_bytes(world::random()?);
        let kept = vdir.device_id(&format!("{prefix}syncline-{number:016x}"));
        kept.map_err(|error| self.broken(folder, error))
    }

    fn config(&self, version: Version, rules: &ServerRules, device_id: &str) -> Config {
        let ruled = rules.encoding.map(Encoding::from);
        Config {
            url: self.url.clone(),
            user: self.user.clone(),
            password: self.password.clone(),
            device_id: device_id.to_owned(),
            version,
            encoding: self.encoding.or(ruled).unwrap_or(Encoding::Wbxml),
            max_msg_size: self.max_msg_size,
            max_obj_size: MAX_OBJ_SIZE,
            resume: true,
            one_package: self.one_package,
            basic_first: self.basic_first,
            software_version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }

    /// Opens the folders; with them comes the device's identifier.
    fn sources(&self) -> Outcome<(String, Vec<Source>)> {
        let mut device_id = self.id.clone();
        let mut sources = Vec::with_capacity(self.folders.len());
        for folder in &self.folders {
            let mut vdir = self.open(folder)?;
            self.warn_of_other_address(folder, &mut vdir)?;
            if device_id.is_none() {
                device_id = Some(self.remembered(folder, &mut vdir)?);
            }
            sources.push(Source {
                name: folder.store.clone(),
                local_uri: local_uri(folder),
                remote_uri: folder.store.clone(),
                kind: folder.kind,
                mode: folder.mode,
                filter: folder.filter.clone(),
                replica: Box::new(vdir),
            });
        }
        Ok((device_id.unwrap_or_default(), sources))
    }

    /// Says so where the folder is about to be compared as a whole, because it was in step with the
    /// server under another address only. It may be another server, too.
    fn warn_of_other_address(&self, folder: &Folder, vdir: &mut Vdir) -> Outcome {
        let goes_by_anchors = matches!(
            folder.mode,
            Mode::TwoWay | Mode::FromClient | Mode::FromServer
        );
        let failed = |error| self.broken(folder, error);
        if !goes_by_anchors || !vdir.anchors().map_err(failed)?.client.is_empty() {
            return Ok(());
        }
        let peers = vdir.other_peers().map_err(failed)?;
        let other = peers
            .iter()
            .find_map(|peer| other_address(peer, &self.user, &folder.store));
        if let Some(other) = other {
            warn(format_args!(
                "{}: {} was in step with {other} before and not with {}, so that all items are \
                 compared; if both are one server, write its address as before",
                folder.store,
                folder.dir.display(),
                self.url
            ));
        }
        Ok(())
    }

    fn open(&self, folder: &Folder) -> Outcome<Vdir> {
        // the same server, however its address ends
        let url = self.url.trim_end_matches('/');
        let peer = format!("{}@{url} {}", self.user, folder.store);
        let opened = Vdir::open(&folder.dir, &peer, folder.kind, folder.media_type);
        let mut vdir = opened.map_err(|error| {
            Failure::state(format_args!(
                "{}; check the folder and run the command again",
                chain(&error)
            ))
        })?;
        if let Some(room) = folder.room {
            vdir.limit(room);
        }
        Ok(vdir)
    }

    fn broken(&self, folder: &Folder, source: ReplicaError) -> Failure {
        self.failed(&Error::Replica {
            name: folder.dir.display().to_string(),
            source,
        })
    }

    fn failed(&self, error: &Error) -> Failure {
        match error {
            Error::Replica { .. } => Failure::state(format_args!(
                "{}; check the folder and run the command again",
                chain(error)
            )),
            Error::Refused { .. } => Failure::peer(format_args!(
                "{}: {error} for {:?}; check name and password",
                self.url, self.user
            )),
            Error::Scheme { .. } => Failure::peer(format_args!(
                "{}: {}; ask whoever runs the server for a login by digest",
                self.url,
                output::foreign(&error.to_string(), output::PHRASE)
            )),
            Error::Rejected {
                status: StatusCode::UNAVAILABLE,
            } => Failure::peer(format_args!(
                "{}: the server takes no session now, it may have too many (status 503); run the \
                 same command again later",
                self.url
            )),
            Error::Busy { .. } => Failure::peer(format_args!(
                "{}: {error}; run the same command again later, it goes on where it stopped",
                self.url
            )),
            Error::Impostor { .. } => Failure::peer(format_args!(
                "{}: {error}; check the name and password that are expected of it, and whether the \
                 address leads to it",
                self.url
            )),
            Error::Version { .. } if self.version.is_none() => Failure::peer(format_args!(
                "{} speaks no version of SyncML that this program does ({error}); check the address",
                self.url
            )),
            Error::Version { .. } => Failure::peer(format_args!(
                "{}: {error}; leave --version out or choose another",
                self.url
            )),
            _ => Failure::peer(format_args!(
                "{}: {}; run the command again, or see SYNCLINE_LOG=debug",
                self.url,
                output::foreign(&error.to_string(), output::PHRASE)
            )),
        }
    }
}

/// The address of a folder on the device.
fn local_uri(folder: &Folder) -> String {
    format!("./{}", folder.store.trim_start_matches("./"))
}

fn resting(folder: &Folder) -> Resting {
    Resting {
        local_uri: local_uri(folder),
        remote_uri: folder.store.clone(),
        kind: folder.kind,
        has_folders: folder.kind.is_hierarchical(),
        size: folder.room,
    }
}

/// The address of a peer, as it is named by [`Device::open`], of the same account and datastore.
fn other_address<'p>(peer: &'p str, user: &str, store: &str) -> Option<&'p str> {
    let (address, known) = peer.rsplit_once(' ')?;
    let url = address.strip_prefix(user)?.strip_prefix('@')?;
    let is_address = url.starts_with("http://") || url.starts_with("https://");
    let is_it = session::datastore_name(known) == session::datastore_name(store);
    (is_address && is_it).then_some(url)
}

fn unreachable(error: &http::Error) -> Failure {
    let advice = match error {
        http::Error::Address { .. } => {
            return Failure::usage(format_args!("{error}; check --url"));
        }
        http::Error::Setup { .. } => "check the system's certificates",
        http::Error::Busy { .. } | http::Error::Lost { .. } | http::Error::Timeout { .. } => {
            "run the same command again later, it goes on where it stopped"
        }
        _ => "check the address and that the server is running",
    };
    Failure::peer(format_args!("{error}; {advice}"))
}

/// The connection was lost in the middle of a session: what it had done, and what goes on from there.
fn broken_off(error: &http::Error, summary: &Summary, version: Version) -> Failure {
    let sum = |count: fn(&SourceSummary) -> u64| summary.sources.iter().map(count).sum::<u64>();
    let sent = sum(|source| source.sent.total() + source.compared);
    let received = sum(|source| source.received.total());
    let advice = if version >= Version::V1_2 {
        "run the same command again, it goes on where it stopped"
    } else {
        "that stays; run the same command again for the rest"
    };
    Failure::peer(format_args!(
        "{error} in the middle of the session, with {sent} changes confirmed by the server and \
         {received} received; {advice}"
    ))
}

/// An error with its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let next = error.to_string();
        // some errors repeat their cause in their own text
        if !text.ends_with(&next) {
            text = format!("{text}: {next}");
        }
        cause = error.source();
    }
    text
}

/// Why a session ended early.
enum End {
    Session(Error),
    Transport {
        error: http::Error,
        /// How many messages were answered before.
        answers: u32,
    },
}

async fn run(
    session: &mut Session,
    client: &Client,
    progress: &mut impl FnMut(&[Progress]),
    stop: &AtomicBool,
) -> Result<Summary, End> {
    let mut answers = 0;
    loop {
        if stop.load(Ordering::Relaxed) {
            session.suspend();
        }
        match session.step().map_err(End::Session)? {
            Step::Done(summary) => return Ok(summary),
            Step::Send {
                url,
                body,
                encoding,
                mac,
                wait_seconds,
            } => {
                tokio::time::sleep(Duration::from_secs(wait_seconds)).await;
                let answer = client
                    .post_with(&url, encoding.media_type(), body.into(), mac.as_deref())
                    .await
                    .map_err(|error| End::Transport { error, answers })?;
                answers += 1;
                session
                    .receive_proved(
                        &answer.body,
                        answer.charset.as_deref(),
                        answer.mac.as_deref(),
                    )
                    .map_err(End::Session)?;
                progress(&session.progress());
            }
        }
    }
}

/// What a session would do with a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Planned {
    /// Send what is new, changed and deleted here.
    Changes([u64; 3]),
    /// Send so many items to be compared: the first sync, or a slow one.
    Compare(u64),
    /// Send so many items in place of the server's.
    ReplaceServer(u64),
    /// Send nothing.
    Receive,
    /// Remove so many items here and take the server's.
    ReplaceLocal(u64),
}

fn outlook(vdir: &mut Vdir, mode: Mode) -> Result<Planned, ReplicaError> {
    let first = vdir.anchors()?.client.is_empty();
    Ok(match mode {
        Mode::Slow => Planned::Compare(items(vdir)?),
        Mode::TwoWay | Mode::FromClient if first => Planned::Compare(items(vdir)?),
        Mode::TwoWay | Mode::FromClient => Planned::Changes(vdir.outlook()?),
        Mode::RefreshFromClient => Planned::ReplaceServer(items(vdir)?),
        Mode::FromServer => Planned::Receive,
        Mode::RefreshFromServer => Planned::ReplaceLocal(items(vdir)?),
    })
}

/// How many items a folder holds.
fn items(vdir: &mut Vdir) -> Result<u64, ReplicaError> {
    vdir.begin(Plan {
        all_items: true,
        sends: true,
        renews_map: false,
        resumes: false,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    /// A device with a folder, for a server of which this holds.
    fn device(dir: PathBuf, set: &str) -> Device {
        let rule = format!("[[rule]]\nname = 'odd'\nmatch.host = ['odd.example']\n{set}\n");
        Device {
            http: Options::default(),
            url: "https://odd.example/sync".to_owned(),
            user: "alice".to_owned(),
            password: "secret".to_owned(),
            server: None,
            id: None,
            version: None,
            encoding: None,
            rules: ServerTable::parse(&rule).unwrap(),
            max_msg_size: 100_000,
            basic_first: false,
            one_package: false,
            folders: vec![Folder {
                store: "contacts".to_owned(),
                dir,
                kind: DatastoreKind::Contacts,
                media_type: "text/vcard",
                mode: Mode::TwoWay,
                filter: None,
                room: None,
                login: None,
            }],
            resting: Vec::new(),
            on_conflict: None,
            invitation: None,
        }
    }

    #[test]
    fn a_rule_says_how_a_session_begins_unless_the_person_does() {
        let root = tempfile::tempdir().unwrap();
        let begins = |device: &Device| {
            let (_, mut sources) = device.sources().unwrap();
            let rules = device.rules_for(&mut sources).unwrap();
            let version = device.first_version(&rules);
            (version, device.config(version, &rules, "d").encoding)
        };
        let plain = device(root.path().join("c"), "");
        assert_eq!(begins(&plain), (Version::V1_2, Encoding::Wbxml));
        let set = "set.max-version = '1.1'\nset.encoding = 'xml'";
        let ruled = device(root.path().join("c"), set);
        assert_eq!(begins(&ruled), (Version::V1_1, Encoding::Xml));
        let named = Device {
            version: Some(Version::V1_2),
            encoding: Some(Encoding::Wbxml),
            ..ruled
        };
        assert_eq!(begins(&named), (Version::V1_2, Encoding::Wbxml));
    }

    #[test]
    fn a_name_that_is_made_up_begins_as_a_rule_says_and_stays() {
        let root = tempfile::tempdir().unwrap();
        let ruled = device(root.path().join("c"), "set.device-prefix = 'sc-pim-'");
        let name = ruled.identifier().unwrap();
        assert!(name.starts_with("sc-pim-syncline-"), "{name}");
        assert_eq!(ruled.identifier().unwrap(), name);
        let plain = device(root.path().join("d"), "");
        let other = plain.identifier().unwrap();
        assert!(other.starts_with("syncline-"), "{other}");
    }
}
