//! Tables of others to records of feeds: the rows that `connectors/tables` reads, by a map.
//!
//! ```text
//! map        what a map says                 header     which column lies where
//! importer   header, data, end; rows that are no records; counts
//! record     a row -> records, in the order of codes    values   a cell -> the value of a field
//! line       a record as JSON               ready    the maps that come with the program
//! journeys   a train, a date, two stations -> instants       ride   the fields of a record that come of them
//! look       what an unknown table is, and a map to begin with
//! ```
//!
//! Owns this translation. Must never guess: a value that the map does not know is a reject with its row and column, and
//! what is found is never repeated. Does no I/O.

mod codes;
mod header;
mod importer;
mod journeys;
mod line;
pub mod look;
pub mod map;
pub mod ready;
mod record;
mod ride;
mod values;

pub use codes::ImportCode;
pub use importer::{Counts, Importer, Out, Rejected};
pub use journeys::Journeys;
pub use map::{Map, MapError};
pub use record::Maker;
pub use values::regions::{Regions, Unresolved};
