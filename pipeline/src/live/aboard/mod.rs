//! Aboard as a stage: what people tell conveyances in; contacts of those who were aboard with a case out
//! (docs/recovery.md R-17 to R-23).
//!
//! ```text
//! rides       the whole set of one person and conveyance; of several the greatest version
//! label       the number of the switch that made the tracing live: a greater one begins from nothing, a lower one is
//!             over
//! past        by the log's own time, a day at a time
//! rides-0003  label | rides | told (tables)
//! ```
//!
//! From the decisions it takes what the label names, and that never changes: so what is said at an offset is a function
//! of the log up to there. Owns what a record of that log does. Must never read a clock, nor a colour.

mod tables;

use std::collections::VecDeque;

use arrow::array::RecordBatch;
use fuma_connectors::log::Topic;
use fuma_schemas::{Instant, Kind, Person};
use hashbrown::HashMap;
use metrics::gauge;

use self::tables::{Pages, label_table, told_pages};
use super::keyed::{EMPTY_KEPT_MS, Keyed, Options, Place, Told, Trouble, refuse_epoch};
use super::metric;
use super::partitions::ABOARD;
use super::record::{Derived, RecordError, RideRow, SaidRow, Section, Stage, rides_rows};
use crate::evidence::{Export, Seed, TableError};
use crate::linked::{CONVEYANCE_PAIRS_MAX, CONVEYANCE_ROWS_MAX, Conveyance, Journeys, KeptFrom, LinkedCounts, Ride};
use crate::seed;

/// Under which version each person told each conveyance.
type ToldToConveyances = HashMap<(Conveyance, Person), Told, Seed>;

/// The conveyances of one partition.
pub struct Conveyances {
    label: u64,
    /// None before anybody told anything, and under a pack that does not trace.
    journeys: Option<Journeys>,
    told: ToldToConveyances,
    crowded: usize,
}

impl Keyed for Conveyances {
    const STAGE: &'static str = ABOARD;
    const TOPIC: Topic = Topic::Rides;
    const LOG: &'static str = "log of rides";
    const SERIES: &'static str = "rides";
    type Pages = Pages;

    fn new(_: &Options) -> Conveyances {
        Conveyances { label: 0, journeys: None, told: HashMap::with_hasher(seed::of_process()), crowded: 0 }
    }

    fn take(&mut self, section: &Section, place: Place, options: &Options) -> Result<(), Trouble> {
        let wrong = |error| Trouble::Record { log: Self::LOG, offset: place.offset, error };
        let Section::Rides { derived, batch } = section else { return Err(wrong(RecordError::Layout(0))) };
        refuse_epoch(*derived).map_err(wrong)?;
        // Who tells under a label that is over has not heard of its end yet.
        if derived.label() < self.label {
            return Ok(());
        }
        if derived.label() > self.label {
            self.begin(derived.label(), options)?;
        }
        rides_rows(batch).map_err(wrong)?.into_iter().for_each(|row| self.hear(row, place, options));
        Ok(())
    }

    fn settle(&mut self, place: Place, rows: &mut Vec<SaidRow>) -> Derived {
        let mut changed = Vec::new();
        if let Some(journeys) = &mut self.journeys {
            journeys.settle(&mut changed);
            let crowded = journeys.crowded();
            if crowded > std::mem::replace(&mut self.crowded, crowded) {
                let (rows_max, pairs_max) = (CONVEYANCE_ROWS_MAX, CONVEYANCE_PAIRS_MAX);
                tracing::error!(
                    crowded,
                    rows_max,
                    pairs_max,
                    "a conveyance has more rows or pairs than one may have: nobody aboard is anybody's contact. Check \
                     that the records of travel are what they seem"
                );
            }
        }
        let said = |derived| SaidRow { derived, version: place.offset, cause: None, traceparent: None };
        rows.extend(changed.into_iter().map(said));
        Derived::labelled(Stage::ABOARD, self.label)
    }

    fn pass(&mut self, clock: Instant, options: &Options) {
        let Some(journeys) = &mut self.journeys else { return };
        let gone = journeys.forget(options.kept_from(Kind::Trips, clock));
        let kept_from = clock.0.saturating_sub(EMPTY_KEPT_MS);
        self.told
            .retain(|(conveyance, person), told| told.at >= kept_from || journeys.said(conveyance, *person).is_some());
        if gone > 0 {
            tracing::info!(conveyances = gone, "conveyances that are past their retention are forgotten");
        }
    }

