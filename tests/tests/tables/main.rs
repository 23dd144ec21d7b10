//! Tables as people send them, through maps: records and rejects, row by row.
//!
//! ```text
//! maps     what is wrong with a map  ready    the ready maps        look     what a look at a file says
//! timetable   timetables, and manifests that name stations
//! run      a file through a map, in memory        shared   the files of ../shared/data/tables, where they are
//! ```
//!
//! Owns what a table must come to. Must never need more than the project holds: what is shared is passed over where it
//! is not.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod look;
mod maps;
mod ready;
mod run;
mod shared;
mod timetable;
