//! The client that takes partitions over.
//!
//! Where the real one waits, time passes until what it waits for has come; past the limit it is an error, as in the
//! port. Owns nothing.

use std::ops::Range;

use fuma_connectors::log::{
    AnnouncedRecord, Code, LogError, LogRecord, Position, RestoreLog, Topic, Whole, read_back_headers,
};

use super::faults::ReadFault;
use super::left_out::LeftOut;
use super::state::{ClientNumber, State};
use super::{SimulatedCluster, StoredRecord};

/// How long until whoever is behind is asked again.
const ASK_AGAIN_MS: u64 = 10;

/// Dies with the worker that made it.
pub(super) struct SimulatedRestore {
    cluster: SimulatedCluster,
    client: ClientNumber,
}

impl SimulatedRestore {
    pub(super) fn new(cluster: &SimulatedCluster, client: ClientNumber) -> SimulatedRestore {
        SimulatedRestore { cluster: cluster.clone(), client }
    }

    /// Reads committed records, with what goes wrong in a reading: by the same rule of ends as the port to Kafka.
    fn read(
        &mut self,
        topic: Topic,
        partition: u32,
        offsets: Range<u64>,
        each: &mut dyn FnMut(StoredRecord) -> bool,
    ) -> Result<(), LogError> {
        let mut whole = Whole::new(offsets.clone());
        while !whole.is_over() {
            let mut state = self.cluster.state();
            state.call(self.client)?;
            let (mut skipped, mut end) = (0..0, state.log(topic, partition).stable_end());
            match state.faults.of_reading(topic, partition, &offsets) {
                Some(ReadFault::Leaderless) => {
                    return Err(LogError::new(
                        Code::NoLeader,
                        format!("simulated: nobody leads {topic:?} {partition}"),
                    ));
                }
                Some(ReadFault::EndsAt(at)) => end = end.min(at.max(whole.next())),
                Some(ReadFault::Skips(range)) => skipped = range,
                None => {}
            }
            let log = state.log(topic, partition);
            let records = log.committed(whole.next(), end.min(offsets.end)).cloned();
            let records: Vec<StoredRecord> = records.filter(|record| !skipped.contains(&record.offset)).collect();
            drop(state);
            for record in records {
                if whole.takes(record.offset) && !each(record) {
                    whole.stop();
                }
            }
            whole.ends_at(end);
            if self.cluster.state().lacks(LeftOut::Ends) {
                whole.stop();
            }
            if !whole.is_over() {
                self.cluster.advance(ASK_AGAIN_MS);
            }
        }
        Ok(())
    }
}

impl RestoreLog for SimulatedRestore {
    /// What is committed and has its marker; a pending position is not seen, as on Kafka.
    fn position(&mut self, partition: u32) -> Result<Position, LogError> {
        let mut state = self.cluster.state();
        state.call(self.client)?;
        Ok(state.stable(partition))
    }

    fn fence(&mut self, owner: &str) -> Result<(), LogError> {
        let mut state = self.cluster.state();
        state.call(self.client)?;
        if state.lacks(LeftOut::Fence) {
            return Ok(());
        }
        state.initialise_producer(owner).map(|_| ())
    }

    fn stable_position(&mut self, partition: u32) -> Result<Position, LogError> {
        let mut state = self.cluster.state();
        state.call(self.client)?;
        let limit_ms = state.settings.wait_limit_ms;
        let is_stable = |state: &mut State| state.positions[partition as usize].pending.is_empty();
        if !state.lacks(LeftOut::StablePosition) && !state.wait_until(limit_ms, is_stable) {
            return Err(LogError::transient(format!("simulated: a transaction on position {partition} does not end")));
        }
        Ok(state.stable(partition))
    }

    fn evidence_bounds(&mut self, partition: u32) -> Result<Range<u64>, LogError> {
        let mut state = self.cluster.state();
        state.call(self.client)?;
        state.led(Topic::Evidence, partition)?;
        let log = state.log(Topic::Evidence, partition);
        Ok(log.first()..log.end())
    }

    fn read_evidence(
        &mut self,
        partition: u32,
        offsets: Range<u64>,
        each: &mut dyn FnMut(LogRecord) -> bool,
    ) -> Result<(), LogError> {
        let mut state = self.cluster.state();
        state.call(self.client)?;
        state.led(Topic::Evidence, partition)?;
        let log = state.log(Topic::Evidence, partition);
        if !offsets.is_empty() && (offsets.start < log.first() || offsets.end > log.end()) {
            let (first, end) = (log.first(), log.end());
            let message = format!("simulated: evidence {partition} holds {first}..{end}, not {offsets:?}");
            return Err(LogError::operator(message));
        }
        drop(state);
        self.read(Topic::Evidence, partition, offsets, &mut |StoredRecord { offset, timestamp, value, .. }| {
            each(LogRecord { partition, offset, timestamp, value: value.unwrap_or_default() })
        })
    }

    fn read_output(
        &mut self,
        partition: u32,
        from: u64,
        each: &mut dyn FnMut(AnnouncedRecord) -> bool,
    ) -> Result<u64, LogError> {
        let mut state = self.cluster.state();
        state.call(self.client)?;
        state.led(Topic::Changes, partition)?;
        let log = state.log(Topic::Changes, partition);
        let (end, stable) = (log.end(), log.stable_end());
        let high_watermark = if state.lacks(LeftOut::OutputEnd) { stable } else { end };
        let limit_ms = state.settings.wait_limit_ms;
        let is_stable =
            state.wait_until(limit_ms, |state| state.log(Topic::Changes, partition).stable_end() >= high_watermark);
        if !is_stable {
            let message = format!("simulated: a transaction on output {partition} does not end; abort it");
            return Err(LogError::new(Code::Hanging, message));
        }
        drop(state);
        self.read(
            Topic::Changes,
            partition,
            from..high_watermark,
            &mut |StoredRecord { offset, key, value, headers, .. }| {
                let headers = headers.iter().map(|(name, value)| (name.as_bytes(), value.as_ref()));
                let headers = read_back_headers(headers);
                each(AnnouncedRecord { offset, key: key.unwrap_or_default(), value, headers })
            },
        )?;
        Ok(high_watermark)
    }

    fn tombstones_kept_ms(&mut self) -> Result<i64, LogError> {
        let mut state = self.cluster.state();
        state.call(self.client)?;
        Ok(state.settings.tombstones_kept_ms)
    }
}
