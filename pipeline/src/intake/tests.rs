//! Tests of intake: what the table of bad records (tests/samples) cannot say, and the agreement of the two readers.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{TimestampMillisecondType, UInt8Type, UInt32Type};
use fuma_schemas::evidence::log;
use fuma_schemas::{Feed, Instant, Kind, Person, RejectCode};
use proptest::prelude::*;

use super::fields::{self, FIELDS_MAX, FeedRules, KNOWN_AT, Order, SLOTS_MAX};
use super::read::{self, KnownFields, Unescaped};
use super::{
    Arrival, Decoder, EvidenceBuilders, Key, KeyError, Owners, RegionTable, Settings, person_token, resident_id, scan,
};

const TEST: &str = r#"{"owner":"lab","id":"t","person":"0123456789abcdeffedcba9876543210","known_at":"2021-11-05T00:00:00+08:00",
    "method":"nat","result":"negative","sampled_at":"2021-11-04T00:00:00+08:00","reported_at":"2021-11-04T08:00:00+08:00"}"#;

fn key() -> Key {
    Key::from_hex("000102030405060708090A0B0C0D0E0F101112131415161718191a1b1c1d1e1f\n").unwrap()
}

fn settings() -> Settings {
    Settings::new(key())
}

fn decode_with(
    settings: Settings,
    feed: Feed,
    raw: &str,
    received: Option<Instant>,
) -> Result<RecordBatch, RejectCode> {
    let mut into = [EvidenceBuilders::new()];
    Decoder::new(Arc::new(settings)).decode(feed, raw.as_bytes(), received, &mut into).map_err(|reject| reject.code)?;
    assert_eq!(into[0].rows(), 1);
    let mut batches = into[0].finish();
    assert_eq!((batches.len(), into[0].rows(), into[0].finish().len()), (1, 0, 0));
    Ok(batches.remove(0).1)
}

fn decode(feed: Feed, raw: &str) -> Result<RecordBatch, RejectCode> {
    decode_with(settings(), feed, raw, None)
}

fn at(text: &str) -> Instant {
    Instant::parse(text).unwrap()
}

#[test]
fn the_key_is_64_hex_digits_and_never_shown() {
    assert_eq!(Key::from_hex(" \n").err(), Some(KeyError::Missing));
    assert_eq!(Key::from_hex("abc").err(), Some(KeyError::Length(3)));
    assert_eq!(Key::from_hex(&"0".repeat(65)).err(), Some(KeyError::Length(65)));
    assert_eq!(Key::from_hex(&"g".repeat(64)).err(), Some(KeyError::Digit));
    assert_eq!(Key::from_hex(&"é".repeat(64)).err(), Some(KeyError::Digit));
    assert_eq!(format!("{:?}", key()), "Key(..)");
    assert!(!format!("{:?}", settings()).contains("10, 11"));
}

#[test]
fn one_person_in_every_spelling_of_a_number() {
    let key = key();
    // printf '10:99000119900101003X' | openssl dgst -sha256 -mac HMAC -macopt hexkey:0001..1f
    let expected = Person::parse("f281d5d5d447e3482ddbaf937fa5f67e").unwrap();
    for number in ["99000119900101003X", " 990001\t19900101\u{3000}003x"] {
        assert_eq!(person_token(&key, "10", number), expected);
    }
    assert_ne!(person_token(&key, "99", "é"), person_token(&key, "99", "É"));
    let by_number = TEST.replace(
        r#""person":"0123456789abcdeffedcba9876543210""#,
        r#""cert_type":"10","cert_number":"99000119900101003x""#,
    );
    let batch = decode(Feed::Tests, &by_number).unwrap();
    assert_eq!(batch.column(log::PERSON).as_fixed_size_binary().value(0), expected.0);
}

#[test]
fn check_digits_of_resident_ids() {
    assert_eq!(resident_id::check_digit("99000119900101003"), Some('X'));
    assert_eq!(resident_id::check_digit("9900011990010100"), None);
    assert_eq!(resident_id::check_digit("9900011990010100３"), None);
    assert!(resident_id::is_valid(b"99000119900101003X"));
    assert!(!resident_id::is_valid(b"99000119900101003x"));
}

