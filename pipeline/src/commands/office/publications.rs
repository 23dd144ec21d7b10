//! Publications of tiers that wait, and what became of them: in words, and as JSON.
//!
//! Owns the words. What they mean is the fold's.

use serde_json::{Value, json};

use super::place::Seen;
use crate::live::decisions::basis::{Basis, Closed, Publication, Size, Standing};

fn find<'a>(basis: &'a Basis, id: &str) -> Option<&'a Publication> {
    basis.publications().iter().find(|publication| publication.closed.id == id)
}

/// Whose publication it is, and of how many rows.
pub(super) fn what(closed: &Closed) -> String {
    let document = closed.document.as_deref().map_or_else(String::new, |document| format!(", {document}"));
    format!("{} rows of tiers of {}{document}", closed.rows, closed.owner)
}

/// A size in words.
pub(super) fn of_size(size: Size) -> String {
    let Size { counted, partitions, people, changes, green } = size;
    let missing = match partitions - counted.min(partitions) {
        0 => String::new(),
        missing => format!("; {missing} of {partitions} partitions have not counted"),
    };
    format!("changes {changes} of {people} people, {green} of them to green{missing}")
}

/// What is approved; none: there is no publication of that id.
pub(super) fn size(seen: &Seen, id: &str) -> Option<String> {
    let basis = seen.fold.basis();
    let publication = find(basis, id)?;
    Some(format!("{}: {}\n", what(&publication.closed), of_size(basis.size_of(publication))))
}

/// What became of a publication, and what it waits for; none: there is none of that id.
pub(super) fn waiting(seen: &Seen, id: &str, named: &str) -> Option<String> {
    let publication = find(seen.fold.basis(), id)?;
    Some(match &publication.standing {
        Standing::Waiting | Standing::Held => format!(
            "  it waits for more approvers\n  to agree:   fuma approve {id} --sign KEY{named}\n  to refuse:  fuma \
             withdraw {id} --reason TEXT{named}\n"
        ),
        Standing::Admitted { .. } => "  it takes effect\n".to_owned(),
        Standing::Withdrawn { reason, .. } => format!("  it was withdrawn: {reason}\n"),
    })
}

/// Those that wait, a line each.
pub(super) fn open(seen: &Seen) -> Vec<String> {
    let basis = seen.fold.basis();
    let open = basis.publications().iter().filter(|publication| publication.is_open());
    let line = |publication: &Publication| {
        let word = if publication.standing == Standing::Held { "HELD " } else { "waits" };
        let (id, what, size) = (&publication.closed.id, what(&publication.closed), basis.size_of(publication));
        format!("{word}     {id}  {what}  {}", of_size(size))
    };
    open.map(line).collect()
}

/// All of them, for machines.
pub(super) fn json(seen: &Seen) -> Value {
    let basis = seen.fold.basis();
    let one = |publication: &Publication| {
        let (closed, size) = (&publication.closed, basis.size_of(publication));
        let (state, why, signed) = match &publication.standing {
            Standing::Waiting => ("waiting", None, Vec::new()),
            Standing::Held => ("held", None, Vec::new()),
            Standing::Admitted { signed, .. } => ("admitted", None, signed.clone()),
            Standing::Withdrawn { reason, .. } => ("withdrawn", Some(reason.clone()), Vec::new()),
        };
        json!({
            "id": closed.id,
            "owner": closed.owner,
            "document": closed.document,
            "rows": closed.rows,
            "digest": closed.digest,
            "state": state,
            "why": why,
            "signed": signed,
            "people": size.people,
            "changes": size.changes,
            "green": size.green,
            "counted": size.counted,
            "partitions": size.partitions,
        })
    };
    Value::Array(basis.publications().iter().map(one).collect())
}
