//! How long after the records behind them the changes came.
//!
//! Owns the sums. Takes times as arguments.

use fuma_schemas::Instant;

/// The delays seen so far, in milliseconds.
#[derive(Default)]
pub(super) struct Lags(Vec<i64>);

impl Lags {
    /// A change that came now, and when the broker took the record behind it; none of an expiry.
    pub(super) fn add(&mut self, now: Instant, cause: Option<&str>) {
        if let Some(cause) = cause.and_then(Instant::parse) {
            self.0.push(now.0 - cause.0);
        }
    }

    /// How many, and how long half of them, 99 of 100 and the slowest took.
    pub(super) fn summary(&mut self) -> String {
        self.0.sort_unstable();
        let part = |hundredths: usize| {
            let at = self.0.len().saturating_sub(1) * hundredths / 100;
            self.0.get(at).map_or_else(|| "-".to_owned(), i64::to_string)
        };
        let (count, p50, p95, p99, max) = (self.0.len(), part(50), part(95), part(99), part(100));
        format!(
            "{count} changes with a cause, ms from its append to here: p50 {p50}, p95 {p95}, p99 {p99}, max {max}\n"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_of_what_has_a_cause() {
        let mut lags = Lags::default();
        assert!(lags.summary().starts_with("0 changes with a cause"));
        let cause = Instant(1_636_333_980_000);
        (0..=100).rev().for_each(|lag| lags.add(Instant(cause.0 + lag), Some(&cause.to_string())));
        lags.add(cause, None);
        assert!(lags.summary().starts_with("101 changes with a cause"));
        assert!(lags.summary().ends_with("p50 50, p95 95, p99 99, max 100\n"));
    }
}
