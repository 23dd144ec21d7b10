//! All records in order: which pack is in force from when, who the officials are, what waits, what is held.
//!
//! ```text
//! open ──signed by enough──> scheduled ──5 minutes before its instant──> nothing changes it any more
//!   │                          │
//!   └── withdrawn, or void ────┘   (what followed it is void, too)
//! ```
//!
//! The clock is the latest append time so far, so that a record that the log stamped earlier than the one before it
//! changes nothing that was settled. Owns the order of the rules; the rules are in `rules`.

use std::collections::BTreeMap;

use fuma_schemas::Instant;

use super::event::{Event, Hold, Then};
use super::guarded::{Awaited, Guarded};
use super::officials::{Officials, Purpose, Signed};
use super::proposal::{Approval, Proposal, State, Switch};
use super::records::{Approved, Bootstrap, Held, Proposed, Seen, What, Withdrawn};
use super::rules;
use super::void::Void;
use crate::live::decisions::record::Record;

/// Between the last record that a switch needs and the switch (R-27).
pub const SWITCH_NOTICE_MS: i64 = 5 * 60 * 1000;

/// What all records come to.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Basis {
    pub(super) installation: String,
    pub(super) clock_ms: i64,
    pub(super) officials: Option<Officials>,
    revision: u64,
    schedule: Vec<Switch>,
    /// The greatest number that was given.
    number: u64,
    proposals: BTreeMap<String, Proposal>,
    order: Vec<String>,
    /// For which proposal an official (by key) signed these bytes.
    signatures: BTreeMap<(String, Signed), String>,
    holds: Vec<Hold>,
    pub(super) guarded: Guarded,
    events: Vec<Event>,
}

impl Basis {
    /// Names the installation; the first name counts.
    pub(in crate::live::decisions) fn of(&mut self, installation: &str, partitions: u32) {
        if self.installation.is_empty() {
            installation.clone_into(&mut self.installation);
            self.guarded.partitions = partitions;
        }
    }

    /// Takes the next record in; one that is not about packs, officials or holds moves the clock alone.
    pub(in crate::live::decisions) fn take(&mut self, offset: u64, at_ms: i64, record: &Record) {
        self.clock_ms = self.clock_ms.max(at_ms);
        let taken = match record {
            Record::Bootstrap(bootstrap) => self.bootstrap(offset, bootstrap),
            Record::Officials(first) => match (self.officials.is_some(), first.list.problem()) {
                (true, _) => Err(Void::Repeated),
                (false, Some(problem)) => Err(Void::Officials(problem)),
                (false, None) => {
                    self.officials = Some(first.list.clone());
                    Ok(())
                }
            },
            Record::Proposed(proposed) => self.propose(offset, proposed),
            Record::Approved(approved) => self.approve(offset, approved),
            Record::Withdrawn(withdrawn) => self.withdraw(withdrawn),
            Record::Held(held) => self.hold(offset, held),
            Record::Limits(limits) => self.limit(*limits),
            Record::Closed(closed) => self.close(offset, closed),
            Record::Counted(counted) => self.count(counted),
            Record::Installation(_)
            | Record::Topics(_)
            | Record::Accepted(_)
            | Record::Used(_)
            | Record::Switched(_)
            | Record::Settled(_) => {
                return;
            }
        };
        let mut then = Vec::new();
        self.settle(offset, &mut then);
        self.settle_publications(&mut then);
        // Of counts the sum is remembered: there is one a partition, and again after each publication.
        if matches!(record, Record::Counted(_)) && then.is_empty() {
            return;
        }
        self.events.push(Event { offset, at_ms, record: record.clone(), void: taken.err(), then });
    }

    /// The switches in order: each is in force from its instant until that of the next.
    pub fn schedule(&self) -> &[Switch] {
        &self.schedule
    }

    /// The switch that is in force at an instant, by what was read.
    pub fn in_force(&self, at_ms: i64) -> Option<&Switch> {
        self.schedule.iter().rev().find(|switch| switch.instant_ms <= at_ms)
    }

