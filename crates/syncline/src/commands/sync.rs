//! `syncline sync`: the client.

mod alert;
mod filters;
mod profile;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use pim::Format;
use serde::Serialize;
use session::client::{Counts, Progress, SourceSummary, Summary};
use session::peer::{ServerRule, ServerTable, TableError};
use session::store::DatastoreKind;
use transports::http;

use super::password_from_stdin;
use super::serve::stop_signal;
use crate::cli::{Sync, SyncMode};
use crate::conflict;
use crate::device::{Device, Folder, Planned, ServerProof};
use crate::output;
use crate::report::{Failure, Outcome, say, warn};
use profile::{Profile, login_in, password_in};

/// How long a server may take to hear that the session is suspended, once the person has asked for an
/// end.
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) fn run(options: Sync) -> Outcome {
    let (json, dry_run) = (options.json, options.dry_run);
    let (alert, server_id) = (options.alert.clone(), options.server_id.clone());
    let (mut device, profile_server_id) = device(options)?;
    let heard = match alert {
        None => None,
        Some(path) => {
            let server_id = server_id.or(profile_server_id);
            let Some(heard) = alert::take(&path, server_id.as_deref(), &mut device)? else {
                return report(&Summary::default(), json);
            };
            Some(heard)
        }
    };
    if dry_run {
        return plan(&device, json);
    }
    let bar = bar();
    let runtime = super::runtime()?;
    let summary = runtime.block_on(async {
        let first = stop_signal()?;
        let stop = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&stop);
        // on a thread of its own: a question to the person holds this one up
        let mut first = tokio::spawn(async move {
            first.await;
            told.store(true, Ordering::Relaxed);
        });
        let mut summary = pin!(device.sync(|progress| show(&bar, progress), &stop));
        tokio::select! {
            summary = &mut summary => return summary,
            _ = &mut first => {}
        }
        // not before the first has come, which it would hear as well
        let second = stop_signal()?;
        warn("the session is being suspended; interrupt again to break it off");
        tokio::select! {
            summary = summary => return summary,
            () = second => {}
            () = tokio::time::sleep(PATIENCE) => {}
        }
        Err(Failure::input(
            "interrupted; what both sides have confirmed stays, run the same command again to \
                 go on",
        ))
    });
    bar.finish_and_clear();
    let summary = summary?;
    // what failed is to be begun anew when the server asks again
    let is_done = summary.sources.iter().all(|one| one.error.is_none());
    if let Some(heard) = heard.filter(|_| is_done) {
        heard.remember()?;
    }
    report(&summary, json)
}

