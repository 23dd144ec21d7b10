//! Tracing under one pack: who is infectious, what people say about conveyances, and the contacts that follow.
//!
//! Owns what each person was heard to say about conveyances: what is said no more is taken back there. Must never keep
//! a person on a conveyance whom no trip has there.

use std::sync::Arc;

use fuma_schemas::Kind;
use hashbrown::HashMap;

use super::aboard::Aboard;
use super::conveyances::Conveyances;
use super::counts::LinkedCounts;
use super::rides::Ride;
use super::speaker::{Says, Speaker};
use crate::assess::AssessError;
use crate::evidence::{Derived, Evidence, RuleTable, Seed};
use crate::policy::Pack;

/// One pack's tracing, and what came of it.
pub(super) struct Tracer {
    speaker: Speaker,
    conveyances: Conveyances,
    /// The conveyances that a person was heard on.
    heard: HashMap<u32, Vec<u32>, Seed>,
}

impl Tracer {
    /// A tracer that has heard nobody; none where the pack does not trace.
    pub(super) fn new(pack: &Arc<Pack>, seed: Seed) -> Result<Option<Tracer>, AssessError> {
        let both = Speaker::new(pack, seed)?.zip(Conveyances::new(pack, pack.short_digest(), seed)?);
        let heard = HashMap::with_hasher(seed);
        Ok(both.map(|(speaker, conveyances)| Tracer { speaker, conveyances, heard }))
    }

    /// Hears some people, and adds what changed in the contacts.
    pub(super) fn settle(&mut self, evidence: &Evidence, people: &[u32], changed: &mut Vec<Derived>) {
        let Tracer { speaker, conveyances, heard } = self;
        // Most people have no trip, and never had one. Of the others their cases are looked at, too.
        let may_ride = |person: &&u32| {
            evidence.kinds(**person).contains(RuleTable::Kind(Kind::Trips)) || heard.contains_key(*person)
        };
        let riders: Vec<u32> = people.iter().filter(may_ride).copied().collect();
        speaker.ask(evidence, &riders, &mut |person, says| {
            let before = heard.remove(&person).unwrap_or_default();
            let mut now = Vec::new();
            match says {
                Says::Rides(rides) => {
                    for (conveyance, ride) in rides {
                        let number = conveyances.number(conveyance);
                        conveyances.tell(number, person, ride);
                        now.push(number);
                    }
                }
                // What was said last stays where there is a trip still.
                Says::LeftOut(rides) => {
                    let stay = rides.into_iter().map(|conveyance| conveyances.number(conveyance));
                    now.extend(stay.filter(|number| before.contains(number)));
                }
            }
            for number in before.into_iter().filter(|number| !now.contains(number)) {
                conveyances.tell(number, person, Ride::default());
            }
            if !now.is_empty() {
                heard.insert(person, now);
            }
        });
        conveyances.settle(&|person| evidence.person(person), changed);
    }

    /// Takes back all contacts: the pack is no longer in force.
    pub(super) fn end(mut self, evidence: &Evidence, changed: &mut Vec<Derived>) {
        for (person, conveyances) in std::mem::take(&mut self.heard) {
            for number in conveyances {
                self.conveyances.tell(number, person, Ride::default());
            }
        }
        self.conveyances.settle(&|person| evidence.person(person), changed);
    }

    /// The conveyances.
    pub(super) fn conveyances(&self) -> &[Aboard] {
        self.conveyances.all()
    }

    pub(super) fn count(&self, counts: &mut LinkedCounts) {
        self.conveyances.count(counts);
        counts.left_out = self.speaker.left_out() as u64;
    }
}
