//! Bad packs are refused, each with its file, its line and a reason (`bad-packs/edits.txt`: one edit each;
//! `bad-packs/forms.txt`: one condition each).
//!
//! Owns the reading of the tables. The reasons are the loader's.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use fuma_pipeline::policy::{self, PackSource};
use fuma_pipeline::replay::{Source, Tick};
use fuma_schemas::{Feed, Instant};

/// One edit of one file.
#[derive(Debug, Default)]
struct Edit {
    file: String,
    delete: bool,
    /// Lines to take out and lines to put there, hunk by hunk.
    hunks: Vec<(Vec<String>, Vec<String>)>,
}

/// A bad pack: edits, and what must be said.
#[derive(Debug, Default)]
struct BadPack {
    what: String,
    edits: Vec<Edit>,
    file: String,
    line: usize,
    says: String,
}

fn folder() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("bad-packs")
}

fn good() -> PackSource {
    PackSource::folder(&folder().join("good")).expect("the good pack can be read")
}

fn bad_packs() -> Vec<BadPack> {
    let text = std::fs::read_to_string(folder().join("edits.txt")).unwrap();
    let mut packs: Vec<BadPack> = Vec::new();
    for line in text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty()) {
        if let Some(what) = line.strip_prefix("== ") {
            packs.push(BadPack { what: what.to_string(), ..BadPack::default() });
            continue;
        }
        let pack = packs.last_mut().expect("a block begins with ==");
        if let Some(said) = line.strip_prefix("=> ") {
            let mut parts = said.splitn(3, ':');
            pack.file = parts.next().unwrap().to_string();
            pack.line = parts.next().and_then(|line| line.parse().ok()).expect(line);
            pack.says = parts.next().unwrap_or_default().trim().to_string();
        } else if let Some(old) = line.strip_prefix("- ") {
            let hunks = &mut pack.edits.last_mut().expect(line).hunks;
            if hunks.last().is_none_or(|(_, new)| !new.is_empty()) {
                hunks.push(Default::default());
            }
            hunks.last_mut().unwrap().0.push(old.to_string());
        } else if let Some(new) = line.strip_prefix("+ ") {
            let hunks = &mut pack.edits.last_mut().expect(line).hunks;
            if hunks.is_empty() {
                hunks.push(Default::default());
            }
            hunks.last_mut().unwrap().1.push(new.to_string());
        } else if line == "!" {
            pack.edits.last_mut().expect(line).delete = true;
        } else {
            pack.edits.push(Edit { file: line.to_string(), ..Edit::default() });
        }
    }
    packs
}

fn apply(source: &mut PackSource, edit: &Edit) {
    if edit.delete {
        source.files.remove(&edit.file).expect("the file to delete is there");
        return;
    }
    let text = source.files.entry(edit.file.clone()).or_default();
    for (old, new) in &edit.hunks {
        let joined = |lines: &[String]| lines.iter().map(|line| format!("{line}\n")).collect::<String>();
        if old.is_empty() {
            text.push_str(&joined(new));
            continue;
        }
        assert_eq!(
            text.matches(&joined(old)).count(),
            1,
            "{}: the lines to take out stand there once: {old:?}",
            edit.file
        );
        *text = text.replacen(&joined(old), &joined(new), 1);
    }
}

#[test]
fn the_good_pack_is_good() {
    let pack = policy::load(&good()).expect("the good pack loads");
    assert_eq!(pack.rules.len(), 2);
}

#[test]
fn bad_packs_are_refused_where_they_are_bad() {
    let packs = bad_packs();
    assert!(packs.len() >= 20, "{}", packs.len());
    let mut wrong = Vec::new();
    for bad in &packs {
        assert!(!bad.file.is_empty(), "{}: nothing is expected", bad.what);
        let mut source = good();
        for edit in &bad.edits {
            apply(&mut source, edit);
        }
        match policy::load(&source) {
            Ok(_) => wrong.push(format!("{}: not refused", bad.what)),
            Err(error) if error.file != bad.file || error.line != bad.line || !error.reason.contains(&bad.says) => {
                wrong
                    .push(format!("{}: expected {}:{}: {}\n      got {error}", bad.what, bad.file, bad.line, bad.says));
            }
            Err(_) => {}
        }
    }
    assert!(wrong.is_empty(), "{} of {} are otherwise:\n  {}", wrong.len(), packs.len(), wrong.join("\n  "));
}

/// The good pack with one more condition in rules/T-R1.sql.
fn with_condition(condition: &str) -> PackSource {
    let mut source = good();
    let rule = source.files.get_mut("rules/T-R1.sql").unwrap();
    let line = "WHERE c.classification = 'confirmed'\n";
    assert!(rule.contains(line));
    *rule = rule.replace(line, &format!("WHERE c.classification = 'confirmed' AND {condition}\n"));
    source
}

