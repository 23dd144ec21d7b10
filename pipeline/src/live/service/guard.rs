//! The keeper of publications of tiers: closes what is whole, has workers count, writes their counts down, and lets in
//! what the decisions let in (docs/recovery.md R-25).
//!
//! Every process that judges does it: of each record the first counts. Owns the writing. Must never decide.

use std::time::Duration;

use fuma_connectors::log::{Appender, Log, LogError, Outgoing, Scope, Topic};

use super::Service;
use crate::live::decisions::basis::Limits;
use crate::live::decisions::{DecisionError, DecisionLog, Fold, Record};
use crate::live::guard;
use crate::live::metric;
use crate::live::record::{Control, RecordWriter};
use crate::live::worker::clock::{SystemWall, Wall as _};
use crate::live::worker::reference::References;

/// How often what may be said of publications that wait is said again.
const SAY_EVERY: Duration = Duration::from_secs(60);

/// At a start: the limits are recorded where there are none, and from here on rows of regions wait for their
/// publication. Whether a record was written to the log of regions: it is to be read on.
///
/// # Errors
/// When a log cannot be written.
pub(super) fn begin(
    log: &dyn Log,
    service: &Service,
    (decisions, references): (&DecisionLog, &References),
    now: i64,
) -> Result<bool, DecisionError> {
    let config = &service.config.guard;
    let (people, percent) = (config.tiers_people, config.tiers_percent);
    match decisions.fold().basis().limits() {
        None => decisions.write(&Record::Limits(Limits { people, percent, at: now }))?,
        Some(known) if (known.people, known.percent) != (people, percent) => tracing::warn!(
            people = known.people,
            percent = known.percent,
            "guard.tiers_people and guard.tiers_percent are not what holds: the configuration's are the first only"
        ),
        Some(_) => {}
    }
    if references.publications(guard::Publications::is_guarded) == Some(true) {
        return Ok(false);
    }
    write(log.appender("guard")?.as_mut(), service, &[Control::Guarded])?;
    Ok(true)
}

fn write(appender: &mut dyn Appender, service: &Service, controls: &[Control]) -> Result<(), LogError> {
    for control in controls {
        let mut writer = RecordWriter::of(service.origin());
        writer.add_control(*control);
        appender.append(Topic::Regions, Outgoing { value: writer.finish(), ..Outgoing::default() })?;
    }
    appender.flush()
}

/// Keeps, turn by turn.
#[derive(Default)]
pub(super) struct Keeper {
    appender: Option<Box<dyn Appender>>,
    said: Option<Duration>,
}

impl Keeper {
    /// What follows from the decisions and the log of regions as they are read by now.
    ///
    /// # Errors
    /// When a log is of no more use.
    pub(super) fn turn(
        &mut self,
        (log, service, references): (&dyn Log, &Service, &References),
        (decisions, fold): (&DecisionLog, &Fold),
        looked: Duration,
    ) -> Result<(), LogError> {
        let (basis, now) = (fold.basis(), SystemWall::default().now());
        let settle = service.config.guard.tiers_settle;
        let due = references.publications(|publications| guard::due(basis, publications, (now, settle)));
        let Some(due) = due else { return Ok(()) };
        service.counts.ask(due.count);
        let counted = service.counts.to_write().into_iter().map(Record::Counted);
        for record in due.close.into_iter().map(Record::Closed).chain(counted) {
            match decisions.write(&record) {
                Ok(()) => {}
                Err(DecisionError::Log(error)) if error.scope() >= Scope::Stage => return Err(error),
                Err(error) => tracing::warn!(%error, "a publication of tiers waits longer: tried again"),
            }
        }
        if !due.admit.is_empty() {
            let appender = match &mut self.appender {
                Some(appender) => appender,
                none => none.insert(log.appender("guard")?),
            };
            let written = write(appender.as_mut(), service, &due.admit);
            if let Err(error) = written {
                self.appender = None;
                if error.scope() >= Scope::Stage {
                    return Err(error);
                }
                tracing::warn!(%error, "a publication of tiers is not let in yet: tried again");
            }
        }
        self.say(fold, looked);
        Ok(())
    }

    #[expect(clippy::cast_precision_loss, reason = "gauges are floats")]
    fn say(&mut self, fold: &Fold, looked: Duration) {
        let basis = fold.basis();
        let open: Vec<_> = basis.publications().iter().filter(|publication| publication.is_open()).collect();
        metrics::gauge!(metric::PUBLICATIONS_WAITING).set(open.len() as f64);
        let people: u64 = open.iter().map(|publication| basis.size_of(publication).changes).sum();
        metrics::gauge!(metric::PUBLICATIONS_PEOPLE).set(people as f64);
        if open.is_empty() {
            self.said = None;
        } else if self.said.is_none_or(|at| looked.saturating_sub(at) >= SAY_EVERY) {
            self.said = Some(looked);
            for publication in open {
                let (id, rows, size) = (&publication.closed.id, publication.closed.rows, basis.size_of(publication));
                let (people, counted, partitions) = (size.changes, size.counted, size.partitions);
                tracing::warn!(id, rows, people, counted, partitions, "a publication of tiers waits");
            }
        }
    }
}
