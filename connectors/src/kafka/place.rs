//! Places in a commit at which a test may stop the process.
//!
//! Owns the hook. Must never do anything by itself: without a hook a place is nothing.

use std::sync::OnceLock;

static HOOK: OnceLock<fn(&'static str)> = OnceLock::new();

/// Has a function called at "before-begin", "after-send", "after-offsets", "commit-unanswered" and "after-commit" of
/// every commit, on the thread that commits. The first hook stays.
pub fn on_place(hook: fn(&'static str)) {
    let _ = HOOK.set(hook);
}

pub(super) fn place(name: &'static str) {
    if let Some(hook) = HOOK.get() {
        hook(name);
    }
}
