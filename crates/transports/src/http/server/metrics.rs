//! Counters of the server, in Prometheus' text format.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use http::StatusCode;

/// What was counted since the start.
#[derive(Debug, Default)]
pub(super) struct Metrics {
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    by_status: BTreeMap<u16, u64>,
    bytes_in: u64,
    bytes_out: u64,
    time: Duration,
}

impl Metrics {
    /// Counts a request that was answered.
    pub(super) fn count(
        &self,
        status: StatusCode,
        bytes_in: usize,
        bytes_out: u64,
        time: Duration,
    ) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.by_status.entry(status.as_u16()).or_default() += 1;
        counts.bytes_in += bytes_in as u64;
        counts.bytes_out += bytes_out;
        counts.time += time;
    }

    /// The counters as text.
    pub(super) fn lines(&self) -> String {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let mut lines = String::from(
            "# HELP syncline_http_requests_total Requests to the paths of messages, by status.\n\
             # TYPE syncline_http_requests_total counter\n",
        );
        for (status, count) in &counts.by_status {
            // writing to a string cannot fail
            let _ = writeln!(
                lines,
                "syncline_http_requests_total{{status=\"{status}\"}} {count}"
            );
        }
        let totals = [
            (
                "syncline_http_received_bytes_total",
                "Bytes of bodies received.",
                counts.bytes_in.to_string(),
            ),
            (
                "syncline_http_sent_bytes_total",
                "Bytes of bodies sent.",
                counts.bytes_out.to_string(),
            ),
            (
                "syncline_http_request_seconds_total",
                "Time between header and answer.",
                counts.time.as_secs_f64().to_string(),
            ),
        ];
        for (name, help, value) in totals {
            let _ = write!(
                lines,
                "# HELP {name} {help}\n# TYPE {name} counter\n{name} {value}\n"
            );
        }
        lines
    }
}
