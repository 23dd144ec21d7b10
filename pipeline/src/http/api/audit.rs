//! Who looked whom up, what for, and when: kept until the log has it (docs/api.md).
//!
//! The look-ups of one second travel as one record. While the log is away they wait here, and beyond a bound no look-up
//! is answered: nobody is looked up unseen.
//!
//! Owns what waits. Must never hold the number of a certificate.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use fuma_schemas::{Instant, Person};
use serde::{Deserialize, Serialize};

use super::clients::Role;
use crate::live::metric;
use crate::live::worker::clock::{SystemWall, Wall as _};

/// The most look-ups that wait.
const WAITING_MAX: usize = 200_000;
/// The most look-ups of a record: it stays below what a message may have.
const OF_RECORD_MAX: usize = 2_000;
/// The most bytes of a look-up in a record, and of a message.
const LOOK_UP_BYTES_MAX: usize = 400;
const _: () = assert!(OF_RECORD_MAX * LOOK_UP_BYTES_MAX <= 900_000);

/// What was asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Act {
    /// By a token.
    Look,
    /// By a certificate.
    LookUp,
    /// By a token, and why.
    Explain,
    /// All changes, as they are announced.
    Changes,
    /// All colours.
    Colours,
}

impl Act {
    fn name(self) -> &'static str {
        match self {
            Act::Look => "look",
            Act::LookUp => "lookup",
            Act::Explain => "explain",
            Act::Changes => "changes",
            Act::Colours => "colours",
        }
    }
}

/// Stands for everybody.
const EVERYBODY: &str = "*";

/// A look-up.
#[derive(Clone, Debug)]
pub(super) struct LookUp {
    pub(super) client: String,
    pub(super) role: Role,
    pub(super) act: Act,
    /// None: everybody.
    pub(super) person: Option<Person>,
    pub(super) purpose: Option<String>,
}

/// A look-up in a record.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Line {
    /// When.
    pub at: String,
    /// The client.
    pub client: String,
    /// What the client is.
    pub role: String,
    /// look, lookup, explain, changes, colours.
    pub act: String,
    /// Whom: the person's token, also where the client has one of its own; `*`: everybody.
    pub person: String,
    /// What for; none of an issuer that says nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purpose: Option<String>,
}

/// A record of the topic: the look-ups of one process in one second.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct AuditRecord {
    /// The process that answered.
    pub process: String,
    /// The look-ups, in order.
    pub lookups: Vec<Line>,
}

/// There are too many that wait.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Full;

/// A look-up, and when it was.
type At = (Instant, LookUp);

/// The look-ups that wait for the log; clones share them.
#[derive(Clone, Debug, Default)]
pub struct Audit(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    waiting: Mutex<Waiting>,
    /// What is being written: it is formatted without holding up who asks.
    under_way: Mutex<Vec<At>>,
}

#[derive(Debug, Default)]
struct Waiting {
    look_ups: Vec<At>,
    /// How many are under way beside them.
    under_way: usize,
    /// Nothing more is written: nothing more may be answered.
    is_closed: bool,
}

impl Audit {
    pub(super) fn record(&self, look_up: LookUp) -> Result<(), Full> {
        let now = SystemWall::default().now();
        let mut waiting = locked(&self.0.waiting);
        if waiting.is_closed || waiting.look_ups.len() + waiting.under_way >= WAITING_MAX {
            return Err(Full);
        }
        waiting.look_ups.push((now, look_up));
        Ok(())
    }

    /// What waits, as records: each of one second, and no more than a message takes. The same again, until they are
    /// said to be written.
    pub fn records(&self, process: &str) -> Vec<AuditRecord> {
        let mut under_way = locked(&self.0.under_way);
        if under_way.is_empty() {
            let mut waiting = locked(&self.0.waiting);
            std::mem::swap(&mut *under_way, &mut waiting.look_ups);
            waiting.under_way = under_way.len();
        }
        metrics::gauge!(metric::AUDIT_WAITING).set(under_way.len() as f64);
        let lines: Vec<Line> = under_way.iter().map(|(at, look_up)| line(*at, look_up)).collect();
        let of_second = |one: &Line, other: &Line| one.at.get(..SECOND) == other.at.get(..SECOND);
        let seconds = lines.chunk_by(of_second).flat_map(|second| second.chunks(OF_RECORD_MAX));
        seconds.map(|lookups| AuditRecord { process: process.to_owned(), lookups: lookups.to_vec() }).collect()
    }

    /// The log has what was under way.
    pub fn written(&self) {
        locked(&self.0.under_way).clear();
        locked(&self.0.waiting).under_way = 0;
        metrics::gauge!(metric::AUDIT_WAITING).set(0.0);
    }

    /// From now on no look-up is taken: the process ends, and nobody would write it.
    pub fn close(&self) {
        locked(&self.0.waiting).is_closed = true;
    }
}

/// The lock, also after a panic elsewhere: what it guards is never half-changed.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The characters of an instant up to its second.
const SECOND: usize = "2022-11-30T00:00:00".len();

fn line(at: Instant, look_up: &LookUp) -> Line {
    Line {
        at: at.to_string(),
        client: look_up.client.clone(),
        role: look_up.role.name().to_owned(),
        act: look_up.act.name().to_owned(),
        person: look_up.person.map_or_else(|| EVERYBODY.to_owned(), |person| person.to_string()),
        purpose: look_up.purpose.clone(),
    }
}
