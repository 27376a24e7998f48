//! Calendars: vCalendar 1.0 and iCalendar 2.0.
//!
//! The new format names zones and tells distances; the old one knows the device's clock, or UTC.
//! So every conversion goes through the wall clock of the device: an event at nine stays at nine
//! in winter and summer. Which clock that is, and how the device writes it, says a
//! [`TimeProfile`].

mod alarm;
pub(super) mod journal;
mod occurrences;
mod profile;
mod rule;
mod to_new;
mod to_old;
mod tree;
mod words;
mod zone;

use super::Target;
use crate::media::Format;

pub use occurrences::{
    MAX_OCCURRENCES, Occurrence, occurrences, put_occurrence, remove_occurrence, without_dates,
};
pub use profile::{AllDay, RuleEnd, TimeMode, TimeProfile};
pub use zone::Zone;
pub(crate) use zone::stamp;

/// The calendar in the target's format, and the lines that do not fit in it.
pub(super) fn convert(
    content: &[u8],
    target: Target,
    profile: &TimeProfile,
) -> (Vec<u8>, Vec<Vec<u8>>) {
    match target.format {
        Format::VCalendar10 => to_old::convert(content, profile, target.quoted_printable),
        _ => to_new::convert(content, profile),
    }
}

#[cfg(test)]
mod tests;
