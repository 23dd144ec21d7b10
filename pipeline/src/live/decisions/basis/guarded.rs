//! Which publication of tiers takes effect (docs/recovery.md R-25).
//!
//! ```text
//! closed -> counted by every partition on one basis -> within the limits      -> takes effect
//!                                                   -> beyond them: held      -> approved with that size, or withdrawn
//!                    by fewer: waits, however long  -> approved with that size, or withdrawn
//! ```
//!
//! The basis is the switch in force and how many publications took effect: each one that does makes the counts of all
//! others void, and they are counted again. Owns the order. Must never go on because time passed.

use super::event::Then;
use super::fold::Basis;
use super::proposal::Approval;
use super::publication::{Closed, Counted, Limits, Publication, Size, Standing, id_of, publication_of};
use super::records::{Seen, Withdrawn};
use super::void::Void;

/// What somebody who agrees must have seen (digest, instant, basis), and who agreed.
pub(super) type Awaited = (String, i64, Seen, Vec<String>);

/// Over so long the changes of publications that nobody approved are added up.
const HOUR_MS: i64 = 60 * 60 * 1000;

/// The publications, in the order in which they were closed.
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct Guarded {
    pub(super) partitions: u32,
    limits: Option<Limits>,
    publications: Vec<Publication>,
    /// How many took effect.
    admitted: u64,
}

impl Guarded {
    fn find_mut(&mut self, id: &str) -> Option<&mut Publication> {
        self.publications.iter_mut().find(|publication| publication.closed.id == id)
    }

    pub(super) fn approve(&mut self, id: &str, approval: (String, Approval)) {
        if let Some(publication) = self.find_mut(id) {
            publication.approvals.push(approval);
        }
    }

    /// Withdraws a publication, if it is one.
    pub(super) fn withdraw(&mut self, withdrawn: &Withdrawn) -> bool {
        let found = self.find_mut(&withdrawn.proposal);
        found.is_some_and(|publication| {
            let (reason, official) = (withdrawn.reason.clone(), withdrawn.official.clone());
            publication.standing = Standing::Withdrawn { reason, official };
            true
        })
    }

    pub(super) fn retain(&mut self, still: impl Fn(&Approval) -> bool) {
        let open = self.publications.iter_mut().filter(|publication| publication.is_open());
        open.for_each(|publication| publication.approvals.retain(|(_, approval)| still(approval)));
    }

    /// What nobody approved within the last hour, in people.
    fn unapproved(&self, clock_ms: i64) -> u64 {
        let of = |publication: &Publication| match &publication.standing {
            Standing::Admitted { size, at_ms, signed, .. } if signed.is_empty() && *at_ms > clock_ms - HOUR_MS => {
                size.changes
            }
            _ => 0,
        };
        self.publications.iter().map(of).sum()
    }

    fn is_within(&self, size: Size, clock_ms: i64) -> bool {
        let Some(limits) = self.limits else { return false };
        let changes = size.changes.saturating_add(self.unapproved(clock_ms));
        let of_hundred = u128::from(changes) * 100 <= u128::from(size.people) * u128::from(limits.percent);
        // What changes nobody is within any limit, also where others came within the hour.
        size.is_whole() && (size.changes == 0 || changes <= limits.people && of_hundred)
    }
}

impl Basis {
    /// Up to which size publications need no approval; none: each needs one.
    pub fn limits(&self) -> Option<Limits> {
        self.guarded.limits
    }

    /// The publications of tiers, in the order in which they were closed.
    pub fn publications(&self) -> &[Publication] {
        &self.guarded.publications
    }

    /// How many partitions have to count.
    pub fn partitions(&self) -> u32 {
        self.guarded.partitions
    }

    /// How many publications took effect.
    pub fn admitted(&self) -> u64 {
        self.guarded.admitted
    }

    /// Those that took effect, in their order.
    pub fn admitted_in_order(&self) -> Vec<&Publication> {
        let place = |publication: &&Publication| match publication.standing {
            Standing::Admitted { place, .. } => Some(place),
            _ => None,
        };
        let mut all: Vec<&Publication> = self.publications().iter().filter(|it| place(it).is_some()).collect();
        all.sort_by_key(place);
        all
    }

    /// One past the last record of the log of regions that is in a publication of an owner.
    pub fn closed_up_to(&self, owner: &str) -> u64 {
        let of_owner = self.publications().iter().filter(|publication| publication.closed.owner == owner);
        of_owner.map(|publication| publication.closed.end).max().unwrap_or(0)
    }

    /// The number of the switch whose pack counts are made by.
    pub fn counts_by(&self) -> u64 {
        self.in_force(self.clock_ms).map_or(0, |switch| switch.number)
    }

