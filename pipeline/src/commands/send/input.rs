//! Which files are sent, and of which feed each is.
//!
//! Owns how the words of the command line are read: a feed and its files, or files that say their feed themselves.

use std::path::{Path, PathBuf};

use fuma_connectors::files::{self, FeedFile, FileError};
use fuma_schemas::Feed;

use crate::commands::CommandError;
use crate::commands::input::feed_files;
use crate::commands::screen::Screen;

/// What is sent.
#[derive(PartialEq, Eq, Debug)]
pub(super) enum Input {
    /// Lines of JSON on standard input.
    Standard(Feed),
    /// Files, one after another.
    Files(Vec<FeedFile>),
}

/// Reads the words.
pub(super) fn read(words: &[String], screen: &Screen) -> Result<Input, CommandError> {
    let Some((first, rest)) = words.split_first() else {
        return wrong("nothing to send: give a feed and its files, `FEED -`, or a folder of feed files");
    };
    match (Feed::parse(first), rest) {
        (Some(feed), [only]) if only == "-" => Ok(Input::Standard(feed)),
        (Some(feed), [_, ..]) => {
            rest.iter().map(|path| file_of(feed, Path::new(path))).collect::<Result<_, _>>().map(Input::Files)
        }
        (Some(feed), []) => wrong(&format!("no file: give the files of {}, or - for standard input", feed.name())),
        (None, [_, ..]) if !Path::new(first).exists() => wrong(&no_feed(first)),
        _ if words.iter().any(|word| word == "-") => wrong("standard input does not say its feed: give `FEED -`"),
        _ => by_name(words, screen),
    }
}

/// Files and folders that say their feed by their names.
fn by_name(words: &[String], screen: &Screen) -> Result<Input, CommandError> {
    let paths: Vec<PathBuf> = words.iter().map(PathBuf::from).collect();
    match feed_files(&paths, screen) {
        Ok(files) => Ok(Input::Files(files)),
        Err(CommandError::Feeds(FileError::NoFeed { path, meant })) => {
            let feed = meant_feed(&path).map_or("FEED", Feed::name);
            wrong(&format!(
                "{}. Or give the feed: fuma send {feed} {path}",
                FileError::NoFeed { path: path.clone(), meant }
            ))
        }
        Err(error) => Err(error),
    }
}

fn meant_feed(path: &str) -> Option<Feed> {
    let name = Path::new(path).file_name()?.to_str()?;
    files::feed_meant(name.split('.').next()?)
}

/// The first word of several, which is no feed and no path.
fn no_feed(word: &str) -> String {
    let meant =
        files::feed_meant(word).map_or_else(|| ".".to_owned(), |feed| format!("; did you mean {}?", feed.name()));
    format!("{word}: neither a feed nor a file{meant} Feeds: {}", files::feed_names())
}

fn file_of(feed: Feed, path: &Path) -> Result<FeedFile, CommandError> {
    let name = path.file_name().unwrap_or_default();
    let Some(format) = files::format_of(name.as_encoded_bytes()) else {
        let path = path.display();
        return wrong(&format!(
            "{path}: its format is not known: the name must end in .ndjson, .ndjson.gz, .ndjson.zst, .csv or .parquet; \
             lines of JSON also come on standard input: fuma send {} - < {path}",
            feed.name()
        ));
    };
    Ok(FeedFile { feed, name: name.to_string_lossy().into_owned(), path: path.to_owned(), format })
}

fn wrong<T>(text: &str) -> Result<T, CommandError> {
    Err(CommandError::Input(text.to_owned()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use fuma_connectors::files::Format;

    use super::*;

    fn words(text: &str) -> Result<Input, CommandError> {
        read(&text.split_whitespace().map(str::to_owned).collect::<Vec<String>>(), &Screen::default())
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
            ("tests a.txt", "its format is not known"),
            ("nowhere/at-all", "cannot be opened"),
            ("test a.ndjson", "test: neither a feed nor a file; did you mean tests?"),
            ("external_codes -", "did you mean external-codes?"),
        ] {
            let error = words(text).unwrap_err();
            assert!(error.to_string().contains(says), "{text}: {error}");
            assert_eq!(error.exit_code(), 2, "{text}");
        }
    }

    #[test]
    fn a_file_whose_name_is_no_feed_gets_the_command_that_takes_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("symptom.ndjson");
        std::fs::write(&path, "{}\n").unwrap();
        let error = read(&[path.display().to_string()], &Screen::default()).unwrap_err().to_string();
        assert!(error.contains("symptom.ndjson: not a feed; did you mean symptoms?"), "{error}");
        assert!(error.ends_with(&format!("fuma send symptoms {}", path.display())), "{error}");
        let named = path.with_file_name("symptoms-2026-11-30.ndjson");
        std::fs::rename(&path, &named).unwrap();
        let folder = folder.path().display().to_string();
        assert!(matches!(read(&[folder], &Screen::default()).unwrap(), Input::Files(files) if files[0].path == named));
    }
}
