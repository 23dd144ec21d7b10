//! Tests of the load: it is accepted whole, the same each time, and mixed as it says.

use std::collections::{BTreeMap, BTreeSet};

use fuma_pipeline::intake::{Decoder, EvidenceBuilders};
use fuma_schemas::{Feed, Instant};

use super::Settings;
use super::record::resident_id;

fn settings() -> Settings {
    let until = Instant::parse("2022-04-15T00:00:00+08:00").unwrap();
    Settings { people: 2000, records: 20_000, regions: 50, ..Settings::dense(until) }
}

fn lines(settings: &Settings) -> Vec<(Feed, String)> {
    let mut lines = Vec::new();
    let mut each = |feed: Feed, line: &[u8]| lines.push((feed, String::from_utf8(line.to_vec()).unwrap()));
    settings.regions(&mut each);
    settings.people(0..settings.records, &mut each);
    lines
}

#[test]
fn every_record_is_accepted() {
    let mut decoder = Decoder::new(crate::settings());
    let mut builders = [EvidenceBuilders::new()];
    for (feed, line) in lines(&settings()) {
        let decoded = decoder.decode(feed, line.as_bytes(), None, &mut builders);
        decoded.unwrap_or_else(|reject| panic!("{reject:?}: {line}"));
    }
}

#[test]
fn the_shares_are_exact_and_parts_make_the_whole() {
    let settings = settings();
    let whole = lines(&settings);
    let mut shares: BTreeMap<Feed, usize> = BTreeMap::new();
    whole.iter().for_each(|(feed, _)| *shares.entry(*feed).or_default() += 1);
    let of = |feed| shares[&feed] * 1000 / settings.records as usize;
    assert_eq!(shares[&Feed::Regions], 50);
    assert_eq!((of(Feed::Tests), of(Feed::Travel), of(Feed::Isolations)), (700, 252, 20));
    assert_eq!((of(Feed::Symptoms), of(Feed::Contacts), of(Feed::Cases), of(Feed::Listings)), (15, 10, 2, 1));
    let mut parts = Vec::new();
    let mut each = |feed: Feed, line: &[u8]| parts.push((feed, String::from_utf8(line.to_vec()).unwrap()));
    settings.regions(&mut each);
    settings.people(0..7_001, &mut each);
    settings.people(7_001..99_999, &mut each);
    assert_eq!(whole, parts);
}

#[test]
fn contacts_name_cases_that_are_there() {
    let all = lines(&settings());
    let id = |line: &str| line.split("\"id\":\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let cases: BTreeSet<String> = all.iter().filter(|(feed, _)| *feed == Feed::Cases).map(|(_, l)| id(l)).collect();
    let named = all.iter().filter_map(|(_, line)| line.split("hc-990000/").nth(1)).map(|rest| rest.split('"').next());
    let named: Vec<&str> = named.flatten().collect();
    assert!(named.len() > 100);
    named.iter().for_each(|case| assert!(cases.contains(*case), "{case} is no case"));
}

#[test]
fn people_have_numbers_of_their_own() {
    let numbers: BTreeSet<String> = (0..50_000).map(|person| resident_id(person * 509)).collect();
    assert_eq!(numbers.len(), 50_000);
}
