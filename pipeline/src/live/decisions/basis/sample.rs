//! A whole log by which a second pack takes over, for tests of what is said about switches.
//!
//! Owns the records. The keys are those of `tests`.

#![allow(clippy::unwrap_used)]

use fuma_schemas::Instant;

use super::tests::{INSTALLATION, Log, MINUTE, pack, pair};
use super::*;
use crate::live::decisions::{Fold, Installation, Record};
use crate::live::record::Fingerprint;

/// The log, and when the second pack takes over; the approver signed by a preview, if one is given.
pub(crate) fn signed_switch(preview: Option<&str>) -> (Fold, Instant) {
    let mut log = Log::new();
    let at = log.now + 60 * MINUTE;
    let id = log.propose(pack("second", "1"), at);
    assert_eq!(log.approve(&id, "author"), None);
    let approval = log.approval(&id, "approver");
    let signed = Signed {
        purpose: Purpose::Approval,
        digest: approval.digest.clone(),
        valid_from: at,
        installation: INSTALLATION.to_owned(),
        preview: preview.map(str::to_owned),
    };
    let signature = hex_of(pair("approver").sign(&signed.bytes()).as_ref());
    let approval = Approved { preview: preview.map(str::to_owned), signature, ..approval };
    assert_eq!(log.write(Record::Approved(approval)), None);
    let id = Fingerprint(0x9f1c_22aa_0000_0001_u64.to_be_bytes());
    let first = (0, Record::Installation(Installation { id, partitions: 2, ..Installation::default() }));
    let mut fold = Fold::default();
    for (offset, (at, record)) in (0_u64..).zip(std::iter::once(first).chain(log.written)) {
        fold.take(offset, Instant(at), &record.to_bytes().unwrap());
    }
    (fold, Instant(at))
}
