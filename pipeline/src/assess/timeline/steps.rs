//! How much work a timeline took: I-10 is checked by counting it in tests.
//!
//! Owns the counter, one a thread. In a build that is no test it is nothing.

#[cfg(test)]
thread_local! {
    static STEPS: std::cell::Cell<u64> = const { std::cell::Cell::new(0) };
}

/// Counts work: an interval, a boundary or a comparison each.
#[cfg(test)]
pub(super) fn count(steps: u64) {
    STEPS.set(STEPS.get() + steps);
}

/// Counts nothing.
#[cfg(not(test))]
pub(super) fn count(_: u64) {}

/// The steps that some work takes.
#[cfg(test)]
pub(super) fn of<T>(work: impl FnOnce() -> T) -> (T, u64) {
    let before = STEPS.get();
    let done = work();
    (done, STEPS.get() - before)
}
