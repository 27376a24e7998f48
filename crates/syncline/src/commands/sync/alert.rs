//! What the client does with a server's notification: checks that it is the server's, chooses the
//! datastores that it names, and acts on it once.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use session::client::Mode;
use syncml::AlertCode;
use syncml::san::{self, Notification, Received, UiMode};

use crate::commands::alert::{SERVER_ID, host};
use crate::device::{Device, Folder};
use crate::report::{Failure, Outcome, say, warn};
use crate::{output, world};

/// Largest file taken, bytes.
const LARGEST: u64 = 64 << 10;

/// How long the same notification starts no second session, seconds.
const RECENT: i64 = 24 * 3600;

/// A notification that is acted on, to be remembered when its session has ended well: one that
/// failed is begun anew when the server asks again.
pub(super) struct Heard {
    /// The file that remembers it, and the line; `None` for one that cannot be told from another.
    memory: Option<(PathBuf, String)>,
}

/// Reads a notification and makes the device do as it asks; `None` when that was done already.
pub(super) fn take(
    path: &Path,
    server_id: Option<&str>,
    device: &mut Device,
) -> Outcome<Option<Heard>> {
    let received = read(path)?;
    let said = received.notification();
    let refused = |why: &str| {
        let text = format!("{}: {why}", path.display());
        Failure::peer(text)
    };
    // spec: Q16
    if !names_server(&said.server_id, server_id, &device.url) {
        return Err(refused(&format!(
            "the notification comes from {:?}, which is not the server {}; set the server's \
             identifier with --server-id or `server-id` in the profile if it is",
            output::foreign(&said.server_id, output::PHRASE),
            device.url
        )));
    }
    let first = device.folders.first();
    let memory = first.map(|folder| folder.dir.join(".syncline").join("alerts"));
    let memory = memory.zip(key(&received));
    // first of all, since the session has renewed the nonce that proved the first delivery
    // spec: Q07
    if let Some((path, key)) = &memory
        && memory::holds(path, key, world::now())
    {
        say("the notification came before and was acted on; nothing is left to do");
        return Ok(None);
    }
    // spec: Q03
    if let Received::Package(package) = &received {
        let secret = san::password_digest(&said.server_id, &device.password);
        let mut nonces = device.nonces()?;
        if nonces.is_empty() {
            nonces.push(Vec::new());
        }
        if !nonces
            .iter()
            .any(|nonce| package.is_proved_by(&secret, nonce))
        {
            return Err(refused(
                "the digest of the notification is wrong, so it may come from somebody else; check \
                 the password, or ask the server for a new notification",
            ));
        }
    }
    // the device is the same one, whichever of its folders are named
    device.id = Some(device.identifier()?);
    device.resting = narrow(&mut device.folders, said)?;
    announce(said.ui_mode, &device.folders);
    device.invitation = Some(received);
    Ok(Some(Heard { memory }))
}

fn read(path: &Path) -> Outcome<Received> {
    let mut bytes = Vec::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(LARGEST + 1).read_to_end(&mut bytes))
        .map_err(|error| {
            Failure::usage(format_args!(
                "{} cannot be read: {error}; check the path",
                path.display()
            ))
        })?;
    san::read(&bytes).map_err(|error| {
        Failure::input(format_args!(
            "{} is no notification: {error}; check that it is complete",
            path.display()
        ))
    })
}

/// Whether a notification's server is the one that the device syncs with: by the identifier that
/// was agreed, else by the address or its host, or because it has no name but the program's.
fn names_server(said: &str, agreed: Option<&str>, url: &str) -> bool {
    let bare = |text: &str| text.trim_end_matches('/').to_ascii_lowercase();
    match agreed {
        Some(agreed) => said == agreed,
        None if said.is_empty() => false,
        None => {
            bare(said) == bare(url)
                || host(said).eq_ignore_ascii_case(host(url))
                || said == SERVER_ID
        }
    }
}

