//! How many people one commit judges, over all partitions of a worker: live evidence first, then who is due, then the
//! sweep (I-10).
//!
//! Owns the numbers of one commit. Whoever does not fit waits for the next, which follows at once.

/// What is left of a commit's people.
#[derive(Clone, Copy, Debug)]
pub(super) struct Budget {
    /// People of live evidence.
    live: usize,
    /// People who are due or swept: fewer, so that live evidence does not wait long behind a page.
    background: usize,
}

impl Budget {
    /// A commit of at most so many people; those who are due or swept get half of them, less whoever is judged live.
    pub(super) fn new(people_max: usize) -> Budget {
        Budget { live: people_max.max(1), background: people_max.div_ceil(2).max(1) }
    }

    /// How many of the people whom live evidence touched are judged, of so many who wait.
    pub(super) fn take_live(&mut self, waiting: usize) -> usize {
        let taken = waiting.min(self.live);
        self.live -= taken;
        self.background = self.background.saturating_sub(taken).min(self.live);
        taken
    }

    /// How many people are judged for being due or swept in the next of so many partitions that wish to.
    pub(super) fn share(&self, partitions: usize) -> usize {
        self.background.div_ceil(partitions.max(1))
    }

    /// So many were judged for being due or swept.
    pub(super) fn took_background(&mut self, people: usize) {
        self.background = self.background.saturating_sub(people);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn live_evidence_comes_first_and_all_of_it_together_stays_within_the_number() {
        let mut budget = Budget::new(100);
        assert_eq!((budget.take_live(30), budget.share(2)), (30, 10));
        assert_eq!((budget.take_live(10), budget.share(1)), (10, 10));
        assert_eq!((budget.take_live(80), budget.share(1)), (60, 0));
        assert_eq!(budget.take_live(5), 0);
        let mut full = Budget::new(100);
        assert_eq!((full.take_live(1000), full.share(4)), (100, 0));
    }

    #[test]
    fn many_partitions_with_sweeps_share_the_number_and_take_no_more() {
        let mut budget = Budget::new(8);
        let mut taken = Vec::new();
        for left in (1..=16).rev() {
            let share = budget.share(left);
            budget.took_background(share);
            taken.push(share);
        }
        assert_eq!((taken.iter().sum::<usize>(), &taken[..5]), (4, &[1, 1, 1, 1, 0][..]));
        let mut budget = Budget::new(100);
        assert_eq!(budget.share(3), 17);
        budget.took_background(2);
        assert_eq!(budget.share(2), 24, "what one does not need is the others'");
    }
}
