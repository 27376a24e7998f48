//! The files of a folder: names, contents, safe writing.

use std::collections::{BTreeSet, VecDeque};
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use session::client::ReplicaError;
use session::store::DatastoreKind;

use super::Error;
use super::tree::MAX_DEPTH;

/// Length and time of a file: as long as both stay, its content is taken to stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stat {
    /// Bytes.
    pub(super) size: i64,
    /// Nanoseconds since 1970.
    pub(super) modified_ns: i64,
}

impl Stat {
    /// A time that no file has: where it is remembered, the item has to be looked at.
    pub(super) const DOUBTED_NS: i64 = -1;
}

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Print {
    pub(super) stat: Stat,
    pub(super) hash: i64,
    /// Nanoseconds since 1970 at which it was read or written.
    pub(super) read_ns: i64,
}

/// Tells a file or folder from every other of its file system, wherever it is moved to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct FileId {
    pub(super) number: i64,
    /// Nanoseconds since 1970; zero where the system does not say it.
    pub(super) created_ns: i64,
}

impl FileId {
    /// Whether no file that is made later can have it: numbers alone are given again.
    pub(super) fn is_unique(self) -> bool {
        self.created_ns != 0
    }
}

/// A file or folder that is there, however deep.
#[derive(Debug)]
pub(super) struct Entry {
    /// The folder that it is in, by its place in the list; `None` at the root.
    pub(super) above: Option<usize>,
    pub(super) name: String,
    /// From the root.
    pub(super) path: String,
    pub(super) is_folder: bool,
    pub(super) id: Option<FileId>,
    /// Bytes.
    pub(super) size: i64,
    /// Why it cannot be looked into, where it is such a folder.
    pub(super) closed: Option<ReplicaError>,
}

#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    /// Folders in which files were renamed or removed since they were flushed.
    dirty: BTreeSet<PathBuf>,
}

/// The folder inside of it that is not the person's.
pub(super) const STATE: &str = ".syncline";

/// A file that is made in a subfolder, to see whether one can be; hidden, so no item.
const PROBE: &str = ".syncline-probe";

/// Tells versions of one file apart.
pub(super) fn hash_of(content: &[u8]) -> i64 {
    session::hash(content).cast_signed()
}

/// Nanoseconds since 1970, now.
pub(super) fn now_ns() -> i64 {
    nanoseconds(SystemTime::now())
}

