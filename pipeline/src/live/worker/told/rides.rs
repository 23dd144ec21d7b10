//! What people have to say to conveyances: the trips of a person on each, and while the person is infectious aboard,
//! the whole set to each conveyance that the person names or named (docs/recovery.md R-20, R-21, R-23).
//!
//! ```text
//! remember   before a record that tracing reads is applied: the conveyances that the person is on
//! tell       the whole set to each of them and to each of now, the empty one too, under the evidence offset
//! all        under another label, or where it is not known what was told: everybody tells, then the partition closes
//! told       once the log has it: the position says so, with the label
//! ```
//!
//! Who cannot be asked (crowded, or a query fails) is named: on a conveyance where a trip is still, what was said last
//! stays; the empty sets are told at once.
//!
//! Owns what waits to be told to conveyances. Must never forget one before the log has what was told to it.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::AsArray as _;
use fuma_connectors::log::{Outgoing, Topic};
use fuma_schemas::evidence::log;
use fuma_schemas::{Kind, Person};

use super::super::switch::InForce;
use crate::assess::AssessError;
use crate::evidence::{Evidence, RuleTable};
use crate::linked::{self, Conveyance, Ride, Says, Speaker, conveyances};
use crate::live::outbox::{Outbox, Shorter};
use crate::live::record::{RecordError, RecordWriter, RideRow, Section, rides_batch};
use crate::seed;

/// Rows of a message, and people who tell in one turn.
const ROWS_MAX: usize = 8_192;
const PEOPLE_MAX: usize = 4_096;

/// Everybody tells.
#[derive(Debug)]
struct All {
    /// The first number that has not told yet.
    next: u32,
    /// Since which version.
    since: Option<u64>,
}

/// What a partition has to tell.
#[derive(Debug, Default)]
pub(super) struct ToConveyances {
    /// Whether anybody may be told.
    is_allowed: bool,
    /// Under a pack that traces.
    speaker: Option<Speaker>,
    label: u64,
    /// The kinds that tracing reads, by code.
    reads: [bool; Kind::PERSONAL.len()],
    /// Whose sets may have changed, and on which conveyances each was before.
    waiting: BTreeMap<Person, BTreeSet<Conveyance>>,
    all: Option<All>,
    /// Up to which evidence offset holds what is on its way.
    under_way: Option<u64>,
    /// All below this evidence offset was told. None: nothing is known to have been.
    told: Option<u64>,
}

impl ToConveyances {
    /// Under a pack, of a partition of which all below an offset was told; none: that is not known.
    pub(super) fn from(in_force: &InForce, told: Option<u64>) -> Result<ToConveyances, AssessError> {
        let mut new = ToConveyances { is_allowed: true, ..ToConveyances::default() };
        new.begin_label(in_force)?;
        if told.is_some() && new.speaker.is_some() {
            (new.told, new.all) = (told, None);
        }
        Ok(new)
    }

    /// Another pack is in force.
    pub(super) fn follow(&mut self, in_force: &InForce) -> Result<(), AssessError> {
        match self.is_allowed && in_force.label != self.label {
            true => self.begin_label(in_force),
            false => Ok(()),
        }
    }

    fn begin_label(&mut self, in_force: &InForce) -> Result<(), AssessError> {
        let speaker = Speaker::new(&in_force.pack, seed::of_process())?;
        let all = speaker.is_some().then_some(All { next: 0, since: None });
        let reads = Kind::PERSONAL.map(|kind| kind != Kind::Bindings && linked::reads(&[&in_force.pack], kind));
        *self = ToConveyances { is_allowed: true, speaker, label: in_force.label, reads, all, ..Default::default() };
        Ok(())
    }

    /// The label under which is told.
    pub(super) fn label(&self) -> u64 {
        self.label
    }

    /// Whether a record that is replayed was not told yet.
    pub(super) fn is_untold(&self, offset: u64) -> bool {
        self.speaker.is_some() && self.told.is_some_and(|told| offset >= told)
    }

    /// Before a section of the record at an offset is applied.
    pub(super) fn remember(&mut self, evidence: &Evidence, section: &Section, offset: u64) {
        let (Section::Rows { kind, batch } | Section::Derived { kind, batch, .. }) = section else { return };
        if self.speaker.is_none() || !self.reads.get(usize::from(kind.code())).copied().unwrap_or(false) {
            return;
        }
        if self.is_done() {
            self.told = Some(offset);
        }
        let tokens = batch.column(log::PERSON).as_fixed_size_binary_opt();
        for token in tokens.into_iter().flat_map(|tokens| tokens.iter().flatten()) {
            let Ok(person) = token.try_into().map(Person) else { continue };
            let before = evidence.find(person).map(|number| conveyances(evidence, number)).unwrap_or_default();
            self.waiting.entry(person).or_default().extend(before);
        }
    }

    /// Up to which evidence offset all was told, where the partition stands at `next`, and under which label; none: not
    /// known, or nobody is told.
    pub(super) fn told(&self, next: u64) -> Option<(u64, u64)> {
        self.speaker.as_ref()?;
        let told = if self.is_done() { Some(next) } else { self.told };
        told.map(|told| (told, self.label))
    }

