//! What a process of a test is started with.
//!
//! Owns the usual values. Must never start anything.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use fuma_pipeline::live::answers::Answers;
use fuma_pipeline::live::decisions::Belonging;
use fuma_pipeline::live::guard::Counts;
use fuma_pipeline::live::partitions::Words;
use fuma_pipeline::live::record::Origin;
use fuma_pipeline::live::worker::owned::Identity;
use fuma_pipeline::live::worker::reference::References;
use fuma_pipeline::live::worker::restore::Restoring;
use fuma_pipeline::live::worker::snapshots::Snapshots;
use fuma_pipeline::live::worker::switch::Schedule;
use fuma_pipeline::policy::Pack;
use fuma_schemas::Instant;

/// What a process is started with.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The pack.
    pub pack: Arc<Pack>,
    /// What stands for the hash of its contents.
    pub pack_hash: String,
    /// Its number in the order in which packs were put in force.
    pub pack_order: u64,
    /// How many people may differ without anybody's consent.
    pub differences_max: Option<usize>,
    /// The version of its engine.
    pub engine: String,
    /// Whose logs it reads and writes.
    pub origin: Origin,
    /// The most people of one commit, where that is not the usual number.
    pub page: Option<usize>,
    /// What operators agreed to.
    pub words: Words,
    /// Bytes of a partition that may wait for their commit, where that is not the usual number.
    pub uncommitted_bytes_max: Option<usize>,
    /// Where snapshots are.
    pub snapshots: Option<Snapshots>,
    /// How many partitions the installation says that it has; 0: it does not say.
    pub partitions: u32,
    /// Whether restores run on the worker's own thread.
    pub is_inline: bool,
    /// Whether phones and conveyances are told what people say, records are attached, and those aboard are traced.
    pub attaches: bool,
    /// Whether it traces contacts when it has the link log.
    pub traces: bool,
    /// Where differing people are listed.
    pub state: PathBuf,
    /// What its processes belong to.
    pub belongs: Option<Belonging>,
    /// Which pack is in force when.
    pub schedule: Schedule,
    /// Which publications of tiers it is asked to count.
    pub counts: Counts,
    /// Where announced states are published, where anybody asks.
    pub answers: Option<Answers>,
}

impl Setup {
    /// A pack, as the first that was put in force. Nobody may differ.
    pub fn of(pack: &Arc<Pack>) -> Setup {
        Setup {
            pack: Arc::clone(pack),
            pack_hash: pack.id.to_string(),
            pack_order: 1,
            differences_max: Some(0),
            engine: "1".to_owned(),
            origin: Origin::default(),
            page: None,
            words: Words::default(),
            uncommitted_bytes_max: None,
            snapshots: None,
            partitions: 0,
            is_inline: true,
            attaches: false,
            traces: false,
            state: std::env::temp_dir().join(format!("fuma-simulated-{}", std::process::id())),
            belongs: None,
            schedule: Schedule::default(),
            counts: Counts::default(),
            answers: None,
        }
    }

    /// What a restore under it needs.
    pub fn restoring(&self, references: References, now: Instant) -> Restoring {
        Restoring {
            pack: Arc::clone(&self.pack),
            identity: Identity {
                owner: String::new(),
                pack: self.pack_hash.clone(),
                pack_order: self.pack_order,
                engine: self.engine.clone(),
                origin: self.origin,
                partitions: self.partitions,
                source: "fuma/simulated".to_owned(),
            },
            schedule: self.schedule.clone(),
            references,
            counts: self.counts.clone(),
            snapshots: self.snapshots.clone(),
            facts: fuma_pipeline::evidence::Limits::default(),
            words: self.words.clone(),
            differences_max: self.differences_max,
            state: self.state.clone(),
            now,
            cancelled: Arc::new(AtomicBool::new(false)),
            lease: None,
            tells: fuma_pipeline::live::worker::Tells::default(),
            shows: false,
            belongs: self.belongs.clone(),
        }
    }

    /// Another pack, put in force after this one.
    pub fn followed_by(&self, pack: &Arc<Pack>, hash: &str) -> Setup {
        Setup { pack: Arc::clone(pack), pack_hash: hash.to_owned(), pack_order: self.pack_order + 1, ..self.clone() }
    }
}
