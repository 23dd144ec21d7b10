//! A record of each feed as a line.
//!
//! Owns what a record says. Every one is accepted.

use std::io::Write as _;

use fuma_schemas::{Feed, Instant};

use super::Settings;
use super::chance::Chance;

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;
const DAY_MS: i64 = 24 * HOUR_MS;
/// Cities of Zhejiang, 3301 to 3310, and counties of each.
const CITIES: u64 = 10;
const COUNTIES: u64 = 90;
const TRAINS: u64 = 200;
/// Of a thousand records up to which number each feed comes.
const TESTS: u64 = 700;
const STAYS: u64 = TESTS + 240;
const ISOLATIONS: u64 = STAYS + 20;
const SYMPTOMS: u64 = ISOLATIONS + 15;
const CONTACTS: u64 = SYMPTOMS + 10;
const ENTRIES: u64 = CONTACTS + 7;
const TRIPS: u64 = ENTRIES + 5;
const CASES: u64 = TRIPS + 2;

/// Writes records into one buffer.
pub(super) struct Writer {
    line: Vec<u8>,
    people: u64,
}

impl Writer {
    pub(super) fn new(settings: &Settings) -> Writer {
        Writer { line: Vec::with_capacity(512), people: settings.people.max(1) }
    }

    /// A tier of a county.
    pub(super) fn region(&mut self, at: u64, known_at: Instant, chance: &mut Chance) -> &[u8] {
        let region = county(chance);
        let tier = if chance.below(5) == 0 { "high" } else { "medium" };
        let until = (chance.below(3) == 0).then(|| after(known_at, 7 * DAY_MS));
        self.begin(&format!("\"owner\":\"rg-990000\",\"id\":\"r{at}\",\"known_at\":\"{known_at}\""));
        self.put(&format!(",\"region\":\"{region}\",\"tier\":\"{tier}\",\"since\":\"{known_at}\""));
        self.optional("until", until);
        self.put(",\"authority\":\"load\"");
        self.end()
    }

    /// The record of a person at a place.
    pub(super) fn person(&mut self, at: u64, k: Instant, chance: &mut Chance) -> (Feed, &[u8]) {
        let person = chance.below(self.people);
        // Of each thousand records the shares are exact.
        let (thousand, place) = (at / 1000, at % 1000);
        let share = shuffled(place, thousand);
        let feed = match share {
            0..TESTS => Feed::Tests,
            TESTS..ISOLATIONS if share < STAYS => Feed::Travel,
            STAYS..ISOLATIONS => Feed::Isolations,
            ISOLATIONS..SYMPTOMS => Feed::Symptoms,
            SYMPTOMS..CONTACTS => Feed::Contacts,
            CONTACTS..TRIPS => Feed::Travel,
            TRIPS..CASES => Feed::Cases,
            _ => Feed::Listings,
        };
        let number = resident_id(person);
        let owner = owner(feed);
        let id = format!("\"id\":\"{at}\",\"cert_type\":\"10\",\"cert_number\":\"{number}\"");
        self.begin(&format!("\"owner\":\"{owner}\",{id},\"known_at\":\"{k}\""));
        match feed {
            Feed::Tests => self.test(k, chance),
            Feed::Travel if share < STAYS => self.stay(k, chance),
            Feed::Travel if share < ENTRIES => self.entry(k),
            Feed::Travel => self.trip(k, chance),
            Feed::Isolations => self.isolation(k, chance),
            Feed::Symptoms => self.symptom(k, chance),
            Feed::Contacts => self.contact(at, k, chance),
            Feed::Cases => self.case(k, chance),
            _ => self.listing(k),
        }
        (feed, self.end())
    }

    fn test(&mut self, k: Instant, chance: &mut Chance) {
        let result = if chance.below(2000) == 0 { "positive" } else { "negative" };
        let sampled = before(k, 3 * HOUR_MS + chance.below(8 * HOUR_MS as u64) as i64);
        let reported = before(k, 10 * MINUTE_MS);
        self.put(&format!(",\"method\":\"nat\",\"result\":\"{result}\",\"tube\":\"single\""));
        self.put(&format!(",\"sampled_at\":\"{sampled}\",\"reported_at\":\"{reported}\",\"issuer_region\":\"330106\""));
    }

    fn stay(&mut self, k: Instant, chance: &mut Chance) {
        let region = county(chance);
        let arrived = before(k, 8 * HOUR_MS + chance.below(40 * HOUR_MS as u64) as i64);
        let left = before(k, HOUR_MS);
        self.put(&format!(",\"kind\":\"stay\",\"region\":\"{region}\",\"arrived_at\":\"{arrived}\""));
        self.put(&format!(",\"left_at\":\"{left}\",\"source\":\"telecom\""));
    }

    fn entry(&mut self, k: Instant) {
        let entered = before(k, 2 * HOUR_MS);
        self.put(&format!(",\"kind\":\"entry\",\"entered_at\":\"{entered}\",\"country\":\"SG\""));
    }

    fn trip(&mut self, k: Instant, chance: &mut Chance) {
        let boarded = before(k, 3 * HOUR_MS);
        let (train, carriage, row) = (chance.below(TRAINS), 1 + chance.below(16), 1 + chance.below(20));
        let date = &boarded.to_string()[..10];
        self.put(&format!(",\"kind\":\"trip\",\"mode\":\"rail\",\"number\":\"G{}\"", 7000 + train));
        self.put(&format!(",\"service_date\":\"{date}\",\"carriage\":\"{carriage}\",\"row\":{row},\"seat\":\"A\""));
        self.put(&format!(",\"boarded_at\":\"{boarded}\",\"alighted_at\":\"{}\"", before(k, HOUR_MS)));
    }