    /// What a proposal that is written now would follow.
    pub fn follows(&self, at_once: bool, now_ms: i64) -> Option<&Switch> {
        if at_once { self.in_force(now_ms.max(self.clock_ms)) } else { self.schedule.last() }
    }

    /// Why a pack may not be proposed now, if it may not. Since the last record a switch may have come.
    pub fn refusal(&self, what: &What, valid_from: i64, seen: &Seen, now_ms: i64) -> Option<Void> {
        if self.officials.is_none() {
            return Some(Void::NoOfficials);
        }
        if let Some(void) = rules::malformed(what, valid_from) {
            return Some(void);
        }
        match what {
            What::Officials { revision, .. } => (*revision != self.revision).then_some(Void::Superseded),
            What::Pack { pack, rollback, at_once, .. } => {
                let Some(follows) = self.follows(*at_once, now_ms) else { return Some(Void::NoPack) };
                rules::refusal(&self.schedule, follows, seen, pack, rollback.as_deref())
            }
        }
    }

    /// The officials; none before the first list.
    pub fn officials(&self) -> Option<&Officials> {
        self.officials.as_ref()
    }

    /// How often the list of officials has changed.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// The installation, 16 hex digits; nothing before it is made.
    pub fn installation(&self) -> &str {
        &self.installation
    }

    /// The latest append time so far, in milliseconds UTC.
    pub fn clock_ms(&self) -> i64 {
        self.clock_ms
    }

    /// The proposals, in the order of their records.
    pub fn proposals(&self) -> impl Iterator<Item = &Proposal> {
        self.order.iter().filter_map(|id| self.proposals.get(id))
    }

    /// A proposal by its id.
    pub fn proposal(&self, id: &str) -> Option<&Proposal> {
        self.proposals.get(id)
    }

    /// The holds that are not released.
    pub fn holds(&self) -> impl Iterator<Item = &Hold> {
        self.holds.iter().filter(|hold| !hold.is_released)
    }

    /// The whole history.
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// Whether nothing changes a switch any more: its instant is less than five minutes away, or behind.
    pub fn is_settled(&self, switch: &Switch) -> bool {
        settled(switch, self.clock_ms)
    }

    fn bootstrap(&mut self, offset: u64, bootstrap: &Bootstrap) -> Result<(), Void> {
        if !self.schedule.is_empty() {
            return Err(Void::Repeated);
        }
        self.number = bootstrap.number.max(1);
        self.schedule.push(Switch {
            number: self.number,
            pack: bootstrap.pack.clone(),
            instant_ms: 0,
            at_once: false,
            offset,
            proposal: None,
            signed: Vec::new(),
            rollback: None,
        });
        Ok(())
    }

    fn propose(&mut self, offset: u64, proposed: &Proposed) -> Result<(), Void> {
        if proposed.id != proposed.own_id(&self.installation) {
            return Err(Void::NotItsId);
        }
        if self.proposals.contains_key(&proposed.id) {
            return Err(Void::Repeated);
        }
        let void = self.refusal(&proposed.what, proposed.valid_from, &proposed.basis, self.clock_ms);
        let state = void.clone().map_or(State::Open, State::Void);
        let appended_ms = self.clock_ms;
        let proposal = Proposal { offset, appended_ms, proposed: proposed.clone(), approvals: Vec::new(), state };
        self.order.push(proposed.id.clone());
        self.proposals.insert(proposed.id.clone(), proposal);
        void.map_or(Ok(()), Err)
    }

