//! What the proofs share: random feeds, and the engine driven tick by tick.
//!
//! ```text
//! broker  a real Kafka while a test runs
//! feeds   random numbers -> records of all feeds, a few people, everything that may happen to them
//! drive   records -> changes, a tick at a time, as a live engine goes about it
//! decoders  what must hold for any bytes at all; fuzzed, and run over a corpus
//! judge   what the rules say of everybody, gathered one way or another
//! load    the dense load for measurements
//! live    the exactly-once stage on that cluster, and what must hold of what it announces
//! simulated  a cluster in memory behind the ports of the log, with what can go wrong on a real one
//! ```
//!
//! Never needed by the product. A helper that fails, panics: only tests call it.

#![allow(clippy::unwrap_used, clippy::expect_used)]

pub mod broker;
pub mod decoders;
pub mod drive;
pub mod feeds;
pub mod judge;
pub mod live;
pub mod load;
pub mod simulated;

use std::sync::{Arc, OnceLock};

use fuma_pipeline::intake::{Key, Settings};
use fuma_pipeline::policy::{Pack, PackSource, load};
use fuma_pipeline::replay::{self, Bounds, Finished, Options, Silent, Source, Tick};
use fuma_schemas::{CodeChange, Instant};

/// The two packs of the first provinces, loaded once.
pub fn packs() -> &'static [Arc<Pack>] {
    static PACKS: OnceLock<Vec<Arc<Pack>>> = OnceLock::new();
    PACKS.get_or_init(|| {
        fuma_pipeline::invariant::check_all();
        let ids = ["zhejiang-2020-109", "chongqing-2021-24"];
        ids.map(|id| load(&PackSource::built_in(id).unwrap()).unwrap()).into()
    })
}

/// All built-in packs, loaded once.
pub fn all_packs() -> &'static [Arc<Pack>] {
    static PACKS: OnceLock<Vec<Arc<Pack>>> = OnceLock::new();
    PACKS.get_or_init(|| {
        fuma_pipeline::invariant::check_all();
        let ids = PackSource::built_in_ids();
        ids.iter().map(|id| load(&PackSource::built_in(id).unwrap()).unwrap()).collect()
    })
}

/// Intake that accepts everyone.
pub fn settings() -> Arc<Settings> {
    // The suite is optimised: without this no predicate of an invariant would be asked in it.
    fuma_pipeline::invariant::check_all();
    Arc::new(Settings::new(Key::from_hex(&"5a".repeat(32)).unwrap()))
}

/// Replays to the end of `until`.
pub fn replay(pack: &Arc<Pack>, sources: &[Source], tick: Tick, until: Instant, workers: usize) -> Finished {
    let options = Options {
        pack: Arc::clone(pack),
        later: Vec::new(),
        tick,
        until: Some(until),
        workers,
        intake: settings(),
        bounds: Bounds::default(),
    };
    replay::finish(sources, &options, &Silent).unwrap()
}

/// The changes as the lines that a replay writes.
pub fn lines(changes: &[CodeChange]) -> Vec<String> {
    let line = |change: &CodeChange| {
        let mut line = Vec::new();
        change.write_json(&mut line);
        String::from_utf8(line).unwrap()
    };
    changes.iter().map(line).collect()
}
