//! How many requests a second a client may make: a bucket that fills again.
//!
//! Owns the count. Time is an argument.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// A bucket of one second's requests.
#[derive(Debug)]
pub(in crate::http::api) struct Rate {
    a_second: f64,
    bucket: Mutex<Bucket>,
}

#[derive(Debug)]
struct Bucket {
    left: f64,
    at: Duration,
}

impl Rate {
    pub(in crate::http::api) fn new(a_second: u32) -> Rate {
        let a_second = f64::from(a_second);
        Rate { a_second, bucket: Mutex::new(Bucket { left: a_second, at: Duration::ZERO }) }
    }

    /// Whether one more may be made at `now`, a time that never goes back.
    pub(in crate::http::api) fn take(&self, now: Duration) -> bool {
        let mut bucket = self.bucket.lock().unwrap_or_else(PoisonError::into_inner);
        let since = now.saturating_sub(bucket.at).as_secs_f64();
        bucket.left = (bucket.left + since * self.a_second).min(self.a_second);
        bucket.at = bucket.at.max(now);
        let may = bucket.left >= 1.0;
        if may {
            bucket.left -= 1.0;
        }
        may
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_has_as_many_as_are_allowed_and_what_is_saved_is_one_second_at_most() {
        let rate = Rate::new(3);
        let ms = Duration::from_millis;
        let taken = |at: u64| (0..10).filter(|_| rate.take(ms(at))).count();
        assert_eq!(taken(100), 3);
        assert_eq!(taken(100), 0);
        assert_eq!(taken(450), 1, "a third of a second gives one");
        assert_eq!(taken(400), 0, "time that goes back gives nothing");
        assert_eq!(taken(60_000), 3);
    }
}
