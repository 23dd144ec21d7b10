//! The transaction coordinator: producers by id, epochs that fence, and markers that reach partitions one by one.
//!
//! Owns what becomes of a transaction. Must never check a generation: that is asked before positions are added.

use std::collections::BTreeSet;

use fuma_connectors::log::{LogError, OutputRecord, Position, Topic};

use super::MarkerDelivery;
use super::partition::{NewRecord, TransactionNumber};
use super::state::State;

/// Where the marker of a transaction has to go.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum MarkerPlace {
    /// The committed positions.
    Positions,
    /// An output partition.
    Output(u32),
}

/// A producer id.
#[derive(Debug, Default)]
pub(super) struct Producer {
    pub(super) epoch: u64,
    last: Option<TransactionNumber>,
}

/// A transaction until its last marker has arrived.
#[derive(Debug)]
pub(super) struct Transaction {
    pub(super) owner: String,
    since_ms: i64,
    places: BTreeSet<MarkerPlace>,
    ending: Option<Ending>,
}

/// Decided; the markers are on their way.
#[derive(Debug)]
struct Ending {
    committed: bool,
    /// When each arrives; none: when the test says so.
    markers: Vec<(Option<i64>, MarkerPlace)>,
}

impl Transaction {
    /// When something happens to it by itself.
    pub(super) fn due_ms(&self, timeout_ms: i64) -> Option<i64> {
        match &self.ending {
            None => Some(self.since_ms + timeout_ms),
            Some(ending) => ending.markers.iter().filter_map(|(due_ms, _)| *due_ms).min(),
        }
    }

    /// Where markers are missing.
    pub(super) fn missing(&self) -> impl Iterator<Item = MarkerPlace> {
        self.ending.iter().flat_map(|ending| ending.markers.iter().map(|(_, place)| *place))
    }
}

impl State {
    /// A new epoch for an id: what its last holder left open is aborted, what it had prepared is finished.
    pub(super) fn initialise_producer(&mut self, owner: &str) -> Result<u64, LogError> {
        let producer = self.producers.entry(owner.to_owned()).or_default();
        producer.epoch += 1;
        let (epoch, last) = (producer.epoch, producer.last);
        if let Some(number) = last {
            if self.transactions.get(&number).is_some_and(|transaction| transaction.ending.is_none()) {
                self.end_transaction(number, false);
            }
            self.wait_for_end(number)?;
        }
        Ok(epoch)
    }

    /// Whether an epoch is still the newest of its id.
    pub(super) fn check_epoch(&self, owner: &str, epoch: u64) -> Result<(), LogError> {
        match self.producers.get(owner) {
            Some(producer) if producer.epoch == epoch => Ok(()),
            _ => Err(LogError::fatal(format!("simulated: {owner} is fenced"))),
        }
    }

    /// Begins a transaction, once the markers of the last one have all arrived.
    pub(super) fn begin_transaction(&mut self, owner: &str, epoch: u64) -> Result<TransactionNumber, LogError> {
        self.check_epoch(owner, epoch)?;
        if let Some(last) = self.producers.get(owner).and_then(|producer| producer.last) {
            self.wait_for_end(last)?;
        }
        let number = self.next_transaction;
        self.next_transaction += 1;
        let places = BTreeSet::new();
        let transaction = Transaction { owner: owner.to_owned(), since_ms: self.now_ms, places, ending: None };
        self.transactions.insert(number, transaction);
        if let Some(producer) = self.producers.get_mut(owner) {
            producer.last = Some(number);
        }
        Ok(number)
    }

    fn wait_for_end(&mut self, number: TransactionNumber) -> Result<(), LogError> {
        let limit_ms = self.settings.wait_limit_ms;
        let ended = self.wait_until(limit_ms, |state| !state.transactions.contains_key(&number));
        ended.then_some(()).ok_or_else(|| LogError::transient("simulated: markers are still on their way"))
    }

    pub(super) fn send_changes(&mut self, number: TransactionNumber, changes: &[OutputRecord]) {
        let at = self.broker_clock();
        for change in changes {
            let headers = change.headers.iter().map(|(name, value)| ((*name).to_owned(), value.clone().into()));
            let record = NewRecord {
                key: Some(change.key.clone().into()),
                value: Some(change.value.clone().into()),
                headers: headers.collect(),
            };
            self.log(Topic::Changes, change.partition).append(record, at, Some(number));
            if let Some(transaction) = self.transactions.get_mut(&number) {
                transaction.places.insert(MarkerPlace::Output(change.partition));
            }
        }
    }