/// The device that options and profile describe, and the server's identifier that the profile
/// names; options go first.
fn device(options: Sync) -> Outcome<(Device, Option<String>)> {
    let profile = match options.what.as_slice() {
        [one] if is_profile(one) => Profile::load(Path::new(one))?,
        several => match several.iter().find(|one| is_profile(one)) {
            None => Profile::of_pairs(several)?,
            Some(one) if Path::new(one).is_file() => {
                return Err(Failure::usage(format_args!(
                    "the profile {one} stands alone; leave out the rest, or put it into the profile"
                )));
            }
            Some(one) => {
                return Err(Failure::usage(format_args!(
                    "{one:?} names no datastore and folder; write STORE=DIR or STORE=DIR:TYPE"
                )));
            }
        },
    };
    once_each(&profile.stores)?;
    let on_conflict = options.on_conflict.or(profile.on_conflict);
    conflict::check(on_conflict)?;
    let stores = filters::added(profile.stores, &options)?;
    let mode = options.mode.or(profile.mode).unwrap_or_default();
    let folders = stores
        .into_iter()
        .map(|(store, entry)| folder(store, entry, mode, options.mode))
        .collect::<Outcome<Vec<Folder>>>()?;
    if folders.is_empty() {
        return Err(Failure::usage(
            "there is nothing to sync; name a datastore and a folder, as in contacts=./contacts",
        ));
    }
    let missing = |what| {
        Failure::usage(format_args!(
            "there is no {what}; give --{what} or set `{what}` in the profile"
        ))
    };
    let url = options.url.or(profile.url).ok_or_else(|| missing("url"))?;
    let user = options
        .user
        .or(profile.user)
        .ok_or_else(|| missing("user"))?;
    let password = if options.password_stdin {
        password_from_stdin()?
    } else {
        match profile.password {
            Some(password) => password,
            // but for a notification's digest, nothing needs it
            None if options.dry_run && options.alert.is_none() => String::new(),
            None => {
                return Err(Failure::usage(
                    "there is no password; pipe it in with --password-stdin, or set `password` or \
                     `password-file` in the profile",
                ));
            }
        }
    };
    let id = options.device_id.or(profile.device_id);
    if let Some(id) = id.as_ref().filter(|id| id.contains(char::is_control)) {
        return Err(Failure::usage(format_args!(
            "{id:?} is no device identifier; choose one without control characters"
        )));
    }
    let ca_file = options.ca_file.or(profile.ca_file);
    let http_password = match options.http_password_file {
        Some(path) => Some(password_in(&path)?),
        None => profile.http_password,
    };
    let http_user = options.http_user.or(profile.http_user);
    let http = http::Options {
        login: http_user
            .zip(http_password)
            .map(|(user, password)| http::Login { user, password }),
        roots: ca_file
            .as_deref()
            .map(certificates)
            .transpose()?
            .unwrap_or_default(),
        ..http::Options::default()
    };
    let server_password = match options.server_password_file {
        Some(path) => Some(password_in(&path)?),
        None => profile.server_password,
    };
    let server = proof(options.server_name.or(profile.server_name), server_password)?;
    let device = Device {
        http,
        url,
        user,
        password,
        server,
        id,
        version: options.version.or(profile.version).map(Into::into),
        encoding: options.encoding.or(profile.encoding).map(Into::into),
        rules: rules(profile.server_rules)?,
        max_msg_size: options
            .max_msg_size
            .or(profile.max_msg_size)
            .unwrap_or(1_000_000),
        basic_first: options.basic || profile.basic,
        one_package: options.one_package,
        folders,
        resting: Vec::new(),
        on_conflict,
        invitation: None,
    };
    Ok((device, profile.server_id))
}

/// The rules of servers: those that come with the client, and then the profile's.
fn rules(own: Vec<ServerRule>) -> Outcome<ServerTable> {
    let build = || {
        let mut table = ServerTable::of_known_servers()?;
        table.extend(own)?;
        Ok(table)
    };
    build()
        .map_err(|error: TableError| Failure::usage(format_args!("{error}; correct the profile")))
}

/// What the server has to prove, where that is wanted.
fn proof(name: Option<String>, password: Option<String>) -> Outcome<Option<ServerProof>> {
    match (name, password) {
        (None, None) => Ok(None),
        (Some(name), Some(password)) => Ok(Some(ServerProof { name, password })),
        _ => Err(Failure::usage(
            "a server proves itself by name and password; set both `server-name` and \
             `server-password` or `server-password-file` in the profile, or neither",
        )),
    }
}

/// The file of certificates that are trusted too.
fn certificates(path: &Path) -> Outcome<Vec<u8>> {
    std::fs::read(path).map_err(|error| {
        Failure::usage(format_args!(
            "the certificates {} cannot be read: {error}; check the path",
            path.display()
        ))
    })
}

/// Whether an argument is no `STORE=DIR`.
fn is_profile(argument: &str) -> bool {
    !argument.contains('=')
}

