//! What few rows have: an instant beside the row's own known_at.
//!
//! Owns `first_known` (the least known_at of a fact's records) and `latest_known` (the greatest) where they differ
//! from that of the winning record. A mark in the row says whether there is one, so that the many are not looked up.

use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;

use super::row_ref::RowRef;

/// Instants of some rows.
pub(in crate::evidence) type Sparse = HashMap<RowRef, i64, FxBuildHasher>;

/// The least and the greatest known_at of a fact's records.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::evidence) struct KnownSpan {
    pub(in crate::evidence) first: i64,
    pub(in crate::evidence) latest: i64,
}

impl KnownSpan {
    /// The span with one more record.
    pub(in crate::evidence) fn with(self, known_at: i64) -> KnownSpan {
        KnownSpan { first: self.first.min(known_at), latest: self.latest.max(known_at) }
    }
}

/// Bytes held, used or not.
pub(in crate::evidence) fn bytes(sparse: &Sparse) -> usize {
    sparse.allocation_size()
}
