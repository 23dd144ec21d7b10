//! What is logged, and how: on standard error, for people or machines.
//!
//! ```text
//! fuma*, kafka   this program, its part that speaks to Kafka too: as configured
//! librdkafka     the Kafka client's own lines: as configured, `info` and below as `debug`
//! the rest       libraries: from `warn` on
//! ```
//!
//! Owns the levels. What comes again and again is told at a bounded rate where it arises.

use std::io;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::commands::screen::Screen;
use crate::config::{Level, LogConfig, LogFormat};

/// Logs from now on. A second call changes nothing.
pub(super) fn begin(config: &LogConfig, screen: &Screen) {
    let level = level(config.level);
    let level = if screen.is_quiet() { level.min(LevelFilter::WARN) } else { level };
    let targets = targets(level);
    // A line that cannot be written is lost: a full disk under the log must not end the service.
    let stderr = tracing_subscriber::fmt::layer().with_writer(io::stderr).log_internal_errors(false);
    let layer = match config.format {
        LogFormat::Text => stderr.with_ansi(screen.colours_errors()).with_target(false).boxed(),
        LogFormat::Json => stderr.json().flatten_event(true).with_ansi(false).boxed(),
    };
    let _ = tracing_subscriber::registry().with(layer.with_filter(targets)).try_init();
}

fn targets(level: LevelFilter) -> Targets {
    let own = ["fuma", "kafka", "librdkafka"].map(|target| (target, level));
    Targets::new().with_default(level.min(LevelFilter::WARN)).with_targets(own)
}

fn level(level: Level) -> LevelFilter {
    match level {
        Level::Error => LevelFilter::ERROR,
        Level::Warn => LevelFilter::WARN,
        Level::Info => LevelFilter::INFO,
        Level::Debug => LevelFilter::DEBUG,
        Level::Trace => LevelFilter::TRACE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracing::Level as Of;

    /// "a transaction was aborted" is a line of the part that speaks to Kafka: it was filtered at every level.
    #[test]
    fn what_the_own_parts_say_is_as_configured_and_libraries_are_not() {
        let info = targets(LevelFilter::INFO);
        for target in ["fuma", "fuma_pipeline::live", "kafka", "librdkafka"] {
            assert!(info.would_enable(target, &Of::INFO) && !info.would_enable(target, &Of::DEBUG), "{target}");
        }
        let debug = targets(LevelFilter::DEBUG);
        assert!(debug.would_enable("kafka", &Of::DEBUG) && !debug.would_enable("datafusion", &Of::INFO));
        assert!(debug.would_enable("datafusion", &Of::WARN));
        assert!(!targets(LevelFilter::ERROR).would_enable("datafusion", &Of::WARN));
    }
}