/// Keeps the folders that a notification names, each with the mode it asks for; gives the others.
fn narrow(folders: &mut Vec<Folder>, said: &Notification) -> Outcome<Vec<Folder>> {
    // spec: Q08
    if said.syncs.is_empty() {
        return Ok(Vec::new());
    }
    let mut named: Vec<Folder> = Vec::new();
    for sync in &said.syncs {
        let uri = output::foreign(&sync.server_uri, output::PHRASE);
        let Some(mode) = sync.client_code().and_then(mode_of) else {
            warn(format_args!(
                "the server asks for a sync of {uri:?} in a way that is not known; left out"
            ));
            continue;
        };
        let name = session::datastore_name(&sync.server_uri);
        let is_it = |folder: &Folder| session::datastore_name(&folder.store) == name;
        match folders.iter().position(is_it) {
            Some(place) => named.push(Folder {
                mode,
                ..folders.remove(place)
            }),
            None if named.iter().any(is_it) => {}
            None => warn(format_args!(
                "the server asks for a sync of {uri:?}, which has no folder here; left out"
            )),
        }
    }
    if named.is_empty() {
        return Err(Failure::usage(
            "the notification asks for no datastore that has a folder here; add one, as in \
             contacts=./contacts",
        ));
    }
    Ok(std::mem::replace(folders, named))
}

/// The mode that an alert 200 to 205 stands for.
fn mode_of(code: AlertCode) -> Option<Mode> {
    match code {
        AlertCode::TWO_WAY => Some(Mode::TwoWay),
        AlertCode::ONE_WAY_FROM_CLIENT => Some(Mode::FromClient),
        AlertCode::REFRESH_FROM_CLIENT => Some(Mode::RefreshFromClient),
        AlertCode::ONE_WAY_FROM_SERVER => Some(Mode::FromServer),
        AlertCode::REFRESH_FROM_SERVER => Some(Mode::RefreshFromServer),
        _ => None,
    }
}

/// Tells what is about to happen, unless the server wants it done in the background. Who runs the
/// command has decided already, so nobody is asked.
fn announce(ui_mode: UiMode, folders: &[Folder]) {
    if ui_mode == UiMode::Background {
        return;
    }
    let names: Vec<&str> = folders.iter().map(|folder| folder.store.as_str()).collect();
    say(&format!(
        "the server asks for a sync of {}",
        names.join(", ")
    ));
}

/// What two deliveries of one notification have in common: server and session, or where the
/// session's identifier is left to the client the digest, which covers all it says.
fn key(received: &Received) -> Option<String> {
    let said = received.notification();
    match (&said.session_id, received) {
        (Some(id), _) => Some(format!("{id:?} {:?}", said.server_id)),
        (None, Received::Package(package)) => {
            let digest = u128::from_be_bytes(package.digest);
            Some(format!("{digest:032x}"))
        }
        (None, Received::Message(_)) => None,
    }
}

impl Heard {
    /// Remembers that this notification was acted on.
    pub(super) fn remember(&self) -> Outcome {
        let Some((path, key)) = &self.memory else {
            return Ok(());
        };
        memory::add(path, key, world::now()).map_err(|error| {
            Failure::state(format_args!(
                "{} cannot be written: {error}; check the permissions of the folder",
                path.display()
            ))
        })
    }
}

/// The notifications acted on of late: a file of lines, each a time and a key.
mod memory {
    use std::fmt::Write as _;
    use std::path::Path;

    use super::RECENT;

    /// The lines that are not too old; a clock that was set back makes none immortal.
    fn recent(path: &Path, now: i64) -> Vec<(i64, String)> {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        let lines = text.lines().filter_map(|line| {
            let (time, key) = line.split_once(' ')?;
            Some((time.parse().ok()?, key.to_owned()))
        });
        let is_recent = |time: i64| now.abs_diff(time) < RECENT.unsigned_abs();
        lines.filter(|(time, _)| is_recent(*time)).collect()
    }

    pub(super) fn holds(path: &Path, key: &str, now: i64) -> bool {
        recent(path, now).iter().any(|(_, known)| known == key)
    }

