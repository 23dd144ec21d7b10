//! The published states of one partition.
//!
//! Owns the lock between the worker, which writes behind a commit, and those who ask: neither holds it longer than it
//! takes to copy what one of them needs.

use std::sync::{Arc, PoisonError, RwLock};

use fuma_schemas::{Colour, Instant, Person};
use rustc_hash::FxHashMap;

use super::explain::{Question, Queue};
use crate::assess::shown::{Reasons, Shown};
use crate::policy::Pack;

/// The answers of a partition at a commit.
#[derive(Clone, Debug)]
pub struct Published {
    /// The clock of the commit.
    pub as_of: Instant,
    /// The pack in force.
    pub pack: Arc<Pack>,
    /// Those who are not plainly green.
    pub people: FxHashMap<Person, Shown>,
}

/// What is answered of a person.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The person's partition.
    pub partition: u32,
    /// The clock of the last commit that went through.
    pub as_of: Instant,
    /// The pack by which the person was judged.
    pub pack: Arc<Pack>,
    /// What was announced.
    pub shown: Shown,
}

/// One partition.
#[derive(Debug)]
pub(super) struct Place {
    published: RwLock<Published>,
    /// Questions that wait for a step of the worker.
    pub(super) questions: Queue<Question>,
}

impl Place {
    pub(super) fn new(published: Published) -> Place {
        Place { published: RwLock::new(published), questions: Queue::default() }
    }

    pub(super) fn publish(
        &self,
        (as_of, pack): (Instant, &Arc<Pack>),
        shown: impl IntoIterator<Item = (Person, Option<Shown>)>,
    ) {
        let mut published = self.published.write().unwrap_or_else(PoisonError::into_inner);
        for (person, shown) in shown {
            match shown {
                Some(shown) => drop(published.people.insert(person, shown)),
                None => drop(published.people.remove(&person)),
            }
        }
        published.as_of = as_of;
        if !Arc::ptr_eq(&published.pack, pack) {
            published.pack = Arc::clone(pack);
        }
    }

    pub(super) fn answer(&self, partition: u32, person: Person) -> Answer {
        let published = self.published.read().unwrap_or_else(PoisonError::into_inner);
        let shown = published.people.get(&person).cloned().unwrap_or_else(green);
        let pack = match &shown.reasons {
            Reasons::Known(pack, _) => pack,
            Reasons::Announced(_) => &published.pack,
        };
        Answer { partition, as_of: published.as_of, pack: Arc::clone(pack), shown }
    }
}

/// What is answered of whoever is not known: nothing was announced, so the code is green.
fn green() -> Shown {
    Shown {
        colour: Colour::Green,
        colour_since: None,
        next: None,
        reasons: Reasons::Announced(Box::default()),
        kept: None,
    }
}
