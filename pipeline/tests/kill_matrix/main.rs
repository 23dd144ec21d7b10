//! `fuma run` on a real Apache Kafka, killed and stopped where it hurts: nothing is announced twice, nothing is lost.
//!
//! ```text
//! feeds          some thousand records with many changes, and what a replay says of them
//! installation   topics, a group and folders of a case; processes that can die
//! announced      what a reader of committed records sees, and what must hold of it
//! matrix         every place x killed or stopped x the same owner or another
//! brokers        the broker dies, the broker pauses
//! surroundings   no room for snapshots, poison on every feed, topics that are missing or wrong
//! belongs        topics, key, group and partitions are other than they were: refused, and the advice is followed
//! officials      a pack is changed as officials do it
//! named          members with names of their own: a rolling restart moves no partition
//! parked         one person out of step, and an operator's word; a stop while no broker answers
//! secure         a broker with TLS and passwords
//! records        one record, one partition, deleted records: nobody else notices, and it is said
//! cluster        three brokers: leaders and coordinators move, followers lag, brokers die
//! client         Kafka's own consumer reads the changes
//! ```
//!
//! The places are in builds with the feature `faults` only, which `cargo test --workspace` makes; in others the matrix
//! says so and passes.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods)]
#![cfg(feature = "kafka")]

mod announced;
mod belongs;
#[allow(unreachable_pub, reason = "shared with a library")]
#[path = "../../../tests/src/broker.rs"]
mod broker;
mod brokers;
mod client;
mod cluster;
mod feeds;
mod installation;
mod matrix;
mod named;
mod officials;
mod parked;
mod records;
mod secure;
mod surroundings;

/// One test at a time: each has processes and perhaps a broker of its own, and deadlines are for a machine that has
/// nothing else to do.
fn alone() -> std::sync::MutexGuard<'static, ()> {
    static ALONE: std::sync::Mutex<()> = std::sync::Mutex::new(());
    ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