    fn approve(&mut self, offset: u64, approved: &Approved) -> Result<(), Void> {
        let officials = self.officials.as_ref().ok_or(Void::NoOfficials)?;
        let name = &approved.official;
        let official = officials.find(name).ok_or_else(|| Void::NotAnOfficial(name.clone()))?;
        let (digest, valid_from, basis, agreed) = self.awaited(&approved.proposal)?;
        for (is_same, what) in [
            (approved.digest == digest, "digest"),
            (approved.valid_from == valid_from, "instant"),
            (approved.basis == basis, "basis"),
        ] {
            if !is_same {
                return Err(Void::Mismatch(what));
            }
        }
        let signed = Signed {
            purpose: Purpose::Approval,
            digest,
            valid_from,
            installation: self.installation.clone(),
            preview: approved.preview.clone(),
        };
        if !signed.is_signed(&official.key, &approved.signature) {
            return Err(Void::Signature(name.clone()));
        }
        let key = (official.key.clone(), signed);
        match self.signatures.get(&key) {
            Some(other) if *other != approved.proposal => return Err(Void::Replayed(other.clone())),
            _ if agreed.contains(name) => return Err(Void::Repeated),
            _ => {}
        }
        let preview = approved.preview.clone();
        let approval = Approval { offset, official: name.clone(), key: official.key.clone(), preview };
        self.signatures.insert(key, approved.proposal.clone());
        if let Some(proposal) = self.proposals.get_mut(&approved.proposal) {
            proposal.approvals.push(approval);
        } else if let Some(hold) = self.holds.iter_mut().find(|hold| hold.held.id == approved.proposal) {
            hold.approvals.push(approval);
        } else {
            self.guarded.approve(&approved.proposal, (approved.digest.clone(), approval));
        }
        Ok(())
    }

    /// What somebody who agrees to it must have seen, and who agreed.
    fn awaited(&self, id: &str) -> Result<Awaited, Void> {
        let names = |approvals: &[Approval]| approvals.iter().map(|it| it.official.clone()).collect::<Vec<_>>();
        if let Some(proposal) = self.proposals.get(id) {
            match &proposal.state {
                State::Open => {}
                State::Scheduled(number) => {
                    let switch = self.schedule.iter().find(|switch| switch.number == *number);
                    if switch.is_none_or(|switch| self.is_settled(switch)) {
                        return Err(Void::TooLate);
                    }
                }
                State::Done | State::Withdrawn { .. } | State::Void(_) => return Err(Void::Closed),
            }
            let Proposed { what, valid_from, basis, .. } = &proposal.proposed;
            return Ok((what.digest(), *valid_from, basis.clone(), names(&proposal.approvals)));
        }
        if let Some(awaited) = self.awaited_publication(id) {
            return awaited;
        }
        let hold = self.holds.iter().find(|hold| hold.held.id == id).ok_or(Void::Unknown)?;
        if hold.is_released {
            return Err(Void::Closed);
        }
        Ok((hold.held.digest(&self.installation), hold.held.at, Seen::default(), names(&hold.approvals)))
    }

    fn withdraw(&mut self, withdrawn: &Withdrawn) -> Result<(), Void> {
        if !rules::is_text(&withdrawn.reason) {
            return Err(Void::Malformed("the reason is one line".to_owned()));
        }
        let (digest, valid_from, ..) = self.awaited(&withdrawn.proposal)?;
        if let Some(name) = &withdrawn.official {
            let officials = self.officials.as_ref().ok_or(Void::NoOfficials)?;
            let official = officials.find(name).ok_or_else(|| Void::NotAnOfficial(name.clone()))?;
            let (purpose, installation) = (Purpose::Withdrawal, self.installation.clone());
            let signed = Signed { purpose, digest, valid_from, installation, preview: None };
            let signature = withdrawn.signature.as_deref().unwrap_or_default();
            if !signed.is_signed(&official.key, signature) {
                return Err(Void::Signature(name.clone()));
            }
        }
        if let Some(proposal) = self.proposals.get_mut(&withdrawn.proposal) {
            let (reason, official) = (withdrawn.reason.clone(), withdrawn.official.clone());
            proposal.state = State::Withdrawn { reason, official };
            return Ok(());
        }
        if self.guarded.withdraw(withdrawn) {
            return Ok(());
        }
        if self.officials.is_some() {
            return Err(Void::NeedsApproval(withdrawn.proposal.clone()));
        }
        let of_id = self.holds.iter_mut().filter(|hold| hold.held.id == withdrawn.proposal);
        of_id.for_each(|hold| hold.is_released = true);
        Ok(())
    }

