//! The wish to stop, shared by all threads, of the log's clients too.
//!
//! Owns nothing: it is the log's.

pub use fuma_connectors::log::Stop;