    /// What a publication does, or would do as far as it is counted on the basis that holds.
    pub fn size_of(&self, publication: &Publication) -> Size {
        if let Standing::Admitted { size, .. } = publication.standing {
            return size;
        }
        let (number, admitted) = (self.counts_by(), self.guarded.admitted);
        let mut size = Size { partitions: self.guarded.partitions, ..Size::default() };
        let valid = publication.counts.values().filter(|it| (it.number, it.admitted) == (number, admitted));
        for count in valid {
            size.counted += 1;
            size.people = size.people.saturating_add(count.people);
            size.changes = size.changes.saturating_add(count.changes);
            size.green = size.green.saturating_add(count.green);
        }
        size
    }

    /// Whether a partition's count of a publication is there, on the basis that holds.
    pub fn is_counted(&self, publication: &Publication, partition: u32) -> bool {
        let basis = (self.counts_by(), self.guarded.admitted);
        publication.counts.get(&partition).is_some_and(|it| (it.number, it.admitted) == basis)
    }

    /// What an official signs who approves a publication as it is counted now.
    pub fn publication_digest(&self, publication: &Publication) -> String {
        publication.signed_digest((self.size_of(publication), self.counts_by()), &self.installation)
    }

    pub(super) fn limit(&mut self, limits: Limits) -> Result<(), Void> {
        if self.guarded.limits.is_some() {
            return Err(Void::Repeated);
        }
        self.guarded.limits = Some(limits);
        Ok(())
    }

    pub(super) fn close(&mut self, offset: u64, closed: &Closed) -> Result<(), Void> {
        if closed.id != id_of(publication_of(&closed.owner, closed.first)) {
            return Err(Void::NotItsId);
        }
        if closed.end <= closed.first {
            return Err(Void::Malformed("a publication ends behind its first record".to_owned()));
        }
        // Two processes may close one publication, each with the rows that it saw: the first counts.
        if closed.first < self.closed_up_to(&closed.owner) {
            return Err(Void::Repeated);
        }
        let (closed, standing) = (closed.clone(), Standing::Waiting);
        let (counts, approvals) = Default::default();
        self.guarded.publications.push(Publication { offset, closed, counts, approvals, standing });
        Ok(())
    }

    pub(super) fn count(&mut self, counted: &Counted) -> Result<(), Void> {
        let (basis, partitions) = ((self.counts_by(), self.guarded.admitted), self.guarded.partitions);
        let publication = self.guarded.find_mut(&counted.publication).ok_or(Void::Unknown)?;
        if !publication.is_open() {
            return Err(Void::Closed);
        }
        if (counted.number, counted.admitted) != basis || counted.partition >= partitions {
            return Err(Void::OtherBasis);
        }
        // Of two owners of a partition the one who counted first was there first.
        let known = publication.counts.get(&counted.partition);
        if known.is_some_and(|known| (known.number, known.admitted) == basis) {
            return Err(Void::Repeated);
        }
        publication.counts.insert(counted.partition, counted.clone());
        Ok(())
    }

    /// What somebody who agrees to a publication must have seen; none: there is none of that id.
    pub(super) fn awaited_publication(&self, id: &str) -> Option<Result<Awaited, Void>> {
        let publication = self.publications().iter().find(|publication| publication.closed.id == id)?;
        if !publication.is_open() {
            return Some(Err(Void::Closed));
        }
        let digest = self.publication_digest(publication);
        let agreed = publication.signed(&digest).into_iter().map(str::to_owned).collect();
        Some(Ok((digest, publication.closed.at, Seen::default(), agreed)))
    }

    /// Has publications take effect, one by one, until none is left that may.
    pub(super) fn settle_publications(&mut self, then: &mut Vec<Then>) {
        let may = |basis: &Basis, publication: &Publication| {
            let (size, digest) = (basis.size_of(publication), basis.publication_digest(publication));
            let signed = publication.signed(&digest);
            let is_signed = basis.officials.as_ref().is_some_and(|them| them.approvers_missing(&signed) == 0);
            if is_signed {
                return Some((size, signed.into_iter().map(str::to_owned).collect()));
            }
            basis.guarded.is_within(size, basis.clock_ms).then(|| (size, Vec::new()))
        };
        loop {
            let open = self.publications().iter().enumerate().filter(|(_, publication)| publication.is_open());
            let mut found = open.filter_map(|(at, publication)| Some((at, may(self, publication)?)));
            let Some((at, (size, signed))) = found.next() else { break };
            self.guarded.admitted += 1;
            let (place, at_ms) = (self.guarded.admitted, self.clock_ms);
            let Some(publication) = self.guarded.publications.get_mut(at) else { break };
            let id = publication.closed.id.clone();
            publication.standing = Standing::Admitted { place, size, at_ms, signed: signed.clone() };
            then.push(Then::Admitted { publication: id, size, signed });
        }
        for at in 0..self.guarded.publications.len() {
            let Some(publication) = self.guarded.publications.get(at) else { break };
            let size = self.size_of(publication);
            if publication.standing == Standing::Waiting && size.is_whole() {
                let id = publication.closed.id.clone();
                then.push(Then::HeldBack { publication: id, size });
                if let Some(publication) = self.guarded.publications.get_mut(at) {
                    publication.standing = Standing::Held;
                }
            }
        }
    }
}
