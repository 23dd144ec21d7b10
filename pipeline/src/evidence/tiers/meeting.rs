//! Stays and tiers together: a region's record changes, and who stayed there is touched.
//!
//! Owns the meeting of the two; the cost follows the stays that a change meets, not the state. Instants are the
//! rules' to compare.

use arrow::array::RecordBatch;
use fuma_schemas::{Kind, Person};

use super::region_facts::{Contents, OPEN, RegionFacts, TierSpan};
use super::stay_codes::{NO_STAY, StayCodes};
use crate::evidence::people::Touched;
use crate::evidence::state::Evidence;
use crate::evidence::step::BaseTable;
use crate::evidence::store::{mark, read_u32};
use crate::evidence::winners::{Batch, EvidenceError, Value, fact_key};

/// The facts about regions, and what stays make of them.
#[derive(Default, Debug)]
pub(in crate::evidence) struct Tiers {
    pub(in crate::evidence) facts: RegionFacts,
    pub(in crate::evidence) codes: StayCodes,
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
        let batch = Batch::new(Kind::Regions, batch)?;
        let mut changed = Vec::new();
        for &row in rows {
            let Some(head) = batch.head(row as usize) else {
                self.counters.incomplete += 1;
                continue;
            };
            let key = fact_key(Kind::Regions.feed(), Person::default(), head.owner, head.id);
            let contents = if head.version.retracted { None } else { contents(&batch, row as usize) };
            self.counters.conflicts += u64::from(self.tiers.facts.apply(key, head.version, contents, &mut changed));
        }
        changed.sort_unstable();
        changed.dedup();
        for stay in self.tiers.codes.renew(&changed, &self.tiers.facts) {
            self.touch_stays(stay, touched);
        }
        Ok(())
    }

    /// How many facts about regions there are.
    pub fn region_facts(&self) -> usize {
        self.tiers.facts.len()
    }

    fn touch_stays(&mut self, head: u32, touched: &mut Touched) {
        let table = &self.tables[usize::from(Kind::Stays.code())];
        let mut stay = head;
        while stay != NO_STAY {
            let (row, links) = (table.row(stay), table.layout.stay_links);
            let (person, next) = (read_u32(row, links), read_u32(row, links + 4));
            if table.marks(stay) & mark::NOT_STANDING == 0 {
                touched.touch(person);
                self.people.may_have(person, BaseTable::TieredStays);
            }
            stay = next;
        }
    }

    /// Notes whose a stay is, and puts it into the chain of its region's stays.
    pub(in crate::evidence) fn link_stay(&mut self, stay: u32, person: u32) {
        let table = &mut self.tables[usize::from(Kind::Stays.code())];
        let links = table.layout.stay_links;
        let region = read_u32(table.row(stay), table.layout.columns[STAY_REGION]);
        let next = self.tiers.codes.link(region, self.texts.regions.get(region), stay, &self.tiers.facts);
        table.set_u32(stay, links, person);
        table.set_u32(stay, links + 4, next);
        if !self.tiers.codes.matches(region).is_empty() {
            self.people.may_have(person, BaseTable::TieredStays);
        }
    }
}

/// The place of `region` among the columns of stays.
pub(in crate::evidence) const STAY_REGION: usize = 0;

/// What an assertion says: region, tier, since and until, in the order of the columns.
fn contents(batch: &Batch<'_>, row: usize) -> Contents {
    let [region, tier, since, until] = [0, 1, 2, 3].map(|column| batch.columns.get(column));
    let Value::Text(region) = region?.value(row) else { return None };
    let Value::Instant(since) = since?.value(row) else { return None };
    let until = match until?.value(row) {
        Value::Instant(until) => until.0,
        _ => OPEN,
    };
    Some((region.into(), TierSpan { tier: tier?.code(row)?, since: since.0, until }))
}
