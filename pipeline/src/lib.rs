//! The thinking: from raw records to announced code changes.
//!
//! ```text
//! intake    raw record -> evidence batch or reject          (identities end here)
//! trace     which contacts count, across people             (the only place that joins people)
//! linked    phones to their holders, people aboard to cases (and people aboard to each other)
//! evidence  fact tables of a partition, gathered by person
//! policy    packs: SQL rules, planned once, executed a step at a time
//! admission whether a pack may be used: its cases, its name
//! assess    reasons -> timeline -> state -> change
//! replay    the engine over files, with a virtual clock
//! live      the engine on a log: a service
//! config    what a service is told: a file, the environment, flags
//! http      how a service is, for machines: metrics and probes
//! explain   why a person has a colour, and what does not count; what is overdue
//! preview   what a pack would do to everybody before it is in force
//! compare   where two packs differ, without any data
//! seed      the secret of the process that hash tables are keyed with
//! tables    tables of others to records of feeds, by maps
//! commands  the fuma binary
//! ```
//!
//! Evidence is ground state, colours are derived state, changes are the difference.
//! `trace`, `linked`, `evidence`, `policy` and `assess` are pure: no I/O, no wall clock, no randomness (I-7).

pub mod admission;
pub mod assess;
pub mod commands;
pub mod compare;
pub mod config;
pub mod district;
pub mod evidence;
pub mod explain;
pub mod http;
pub mod intake;
pub mod invariant;
pub mod linked;
pub mod live;
pub mod policy;
pub mod preview;
pub mod replay;
pub mod seed;
pub mod tables;
pub mod trace;
