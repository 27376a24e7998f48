//! Durations in little memory, however many there are.

use std::time::Duration;

/// Bits of a duration that count: a bucket is at most one part in 32 wide.
const BITS: u32 = 5;

/// Buckets of each power of two.
const STEPS: usize = 1 << BITS;

/// Buckets up to 2^40 microseconds, twelve days.
const BUCKETS: usize = (40 - BITS as usize) * STEPS;

/// Counts of durations, by bucket.
#[derive(Debug, Clone)]
pub(crate) struct Histogram {
    counts: Vec<u64>,
    total: u64,
    longest: Duration,
}

impl Default for Histogram {
    fn default() -> Self {
        Self {
            counts: vec![0; BUCKETS],
            total: 0,
            longest: Duration::ZERO,
        }
    }
}

impl Histogram {
    pub(crate) fn record(&mut self, duration: Duration) {
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        if let Some(count) = self.counts.get_mut(bucket(micros).min(BUCKETS - 1)) {
            *count += 1;
        }
        self.total += 1;
        self.longest = self.longest.max(duration);
    }

    pub(crate) fn add(&mut self, other: &Self) {
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            *count += more;
        }
        self.total += other.total;
        self.longest = self.longest.max(other.longest);
    }

    pub(crate) fn count(&self) -> u64 {
        self.total
    }

    /// The duration that this share of them, 0 to 1, does not exceed; at most one part in 32 more.
    pub(crate) fn quantile(&self, share: f64) -> Duration {
        let wanted = (self.total as f64 * share).ceil() as u64;
        let mut sum = 0;
        for (bucket, count) in self.counts.iter().enumerate() {
            sum += count;
            if sum >= wanted && sum > 0 {
                return Duration::from_micros(end(bucket)).min(self.longest);
            }
        }
        self.longest
    }
}

/// The bucket of a duration: exact below 32 µs, then 32 to a power of two.
fn bucket(micros: u64) -> usize {
    let power = u64::BITS - micros.leading_zeros();
    let shift = power.saturating_sub(BITS + 1);
    (shift as usize) * STEPS + (micros >> shift) as usize
}

/// The longest duration of a bucket, microseconds.
fn end(bucket: usize) -> u64 {
    if bucket < 2 * STEPS {
        return bucket as u64;
    }
    let shift = bucket / STEPS - 1;
    let place = (bucket % STEPS + STEPS) as u64;
    ((place + 1) << shift) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_found_again_within_its_bucket() {
        for micros in (0..200).chain((1..36).map(|power| (1 << power) + 7)) {
            let end = end(bucket(micros));
            assert!(
                end >= micros && end - micros <= micros / 32,
                "{micros}: {end}"
            );
            assert!(bucket(micros) <= bucket(micros + 1));
        }
    }

    #[test]
    fn quantiles_of_a_hundred() {
        let mut histogram = Histogram::default();
        let mut other = Histogram::default();
        for millis in 1..=50 {
            histogram.record(Duration::from_millis(millis));
            other.record(Duration::from_millis(millis + 50));
        }
        histogram.add(&other);
        for (share, millis) in [(0.5, 50), (0.9, 90), (0.99, 99), (1.0, 100)] {
            let found = histogram.quantile(share).as_micros();
            let exact = millis * 1000;
            assert!(found >= exact && found <= exact + exact / 32, "{found}");
        }
        assert_eq!(Histogram::default().quantile(0.5), Duration::ZERO);
    }
}
