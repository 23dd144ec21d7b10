//! What caused each row: the broker's timestamp and the trace context of its record.
//!
//! Owns the two live columns until a batch is finished. A trace context comes from outside and goes out again with
//! the changes: what is not of its form is dropped, so that nothing else travels in its place (I-8).

use std::array::from_fn;
use std::sync::Arc;

use arrow::array::{ArrayBuilder, RecordBatch, StringBuilder, TimestampMillisecondBuilder};
use fuma_connectors::log::FeedRecord;
use fuma_schemas::Kind;

use crate::live::record::{RecordError, with_causes, with_causes_of_phone};

const KINDS: usize = Kind::PERSONAL.len() + 1;

/// The causes of the rows of one partition, by kind.
pub(super) struct RowCauses {
    kinds: [(TimestampMillisecondBuilder, StringBuilder); KINDS],
}

impl Default for RowCauses {
    fn default() -> Self {
        let builders = |_| (TimestampMillisecondBuilder::with_capacity(0), StringBuilder::with_capacity(0, 0));
        RowCauses { kinds: from_fn(builders) }
    }
}

impl RowCauses {
    /// Adds the cause of the row that was added to the builders of the kind just now.
    pub(super) fn push(&mut self, kind: Kind, record: &FeedRecord<'_>) {
        if let Some((cause, traceparent)) = self.kinds.get_mut(usize::from(kind.code())) {
            cause.append_option(record.received.map(|received| received.0));
            traceparent.append_option(record.traceparent().filter(|text| is_traceparent(text)));
        }
    }

    /// The rows of a kind with their causes, which are forgotten here.
    pub(super) fn add_to(&mut self, kind: Kind, batch: &RecordBatch) -> Result<RecordBatch, RecordError> {
        let Some((cause, traceparent)) = self.kinds.get_mut(usize::from(kind.code())) else {
            return Err(RecordError::Rows);
        };
        debug_assert_eq!(cause.len(), batch.num_rows());
        with_causes(kind, batch, Arc::new(cause.finish()), Arc::new(traceparent.finish()))
    }

    /// The same for records of phones.
    pub(super) fn add_to_phones(&mut self, kind: Kind, batch: &RecordBatch) -> Result<RecordBatch, RecordError> {
        let Some((cause, traceparent)) = self.kinds.get_mut(usize::from(kind.code())) else {
            return Err(RecordError::Rows);
        };
        debug_assert_eq!(cause.len(), batch.num_rows());
        with_causes_of_phone(kind, batch, Arc::new(cause.finish()), Arc::new(traceparent.finish()))
    }
}

/// Whether it is a W3C trace context: `<2 hex>-<32 hex>-<16 hex>-<2 hex>`.
fn is_traceparent(text: &str) -> bool {
    let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    text.len() == 55
        && text.bytes().enumerate().all(|(at, byte)| match at {
            2 | 35 | 52 => byte == b'-',
            _ => is_digit(byte),
        })
}

#[cfg(test)]
mod tests {
    use super::is_traceparent;

    #[test]
    fn only_a_trace_context_is_one() {
        let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        assert!(is_traceparent(good));
        assert!(!is_traceparent(&good.to_uppercase()));
        assert!(!is_traceparent(&good[1..]));
        assert!(!is_traceparent(&good.replace('-', "0")));
    }
}
