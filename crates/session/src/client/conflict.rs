//! Conflicts that the server leaves to the client (DS Protocol, conflicts: status 409).
//!
//! The server has not taken a change of ours, because it has another version, and sends that one. Who uses
//! the client may say which of the two shall stand; unless somebody does, it is the server's.

use std::fmt;

use syncml::{Change, Item, StatusCode};

use super::apply::failed;
use super::{Active, Session};
use crate::content::content_of;

/// An item that was changed on both sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Conflict<'c> {
    /// The datastore, as [`Source::name`](super::Source::name) has it.
    pub source: &'c str,
    /// The device's identifier of the item.
    pub luid: &'c str,
    /// What the device holds.
    pub ours: &'c [u8],
    /// What the server holds.
    pub theirs: &'c [u8],
    /// The media type of the server's version.
    pub media_type: &'c str,
}

/// Which version of an item shall stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// The server's; the device's is overwritten.
    Server,
    /// The device's. The server is told so, and gets it with the next session.
    Client,
    /// Both: the device's becomes a new item, which goes out with the next session.
    Both,
    /// Neither yet: nothing is done to either, and the next session asks again.
    Later,
}

/// Decides a conflict. It may take its time: the server waits for the next message as long as it keeps
/// sessions.
pub type Decide = Box<dyn FnMut(&Conflict<'_>) -> Decision + Send>;

/// Who decides.
pub(super) struct Decider(Decide);

impl fmt::Debug for Decider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decider").finish_non_exhaustive()
    }
}

impl Session {
    /// Lets somebody decide the conflicts that the server leaves to the client; to be called before the
    /// first message.
    // spec: H24
    pub fn decide_conflicts(&mut self, decide: Decide) {
        self.decider = Some(Decider(decide));
    }

    /// What was decided of a replacement, where there is something to decide.
    pub(super) fn decide(
        &mut self,
        index: usize,
        change: &Change<'_>,
        item: &Item<'_>,
    ) -> Option<Decision> {
        let Decider(decide) = self.decider.as_mut()?;
        let active = self.sources.get_mut(index)?;
        let luid = item.target_uri();
        if change.kind != syncml::ChangeKind::Replace || !active.disputed.contains(luid) {
            return None;
        }
        let meta = item.meta.clone().unwrap_or_default();
        let meta = meta.inherit(change.meta.as_ref());
        let theirs = content_of(item, &meta)?;
        // what cannot be read now will not be overwritten either
        let ours = active.source.replica.content(luid).ok().flatten()?;
        Some(decide(&Conflict {
            source: &active.source.name,
            luid,
            ours: &ours,
            theirs: &theirs,
            media_type: meta.media_type.as_deref().unwrap_or_default().trim(),
        }))
    }
}

impl Active {
    /// Does what was decided of an item, as far as it goes before the server's version takes its place; an
    /// error where it does not.
    // spec: H24
    pub(super) fn carry_out(
        &mut self,
        decision: Decision,
        luid: &str,
    ) -> Result<(), (StatusCode, String)> {
        // what becomes of it is no failure of the change that was sent
        self.summary.failed.retain(|failure| failure.item != luid);
        if decision != Decision::Later {
            self.disputed.remove(luid);
        }
        match decision {
            Decision::Server => Ok(()),
            // another status than 409, which would say that the device's shall stand
            Decision::Later => Err((StatusCode::COMMAND_FAILED, "it is not decided".to_owned())),
            Decision::Both => self.source.replica.keep_own(luid).map_err(failed),
            Decision::Client => Err((
                StatusCode::CONFLICT,
                "the version here stands; the next sync sends it".to_owned(),
            )),
        }
    }
}
