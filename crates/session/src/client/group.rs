//! Atomic and Sequence of the server: commands that belong together (Representation Protocol).
//!
//! An Atomic is one step for its replicas: they take back all of it when one of its members cannot be
//! done. A replica that cannot take it back ends the session with its message, of which nothing is
//! durable then; so no member is ever said to be stuck half way (516).

use syncml::{Command, Group, GroupKind, Header, StatusCode};

use super::{Counts, Error, Failure, Session};

/// An Atomic that is being carried out.
#[derive(Debug, Default)]
pub(super) struct Atomic {
    /// A member could not be done.
    failed: bool,
    /// Items that were done, with their datastores.
    done: Vec<(usize, String)>,
}

impl Atomic {
    /// An item of this datastore was done.
    pub(super) fn done(&mut self, index: usize, item: &str) {
        self.done.push((index, item.to_owned()));
    }
}

/// What a datastore had received before an Atomic.
struct Before {
    index: usize,
    counts: Counts,
    received: u64,
}

impl Session {
    /// Carries out a group inside of a Sync (`index` is its datastore) or beside one; whether it brought
    /// the session forward.
    // spec: M14 M15 M16
    pub(super) fn take_group(
        &mut self,
        header: &Header<'_>,
        command: &Command<'_>,
        group: &Group<'_>,
        index: Option<usize>,
    ) -> Result<bool, Error> {
        if group.kind == GroupKind::Sequence {
            self.owe(header, command, None, StatusCode::OK);
            return self.take_members(header, &group.commands, index);
        }
        // the standard has no Atomic inside of another
        if self.atomic.is_some() {
            self.refuse_group(header, command, group, StatusCode::COMMAND_FAILED);
            return Ok(false);
        }
        // an agreement or a login cannot be taken back
        if index.is_none() && !group.commands.iter().all(is_of_data) {
            self.refuse_group(header, command, group, StatusCode::NOT_SUPPORTED);
            return Ok(false);
        }
        self.take_atomic(header, command, group, index)
    }

    fn take_members(
        &mut self,
        header: &Header<'_>,
        members: &[Command<'_>],
        index: Option<usize>,
    ) -> Result<bool, Error> {
        if let Some(index) = index {
            return self.take_sync_commands(header, index, members);
        }
        let mut brought = false;
        for member in members {
            brought |= self.take_command(header, member)?;
        }
        Ok(brought)
    }

    /// Refuses a group as one, with all that is in it.
    // spec: M15
    fn refuse_group(
        &mut self,
        header: &Header<'_>,
        command: &Command<'_>,
        group: &Group<'_>,
        code: StatusCode,
    ) {
        self.owe(header, command, None, code);
        for member in &group.commands {
            self.owe(header, member, None, code);
        }
    }

    /// All or nothing: when one member fails, what the others did is undone.
    // spec: C08 M14
    fn take_atomic(
        &mut self,
        header: &Header<'_>,
        command: &Command<'_>,
        group: &Group<'_>,
        index: Option<usize>,
    ) -> Result<bool, Error> {
        // an object of which more should have come ends here, whatever becomes of the Atomic
        self.end_of_data_missing()?;
        let before = self.begin_atomic(&group.commands, index)?;
        let start = self.owed.len();
        self.owe(header, command, None, StatusCode::OK);
        let members = self.owed.len();
        self.atomic = Some(Atomic::default());
        let brought = self.take_members(header, &group.commands, index)?;
        let atomic = self.atomic.take().unwrap_or_default();
        if !atomic.failed {
            for one in &before {
                if let Some(active) = self.sources.get_mut(one.index) {
                    active.call(|replica| replica.end_atomic())?;
                }
            }
            return Ok(brought);
        }
        self.undo_atomic(before, atomic)?;
        for (place, owed) in self.owed.iter_mut().enumerate().skip(start) {
            if place < members {
                owed.code = StatusCode::ATOMIC_FAILED;
            } else if is_done(owed.code) {
                owed.code = StatusCode::ATOMIC_ROLLED_BACK;
            }
        }
        Ok(brought)
    }

    fn begin_atomic(
        &mut self,
        members: &[Command<'_>],
        index: Option<usize>,
    ) -> Result<Vec<Before>, Error> {
        // a refresh empties its datastore once, for the session and not for the Atomic
        let touched = match index {
            Some(index) => vec![(index, None)],
            None => self.touched(members),
        };
        let mut before: Vec<Before> = Vec::with_capacity(touched.len());
        for (index, changes) in touched {
            self.begin_receiving(index, changes)?;
            let is_new = before.iter().all(|one| one.index != index);
            if let Some(active) = self.sources.get_mut(index).filter(|_| is_new) {
                active.call(|replica| replica.begin_atomic())?;
                before.push(Before {
                    index,
                    counts: active.summary.received,
                    received: active.progress.received,
                });
            }
        }
        Ok(before)
    }

    /// The datastores of the Syncs among these commands, with their numbers of changes.
    fn touched(&self, members: &[Command<'_>]) -> Vec<(usize, Option<u64>)> {
        let mut touched = Vec::new();
        for member in members {
            match member {
                Command::Sync(sync) => {
                    let index = self.source_of(sync);
                    touched.extend(index.map(|index| (index, sync.number_of_changes)));
                }
                Command::Group(group) => touched.extend(self.touched(&group.commands)),
                _ => {}
            }
        }
        touched
    }

    fn undo_atomic(&mut self, before: Vec<Before>, atomic: Atomic) -> Result<(), Error> {
        for one in before {
            if let Some(active) = self.sources.get_mut(one.index) {
                active.call(|replica| replica.undo_atomic())?;
                active.summary.received = one.counts;
                active.progress.received = one.received;
            }
        }
        for (index, item) in atomic.done {
            if let Some(active) = self.sources.get_mut(index) {
                active.summary.failed.push(Failure {
                    item,
                    reason: "it came in an Atomic with another one that could not be done"
                        .to_owned(),
                });
            }
        }
        Ok(())
    }

    /// A member of the Atomic, if there is one, got this status.
    pub(super) fn note_in_atomic(&mut self, code: StatusCode) {
        if let Some(atomic) = &mut self.atomic {
            atomic.failed |= !is_done(code);
        }
    }
}

/// Whether a member that is in no Sync brings changes alone.
fn is_of_data(command: &Command<'_>) -> bool {
    match command {
        Command::Sync(_) => true,
        Command::Group(group) => group.commands.iter().all(is_of_data),
        _ => false,
    }
}

/// Whether a member of an Atomic did what it should.
fn is_done(code: StatusCode) -> bool {
    code.is_success() || code == StatusCode::ALREADY_EXISTS
}
