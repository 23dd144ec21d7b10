//! One partition of a keyed log: what a stage keeps of it, and up to which record.
//!
//! The state is a function of the log up to its offset, and what is said of a record is the difference that the
//! record makes. Time passes as the log has it, a day at a time. Owns that order. Must never read a clock.

use std::collections::VecDeque;
use std::sync::Arc;

use arrow::array::RecordBatch;
use fuma_connectors::log::{LogRecord, Topic};
use fuma_schemas::Instant;
use fuma_schemas::instant::DAY_MS;

use super::Options;
use super::parking::Trouble;
use crate::evidence::{Export, TableError};
use crate::linked::LinkedCounts;
use crate::live::record::{self, Control, Derived, RecordError, SaidRow, Section};
use crate::live::worker::switch::Schedule;
use crate::policy::Pack;

/// For how long it is remembered under which version the empty set was told: longer than any such log is kept by
/// default, so that no older word comes after it.
pub(in crate::live) const EMPTY_KEPT_MS: i64 = 30 * DAY_MS;
const _: () = assert!(EMPTY_KEPT_MS > fuma_connectors::log::KEPT_MS);

/// Under which version a person told a key, and when the log took that.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::live) struct Told {
    pub(in crate::live) version: u64,
    pub(in crate::live) at: i64,
}

/// A record of the log: where it is, and when the log has it, by the newest instant so far.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// Its offset.
    pub offset: u64,
    /// The newest instant at which the log took a record up to it.
    pub clock: Instant,
}

/// What a stage keeps of one partition of its log.
pub trait Keyed: Sized + Send {
    /// What the stage is called.
    const STAGE: &'static str;
    /// Its log, and that in words.
    const TOPIC: Topic;
    /// In words.
    const LOG: &'static str;
    /// What the names of its snapshots begin with, and the log in their manifests.
    const SERIES: &'static str;
    /// Pieces of tables that wait for others.
    type Pages: Default;

    /// Of an empty log.
    fn new(options: &Options) -> Self;

    /// Takes in a section of a record; what it changes is said by the next [`Keyed::settle`].
    ///
    /// # Errors
    /// When the section is not understood, or cannot be taken in: the state is of no use then.
    fn take(&mut self, section: &Section, place: Place, options: &Options) -> Result<(), Trouble>;

    /// Who says what follows, and all that follows from what came in since the last call.
    fn settle(&mut self, place: Place, rows: &mut Vec<SaidRow>) -> Derived;

    /// Another day has begun by the log's time: what is past is forgotten, and nothing is said of it.
    fn pass(&mut self, clock: Instant, options: &Options);

    /// All of it as tables, copied as it is now.
    ///
    /// # Errors
    /// Never, unless a table's layout is wrong.
    fn export(&self) -> Result<VecDeque<Export>, TableError>;

    /// Takes back a piece of a table.
    ///
    /// # Errors
    /// When the piece is not of this build's layout.
    fn import(&mut self, pages: &mut Self::Pages, table: &str, batch: &RecordBatch) -> Result<(), TableError>;

    /// All was taken back: what follows from it is taken for said.
    ///
    /// # Errors
    /// When it cannot be followed by this process.
    fn imported(&mut self, pages: Self::Pages, options: &Options) -> Result<(), Trouble>;

    /// Adds what it counts.
    fn count(&self, counts: &mut LinkedCounts);

    /// Shows the counts of all partitions of this process.
    fn show(counts: &LinkedCounts);
}

/// What is known of a label.
pub type Label = Result<Arc<Pack>, String>;

/// The packs by the switches that made them live.
#[derive(Clone, Debug, Default)]
pub struct Labels {
    /// The switches, as the process knows them.
    pub schedule: Schedule,
    /// The pack of the start, where no switch is known.
    pub first: Option<(u64, Arc<Pack>)>,
}

impl Labels {
    /// The pack of a label.
    ///
    /// # Errors
    /// Why it is not here.
    pub fn pack(&self, label: u64) -> Label {
        match self.schedule.numbered(label) {
            Some(Ok(in_force)) => Ok(in_force.pack),
            Some(Err(missing)) => Err(missing.why),
            None => {
                let first = self.first.as_ref().filter(|(number, _)| *number == label);
                first.map(|(_, pack)| Arc::clone(pack)).ok_or_else(|| "the decisions do not have it yet".to_owned())
            }
        }
    }
}

/// The state of a partition.
pub(super) struct State<K> {
    keyed: K,
    next: u64,
    clock: Instant,
}

impl<K: Keyed> State<K> {
    /// Nothing yet, or what was taken back: up to an offset, and the newest instant of the log before it.
    pub(super) fn new(keyed: K, next: u64, clock: Instant) -> State<K> {
        State { keyed, next, clock }
    }

    /// What is kept.
    pub(super) fn keyed(&self) -> &K {
        &self.keyed
    }

    /// The first record that is not in the state.
    pub(super) fn next(&self) -> u64 {
        self.next
    }

    /// The newest instant at which the log took a record of it.
    pub(super) fn clock(&self) -> Instant {
        self.clock
    }

    pub(super) fn count(&self, counts: &mut LinkedCounts) {
        self.keyed.count(counts);
    }

    /// Takes in a record, and says what follows from it, under its offset.
    pub(super) fn take(
        &mut self,
        record: &LogRecord,
        options: &Options,
        say: &mut dyn FnMut(Derived, Vec<SaidRow>) -> Result<(), RecordError>,
    ) -> Result<(), Trouble> {
        let offset = record.offset;
        if offset < self.next {
            return Ok(());
        }
        if offset > self.next {
            return Err(Trouble::Skipped { log: K::LOG, found: offset, next: self.next });
        }
        let day = |instant: Instant| instant.0.div_euclid(DAY_MS);
        let before = self.clock;
        self.clock = self.clock.max(record.timestamp);
        if day(self.clock) != day(before) {
            self.keyed.pass(self.clock, options);
        }
        let place = Place { offset, clock: self.clock };
        let wrong = |error| Trouble::Record { log: K::LOG, offset, error };
        for section in record::read_as(&record.value, options.origin).map_err(wrong)? {
            match &section {
                Section::Control(Control::Marker(_)) => {}
                Section::Control(Control::Guarded | Control::Admitted { .. }) => {
                    return Err(wrong(RecordError::Layout(0)));
                }
                Section::Control(Control::Epoch(derived) | Control::Closing(derived)) => {
                    refuse_epoch(*derived).map_err(wrong)?;
                }
                section => self.keyed.take(section, place, options)?,
            }
        }
        let mut rows = Vec::new();
        let by = self.keyed.settle(place, &mut rows);
        self.next = offset + 1;
        if rows.is_empty() { Ok(()) } else { say(by, rows).map_err(wrong) }
    }
}

/// Stages and people speak in the first epoch; a later one would begin again.
pub(in crate::live) fn refuse_epoch(derived: Derived) -> Result<(), RecordError> {
    let number = u32::try_from(derived.own_epoch()).unwrap_or(u32::MAX);
    if number == 0 { Ok(()) } else { Err(RecordError::Newer("an epoch of a stage,", number)) }
}
