//! What a switch came to, as far as the partitions have finished it: in words and as JSON.
//!
//! Owns the sums. Of a switch and partition the first record counts, which the fold says. Must never name a person.

use fuma_schemas::Instant;
use serde_json::{Value, json};

use crate::live::decisions::{Fold, Switched};

/// What a switch came to, in one line; none where it changed nobody's pack, as the first does.
pub(super) fn text(fold: &Fold, number: u64) -> Option<String> {
    let done: Vec<&Switched> = fold.switched(number).collect();
    let partitions = fold.installation()?.partitions;
    let last = done.iter().map(|it| it.done).max()?;
    let sum = |of: fn(&Switched) -> u64| done.iter().map(|it| of(it)).sum::<u64>();
    let (changes, people) = (sum(|it| it.changes), sum(|it| it.people));
    let left_out = match (sum(|it| it.crowded), sum(|it| it.failed)) {
        (0, 0) => String::new(),
        (crowded, failed) => format!(", not judged: {crowded} crowded, {failed} on whom a rule fails"),
    };
    let place = match done.len() as u64 {
        all if all >= u64::from(partitions) => format!("finished {}", Instant(last)),
        some => format!("{some} of {partitions} partitions have finished"),
    };
    Some(format!("{place}: {changes} of {people} people changed{left_out}"))
}

/// The same for machines, with the digest of each partition; null where no partition has finished.
pub(super) fn json(fold: &Fold, number: u64) -> Value {
    let done: Vec<&Switched> = fold.switched(number).collect();
    if done.is_empty() {
        return Value::Null;
    }
    let sum = |of: fn(&Switched) -> u64| done.iter().map(|it| of(it)).sum::<u64>();
    let partition = |it: &&Switched| {
        json!({
            "partition": it.partition,
            "people": it.people,
            "changes": it.changes,
            "digest": it.digest,
            "begun": Instant(it.begun).to_string(),
            "done": Instant(it.done).to_string(),
            "resumed": it.resumed,
        })
    };
    json!({
        "partitions_in_all": fold.installation().map(|it| it.partitions),
        "people": sum(|it| it.people),
        "changes": sum(|it| it.changes),
        "due": sum(|it| it.due),
        "touched": sum(|it| it.touched),
        "crowded": sum(|it| it.crowded),
        "failed": sum(|it| it.failed),
        "partitions": done.iter().map(partition).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::live::decisions::{Installation, Record};

    fn folded(partitions: &[(u32, u64)]) -> Fold {
        let mut fold = Fold::default();
        let first = Record::Installation(Installation { partitions: 2, ..Installation::default() });
        let done = partitions.iter().map(|(partition, changes)| {
            Record::Switched(Switched {
                switch: 2,
                partition: *partition,
                people: 100,
                changes: *changes,
                digest: format!("{partition:064x}"),
                due: 0,
                touched: 0,
                crowded: u64::from(*partition),
                failed: 0,
                resumed: false,
                begun: 0,
                done: 1_000 * i64::from(*partition),
            })
        });
        for (offset, record) in std::iter::once(first).chain(done).enumerate() {
            fold.take(offset as u64, Instant(0), &record.to_bytes().unwrap());
        }
        fold
    }

    #[test]
    fn what_partitions_say_is_summed_and_who_is_missing_is_said() {
        assert_eq!(text(&folded(&[]), 2), None);
        assert_eq!(json(&folded(&[]), 2), Value::Null);
        let one = folded(&[(0, 7), (0, 8)]);
        assert_eq!(text(&one, 2).unwrap(), "1 of 2 partitions have finished: 7 of 100 people changed");
        assert_eq!(text(&one, 3), None, "another switch");
        let both = folded(&[(0, 7), (1, 5)]);
        let said = text(&both, 2).unwrap();
        assert!(
            said.starts_with("finished 1970-01-01T08:00:01") && said.contains(": 12 of 200 people changed"),
            "{said}"
        );
        assert!(said.ends_with(", not judged: 1 crowded, 0 on whom a rule fails"), "{said}");
        let told = json(&both, 2);
        assert_eq!((told["changes"].as_u64(), told["partitions_in_all"].as_u64()), (Some(12), Some(2)));
        assert_eq!(told["partitions"][1]["digest"], format!("{:064x}", 1));
    }
}
