//! The folder under kills, cuts and damage.

#![allow(clippy::unwrap_used, clippy::expect_used)]
