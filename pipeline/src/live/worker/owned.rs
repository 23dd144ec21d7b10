//! A partition that this worker owns: its state, where it stands, and one commit's worth of what is new (I-3).
//!
//! Owns the order take -> step -> commit or roll back. Does no I/O and reads no clock: the worker does.

use std::collections::HashMap;

use fuma_connectors::log::{LogRecord, OutputRecord, Position};
use fuma_schemas::{CodeChange, Instant, Kind, Person};
use rustc_hash::{FxBuildHasher, FxHashMap};

use super::announcement::{self, By, Cause};
use super::apply::{apply, each_person};
use super::labels::Labelled;
use super::position::{Standing, SweepStanding};
use super::reference::References;
use super::sweep::Sweep;
use super::switch::{InForce, Switching};
use super::told::ToTell;
use super::withheld::WithheldPeople;
use crate::assess::joint::Share;
use crate::assess::shown::Shown;
use crate::assess::{AssessError, Partition, Step, Ticks};
use crate::live::record::{self, Origin, RecordError, Section};
use crate::live::{fault, metric};

/// Live every instant is a tick.
pub(super) struct EveryInstant;

impl Ticks for EveryInstant {
    fn at_or_after(&self, instant: Instant) -> Instant {
        instant
    }
}

/// What applying came to, for the metrics.
#[derive(Clone, Copy, Default, Debug)]
pub struct Taken {
    /// Rows of evidence.
    pub rows: u64,
    /// Of these, known more than 30 days after their last instant.
    pub very_late: u64,
    /// Records of the log that cannot be read.
    pub damaged: u64,
}

