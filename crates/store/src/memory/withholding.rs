//! Changes that wait for a decision, and what sessions did, in the model.

use session::guard::{Before, Withheld, Withholding};
use session::store::{
    AccountId, ChangeSeq, Content, DatastoreId, Guid, LinkId, Origin, StoreError, Transaction as _,
};

use super::{Former, Held, Memory, damaged};

impl Memory {
    /// Whether a change of the item waits that can still be made.
    pub(super) fn waits(&self, link: LinkId, held: &Held) -> bool {
        let change = self.withheld.get(&(link, held.item.guid));
        change.is_some_and(|change| !held.item.deleted && change.seq == held.item.content_seq)
    }

    /// The session that changes of this origin are made by.
    pub(super) fn session_of(&self, origin: Origin<'_>) -> Option<String> {
        match origin {
            Origin::Session(_) => self.session.clone(),
            Origin::Local => None,
        }
    }

    /// What was replaced or deleted of an item, oldest first, with its place in the history.
    fn formers(
        &self,
        datastore: DatastoreId,
        guid: Guid,
    ) -> impl DoubleEndedIterator<Item = (usize, &Former)> {
        let of = move |former: &Former| former.datastore == datastore && former.guid == guid;
        let all = self.history.iter().enumerate();
        all.filter(move |(_, former)| of(former) && former.was_present)
    }

    fn first_of(&self, datastore: DatastoreId, guid: Guid, session: &str) -> Option<usize> {
        let mut all = self.formers(datastore, guid);
        all.find(|(_, former)| former.session.as_deref() == Some(session))
            .map(|(place, _)| place)
    }

    fn held_of(&self, datastore: DatastoreId) -> impl Iterator<Item = &Held> {
        let items = self.items.get(&datastore);
        items.into_iter().flat_map(|items| items.values())
    }
}

impl Withholding for Memory {
    fn name_session(&mut self, session: &str) {
        self.session = Some(session.to_owned());
    }

    fn live_items(&mut self, datastore: DatastoreId) -> Result<u64, StoreError> {
        let live = self
            .held_of(datastore)
            .filter(|held| !held.item.deleted && held.occurrence.is_none());
        Ok(live.count() as u64)
    }

    fn withhold(&mut self, link: LinkId, change: &Withheld) -> Result<(), StoreError> {
        self.withheld.insert((link, change.guid), change.clone());
        Ok(())
    }

    fn withheld(&mut self, link: LinkId, guid: Guid) -> Result<Option<Withheld>, StoreError> {
        Ok(self.withheld.get(&(link, guid)).cloned())
    }

    fn forget_withheld(&mut self, link: LinkId, guid: Guid) -> Result<(), StoreError> {
        self.withheld.remove(&(link, guid));
        Ok(())
    }

    fn hold(&mut self, link: LinkId) -> Result<Option<String>, StoreError> {
        let mut all = self.withheld.iter();
        let found = all.find(|((owner, _), _)| *owner == link);
        Ok(found.map(|(_, change)| change.session.clone()))
    }

    fn withheld_by(
        &mut self,
        account: AccountId,
        session: &str,
    ) -> Result<Vec<(LinkId, Guid)>, StoreError> {
        let of = |link: &LinkId, change: &Withheld| {
            link.datastore.account == account && change.session == session
        };
        let all = self.withheld.iter();
        Ok(all
            .filter(|((link, _), change)| of(link, change))
            .map(|(key, _)| *key)
            .collect())
    }

    fn changed_by(
        &mut self,
        datastore: DatastoreId,
        session: &str,
    ) -> Result<Vec<Guid>, StoreError> {
        let was_there = self
            .held_of(datastore)
            .filter(|held| held.added_by.as_deref() != Some(session));
        Ok(was_there
            .map(|held| held.item.guid)
            .filter(|guid| self.first_of(datastore, *guid, session).is_some())
            .collect())
    }

    fn added_by(&mut self, datastore: DatastoreId, session: &str) -> Result<Vec<Guid>, StoreError> {
        let added = self
            .held_of(datastore)
            .filter(|held| held.added_by.as_deref() == Some(session));
        Ok(added.map(|held| held.item.guid).collect())
    }

    fn before(
        &mut self,
        datastore: DatastoreId,
        guid: Guid,
        session: &str,
    ) -> Result<Option<Before>, StoreError> {
        let first = self.first_of(datastore, guid, session);
        let former = first.and_then(|place| self.history.get(place));
        Ok(former.map(|former| Before {
            deleted: former.was_deleted,
            media_type: former.media_type.clone(),
            content: former.content.clone(),
        }))
    }

    fn is_last_of(
        &mut self,
        datastore: DatastoreId,
        guid: Guid,
        session: &str,
    ) -> Result<bool, StoreError> {
        let last = self.formers(datastore, guid).next_back();
        Ok(last.is_none_or(|(_, former)| former.session.as_deref() == Some(session)))
    }

    fn take_back(
        &mut self,
        datastore: DatastoreId,
        guid: Guid,
        session: &str,
        now: i64,
    ) -> Result<ChangeSeq, StoreError> {
        let first = self
            .first_of(datastore, guid, session)
            .ok_or_else(|| damaged("a change to take back is missing"))?;
        let before = self
            .before(datastore, guid, session)?
            .ok_or_else(|| damaged("a version to go back to is missing"))?;
        let item = self.item(datastore, guid)?;
        self.history
            .extend(item.filter(|item| !item.deleted).map(|item| Former {
                datastore,
                guid,
                media_type: item.media_type,
                content: item.content,
                exact: item.exact,
                content_seq: item.content_seq,
                counts: false,
                was_present: false,
                was_deleted: false,
                session: Some(session.to_owned()),
            }));
        for later in self.history.iter_mut().skip(first) {
            let is_of_item = later.datastore == datastore && later.guid == guid;
            if is_of_item && later.session.as_deref() == Some(session) {
                later.was_present = false;
                later.counts = false;
            }
        }
        let content = Content::new(&before.media_type, &before.content);
        Ok(self.put(datastore, guid, content, now))
    }

    fn keep_rejected(
        &mut self,
        datastore: DatastoreId,
        guid: Guid,
        content: Content<'_>,
        _: Origin<'_>,
        _: i64,
    ) -> Result<(), StoreError> {
        self.history.push(Former {
            datastore,
            guid,
            media_type: content.media_type.to_owned(),
            content: content.bytes.to_vec(),
            exact: content.fingerprint.exact,
            content_seq: ChangeSeq(0),
            counts: true,
            was_present: false,
            was_deleted: false,
            session: None,
        });
        Ok(())
    }
}
