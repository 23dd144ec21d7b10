//! Why a log did not do as asked: one closed list of codes, each with how far it reaches and what helps.
//!
//! ```text
//! scope   record | partition | stage | process     whom the failure concerns: nobody else stops
//! remedy  retry | refuse | bug                     the same again later, a person first, or a fault of this program
//! ```
//!
//! Owns the codes: metrics and tests name them, people read the message. Must never carry a key, a value or a secret
//! of the configuration.

/// How far a failure reaches. Whatever is outside goes on.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Scope {
    /// One record, or one call: the client goes on.
    Record,
    /// One partition.
    Partition,
    /// One stage: its client is dropped with all state that hangs on it, and made again.
    Stage,
    /// The process ends.
    Process,
}

/// What helps.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Remedy {
    /// The same again, after a pause.
    Retry,
    /// Somebody has to repair something first. It is tried again now and then, in case somebody did.
    Refuse,
    /// Nothing: the program is wrong. What hangs on it is made again from what was committed.
    Bug,
}

/// What to do about an error: scope and remedy in short, for whoever only decides whether to call again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Severity {
    /// It passes: call again.
    Transient,
    /// The client is of no more use: drop it with all state that hangs on it, and begin anew.
    Fatal,
    /// Beginning anew does not help: somebody has to repair the configuration or the log.
    Operator,
}

/// The codes, in kebab case for metrics.
macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $name:ident = $text:literal, $scope:ident, $remedy:ident;)+) => {
        /// What kind of failure it is.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum Code { $($(#[doc = $doc])+ $name,)+ }

        impl Code {
            /// Every code.
            pub const ALL: &[Code] = &[$(Code::$name,)+];

            /// The stable text: a label of metrics.
            pub fn as_str(self) -> &'static str {
                match self { $(Code::$name => $text,)+ }
            }

            /// Whom it concerns.
            pub fn scope(self) -> Scope {
                match self { $(Code::$name => Scope::$scope,)+ }
            }

            /// What helps.
            pub fn remedy(self) -> Remedy {
                match self { $(Code::$name => Remedy::$remedy,)+ }
            }
        }
    };
}

codes! {
    /// It passes: the same call again.
    Passing = "passing", Record, Retry;
    /// The broker, or whoever else was asked, does not answer.
    NoAnswer = "no-answer", Record, Retry;
    /// A partition has no leader for now.
    NoLeader = "no-leader", Partition, Retry;
    /// A transaction on a partition does not end.
    Hanging = "hanging-transaction", Partition, Refuse;
    /// A partition does not hold the offsets that are asked for.
    OutOfRange = "out-of-range", Partition, Refuse;
    /// A partition's records were passed over by a client, or do not come.
    Skipped = "records-skipped", Partition, Retry;
    /// The client is of no more use.
    Client = "client", Stage, Retry;
    /// Another took the transactional id over.
    Fenced = "fenced", Stage, Retry;
    /// Nobody knows whether a transaction was committed.
    Unknown = "outcome-unknown", Stage, Retry;
    /// The process is about to end: what was under way is given up.
    Stopping = "stopping", Stage, Retry;
    /// Not allowed, or not who one says.
    Unauthorised = "unauthorised", Stage, Refuse;
    /// A record is larger than the log takes.
    TooLarge = "too-large", Partition, Refuse;
    /// Somebody has to repair the log.
    Repair = "repair", Stage, Refuse;
    /// A topic is missing, or is not as it must be.
    Topics = "topics", Process, Refuse;
    /// A setting is wrong.
    Settings = "settings", Process, Refuse;
    /// Another process uses the same instance name.
    Instance = "instance-in-use", Process, Refuse;
    /// A rule of the program was broken.
    Bug = "bug", Stage, Bug;
}

impl std::fmt::Display for Code {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(self.as_str())
    }
}

/// An error of a log.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct LogError {
    code: Code,
    message: String,
}

impl LogError {
    /// An error of a kind; where a person has to act, the message says what to do.
    pub fn new(code: Code, message: impl Into<String>) -> LogError {
        LogError { code, message: message.into() }
    }

    /// An error that passes.
    pub fn transient(message: impl Into<String>) -> LogError {
        LogError::new(Code::Passing, message)
    }

    /// An error after which the client is of no use.
    pub fn fatal(message: impl Into<String>) -> LogError {
        LogError::new(Code::Client, message)
    }

    /// An error that somebody has to repair; the message says what to do.
    pub fn operator(message: impl Into<String>) -> LogError {
        LogError::new(Code::Repair, message)
    }

    /// What kind of failure it is.
    pub fn code(&self) -> Code {
        self.code
    }

    /// Whom it concerns.
    pub fn scope(&self) -> Scope {
        self.code.scope()
    }

    /// What to do about it.
    pub fn severity(&self) -> Severity {
        match (self.code.remedy(), self.code.scope()) {
            (Remedy::Refuse, _) => Severity::Operator,
            (Remedy::Retry, Scope::Record | Scope::Partition) => Severity::Transient,
            (Remedy::Retry, Scope::Stage | Scope::Process) | (Remedy::Bug, _) => Severity::Fatal,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn codes_are_told_apart_and_fit_a_label() {
        let texts: BTreeSet<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(texts.len(), Code::ALL.len());
        let is_kebab = |text: &&str| text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
        assert!(texts.iter().all(is_kebab), "{texts:?}");
    }

    #[test]
    fn the_severity_follows_from_scope_and_remedy() {
        assert_eq!(LogError::transient("x").severity(), Severity::Transient);
        assert_eq!(LogError::new(Code::NoLeader, "x").severity(), Severity::Transient);
        assert_eq!(LogError::fatal("x").severity(), Severity::Fatal);
        assert_eq!(LogError::operator("x").severity(), Severity::Operator);
        assert_eq!(LogError::new(Code::Bug, "x").severity(), Severity::Fatal);
    }
}
