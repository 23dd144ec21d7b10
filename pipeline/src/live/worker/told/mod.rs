//! What people have to say to other keys: to phones who holds them, to conveyances who is aboard (docs/recovery.md
//! R-20, R-21).
//!
//! ```text
//! phones   the winning verified bindings of a person
//! rides    the trips of a person, and while the person is infectious aboard
//! ```
//!
//! Nothing of it is in the transaction that moves the offset: each set is a function of the evidence up to its version,
//! the greatest version holds, and the position says up to where all was told. A log without a leader holds up no
//! commit, and not the other log. Owns what a partition remembers until the logs have it. Must never lead a commit.

mod phones;
mod rides;

use std::collections::BTreeMap;

use fuma_connectors::log::{Appender, LogError};

use self::phones::ToPhones;
use self::rides::ToConveyances;
use super::Worker;
use super::owned::Owned;
use super::position::Standing;
use super::switch::InForce;
use crate::assess::AssessError;
use crate::evidence::Evidence;
use crate::live::outbox::Outbox;
use crate::live::record::{Origin, RecordError, RecordWriter, Section};
use crate::live::stop::Stop;

/// Who is told.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Tells {
    /// Phones.
    pub phones: bool,
    /// Conveyances, under a pack that traces.
    pub conveyances: bool,
}

/// What a partition has to tell.
#[derive(Debug, Default)]
pub(super) struct ToTell {
    phones: ToPhones,
    rides: ToConveyances,
}

impl ToTell {
    /// Of a partition that stands there, with evidence from an offset on to be replayed.
    ///
    /// # Errors
    /// When the system has no room for an executor.
    pub(super) fn from(
        tells: Tells,
        standing: &Standing,
        evidence: u64,
        in_force: &InForce,
    ) -> Result<ToTell, AssessError> {
        let phones = match tells.phones {
            true => ToPhones::from(standing.told.filter(|told| *told >= evidence)),
            false => ToPhones::default(),
        };
        let of_label = standing.rides.filter(|(told, label)| *told >= evidence && *label == in_force.label);
        let rides = match tells.conveyances {
            true => ToConveyances::from(in_force, of_label.map(|(told, _)| told))?,
            false => ToConveyances::default(),
        };
        Ok(ToTell { phones, rides })
    }

    /// Another pack is in force: where it traces in another way all is told again, under its label.
    ///
    /// # Errors
    /// When the system has no room for an executor.
    pub(super) fn follow(&mut self, in_force: &InForce) -> Result<(), AssessError> {
        self.rides.follow(in_force)
    }

    /// Before a section of the record at an offset is applied.
    pub(super) fn remember(&mut self, evidence: &Evidence, section: &Section, offset: u64) {
        self.phones.remember(evidence, section, offset);
        self.rides.remember(evidence, section, offset);
    }

    /// The same of a record that is replayed: only what was not told yet.
    pub(super) fn remember_untold(&mut self, evidence: &Evidence, section: &Section, offset: u64) {
        if self.phones.is_untold(offset) {
            self.phones.remember(evidence, section, offset);
        }
        if self.rides.is_untold(offset) {
            self.rides.remember(evidence, section, offset);
        }
    }

    /// Everything was replayed: where nothing is known of what was told, all of it waits.
    pub(super) fn replayed(&mut self, evidence: &Evidence) {
        self.phones.replayed(evidence);
    }

    /// Up to where the partition told, in a standing at `next`.
    pub(super) fn stand(&self, next: u64, standing: &mut Standing) {
        standing.told = self.phones.told(next);
        standing.rides = self.rides.told(next);
    }

    /// Whether a standing at `next` says that all was told.
    pub(super) fn is_said(&self, next: u64, standing: &Standing) -> bool {
        let phones = !self.phones.is_on() || standing.told == Some(next);
        phones && self.rides.is_said(next, standing.rides)
    }

    /// Whether a standing at `next` does not say yet how far was told.
    pub(super) fn has_news(&self, next: u64, standing: &Standing) -> bool {
        let phones = self.phones.is_on() && self.phones.is_done() && standing.told != Some(next);
        let rides = self.rides.is_done() && self.rides.told(next) != standing.rides;
        phones || rides
    }
}

/// What is on its way to one log.
struct Post {
    appender: Option<Box<dyn Appender>>,
    outbox: Outbox,
}

impl Post {
    fn new(appender: Option<Box<dyn Appender>>) -> Post {
        Post { appender, outbox: Outbox::new("assess", "") }
    }

    /// Fills the outbox when it is empty, and hands it over; whether all of it has arrived.
    fn turn(&mut self, fill: impl FnOnce(&mut Outbox) -> Result<(), RecordError>) -> Result<bool, LogError> {
        let Some(appender) = &mut self.appender else { return Ok(false) };
        if self.outbox.is_empty() {
            fill(&mut self.outbox).map_err(|error| LogError::fatal(error.to_string()))?;
            if self.outbox.is_empty() {
                return Ok(false);
            }
        }
        self.outbox.deliver(appender.as_mut(), &Stop::default())?;
        Ok(self.outbox.is_empty())
    }
}

/// Tells what the people of a worker say.
pub(super) struct Teller {
    phones: Post,
    rides: Post,
    writer: RecordWriter,
    partitions: usize,
}

impl Teller {
    /// Nobody is told yet, and no position says so.
    pub(super) fn new(origin: Origin, partitions: u32) -> Teller {
        let (phones, rides) = (Post::new(None), Post::new(None));
        Teller { phones, rides, writer: RecordWriter::of(origin), partitions: partitions.max(1) as usize }
    }

    /// Tells what waits. What cannot be told for now is told again later.
    ///
    /// # Errors
    /// When a log is of no use any more.
    pub(super) fn turn(&mut self, owned: &mut BTreeMap<u32, Owned>) -> Result<(), LogError> {
        let Teller { phones, rides, writer, partitions } = self;
        let has_arrived = phones.turn(|outbox| {
            let mut by_phone = BTreeMap::new();
            for owned in owned.values_mut() {
                for row in owned.to_tell.phones.begin(owned.partition.evidence(), owned.next) {
                    by_phone.entry(row.phone.partition(*partitions) as u32).or_insert_with(Vec::new).push(row);
                }
            }
            phones::write(writer, &by_phone, outbox)
        })?;
        if has_arrived {
            owned.values_mut().for_each(|owned| owned.to_tell.phones.arrived());
        }
        let has_arrived = rides.turn(|outbox| {
            for owned in owned.values_mut() {
                let rows = owned.to_tell.rides.begin(owned.id, owned.partition.evidence(), owned.next);
                rides::write(writer, owned.to_tell.rides.label(), &rows, *partitions, outbox)?;
            }
            Ok(())
        })?;
        if has_arrived {
            owned.values_mut().for_each(|owned| owned.to_tell.rides.arrived());
        }
        Ok(())
    }
}

impl Worker {
    /// Has phones told who holds them, through this appender.
    pub fn tell_phones(&mut self, appender: Box<dyn Appender>) {
        self.teller.phones = Post::new(Some(appender));
        self.context.tells.phones = true;
    }

    /// Has conveyances told who is aboard, through this appender.
    pub fn tell_conveyances(&mut self, appender: Box<dyn Appender>) {
        self.teller.rides = Post::new(Some(appender));
        self.context.tells.conveyances = true;
    }
}
