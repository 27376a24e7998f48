//! What a message does to files: staged as it comes, and done together at the message's end.
//!
//! New content lies in temporary files until then. What is to happen is written down before the first file
//! is touched, so that a crash in the middle is completed when the folder is opened again.

use std::collections::BTreeMap;

use session::client::ReplicaError;

use super::Vdir;
use super::files::{self, Print};
use super::state::Intent;

/// What an Atomic can change beside the memory.
#[derive(Debug)]
pub(super) struct Before {
    pub(super) staged: BTreeMap<String, Staged>,
    pub(super) given: BTreeMap<String, Option<Print>>,
}

/// What is to happen to a file.
#[derive(Debug, Clone)]
pub(super) enum Staged {
    /// A temporary file takes its place.
    Written {
        /// Its name.
        temporary: String,
        print: Print,
        /// The GUID of a new item.
        guid: Option<String>,
    },
    /// It goes.
    Removed,
}

impl Vdir {
    /// Takes over what a crash left between a file and the memory, and does what it kept from being done:
    /// what a message brings is done as a whole.
    pub(super) fn adopt(&mut self) -> Result<(), ReplicaError> {
        for intent in self.state.intents()? {
            let there = self.folder.print(&intent.luid)?;
            let is_as_agreed = self.is_as_agreed(&intent.luid, there.as_ref())?;
            match (there, intent.hash) {
                (Some(print), Some(hash)) if print.hash == hash => self.know(&intent, &print)?,
                (_, Some(hash)) if is_as_agreed => {
                    // without its temporary file the server will send the item again
                    if let Some(print) = self.folder.staged(&intent.temporary, hash)? {
                        self.folder.place(&intent.temporary, &intent.luid)?;
                        self.know(&intent, &print)?;
                    }
                }
                // a person has edited the new item since: their edit is a change of it
                (Some(print), Some(hash)) if intent.guid.is_some() => {
                    // with a time that no file has: its content has to be looked at
                    let unlike = Print {
                        hash,
                        read_ns: 0,
                        ..print
                    };
                    self.know(&intent, &unlike)?;
                }
                (None, None) => self.state.forget(&intent.luid)?,
                (Some(_), None) if is_as_agreed => {
                    self.folder.remove(&intent.luid)?;
                    self.state.forget(&intent.luid)?;
                }
                // a person was here meanwhile; the server will send the item again
                _ => {}
            }
        }
        self.folder.flush()?;
        self.state.clear_intents()?;
        self.state.commit()
    }

    fn know(&mut self, intent: &Intent, print: &Print) -> Result<(), ReplicaError> {
        self.state.know(&intent.luid, print)?;
        match &intent.guid {
            Some(guid) => self.state.remember_guid(guid, &intent.luid),
            None => Ok(()),
        }
    }

    /// Stages new content for a file.
    pub(super) fn write(
        &mut self,
        luid: &str,
        guid: Option<&str>,
        content: &[u8],
    ) -> Result<(), ReplicaError> {
        self.take_room(luid, content.len() as u64)?;
        self.meet(luid)?;
        let (temporary, print) = self.folder.stage(self.temporaries, content)?;
        self.temporaries += 1;
        let added = match self.staged.get(luid) {
            Some(Staged::Written { guid, .. }) => guid.clone(),
            _ => None,
        };
        let staged = Staged::Written {
            temporary,
            print,
            guid: guid.map(str::to_owned).or(added),
        };
        self.staged.insert(luid.to_owned(), staged);
        self.given.remove(luid);
        self.state.end_release(luid)?;
        Ok(())
    }

    pub(super) fn remove(&mut self, luid: &str) -> Result<(), ReplicaError> {
        self.meet(luid)?;
        self.used = None;
        self.staged.insert(luid.to_owned(), Staged::Removed);
        self.given.remove(luid);
        Ok(())
    }

    /// Remembers how a file is that something is to happen to.
    fn meet(&mut self, luid: &str) -> Result<(), ReplicaError> {
        if !self.met.contains_key(luid) {
            let stat = self.folder.stat(luid)?;
            self.met.insert(luid.to_owned(), stat);
        }
        Ok(())
    }

    /// Leaves alone what a person has done to files since something was staged for them: a version that
    /// was to be replaced stays beside the new one, and one that was to go stays.
    fn spare(&mut self) -> Result<(), ReplicaError> {
        for (luid, before) in std::mem::take(&mut self.met) {
            if self.folder.stat(&luid)? == before {
                continue;
            }
            match self.staged.get(&luid) {
                Some(Staged::Removed) => drop(self.staged.remove(&luid)),
                Some(Staged::Written { .. }) => self.set_aside(&luid)?,
                None => {}
            }
        }
        Ok(())
    }

    /// Makes a copy of a file as it is now, an item of its own.
    pub(super) fn set_aside(&mut self, luid: &str) -> Result<(), ReplicaError> {
        let Some((print, content)) = self.folder.read(luid)? else {
            return Ok(());
        };
        let (stem, extension) = match luid.rsplit_once('.') {
            Some((stem, extension)) => (stem, format!(".{extension}")),
            None => (luid, String::new()),
        };
        // the same name for the same content: it is made once
        let stem = files::stem_of(stem);
        let name = format!("{stem}-{:016x}{extension}", print.hash);
        if self.folder.stat(&name)?.is_none() {
            let (temporary, _) = self.folder.stage(self.temporaries, &content)?;
            self.temporaries += 1;
            self.folder.flush_file(&temporary)?;
            self.folder.place(&temporary, &name)?;
            self.folder.flush()?;
        }
        Ok(())
    }

    /// Does what is staged: written down first, so that a crash in between is recognized, then
    /// done, then remembered. Files are flushed together, which costs little more than one.
    pub(super) fn carry_out(&mut self) -> Result<(), ReplicaError> {
        self.used = None;
        self.spare()?;
        if self.staged.is_empty() {
            return Ok(());
        }
        let staged = std::mem::take(&mut self.staged);
        self.temporaries = 0;
        for (luid, change) in &staged {
            if let Staged::Written { temporary, .. } = change {
                self.folder.flush_file(temporary)?;
            }
            self.state.intend(&intent_of(luid, change))?;
        }
        self.state.commit()?;
        for (luid, change) in &staged {
            match change {
                Staged::Written { temporary, .. } => self.folder.place(temporary, luid)?,
                Staged::Removed => self.folder.remove(luid)?,
            }
        }
        self.folder.flush()?;
        for (luid, change) in &staged {
            match change {
                Staged::Written { print, guid, .. } => {
                    self.state.know(luid, print)?;
                    if let Some(guid) = guid {
                        self.state.remember_guid(guid, luid)?;
                    }
                }
                Staged::Removed => self.state.forget(luid)?,
            }
        }
        self.state.clear_intents()?;
        self.state.commit()
    }
}

/// What has to be written down before it is done.
pub(super) fn intent_of(luid: &str, change: &Staged) -> Intent {
    match change {
        Staged::Written {
            temporary,
            print,
            guid,
        } => Intent {
            luid: luid.to_owned(),
            guid: guid.clone(),
            hash: Some(print.hash),
            temporary: temporary.clone(),
        },
        Staged::Removed => Intent {
            luid: luid.to_owned(),
            guid: None,
            hash: None,
            temporary: String::new(),
        },
    }
}
