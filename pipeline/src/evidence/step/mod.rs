//! What rules see of people: rows gathered by person, shown as Arrow columns; and a fact as a whole, for people.
//!
//! Owns the tables that rules may name. Must never change the state.

mod describe;
mod gather;
mod materialise;
mod rule_table;

pub use describe::{FactView, TierView};
pub use gather::{Mark, StepRows};
pub use materialise::{StepPart, StepTable, materialise};
pub use rule_table::{RuleTable, RuleTables, Wanted, WantedTiers};
