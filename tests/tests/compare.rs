//! Two packs without any data: a pack is equal to itself, a changed number is found, and each difference is shown by
//! feeds that replay to it.
//!
//! Owns the packs that are changed. What differs is the packs' business.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::Arc;

use fuma_pipeline::admission::{Drafts, admit, engine};
use fuma_pipeline::commands::policy::{NewArgs, PolicyArgs, PolicyCommand, run};
use fuma_pipeline::compare::{Bounds, Comparison, Found, Verdict, compare, texts};
use fuma_pipeline::policy::cases;
use fuma_pipeline::policy::pack::{Cases, load_with};
use fuma_pipeline::policy::{Pack, PackSource};
use fuma_pipeline::replay::{self, Bounds as Memory, Options, Silent, Source, Tick};
use fuma_schemas::{CodeChange, Colour, Feed, Instant};
use fuma_tests::settings;

/// A pack of the binary, with one edit of one file.
fn pack(id: &str, file: &str, (old, new): (&str, &str)) -> Arc<Pack> {
    let mut source = PackSource::built_in(id).unwrap();
    if let Some(text) = source.files.get_mut(file) {
        assert!(text.contains(old), "{file}: {old}");
        *text = text.replacen(old, new, 1);
    }
    load_with(&source, Cases::Left).unwrap()
}

fn as_it_is(id: &str) -> Arc<Pack> {
    pack(id, "", ("", ""))
}

fn compared(packs: [&Arc<Pack>; 2]) -> Comparison {
    compare(packs, &Bounds { facts_max: 1, workers: 2, goes_on: &|| true }).unwrap()
}

/// What is announced: when, which colour, by which rules, until when and due when.
type Told = (Instant, Colour, Vec<String>, Vec<Option<Instant>>);

/// What is announced of the feeds of a difference.
fn replayed(found: &Found, pack: &Arc<Pack>) -> Vec<Told> {
    let source = |(name, records): (&String, &Vec<serde_json::Value>)| {
        let lines: Vec<String> = records.iter().map(ToString::to_string).collect();
        let feed = Feed::parse(name.strip_suffix(".ndjson").unwrap()).unwrap();
        Source::Bytes { feed, name: name.clone(), bytes: lines.join("\n").into_bytes().into() }
    };
    let sources: Vec<Source> = found.witness.feeds.iter().map(source).collect();
    let options = Options {
        pack: Arc::clone(pack),
        later: Vec::new(),
        tick: Tick::parse("1m").unwrap(),
        until: Instant::parse("2023-01-01T00:00:00+08:00"),
        workers: 1,
        intake: settings(),
        bounds: Memory::default(),
    };
    let outcome = replay::run(&sources, &options, &Silent).unwrap();
    assert!(outcome.rejects.is_empty(), "{:?}", outcome.rejects);
    let told = |change: CodeChange| {
        let rules = change.reasons.iter().map(|reason| reason.rule.id.clone()).collect();
        let ends = change.reasons.iter().flat_map(|reason| [reason.until, reason.due]).collect();
        (change.decided_at, change.to, rules, ends)
    };
    outcome.changes.into_iter().map(told).collect()
}

#[test]
fn a_pack_is_equal_to_itself() {
    for id in PackSource::built_in_ids() {
        let own = as_it_is(&id);
        let said = compared([&own, &as_it_is(&id)]);
        assert!(said.worlds > 0 && said.differences.is_empty(), "{id}: {:?}", said.differences);
        let verdicts: BTreeMap<_, _> = said.rules.iter().map(|(rule, one)| (rule, one.verdict)).collect();
        assert!(verdicts.values().all(|verdict| *verdict == Verdict::Equal), "{id}: {verdicts:?}");
        assert_eq!(verdicts.len(), own.rules.len());
        assert!(texts(&own, &as_it_is(&id)).is_empty());
    }
}

