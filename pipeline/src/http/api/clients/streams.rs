//! How many streams a client follows at once.
//!
//! Owns the count. Must never be given back twice.

use std::sync::atomic::{AtomicU32, Ordering};

/// Those that are open, and how many there may be.
#[derive(Debug)]
pub(in crate::http::api) struct Streams {
    most: u32,
    open: AtomicU32,
}

impl Streams {
    pub(in crate::http::api) fn new(most: u32) -> Streams {
        Streams { most, open: AtomicU32::new(0) }
    }

    /// Takes one, if one is left.
    pub(in crate::http::api) fn take(&self) -> bool {
        let more = |open: u32| (open < self.most).then_some(open + 1);
        self.open.fetch_update(Ordering::AcqRel, Ordering::Acquire, more).is_ok()
    }

    /// Gives one back that was taken.
    pub(in crate::http::api) fn give_back(&self) {
        self.open.fetch_sub(1, Ordering::AcqRel);
    }
}