    fn hold(&mut self, offset: u64, held: &Held) -> Result<(), Void> {
        if held.id != Held::new(&self.installation, &held.reason, held.at).id {
            return Err(Void::NotItsId);
        }
        if !rules::is_text(&held.reason) || !Instant(held.at).in_calendar() {
            return Err(Void::Malformed("a hold has a reason of one line, and an instant".to_owned()));
        }
        if self.holds.iter().any(|hold| hold.held.id == held.id) {
            return Err(Void::Repeated);
        }
        self.holds.push(Hold { offset, held: held.clone(), approvals: Vec::new(), is_released: false });
        Ok(())
    }

    /// What follows from the last record, until nothing more does.
    fn settle(&mut self, offset: u64, then: &mut Vec<Then>) {
        while self.unschedule(then) || self.change_officials(then) || self.schedule_next(offset, then) {}
        let Some(officials) = &self.officials else { return };
        for hold in self.holds.iter_mut().filter(|hold| !hold.is_released) {
            let names: Vec<&str> = hold.approvals.iter().map(|approval| approval.official.as_str()).collect();
            if officials.approvers_missing(&names) == 0 {
                hold.is_released = true;
                then.push(Then::Released { hold: hold.held.id.clone() });
            }
        }
    }

    fn is_enough(&self, proposal: &Proposal) -> bool {
        self.officials.as_ref().is_some_and(|officials| officials.is_enough(&proposal.signed()))
    }

    /// Takes one switch out whose ground is gone; whether there was one.
    fn unschedule(&mut self, then: &mut Vec<Then>) -> bool {
        let is_there = |number: u64| self.schedule.iter().any(|switch| switch.number == number);
        let found = self.schedule.iter().enumerate().find_map(|(at, switch)| {
            let proposal = self.proposals.get(switch.proposal.as_ref()?).filter(|_| !self.is_settled(switch))?;
            let follows = proposal.proposed.basis.number;
            let cause = match proposal.state {
                State::Withdrawn { .. } => None,
                _ if !is_there(follows) => Some(State::Void(Void::Superseded)),
                _ if !self.is_enough(proposal) => Some(State::Open),
                _ => return None,
            };
            Some((at, cause))
        });
        let Some((at, cause)) = found else { return false };
        let switch = self.schedule.remove(at);
        let proposal = switch.proposal.unwrap_or_default();
        then.push(Then::Unscheduled { number: switch.number, proposal: proposal.clone() });
        match cause {
            Some(State::Void(void)) => self.void(&proposal, void, then),
            Some(state) => self.set(&proposal, state),
            None => {}
        }
        true
    }

    fn set(&mut self, id: &str, state: State) {
        if let Some(proposal) = self.proposals.get_mut(id) {
            proposal.state = state;
        }
    }

    fn void(&mut self, id: &str, void: Void, then: &mut Vec<Then>) {
        then.push(Then::Voided { proposal: id.to_owned(), void: void.clone() });
        self.set(id, State::Void(void));
    }