impl Folder {
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        fs::create_dir_all(path.join(STATE)).map_err(|error| Error::Folder {
            path: path.to_owned(),
            reason: error.to_string(),
        })?;
        Ok(Self {
            path: path.to_owned(),
            dirty: BTreeSet::new(),
        })
    }

    fn failed(&self, name: &str, error: io::Error) -> ReplicaError {
        ReplicaError::new(
            format!("{}: {error}", self.path.join(name).display()),
            error,
        )
    }

    /// Names of the items, sorted.
    pub(super) fn names(&self) -> Result<Vec<String>, ReplicaError> {
        let mut names = Vec::new();
        let entries = fs::read_dir(&self.path).map_err(|error| self.failed("", error))?;
        for entry in entries {
            let entry = entry.map_err(|error| self.failed("", error))?;
            let Ok(name) = entry.file_name().into_string() else {
                continue;
            };
            let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
            if is_file && is_item(&name) {
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    }

    /// Everything that can be an item or a folder of items, folders before what is in them. Links are not
    /// followed.
    pub(super) fn walk(&self) -> Result<Vec<Entry>, ReplicaError> {
        let mut found: Vec<Entry> = Vec::new();
        let mut open: VecDeque<(Option<usize>, _, _)> = VecDeque::from([(None, String::new(), 0)]);
        while let Some((above, path, depth)) = open.pop_front() {
            if depth > MAX_DEPTH {
                return Err(ReplicaError::new(
                    format!(
                        "{}: there are too many folders in one another",
                        self.path.join(&path).display()
                    ),
                    path,
                ));
            }
            let inside = match (self.read_folder(&path), above) {
                (Ok(inside), _) => inside,
                (Err(error), Some(folder)) => {
                    if let Some(folder) = found.get_mut(folder) {
                        folder.closed = Some(error);
                    }
                    continue;
                }
                (Err(error), None) => return Err(error),
            };
            for (name, metadata) in inside {
                let is_folder = metadata.is_dir();
                if !(is_folder || metadata.is_file()) || !is_item(&name) {
                    continue;
                }
                let path = joined(&path, &name);
                if is_folder {
                    open.push_back((Some(found.len()), path.clone(), depth + 1));
                }
                found.push(Entry {
                    above,
                    name,
                    path,
                    is_folder,
                    id: id_of(&metadata),
                    size: stat_of(&metadata).size,
                    closed: None,
                });
            }
        }
        Ok(found)
    }

    /// What is in a folder, by name.
    fn read_folder(&self, path: &str) -> Result<Vec<(String, fs::Metadata)>, ReplicaError> {
        let failed = |error| self.failed(path, error);
        let mut found = Vec::new();
        for entry in fs::read_dir(self.path.join(path)).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let Ok(name) = entry.file_name().into_string() else {
                continue;
            };
            match entry.metadata() {
                Ok(metadata) => found.push((name, metadata)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(failed(error)),
            }
        }
        found.sort_by(|a, b| a.0.cmp(&b.0));
        Ok(found)
    }

    /// Names of all that is in a subfolder; one that is no text is given as what is left of it.
    pub(super) fn list(&self, path: &str) -> Result<Vec<String>, ReplicaError> {
        let failed = |error| self.failed(path, error);
        let mut names = Vec::new();
        for entry in fs::read_dir(self.path.join(path)).map_err(failed)? {
            let name = entry.map_err(failed)?.file_name();
            names.push(name.to_string_lossy().into_owned());
        }
        Ok(names)
    }

    /// Whether a path leads through anything but subfolders: through a link, it may lead out.
    pub(super) fn leads_astray(&self, path: &str) -> bool {
        let mut folders = path.match_indices('/').map(|(at, _)| path.get(..at));
        folders.any(|folder| {
            let folder = folder.unwrap_or_default();
            let found = fs::symlink_metadata(self.path.join(folder));
            folder != STATE && found.is_ok_and(|metadata| !metadata.is_dir())
        })
    }

    /// Whether there is anything of this path.
    pub(super) fn exists(&self, path: &str) -> bool {
        fs::symlink_metadata(self.path.join(path)).is_ok()
    }

    /// Whether a subfolder is there.
    pub(super) fn is_folder(&self, path: &str) -> bool {
        let found = fs::symlink_metadata(self.path.join(path));
        found.is_ok_and(|metadata| metadata.is_dir()) && !self.leads_astray(path)
    }

    /// Whether a file is there, and no link to one.
    pub(super) fn is_file(&self, path: &str) -> bool {
        let found = fs::symlink_metadata(self.path.join(path));
        found.is_ok_and(|metadata| metadata.is_file()) && !self.leads_astray(path)
    }

    /// What tells a file or subfolder from all others.
    pub(super) fn id(&self, path: &str) -> Option<FileId> {
        let found = fs::symlink_metadata(self.path.join(path));
        found.ok().as_ref().and_then(id_of)
    }

    /// Makes a subfolder, with those that it is in; whether it is there then.
    pub(super) fn make_folder(&mut self, path: &str) -> Result<bool, ReplicaError> {
        if self.leads_astray(path) {
            return Ok(false);
        }
        match fs::create_dir_all(self.path.join(path)) {
            Ok(()) => {
                self.touch(path);
                Ok(true)
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(self.is_folder(path)),
            Err(error) => Err(self.failed(path, error)),
        }
    }

    /// Moves a file or subfolder to where nothing is; whether it is there then. It is not where a person
    /// has taken it away, or put something there.
    pub(super) fn relocate(&mut self, from: &str, to: &str) -> Result<bool, ReplicaError> {
        if self.leads_astray(from) || self.leads_astray(to) {
            return Ok(false);
        }
        match (self.exists(from), self.exists(to)) {
            (true, false) => {}
            (is_here, is_there) => return Ok(!is_here && is_there),
        }
        fs::rename(self.path.join(from), self.path.join(to))
            .map_err(|error| self.failed(to, error))?;
        self.touch(from);
        self.touch(to);
        Ok(true)
    }

    /// Removes a subfolder, unless something is in it.
    pub(super) fn remove_folder(&mut self, path: &str) -> Result<(), ReplicaError> {
        use io::ErrorKind::{DirectoryNotEmpty, NotADirectory, NotFound};
        if self.leads_astray(path) {
            return Ok(());
        }
        self.touch(path);
        match fs::remove_dir(self.path.join(path)) {
            Err(error) if !matches!(error.kind(), DirectoryNotEmpty | NotADirectory | NotFound) => {
                Err(self.failed(path, error))
            }
            _ => Ok(()),
        }
    }

    /// Refuses a path in a subfolder in which nothing can be made.
    pub(super) fn check_writable(&self, path: &str) -> Result<(), ReplicaError> {
        let Some((folder, _)) = path.rsplit_once('/') else {
            return Ok(());
        };
        let found = fs::symlink_metadata(self.path.join(folder));
        if !found.is_ok_and(|metadata| metadata.is_dir() && metadata.permissions().readonly()) {
            return Ok(());
        }
        // there are users whom permissions do not stop
        let probe = self.path.join(folder).join(PROBE);
        let tried = File::create_new(&probe).and_then(|_| fs::remove_file(&probe));
        tried.map_err(|error| self.failed(folder, error))
    }

    /// The folder that something is in has to be flushed.
    fn touch(&mut self, path: &str) {
        let whole = self.path.join(path);
        self.dirty.extend(whole.parent().map(Path::to_owned));
    }

    pub(super) fn stat(&self, name: &str) -> Result<Option<Stat>, ReplicaError> {
        if self.leads_astray(name) {
            return Ok(None);
        }
        match fs::metadata(self.path.join(name)) {
            Ok(metadata) => Ok(Some(stat_of(&metadata))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.failed(name, error)),
        }
    }

    pub(super) fn read(&self, name: &str) -> Result<Option<(Print, Vec<u8>)>, ReplicaError> {
        // the time is taken before the content: an edit in between shows as one
        let Some(stat) = self.stat(name)? else {
            return Ok(None);
        };
        let read_ns = now_ns();
        match fs::read(self.path.join(name)) {
            Ok(content) => {
                let hash = hash_of(&content);
                let print = Print {
                    stat,
                    hash,
                    read_ns,
                };
                Ok(Some((print, content)))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.failed(name, error)),
        }
    }

    pub(super) fn print(&self, name: &str) -> Result<Option<Print>, ReplicaError> {
        Ok(self.read(name)?.map(|(print, _)| print))
    }

    /// Writes content beside the items, as the `number`-th file of a message; the name it has there.
    pub(super) fn stage(
        &self,
        number: usize,
        content: &[u8],
    ) -> Result<(String, Print), ReplicaError> {
        let temporary = format!("new-{number}");
        let path = self.temporary(&temporary);
        let write = || -> io::Result<Stat> {
            let mut file = File::create(&path)?;
            file.write_all(content)?;
            Ok(stat_of(&file.metadata()?))
        };
        let stat = write().map_err(|error| self.failed(STATE, error))?;
        let print = Print {
            stat,
            hash: hash_of(content),
            read_ns: now_ns(),
        };
        Ok((temporary, print))
    }

    fn temporary(&self, name: &str) -> PathBuf {
        self.path.join(STATE).join(name)
    }

    /// A staged file, if it is there.
    pub(super) fn read_staged(
        &self,
        temporary: &str,
    ) -> Result<Option<(Print, Vec<u8>)>, ReplicaError> {
        self.read(&format!("{STATE}/{temporary}"))
    }

    /// A staged file with content of this hash, if it is there.
    pub(super) fn staged(&self, temporary: &str, hash: i64) -> Result<Option<Print>, ReplicaError> {
        if temporary.is_empty() {
            return Ok(None);
        }
        let staged = self.read_staged(temporary)?.map(|(print, _)| print);
        Ok(staged.filter(|print| print.hash == hash))
    }

    /// Makes a staged file's content durable.
    pub(super) fn flush_file(&self, temporary: &str) -> Result<(), ReplicaError> {
        let flush = || File::open(self.temporary(temporary))?.sync_data();
        flush().map_err(|error| self.failed(STATE, error))
    }

    /// Puts a staged file in its place, whole.
    pub(super) fn place(&mut self, temporary: &str, name: &str) -> Result<(), ReplicaError> {
        let (from, to) = (self.temporary(temporary), self.path.join(name));
        if self.leads_astray(name) {
            let error = io::Error::from(io::ErrorKind::NotADirectory);
            return Err(self.failed(name, error));
        }
        let mut placed = fs::rename(&from, &to);
        let is_missing = |error: &io::Error| error.kind() == io::ErrorKind::NotFound;
        if placed.as_ref().is_err_and(is_missing)
            && let Some((folder, _)) = name.rsplit_once('/')
            && self.make_folder(folder)?
        {
            // a person has removed the folder meanwhile, of which the server has not heard
            placed = fs::rename(from, to);
        }
        placed.map_err(|error| self.failed(name, error))?;
        self.touch(name);
        Ok(())
    }

    pub(super) fn remove(&mut self, name: &str) -> Result<(), ReplicaError> {
        if self.leads_astray(name) {
            return Ok(());
        }
        self.touch(name);
        match fs::remove_file(self.path.join(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(self.failed(name, error)),
            _ => Ok(()),
        }
    }

    /// Makes new names and removals durable.
    pub(super) fn flush(&mut self) -> Result<(), ReplicaError> {
        for path in std::mem::take(&mut self.dirty) {
            // elsewhere a folder cannot be opened, and its names last without
            if cfg!(unix) {
                match File::open(&path).and_then(|folder| folder.sync_all()) {
                    // one that went has nothing to flush
                    Err(error) if error.kind() != io::ErrorKind::NotFound => {
                        return Err(self.failed("", error));
                    }
                    _ => {}
                }
            }
        }
        Ok(())
    }
}

/// The path of a name in a folder, which is empty at the root.
pub(super) fn joined(folder: &str, name: &str) -> String {
    match folder {
        "" => name.to_owned(),
        folder => format!("{folder}/{name}"),
    }
}

/// A name without and with nothing but its extension, dot included.
pub(super) fn split_name(name: &str) -> (&str, &str) {
    match name.rfind('.').and_then(|dot| name.split_at_checked(dot)) {
        Some((stem, extension)) if !stem.is_empty() => (stem, extension),
        _ => (name, ""),
    }
}

/// Whether a name can be that of an item: a plain file name that is not hidden.
pub(super) fn is_item(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with('.')
        && !name.contains(['/', '\\'])
        // such a name cannot be written in XML
        && !name.contains(char::is_control)
        && !name.ends_with('~')
        && Path::new(name).extension().is_none_or(|extension| extension != "tmp")
}

/// Extensions of the files that can be items of a media type; empty where any can.
pub(super) fn extensions_of(media_type: &str) -> &'static [&'static str] {
    match media_type {
        "text/vcard" | "text/x-vcard" => &["vcf", "vcard"],
        "text/calendar" | "text/x-vcalendar" => &["ics", "vcs", "ical"],
        _ => &[],
    }
}

/// Whether a file may be a new item by its extension: other files that lie in the folder, a
/// picture or a README, are none.
pub(super) fn fits(name: &str, extensions: &[&str]) -> bool {
    let extension = Path::new(name).extension().and_then(|text| text.to_str());
    extensions.is_empty()
        || extension.is_none_or(|extension| {
            extensions
                .iter()
                .any(|known| known.eq_ignore_ascii_case(extension))
        })
}

/// Whether content can be sent as one item of a kind; or why not, for the person whose file it is.
pub(super) fn check(kind: DatastoreKind, media_type: &str, content: &[u8]) -> Result<(), String> {
    if kind == DatastoreKind::Files {
        // it may be of any kind, and empty
        return Ok(());
    }
    if content.trim_ascii().is_empty() {
        return Err("it is empty".to_owned());
    }
    if kind == DatastoreKind::Mail {
        // what is mail its datastore says
        return Ok(());
    }
    if kind == DatastoreKind::Notes {
        return match std::str::from_utf8(content) {
            Ok(_) => Ok(()),
            Err(_) => Err("it is no text".to_owned()),
        };
    }
    let mut parts = pim::split(content);
    match (parts.next(), parts.next()) {
        (Some(Err(error)), _) | (_, Some(Err(error))) => Err(error.to_string()),
        (Some(Ok(_)), Some(Ok(_))) => {
            Err("it holds several items; put each into a file of its own".to_owned())
        }
        (Some(Ok(_)), None) if kind.takes(media_type, content) => Ok(()),
        _ => Err(format!("it is no item of {}", kind.name())),
    }
}

/// A name without extension made of a GUID, of what is safe in it.
pub(super) fn stem_of(guid: &str) -> String {
    let is_safe =
        |character: &char| character.is_ascii_alphanumeric() || "-_.@".contains(*character);
    let safe: String = guid.chars().filter(is_safe).take(60).collect();
    match safe.trim_matches('.') {
        "" => "item".to_owned(),
        stem => stem.to_owned(),
    }
}

fn nanoseconds(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}

#[cfg(unix)]
#[allow(clippy::unnecessary_wraps, reason = "other systems have none")]
fn id_of(metadata: &fs::Metadata) -> Option<FileId> {
    use std::os::unix::fs::MetadataExt as _;
    Some(FileId {
        number: metadata.ino().cast_signed(),
        created_ns: metadata.created().map_or(0, nanoseconds),
    })
}

#[cfg(not(unix))]
fn id_of(_: &fs::Metadata) -> Option<FileId> {
    None
}

fn stat_of(metadata: &fs::Metadata) -> Stat {
    let modified = metadata.modified().unwrap_or(UNIX_EPOCH);
    Stat {
        size: i64::try_from(metadata.len()).unwrap_or(i64::MAX),
        modified_ns: nanoseconds(modified),
    }
}
