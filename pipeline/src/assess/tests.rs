//! Tests of steps: their bounds, and who is left out of them.

use std::sync::Arc;

use fuma_schemas::{CodeChange, Feed, Instant, Person};

use super::*;
use crate::evidence::RuleTable;
use crate::intake::{Decoder, EvidenceBuilders, Key, Settings};
use crate::policy::{PackSource, PlantedFault, load};

pub(super) struct EveryInstant;

impl Ticks for EveryInstant {
    fn at_or_after(&self, instant: Instant) -> Instant {
        instant
    }
}

pub(super) fn partition() -> Partition {
    Partition::new(load(&PackSource::built_in("zhejiang-2020-109").unwrap()).unwrap()).unwrap()
}

/// Records: feed, person, id, and what it says besides.
pub(super) type Record = (Feed, u8, String, &'static str);

pub(super) fn apply(partition: &mut Partition, records: &[Record]) {
    let mut decoder = Decoder::new(Arc::new(Settings::new(Key::from_hex(&"5a".repeat(32)).unwrap())));
    let mut builders = [EvidenceBuilders::new()];
    for (feed, person, id, rest) in records {
        let whom = if *feed == Feed::Regions { String::new() } else { format!(r#""person":"{}","#, token(*person)) };
        let line = format!(r#"{{"owner":"o-1","id":"{id}",{whom}"known_at":"2021-11-10T08:00:00+08:00",{rest}}}"#);
        let decoded = decoder.decode(*feed, line.as_bytes(), None, &mut builders);
        decoded.unwrap_or_else(|reject| panic!("{reject:?}: {line}"));
    }
    for (kind, batch) in builders[0].finish() {
        let rows: Vec<u32> = (0..batch.num_rows() as u32).collect();
        partition.apply(kind, &batch, &rows).unwrap();
    }
}

fn token(person: u8) -> Person {
    Person([person; 16])
}

/// Judges all who wait; the sizes of the steps.
pub(super) fn judge(
    partition: &mut Partition,
    limits: StepLimits,
    changes: &mut Vec<CodeChange>,
) -> Vec<(usize, usize)> {
    judge_in(partition, Step::new(limits), changes)
}

/// As `judge`, in this step again and again.
fn judge_in(partition: &mut Partition, mut step: Step, changes: &mut Vec<CodeChange>) -> Vec<(usize, usize)> {
    let clock = Instant::parse("2021-11-10T08:00:00+08:00").unwrap();
    let mut sizes = Vec::new();
    while partition.waiting() > 0 {
        partition.enlist_waiting(clock, usize::MAX, &mut step);
        sizes.push(step.size());
        partition.judge(&mut step, clock, &EveryInstant, changes);
    }
    changes.sort_by_key(|change| change.person);
    sizes
}

pub(super) const TIER: &str = r#""region":"330106","tier":"high","since":"2021-11-09T00:00:00+08:00","authority":"a""#;
pub(super) const STAY: &str =
    r#""kind":"stay","region":"330106","arrived_at":"2021-11-09T08:00:00+08:00","source":"declared""#;

fn stays(people: u8, of_each: usize) -> Vec<Record> {
    let each = |person| (0..of_each).map(move |at| (Feed::Travel, person, format!("s{at}"), STAY));
    (1..=people).flat_map(each).collect()
}

/// I-10: whatever one event touches is judged in steps of so many rows (trial B2-15).
#[test]
fn a_change_of_tier_is_judged_in_bounded_steps() {
    let mut partition = partition();
    apply(&mut partition, &stays(60, 50));
    judge(&mut partition, StepLimits::default(), &mut Vec::new());
    apply(&mut partition, &[(Feed::Regions, 0, "r1".into(), TIER)]);
    let (limits, mut changes) = (StepLimits { rows: 400, ..StepLimits::default() }, Vec::new());
    let sizes = judge(&mut partition, limits, &mut changes);
    assert_eq!(changes.len(), 60, "everybody is yellow");
    assert!(sizes.len() >= 8 && sizes.iter().all(|(_, rows)| *rows <= 400), "{sizes:?}");
    let slots = StepLimits { slots: 7, ..StepLimits::default() };
    (0..60).for_each(|person| partition.touch(person));
    let sizes = judge(&mut partition, slots, &mut changes);
    assert!(sizes.iter().all(|(slots, _)| *slots <= 7) && sizes.len() == 9, "{sizes:?}");
    assert_eq!(changes.len(), 60, "who is judged again is not announced again");
}

/// I-10: joins pair the rows of one person; a step has so many pairs, or one person.
#[test]
fn people_with_many_rows_are_judged_alone() {
    let mut partition = partition();
    apply(&mut partition, &[(Feed::Regions, 0, "r1".into(), TIER)]);
    apply(&mut partition, &stays(5, 40));
    let mut changes = Vec::new();
    let sizes = judge(&mut partition, StepLimits { pairs: 1000, ..StepLimits::default() }, &mut changes);
    assert_eq!((sizes.len(), changes.len()), (5, 5));
}

/// Somebody with more rows than a step may have keeps the announced state, and comes back when below.
#[test]
fn a_crowd_stops_that_person_alone() {
    let mut partition = partition();
    apply(&mut partition, &[(Feed::Regions, 0, "r1".into(), TIER)]);
    apply(&mut partition, &stays(3, 10));
    apply(&mut partition, &(10..200).map(|at| (Feed::Travel, 2, format!("s{at}"), STAY)).collect::<Vec<_>>());
    let (limits, mut changes) = (StepLimits { rows: 150, ..StepLimits::default() }, Vec::new());
    judge(&mut partition, limits, &mut changes);
    assert_eq!(changes.iter().map(|change| change.person).collect::<Vec<_>>(), [token(1), token(3)]);
    let crowded = partition.evidence().find(token(2)).unwrap();
    assert_eq!(partition.left_out().people().collect::<Vec<_>>(), [(crowded, &Why::Crowded)]);
    assert!(partition.rules_of(&[(crowded, None)]).is_empty(), "nothing is said of them");
    const RETRACTED: &str = r#""kind":"stay","revision":2,"retracted":true"#;
    let fewer = (10..200).map(|at| (Feed::Travel, 2, format!("s{at}"), RETRACTED));
    apply(&mut partition, &fewer.collect::<Vec<_>>());
    judge(&mut partition, limits, &mut changes);
    assert_eq!((changes.len(), partition.left_out().counts()), (3, (0, 0)));
}

/// I-10: below the limits of each kind, joins of three kinds come to millions of pairs: such a person is crowded, and
/// stops nobody (trial B2-14).
#[test]
fn who_has_too_many_pairs_for_the_joins_is_crowded() {
    const CONTACT: &str = concat!(
        r#""degree":"close","determined_at":"2021-11-09T08:00:00+08:00","#,
        r#""last_exposure_at":"2021-11-08T08:00:00+08:00""#
    );
    const RELEASED: &str = concat!(
        r#""stage":"centralised","basis":"contact","started_at":"2021-11-09T09:00:00+08:00","#,
        r#""ended_at":"2021-11-09T10:00:00+08:00","outcome":"released""#
    );
    const GONE: &str = r#""revision":2,"retracted":true"#;
    let many = |count: usize, person| {
        let of =
            move |feed, id: &'static str, rest| (0..count).map(move |at| (feed, person, format!("{id}{at}"), rest));
        let kinds = [(Feed::Contacts, "c", CONTACT), (Feed::Isolations, "i", RELEASED), (Feed::Cases, "k", CASE)];
        kinds.into_iter().flat_map(|(feed, id, rest)| of(feed, id, rest)).collect::<Vec<Record>>()
    };
    let mut partition = partition();
    let pack = Arc::clone(partition.pack());
    let mut rows = [0; RuleTable::COUNT];
    for kind in [fuma_schemas::Kind::Contacts, fuma_schemas::Kind::Isolations, fuma_schemas::Kind::Cases] {
        rows[RuleTable::Kind(kind).index()] = 250;
    }
    assert!((250 * 250 * 250..100_000_000).contains(&pack.joined(&rows)), "{}", pack.joined(&rows));
    apply(&mut partition, &many(250, 1));
    apply(&mut partition, &many(20, 2));
    apply(&mut partition, &[(Feed::Cases, 3, "k".into(), CASE)]);
    let mut changes = Vec::new();
    let sizes = judge(&mut partition, StepLimits::default(), &mut changes);
    assert_eq!(changes.iter().map(|change| change.person).collect::<Vec<_>>(), [token(2), token(3)]);
    assert!(sizes.iter().all(|(_, rows)| *rows < 100), "{sizes:?}");
    assert_eq!(partition.left_out().counts(), (1, 0));
    // Below, the person is judged again.
    let cases = (50..250).map(|at| (Feed::Cases, 1, format!("k{at}"), GONE));
    apply(&mut partition, &cases.collect::<Vec<_>>());
    judge(&mut partition, StepLimits::default(), &mut changes);
    assert_eq!((changes.len(), partition.left_out().counts()), (3, (0, 0)));
}

/// People as there are have few pairs: nobody is crowded for being at a limit of one kind, or of stays and tests.
#[test]
fn who_is_at_the_limit_of_a_kind_is_judged() {
    use fuma_schemas::Kind;
    for pack in ["zhejiang-2020-109", "chongqing-2021-24"] {
        let pack = load(&PackSource::built_in(pack).unwrap()).unwrap();
        let joined = |kinds: &[(Kind, u64)]| {
            let mut rows = [0; RuleTable::COUNT];
            kinds.iter().for_each(|(kind, count)| rows[RuleTable::Kind(*kind).index()] = *count);
            pack.joined(&rows)
        };
        for (kind, most) in [(Kind::Stays, 10_000), (Kind::Tests, 2000), (Kind::Contacts, 500), (Kind::Isolations, 500)]
        {
            let pairs = joined(&[(kind, most)]);
            assert!(pairs <= StepLimits::default().pairs_of_one, "{kind:?}: {pairs}");
        }
        let busy =
            [(Kind::Stays, 2000), (Kind::Tests, 120), (Kind::Trips, 200), (Kind::Contacts, 40), (Kind::Isolations, 40)];
        assert!(joined(&busy) <= StepLimits::default().pairs_of_one / 8, "{}", joined(&busy));
    }
}

/// I-10: a stay that is known to the city alone meets every tier of the city, and no rule looks at one: nothing is
/// gathered, and nobody is crowded by it. One that is known to the county is, under both packs.
#[test]
fn tiers_that_no_rule_looks_at_are_not_gathered() {
    const CITY: &str = r#""kind":"stay","region":"3301","arrived_at":"2021-11-09T08:00:00+08:00","source":"telecom""#;
    const PROVINCE: &str = r#""kind":"stay","region":"33","arrived_at":"2021-11-09T08:00:00+08:00","source":"telecom""#;
    let tiers: Vec<Record> = (0..300).map(|at| (Feed::Regions, 0, format!("r{at}"), TIER)).collect();
    for (pack, city_counts) in [("zhejiang-2020-109", false), ("chongqing-2021-24", true)] {
        let mut partition = Partition::new(load(&PackSource::built_in(pack).unwrap()).unwrap()).unwrap();
        apply(&mut partition, &tiers[..1]);
        let of = |person, rest| (0..10).map(move |at| (Feed::Travel, person, format!("s{at}"), rest));
        apply(&mut partition, &of(1, PROVINCE).chain(of(2, CITY)).chain(of(3, STAY)).collect::<Vec<_>>());
        let mut step = Step::default();
        let clock = Instant::parse("2021-11-10T08:00:00+08:00").unwrap();
        let mut rows = [0; 3];
        for person in 0..3 {
            partition.take_waiting();
            partition.touch(person);
            partition.enlist_waiting(clock, usize::MAX, &mut step);
            rows[person as usize] = step.rows.rows(RuleTable::TieredStays);
            step.clear();
        }
        assert_eq!(rows, [0, if city_counts { 10 } else { 0 }, 10], "{pack}");
    }
}

/// Beyond the limit of a kind a person is crowded, however few rows the rules need.
#[test]
fn who_has_too_many_facts_of_a_kind_is_crowded() {
    const TEST: &str = concat!(
        r#""method":"nat","result":"negative","sampled_at":"2021-11-09T08:00:00+08:00","#,
        r#""reported_at":"2021-11-09T09:00:00+08:00""#
    );
    const RETRACTED: &str = r#""revision":2,"retracted":true"#;
    let mut partition = partition();
    apply(&mut partition, &[(Feed::Cases, 1, "c".into(), CASE), (Feed::Cases, 2, "c".into(), CASE)]);
    apply(&mut partition, &(0..2001).map(|at| (Feed::Tests, 2, format!("t{at}"), TEST)).collect::<Vec<_>>());
    let mut changes = Vec::new();
    judge(&mut partition, StepLimits::default(), &mut changes);
    assert_eq!((changes.len(), partition.left_out().counts()), (1, (1, 0)));
    apply(&mut partition, &[(Feed::Tests, 2, "t0".into(), RETRACTED)]);
    judge(&mut partition, StepLimits::default(), &mut changes);
    assert_eq!((changes.len(), partition.left_out().counts()), (2, (0, 0)));
}

pub(super) const CASE: &str = r#""classification":"confirmed","determined_at":"2021-11-09T08:00:00+08:00""#;
const EXCLUDED: &str = r#""revision":2,"classification":"excluded","determined_at":"2021-11-09T08:00:00+08:00""#;
pub(super) const HOSPITAL: &str = r#""stage":"hospital","basis":"other","started_at":"2021-11-09T09:00:00+08:00""#;
const HOME: &str = r#""revision":2,"stage":"home","basis":"other","started_at":"2021-11-09T09:00:00+08:00""#;

fn fault() -> PlantedFault {
    let (rule, column, text) = ("ZJ-R6".into(), "stage".into(), "hospital".into());
    PlantedFault { rule, table: RuleTable::Kind(fuma_schemas::Kind::Isolations), column, text }
}

/// A judge one of whose rules fails.
pub(super) fn faulty_judge() -> Arc<Judge> {
    let mut judge = Judge::new(load(&PackSource::built_in("zhejiang-2020-109").unwrap()).unwrap()).unwrap();
    judge.plant(fault());
    Arc::new(judge)
}

/// A rule that fails on a row stops that person alone, in every step size; the others' answers are the same (I-9).
#[test]
fn a_rule_that_fails_stops_that_person_alone() {
    let ill: Vec<Record> = (1..=40).map(|person| (Feed::Cases, person, "c".into(), CASE)).collect();
    let bad = [7_u8, 8, 31];
    let isolated = |person: &u8| (Feed::Isolations, *person, "i".to_owned(), HOSPITAL);
    let isolated: Vec<Record> = bad.iter().map(isolated).collect();
    for slots in [1, 3, 16_384] {
        let (limits, mut expected, mut changes) =
            (StepLimits { slots, ..StepLimits::default() }, Vec::new(), Vec::new());
        let (mut sound, mut faulty) = (partition(), partition());
        faulty.put_in_force(faulty_judge());
        for (partition, changes) in [(&mut sound, &mut expected), (&mut faulty, &mut changes)] {
            apply(partition, &ill);
            apply(partition, &isolated);
            judge(partition, limits, changes);
        }
        expected.retain(|change| !bad.contains(&change.person.0[0]));
        assert_eq!(changes, expected);
        assert_eq!(changes.len(), 37);
        let failed: Vec<(u8, &Why)> = faulty
            .left_out()
            .people()
            .map(|(person, why)| (faulty.evidence().person(person).unwrap().0[0], why))
            .collect();
        let why = Why::Failed { rule: "ZJ-R6".into() };
        assert_eq!(failed.len(), 3);
        assert!(failed.iter().all(|(person, found)| bad.contains(person) && **found == why), "{failed:?}");
        // The audit holds nothing against them (R-13), and they come back when the rule holds.
        let clock = changes[0].decided_at;
        assert_eq!(faulty.audit(clock, clock, &mut |_| true), Vec::<u32>::new());
        apply(&mut faulty, &[(Feed::Isolations, 7, "i".into(), HOME), (Feed::Cases, 8, "c".into(), EXCLUDED)]);
        judge(&mut faulty, limits, &mut changes);
        assert_eq!((changes.len(), faulty.left_out().counts()), (38, (0, 2)));
    }
}

/// Who is announced red and is not judged any more stays red.
#[test]
fn who_is_left_out_keeps_the_announced_state() {
    let mut partition = partition();
    partition.put_in_force(faulty_judge());
    let mut changes = Vec::new();
    apply(&mut partition, &[(Feed::Cases, 1, "c".into(), CASE)]);
    judge(&mut partition, StepLimits::default(), &mut changes);
    apply(&mut partition, &[(Feed::Isolations, 1, "i".into(), HOSPITAL), (Feed::Cases, 1, "c".into(), EXCLUDED)]);
    judge(&mut partition, StepLimits::default(), &mut changes);
    assert_eq!((changes.len(), partition.colours()), (1, [0, 0, 1]));
    apply(&mut partition, &[(Feed::Isolations, 1, "i".into(), HOME)]);
    judge(&mut partition, StepLimits::default(), &mut changes);
    assert_eq!(changes[1].reasons.iter().map(|one| one.rule.id.as_str()).collect::<Vec<_>>(), ["ZJ-R6"]);
}

/// Two packs judge one partition: what was announced is of no pack, and whoever is judged is told the difference.
#[test]
fn a_partition_may_be_judged_by_another_pack() {
    const FEVER: &str = r#""symptom":"fever","onset_at":"2021-11-09T08:00:00+08:00","source":"clinic""#;
    let chongqing = || Judge::new(load(&PackSource::built_in("chongqing-2021-24").unwrap()).unwrap()).unwrap();
    let mut partition = partition();
    apply(&mut partition, &[(Feed::Symptoms, 1, "s".into(), FEVER), (Feed::Cases, 2, "c".into(), CASE)]);
    let mut changes = Vec::new();
    judge(&mut partition, StepLimits::default(), &mut changes);
    assert_eq!(partition.colours(), [0, 1, 1]);
    let person = |partition: &Partition, of: u8| partition.evidence().find(token(of)).unwrap();
    let (feverish, ill) = (person(&partition, 1), person(&partition, 2));
    // A look through the eyes of another pack changes nothing.
    assert!(partition.rules_by(&chongqing(), &[(feverish, None)]).is_empty());
    assert_eq!(partition.rules_by(&chongqing(), &[(ill, None)]).len(), 1);
    assert_eq!(partition.colours(), [0, 1, 1]);
    // A step by another pack; the one in force is not asked.
    [feverish, ill].iter().for_each(|person| partition.touch(*person));
    judge_in(&mut partition, Step::by(Arc::new(chongqing()), StepLimits::default()), &mut changes);
    assert_eq!(&*partition.pack().id, "zhejiang-2020-109");
    let said = |change: &CodeChange| (change.person, change.from.name(), change.to.name());
    assert_eq!(
        changes.iter().map(said).filter(|(who, ..)| *who == token(1)).nth(1),
        Some((token(1), "yellow", "green"))
    );
    let of_ill: Vec<_> = changes.iter().filter(|change| change.person == token(2)).collect();
    assert_eq!(of_ill.len(), 2, "red as before, by a rule of another pack");
    assert_eq!((of_ill[1].from.name(), of_ill[1].to.name()), ("red", "red"));
    assert_eq!(of_ill[1].reasons[0].rule.id, "CQ-R1");
    assert_eq!(&*partition.announced(ill).rules[0], "CQ-R1");
    [feverish, ill].iter().for_each(|person| partition.touch(*person));
    judge(&mut partition, StepLimits::default(), &mut changes);
    assert_eq!((changes.len(), partition.colours()), (6, [0, 1, 1]));
}

/// I-4 and I-5 are checked where a change is made, and where it goes out.
#[test]
fn the_predicates_find_what_is_broken() {
    let mut partition = partition();
    apply(&mut partition, &[(Feed::Cases, 2, "c".into(), CASE)]);
    let mut changes = Vec::new();
    judge(&mut partition, StepLimits::default(), &mut changes);
    let sound = changes.remove(0);
    assert!(invariants::has_reasons(&sound) && invariants::are_chains(std::slice::from_ref(&sound)));
    let without = CodeChange { reasons: Vec::new(), ..sound.clone() };
    assert!(!invariants::has_reasons(&without), "I-5: red without a reason");
    let green = CodeChange { to: fuma_schemas::Colour::Green, ..sound.clone() };
    assert!(!invariants::has_reasons(&green), "I-5: green with one");
    let over = CodeChange { decided_at: Instant(sound.reasons[0].since.0 - 1), ..sound.clone() };
    assert!(!invariants::has_reasons(&over), "I-5: before its time");
    assert!(!invariants::are_chains(&[sound.clone(), sound]), "I-4: the same twice");
    assert!(partition.is_settled(), "I-3");
    partition.stage();
    partition.touch(0);
    apply(&mut partition, &[(Feed::Cases, 2, "c".into(), EXCLUDED)]);
    judge(&mut partition, StepLimits::default(), &mut changes);
    assert!(!partition.is_settled(), "I-3: it waits for the transaction");
    partition.roll_back();
    assert!(partition.is_settled() && !partition.is_green(0));
}

const NEGATIVE: &str = concat!(
    r#""method":"nat","result":"negative","sampled_at":"2021-11-09T08:00:00+08:00","#,
    r#""reported_at":"2021-11-09T09:00:00+08:00""#
);

/// I-10: in pages of a few people, with records between them, what goes is what goes at once; an excluded case waits
/// for trace.
#[test]
fn a_forgetting_in_pages_is_one_at_once() {
    let far = Instant::parse("2022-09-01T00:00:00+08:00").unwrap();
    let filled = || {
        let mut partition = partition();
        let of_person = |person| (0..5).map(move |at| (Feed::Tests, person, format!("t{at}"), NEGATIVE));
        let mut records: Vec<Record> = (1..=60).flat_map(of_person).collect();
        records.push((Feed::Cases, 7, "k".into(), EXCLUDED));
        apply(&mut partition, &records);
        judge(&mut partition, StepLimits::default(), &mut Vec::new());
        partition
    };
    let whole = filled().forget(far);
    assert_eq!((whole.facts, whole.links.len()), (300, 1));
    let mut partition = filled();
    let (mut facts, mut links, mut late) = (0, Vec::new(), 0);
    let mut comes_meanwhile = |partition: &mut Partition| {
        late += 1;
        apply(partition, &[(Feed::Tests, 200, format!("late {late}"), NEGATIVE)]);
        late
    };
    for page in 0..12 {
        let forgotten = partition.forget_page(far, page * 7..(page + 1) * 7);
        facts += forgotten.facts;
        links.extend(forgotten.links);
        comes_meanwhile(&mut partition);
    }
    let mut tidy = partition.begin_tidy();
    while !partition.tidy(&mut tidy, 50) {
        comes_meanwhile(&mut partition);
    }
    let late = comes_meanwhile(&mut partition);
    assert_eq!((facts, &links), (300, &whole.links));
    assert_eq!(partition.evidence().memory().facts, 1 + late);
    assert!(partition.trace_dropped(links[0].person, links[0].fact));
    assert_eq!(partition.evidence().memory().facts, late);
}
