//! The rules one by one: each is a short log, and what it comes to.
//!
//! Owns the keys of the tests, and how a log is written. The properties over random logs are in `model`.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use fuma_schemas::Instant;
use ring::signature::{Ed25519KeyPair, KeyPair as _};

use super::*;
use crate::live::decisions::record::{Accepted, Record};

pub(super) const INSTALLATION: &str = "9f1c22aa00000001";
pub(super) const MINUTE: i64 = 60_000;
pub(super) const BEGIN: i64 = 1_700_000_000_000;

/// The names of the tests: an author, one with both roles, two approvers, and one who is not on the list.
pub(super) const NAMES: [&str; 5] = ["author", "both", "approver", "second", "stranger"];

pub(super) fn pair(name: &str) -> Ed25519KeyPair {
    let place = NAMES.iter().position(|other| *other == name).unwrap_or(NAMES.len());
    Ed25519KeyPair::from_seed_unchecked(&[place as u8 + 1; 32]).unwrap()
}

pub(super) fn official(name: &str, roles: &[Role]) -> Official {
    let key = hex_of(pair(name).public_key().as_ref());
    Official { name: name.to_owned(), key, roles: roles.iter().copied().collect() }
}

pub(super) fn officials() -> Officials {
    let list = vec![
        official("author", &[Role::Author]),
        official("both", &[Role::Author, Role::Approver]),
        official("approver", &[Role::Approver]),
        official("second", &[Role::Approver]),
    ];
    Officials { officials: list, quorum: Quorum::default() }
}

pub(super) fn pack(id: &str, version: &str) -> PackName {
    let digest = hex_of(&[id.len() as u8 + version.len() as u8 * 16; 16].map(|byte| byte ^ id.as_bytes()[0]));
    let digest = format!("{digest}{}", hex_of(format!("{id:>8.8}{version:>8.8}").as_bytes()));
    PackName { digest, id: id.to_owned(), version: version.to_owned() }
}

/// A log, and what it comes to.
pub(super) struct Log {
    pub(super) basis: Basis,
    pub(super) now: i64,
    pub(super) written: Vec<(i64, Record)>,
}

impl Log {
    /// One with officials and a pack in force.
    pub(super) fn new() -> Log {
        Log::of(0)
    }

    /// The same of so many partitions.
    pub(super) fn of(partitions: u32) -> Log {
        let mut log = Log::empty_of(partitions);
        log.write(Record::Bootstrap(Bootstrap { number: 1, pack: pack("first", "1.0.0"), at: 0 }));
        log.write(Record::Officials(FirstOfficials { list: officials(), at: 0 }));
        log
    }

    fn empty() -> Log {
        Log::empty_of(0)
    }

    fn empty_of(partitions: u32) -> Log {
        let mut basis = Basis::default();
        basis.of(INSTALLATION, partitions);
        Log { basis, now: BEGIN, written: Vec::new() }
    }

    /// Appends a record; why it counts for nothing, if it does.
    pub(super) fn write(&mut self, record: Record) -> Option<Void> {
        // Through its text, as in the log.
        let record = Record::read(&record.to_bytes().unwrap()).unwrap();
        self.basis.take(self.written.len() as u64, self.now, &record);
        self.written.push((self.now, record));
        self.basis.events().last().and_then(|event| event.void.clone())
    }

    pub(super) fn seen(&self, at_once: bool) -> Seen {
        let follows = self.basis.follows(at_once, self.now).unwrap();
        Seen { number: follows.number, pack: follows.pack.digest.clone() }
    }

    fn publish(&mut self, what: What, valid_from: i64) -> (String, Option<Void>) {
        let at_once = matches!(what, What::Pack { at_once: true, .. });
        let proposed = Proposed::new(INSTALLATION, what, valid_from, self.seen(at_once), self.now);
        let id = proposed.id.clone();
        (id, self.write(Record::Proposed(proposed)))
    }

    pub(super) fn propose(&mut self, pack: PackName, valid_from: i64) -> String {
        let (id, void) = self.publish(plain(pack), valid_from);
        assert_eq!(void, None);
        id
    }

