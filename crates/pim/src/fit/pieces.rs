//! An item in pieces: the lines that stay, those that go, and what is written in their place.
//!
//! Taking a line out must not change how its neighbours are read: what follows could become the
//! continuation of what stands before.

use super::Fitted;
use crate::decode::is_blank;
use crate::line::{Encoding, Line, Lines, without_soft_break};

/// What becomes of a piece.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// It stays.
    Same,
    /// It is written so.
    New(Vec<u8>),
    /// It goes.
    Gone,
    /// A line that the source lacks: the end of a component.
    Added(Vec<u8>),
}

/// What a piece does to what follows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tail {
    Plain,
    /// It ends in a soft break.
    Open,
    /// Base64, which goes on to an empty line or what must be a property.
    Binary,
}

#[derive(Debug)]
struct Piece {
    start: usize,
    end: usize,
    action: Action,
    tail: Tail,
    /// Whether it has a time in a named zone.
    is_zoned: bool,
    /// Whether it is a line of its own that may still go.
    is_single: bool,
}

/// The pieces, in order.
#[derive(Debug)]
pub(super) struct Pieces<'a> {
    content: &'a [u8],
    pieces: Vec<Piece>,
}

impl<'a> Pieces<'a> {
    pub(super) fn new(content: &'a [u8]) -> Self {
        Self {
            content,
            pieces: Vec::new(),
        }
    }

    /// The number of the next piece.
    pub(super) fn next(&self) -> usize {
        self.pieces.len()
    }

    /// Adds a line; `is_single` if it may still go.
    pub(super) fn push(&mut self, line: &Line<'_>, action: Action, is_single: bool) {
        let start = line.offset();
        let end = start + line.source().len();
        let is_zoned = action != Action::Gone && line.param("TZID").is_some();
        let tail = match line.encoding() {
            _ if line.is_dangling() => Tail::Open,
            Encoding::Base64 => Tail::Binary,
            _ => Tail::Plain,
        };
        if action == Action::Same
            && !is_single
            && let Some(last) = self.pieces.last_mut()
            && last.action == Action::Same
            && last.tail == Tail::Plain
            && !last.is_single
            && last.end == start
        {
            last.end = end;
            last.tail = tail;
            last.is_zoned |= is_zoned;
            return;
        }
        self.pieces.push(Piece {
            start,
            end,
            action,
            tail,
            is_zoned,
            is_single,
        });
    }

    /// Adds a line that the source lacks.
    pub(super) fn add(&mut self, line: Vec<u8>) {
        self.pieces.push(Piece {
            start: 0,
            end: 0,
            action: Action::Added(line),
            tail: Tail::Plain,
            is_zoned: false,
            is_single: true,
        });
    }

    /// Takes a piece out.
    pub(super) fn remove(&mut self, number: usize) {
        if let Some(piece) = self.pieces.get_mut(number) {
            piece.action = Action::Gone;
        }
    }

    /// Whether a line that stays has a time in a named zone.
    pub(super) fn are_zoned(&self) -> bool {
        let zoned = |piece: &Piece| piece.is_zoned && piece.action != Action::Gone;
        self.pieces.iter().any(zoned)
    }

    fn source(&self, piece: &Piece) -> &'a [u8] {
        self.content.get(piece.start..piece.end).unwrap_or_default()
    }

    /// What is left, if not all is. If not even that `is_kept`, nothing is.
    pub(super) fn finish(self, is_kept: bool) -> Option<Fitted> {
        let is_whole = |piece: &Piece| matches!(piece.action, Action::Same | Action::Added(_));
        if !is_kept {
            return Some(Fitted {
                bytes: Vec::new(),
                lost: Lines::new(self.content)
                    .map(|line| line.source().to_vec())
                    .collect(),
            });
        }
        if self.pieces.iter().all(is_whole) {
            return None;
        }
        let lost = self.pieces.iter().filter(|piece| !is_whole(piece));
        let lost = lost.map(|piece| self.source(piece).to_vec());
        let lost = lost.filter(|line| !line.is_empty()).collect();
        let mut text = Text {
            out: Vec::with_capacity(self.content.len()),
            after_gap: false,
            after_binary: false,
        };
        for piece in &self.pieces {
            match &piece.action {
                Action::Gone => text.after_gap = true,
                Action::Same => {
                    text.push(self.source(piece), piece.tail);
                    text.after_gap = piece.tail == Tail::Open;
                }
                Action::New(line) => {
                    text.push(line, piece.tail);
                    text.after_gap = true;
                }
                Action::Added(line) => text.push(line, Tail::Plain),
            }
        }
        Some(Fitted {
            bytes: text.out,
            lost,
        })
    }
}

/// The text that is written.
struct Text {
    out: Vec<u8>,
    /// Whether what stands before is not what stood there.
    after_gap: bool,
    after_binary: bool,
}

impl Text {
    fn push(&mut self, source: &[u8], tail: Tail) {
        let mut source = source;
        if !self.out.is_empty() && !self.out.ends_with(b"\n") && !self.out.ends_with(b"\r") {
            self.out.extend_from_slice(b"\r\n");
        }
        if self.after_gap {
            // a blank would continue the line before
            source = without_blanks(source);
            let end = source.iter().position(|b| matches!(b, b'\r' | b'\n'));
            let first = source
                .get(..end.unwrap_or(source.len()))
                .unwrap_or_default();
            if self.after_binary && !first.iter().any(|b| matches!(b, b':' | b';')) {
                self.out.extend_from_slice(b"\r\n");
            }
        }
        if tail == Tail::Open {
            self.out.extend_from_slice(without_soft_break(source));
            self.out.extend_from_slice(b"\r\n");
        } else {
            self.out.extend_from_slice(source);
        }
        self.after_binary = tail == Tail::Binary;
    }
}

fn without_blanks(source: &[u8]) -> &[u8] {
    let blanks = source.iter().take_while(|b| is_blank(**b)).count();
    source.get(blanks..).unwrap_or_default()
}
