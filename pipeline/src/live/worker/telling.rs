//! What people forgot is told to trace: cases and contacts, as records of the link log (docs/packs.md, "Forgetting").
//!
//! Trace cannot know who is green, so it forgets nothing by itself. A link may be told again, after a crash or by a
//! successor, and that does no harm. Until it is told no snapshot goes on: one without the link would be the end of it.
//!
//! Owns the links that wait. Must never tell of a fact that people still have, but those that wait for trace's word.

use fuma_connectors::log::{Appender, LogError, Outgoing, Severity, Topic};

use crate::evidence::ForgottenLink;
use crate::live::record::{ForgottenRow, Origin, RecordError, RecordWriter, forgotten_batch};

/// Links of a message: fewer than verdicts can tell apart (`trace::version_of`).
const ROWS_MAX: usize = 16_384;

/// The links that wait to be told.
pub(super) struct Telling {
    appender: Option<Box<dyn Appender>>,
    writer: RecordWriter,
    waiting: Vec<ForgottenLink>,
}

impl Telling {
    /// Without an appender nobody is told: for a worker that has no trace behind its log.
    pub(super) fn new(appender: Option<Box<dyn Appender>>, origin: Origin) -> Telling {
        Telling { appender, writer: RecordWriter::of(origin), waiting: Vec::new() }
    }

    /// Adds links.
    pub(super) fn add(&mut self, links: Vec<ForgottenLink>) {
        if self.appender.is_some() {
            self.waiting.extend(links);
        }
    }

    /// Whether nothing waits.
    pub(super) fn is_done(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Tells what waits. What cannot be told for now is told again later.
    ///
    /// # Errors
    /// When the log is of no use any more.
    pub(super) fn turn(&mut self) -> Result<(), LogError> {
        let Some(appender) = self.appender.as_mut().filter(|_| !self.waiting.is_empty()) else { return Ok(()) };
        let told = tell(appender.as_mut(), &mut self.writer, &self.waiting);
        match told {
            Ok(()) => {
                tracing::info!(links = self.waiting.len(), "trace was told what people forgot");
                self.waiting.clear();
                Ok(())
            }
            Err(error) if error.severity() == Severity::Transient => {
                tracing::warn!(%error, "trace could not be told yet what people forgot");
                Ok(())
            }
            Err(error) => Err(error),
        }
    }
}

fn tell(appender: &mut dyn Appender, writer: &mut RecordWriter, links: &[ForgottenLink]) -> Result<(), LogError> {
    let wrong = |error: RecordError| LogError::fatal(error.to_string());
    for links in links.chunks(ROWS_MAX) {
        let row = |link: &ForgottenLink| ForgottenRow { person: link.person, fact: link.fact, version: link.version };
        let rows: Vec<ForgottenRow> = links.iter().map(row).collect();
        writer.add_forgotten(&forgotten_batch(&rows).map_err(wrong)?).map_err(wrong)?;
        appender.append(Topic::Links, Outgoing { value: writer.finish(), ..Outgoing::default() })?;
    }
    appender.flush()
}
