//! Calls to stores: on one runtime for the whole process, each with a deadline.
//!
//! A store that takes the connection and never answers is worse than one that refuses it: without a deadline whoever
//! asks stands still. The runtime is driven by one thread; who asks waits on a thread of its own, so nothing that a
//! worker does waits for a store.
//!
//! Owns the runtime and the deadlines. Must never be called on a thread that commits, nor within a runtime.

use std::future::Future;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::runtime::{Builder, Handle};

/// A question: a listing, a deletion.
pub(super) const QUESTION_MAX: Duration = Duration::from_secs(10);
/// A file, whole: some megabytes, as a slow line carries them.
pub(super) const FILE_MAX: Duration = Duration::from_secs(60);
const _: () = assert!(QUESTION_MAX.as_secs() < FILE_MAX.as_secs(), "a listing comes first and is small");

/// What a call came to, if not to an answer.
#[derive(Debug)]
pub(super) enum Failed {
    /// The store said so.
    Store(object_store::Error),
    /// It said nothing in time.
    Silent(Duration),
    /// There is no runtime.
    System(std::io::Error),
}

/// Waits for a call, for so long.
pub(super) fn wait<T>(deadline: Duration, call: impl Future<Output = object_store::Result<T>>) -> Result<T, Failed> {
    let handle = handle().map_err(Failed::System)?;
    match handle.block_on(async { tokio::time::timeout(deadline, call).await }) {
        Ok(answer) => answer.map_err(Failed::Store),
        Err(_) => Err(Failed::Silent(deadline)),
    }
}

/// The runtime of all stores.
fn handle() -> std::io::Result<Handle> {
    static SHARED: Mutex<Option<Handle>> = Mutex::new(None);
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(handle) = &*shared {
        return Ok(handle.clone());
    }
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let handle = runtime.handle().clone();
    // It drives timers and connections until the process ends.
    let drive = move || runtime.block_on(std::future::pending::<()>());
    std::thread::Builder::new().name("stores".to_owned()).spawn(drive)?;
    *shared = Some(handle.clone());
    Ok(handle)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_that_never_answers_is_left_at_the_deadline() {
        let asked = wait(Duration::from_millis(50), std::future::pending::<object_store::Result<()>>());
        assert!(matches!(asked, Err(Failed::Silent(_))), "{asked:?}");
        let asked = wait(QUESTION_MAX, std::future::ready(Ok(7)));
        assert!(matches!(asked, Ok(7)), "the runtime is of use afterwards: {asked:?}");
    }
}
