//! what is answered of people is what is committed, right behind a commit, and nothing else.

use fuma_pipeline::assess::shown::Reasons;
use fuma_pipeline::live::answers::{Answer, Answers, Missing};
use fuma_pipeline::live::partitions::{ParkReason, Words};
use fuma_schemas::{Colour, Instant, Person};
use fuma_tests::live::lines::{listing, person, retracted_listing};
use fuma_tests::live::{Member, Setup};
use fuma_tests::simulated::Fault;

use crate::{DAY, Stage, zhejiang};

fn asked(stage: &Stage, name: &str) -> (Member, Answers) {
    let answers = Answers::default();
    answers.know(1);
    let setup = Setup { answers: Some(answers.clone()), ..Setup::of(zhejiang()) };
    (Member::new(&stage.cluster, name, setup), answers)
}

fn of(answers: &Answers, person: Person) -> Answer {
    answers.of(person).unwrap()
}

fn colour(answers: &Answers, person: Person) -> Colour {
    of(answers, person).shown.colour
}

/// What is said of a person but for when: the colour, its beginning, what is next, and the reasons.
fn said(answer: &Answer) -> String {
    let shown = &answer.shown;
    let reasons: Vec<String> = match &shown.reasons {
        Reasons::Known(pack, holding) => {
            let id = |rule: u16| pack.rules[usize::from(rule)].head.id.clone();
            holding
                .iter()
                .map(|one| format!("{} {:?} {:?} {:?}", id(one.rule), one.since, one.until, one.due))
                .collect()
        }
        Reasons::Announced(rules) => rules.iter().map(|rule| format!("{rule} announced")).collect(),
    };
    format!("{:?} {:?} {:?} {reasons:?} {:?}", shown.colour, shown.colour_since, shown.next, shown.kept)
}

#[test]
fn an_answer_is_what_is_committed() {
    let mut stage = Stage::new();
    let (a, answers) = asked(&stage, "a");
    assert_eq!(answers.of(person(1)).unwrap_err(), Missing::NotHeld(0));
    a.run(3_000);
    assert_eq!(said(&of(&answers, person(1))), "Green None None [] None");
    let at = stage.now();
    stage.feed.write(&[listing(person(1), "l1", "red", at, DAY)]);
    stage.cluster.fail_commit(&a.owner, Fault::Abort);
    while a.turn().unwrap().aborts == 0 {
        stage.cluster.advance(1);
    }
    assert_eq!(colour(&answers, person(1)), Colour::Green, "an aborted commit is none");
    a.run(300);
    let answer = of(&answers, person(1));
    let decided_at = stage.announced()[0].decided_at;
    assert!(answer.as_of >= decided_at && answer.as_of <= stage.now(), "{:?}", answer.as_of);
    assert_eq!((answer.shown.colour, answer.shown.colour_since), (Colour::Red, Some(at)));
    assert_eq!(answer.shown.next, Some((Instant(at.0 + DAY), Colour::Green)));
    stage.feed.write(&[retracted_listing(person(1), "l1", stage.now())]);
    a.run(300);
    assert_eq!(said(&of(&answers, person(1))), "Green None None [] None");
}

/// The reasons of a colour may change without a change being announced: the end moves.
#[test]
fn an_answer_follows_evidence_that_announces_nothing() {
    let mut stage = Stage::new();
    let (a, answers) = asked(&stage, "a");
    a.run(300);
    let at = stage.now();
    stage.feed.write(&[listing(person(1), "l1", "red", at, DAY)]);
    a.run(300);
    stage.feed.write(&[listing(person(1), "l2", "red", at, 2 * DAY)]);
    a.run(300);
    assert_eq!(stage.steps().len(), 1);
    assert_eq!(of(&answers, person(1)).shown.next, Some((Instant(at.0 + 2 * DAY), Colour::Green)));
}

#[test]
fn a_takeover_answers_as_its_predecessor_did() {
    let mut stage = Stage::new();
    let (a, before) = asked(&stage, "a");
    a.run(300);
    let at = stage.now();
    let lines = (0..60).map(|number| {
        let colour = if number % 2 == 0 { "red" } else { "yellow" };
        listing(person(number), "l", colour, at, i64::from(number) * 100)
    });
    let lines = lines.collect::<Vec<_>>();
    stage.feed.write(&lines);
    a.run(3_000);
    let all = |answers: &Answers| (0..70).map(|number| said(&of(answers, person(number)))).collect::<Vec<String>>();
    let expected = all(&before);
    assert!(expected.iter().any(|said| said.starts_with("Red")) && expected[69].starts_with("Green None"));
    a.die();
    assert_eq!(before.of(person(1)).unwrap_err(), Missing::NotHeld(0), "what a dead worker knew is another's to say");
    let (b, after) = asked(&stage, "b");
    while after.of(person(1)).is_err() {
        b.turn().unwrap();
    }
    assert_eq!(all(&after), expected, "before anything is committed");
    b.run(3_000);
    for number in 0..70 {
        let announced = stage.colour(person(number), 1);
        assert_eq!(colour(&after, person(number)).name(), announced, "{number}");
    }
    b.leave();
    assert_eq!(after.of(person(1)).unwrap_err(), Missing::NotHeld(0));
}

/// Nobody writes, and yet the answer says that it is of now: every 2 s a commit proves whose the partition is.
#[test]
fn an_answer_is_two_seconds_old_at_most() {
    let stage = Stage::new();
    let (a, answers) = asked(&stage, "a");
    a.run(3_000);
    for _ in 0..20 {
        a.run(1_700);
        let age = stage.now().0 - of(&answers, person(1)).as_of.0;
        assert!((0..=2_300).contains(&age), "{age} ms");
    }
}

