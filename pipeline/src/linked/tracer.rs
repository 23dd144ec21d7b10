//! Tracing under one pack: who is infectious, what people say about conveyances, and the contacts that follow.
//!
//! Owns the conveyances, and what each person was heard to say about them: what is said no more is taken back there.
//! Queries are planned and executed like rules; a person or a pair on whom one fails stops nobody else.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    Array as _, ArrayRef, AsArray as _, Int64Array, RecordBatch, StringViewArray, TimestampMillisecondArray,
    UInt64Array,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, UInt64Type};
use fuma_schemas::Kind;
use hashbrown::{HashMap, HashSet};

use super::aboard::{Aboard, Pair};
use super::counts::LinkedCounts;
use super::rides::{Conveyance, Infectious, Ride, intervals, rides};
use crate::assess::AssessError;
use crate::evidence::{Derived, Evidence, RuleTable, RuleTables, Seed, StepRows, StepTable};
use crate::policy::tracing::{DEGREES, Tracing};
use crate::policy::{Executor, Pack, RuleFault, by_halves};

/// People whose cases are looked at in one execution, and rows of them.
const PEOPLE_TOGETHER: usize = 4096;
const ROWS_TOGETHER: usize = 262_144;

/// One pack's tracing, and what came of it.
pub(super) struct Tracer {
    executor: Executor,
    numbers: HashMap<Conveyance, u32, Seed>,
    conveyances: Vec<Aboard>,
    /// The conveyances that a person was heard on.
    heard: HashMap<u32, Vec<u32>, Seed>,
    left_out: HashSet<u32, Seed>,
    pairs: u64,
    failed_pairs: u64,
}

impl Tracer {
    /// A tracer that has heard nobody; none where the pack does not trace.
    pub(super) fn new(pack: &Arc<Pack>, seed: Seed) -> Result<Option<Tracer>, AssessError> {
        if pack.tracing.is_none() {
            return Ok(None);
        }
        Ok(Some(Tracer {
            executor: Executor::new(Arc::clone(pack))?,
            numbers: HashMap::with_hasher(seed),
            conveyances: Vec::new(),
            heard: HashMap::with_hasher(seed),
            left_out: HashSet::with_hasher(seed),
            pairs: 0,
            failed_pairs: 0,
        }))
    }

    /// Hears some people, and adds what changed in the contacts.
    pub(super) fn settle(&mut self, evidence: &Evidence, people: &[u32], changed: &mut Vec<Derived>) {
        let mut touched = Vec::new();
        for some in people.chunks(PEOPLE_TOGETHER) {
            let mut infectious = self.infectious(evidence, some);
            for person in some {
                // Most people have no trip, and never had one.
                let may_ride = evidence.kinds(*person).contains(RuleTable::Kind(Kind::Trips));
                if self.left_out.contains(person) || !may_ride && !self.heard.contains_key(person) {
                    continue;
                }
                let infectious = infectious.remove(person).unwrap_or_default();
                self.hear(evidence, *person, &infectious, &mut touched);
            }
        }
        self.meet(evidence, touched, changed);
    }

    /// Takes back all contacts: the pack is no longer in force.
    pub(super) fn end(mut self, evidence: &Evidence, changed: &mut Vec<Derived>) {
        let heard = std::mem::take(&mut self.heard);
        let mut touched = Vec::new();
        for (person, conveyances) in heard {
            for number in conveyances {
                self.tell(number, person, Ride::default(), &mut touched);
            }
        }
        self.meet(evidence, touched, changed);
    }

    /// While whom counts as infectious, of some people. Who is crowded, or on whom the query fails, is left out: what
    /// was heard of them stays.
    fn infectious(&mut self, evidence: &Evidence, people: &[u32]) -> BTreeMap<u32, Vec<Infectious>> {
        let mut all = BTreeMap::new();
        for person in people {
            if evidence.crowded(*person) {
                self.left_out.insert(*person)
            } else {
                self.left_out.remove(person)
            };
        }
        let Some(tracing) = &self.executor.pack().tracing else { return all };
        let (needs, drivers) = (tracing.infectious.needs, tracing.infectious.drivers);
        let may = |person: &&u32| evidence.kinds(**person).meets(drivers) && !self.left_out.contains(*person);
        let asked: Vec<u32> = people.iter().filter(may).copied().collect();
        let mut failed: Vec<u32> = Vec::new();
        for some in in_steps(evidence, &asked, needs) {
            let mut rows = StepRows::default();
            (0_u32..).zip(some).for_each(|(slot, person)| evidence.gather(*person, slot, needs, &mut rows));
            let slots = 0..some.len() as u32;
            let execute = |part: &std::ops::Range<u32>| match *part == slots {
                true => self.executor.infectious(tracing, evidence.materialise(&rows, &tracing.wanted)),
                false => self.executor.infectious(tracing, evidence.materialise(&rows.of_slots(part), &tracing.wanted)),
            };
            let (batches, faults) = by_halves(slots.clone(), execute);
            let of_slots = intervals(evidence, &batches).into_iter();
            all.extend(of_slots.filter_map(|(slot, own)| Some((*some.get(slot as usize)?, own))));
            failed.extend(faults.iter().filter_map(|(slot, _)| some.get(*slot as usize).copied()));
        }
        self.left_out.extend(failed);
        all
    }

