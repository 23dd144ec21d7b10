//! Bad input is data: every record of `samples/bad.ndjson` is rejected with its code, and the good ones around it
//! stay as they are.
//!
//! Owns the table's run, not the table. The table is one JSON a line: feed, code, raw (or raw_base64 where it is no
//! text), why.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use fuma_pipeline::intake::{Decoder, EvidenceBuilders, Key, Owners, Settings};
use fuma_schemas::{Feed, RejectCode};

/// What the table cannot hold: rows of other formats, and what needs the instant of receipt, what a reader sees.
const NOT_IN_TABLE: [RejectCode; 3] = [RejectCode::TooLarge, RejectCode::BadRow, RejectCode::TooOld];

struct Bad {
    feed: Feed,
    code: String,
    raw: Vec<u8>,
    why: String,
}

fn sample(name: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("samples").join(name)).unwrap()
}

fn good(feed: Feed) -> Vec<String> {
    sample(&format!("{}.good.ndjson", feed.name())).lines().map(str::to_string).collect()
}

fn bad() -> Vec<Bad> {
    let parse = |line: &str| {
        let entry: serde_json::Value = serde_json::from_str(line).unwrap();
        let text = |name: &str| entry[name].as_str().map(str::to_string);
        let raw = text("raw").map(String::into_bytes).or_else(|| text("raw_base64").map(|text| from_base64(&text)));
        Bad {
            feed: Feed::parse(&text("feed").unwrap()).unwrap(),
            code: text("code").unwrap(),
            raw: raw.unwrap(),
            why: text("why").unwrap(),
        }
    };
    sample("bad.ndjson").lines().map(parse).collect()
}

fn from_base64(text: &str) -> Vec<u8> {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut bytes = Vec::new();
    let (mut bits, mut count) = (0_u32, 0);
    for digit in text.bytes().filter(|byte| *byte != b'=') {
        bits = bits << 6 | u32::try_from(DIGITS.iter().position(|known| *known == digit).unwrap()).unwrap();
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from(bits >> count & 0xff).unwrap());
        }
    }
    bytes
}

fn decoder() -> Decoder {
    let mut settings = Settings::new(Key::from_hex(&"5a".repeat(32)).unwrap());
    settings.owners = Owners::parse("\u{feff}# owners\nsrc-990001\n chief-990001 \n").unwrap();
    Decoder::new(Arc::new(settings))
}

/// The batches, as text, of the good samples of a feed with nothing around them.
fn expected(feed: Feed) -> String {
    let mut into = [EvidenceBuilders::new()];
    let mut decoder = decoder();
    for line in good(feed) {
        let accepted = decoder.decode(feed, line.as_bytes(), None, &mut into);
        assert!(accepted.is_ok(), "{feed:?}: {accepted:?}: {line}");
    }
    text(&mut into[0])
}

fn text(rows: &mut EvidenceBuilders) -> String {
    let batches = [rows.finish(), rows.finish_phones()].concat();
    assert_eq!(rows.rows(), 0);
    batches.iter().map(|(kind, batch)| format!("{kind:?} {batch:?}\n")).collect()
}

#[test]
fn each_bad_record_has_its_code() {
    let mut decoder = decoder();
    let mut wrong = Vec::new();
    for Bad { feed, code, raw, why } in bad() {
        let mut into = [EvidenceBuilders::new()];
        let got = decoder.decode(feed, &raw, None, &mut into).map_err(|reject| reject.code.name());
        if got != Err(code.as_str()) || into[0].rows() > 0 {
            wrong.push(format!("{}: {why}: expected {code}, got {got:?}", feed.name()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn good_records_around_bad_ones_stay_as_they_are() {
    let bad = bad();
    for feed in Feed::ALL {
        let mut into = [EvidenceBuilders::new()];
        let mut decoder = decoder();
        let mut bad = bad.iter().filter(|bad| bad.feed == feed).peekable();
        let good = good(feed);
        for line in &good {
            for bad in bad.by_ref().take(bad_between(feed, good.len())) {
                assert!(decoder.decode(feed, &bad.raw, None, &mut into).is_err());
            }
            assert!(decoder.decode(feed, line.as_bytes(), None, &mut into).is_ok());
        }
        assert!(bad.next().is_none(), "{feed:?}: every bad record stood before a good one");
        assert_eq!(text(&mut into[0]), expected(feed), "{feed:?}");
    }
}

fn bad_between(feed: Feed, good: usize) -> usize {
    bad().iter().filter(|bad| bad.feed == feed).count().div_ceil(good)
}

#[test]
fn the_table_covers_codes_and_feeds() {
    let bad = bad();
    assert!(bad.len() >= 180, "{} bad records", bad.len());
    let codes: BTreeSet<&str> = bad.iter().map(|bad| bad.code.as_str()).collect();
    for code in RejectCode::ALL.iter().filter(|code| !NOT_IN_TABLE.contains(code)) {
        assert!(codes.contains(code.name()), "no bad record for {}", code.name());
    }
    for feed in Feed::ALL {
        assert!(bad.iter().filter(|bad| bad.feed == feed).count() >= 15, "{feed:?}");
        assert!(good(feed).len() >= 5, "{feed:?}");
    }
}

/// What a message says must never be what the record says: identities stay in the raw bytes alone.
#[test]
fn messages_repeat_no_text_of_the_record() {
    let mut decoder = decoder();
    for Bad { feed, raw, why, .. } in bad() {
        let reject = decoder.decode(feed, &raw, None, &mut [EvidenceBuilders::new()]).unwrap_err();
        assert!(!reject.message.is_empty() && reject.message.len() < 200, "{why}: {}", reject.message);
        for word in ["990001", "a1b2c3", "other-", "stranger", "1380", "UNKNOWN", "Shanghai", "pilot", "E1234", "K-777"]
        {
            assert!(!reject.message.contains(word), "{why}: {}", reject.message);
        }
    }
}

/// A reject says which field is wrong and what is allowed.
#[test]
fn messages_say_what_is_allowed() {
    let mut decoder = decoder();
    let mut message = |feed, why: &str| {
        let bad = bad().into_iter().find(|bad| bad.feed == feed && bad.why == why).expect(why);
        decoder.decode(feed, &bad.raw, None, &mut [EvidenceBuilders::new()]).unwrap_err().message
    };
    for (feed, why, said) in [
        (
            Feed::Bindings,
            "holder is not in the list",
            "holder: not in the list; allowed: verified, registered, guardian",
        ),
        (Feed::Travel, "row 10000", "row: out of range; allowed: 1 to 9999"),
        (Feed::Bindings, "until before since", "until: before since, which it cannot be"),
        (Feed::Travel, "row is no integer", "row: a JSON integer is needed"),
        (Feed::Regions, "since of a tier more than 7 days after known_at", "allowed: up to 168 hours after known_at"),
        (Feed::Travel, "a coach by its line and not by its plate", "plate of a coach"),
        (Feed::Bindings, "until is no instant", "RFC 3339"),
    ] {
        let message = message(feed, why);
        assert!(message.contains(said), "{why}: {message}");
    }
}
