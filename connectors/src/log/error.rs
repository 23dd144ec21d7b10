//! Why a log did not do as asked.
//!
//! Owns the classes of failure. Must never carry a key, a value or a secret of the configuration.

/// What to do about an error.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Severity {
    /// It passes: call again.
    Transient,
    /// The client is of no more use: drop it with all state that hangs on it, and begin anew.
    Fatal,
    /// Beginning anew does not help: somebody has to mend the configuration or the log.
    Operator,
}

/// An error of a log.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct LogError {
    severity: Severity,
    message: String,
}

impl LogError {
    /// An error that passes.
    pub fn transient(message: impl Into<String>) -> LogError {
        LogError { severity: Severity::Transient, message: message.into() }
    }

    /// An error after which the client is of no use.
    pub fn fatal(message: impl Into<String>) -> LogError {
        LogError { severity: Severity::Fatal, message: message.into() }
    }

    /// An error that somebody has to mend; the message says what to do.
    pub fn operator(message: impl Into<String>) -> LogError {
        LogError { severity: Severity::Operator, message: message.into() }
    }

    /// What to do about it.
    pub fn severity(&self) -> Severity {
        self.severity
    }
}
