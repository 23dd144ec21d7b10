//! Where what lies in a row of a table.
//!
//! ```text
//! next 4 | person 4 | key 8 | revision 1 | known_at 4 | marks 1 | columns: 1 byte a code, 4 all else | of the kind
//! ```
//!
//! Owns the offsets. A row lies in one piece, not in a column each: people are gathered at random, and one row is one
//! or two cache lines where columns would be ten (measured over 9 million rows: 70 ns a row gathered against 105).

use fuma_schemas::Kind;
use fuma_schemas::evidence::{Column, ColumnType};

/// The next row of the person.
pub(in crate::evidence) const NEXT: usize = 0;
/// The number of the person: 64 bits of a key are too few to be looked up by among all people of a partition.
pub(in crate::evidence) const PERSON: usize = 4;
/// The key of the fact.
pub(in crate::evidence) const KEY: usize = 8;
/// The revision of the record, or REVISION_ELSEWHERE.
pub(in crate::evidence) const REVISION: usize = 16;
/// When the record became known.
pub(in crate::evidence) const KNOWN_AT: usize = 17;
/// What changes in a row: the marks below.
pub(in crate::evidence) const MARKS: usize = 21;
const FIRST_COLUMN: usize = 22;
/// A revision that does not fit in a byte.
pub(in crate::evidence) const REVISION_ELSEWHERE: u8 = u8::MAX;

/// What an absent code is in a row.
pub(in crate::evidence) const NO_CODE: u8 = u8::MAX;

/// The marks of a row.
pub(in crate::evidence) mod mark {
    /// The record withdraws the fact.
    pub(in crate::evidence) const RETRACTED: u8 = 1;
    /// Another record of the fact won.
    pub(in crate::evidence) const SUPERSEDED: u8 = 2;
    /// An earlier record than the winner was known first.
    pub(in crate::evidence) const FIRST_KNOWN: u8 = 4;
    /// A later record than the winner became known.
    pub(in crate::evidence) const LATEST_KNOWN: u8 = 8;
    /// A contact that does not count.
    pub(in crate::evidence) const WITHDRAWN: u8 = 16;
    /// Past its retention: gone with the next compaction.
    pub(in crate::evidence) const FORGOTTEN: u8 = 32;
    /// An excluded or retracted case or contact that waits for trace to drop it.
    pub(in crate::evidence) const OFFERED: u8 = 64;
    /// No chain of a person names the row any more.
    pub(in crate::evidence) const UNCHAINED: u8 = 128;
    /// What keeps a row from standing.
    pub(in crate::evidence) const NOT_STANDING: u8 = RETRACTED | SUPERSEDED | FORGOTTEN;
}

/// The layout of a kind's rows.
#[derive(Debug)]
pub(in crate::evidence) struct Layout {
    pub(in crate::evidence) kind: Kind,
    /// Where each column of the kind begins.
    pub(in crate::evidence) columns: Vec<usize>,
    /// Where those that hold an instant begin.
    pub(in crate::evidence) instants: Vec<usize>,
    /// Where the number of the next stay of the same region is.
    pub(in crate::evidence) next_stay: usize,
    /// Where the owner of a listing is.
    pub(in crate::evidence) owner: usize,
    /// Where the rank of the names is that a contact hangs on.
    pub(in crate::evidence) links: usize,
    /// Bytes of a row.
    pub(in crate::evidence) width: usize,
}

impl Layout {
    pub(in crate::evidence) fn new(kind: Kind) -> Layout {
        let mut width = FIRST_COLUMN;
        let columns: Vec<usize> = kind
            .columns()
            .iter()
            .map(|column| {
                let at = width;
                width += if matches!(column.column_type, ColumnType::Code(_)) { 1 } else { 4 };
                at
            })
            .collect();
        let is_instant = |column: &Column| matches!(column.column_type, ColumnType::Instant);
        let instants = kind.columns().iter().zip(&columns).filter(|(column, _)| is_instant(column));
        let instants = instants.map(|(_, &at)| at).collect();
        let end_of_columns = width;
        width += match kind {
            Kind::Stays | Kind::Listings | Kind::Contacts => 4,
            _ => 0,
        };
        let end = end_of_columns;
        Layout { kind, columns, instants, next_stay: end, owner: end, links: end, width }
    }
}

/// Four bytes of a row.
pub(in crate::evidence) fn read_u32(row: &[u8], at: usize) -> u32 {
    let mut bytes = [0; 4];
    bytes.copy_from_slice(&row[at..at + 4]);
    u32::from_le_bytes(bytes)
}

/// Eight bytes of a row.
pub(in crate::evidence) fn read_u64(row: &[u8], at: usize) -> u64 {
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&row[at..at + 8]);
    u64::from_le_bytes(bytes)
}

/// A whole number from its four bytes; ones are null.
pub(in crate::evidence) fn decode_integer(code: u32) -> Option<i32> {
    (code != u32::MAX).then_some((code ^ INTEGER_MASK) as i32)
}

/// The four bytes of a whole number: i32::MIN, which no feed can send, is null.
pub(in crate::evidence) fn encode_integer(value: Option<i32>) -> u32 {
    value.map_or(u32::MAX, |value| value as u32 ^ INTEGER_MASK)
}

const INTEGER_MASK: u32 = 0x7fff_ffff;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_small() {
        let width = |kind| Layout::new(kind).width;
        assert_eq!((width(Kind::Tests), width(Kind::Stays), width(Kind::Trips)), (37, 39, 60));
    }

    #[test]
    fn integers_and_back() {
        for value in [0, 1, -1, 9999, i32::MAX, i32::MIN + 1] {
            assert_eq!(decode_integer(encode_integer(Some(value))), Some(value));
        }
        assert_eq!(decode_integer(encode_integer(None)), None);
    }
}
