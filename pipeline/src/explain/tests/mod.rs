//! The account over small feeds: what counts, and each way not to count.
//!
//! Owns the feeds of these tests. Resident IDs are of division 99xxxx, which does not exist.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod accounts;
mod derived;
mod grounds;
mod overdues;

use std::sync::{Arc, OnceLock};

use fuma_schemas::{Feed, Instant, Person};

use super::effects::Effects;
use super::{Inputs, Known, Language, Overdue, account, found, json, render, with_names};
use crate::intake::{Key, Settings};
use crate::policy::{self, Pack, PackSource};
use crate::replay::{self, Bounds, Finished, Options, Silent, Source, Tick};

const ANNA: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const BEN: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
const CARA: &str = "cccccccccccccccccccccccccccccccc";

fn zhejiang() -> &'static Arc<Pack> {
    static PACK: OnceLock<Arc<Pack>> = OnceLock::new();
    PACK.get_or_init(|| policy::load(&PackSource::find("zhejiang-2020-109").unwrap()).unwrap())
}

fn chongqing() -> &'static Arc<Pack> {
    static PACK: OnceLock<Arc<Pack>> = OnceLock::new();
    PACK.get_or_init(|| policy::load(&PackSource::find("chongqing-2021-24").unwrap()).unwrap())
}

fn key() -> Key {
    Key::from_hex(&"0b".repeat(32)).unwrap()
}

/// "2021-11-03 10:00" of local time, or a day.
fn at(short: &str) -> Instant {
    let time = if short.len() == 10 { "T00:00:00+08:00" } else { ":00+08:00" };
    Instant::parse(&format!("{}{time}", short.replace(' ', "T"))).unwrap()
}

/// A record: `feed person id known_at {fields}`, where `{fields}` is the inside of a JSON object and instants are
/// short.
struct Feeds(Vec<(Feed, String)>);

impl Feeds {
    fn new() -> Feeds {
        Feeds(Vec::new())
    }

    fn with(self, feed: Feed, person: &str, id: &str, known_at: &str, fields: &str) -> Feeds {
        self.with_who(feed, &format!(r#""person":"{person}""#), id, known_at, fields)
    }

    fn region(self, id: &str, known_at: &str, fields: &str) -> Feeds {
        let fields = format!(r#""authority":"x",{fields}"#);
        self.with_who(Feed::Regions, r#""document":"d""#, id, known_at, &fields)
    }

    fn with_who(mut self, feed: Feed, who: &str, id: &str, known_at: &str, fields: &str) -> Feeds {
        let fields = lengthened(fields);
        let line = format!(r#"{{"owner":"src","id":"{id}",{who},"known_at":"{}",{fields}}}"#, at(known_at));
        self.0.push((feed, line + "\n"));
        self
    }

    fn known(&self, pack: &Arc<Pack>, until: &str, whom: Option<Person>, workers: usize) -> Finished {
        let sources: Vec<Source> = Feed::ALL
            .into_iter()
            .map(|feed| {
                let of_feed = self.0.iter().filter(|(of, _)| *of == feed).map(|(_, line)| line.as_str());
                let bytes: String = of_feed.collect();
                let name = format!("{}.ndjson", feed.name());
                Source::Bytes { feed, name, bytes: bytes.into_bytes().into() }
            })
            .collect();
        let options = Options {
            pack: Arc::clone(pack),
            later: Vec::new(),
            tick: Tick::new(1).unwrap(),
            until: Some(at(until)),
            workers,
            intake: Arc::new(Settings::new(key())),
            bounds: Bounds::default(),
        };
        let (finished, _) = replay::known(&sources, &options, whom, &Silent).unwrap();
        assert_eq!(finished.outcome.rejects, [], "the feeds of a test are good");
        finished
    }

    fn explained(&self, pack: &Arc<Pack>, until: &str, person: &str) -> String {
        self.explained_in(pack, until, person, Language::English)
    }

    fn explained_by(&self, pack: &Arc<Pack>, until: &str, person: &str, workers: usize) -> String {
        let person = Person::parse(person).unwrap();
        text(&self.known(pack, until, Some(person), workers), pack, at(until), person, Language::English)
    }

    fn explained_in(&self, pack: &Arc<Pack>, until: &str, person: &str, language: Language) -> String {
        let person = Person::parse(person).unwrap();
        let one = text(&self.known(pack, until, Some(person), 1), pack, at(until), person, language);
        let several = text(&self.known(pack, until, Some(person), 3), pack, at(until), person, language);
        assert_eq!(one, several, "the number of workers changes nothing");
        one
    }
}

/// The account of a person at the end of a replay.
fn text(finished: &Finished, pack: &Pack, at: Instant, person: Person, language: Language) -> String {
    let phones = finished.phones().unwrap();
    let inputs = Inputs::new(&finished.batches, at).with_linked(finished.linked.as_ref(), &phones);
    let known = Known::new(&finished.partitions, &inputs, pack, at);
    render(&account(&known, person).unwrap(), language)
}

/// Writes out the short instants of some fields: `@2021-11-03 10:00@`.
fn lengthened(fields: &str) -> String {
    let pieces = fields.split('@').enumerate();
    pieces.map(|(place, piece)| if place % 2 == 1 { format!("\"{}\"", at(piece)) } else { piece.to_string() }).collect()
}

fn names(overdue: &Overdue<'_>) -> Vec<String> {
    overdue.evidence.iter().map(ToString::to_string).collect()
}
