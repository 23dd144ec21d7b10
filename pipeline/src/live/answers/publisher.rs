//! What a worker publishes: the partitions that it owns, as of their last commit.
//!
//! Owns which of them are published, and takes them away when the worker ends: what it knew is another's to say then.
//! Must never be called before a commit has gone through.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::Answers;
use super::place::{Place, Published};
use crate::live::worker::owned::Owned;

/// How old the last commit of a partition may be: then its position is committed again, so that `as_of` says that it
/// still is this worker's (docs/recovery.md R-30).
const FRESH: Duration = Duration::from_secs(2);

/// What a worker publishes; nothing, where nobody asks.
#[derive(Debug, Default)]
pub struct Publisher {
    answers: Option<Answers>,
    places: BTreeMap<u32, Arc<Place>>,
    /// When each partition was committed last.
    committed: BTreeMap<u32, Duration>,
}

impl Publisher {
    /// Publishes there from now on.
    pub(crate) fn new(answers: Answers) -> Publisher {
        Publisher { answers: Some(answers), places: BTreeMap::new(), committed: BTreeMap::new() }
    }

    /// A partition was taken over: its answers are as of the last commit of its last owner.
    pub(crate) fn take_over(&mut self, owned: &mut Owned) {
        let Some(answers) = &self.answers else { return };
        let people = std::mem::take(&mut owned.first_shown);
        let pack = Arc::clone(&owned.in_force.pack);
        let place = Arc::new(Place::new(Published { as_of: owned.standing.clock, pack, people }));
        answers.put(owned.id, &place);
        self.places.insert(owned.id, place);
    }

    /// A commit of a partition went through.
    pub(crate) fn publish(&mut self, owned: &mut Owned, elapsed: Duration) {
        let Some(place) = self.places.get(&owned.id) else { return };
        self.committed.insert(owned.id, elapsed);
        place.publish((owned.standing.clock, &owned.in_force.pack), owned.partition.take_shown());
    }

    /// Answers a question of each partition in which nothing is under way and all that was taken in is committed.
    pub(crate) fn explain(&self, owned: &BTreeMap<u32, Owned>) {
        for (id, place) in &self.places {
            let settled = owned.get(id).filter(|owned| owned.next == owned.committed && !owned.is_behind());
            let Some(owned) = settled.filter(|owned| owned.is_between_steps()) else { continue };
            if let Some(question) = place.questions.pop() {
                question.answer(owned);
            }
        }
    }

    /// A partition is the worker's no more.
    pub(crate) fn gone(&mut self, partition: u32) {
        self.committed.remove(&partition);
        if let Some((answers, place)) = self.answers.as_ref().zip(self.places.remove(&partition)) {
            answers.remove(partition, &place);
        }
    }

    /// Has the positions of partitions committed again whose last commit is old.
    pub(crate) fn keep_fresh(&self, owned: &mut BTreeMap<u32, Owned>, elapsed: Duration) {
        if self.answers.is_none() {
            return;
        }
        let age = |id: &u32| self.committed.get(id).map_or(FRESH, |at| elapsed.saturating_sub(*at));
        if owned.keys().any(|id| age(id) >= FRESH) {
            // Those that will be old soon go along.
            let aging = owned.values_mut().filter(|owned| age(&owned.id) >= FRESH / 2);
            aging.for_each(|owned| owned.wants_proof = true);
        }
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        let partitions: Vec<u32> = self.places.keys().copied().collect();
        partitions.into_iter().for_each(|partition| self.gone(partition));
    }
}
