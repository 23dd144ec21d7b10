//! The client that takes partitions over.
//!
//! Where the real one waits, time passes until what it waits for has come; past the limit it is an error, as in the
//! port. Owns nothing.

use std::ops::Range;

use fuma_connectors::log::{AnnouncedRecord, Code, LogError, LogRecord, Position, RestoreLog, Topic};

use super::state::ClientNumber;
use super::{SimulatedCluster, StoredRecord};

/// Dies with the worker that made it.
pub(super) struct SimulatedRestore {
    cluster: SimulatedCluster,
    client: ClientNumber,
}

impl SimulatedRestore {
    pub(super) fn new(cluster: &SimulatedCluster, client: ClientNumber) -> SimulatedRestore {
        SimulatedRestore { cluster: cluster.clone(), client }
    }
}

impl RestoreLog for SimulatedRestore {
    /// What is committed and has its marker; a pending position is not seen, as on Kafka.
    fn position(&mut self, partition: u32) -> Result<Position, LogError> {
        let mut state = self.cluster.state();
        state.call(self.client)?;
        Ok(state.positions[partition as usize].stable.clone())
    }

    fn fence(&mut self, owner: &str) -> Result<(), LogError> {
        let mut state = self.cluster.state();
        state.call(self.client)?;
        state.initialise_producer(owner).map(|_| ())
    }

    fn stable_position(&mut self, partition: u32) -> Result<Position, LogError> {
        let mut state = self.cluster.state();
        state.call(self.client)?;
        let limit_ms = state.settings.wait_limit_ms;
        if !state.wait_until(limit_ms, |state| state.positions[partition as usize].pending.is_empty()) {
            return Err(LogError::transient(format!("simulated: a transaction on position {partition} does not end")));
        }
        Ok(state.positions[partition as usize].stable.clone())
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
            return Err(LogError::new(Code::OutOfRange, message));
        }
        let records: Vec<StoredRecord> = log.committed(offsets.start, offsets.end).cloned().collect();
        drop(state);
        for StoredRecord { offset, timestamp, value, .. } in records {
            if !each(LogRecord { partition, offset, timestamp, value: value.unwrap_or_default() }) {
                break;
            }
        }
        Ok(())
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
        let high_watermark = state.log(Topic::Changes, partition).end();
        let limit_ms = state.settings.wait_limit_ms;
        let is_stable =
            state.wait_until(limit_ms, |state| state.log(Topic::Changes, partition).stable_end() >= high_watermark);
        if !is_stable {
            let message = format!("simulated: a transaction on output {partition} does not end; abort it");
            return Err(LogError::new(Code::Hanging, message));
        }
        let log = state.log(Topic::Changes, partition);
        let records: Vec<StoredRecord> = log.committed(from, high_watermark).cloned().collect();
        drop(state);
        for StoredRecord { offset, key, value, .. } in records {
            if !each(AnnouncedRecord { offset, key: key.unwrap_or_default(), value }) {
                break;
            }
        }
        Ok(high_watermark)
    }

    fn tombstones_kept_ms(&mut self) -> Result<i64, LogError> {
        let mut state = self.cluster.state();
        state.call(self.client)?;
        Ok(state.settings.tombstones_kept_ms)
    }
}
