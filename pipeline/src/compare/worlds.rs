//! Small worlds through the engine: one person each, many at once, judged by two packs.
//!
//! Owns the way from facts to what two packs say. The engine is the one that judges people.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use fuma_schemas::instant::DAY_MS;
use fuma_schemas::{CodeChange, Feed, Instant};
use serde_json::{Map, Value};

use super::facts::{ANCHOR, FREE, Fact};
use super::tiers::{Region, person};
use crate::assess::timeline::{Interval, Timeline};
use crate::assess::{Judge, Partition};
use crate::intake::{Key, Settings};
use crate::policy::{Pack, RuleRow};
use crate::replay::{self, Bounds, Options, ReplayError, Silent, Source, Tick};

/// People of worlds come as tokens: no certificate number is hashed with this key.
const NO_SECRET: &str = "0000000000000000000000000000000000000000000000000000000000000000";
/// When all is known.
pub(super) const END: Instant = Instant(ANCHOR.0 + 400 * DAY_MS);
/// People that are asked about at once.
const ASKED: usize = 4096;
const MINUTE_MS: i64 = 60_000;

/// What two packs say of one world.
pub(super) struct Said {
    /// The world, by its place in the batch.
    pub(super) world: usize,
    /// The merged intervals under each.
    pub(super) timelines: [Timeline; 2],
}

/// The records of a fact of a person, as they become known: what is open first, and each end when it comes.
pub(super) fn records(fact: &Fact, (owner, id): (&str, &str), who: &str) -> Vec<(Instant, Value)> {
    let instant = |name: &str| fact.fields.get(name).and_then(Value::as_str).and_then(Instant::parse);
    let columns = || fact.kind.columns().iter().filter(|column| instant(column.name).is_some());
    let is_free = |name: &str| FREE.contains(&name);
    let needed = columns().filter(|column| !column.optional && !is_free(column.name));
    let first = needed.filter_map(|column| instant(column.name)).max().unwrap_or(ANCHOR);
    let ends = columns().filter(|column| column.optional && !is_free(column.name));
    let times: BTreeSet<Instant> =
        std::iter::once(first).chain(ends.filter_map(|column| instant(column.name)).map(|at| at.max(first))).collect();
    let record = |(number, known_at): (usize, Instant)| {
        let mut fields: Map<String, Value> = fact.fields.clone();
        fields.retain(|name, _| is_free(name) || instant(name).is_none_or(|at| at <= known_at));
        if fact.fields.contains_key("ended_at") && !fields.contains_key("ended_at") {
            fields.retain(|name, _| name != "outcome" && name != "next_stage");
        }
        let known = [("owner", owner), ("id", id), ("person", who)].map(|(name, text)| (name.to_owned(), text.into()));
        fields.extend(known);
        fields.insert("known_at".to_owned(), known_at.to_string().into());
        fields.insert("revision".to_owned(), (number + 1).into());
        (known_at, Value::Object(fields))
    };
    times.into_iter().enumerate().map(record).collect()
}

/// What is announced of the records of feed files under a pack.
///
/// # Errors
/// When the engine cannot run.
pub(super) fn replayed(feeds: &BTreeMap<String, Vec<Value>>, pack: &Arc<Pack>) -> Result<Vec<CodeChange>, ReplayError> {
    let source = |(name, records): (&String, &Vec<Value>)| {
        let stem = name.strip_suffix(".ndjson")?;
        let lines: Vec<String> = records.iter().map(Value::to_string).collect();
        let feed = Feed::parse(stem)?;
        Some(Source::Bytes { feed, name: name.clone(), bytes: lines.join("\n").into_bytes().into() })
    };
    let sources: Vec<Source> = feeds.iter().filter_map(source).collect();
    let Some(options) = options(pack, MINUTE_MS, 1) else { return Ok(Vec::new()) };
    Ok(replay::run(&sources, &options, &Silent)?.changes)
}

fn options(pack: &Arc<Pack>, tick_ms: i64, workers: usize) -> Option<Options> {
    let (key, tick) = Key::from_hex(NO_SECRET).ok().zip(Tick::new(tick_ms))?;
    let intake = Arc::new(Settings::new(key));
    let bounds = Bounds::default();
    Some(Options { pack: Arc::clone(pack), later: Vec::new(), tick, until: Some(END), workers, intake, bounds })
}

