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

/// Writes a table of texts; `empty` when it has no rows.
pub(crate) fn table(header: &[&str], rows: Vec<Vec<String>>, empty: &str) -> Outcome {
    if rows.is_empty() {
        return line(empty);
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(header);
    for row in rows {
        table.add_row(row);
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    line(table.trim_fmt())
}
