//! The edit of a device, applied to the full record that a server holds.
//!
//! A device holds a record as far as it can: without the properties that it does not know, with
//! long texts cut. What it sends after a person has edited it is not the record, then, but an edit
//! of what the device had. So the two are compared property by property, by what they mean, and
//! only the differences reach the record; all else in it keeps its bytes.

mod align;
mod calendar;
mod components;
pub(crate) mod cut;
mod lines;
mod meaning;
mod note;
pub(crate) mod patch;
mod place;
mod properties;
mod record;
mod texts;
mod values;
mod write;

use meaning::Reader;
use properties::{Merge, Sides};
use record::Component;

use crate::media::Format;

/// An edit that a device made of a record, all texts in one format and version.
#[derive(Debug, Clone, Copy)]
pub struct Edit<'a> {
    /// The whole record as the server holds it now.
    pub current: &'a [u8],
    /// `current` as the device would be shown it now: properties left out, texts cut, converted
    /// there and back.
    pub shown: &'a [u8],
    /// What the device held before the edit, in the same view; `None` when that is not known.
    pub held: Option<&'a [u8]>,
    /// What the device has now.
    pub new: &'a [u8],
    /// What the device says by leaving something out.
    pub habit: Habit,
}

/// What a device says by leaving out what it held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Habit {
    /// It has written [`Edit::held`] itself: what it lacks was removed, and no text was cut.
    Own,
    /// It keeps all that it gets: what it lacks was removed.
    Whole,
    /// It lists the properties that it keeps, and has not shown yet that it keeps all parts of
    /// them: a structured value that ends earlier says nothing of the rest.
    Listed,
    /// Nothing is known of it: beside that, only the properties that every phone has were removed
    /// when it has none.
    Unknown,
}

/// Who wins where both sides changed one property to different values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prefer {
    /// The device.
    New,
    /// The server.
    Current,
}

/// A record after an edit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// The whole record; exactly [`Edit::current`] if there was no edit.
    pub bytes: Vec<u8>,
    /// The names of the properties that both sides changed to different values, in upper case and
    /// in alphabetical order; `BODY` for the text of a note.
    pub conflicts: Vec<String>,
}

/// Applies an edit of a device to the full record.
///
/// An edit is a difference between what the device held and what it has now. Spelling is none:
/// order, folding, encodings, punctuation in telephone numbers, the order of types, the preferred
/// type, and properties that software changes by itself, such as `REV`. So
///
/// * what the device held and has no more was removed, and goes from the record; what it neither
///   held nor has was never on it, and stays;
/// * what is not said by leaving it out ([`Habit`]) stays, too;
/// * a property that was edited takes the device's line, and keeps the parameters, components and
///   labels that the device was not shown, and the rest of a text that was cut for it;
/// * of properties that are sets (numbers, addresses, categories), the additions and removals of
///   both sides count; of others that both sides changed, `prefer` says which one stands, and the
///   name is told; a change beats a removal, and lines that both only added to a text stand both;
/// * without [`Edit::held`], what the device lacks says nothing: its values come into the sets and
///   the free places, a text that is the beginning of a longer one (32 characters or more) is a cut
///   copy of it, and `prefer` decides about what else differs.
///
/// In a calendar, entries are known by the occurrence that they override, and alarms by when they go
/// off. Start, end and rule change together, and so does the progress of a task: taken from the
/// device as a whole once one of them was edited, but for a rule that it was not shown.
///
/// `None` when the texts are not of one format and version, or one of them has no record.
// spec: V08
pub fn apply(edit: &Edit<'_>, prefer: Prefer) -> Option<Applied> {
    let format = Format::of("", edit.current).or_else(|| text(edit.current))?;
    let others = [Some(edit.shown), edit.held, Some(edit.new)];
    for other in others.into_iter().flatten() {
        if Format::of("", other).or_else(|| text(other)) != Some(format) {
            return None;
        }
    }
    match format {
        Format::Text => Some(note::apply(edit, prefer)),
        Format::VCalendar10 | Format::ICalendar20 => calendar::apply(edit, prefer, format),
        _ => record(edit, prefer, format),
    }
}

/// Whether content is plain text, which begins with no component.
fn text(content: &[u8]) -> Option<Format> {
    let is_text = crate::media::first_component(content, false).is_none();
    is_text.then_some(Format::Text)
}

/// A card, note or bookmark: one component.
// spec: T41
fn record(edit: &Edit<'_>, prefer: Prefer, format: Format) -> Option<Applied> {
    let reader = Reader::new(format, &[]);
    let read = |content| Component::read(content, &reader);
    let (current, shown) = (read(edit.current), read(edit.shown));
    let (held, new) = (edit.held.map(read), read(edit.new));
    let sides = Sides {
        current: current.children.first()?,
        shown: shown.children.first()?,
        held: match &held {
            Some(held) => Some(held.children.first()?),
            None => None,
        },
        new: new.children.first()?,
    };
    let mut merge = Merge::new(&reader, prefer, edit.habit);
    merge.properties(sides, &[]);
    if !merge.patch.is_empty() {
        merge.stamp(sides);
    }
    Some(merge.finish(edit.current))
}

#[cfg(test)]
mod calendar_tests;
#[cfg(test)]
mod device_tests;
#[cfg(test)]
mod laws;
#[cfg(test)]
mod tests;
