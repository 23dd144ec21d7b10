//! From people to the rows of a step.
//!
//! Owns the walk of chains. What is gathered is copied, marks and all: it stays right whatever is applied afterwards,
//! until the next compaction. The order of rows says nothing: rules treat them as a set.

use std::ops::Range;

use fuma_schemas::Kind;
use fuma_schemas::vocabulary::{ClosedList, Granularity};

use super::rule_table::{RuleTable, RuleTables, WantedTiers};
use crate::evidence::state::Evidence;
use crate::evidence::store::{RowRef, layout, mark, read_u32};
use crate::evidence::tiers::{MatchedTier, STAY_REGION};
use crate::invariant;

/// Rows of one kind.
#[derive(Default, Debug)]
pub(in crate::evidence) struct KindRows {
    pub(in crate::evidence) slots: Vec<u32>,
    pub(in crate::evidence) rows: Vec<u32>,
    pub(in crate::evidence) first_known: Vec<i64>,
    pub(in crate::evidence) withdrawn: Vec<bool>,
    /// The rows' bytes, one after the other.
    pub(in crate::evidence) bytes: Vec<u8>,
}

impl KindRows {
    fn truncate(&mut self, (rows, bytes): (usize, usize)) {
        self.slots.truncate(rows);
        self.rows.truncate(rows);
        self.first_known.truncate(rows);
        self.withdrawn.truncate(rows);
        self.bytes.truncate(bytes);
    }

    fn end(&self) -> (usize, usize) {
        (self.rows.len(), self.bytes.len())
    }

    /// The rows of some slots; `kept` hears the place of each.
    fn of_slots(&self, slots: &Range<u32>, mut kept: impl FnMut(u32)) -> KindRows {
        let mut some = KindRows::default();
        let width = self.bytes.len().checked_div(self.rows.len()).unwrap_or(0);
        for (at, bytes) in self.bytes.chunks_exact(width.max(1)).enumerate() {
            if slots.contains(&self.slots[at]) {
                some.slots.push(self.slots[at]);
                some.rows.push(self.rows[at]);
                some.first_known.push(self.first_known[at]);
                some.withdrawn.push(self.withdrawn[at]);
                some.bytes.extend_from_slice(bytes);
                kept(at as u32);
            }
        }
        some
    }
}

/// Stays that meet tiers.
#[derive(Default, Debug)]
pub(in crate::evidence) struct TieredRows {
    /// Each stay once.
    pub(in crate::evidence) stays: KindRows,
    /// For each stay and tier the place of the stay.
    pub(in crate::evidence) stay_of: Vec<u32>,
    pub(in crate::evidence) tiers: Vec<MatchedTier>,
}

impl TieredRows {
    fn of_slots(&self, slots: &Range<u32>) -> TieredRows {
        let mut places: Vec<Option<u32>> = vec![None; self.stays.rows.len()];
        let mut next = 0..;
        let stays = self.stays.of_slots(slots, |at| places[at as usize] = next.next());
        let kept = self.stay_of.iter().zip(&self.tiers).filter_map(|(&at, &tier)| Some((places[at as usize]?, tier)));
        let (stay_of, tiers) = kept.unzip();
        TieredRows { stays, stay_of, tiers }
    }
}

/// Where the rows of a step ended at some moment.
#[derive(Clone, Copy, Debug)]
pub struct Mark {
    kinds: [(usize, usize); Kind::PERSONAL.len()],
    stays: (usize, usize),
    tiers: usize,
}

/// The rows of a step, to be filled by gathering and shown by [`Evidence::materialise`].
#[derive(Default, Debug)]
pub struct StepRows {
    pub(in crate::evidence) kinds: [KindRows; Kind::PERSONAL.len()],
    pub(in crate::evidence) tiered: TieredRows,
    wanted_tiers: WantedTiers,
    frontier: Vec<(u32, RowRef)>,
}

impl StepRows {
    /// How many rows of a table there are.
    pub fn rows(&self, table: RuleTable) -> usize {
        match table {
            RuleTable::Kind(kind) => self.kinds.get(usize::from(kind.code())).map_or(0, |rows| rows.rows.len()),
            RuleTable::TieredStays => self.tiered.stay_of.len(),
        }
    }

