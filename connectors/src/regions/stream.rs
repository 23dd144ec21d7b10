//! The rows of the list, in the order of saving, become records of the feed and their revisions.
//!
//! A record is (names, tier, the snapshot that brought it): the list does hold one area in two tiers at times. Within
//! a snapshot what ends goes before what begins, for order inside it has no meaning.
//!
//! Owns what stands. Must never look at codes except to write them.

use std::collections::BTreeMap;

use fuma_schemas::Instant;
use fuma_schemas::instant::DAY_MS;
use fuma_schemas::vocabulary::{ClosedList, Tier};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use super::area_code::{AreaCodes, hash};
use super::resolve::{Location, Names, Resolver};
use super::{Import, Input, Place, Review};

/// A row as it is in the list.
#[derive(Deserialize)]
struct Row {
    snapshot: u64,
    published_at: String,
    saved_at: String,
    op: String,
    tier: Option<String>,
    previous_tier: Option<String>,
    #[serde(default)]
    province: String,
    #[serde(default)]
    city: String,
    #[serde(default)]
    county: String,
    #[serde(default)]
    area_name: String,
}

/// A row that can be understood.
struct Entry {
    line: u64,
    snapshot: u64,
    published_at: Instant,
    saved_at: Instant,
    names: Names,
    /// The tier that ends, and the one that begins.
    before: Option<Tier>,
    after: Option<Tier>,
    op: String,
}

/// An event, in the order of its fields.
#[derive(Serialize)]
struct Event<'a> {
    owner: &'a str,
    id: &'a str,
    revision: u32,
    known_at: String,
    region: &'a str,
    tier: &'a str,
    since: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<String>,
    authority: &'a str,
    document: &'a str,
}

/// A record that stands.
struct Standing {
    id: String,
    since: Instant,
    document: String,
}

/// The import under way.
struct Stream<'a> {
    input: &'a Input<'a>,
    codes: FxHashMap<Names, Result<Place, &'static str>>,
    standing: FxHashMap<(Names, Tier), Standing>,
    out: Import,
}

/// Goes through the list.
pub(super) fn import(input: &Input<'_>, resolver: &Resolver<'_>) -> Import {
    let mut stream =
        Stream { input, codes: FxHashMap::default(), standing: FxHashMap::default(), out: Import::default() };
    let mut entries = stream.entries();
    entries.sort_by(|a, b| {
        a.snapshot.cmp(&b.snapshot).then_with(|| (&a.names, a.before, a.after).cmp(&(&b.names, b.before, b.after)))
    });
    stream.locate(&entries, resolver);
    for snapshot in entries.chunk_by(|a, b| a.snapshot == b.snapshot) {
        snapshot.iter().for_each(|entry| stream.end(entry));
        snapshot.iter().for_each(|entry| stream.begin(entry));
    }
    stream.finish()
}