    fn isolation(&mut self, k: Instant, chance: &mut Chance) {
        let stage = chance.one(&["centralised", "home", "monitoring"]);
        let basis = chance.one(&["contact", "entry", "region", "other"]);
        let started = before(k, DAY_MS);
        let due = after(started, 14 * DAY_MS);
        self.put(&format!(",\"stage\":\"{stage}\",\"basis\":\"{basis}\",\"started_at\":\"{started}\""));
        self.put(&format!(",\"due_at\":\"{due}\""));
        if chance.below(2) == 0 {
            self.put(&format!(",\"ended_at\":\"{}\",\"outcome\":\"released\"", before(k, HOUR_MS)));
        }
    }

    fn symptom(&mut self, k: Instant, chance: &mut Chance) {
        self.put(&format!(",\"symptom\":\"fever\",\"onset_at\":\"{}\",\"source\":\"clinic\"", before(k, 5 * HOUR_MS)));
        self.optional("resolved_at", (chance.below(2) == 0).then(|| before(k, HOUR_MS)));
    }

    fn contact(&mut self, at: u64, k: Instant, chance: &mut Chance) {
        let degree = chance.one(&["close", "secondary", "general"]);
        let (determined, exposed) = (before(k, HOUR_MS), before(k, 48 * HOUR_MS));
        self.put(&format!(",\"degree\":\"{degree}\",\"determined_at\":\"{determined}\""));
        self.put(&format!(",\"last_exposure_at\":\"{exposed}\""));
        // Two cases in each thousand records; of an earlier thousand, so that the case is there already.
        if let Some(thousand) = (at / 1000).checked_sub(1).map(|earlier| chance.below(earlier + 1)) {
            let share = TRIPS + chance.below(CASES - TRIPS);
            self.put(&format!(",\"index_case\":\"hc-990000/{}\"", thousand * 1000 + place_of(share, thousand)));
        }
    }

    fn case(&mut self, k: Instant, chance: &mut Chance) {
        let classification = chance.one(&["confirmed", "suspected", "asymptomatic"]);
        self.put(&format!(",\"classification\":\"{classification}\",\"determined_at\":\"{}\"", before(k, HOUR_MS)));
    }

    fn listing(&mut self, k: Instant) {
        self.put(",\"colour\":\"yellow\",\"approver\":\"hq-990001\",\"basis\":\"spatiotemporal\"");
        self.put(&format!(",\"document\":\"load\",\"starts_at\":\"{k}\",\"expires_at\":\"{}\"", after(k, 7 * DAY_MS)));
    }

    fn begin(&mut self, text: &str) {
        self.line.clear();
        self.line.push(b'{');
        self.put(text);
    }

    fn put(&mut self, text: &str) {
        self.line.extend_from_slice(text.as_bytes());
    }

    fn optional(&mut self, name: &str, instant: Option<Instant>) {
        if let Some(instant) = instant {
            write!(self.line, ",\"{name}\":\"{instant}\"").unwrap();
        }
    }

    fn end(&mut self) -> &[u8] {
        self.line.push(b'}');
        &self.line
    }
}

/// The share of a place within its thousand, in another order for each thousand.
fn shuffled(place: u64, thousand: u64) -> u64 {
    (place * 619 + thousand * 389) % 1000
}

/// The place of a share within its thousand: 619 * 979 = 1 mod 1000.
fn place_of(share: u64, thousand: u64) -> u64 {
    ((share + 1000 - thousand * 389 % 1000) * 979) % 1000
}

fn county(chance: &mut Chance) -> String {
    let (city, county) = (1 + chance.below(CITIES), 1 + chance.below(COUNTIES));
    format!("33{city:02}{county:02}")
}

fn owner(feed: Feed) -> &'static str {
    match feed {
        Feed::Tests => "lab-990000",
        Feed::Travel => "tel-990000",
        Feed::Isolations => "iso-990000",
        Feed::Symptoms => "cl-990000",
        Feed::Listings => "hq-990000",
        _ => "hc-990000",
    }
}

fn before(k: Instant, millis: i64) -> Instant {
    Instant(k.0 - millis)
}

fn after(k: Instant, millis: i64) -> Instant {
    Instant(k.0 + millis)
}

/// The resident ID of a person: division 9901xx and on, a day of birth from 1930 on, a number, the check digit.
pub(super) fn resident_id(person: u64) -> String {
    const DAYS: u64 = 25_000;
    let (number, day, division) = (person % 1000, person / 1000 % DAYS, person / 1000 / DAYS);
    // Days from 1970: 1930-01-01 is 14,610 days before.
    let born = Instant((day as i64 - 14_610) * DAY_MS);
    let born = born.to_string();
    let digits = format!("{}{}{}{}{number:03}", 990_101 + division, &born[..4], &born[5..7], &born[8..10]);
    let weights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    let sum: u32 = digits.bytes().zip(weights).map(|(digit, weight)| u32::from(digit - b'0') * weight).sum();
    format!("{digits}{}", char::from(b"10X98765432"[sum as usize % 11]))
}