    pub(super) fn approval(&self, id: &str, name: &str) -> Approved {
        let Proposed { what, valid_from, basis, .. } = self.basis.proposal(id).unwrap().proposed.clone();
        approved(id, name, what.digest(), valid_from, basis, INSTALLATION)
    }

    pub(super) fn approve(&mut self, id: &str, name: &str) -> Option<Void> {
        let approved = self.approval(id, name);
        self.write(Record::Approved(approved))
    }

    fn both_approve(&mut self, id: &str) {
        assert_eq!(self.approve(id, "author"), None);
        assert_eq!(self.approve(id, "approver"), None);
    }

    pub(super) fn withdraw(&mut self, id: &str) -> Option<Void> {
        let withdrawn =
            Withdrawn { proposal: id.into(), reason: "no".into(), official: None, signature: None, at: self.now };
        self.write(Record::Withdrawn(withdrawn))
    }

    fn wait(&mut self, ms: i64) {
        self.now += ms;
    }

    fn instants(&self) -> Vec<(u64, i64)> {
        self.basis.schedule().iter().map(|switch| (switch.number, switch.instant_ms)).collect()
    }

    fn state(&self, id: &str) -> State {
        self.basis.proposal(id).unwrap().state.clone()
    }
}

pub(super) fn plain(pack: PackName) -> What {
    What::Pack { pack, rollback: None, not_after: false, at_once: false }
}

pub(super) fn approved(
    id: &str,
    name: &str,
    digest: String,
    valid_from: i64,
    basis: Seen,
    installation: &str,
) -> Approved {
    let signed = Signed {
        purpose: Purpose::Approval,
        digest: digest.clone(),
        valid_from,
        installation: installation.to_owned(),
        preview: None,
    };
    let signature = hex_of(pair(name).sign(&signed.bytes()).as_ref());
    let official = name.to_owned();
    Approved { proposal: id.to_owned(), digest, valid_from, basis, preview: None, official, signature, at: 0 }
}

/// The contract's bytes, written out.
#[test]
fn the_signed_bytes_are_those_of_the_contract() {
    let signed = Signed {
        purpose: Purpose::Approval,
        digest: "ab".repeat(32),
        valid_from: Instant::parse("2021-12-20T06:00:00+08:00").unwrap().0,
        installation: INSTALLATION.to_owned(),
        preview: None,
    };
    let expected = format!("fuma-approval-v1\n{}\n2021-12-20T06:00:00+08:00\n9f1c22aa00000001\n-\n", "ab".repeat(32));
    assert_eq!(String::from_utf8(signed.bytes()).unwrap(), expected);
    let seen = Signed { preview: Some("cd".repeat(32)), ..signed };
    assert!(String::from_utf8(seen.bytes()).unwrap().ends_with(&format!("\n{}\n", "cd".repeat(32))));
}

#[test]
fn two_people_put_a_pack_in_force_at_its_instant() {
    let mut log = Log::new();
    let at = log.now + 60 * MINUTE;
    let id = log.propose(pack("second", "1"), at);
    assert_eq!(log.approve(&id, "author"), None);
    assert_eq!((log.instants(), log.state(&id)), (vec![(1, 0)], State::Open));
    assert_eq!(log.approve(&id, "approver"), None);
    assert_eq!((log.instants(), log.state(&id)), (vec![(1, 0), (2, at)], State::Scheduled(2)));
    let switch = log.basis.schedule().last().unwrap().clone();
    assert_eq!((switch.signed, switch.offset, switch.at_once), (vec!["author".into(), "approver".into()], 4, false));
    assert_eq!(log.basis.in_force(at - 1).unwrap().number, 1);
    assert_eq!(log.basis.in_force(at).unwrap().number, 2);
}

