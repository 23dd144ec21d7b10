//! What a publication of tiers would do is counted before it takes effect (docs/recovery.md R-25), a page of people a
//! turn, beside the evidence that goes on.
//!
//! ```text
//! asked -> who stays where other tiers would be met -> a page a turn, judged with and without -> counted
//! ```
//!
//! A partition counts only on the basis for which it is asked: by the pack of that switch, with as many publications in
//! force. Owns the pages. Must never announce, nor leave a tier changed.

use std::collections::BTreeMap;
use std::sync::Arc;

use fuma_schemas::Instant;

use super::owned::Owned;
use super::restore::Restoring;
use crate::assess::{AssessError, Concerned};
use crate::evidence::WouldBe;
use crate::live::decisions::basis::Counted;
use crate::live::guard::Asked;

/// People who are judged in one turn of the loop, twice each: some 10 ms.
const PAGE: usize = 1024;

/// A count under way.
struct Job {
    asked: Arc<Asked>,
    would_be: WouldBe,
    people: Vec<u32>,
    /// How many of them were judged.
    done: usize,
    concerned: Concerned,
}

/// The counts under way, one a partition.
#[derive(Default)]
pub(super) struct Counting(BTreeMap<u32, Job>);

impl Counting {
    /// Goes on counting, a page of one partition.
    pub(super) fn turn(
        &mut self,
        owned: &mut BTreeMap<u32, Owned>,
        context: &Restoring,
        now: Instant,
    ) -> Result<(), (u32, AssessError)> {
        self.0.retain(|id, _| owned.contains_key(id));
        for (id, owned) in owned.iter_mut() {
            let asked = context.counts.next(*id).filter(|asked| is_basis(owned, asked, context));
            let Some(asked) = asked.filter(|_| !owned.must_claim) else {
                self.0.remove(id);
                continue;
            };
            let job = match self.0.remove(id).filter(|job| job.is(&asked)) {
                Some(job) => job,
                None => Job::begin(owned, asked).map_err(|error| (*id, error))?,
            };
            if let Some(job) = job.go_on(owned, context, now) {
                self.0.insert(*id, job);
            }
            return Ok(());
        }
        Ok(())
    }

    /// Whether some count is under way: the next page need not wait.
    pub(super) fn is_under_way(&self) -> bool {
        !self.0.is_empty()
    }
}

/// Whether a partition judges by what it is asked for.
fn is_basis(owned: &Owned, asked: &Asked, context: &Restoring) -> bool {
    let admitted = context.references.publications(|publications| publications.admitted_before(owned.regions));
    owned.in_force.number == asked.number && admitted == Some(asked.admitted + asked.earlier)
}

impl Job {
    fn begin(owned: &mut Owned, asked: Arc<Asked>) -> Result<Job, AssessError> {
        let (would_be, people) = owned.partition.stayed_where_with(&asked.rows)?;
        Ok(Job { asked, would_be, people, done: 0, concerned: Concerned::default() })
    }

    fn is(&self, asked: &Asked) -> bool {
        let of = |asked: &Asked| (asked.publication.clone(), asked.number, asked.admitted, asked.earlier);
        of(&self.asked) == of(asked)
    }

    /// Judges a page; what is left to do.
    fn go_on(mut self, owned: &mut Owned, context: &Restoring, now: Instant) -> Option<Job> {
        let end = self.people.len().min(self.done + PAGE);
        let page = self.people.get(self.done..end).unwrap_or_default();
        let clock = now.max(owned.standing.clock);
        let concerned = owned.partition.concerned(&mut self.would_be, page, clock);
        self.concerned.changes += concerned.changes;
        self.concerned.green += concerned.green;
        self.done = end;
        if self.done < self.people.len() {
            return Some(self);
        }
        let Concerned { changes, green } = self.concerned;
        context.counts.counted(Counted {
            publication: self.asked.publication.clone(),
            partition: owned.id,
            number: self.asked.number,
            admitted: self.asked.admitted,
            people: u64::from(owned.partition.evidence().people()),
            changes,
            green,
            at: clock.0,
        });
        None
    }
}
