//! Lines and verdicts to records of the evidence and the region log: what intake and trace would write.
//!
//! Owns the cut: one record a partition and call. Must never judge.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray, TimestampMillisecondArray};
use fuma_connectors::log::Topic;
use fuma_pipeline::intake::{Decoder, EvidenceBuilders};
use fuma_pipeline::live::record::{RecordWriter, VerdictRow, VerdictRows, with_causes, with_causes_of_phone};
use fuma_schemas::{Feed, Instant, Kind};

use crate::feeds::Line;
use crate::simulated::SimulatedCluster;

/// What is behind the records of a call.
#[derive(Clone, Copy, Debug, Default)]
pub struct Behind<'a> {
    /// When the broker took the feed record.
    pub cause: Option<Instant>,
    /// Its trace context.
    pub traceparent: Option<&'a str>,
}

/// Writes evidence to a cluster.
pub struct EvidenceFeed {
    cluster: SimulatedCluster,
    decoder: Decoder,
    builders: Vec<EvidenceBuilders>,
    /// Where cases and contacts wait for trace; none: contacts are evidence at once.
    links: Option<Vec<EvidenceBuilders>>,
}

impl EvidenceFeed {
    /// Intake for so many partitions.
    pub fn new(cluster: &SimulatedCluster, partitions: u32) -> EvidenceFeed {
        let builders = (0..partitions).map(|_| EvidenceBuilders::new()).collect();
        EvidenceFeed { cluster: cluster.clone(), decoder: Decoder::new(crate::settings()), builders, links: None }
    }

    /// Cases go into the link log as well, and contacts there alone: trace writes them on.
    pub fn link(&mut self) {
        self.links = Some(vec![EvidenceBuilders::new()]);
    }

    /// Writes lines, caused by records that the broker took now.
    pub fn write(&mut self, lines: &[Line]) {
        let cause = Some(self.cluster.now());
        self.write_behind(lines, Behind { cause, traceparent: None });
    }

    /// Writes lines: one record of phones and one of evidence a partition, and one of regions if there are any.
    pub fn write_behind(&mut self, lines: &[Line], behind: Behind<'_>) {
        for line in lines {
            let mut decode = |builders: &mut [EvidenceBuilders]| {
                let accepted = self.decoder.decode(line.feed, line.text.as_bytes(), None, builders);
                accepted.unwrap_or_else(|reject| panic!("{reject:?}: {}", line.text));
            };
            if let Some(links) = self.links.as_mut().filter(|_| matches!(line.feed, Feed::Cases | Feed::Contacts)) {
                decode(links);
            }
            if self.links.is_none() || line.feed != Feed::Contacts {
                decode(&mut self.builders);
            }
        }
        if let Some([links]) = self.links.as_deref_mut()
            && links.rows() > 0
        {
            let mut writer = RecordWriter::new();
            for (kind, batch) in links.finish() {
                writer.add(kind, &caused(kind, &batch, behind)).unwrap();
            }
            self.cluster.append(Topic::Links, 0, writer.finish());
        }
        let mut regions = RecordWriter::new();
        for (partition, builders) in (0..).zip(&mut self.builders) {
            let mut phones = RecordWriter::new();
            for (kind, batch) in builders.finish_phones() {
                let [cause, traceparent] = live_columns(batch.num_rows(), behind);
                phones.add(kind, &with_causes_of_phone(kind, &batch, cause, traceparent).unwrap()).unwrap();
            }
            if !phones.is_empty() {
                self.cluster.append(Topic::Phones, partition, phones.finish());
            }
            let mut evidence = RecordWriter::new();
            for (kind, batch) in builders.finish() {
                let writer = if kind == Kind::Regions { &mut regions } else { &mut evidence };
                writer.add(kind, &caused(kind, &batch, behind)).unwrap();
            }
            if !evidence.is_empty() {
                self.cluster.append(Topic::Evidence, partition, evidence.finish());
            }
        }
        if !regions.is_empty() {
            self.cluster.append(Topic::Regions, 0, regions.finish());
        }
    }

    /// Writes a verdict of trace.
    pub fn verdict(&mut self, verdict: VerdictRow) {
        let mut rows = VerdictRows::default();
        rows.push(verdict, Some(self.cluster.now()), None);
        let mut writer = RecordWriter::new();
        writer.add_verdicts(&rows.finish().unwrap()).unwrap();
        let partition = verdict.person.partition(self.builders.len()) as u32;
        self.cluster.append(Topic::Evidence, partition, writer.finish());
    }
}

fn caused(kind: Kind, batch: &RecordBatch, behind: Behind<'_>) -> RecordBatch {
    let [cause, traceparent] = live_columns(batch.num_rows(), behind);
    with_causes(kind, batch, cause, traceparent).unwrap()
}

fn live_columns(rows: usize, behind: Behind<'_>) -> [ArrayRef; 2] {
    let cause = TimestampMillisecondArray::from(vec![behind.cause.map(|cause| cause.0); rows]);
    [Arc::new(cause), Arc::new(StringArray::from(vec![behind.traceparent; rows]))]
}
