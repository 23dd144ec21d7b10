//! SQL of a pack: from a file to a checked plan.
//!
//! ```text
//! sql_file   a rule or view: front matter, then one SELECT
//! functions  what the engine adds to SQL: day(t), day_end(t, n) ...
//! gate       what SQL may say: an allow-list
//! locality   a rule looks at one person only (I-6)
//! drivers    which people a rule can say anything about
//! joins      how many rows joins may come to for one person
//! tiers      which tiers that a stay meets a plan may look at
//! planner    SQL -> checked plans, once
//! ```
//!
//! Owns what a SELECT may be. Must never execute one.

pub mod drivers;
pub mod functions;
pub mod gate;
pub mod joins;
pub mod locality;
pub mod planner;
pub mod sql_file;
pub mod tiers;
