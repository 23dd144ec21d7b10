//! The stages by other keys than people: phones and conveyances, each on a thread of its own.
//!
//! Owns what such a stage is given. Must never know what it joins.

use std::sync::Arc;

use super::supervise::Ended;
use super::turns::{Beating, Turns};
use super::{ServiceError, Stages};
use crate::assess::retention;
use crate::live::keyed::{self, Keyed, Labels};
use crate::live::worker::snapshots::Snapshots;

impl Stages {
    /// A stage by another key, in those partitions whose people this process judges.
    pub(super) fn keyed<K: Keyed + 'static>(&mut self, snapshots: &Snapshots) -> Result<(), ServiceError> {
        let turns = Turns::new(&self.service.health, K::STAGE.to_owned());
        let (log, service, snapshots) = (Arc::clone(&self.log), self.service.clone(), snapshots.clone());
        self.spawn(K::STAGE.to_owned(), move || {
            let _running = turns.begin();
            let source = Beating { inner: log.keyed(K::TOPIC)?, turns: turns.clone() };
            let appender = log.appender(K::STAGE)?;
            let options = keyed::Options {
                topic_prefix: service.config.kafka.prefix.clone(),
                partitions: log.partitions(),
                message_bytes_max: keyed::MESSAGE_BYTES_MAX,
                snapshots: Some(snapshots.clone()),
                origin: service.origin(),
                facts: service.config.evidence.facts_max,
                retention: retention(std::iter::once(&service.pack)),
                labels: Labels { schedule: service.schedule.clone(), first: Some((1, Arc::clone(&service.pack))) },
            };
            let mut stage = keyed::Stage::<K>::new(Box::new(source), appender, &service.partitions, options);
            stage.run(&service.stop).map_err(Ended::from)
        })
    }
}
