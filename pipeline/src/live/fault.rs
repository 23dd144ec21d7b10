//! Places at which a test can end or stop the process: `FUMA_FAULT=<place>[:<nth time>][:kill|stop|error]`.
//!
//! Owns the table of faults. In a build without the feature `faults` every place is nothing.

/// The places, in the order of a commit; tests go through them all.
pub const PLACES: &[&str] = &[
    "before-begin",
    "after-send",
    "after-offsets",
    "commit-unanswered",
    "after-commit",
    "in-revoke",
    "in-restore",
    "in-snapshot",
    "in-sweep",
];

/// Ends (kill), stops (SIGSTOP) or does nothing, as the environment says.
#[cfg(feature = "faults")]
pub fn place(name: &str) {
    use std::collections::HashMap;
    use std::sync::{Mutex, OnceLock};

    static WANTED: OnceLock<Option<(String, u64, String)>> = OnceLock::new();
    static SEEN: Mutex<Option<HashMap<String, u64>>> = Mutex::new(None);
    let wanted = WANTED.get_or_init(|| {
        let text = std::env::var("FUMA_FAULT").ok()?;
        let mut parts = text.split(':');
        let place = parts.next()?.to_owned();
        let nth = parts.next().and_then(|part| part.parse().ok()).unwrap_or(1);
        Some((place, nth, parts.next().unwrap_or("kill").to_owned()))
    });
    let Some((place, nth, how)) = wanted.as_ref().filter(|(place, ..)| place == name) else { return };
    let Ok(mut seen) = SEEN.lock() else { return };
    let times = seen.get_or_insert_with(HashMap::new).entry(place.clone()).or_insert(0);
    *times += 1;
    if *times == *nth {
        let signal = if how == "stop" { "-STOP" } else { "-KILL" };
        let _ = std::process::Command::new("kill").args([signal, &std::process::id().to_string()]).status();
    }
}

/// Nothing.
#[cfg(not(feature = "faults"))]
pub fn place(_name: &str) {}
