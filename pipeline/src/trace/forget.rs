//! What people forgot is forgotten here too, once nobody needs it (ARCHITECTURE.md, "Forgetting in trace").
//!
//! Trace cannot know who is green. So people says which links it forgot, or would forget: an excluded or retracted one
//! it keeps until trace has dropped it. Trace drops a record when people forgot it and no kept record names it, be it
//! by way of others that people forgot. So dropping changes no verdict; who comes later and names what was dropped
//! counts, as if it had never been seen.
//!
//! Owns which records people forgot, and which of them are still needed. A walk that finds no end in
//! [`WALK_MAX`] steps keeps the record: people says it again (I-10).

use rustc_hash::FxHashSet;

use super::Dropped;
use super::graph::{Graph, NONE};
use crate::evidence::ForgottenLink;

/// Records that one look for who needs a record may visit.
const WALK_MAX: usize = 4096;

impl Graph {
    /// Takes in that people forgot a record; what is dropped by it is added to `dropped`. Must be at the fixpoint.
    pub(super) fn forget(&mut self, forgotten: &ForgottenLink) {
        let Some(at) = self.find(forgotten.person, forgotten.fact) else { return };
        let fact = &mut self.facts[at as usize];
        if fact.version > forgotten.version {
            // A later record is on its way to people, where it will be as new.
            return;
        }
        if !fact.is_forgotten {
            fact.is_forgotten = true;
            let name = fact.name;
            self.forgotten_bearers.entry(name).or_default().insert(at);
        }
        self.drop_unneeded(at);
        self.drop_loosened();
    }

    /// Takes back that people forgot a record: another record of it came.
    pub(super) fn remember(&mut self, at: u32) {
        let fact = &mut self.facts[at as usize];
        if !fact.is_forgotten {
            return;
        }
        fact.is_forgotten = false;
        let name = fact.name;
        if !fact.is_ground {
            // People forgot the verdict, too.
            fact.is_unsaid = true;
            self.touched.push(at);
        }
        self.remove_forgotten_bearer(name, at);
    }

    /// Drops what was named by a record that now names something else, or is gone.
    pub(super) fn drop_loosened(&mut self) {
        while let Some(name) = self.loosened.pop() {
            let Some(bearers) = self.forgotten_bearers.get(&name) else { continue };
            let mut bearers: Vec<u32> = bearers.iter().copied().collect();
            // In an order that hangs on the log alone.
            bearers.sort_unstable();
            for at in bearers {
                if self.forgotten_bearers.get(&name).is_some_and(|bearers| bearers.contains(&at)) {
                    self.drop_unneeded(at);
                }
            }
        }
    }

    /// Drops a record that people forgot, with those that alone need it, unless a kept record needs it.
    fn drop_unneeded(&mut self, at: u32) {
        let Some(unneeded) = self.unneeded(at) else { return };
        for at in unneeded {
            let fact = &self.facts[at as usize];
            if fact.is_ground || fact.is_contact {
                self.dropped.push(Dropped { person: fact.person, fact: fact.key });
            }
            self.discard(at);
        }
    }

    /// A forgotten record and all that name it, by way of others too; none if a kept record is among them.
    fn unneeded(&self, at: u32) -> Option<Vec<u32>> {
        let (mut found, mut seen, mut next) = (vec![at], FxHashSet::from_iter([at]), 0);
        while let Some(&at) = found.get(next) {
            next += 1;
            let name = &self.names[self.facts[at as usize].name as usize];
            let mut dependent = name.first_dependent;
            while dependent != NONE {
                let fact = &self.facts[dependent as usize];
                if !fact.is_forgotten || seen.len() > WALK_MAX {
                    return None;
                }
                if seen.insert(dependent) {
                    found.push(dependent);
                }
                dependent = fact.links[usize::from(name.slot)].next;
            }
        }
        Some(found)
    }

    fn remove_forgotten_bearer(&mut self, name: u32, at: u32) {
        if let Some(bearers) = self.forgotten_bearers.get_mut(&name) {
            bearers.remove(&at);
            if bearers.is_empty() {
                self.forgotten_bearers.remove(&name);
            }
        }
    }

    /// Takes a record out of the graph, and its name when nobody bears it and nothing hangs on it.
    fn discard(&mut self, at: u32) {
        let fact = &self.facts[at as usize];
        let (name, key, has_fallen) = (fact.name, fact.key, fact.has_fallen);
        let named = fact.links.map(|link| link.name);
        self.remove_forgotten_bearer(name, at);
        for (slot, other) in named.into_iter().enumerate() {
            self.unlink(at, slot);
            self.loosen(other);
        }
        let bearer_of = &mut self.names[name as usize];
        bearer_of.records -= 1;
        bearer_of.fallen -= u32::from(has_fallen);
        self.unindex_fact(at, key);
        self.facts[at as usize].is_free = true;
        self.free_facts.push(at);
        self.discard_name(name);
    }

    /// Looks at a name on which something hung: whether its bearers are needed still, and whether it is.
    pub(super) fn loosen(&mut self, at: u32) {
        if at == NONE {
            return;
        }
        if self.forgotten_bearers.contains_key(&at) {
            self.loosened.push(at);
        }
        self.discard_name(at);
    }

    fn discard_name(&mut self, at: u32) {
        let name = &self.names[at as usize];
        if name.records == 0 && name.first_dependent == NONE {
            self.unindex_name(at, name.key);
            self.free_names.push(at);
        }
    }
}
