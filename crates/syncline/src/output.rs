//! Standard output: lines, tables, JSON.

use std::fmt::Display;
use std::io::{ErrorKind, Write as _, stdout};

use comfy_table::{Table, presets};
use serde::Serialize;

use crate::report::{Failure, Outcome};

/// Writes bytes and flushes them, so that whoever reads has them at once.
pub(crate) fn bytes(bytes: &[u8]) -> Outcome {
    let mut out = stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Ok(()) => Ok(()),
        // `| head` has seen enough
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Err(Failure::partly()),
        Err(error) => Err(Failure::input(format_args!(
            "the output cannot be written: {error}; check where stdout leads"
        ))),
    }
}

/// Writes a line.
pub(crate) fn line(text: impl Display) -> Outcome {
    bytes(format!("{text}\n").as_bytes())
}

/// Writes indented JSON.
pub(crate) fn json(value: &impl Serialize) -> Outcome {
    let text = serde_json::to_string_pretty(value).map_err(Failure::input)?;
    line(text)
}

/// Characters of a table's cell at most.
const CELL: usize = 60;

/// Characters of somebody else's text in a sentence at most.
pub(crate) const PHRASE: usize = 300;

/// Somebody else's text as it may be shown: cut to so many characters, with those escaped that
/// would move a terminal's cursor, change its colours or turn the direction of the line.
pub(crate) fn foreign(text: &str, most: usize) -> String {
    let mut shown = String::new();
    let mut characters = 0;
    for (index, character) in text.char_indices() {
        let before = shown.len();
        if is_active(character) {
            shown.extend(character.escape_default());
        } else {
            shown.push(character);
        }
        characters += shown[before..].chars().count();
        let last = index + character.len_utf8() == text.len();
        // the mark needs a place too, unless this is the end
        if characters > most || (characters == most && !last) {
            shown.truncate(before);
            shown.push('…');
            break;
        }
    }
    shown
}

/// Whether a terminal does something else with a character than show it.
fn is_active(character: char) -> bool {
    let turns = matches!(
        character,
        '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}'
    );
    turns || character.is_control()
}

/// Writes a table of texts, each made fit to be shown; `empty` when it has no rows.
pub(crate) fn table(header: &[&str], rows: Vec<Vec<String>>, empty: &str) -> Outcome {
    if rows.is_empty() {
        return line(empty);
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(header);
    for row in rows {
        table.add_row(row.iter().map(|cell| foreign(cell, CELL)));
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    line(table.trim_fmt())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_that_acts_on_a_terminal_is_escaped() {
        assert_eq!(foreign("Nokia 9500", CELL), "Nokia 9500");
        assert_eq!(foreign("a\x1b[31mb", CELL), "a\\u{1b}[31mb");
        assert_eq!(foreign("a\nb\u{9b}\u{202e}", CELL), "a\\nb\\u{9b}\\u{202e}");
        assert_eq!(foreign("Żółw 龜", CELL), "Żółw 龜");
    }

    #[test]
    fn long_text_is_cut() {
        assert_eq!(foreign("abcde", 5), "abcde");
        assert_eq!(foreign("abcdef", 5), "abcd…");
        assert_eq!(foreign("abc\x1bd", 6), "abc…");
        assert_eq!(foreign(&"ä".repeat(90), CELL).chars().count(), CELL);
    }
}
