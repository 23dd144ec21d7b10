//! A section of a message, as it is read and written.
//!
//! Owns the types. What rows mean is the engine's.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray, TimestampMillisecondArray};
use arrow::datatypes::TimestampMillisecondType;
use fuma_schemas::{Instant, Kind};

use super::verdicts::Verdicts;

/// A section of a message.
#[expect(clippy::large_enum_variant, reason = "one a section, never in bulk")]
#[derive(Clone, Debug)]
pub enum Section {
    /// Rows of a kind, regions among them, of [`live_schema`](super::live_schema): the engine's `apply` takes them as
    /// they are.
    Rows {
        /// The kind.
        kind: Kind,
        /// The rows.
        batch: RecordBatch,
    },
    /// Records of phones, of [`phone_live_schema`](super::phone_live_schema).
    Phones {
        /// The kind.
        kind: Kind,
        /// The rows.
        batch: RecordBatch,
    },
    /// Facts that a stage derived, of [`derived_live_schema`](super::derived_live_schema).
    Derived {
        /// Who says so.
        derived: Derived,
        /// The kind.
        kind: Kind,
        /// The rows.
        batch: RecordBatch,
    },
    /// Who holds phones, as people told them, of [`told_schema`](super::told_schema).
    Told {
        /// Who says so.
        derived: Derived,
        /// The rows.
        batch: RecordBatch,
    },
    /// What people told to conveyances, of [`rides_schema`](super::rides_schema).
    Rides {
        /// Who says so; the epoch holds the label.
        derived: Derived,
        /// The rows.
        batch: RecordBatch,
    },
    /// Verdicts on contacts, and the epoch of trace in which they were given.
    Verdicts(Verdicts),
    /// Facts of cases and contacts that people forgot, of [`forgotten_schema`](super::forgotten_schema).
    Forgotten(RecordBatch),
    /// What a stage says about its own say.
    Control(Control),
}

impl Section {
    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.batch().map_or(0, RecordBatch::num_rows)
    }

    /// What caused each row.
    pub fn causes(&self) -> Causes<'_> {
        self.batch().map_or(Causes::default(), Causes::of)
    }

    fn batch(&self) -> Option<&RecordBatch> {
        match self {
            Section::Rows { batch, .. }
            | Section::Phones { batch, .. }
            | Section::Derived { batch, .. }
            | Section::Told { batch, .. }
            | Section::Rides { batch, .. }
            | Section::Forgotten(batch) => Some(batch),
            Section::Verdicts(verdicts) => Some(verdicts.batch()),
            Section::Control(_) => None,
        }
    }
}

/// A stage that derives rows (docs/recovery.md ). The numbers are fixed for good.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Stage(pub u8);

impl Stage {
    /// Which contacts count.
    pub const TRACE: Stage = Stage(1);
    /// To whom records of phones are attached.
    pub const ATTACH: Stage = Stage(2);
    /// What people tell to other keys.
    pub const PEOPLE: Stage = Stage(3);
    /// Who was aboard with a case.
    pub const ABOARD: Stage = Stage(4);
}

/// Who derived the rows of a section. Of two rows of one key the greater (epoch, version) holds, whatever the
/// revision; the version is a column.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Derived {
    /// The stage.
    pub stage: Stage,
    /// Rises when what the stage says begins anew.
    pub epoch: u64,
}

/// Bits of an epoch below the label.
const LABEL_SHIFT: u32 = 32;

impl Derived {
    /// What a stage says under a label: the number of the switch of packs that made it live, in the upper half
    /// of the epoch. No label is 0.
    pub fn labelled(stage: Stage, label: u64) -> Derived {
        Derived { stage, epoch: label << LABEL_SHIFT }
    }

    /// The label; 0: none.
    pub fn label(self) -> u64 {
        self.epoch >> LABEL_SHIFT
    }

    /// The epoch of the stage.
    pub fn own_epoch(self) -> u64 {
        self.epoch & ((1 << LABEL_SHIFT) - 1)
    }
}

/// A control section.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Control {
    /// A stage begins an epoch.
    Epoch(Derived),
    /// A stage has said everything again in its epoch: rows of lower ones go.
    Closing(Derived),
    /// A place in the log that somebody waits for; it changes nothing.
    Marker(u64),
    /// In the log of regions: rows behind it take effect only when their publication is admitted.
    Guarded,
    /// In the log of regions: a publication takes effect here, whole.
    Admitted {
        /// Which.
        publication: u64,
        /// One past the last record of its rows.
        end: u64,
    },
}

/// What caused each row of a section.
#[derive(Clone, Copy, Debug, Default)]
pub struct Causes<'a> {
    cause: Option<&'a TimestampMillisecondArray>,
    traceparent: Option<&'a StringArray>,
}

impl<'a> Causes<'a> {
    /// The live columns of rows: the last two. Rows without them have no known cause.
    pub fn of(batch: &'a RecordBatch) -> Causes<'a> {
        let column = |name| batch.column_by_name(name).map(ArrayRef::as_ref);
        Causes {
            cause: column("cause").and_then(|column| column.as_primitive_opt::<TimestampMillisecondType>()),
            traceparent: column("traceparent").and_then(|column| column.as_string_opt()),
        }
    }

    /// When the broker took the feed record that caused the row.
    pub fn cause(&self, row: usize) -> Option<Instant> {
        let array = self.cause.filter(|array| row < array.len() && array.is_valid(row))?;
        Some(Instant(array.value(row)))
    }

    /// The trace context of that record.
    pub fn traceparent(&self, row: usize) -> Option<&'a str> {
        let array = self.traceparent.filter(|array| row < array.len() && array.is_valid(row))?;
        Some(array.value(row))
    }
}