    /// Hears what one person says about conveyances now, and takes back what is said no more.
    fn hear(&mut self, evidence: &Evidence, person: u32, infectious: &[Infectious], touched: &mut Vec<u32>) {
        let before = self.heard.remove(&person).unwrap_or_default();
        let rides = rides(evidence, person, infectious);
        let mut now = Vec::with_capacity(rides.len());
        for (conveyance, ride) in rides {
            let number = self.number(conveyance);
            self.tell(number, person, ride, touched);
            now.push(number);
        }
        for number in before.into_iter().filter(|number| !now.contains(number)) {
            self.tell(number, person, Ride::default(), touched);
        }
        if !now.is_empty() {
            self.heard.insert(person, now);
        }
    }

    fn tell(&mut self, number: u32, person: u32, ride: Ride, touched: &mut Vec<u32>) {
        if self.conveyances.get_mut(number as usize).is_some_and(|aboard| aboard.tell(person, ride)) {
            touched.push(number);
        }
    }

    fn number(&mut self, conveyance: Conveyance) -> u32 {
        if let Some(number) = self.numbers.get(&conveyance) {
            return *number;
        }
        let number = self.conveyances.len() as u32;
        self.numbers.insert(conveyance.clone(), number);
        self.conveyances.push(Aboard::new(conveyance));
        number
    }

    /// Brings the conveyances that were told something to what follows from it.
    fn meet(&mut self, evidence: &Evidence, mut touched: Vec<u32>, changed: &mut Vec<Derived>) {
        let Tracer { executor, conveyances, pairs: asked, failed_pairs, .. } = self;
        let Some(tracing) = &executor.pack().tracing else { return };
        let label = executor.pack().short_digest();
        touched.sort_unstable();
        let mut degrees = |conveyance: &Conveyance, pairs: &[Pair<'_>]| {
            let (said, failed) = degrees(executor, tracing, conveyance, pairs);
            *asked += pairs.len() as u64;
            *failed_pairs += failed;
            said
        };
        for number in touched {
            if let Some(aboard) = conveyances.get_mut(number as usize) {
                aboard.settle(label, &|person| evidence.person(person), &mut degrees, changed);
            }
        }
    }

    /// The conveyances.
    pub(super) fn conveyances(&self) -> &[Aboard] {
        &self.conveyances
    }

    pub(super) fn count(&self, counts: &mut LinkedCounts) {
        counts.contacts = self.conveyances.iter().map(|aboard| aboard.contacts().count() as u64).sum();
        counts.without_length = self.conveyances.iter().map(|aboard| aboard.without_length() as u64).sum();
        counts.crowded_conveyances = self.conveyances.iter().filter(|aboard| aboard.is_crowded()).count() as u64;
        counts.left_out = self.left_out.len() as u64;
        counts.pairs = self.pairs;
        counts.failed_pairs = self.failed_pairs;
    }
}

/// Some people at a time, so that no step has too many rows; whoever has too many alone is a step.
fn in_steps<'a>(evidence: &Evidence, people: &'a [u32], needs: RuleTables) -> Vec<&'a [u32]> {
    let (mut steps, mut first, mut rows) = (Vec::new(), 0, 0);
    for (at, person) in people.iter().enumerate() {
        let mut own = StepRows::default();
        evidence.gather(*person, 0, needs, &mut own);
        if rows + own.rows_in_all() > ROWS_TOGETHER && at > first {
            steps.push(&people[first..at]);
            (first, rows) = (at, 0);
        }
        rows += own.rows_in_all();
    }
    if first < people.len() {
        steps.push(&people[first..]);
    }
    steps
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
