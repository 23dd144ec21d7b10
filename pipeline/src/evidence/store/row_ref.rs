//! Where a row is: its kind and its number in the kind's table, in 32 bits.
//!
//! Owns the packing. Must never be kept past a compaction, which numbers rows anew.

use fuma_schemas::Kind;

const ROW_BITS: u32 = 28;

/// The rows that one table may have: 2^28, some thirty times what a partition of ten million facts needs.
pub(in crate::evidence) const ROWS_MAX: u32 = 1 << ROW_BITS;

// Four bits of kind, of which all ones are the end of a chain.
const _: () = assert!(Kind::PERSONAL.len() < 1 << (u32::BITS - ROW_BITS));

/// A row of one of the tables: 4 bits of kind, 28 bits of row.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(in crate::evidence) struct RowRef(pub(in crate::evidence) u32);

impl RowRef {
    /// The end of a chain.
    pub(in crate::evidence) const NONE: RowRef = RowRef(u32::MAX);

    pub(in crate::evidence) fn new(kind: Kind, row: u32) -> RowRef {
        debug_assert!(row < ROWS_MAX);
        RowRef(u32::from(kind.code()) << ROW_BITS | row)
    }

    /// The code of the kind.
    pub(in crate::evidence) fn code(self) -> usize {
        (self.0 >> ROW_BITS) as usize
    }

    /// The number of the row in its table.
    pub(in crate::evidence) fn row(self) -> u32 {
        self.0 & (ROWS_MAX - 1)
    }

    pub(in crate::evidence) fn is_none(self) -> bool {
        self == RowRef::NONE
    }

    /// The handle that rules see: kind in the first byte, row in the others.
    pub(in crate::evidence) fn handle(self) -> u64 {
        (self.code() as u64) << 56 | u64::from(self.row())
    }

    /// The row behind a handle; none if it is no handle of personal evidence.
    pub(in crate::evidence) fn of_handle(handle: u64) -> Option<RowRef> {
        let kind = Kind::PERSONAL.get(usize::try_from(handle >> 56).ok()?)?;
        let row = u32::try_from(handle & ((1 << 56) - 1)).ok()?;
        (row < ROWS_MAX).then(|| RowRef::new(*kind, row))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handles_and_back() {
        for kind in Kind::PERSONAL {
            for row in [0, 1, ROWS_MAX - 1] {
                let reference = RowRef::new(kind, row);
                assert_eq!((reference.code(), reference.row()), (usize::from(kind.code()), row));
                assert_eq!(RowRef::of_handle(reference.handle()), Some(reference));
                assert!(!reference.is_none());
            }
        }
        assert_eq!(RowRef::of_handle(u64::MAX), None);
        assert_eq!(RowRef::of_handle(u64::from(ROWS_MAX)), None);
    }
}
