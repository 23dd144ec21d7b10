//! What officials and operators do with what waits: publish, sign, approve, withdraw, hold; on Kafka, or in a folder.
//!
//! ```text
//! place      the log of an installation: read without a lock, written in the order that a reader needs
//! keys       private keys in PEM files, signatures made elsewhere
//! agree      approve, and the bytes that are signed
//! withdraw   what waits, or is scheduled, is not to happen
//! hold       the emergency stop
//! release    its end: what it announces is shown first
//! publish    a pack is proposed
//! officials  the list, and another one proposed
//! outcomes   what a switch came to
//! publications  publications of tiers that wait, and their sizes
//! shown      a switch, a proposal, a history in words and as JSON
//! ```
//!
//! Owns the commands. What counts is the fold's (`live/decisions/basis`): a command says what became of its record.

mod agree;
mod hold;
mod keys;
mod officials;
mod outcomes;
mod place;
mod publications;
mod publish;
mod release;
pub(super) mod shown;
mod withdraw;

pub use agree::{ApproveArguments, approve};
pub use hold::{HoldArguments, hold};
pub use keys::{KeygenArguments, keygen};
pub use officials::{OfficialsArguments, officials};
pub use place::{Office, PlaceArguments, Seen};
pub use publish::{PublishArguments, publish};
pub use withdraw::{WithdrawArguments, withdraw};

use super::{CommandError, REFUSED};

/// Refused until an official or an operator acts.
fn refused(text: impl Into<String>) -> CommandError {
    CommandError::Said { text: text.into(), exit_code: REFUSED }
}