    /// How many rows there are in all.
    pub fn rows_in_all(&self) -> usize {
        RuleTable::all().map(|table| self.rows(table)).sum()
    }

    /// From now on only these of the tiers that a stay meets are gathered.
    pub fn want_tiers(&mut self, wanted: WantedTiers) {
        self.wanted_tiers = wanted;
    }

    /// Empties the step and keeps its memory.
    pub fn clear(&mut self) {
        self.truncate(&Mark { kinds: [(0, 0); Kind::PERSONAL.len()], stays: (0, 0), tiers: 0 });
    }

    /// Where the rows end now.
    pub fn mark(&self) -> Mark {
        let (stays, tiers) = (self.tiered.stays.end(), self.tiered.tiers.len());
        Mark { kinds: std::array::from_fn(|at| self.kinds[at].end()), stays, tiers }
    }

    /// Takes out what was added since a mark.
    pub fn truncate(&mut self, mark: &Mark) {
        self.kinds.iter_mut().zip(mark.kinds).for_each(|(rows, end)| rows.truncate(end));
        self.tiered.stays.truncate(mark.stays);
        self.tiered.stay_of.truncate(mark.tiers);
        self.tiered.tiers.truncate(mark.tiers);
    }

    /// How many rows each of so many slots from a first one has in all tables together, of those that were added since
    /// a mark.
    pub fn rows_in_slots(&self, mark: &Mark, (first, slots): (usize, usize), counts: &mut Vec<u32>) {
        counts.clear();
        counts.resize(slots, 0);
        let mut count = |slot: u32| {
            if let Some(of_slot) = counts.get_mut((slot as usize).wrapping_sub(first)) {
                *of_slot += 1;
            }
        };
        for (rows, (end, _)) in self.kinds.iter().zip(mark.kinds) {
            rows.slots[end..].iter().for_each(|slot| count(*slot));
        }
        let stays = &self.tiered.stays.slots;
        self.tiered.stay_of[mark.tiers..].iter().for_each(|stay| count(stays[*stay as usize]));
    }

    /// How many rows each of so many slots from a first one has in each table, by [`RuleTable::index`], of those that
    /// were added since a mark.
    pub fn rows_of_slots(&self, mark: &Mark, (first, slots): (usize, usize)) -> Vec<[u64; RuleTable::COUNT]> {
        let mut counts = vec![[0; RuleTable::COUNT]; slots];
        let mut count = |slot: u32, table: usize| {
            if let Some(of_slot) = counts.get_mut((slot as usize).wrapping_sub(first)) {
                of_slot[table] += 1;
            }
        };
        for (table, (rows, (end, _))) in self.kinds.iter().zip(mark.kinds).enumerate() {
            rows.slots[end..].iter().for_each(|slot| count(*slot, table));
        }
        let stays = &self.tiered.stays.slots;
        let tiered = &self.tiered.stay_of[mark.tiers..];
        tiered.iter().for_each(|stay| count(stays[*stay as usize], RuleTable::TieredStays.index()));
        counts
    }

    /// A copy of the rows of some slots, under the same slots.
    #[must_use]
    pub fn of_slots(&self, slots: &Range<u32>) -> StepRows {
        StepRows {
            kinds: std::array::from_fn(|at| self.kinds[at].of_slots(slots, |_| {})),
            tiered: self.tiered.of_slots(slots),
            wanted_tiers: self.wanted_tiers,
            frontier: Vec::new(),
        }
    }
}

impl Evidence {
    /// Adds the standing facts of a person to a step, under a slot. Only tables in `need` are looked at.
    pub fn gather(&self, person: u32, slot: u32, need: RuleTables, step: &mut StepRows) {
        let mut at = self.head_for(person, need);
        while !at.is_none() {
            at = self.gather_row(at, slot, need, step);
        }
    }

    /// As [`Evidence::gather`], as if one fact were not there: what a reason owes to it.
    pub fn gather_without(&self, person: u32, slot: u32, need: RuleTables, omitted: u64, step: &mut StepRows) {
        let mut at = self.head_for(person, need);
        while !at.is_none() {
            at = match at.handle() == omitted {
                true => self.table(at).next(at.row()),
                false => self.gather_row(at, slot, need, step),
            };
        }
    }

