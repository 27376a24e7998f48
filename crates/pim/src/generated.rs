//! Items of anything that the formats have words for, for tests of what holds for any item.

#![allow(clippy::unwrap_used)]

pub(crate) mod cards;
pub(crate) mod entries;
