//! What is inside a synchronized item.
//!
//! A synchronization server carries items it does not own: contacts, events, tasks, notes. This
//! crate looks into them only as far as the server needs, and never at the price of their bytes:
//!
//! * [`mod@line`] cuts vCard, vCalendar, iCalendar and vNote text into content lines. Each line keeps
//!   the exact bytes it came from, so that what is not understood is not lost either.
//! * [`component`] walks those lines as the `BEGIN`/`END` structure they form.
//! * [`decode`] holds the encodings of a value: quoted-printable, base64, character sets, escapes.
//! * [`fingerprint`] and [`compare`] answer "is this the record we have already?", from an index
//!   first and from both texts second.
//! * [`unite`] makes one of two records that a collection has twice.
//! * [`fill_missing`] joins two versions of one record without rewriting either.
//! * [`apply()`] brings the edit that a device made of its part of a record into the whole.
//! * [`own_lines`] are an item's properties without those of what is within it, [`span()`] is
//!   when the entries of a calendar take place, and [`keep_fields`] leaves out what was not asked
//!   for. [`fit()`] leaves out and cuts what a device cannot keep.
//! * [`split()`] takes a file of many items apart, and [`summary()`] gives an item a short name.
//! * [`convert()`] writes a contact, an event, a task or a note in another format, and says what
//!   that one cannot hold; [`convert_for()`] does so for a device whose clock is known.
//!   [`occurrences()`] are what of a series a device without words for it is shown as events of their own.
//!   [`stamp_completion()`] says when a task was done. [`complete()`] fills in what an item of Funambol's clients does not say, and
//!   [`complete_object()`] what a mail or file object does not.
//! * [`media`] names formats, media types and file extensions.
//!
//! Everything here is a function of its arguments: no input or output, no clock, no randomness.
//! No input is refused: text that follows no standard is still carried, hashed and compared.
//! Time is linear in the input, and memory a small multiple of it.

mod apply;
pub mod component;
mod convert;
pub mod decode;
mod facts;
mod fields;
mod fit;
#[cfg(test)]
mod generated;
mod identity;
pub mod line;
pub mod media;
mod merge;
mod moment;
mod object;
mod own;
mod saying;
mod sif;
mod span;
mod split;
mod summary;
mod task;
mod unite;

pub use apply::{Applied, Edit, Habit, Prefer, apply};
pub use convert::{
    AllDay, ConvertError, Converted, MAX_OCCURRENCES, Occurrence, RuleEnd, Target, TimeMode,
    TimeProfile, Zone, complete, convert, convert_for, occurrences, put_occurrence,
    remove_occurrence, without_dates,
};
pub use decode::Dialect;
pub use fields::{Field, keep_fields};
pub use fit::{Fitted, Holding, Holdings, OTHERS, Parameter, fit, names_component, surely_shown};
pub use identity::{Comparable, Fingerprint, Likeness, compare, fingerprint, replaces};
pub use media::{Format, Kind};
pub use merge::{fill_missing, modified, replace_fields};
pub use object::{
    ObjectParts, complete_object, element_in_head, object_parts, with_element, write_object,
};
pub use own::{OwnLines, own_lines};
pub use span::{Span, Time, Zones, reach, span};
pub use split::{Part, Parts, SplitError, split};
pub use summary::summary;
pub use task::stamp_completion;
pub use unite::{Evidence, United, unite};
