//! What the keeper has to do: publications that are whole are closed, waiting ones counted, and those that may are let
//! in.
//!
//! Owns what follows from the decisions and the log of regions at an instant. Any process may do it, and do it again.
//! Must never decide, nor read a clock.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use fuma_schemas::Instant;

use super::counts::Asked;
use super::publications::{Publications, digest_of, document_of};
use crate::live::decisions::basis::{Basis, Closed, id_of, publication_of};
use crate::live::record::Control;

/// Who never pauses has a publication end after so many pauses.
const PAUSES_MAX: i64 = 6;

/// What is to be done.
#[derive(Debug, Default)]
pub struct Due {
    /// Publications that are whole: for the log of decisions.
    pub close: Vec<Closed>,
    /// For the log of regions, in this order.
    pub admit: Vec<Control>,
    /// What the workers are to count.
    pub count: Vec<Asked>,
}

/// What follows now; a publication is whole when nothing came of it for `settle`.
pub fn due(basis: &Basis, publications: &Publications, (now, settle): (Instant, Duration)) -> Due {
    let mut due = Due::default();
    let settle_ms = i64::try_from(settle.as_millis()).unwrap_or(i64::MAX);
    let closed_up_to = |owner: &str| basis.closed_up_to(owner);
    for open in publications.open(&closed_up_to) {
        let since = |at: Instant| now.0.saturating_sub(at.0);
        if since(open.taken.1) < settle_ms && since(open.taken.0) < settle_ms.saturating_mul(PAUSES_MAX) {
            continue;
        }
        let (first, end, owner) = (open.first, open.end, open.owner.to_owned());
        let rows = publications.rows(&owner, first, end);
        let ((count, digest), document) = (digest_of(&rows), document_of(&rows));
        let id = id_of(publication_of(&owner, first));
        due.close.push(Closed { id, owner, document, first, end, rows: count, digest, at: now.0 });
    }
    for publication in basis.admitted_in_order() {
        let (number, end) =
            (publication_of(&publication.closed.owner, publication.closed.first), publication.closed.end);
        if !publications.is_admitted(number) {
            due.admit.push(Control::Admitted { publication: number, end });
        }
    }
    let partitions = basis.partitions();
    let known = basis.publications().iter().map(|it| publication_of(&it.closed.owner, it.closed.first)).collect();
    let earlier = publications.admitted_besides(&known);
    for publication in basis.publications().iter().filter(|publication| publication.is_open()) {
        let closed = &publication.closed;
        let missing: BTreeSet<u32> = (0..partitions).filter(|id| !basis.is_counted(publication, *id)).collect();
        if missing.is_empty() {
            continue;
        }
        let rows = publications.rows(&closed.owner, closed.first, closed.end);
        // Who has not read the log so far counts nothing.
        if digest_of(&rows) != (closed.rows, closed.digest.clone()) {
            continue;
        }
        due.count.push(Asked {
            publication: closed.id.clone(),
            number: basis.counts_by(),
            admitted: basis.admitted(),
            earlier,
            rows: Arc::from(rows),
            missing,
        });
    }
    due
}
