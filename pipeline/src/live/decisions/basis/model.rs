//! Random logs: what the fold makes of them is what a plain model makes of them, and what is settled stays.
//!
//! Owns the model: it judges every signature by who wrote it, and has one list for everything. It knows timed switches
//! of packs of their own names; the rest has tests of its own.

#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::tests::{BEGIN, INSTALLATION, Log, MINUTE, NAMES, approved, pack, plain};
use super::*;
use crate::live::decisions::record::Record;

/// A step of a random log.
#[derive(Clone, Debug)]
enum Step {
    /// The next pack, for so many minutes later, over the last switch (or over the first one, whatever came since).
    Propose { minutes: i64, is_stale: bool, not_after: bool },
    /// A proposal (by place) is approved by a name (by place), rightly signed or not.
    Approve { proposal: usize, name: usize, is_right: bool },
    /// A proposal is withdrawn.
    Withdraw { proposal: usize },
    /// The record before comes once more.
    Again,
    /// Time passes; a little less than nothing, too: a log's clock may step back.
    Wait(i64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => (0_i64..40, prop::bool::weighted(0.1), prop::bool::weighted(0.2))
            .prop_map(|(minutes, is_stale, not_after)| Step::Propose { minutes, is_stale, not_after }),
        6 => (0_usize..6, 0..NAMES.len(), prop::bool::weighted(0.9))
            .prop_map(|(proposal, name, is_right)| Step::Approve { proposal, name, is_right }),
        1 => (0_usize..6).prop_map(|proposal| Step::Withdraw { proposal }),
        1 => Just(Step::Again),
        3 => prop::sample::select(vec![-30_000, 1, MINUTE, 4 * MINUTE, SWITCH_NOTICE_MS, 6 * MINUTE, 30 * MINUTE])
            .prop_map(Step::Wait),
    ]
}

/// A proposal of the model.
struct Told {
    id: String,
    follows: u64,
    valid_from: i64,
    not_after: bool,
    signers: Vec<&'static str>,
    /// Open, or what it is.
    is_over: bool,
    number: Option<u64>,
}

/// The model.
struct Model {
    told: Vec<Told>,
    /// Number and instant.
    schedule: Vec<(u64, i64)>,
    number: u64,
    clock: i64,
}

impl Model {
    /// The log takes a record: only then does its clock go on.
    fn takes(&mut self, now: i64) {
        self.clock = self.clock.max(now);
    }

    fn is_settled(&self, number: u64) -> bool {
        self.schedule.iter().any(|(other, at)| *other == number && self.clock > at - SWITCH_NOTICE_MS)
    }

    fn propose(&mut self, told: Told) {
        if !self.told.iter().any(|other| other.id == told.id) {
            self.told.push(told);
        }
        self.settle();
    }

    fn approve(&mut self, place: usize, name: &'static str) {
        let told = &self.told[place];
        let may = match told.number {
            Some(number) => !self.is_settled(number),
            None => !told.is_over,
        };
        if may && name != "stranger" && !told.signers.contains(&name) {
            self.told[place].signers.push(name);
        }
        self.settle();
    }

    fn withdraw(&mut self, place: usize) {
        match self.told[place].number {
            Some(number) if !self.is_settled(number) => {
                let at = self.schedule.iter().position(|(other, _)| *other == number).unwrap();
                // All later ones followed it.
                let gone: Vec<u64> = self.schedule.split_off(at).into_iter().map(|(number, _)| number).collect();
                for told in self.told.iter_mut().filter(|told| told.number.is_some_and(|it| gone.contains(&it))) {
                    (told.number, told.is_over) = (None, true);
                }
            }
            Some(_) => {}
            None => self.told[place].is_over = true,
        }
        self.settle();
    }

    fn settle(&mut self) {
        loop {
            let (last, instant) = *self.schedule.last().unwrap();
            let is_next = |told: &&mut Told| {
                let has = |names: &[&str]| told.signers.iter().filter(|name| names.contains(name)).count();
                let is_enough =
                    has(&["author", "both"]) > 0 && has(&["both", "approver", "second"]) > 0 && told.signers.len() > 1;
                !told.is_over && told.number.is_none() && (told.follows != last || is_enough)
            };
            let (clock, number) = (self.clock, self.number + 1);
            let Some(told) = self.told.iter_mut().find(is_next) else { return };
            let at = told.valid_from.max(clock + SWITCH_NOTICE_MS);
            if told.follows != last || at <= instant || (told.not_after && at > told.valid_from) {
                told.is_over = true;
            } else {
                told.number = Some(number);
                self.number = number;
                self.schedule.push((number, at));
            }
        }
    }
}

