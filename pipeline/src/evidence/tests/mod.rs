//! Tests of the state: against a model that keeps every record and thinks again each time.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod bounds;
mod cases;
mod collisions;
mod forgetting;
mod measure;
mod model;
mod properties;
mod records;
mod snapshot;
mod snapshot_measure;
