//! The files of a folder: names, contents, safe writing.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use session::client::ReplicaError;
use session::store::DatastoreKind;

use super::Error;

/// Length and time of a file: as long as both stay, its content is taken to stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stat {
    /// Bytes.
    pub(super) size: i64,
    /// Nanoseconds since 1970.
    pub(super) modified_ns: i64,
}

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Print {
    pub(super) stat: Stat,
    pub(super) hash: i64,
    /// Nanoseconds since 1970 at which it was read or written.
    pub(super) read_ns: i64,
}

#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    /// Files were renamed or removed since the folder was flushed.
    dirty: bool,
}

/// The folder inside of it that is not the person's.
pub(super) const STATE: &str = ".syncline";

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
            dirty: false,
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

    pub(super) fn stat(&self, name: &str) -> Result<Option<Stat>, ReplicaError> {
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
        self.dirty = true;
        fs::rename(self.temporary(temporary), self.path.join(name))
            .map_err(|error| self.failed(name, error))
    }

    pub(super) fn remove(&mut self, name: &str) -> Result<(), ReplicaError> {
        self.dirty = true;
        match fs::remove_file(self.path.join(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(self.failed(name, error)),
            _ => Ok(()),
        }
    }

    /// Makes new names and removals durable.
    pub(super) fn flush(&mut self) -> Result<(), ReplicaError> {
        // elsewhere a folder cannot be opened, and its names last without
        if std::mem::take(&mut self.dirty) && cfg!(unix) {
            File::open(&self.path)
                .and_then(|folder| folder.sync_all())
                .map_err(|error| self.failed("", error))?;
        }
        Ok(())
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
    if content.trim_ascii().is_empty() {
        return Err("it is empty".to_owned());
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

fn stat_of(metadata: &fs::Metadata) -> Stat {
    let modified = metadata.modified().unwrap_or(UNIX_EPOCH);
    Stat {
        size: i64::try_from(metadata.len()).unwrap_or(i64::MAX),
        modified_ns: nanoseconds(modified),
    }
}