#[test]
fn nobody_takes_two_places() {
    for (one, other, is_enough) in [
        ("author", "author", false),
        ("both", "both", false),
        ("approver", "second", false),
        ("author", "both", true),
        ("both", "approver", true),
        ("both", "author", true),
    ] {
        let mut log = Log::new();
        let id = log.propose(pack("second", "1"), log.now + 60 * MINUTE);
        assert_eq!(log.approve(&id, one), None);
        let second = log.approve(&id, other);
        assert_eq!(second, (one == other).then_some(Void::Repeated), "{one} {other}");
        assert_eq!(log.basis.schedule().len() == 2, is_enough, "{one} {other}");
    }
}

#[test]
fn what_is_not_signed_as_it_should_be_counts_for_nothing() {
    let mut log = Log::new();
    let at = log.now + 60 * MINUTE;
    let id = log.propose(pack("second", "1"), at);
    assert_eq!(log.approve(&id, "author"), None);
    let right = log.approval(&id, "approver");
    let stranger = log.approval(&id, "stranger");
    let wrong: Vec<(Approved, &str)> = vec![
        (stranger.clone(), "not-an-official"),
        (Approved { official: "approver".into(), ..stranger }, "signature"),
        (Approved { signature: String::new(), ..right.clone() }, "signature"),
        (Approved { signature: "zz".into(), ..right.clone() }, "signature"),
        (Approved { preview: Some("ab".repeat(32)), ..right.clone() }, "signature"),
        (Approved { digest: "ab".repeat(32), ..right.clone() }, "mismatch"),
        (Approved { valid_from: at + 1, ..right.clone() }, "mismatch"),
        (Approved { basis: Seen { number: 2, ..right.basis.clone() }, ..right.clone() }, "mismatch"),
        (Approved { proposal: "0".repeat(16), ..right.clone() }, "unknown"),
        // Signed for another installation.
        (approved(&id, "approver", right.digest.clone(), at, right.basis.clone(), "0000000000000001"), "signature"),
    ];
    for (approved, code) in wrong {
        let void = log.write(Record::Approved(approved)).expect(code);
        assert_eq!(void.code(), code);
        assert_eq!(log.basis.schedule().len(), 1, "{code}: not applied");
    }
    assert_eq!(log.write(Record::Approved(right)), None);
    assert_eq!(log.basis.schedule().len(), 2);
}

#[test]
fn a_signature_is_not_used_twice() {
    let mut log = Log::new();
    let at = log.now + 60 * MINUTE;
    let id = log.propose(pack("second", "1"), at);
    log.both_approve(&id);
    assert_eq!(log.withdraw(&id), None);
    // The same pack at the same instant, over the same basis, but not after it: another proposal, the same bytes.
    let what = What::Pack { pack: pack("second", "1"), rollback: None, not_after: true, at_once: false };
    let (again, void) = log.publish(what, at);
    assert_eq!(void, None);
    let void = log.approve(&again, "author").unwrap();
    assert_eq!(void, Void::Replayed(id.clone()));
    // The advice: another instant.
    let id = log.propose(pack("second", "1"), at + 1);
    log.both_approve(&id);
    assert_eq!(log.basis.schedule().len(), 2);
}

#[test]
fn a_switch_has_its_five_minutes_and_nothing_within_them_counts() {
    let mut log = Log::new();
    let at = log.now + 60 * MINUTE;
    let id = log.propose(pack("second", "1"), at);
    log.wait(56 * MINUTE);
    log.both_approve(&id);
    let later = log.now + SWITCH_NOTICE_MS;
    assert_eq!(log.instants(), [(1, 0), (2, later)], "five minutes after the last approval");
    // Too late, by a millisecond, and at any time later.
    log.wait(1);
    assert_eq!(log.withdraw(&id), Some(Void::TooLate));
    assert_eq!(log.approve(&id, "second"), Some(Void::TooLate));
    log.wait(60 * MINUTE);
    assert_eq!(log.withdraw(&id), Some(Void::TooLate));
    assert_eq!(log.instants(), [(1, 0), (2, later)]);
}

