//! Policy packs: a province's published rules as data (DESIGN.md section 5).
//!
//! ```text
//! source      where a pack's files come from: a folder, or the binary
//! error       what is wrong with a pack: file, line, reason, what to do
//! manifest    policy.toml
//! sql_file    a rule or view: front matter, then one SELECT
//! csv_table   tables/*.csv
//! days        what the engine takes from the parameters by name
//! functions   what the engine adds to SQL: day(t), day_end(t, n) ...
//! leaf        the tables of a step as leaves of a plan
//! planner     SQL -> checked plans, once
//! locality    a rule looks at one person only (I-6)
//! drivers     which people a rule can say anything about
//! pack        the loaded pack
//! execution   the plans, executed a step at a time
//! cases       the scenarios that must hold before a pack may be used
//! ```
//!
//! Owns what a rule may be. Must never read a clock, and knows no colour's meaning beyond its severity.

pub mod cases;
pub mod csv_table;
pub mod days;
pub mod drivers;
pub mod error;
pub mod execution;
pub mod functions;
pub mod leaf;
pub mod locality;
pub mod manifest;
pub mod pack;
pub mod planner;
pub mod source;
pub mod sql_file;

pub use error::PackError;
pub use execution::{Executor, RuleRow};
pub use pack::{Pack, Rule, Text, View, load};
pub use source::PackSource;