    /// Whether a position at `next` that says this says that all was told.
    pub(super) fn is_said(&self, next: u64, said: Option<(u64, u64)>) -> bool {
        self.speaker.is_none() || said == Some((next, self.label))
    }

    /// Whether nothing waits.
    pub(super) fn is_done(&self) -> bool {
        self.waiting.is_empty() && self.all.is_none() && self.under_way.is_none()
    }

    /// What is to be told next, of a partition that has applied everything below `next`.
    pub(super) fn begin(&mut self, partition: u32, evidence: &Evidence, next: u64) -> Vec<RideRow> {
        let mut rows = Vec::new();
        let Some(speaker) = self.speaker.as_mut().filter(|_| self.under_way.is_none()) else { return rows };
        let may_ride = |number: u32| evidence.kinds(number).contains(RuleTable::Kind(Kind::Trips));
        let mut asked: BTreeMap<u32, BTreeSet<Conveyance>> = BTreeMap::new();
        let mut is_any = false;
        while asked.len() < PEOPLE_MAX
            && let Some((person, before)) = self.waiting.pop_first()
        {
            is_any = true;
            if let Some(number) = evidence.find(person).filter(|number| !before.is_empty() || may_ride(*number)) {
                asked.insert(number, before);
            }
        }
        let mut closes = None;
        if let Some(all) = &mut self.all {
            is_any = true;
            let since = *all.since.get_or_insert(next);
            while asked.len() < PEOPLE_MAX && all.next < evidence.people() {
                if may_ride(all.next) {
                    asked.entry(all.next).or_default();
                }
                all.next += 1;
            }
            closes = (all.next >= evidence.people()).then_some(since);
        }
        let people: Vec<u32> = asked.keys().copied().collect();
        speaker.ask(evidence, &people, &mut |number, says| {
            let Some(person) = evidence.person(number) else { return };
            let before = asked.remove(&number).unwrap_or_default();
            add((person, next), before, says, &mut rows);
        });
        if let Some(version) = closes {
            self.all = None;
            rows.push(RideRow::Closing { partition, version });
        }
        self.under_way = is_any.then_some(next);
        if rows.is_empty() {
            self.arrived();
        }
        rows
    }

    /// The log has what was on its way.
    pub(super) fn arrived(&mut self) {
        if let Some(upto) = self.under_way.take()
            && self.waiting.is_empty()
            && self.all.is_none()
        {
            self.told = Some(upto).max(self.told);
        }
    }
}

/// What one person tells: to each conveyance of now the whole set, to those of before the empty one.
fn add((person, version): (Person, u64), before: BTreeSet<Conveyance>, says: Says, rows: &mut Vec<RideRow>) {
    let first = rows.len();
    match says {
        Says::Rides(rides) => {
            rows.extend(rides.into_iter().map(|(conveyance, ride)| RideRow::Says { conveyance, person, version, ride }))
        }
        Says::LeftOut(rides) => {
            rows.extend(rides.into_iter().map(|conveyance| RideRow::Same { conveyance, person, version }));
        }
    }
    let now = |of: &Conveyance, rows: &[RideRow]| {
        rows.iter().any(|row| {
            matches!(row, RideRow::Says { conveyance, .. } | RideRow::Same { conveyance, .. } if conveyance == of)
        })
    };
    let gone: Vec<Conveyance> = before.into_iter().filter(|of| !now(of, &rows[first..])).collect();
    let empty = |conveyance| RideRow::Says { conveyance, person, version, ride: Ride::default() };
    rows.extend(gone.into_iter().map(empty));
}

/// Puts what is told into messages: what closes goes to every partition, behind all else.
pub(super) fn write(
    writer: &mut RecordWriter,
    label: u64,
    rows: &[RideRow],
    partitions: usize,
    outbox: &mut Outbox,
) -> Result<(), RecordError> {
    let mut by_partition: BTreeMap<usize, Vec<RideRow>> = BTreeMap::new();
    for row in rows {
        match row {
            RideRow::Says { conveyance, .. } | RideRow::Same { conveyance, .. } => {
                by_partition.entry(conveyance.partition(partitions)).or_default().push(row.clone());
            }
            RideRow::Closing { .. } => {
                (0..partitions).for_each(|at| by_partition.entry(at).or_default().push(row.clone()));
            }
        }
    }
    for (partition, rows) in by_partition {
        let mut rest = rows.as_slice();
        while !rest.is_empty() {
            // A set is never cut: it is replaced whole.
            let mut count = 0;
            let fits = |row: &&RideRow| {
                count += row.rows();
                count <= ROWS_MAX
            };
            let (some, others) = rest.split_at(rest.iter().take_while(fits).count().max(1));
            rest = others;
            writer.add_rides(label, &rides_batch(some)?)?;
            let message = Outgoing { partition: partition as u32, value: writer.finish(), ..Outgoing::default() };
            outbox.push(Topic::Rides, message, Shorter::AsItStands);
        }
    }
    Ok(())
}
