//! An offset of a log at which nothing stands.
//!
//! A transaction ends in a marker that has an offset of its own: a log that was mirrored with transactions has them. A
//! client that skips records leaves holes as well. Both look alike until they are read again: one offset at which
//! nothing stands in two readings is a marker; more than one cannot be told from records that were lost.
//!
//! Owns that rule, for evidence and for links, at a restore and while they are read. Must never read a log.

use std::ops::Range;

use crate::live::metric;

/// Offsets of a marker.
const MARKER: u64 = 1;

/// Whether a hole is taken for a marker; `before`: where the reading before found one.
pub(crate) fn is_marker(before: Option<&Range<u64>>, hole: &Range<u64>) -> bool {
    before == Some(hole) && hole.end - hole.start <= MARKER
}

/// Says that an offset is passed over, and counts it.
pub(crate) fn tell(log: &str, partition: u32, offset: u64) {
    metrics::counter!(metric::EVIDENCE_GAPS).increment(1);
    tracing::warn!(
        log,
        partition,
        offset,
        "nothing stands at an offset of the log, in two readings: taken for the marker of a transaction"
    );
}