#[test]
fn defaults_and_nulls() {
    let batch = decode(Feed::Tests, &TEST.replace(r#""id":"#, r#""tube":null,"revision":null,"retracted":null,"id":"#))
        .unwrap();
    assert_eq!(batch.column(log::REVISION).as_primitive::<UInt32Type>().value(0), 1);
    assert!(!batch.column(log::RETRACTED).as_boolean().value(0));
    assert_eq!(batch.column_by_name("tube").unwrap().as_primitive::<UInt8Type>().value(0), 0);
    assert!(batch.column_by_name("issuer_region").unwrap().is_null(0));
}

#[test]
fn a_retraction_has_no_payload_and_minds_none() {
    let text = TEST.replace(
        r#""method":"nat","result":"negative""#,
        r#""method":[1e999],"result":{"a":1,"a":2},"retracted":true"#,
    );
    let batch = decode(Feed::Tests, &text).unwrap();
    assert!(batch.column(log::RETRACTED).as_boolean().value(0));
    assert!((log::FIRST_OF_KIND..batch.num_columns()).all(|column| batch.column(column).is_null(0)));
    assert_eq!(decode(Feed::Tests, &text.replace("[1e999]", r#"["\ud800"]"#)).err(), Some(RejectCode::BadJson));
}

#[test]
fn of_unknown_fields_only_the_syntax_matters() {
    let deep = format!("{}{}", "[".repeat(64), "]".repeat(64));
    for unknown in [
        r#""x":"\ud800","x":1"#,
        r#""x\udc00":{"owner":[1,1E999]}"#,
        r#""x":{"x":-0.0,"x":"\u0000"}"#,
        &format!(r#""x":{deep}"#),
    ] {
        let raw = TEST.replacen('{', &format!("{{{unknown},"), 1);
        assert!(decode(Feed::Tests, &raw).is_ok(), "{unknown}");
    }
    assert_eq!(decode(Feed::Tests, &TEST.replace(r#""t""#, &deep)).err(), Some(RejectCode::BadType));
    let mut decoder = Decoder::new(Arc::new(settings()));
    let region = r#"{"owner":"hq","id":"r","known_at":"2021-11-05T00:00:00Z","person":5,"person":6,"region":"33","tier":"low",
        "since":"2021-11-05T00:00:00Z","authority":"","x":0}"#;
    assert!(decoder.decode(Feed::Regions, region.as_bytes(), None, &mut [EvidenceBuilders::new()]).is_ok());
    assert_eq!((decoder.unknown_fields(Feed::Regions), decoder.unknown_fields(Feed::Tests)), (3, 0));
}

#[test]
fn kind_may_come_anywhere_and_other_kinds_are_not_looked_at() {
    let stay = r#"{"number":5,"arrived_at":"2021-11-05T00:00:00Z","source":"telecom","region":"330106","owner":"o","id":"s",
        "person":"0123456789abcdeffedcba9876543210","known_at":"2021-11-05T00:00:00Z","kind":"stay"}"#;
    assert_eq!(decode(Feed::Travel, stay).unwrap().num_columns(), log::FIRST_OF_KIND + 4);
}

#[test]
fn a_person_goes_to_the_partition_of_the_token() {
    let mut into: Vec<EvidenceBuilders> = (0..5).map(|_| EvidenceBuilders::new()).collect();
    let accepted = Decoder::new(Arc::new(settings())).decode(Feed::Tests, TEST.as_bytes(), None, &mut into).unwrap();
    assert_eq!((accepted.kind, accepted.partition), (Kind::Tests, accepted.person.unwrap().partition(5)));
    assert_eq!(into.iter().map(EvidenceBuilders::rows).sum::<usize>(), into[accepted.partition].rows());
}

#[test]
fn live_records_are_measured_by_their_receipt() {
    let known = at("2021-11-05T00:00:00+08:00").0;
    let mut settings = settings();
    settings.retention_ms[Feed::Tests as usize] = Some(1000);
    let live = |raw: &str, received: i64| decode_with(settings.clone(), Feed::Tests, raw, Some(Instant(received)));
    assert!(live(TEST, known - 300_000).is_ok());
    assert_eq!(live(TEST, known - 300_001).err(), Some(RejectCode::InFuture));
    assert!(live(TEST, known + 1000).is_ok());
    assert_eq!(live(TEST, known + 1001).err(), Some(RejectCode::TooOld));
    let batch = live(&TEST.replace("known_at", "unknown_at"), known + 7).unwrap();
    assert_eq!(batch.column(log::KNOWN_AT).as_primitive::<TimestampMillisecondType>().value(0), known + 7);
}

#[test]
fn owners_are_listed_for_all_feeds_or_each() {
    let all = Owners::parse("\u{feff}lab\r\n\n# those of the city\n hc \n").unwrap();
    assert!(
        all.accept(Feed::Tests, "lab", false)
            && all.accept(Feed::Listings, "hc", true)
            && !all.accept(Feed::Tests, "x", false)
    );
    let each = Owners::per_feed([(Feed::Tests, ["lab"])]);
    assert!(each.accept(Feed::Cases, "x", true) && !each.accept(Feed::Tests, "x", true));
    assert!(Owners::Everyone.accept(Feed::Listings, "x", false) && !Owners::Everyone.accept(Feed::Listings, "x", true));
    assert!(!each.accept(Feed::Listings, "lab", true));
}

#[test]
fn a_table_knows_a_code_of_12_digits_by_its_first_9() {
    let mut settings = settings();
    settings.regions = Some(RegionTable::parse("\u{feff}330000\n# a street\n330106001").unwrap());
    let with = |code: &str| {
        let raw = TEST.replace(r#""id""#, &format!(r#""issuer_region":"{code}","id""#));
        decode_with(settings.clone(), Feed::Tests, &raw, None).map(|_| ())
    };
    assert_eq!((with("33"), with("330106001"), with("330106001999")), (Ok(()), Ok(()), Ok(())));
    assert_eq!((with("330000"), with("330000000000"), with("330106001000")), (Ok(()), Ok(()), Ok(())));
    assert_eq!(with("330106"), Err(RejectCode::UnknownRegion));
    assert_eq!(with("330106002001"), Err(RejectCode::UnknownRegion));
}

#[test]
fn lists_in_files_are_checked_line_by_line() {
    for (text, line) in [("lab\nHC-330100\n", 2), ("\u{feff}\n\nlab,hc", 3), ("# nobody\n", 1), ("", 1), ("检测所", 1)]
    {
        assert_eq!(Owners::parse(text).map(|_| ()).map_err(|error| error.line), Err(line), "{text:?}");
    }
    for (text, line) in [("33\n330106 西湖区\n", 2), ("code\n33", 1), ("", 1), ("99", 1), ("33\n\n3300000", 3)] {
        assert_eq!(RegionTable::parse(text).map(|_| ()).map_err(|error| error.line), Err(line), "{text:?}");
    }
    let error = Owners::parse("lab\nHC-330100\n").unwrap_err().to_string();
    assert!(error.starts_with("line 2: not an owner; allowed:") && !error.contains("HC"), "{error}");
}

#[test]
fn codes_are_stored_in_normal_form() {
    for (code, stored) in [("330100", "3301"), ("330000000000", "33"), ("330106", "330106")] {
        let raw = TEST.replace(r#""id""#, &format!(r#""issuer_region":"{code}","id""#));
        let batch = decode(Feed::Tests, &raw).unwrap();
        assert_eq!(batch.column_by_name("issuer_region").unwrap().as_string::<i32>().value(0), stored);
    }
}

const TRIP: &str = r#"{"owner":"rail","id":"r","person":"0123456789abcdeffedcba9876543210","known_at":"2021-11-05T00:00:00+08:00",
    "kind":"trip","mode":"rail","number":"ｇ-0007351","service_date":"2021-11-03","carriage":"05 号车厢",
    "boarded_at":"2021-11-04T00:30:00+08:00","alighted_at":"2021-11-04T08:00:00+08:00"}"#;

#[test]
fn conveyances_are_stored_as_spelt_and_passengers_are_the_default() {
    let batch = decode(Feed::Travel, TRIP).unwrap();
    let text = |name: &str| batch.column_by_name(name).unwrap().as_string::<i32>().value(0).to_owned();
    assert_eq!((text("number").as_str(), text("carriage").as_str()), ("G7351", "5号"));
    assert_eq!(batch.column_by_name("role").unwrap().as_primitive::<UInt8Type>().value(0), 0);
    let bare = decode(Feed::Travel, &TRIP.replace("05 号车厢", "车厢")).unwrap();
    assert!(bare.column_by_name("carriage").unwrap().is_null(0), "a carriage of which nothing is left is absent");
}

#[test]
fn a_record_of_a_phone_leaves_as_a_row_of_the_phone() {
    let by_phone = TRIP.replace(r#""person":"0123456789abcdeffedcba9876543210""#, r#""phone":"+86 138 0000 0001""#);
    let mut into: Vec<EvidenceBuilders> = (0..3).map(|_| EvidenceBuilders::new()).collect();
    let mut decoder = Decoder::new(Arc::new(settings()));
    let accepted = decoder.decode(Feed::Travel, by_phone.as_bytes(), None, &mut into).unwrap();
    let phone = accepted.phone.unwrap();
    // printf 'phone:13800000001' | openssl dgst -sha256 -mac HMAC -macopt hexkey:0001..1f
    assert_eq!(phone.to_string(), "c0f05772b309c3f1f26d1e7f88fdd70d");
    assert_eq!((accepted.person, accepted.partition), (None, phone.partition(3)));
    let builders = &mut into[accepted.partition];
    assert_eq!((builders.rows(), builders.finish().len(), builders.rows()), (1, 0, 1));
    let batches = builders.finish_phones();
    assert_eq!((batches.len(), batches[0].0, builders.rows()), (1, Kind::Trips, 0));
    assert_eq!(batches[0].1.column_by_name("phone").unwrap().as_fixed_size_binary().value(0), phone.0);
    assert!(batches[0].1.column_by_name("person").is_none());
    // A binding names the same phone.
    let binding = r#"{"owner":"m","id":"b","person":"0123456789abcdeffedcba9876543210","known_at":"2021-11-05T00:00:00Z",
        "phone":"13800000001","holder":"verified","since":"2021-11-05T00:00:00Z"}"#;
    let batch = decode(Feed::Bindings, binding).unwrap();
    assert_eq!(batch.column_by_name("phone").unwrap().as_string::<i32>().value(0), phone.to_string());
}

#[test]
fn builders_are_full_by_their_texts() {
    let long = TEST.replace(r#""id":"t""#, r#""id":"t","issuer_region":"33""#).replace("\n", "");
    let mut into = [EvidenceBuilders::new()];
    let mut decoder = Decoder::new(Arc::new(settings()));
    let region = |document: &str| {
        format!(
            r#"{{"owner":"hq","id":"r","known_at":"2021-11-05T00:00:00Z","region":"33","tier":"low",
            "since":"2021-11-05T00:00:00Z","authority":"","document":"{document}"}}"#
        )
    };
    decoder.decode(Feed::Tests, long.as_bytes(), None, &mut into).unwrap();
    assert!(!into[0].is_full());
    let text = region(&"x".repeat(1 << 20));
    for _ in 0..256 {
        decoder.decode(Feed::Regions, text.as_bytes(), None, &mut into).unwrap();
    }
    assert!(into[0].is_full());
    into[0].finish();
    assert!(!into[0].is_full());
}

#[test]
fn the_tables_of_the_fields_fit_their_arrays() {
    for feed in Feed::ALL {
        let rules = fields::rules(feed);
        for kind in &rules.kinds {
            assert!(kind.fields.len() <= FIELDS_MAX);
            for field in &kind.fields {
                assert!(field.slot < SLOTS_MAX);
                assert_eq!(rules.slot(field.column.name), Some(field.slot), "{feed:?} {}", field.column.name);
            }
        }
        assert_eq!(
            (rules.slot("owner"), rules.slot("known_at"), rules.slot(""), rules.slot("Owner")),
            (Some(0), Some(4), None, None)
        );
        assert_eq!(rules.slot("person").is_none(), feed == Feed::Regions);
    }
}

/// Many escapes in what nobody wants: nothing of it is kept, neither by the fast reader nor by the exact one.
#[test]
fn escapes_of_unknown_fields_are_not_kept() {
    let members = |member: &str| member.repeat(100_000);
    for unknown in [members(r#""x":"\u00e9","#), members(r#""\u00e9":1,"#)] {
        let raw = TEST.replacen('{', &format!("{{{unknown}"), 1).replace("lab", r"l\u0061b").replace('\n', "");
        let rules = fields::rules(Feed::Tests);
        let (kept, mut order, mut record) = (Unescaped::default(), Order::new(), KnownFields::new());
        read::read(rules, raw.as_bytes(), &kept, &mut order, &mut record).unwrap();
        assert_eq!((&record.slots[fields::OWNER], record.unknown), (&read::Slot::Text("lab"), 100_000));
        assert!(kept.len() <= 2, "one text a reader: {}", kept.len());
    }
}

/// Tokens of which some make valid members and some do not.
fn token() -> impl Strategy<Value = String> {
    let names = prop_oneof![
        r#"owner|id|revision|retracted|known_at|person|kind|row|seat|region|x|\\u006fwner|x\\ud800|\\"|"#,
        "cert_number|cert_type|last_exposure_at|reported_at|known_a|known_att|knowN_at|i|idd|phone|issuer_region",
    ];
    let colons = prop_oneof![8 => Just(":"), 1 => Just(" : "), 1 => Just("::"), 1 => Just(" ")];
    let values = prop_oneof![
        r#"null|true|false|1|-1|0|-0|-7|00|1\.0|1e5|1 2|999999999999999999|1000000000000000000|1E400|99999999999999999999|01|NaN|-|"a"|""|"\\u00e9"|"\\ud83d\\ude00"|"\\ud800"|"\\udc00x""#,
        r#"true1|nul|"a\\\\"|"\\""|"a\tb"|\[1,2\]|\{"a":"\\ud800"\}|\{"a":1,"a":2\}|\[1,\]|"\\n"|"\\x"|"é""#,
    ];
    (names, colons, values).prop_map(|(name, colon, value)| format!("\"{name}\"{colon}{value}"))
}

/// Whatever is guessed: first the order of the contract, then that of the record itself, then one that is wrong.
fn readers_agree(rules: &FeedRules, text: &str) -> bool {
    let (mut order, mut wrong, kept) = (Order::new(), Order::new(), Unescaped::default());
    (0..=SLOTS_MAX).for_each(|slot| wrong.note(slot, KNOWN_AT));
    let mut exact = KnownFields::new();
    let is_record = read::read_exactly(rules, text, &kept, &mut exact).is_ok();
    let agree = |order: &mut Order| {
        let mut fast = KnownFields::new();
        let read = scan::read_fast(rules, text, &kept, order, &mut fast);
        read.is_none() || (is_record && fast == exact)
    };
    agree(&mut order) && agree(&mut order) && agree(&mut wrong)
}

proptest! {
    /// What the fast reader reads, the exact one reads alike: a record is accepted or not whichever reads it.
    #[test]
    fn the_two_readers_agree(members in proptest::collection::vec(token(), 0..6), end in r"\}|\} |\}\}|\}x|,\}|", feed in 0..Feed::ALL.len()) {
        let text = format!("{{{}{end}", members.join(","));
        let rules = fields::rules(Feed::ALL[feed]);
        prop_assert!(readers_agree(rules, &text));
    }

    /// Any bytes are a record or a reject, never a panic; and a change to a good record is read alike by both readers.
    #[test]
    fn any_bytes_are_data(
        at in 0..TEST.len(),
        bytes in proptest::collection::vec(any::<u8>(), 0..4),
        cut in 0..3_usize,
    ) {
        let mut raw = TEST.as_bytes().to_vec();
        raw.splice(at..(at + cut).min(TEST.len()), bytes);
        let mut into = [EvidenceBuilders::new()];
        let accepted = Decoder::new(Arc::new(settings())).decode(Feed::Tests, &raw, None, &mut into);
        prop_assert_eq!(into[0].rows(), usize::from(accepted.is_ok()));
        if let Ok(text) = std::str::from_utf8(&raw) {
            prop_assert!(readers_agree(fields::rules(Feed::Tests), text));
        }
    }
}

/// Watched files and standard input: no default, and the clock of intake measures (docs/feeds.md section 1, known_at).
#[test]
fn what_no_broker_stamped_is_measured_by_the_clock_of_intake() {
    let mut settings = settings();
    settings.retention_ms[Feed::Tests as usize] = Some(60_000);
    let known_at = Instant::parse("2022-04-07T12:00:00+08:00").unwrap();
    let raw = |known_at: &str| {
        format!(
            r#"{{"owner":"lab-1","id":"t1","person":"{:032x}",{known_at}"method":"nat","result":"negative",
                "sampled_at":"2022-04-07T08:00:00+08:00","reported_at":"2022-04-07T09:00:00+08:00"}}"#,
            7
        )
    };
    let known = raw(r#""known_at":"2022-04-07T12:00:00+08:00","#);
    let at = |raw: &str, arrival: Arrival| {
        let mut decoder = Decoder::new(Arc::new(settings.clone()));
        let decoded = decoder.decode(Feed::Tests, raw.as_bytes(), arrival, &mut [EvidenceBuilders::new()]);
        decoded.map(|_| ()).map_err(|reject| reject.code)
    };
    let clock = |ms: i64| Arrival::Intake(Instant(known_at.0 + ms));
    assert_eq!(at(&known, clock(60_000)), Ok(()));
    assert_eq!(at(&known, clock(60_001)), Err(RejectCode::TooOld));
    assert_eq!(at(&known, clock(-300_001)), Err(RejectCode::InFuture));
    assert_eq!(at(&known, Arrival::Replay), Ok(()));
    assert_eq!(at(&raw(""), clock(0)), Err(RejectCode::NoKnownAt));
    assert_eq!(at(&raw(""), Arrival::Broker(known_at)), Ok(()));
}
