//! The text of a case file into cases.
//!
//! Owns lines and headings; fields are `record`'s, expectations `expect`'s. Must never guess: what it cannot read is
//! an error with its line.

use fuma_schemas::Instant;
use fuma_schemas::instant::DAY_MS;

use super::record::Records;
use super::{Aspect, Case, Text, expect, letter_of, person_of};
use crate::policy::PackError;

/// How long after the last instant that a case names it is watched, so that nobody turns red or green unnoticed.
const WATCH_DAYS: i64 = 60;
const MINUTE_MS: i64 = 60_000;

/// Reads the cases of a file.
///
/// # Errors
/// The first line that cannot be read.
pub fn parse(file: &str, text: &str) -> Result<Vec<Case>, PackError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut cases = Vec::new();
    let mut open: Option<Open> = None;
    for (at, line) in text.lines().enumerate() {
        let line = Line { file, number: at + 1, text: line.split(" #").next().unwrap_or_default().trim() };
        if line.text.is_empty() || line.text.starts_with('#') {
            continue;
        }
        let (word, rest) = line.word(line.text);
        if word == "case" {
            cases.extend(open.take().map(Open::close).transpose()?);
            open = Some(Open::heading(&line, rest)?);
            continue;
        }
        match &mut open {
            Some(case) => case.line(&line, word, rest)?,
            None => return Err(line.error("a file of cases begins with `case RULE ASPECT: zh / en`")),
        }
    }
    cases.extend(open.take().map(Open::close).transpose()?);
    Ok(cases)
}

/// A line with its place.
pub(super) struct Line<'a> {
    pub(super) file: &'a str,
    pub(super) number: usize,
    pub(super) text: &'a str,
}

impl Line<'_> {
    pub(super) fn error(&self, reason: impl Into<String>) -> PackError {
        PackError::at(self.file, self.number, reason)
    }

    /// The first word and what follows it.
    pub(super) fn word<'t>(&self, text: &'t str) -> (&'t str, &'t str) {
        let text = text.trim_start();
        text.split_once(char::is_whitespace).map_or((text, ""), |(word, rest)| (word, rest.trim_start()))
    }

    /// A local time `2021-11-03 12:00`, with seconds and milliseconds where they matter, and what follows it.
    pub(super) fn instant<'t>(&self, text: &'t str) -> Result<(Instant, &'t str), PackError> {
        let (date, rest) = self.word(text);
        let (time, rest) = self.word(rest);
        let seconds = if time.len() == 5 { ":00" } else { "" };
        let instant = Instant::parse(&format!("{date}T{time}{seconds}+08:00"));
        let instant =
            instant.ok_or_else(|| self.error(format!("`{date} {time}` is no time: write 2021-11-03 12:00")))?;
        Ok((instant, rest))
    }

    /// A person: one capital letter.
    pub(super) fn letter(&self, text: &str) -> Result<char, PackError> {
        let mut letters = text.chars();
        match (letters.next(), letters.next()) {
            (Some(letter), None) if letter.is_ascii_uppercase() => Ok(letter),
            _ => Err(self.error(format!("`{text}` is no person: write a capital letter"))),
        }
    }
}

/// A case that is being read.
struct Open {
    case: Case,
    records: Records,
    until: Option<Instant>,
    latest: Instant,
    people: Vec<char>,
}

impl Open {
    fn heading(line: &Line<'_>, rest: &str) -> Result<Open, PackError> {
        let wrong = || {
            line.error(
                "write `case RULE ASPECT: zh / en`; an aspect is trigger, boundary, release, retraction or scenario",
            )
        };
        let (name, title) = rest.split_once(':').ok_or_else(wrong)?;
        let (subject, aspect) = line.word(name);
        let aspect = Aspect::ALL.into_iter().find(|one| one.name() == aspect.trim()).ok_or_else(wrong)?;
        let (zh, en) = title.split_once('/').ok_or_else(wrong)?;
        let title = Text { zh: zh.trim().to_string(), en: en.trim().to_string() };
        if title.zh.is_empty() || title.en.is_empty() {
            return Err(wrong());
        }
        let case = Case {
            file: line.file.to_string(),
            line: line.number,
            subject: subject.to_string(),
            aspect,
            title,
            tick_ms: MINUTE_MS,
            until: Instant::MAX,
            records: Vec::new(),
            expected: Vec::new(),
            always_green: Vec::new(),
            refused: Vec::new(),
        };
        Ok(Open { case, records: Records::default(), until: None, latest: Instant::MIN, people: Vec::new() })
    }

    fn line(&mut self, line: &Line<'_>, word: &str, rest: &str) -> Result<(), PackError> {
        match word {
            "at" => {
                let (known_at, rest) = line.instant(rest)?;
                self.latest = self.latest.max(known_at);
                let (record, person) = self.records.record(line, known_at, rest)?;
                self.people.extend(person);
                self.case.records.push(record);
            }
            "expect" => match expect::change(line, rest)? {
                (letter, None) => self.case.always_green.push(person_of(letter)),
                (_, Some(change)) => {
                    self.latest = self.latest.max(change.decided_at);
                    self.case.expected.push(change);
                }
            },
            "refused" => {
                let refused = expect::refused(line, rest)?;
                if !self.case.records.iter().any(|record| record.name == refused.name) {
                    return Err(line.error(format!("there is no record `{}` above", refused.name)));
                }
                self.case.refused.push(refused);
            }
            "tick" => self.case.tick_ms = expect::duration(line, rest)?,
            "until" => self.until = Some(line.instant(rest)?.0),
            other => {
                return Err(
                    line.error(format!("`{other}`: a line begins with case, at, expect, refused, tick or until"))
                );
            }
        }
        Ok(())
    }

    fn close(mut self) -> Result<Case, PackError> {
        let wrong = |reason: String| Err(PackError::at(&self.case.file, self.case.line, reason));
        if self.case.records.is_empty() {
            return wrong("the case has no record: add a line `at TIME KIND ID of PERSON: FIELDS`".to_string());
        }
        let expected: Vec<char> = self.case.expected.iter().map(|change| letter_of(change.person)).collect();
        let green: Vec<char> = self.case.always_green.iter().map(|person| letter_of(*person)).collect();
        if let Some(person) = self.people.iter().find(|person| !expected.contains(person) && !green.contains(person)) {
            return wrong(format!(
                "nothing is expected of {person}: add `expect {person} ...` or `expect {person} always green`"
            ));
        }
        if let Some(person) = green.iter().find(|person| expected.contains(person)) {
            return wrong(format!("{person} cannot be always green and change as well"));
        }
        if let Some(person) = expected.iter().chain(&green).find(|person| !self.people.contains(person)) {
            return wrong(format!("nothing is known of {person}: add a record or take the expectation away"));
        }
        let watched = Instant(self.latest.0.saturating_add(WATCH_DAYS * DAY_MS).min(Instant::MAX.0));
        self.case.until = self.until.unwrap_or(watched);
        Ok(self.case)
    }
}
