//! Monotonic time: for deadlines, and for how long something took.
//!
//! Owns the look at that clock. Must never reach a rule, nor anything that is announced (I-7).

use std::time::Instant;

/// Now, on a clock that only goes forward.
#[expect(clippy::disallowed_methods, reason = "never an input of a rule")]
pub(crate) fn now() -> Instant {
    Instant::now()
}