/// What two packs say of a batch of worlds; worlds that neither gives a reason are left out.
///
/// # Errors
/// When the engine cannot run.
pub(super) fn judged(worlds: &[Vec<&Fact>], packs: [&Arc<Pack>; 2], workers: usize) -> Result<Vec<Said>, ReplayError> {
    let mut feeds: BTreeMap<Feed, Vec<u8>> = BTreeMap::new();
    let mut write = |feed: Feed, record: &Value| {
        let lines = feeds.entry(feed).or_default();
        lines.extend_from_slice(record.to_string().as_bytes());
        lines.push(b'\n');
    };
    let regions: BTreeSet<&Region> = worlds.iter().flatten().filter_map(|fact| fact.region.as_ref()).collect();
    for (feed, record) in regions.into_iter().map(Region::record) {
        write(feed, &record);
    }
    for (number, world) in worlds.iter().enumerate() {
        let who = person(number).to_string();
        for (place, fact) in world.iter().enumerate() {
            // Of a whole batch the last word alone is needed.
            let last = records(fact, ("cases", &format!("f{place}")), &who).pop();
            last.iter().for_each(|(_, record)| write(fact.kind.feed(), record));
        }
    }
    let source = |(feed, bytes): (Feed, Vec<u8>)| Source::Bytes {
        feed,
        name: format!("{}.ndjson", feed.name()),
        bytes: bytes.into(),
    };
    let sources: Vec<Source> = feeds.into_iter().map(source).collect();
    let Some(options) = options(packs[0], MINUTE_MS, workers) else { return Ok(Vec::new()) };
    let (finished, _) = replay::known(&sources, &options, None, &Silent)?;
    let partitions = &finished.partitions;
    let said: Result<Vec<Vec<Said>>, ReplayError> = std::thread::scope(|scope| {
        let threads: Vec<_> = partitions
            .iter()
            .enumerate()
            .map(|(number, partition)| {
                scope.spawn(move || of_partition(partition, (number, partitions.len()), worlds.len(), packs))
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().map_err(|_| ReplayError::Worker)?).collect()
    });
    let mut said: Vec<Said> = said?.into_iter().flatten().collect();
    said.sort_by_key(|said| said.world);
    Ok(said)
}

fn of_partition(
    partition: &Partition,
    (number, partitions): (usize, usize),
    worlds: usize,
    packs: [&Arc<Pack>; 2],
) -> Result<Vec<Said>, ReplayError> {
    let judges = [Judge::new(Arc::clone(packs[0]))?, Judge::new(Arc::clone(packs[1]))?];
    let own = (0..worlds).filter(|world| person(*world).partition(partitions) == number);
    let own: Vec<(usize, u32)> =
        own.filter_map(|world| Some((world, partition.evidence().find(person(world))?))).collect();
    let mut said = Vec::new();
    for asked in own.chunks(ASKED) {
        let people: Vec<(u32, Option<u64>)> = asked.iter().map(|(_, person)| (*person, None)).collect();
        let [mut old, mut new] = [&judges[0], &judges[1]].map(|judge| by_slot(partition.rules_by(judge, &people)));
        for (slot, (world, _)) in (0_u32..).zip(asked) {
            let timelines = [&mut old, &mut new]
                .map(|rows| Timeline::merge(rows.get_mut(&slot).map_or(&mut [][..], Vec::as_mut_slice)));
            if timelines.iter().any(|timeline| !timeline.intervals().is_empty()) {
                said.push(Said { world: *world, timelines });
            }
        }
    }
    Ok(said)
}

fn by_slot(rows: Vec<RuleRow>) -> BTreeMap<u32, Vec<RuleRow>> {
    let mut all: BTreeMap<u32, Vec<RuleRow>> = BTreeMap::new();
    rows.into_iter().for_each(|row| all.entry(row.slot).or_default().push(row));
    all
}

/// The intervals of a rule; intervals that end as they begin are none.
pub(super) fn of_rule(timeline: &Timeline, rule: usize) -> Vec<Interval> {
    let own = timeline.intervals().iter().filter(|interval| usize::from(interval.rule) == rule);
    own.filter(|interval| interval.until.is_none_or(|until| interval.since < until)).copied().collect()
}
