//! Calls of the client that may never come back, made on a thread of their own and given up after a while.
//!
//! `rd_kafka_send_offsets_to_transaction` waits for the group's coordinator without a bound, whatever timeout it is
//! given (librdkafka issue 5456): a broker that stands still at the wrong moment takes the calling thread with it. The
//! worker has to poll, to say what it waits for and to end; so it waits here, and a call that is given up keeps its
//! thread and its client, and nothing else.
//!
//! Owns the thread. Must never make a second call while one is unanswered.

use std::cell::RefCell;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use rdkafka::error::{KafkaError, KafkaResult};

use super::client;
use crate::log::{LogError, Stop};

/// Between looks for a stop.
const PIECE: Duration = Duration::from_millis(20);

type Call = Box<dyn FnOnce() -> KafkaResult<()> + Send>;

struct Line {
    calls: Sender<Call>,
    answers: Receiver<KafkaResult<()>>,
}

/// Makes calls one after another, on one thread.
#[derive(Default)]
pub(super) struct Caller(RefCell<Option<Line>>);

impl Caller {
    /// Makes a call and waits for at most `limit`, or until the process has to end at once.
    ///
    /// # Errors
    /// Those of the call; [`KafkaError::Canceled`] where it was given up: the client is of no more use then.
    pub(super) fn call(&self, limit: Duration, stop: &Stop, call: Call) -> KafkaResult<()> {
        let taken = self.0.borrow_mut().take();
        let Some(line) = taken.or_else(|| Line::new().ok()) else { return Err(KafkaError::Canceled) };
        if line.calls.send(call).is_err() {
            return Err(KafkaError::Canceled);
        }
        let deadline = client::now() + limit;
        loop {
            match line.answers.recv_timeout(PIECE) {
                Ok(answer) => {
                    self.0.replace(Some(line));
                    return answer;
                }
                Err(RecvTimeoutError::Timeout) if client::now() < deadline && !stop.is_urgent() => {}
                // The line goes with it: what is answered too late is nobody's answer.
                Err(_) => return Err(KafkaError::Canceled),
            }
        }
    }
}

impl Line {
    fn new() -> Result<Line, LogError> {
        let (calls, waiting) = channel::<Call>();
        let (answer, answers) = channel();
        let work = move || {
            for call in waiting {
                if answer.send(call()).is_err() {
                    return;
                }
            }
        };
        let thread = std::thread::Builder::new().name("kafka-offsets".to_owned()).spawn(work);
        thread.map_err(|error| LogError::transient(format!("no thread for a call: {error}")))?;
        Ok(Line { calls, answers })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: Duration = Duration::from_millis(60);
    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn a_call_that_never_comes_back_is_given_up_and_its_late_answer_is_nobodys() {
        let caller = Caller::default();
        assert!(caller.call(LONG, &Stop::default(), Box::new(|| Ok(()))).is_ok());
        let (release, held) = channel::<()>();
        let (ended, end) = channel::<()>();
        let hanging = Box::new(move || {
            let _ = held.recv();
            let _ = ended.send(());
            Err(KafkaError::NoMessageReceived)
        });
        assert!(matches!(caller.call(SHORT, &Stop::default(), hanging), Err(KafkaError::Canceled)));
        release.send(()).unwrap();
        end.recv().unwrap();
        assert!(caller.call(LONG, &Stop::default(), Box::new(|| Ok(()))).is_ok(), "not the answer that came late");
    }

    #[test]
    fn who_has_to_end_at_once_does_not_wait() {
        let (_release, held) = channel::<()>();
        let stop = Stop::default();
        stop.set();
        let hanging = Box::new(move || {
            let _ = held.recv();
            Ok(())
        });
        assert!(matches!(Caller::default().call(LONG, &stop, hanging), Err(KafkaError::Canceled)));
    }
}
