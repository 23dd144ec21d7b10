//! Why a record of the log of decisions counts for nothing: said loudly, wherever decisions are shown.
//!
//! Owns the words and the codes. Each says what is wrong; what to do stands where there is something to do.

/// Why a record counts for nothing.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Void {
    /// The key has its record.
    #[error("an earlier record says the same, and the first one counts")]
    Repeated,
    /// The id is not that of the contents.
    #[error("the id does not belong to what it says: something else than fuma wrote it, or for another installation")]
    NotItsId,
    /// There is nothing of that id.
    #[error("nothing of that id was proposed before")]
    Unknown,
    /// It does not wait any more.
    #[error("what it names does not wait any more")]
    Closed,
    /// A text or an instant that cannot be.
    #[error("{0}")]
    Malformed(String),
    /// No pack is in force yet.
    #[error("no pack is in force yet: start `fuma run --policy PACK` first")]
    NoPack,
    /// There are no officials.
    #[error("the installation has no officials: list them under [[officials]], and start `fuma run` again")]
    NoOfficials,
    /// A list of officials that cannot be.
    #[error("the list of officials cannot be used: {0}")]
    Officials(String),
    /// Who signed is not on the list.
    #[error("{0} is not on the list of officials (any more)")]
    NotAnOfficial(String),
    /// The signature is not that of the key.
    #[error("the signature is not that of {0} over what the record says, for this installation")]
    Signature(String),
    /// The signature was given for another proposal.
    #[error("the same bytes were signed for proposal {0}: a signature counts once. Publish it for another instant")]
    Replayed(String),
    /// What was seen is not what is proposed.
    #[error("it was signed for another {0} than the proposal has")]
    Mismatch(&'static str),
    /// The basis is another one by now.
    #[error("it was to follow another pack than the one that is in force or scheduled last: publish it again")]
    Superseded,
    /// The pack is in force already.
    #[error("the pack is in force, or scheduled last, already")]
    InForce,
    /// Other contents under the same name.
    #[error("{id} {version} was in force with other contents (digest {digest}): raise the version")]
    Contents {
        /// The id.
        id: String,
        /// The version.
        version: String,
        /// The first digits of its digest.
        digest: String,
    },
    /// The version does not rise.
    #[error("{id} was in force with version {highest}: versions only rise. Going back is --rollback with a reason")]
    Version {
        /// The id.
        id: String,
        /// The highest.
        highest: String,
    },
    /// The pack was in force before.
    #[error("the pack was in force before: going back is --rollback with a reason")]
    IsRollback,
    /// A rollback to what was never in force.
    #[error("no switch had this pack: a rollback goes back to one that was in force")]
    NeverInForce,
    /// The instant is not behind the last switch.
    #[error("it would happen at {at}, and the switch before it happens at {before}: publish it for a later instant")]
    Order {
        /// When it would happen.
        at: String,
        /// When the one before happens.
        before: String,
    },
    /// It came too late for --not-after.
    #[error("it was complete too late for its instant, and was not to happen after it (--not-after)")]
    NotAfter,
    /// Within the five minutes before the instant.
    #[error("it came within the 5 minutes before the switch, or after it: the switch goes on")]
    TooLate,
    /// It was counted on another basis.
    #[error("it was counted under another pack, or before another publication took effect: it is counted again")]
    OtherBasis,
    /// A hold is released by an approval.
    #[error("a hold is released by officials: fuma approve {0} --sign KEY")]
    NeedsApproval(String),
}

impl Void {
    /// A word for machines.
    pub fn code(&self) -> &'static str {
        match self {
            Void::Repeated => "repeated",
            Void::NotItsId => "not-its-id",
            Void::Unknown => "unknown",
            Void::Closed => "closed",
            Void::Malformed(_) => "malformed",
            Void::NoPack => "no-pack",
            Void::NoOfficials => "no-officials",
            Void::Officials(_) => "officials",
            Void::NotAnOfficial(_) => "not-an-official",
            Void::Signature(_) => "signature",
            Void::Replayed(_) => "replayed",
            Void::Mismatch(_) => "mismatch",
            Void::Superseded => "superseded",
            Void::InForce => "in-force",
            Void::Contents { .. } => "contents",
            Void::Version { .. } => "version",
            Void::IsRollback => "is-rollback",
            Void::NeverInForce => "never-in-force",
            Void::Order { .. } => "order",
            Void::NotAfter => "not-after",
            Void::TooLate => "too-late",
            Void::OtherBasis => "other-basis",
            Void::NeedsApproval(_) => "needs-approval",
        }
    }
}
