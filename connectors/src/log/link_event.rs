//! What happened to the reader of the link log.
//!
//! Owns the closed list. Must never hold a record.

/// What a poll of the link log came to besides records.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LinkEvent {
    /// Nothing.
    None,
    /// The log is this reader's from now on, committed up to an offset (none: never); call
    /// [`LinkSource::seek`](super::LinkSource::seek).
    Assigned(Option<u64>),
    /// The log is another's from now on.
    Revoked,
}
