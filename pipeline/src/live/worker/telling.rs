//! What people forgot is told to trace: cases and contacts, as records of the link log (docs/packs.md, "Forgetting").
//!
//! Trace cannot know who is green, so it forgets nothing by itself. A link may be told again, after a crash or by a
//! successor, and that does no harm. Until it is told no snapshot goes on: one without the link would be the end of it.
//!
//! Owns the links that wait. Must never tell of a fact that people still have, but those that wait for trace's word.

use fuma_connectors::log::{Appender, LogError, Outgoing, Topic};

use crate::evidence::ForgottenLink;
use crate::live::outbox::{Outbox, Shorter};
use crate::live::record::{ForgottenRow, Origin, RecordError, RecordWriter, forgotten_batch};
use crate::live::stop::Stop;

/// Links of a message: fewer than verdicts can tell apart (`trace::version_of`).
const ROWS_MAX: usize = 16_384;

/// The links that wait to be told.
pub(super) struct Telling {
    appender: Option<Box<dyn Appender>>,
    writer: RecordWriter,
    waiting: Vec<ForgottenLink>,
    /// What is on its way: a link log without a leader holds up nobody's commit.
    outbox: Outbox,
}

impl Telling {
    /// Without an appender nobody is told: for a worker that has no trace behind its log.
    pub(super) fn new(appender: Option<Box<dyn Appender>>, origin: Origin) -> Telling {
        Telling { appender, writer: RecordWriter::of(origin), waiting: Vec::new(), outbox: Outbox::new("assess", "") }
    }

    /// Adds links.
    pub(super) fn add(&mut self, links: Vec<ForgottenLink>) {
        if self.appender.is_some() {
            self.waiting.extend(links);
        }
    }

    /// Whether nothing waits.
    pub(super) fn is_done(&self) -> bool {
        self.waiting.is_empty() && self.outbox.is_empty()
    }

    /// Tells what waits. What cannot be told for now is told again later.
    ///
    /// # Errors
    /// When the log is of no use any more.
    pub(super) fn turn(&mut self) -> Result<(), LogError> {
        if self.is_done() {
            return Ok(());
        }
        let Some(appender) = &mut self.appender else { return Ok(()) };
        write(&mut self.writer, &self.waiting, &mut self.outbox).map_err(|error| LogError::fatal(error.to_string()))?;
        if !self.waiting.is_empty() {
            tracing::info!(links = self.waiting.len(), "trace is told what people forgot");
            self.waiting.clear();
        }
        self.outbox.deliver(appender.as_mut(), &Stop::default())
    }
}

fn write(writer: &mut RecordWriter, links: &[ForgottenLink], outbox: &mut Outbox) -> Result<(), RecordError> {
    for links in links.chunks(ROWS_MAX) {
        let row = |link: &ForgottenLink| ForgottenRow { person: link.person, fact: link.fact, version: link.version };
        let rows: Vec<ForgottenRow> = links.iter().map(row).collect();
        writer.add_forgotten(&forgotten_batch(&rows)?)?;
        let message = Outgoing { value: writer.finish(), ..Outgoing::default() };
        outbox.push(Topic::Links, message, Shorter::AsItStands);
    }
    Ok(())
}