    fn export(&self) -> Result<VecDeque<Export>, TableError> {
        let mut pages = VecDeque::from([Export { tables: vec![label_table(self.label)?] }]);
        told_pages(&self.told, self.journeys.as_ref(), &mut pages)?;
        Ok(pages)
    }

    fn import(&mut self, pages: &mut Pages, table: &str, batch: &RecordBatch) -> Result<(), TableError> {
        pages.take(table, batch)
    }

    fn imported(&mut self, pages: Pages, options: &Options) -> Result<(), Trouble> {
        if pages.label == 0 {
            return Ok(());
        }
        self.begin(pages.label, options)?;
        self.told.extend(pages.told);
        if let Some(journeys) = &mut self.journeys {
            for (conveyance, person, ride) in pages.rides {
                journeys.tell(&conveyance, person, ride);
            }
            journeys.settle(&mut Vec::new());
        }
        Ok(())
    }

    fn count(&self, counts: &mut LinkedCounts) {
        if let Some(journeys) = &self.journeys {
            journeys.count(counts);
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "gauges are floats")]
    fn show(counts: &LinkedCounts) {
        gauge!(metric::CONVEYANCE_CONTACTS).set(counts.contacts as f64);
        gauge!(metric::CROWDED_CONVEYANCES).set(counts.crowded_conveyances as f64);
        gauge!(metric::TRIPS_WITHOUT_LENGTH).set(counts.without_length as f64);
        gauge!(metric::FAILED_PAIRS).set(counts.failed_pairs as f64);
    }
}

impl Conveyances {
    /// A label begins: nothing of an earlier one is here, and people see nothing of it any more.
    fn begin(&mut self, label: u64, options: &Options) -> Result<(), Trouble> {
        let pack = options.labels.pack(label).map_err(|why| Trouble::Label { label, why })?;
        let digest = pack.tracing.as_ref().map_or("", |tracing| &tracing.digest);
        let journeys = Journeys::new(&pack, &format!("{digest}@{label}"), seed::of_process());
        self.journeys = journeys.map_err(|error| Trouble::Executor(error.to_string()))?;
        self.label = label;
        self.told.clear();
        Ok(())
    }

    fn hear(&mut self, row: RideRow, place: Place, options: &Options) {
        match row {
            RideRow::Says { conveyance, person, version, ride } => {
                self.say(conveyance, person, version, Some(ride), (place, options));
            }
            RideRow::Same { conveyance, person, version } => {
                self.say(conveyance, person, version, None, (place, options));
            }
            RideRow::Closing { partition, version } => {
                let partitions = options.partitions.max(1) as usize;
                let is_over = |(_, person): &(Conveyance, Person), told: &Told| {
                    person.partition(partitions) == partition as usize && told.version < version
                };
                let over: Vec<(Conveyance, Person)> =
                    self.told.iter().filter(|(key, told)| is_over(key, told)).map(|(key, _)| key.clone()).collect();
                for (conveyance, person) in over {
                    self.say(conveyance, person, version, Some(Ride::default()), (place, options));
                }
            }
        }
    }

    /// Hears what a person says to a conveyance, unless something as late was heard; none: what was said stays.
    fn say(
        &mut self,
        conveyance: Conveyance,
        person: Person,
        version: u64,
        ride: Option<Ride>,
        (place, options): (Place, &Options),
    ) {
        let key = (conveyance, person);
        if self.told.get(&key).is_some_and(|last| last.version >= version) {
            return;
        }
        if let (Some(mut ride), Some(journeys)) = (ride, &mut self.journeys) {
            let kept_from = KeptFrom {
                trips: options.kept_from(Kind::Trips, place.clock),
                cases: options.kept_from(Kind::Cases, place.clock),
            };
            let before = journeys.said(&key.0, person).cloned().unwrap_or_default();
            ride.settle_past(&before, kept_from);
            journeys.tell(&key.0, person, ride);
        }
        self.told.insert(key, Told { version, at: place.clock.0 });
    }
}
