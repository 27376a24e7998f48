//! Atomic and Sequence: commands that belong together.

use syncml::{Command, Group, GroupKind, StatusCode};

use super::Run;
use crate::store::StoreError;

impl Run<'_> {
    /// Carries out a group inside of a Sync (`index` is its datastore) or beside one.
    pub(super) fn take_group(
        &mut self,
        command: &Command<'_>,
        group: &Group<'_>,
        index: Option<usize>,
    ) -> Result<(), StoreError> {
        match group.kind {
            // spec: M16
            GroupKind::Sequence => {
                self.push_status(command, StatusCode::OK);
                self.take_members(&group.commands, index)
            }
            // the standard has no Atomic inside of another
            GroupKind::Atomic if self.in_atomic => {
                self.refuse(command, StatusCode::COMMAND_FAILED);
                Ok(())
            }
            GroupKind::Atomic => self.take_atomic(command, group, index),
        }
    }

    fn take_members(
        &mut self,
        commands: &[Command<'_>],
        index: Option<usize>,
    ) -> Result<(), StoreError> {
        match index {
            Some(index) => self.take_sync_commands(index, commands),
            None => self.handle_commands(commands),
        }
    }

    /// All or nothing: when one member fails, what the others did is undone.
    // spec: C08 M14
    fn take_atomic(
        &mut self,
        command: &Command<'_>,
        group: &Group<'_>,
        index: Option<usize>,
    ) -> Result<(), StoreError> {
        let before = self.state.clone();
        let start = self.reply.statuses.len();
        self.push_status(command, StatusCode::OK);
        // a member that wants no status tells by its outcome nevertheless
        let no_resp = std::mem::take(&mut self.reply.no_resp);
        self.tx.begin_atomic()?;
        self.in_atomic = true;
        self.failed_in_atomic = false;
        let done = self.take_members(&group.commands, index);
        self.in_atomic = false;
        self.reply.no_resp = no_resp;
        done?;
        let own = usize::from(!command.no_resp() && !no_resp);
        let members = start + own;
        let failed = self.failed_in_atomic
            || self
                .reply
                .statuses
                .iter()
                .skip(members)
                .any(|status| !is_done(StatusCode(status.code)));
        if failed {
            self.tx.undo_atomic()?;
            // a change sequence that was undone comes again
            self.compared.forget();
            self.none_partial.forget();
            self.series.forget();
            self.warn("an Atomic failed, what it had done is undone".to_owned());
            let waiting = std::mem::take(&mut self.state.waiting);
            // the rest of an object comes whatever became of its beginning
            let dropped = std::mem::take(&mut self.state.dropped);
            self.state = before;
            self.state.waiting = waiting;
            self.state.dropped = dropped;
            for (place, status) in self.reply.statuses.iter_mut().enumerate().skip(start) {
                let code = StatusCode(status.code);
                if place < members {
                    status.code = StatusCode::ATOMIC_FAILED.0;
                } else if is_done(code) {
                    status.code = StatusCode::ATOMIC_ROLLED_BACK.0;
                }
            }
        } else {
            self.tx.end_atomic()?;
        }
        if no_resp {
            self.reply.statuses.truncate(start);
        }
        Ok(())
    }
}

/// Whether a member of an Atomic did what it should: decided conflicts and repeats count, and some
/// of an object does not.
pub(super) fn is_done(code: StatusCode) -> bool {
    code.is_success()
        || matches!(
            code,
            StatusCode::ALREADY_EXISTS | StatusCode::CONFLICT_SERVER_WON
        )
}
