//! Says once that the service is ready, what it reads, and what it holds; until then, now and then, what is missing.
//!
//! Owns the line of the log; the answer is `http`'s.

use std::io;
use std::time::{Duration, Instant};

use fuma_connectors::log::Topic;
use fuma_schemas::Feed;

use crate::config::Config;
use crate::live::partitions::{ASSESS, State};
use crate::live::service::Service;

/// How often it is looked for.
const LOOK: Duration = Duration::from_millis(50);
/// How often it is said what is still missing.
const REMIND: Duration = Duration::from_secs(30);

/// Looks on a thread that ends once the service was ready, or stops.
pub(super) fn tell(service: &Service) -> io::Result<()> {
    let (stop, health, partitions) = (service.stop.clone(), service.health.clone(), service.partitions.clone());
    let reads = reads(&service.config, service.wishes.stdin);
    #[expect(clippy::disallowed_methods, reason = "how long a start takes")]
    let begun = Instant::now();
    let look = move || {
        let mut reminded = Duration::ZERO;
        while !stop.is_set() {
            let elapsed = begun.elapsed();
            match health.started() {
                Ok(()) => {
                    let seconds = elapsed.as_millis() as f64 / 1000.0;
                    let [owned, parked] = [State::Owned, State::Parked].map(|state| partitions.count(ASSESS, state));
                    tracing::info!(seconds, reads, owned, parked, "ready");
                    return;
                }
                Err(missing) if elapsed.saturating_sub(reminded) >= REMIND => {
                    reminded = elapsed;
                    let missing = missing.replace('\n', "; ");
                    tracing::warn!(seconds = elapsed.as_secs(), missing, "not ready yet");
                }
                Err(_) => {}
            }
            std::thread::sleep(LOOK);
        }
    };
    std::thread::Builder::new().name("readiness".to_owned()).spawn(look).map(drop)
}

/// Where the records come from.
fn reads(config: &Config, stdin: Option<Feed>) -> String {
    if !config.roles.intake {
        return "no feeds: this process has no role intake".to_owned();
    }
    if let Some(bootstrap) = &config.kafka.bootstrap {
        let topics: Vec<String> = Feed::ALL.iter().map(|feed| Topic::Feed(*feed).name(&config.kafka.prefix)).collect();
        return format!("{} of {bootstrap}", topics.join(" "));
    }
    let folders = config.watch.folders.iter().map(|folder| format!("files in {}", folder.display()));
    let tables = config.imports.values().map(|import| format!("tables in {}", import.folder));
    let all: Vec<String> =
        folders.chain(tables).chain(stdin.map(|feed| format!("{} on standard input", feed.name()))).collect();
    if all.is_empty() { "nothing: give --watch FOLDER or --stdin FEED".to_owned() } else { all.join(", ") }
}
