//! Which names in a watched folder are feeds.
//!
//! Owns the names: a feed's, alone or with `-` or `.` and anything behind it, so that many files of one feed lie side
//! by side. Must never open a file.

use fuma_schemas::Feed;

use crate::files::Format;

/// The feed and the format of a base name; none if it is no feed's. Hidden files and half-copied ones (`.tmp`,
/// `.part`) have other endings.
pub(super) fn watched(name: &str) -> Option<(Feed, Format)> {
    let endings = [
        (".ndjson", Format::Lines),
        (".ndjson.gz", Format::GzipLines),
        (".ndjson.zst", Format::ZstdLines),
        (".csv", Format::Csv),
        (".parquet", Format::Parquet),
    ];
    let (stem, format) = endings.into_iter().find_map(|(ending, format)| Some((name.strip_suffix(ending)?, format)))?;
    let is_named = |feed: &Feed| match stem.strip_prefix(feed.name()) {
        Some(rest) => rest.is_empty() || rest.starts_with(['-', '.']),
        None => false,
    };
    Feed::ALL.into_iter().find(is_named).map(|feed| (feed, format))
}
