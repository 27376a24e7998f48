//! The report of a run, for people and for programs.

use std::time::Duration;

use serde_json::{Value, json};

use super::Run;
use super::histogram::Histogram;
use super::options::{Mix, Options};
use crate::report;

/// A line while the run goes on, apart from the report.
#[allow(clippy::print_stderr)] // this program talks to a person at a terminal
pub(super) fn note(text: &str) {
    eprintln!("{text}");
}

/// Writes the report in the form that was asked for: of the run over `--accounts`, and of that
/// `--against` others if there was one.
pub(super) fn write(options: &Options, mix: &Mix, runs: &[Run]) {
    let counts = [Some(options.accounts), options.against];
    let counts = counts.into_iter().flatten();
    if options.json {
        for (run, accounts) in runs.iter().zip(counts) {
            report::say(&as_json(run, mix, accounts).to_string());
        }
        return;
    }
    if options.mixes.len() > 1 {
        report::say(&format!("{}:", mix.name));
    }
    for (run, accounts) in runs.iter().zip(counts) {
        if runs.len() > 1 {
            report::say(&format!("over {accounts} accounts:"));
        }
        for line in lines(run) {
            report::say(&line);
        }
    }
    if let ([run, other], Some(others)) = (runs, options.against) {
        report::say(&format!(
            "{} accounts have {:.0} % of the sessions a second of {others}",
            options.accounts,
            100.0 * rate(run) / rate(other).max(1e-9)
        ));
    }
}

/// One of several turns, in a line.
pub(super) fn turn(number: u32, accounts: u32, run: &Run) -> String {
    format!(
        "turn {number}, {accounts} accounts: {:.0} sessions/s",
        rate(run)
    )
}

/// Sessions that ended well in a second.
fn rate(run: &Run) -> f64 {
    per_second(run.tally.sessions(), run)
}

/// The percentiles that are told.
const QUANTILES: [(&str, f64); 4] = [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("max", 1.0)];

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

fn per_second(count: u64, run: &Run) -> f64 {
    count as f64 / run.wall.as_secs_f64().max(1e-9)
}

/// Microseconds of the server's processor for each session and message.
fn cpu_each(run: &Run, count: u64) -> Option<f64> {
    let server = run.server.as_ref().filter(|_| count > 0)?;
    Some(server.cpu.as_secs_f64() * 1e6 / count as f64)
}

fn lines(run: &Run) -> Vec<String> {
    let tally = &run.tally;
    let sessions = tally.sessions();
    let mut lines = vec![format!(
        "{sessions} sessions in {:.1} s: {:.0} /s; {} messages: {:.0} /s; {} failed",
        run.wall.as_secs_f64(),
        per_second(sessions, run),
        tally.messages(),
        per_second(tally.messages(), run),
        tally.errors()
    )];
    if let (Some(server), Some(session), Some(message)) = (
        run.server,
        cpu_each(run, sessions),
        cpu_each(run, tally.messages()),
    ) {
        lines.push(format!(
            "server: {session:.0} µs of CPU a session, {message:.0} a message: {:.0} sessions/s a \
             core; {:.2} cores used; peak memory {:.1} MiB",
            1e6 / session.max(1e-9),
            server.cpu.as_secs_f64() / run.wall.as_secs_f64().max(1e-9),
            server.peak_memory
        ));
    }
    if let Some(database) = run.server.and_then(|server| server.database) {
        lines.push(format!(
            "its database: {:.0} µs of CPU a message; {:.2} cores used",
            database.as_secs_f64() * 1e6 / tally.messages().max(1) as f64,
            database.as_secs_f64() / run.wall.as_secs_f64().max(1e-9),
        ));
    }
    lines.push(format!(
        "{:<18}{:>9}{:>9}{:>9}{:>9}{:>9}  ms",
        "", "count", "p50", "p90", "p99", "max"
    ));
    let row = |name: &str, histogram: &Histogram| {
        let times = QUANTILES.map(|(_, share)| {
            let number = milliseconds(histogram.quantile(share));
            format!("{number:>9.1}")
        });
        format!("{name:<18}{:>9}{}", histogram.count(), times.concat())
    };
    for (kind, share) in &tally.shares {
        lines.push(row(kind.name(), &share.sessions));
        lines.push(row("  its messages", &share.messages));
    }
    if tally.delays.count() > 0 {
        lines.push(row("begun late by", &tally.delays));
    }
    for (kind, share) in &tally.shares {
        let ([to, from], [sent, received]) = (share.bytes, share.changes);
        lines.push(format!(
            "{}: {to} bytes to the server, {from} from it; {sent} changes to it, {received} from it",
            kind.name()
        ));
    }
    for (text, times) in &tally.failures {
        lines.push(format!("failed {times} times: {text}"));
    }
    lines
}

fn as_json(run: &Run, mix: &Mix, accounts: u32) -> Value {
    let histogram = |histogram: &Histogram| {
        let mut object = serde_json::Map::new();
        object.insert("count".to_owned(), histogram.count().into());
        for (name, share) in QUANTILES {
            let number = milliseconds(histogram.quantile(share));
            object.insert(format!("{name}_ms"), number.into());
        }
        Value::Object(object)
    };
    let tally = &run.tally;
    let kinds: serde_json::Map<String, Value> = tally
        .shares
        .iter()
        .map(|(kind, share)| {
            let value = json!({
                "sessions": histogram(&share.sessions),
                "messages": histogram(&share.messages),
                "bytes_sent": share.bytes[0],
                "bytes_received": share.bytes[1],
                "changes_sent": share.changes[0],
                "changes_received": share.changes[1],
            });
            (kind.name().to_owned(), value)
        })
        .collect();
    let server = run.server.map(|server| {
        json!({
            "cpu_s": server.cpu.as_secs_f64(),
            "cpu_us_per_session": cpu_each(run, tally.sessions()),
            "cpu_us_per_message": cpu_each(run, tally.messages()),
            "database_cpu_s": server.database.map(|cpu| cpu.as_secs_f64()),
            "peak_memory_mib": server.peak_memory,
        })
    });
    json!({
        "mix": mix.name,
        "accounts": accounts,
        "wall_s": run.wall.as_secs_f64(),
        "sessions": tally.sessions(),
        "sessions_per_s": per_second(tally.sessions(), run),
        "messages": tally.messages(),
        "kinds": kinds,
        "begun_late": histogram(&tally.delays),
        "failed": tally.errors(),
        "failures": tally.failures,
        "server": server,
    })
}