    pub(super) fn add_positions(&mut self, number: TransactionNumber, positions: &[(u32, Position)]) {
        for (partition, position) in positions {
            let place = self.offsets_end;
            self.offsets_end += 1;
            self.positions[*partition as usize].pending.push((number, place, position.clone()));
        }
        if let Some(transaction) = self.transactions.get_mut(&number) {
            transaction.places.insert(MarkerPlace::Positions);
        }
    }

    /// The decision is made and kept; the markers go out.
    pub(super) fn end_transaction(&mut self, number: TransactionNumber, committed: bool) {
        let (now_ms, delivery) = (self.now_ms, self.settings.markers);
        let Some(transaction) = self.transactions.get_mut(&number) else { return };
        let chance = &mut self.faults.chance;
        let due_ms = |_: &MarkerPlace| match delivery {
            MarkerDelivery::AtOnce => Some(now_ms),
            MarkerDelivery::Late { ms_max } => Some(now_ms + chance.below(ms_max + 1) as i64),
            MarkerDelivery::Held => None,
        };
        let due_ms: Vec<Option<i64>> = transaction.places.iter().map(due_ms).collect();
        let markers = due_ms.into_iter().zip(transaction.places.iter().copied()).collect();
        transaction.ending = Some(Ending { committed, markers });
        self.settle_transactions();
    }

    /// Markers that are due arrive; transactions that were open for too long are aborted, their producers fenced.
    pub(super) fn settle_transactions(&mut self) {
        let (now_ms, timeout_ms) = (self.now_ms, self.settings.transaction_timeout_ms as i64);
        let mut due: Vec<(i64, TransactionNumber, MarkerPlace)> = Vec::new();
        let mut timed_out = Vec::new();
        for (number, transaction) in &self.transactions {
            match &transaction.ending {
                None if transaction.since_ms + timeout_ms <= now_ms => timed_out.push(*number),
                None => {}
                Some(ending) => {
                    let markers = ending.markers.iter().filter_map(|(at, place)| at.map(|at| (at, *number, *place)));
                    due.extend(markers.filter(|(at, ..)| *at <= now_ms));
                }
            }
        }
        due.sort_unstable();
        due.into_iter().for_each(|(_, number, place)| self.deliver_marker(number, place));
        self.transactions.retain(|_, transaction| transaction.missing().next().is_some() || transaction.is_open());
        for number in timed_out {
            // The end of another one may have settled this one already.
            let is_open = |transaction: &&Transaction| transaction.is_open();
            let Some(transaction) = self.transactions.get(&number).filter(is_open) else { continue };
            let owner = transaction.owner.clone();
            self.producers.entry(owner).or_default().epoch += 1;
            self.end_transaction(number, false);
        }
    }

    /// One marker arrives.
    pub(super) fn deliver_marker(&mut self, number: TransactionNumber, place: MarkerPlace) {
        let Some(ending) = self.transactions.get_mut(&number).and_then(|transaction| transaction.ending.as_mut())
        else {
            return;
        };
        ending.markers.retain(|(_, other)| *other != place);
        let (committed, is_last) = (ending.committed, ending.markers.is_empty());
        match place {
            MarkerPlace::Output(partition) => self.log(Topic::Changes, partition).end_transaction(number, committed),
            MarkerPlace::Positions => self.end_positions(number, committed),
        }
        if is_last {
            self.transactions.remove(&number);
        }
    }

    fn end_positions(&mut self, number: TransactionNumber, committed: bool) {
        for held in &mut self.positions {
            let (ended, pending) = std::mem::take(&mut held.pending).into_iter().partition(|(of, ..)| *of == number);
            held.pending = pending;
            let ended: Vec<(TransactionNumber, u64, Position)> = ended;
            for (_, place, position) in ended {
                // What was written later stays, although this one ends later.
                if committed && (held.stable.offset.is_none() || place > held.stable_place) {
                    (held.stable, held.stable_place) = (position, place);
                }
            }
        }
    }
}

impl Transaction {
    fn is_open(&self) -> bool {
        self.ending.is_none()
    }
}