/// Refuses to sync one datastore or one folder twice: each would take the other's changes back.
fn once_each(stores: &[(String, profile::Entry)]) -> Outcome {
    let mut names: BTreeMap<String, &str> = BTreeMap::new();
    let mut dirs: BTreeMap<PathBuf, &Path> = BTreeMap::new();
    for (store, entry) in stores {
        if let Some(other) = names.insert(session::datastore_name(store), store) {
            return Err(Failure::usage(format_args!(
                "{other:?} and {store:?} are one datastore; name it once"
            )));
        }
        if let Some(other) = dirs.insert(whole(&entry.dir), &entry.dir) {
            return Err(Failure::usage(format_args!(
                "{} and {} are one folder; give each datastore its own",
                other.display(),
                entry.dir.display()
            )));
        }
    }
    Ok(())
}

/// The one path of a folder; one that is not there yet has none of another name.
fn whole(dir: &Path) -> PathBuf {
    let absolute = || std::path::absolute(dir).map(|path| path.components().collect());
    dir.canonicalize()
        .or_else(|_| absolute())
        .unwrap_or_else(|_| dir.to_owned())
}

fn folder(
    store: String,
    entry: profile::Entry,
    mode: SyncMode,
    forced: Option<SyncMode>,
) -> Outcome<Folder> {
    let kind = kind_of(&store, entry.media_type.as_deref())?;
    let mode = forced.or(entry.mode).unwrap_or(mode);
    let media_type = match entry.media_type.as_deref().and_then(Format::of_media_type) {
        Some(format) => format.media_type(),
        None => kind.content_types().first().map_or("", |(name, _)| *name),
    };
    let filter = filters::filter_of(&entry, media_type)?;
    let room = entry.room.as_deref().map(filters::room_of).transpose()?;
    let login = entry.login_file.as_deref().map(login_in).transpose()?;
    Ok(Folder {
        store,
        dir: entry.dir,
        kind,
        media_type,
        mode: mode.into(),
        filter,
        room,
        login,
    })
}

/// What a datastore holds: by the type given, else by its name.
fn kind_of(store: &str, media_type: Option<&str>) -> Outcome<DatastoreKind> {
    let named = DatastoreKind::from_name(&session::datastore_name(store));
    let Some(media_type) = media_type else {
        return named.ok_or_else(|| {
            Failure::usage(format_args!(
                "the name {store:?} does not tell what the datastore holds; add a type, as in \
                 {store}=DIR:text/vcard"
            ))
        });
    };
    match pim::media::kind_of_media_type(media_type) {
        pim::Kind::Contact => Ok(DatastoreKind::Contacts),
        pim::Kind::Event if named == Some(DatastoreKind::Tasks) => Ok(DatastoreKind::Tasks),
        pim::Kind::Event => Ok(DatastoreKind::Calendar),
        pim::Kind::Task => Ok(DatastoreKind::Tasks),
        pim::Kind::Note => Ok(DatastoreKind::Notes),
        _ => Err(Failure::usage(format_args!(
            "items of type {media_type:?} cannot be synced; use text/vcard, text/x-vcard, \
             text/calendar, text/x-vcalendar or text/plain"
        ))),
    }
}

/// A progress bar; invisible where stderr is no terminal.
fn bar() -> ProgressBar {
    let bar = ProgressBar::new(0);
    let style = ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.set_message("connecting");
    bar
}

fn show(bar: &ProgressBar, progress: &[Progress]) {
    let sum = |value: fn(&Progress) -> u64| progress.iter().map(value).sum::<u64>();
    let (sent, received) = (sum(|p| p.sent), sum(|p| p.received));
    bar.set_length(sum(|p| p.to_send) + sum(|p| p.to_receive.unwrap_or(p.received)));
    bar.set_position(sent + received);
    bar.set_message(format!("{sent} sent, {received} received"));
}

