//! Policy packs: a province's published rules as data (ARCHITECTURE.md).
//!
//! ```text
//! source      where a pack's files come from: a folder, or the binary
//! files       which files a pack has
//! digest      one number for what a pack decides by
//! error       what is wrong with a pack: file, line, reason, what to do
//! near        did you mean ...?
//! manifest    policy.toml
//! tables      tables/*.csv, typed as declared
//! sql         a rule or view: text -> checked plan
//! days        what the engine takes from the parameters by name
//! tracing     tracing/*.sql: who is infectious, and who was aboard
//! pack        the loaded pack
//! step        the plans, executed a step at a time
//! cases       the scenarios that must hold before a pack may be used
//! ```
//!
//! Owns what a rule may be. Must never read a clock, and knows no colour's meaning beyond its severity.

pub mod cases;
pub mod days;
pub mod digest;
pub mod error;
pub mod files;
pub mod manifest;
pub mod near;
pub mod pack;
pub mod source;
pub mod sql;
pub mod step;
pub mod tables;
pub mod tracing;

pub use error::PackError;
pub use pack::{Pack, Rule, Text, View, load};
pub use source::PackSource;
pub use sql::{functions, planner, sql_file};
pub use step::execution::{Executor, PlantedFault, RuleFault, RuleRow};
pub use step::halves::by_halves;
pub use step::leaf;
