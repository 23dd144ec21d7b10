//! The records of a transaction in rounds: what the client holds back costs a processor.
//!
//! librdkafka cuts what a partition has into message sets of `batch.size` bytes, and sends a second one of an
//! idempotent producer only when the first is answered. Until then its thread does not sleep: it asks without a pause
//! whether it may send, a whole core for as long as the broker takes. So no more than one set of a partition is handed
//! over at a time, and the client has nothing to hold back.
//!
//! Owns the cuts. Must never change the order of a partition's records.

use std::collections::BTreeMap;

use super::settings::KafkaSettings;
use crate::log::OutputRecord;

/// librdkafka's own default of `batch.size`, and the most that it takes.
const BATCH_SIZE: usize = 1_000_000;
const BATCH_SIZE_MAX: usize = i32::MAX as usize;
/// What a record takes at most beside its texts: lengths and deltas, and two lengths a header.
const RECORD_BYTES: usize = 40;
const HEADER_BYTES: usize = 10;
/// What a set takes beside its records.
const SET_BYTES: usize = 128;

/// The bytes of a partition that fit into one message set of a client with these settings.
pub(super) fn set_bytes(settings: &KafkaSettings) -> usize {
    let said = settings.producer.get("batch.size").or_else(|| settings.client.get("batch.size"));
    let bytes = said.and_then(|said| said.trim().parse().ok()).unwrap_or(BATCH_SIZE);
    bytes.clamp(1, BATCH_SIZE_MAX).saturating_sub(SET_BYTES)
}

/// The records in rounds: of each partition at most so many bytes a round, but one record at least.
pub(super) fn rounds(records: &[OutputRecord], set_bytes: usize) -> Vec<Vec<&OutputRecord>> {
    let mut rounds: Vec<Vec<&OutputRecord>> = Vec::new();
    // In which round a partition is, and how many bytes it has there.
    let mut places: BTreeMap<u32, (usize, usize)> = BTreeMap::new();
    for record in records {
        let (round, filled) = places.entry(record.partition).or_default();
        let bytes = wire_bytes(record);
        if *filled > 0 && *filled + bytes > set_bytes {
            (*round, *filled) = (*round + 1, 0);
        }
        *filled += bytes;
        if rounds.len() <= *round {
            rounds.resize_with(*round + 1, Vec::new);
        }
        if let Some(round) = rounds.get_mut(*round) {
            round.push(record);
        }
    }
    rounds
}

/// What a record takes in a message set, at most.
fn wire_bytes(record: &OutputRecord) -> usize {
    let headers = record.headers.iter().map(|(name, value)| name.len() + value.len() + HEADER_BYTES);
    record.key.len() + record.value.len() + headers.sum::<usize>() + RECORD_BYTES
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(partition: u32, number: usize, bytes: usize) -> OutputRecord {
        let headers = vec![("ce_id", "x".to_owned())];
        OutputRecord { partition, key: number.to_string(), value: vec![0; bytes], headers }
    }

    #[test]
    fn what_fits_into_a_set_of_each_partition_is_one_round() {
        let records: Vec<OutputRecord> = (0..100).map(|at| record(at as u32 % 8, at, 500)).collect();
        let rounds = rounds(&records, set_bytes(&KafkaSettings::new("b:1", "g")));
        assert_eq!(rounds.len(), 1);
        assert!(rounds[0].iter().zip(&records).all(|(one, other)| std::ptr::eq(*one, other)), "as they came");
        assert!(super::rounds(&[], 1_000).is_empty());
    }

    #[test]
    fn of_each_partition_a_round_has_one_set_and_its_records_keep_their_order() {
        let mut records: Vec<OutputRecord> = (0..40).map(|at| record(at as u32 % 3, at, 200 + 37 * (at % 5))).collect();
        records.push(record(1, 40, 5_000));
        records.push(record(1, 41, 10));
        let all = rounds(&records, 1_000);
        for partition in 0..3 {
            let of = |round: &[&OutputRecord]| round.iter().filter(|record| record.partition == partition).count();
            let bytes = |round: &[&OutputRecord]| -> usize {
                round.iter().filter(|record| record.partition == partition).map(|record| wire_bytes(record)).sum()
            };
            assert!(all.iter().all(|round| bytes(round) <= 1_000 || of(round) == 1), "partition {partition}");
            let numbers = all.iter().flatten().filter(|record| record.partition == partition);
            let numbers: Vec<usize> = numbers.map(|record| record.key.parse().unwrap()).collect();
            let mine = records.iter().filter(|record| record.partition == partition);
            assert_eq!(numbers, mine.map(|record| record.key.parse().unwrap()).collect::<Vec<usize>>());
        }
        assert_eq!(all.iter().map(Vec::len).sum::<usize>(), records.len());
    }

    #[test]
    fn an_operators_size_of_sets_counts() {
        let mut settings = KafkaSettings::new("b:1", "g");
        assert_eq!(set_bytes(&settings), 1_000_000 - SET_BYTES);
        settings.client.insert("batch.size".to_owned(), "50000".to_owned());
        assert_eq!(set_bytes(&settings), 50_000 - SET_BYTES);
        settings.producer.insert("batch.size".to_owned(), " 60000 ".to_owned());
        assert_eq!(set_bytes(&settings), 60_000 - SET_BYTES);
        settings.producer.insert("batch.size".to_owned(), "1".to_owned());
        assert_eq!(set_bytes(&settings), 0, "a record a round");
    }
}
