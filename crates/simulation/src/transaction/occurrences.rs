//! Occurrences of series. No device of a simulation has any, so these are the model's.

use session::occurrences::Occurrences;
use session::store::{ChangeSeq, DatastoreId, Guid, StoreError, StoredItem};

use super::Watched;

impl Occurrences for Watched<'_> {
    fn followed(&mut self, datastore: DatastoreId) -> Result<ChangeSeq, StoreError> {
        self.state.followed(datastore)
    }

    fn set_followed(&mut self, datastore: DatastoreId, until: ChangeSeq) -> Result<(), StoreError> {
        self.write()?;
        self.state.set_followed(datastore, until)
    }

    fn changed_items(
        &mut self,
        datastore: DatastoreId,
        after: ChangeSeq,
        limit: usize,
    ) -> Result<Vec<(StoredItem, bool)>, StoreError> {
        self.state.changed_items(datastore, after, limit)
    }

    fn occurrence(
        &mut self,
        datastore: DatastoreId,
        guid: Guid,
    ) -> Result<Option<(Guid, String)>, StoreError> {
        self.state.occurrence(datastore, guid)
    }

    fn occurrences(
        &mut self,
        datastore: DatastoreId,
        series: Guid,
    ) -> Result<Vec<(String, StoredItem)>, StoreError> {
        self.state.occurrences(datastore, series)
    }

    fn set_occurrence(
        &mut self,
        datastore: DatastoreId,
        guid: Guid,
        of: Option<(Guid, &str)>,
    ) -> Result<(), StoreError> {
        self.write()?;
        self.state.set_occurrence(datastore, guid, of)
    }

    fn stray_occurrences(
        &mut self,
        datastore: DatastoreId,
        limit: usize,
    ) -> Result<Vec<Guid>, StoreError> {
        self.state.stray_occurrences(datastore, limit)
    }
}