    /// The first open proposal of a list of officials that is signed by enough takes force; whether there was one.
    fn change_officials(&mut self, then: &mut Vec<Then>) -> bool {
        let found = self.proposals().find_map(|proposal| match &proposal.proposed.what {
            What::Officials { list, revision } if proposal.state == State::Open => {
                let is_late = *revision != self.revision;
                (is_late || self.is_enough(proposal)).then(|| (proposal.proposed.id.clone(), list.clone(), is_late))
            }
            _ => None,
        });
        let Some((id, list, is_late)) = found else { return false };
        if is_late {
            self.void(&id, Void::Superseded, then);
            return true;
        }
        self.revision += 1;
        // Who is off the list, or has another key, has signed nothing that still waits.
        let still = |approval: &Approval| list.find(&approval.official).is_some_and(|it| it.key == approval.key);
        self.proposals.values_mut().for_each(|proposal| {
            let is_settled = |number| self.schedule.iter().any(|it| it.number == number && settled(it, self.clock_ms));
            if !matches!(proposal.state, State::Scheduled(number) if is_settled(number)) {
                proposal.approvals.retain(still);
            }
        });
        self.holds.iter_mut().for_each(|hold| hold.approvals.retain(still));
        self.guarded.retain(still);
        self.officials = Some(list);
        self.set(&id, State::Done);
        then.push(Then::Officials { proposal: id });
        true
    }

    /// The first open proposal of a pack that can go on or not at all; whether there was one.
    fn schedule_next(&mut self, offset: u64, then: &mut Vec<Then>) -> bool {
        let found = self.proposals().find_map(|proposal| {
            let What::Pack { .. } = proposal.proposed.what else { return None };
            if proposal.state != State::Open {
                return None;
            }
            let Proposed { what, valid_from, basis, .. } = &proposal.proposed;
            let outcome = match self.refusal(what, *valid_from, basis, self.clock_ms) {
                Some(void) => Err(void),
                None if !self.is_enough(proposal) => return None,
                None => self.switch(proposal, offset),
            };
            Some((proposal.proposed.id.clone(), outcome))
        });
        match found {
            None => false,
            Some((id, Err(void))) => {
                self.void(&id, void, then);
                true
            }
            Some((id, Ok(switch))) => {
                // What was scheduled behind an instant that is now was to follow another pack.
                let gone: Vec<Switch> = self.schedule.extract_if(.., |it| it.instant_ms > switch.instant_ms).collect();
                for Switch { number, proposal, .. } in gone {
                    let proposal = proposal.unwrap_or_default();
                    then.push(Then::Unscheduled { number, proposal: proposal.clone() });
                    self.void(&proposal, Void::Superseded, then);
                }
                self.number = switch.number;
                self.set(&id, State::Scheduled(switch.number));
                then.push(Then::Scheduled(switch.clone()));
                self.schedule.push(switch);
                true
            }
        }
    }

    /// The switch that a complete proposal comes to, at the instant that R-27 gives.
    fn switch(&self, proposal: &Proposal, offset: u64) -> Result<Switch, Void> {
        let What::Pack { pack, rollback, not_after, at_once } = &proposal.proposed.what else {
            return Err(Void::Closed);
        };
        let valid_from = proposal.proposed.valid_from;
        let last = self.schedule.last().map_or(0, |switch| switch.instant_ms);
        let instant_ms = if *at_once {
            // A switch that nothing changes any more comes first: then this one would follow another pack.
            if self.schedule.iter().any(|switch| switch.instant_ms > self.clock_ms && self.is_settled(switch)) {
                return Err(Void::Superseded);
            }
            self.in_force(self.clock_ms).map_or(self.clock_ms, |switch| self.clock_ms.max(switch.instant_ms + 1))
        } else {
            let at = valid_from.max(self.clock_ms.saturating_add(SWITCH_NOTICE_MS));
            if *not_after && at > valid_from {
                return Err(Void::NotAfter);
            }
            if at <= last {
                let (at, before) = (Instant(at).to_string(), Instant(last).to_string());
                return Err(Void::Order { at, before });
            }
            at
        };
        Ok(Switch {
            number: self.number + 1,
            pack: pack.clone(),
            instant_ms,
            at_once: *at_once,
            offset,
            proposal: Some(proposal.proposed.id.clone()),
            signed: proposal.signed().into_iter().map(str::to_owned).collect(),
            rollback: rollback.clone(),
        })
    }
}

fn settled(switch: &Switch, clock_ms: i64) -> bool {
    switch.at_once || clock_ms > switch.instant_ms.saturating_sub(SWITCH_NOTICE_MS)
}
