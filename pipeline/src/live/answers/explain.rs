//! Why somebody has a colour, asked of a running service: the one answer that waits for a step of a worker.
//!
//! ```text
//! who asks -> [asked] -> names of the person's records, from the log -> [place] -> the worker, between two commits
//! ```
//!
//! The state has no owners and ids of evidence: they are read from the evidence log, as far as it goes back and for a
//! bounded time. A fact whose record is not there any more is shown without a name.
//!
//! Owns the queues. Both are bounded: who finds no room is told to ask again. Must never show what is not committed.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use arrow::array::{Array as _, AsArray as _, BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use fuma_connectors::log::{LogError, RestoreLog};
use fuma_schemas::evidence::log;
use fuma_schemas::{Kind, Person};
use futures::channel::oneshot::Sender;
use serde_json::Value;

use crate::explain::{self, Inputs, Known};
use crate::live::monotonic;
use crate::live::record::{self, Origin, Section};
use crate::live::worker::owned::Owned;

/// The most questions that wait for their names, and of a partition for its worker.
const WAITING_MAX: usize = 16;
/// For how long the log is read for one question.
const READ_MAX: Duration = Duration::from_secs(5);
/// The most announcements that are shown: the newest.
const ANNOUNCED_MAX: usize = 100;

/// Why somebody has a colour.
#[derive(Debug)]
pub struct Explained {
    /// The account, as `fuma explain --json` has it.
    pub account: Value,
    /// The clock of the commit that it is of.
    pub as_of: fuma_schemas::Instant,
    /// The changes that were announced, oldest first, as far as the log has them.
    pub announced: Vec<Value>,
    /// Whether the log was read to its end for the names and the announcements.
    pub is_whole: bool,
}

/// Who is asked about, and whom to answer.
#[derive(Debug)]
pub struct Asked {
    /// Whom.
    pub person: Person,
    /// Where the answer goes.
    pub reply: Sender<Explained>,
}

/// A question with what the log says of the person.
#[derive(Debug)]
pub(super) struct Question {
    asked: Asked,
    found: Found,
}

/// What the log says of a person.
#[derive(Debug, Default)]
pub struct Found {
    /// The person's rows.
    batches: Vec<(Kind, RecordBatch)>,
    announced: Vec<Value>,
    is_whole: bool,
}

/// Questions that wait.
#[derive(Debug)]
pub(super) struct Queue<T>(Mutex<VecDeque<T>>);

impl<T> Default for Queue<T> {
    fn default() -> Queue<T> {
        Queue(Mutex::default())
    }
}

impl<T> Queue<T> {
    /// Whether there was room.
    pub(super) fn push(&self, question: T) -> bool {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let has_room = waiting.len() < WAITING_MAX;
        if has_room {
            waiting.push_back(question);
        }
        has_room
    }

    pub(super) fn pop(&self) -> Option<T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }
}

impl Question {
    pub(super) fn new(asked: Asked, found: Found) -> Question {
        Question { asked, found }
    }

    /// Answers from a partition, all of whose evidence is committed. A rule that cannot be executed answers nothing.
    pub(super) fn answer(self, owned: &Owned) {
        let Question { asked: Asked { person, reply }, found } = self;
        let at = owned.standing.clock;
        let batches = [found.batches];
        let inputs = Inputs::new(&batches, at);
        let known = Known::new(std::slice::from_ref(&owned.partition), &inputs, &owned.in_force.pack, at);
        match explain::account(&known, person) {
            Ok(account) => {
                let (account, announced) = (explain::json(&account), found.announced);
                // Who asked may have gone.
                let _ = reply.send(Explained { account, as_of: at, announced, is_whole: found.is_whole });
            }
            Err(error) => tracing::warn!(partition = owned.id, %error, "an account cannot be given"),
        }
    }
}

/// What the log says of a person: the rows of the person's evidence, and the announcements. Reads for a bounded time.
///
/// # Errors
/// When the log cannot be read.
pub fn found(
    reader: &mut dyn RestoreLog,
    (partition, person): (u32, Person),
    origin: Origin,
) -> Result<Found, LogError> {
    let begun = monotonic::now();
    let is_late = || begun.elapsed() > READ_MAX;
    let (mut found, mut was_late) = (Found::default(), false);
    let offsets = reader.evidence_bounds(partition)?;
    if !offsets.is_empty() {
        reader.read_evidence(partition, offsets, &mut |log_record| {
            // One that is not understood parks its partition; here it says nothing.
            for section in record::read_as(&log_record.value, origin).unwrap_or_default() {
                if let Section::Rows { kind, batch } = section {
                    found.batches.extend(rows_of(person, &batch).map(|batch| (kind, batch)));
                }
            }
            was_late = is_late();
            !was_late
        })?;
    }
    let token = person.to_string();
    let mut announced = VecDeque::new();
    if !was_late {
        reader.read_output(partition, 0, &mut |change| {
            if change.key.as_ref() == token.as_bytes() {
                announced.extend(change.value.and_then(|value| serde_json::from_slice::<Value>(&value).ok()));
                if announced.len() > ANNOUNCED_MAX {
                    announced.pop_front();
                }
            }
            was_late = is_late();
            !was_late
        })?;
    }
    Ok(Found { announced: announced.into(), is_whole: !was_late, ..found })
}

/// The rows of a person; none where there are none.
fn rows_of(person: Person, batch: &RecordBatch) -> Option<RecordBatch> {
    let people = batch.column(log::PERSON).as_fixed_size_binary_opt()?;
    let is_of: BooleanArray =
        (0..people.len()).map(|row| Some(people.is_valid(row) && people.value(row) == person.0.as_slice())).collect();
    if is_of.true_count() == 0 {
        return None;
    }
    filter_record_batch(batch, &is_of).ok()
}
