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
use fuma_schemas::{CodeChange, Colour, Instant, Kind, Person};
use rustc_hash::FxBuildHasher;

use super::change::Palette;
use super::due::DueIndex;
use super::timeline::{Rules, Timeline};
use crate::evidence::{Evidence, EvidenceError, FactKey, KindSet, StepRows, Touched};
use crate::policy::{Executor, Pack, RuleRow};

/// Why a step could not be judged.
#[derive(Debug, thiserror::Error)]
pub enum AssessError {
    /// A batch that is not of the log's schema: a bug, or a log written by something else.
    #[error("evidence cannot be applied: {0}")]
    Evidence(#[from] EvidenceError),
    /// A plan that could not be executed.
    #[error("the rules cannot be executed: {0}")]
    Rules(#[from] datafusion::error::DataFusionError),
}

/// The most slots of one step, and the most rows: bounds work and memory (I-10).
const SLOTS_MAX: usize = 16_384;
const ROWS_MAX: usize = 262_144;

/// Judgements that wait for the rules.
#[derive(Debug, Default)]
pub struct Step {
    slots: Vec<(u32, Instant)>,
    rows: StepRows,
}

impl Step {
    /// Whether the step is as large as a step may be.
    pub fn is_full(&self) -> bool {
        self.slots.len() >= SLOTS_MAX || self.rows.rows_in_all() >= ROWS_MAX
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }
}

/// One partition.
pub struct Partition {
    pub(super) evidence: Evidence,
    /// The rules last announced, by person.
    pub(super) announced: Vec<Rules>,
    colours: [u64; 3],
    pub(super) due: DueIndex,
    pub(super) executor: Executor,
    palette: Palette,
    /// What to gather for somebody with rows in a set of tables; computed once for each set that occurs.
    needs: HashMap<KindSet, KindSet, FxBuildHasher>,
    pub(super) touched: Touched,
    /// What to gather for which person and slot; empty between calls.
    wanting: Vec<(KindSet, u32, u32)>,
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
        Ok(Partition {
            evidence: Evidence::default(),
            announced: Vec::new(),
            colours: [0; 3],
            due: DueIndex::default(),
            palette: Palette::new(&pack),
            executor: Executor::new(pack)?,
            needs: HashMap::default(),
            touched: Touched::default(),
            wanting: Vec::new(),
        })
    }

    /// The evidence.
    pub fn evidence(&self) -> &Evidence {
        &self.evidence
    }

    /// The pack by which it judges.
    pub fn pack(&self) -> &Arc<Pack> {
        self.executor.pack()
    }

    /// The colours of the pack's rules.
    pub fn palette(&self) -> &Palette {
        &self.palette
    }

    /// What the rules say of people as things stand, by slot, the place in `asked`: a person, and a fact (its handle)
    /// to be left out, if any. For explaining and listing: nothing is announced, and nothing changes.
    ///
    /// # Errors
    /// When a plan cannot be executed.
    pub fn rules_of(&self, asked: &[(u32, Option<u64>)]) -> Result<Vec<RuleRow>, AssessError> {
        let (mut step, mut rows) = (StepRows::default(), Vec::new());
        for (slot, &(person, omitted)) in (0_u32..).zip(asked) {
            let need = self.pack().needs(self.evidence.kinds(person));
            match omitted {
                None => self.evidence.gather(person, slot, need, &mut step),
                Some(omitted) => self.evidence.gather_without(person, slot, need, omitted, &mut step),
            }
            if step.rows_in_all() >= ROWS_MAX || slot as usize + 1 == asked.len() {
                rows.extend(self.executor.execute(self.evidence.materialise(&step, &self.pack().wanted))?);
                step.clear();
            }
        }
        rows.sort_unstable_by_key(|row| row.slot);
        Ok(rows)
    }

    /// How many people are announced green, yellow and red, of those who have or had evidence.
    pub fn colours(&self) -> [u64; 3] {
        let [_, yellow, red] = self.colours;
        [u64::from(self.evidence.people()) - yellow - red, yellow, red]
    }

    /// The rules last announced of a person.
    pub fn announced(&self, person: u32) -> Rules {
        self.announced.get(person as usize).copied().unwrap_or(0)
    }

    /// The bytes of what was announced and who is due.
    pub fn announced_bytes(&self) -> usize {
        self.announced.capacity() * size_of::<Rules>() + self.due.bytes()
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

    /// Takes a verdict of trace; of several on a fact the one of the highest version holds.
    pub fn set_counts(&mut self, person: Person, fact: FactKey, counts: bool, version: u64) {
        self.evidence.set_counts(person, fact, counts, version, &mut self.touched);
    }

    /// Adds everybody who was touched or is due at `clock` to the step, with their evidence as it stands now.
    pub fn enlist(&mut self, clock: Instant, step: &mut Step) {
        while let Some(person) = self.due.pop(clock) {
            self.touched.touch(person);
        }
        self.announced.resize(self.evidence.people() as usize, 0);
        for &person in self.touched.people() {
            let present = self.evidence.kinds(person);
            let pack = self.executor.pack();
            let need = *self.needs.entry(present).or_insert_with(|| pack.needs(present));
            // Without a row from which a rule springs there is no reason, now as before: rows are only added.
            if need == KindSet::NONE && self.announced[person as usize] == 0 {
                continue;
            }
            let slot = u32::try_from(step.slots.len()).unwrap_or(u32::MAX);
            step.slots.push((person, clock));
            self.wanting.push((need, person, slot));
        }
        self.touched.clear();
        // People who need the same tables are gathered together, so that the memory's delays overlap.
        self.wanting.sort_unstable_by_key(|(need, _, _)| need.0);
        for alike in self.wanting.chunk_by(|(one, _, _), (other, _, _)| one == other) {
            let need = alike.first().map_or(KindSet::NONE, |(need, _, _)| *need);
            self.evidence.gather_many(alike.iter().map(|(_, person, slot)| (*person, *slot)), need, &mut step.rows);
        }
        self.wanting.clear();
    }

    /// Judges the step. Each slot answers for the clocks from its own up to the person's next slot, the last one up
    /// to `until`. Memory of what was announced follows at once: the caller commits the changes or drops the
    /// partition.
    ///
    /// # Errors
    /// When a plan cannot be executed; the step is lost then.
    pub fn judge(
        &mut self,
        step: &mut Step,
        until: Instant,
        ticks: &dyn Ticks,
        changes: &mut Vec<CodeChange>,
    ) -> Result<(), AssessError> {
        if step.is_empty() {
            return Ok(());
        }
        let tables = self.evidence.materialise(&step.rows, &self.executor.pack().wanted);
        let mut rows = self.executor.execute(tables)?;
        rows.sort_unstable_by_key(|row| row.slot);
        let successors = successors(&step.slots);
        let mut rest: &mut [RuleRow] = &mut rows;
        for (slot, (&(person, clock), successor)) in (0_u32..).zip(step.slots.iter().zip(successors)) {
            let own = rest.partition_point(|row| row.slot <= slot);
            let (of_slot, others) = std::mem::take(&mut rest).split_at_mut(own);
            rest = others;
            let timeline = Timeline::merge(of_slot);
            let span = Span { from: clock, successor, until };
            self.follow(person, &timeline, span, ticks, changes);
        }
        step.slots.clear();
        step.rows.clear();
        Ok(())
    }

    /// Announces what a timeline says over a span of clocks, and notes when the person is due after that.
    fn follow(
        &mut self,
        person: u32,
        timeline: &Timeline,
        span: Span,
        ticks: &dyn Ticks,
        changes: &mut Vec<CodeChange>,
    ) {
        let mut clock = span.from;
        loop {
            self.announce(person, timeline, clock, changes);
            let Some(next) = timeline.next_segment(clock) else { return };
            clock = ticks.at_or_after(next);
            match span.successor {
                // The person's next slot says what holds from then on.
                Some(successor) if clock >= successor => return,
                None if clock > span.until => return self.due.push(next, person),
                _ => {}
            }
        }
    }

    fn announce(&mut self, person: u32, timeline: &Timeline, clock: Instant, changes: &mut Vec<CodeChange>) {
        let announced = self.announced[person as usize];
        let Some(token) = self.evidence.person(person) else { return };
        if let Some(change) = self.palette.difference(token, announced, timeline, clock) {
            self.announced[person as usize] = timeline.rules_at(clock);
            self.recount(change.from, change.to);
            changes.push(change);
        }
    }

    fn recount(&mut self, from: Colour, to: Colour) {
        if from != Colour::Green {
            self.colours[from as usize] -= 1;
        }
        self.colours[to as usize] += 1;
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
    let mut next: HashMap<u32, Instant, FxBuildHasher> = HashMap::default();
    let mut successors: Vec<Option<Instant>> =
        slots.iter().rev().map(|&(person, clock)| next.insert(person, clock)).collect();
    successors.reverse();
    successors
}
