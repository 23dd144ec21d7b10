//! The service as a whole: opens the log, starts the stages, ends them.
//!
//! Owns the order of start and end. Must never judge, and never read an argument or the environment: it is told.

use std::sync::Arc;
use std::time::Duration;

use fuma_connectors::log::LogError;
use fuma_schemas::Feed;

use super::stop::Stop;
use crate::config::Config;
use crate::http::Health;
use crate::intake;
use crate::policy::Pack;

/// How often the loops look up when nothing happens.
const IDLE: Duration = Duration::from_millis(100);
/// How long a loop may stand still before the process counts as dead: longer than any commit, restore page or poll.
const TICK_MAX: Duration = Duration::from_secs(60);

/// What a service needs.
#[derive(Clone, Debug)]
pub struct Service {
    /// What it is told.
    pub config: Config,
    /// The pack in force at the start.
    pub pack: Arc<Pack>,
    /// What intake depends on: the key, owners, region codes, retention.
    pub intake: Arc<intake::Settings>,
    /// What is asked of this start alone.
    pub wishes: Wishes,
    /// Set when the process is to end.
    pub stop: Stop,
    /// Where loops and parts say how they are.
    pub health: Health,
}

/// What is asked of one start, and is no setting, because it must not hold for the next.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Wishes {
    /// Make the topics that are missing.
    pub create_topics: bool,
    /// Announce what differs from what was announced without a known reason, and go on with a sweep that would
    /// turn many red.
    pub accept_differences: bool,
    /// Put the pack in force again although a later one is.
    pub reinstate_policy: bool,
    /// Without Kafka: the feed whose records come on standard input.
    pub stdin: Option<Feed>,
}

/// Why a service ended early.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// The log: missing topics, no broker ...
    #[error("{0}")]
    Log(#[from] LogError),
}

/// Serves until it is told to stop.
///
/// # Errors
/// When it cannot start, or cannot go on by itself.
pub fn run(service: &Service) -> Result<(), ServiceError> {
    let heartbeat = service.health.register("service", TICK_MAX);
    let part = service.health.part("service");
    part.set_ready();
    while !service.stop.is_set() {
        heartbeat.tick();
        std::thread::sleep(IDLE);
    }
    service.health.set_stopping();
    Ok(())
}
