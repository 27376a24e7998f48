//! An owner of the items who decides about what devices delete and replace beyond a share, whenever
//! it comes to mind: in the middle of a session, or when all is quiet.

use std::collections::BTreeSet;

use fastrand::Rng;
use session::guard::{self, Extent, Withholding as _};
use session::server::Guard;
use session::store::{DatastoreId, DatastoreKind, Guid, LinkId, StoreError, Transaction as _};

use super::World;
use super::index_of;
use crate::fault::Fault;
use crate::items::KINDS;

/// Rounds of the calm after which the owner decides.
pub(super) const DECIDING_ROUNDS: usize = 4;

/// What chooses for the owner is made of the seed and this, so that a seed's run is the same but for
/// the owner.
const OWNER: u64 = 0x0067_7561_7264;

pub(super) struct Owner {
    rng: Rng,
    /// Sessions whose changes waited at some time.
    sessions: BTreeSet<String>,
    /// Those of them that the owner has decided about.
    decided: BTreeSet<String>,
}

impl Owner {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            rng: Rng::with_seed(seed ^ OWNER),
            sessions: BTreeSet::new(),
            decided: BTreeSet::new(),
        }
    }

    /// How much a session may delete and replace.
    pub(super) fn guard(&mut self) -> Guard {
        Guard {
            share: self.rng.u8(..60),
            floor: self.rng.u64(..5),
        }
    }
}

impl World {
    /// What waits may stand or not from here on.
    pub(super) fn note_waiting(&mut self) -> Result<(), Fault> {
        if self.owner.is_none() {
            return Ok(());
        }
        self.check_held()?;
        for session in self.held_sessions().map_err(failed)? {
            let account = self.server.account;
            let state = &mut self.server.state;
            let waiting = state.withheld_by(account, &session).map_err(failed)?;
            for (link, guid) in waiting {
                let (kind, content) = self.content(link, guid).map_err(failed)?;
                self.ledgers[index_of(kind)].contest(&content);
            }
            if let Some(owner) = &mut self.owner {
                owner.sessions.insert(session);
            }
        }
        Ok(())
    }

    /// Of a session that is held nothing stands that it has deleted before.
    fn check_held(&mut self) -> Result<(), Fault> {
        for (session, datastore) in self.holds().map_err(failed)? {
            let is_decided = |owner: &Owner| owner.decided.contains(&session);
            if self.owner.as_ref().is_some_and(is_decided) {
                continue;
            }
            let state = &mut self.server.state;
            for guid in state.changed_by(datastore, &session).map_err(failed)? {
                let item = state.item(datastore, guid).map_err(failed)?;
                if item.is_some_and(|item| item.deleted)
                    && state
                        .is_last_of(datastore, guid, &session)
                        .map_err(failed)?
                {
                    return Err(Fault::Unguarded { session });
                }
            }
        }
        Ok(())
    }

    /// The owner may do something.
    pub(super) fn owner_acts(&mut self) -> Result<(), Fault> {
        let acts = |owner: &mut Owner| owner.rng.u8(..20) == 0;
        if !self.owner.as_mut().is_some_and(acts) {
            return Ok(());
        }
        let held = self.held_sessions().map_err(failed)?;
        let Some(owner) = &mut self.owner else {
            return Ok(());
        };
        let chosen = owner.rng.choice(&held).cloned();
        let former = owner.rng.choice(&owner.sessions).cloned();
        let undoes = owner.rng.u8(..4) == 0;
        match (chosen, former) {
            (_, Some(session)) if undoes => self.undo(&session).map_err(failed),
            (Some(session), _) => self.decide(&session).map_err(failed),
            _ => Ok(()),
        }
    }

    /// The owner decides about all that waits.
    pub(super) fn decide_all(&mut self) -> Result<(), Fault> {
        if self.owner.is_none() {
            return Ok(());
        }
        for session in self.held_sessions().map_err(failed)? {
            self.decide(&session).map_err(failed)?;
        }
        Ok(())
    }

