//! A client on its way out: it leaves its group on a thread of its own, and nobody waits for that without end.
//!
//! A member whose coordinator moved away in the middle of a rebalance may wait for an answer that does not come: the
//! group takes it for dead after its session anyway. Seen with one broker of three killed: the process missed its
//! deadline to end.
//!
//! Owns that wait. Must never let a client go on working after it was dropped: only its leave may outlive its owner.

use std::ops::Deref;
use std::sync::mpsc;
use std::time::Duration;

/// How long a leave may take; a broker that answers needs some milliseconds.
const LEAVE_WAIT_MAX: Duration = Duration::from_secs(4);

/// A client that is dropped on a thread of its own.
pub(super) struct Closing<T: Send + 'static>(Option<T>);

impl<T: Send + 'static> Closing<T> {
    pub(super) fn new(client: T) -> Closing<T> {
        Closing(Some(client))
    }
}

impl<T: Send + 'static> Deref for Closing<T> {
    type Target = T;

    #[expect(clippy::expect_used, reason = "it is taken by drop alone")]
    fn deref(&self) -> &T {
        self.0.as_ref().expect("a client until it is dropped")
    }
}

impl<T: Send + 'static> Drop for Closing<T> {
    fn drop(&mut self) {
        let Some(client) = self.0.take() else { return };
        let (done, left) = mpsc::channel();
        let closing = std::thread::Builder::new().name("leaving".to_owned()).spawn(move || {
            drop(client);
            // Nobody waits any more, perhaps.
            let _ = done.send(());
        });
        if closing.is_ok() && left.recv_timeout(LEAVE_WAIT_MAX) == Err(mpsc::RecvTimeoutError::Timeout) {
            tracing::warn!(
                target: "kafka",
                "a client does not get out of its group: it is left behind, and the group notices by its session"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Slow(Duration, mpsc::Sender<()>);

    impl Drop for Slow {
        fn drop(&mut self) {
            std::thread::sleep(self.0);
            let _ = self.1.send(());
        }
    }

    #[test]
    fn a_client_that_does_not_get_out_is_left_behind() {
        for (takes, is_left) in [(Duration::ZERO, false), (LEAVE_WAIT_MAX + Duration::from_secs(2), true)] {
            let (done, left) = mpsc::channel();
            let begun = super::super::client::now();
            drop(Closing::new(Slow(takes, done)));
            assert!(begun.elapsed() < LEAVE_WAIT_MAX + Duration::from_secs(1));
            assert_eq!(left.try_recv().is_err(), is_left, "{takes:?}");
        }
    }
}
