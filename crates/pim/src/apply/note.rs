//! Notes of plain text: compared and edited as a whole.

use std::borrow::Cow;

use super::cut::{is_cut_text, with_tail};
use super::lines::with_added;
use super::meaning::plain;
use super::{Applied, Edit, Prefer};
use crate::decode::{whole_text, with_line_feeds};

/// What a note's conflict is told under.
const NAME: &str = "BODY";

/// Applies the edit of a note; see [`super::apply`].
pub(super) fn apply(edit: &Edit<'_>, prefer: Prefer) -> Applied {
    let text = |content| with_line_feeds(&whole_text(content)).into_owned();
    let (current, shown, new) = (text(edit.current), text(edit.shown), text(edit.new));
    let held = edit.held.map(text);
    let of = |bytes: &[u8], is_conflict: bool| Applied {
        bytes: bytes.to_vec(),
        conflicts: if is_conflict {
            vec![NAME.to_owned()]
        } else {
            Vec::new()
        },
    };
    let (whole, now, then) = (plain(&current), plain(&shown), plain(&new));
    let before = held.as_deref().map(plain);
    let is_edit = match &before {
        Some(before) => then != *before && !is_cut_text(&then, before, true),
        None => then != whole && !is_cut_text(&then, &whole, false),
    };
    if !is_edit || then == now {
        return of(edit.current, false);
    }
    let is_conflict = match &before {
        Some(before) => now != *before,
        None => !is_cut_text(&whole, &then, false),
    };
    if is_conflict
        && whole == now
        && let Some(before) = &before
    {
        let (one, other) = match prefer {
            Prefer::New => (&then, &now),
            Prefer::Current => (&now, &then),
        };
        if let Some(text) = with_added(before, one, other) {
            return of(&like(&text, edit.current), false);
        }
    }
    if is_conflict && prefer == Prefer::Current {
        return of(edit.current, true);
    }
    let held = held.as_deref().unwrap_or(&shown);
    match with_tail(&current, &shown, held, &new) {
        Some(text) => of(&like(&text, edit.current), is_conflict),
        None => of(edit.new, is_conflict),
    }
}

/// The text with the line ends of another.
fn like(text: &str, content: &[u8]) -> Vec<u8> {
    let is_crlf = content.windows(2).any(|pair| pair == b"\r\n");
    let text: Cow<'_, str> = if is_crlf {
        text.replace('\n', "\r\n").into()
    } else {
        text.into()
    };
    text.into_owned().into_bytes()
}
