//! Forgetting: what is past its retention is dropped, and no colour changes by it (PACKS.md, "Forgetting").
//!
//! Only of people who are green with no change due, and only if the rules say the same without it. That second question is asked
//! for good reason: a fact may be kept longer than the fact that closed it (a transfer, and the shorter isolation that it led to).
//!
//! Owns who may be forgotten, and what counts as very late. Must never read a clock; what is past is `evidence`'s.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, TimestampMillisecondType};
use fuma_schemas::evidence::log;
use fuma_schemas::instant::DAY_MS;
use fuma_schemas::{Instant, Kind};

use super::{AssessError, Partition};
use crate::evidence::{Aside, KindSet, Retention, StepRows, Touched};
use crate::policy::Pack;

/// People of one execution.
const SLOTS_MAX: usize = 4096;
/// How long after its last instant evidence may become known without being very late.
const VERY_LATE_MS: i64 = 30 * DAY_MS;

/// What one forgetting came to.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Forgotten {
    /// Facts that are gone.
    pub facts: u64,
    /// Facts that are past but kept, because rules would say something else without them.
    pub facts_kept: u64,
    /// Rows that are gone: those facts' and those that had lost to a later revision.
    pub rows: u64,
}

impl Partition {
    /// Forgets what is past at `now`, by the pack's retention, and compacts. Costs a walk over everybody's facts and an execution
    /// of the rules for those who have something past; then, if anything goes, a copy of all rows.
    ///
    /// No step may wait: call it between [`Partition::judge`] and [`Partition::enlist`]. Nobody who was touched since is forgotten.
    ///
    /// # Errors
    /// When a plan cannot be executed; nothing is forgotten then.
    pub fn forget(&mut self, now: Instant) -> Result<Forgotten, AssessError> {
        let mut waiting = Touched::default();
        self.due.people().chain(self.touched.people().iter().copied()).for_each(|person| waiting.touch(person));
        let announced = &self.announced;
        let may_forget =
            |person: u32| announced.get(person as usize).is_none_or(|rules| *rules == 0) && !waiting.contains(person);
        let retention = retention(self.executor.pack());
        let aside = self.evidence.set_aside(now, &retention, &may_forget);
        let missed = match self.who_would_miss(&aside, now) {
            Ok(missed) => missed,
            Err(error) => {
                self.evidence.forget_aside(&aside, &|_| true);
                return Err(error);
            }
        };
        let facts = self.evidence.forget_aside(&aside, &|person| missed.contains(person));
        let rows = if facts == 0 { 0 } else { self.evidence.compact() };
        Ok(Forgotten { facts, facts_kept: aside.len() as u64 - facts, rows })
    }

    /// Those of whom a rule says something for `now` or later while their past facts are set aside. All of them are green.
    fn who_would_miss(&self, aside: &[Aside], now: Instant) -> Result<Touched, AssessError> {
        let mut people: Vec<u32> = aside.iter().map(|fact| fact.person).collect();
        people.dedup();
        let (mut missed, mut rows) = (Touched::default(), StepRows::default());
        for people in people.chunks(SLOTS_MAX) {
            rows.clear();
            for (slot, &person) in (0..).zip(people) {
                let need = self.executor.pack().needs(self.evidence.kinds(person));
                if need != KindSet::NONE {
                    self.evidence.gather(person, slot, need, &mut rows);
                }
            }
            if rows.rows_in_all() == 0 {
                continue;
            }
            let tables = self.evidence.materialise(&rows, &self.executor.pack().wanted);
            for row in self.executor.execute(tables)? {
                let holds_later = row.until.is_none_or(|until| until > now);
                if let Some(&person) = people.get(row.slot as usize).filter(|_| holds_later) {
                    missed.touch(person);
                }
            }
        }
        Ok(missed)
    }
}

fn retention(pack: &Pack) -> Retention {
    Retention(Kind::PERSONAL.map(|kind| pack.retention_days(kind).saturating_mul(DAY_MS)))
}

/// How many of these rows of the evidence log became known more than 30 days after their last instant: what such evidence is
/// judged together with may be forgotten already. Of a fact that is still open the latest instant that it names is taken, since
/// that is as far back as it makes rules look.
pub fn very_late(batch: &RecordBatch, rows: &[u32]) -> u64 {
    let instants: Vec<_> = batch
        .columns()
        .iter()
        .skip(log::FIRST_OF_KIND)
        .filter(|column| matches!(column.data_type(), DataType::Timestamp(..)))
        .map(|column| column.as_primitive::<TimestampMillisecondType>())
        .collect();
    let known_at = batch.column(log::KNOWN_AT).as_primitive::<TimestampMillisecondType>();
    let is_late = |row: usize| {
        let named = instants.iter().filter(|column| column.is_valid(row)).map(|column| column.value(row));
        named.max().is_some_and(|last| known_at.value(row).saturating_sub(last) > VERY_LATE_MS)
    };
    rows.iter().filter(|row| is_late(**row as usize)).count() as u64
}
