//! The plans of a pack over the tables of a step.
//!
//! ```text
//! leaf       the tables of a step as leaves of a plan
//! direct     a plan evaluated in one go, without DataFusion's streams
//! execution  the plans, executed a step at a time
//! halves     what fails on a step is tried on its halves
//! ```
//!
//! Owns the execution. Must never choose who is judged or when.

pub mod direct;
pub mod execution;
pub mod halves;
pub mod leaf;
