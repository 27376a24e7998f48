//! Changes that wait for a decision: the model's, unless a rule is broken.

use session::guard::{Before, Withheld, Withholding};
use session::store::{
    AccountId, ChangeSeq, Content, DatastoreId, Guid, LinkId, Origin, StoreError, Transaction as _,
};

use super::Watched;
use crate::sabotage::Sabotage;

impl Withholding for Watched<'_> {
    fn name_session(&mut self, session: &str) {
        self.state.name_session(session);
    }

    fn live_items(&mut self, datastore: DatastoreId) -> Result<u64, StoreError> {
        self.state.live_items(datastore)
    }

    fn withhold(&mut self, link: LinkId, change: &Withheld) -> Result<(), StoreError> {
        self.write()?;
        self.state.withhold(link, change)
    }

    fn withheld(&mut self, link: LinkId, guid: Guid) -> Result<Option<Withheld>, StoreError> {
        self.state.withheld(link, guid)
    }

    fn forget_withheld(&mut self, link: LinkId, guid: Guid) -> Result<(), StoreError> {
        self.write()?;
        self.state.forget_withheld(link, guid)
    }

    fn hold(&mut self, link: LinkId) -> Result<Option<String>, StoreError> {
        if self.breaks(Sabotage::ForgetHold) {
            return Ok(None);
        }
        self.state.hold(link)
    }

    fn withheld_by(
        &mut self,
        account: AccountId,
        session: &str,
    ) -> Result<Vec<(LinkId, Guid)>, StoreError> {
        self.state.withheld_by(account, session)
    }

    fn changed_by(
        &mut self,
        datastore: DatastoreId,
        session: &str,
    ) -> Result<Vec<Guid>, StoreError> {
        self.state.changed_by(datastore, session)
    }

    fn added_by(&mut self, datastore: DatastoreId, session: &str) -> Result<Vec<Guid>, StoreError> {
        self.state.added_by(datastore, session)
    }

    fn before(
        &mut self,
        datastore: DatastoreId,
        guid: Guid,
        session: &str,
    ) -> Result<Option<Before>, StoreError> {
        self.state.before(datastore, guid, session)
    }

    fn is_last_of(
        &mut self,
        datastore: DatastoreId,
        guid: Guid,
        session: &str,
    ) -> Result<bool, StoreError> {
        self.state.is_last_of(datastore, guid, session)
    }

    fn take_back(
        &mut self,
        datastore: DatastoreId,
        guid: Guid,
        session: &str,
        now: i64,
    ) -> Result<ChangeSeq, StoreError> {
        self.write()?;
        if self.breaks(Sabotage::KeepDeeds) {
            return self.state.last_change(datastore);
        }
        self.state.take_back(datastore, guid, session, now)
    }

    fn keep_rejected(
        &mut self,
        datastore: DatastoreId,
        guid: Guid,
        content: Content<'_>,
        origin: Origin<'_>,
        now: i64,
    ) -> Result<(), StoreError> {
        self.write()?;
        self.state
            .keep_rejected(datastore, guid, content, origin, now)
    }
}
