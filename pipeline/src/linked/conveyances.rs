//! The conveyances under one pack: what people said about each, and the contacts that follow.
//!
//! Owns the table of conveyances, and how pairs are handed to `aboard.sql`. Queries are planned and executed like
//! rules; a pair on which one fails is no contact, and stops no other. Must never see evidence: what people say is all
//! it knows.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{
    Array as _, ArrayRef, AsArray as _, Int64Array, RecordBatch, StringViewArray, TimestampMillisecondArray,
    UInt64Array,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, UInt64Type};
use fuma_schemas::Person;
use hashbrown::HashMap;

use super::aboard::{Aboard, Pair};
use super::counts::LinkedCounts;
use super::rides::{Conveyance, Ride};
use crate::assess::AssessError;
use crate::evidence::{Derived, Seed, StepTable};
use crate::policy::tracing::{DEGREES, Tracing};
use crate::policy::{Executor, Pack, RuleFault, by_halves};

/// All conveyances that somebody was heard on.
pub(super) struct Conveyances {
    executor: Executor,
    /// What stands in the key of each contact.
    label: Box<str>,
    numbers: HashMap<Conveyance, u32, Seed>,
    all: Vec<Aboard>,
    touched: BTreeSet<u32>,
    crowded: usize,
    pairs: u64,
    failed_pairs: u64,
}

impl Conveyances {
    /// Without anybody aboard; none where the pack does not trace.
    pub(super) fn new(pack: &Arc<Pack>, label: &str, seed: Seed) -> Result<Option<Conveyances>, AssessError> {
        if pack.tracing.is_none() {
            return Ok(None);
        }
        Ok(Some(Conveyances {
            executor: Executor::new(Arc::clone(pack))?,
            label: label.into(),
            numbers: HashMap::with_hasher(seed),
            all: Vec::new(),
            touched: BTreeSet::new(),
            crowded: 0,
            pairs: 0,
            failed_pairs: 0,
        }))
    }

    /// The number of a conveyance, a new one if need be.
    pub(super) fn number(&mut self, conveyance: Conveyance) -> u32 {
        if let Some(number) = self.numbers.get(&conveyance) {
            return *number;
        }
        let number = self.all.len() as u32;
        self.numbers.insert(conveyance.clone(), number);
        self.all.push(Aboard::new(conveyance));
        number
    }

    /// The conveyance, where somebody was heard on it.
    pub(super) fn find(&self, conveyance: &Conveyance) -> Option<&Aboard> {
        self.all.get(*self.numbers.get(conveyance)? as usize)
    }

    /// Takes the whole of what a person says about a conveyance.
    pub(super) fn tell(&mut self, number: u32, person: u32, ride: Ride) {
        if self.all.get_mut(number as usize).is_some_and(|aboard| aboard.tell(person, ride)) {
            self.touched.insert(number);
        }
    }

    /// Brings the conveyances that were told something to what follows from it. `token` names a person.
    pub(super) fn settle(&mut self, token: &dyn Fn(u32) -> Option<Person>, changed: &mut Vec<Derived>) {
        let Conveyances { executor, all, pairs: asked, failed_pairs, touched, label, crowded, .. } = self;
        let Some(tracing) = &executor.pack().tracing else { return };
        let mut degrees = |conveyance: &Conveyance, pairs: &[Pair<'_>]| {
            let (said, failed) = degrees(executor, tracing, conveyance, pairs);
            *asked += pairs.len() as u64;
            *failed_pairs += failed;
            said
        };
        for number in std::mem::take(touched) {
            if let Some(aboard) = all.get_mut(number as usize) {
                let was_crowded = usize::from(aboard.is_crowded());
                aboard.settle(label, token, &mut degrees, changed);
                *crowded = *crowded + usize::from(aboard.is_crowded()) - was_crowded;
            }
        }
    }

    /// How many are crowded.
    pub(super) fn crowded(&self) -> usize {
        self.crowded
    }

    /// All of them.
    pub(super) fn all(&self) -> &[Aboard] {
        &self.all
    }

