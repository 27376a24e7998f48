//! `syncline migrate`: a whole state to another place.

use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use store::{Copied, Progress};

use crate::cli::Migrate;
use crate::report::Outcome;
use crate::{output, state, world};

/// What was copied of a table.
#[derive(Serialize)]
struct Row {
    table: &'static str,
    rows: u64,
    checksum: String,
}

pub(super) fn run(options: &Migrate) -> Outcome {
    let (from, to) = (
        state::place_to_read(&options.from)?,
        state::place_to_write(&options.to)?,
    );
    // nothing is drawn where stderr is no terminal
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}") {
        bar.set_style(style);
    }
    let mut progress = |progress: Progress| {
        let Progress { table, rows, .. } = progress;
        let what = if progress.again {
            "checking"
        } else {
            "reading"
        };
        bar.set_message(format!("{what} {table}: {rows} rows"));
        bar.tick();
    };
    let copied = if options.dry_run {
        store::rehearse(&from, &to, &mut progress)
    } else {
        store::copy(&from, &to, world::now(), &mut progress)
    };
    bar.finish_and_clear();
    print(&copied?, options)
}

fn print(copied: &[Copied], options: &Migrate) -> Outcome {
    let rows = copied.iter().map(|one| Row {
        table: one.table,
        rows: one.rows,
        checksum: format!("{:016x}", one.checksum),
    });
    let rows: Vec<Row> = rows.collect();
    if options.json {
        return output::json(&rows);
    }
    let total: u64 = rows.iter().map(|row| row.rows).sum();
    let cells = rows.into_iter();
    let cells = cells.map(|row| vec![row.table.to_owned(), row.rows.to_string(), row.checksum]);
    output::table(&["TABLE", "ROWS", "CHECKSUM"], cells.collect(), "")?;
    if options.dry_run {
        return output::line(format_args!("{total} rows would be copied; nothing was"));
    }
    output::line(format_args!("{total} rows copied, equal at both places"))?;
    output::line("servers refuse the state at the old place from now on")
}
