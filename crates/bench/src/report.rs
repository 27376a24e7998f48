//! The report: one line a number, with its target where there is one.

use std::time::Duration;

/// Whether a number is where it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target(String);

impl Target {
    /// The number stands for itself.
    pub(crate) fn none() -> Self {
        Self(String::new())
    }

    /// The number has to be below a limit, in the same unit.
    pub(crate) fn below(number: f64, limit: f64) -> Self {
        Self::judge(number < limit, &format!("below {limit}"))
    }

    /// The number has to be at least a limit, in the same unit.
    pub(crate) fn at_least(number: f64, limit: f64) -> Self {
        Self::judge(number >= limit, &format!("at least {limit}"))
    }

    fn judge(is_met: bool, target: &str) -> Self {
        let verdict = if is_met { "met" } else { "MISSED" };
        Self(format!("{target}: {verdict}"))
    }
}

/// Begins a table.
pub(crate) fn heading(text: &str) {
    say("");
    say(text);
}

/// A line of it.
pub(crate) fn row(what: &str, number: &str, target: Target) {
    let Target(target) = target;
    say(format!("  {what:<56} {number:>10}   {target}").trim_end());
}

/// A line of text.
#[allow(clippy::print_stdout)] // this program talks to a person at a terminal
pub(crate) fn say(text: &str) {
    println!("{text}");
}

/// The middle of some durations, of an even number the upper one; zero of none.
pub(crate) fn median(durations: impl IntoIterator<Item = Duration>) -> Duration {
    let mut sorted: Vec<Duration> = durations.into_iter().collect();
    sorted.sort_unstable();
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}

/// Seconds with three decimals.
pub(crate) fn seconds(duration: Duration) -> String {
    format!("{:.3}", duration.as_secs_f64())
}

/// Milliseconds with one decimal.
pub(crate) fn milliseconds(duration: Duration) -> String {
    format!("{:.1}", duration.as_secs_f64() * 1e3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        let milliseconds = |list: &[u64]| median(list.iter().copied().map(Duration::from_millis));
        assert_eq!(milliseconds(&[9, 1, 5]), Duration::from_millis(5));
        assert_eq!(milliseconds(&[]), Duration::ZERO);
    }

    #[test]
    fn a_target_says_whether_it_is_met() {
        assert_eq!(Target::below(0.9, 1.0), Target("below 1: met".to_owned()));
        assert_eq!(
            Target::below(1.0, 1.0),
            Target("below 1: MISSED".to_owned())
        );
        assert_eq!(
            Target::at_least(3.0, 3.0),
            Target("at least 3: met".to_owned())
        );
    }
}
