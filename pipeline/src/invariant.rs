//! A broken invariant is a panic that names it, never a silent default: "null" is "for ever" to a rule.
//!
//! Owns the one way to say so. In production a panic ends the worker of that partition with nothing committed past it.
//! Bad input must never come here: that is data (I-9).

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
    #[should_panic(expected = "I-2 is broken: a row names a text that is kept")]
    fn what_is_not_there_is_a_panic_that_says_which() {
        super::held(None::<u8>, "I-2", "a row names a text that is kept");
    }
}
