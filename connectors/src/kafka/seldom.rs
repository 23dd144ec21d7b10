//! What is said at a bounded rate: the lines of the client, and what happens again and again.
//!
//! Owns when a line is shown, and the count of those that were not. A broker that is away makes hundreds of lines a
//! minute that say the same; among them the one line is lost that says something else.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::config::RDKafkaLogLevel;

use super::client::now;

/// How often one thing is told.
const TELL_EVERY: Duration = Duration::from_secs(10);
/// Things that are told apart; further ones share a place.
const KINDS_MAX: usize = 64;

static ERRORS: AtomicU64 = AtomicU64::new(0);
static WARNINGS: AtomicU64 = AtomicU64::new(0);
static LINES: Seldom = Seldom::new();

/// How many lines the clients of this process have logged, shown or not: errors and worse, and warnings.
pub fn lines_logged() -> (u64, u64) {
    (ERRORS.load(Ordering::Relaxed), WARNINGS.load(Ordering::Relaxed))
}

/// Tells each thing once in a while.
pub(super) struct Seldom(Mutex<BTreeMap<String, (Instant, u64)>>);

impl Seldom {
    pub(super) const fn new() -> Seldom {
        Seldom(Mutex::new(BTreeMap::new()))
    }

    /// Whether this is to be told now; if so, how often it was not told since the last time.
    pub(super) fn tell(&self, what: &str) -> Option<u64> {
        self.tell_at(what, now())
    }

    fn tell_at(&self, what: &str, now: Instant) -> Option<u64> {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let what = if told.len() < KINDS_MAX || told.contains_key(what) { what } else { "(others)" };
        match told.get_mut(what) {
            Some((at, hidden)) if now.saturating_duration_since(*at) < TELL_EVERY => {
                *hidden += 1;
                None
            }
            Some((at, hidden)) => {
                *at = now;
                Some(std::mem::take(hidden))
            }
            None => {
                told.insert(what.to_owned(), (now, 0));
                Some(0)
            }
        }
    }
}

/// A line of the client's own log. What it calls an error it mends by itself, as a rule: a broker that went away.
pub(super) fn client_line(level: RDKafkaLogLevel, facility: &str, message: &str) {
    match level {
        RDKafkaLogLevel::Emerg | RDKafkaLogLevel::Alert | RDKafkaLogLevel::Critical | RDKafkaLogLevel::Error => {
            ERRORS.fetch_add(1, Ordering::Relaxed);
        }
        RDKafkaLogLevel::Warning => {
            WARNINGS.fetch_add(1, Ordering::Relaxed);
        }
        RDKafkaLogLevel::Notice | RDKafkaLogLevel::Info => {
            tracing::debug!(target: "librdkafka", "{facility} {message}");
            return;
        }
        RDKafkaLogLevel::Debug => {
            tracing::trace!(target: "librdkafka", "{facility} {message}");
            return;
        }
    }
    if let Some(hidden) = LINES.tell(facility) {
        tracing::warn!(target: "librdkafka", hidden, "{facility} {message}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_thing_is_told_once_in_a_while_and_the_others_are_counted() {
        let (seldom, begin) = (Seldom::new(), now());
        let at = |seconds| begin + Duration::from_secs(seconds);
        assert_eq!(seldom.tell_at("FAIL", at(0)), Some(0));
        for _ in 0..500 {
            assert_eq!(seldom.tell_at("FAIL", at(9)), None);
        }
        assert_eq!(seldom.tell_at("SESSTMOUT", at(9)), Some(0), "another thing is not drowned");
        assert_eq!(seldom.tell_at("FAIL", at(10)), Some(500));
        assert_eq!(seldom.tell_at("FAIL", at(20)), Some(0));
    }

    #[test]
    fn what_is_told_apart_is_bounded() {
        let (seldom, begin) = (Seldom::new(), now());
        let told = (0..10_000).filter(|number| seldom.tell_at(&number.to_string(), begin).is_some()).count();
        assert_eq!(told, KINDS_MAX + 1);
        assert!(seldom.0.lock().unwrap_or_else(PoisonError::into_inner).len() <= KINDS_MAX + 1);
    }

    #[test]
    fn lines_are_counted_whether_they_are_shown_or_not() {
        let before = lines_logged();
        (0..3).for_each(|_| client_line(RDKafkaLogLevel::Error, "FAIL", "connection refused"));
        client_line(RDKafkaLogLevel::Warning, "SESSTMOUT", "session timed out");
        let after = lines_logged();
        assert!(after.0 >= before.0 + 3 && after.1 > before.1);
    }
}
