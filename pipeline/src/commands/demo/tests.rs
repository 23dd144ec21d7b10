//! The report and the summary over an invented outcome: the numbers add up, and the page is well-formed. A small
//! district through the engine: the seed decides everything.
//!
//! Owns the invented outcome, which stands in for the engine in the tests of the page only.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::sync::{Arc, Mutex};

use fuma_schemas::change::RuleHead;
use fuma_schemas::instant::{DAY_MS, HOUR_MS};
use fuma_schemas::{CodeChange, Colour, Feed, Instant, Person, Reason, RejectCode};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

use super::*;

const DOCUMENT: &str = "省疫情防控办〔2020〕109号";

/// Rules with the part of the invented people that they colour, and the days that they hold.
const RULES: [(&str, Colour, &str, &str, &str, f64, i64); 7] = [
    ("ZJ-Y2", Colour::Yellow, "一(二), 二(二)", "中高风险地区旅居史", "Stay in a region under a tier", 0.58, 9),
    ("ZJ-R6", Colour::Red, "一(一)", "集中或居家隔离", "Under isolation", 0.14, 14),
    ("ZJ-Y1", Colour::Yellow, "一(二), 二(二)", "发热", "Fever", 0.13, 3),
    ("ZJ-R4", Colour::Red, "一(一)", "密切接触者", "Close contact <of a case>", 0.08, 14),
    ("ZJ-R5", Colour::Red, "一(一)", "境外入境", "Entry from abroad", 0.05, 15),
    ("ZJ-R1", Colour::Red, "一(一)", "确诊病例", "Confirmed case", 0.01, 20),
    ("ZJ-R7", Colour::Red, "一(一)", "经批准的名单", "Approved list", 0.01, 7),
];

fn facts(people: u32) -> Facts {
    let rules = RULES.map(|(id, colour, clause, title_zh, title_en, ..)| RuleText {
        id: id.into(),
        colour,
        clause: format!("{DOCUMENT} {clause}"),
        title_zh: title_zh.into(),
        title_en: title_en.into(),
    });
    let rejects =
        RejectCode::ALL.iter().enumerate().flat_map(|(at, code)| vec![(Feed::Tests, *code); at % 4]).collect();
    Facts {
        settings: Settings { people, ..Settings::demo(1) },
        policy: "zhejiang-2020-109".into(),
        workers: 2,
        events: u64::from(people) * 20,
        facts: u64::from(people) * 19,
        people: u64::from(people),
        rejects,
        rules: rules.to_vec(),
        seconds: 3.2,
        memory_bytes_peak: Some(812_000_000),
    }
}

/// A red or yellow spell for one person in twenty; every tenth has a second reason in its midst.
fn changes(facts: &Facts) -> Vec<CodeChange> {
    let mut random = SmallRng::seed_from_u64(1);
    let mut changes = Vec::new();
    for number in 0..facts.settings.people / 20 {
        let mut dice = random.random_range(0.0..1.0);
        let rule = RULES.iter().find(|rule| {
            dice -= rule.5;
            dice < 0.0
        });
        let (id, colour, clause, .., days) = *rule.unwrap_or(&RULES[0]);
        let head = Arc::new(RuleHead { id: id.into(), colour, clause: format!("{DOCUMENT} {clause}") });
        let since =
            Instant(facts.settings.start.0 + (random.random_range(0.0_f64..1.0).sqrt() * 29.0 * DAY_MS as f64) as i64);
        let until = Instant(since.0 + days * DAY_MS);
        let reason = Reason { rule: head, since, until: Some(until), due: Some(until) };
        let change = |from: Colour, to: Colour, at: Instant, reasons: Vec<Reason>| CodeChange {
            person: Person([(number % 251) as u8, (number / 251) as u8, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7]),
            from,
            to,
            effective_at: at,
            colour_since: at,
            decided_at: at,
            reasons,
            ended: vec![],
            next_change_at: None,
            policy: "zhejiang-2020-109".into(),
            policy_version: "1.0.0".into(),
        };
        changes.push(change(Colour::Green, colour, since, vec![reason.clone()]));
        if number % 10 == 0 {
            let second = Arc::new(RuleHead { id: "ZJ-R3".into(), colour, clause: DOCUMENT.into() });
            let reasons = vec![Reason { rule: second, ..reason.clone() }, reason];
            changes.push(change(colour, colour, Instant(since.0 + HOUR_MS), reasons));
        }
        if until < facts.settings.end() {
            changes.push(change(colour, Colour::Green, until, vec![]));
        }
    }
    changes.sort_by_key(|change| (change.decided_at, change.person));
    changes
}

#[test]
fn the_numbers_add_up() {
    let facts = facts(20_000);
    let changes = changes(&facts);
    let summary = Summary::of(&changes, &facts);
    assert_eq!(summary.changes, changes.len() as u64);
    assert_eq!(summary.by_step().map(|(_, count)| count).sum::<u64>(), summary.changes);
    assert_eq!(summary.by_code.iter().map(|(_, count)| count).sum::<u64>(), facts.rejects.len() as u64);
    // 1,000 first reasons and 100 second ones.
    assert_eq!(summary.by_rule.iter().map(|rule| rule.begun).sum::<u64>(), 1_100);
    assert_eq!(summary.ever_yellow + summary.ever_red, 1_000);
    assert_eq!(summary.hours.len(), 30 * 24);
    let left: u64 =
        (0..3).map(|to| summary.steps[0][to]).sum::<u64>() - (0..3).map(|from| summary.steps[from][0]).sum::<u64>();
    let [yellow, red] = summary.day_end(29);
    assert_eq!(yellow + red, left, "who left green and did not come back is yellow or red at the end");
}

