//! Dead letters to their feeds again: key, value and headers as they came, and how often it has been tried.
//!
//! Owns which are sent, and when that is noted: behind the acknowledgement, so that none is lost.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use fuma_connectors::kafka::{ATTEMPT_HEADER, Connection, DeadLetter, DeadLetters, Publisher, RawRecord};
use fuma_schemas::{Feed, RejectCode};

use super::SendArguments;
use super::pace::Pace;
use crate::commands::screen::Screen;
use crate::commands::{CommandError, FAILED};

/// What was sent is noted after this many letters.
const NOTE_EVERY: u64 = 10_000;

/// Sends dead letters again.
pub(super) fn run(arguments: &SendArguments, screen: &Screen) -> Result<ExitCode, CommandError> {
    let feeds = feeds(&arguments.what)?;
    known_codes(&arguments.code)?;
    let configured = arguments.kafka.configuration()?;
    let connection = arguments.kafka.connection_of(&configured.kafka)?;
    let group = arguments.group.as_deref().unwrap_or(&configured.group);
    #[expect(clippy::disallowed_methods, reason = "a rate")]
    let clock = Instant::now();
    let mut again = Again {
        publisher: Publisher::new(&connection)?,
        pace: Pace::new(arguments.rate),
        clock,
        counts: BTreeMap::new(),
        cut: 0,
        refused: 0,
    };
    let wanted = |code: &str| arguments.code.is_empty() || arguments.code.iter().any(|wanted| wanted == code);
    for feed in feeds {
        again.send(&connection, feed, group, &wanted)?;
    }
    screen.print(&again.summary())?;
    Ok(if again.refused == 0 { ExitCode::SUCCESS } else { ExitCode::from(FAILED) })
}

fn feeds(words: &[String]) -> Result<Vec<Feed>, CommandError> {
    if words.is_empty() {
        return Ok(Feed::ALL.to_vec());
    }
    let feed = |word: &String| {
        Feed::parse(word).ok_or_else(|| {
            let names = Feed::ALL.map(Feed::name).join(", ");
            CommandError::Input(format!("{word}: no feed; there are {names}"))
        })
    };
    words.iter().map(feed).collect()
}

/// A code that does not exist would send nothing, in silence.
fn known_codes(codes: &[String]) -> Result<(), CommandError> {
    let names: Vec<&str> = RejectCode::ALL.iter().map(|code| code.name()).collect();
    if codes.iter().any(|code| code == RejectCode::TooLarge.name()) {
        let text = "too-large: a letter holds only the beginning of such a record; send it again from its source";
        return Err(CommandError::Input(text.to_owned()));
    }
    match codes.iter().find(|code| !names.contains(&code.as_str())) {
        None => Ok(()),
        Some(code) => Err(CommandError::Input(format!("{code}: no code; there are {}", names.join(", ")))),
    }
}

struct Again {
    publisher: Publisher,
    pace: Pace,
    clock: Instant,
    /// How many of each feed and code.
    counts: BTreeMap<(&'static str, String), u64>,
    /// How many hold the beginning of their record alone.
    cut: u64,
    /// How many their feed does not take any more.
    refused: u64,
}

impl Again {
    fn send(
        &mut self,
        connection: &Connection,
        feed: Feed,
        group: &str,
        wanted: &dyn Fn(&str) -> bool,
    ) -> Result<(), CommandError> {
        self.publisher.expect_topic(feed)?;
        let mut letters = DeadLetters::new(connection, feed, group)?;
        let mut unnoted = 0;
        while let Some(letter) = letters.next(wanted)? {
            if letter.is_cut {
                self.cut += 1;
                continue;
            }
            self.send_letter(feed, &letter)?;
            *self.counts.entry((feed.name(), letter.code)).or_default() += 1;
            unnoted += 1;
            if unnoted == NOTE_EVERY {
                self.publisher.flush()?;
                letters.commit()?;
                unnoted = 0;
            }
        }
        self.publisher.flush()?;
        self.refused += self.publisher.refused().len() as u64;
        Ok(letters.commit()?)
    }

    fn send_letter(&mut self, feed: Feed, letter: &DeadLetter) -> Result<(), CommandError> {
        loop {
            let wait = self.pace.wait(self.clock.elapsed());
            if wait.is_zero() {
                break;
            }
            self.publisher.serve(wait.min(Duration::from_millis(50)))?;
        }
        self.pace.went(self.clock.elapsed());
        let attempt = letter.attempt.saturating_add(1).to_string();
        let own = letter.headers.iter().map(|(name, value)| (name.as_str(), value.as_deref()));
        let headers: Vec<(&str, Option<&[u8]>)> = own.chain([(ATTEMPT_HEADER, Some(attempt.as_bytes()))]).collect();
        let record = RawRecord { key: letter.key.as_deref(), value: letter.value.as_deref(), headers: &headers };
        Ok(self.publisher.send(feed, record)?)
    }

    fn summary(&self) -> String {
        let lines = self.counts.iter().map(|((feed, code), count)| {
            let code = if code.is_empty() { "(no code)" } else { code };
            format!("{feed:15} {code:18} {count:>9}\n")
        });
        let all: u64 = self.counts.values().sum();
        let cut = (self.cut > 0).then(|| {
            format!(
                "{} letters hold only the beginning of their record: send those again from their source\n",
                self.cut
            )
        });
        let refused = (self.refused > 0).then(|| {
            format!(
                "{} of them were not taken: the topic of their feed takes no record of their length\n",
                self.refused
            )
        });
        lines.chain([format!("{all} dead letters sent again\n")]).chain(cut).chain(refused).collect()
    }
}
