//! What is answered of people while the service runs: the announced states of the partitions that this process holds.
//!
//! A worker publishes behind each commit; who asks reads, and waits for no step. Only what is committed is here, and
//! `as_of` is the clock of the last commit that went through (docs/recovery.md R-30). A partition that is parked keeps
//! its last answers with their `as_of`; one that moved away has none here.
//!
//! ```text
//! publisher  what a worker publishes, and takes away when it ends
//! place      the states of one partition
//! explain    why somebody has a colour: that waits for a step of the worker
//! ```
//!
//! Owns the published states. Must never hold evidence, nor a state that was not committed.

pub mod explain;
mod place;
mod publisher;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use fuma_schemas::{Instant, Person};
use futures::channel::oneshot::{Receiver, channel};

pub use place::{Answer, Published};
pub use publisher::Publisher;

use self::explain::{Asked, Explained, Found, Question, Queue};
use self::place::Place;
use crate::live::subscriptions::Subscriptions;

/// Why there is no answer here.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Missing {
    /// It is not known yet into how many partitions people are divided.
    Starting,
    /// This process does not hold the person's partition.
    NotHeld(u32),
}

/// The published states; clones are handles of the same.
#[derive(Clone, Debug, Default)]
pub struct Answers(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    /// How many partitions there are; 0: not known.
    partitions: AtomicU32,
    places: RwLock<BTreeMap<u32, Arc<Place>>>,
    /// Questions why, whose names are still to be read.
    asked: Queue<Asked>,
    /// Those who follow the changes.
    subscriptions: Subscriptions,
    /// Where the ports of the owners of other partitions are, as they say themselves.
    owners: RwLock<BTreeMap<u32, String>>,
}

impl Answers {
    /// From now on it is known into how many partitions people are divided.
    pub fn know(&self, partitions: u32) {
        self.0.partitions.store(partitions, Ordering::Release);
    }

    /// Where the owners of partitions answer, as they said last.
    pub fn know_owners(&self, owners: BTreeMap<u32, String>) {
        *self.0.owners.write().unwrap_or_else(PoisonError::into_inner) = owners;
    }

    /// Where a person is answered about, if that is another process which is known.
    pub fn elsewhere(&self, person: Person) -> Option<String> {
        let partition = self.partition_of(person).ok()?;
        self.0.owners.read().unwrap_or_else(PoisonError::into_inner).get(&partition).cloned()
    }

    /// Those who follow the changes.
    pub fn subscriptions(&self) -> &Subscriptions {
        &self.0.subscriptions
    }

    /// Holds a partition for a test of those who ask.
    #[cfg(test)]
    pub(crate) fn hold(&self, partition: u32, published: Published) {
        self.put(partition, &Arc::new(Place::new(published)));
    }

    fn put(&self, partition: u32, place: &Arc<Place>) {
        let mut places = self.0.places.write().unwrap_or_else(PoisonError::into_inner);
        places.insert(partition, Arc::clone(place));
    }

    /// Takes a place away, unless another worker of the process has taken the partition over meanwhile.
    fn remove(&self, partition: u32, place: &Arc<Place>) {
        let mut places = self.0.places.write().unwrap_or_else(PoisonError::into_inner);
        if places.get(&partition).is_some_and(|published| Arc::ptr_eq(published, place)) {
            places.remove(&partition);
        }
    }

    /// The partition of a person.
    ///
    /// # Errors
    /// [`Missing::Starting`].
    pub fn partition_of(&self, person: Person) -> Result<u32, Missing> {
        match self.0.partitions.load(Ordering::Acquire) {
            0 => Err(Missing::Starting),
            partitions => Ok(person.partition(partitions as usize) as u32),
        }
    }

    /// What is answered of a person.
    ///
    /// # Errors
    /// Where this process cannot say.
    pub fn of(&self, person: Person) -> Result<Answer, Missing> {
        let partition = self.partition_of(person)?;
        let place = self.place(partition).ok_or(Missing::NotHeld(partition))?;
        // Nothing was ever committed: there is nothing to be as of.
        Some(place.answer(partition, person))
            .filter(|answer| answer.as_of > Instant::default())
            .ok_or(Missing::Starting)
    }

    /// Asks why a person has a colour; none where too many ask. The answer never comes where nobody can give it.
    pub fn ask(&self, person: Person) -> Option<Receiver<Explained>> {
        let (reply, answer) = channel();
        self.0.asked.push(Asked { person, reply }).then_some(answer)
    }

    /// A question whose names are to be read.
    pub fn next_asked(&self) -> Option<Asked> {
        self.0.asked.pop()
    }

    /// Hands a question to the partition's worker, with what the log says of the person. It is dropped where the
    /// partition is not held, or too many wait.
    pub fn with_names(&self, partition: u32, asked: Asked, found: Found) {
        if let Some(place) = self.place(partition) {
            place.questions.push(Question::new(asked, found));
        }
    }

    fn place(&self, partition: u32) -> Option<Arc<Place>> {
        self.0.places.read().unwrap_or_else(PoisonError::into_inner).get(&partition).cloned()
    }
}
