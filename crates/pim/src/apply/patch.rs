//! Changes of a text by place, and the text with them.

use std::collections::BTreeSet;

use crate::decode::is_blank;
use crate::line::Lines;

/// A piece of the text that gives way to another; an insertion where it is empty.
#[derive(Debug)]
struct Change {
    start: usize,
    end: usize,
    text: Vec<u8>,
}

/// Changes of one text, each of whole lines.
#[derive(Debug, Default)]
pub(crate) struct Patch {
    changes: Vec<Change>,
}

impl Patch {
    pub(super) fn replace(&mut self, start: usize, end: usize, text: Vec<u8>) {
        self.changes.push(Change { start, end, text });
    }

    pub(crate) fn remove(&mut self, start: usize, end: usize) {
        self.replace(start, end, Vec::new());
    }

    pub(super) fn insert(&mut self, at: usize, text: Vec<u8>) {
        self.replace(at, at, text);
    }

    pub(super) fn len(&self) -> usize {
        self.changes.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// The text with all changes. Of two that overlap, the one that begins first is made.
    ///
    /// A line must stay a line of its own: one that breaks off in a soft break, and one that starts
    /// with a blank, are kept from their new neighbours by an empty line.
    pub(crate) fn apply(mut self, text: &[u8]) -> Vec<u8> {
        if self.changes.is_empty() {
            return text.to_vec();
        }
        self.changes
            .sort_by_key(|change| (change.start, change.end));
        let dangling: BTreeSet<usize> = Lines::new(text)
            .filter(crate::line::Line::is_dangling)
            .map(|line| line.offset() + line.source().len())
            .collect();
        let added: usize = self.changes.iter().map(|change| change.text.len()).sum();
        let mut out = Vec::with_capacity(text.len() + added);
        let mut from = 0;
        for change in self.changes {
            let Some(kept) = text.get(from..change.start) else {
                continue;
            };
            out.extend_from_slice(kept);
            let is_open = !out.is_empty() && !out.ends_with(b"\n") && !out.ends_with(b"\r");
            if is_open {
                out.extend_from_slice(b"\r\n");
            }
            if dangling.contains(&change.start) {
                out.extend_from_slice(b"\r\n");
            }
            out.extend_from_slice(&change.text);
            from = change.end.max(from);
            if text.get(from).copied().is_some_and(is_blank) {
                out.extend_from_slice(b"\r\n");
            }
        }
        out.extend_from_slice(text.get(from..).unwrap_or_default());
        out
    }
}
