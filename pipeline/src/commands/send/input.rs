//! Which files are sent, and of which feed each is.
//!
//! Owns how the words of the command line are read: a feed and its files, or files that say their feed themselves.

use std::path::{Path, PathBuf};

use fuma_connectors::files::{self, FeedFile, Format};
use fuma_schemas::Feed;

use crate::commands::CommandError;

/// The endings of feed files, longest first.
const ENDINGS: [(&str, Format); 5] = [
    (".ndjson.gz", Format::GzipLines),
    (".ndjson.zst", Format::ZstdLines),
    (".ndjson", Format::Lines),
    (".parquet", Format::Parquet),
    (".csv", Format::Csv),
];

/// What is sent.
#[derive(PartialEq, Eq, Debug)]
pub(super) enum Input {
    /// Lines of JSON on standard input.
    Standard(Feed),
    /// Files, one after another.
    Files(Vec<FeedFile>),
}

/// Reads the words.
pub(super) fn read(words: &[String]) -> Result<Input, CommandError> {
    let wrong = |text: &str| Err(CommandError::Input(text.to_owned()));
    let Some((first, rest)) = words.split_first() else {
        return wrong("nothing to send: give a feed and its files, `<feed> -`, or a folder of feed files");
    };
    match (Feed::parse(first), rest) {
        (Some(feed), [only]) if only == "-" => Ok(Input::Standard(feed)),
        (Some(feed), [_, ..]) => {
            rest.iter().map(|path| file_of(feed, Path::new(path))).collect::<Result<_, _>>().map(Input::Files)
        }
        (Some(feed), []) => wrong(&format!("no file: give the files of {}, or - for standard input", feed.name())),
        _ if words.iter().any(|word| word == "-") => wrong("standard input does not say its feed: give `<feed> -`"),
        _ => {
            let paths: Vec<PathBuf> = words.iter().map(PathBuf::from).collect();
            let found = files::find(&paths)?;
            match paths.iter().find(|path| !path.is_dir() && !found.iter().any(|file| file.path == **path)) {
                Some(path) => wrong(&format!("{}: is not named after a feed: give the feed first", path.display())),
                None if found.is_empty() => wrong("no feed files: name them <feed>.ndjson, or give the feed first"),
                None => Ok(Input::Files(found)),
            }
        }
    }
}

fn file_of(feed: Feed, path: &Path) -> Result<FeedFile, CommandError> {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let Some((_, format)) = ENDINGS.into_iter().find(|(ending, _)| name.ends_with(ending)) else {
        let path = path.display();
        return Err(CommandError::Input(format!(
            "{path}: cannot tell its format: .ndjson, .ndjson.gz, .ndjson.zst, .csv or .parquet, or - for input"
        )));
    };
    Ok(FeedFile { feed, name: name.to_owned(), path: path.to_owned(), format })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    fn words(text: &str) -> Result<Input, CommandError> {
        read(&text.split_whitespace().map(str::to_owned).collect::<Vec<String>>())
    }

    #[test]
    fn a_feed_and_its_files_or_standard_input() {
        assert_eq!(words("tests -").unwrap(), Input::Standard(Feed::Tests));
        let Input::Files(files) = words("external-codes a/b.2021.ndjson.zst c.csv").unwrap() else { panic!() };
        assert_eq!(
            files.iter().map(|file| (file.feed, file.format)).collect::<Vec<_>>(),
            [(Feed::ExternalCodes, Format::ZstdLines), (Feed::ExternalCodes, Format::Csv),]
        );
    }

    #[test]
    fn what_cannot_be_told_is_said() {
        for (text, says) in [
            ("", "nothing to send"),
            ("tests", "no file"),
            ("-", "does not say its feed"),
            ("tests a.txt", "cannot tell its format"),
            ("nowhere/at-all", "cannot be opened"),
        ] {
            let error = words(text).unwrap_err().to_string();
            assert!(error.contains(says), "{text}: {error}");
        }
    }
}
