//! The mark of a state that was moved: where to, so that nobody goes on with it by accident.
//!
//! It stands in a table of its own, which stays behind when all others are copied.

use super::Place;
use crate::{Error, postgres, sqlite};

/// Where a state was moved to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    /// The place, as [`Place::name`] calls it.
    pub to: String,
    /// Seconds since 1970.
    pub at: i64,
}

/// What becomes of the anchors of a state that is taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Anchors {
    /// They stay: no device has synced at the other place.
    Kept,
    /// They are void, and each device compares all items in its next sync.
    Void,
}

/// The table's name.
pub(crate) const MARK: &str = "moved";

/// Reads the mark, in the words of either engine.
pub(crate) const MOVED: &str = "SELECT place, at FROM moved";

/// Takes it away.
pub(crate) const UNMARK: &str = "DELETE FROM moved";

/// Takes a state back that was moved elsewhere, so that servers use it again; `false`, and nothing
/// changed, if it was not moved. No server may use it meanwhile. What devices have said at the other
/// place since is not in it, so that only a comparison of all items is right for them.
///
/// # Errors
///
/// [`Error::InUse`] and [`Error::NotAlone`] when it is open elsewhere, [`Error::NoState`] when there
/// is none; beyond these, those of [`Sqlite::open`](crate::Sqlite::open) and
/// [`Postgres::open`](crate::Postgres::open).
pub fn reclaim(place: &Place, anchors: Anchors) -> Result<bool, Error> {
    match place {
        Place::File(path) => sqlite::reclaim(path, anchors),
        Place::Database(url) => postgres::copying::reclaim(url, anchors),
    }
}
