//! The reference logs, read to their end at a start and followed after it.
//!
//! Owns the waits: what does not come is said, and given up for this try. Must never wait without a word, nor past the
//! wish to stop.

use std::time::Duration;

use fuma_connectors::log::{Code, LogError, Reference, Topic};
use metrics::gauge;

use crate::live::stop::Stop;
use crate::live::worker::reference::References;
use crate::live::{metric, monotonic};

/// A wait for records; the wish to stop is looked at in between.
const WAIT: Duration = Duration::from_millis(200);
/// How often it is said what is waited for.
const SAY_EVERY: Duration = Duration::from_secs(10);
/// Without any progress for so long the reader is made anew.
const STILL_MAX: Duration = Duration::from_secs(30);
/// How often the lag is measured.
const LAG_EVERY: Duration = Duration::from_secs(5);

const TOPICS: [Topic; 2] = [Topic::Regions, Topic::Policies];

/// Reads to the end as it is now. A log that was emptied ends without a record.
///
/// # Errors
/// When the process is to end, or nothing comes for long ([`Code::Skipped`]).
pub(super) fn read_to_end(log: &mut dyn Reference, references: &References, stop: &Stop) -> Result<(), LogError> {
    let mut ends = Vec::new();
    for topic in TOPICS {
        ends.push((topic, log.end(topic)?));
    }
    let (mut moved, mut said, mut at) = (monotonic::now(), monotonic::now(), places(log));
    while let Some((topic, end)) = ends.iter().find(|(topic, end)| log.next(*topic) < *end) {
        if stop.is_set() {
            return Err(LogError::new(Code::Stopping, "the process is to end"));
        }
        references.advance(log, WAIT)?;
        if places(log) != at {
            (moved, at) = (monotonic::now(), places(log));
        }
        let (name, next) = (topic.name(""), log.next(*topic));
        if moved.elapsed() >= STILL_MAX {
            return Err(LogError::new(
                Code::Skipped,
                format!("nothing comes from {name} at offset {next}, and it ends at {end}: has it a leader?"),
            ));
        }
        if said.elapsed() >= SAY_EVERY {
            said = monotonic::now();
            tracing::warn!(topic = name, next, end, "a reference log is still being read: the start waits for it");
        }
    }
    Ok(())
}

fn places(log: &dyn Reference) -> [u64; 2] {
    TOPICS.map(|topic| log.next(topic))
}

/// Follows the logs until the process is to end; `turned` hears of each turn.
///
/// # Errors
/// See [`LogError::severity`].
pub(super) fn follow(
    log: &mut dyn Reference,
    references: &References,
    stop: &Stop,
    turned: &dyn Fn(),
) -> Result<(), LogError> {
    let mut measured = None;
    while !stop.is_set() {
        references.advance(log, WAIT)?;
        turned();
        if measured.is_none_or(|at: std::time::Instant| at.elapsed() >= LAG_EVERY) {
            measured = Some(monotonic::now());
            let mut behind = 0;
            for topic in TOPICS {
                behind += log.end(topic).map_or(0, |end| end.saturating_sub(log.next(topic)));
            }
            gauge!(metric::LAG_RECORDS, "stage" => "reference").set(behind as f64);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use fuma_connectors::log::LogRecord;

    use super::*;

    /// A log that ends at 500 and holds nothing, or never says so.
    struct Emptied {
        next: u64,
        says_so: bool,
    }

    impl Reference for Emptied {
        fn poll(&mut self, _: Duration, _: &mut dyn FnMut(Topic, LogRecord)) -> Result<usize, LogError> {
            if self.says_so {
                self.next = 500;
            }
            Ok(0)
        }

        fn next(&self, _: Topic) -> u64 {
            self.next
        }

        fn end(&mut self, _: Topic) -> Result<u64, LogError> {
            Ok(500)
        }
    }

    #[test]
    fn a_log_that_was_emptied_does_not_hold_up_the_start() {
        read_to_end(&mut Emptied { next: 0, says_so: true }, &References::default(), &Stop::default()).unwrap();
    }

    #[test]
    fn the_wish_to_stop_ends_the_wait() {
        let stop = Stop::default();
        stop.set();
        let read = read_to_end(&mut Emptied { next: 0, says_so: false }, &References::default(), &stop);
        assert_eq!(read.unwrap_err().code(), Code::Stopping);
    }
}