#[test]
fn the_page_is_well_formed_and_needs_nothing_from_outside() {
    for people in [20_000, 20] {
        let facts = facts(people);
        let summary = Summary::of(&changes(&facts), &facts);
        let page = report_html(&facts, &summary);
        balanced(&page);
        for forbidden in ["http", "<script", "src=", "url(", "@import", "Close contact <of", "NaN"] {
            assert!(!page.contains(forbidden), "{forbidden}");
        }
        for text in [
            "每日码色",
            "Changes by rule",
            "listing-basis",
            "prefers-color-scheme: dark",
            "<desc id=\"colours-desc\">",
            "Seed 1,",
        ] {
            assert!(page.contains(text), "{text}");
        }
        for rule in &summary.by_rule {
            assert!(page.contains(&rule.id) && page.contains(&rule.clause), "{}", rule.id);
        }
    }
}

#[test]
fn a_run_without_a_change_has_a_report() {
    let facts = Facts { rejects: vec![], rules: vec![], memory_bytes_peak: None, seconds: 0.0, ..facts(1) };
    let summary = Summary::of(&[], &facts);
    balanced(&report_html(&facts, &summary));
    assert!(printed::summary(&facts, &summary).contains("changes"));
}

#[test]
fn the_red_code_that_is_explained_names_rule_clause_since_and_due() {
    let facts = facts(2_000);
    let changes = changes(&facts);
    let change = red_to_explain(&changes).unwrap();
    let text = engine::explain_red(change, &facts.rules);
    for part in [&change.reasons[0].rule.id, DOCUMENT, "since 2021-12", "due 202", &change.person.to_string()] {
        assert!(text.contains(part), "{part} in {text}");
    }
}

/// What the engine told last: records decoded, people by colour, changes.
#[derive(Default)]
struct Told(Mutex<(u64, [u64; 3], u64)>);

impl engine::Progress for Told {
    fn decoded(&self, records: u64) {
        self.0.lock().unwrap().0 = records;
    }

    fn judged(&self, _: Instant, people: [u64; 3], changes: u64) {
        let mut told = self.0.lock().unwrap();
        (told.1, told.2) = (people, changes);
    }
}

#[test]
fn the_seed_decides_everything_and_the_number_of_threads_nothing() {
    let settings = Settings { people: 2_000, ..Settings::demo(7) };
    let planned = {
        let mut rejects = District::new(settings).rejects().to_vec();
        rejects.sort_by_key(|(feed, code)| (*feed, code.name()));
        rejects
    };
    let play = |workers: usize| {
        let feeds = District::new(settings).all_days();
        let events: usize = feeds.iter().map(|(_, bytes)| memchr::memchr_iter(b'\n', bytes).count()).sum();
        let (told, policy) = (Told::default(), "zhejiang-2020-109");
        let request = engine::Request { feeds, policy, workers, start: settings.start, end: settings.end() };
        let mut outcome = engine::run(request, &told).unwrap();
        let (decoded, people, changes) = *told.0.lock().unwrap();
        assert_eq!(
            (decoded, people.iter().sum(), changes),
            (events as u64, outcome.people, outcome.changes.len() as u64)
        );
        outcome.rejects.sort_by_key(|(feed, code)| (*feed, code.name()));
        assert_eq!(outcome.rejects, planned);
        outcome.changes
    };
    let once = play(1);
    assert!(once.iter().any(|change| change.to == Colour::Red), "an outbreak turns somebody red");
    assert!(once == play(1) && once == play(3));
}

#[test]
fn numbers_are_grouped() {
    assert_eq!([0, 999, 1_000, 1_234_567].map(printed::grouped), ["0", "999", "1,000", "1,234,567"]);
}

#[test]
#[ignore = "writes a page to look at: FUMA_REPORT=/tmp/report.html"]
fn page_to_look_at() {
    let facts = facts(100_000);
    let summary = Summary::of(&changes(&facts), &facts);
    std::fs::write(std::env::var("FUMA_REPORT").unwrap(), report_html(&facts, &summary)).unwrap();
    eprintln!("{}", printed::summary(&facts, &summary));
}

/// Every element that opens closes, in order; void elements and those that close themselves aside.
fn balanced(page: &str) {
    let mut open: Vec<&str> = Vec::new();
    for tag in page.split('<').skip(1) {
        let (inside, _) = tag.split_once('>').expect("a tag that ends");
        let name = inside.split([' ', '/']).find(|part| !part.is_empty()).unwrap();
        if let Some(closed) = inside.strip_prefix('/') {
            assert_eq!(open.pop(), Some(closed));
        } else if !inside.ends_with('/') && !inside.starts_with('!') && name != "meta" {
            open.push(name);
        }
    }
    assert!(open.is_empty(), "{open:?}");
}

/// Ten million people would take 96 GB: that is said before the work, not by the system that ends it.
#[test]
fn a_district_that_does_not_fit_is_told_of_before_the_work() {
    let free = Some(12_000_000_000);
    assert_eq!(warning(100_000, 30, free), None);
    assert_eq!(warning(10_000_000, 30, None), None, "where the system does not say");
    let said = warning(10_000_000, 30, free).unwrap();
    for part in ["10,000,000 people", "96.0 GB", "12.0 GB are free", "--people"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(super::super::memory_bytes_free().is_none_or(|free| free > 1 << 20));
}