fn run(steps: &[Step]) -> Result<(), TestCaseError> {
    let mut log = Log::new();
    let mut model = Model { told: Vec::new(), schedule: vec![(1, 0)], number: 1, clock: log.now };
    let mut settled: Vec<Switch> = Vec::new();
    for (place, step) in steps.iter().enumerate() {
        match step {
            Step::Propose { minutes, is_stale, not_after } => {
                let seen = match is_stale {
                    true => Seen { number: 1, pack: pack("first", "1.0.0").digest },
                    false => log.seen(false),
                };
                let What::Pack { pack, .. } = plain(pack(&format!("p{place}"), "1")) else { unreachable!() };
                let what = What::Pack { pack, rollback: None, not_after: *not_after, at_once: false };
                let valid_from = BEGIN + minutes * 10 * MINUTE;
                let proposed = Proposed::new(INSTALLATION, what, valid_from, seen.clone(), log.now);
                let id = proposed.id.clone();
                model.takes(log.now);
                log.write(Record::Proposed(proposed));
                let is_over = seen.number != model.schedule.last().unwrap().0;
                let (follows, signers, number) = (seen.number, Vec::new(), None);
                let told = Told { id, follows, valid_from, not_after: *not_after, signers, is_over, number };
                model.propose(told);
            }
            Step::Approve { proposal, name, is_right } => {
                let Some(told) = model.told.get(*proposal) else { continue };
                let mut approved = log.approval(&told.id, NAMES[*name]);
                if !is_right {
                    approved
                        .signature
                        .replace_range(0..2, if approved.signature.starts_with("00") { "01" } else { "00" });
                }
                model.takes(log.now);
                log.write(Record::Approved(approved));
                if *is_right {
                    model.approve(*proposal, NAMES[*name]);
                } else {
                    model.settle();
                }
            }
            Step::Withdraw { proposal } => {
                let Some(told) = model.told.get(*proposal) else { continue };
                let id = told.id.clone();
                model.takes(log.now);
                log.withdraw(&id);
                model.withdraw(*proposal);
            }
            Step::Again => {
                let before = log.basis.schedule().to_vec();
                let (_, record) = log.written.last().unwrap().clone();
                model.takes(log.now);
                prop_assert!(log.write(record).is_some(), "a record that comes again says nothing");
                prop_assert_eq!(&before, &log.basis.schedule().to_vec());
            }
            Step::Wait(ms) => log.now += ms,
        }
        let schedule = log.basis.schedule();
        let found: Vec<(u64, i64)> = schedule.iter().map(|switch| (switch.number, switch.instant_ms)).collect();
        prop_assert_eq!(&found, &model.schedule);
        prop_assert!(schedule.windows(2).all(|pair| pair[0].instant_ms < pair[1].instant_ms));
        prop_assert!(schedule.windows(2).all(|pair| pair[0].number < pair[1].number));
        prop_assert_eq!(&settled[..], &schedule[..settled.len()], "what was settled stays");
        settled = schedule.iter().filter(|switch| log.basis.is_settled(switch)).cloned().collect();
        for switch in schedule.iter().skip(1) {
            prop_assert!(switch.signed.len() >= 2, "nothing by one hand");
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_random_log_comes_to_what_the_model_says(steps in prop::collection::vec(step(), 1..60)) {
        run(&steps)?;
    }
}

/// The order in which two approvals come, and how often, changes nothing but which record completed the switch.
#[test]
fn the_order_of_keys_changes_nothing() {
    let schedule = |names: &[&str]| {
        let mut log = Log::new();
        let what = plain(pack("second", "1"));
        let proposed = Proposed::new(INSTALLATION, what, BEGIN + 60 * MINUTE, log.seen(false), log.now);
        let (id, digest, at) = (proposed.id.clone(), proposed.what.digest(), proposed.valid_from);
        let seen = proposed.basis.clone();
        log.write(Record::Proposed(proposed));
        for name in names {
            log.write(Record::Approved(approved(&id, name, digest.clone(), at, seen.clone(), INSTALLATION)));
        }
        log.basis.schedule().iter().map(|it| (it.number, it.instant_ms)).collect::<Vec<_>>()
    };
    let expected = schedule(&["author", "approver"]);
    assert_eq!(expected.len(), 2);
    for names in [&["approver", "author"][..], &["approver", "approver", "author", "second"], &["author", "second"]] {
        assert_eq!(schedule(names), expected, "{names:?}");
    }
}
