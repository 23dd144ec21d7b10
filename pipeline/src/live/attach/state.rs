//! One partition of the log of phones: its records and holders, and what is attached.
//!
//! ```text
//! records of phones    settled by the tables of people, with the phone in the person's place
//! what people told     the whole set of one person, of several the greatest version
//! past                 by the log's own time, a day at a time
//! ```
//!
//! The state is a function of the log up to its offset (R-17), and what is said of a record is the difference that the
//! record makes. Owns that order. Must never read a clock.

use arrow::array::{AsArray as _, RecordBatch};
use fuma_connectors::log::LogRecord;
use fuma_schemas::instant::DAY_MS;
use fuma_schemas::{Instant, Kind, Person, Phone};
use hashbrown::HashMap;

use super::Options;
use super::parking::Trouble;
use crate::evidence::{EvidenceError, Seed};
use crate::linked::{Attach, Holding, LinkedCounts};
use crate::live::record::{
    self, Causes, Control, Derived, RecordError, SaidRow, Section, ToldRow, live_schema, told_rows,
};
use crate::seed;

/// For how long it is remembered under which version the empty set was told: longer than any log of phones is kept by
/// default, so that no older word comes after it.
const EMPTY_KEPT_MS: i64 = 30 * DAY_MS;
const _: () = assert!(EMPTY_KEPT_MS > fuma_connectors::log::KEPT_MS);

/// Under which version a person told a phone, and when the log took that.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Told {
    pub(super) version: u64,
    pub(super) at: i64,
}

/// What is behind what a phone's records become.
type Cause = (Option<Instant>, Option<Box<str>>);

/// The state of a partition.
pub(super) struct State {
    pub(super) attach: Attach,
    pub(super) told: HashMap<(Phone, Person), Told, Seed>,
    next: u64,
    clock: Instant,
}

impl State {
    /// Nothing yet, or what was taken back: up to an offset, and the newest instant of the log before it.
    pub(super) fn new(attach: Attach, next: u64, clock: Instant) -> State {
        State { attach, told: HashMap::with_hasher(seed::of_process()), next, clock }
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
        self.attach.count(counts);
    }

    /// Takes in a record, and says what follows from it, under its offset.
    pub(super) fn take(
        &mut self,
        record: &LogRecord,
        options: &Options,
        say: &mut dyn FnMut(Vec<SaidRow>) -> Result<(), RecordError>,
    ) -> Result<(), Trouble> {
        let offset = record.offset;
        if offset < self.next {
            return Ok(());
        }
        if offset > self.next {
            return Err(Trouble::Skipped { found: offset, next: self.next });
        }
        self.pass(record.timestamp, options);
        let mut causes: HashMap<Phone, Cause, Seed> = HashMap::with_hasher(seed::of_process());
        let wrong = |error| Trouble::Record { offset, error };
        for section in record::read_as(&record.value, options.origin).map_err(wrong)? {
            match &section {
                Section::Phones { kind, batch } => {
                    self.apply(*kind, batch, &mut causes).map_err(|error| match error {
                        Ok(error) => Trouble::Evidence { offset, error },
                        Err(error) => wrong(error),
                    })?;
                }
                Section::Told { derived, batch } => {
                    refuse_epoch(*derived).map_err(wrong)?;
                    told_rows(batch).map_err(wrong)?.into_iter().for_each(|told| self.hear(told, options));
                }
                Section::Control(Control::Marker(_)) => {}
                Section::Control(Control::Epoch(derived) | Control::Closing(derived)) => {
                    refuse_epoch(*derived).map_err(wrong)?;
                }
                Section::Rows { .. } | Section::Derived { .. } | Section::Verdicts(_) | Section::Forgotten(_) => {
                    return Err(wrong(RecordError::Layout(0)));
                }
            }
        }
        let mut rows = Vec::new();
        self.attach.settle_each(&mut |phone, derived| {
            let (cause, traceparent) = causes.get(&phone).cloned().unwrap_or_default();
            rows.push(SaidRow { derived, version: offset, cause, traceparent });
        });
        self.next = offset + 1;
        if rows.is_empty() { Ok(()) } else { say(rows).map_err(wrong) }
    }

    /// Time passes, as the log has it; with each day what is past goes.
    fn pass(&mut self, at: Instant, options: &Options) {
        let day = |instant: Instant| instant.0.div_euclid(DAY_MS);
        let before = self.clock;
        self.clock = self.clock.max(at);
        if day(self.clock) == day(before) {
            return;
        }
        let gone = self.attach.forget(self.clock, &options.retention);
        let (attach, kept_from) = (&self.attach, self.clock.0.saturating_sub(EMPTY_KEPT_MS));
        self.told.retain(|(phone, person), told| told.at >= kept_from || !attach.told(*person, *phone).is_empty());
        if gone > 0 {
            tracing::info!(records = gone, "records of phones that are past their retention are forgotten");
        }
    }

    fn apply(
        &mut self,
        kind: Kind,
        batch: &RecordBatch,
        causes: &mut HashMap<Phone, Cause, Seed>,
    ) -> Result<(), Result<EvidenceError, RecordError>> {
        let of_rows = Causes::of(batch);
        let phones = batch.column_by_name("phone").and_then(|column| column.as_fixed_size_binary_opt());
        let phones = phones.ok_or(Err(RecordError::Rows))?;
        for row in 0..batch.num_rows() {
            let Ok(phone) = phones.value(row).try_into().map(Phone) else { continue };
            if let Some(received) = of_rows.cause(row) {
                let cause = causes.entry(phone).or_default();
                if cause.0.is_none_or(|last| last <= received) {
                    *cause = (Some(received), of_rows.traceparent(row).map(Into::into));
                }
            }
        }
        let rows: Vec<u32> = (0..batch.num_rows() as u32).collect();
        let as_people = RecordBatch::try_new(live_schema(kind), batch.columns().to_vec());
        let as_people = as_people.map_err(|_| Err(RecordError::Rows))?;
        self.attach.apply(kind, &as_people, &rows).map_err(Ok)
    }

    /// Hears what a person says of a phone, unless something later was heard. A binding that is past is kept also where
    /// it is not told any more: the person may have forgotten it, and that withdraws nothing (R-22).
    fn hear(&mut self, row: ToldRow, options: &Options) {
        let ToldRow { phone, person, version, mut holdings } = row;
        let at = self.clock.0;
        if self.told.get(&(phone, person)).is_some_and(|last| last.version >= version) {
            return;
        }
        self.told.insert((phone, person), Told { version, at });
        let kept = options.retention.0.get(usize::from(Kind::Bindings.code())).copied().unwrap_or(i64::MAX);
        let past = at.saturating_sub(kept);
        let is_settled =
            |holding: &&Holding| holding.until < past && !holdings.iter().any(|told| told.since == holding.since);
        let settled: Vec<Holding> = self.attach.told(person, phone).iter().filter(is_settled).copied().collect();
        holdings.extend(settled);
        self.attach.tell(person, phone, holdings);
    }
}

/// People tell in the first epoch; a later one would begin anew.
fn refuse_epoch(derived: Derived) -> Result<(), RecordError> {
    let number = u32::try_from(derived.epoch).unwrap_or(u32::MAX);
    if derived.epoch == 0 { Ok(()) } else { Err(RecordError::Newer("an epoch of a stage,", number)) }
}
