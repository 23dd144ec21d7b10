//! What has fallen: the least fixpoint, kept as records come and go.
//!
//! Owns the two steps below and the verdicts. Must never count supports: contacts in a cycle support each other, so a
//! count would never let them go, nor ever take them back.
//!
//! ```text
//! raise   what fell, and is touched or hangs on a name that is raised, is taken to count until shown otherwise
//! fall    what is touched or raised falls if a ground of it has fallen, and then what hangs on it, until nothing falls
//! ```
//!
//! What stays fallen through `raise` rests on grounds that are there still: each name it hangs on with all its
//! records fell before it, and none of them was raised. So after `raise` the fallen are a part of the least set, and
//! `fall` completes it. Only what may flip is visited: a name whose standing stays ends the walk.

use super::Verdict;
use super::graph::{Graph, NONE};

impl Graph {
    /// Brings what was touched to the fixpoint; hands out the verdicts that differ from the last ones.
    pub(super) fn settle(&mut self, mut each: impl FnMut(Verdict)) {
        if self.touched.is_empty() {
            return self.drop_loosened();
        }
        let mut visited = std::mem::take(&mut self.touched);
        self.raise(&mut visited);
        self.fall(&mut visited);
        visited.iter().filter_map(|&at| self.verdict(at)).for_each(&mut each);
        // Its room serves the next batch.
        visited.clear();
        self.touched = visited;
        self.drop_loosened();
    }

    /// How a contact stands, as of the last fixpoint; none of a case, and of a contact that is retracted.
    pub(super) fn standing(&self, at: u32) -> Option<Verdict> {
        let fact = &self.facts[at as usize];
        let stands = fact.is_contact && !fact.version.retracted;
        stands.then_some(Verdict { person: fact.person, fact: fact.key, counts: !fact.has_fallen })
    }

    /// Takes what may no longer be fallen to count; adds what it finds downstream to the visited.
    fn raise(&mut self, visited: &mut Vec<u32>) {
        let mut next = 0;
        while let Some(&at) = visited.get(next) {
            next += 1;
            let fact = &mut self.facts[at as usize];
            if !fact.has_fallen || fact.is_ground {
                continue;
            }
            fact.has_fallen = false;
            let name = &mut self.names[fact.name as usize];
            let is_raised = name.has_fallen();
            name.fallen -= 1;
            if is_raised {
                let name = fact.name;
                self.visit_dependents(name, true, visited);
            }
        }
    }

    /// Lets all fall that has no ground left; adds what it finds downstream to the visited.
    fn fall(&mut self, visited: &mut Vec<u32>) {
        let mut next = 0;
        while let Some(&at) = visited.get(next) {
            next += 1;
            let fact = &self.facts[at as usize];
            let is_fallen_name = |at: u32| at != NONE && self.names[at as usize].has_fallen();
            if fact.has_fallen || !(fact.is_ground || fact.links.iter().any(|link| is_fallen_name(link.name))) {
                continue;
            }
            let name = fact.name;
            self.facts[at as usize].has_fallen = true;
            self.names[name as usize].fallen += 1;
            if self.names[name as usize].has_fallen() {
                self.visit_dependents(name, false, visited);
            }
        }
    }

    /// Adds those that hang on a name and stand so.
    fn visit_dependents(&self, name: u32, has_fallen: bool, visited: &mut Vec<u32>) {
        let name = &self.names[name as usize];
        let mut at = name.first_dependent;
        while at != NONE {
            let fact = &self.facts[at as usize];
            if fact.has_fallen == has_fallen {
                visited.push(at);
            }
            at = fact.links[usize::from(name.slot)].next;
        }
    }

    /// The verdict on a contact, if it is another than the last; from then on it is the last.
    fn verdict(&mut self, at: u32) -> Option<Verdict> {
        let fact = &mut self.facts[at as usize];
        let counts = !fact.has_fallen;
        if !fact.is_contact || fact.version.retracted || fact.is_forgotten && !fact.is_ground {
            return None;
        }
        if fact.said_to_count == counts && !fact.is_unsaid {
            return None;
        }
        fact.said_to_count = counts;
        fact.is_unsaid = false;
        Some(Verdict { person: fact.person, fact: fact.key, counts })
    }
}
