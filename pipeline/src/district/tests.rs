//! The district against the contracts: every line that is not a planned fault is one that intake accepts.
//!
//! Owns the comparison: each planned fault gets its code, and every other line is accepted.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use super::*;
use crate::intake::{Decoder, EvidenceBuilders, Key, Settings as IntakeSettings};

fn small() -> Settings {
    Settings { people: 3_000, ..Settings::demo(42) }
}

fn lines(bytes: &[u8]) -> impl Iterator<Item = &str> {
    std::str::from_utf8(bytes).unwrap().lines()
}

#[test]
fn the_same_settings_give_the_same_bytes_and_another_seed_others() {
    assert!(generate(&small()) == generate(&small()));
    assert!(generate(&small()) != generate(&Settings { seed: 43, ..small() }));
}

#[test]
fn days_can_be_made_in_any_order() {
    let district = District::new(small());
    let mut by_feed: BTreeMap<Feed, Vec<Vec<u8>>> = BTreeMap::new();
    for day in (0..small().days).rev() {
        for (feed, bytes) in district.day(day) {
            by_feed.entry(feed).or_default().push(bytes);
        }
    }
    let whole: BTreeMap<Feed, Vec<u8>> = generate(&small()).into_iter().collect();
    assert_eq!(by_feed.len(), whole.len());
    for (feed, mut days) in by_feed {
        days.reverse();
        assert!(days.concat() == whole[&feed], "{}", feed.name());
    }
}

#[test]
fn every_line_is_good_or_a_planned_fault() {
    let district = District::new(small());
    let mut decoder = Decoder::new(Arc::new(IntakeSettings::new(Key::from_hex(&"5a".repeat(32)).unwrap())));
    let mut faults = Vec::new();
    for (feed, bytes) in district.all_days() {
        let mut into = [EvidenceBuilders::new()];
        for line in lines(&bytes) {
            if let Err(reject) = decoder.decode(feed, line.as_bytes(), None, &mut into) {
                assert!(line.contains("\"bad-"), "{}: {}: {line}", feed.name(), reject.message);
                faults.push((feed, reject.code));
            }
        }
    }
    let mut planned = district.rejects().to_vec();
    planned.sort();
    faults.sort();
    assert_eq!(faults, planned);
    let bank = district.rejects().iter().filter(|(_, code)| *code == RejectCode::ListingBasis).count();
    assert_eq!(bank, 1, "the list without an epidemic basis");
}

#[test]
fn every_feed_is_in_order_of_known_at() {
    for (feed, bytes) in generate(&small()) {
        let mut last = small().start;
        for line in lines(&bytes) {
            let Some(known_at) =
                line.split("\"known_at\":\"").nth(1).and_then(|rest| Instant::parse(rest.split('"').next()?))
            else {
                continue;
            };
            assert!(last <= known_at && known_at < small().end(), "{}: {line}", feed.name());
            last = known_at;
        }
    }
}

#[test]
fn the_story_has_its_parts() {
    let feeds: BTreeMap<Feed, Vec<u8>> =
        generate(&Settings { people: 400_000, events_per_person: 0.6, ..Settings::demo(1) }).into_iter().collect();
    assert_eq!(feeds.len(), Feed::ALL.len());
    for (feed, parts) in [
        (
            Feed::Cases,
            &["suspected", "confirmed", "excluded", "asymptomatic", "discharged_at", "\"retracted\":true"][..],
        ),
        (
            Feed::Contacts,
            &["close", "secondary", "general", "environment", "index_case", "index_contact", "\"retracted\":true"],
        ),
        (
            Feed::Isolations,
            &["hospital", "centralised", "home", "monitoring", "released", "transferred", "cancelled", "next_stage"],
        ),
        (Feed::Travel, &["\"entry\"", "\"stay\"", "\"trip\"", "checkin", "telecom", "declared", "\"region\":\"50"]),
        (
            Feed::Tests,
            &[
                "mixed",
                "positive",
                "indeterminate",
                "\"revision\":2",
                "antigen",
                "antibody",
                "\"issuer_region\":\"500103\"",
            ],
        ),
        (Feed::Symptoms, &["fever", "respiratory", "resolved_at", "cleared_at"]),
        (Feed::Regions, &["medium", "high", "severe", "low", "until", "\"retracted\":true"]),
        (Feed::Listings, &["bank-deposit", "hq-330106", "\"revision\":2"]),
        (Feed::ExternalCodes, &["assigned_at", "released_at"]),
        (Feed::Bindings, &["verified", "registered", "guardian", "until"]),
    ] {
        let text = std::str::from_utf8(&feeds[&feed]).unwrap();
        for part in parts {
            assert!(text.contains(part), "{} has no {part}", feed.name());
        }
    }
}

