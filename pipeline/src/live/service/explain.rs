//! Questions why somebody has a colour: what the log says of the person goes with each to the partition's worker.
//!
//! Owns the reader. A question that the log does not answer is dropped: who asked is told to ask again.

use std::time::Duration;

use fuma_connectors::log::{Log, LogError};

use super::Service;
use super::supervise::Ended;
use crate::live::answers::Answers;
use crate::live::answers::explain::{Asked, found};

/// How soon a question is seen.
const LOOK: Duration = Duration::from_millis(20);

/// Answers until the process stops.
pub(super) fn follow(log: &dyn Log, service: &Service, answers: &Answers) -> Result<(), Ended> {
    let mut reader = None;
    while !service.stop.is_set() {
        let Some(asked) = answers.next_asked() else {
            std::thread::sleep(LOOK);
            continue;
        };
        let read = reader.take().map_or_else(|| log.observer(), Ok).and_then(|mut reader| {
            let Ok(partition) = answers.partition_of(asked.person) else { return Ok(reader) };
            let Asked { person, .. } = asked;
            let found = found(reader.as_mut(), (partition, person), service.origin())?;
            answers.with_names(partition, asked, found);
            Ok(reader)
        });
        match read {
            Ok(good) => reader = Some(good),
            // A client that failed is of no more use; the next question makes another.
            Err(error) => say(&error),
        }
    }
    Ok(())
}

fn say(error: &LogError) {
    tracing::warn!(%error, "the log does not say what evidence there is of somebody: the question is dropped");
}
