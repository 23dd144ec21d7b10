//! Why a row becomes no record: the codes of an import, then those of the feeds.
//!
//! Owns the codes and their order: of several faults of a row the first is its code. Must never hold a cell.

use fuma_schemas::RejectCode;

/// Why a row is rejected.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum ImportCode {
    /// Bytes that the encoding does not have.
    BadEncoding,
    /// A row that cannot be divided into the cells of the header.
    BadRow,
    /// A number of a document of which a spreadsheet has lost digits.
    RoundedNumber,
    /// A number that is none.
    BadNumber,
    /// A date or time in no form that the map declares.
    BadDate,
    /// A value that the map does not list.
    UnmappedValue,
    /// A train that the timetable does not have.
    UnknownTrain,
    /// A station at which the train does not stop.
    UnknownStation,
    /// Stations in the wrong order.
    ReversedSegment,
    /// What intake says of the record.
    Feed(RejectCode),
}

impl ImportCode {
    /// Every code of an import that is none of the feeds, in its order.
    pub const OWN: [ImportCode; 9] = [
        ImportCode::BadEncoding,
        ImportCode::BadRow,
        ImportCode::RoundedNumber,
        ImportCode::BadNumber,
        ImportCode::BadDate,
        ImportCode::UnmappedValue,
        ImportCode::UnknownTrain,
        ImportCode::UnknownStation,
        ImportCode::ReversedSegment,
    ];

    /// The code as it is written.
    pub fn name(self) -> &'static str {
        match self {
            ImportCode::BadEncoding => "bad-encoding",
            ImportCode::BadRow => "bad-row",
            ImportCode::RoundedNumber => "rounded-number",
            ImportCode::BadNumber => "bad-number",
            ImportCode::BadDate => "bad-date",
            ImportCode::UnmappedValue => "unmapped-value",
            ImportCode::UnknownTrain => "unknown-train",
            ImportCode::UnknownStation => "unknown-station",
            ImportCode::ReversedSegment => "reversed-segment",
            ImportCode::Feed(code) => code.name(),
        }
    }
}
