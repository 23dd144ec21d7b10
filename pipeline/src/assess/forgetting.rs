//! Forgetting: what is past its retention is dropped, and no colour changes by it (docs/packs.md, "Forgetting").
//!
//! Only of people who are green with no change due, and only if the rules then say nothing of the last 30 days:
//! neither with what is past nor without it. Both are asked for good reason:
//!
//! - A release may come long after what it releases from, and be corrected the day after: an overdue contact is past
//!   long before it ends.
//! - A fact may be kept longer than the one that closed it: a transfer, and the shorter isolation that it led to.
//!
//! Owns who may be forgotten, and what counts as very late. Must never read a clock; what is past is `evidence`'s.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, TimestampMillisecondType};
use fuma_schemas::evidence::log;
use fuma_schemas::instant::DAY_MS;
use fuma_schemas::{Instant, Kind, Person};

use super::Partition;
use super::announced::GREEN;
use super::judge::Judge;
use super::step::SLOTS_MAX;
use crate::evidence::{FactKey, ForgottenLink, Past, Retention, Tidy, Touched};
use crate::policy::Pack;

/// How long after its last instant evidence may become known without being very late; until then a colour may come
/// back.
const VERY_LATE_MS: i64 = 30 * DAY_MS;

/// What one forgetting came to.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Forgotten {
    /// Facts that are gone.
    pub facts: u64,
    /// Facts that are past but kept, because somebody's colour could still hang on them.
    pub facts_kept: u64,
    /// Rows that are gone: those facts' and those that had lost to a later revision.
    pub rows: u64,
    /// The cases and contacts among them, for trace to be told: a record each of the link log. Those that are excluded
    /// or retracted are kept until [`Partition::trace_dropped`].
    pub links: Vec<ForgottenLink>,
}

impl Partition {
    /// Forgets what is past at `now`, by the pack's retention, and compacts. Costs a walk over everybody's facts and
    /// an execution of the rules for those who have something past; then, if anything goes, a copy of all rows.
    ///
    /// No step may wait: call it between [`Partition::judge`] and [`Partition::enlist`]. Nobody who was touched since
    /// is forgotten.
    pub fn forget(&mut self, now: Instant) -> Forgotten {
        let forgotten = self.forget_page(now, 0..self.evidence.people());
        let rows = if forgotten.facts == 0 { 0 } else { self.evidence.compact() };
        Forgotten { rows, ..forgotten }
    }

    /// Forgets what is past of some people, and compacts nothing: that is for [`Partition::tidy`], later and in pages.
    ///
    /// No step may wait, as for [`Partition::forget`].
    pub fn forget_page(&mut self, now: Instant, people: Range<u32>) -> Forgotten {
        let (announced, due, touched) = (&self.announced, &self.due, &self.touched);
        let may_forget =
            |person: u32| announced.number(person) == GREEN && due.of(person).is_none() && !touched.contains(person);
        let retention = retention(self.live().map(|judge| judge.pack()));
        let mut past = self.evidence.past(people, now, &retention, &may_forget);
        let found = past.len() as u64;
        let settled = Instant(now.0.saturating_sub(VERY_LATE_MS));
        let recent = self.coloured_after(settled, &past);
        past.retain(|fact| !recent.contains(fact.person));
        self.evidence.set_aside(&past, true);
        let missed = self.coloured_after(settled, &past);
        self.evidence.set_aside(&past, false);
        past.retain(|fact| !missed.contains(fact.person));
        let mut links = Vec::new();
        let facts = self.evidence.forget_past(&past, &mut links);
        past.iter().for_each(|fact| self.show_forgotten(fact.person));
        Forgotten { facts, facts_kept: found - facts, rows: 0, links }
    }

    /// Begins a compaction in pages ([`Partition::tidy`]).
    pub fn begin_tidy(&mut self) -> Tidy {
        self.evidence.begin_tidy()
    }

    /// Goes on with a compaction over about so many rows; whether it is done. No step may be under way.
    pub fn tidy(&mut self, tidy: &mut Tidy, rows_max: usize) -> bool {
        self.evidence.tidy(tidy, rows_max)
    }

    /// Forgets an excluded or retracted case or contact that trace has dropped. Whether it was there.
    pub fn trace_dropped(&mut self, person: Person, fact: FactKey) -> bool {
        self.evidence.trace_dropped(person, fact)
    }

    /// The judge in force, and those that are to come.
    fn live(&self) -> impl Iterator<Item = &Arc<Judge>> + Clone {
        std::iter::once(&self.in_force).chain(&self.coming)
    }

    /// Those with something past of whom a rule of a live pack says, as evidence stands, that it holds after an
    /// instant; and those of whom the rules cannot be asked.
    fn coloured_after(&self, settled: Instant, past: &[Past]) -> Touched {
        let mut people: Vec<u32> = past.iter().map(|fact| fact.person).collect();
        people.dedup();
        let mut coloured = Touched::default();
        let asked: Vec<(u32, Option<u64>)> = people.iter().map(|person| (*person, None)).collect();
        for (people, asked) in people.chunks(SLOTS_MAX).zip(asked.chunks(SLOTS_MAX)) {
            for judge in self.live() {
                let judgement = self.judgement_of(judge, asked);
                let late = judgement.rows.iter().filter(|row| row.until.is_none_or(|until| until > settled));
                let slots = late.map(|row| row.slot).chain(judgement.failed.iter().map(|(slot, _)| *slot));
                slots.filter_map(|slot| people.get(slot as usize)).for_each(|person| coloured.touch(*person));
            }
        }
        people.iter().filter(|person| self.left_out.why(**person).is_some()).for_each(|one| coloured.touch(*one));
        coloured
    }
}

/// How long facts are kept: at least as long as every live pack wants.
pub fn retention<'a>(packs: impl Iterator<Item = &'a Arc<Pack>> + Clone) -> Retention {
    Retention(Kind::PERSONAL.map(|kind| {
        let days = packs.clone().map(|pack| pack.retention_days(kind)).max();
        days.unwrap_or(i64::MAX).saturating_mul(DAY_MS)
    }))
}

/// How many of these rows of the evidence log became known more than 30 days after their last instant: what such
/// evidence is judged together with may be forgotten already. Of a fact that is still open the latest instant that it
/// names is taken, since that is as far back as it makes rules look.
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