#[test]
fn what_is_withdrawn_in_time_does_not_happen_nor_does_what_followed_it() {
    let mut log = Log::new();
    let at = log.now + 60 * MINUTE;
    let id = log.propose(pack("second", "1"), at);
    log.both_approve(&id);
    let next = log.propose(pack("third", "1"), at + MINUTE);
    log.both_approve(&next);
    assert_eq!(log.instants(), [(1, 0), (2, at), (3, at + MINUTE)]);
    log.now = at - SWITCH_NOTICE_MS;
    assert_eq!(log.withdraw(&id), None, "the last millisecond in which it may");
    assert_eq!(log.instants(), [(1, 0)]);
    assert_eq!(log.state(&next), State::Void(Void::Superseded));
    let then = &log.basis.events().last().unwrap().then;
    assert!(matches!(then[0], Then::Unscheduled { number: 2, .. }), "{then:?}");
    // A number is never given twice.
    let id = log.propose(pack("fourth", "1"), at + 60 * MINUTE);
    log.both_approve(&id);
    assert_eq!(log.instants(), [(1, 0), (4, at + 60 * MINUTE)]);
}

#[test]
fn not_after_voids_what_is_complete_too_late() {
    let mut log = Log::new();
    let at = log.now + 10 * MINUTE;
    let what = What::Pack { pack: pack("second", "1"), rollback: None, not_after: true, at_once: false };
    let (id, _) = log.publish(what, at);
    log.wait(5 * MINUTE + 1);
    log.both_approve(&id);
    assert_eq!((log.state(&id), log.basis.schedule().len()), (State::Void(Void::NotAfter), 1));
}

#[test]
fn a_proposal_follows_what_its_writer_saw() {
    let mut log = Log::new();
    let at = log.now + 60 * MINUTE;
    let one = log.propose(pack("second", "1"), at);
    let other = log.propose(pack("third", "1"), at + 60 * MINUTE);
    assert_eq!(log.approve(&other, "author"), None);
    log.both_approve(&one);
    assert_eq!(log.state(&other), State::Void(Void::Superseded), "an approval of B over A does not replace C");
    assert_eq!(log.approve(&other, "approver"), Some(Void::Closed));
    // Behind the last switch, or not at all.
    let early = log.propose(pack("third", "1"), at);
    log.both_approve(&early);
    assert!(matches!(log.state(&early), State::Void(Void::Order { .. })), "{:?}", log.state(&early));
}

#[test]
fn versions_rise_and_a_rollback_says_why() {
    let mut log = Log::new();
    let refused = |log: &mut Log, what: What| log.publish(what, BEGIN + 600 * MINUTE).1.map(|void| void.code());
    assert_eq!(refused(&mut log, plain(pack("first", "1.0.0"))), Some("in-force"));
    let other = PackName { digest: "ab".repeat(32), ..pack("first", "1.0.0") };
    assert_eq!(refused(&mut log, plain(other.clone())), Some("contents"));
    assert_eq!(refused(&mut log, plain(PackName { version: "1.0".into(), ..other.clone() })), Some("version"));
    assert_eq!(refused(&mut log, plain(PackName { version: "0.9.9".into(), ..other.clone() })), Some("version"));
    let back = |pack| What::Pack { pack, rollback: Some("a fault".into()), not_after: false, at_once: false };
    assert_eq!(refused(&mut log, back(other.clone())), Some("never-in-force"));
    let newer = PackName { version: "1.0.10".into(), ..other };
    let id = log.propose(newer, log.now + 30 * MINUTE);
    log.both_approve(&id);
    assert_eq!(refused(&mut log, plain(pack("first", "1.0.0"))), Some("is-rollback"));
    let (id, void) = log.publish(back(pack("first", "1.0.0")), BEGIN + 60 * MINUTE);
    assert_eq!(void, None);
    log.both_approve(&id);
    let last = log.basis.schedule().last().unwrap();
    assert_eq!((last.number, last.rollback.as_deref(), &last.pack), (3, Some("a fault"), &pack("first", "1.0.0")));
}