/// Says what was done, and names what was not.
fn report(summary: &Summary, json: bool) -> Outcome {
    for message in &summary.messages {
        let message = output::foreign(message, output::PHRASE);
        say(&format!("the server says: {message}"));
    }
    for source in &summary.sources {
        if source.waiting > 0 {
            say(&waiting(source));
        }
        if let Some(error) = &source.error {
            let error = output::foreign(error, output::PHRASE);
            warn(format_args!("{}: {error}", source.name));
        }
        for failure in &source.failed {
            warn(format_args!(
                "{}: item {}: {}",
                source.name,
                output::foreign(&failure.item, output::PHRASE),
                output::foreign(&failure.reason, output::PHRASE)
            ));
        }
    }
    if json {
        let rows: Vec<Row<'_>> = summary.sources.iter().map(Row::from).collect();
        output::json(&rows)?;
    } else {
        for source in &summary.sources {
            output::line(line(source))?;
        }
    }
    if summary.suspended {
        return Err(Failure::input(
            "the session is suspended; run the same command again to go on",
        ));
    }
    let complete = |source: &SourceSummary| source.error.is_none() && source.failed.is_empty();
    if summary.sources.iter().all(complete) {
        Ok(())
    } else {
        Err(Failure::partly())
    }
}

/// What the person has to know of changes that the server holds back.
fn waiting(source: &SourceSummary) -> String {
    format!(
        "{}: {} or more of the changes sent wait on the server, since they delete or replace so many \
         items, until its owner decides; a Syncline server lists them with `syncline session list`",
        source.name, source.waiting
    )
}

/// A datastore's line of the report.
pub(super) fn line(source: &SourceSummary) -> String {
    let counts = |counts: &Counts| {
        format!(
            "{} added, {} changed, {} deleted",
            counts.added, counts.changed, counts.deleted
        )
    };
    let compared = match source.compared {
        0 => String::new(),
        items => format!("; {items} compared"),
    };
    let waiting = match source.waiting {
        0 => String::new(),
        changes => format!("; {changes} waiting"),
    };
    format!(
        "{}: sent {}; received {}; {} failed{compared}{waiting}",
        source.name,
        counts(&source.sent),
        counts(&source.received),
        source.failed.len()
    )
}

#[derive(Serialize)]
struct Row<'a> {
    name: &'a str,
    alert: u16,
    sent: Changes,
    /// Items sent to be compared that the server had.
    compared: u64,
    received: Changes,
    /// Changes sent that the server does not make until its owner decides.
    waiting: u64,
    failed: Vec<Failed<'a>>,
    error: Option<&'a str>,
}

#[derive(Serialize)]
struct Changes {
    added: u64,
    changed: u64,
    deleted: u64,
}

#[derive(Serialize)]
struct Failed<'a> {
    item: &'a str,
    reason: &'a str,
}

impl From<&Counts> for Changes {
    fn from(counts: &Counts) -> Self {
        Self {
            added: counts.added,
            changed: counts.changed,
            deleted: counts.deleted,
        }
    }
}

impl<'a> From<&'a SourceSummary> for Row<'a> {
    fn from(source: &'a SourceSummary) -> Self {
        Self {
            name: &source.name,
            alert: source.alert,
            sent: (&source.sent).into(),
            compared: source.compared,
            received: (&source.received).into(),
            waiting: source.waiting,
            failed: source
                .failed
                .iter()
                .map(|failure| Failed {
                    item: &failure.item,
                    reason: &failure.reason,
                })
                .collect(),
            error: source.error.as_deref(),
        }
    }
}

#[derive(Serialize)]
struct PlannedRow {
    name: String,
    would_send: Changes,
    compares_all: bool,
    /// Files of this side that would go before the server's come.
    would_remove: u64,
    /// Items of the server that this side does not have would go.
    replaces_server: bool,
}