    pub(super) fn add(path: &Path, key: &str, now: i64) -> std::io::Result<()> {
        let mut text = String::new();
        for (time, key) in recent(path, now).iter().chain([&(now, key.to_owned())]) {
            let _ = writeln!(text, "{time} {key}");
        }
        std::fs::write(path, text)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use session::store::DatastoreKind;
    use syncml::Version;
    use syncml::san::{ContentType, Initiator, Sync};

    use super::*;

    fn folder(store: &str) -> Folder {
        Folder {
            store: store.to_owned(),
            dir: store.into(),
            kind: DatastoreKind::Contacts,
            media_type: "text/vcard",
            mode: Mode::Slow,
            filter: None,
            room: None,
            login: None,
        }
    }

    fn asks(syncs: &[(u16, &str)]) -> Notification {
        Notification {
            version: Version::V1_2,
            ui_mode: UiMode::Background,
            initiator: Initiator::Server,
            session_id: None,
            server_id: "h".to_owned(),
            syncs: syncs
                .iter()
                .map(|(code, uri)| Sync {
                    code: AlertCode(*code),
                    content_type: ContentType::NotSpecified,
                    server_uri: (*uri).to_owned(),
                    client_uri: None,
                })
                .collect(),
            vendor: Vec::new(),
        }
    }

    fn narrowed(syncs: &[(u16, &str)]) -> Outcome<Vec<(String, Mode)>> {
        let mut folders = vec![folder("contacts"), folder("notes"), folder("x")];
        narrow(&mut folders, &asks(syncs))?;
        let pairs = folders.into_iter().map(|one| (one.store, one.mode));
        Ok(pairs.collect())
    }

    // spec: Q09
    #[test]
    fn each_type_becomes_a_mode() {
        for (code, mode) in [
            (206, Mode::TwoWay),
            (207, Mode::FromClient),
            (208, Mode::RefreshFromClient),
            (209, Mode::FromServer),
            (210, Mode::RefreshFromServer),
        ] {
            let named = narrowed(&[(code, "./notes")]).unwrap();
            assert_eq!(named, [("notes".to_owned(), mode)]);
        }
    }

    // spec: Q08
    #[test]
    fn no_sync_means_all() {
        let all = narrowed(&[]).unwrap();
        assert_eq!(all.len(), 3);
        assert!(all.iter().all(|(_, mode)| *mode == Mode::Slow));
    }

    #[test]
    fn what_is_not_here_or_not_known_is_left_out() {
        let named = narrowed(&[
            (206, "./card"),
            (206, "tasks"),
            (215, "x"),
            (210, "contacts"),
        ]);
        assert_eq!(named.unwrap(), [("contacts".to_owned(), Mode::TwoWay)]);
        assert!(narrowed(&[(206, "tasks")]).is_err());
        assert!(narrowed(&[(200, "notes")]).is_err());
    }

    // spec: Q16
    #[test]
    fn only_the_own_server_is_heard() {
        let url = "http://Sync.Example.org:8080/syncml";
        for said in [
            "sync.example.org",
            "http://sync.example.org/ds11",
            "http://sync.example.org:8080/syncml/",
            "syncline",
        ] {
            assert!(names_server(said, None, url), "{said}");
        }
        assert!(!names_server("other.example.org", None, url));
        assert!(!names_server("", None, url));
        assert!(names_server("home", Some("home"), url));
        assert!(!names_server("sync.example.org", Some("home"), url));
    }

    // spec: Q07
    #[test]
    fn notifications_are_remembered_for_a_day() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("alerts");
        assert!(!memory::holds(&path, "1 \"h\"", 1000));
        memory::add(&path, "1 \"h\"", 1000).unwrap();
        memory::add(&path, "2 \"h\"", 1000 + RECENT - 1).unwrap();
        assert!(memory::holds(&path, "1 \"h\"", 1000 + RECENT - 1));
        assert!(!memory::holds(&path, "1 \"h\"", 1000 + RECENT));
        assert!(memory::holds(&path, "2 \"h\"", 1000 + RECENT));
        memory::add(&path, "3 \"h\"", 1000 + RECENT).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap().lines().count(), 2);
    }
}
