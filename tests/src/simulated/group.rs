//! The coordinator of the consumer group: members, generation, whose each partition is and shall be.
//!
//! Cooperative: whoever keeps a partition goes on; a partition that moves is free once its holder released it or was
//! expelled, and only then the next one gets it. Every step begins a new generation, which a member knows of only
//! after its next poll: what it commits in between is refused.
//!
//! Owns the assignment. Must never know a position.

use std::collections::{BTreeMap, BTreeSet};

/// The number of a member, new with each time that somebody joins.
pub(super) type MemberNumber = u64;

/// The group.
#[derive(Debug)]
pub(super) struct Group {
    generation: u64,
    next_member: MemberNumber,
    /// The owner of each member.
    members: BTreeMap<MemberNumber, String>,
    /// By partition.
    holders: Vec<Option<MemberNumber>>,
    targets: Vec<Option<MemberNumber>>,
}

impl Group {
    pub(super) fn new(partitions: u32) -> Group {
        let nobody = vec![None; partitions as usize];
        Group { generation: 0, next_member: 1, members: BTreeMap::new(), holders: nobody.clone(), targets: nobody }
    }

    pub(super) fn generation(&self) -> u64 {
        self.generation
    }

    pub(super) fn has(&self, member: MemberNumber) -> bool {
        self.members.contains_key(&member)
    }

    pub(super) fn join(&mut self, owner: &str) -> MemberNumber {
        let member = self.next_member;
        self.next_member += 1;
        self.members.insert(member, owner.to_owned());
        self.rebalance();
        member
    }

    /// A member leaves or is expelled: what it held is free.
    pub(super) fn remove(&mut self, member: MemberNumber) {
        if self.members.remove(&member).is_none() {
            return;
        }
        for holder in self.holders.iter_mut().filter(|holder| **holder == Some(member)) {
            *holder = None;
        }
        self.rebalance();
    }

    /// The members of an owner, a dead one and its successor.
    pub(super) fn members_of(&self, owner: &str) -> Vec<MemberNumber> {
        self.members.iter().filter(|(_, of)| *of == owner).map(|(member, _)| *member).collect()
    }

    /// What a member has to let go.
    pub(super) fn to_revoke(&self, member: MemberNumber, held: &BTreeSet<u32>) -> Vec<u32> {
        held.iter().copied().filter(|partition| self.target(*partition) != Some(member)).collect()
    }

    /// Gives a member what is free and shall be its own.
    pub(super) fn assign(&mut self, member: MemberNumber) -> Vec<u32> {
        let mut assigned = Vec::new();
        for (partition, holder) in self.holders.iter_mut().enumerate() {
            if holder.is_none() && self.targets[partition] == Some(member) {
                *holder = Some(member);
                assigned.push(partition as u32);
            }
        }
        assigned
    }

    /// A partition is free: the next round of the rebalance.
    pub(super) fn release(&mut self, member: MemberNumber, partition: u32) {
        let holder = &mut self.holders[partition as usize];
        if *holder == Some(member) {
            *holder = None;
            self.generation += 1;
        }
    }

    /// Hands every partition to the next member, as no sane assignor would.
    pub(super) fn rotate(&mut self) {
        let members: Vec<MemberNumber> = self.members.keys().copied().collect();
        for target in &mut self.targets {
            let place = target.and_then(|member| members.iter().position(|other| *other == member));
            *target = place.map(|place| members[(place + 1) % members.len()]).or(*target);
        }
        self.generation += 1;
    }

    fn target(&self, partition: u32) -> Option<MemberNumber> {
        self.targets[partition as usize]
    }

    /// Even shares; whoever has a partition keeps it as far as its share goes.
    fn rebalance(&mut self) {
        self.generation += 1;
        let mut quotas = self.quotas();
        let mut targets = vec![None; self.targets.len()];
        for (partition, target) in targets.iter_mut().enumerate() {
            let held = self.holders[partition].or(self.targets[partition]);
            let Some(quota) = held.and_then(|member| quotas.get_mut(&member)).filter(|quota| **quota > 0) else {
                continue;
            };
            *quota -= 1;
            *target = held;
        }
        for target in targets.iter_mut().filter(|target| target.is_none()) {
            let Some((member, quota)) = quotas.iter_mut().find(|(_, quota)| **quota > 0) else { continue };
            *quota -= 1;
            *target = Some(*member);
        }
        self.targets = targets;
    }

    /// The share of each member; those who hold most have the larger ones.
    fn quotas(&self) -> BTreeMap<MemberNumber, usize> {
        let count = self.members.len();
        if count == 0 {
            return BTreeMap::new();
        }
        let held = |member: &MemberNumber| self.holders.iter().filter(|holder| **holder == Some(*member)).count();
        let mut order: Vec<MemberNumber> = self.members.keys().copied().collect();
        order.sort_by_key(|member| (std::cmp::Reverse(held(member)), *member));
        let (share, larger) = (self.targets.len() / count, self.targets.len() % count);
        order.into_iter().enumerate().map(|(rank, member)| (member, share + usize::from(rank < larger))).collect()
    }
}
