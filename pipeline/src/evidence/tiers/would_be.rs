//! What stays would meet if other records of regions held besides: for counting before anything takes effect.
//!
//! Owns the exchange. It is made for a look and taken back: must never be left in place between two commits.

use arrow::array::RecordBatch;
use fuma_schemas::Kind;

use super::meeting::contents;
use super::region_facts::MatchedTier;
use super::stay_codes::NO_STAY;
use crate::evidence::state::Evidence;
use crate::evidence::step::RuleTable;
use crate::evidence::store::{layout, mark, read_u32};
use crate::evidence::winners::{Batch, EvidenceError, name_key};

/// The codes of stays that would meet other tiers, each with those.
#[derive(Debug, Default)]
pub struct WouldBe {
    codes: Vec<(u32, Box<[MatchedTier]>)>,
}

impl Evidence {
    /// What would change if these rows of `log_schema(Kind::Regions)` held besides; nothing is applied.
    ///
    /// # Errors
    /// When a batch is of another schema.
    pub fn tiers_with(&self, batches: &[RecordBatch]) -> Result<WouldBe, EvidenceError> {
        let mut facts = self.tiers.facts.clone();
        let mut changed = Vec::new();
        for batch in batches {
            let rows = Batch::new(Kind::Regions, batch)?;
            for row in 0..batch.num_rows() {
                let Some(head) = rows.head(row) else { continue };
                let key = name_key(Kind::Regions.feed(), head.owner, head.id);
                let contents = if head.version.retracted { None } else { contents(&rows, row) };
                facts.apply(key, head.version, contents, &mut changed);
            }
        }
        changed.sort_unstable();
        changed.dedup();
        Ok(WouldBe { codes: self.tiers.codes.would_meet(&changed, &facts) })
    }

    /// Who stays where other tiers would be met, each once.
    pub fn stayed_where(&mut self, would_be: &WouldBe) -> Vec<u32> {
        let mut people = Vec::new();
        let table = &self.tables[usize::from(Kind::Stays.code())];
        for (code, _) in &would_be.codes {
            let mut stay = self.tiers.codes.head(*code).unwrap_or(NO_STAY);
            while stay != NO_STAY {
                let row = table.row(stay);
                if table.marks(stay) & mark::NOT_STANDING == 0 {
                    people.push(read_u32(row, layout::PERSON));
                }
                stay = read_u32(row, table.layout.next_stay);
            }
        }
        people.sort_unstable();
        people.dedup();
        // Too many tables are looked at, never too few.
        people.iter().for_each(|person| self.people.may_have(*person, RuleTable::TieredStays));
        people
    }

    /// Has stays meet what they would meet, and keeps what they meet: a second call takes it back.
    pub fn exchange_tiers(&mut self, would_be: &mut WouldBe) {
        would_be.codes.iter_mut().for_each(|(code, matches)| self.tiers.codes.exchange(*code, matches));
    }
}