/// Where nobody asks, an idle partition costs the log nothing.
#[test]
fn without_anybody_who_asks_an_idle_partition_commits_nothing() {
    let stage = Stage::new();
    let a = stage.member("a");
    a.run(3_000);
    let before = stage.cluster.position(0);
    a.run(30_000);
    assert_eq!(stage.cluster.position(0), before);
}

#[test]
fn a_parked_partition_keeps_its_last_answer() {
    let mut stage = Stage::new();
    let (a, answers) = asked(&stage, "a");
    a.run(300);
    stage.feed.write(&[listing(person(1), "l1", "red", stage.now(), 3_600_000)]);
    a.run(300);
    let before = of(&answers, person(1));
    a.shift_clock(2 * 3_600_000);
    stage.feed.write(&[listing(person(2), "l2", "red", stage.now(), DAY)]);
    a.run(5_000);
    assert_eq!(a.trouble(0).reason(), ParkReason::ClockAhead);
    let after = of(&answers, person(1));
    assert_eq!(said(&after), said(&before));
    assert!(after.as_of.0 <= stage.now().0 - 2_000, "it says of when it is");
    assert_eq!(colour(&answers, person(2)), Colour::Green, "what is not committed is not answered");
    a.shift_clock(0);
    a.run(10_000);
    assert_eq!(colour(&answers, person(2)), Colour::Red);
}

/// The emergency stop: nothing is announced, so nothing else is answered.
#[test]
fn what_is_held_is_not_answered() {
    let mut stage = Stage::new();
    let answers = Answers::default();
    answers.know(1);
    let words = Words::default();
    let setup = Setup { answers: Some(answers.clone()), words: words.clone(), ..Setup::of(zhejiang()) };
    let a = Member::new(&stage.cluster, "a", setup);
    a.run(3_000);
    assert!(words.hold(true));
    stage.feed.write(&[listing(person(1), "l1", "red", stage.now(), DAY)]);
    a.run(3_000);
    assert_eq!(colour(&answers, person(1)), Colour::Green);
    assert!(words.hold(false));
    a.run(1_000);
    assert_eq!(colour(&answers, person(1)), Colour::Red);
}

/// The names of evidence come from the log; what the log has no more is shown without a name, and nothing is left out.
#[test]
fn why_is_answered_with_the_names_that_the_log_has() {
    use fuma_connectors::log::{Log as _, Topic};
    use fuma_pipeline::live::answers::explain::found;
    use fuma_pipeline::live::record::Origin;

    let mut stage = Stage::new();
    let (a, answers) = asked(&stage, "a");
    a.run(300);
    stage.feed.write(&[listing(person(1), "l1", "red", stage.now(), DAY)]);
    stage.feed.write(&[
        listing(person(1), "l2", "yellow", stage.now(), DAY),
        listing(person(2), "l3", "red", stage.now(), DAY),
    ]);
    a.run(3_000);
    let explain = || {
        let mut reply = answers.ask(person(1)).unwrap();
        let question = answers.next_asked().unwrap();
        let mut reader = stage.cluster.process("reader").observer().unwrap();
        let found = found(reader.as_mut(), (0, person(1)), Origin::default()).unwrap();
        answers.with_names(0, question, found);
        assert!(reply.try_recv().unwrap().is_none(), "it waits for a step");
        a.run(300);
        reply.try_recv().unwrap().expect("a step answers")
    };
    let ids = |account: &serde_json::Value| {
        let reasons = account["reasons"].as_array().unwrap().iter();
        let facts = reasons.flat_map(|reason| reason["because"].as_array().unwrap());
        let mut ids: Vec<String> = facts.map(|fact| fact["record"]["id"].to_string()).collect();
        ids.sort();
        ids
    };
    let explained = explain();
    assert_eq!((ids(&explained.account), explained.is_whole), (vec!["\"l1\"".to_owned(), "\"l2\"".to_owned()], true));
    let announced: Vec<_> = explained.announced.iter().map(|change| change["to"].clone()).collect();
    assert_eq!(announced.last(), Some(&"red".into()));
    assert!(!explained.account.to_string().contains(&person(2).to_string()), "nobody else");
    assert!(explained.as_of <= stage.now());
    // The log begins behind the first record.
    stage.cluster.retain_from(Topic::Evidence, 0, 1);
    assert_eq!(ids(&explain().account), ["\"l2\"", "null"]);
}

/// What was taken in and is not committed is no evidence yet: the answer waits.
#[test]
fn why_is_not_answered_from_what_is_not_committed() {
    use fuma_pipeline::live::answers::explain::Found;

    let mut stage = Stage::new();
    let (a, answers) = asked(&stage, "a");
    a.run(300);
    for _ in 0..3 {
        stage.cluster.fail_commit(&a.owner, Fault::Abort);
    }
    stage.feed.write(&[listing(person(1), "l1", "red", stage.now(), DAY)]);
    let mut reply = answers.ask(person(1)).unwrap();
    while a.turn().unwrap().aborts == 0 {
        stage.cluster.advance(1);
    }
    answers.with_names(0, answers.next_asked().unwrap(), Found::default());
    a.turn().unwrap();
    let early = reply.try_recv().unwrap();
    assert!(early.is_none(), "{early:?}");
    a.run(500);
    let explained = reply.try_recv().unwrap().expect("a step answers");
    assert_eq!((&explained.account["colour"], explained.is_whole), (&"red".into(), false));
}