#[test]
fn at_once_goes_before_what_is_scheduled_and_not_into_its_five_minutes() {
    let what = |id: &str| What::Pack { pack: pack(id, "1"), rollback: None, not_after: false, at_once: true };
    let mut log = Log::new();
    let at = log.now + 60 * MINUTE;
    let planned = log.propose(pack("second", "1"), at);
    log.both_approve(&planned);
    log.wait(MINUTE);
    let (need, void) = log.publish(what("need"), log.now);
    assert_eq!(void, None);
    log.wait(MINUTE);
    log.both_approve(&need);
    let switch = log.basis.schedule().last().unwrap();
    assert_eq!((switch.number, switch.instant_ms, switch.at_once), (3, log.now, true));
    assert_eq!(log.state(&planned), State::Void(Void::Superseded));

    let mut log = Log::new();
    let planned = log.propose(pack("second", "1"), at);
    log.both_approve(&planned);
    let (need, _) = log.publish(what("need"), log.now);
    assert_eq!(log.approve(&need, "author"), None);
    log.now = at - MINUTE;
    assert_eq!(log.approve(&need, "approver"), None, "it is signed, and does not happen");
    assert_eq!(log.state(&need), State::Void(Void::Superseded));
    assert_eq!(log.instants(), [(1, 0), (2, at)]);
}

/// No record was written since the last switch happened: who publishes now follows that one.
#[test]
fn what_is_published_behind_a_switch_follows_it() {
    let mut log = Log::new();
    let at = log.now + 60 * MINUTE;
    let planned = log.propose(pack("second", "1"), at);
    log.both_approve(&planned);
    let what = What::Pack { pack: pack("need", "1"), rollback: None, not_after: false, at_once: true };
    for (now, number) in [(at - 1, 1), (at, 2)] {
        log.now = now;
        let seen = log.seen(true);
        assert_eq!(seen.number, number);
        assert_eq!(log.basis.refusal(&what, now, &seen, now), None, "switch {number}");
    }
    let (need, void) = log.publish(what, log.now);
    assert_eq!(void, None);
    log.both_approve(&need);
    assert_eq!(log.instants().last(), Some(&(3, at + 1)), "behind the one that it follows");
}

#[test]
fn who_is_off_the_list_has_approved_nothing_that_still_waits() {
    let mut log = Log::new();
    let at = log.now + 60 * MINUTE;
    let pending = log.propose(pack("second", "1"), at);
    log.both_approve(&pending);
    let mut list = officials();
    list.officials.retain(|official| official.name != "approver");
    let what = What::Officials { list: list.clone(), revision: 0 };
    let proposed = Proposed::new(INSTALLATION, what, log.now, Seen::default(), log.now);
    let change = proposed.id.clone();
    assert_eq!(log.write(Record::Proposed(proposed)), None);
    log.both_approve(&change);
    assert_eq!((log.state(&change), log.basis.officials()), (State::Done, Some(&list)));
    assert_eq!((log.state(&pending), log.basis.schedule().len()), (State::Open, 1), "revoked: not applied");
    assert_eq!(log.approve(&pending, "approver"), Some(Void::NotAnOfficial("approver".into())));
    assert_eq!(log.approve(&pending, "second"), None);
    assert_eq!(log.instants(), [(1, 0), (3, at)]);
    // A list that would lock everybody out, or that another hand has changed meanwhile.
    let one = Officials { officials: vec![official("both", &[Role::Author, Role::Approver])], ..list.clone() };
    for (list, revision, code) in [(one, 1, "officials"), (list, 0, "superseded")] {
        let proposed =
            Proposed::new(INSTALLATION, What::Officials { list, revision }, log.now + 1, Seen::default(), log.now);
        assert_eq!(log.write(Record::Proposed(proposed)).map(|void| void.code()), Some(code));
    }
}

