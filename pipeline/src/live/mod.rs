//! Live: the same engine on a log, as a service that never stops and never announces twice.
//!
//! ```text
//! record     the layout of an evidence record: sections of Arrow IPC, and the cause of each row
//! intake     feed records -> evidence, links, reference, dead letters        (a thread or more)
//! partitions what each partition of this process is: restoring, owned, parked
//! outbox     what a stage wants written, until the log has acknowledged it
//! attach     records of phones, and who holds them -> evidence of people  (a thread where people are judged)
//! trace      link records -> contacts with their standing                    (one thread in the group)
//! worker     evidence -> changes and positions in one transaction            (a thread a core)
//! status      what the processes hold and how far behind they are, said in the log itself
//! answers    announced states behind each commit, for those who ask
//! snapshot   a partition's state as Parquet, written between commits, read at a takeover
//! decisions  what the installation is, and what people decided: one log, and what it comes to
//! guard      publications of tiers are counted before they take effect
//! packs      packs in the reference log: whole, by their digest
//! service    opens the log, starts the stages, ends them
//! marker     an offset of a log at which nothing stands
//! monotonic  a clock for deadlines
//! metric     the names and units of what is measured
//! fault      places at which a test can end the process                      (only in test builds)
//! ```
//!
//! Owns the order of I/O. Must never judge: that is `assess`, which knows neither log nor clock.

pub mod aboard;
pub mod answers;
pub mod attach;
pub mod decisions;
pub mod fault;
#[cfg(test)]
mod format_1;
pub mod guard;
pub mod intake;
pub mod keyed;
mod marker;
#[cfg(test)]
mod memory;
pub mod metric;
pub(crate) mod monotonic;
mod outbox;
pub mod packs;
pub mod partitions;
pub mod record;
pub mod service;
pub mod snapshot;
pub mod status;
pub mod stop;
pub mod subscriptions;
#[cfg(test)]
mod tests;
pub mod trace;
pub mod worker;

/// A file in the state folder, made anew, that only the owner of the process may read: it names people by their tokens.
pub(crate) fn private_file(path: &std::path::Path) -> std::io::Result<std::io::BufWriter<std::fs::File>> {
    use std::os::unix::fs::OpenOptionsExt as _;

    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let file = std::fs::OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(path)?;
    Ok(std::io::BufWriter::new(file))
}
