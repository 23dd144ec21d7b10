//! (to be written)

pub mod fact_key;
pub mod version;