impl Stream<'_> {
    /// The rows that can be understood; the others are for review.
    fn entries(&mut self) -> Vec<Entry> {
        let mut entries = Vec::new();
        let snapshots = self.input.snapshots;
        let snapshots = snapshots.strip_prefix(b"\xef\xbb\xbf").unwrap_or(snapshots);
        for (line, text) in (1..).zip(snapshots.split(|byte| *byte == b'\n')) {
            if text.trim_ascii().is_empty() {
                continue;
            }
            self.count("rows");
            let row = serde_json::from_slice::<Row>(text).map_err(|error| {
                // Only the last line has no end.
                let is_cut = error.is_eof() && text.as_ptr_range().end == snapshots.as_ptr_range().end;
                self.out.cut_short = is_cut.then_some(line);
                error.to_string()
            });
            match row.and_then(|row| Entry::new(line, row).map_err(str::to_owned)) {
                Ok(entry) => entries.push(entry),
                Err(reason) => {
                    let names = std::array::from_fn(|_| String::new());
                    self.review(Review { line, reason: format!("cannot be read: {reason}"), names, op: String::new() });
                }
            }
        }
        entries
    }

    /// Gives every area its code: those of the earliest list first, so that a list that goes on changes none.
    fn locate(&mut self, entries: &[Entry], resolver: &Resolver<'_>) {
        let mut given = AreaCodes::default();
        let mut made: FxHashMap<(String, String), Option<String>> = FxHashMap::default();
        for entry in entries {
            if self.codes.contains_key(&entry.names) {
                continue;
            }
            let place = resolver.locate(&entry.names).and_then(|location| {
                let (code, is_made) = match location {
                    Location::Own(code) => (Some(code), false),
                    Location::Within { parent, text } => {
                        let key = (parent, text);
                        let code = made
                            .entry(key)
                            .or_insert_with_key(|(parent, text)| given.give(resolver.codes, parent, text));
                        (code.clone(), true)
                    }
                };
                let code = code.ok_or("no code is left under its street or county")?;
                Ok(Place { code, made: is_made, names: entry.names.clone().into() })
            });
            self.count(match &place {
                Ok(Place { made: false, .. }) => "areas_with_a_code",
                Ok(_) => "areas_given_a_code",
                Err(_) => "areas_unresolved",
            });
            self.codes.insert(entry.names.clone(), place);
        }
    }

    /// What the entry ends: a further revision with an until.
    fn end(&mut self, entry: &Entry) {
        let (Some(tier), Some(Ok(place))) = (entry.before, self.codes.get(&entry.names)) else { return };
        let code = place.code.clone();
        match self.standing.remove(&(entry.names.clone(), tier)) {
            Some(record) if is_ahead(record.since, entry.saved_at) => {
                self.review_entry(entry, "saved more than 7 days before what it ends began");
            }
            Some(record) => {
                let until = entry.published_at.max(record.since);
                self.write(entry, &record, 2, (&code, tier), Some(until));
            }
            None => self.review_entry(entry, "ends what does not stand in this tier"),
        }
    }

    /// What the entry begins: a record.
    fn begin(&mut self, entry: &Entry) {
        let code = match self.codes.get(&entry.names) {
            Some(Ok(place)) => place.code.clone(),
            Some(Err(reason)) => return self.review_entry(entry, reason),
            None => return,
        };
        let Some(tier) = entry.after else { return };
        let key = (entry.names.clone(), tier);
        if self.standing.contains_key(&key) {
            return self.count("repetitions");
        }
        let Names { province, city, county, area } = &entry.names;
        let names_hash = hash(&format!("{province}/{city}/{county}"), area, 0) & 0xffff_ffff;
        let id = format!("{code}-{}-{}-{names_hash:08x}", tier.name(), entry.snapshot);
        let document =
            format!("national list of risk areas of {}: {province} {city} {county} {area}", entry.published_at);
        let record = Standing { id, since: entry.published_at, document };
        self.write(entry, &record, 1, (&code, tier), None);
        self.standing.insert(key, record);
    }

    fn write(
        &mut self,
        entry: &Entry,
        record: &Standing,
        revision: u32,
        (region, tier): (&str, Tier),
        until: Option<Instant>,
    ) {
        let event = Event {
            owner: self.input.owner,
            id: &record.id,
            revision,
            known_at: entry.saved_at.to_string(),
            region,
            tier: tier.name(),
            since: record.since.to_string(),
            until: until.map(|instant| instant.to_string()),
            authority: self.input.authority,
            document: &record.document,
        };
        // Writing texts to a Vec cannot fail.
        let written = serde_json::to_writer(&mut self.out.events, &event);
        debug_assert!(written.is_ok());
        self.out.events.push(b'\n');
        self.count("events");
    }

    fn review_entry(&mut self, entry: &Entry, reason: &str) {
        let names = entry.names.clone().into();
        self.review(Review { line: entry.line, reason: reason.to_owned(), names, op: entry.op.clone() });
    }

    fn review(&mut self, row: Review) {
        self.count("rows_for_review");
        self.out.review.push(row);
    }

    fn count(&mut self, name: &'static str) {
        *self.out.counts.entry(name).or_default() += 1;
    }

    fn finish(mut self) -> Import {
        self.out.review.sort();
        let places: BTreeMap<Names, Place> =
            self.codes.into_iter().filter_map(|(names, place)| Some((names, place.ok()?))).collect();
        self.out.places = places.into_values().collect();
        self.out
    }
}

impl Entry {
    fn new(line: u64, row: Row) -> Result<Entry, &'static str> {
        let instant = |text: &str| Instant::parse(text);
        let tier = |name: Option<String>| match name {
            None => Ok(None),
            Some(name) => Tier::parse(&name).map(Some).ok_or("no such tier"),
        };
        let (before, after) = (tier(row.previous_tier)?, tier(row.tier)?);
        let fits = match row.op.as_str() {
            "add" => before.is_none() && after.is_some(),
            "change" => before.is_some() && after.is_some(),
            "remove" => before.is_some() && after.is_none(),
            _ => false,
        };
        if !fits {
            return Err("op, tier and previous_tier do not fit");
        }
        let published_at = instant(&row.published_at).ok_or("published_at is no instant")?;
        let saved_at = instant(&row.saved_at).ok_or("saved_at is no instant")?;
        if is_ahead(published_at, saved_at) {
            return Err("published_at is more than 7 days after saved_at");
        }
        let names = Names { province: row.province, city: row.city, county: row.county, area: row.area_name };
        Ok(Entry {
            line,
            snapshot: row.snapshot,
            published_at,
            saved_at,
            names: names.trimmed(),
            before,
            after,
            op: row.op,
        })
    }
}

/// Whether a record with this `since`, known then, would be rejected as `in-future` (docs/feeds.md section 2).
fn is_ahead(since: Instant, known_at: Instant) -> bool {
    since.0.saturating_sub(known_at.0) > 7 * DAY_MS
}

impl Names {
    fn trimmed(self) -> Names {
        let trim = |text: String| text.trim().to_owned();
        Names { province: trim(self.province), city: trim(self.city), county: trim(self.county), area: trim(self.area) }
    }
}

impl From<Names> for [String; 4] {
    fn from(names: Names) -> [String; 4] {
        [names.province, names.city, names.county, names.area]
    }
}
