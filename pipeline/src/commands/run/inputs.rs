//! What a service reads at its start: the pack, the key, the owners, the region codes.
//!
//! Owns the way from the configuration to intake's settings.

use std::time::Duration;

use fuma_schemas::Feed;
use fuma_schemas::evidence::Kind;
use fuma_schemas::instant::DAY_MS;

use crate::commands::CommandError;
use crate::commands::input;
use crate::config::Config;
use crate::intake::{self, Owners, RegionTable};
use crate::policy::Pack;

/// What intake depends on.
///
/// # Errors
/// When a file is missing or wrong.
pub(super) fn intake_settings(config: &Config, pack: &Pack) -> Result<intake::Settings, CommandError> {
    let mut settings = intake::Settings::new(input::key(config.key_file.as_deref())?);
    settings.owners = owners(config)?;
    if let Some(path) = &config.regions_table {
        settings.regions = Some(input::list(path, RegionTable::parse)?);
    }
    for (feed, retention_ms) in Feed::ALL.into_iter().zip(&mut settings.retention_ms) {
        let asked = config.feeds.get(&feed).and_then(|config| config.retention);
        *retention_ms = retention(asked, pack, feed);
    }
    Ok(settings)
}

/// Who may bring which feed.
fn owners(config: &Config) -> Result<Owners, CommandError> {
    if let Some(path) = &config.owners_file {
        return input::list(path, Owners::parse);
    }
    let lists = config.feeds.iter().filter_map(|(feed, config)| Some((*feed, config.owners.as_ref()?)));
    let mut lists = lists.map(|(feed, owners)| (feed, owners.iter().map(String::as_str))).peekable();
    Ok(if lists.peek().is_some() { Owners::per_feed(lists) } else { Owners::Everyone })
}

/// For how long a record of a feed is young enough, in milliseconds. What the pack has forgotten must not come back
/// (docs/recovery.md R-16), so a shorter memory of the pack wins.
fn retention(asked: Option<Duration>, pack: &Pack, feed: Feed) -> Option<i64> {
    let kept = Kind::PERSONAL.into_iter().filter(|kind| kind.feed() == feed);
    let kept_ms = kept.map(|kind| pack.retention_days(kind).saturating_mul(DAY_MS)).min();
    let asked_ms = asked.map(|asked| i64::try_from(asked.as_millis()).unwrap_or(i64::MAX));
    [kept_ms, asked_ms].into_iter().flatten().min()
}
