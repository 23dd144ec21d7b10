//! What links evidence to people who do not stand in it: phones to their holders, and people aboard to cases.
//!
//! ```text
//! holders    who holds a phone at an instant, as the bindings say
//! attach     key = phone: its records and holders -> evidence of people
//! phone_state  the phones as tables of a snapshot, and forgetting
//! rides      key = person: what a person says about each conveyance
//! speaker    people asked together, under the pack that traces
//! aboard     key = conveyance: rides -> contacts of those who were aboard with a case
//! conveyances  all conveyances under one pack
//! tracer     people and conveyances in one step, for a replay
//! journeys   conveyances by what people told them, for a running service
//! stage      all of it in the order of DESIGN: bindings, phones, rides, conveyances
//! counts     what waits, and what is left out
//! ```
//!
//! What comes out are derived facts, replaced whole ([`crate::evidence::Derived`]). Each stage says a function of the
//! winning facts alone: in any order, and again and again, it comes to what a computation from nothing comes to. No
//! stage reads a colour or a clock, and a derived contact makes nobody infectious, so one round is all.
//!
//! Pure: no I/O, no clock. Must never give one person's token to another's facts.

mod aboard;
mod attach;
mod conveyances;
mod counts;
mod holders;
mod journeys;
mod phone_state;
mod rides;
mod speaker;
mod stage;
#[cfg(test)]
mod tests;
mod tracer;

pub use aboard::{Met, PAIRS_MAX as CONVEYANCE_PAIRS_MAX, Party, ROWS_MAX as CONVEYANCE_ROWS_MAX};
pub use attach::{Attach, attached_key};
pub use counts::{LinkedCounts, Waiting};
pub use holders::Holding;
pub use journeys::Journeys;
pub use phone_state::{HOLDERS, PhonePages};
pub use rides::{Conveyance, Infectious, KeptFrom, Ride, Trip, conveyances};
pub use speaker::{Says, Speaker};
pub use stage::{Linked, holdings, reads};
