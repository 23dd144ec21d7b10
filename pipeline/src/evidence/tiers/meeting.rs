//! Stays and tiers together: a region's record changes, and who stayed there is touched.
//!
//! Owns the meeting of the two; the cost follows the stays that a change meets, not the state. Instants are the
//! rules' to compare.

use std::collections::BTreeMap;

use arrow::array::RecordBatch;
use fuma_schemas::Kind;

use super::region_facts::{OPEN, RegionContents, RegionFacts, TierSpan};
use super::stay_codes::{NO_STAY, StayCodes};
use crate::evidence::people::Touched;
use crate::evidence::state::Evidence;
use crate::evidence::step::RuleTable;
use crate::evidence::store::{Seed, layout, mark, read_u32};
use crate::evidence::winners::{Batch, EvidenceError, Ranked, name_key};

/// The facts about regions, and what stays make of them.
#[derive(Debug)]
pub(in crate::evidence) struct Tiers {
    pub(in crate::evidence) facts: RegionFacts,
    pub(in crate::evidence) codes: StayCodes,
    /// The codes whose stays are to be touched, and the next stay of each.
    waiting: BTreeMap<u32, u32>,
}

impl Tiers {
    pub(in crate::evidence) fn new(seed: Seed) -> Tiers {
        Tiers { facts: RegionFacts::new(seed), codes: StayCodes::default(), waiting: BTreeMap::new() }
    }

    /// Whether everybody whose tiers changed was touched.
    pub(in crate::evidence) fn is_settled(&self) -> bool {
        self.waiting.is_empty()
    }
}

impl Evidence {
    /// Applies rows of a batch of `log_schema(Kind::Regions)`, and adds to `touched` everybody with a stay whose
    /// tiers changed.
    pub fn apply_regions(
        &mut self,
        batch: &RecordBatch,
        rows: &[u32],
        touched: &mut Touched,
    ) -> Result<(), EvidenceError> {
        self.note_regions(batch, rows)?;
        while !self.touch_stays(usize::MAX, touched) {}
        Ok(())
    }

    /// Applies rows of regions and touches nobody yet: that is for [`Evidence::touch_stays`], a page at a time. Until
    /// it is done, tiers are those of the new records, and whoever is judged is judged by them.
    ///
    /// # Errors
    /// When the batch is of another schema.
    pub fn note_regions(&mut self, batch: &RecordBatch, rows: &[u32]) -> Result<(), EvidenceError> {
        let batch = Batch::new(Kind::Regions, batch)?;
        let mut changed = Vec::new();
        for &row in rows {
            let Some(head) = batch.head(row as usize) else {
                self.counters.incomplete += 1;
                continue;
            };
            let key = name_key(Kind::Regions.feed(), head.owner, head.id);
            let contents = if head.version.retracted { None } else { contents(&batch, row as usize) };
            self.counters.conflicts += u64::from(self.tiers.facts.apply(key, head.version, contents, &mut changed));
        }
        changed.sort_unstable();
        changed.dedup();
        // A code that waits already begins anew: those who were touched may have been judged since.
        self.tiers.waiting.extend(self.tiers.codes.renew(&changed, &self.tiers.facts));
        Ok(())
    }

    /// How many facts about regions there are.
    pub fn region_facts(&self) -> usize {
        self.tiers.facts.len()
    }

    /// Goes on touching those whose stays meet other tiers than before, over so many stays at most; whether all were
    /// touched.
    pub fn touch_stays(&mut self, stays_max: usize, touched: &mut Touched) -> bool {
        let table = &self.tables[usize::from(Kind::Stays.code())];
        let mut stays_left = stays_max.max(1);
        while let Some((code, mut stay)) = self.tiers.waiting.pop_first() {
            while stay != NO_STAY {
                if stays_left == 0 {
                    self.tiers.waiting.insert(code, stay);
                    return false;
                }
                stays_left -= 1;
                let row = table.row(stay);
                let (person, next) = (read_u32(row, layout::PERSON), read_u32(row, table.layout.next_stay));
                if table.marks(stay) & mark::NOT_STANDING == 0 {
                    touched.touch(person);
                    self.people.may_have(person, RuleTable::TieredStays);
                }
                stay = next;
            }
        }
        true
    }

    /// Puts a stay into the chain of its region's stays.
    pub(in crate::evidence) fn link_stay(&mut self, stay: u32, person: u32) {
        let table = &mut self.tables[usize::from(Kind::Stays.code())];
        let region = read_u32(table.row(stay), table.layout.columns[STAY_REGION]);
        let next = self.tiers.codes.link(region, self.texts.regions.get(region), stay, &self.tiers.facts);
        table.set_u32(stay, table.layout.next_stay, next);
        if !self.tiers.codes.matches(region).is_empty() {
            self.people.may_have(person, RuleTable::TieredStays);
        }
    }
}

/// The place of `region` among the columns of stays.
pub(in crate::evidence) const STAY_REGION: usize = 0;

/// What an assertion says; none if it lacks what a tier must have.
pub(super) fn contents(batch: &Batch<'_>, row: usize) -> Option<RegionContents> {
    let ranked = |column: usize| batch.columns.get(column).map(|column| column.ranked(row));
    let [region, tier, since, until, authority, document] = [0, 1, 2, 3, 4, 5].map(ranked);
    let Some(Ranked::Text(region)) = region else { return None };
    let Some(Ranked::Number(since)) = since else { return None };
    let until = if let Some(Ranked::Number(until)) = until { until } else { OPEN };
    let span = TierSpan { tier: batch.columns.get(1)?.code(row)?, since, until };
    let text =
        |ranked: Option<Ranked<'_>>| if let Some(Ranked::Text(text)) = ranked { Some(text.into()) } else { None };
    tier.map(|_| RegionContents { region: region.into(), span, authority: text(authority), document: text(document) })
}
