//! A transactional id whose last transaction was aborted, and may not have ended.
//!
//! An abort is answered when it is decided. Its markers go to every partition of the transaction, and where nobody
//! leads one of them the coordinator refuses the id's next transaction for as long as that lasts: a worker that waits
//! for it stands still with all its other partitions. So the id is begun again on a thread of its own, by a client of
//! its own, which comes through as soon as the old transaction has ended; meanwhile the other id has every turn.
//!
//! That client raises the id's epoch. Were this owner fenced meanwhile, the other id is fenced as well, and its next
//! transaction ends the owner before this one has a turn; a broker takes no offsets of a member of an older generation
//! besides.
//!
//! Owns the thread. Must never be waited for.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rdkafka::error::RDKafkaErrorCode;
use rdkafka::producer::BaseProducer;

use super::settings::KafkaSettings;
use super::transact::{Failures, begin_under};

/// Between two tries, each of which is patient.
const PAUSE: Duration = Duration::from_secs(1);
const LOOK: Duration = Duration::from_millis(100);

/// Whether an abort for this reason may wait for a leader.
pub(super) fn may_be_stuck(code: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode as Code;
    matches!(
        code,
        Code::MessageTimedOut
            | Code::OperationTimedOut
            | Code::RequestTimedOut
            | Code::NotLeaderForPartition
            | Code::LeaderNotAvailable
            | Code::ReplicaNotAvailable
            | Code::UnknownTopicOrPartition
            | Code::UnknownPartition
            | Code::NotEnoughReplicas
            | Code::NotEnoughReplicasAfterAppend
            | Code::BrokerTransportFailure
    )
}

/// The wait for an id; it ends with its owner.
pub(super) struct Resting {
    ended: Mutex<Receiver<BaseProducer<Failures>>>,
    is_given_up: Arc<AtomicBool>,
}

impl Resting {
    /// Begins to wait.
    pub(super) fn begin(settings: &KafkaSettings, id: &str) -> std::io::Result<Resting> {
        let (sender, ended) = sync_channel(1);
        let (settings, id) = (settings.clone(), id.to_owned());
        let is_given_up = Arc::new(AtomicBool::new(false));
        let given_up = Arc::clone(&is_given_up);
        let wait = move || {
            while !settings.stop.is_set() && !given_up.load(Ordering::Acquire) {
                match begin_under(&settings, "transactions", &id) {
                    Ok(producer) => {
                        // Nobody listens when the worker has gone.
                        let _ = sender.send(producer);
                        return;
                    }
                    Err(error) => tracing::debug!(target: "kafka", id, %error, "its transaction has not ended"),
                }
                settings.stop.rest(PAUSE, LOOK);
            }
        };
        std::thread::Builder::new().name("kafka-stuck".to_owned()).spawn(wait)?;
        Ok(Resting { ended: Mutex::new(ended), is_given_up })
    }

    /// The client, once the id is free.
    pub(super) fn ended(&self) -> Option<BaseProducer<Failures>> {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner).try_recv().ok()
    }
}

impl Drop for Resting {
    fn drop(&mut self) {
        self.is_given_up.store(true, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_lost_its_place_in_the_group_has_no_transaction_that_is_stuck() {
        assert!(may_be_stuck(RDKafkaErrorCode::MessageTimedOut));
        for code in [RDKafkaErrorCode::IllegalGeneration, RDKafkaErrorCode::UnknownMemberId] {
            assert!(!may_be_stuck(code), "{code:?}");
        }
    }
}