    /// As [`Evidence::gather`], for many (person, slot): all chains go one row on at a time, so that the memory's
    /// delays overlap. Gives up as soon as the step has more than `rows_max` rows, and returns false then: what was
    /// added is to be taken out again ([`StepRows::truncate`]).
    pub fn gather_many(
        &self,
        people: impl IntoIterator<Item = (u32, u32)>,
        need: RuleTables,
        rows_max: usize,
        step: &mut StepRows,
    ) -> bool {
        let mut frontier = std::mem::take(&mut step.frontier);
        frontier.extend(
            people
                .into_iter()
                .map(|(person, slot)| (slot, self.head_for(person, need)))
                .filter(|(_, at)| !at.is_none()),
        );
        let mut fits = true;
        while fits && !frontier.is_empty() {
            // First a look at each: a processor sees a few hundred instructions ahead, and what follows has more a row.
            std::hint::black_box(frontier.iter().fold(0, |all, (_, at)| all ^ self.glance(*at)));
            frontier.retain_mut(|(slot, at)| {
                *at = self.gather_row(*at, *slot, need, step);
                !at.is_none()
            });
            fits = step.rows_in_all() <= rows_max;
        }
        frontier.clear();
        step.frontier = frontier;
        fits
    }

    fn head_for(&self, person: u32, need: RuleTables) -> RowRef {
        if self.kinds(person).meets(need) { self.people.head(person) } else { RowRef::NONE }
    }

    /// Brings a row from the memory.
    #[inline]
    fn glance(&self, at: RowRef) -> u8 {
        match self.table(at).row(at.row()) {
            [first, .., last] => first ^ last,
            _ => 0,
        }
    }

    /// Adds one row if it stands and is needed; gives the next of the chain.
    fn gather_row(&self, at: RowRef, slot: u32, need: RuleTables, step: &mut StepRows) -> RowRef {
        let table = self.table(at);
        let bytes = table.row(at.row());
        if bytes[layout::MARKS] & mark::NOT_STANDING == 0 {
            if need.0 & 1 << at.code() != 0 {
                self.add_row(at, bytes, slot, &mut step.kinds[at.code()]);
            }
            if need.contains(RuleTable::TieredStays) && table.layout.kind == Kind::Stays {
                self.add_tiers(at, bytes, slot, step);
            }
        }
        RowRef(read_u32(bytes, layout::NEXT))
    }

    fn add_row(&self, at: RowRef, bytes: &[u8], slot: u32, rows: &mut KindRows) {
        let first_known = match bytes[layout::MARKS] & mark::FIRST_KNOWN {
            0 => self.table(at).instant_in(bytes, at.row(), layout::KNOWN_AT),
            _ => self.first_known.get(&at).copied(),
        };
        rows.slots.push(slot);
        rows.rows.push(at.row());
        rows.first_known.push(invariant::held(first_known, "I-2", "every row became known at some instant"));
        rows.withdrawn.push(bytes[layout::MARKS] & mark::WITHDRAWN != 0);
        rows.bytes.extend_from_slice(bytes);
    }

    /// Adds a stay once for each wanted tier that it meets: one that is known to the city alone meets all of the city.
    fn add_tiers(&self, at: RowRef, bytes: &[u8], slot: u32, StepRows { tiered, wanted_tiers, .. }: &mut StepRows) {
        let region = read_u32(bytes, self.table(at).layout.columns[STAY_REGION]);
        let matches = self.tiers.codes.matches(region);
        if matches.is_empty() {
            return;
        }
        let granularity = Granularity::of_code(self.texts.regions.get(region));
        let granularity =
            invariant::held(granularity, "I-9", "a region of a row is a code of 2, 4, 6, 9 or 12 digits").code();
        let is_wanted = |met: &&MatchedTier| wanted_tiers.contains((met.span.tier, met.matched, granularity));
        let before = tiered.tiers.len();
        tiered.tiers.extend(matches.iter().filter(is_wanted));
        if tiered.tiers.len() > before {
            let stay = tiered.stays.rows.len() as u32;
            self.add_row(at, bytes, slot, &mut tiered.stays);
            tiered.stay_of.resize(tiered.tiers.len(), stay);
        }
    }
}
