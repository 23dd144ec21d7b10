//! The link log: one reader in a group has it.
//!
//! Owns a membership. Must never begin anywhere by itself: where, is said by a seek.

use std::ops::Range;
use std::time::Duration;

use super::client::Common;
use super::member::Member;
use crate::log::{GroupEvent, LinkEvent, LinkSource, LogError, LogRecord, Topic};

/// Its only partition.
const PARTITION: u32 = 0;

/// Reads link records.
pub(super) struct KafkaLinks {
    common: Common,
    topic: String,
    member: Member,
}

impl KafkaLinks {
    pub(super) fn new(common: Common) -> Result<KafkaLinks, LogError> {
        let settings = &common.settings;
        let topic = settings.topic(Topic::Links);
        let member = Member::join(&common, "trace", &format!("{}.trace", settings.group), topic.clone(), 0)?;
        Ok(KafkaLinks { common, topic, member })
    }
}

impl LinkSource for KafkaLinks {
    fn poll(&mut self, wait: Duration, records: &mut Vec<LogRecord>) -> Result<LinkEvent, LogError> {
        match self.member.poll(wait, records)? {
            None => Ok(LinkEvent::None),
            Some(GroupEvent::Assigned(partitions)) => {
                self.member.accept(&partitions)?;
                Ok(LinkEvent::Assigned(self.member.committed(PARTITION)?.offset))
            }
            Some(GroupEvent::Revoked(partitions) | GroupEvent::Lost(partitions)) => {
                self.member.release(&partitions)?;
                Ok(LinkEvent::Revoked)
            }
        }
    }

    fn seek(&mut self, offset: u64) -> Result<(), LogError> {
        let held = self.bounds()?;
        if offset < held.start || offset > held.end {
            return Err(LogError::operator(format!(
                "kafka: {} holds offsets {} to {}, reading goes on at {offset}: records are missing",
                self.topic, held.start, held.end
            )));
        }
        self.member.resume(PARTITION, offset)
    }

    fn commit(&mut self, offset: u64) -> Result<(), LogError> {
        self.member.commit(PARTITION, offset)
    }

    fn bounds(&mut self) -> Result<Range<u64>, LogError> {
        self.common.bounds(&self.topic, PARTITION)
    }
}