/// Why a record was not taken in.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// The engine.
    #[error(transparent)]
    Assess(#[from] AssessError),
    /// The record is not understood: nothing past it may be committed.
    #[error(transparent)]
    Record(#[from] RecordError),
}

/// The sections of a record, live and in a restore alike; none where it is damaged, which is counted and passed over
/// (I-9).
///
/// # Errors
/// When it is whole and not understood: a newer build's, or another installation's. The partition goes no further.
pub(super) fn understood(read: Result<Vec<Section>, RecordError>) -> Result<Option<Vec<Section>>, RecordError> {
    match read {
        Ok(sections) => Ok(Some(sections)),
        Err(error) if error.is_damage() => Ok(None),
        Err(error) => Err(error),
    }
}

/// A partition and where it stands.
pub struct Owned {
    /// Its number.
    pub id: u32,
    /// The state.
    pub partition: Partition,
    /// The pack that judges it.
    pub in_force: InForce,
    /// The switch that was begun and is not written down.
    pub(super) switching: Option<Switching>,
    /// The state of the schedule for whose packs it keeps what they need.
    pub(super) kept_for: Option<u64>,
    /// Who is still to be judged after a change of the basis.
    pub sweep: Sweep,
    /// As last committed.
    pub standing: Standing,
    /// The offset of the next evidence record.
    pub next: u64,
    /// The offset as last committed.
    pub committed: u64,
    /// Everybody touched by the evidence below this offset was judged, or is in the commit under way.
    pub through: u64,
    /// One past the last region record that was taken in.
    pub regions: u64,
    /// Whether the position has to be committed once under the new owner's id, before anything else.
    pub must_claim: bool,
    /// The evidence offset of the newest snapshot that is known to be written.
    pub snapshot: Option<u64>,
    /// Transactions that moved its position, since it was taken over: each says that it still is this owner's.
    pub commits: u64,
    /// Whether the position is to be committed once more although nothing moved, for such a proof.
    pub wants_proof: bool,
    /// When the log took the newest record that was applied.
    pub newest: Instant,
    /// Bytes of evidence that were taken in and are not committed.
    pub uncommitted_bytes: usize,
    /// It is not read on for now: too much of it is not committed.
    pub is_paused: bool,
    /// The clock of the last commit that was tried.
    pub(super) attempted: Instant,
    /// How many commits with changes of it were refused in a row.
    pub(super) refusals: u32,
    /// Who is not told what was judged, while everything is held; none: nothing is held.
    pub(super) withheld: Option<WithheldPeople>,
    /// What its people have to say to other keys.
    pub(super) to_tell: ToTell,
    /// The switch that waits for an operator's word.
    pub(super) held: Option<super::switch::Held>,
    /// Which derived contacts are seen.
    pub(super) labels: Labelled,
    /// What was applied since the last commit, for the causes.
    pending: Vec<Section>,
    /// Whether people are still to be found who stayed where a tier changed.
    finds_stays: bool,
    /// When the broker took the newest record of the regions behind that.
    regions_cause: Option<Instant>,
    /// Who was judged by the page of the sweep, since the last commit.
    pub(super) page: Vec<u32>,
    /// What is answered of its people as a restore found it, until that is published.
    pub(in crate::live) first_shown: FxHashMap<Person, Shown>,
    step: Step,
}

impl Owned {
    /// A partition as a restore left it.
    pub fn new(id: u32, mut partition: Partition, next: u64, standing: Standing, in_force: InForce) -> Owned {
        partition.stage();
        let (regions, snapshot) = (standing.regions, standing.snapshot);
        Owned {
            id,
            partition,
            in_force,
            switching: None,
            kept_for: None,
            sweep: Sweep::default(),
            standing,
            next,
            committed: next,
            through: next,
            regions,
            must_claim: true,
            snapshot,
            commits: 0,
            wants_proof: false,
            newest: Instant::default(),
            uncommitted_bytes: 0,
            is_paused: false,
            attempted: Instant::default(),
            refusals: 0,
            withheld: None,
            to_tell: ToTell::default(),
            held: None,
            labels: Labelled::default(),
            pending: Vec::new(),
            finds_stays: false,
            regions_cause: None,
            page: Vec::new(),
            first_shown: FxHashMap::default(),
            step: Step::default(),
        }
    }

    /// Applies a record of the evidence log. One that is damaged is counted and passed over: it stops nobody else
    /// (I-9).
    ///
    /// # Errors
    /// When a record is not understood: the partition goes no further.
    pub fn take(&mut self, log_record: &LogRecord, origin: Origin) -> Result<Taken, ApplyError> {
        if log_record.offset < self.next {
            return Ok(Taken::default());
        }
        let Some(sections) = understood(record::read_as(&log_record.value, origin))? else {
            self.next = log_record.offset + 1;
            return Ok(Taken { damaged: 1, ..Taken::default() });
        };
        self.next = log_record.offset + 1;
        self.uncommitted_bytes += log_record.value.len();
        self.newest = self.newest.max(log_record.timestamp);
        let mut taken = Taken::default();
        for section in sections {
            self.to_tell.remember(self.partition.evidence(), &section, log_record.offset);
            let (rows, late) = apply((&mut self.partition, &mut self.labels), &section, log_record.timestamp)?;
            taken.rows += rows;
            taken.very_late += late;
            self.pending.push(section);
        }
        Ok(taken)
    }

    /// Takes in the regions that the process knows. Whoever stayed in one that changed is swept; who that is is
    /// found out a page of stays a commit (I-10).
    ///
    /// # Errors
    /// When a record is not understood.
    pub fn follow_regions(
        &mut self,
        references: &References,
        origin: Origin,
        stays_max: usize,
    ) -> Result<(), ApplyError> {
        if references.regions_end() > self.regions {
            self.note_regions(references, origin)?;
        }
        if self.finds_stays {
            let live = self.partition.take_waiting();
            self.finds_stays = !self.partition.touch_stays(stays_max);
            let swept = self.partition.take_waiting();
            self.sweep_people(swept.into_iter(), self.regions_cause);
            live.into_iter().for_each(|person| self.partition.touch(person));
        }
        Ok(())
    }

    /// From here on whoever is judged is judged by the new tiers.
    fn note_regions(&mut self, references: &References, origin: Origin) -> Result<(), ApplyError> {
        self.regions_cause = None;
        for region in references.regions(self.regions, u64::MAX) {
            let sections = understood(region.sections(origin))?;
            if sections.is_none() {
                metrics::counter!(metric::EVIDENCE_DAMAGED).increment(1);
                tracing::error!(offset = region.next - 1, "a record of regions is damaged: passed over");
            }
            for section in sections.into_iter().flatten() {
                let Section::Rows { kind: Kind::Regions, batch } = &section else {
                    return Err(RecordError::Layout(0).into());
                };
                let rows: Vec<u32> = (0..batch.num_rows() as u32).collect();
                self.partition.note_regions(batch, &rows)?;
                let causes = section.causes();
                let newest = (0..section.rows()).filter_map(|row| causes.cause(row)).max();
                self.regions_cause = newest.max(self.regions_cause);
            }
            self.regions = region.next;
            self.finds_stays = true;
        }
        Ok(())
    }

    /// Adds people to the sweep.
    pub fn sweep_people(&mut self, people: impl Iterator<Item = u32>, cause: Option<Instant>) {
        let evidence = self.partition.evidence();
        self.sweep.add(people.filter_map(|person| Some((evidence.person(person)?, person))), cause);
    }

    /// What this partition has in a step of several: those who wait, at most so many, to be judged at `clock`.
    pub(super) fn share<'a>(
        &'a mut self,
        clock: Instant,
        people_max: usize,
        changes: &'a mut Vec<CodeChange>,
    ) -> Share<'a> {
        Share { partition: &mut self.partition, step: &mut self.step, clock, changes, people_max }
    }

    /// Has those wait who are due at `clock` or on the next page of the sweep: at most so many, and how many they are.
    /// Nobody may wait whom live evidence touched.
    pub(super) fn touch_background(&mut self, clock: Instant, people_max: usize) -> usize {
        self.partition.touch_due(clock, people_max);
        let page = self.sweep.page(people_max.saturating_sub(self.partition.waiting()));
        if !page.is_empty() {
            fault::place("in-sweep");
        }
        page.iter().for_each(|person| self.partition.touch(*person));
        self.page.extend(page);
        self.partition.waiting()
    }

    /// Whether people wait whom live evidence touched, because they did not fit into the last commit.
    pub fn is_behind(&self) -> bool {
        self.partition.waiting() > 0
    }

    /// Whether there is anything to judge or to note at `clock`.
    pub fn has_work(&self, clock: Instant) -> bool {
        self.partition.waiting() > 0 || self.is_sweeping() || self.is_due(clock) || self.has_moved()
    }

    /// Whether nothing is under way: nobody waits, nothing is swept, and all that was taken in is committed.
    pub fn is_quiet(&self) -> bool {
        let is_settled = self.next == self.committed && self.pending.is_empty();
        self.partition.waiting() == 0 && !self.is_sweeping() && is_settled
    }

    /// Whether no step is under way and nothing waits for a transaction, whoever waits to be judged.
    pub fn is_between_steps(&self) -> bool {
        self.step.is_empty() && self.partition.is_settled()
    }

    /// Whether people are swept, or are still to be found who will be.
    pub fn is_sweeping(&self) -> bool {
        self.finds_stays || !self.sweep.is_empty()
    }

    /// Whether somebody is due at `clock`.
    pub fn is_due(&self, clock: Instant) -> bool {
        self.partition.next_due().is_some_and(|due| due <= clock)
    }

    /// Whether the position is another than the one last committed.
    pub fn has_moved(&self) -> bool {
        self.must_claim
            || self.wants_proof
            || self.next != self.committed
            || self.regions != self.standing.regions
            || self.sweep_standing() != self.standing.sweep
            || self.switching.as_ref().map(|switching| switching.under_way) != self.standing.switch
            || self.standing.through.is_some() && !self.is_behind()
            || self.to_tell.has_news(self.next, &self.standing)
    }

    fn sweep_standing(&self) -> SweepStanding {
        match self.sweep.cursor() {
            // Whoever comes next judges everybody: what is held back is in no position and in no output.
            _ if self.withheld.is_some() => SweepStanding::Begun,
            _ if !self.is_sweeping() => SweepStanding::None,
            None => SweepStanding::Begun,
            Some(person) => SweepStanding::After(person),
        }
    }

    /// The standing after a commit at `clock`.
    pub fn standing_at(&self, clock: Instant, identity: &Identity, released: bool) -> Standing {
        let due = self.partition.next_due().filter(|due| *due <= clock);
        let mut standing = Standing {
            owner: identity.owner.clone(),
            released,
            clock,
            judged_until: due.map_or(clock, |due| Instant(due.0 - 1)),
            pack: self.in_force.hash.clone(),
            pack_order: self.in_force.number,
            engine: identity.engine.clone(),
            through: (self.is_behind() && self.through < self.next).then_some(self.through),
            origin: identity.origin,
            regions: self.regions,
            snapshot: self.snapshot,
            told: None,
            rides: None,
            sweep: self.sweep_standing(),
            switch: self.switching.as_ref().map(|switching| switching.under_way),
        };
        self.to_tell.stand(self.next, &mut standing);
        standing
    }

    /// The position that says so.
    pub fn position(&self, standing: &Standing) -> (u32, Position) {
        (self.id, Position { offset: Some(self.next), metadata: standing.to_text() })
    }

    /// The clock after which its next commit has to be.
    pub fn last_clock(&self) -> Instant {
        self.standing.clock.max(self.attempted)
    }

    /// The position that claims the partition: its offset is the predecessor's. What was taken in since the restore,
    /// while a claim was aborted, is not judged yet.
    pub fn claim(&self, standing: &Standing) -> (u32, Position) {
        (self.id, Position { offset: Some(self.committed), metadata: standing.to_text() })
    }

    /// The records that announce changes of this partition, and when the log took what is behind them.
    pub fn announce(
        &self,
        changes: &[CodeChange],
        source: &str,
        records: &mut Vec<OutputRecord>,
        received: &mut Vec<Instant>,
    ) {
        let (causes, mut switched) = (self.causes(changes), self.switched());
        received.extend(causes.values().filter_map(|cause| cause.received));
        for change in changes {
            let by = By {
                digest: &self.in_force.pack.digest,
                switch: switched.remove(&change.person).map(|before| (self.in_force.number, before)),
            };
            records.push(announcement::record(change, (self.id, source), by, causes.get(&change.person)));
        }
    }

    /// What is behind the changes: of each person the newest row that was applied, else the sweep.
    fn causes(&self, changes: &[CodeChange]) -> HashMap<Person, Cause, FxBuildHasher> {
        let mut causes: HashMap<Person, Cause, FxBuildHasher> =
            changes.iter().map(|change| (change.person, Cause::default())).collect();
        if changes.is_empty() {
            return causes;
        }
        for section in &self.pending {
            let of_rows = section.causes();
            each_person(section, |row, person| {
                let Some(cause) = causes.get_mut(&person) else { return };
                let received = of_rows.cause(row);
                if received >= cause.received {
                    let traceparent = of_rows.traceparent(row).map(str::to_owned);
                    *cause = Cause { received, traceparent };
                }
            });
        }
        for person in &self.page {
            let token = self.partition.evidence().person(*person);
            if let Some(cause) = token.and_then(|token| causes.get_mut(&token)) {
                cause.received = cause.received.or(self.sweep.cause());
            }
        }
        causes
    }

    /// The transaction is there.
    pub fn commit(&mut self, standing: Standing) {
        self.settle();
        self.standing = standing;
        self.committed = self.next;
        self.must_claim = false;
        self.refusals = 0;
        self.commits += 1;
        self.wants_proof = false;
        if !self.is_sweeping() {
            self.sweep.end();
        }
    }

    /// Those who were judged are as announced: nothing of it waits for a transaction.
    pub fn settle(&mut self) {
        self.note_switched();
        self.partition.commit();
        self.page.clear();
        if !self.is_behind() {
            self.pending.clear();
            self.uncommitted_bytes = 0;
            self.through = self.next;
        }
    }

    /// The transaction is not there: facts stay, since the next one goes behind them; what was announced does not.
    ///
    /// The page is swept again: who finds no room in the next commit must not be missing in the position.
    pub fn roll_back(&mut self) {
        let (page, evidence) = (std::mem::take(&mut self.page), self.partition.evidence());
        self.sweep.give_back(page.into_iter().filter_map(|person| Some((evidence.person(person)?, person))));
        self.partition.roll_back();
    }
}

/// Who commits, by what.
#[derive(Clone, Debug, Default)]
pub struct Identity {
    /// The id of the worker's transactions.
    pub owner: String,
    /// The hash of the pack's contents.
    pub pack: String,
    /// The number of the pack in the order in which packs were put in force.
    pub pack_order: u64,
    /// The version of the engine.
    pub engine: String,
    /// The installation, and the key of the person tokens.
    pub origin: Origin,
    /// How many partitions the installation has; 0: not known.
    pub partitions: u32,
    /// The installation, as the source of its events.
    pub source: String,
}
