//! The engine that judges cases: the very replay that judges feeds, over lines in memory.
//!
//! Owns the translation. Must never judge anything itself.

use std::sync::Arc;

use fuma_schemas::Feed;

use crate::intake::{Key, Settings};
use crate::policy::Pack;
use crate::policy::cases::{Answer, Refusal, Scenario};
use crate::replay::{self, Bounds, Options, Silent, Source, Tick};

/// People of cases come with a key of their own, so no certificate number is ever hashed with this one.
const NO_SECRET: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// Replays a scenario under a pack.
///
/// # Errors
/// What the replay says when it cannot run, in words.
pub fn run(pack: &Arc<Pack>, scenario: &Scenario) -> Result<Answer, String> {
    let key = Key::from_hex(NO_SECRET).map_err(|error| error.to_string())?;
    let tick = Tick::new(scenario.tick_ms).ok_or("a tick is longer than nothing")?;
    let options = Options {
        pack: Arc::clone(pack),
        later: Vec::new(),
        tick,
        until: Some(scenario.until),
        workers: 1,
        intake: Arc::new(Settings::new(key)),
        bounds: Bounds::default(),
    };
    let source = |(feed, lines): (&Feed, &String)| Source::Bytes {
        feed: *feed,
        name: format!("{}.ndjson", feed.name()),
        bytes: lines.as_bytes().into(),
    };
    let sources: Vec<Source> = scenario.feeds.iter().map(source).collect();
    let outcome = replay::run(&sources, &options, &Silent).map_err(|error| error.to_string())?;
    let refusal = |reject: replay::Rejected| Refusal {
        feed: reject.feed,
        line: reject.line,
        code: reject.code,
        message: reject.message,
    };
    Ok(Answer { changes: outcome.changes, rejects: outcome.rejects.into_iter().map(refusal).collect() })
}
