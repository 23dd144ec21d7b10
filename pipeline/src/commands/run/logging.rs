//! What is logged, and how: on standard error, for people or machines.
//!
//! Owns the levels. fuma's own code as configured; libraries, librdkafka among them, from `warn` on.

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
    let targets = Targets::new().with_default(level.min(LevelFilter::WARN)).with_target("fuma", level);
    // A line that cannot be written is lost: a full disk under the log must not end the service.
    let stderr = tracing_subscriber::fmt::layer().with_writer(io::stderr).log_internal_errors(false);
    let layer = match config.format {
        LogFormat::Text => stderr.with_ansi(screen.colours_errors()).with_target(false).boxed(),
        LogFormat::Json => stderr.json().flatten_event(true).with_ansi(false).boxed(),
    };
    let _ = tracing_subscriber::registry().with(layer.with_filter(targets)).try_init();
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
