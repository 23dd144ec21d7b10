//! The cases of a pack: scenarios that must hold before it may be used, in a text that a health official can read.
//!
//! ```text
//! # Times are local (Asia/Shanghai); a comment begins with a hash.
//! case ZJ-R4 release: 密接：解除隔离 / released from contact isolation
//! at 2021-11-03 12:00  contact c1 of A: close, determined 2021-11-03 10:00, last exposure 2021-11-01 20:00
//! at 2021-11-04 09:00  isolation i1 of A: centralised, contact, started 2021-11-03 14:00
//! at 2021-11-15 09:00  isolation i1 of A: ended 2021-11-15 08:00, released
//! expect A  2021-11-03 12:00  red ZJ-R4 due 2021-11-16 00:00
//! expect A  2021-11-04 09:00  red ZJ-R4, ZJ-R6
//! expect A  2021-11-15 09:00  green
//! ```
//!
//! | line | says |
//! |---|---|
//! | `case RULE ASPECT: zh / en` | its rule; its aspect: trigger, boundary, release, retraction or scenario |
//! | `at TIME KIND ID of PERSON: FIELDS` | what became known when; people are letters, a region has none |
//! | `at TIME retract KIND ID of PERSON` | that the record never held |
//! | `expect PERSON TIME COLOUR RULES` | a change: when decided, colour, rules, with `since`, `until`, `due` where they matter |
//! | `expect PERSON always green` | that nothing is announced |
//! | `refused KIND ID of PERSON: CODE` | that the feed rejects the record, and why |
//! | `tick 1h`, `until TIME` | how often people are judged (1m), and how long (60 days past the last time named) |
//!
//! A field is its name in the feed with blanks for underscores and without `_at` ("last exposure 2021-11-01 20:00");
//! a word of a closed list stands alone ("close"); `-` takes a field away. A second record of an id revises the first
//! and need only name what changes.
//! Each person of a case needs an `expect`, so that nothing is overlooked.
//!
//! Owns the format, and what it means for a case to hold. Pure: the engine that judges comes in as a function.

mod expect;
mod parse;
mod record;
mod report;
mod run;
#[cfg(test)]
mod tests;

use fuma_schemas::{Colour, Feed, Instant, Person, RejectCode};

use super::Text;

pub use parse::parse;
pub use record::nouns;
pub use report::{CaseReport, CaseResult, check_expected, judge};
pub use run::{Answer, Difference, Refusal, Scenario, check};

/// What a case shows of its rule. Every rule has a case of each but the last.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Aspect {
    /// What gives the colour.
    Trigger,
    /// The last instant, day or value on either side.
    Boundary,
    /// What ends it.
    Release,
    /// The evidence is withdrawn.
    Retraction,
    /// A longer story, or what several rules do together.
    Scenario,
}

impl Aspect {
    /// Every aspect.
    pub const ALL: [Aspect; 5] =
        [Aspect::Trigger, Aspect::Boundary, Aspect::Release, Aspect::Retraction, Aspect::Scenario];
    /// Those that every rule must be shown in.
    pub const REQUIRED: [Aspect; 4] = [Aspect::Trigger, Aspect::Boundary, Aspect::Release, Aspect::Retraction];

    /// The word in a case.
    pub fn name(self) -> &'static str {
        match self {
            Aspect::Trigger => "trigger",
            Aspect::Boundary => "boundary",
            Aspect::Release => "release",
            Aspect::Retraction => "retraction",
            Aspect::Scenario => "scenario",
        }
    }
}

/// A case.
#[derive(Clone, Debug)]
pub struct Case {
    /// The file, relative to the pack.
    pub file: String,
    /// The line of its heading.
    pub line: usize,
    /// The rule that it is about, or another word ("anchor-3").
    pub subject: String,
    /// What it shows.
    pub aspect: Aspect,
    /// The title.
    pub title: Text,
    /// How often people are judged, in milliseconds.
    pub tick_ms: i64,
    /// Until when.
    pub until: Instant,
    /// What becomes known.
    pub records: Vec<CaseRecord>,
    /// What is announced, person by person in order.
    pub expected: Vec<Expected>,
    /// People of whom nothing is announced.
    pub always_green: Vec<Person>,
    /// What is refused.
    pub refused: Vec<Refused>,
}

/// A record of a case.
#[derive(Clone, Debug)]
pub struct CaseRecord {
    /// Its line.
    pub line: usize,
    /// Its feed.
    pub feed: Feed,
    /// What the case calls it: "contact c1 of A".
    pub name: String,
    /// The line of the feed.
    pub json: String,
}

/// A change that must be announced.
#[derive(Clone, Debug)]
pub struct Expected {
    /// Its line.
    pub line: usize,
    /// Whose.
    pub person: Person,
    /// When it is decided.
    pub decided_at: Instant,
    /// The colour.
    pub colour: Colour,
    /// The rules that hold then, by id.
    pub reasons: Vec<ExpectedReason>,
}

/// A reason of an expected change. An instant that is not named may be any; `Some(None)` is open or none.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ExpectedReason {
    /// The rule.
    pub rule: String,
    /// Since when it holds.
    pub since: Option<Instant>,
    /// Until when it holds.
    pub until: Option<Option<Instant>>,
    /// When it is due to be released.
    pub due: Option<Option<Instant>>,
}

/// A record that must be refused.
#[derive(Clone, Debug)]
pub struct Refused {
    /// Its line.
    pub line: usize,
    /// The record: "listing l1 of A".
    pub name: String,
    /// Why.
    pub code: RejectCode,
}

/// The key of a person that a case calls by a letter: the letter's number at the end of zeros.
pub fn person_of(letter: char) -> Person {
    let mut token = [0; 16];
    token[15] = u8::try_from(letter).unwrap_or(0);
    Person(token)
}

/// The letter of such a person.
pub fn letter_of(person: Person) -> char {
    char::from(person.0[15])
}
