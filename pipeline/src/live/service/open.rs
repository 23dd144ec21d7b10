//! The log that the configuration names: Apache Kafka, or a folder.
//!
//! Owns the choice. The engine sees a [`Log`] and never which.

use std::sync::Arc;

use fuma_connectors::log::{Log, LogError};

use super::Service;

/// Opens the log.
///
/// # Errors
/// When it cannot be opened; says what to do.
pub(super) fn log(_service: &Service) -> Result<Arc<dyn Log>, LogError> {
    Err(LogError::operator("no log yet"))
}
