//! The people of one partition: what is known of them, what was announced, who is due.
//!
//! A step judges *slots*. Live, a slot is a person; in replay one execution may judge many (person, clock) pairs,
//! since rules know no "now": evidence is gathered as it stands at the slot's clock, and the timeline that comes out
//! answers for every later clock until evidence of that person moves again.
//!
//! Owns the order apply -> touch -> gather -> rules -> difference. Never reads a clock and does no I/O: the shell
//! commits.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::RecordBatch;
use fuma_schemas::{CodeChange, Instant, Kind, Person};
use rustc_hash::FxBuildHasher;

use super::announced::{Announced, GREEN, State};
use super::change::{Course, Palette};
use super::due::DueIndex;
use super::invariants;
use super::judge::{Judge, Judgement};
use super::left_out::{LeftOut, Why};
use super::shown::Showing;
use super::staged::Staged;
use super::step::{ROWS_MAX, Step};
use super::timeline::{Merger, Timeline};
use crate::evidence::{Derived, Evidence, EvidenceError, FactKey, Limits, RuleTables, Said, Seed, StepRows, Touched};
use crate::invariant;
use crate::policy::{Pack, RuleRow};

/// Why a step could not be judged.
#[derive(Debug, thiserror::Error)]
pub enum AssessError {
    /// A batch that is not of the log's schema: a bug, or a log written by something else.
    #[error("evidence cannot be applied: {0}")]
    Evidence(#[from] EvidenceError),
    /// The system has no room for an executor.
    #[error("the rules cannot be prepared: {0}")]
    Rules(#[from] datafusion::error::DataFusionError),
}

/// One partition.
pub struct Partition {
    pub(super) evidence: Evidence,
    pub(super) announced: Announced,
    pub(super) due: DueIndex,
    /// The judge in force: of whoever is judged by a step without a judge of its own.
    pub(super) in_force: Arc<Judge>,
    /// The judges of packs that are to come in force: what they need is not forgotten.
    pub(super) coming: Vec<Arc<Judge>>,
    pub(super) touched: Touched,
    /// Who is not judged.
    pub(super) left_out: LeftOut,
    /// Who is being enlisted; empty between calls.
    pub(super) enlisting: Vec<u32>,
    /// What to gather for which person and slot; empty between calls.
    pub(super) wanting: Vec<(RuleTables, u32, u32)>,
    /// Live: what a transaction that is not committed yet would make of the memory.
    pub(super) staged: Option<Staged>,
    /// Live: what is to be answered of whoever was judged; none where nobody asks.
    pub(super) showing: Option<Showing>,
}

/// The multiple of the tick at or after an instant: when what begins at the instant is decided.
pub trait Ticks {
    /// The first clock at or after an instant.
    fn at_or_after(&self, instant: Instant) -> Instant;
}

impl Partition {
    /// An empty partition that judges by a pack.
    ///
    /// # Errors
    /// When the system has no room for an executor.
    pub fn new(pack: Arc<Pack>) -> Result<Partition, AssessError> {
        Partition::seeded(pack, Seed::default())
    }

    /// As [`Partition::new`], with the secret of this process for tables over what producers send.
    ///
    /// # Errors
    /// When the system has no room for an executor.
    pub fn seeded(pack: Arc<Pack>, seed: Seed) -> Result<Partition, AssessError> {
        Ok(Partition {
            evidence: Evidence::seeded(seed),
            announced: Announced::default(),
            due: DueIndex::default(),
            in_force: Arc::new(Judge::new(pack)?),
            coming: Vec::new(),
            touched: Touched::default(),
            left_out: LeftOut::default(),
            enlisting: Vec::new(),
            wanting: Vec::new(),
            staged: None,
            showing: None,
        })
    }

    /// The evidence.
    pub fn evidence(&self) -> &Evidence {
        &self.evidence
    }

    /// From now on so many facts of a kind are as many as one person may have.
    pub fn set_limits(&mut self, limits: Limits) {
        self.evidence.set_limits(limits);
    }

    /// The evidence, for a restore: nobody is touched by what is done to it.
    pub(crate) fn evidence_mut(&mut self) -> &mut Evidence {
        &mut self.evidence
    }

    /// What was announced of everybody.
    pub fn all_announced(&self) -> &Announced {
        &self.announced
    }

    /// From now on another judge is in force. What was announced stays as it is, whatever pack it is of: whoever is
    /// judged from now on is told the difference. A single step may have another judge ([`Step::by`]).
    pub fn put_in_force(&mut self, judge: Arc<Judge>) {
        self.in_force = judge;
    }

    /// These judges are to come in force: nothing is forgotten that one of them needs.
    pub fn keep_for(&mut self, coming: Vec<Arc<Judge>>) {
        self.coming = coming;
    }

    /// How many people are due before an instant.
    pub fn due_before(&self, instant: Instant) -> usize {
        self.due.count_before(instant)
    }

    /// The judge of a step: its own, or the one in force.
    pub(super) fn judge_of(&self, step: &Step) -> Arc<Judge> {
        Arc::clone(step.judge.as_ref().unwrap_or(&self.in_force))
    }

    /// The pack by which it judges.
    pub fn pack(&self) -> &Arc<Pack> {
        self.in_force.pack()
    }

    /// The colours of the pack's rules.
    pub fn palette(&self) -> &Arc<Palette> {
        self.in_force.palette()
    }

    /// Who is not judged, and why; they keep the state that was announced.
    pub fn left_out(&self) -> &LeftOut {
        &self.left_out
    }

    /// What the rules say of people as things stand, by slot, the place in `asked`: a person, and a fact (its handle)
    /// to be left out, if any. For explaining and listing: nothing is announced, and nothing changes. Of somebody on
    /// whom a rule fails, or who is crowded, nothing is said.
    pub fn rules_of(&self, asked: &[(u32, Option<u64>)]) -> Vec<RuleRow> {
        self.judgement_of(&self.in_force, asked).rows
    }

    /// What the rules of another judge say of people as things stand; as [`Partition::rules_of`].
    pub fn rules_by(&self, judge: &Judge, asked: &[(u32, Option<u64>)]) -> Vec<RuleRow> {
        self.judgement_of(judge, asked).rows
    }

    /// As [`Partition::rules_of`], with those on whom a rule fails.
    pub(super) fn judgement_of(&self, judge: &Judge, asked: &[(u32, Option<u64>)]) -> Judgement {
        let (mut step, mut judgement, mut first) = (StepRows::default(), Judgement::default(), 0);
        step.want_tiers(judge.pack().tiers);
        for (slot, &(person, omitted)) in (0_u32..).zip(asked) {
            if self.left_out.why(person) == Some(&Why::Crowded) {
                continue;
            }
            let mark = step.mark();
            self.gather_but(judge, (person, slot), omitted, &mut step);
            if step.rows_in_all() > ROWS_MAX && first < slot {
                step.truncate(&mark);
                judgement.append(judge.judge(&self.evidence, &step, first..slot));
                step.clear();
                first = slot;
                self.gather_but(judge, (person, slot), omitted, &mut step);
            }
        }
        judgement.append(judge.judge(&self.evidence, &step, first..asked.len() as u32));
        judgement
    }

    /// How many pairs of rows joins may look at for a person, as things stand; at least the number of rows.
    pub fn pairs_of(&self, person: u32) -> u64 {
        let mut step = StepRows::default();
        step.want_tiers(self.pack().tiers);
        let mark = step.mark();
        self.gather_but(&self.in_force, (person, 0), None, &mut step);
        let tables = step.rows_of_slots(&mark, (0, 1)).pop().unwrap_or_default();
        self.pack().joined(&tables).max(tables.iter().sum())
    }

    fn gather_but(&self, judge: &Judge, (person, slot): (u32, u32), omitted: Option<u64>, step: &mut StepRows) {
        let need = judge.pack().needs(self.evidence.kinds(person));
        match omitted {
            None => self.evidence.gather(person, slot, need, step),
            Some(omitted) => self.evidence.gather_without(person, slot, need, omitted, step),
        }
    }

    /// How many people are announced green, yellow and red, of those who have or had evidence.
    pub fn colours(&self) -> [u64; 3] {
        let (yellow, red) = self.announced.yellow_and_red();
        [u64::from(self.evidence.people()) - yellow - red, yellow, red]
    }

    /// What was last announced of a person.
    pub fn announced(&self, person: u32) -> &State {
        self.announced.state(person)
    }

    /// Whether nothing but green was last announced of a person.
    pub fn is_green(&self, person: u32) -> bool {
        self.announced.number(person) == GREEN
    }

    /// The bytes of what was announced and who is due.
    pub fn announced_bytes(&self) -> usize {
        self.announced.bytes() + self.due.bytes()
    }

    /// The earliest instant at which somebody is due.
    pub fn next_due(&self) -> Option<Instant> {
        self.due.first()
    }

    /// Applies rows of a batch of the evidence log.
    ///
    /// # Errors
    /// When the batch is not of the log's schema.
    pub fn apply(&mut self, kind: Kind, batch: &RecordBatch, rows: &[u32]) -> Result<(), AssessError> {
        match kind {
            Kind::Regions => self.evidence.apply_regions(batch, rows, &mut self.touched)?,
            kind => self.evidence.apply(kind, batch, rows, &mut self.touched)?,
        }
        Ok(())
    }

    /// Notes what records of regions say and touches nobody yet: that is for [`Partition::touch_stays`], in pages.
    ///
    /// # Errors
    /// When the batch is not of the log's schema.
    pub fn note_regions(&mut self, batch: &RecordBatch, rows: &[u32]) -> Result<(), AssessError> {
        Ok(self.evidence.note_regions(batch, rows)?)
    }

    /// Goes on touching whoever stayed where a tier changed, over so many stays at most; whether all were touched.
    pub fn touch_stays(&mut self, stays_max: usize) -> bool {
        self.evidence.touch_stays(stays_max, &mut self.touched)
    }

    /// Takes a verdict of trace; of several on a fact the one of the highest version holds.
    pub fn set_counts(&mut self, person: Person, fact: FactKey, counts: bool, version: u64) {
        self.evidence.set_counts(person, fact, counts, version, &mut self.touched);
    }

    /// Takes what a stage derived: it replaces what the stage said of that fact before.
    ///
    /// # Errors
    /// When a table is full.
    pub fn derive(&mut self, derived: &Derived) -> Result<(), AssessError> {
        Ok(self.evidence.derive(derived, &mut self.touched)?)
    }

    /// The same, unless something as late or later was said of the fact; `at` is when the log took it.
    ///
    /// # Errors
    /// When a table is full.
    pub fn derive_said(&mut self, derived: &Derived, said: (Said, Instant)) -> Result<(), AssessError> {
        Ok(self.evidence.derive_said(derived, said, &mut self.touched)?)
    }

    /// Facts go that their stage says no more, by where they stand.
    ///
    /// # Errors
    /// When a table is full.
    pub fn end_derived(&mut self, is_over: &dyn Fn(crate::evidence::Said) -> bool) -> Result<(), AssessError> {
        Ok(self.evidence.end_derived(is_over, &mut self.touched)?)
    }

    /// Judges the step. Each slot answers for the clocks from its own up to the person's next slot, the last one up
    /// to `until`: before the clock at which somebody still waits ([`Partition::waiting`]). Memory of what was
    /// announced follows at once; live it is staged, and the caller says how the transaction ended
    /// ([`Partition::commit`], [`Partition::roll_back`]). On whom a rule fails, keeps the announced state
    /// ([`Partition::left_out`]).
    pub fn judge(&mut self, step: &mut Step, until: Instant, ticks: &dyn Ticks, changes: &mut Vec<CodeChange>) {
        let judgement = self.judgement_on(step);
        self.conclude(step, judgement, (until, ticks), changes);
    }

    /// What the rules say of a step.
    fn judgement_on(&self, step: &Step) -> Judgement {
        let slots = u32::try_from(step.slots.len()).unwrap_or(u32::MAX);
        self.judge_of(step).judge(&self.evidence, &step.rows, 0..slots)
    }

    /// Announces what the rules say of a step, and empties it.
    pub(super) fn conclude(
        &mut self,
        step: &mut Step,
        judgement: Judgement,
        (until, ticks): (Instant, &dyn Ticks),
        changes: &mut Vec<CodeChange>,
    ) {
        let judge = self.judge_of(step);
        let successors = successors(&step.slots);
        self.each_timeline(step, judgement, &mut |partition, slot, timeline| {
            let at = slot as usize;
            let (Some(&(person, from)), Some(&successor)) = (step.slots.get(at), successors.get(at)) else { return };
            let span = Span { from, successor, until };
            let course = Course::new(judge.palette(), timeline);
            partition.follow(person, (&judge, &course), span, ticks, changes);
            partition.show(person, (&judge, &course), until);
        });
        step.clear();
    }

    /// What holds of each slot of a step; those on whom a rule fails are left out.
    pub(super) fn timelines(&mut self, step: &Step) -> Vec<(u32, Timeline)> {
        let judgement = self.judgement_on(step);
        let mut timelines = Vec::with_capacity(step.slots.len());
        self.each_timeline(step, judgement, &mut |_, slot, timeline| timelines.push((slot, timeline.clone())));
        timelines
    }

    /// Hands over what holds of each slot of a step, in their order.
    fn each_timeline(
        &mut self,
        step: &Step,
        mut judgement: Judgement,
        each: &mut dyn FnMut(&mut Partition, u32, &Timeline),
    ) {
        let (mut rows, mut merger) = (std::mem::take(&mut judgement.rows), Merger::default());
        let mut rest: &mut [RuleRow] = &mut rows;
        for (slot, &(person, _)) in (0_u32..).zip(&step.slots) {
            let own = rest.iter().take_while(|row| row.slot <= slot).count();
            let (of_slot, others) = std::mem::take(&mut rest).split_at_mut(own);
            rest = others;
            match judgement.fault(slot) {
                Some(rule) => self.leave_out(person, Why::Failed { rule: Arc::clone(rule) }),
                None => {
                    self.left_out.remove(person);
                    each(self, slot, merger.merge(of_slot));
                }
            }
        }
    }

    /// Announces what a timeline says over a span of clocks, and notes when the person is due after that.
    fn follow(
        &mut self,
        person: u32,
        (judge, course): (&Judge, &Course<'_>),
        span: Span,
        ticks: &dyn Ticks,
        changes: &mut Vec<CodeChange>,
    ) {
        let mut clock = span.from;
        loop {
            self.announce(person, (judge, course), clock, changes);
            invariant::check(
                || self.is_pure(person, (judge, course), clock),
                "I-1",
                "what was announced is what holds",
            );
            let next = course.timeline().next_segment(clock);
            match (next.map(|next| ticks.at_or_after(next)), span.successor) {
                // The person's next slot says what holds from then on.
                (Some(at), Some(successor)) if at >= successor => return,
                (None, Some(_)) => return,
                (Some(at), None) if at > span.until => return self.due.set(person, next),
                (None, None) => return self.due.set(person, None),
                (Some(at), _) => clock = at,
            }
        }
    }

    fn is_pure(&mut self, person: u32, (judge, course): (&Judge, &Course<'_>), clock: Instant) -> bool {
        invariants::is_pure(&mut self.announced, person, course.timeline(), clock, judge)
    }

    fn announce(
        &mut self,
        person: u32,
        (judge, course): (&Judge, &Course<'_>),
        clock: Instant,
        changes: &mut Vec<CodeChange>,
    ) {
        let rules = course.timeline().rules_at(clock);
        let (pack, palette) = (judge.pack(), judge.palette());
        let colour = |rules| palette.colour(rules);
        if self.announced.is(person, rules, pack, colour) {
            return;
        }
        let Some(token) = self.evidence.person(person) else { return };
        let change = course.change(token, self.announced.state(person).colour, clock);
        let number = self.announced.number_of(rules, pack, colour);
        let before = self.announced.set(person, number);
        let follows = || invariants::follows(&change, &self.announced, before, number);
        invariant::check(follows, "I-4", "a change goes on from what was announced");
        invariant::check(|| invariants::has_reasons(&change), "I-5", "a colour has its reasons");
        if let Some(staged) = &mut self.staged {
            staged.announced.push((person, before));
        }
        changes.push(change);
    }
}

/// The clocks for which a slot answers.
#[derive(Clone, Copy)]
struct Span {
    from: Instant,
    /// The clock of the person's next slot in the step.
    successor: Option<Instant>,
    /// The last clock of the step, when there is no successor.
    until: Instant,
}

/// For each slot the clock of the same person's next one.
fn successors(slots: &[(u32, Instant)]) -> Vec<Option<Instant>> {
    let mut next: HashMap<u32, Instant, FxBuildHasher> = HashMap::with_capacity_and_hasher(slots.len(), FxBuildHasher);
    let mut successors: Vec<Option<Instant>> =
        slots.iter().rev().map(|&(person, clock)| next.insert(person, clock)).collect();
    successors.reverse();
    successors
}
