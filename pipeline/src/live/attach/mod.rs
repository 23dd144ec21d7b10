//! Attach as a stage: the log of phones in; evidence of those who hold them out (docs/recovery.md R-17 to R-22).
//!
//! ```text
//! records of phones    settled by the tables of people, with the phone in the person's place
//! what people told     the whole set of one person, of several the greatest version
//! past                 by the log's own time, a day at a time
//! phones-0003          people, kinds, holders (linked) | told (tables)
//! ```
//!
//! Owns what a record of that log does. Must never read a clock.

mod tables;

use std::collections::VecDeque;

use arrow::array::{AsArray as _, RecordBatch};
use fuma_connectors::log::Topic;
use fuma_schemas::{Instant, Kind, Person, Phone};
use hashbrown::HashMap;
use metrics::gauge;

use self::tables::{PAGE_ROWS, TOLD, take_told, told_table};
use super::keyed::{EMPTY_KEPT_MS, Keyed, Options, Place, Told, Trouble, refuse_epoch};
use super::metric;
use super::partitions::ATTACH;
use super::record::{Causes, Derived, RecordError, SaidRow, Section, Stage, ToldRow, live_schema, told_rows};
use crate::evidence::{EvidenceError, Export, Seed, TableError};
use crate::linked::{Attach, Holding, LinkedCounts, PhonePages, Waiting};
use crate::seed;

/// What is behind what a phone's records become.
type Cause = (Option<Instant>, Option<Box<str>>);

/// Under which version each person told each phone.
type ToldToPhones = HashMap<(Phone, Person), Told, Seed>;

/// The phones of one partition.
pub struct Phones {
    attach: Attach,
    told: ToldToPhones,
    causes: HashMap<Phone, Cause, Seed>,
}

impl Keyed for Phones {
    const STAGE: &'static str = ATTACH;
    const TOPIC: Topic = Topic::Phones;
    const LOG: &'static str = "log of phones";
    const SERIES: &'static str = "phones";
    type Pages = PhonePages;

    fn new(options: &Options) -> Phones {
        Phones {
            attach: Attach::new(seed::of_process(), options.facts),
            told: HashMap::with_hasher(seed::of_process()),
            causes: HashMap::with_hasher(seed::of_process()),
        }
    }

    fn take(&mut self, section: &Section, place: Place, options: &Options) -> Result<(), Trouble> {
        let (log, offset) = (Self::LOG, place.offset);
        let wrong = |error| Trouble::Record { log, offset, error };
        match section {
            Section::Phones { kind, batch } => self.apply(*kind, batch).map_err(|error| match error {
                Ok(error) => Trouble::Evidence { log, offset, error },
                Err(error) => wrong(error),
            }),
            Section::Told { derived, batch } => {
                refuse_epoch(*derived).map_err(wrong)?;
                told_rows(batch).map_err(wrong)?.into_iter().for_each(|told| self.hear(told, place.clock, options));
                Ok(())
            }
            _ => Err(wrong(RecordError::Layout(0))),
        }
    }

    fn settle(&mut self, place: Place, rows: &mut Vec<SaidRow>) -> Derived {
        let causes = &self.causes;
        self.attach.settle_each(&mut |phone, derived| {
            let (cause, traceparent) = causes.get(&phone).cloned().unwrap_or_default();
            rows.push(SaidRow { derived, version: place.offset, cause, traceparent });
        });
        self.causes.clear();
        Derived { stage: Stage::ATTACH, epoch: 0 }
    }

    fn pass(&mut self, clock: Instant, options: &Options) {
        let gone = self.attach.forget(clock, &options.retention);
        let (attach, kept_from) = (&self.attach, clock.0.saturating_sub(EMPTY_KEPT_MS));
        self.told.retain(|(phone, person), told| told.at >= kept_from || !attach.told(*person, *phone).is_empty());
        if gone > 0 {
            tracing::info!(records = gone, "records of phones that are past their retention are forgotten");
        }
    }

    fn export(&self) -> Result<VecDeque<Export>, TableError> {
        let mut pages: VecDeque<Export> = self.attach.export()?.into();
        let mut told: Vec<((Phone, Person), Told)> = self.told.iter().map(|(key, told)| (*key, *told)).collect();
        told.sort_unstable_by_key(|((phone, person), _)| (phone.0, person.0));
        for some in told.chunks(PAGE_ROWS) {
            pages.push_back(Export { tables: vec![(TOLD, told_table(some)?)] });
        }
        Ok(pages)
    }

    fn import(&mut self, pages: &mut PhonePages, table: &str, batch: &RecordBatch) -> Result<(), TableError> {
        match table {
            TOLD => take_told(&mut self.told, batch),
            table => pages.take(&mut self.attach, table, batch),
        }
    }

    fn imported(&mut self, pages: PhonePages, _: &Options) -> Result<(), Trouble> {
        pages.end(&mut self.attach);
        Ok(())
    }

    fn count(&self, counts: &mut LinkedCounts) {
        self.attach.count(counts);
    }

    #[expect(clippy::cast_precision_loss, reason = "gauges are floats")]
    fn show(counts: &LinkedCounts) {
        gauge!(metric::PHONE_RECORDS_ATTACHED).set(counts.attached as f64);
        for (reason, count) in Waiting::ALL.iter().zip(counts.waiting) {
            gauge!(metric::PHONE_RECORDS_WAITING, "reason" => reason.code()).set(count as f64);
        }
    }
}

impl Phones {
    fn apply(&mut self, kind: Kind, batch: &RecordBatch) -> Result<(), Result<EvidenceError, RecordError>> {
        let of_rows = Causes::of(batch);
        let phones = batch.column_by_name("phone").and_then(|column| column.as_fixed_size_binary_opt());
        let phones = phones.ok_or(Err(RecordError::Rows))?;
        for row in 0..batch.num_rows() {
            let Ok(phone) = phones.value(row).try_into().map(Phone) else { continue };
            if let Some(received) = of_rows.cause(row) {
                let cause = self.causes.entry(phone).or_default();
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
    fn hear(&mut self, row: ToldRow, clock: Instant, options: &Options) {
        let ToldRow { phone, person, version, mut holdings } = row;
        let at = clock.0;
        if self.told.get(&(phone, person)).is_some_and(|last| last.version >= version) {
            return;
        }
        self.told.insert((phone, person), Told { version, at });
        let past = options.kept_from(Kind::Bindings, clock);
        let is_settled =
            |holding: &&Holding| holding.until < past && !holdings.iter().any(|told| told.since == holding.since);
        let settled: Vec<Holding> = self.attach.told(person, phone).iter().filter(is_settled).copied().collect();
        holdings.extend(settled);
        self.attach.tell(person, phone, holdings);
    }
}