#[test]
fn a_list_is_refused_where_one_hand_could_do_it_all() {
    let good = officials();
    assert_eq!(good.problem(), None);
    let with = |change: &dyn Fn(&mut Officials)| {
        let mut list = good.clone();
        change(&mut list);
        list.problem()
    };
    assert!(with(&|list| list.officials[1].key = list.officials[0].key.to_uppercase()).is_some(), "one key, two names");
    assert!(with(&|list| list.officials[1].name = "author".into()).is_some());
    assert!(with(&|list| list.officials[1].key = "ab".into()).is_some());
    assert!(with(&|list| list.officials[1].name = "a\nb".into()).is_some());
    assert!(with(&|list| list.officials[0].roles.clear()).is_some());
    assert!(with(&|list| list.quorum.approvers = 0).is_some());
    assert!(with(&|list| list.quorum.authors = 0).is_some());
    assert!(with(&|list| list.quorum.approvers = 4).is_some());
    assert_eq!(with(&|list| list.quorum.approvers = 3), None, "author, and both, approver, second");
}

#[test]
fn a_hold_is_released_by_an_approver_and_by_nobody_else() {
    let mut log = Log::new();
    let held = Held::new(INSTALLATION, "red for everybody", log.now);
    assert_eq!(log.write(Record::Held(held.clone())), None);
    assert_eq!(log.write(Record::Held(held.clone())), Some(Void::Repeated));
    assert_eq!(log.write(Record::Held(Held { reason: "other".into(), ..held.clone() })), Some(Void::NotItsId));
    assert_eq!(log.basis.holds().count(), 1);
    let release =
        |name: &str| approved(&held.id, name, held.digest(INSTALLATION), held.at, Seen::default(), INSTALLATION);
    assert_eq!(log.withdraw(&held.id), Some(Void::NeedsApproval(held.id.clone())));
    assert_eq!(log.write(Record::Approved(release("author"))), None);
    assert_eq!(log.basis.holds().count(), 1, "an author alone does not release it");
    assert_eq!(log.write(Record::Approved(release("approver"))), None);
    assert_eq!(log.basis.holds().count(), 0);
    assert_eq!(log.write(Record::Approved(release("second"))), Some(Void::Closed));
}

#[test]
fn without_officials_nothing_is_approved_and_an_operator_releases() {
    let mut log = Log::empty();
    log.write(Record::Bootstrap(Bootstrap { number: 7, pack: pack("first", "1"), at: 0 }));
    let (_, void) = log.publish(plain(pack("second", "1")), log.now);
    assert_eq!(void, Some(Void::NoOfficials));
    let held = Held::new(INSTALLATION, "stop", log.now);
    assert_eq!(log.write(Record::Held(held.clone())), None);
    assert_eq!(log.withdraw(&held.id), None);
    assert_eq!(log.basis.holds().count(), 0);
    assert_eq!(log.basis.schedule()[0].number, 7, "an older build has counted");
}

#[test]
fn the_first_record_of_a_key_counts() {
    let mut log = Log::new();
    assert_eq!(
        log.write(Record::Bootstrap(Bootstrap { number: 9, pack: pack("other", "1"), at: 0 })),
        Some(Void::Repeated)
    );
    assert_eq!(
        log.write(Record::Officials(FirstOfficials { list: Officials::default(), at: 0 })),
        Some(Void::Repeated)
    );
    let id = log.propose(pack("second", "1"), log.now + 60 * MINUTE);
    let proposed = log.basis.proposal(&id).unwrap().proposed.clone();
    assert_eq!(log.write(Record::Proposed(proposed.clone())), Some(Void::Repeated));
    let squat = Proposed { what: plain(pack("evil", "1")), ..proposed };
    assert_eq!(log.write(Record::Proposed(squat)), Some(Void::NotItsId));
    assert_eq!(log.withdraw(&id), None);
    assert_eq!(log.withdraw(&id), Some(Void::Closed));
    assert_eq!(log.approve(&id, "author"), Some(Void::Closed), "a retry of what was withdrawn does not bring it back");
    // Another record moves the clock alone.
    let events = log.basis.events().len();
    log.wait(MINUTE);
    let word = Accepted { reason: "gap".into(), partition: 0, digest: "d".into(), at: 0 };
    log.write(Record::Accepted(word));
    assert_eq!((log.basis.events().len(), log.basis.clock_ms()), (events, log.now));
}
