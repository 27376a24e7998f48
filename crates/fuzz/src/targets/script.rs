//! Inputs of several parts, as text that people and mutations can both work on.
//!
//! Parts are divided by a line `%%`. Of a dialogue the first part is options, words between
//! blanks; each further part is a message, either whole (it begins like a document) or the
//! commands of one, around which the target puts a header that fits.

use std::ops::ControlFlow;

use syncml::{ChangeKind, Command, Message};

use super::message::all_commands;

const DIVIDER: &[u8] = b"\n%%\n";

/// Messages of a script at most.
pub(crate) const MAX_MESSAGES: usize = 24;

/// The parts of an input.
pub(crate) fn blocks(input: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(input);
    std::iter::from_fn(move || {
        let all = rest?;
        let found = all
            .windows(DIVIDER.len())
            .position(|window| window == DIVIDER);
        let (block, after) = match found {
            Some(at) => (&all[..at], Some(&all[at + DIVIDER.len()..])),
            None => (all, None),
        };
        rest = after;
        Some(block)
    })
}

/// The options of a dialogue.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Options<'a>(&'a str);

impl<'a> Options<'a> {
    pub(crate) fn new(block: &'a [u8]) -> Self {
        Self(std::str::from_utf8(block).unwrap_or_default())
    }

    pub(crate) fn has(self, word: &str) -> bool {
        self.0.split_ascii_whitespace().any(|other| other == word)
    }

    /// The number after `name=`.
    pub(crate) fn number(self, name: &str) -> Option<u64> {
        let found = self.0.split_ascii_whitespace().try_for_each(|word| {
            let value = word.strip_prefix(name).and_then(|w| w.strip_prefix('='));
            match value.and_then(|value| value.parse().ok()) {
                Some(number) => ControlFlow::Break(number),
                None => ControlFlow::Continue(()),
            }
        });
        found.break_value()
    }
}

/// Whether a part is a document of its own.
pub(crate) fn is_document(block: &[u8]) -> bool {
    matches!(block, [0..=3, ..]) || block.starts_with(b"<SyncML") || block.starts_with(b"<?xml")
}

/// Statuses of success for all that the other side said.
pub(crate) fn success(said: &Message<'_>) -> String {
    let message = said.header.msg_id.trim();
    let status = |number: usize, reference: &str, name: &str, code: u16| {
        format!(
            "<Status><CmdID>s{number}</CmdID><MsgRef>{message}</MsgRef><CmdRef>{reference}</CmdRef>\
             <Cmd>{name}</Cmd><Data>{code}</Data></Status>"
        )
    };
    let mut statuses = status(0, "0", "SyncHdr", 212);
    for (number, command) in (1..).zip(all_commands(&said.commands)) {
        let code = match command {
            Command::Status(_) => continue,
            Command::Change(change) if change.kind == ChangeKind::Add => 201,
            _ => 200,
        };
        statuses += &status(number, command.cmd_id(), command.name(), code);
    }
    statuses
}

/// Whether a piece stands somewhere in the bytes.
pub(crate) fn contains(bytes: &[u8], piece: &[u8]) -> bool {
    bytes.windows(piece.len()).any(|window| window == piece)
}
