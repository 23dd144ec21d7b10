//! A broken invariant is a panic that names it, never a silent default: "null" is "for ever" to a rule.
//!
//! What costs more than a look is checked where `are_checked`: in debug builds, in tests of this crate, and wherever
//! somebody asked for it ([`check_all`]): the suite runs optimised, and with the product's own build.
//!
//! Owns the one way to say so. In production a panic ends the worker of that partition with nothing committed past it.
//! Bad input must never come here: that is data (I-9). Must never change a result.

use std::sync::atomic::{AtomicBool, Ordering};

static ARE_CHECKED: AtomicBool = AtomicBool::new(cfg!(any(test, debug_assertions)));

/// From now on all invariants are checked in this process, whatever it costs: for tests.
pub fn check_all() {
    ARE_CHECKED.store(true, Ordering::Relaxed);
}

/// Whether invariants are checked that cost more than a look.
pub(crate) fn are_checked() -> bool {
    ARE_CHECKED.load(Ordering::Relaxed)
}

/// Checks an invariant where they are checked.
///
/// # Panics
/// When it does not hold: a bug.
#[track_caller]
pub(crate) fn check(holds: impl FnOnce() -> bool, invariant: &str, what: &str) {
    if are_checked() && !holds() {
        broken(invariant, what);
    }
}

/// What must be there. The invariant is one of ARCHITECTURE.md's, `I-2` for what belongs together in the state.
///
/// # Panics
/// When it is not: a bug.
#[track_caller]
pub(crate) fn held<T>(value: Option<T>, invariant: &str, what: &str) -> T {
    match value {
        Some(value) => value,
        None => broken(invariant, what),
    }
}

/// Says that an invariant is broken.
///
/// # Panics
/// Always.
#[track_caller]
#[cold]
pub(crate) fn broken(invariant: &str, what: &str) -> ! {
    panic!("{invariant} is broken: {what} (a bug of fuma; please report it)")
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_is_there_is_given() {
        assert_eq!(super::held(Some(5), "I-2", "five"), 5);
    }

    #[test]
    #[should_panic(expected = "I-4 is broken: a chain")]
    fn what_does_not_hold_is_a_panic_where_it_is_checked() {
        super::check(|| true, "I-4", "nothing");
        super::check(|| false, "I-4", "a chain");
    }

    #[test]
    #[should_panic(expected = "I-2 is broken: a row names a text that is kept")]
    fn what_is_not_there_is_a_panic_that_says_which() {
        super::held(None::<u8>, "I-2", "a row names a text that is kept");
    }
}