fn conditions(file: &str) -> Vec<String> {
    let text = std::fs::read_to_string(folder().join(file)).unwrap();
    let is_said = |line: &&str| !line.starts_with('#') && !line.trim().is_empty();
    text.lines().filter(is_said).map(ToString::to_string).collect()
}

#[test]
fn forms_that_fail_on_a_row_or_hang_on_its_place_or_cut_days_in_utc_are_refused() {
    let (mut wrong, mut count) = (Vec::new(), 0);
    for line in conditions("forms.txt") {
        let (condition, says) = line.split_once("=>").unwrap();
        count += 1;
        match policy::load(&with_condition(condition.trim())) {
            Ok(_) => wrong.push(format!("{condition}: not refused")),
            Err(error) if error.file != "rules/T-R1.sql" || error.line != 11 || !error.reason.contains(says.trim()) => {
                wrong.push(format!("{condition}: expected {says}\n      got {error}"));
            }
            Err(_) => {}
        }
    }
    assert!(wrong.is_empty(), "{} of {count} are otherwise:\n  {}", wrong.len(), wrong.join("\n  "));
    assert!(count > 100, "{count}");
}

#[test]
fn forms_that_rules_need_are_taken() {
    for condition in conditions("good-forms.txt") {
        if let Err(error) = policy::load(&with_condition(&condition)) {
            panic!("{condition}: {error}");
        }
    }
}

/// A person's records at the ends of the calendar, with texts that are no numbers.
fn hostile_lines() -> Vec<(Feed, String)> {
    let record = |feed: Feed, id: &str, fields: &str| {
        let person = "0123456789abcdef0123456789abcdef";
        let common = format!("\"owner\":\"hc\",\"id\":\"{id}\",\"person\":\"{person}\"");
        (feed, format!("{{{common},\"known_at\":\"9999-12-30T00:00:00+08:00\",{fields}}}\n"))
    };
    let mut lines = Vec::new();
    for (id, at) in
        [("1", "1970-01-01T08:00:00+08:00"), ("2", "2021-11-08T06:00:00+08:00"), ("3", "9999-12-30T23:59:59.999+08:00")]
    {
        let case = format!("\"classification\":\"confirmed\",\"determined_at\":\"{at}\"");
        lines.push(record(Feed::Cases, id, &case));
        let test = "\"method\":\"nat\",\"result\":\"positive\"";
        lines.push(record(Feed::Tests, id, &format!("{test},\"sampled_at\":\"{at}\",\"reported_at\":\"{at}\"")));
        let order = "\"stage\":\"home\",\"basis\":\"other\"";
        lines.push(record(Feed::Isolations, id, &format!("{order},\"started_at\":\"{at}\"")));
        let contact = format!("\"degree\":\"close\",\"determined_at\":\"{at}\",\"last_exposure_at\":\"{at}\"");
        lines.push(record(Feed::Contacts, id, &contact));
    }
    lines
}

/// What a pack makes of lines, as text.
fn judged(pack: &Arc<policy::Pack>, lines: &[(Feed, String)]) -> Vec<String> {
    let mut feeds: BTreeMap<Feed, String> = BTreeMap::new();
    for (feed, line) in lines {
        feeds.entry(*feed).or_default().push_str(line);
    }
    let sources: Vec<Source> = feeds
        .into_iter()
        .map(|(feed, lines)| Source::Bytes {
            feed,
            name: format!("{}.ndjson", feed.name()),
            bytes: lines.into_bytes().into(),
        })
        .collect();
    let until = Instant::parse("9999-12-31T00:00:00+08:00").unwrap();
    let finished = fuma_tests::replay(pack, &sources, Tick::parse("1d").unwrap(), until, 1);
    assert_eq!(finished.outcome.rejects.len(), 0, "{:?}", finished.outcome.rejects.first().map(|one| &one.message));
    fuma_tests::lines(&finished.outcome.changes)
}

/// What the gate takes neither fails on a row nor hangs on the order of lines.
#[test]
fn what_is_taken_fails_on_no_row_and_hangs_on_no_order() {
    let lines = hostile_lines();
    let turned: Vec<_> = lines.iter().rev().cloned().collect();
    for condition in conditions("good-forms.txt") {
        let pack = policy::load(&with_condition(&condition)).unwrap();
        assert_eq!(judged(&pack, &lines), judged(&pack, &turned), "{condition}");
    }
    for pack in fuma_tests::packs() {
        assert_eq!(judged(pack, &lines), judged(pack, &turned), "{}", pack.id);
    }
}
