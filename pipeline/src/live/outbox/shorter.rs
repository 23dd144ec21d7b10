//! What becomes of a record that is longer than its topic takes.
//!
//! ```text
//! a letter              is cut: its first bytes, and how long its record was
//! rows                  two messages with half of them each, down to one row
//! the row of a large    the record is rejected (`too-large`): its letter instead
//! record
//! as it stands          waits until the topic takes it
//! ```
//!
//! Owns that choice. Must never end a stage, and never lose a record without a letter.

use fuma_connectors::log::{Outgoing, Topic};
use fuma_schemas::{Feed, RejectCode};
use metrics::counter;

use crate::live::intake::cut_letter;
use crate::live::metric;
use crate::live::record::halves;

/// How a record may be made shorter.
#[derive(Clone, Debug)]
pub(in crate::live) enum Shorter {
    /// Not at all: its rows depend on their places.
    AsItStands,
    /// A set of rows.
    Rows,
    /// A dead letter.
    Letter,
    /// The only row of a record of a feed.
    Reject(Box<Instead>),
}

/// The dead letter that takes the place of a record that no topic takes.
#[derive(Clone, Debug)]
pub(in crate::live) struct Instead {
    pub(in crate::live) topic: Topic,
    pub(in crate::live) letter: Outgoing,
    /// Where the record was.
    pub(in crate::live) feed: Feed,
    pub(in crate::live) partition: u32,
    pub(in crate::live) offset: u64,
}

impl Instead {
    /// Says which record is rejected, and counts it.
    pub(super) fn tell(&self, place: &str, prefix: &str, bytes: usize) {
        let code = RejectCode::TooLarge.name();
        counter!(metric::RECORDS_REJECTED, "feed" => self.feed.name(), "code" => code).increment(1);
        tracing::warn!(
            feed = Topic::Feed(self.feed).name(prefix),
            partition = self.partition,
            offset = self.offset,
            code,
            bytes,
            target_place = place,
            "a record is rejected: what it becomes is longer than its topic takes"
        );
    }
}

/// What is written in the place of a record.
pub(super) enum Made {
    Records(Vec<Outgoing>, Shorter),
    Instead(Instead),
    Nothing(Shorter),
}

/// Makes a record shorter.
pub(super) fn made(shorter: Shorter, record: &Outgoing) -> Made {
    match shorter {
        Shorter::Reject(instead) => Made::Instead(*instead),
        Shorter::Letter => match cut_letter(record) {
            Some(cut) => Made::Records(vec![cut], Shorter::Letter),
            None => Made::Nothing(Shorter::Letter),
        },
        Shorter::Rows => match halves(&record.value) {
            Some(halves) => {
                let half = |value| Outgoing { value, ..record.clone() };
                Made::Records(halves.map(half).to_vec(), Shorter::Rows)
            }
            None => Made::Nothing(Shorter::Rows),
        },
        Shorter::AsItStands => Made::Nothing(Shorter::AsItStands),
    }
}
