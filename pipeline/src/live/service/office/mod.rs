//! What a running service has to do with decisions about packs: the first pack, the first officials, and a loud word
//! about everything that is decided.
//!
//! ```text
//! bootstrap   the pack of an installation that has none; of any other the one in force, by the log
//! inbox       what commands leave in a state folder, whose log one process alone may write
//! follow      decisions as they come: said in the log of the process
//! ```
//!
//! Owns these. Must never decide: what is in force is the fold's (`live/decisions/basis`).

mod bootstrap;
mod follow;
mod inbox;

pub(super) use bootstrap::settle;
pub(super) use follow::follow;
pub use inbox::{Left, leave};