    /// Forgets conveyances, and says nothing of it. To be called when all was settled. Gives how many went.
    pub(super) fn forget(&mut self, is_past: &dyn Fn(&Aboard) -> bool) -> usize {
        let before = self.all.len();
        self.all.retain(|aboard| !is_past(aboard));
        let gone = before - self.all.len();
        self.crowded = self.all.iter().filter(|aboard| aboard.is_crowded()).count();
        if gone > 0 {
            self.numbers.clear();
            self.numbers.extend((0..).zip(&self.all).map(|(number, aboard)| (aboard.conveyance().clone(), number)));
        }
        gone
    }

    pub(super) fn count(&self, counts: &mut LinkedCounts) {
        counts.contacts += self.all.iter().map(|aboard| aboard.contacts().count() as u64).sum::<u64>();
        counts.without_length += self.all.iter().map(|aboard| aboard.without_length() as u64).sum::<u64>();
        counts.crowded_conveyances += self.crowded as u64;
        counts.pairs += self.pairs;
        counts.failed_pairs += self.failed_pairs;
    }
}

/// What `aboard.sql` says of pairs, by their place, and on how many it failed.
fn degrees(
    executor: &Executor,
    tracing: &Tracing,
    conveyance: &Conveyance,
    pairs: &[Pair<'_>],
) -> (Vec<(u32, Box<str>)>, u64) {
    let (said, failed) = by_halves(0..pairs.len() as u32, |part| {
        let first = part.start as usize;
        let batches = executor.aboard(tracing, table(conveyance, &pairs[first..part.end as usize]))?;
        let mut said = Vec::new();
        for batch in &batches {
            said_of(batch, part.start, pairs.len() as u32, &mut said)
                .ok_or_else(|| RuleFault { rule: Arc::from("aboard.sql") })?;
        }
        Ok(said)
    });
    (said, failed.len() as u64)
}

/// The table `aboard`; a pair is its place.
fn table(conveyance: &Conveyance, pairs: &[Pair<'_>]) -> StepTable {
    let texts = |text: &dyn Fn(&Pair<'_>) -> Option<String>| -> ArrayRef {
        Arc::new(StringViewArray::from_iter(pairs.iter().map(text)))
    };
    let rows = |row: &dyn Fn(&Pair<'_>) -> Option<i32>| -> ArrayRef {
        Arc::new(Int64Array::from_iter(pairs.iter().map(|pair| row(pair).map(i64::from))))
    };
    let instants = |instant: &dyn Fn(&Pair<'_>) -> i64| -> ArrayRef {
        Arc::new(TimestampMillisecondArray::from_iter_values(pairs.iter().map(instant)))
    };
    let columns = [
        Arc::new(UInt64Array::from_iter_values(0..pairs.len() as u64)) as ArrayRef,
        texts(&|_| Some(conveyance.mode.to_string())),
        texts(&|pair| Some(pair.case.classification.to_string())),
        texts(&|pair| pair.index.carriage.as_deref().map(ToString::to_string)),
        texts(&|pair| pair.passenger.carriage.as_deref().map(ToString::to_string)),
        rows(&|pair| pair.index.row),
        rows(&|pair| pair.passenger.row),
        texts(&|pair| Some(pair.index.role.to_string())),
        texts(&|pair| Some(pair.passenger.role.to_string())),
        instants(&|pair| pair.met.since.0),
        instants(&|pair| pair.met.until.0),
    ];
    StepTable { rows: pairs.len(), columns: columns.into_iter().map(Some).collect() }
}

/// What a batch says of pairs from a first one on; none where it says what no degree is.
fn said_of(batch: &RecordBatch, first: u32, pairs: u32, said: &mut Vec<(u32, Box<str>)>) -> Option<()> {
    let numbers = batch.column_by_name("pair")?.as_primitive_opt::<UInt64Type>()?;
    let degrees = cast(batch.column_by_name("degree")?, &DataType::Utf8View).ok()?;
    let degrees = degrees.as_string_view_opt()?;
    for row in (0..batch.num_rows()).filter(|row| degrees.is_valid(*row)) {
        let at = u32::try_from(numbers.value(row)).ok()?.checked_add(first).filter(|at| *at < pairs)?;
        let degree = DEGREES.into_iter().find(|degree| *degree == degrees.value(row))?;
        said.push((at, degree.into()));
    }
    Some(())
}
