//! Conversion between the formats of one kind of item.
//!
//! A peer asks for the format it can read; the store holds the one it was given. What comes in is
//! the text of an item and the format wanted, what goes out is the text in that format and the
//! source lines that it cannot express in full. Each kind of item has a module of its own.

mod calendar;
mod card;
pub(crate) mod encode;
mod note;

pub(crate) use calendar::journal::text_of as journal_text;
pub(crate) use calendar::stamp;
pub use calendar::{
    AllDay, MAX_OCCURRENCES, Occurrence, RuleEnd, TimeMode, TimeProfile, Zone, occurrences,
    put_occurrence, remove_occurrence, without_dates,
};

use crate::media::{Format, Kind};
use crate::sif;

/// What to convert to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target {
    /// The format and its version.
    pub format: Format,
    /// Whether text outside of ASCII is written as quoted-printable in the old formats, as old
    /// phones need it. Otherwise it is written as plain UTF-8.
    pub quoted_printable: bool,
}

/// A converted item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Converted {
    /// The item in the target's format.
    pub bytes: Vec<u8>,
    /// The media type of `bytes`.
    pub media_type: &'static str,
    /// The source lines, folds and line ends included, of properties that the target cannot
    /// express at all or not in full. Where SIF is the source or the target, lines of the text
    /// between the two.
    pub lost: Vec<Vec<u8>>,
}

/// Why an item was not converted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConvertError {
    /// Neither the text nor its media type names a format.
    #[error("no known format under media type {media_type:?}")]
    UnknownFormat {
        /// The declared media type.
        media_type: String,
    },
    /// The two formats hold different kinds of items, or no conversion exists between them.
    #[error("no conversion from {from:?} to {to:?}")]
    NoConversion {
        /// The format of the item.
        from: Format,
        /// The format asked for.
        to: Format,
    },
}

/// Writes an item in another format. An item that has the format already is not touched.
///
/// # Errors
///
/// The format of `content` is not known, or there is no conversion to the target.
pub fn convert(
    content: &[u8],
    media_type: &str,
    target: Target,
) -> Result<Converted, ConvertError> {
    convert_for(content, media_type, target, &TimeProfile::default())
}

/// Writes an item in another format, for or from a device that makes of time what `profile` says.
/// Only calendars need that.
///
/// # Errors
///
/// The format of `content` is not known, or there is no conversion to the target. Journal entries
/// have no form in vCalendar 1.0; they are converted to notes and back.
pub fn convert_for(
    content: &[u8],
    media_type: &str,
    target: Target,
    profile: &TimeProfile,
) -> Result<Converted, ConvertError> {
    let from = Format::of(media_type, content).ok_or_else(|| ConvertError::UnknownFormat {
        media_type: media_type.to_owned(),
    })?;
    let to = target.format;
    let (bytes, lost) = if from == to {
        (content.to_vec(), Vec::new())
    } else if from.is_sif() {
        from_sif(content, from, target, profile)?
    } else if to.is_sif() {
        to_sif(content, media_type, (from, to), profile)?
    } else {
        match (kind(from), kind(to)) {
            (Some(Kind::Contact), Some(Kind::Contact)) => card::convert(content, from, target),
            (Some(Kind::Note), Some(Kind::Note)) => note::convert(content, target),
            (Some(Kind::Event), Some(Kind::Event)) if calendar::journal::has_entry(content) => {
                calendar::convert(content, target, profile)
            }
            (Some(Kind::Note), Some(Kind::Event)) if to == Format::ICalendar20 => {
                calendar::journal::from_note(content, from)
            }
            (Some(Kind::Event), Some(Kind::Note)) if from == Format::ICalendar20 => {
                calendar::journal::to_note(content, target)
                    .ok_or(ConvertError::NoConversion { from, to })?
            }
            _ => return Err(ConvertError::NoConversion { from, to }),
        }
    };
    Ok(Converted {
        bytes,
        media_type: to.media_type(),
        lost,
    })
}

fn from_sif(
    content: &[u8],
    from: Format,
    target: Target,
    profile: &TimeProfile,
) -> Result<(Vec<u8>, Vec<Vec<u8>>), ConvertError> {
    let to = target.format;
    let text = sif::read(content, from);
    let pivot = sif::pivot(from);
    if pivot == to {
        return Ok((text, Vec::new()));
    }
    let converted = convert_for(&text, pivot.media_type(), target, profile);
    let converted = converted.map_err(|_| ConvertError::NoConversion { from, to })?;
    Ok((converted.bytes, converted.lost))
}

fn to_sif(
    content: &[u8],
    media_type: &str,
    (from, to): (Format, Format),
    profile: &TimeProfile,
) -> Result<(Vec<u8>, Vec<Vec<u8>>), ConvertError> {
    let target = Target {
        format: sif::pivot(to),
        quoted_printable: false,
    };
    // a whole day is marked so
    let profile = TimeProfile {
        all_day: AllDay::Minute,
        ..profile.clone()
    };
    let none = ConvertError::NoConversion { from, to };
    let converted = convert_for(content, media_type, target, &profile);
    let Converted {
        bytes, mut lost, ..
    } = converted.map_err(|_| none.clone())?;
    let mut text = bytes;
    if to == Format::SifTask {
        text = with_progress(text, &mut lost);
    }
    let (bytes, more) = sif::write(&text, to).ok_or(none)?;
    lost.extend(more);
    Ok((bytes, lost))
}

/// A task with how far it has come, which vCalendar 1.0 lost and SIF has an element for.
fn with_progress(task: Vec<u8>, lost: &mut Vec<Vec<u8>>) -> Vec<u8> {
    const END: &[u8] = b"END:VTODO\r\n";
    let is_progress = |line: &Vec<u8>| line.starts_with(b"PERCENT-COMPLETE");
    let Some(at) = lost.iter().position(is_progress) else {
        return task;
    };
    let Some(end) = task.windows(END.len()).position(|window| window == END) else {
        return task;
    };
    let (before, after) = task.split_at(end);
    [before, &lost.remove(at), after].concat()
}

/// An item of Funambol's clients with the elements that it lacks and that the text `held` has: an
/// element that is absent says nothing, and an empty one is a value that was deleted. `None` where
/// it lacks none, or the two are not of one such format.
pub fn complete(media_type: &str, held: &[u8], new: &[u8]) -> Option<Vec<u8>> {
    let format = Format::of(media_type, new).filter(|format| format.is_sif())?;
    if Format::of(media_type, held) != Some(format) {
        return None;
    }
    sif::complete(held, new)
}

fn kind(format: Format) -> Option<Kind> {
    match format {
        Format::VCard21 | Format::VCard30 | Format::VCard40 | Format::SifContact => {
            Some(Kind::Contact)
        }
        Format::VCalendar10 | Format::ICalendar20 | Format::SifEvent => Some(Kind::Event),
        Format::SifTask => Some(Kind::Task),
        Format::VNote | Format::Text | Format::SifNote => Some(Kind::Note),
        Format::VBookmark => None,
    }
}
