//! Records become rows by partition, and rows become messages.
//!
//! Owns which rows go where. Must never hold what a record holds beyond its rows.

use std::sync::Arc;

use fuma_connectors::log::{FeedRecord, Outgoing, Topic};
use fuma_schemas::{Feed, Instant, Kind};
use metrics::counter;

use super::Options;
use super::causes::RowCauses;
use super::freshness::Freshness;
use super::messages::Messages;
use crate::intake::{Accepted, Arrival, Decoder, EvidenceBuilders, Reject, Settings};
use crate::live::metric;
use crate::live::record::RecordError;
use crate::live::worker::clock::{SystemWall, Wall as _};

/// Rows that were decoded since the last messages.
pub(super) struct Rows {
    decoder: Decoder,
    /// By partition; what has no person is in the first.
    evidence: Vec<EvidenceBuilders>,
    evidence_causes: Vec<RowCauses>,
    /// Of records of phones, which are in the same builders.
    phone_causes: Vec<RowCauses>,
    /// Cases and contacts of everybody, in the order of arrival.
    links: [EvidenceBuilders; 1],
    links_causes: RowCauses,
    messages: Messages,
    freshness: Freshness,
}

impl Rows {
    pub(super) fn new(settings: Arc<Settings>, partitions: u32, options: &Options) -> Rows {
        let partitions = partitions.max(1) as usize;
        Rows {
            decoder: Decoder::new(settings),
            evidence: (0..partitions).map(|_| EvidenceBuilders::new()).collect(),
            evidence_causes: (0..partitions).map(|_| RowCauses::default()).collect(),
            phone_causes: (0..partitions).map(|_| RowCauses::default()).collect(),
            links: [EvidenceBuilders::new()],
            links_causes: RowCauses::default(),
            messages: Messages::new(options.message_bytes_max, options.origin),
            freshness: Freshness::default(),
        }
    }

    /// Adds the rows of a record. `now` is the clock by which records are measured that no broker stamped.
    pub(super) fn add(&mut self, record: &FeedRecord<'_>, raw: &[u8], now: Instant) -> Result<(), Reject> {
        let feed = record.feed;
        let arrival = record.received.map_or(Arrival::Intake(now), Arrival::Broker);
        if feed != Feed::Contacts {
            let Accepted { kind, partition, phone, .. } =
                self.decoder.decode(feed, raw, arrival, &mut self.evidence)?;
            let of = if phone.is_some() { &mut self.phone_causes } else { &mut self.evidence_causes };
            if let Some(causes) = of.get_mut(partition) {
                causes.push(kind, record);
            }
        }
        if matches!(feed, Feed::Cases | Feed::Contacts) {
            // Cases are few: to read one twice costs less than to take its row out of another's builders.
            let Accepted { kind, .. } = self.decoder.decode(feed, raw, arrival, &mut self.links)?;
            self.links_causes.push(kind, record);
        }
        Ok(())
    }

    /// The messages of all rows; there are none afterwards.
    pub(super) fn finish(&mut self) -> Result<Vec<(Topic, Outgoing)>, RecordError> {
        let now = SystemWall::default().now();
        for (partition, (builders, causes)) in self.evidence.iter_mut().zip(&mut self.evidence_causes).enumerate() {
            if builders.rows() == 0 {
                continue;
            }
            let of_phones = builders.finish_phones();
            if let Some(causes) = self.phone_causes.get_mut(partition).filter(|_| !of_phones.is_empty()) {
                for (kind, batch) in of_phones {
                    self.freshness.saw(kind.feed(), &batch, now);
                    let live = causes.add_to_phones(kind, &batch)?;
                    counter!(metric::PHONE_RECORDS, "kind" => kind.name()).increment(batch.num_rows() as u64);
                    self.messages.add(kind, &live, Topic::Phones, partition as u32)?;
                }
                self.messages.end(Topic::Phones, partition as u32);
            }
            let mut topic = Topic::Evidence;
            for (kind, batch) in builders.finish() {
                self.freshness.saw(kind.feed(), &batch, now);
                let live = causes.add_to(kind, &batch)?;
                // Regions have no person: they are in the first builders, behind all other kinds.
                if kind == Kind::Regions {
                    self.messages.end(topic, partition as u32);
                    topic = Topic::Regions;
                }
                self.messages.add(kind, &live, topic, partition as u32)?;
            }
            self.messages.end(topic, partition as u32);
        }
        if self.links[0].rows() > 0 {
            for (kind, batch) in self.links[0].finish() {
                self.freshness.saw(kind.feed(), &batch, now);
                let live = self.links_causes.add_to(kind, &batch)?;
                self.messages.add(kind, &live, Topic::Links, 0)?;
            }
            self.messages.end(Topic::Links, 0);
        }
        Ok(self.messages.take())
    }
}
