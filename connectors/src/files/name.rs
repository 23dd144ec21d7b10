//! Which names are feed files: the one rule for replay, send, explain, overdue and run (docs/feeds.md section 3).
//!
//! ```text
//! cases.ndjson   cases-2022-11-30.csv   external-codes.hc.a.ndjson.gz      feed, - or . and any text, ending
//! ```
//!
//! Owns the rule, and the guess at what another name may have meant. Names are matched byte by byte. Must never open a
//! file.

use fuma_schemas::Feed;

use super::Format;

/// The endings of feed files.
const ENDINGS: [(&str, Format); 5] = [
    (".ndjson", Format::Lines),
    (".ndjson.gz", Format::GzipLines),
    (".ndjson.zst", Format::ZstdLines),
    (".csv", Format::Csv),
    (".parquet", Format::Parquet),
];
/// How feed files are named, for messages.
pub const NAMES: &str = "A feed file is named FEED.ndjson, .ndjson.gz, .ndjson.zst, .csv or .parquet; \
    text may follow the feed after - or . (tests-2022-11-30.csv)";
/// A word is taken for a feed if this many letters at most differ.
const LETTERS_DIFFER_MAX: usize = 2;

/// The feed and the format of a file with this base name; none if it is no feed file.
pub fn feed_of(name: impl AsRef<[u8]>) -> Option<(Feed, Format)> {
    let (stem, format) = split(name.as_ref())?;
    let fits = |feed: &Feed| match stem.strip_prefix(feed.name().as_bytes()) {
        Some(rest) => rest.is_empty() || rest.starts_with(b"-") || rest.starts_with(b"."),
        None => false,
    };
    Some((Feed::ALL.into_iter().filter(fits).max_by_key(|feed| feed.name().len())?, format))
}

/// The format of a file by its ending, whatever else its name says.
pub fn format_of(name: impl AsRef<[u8]>) -> Option<Format> {
    split(name.as_ref()).map(|(_, format)| format)
}

fn split(name: &[u8]) -> Option<(&[u8], Format)> {
    ENDINGS.into_iter().find_map(|(ending, format)| Some((name.strip_suffix(ending.as_bytes())?, format)))
}

/// The feeds, for messages.
pub fn feed_names() -> String {
    Feed::ALL.map(Feed::name).join(", ")
}

/// The feed that a word may have meant: another case, a letter too many, too few or wrong, `_` for `-`, or a feed
/// among other words.
pub fn feed_meant(word: &str) -> Option<Feed> {
    let word = word.to_lowercase().replace('_', "-");
    // What may stand before a date or a place.
    let head = word.split(|letter: char| letter != '-' && !letter.is_ascii_alphabetic()).next().unwrap_or_default();
    let head = head.trim_end_matches('-');
    let first = head.split('-').next().unwrap_or_default();
    let distance = |feed: Feed| [word.as_str(), head, first].map(|word| letters_differ(word, feed.name()));
    let nearest = Feed::ALL
        .into_iter()
        .map(|feed| (distance(feed).into_iter().min().unwrap_or(usize::MAX), feed))
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, _)| *distance <= LETTERS_DIFFER_MAX);
    let held = || Feed::ALL.into_iter().filter(|feed| word.contains(feed.name())).max_by_key(|feed| feed.name().len());
    nearest.map(|(_, feed)| feed).or_else(held)
}

/// What a name that is no feed file may have meant: `tests`, or `cases.ndjson` where the ending is wrong.
pub fn name_meant(name: &str) -> Option<String> {
    match split(name.as_bytes()) {
        Some((stem, _)) => feed_meant(&String::from_utf8_lossy(stem)).map(|feed| feed.name().to_owned()),
        None => {
            let stem = name.split('.').next().unwrap_or_default();
            let feed = feed_meant(stem).filter(|_| name.contains('.'))?;
            let lower = name.to_lowercase();
            let table = [".csv", ".xls", ".xlsx", ".tsv", ".txt", ".et"].iter().any(|part| lower.contains(part));
            Some(format!("{}{}", feed.name(), if table { ".csv" } else { ".ndjson" }))
        }
    }
}

/// How many letters have to be put in, taken out or changed (Levenshtein).
fn letters_differ(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    if a.len().abs_diff(b.len()) > LETTERS_DIFFER_MAX {
        return usize::MAX;
    }
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, letter) in a.iter().enumerate() {
        let mut diagonal = i;
        row[0] = i + 1;
        for (j, other) in b.iter().enumerate() {
            let change = diagonal + usize::from(letter != other);
            diagonal = row[j + 1];
            row[j + 1] = change.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn a_feed_then_nothing_or_any_text_then_an_ending() {
        for (name, feed, format) in [
            ("cases.ndjson", Feed::Cases, Format::Lines),
            ("cases-.csv", Feed::Cases, Format::Csv),
            ("cases..csv", Feed::Cases, Format::Csv),
            ("cases.csv.ndjson.gz", Feed::Cases, Format::GzipLines),
            ("tests-2022-11-30 (1).parquet", Feed::Tests, Format::Parquet),
            ("listings.杭州.ndjson.zst", Feed::Listings, Format::ZstdLines),
            ("external-codes-a.ndjson", Feed::ExternalCodes, Format::Lines),
        ] {
            assert_eq!(feed_of(name), Some((feed, format)), "{name}");
        }
        assert_eq!(feed_of(b"travel-\xff.csv"), Some((Feed::Travel, Format::Csv)), "names are bytes");
        for name in [
            "cases",
            "cases.",
            ".ndjson",
            "Cases.ndjson",
            "cases.NDJSON",
            "cases1.ndjson",
            "cases_a.ndjson",
            "case.ndjson",
            "old-cases.ndjson",
            ".cases.ndjson",
            "cases.json",
            "cases.csv.gz",
            "cases.ndjson.1",
            "cases.ndjson.gz.part",
            "external.ndjson",
            " cases.ndjson",
            "",
        ] {
            assert_eq!(feed_of(name), None, "{name}");
        }
    }

    #[test]
    fn what_a_name_may_have_meant() {
        for (name, meant) in [
            ("test.ndjson", Some("tests")),
            ("Cases.ndjson", Some("cases")),
            ("symptom-2026-11-30.ndjson.gz", Some("symptoms")),
            ("external_codes.csv", Some("external-codes")),
            ("isolations (1).ndjson", Some("isolations")),
            ("old-listings.ndjson", Some("listings")),
            ("LISTINGS.ndjson", Some("listings")),
            ("contact.parquet", Some("contacts")),
            ("symptoms.json", Some("symptoms.ndjson")),
            ("cases.jsonl", Some("cases.ndjson")),
            ("case.csv.gz", Some("cases.csv")),
            ("travel.xlsx", Some("travel.csv")),
            ("README.md", None),
            ("changes.ndjson", None),
            ("a.ndjson", None),
            ("cases", None),
        ] {
            assert_eq!(name_meant(name).as_deref(), meant, "{name}");
        }
        assert_eq!(feed_meant("test"), Some(Feed::Tests));
    }
}
