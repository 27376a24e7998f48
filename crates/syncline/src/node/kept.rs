//! Messages kept as readable XML, for diagnosis.
//!
//! The files hold items of people: only the owner may read them. They hold nothing that logs
//! anybody in or takes a session over.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::SystemTime;

/// Files in the folder after which no more are written.
const MAX_FILES: usize = 10_000;

/// A folder of messages.
#[derive(Debug)]
pub(super) struct Kept {
    folder: PathBuf,
    files: AtomicUsize,
    is_full: AtomicBool,
}

impl Kept {
    /// Goes on with a folder and what is in it.
    pub(super) fn new(folder: PathBuf) -> Self {
        let files = fs::read_dir(&folder).map_or(0, |entries| entries.take(MAX_FILES).count());
        Self {
            folder,
            files: AtomicUsize::new(files),
            is_full: AtomicBool::new(false),
        }
    }

    /// Writes a message, in place of an earlier one of the same name. Trouble is only logged.
    pub(super) fn keep(&self, name: &str, document: &[u8]) {
        let path = self.folder.join(name);
        let text = without_tokens(&syncml::transcode::redacted_xml(document));
        if let Err(error) = self.write(&path, text.as_bytes()) {
            tracing::warn!(path = %path.display(), %error, "a message could not be kept");
        }
    }

    /// Removes files that were written before; others than messages stay.
    pub(super) fn forget(&self, before: SystemTime) {
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        for path in entries.map(|entry| entry.path()) {
            let is_message = path.extension().is_some_and(|extension| extension == "xml");
            let written = fs::symlink_metadata(&path)
                .ok()
                .filter(fs::Metadata::is_file)
                .and_then(|metadata| metadata.modified().ok());
            if !is_message || written.is_none_or(|written| written >= before) {
                continue;
            }
            match fs::remove_file(&path) {
                Ok(()) => {
                    // one may have been put there since they were counted
                    let one_less = |files: usize| files.checked_sub(1);
                    let order = Ordering::Relaxed;
                    let _ = self.files.fetch_update(order, order, one_less);
                    self.is_full.store(false, order);
                }
                Err(error) => {
                    tracing::warn!(path = %path.display(), %error, "an old message stays");
                }
            }
        }
    }

    fn write(&self, path: &Path, text: &[u8]) -> io::Result<()> {
        // made anew, so that neither the mode nor the target of what was there counts
        match fs::remove_file(path) {
            Ok(()) => {
                self.files.fetch_sub(1, Ordering::Relaxed);
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        if self.files.fetch_add(1, Ordering::Relaxed) >= MAX_FILES {
            self.files.fetch_sub(1, Ordering::Relaxed);
            if !self.is_full.swap(true, Ordering::Relaxed) {
                let folder = self.folder.display();
                tracing::warn!(%folder, files = MAX_FILES, "no more messages are kept");
            }
            return Ok(());
        }
        create(path)?.write_all(text)
    }
}

fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    options.open(path)
}

/// The parameter that carries a session's token in `RespURI` and in the addresses of later
/// messages.
const TOKEN: &str = "sid=";

/// [`TOKEN`] in the first bytes of a document that could not be read.
const TOKEN_BYTES: &str = " 73 69 64 3d";

/// A document without the tokens of sessions.
fn without_tokens(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(TOKEN) {
        let (before, found) = rest.split_at(at);
        let value = &found[TOKEN.len()..];
        clean.push_str(before);
        clean.push_str(TOKEN);
        rest = value;
        // `&` may be written as a reference
        if before.ends_with(['?', '&', ';']) {
            let end = value.find(|c: char| !c.is_ascii_alphanumeric());
            let (token, after) = value.split_at(end.unwrap_or(value.len()));
            if !token.is_empty() {
                clean.push_str("[redacted]");
            }
            rest = after;
        }
    }
    clean.push_str(rest);
    if clean.starts_with("unreadable")
        && let Some(at) = clean.find(TOKEN_BYTES)
    {
        clean.truncate(at);
        clean.push('\n');
    }
    clean
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn old_messages_go_and_other_files_stay() {
        let folder = tempfile::tempdir().unwrap();
        let kept = Kept::new(folder.path().to_owned());
        kept.keep("old-in.xml", b"<SyncML/>");
        fs::write(folder.path().join("note.txt"), "mine").unwrap();
        let later = SystemTime::now() + std::time::Duration::from_mins(1);
        kept.keep("new-in.xml", b"<SyncML/>");
        let new = File::options()
            .write(true)
            .open(folder.path().join("new-in.xml"));
        new.unwrap().set_modified(later).unwrap();
        kept.forget(later);
        let mut names: Vec<_> = fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        assert_eq!(names, ["new-in.xml", "note.txt"]);
        assert_eq!(kept.files.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn tokens_are_taken_out() {
        for (text, clean) in [
            (
                "<a>http://h/s?sid=0af3</a>",
                "<a>http://h/s?sid=[redacted]</a>",
            ),
            ("?x=1&amp;sid=0a&amp;y", "?x=1&amp;sid=[redacted]&amp;y"),
            ("<![CDATA[?x&sid=0a]]>", "<![CDATA[?x&sid=[redacted]]]>"),
            ("?sid=0a ?sid=0b", "?sid=[redacted] ?sid=[redacted]"),
            ("?sid=", "?sid="),
            ("outsid=e", "outsid=e"),
            ("nothing", "nothing"),
        ] {
            assert_eq!(without_tokens(text), clean);
        }
    }

    #[test]
    fn tokens_are_taken_out_of_what_cannot_be_read() {
        let document = b"<SyncML><SyncHdr><Target><LocURI>http://h/?sid=c0ffee";
        let text = syncml::transcode::redacted_xml(document);
        assert!(text.contains(TOKEN_BYTES), "{text}");
        let clean = without_tokens(&text);
        assert!(clean.ends_with(" 68 2f 3f\n"), "{clean}");
    }

    #[test]
    fn files_are_private_and_written_anew() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.xml");
        let elsewhere = folder.path().join("elsewhere");
        fs::write(&elsewhere, "mine").unwrap();
        #[cfg(unix)]
        std::os::unix::fs::symlink(&elsewhere, &path).unwrap();
        let kept = Kept::new(folder.path().to_owned());
        kept.keep("a.xml", b"<SyncML/>");
        kept.keep("a.xml", b"<SyncML/>");
        assert!(fs::read_to_string(&path).unwrap().contains("<SyncML"));
        assert_eq!(fs::read_to_string(&elsewhere).unwrap(), "mine");
        assert_eq!(kept.files.load(Ordering::Relaxed), 2);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = fs::symlink_metadata(&path).unwrap().permissions().mode();
            assert_eq!(mode & 0o7777, 0o600);
        }
    }

    #[test]
    fn a_full_folder_takes_no_more() {
        let folder = tempfile::tempdir().unwrap();
        let kept = Kept::new(folder.path().to_owned());
        kept.files.store(MAX_FILES - 1, Ordering::Relaxed);
        kept.keep("last.xml", b"<SyncML/>");
        kept.keep("beyond.xml", b"<SyncML/>");
        kept.keep("last.xml", b"<SyncML/>");
        assert!(folder.path().join("last.xml").exists());
        assert!(!folder.path().join("beyond.xml").exists());
        assert!(kept.is_full.load(Ordering::Relaxed));
    }
}