    /// Nothing waits when the owner has decided and all is quiet.
    pub(super) fn check_decided(&mut self) -> Result<(), Fault> {
        match self.held_sessions().map_err(failed)?.first() {
            Some(session) => Err(failed(format!("changes of {session} wait still"))),
            None => Ok(()),
        }
    }

    fn decide(&mut self, session: &str) -> Result<(), StoreError> {
        let Some(owner) = &mut self.owner else {
            return Ok(());
        };
        let confirms = owner.rng.bool();
        owner.decided.insert(session.to_owned());
        self.outcome.decisions += 1;
        self.journal
            .tell(|| format!("the owner decides about {session}: {confirms}"));
        let (account, now) = (self.server.account, self.server.now);
        if !confirms {
            guard::reject(&mut self.server.state, account, session, None, now)?;
            return Ok(());
        }
        for (link, guid) in self.server.state.withheld_by(account, session)? {
            let change = self.server.state.withheld(link, guid)?;
            if change.is_some_and(|change| change.replacement.is_none()) {
                let (kind, content) = self.content(link, guid)?;
                self.ledgers[index_of(kind)].take_away(&content);
            }
        }
        guard::confirm(&mut self.server.state, account, session, None, now)?;
        self.journal.tell_changes(&self.server, &self.devices);
        Ok(())
    }

    /// The owner undoes what is left of a session.
    fn undo(&mut self, session: &str) -> Result<(), StoreError> {
        let Some(owner) = &mut self.owner else {
            return Ok(());
        };
        let extent = Extent {
            force: owner.rng.bool(),
            remove_added: owner.rng.bool(),
            dry_run: false,
        };
        self.journal
            .tell(|| format!("the owner undoes {session}: {extent:?}"));
        for kind in KINDS {
            let datastore = self.server.datastore(kind);
            let now = self.server.now;
            let came = self.server.state.added_by(datastore, session)?;
            let undone = guard::restore(&mut self.server.state, datastore, session, extent, now)?;
            for guid in undone
                .restored
                .into_iter()
                .chain(undone.removed)
                .chain(came)
            {
                let link = LinkId {
                    datastore,
                    device: 0,
                };
                let (_, content) = self.content(link, guid)?;
                self.ledgers[index_of(kind)].contest(&content);
                if self
                    .server
                    .state
                    .item(datastore, guid)?
                    .is_none_or(|item| item.deleted)
                {
                    self.ledgers[index_of(kind)].take_away(&content);
                }
            }
        }
        self.journal.tell_changes(&self.server, &self.devices);
        Ok(())
    }

    /// The names under which changes wait.
    fn held_sessions(&mut self) -> Result<Vec<String>, StoreError> {
        let mut sessions: Vec<String> = self.holds()?.into_iter().map(|(name, _)| name).collect();
        sessions.sort();
        sessions.dedup();
        Ok(sessions)
    }

    /// The sessions whose changes wait, each with the datastore in which they do.
    fn holds(&mut self) -> Result<Vec<(String, DatastoreId)>, StoreError> {
        let mut holds = Vec::new();
        for device in &self.devices {
            let account = self.server.account;
            let Some(known) = self.server.state.device(account, &device.name)? else {
                continue;
            };
            for store in &device.stores {
                let link = LinkId {
                    datastore: self.server.datastore(store.kind),
                    device: known.number,
                };
                let session = self.server.state.hold(link)?;
                holds.extend(session.map(|session| (session, link.datastore)));
            }
        }
        Ok(holds)
    }

    /// An item's content, and what kind of datastore it is in.
    fn content(&mut self, link: LinkId, guid: Guid) -> Result<(DatastoreKind, String), StoreError> {
        let kind = KINDS
            .into_iter()
            .find(|kind| self.server.datastore(*kind) == link.datastore)
            .unwrap_or(DatastoreKind::Contacts);
        let item = self.server.state.item(link.datastore, guid)?;
        let content = item.map(|item| String::from_utf8_lossy(&item.content).into_owned());
        Ok((kind, content.unwrap_or_default()))
    }
}

fn failed(reason: impl ToString) -> Fault {
    Fault::State {
        reason: reason.to_string(),
    }
}
