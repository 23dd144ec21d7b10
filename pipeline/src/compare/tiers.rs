//! Regions of small worlds, and stays that meet their tiers.
//!
//! Each tier with its times has a city of its own, so that people of one batch do not share what they should not.
//!
//! Owns the codes. Must never judge.

use std::collections::BTreeMap;

use fuma_schemas::instant::DAY_MS;
use fuma_schemas::vocabulary::{ClosedList as _, Tier};
use fuma_schemas::{Feed, Instant, Person};
use serde_json::{Value, json};

use super::facts::{ANCHOR, Fact, Words};

/// A region with its tier.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Region {
    code: String,
    tier: &'static str,
    since: Instant,
    until: Option<Instant>,
}

/// How a stay is known beside the region.
#[derive(Clone, Copy)]
enum Where {
    Exact,
    Within,
    County,
    City,
    Province,
}

impl Region {
    /// The record of the region, known when its tier began.
    pub(super) fn record(&self) -> (Feed, Value) {
        let mut record = json!({
            "owner": "cases", "id": self.code, "known_at": self.since.to_string(), "region": self.code,
            "tier": self.tier, "since": self.since.to_string(), "authority": "headquarters",
        });
        if let Some(until) = self.until {
            record["until"] = until.to_string().into();
        }
        (Feed::Regions, record)
    }
}

/// Stays that meet tiers: the varied ones the usual tier, the plain ones every tier, time and way to meet.
pub(super) fn met(words: &Words, stays: Vec<Fact>) -> Vec<Fact> {
    let long_ago = Instant(ANCHOR.0 - 30 * DAY_MS);
    let mut cities: BTreeMap<(&'static str, Instant, Option<Instant>), usize> = BTreeMap::new();
    let mut region = |tier: &'static str, since: Instant, until: Option<Instant>| {
        let number = cities.len();
        let city = *cities.entry((tier, since, until)).or_insert(number);
        // Cities of provinces that have codes; each has 99.
        let code = format!("{}{:02}", 33 + city / 99, 1 + city % 99);
        Region { code, tier, since, until }
    };
    let mut all = Vec::new();
    for tier in words.treated_apart("tier", Tier::NAMES) {
        for (number, stay) in stays.iter().enumerate() {
            let usual = region(tier, long_ago, None);
            all.push(placed(stay, usual.clone(), Where::Exact));
            let Some(arrived) = Some(stay).filter(|stay| stay.plain) else { continue };
            let turns = words.instants();
            let varied = turns.iter().map(|turn| (*turn, None)).chain(turns.iter().map(|turn| (long_ago, Some(*turn))));
            for (since, until) in varied {
                all.push(Fact { plain: false, ..placed(arrived, region(tier, since, until), Where::Exact) });
            }
            if number == 0 {
                let ways = [Where::Within, Where::County, Where::City, Where::Province];
                all.extend(ways.map(|way| placed(stay, usual.clone(), way)));
            }
        }
    }
    all
}

/// A stay at a region of this city, or around or in it.
fn placed(stay: &Fact, city: Region, way: Where) -> Fact {
    let county = format!("{}01", city.code);
    let street = format!("{county}001");
    let province = city.code.get(..2).unwrap_or_default().to_owned();
    let (of_region, of_stay) = match way {
        Where::Exact => (county.clone(), county),
        Where::Within => (county, street),
        // The tier of one street: a code of its own, so that the county's own tier is not met.
        Where::County => (street_of(&county), county_of(&county)),
        Where::City => (street_of(&county), city.code.clone()),
        Where::Province => (street_of(&county), province),
    };
    let mut fields = stay.fields.clone();
    fields.insert("region".to_owned(), of_stay.into());
    Fact { fields, region: Some(Region { code: of_region, ..city }), ..stay.clone() }
}

/// A street of another county of the city.
fn street_of(county: &str) -> String {
    format!("{}001", county_of(county))
}

fn county_of(county: &str) -> String {
    format!("{}02", county.get(..4).unwrap_or_default())
}

/// A person of a world, by number.
pub(super) fn person(number: usize) -> Person {
    let mut token = [0; 16];
    token[8..].copy_from_slice(&(number as u64 + 1).to_be_bytes());
    Person(token)
}