/// Says what a session would do.
fn plan(device: &Device, json: bool) -> Outcome {
    let planned = device.dry_run()?;
    let named = device.folders.iter().zip(&planned);
    if json {
        let row = |(folder, one): (&'_ Folder, &'_ Planned)| {
            let [added, changed, deleted] = match *one {
                Planned::Changes(counts) => counts,
                Planned::Compare(items) | Planned::ReplaceServer(items) => [items, 0, 0],
                Planned::Receive | Planned::ReplaceLocal(_) => [0; 3],
            };
            PlannedRow {
                name: folder.store.clone(),
                would_send: Changes {
                    added,
                    changed,
                    deleted,
                },
                compares_all: matches!(one, Planned::Compare(_)),
                would_remove: match *one {
                    Planned::ReplaceLocal(items) => items,
                    _ => 0,
                },
                replaces_server: matches!(one, Planned::ReplaceServer(_)),
            }
        };
        return output::json(&named.map(row).collect::<Vec<_>>());
    }
    for (folder, one) in named {
        output::line(format_args!("{}: {}", folder.store, planned_line(one)))?;
    }
    Ok(())
}

fn planned_line(planned: &Planned) -> String {
    match *planned {
        Planned::Changes([added, changed, deleted]) => {
            format!("would send {added} added, {changed} changed, {deleted} deleted")
        }
        Planned::Compare(items) => {
            format!("would send all {items} items, to be compared with the server's")
        }
        Planned::ReplaceServer(items) => {
            format!("would send all {items} items; the server's other items would be removed")
        }
        Planned::Receive => "would send nothing and receive the server's changes".to_owned(),
        Planned::ReplaceLocal(items) => {
            format!("would remove all {items} items here and receive the server's")
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_report_line_is_what_scripts_read() {
        let source = SourceSummary {
            name: "contacts".to_owned(),
            sent: Counts {
                added: 1,
                changed: 2,
                deleted: 0,
            },
            received: Counts {
                added: 3,
                changed: 0,
                deleted: 1,
            },
            ..SourceSummary::default()
        };
        assert_eq!(
            line(&source),
            "contacts: sent 1 added, 2 changed, 0 deleted; received 3 added, 0 changed, 1 deleted; \
             0 failed"
        );
    }

    #[test]
    fn changes_that_wait_are_told() {
        let source = SourceSummary {
            name: "contacts".to_owned(),
            waiting: 3,
            ..SourceSummary::default()
        };
        assert!(line(&source).ends_with("; 0 failed; 3 waiting"));
        let row = serde_json::to_value(Row::from(&source)).unwrap();
        assert_eq!(row["waiting"], 3);
    }

    #[test]
    fn a_plan_says_what_goes() {
        assert_eq!(
            planned_line(&Planned::ReplaceLocal(3)),
            "would remove all 3 items here and receive the server's"
        );
        let line = planned_line(&Planned::ReplaceServer(2));
        assert!(
            line.contains("the server's other items would be removed"),
            "{line}"
        );
    }

    #[test]
    fn nothing_is_synced_twice() {
        let once = |pairs: &[&str]| {
            let pairs: Vec<String> = pairs.iter().map(|&pair| pair.to_owned()).collect();
            once_each(&Profile::of_pairs(&pairs).unwrap().stores)
        };
        assert!(once(&["contacts=a", "notes=b"]).is_ok());
        assert!(once(&["contacts=a", "./contacts=b"]).is_err());
        assert!(once(&["contacts=a", "notes=./a/"]).is_err());
        assert!(once(&["contacts=.", "notes=../"]).is_ok());
    }

    #[test]
    fn the_kind_comes_from_type_or_name() {
        let kind = |store: &str, media_type| kind_of(store, media_type).unwrap();
        assert_eq!(kind("./addressbook", None), DatastoreKind::Contacts);
        assert_eq!(kind("x", Some("text/x-vcard")), DatastoreKind::Contacts);
        assert_eq!(kind("task", Some("text/calendar")), DatastoreKind::Tasks);
        assert_eq!(kind("x", Some("text/calendar")), DatastoreKind::Calendar);
        assert!(kind_of("x", None).is_err());
        assert!(kind_of("contacts", Some("image/png")).is_err());
    }
}
