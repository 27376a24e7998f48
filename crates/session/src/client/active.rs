//! A datastore in the session: what was agreed on it, and how far it is.

use std::collections::BTreeSet;

use syncml::{AlertCode, Cred, StatusCode, Version};

use super::{
    Anchors, ChangeKind, Error, Login, Mode, Plan, Progress, Replica, ReplicaError, Room, Source,
    SourceSummary, Unfinished, large,
};

/// State of a source in the session.
#[derive(Debug)]
pub(super) struct Active {
    pub(super) source: Source,
    /// Room in all, where it is limited.
    pub(super) size: Option<Room>,
    /// The server has said that it knows folders here.
    pub(super) peer_folders: bool,
    /// The server is not to hear of folders.
    pub(super) is_flat: bool,
    /// The server says that it has no such datastore.
    pub(super) is_missing: bool,
    /// Who logs in to the datastore, where that is another one than who logs in to the server.
    pub(super) login: Option<Login>,
    /// The login that the datastore has asked for.
    pub(super) cred: Option<Cred<'static>>,
    pub(super) anchors: Anchors,
    /// The client's `Next`.
    pub(super) next: String,
    /// The server's `Next`, once it has alerted.
    pub(super) server_next: Option<String>,
    /// The alert code of the server's, which holds.
    pub(super) agreed: Option<AlertCode>,
    /// Its alert was written in this login.
    pub(super) alerted: bool,
    pub(super) begun: bool,
    /// The `Sync` with its number of changes was written.
    pub(super) opened: bool,
    pub(super) sent_all: bool,
    /// Messages in a row into which the next change did not fit.
    pub(super) stuck: u32,
    pub(super) cleared: bool,
    /// The session that did not complete and that this one asks to go on with.
    pub(super) unfinished: Option<Unfinished>,
    /// The server goes on with it.
    pub(super) resumed: bool,
    /// Changes are out that the server has not agreed to take.
    pub(super) early: bool,
    /// The server wants all items in place of them.
    pub(super) again: bool,
    /// The object that is going out in chunks.
    pub(super) sending: Option<large::Sending>,
    /// The replica remembers how far an object is out.
    pub(super) in_chunks: bool,
    pub(super) progress: Progress,
    pub(super) summary: SourceSummary,
    /// Items of which the server has not taken our version, because it has another one (409).
    pub(super) disputed: BTreeSet<String>,
}

impl Active {
    pub(super) fn is_on(&self) -> bool {
        self.summary.error.is_none()
    }

    pub(super) fn fail(&mut self, reason: impl Into<String>) {
        if self.summary.error.is_none() {
            self.summary.error = Some(reason.into());
        }
    }

    pub(super) fn call<R>(
        &mut self,
        run: impl FnOnce(&mut dyn Replica) -> Result<R, ReplicaError>,
    ) -> Result<R, Error> {
        run(self.source.replica.as_mut()).map_err(|source| Error::Replica {
            name: self.source.name.clone(),
            source,
        })
    }

    /// Whether changes of the server are applied: in the agreed type, and in the one that the
    /// person wanted, where the server has made a one-way sync slow.
    pub(super) fn applies(&self) -> bool {
        self.receives() && self.source.mode != Mode::FromClient
    }

    /// Whether a type that the server wants in place of the one asked for does no more than the
    /// person wanted; or why not.
    // spec: G15 G16
    pub(super) fn bear_with(&mut self, code: AlertCode) -> Result<(), String> {
        let wanted = self.source.mode.alert();
        let refused = |advice: &str| {
            Err(format!(
                "the server wants a {} sync in place of {}{advice}",
                code.phrase(),
                wanted.phrase()
            ))
        };
        let is_first = self.anchors.client.is_empty();
        match self.source.mode {
            Mode::TwoWay | Mode::Slow => Ok(()),
            // all is sent, and what the server sends is not taken
            Mode::FromClient if code == AlertCode::SLOW => Ok(()),
            // nothing may be sent, so there must be nothing that a comparison needs
            Mode::FromServer if code == AlertCode::SLOW && is_first => {
                let all = Plan {
                    all_items: true,
                    sends: true,
                    renews_map: true,
                    resumes: false,
                };
                match self.call(|replica| replica.begin(all)) {
                    Ok(0) => Ok(()),
                    Ok(_) => refused(", which would send the items here; sync once in both ways"),
                    Err(error) => Err(error.to_string()),
                }
            }
            _ => refused(""),
        }
    }

    /// What there is to go on with when a session of this type does not complete.
    pub(super) fn begun_as(&self, agreed: AlertCode) -> Unfinished {
        Unfinished {
            alert: agreed.0,
            last: self.anchors.client.clone(),
            sending: None,
        }
    }

    /// Whether the server has put off what came with the alert, because it wants another type.
    pub(super) fn is_put_off(&self, code: StatusCode) -> bool {
        let codes = [
            StatusCode::REFRESH_REQUIRED,
            StatusCode::CANCELLED,
            StatusCode::NOT_ALLOWED,
        ];
        self.early && codes.contains(&code)
    }

    /// Whether changes may go out with the alert: the server is known, and nothing is to be gone on
    /// with.
    pub(super) fn may_begin_at_once(&self, version: Version) -> bool {
        let is_known = !self.anchors.client.is_empty();
        // whether the server knows folders it says in package 2
        let has_folders = self.has_folders(version);
        is_known && !has_folders && self.unfinished.is_none() && !self.source.mode.compares()
    }

    /// Whether folders are kept here.
    pub(super) fn has_folders(&self, version: Version) -> bool {
        let may = version >= Version::V1_2 && self.source.kind.is_hierarchical();
        may && !self.is_flat && self.source.replica.has_folders()
    }

    /// Whether an item at the root has to be said to be there: the server may have it in a folder, and
    /// what is said to be in none stays where it was.
    // spec: M09
    pub(super) fn says_root(&self, version: Version, kind: ChangeKind) -> bool {
        // the answer to an earlier addition may have been lost
        let may_be_known = matches!(kind, ChangeKind::Add | ChangeKind::Replace);
        may_be_known && self.peer_folders && self.has_folders(version)
    }

    /// Whether the server sends changes in the agreed type.
    pub(super) fn receives(&self) -> bool {
        !matches!(
            self.agreed,
            Some(AlertCode::ONE_WAY_FROM_CLIENT | AlertCode::REFRESH_FROM_CLIENT)
        )
    }
}