#[test]
fn a_changed_number_is_found_and_nothing_else_is() {
    let old = as_it_is("zhejiang-2020-109");
    let fewer = pack("zhejiang-2020-109", "policy.toml", ("region_days = 14 ", "region_days = 10 "));
    let differing = texts(&old, &fewer);
    assert_eq!(differing.parameters, [("region_days".to_owned(), Some("14".to_owned()), Some("10".to_owned()))]);
    assert!(differing.texts.is_empty() && differing.sql.is_empty());
    for (packs, verdict) in [([&old, &fewer], Verdict::Narrower), ([&fewer, &old], Verdict::Wider)] {
        let said = compared(packs);
        let other: Vec<&String> =
            said.rules.iter().filter(|(_, one)| one.verdict != Verdict::Equal).map(|(rule, _)| rule).collect();
        assert_eq!(other, ["ZJ-R8", "ZJ-Y2"]);
        assert!(other.iter().all(|rule| said.rules[*rule].verdict == verdict), "{:?}", said.rules);
        for found in &said.differences {
            assert_ne!(replayed(found, packs[0]), replayed(found, packs[1]), "{found:?}");
            assert_eq!(found.witness.facts, 1, "a stay is enough");
        }
        assert!(said.differences.iter().any(|found| found.rule.as_deref() == Some("ZJ-Y2")));
    }
}

/// A difference is a case: it holds under the new pack, and fails under the old one.
#[test]
fn the_case_of_a_difference_tells_the_packs_apart() {
    let old = as_it_is("chongqing-2021-24");
    let new = pack("chongqing-2021-24", "rules/CQ-R1.sql", ("'confirmed', ", ""));
    let said = compared([&old, &new]);
    assert_eq!(said.rules["CQ-R1"].verdict, Verdict::Narrower, "{:?}", said.rules);
    assert!(!said.differences.is_empty());
    for found in &said.differences {
        let text = found.witness.case(found.rule.as_deref().unwrap_or("compared"), ("比较", "compared"));
        let cases = cases::parse("cases/compared.case", &text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        let fails =
            |pack: &Arc<Pack>| !cases::check(&cases[0], |scenario| engine::run(pack, scenario)).unwrap().is_empty();
        assert!(!fails(&new) && fails(&old), "{text}");
    }
}

#[test]
fn packs_without_a_common_id_are_compared_by_colour() {
    let packs = [&as_it_is("zhejiang-2020-109"), &as_it_is("zhejiang-2022")];
    let said = compared(packs);
    assert!(said.rules.is_empty());
    let verdicts: Vec<_> = said.colours.iter().map(|(colour, one)| (*colour, one.verdict, one.whole_up_to)).collect();
    // A red entry is none any more; of yellow there is more (dyspnoea, monitoring) and less (7 days).
    assert_eq!(verdicts, [("red", Verdict::Narrower, 1), ("yellow", Verdict::Different, 1)]);
    for found in &said.differences {
        assert_ne!(replayed(found, packs[0]), replayed(found, packs[1]), "{found:?}");
    }
}

#[test]
fn no_time_is_no_verdict() {
    let own = as_it_is("national-2020");
    let said = compare([&own, &own], &Bounds { facts_max: 2, workers: 1, goes_on: &|| false }).unwrap();
    assert!(said.worlds == 0 && said.rules.values().all(|one| one.whole_up_to == 0), "what was not reached is said");
}

#[test]
fn a_new_pack_passes_the_gate() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("mine");
    let begin = |folder: &std::path::Path, id: Option<&str>| {
        let args = NewArgs { folder: folder.to_owned(), id: id.map(str::to_owned) };
        let mut out = Vec::new();
        let code = run(&PolicyArgs { command: PolicyCommand::New(args) }, &mut out).unwrap();
        (code == ExitCode::SUCCESS, String::from_utf8(out).unwrap())
    };
    let (made, said) = begin(&place, None);
    assert!(made && said.contains("fuma policy check"), "{said}");
    let admitted = admit(&place.to_string_lossy(), Drafts::Refused).unwrap();
    assert!(&*admitted.pack.id == "mine" && admitted.draft.is_empty());
    assert!(!begin(&place, None).0, "what is there is not written over");
    assert!(begin(&folder.path().join("a"), Some("zhejiang-2022")).1.contains("pack of this binary"));
    assert!(!begin(&folder.path().join("Mine"), None).0, "an id has small letters");
}