#[test]
fn a_district_of_one_person_and_one_day() {
    for (people, days) in [(0, 0), (1, 1), (1, 40), (5, 2)] {
        let records = generate(&Settings { people, days, ..Settings::demo(9) });
        assert!(!records.is_empty());
    }
}

#[test]
fn volume_certificates_and_coloured_people_are_as_settled() {
    for (settings, coloured_most) in [(Settings::demo(3), 0.09), (Settings::benchmark(3), 0.06)] {
        let settings = Settings { people: 50_000, ..settings };
        let (mut events, mut certificates, mut coloured) = (0_u32, 0_u32, HashSet::new());
        for (feed, bytes) in generate(&settings) {
            for line in lines(&bytes) {
                events += 1;
                certificates += u32::from(line.contains("cert_number"));
                if colours(feed, line) {
                    coloured.insert(
                        line.split("\"person\":\"")
                            .nth(1)
                            .or(line.split("_number\":\"").nth(1))
                            .map(|rest| rest[..8].to_owned()),
                    );
                }
            }
        }
        let per_person = f64::from(events) / f64::from(settings.people);
        assert!((per_person / settings.events_per_person - 1.0).abs() < 0.02, "{per_person} events a person");
        let share = f64::from(certificates) / f64::from(events);
        assert!((share - settings.certificates).abs() < 0.02, "{share} by certificate");
        let coloured = coloured.len() as f64 / f64::from(settings.people);
        // More than are coloured in truth: stays before or after a tier's time are counted here as well.
        assert!((0.03..coloured_most).contains(&coloured), "{coloured} coloured");
        eprintln!("{per_person:.2} events a person, {coloured:.4} coloured");
    }
}

#[test]
#[ignore = "a measurement: cargo test --release -p fuma-pipeline speed -- --ignored --nocapture"]
fn speed() {
    for (name, settings) in [("demo", Settings::demo(1)), ("benchmark", Settings::benchmark(1))] {
        #[expect(clippy::disallowed_methods, reason = "tells how fast it is")]
        let begun = std::time::Instant::now();
        let feeds = generate(&settings);
        let seconds = begun.elapsed().as_secs_f64();
        let events: Vec<(&str, usize)> = feeds
            .iter()
            .map(|(feed, bytes)| (feed.name(), bytes.iter().filter(|byte| **byte == b'\n').count()))
            .collect();
        let (total, bytes) =
            (events.iter().map(|(_, count)| count).sum::<usize>(), feeds.iter().map(|(_, b)| b.len()).sum::<usize>());
        eprintln!(
            "{name}: {total} events, {bytes} bytes, {seconds:.2} s, {:.2} M events/s: {events:?}",
            total as f64 / seconds / 1e6
        );
    }
}

/// Roughly whether a record colours somebody in Zhejiang.
fn colours(feed: Feed, line: &str) -> bool {
    let tiered = [
        places::RISING_AREA,
        places::CORRECTED_AREA,
        places::SEVERE_AREA,
        places::WRONG_STREET,
        places::CHONGQING_AREA,
    ];
    match feed {
        Feed::Cases => true,
        Feed::Contacts => line.contains("\"close\""),
        Feed::Isolations => !line.contains("\"monitoring\""),
        Feed::Listings => line.contains("hq-330106"),
        Feed::Symptoms => line.contains("fever"),
        Feed::Travel => {
            line.contains("\"entry\"") || line.contains("\"500112\"") || tiered.iter().any(|area| line.contains(area))
        }
        _ => false,
    }
}
