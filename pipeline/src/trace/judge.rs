//! Records judged one by one, each at its own place in the link log.
//!
//! Owns the versions of verdicts. What comes out is a function of the link log up to a record and of nothing else,
//! least of all of how the log is cut into batches: so whoever judges the log again from an older place, with the
//! graph as it was there, says the same again, word by word and with the same versions.

use arrow::record_batch::RecordBatch;
use fuma_schemas::Kind;

use super::records::{LinkBatch, LinkBatchError};
use super::{Trace, Verdict};

/// Bits of a version that tell the rows of one message of the link log apart.
const ROW_BITS: u32 = 16;

/// The version of the verdicts that follow from a row of a message: rows are counted over all sections of the
/// message. The later the record, the higher; no two rows share one, as a message never has 2^16 rows.
pub fn version_of(offset: u64, row: u64) -> u64 {
    (offset << ROW_BITS) | row.min((1 << ROW_BITS) - 1)
}

/// A verdict, and the row from which it follows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Judged {
    /// The verdict.
    pub verdict: Verdict,
    /// Of several verdicts on a fact the one of the highest version holds.
    pub version: u64,
    /// The row of the batch.
    pub row: u32,
    /// Whether it is on the contact in that row. Such a verdict comes first of those of a row.
    pub is_own: bool,
}

impl Trace {
    /// Takes in the rows of a batch of the link log, one by one, and adds all that follows from each: every verdict
    /// that flips, also one that a later row turns back, and of a contact that does not count that it does not, flip
    /// or no flip, so that its record never goes anywhere without it.
    ///
    /// `version` is that of the first row ([`version_of`]); the rows after it have the next ones. On an error no row
    /// was taken in.
    pub fn judge(
        &mut self,
        kind: Kind,
        batch: &RecordBatch,
        version: u64,
        judged: &mut Vec<Judged>,
    ) -> Result<(), LinkBatchError> {
        if !matches!(kind, Kind::Cases | Kind::Contacts) {
            return Ok(());
        }
        let records = LinkBatch::of(kind, batch, &[])?;
        for row in 0..batch.num_rows() {
            let version = version + row as u64;
            let row_number = row as u32;
            let first = judged.len();
            let at = self.graph.apply(&records.record(row));
            self.graph.settle(|verdict| judged.push(Judged { verdict, version, row: row_number, is_own: false }));
            let Some(own) = self.graph.standing(at) else { continue };
            let flips = judged.get_mut(first..).unwrap_or_default();
            let is_own = |judged: &Judged| judged.verdict.fact == own.fact && judged.verdict.person == own.person;
            match flips.iter().position(is_own) {
                Some(place) => {
                    flips.swap(0, place);
                    flips.iter_mut().take(1).for_each(|own| own.is_own = true);
                }
                None if !own.counts => {
                    judged.insert(first, Judged { verdict: own, version, row: row_number, is_own: true });
                }
                None => {}
            }
        }
        Ok(())
    }
}
