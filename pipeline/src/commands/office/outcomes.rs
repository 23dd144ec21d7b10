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
    let digest = compared(fold, number).map_or_else(String::new, |text| format!("; {text}"));
    Some(format!("{place}: {changes} of {people} people changed{left_out}{digest}"))
}

/// The digest over all partitions, compared with the previews by which officials approved the switch.
fn compared(fold: &Fold, number: u64) -> Option<String> {
    let settled = fold.settled(number)?;
    let short = |digest: &str| digest.chars().take(16).collect::<String>();
    let mut text = format!("digest {}", short(&settled.digest));
    let (same, others): (Vec<_>, Vec<_>) =
        fold.previews(number).into_iter().partition(|(_, preview)| *preview == settled.digest);
    let names = |all: &[(&str, &str)]| all.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
    if !same.is_empty() {
        text.push_str(&format!(", as previewed by {}", names(&same)));
    }
    if !others.is_empty() {
        text.push_str(&format!(", NOT AS PREVIEWED by {} ({})", names(&others), causes(fold, number)));
    }
    Some(text)
}

/// Why it may differ from a preview.
fn causes(fold: &Fold, number: u64) -> String {
    let sum = |of: fn(&Switched) -> u64| fold.switched(number).map(of).sum::<u64>();
    let causes: [(&str, u64); 4] = [
        ("due between the two", sum(|it| it.due)),
        ("touched by evidence", sum(|it| it.touched)),
        ("crowded", sum(|it| it.crowded)),
        ("on whom a rule fails", sum(|it| it.failed)),
    ];
    let named = causes.iter().filter(|(_, people)| *people > 0).map(|(cause, people)| format!("{people} {cause}"));
    let named: Vec<String> = named.collect();
    match named.is_empty() {
        true => "no cause is known: either the preview was of other evidence, or this is a fault".to_owned(),
        false => format!("who may differ: {}", named.join(", ")),
    }
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
        "digest": fold.settled(number).map(|settled| settled.digest.as_str()),
        "as_previewed": fold.settled(number).and_then(|settled| {
            let previews = fold.previews(number);
            (!previews.is_empty()).then(|| previews.iter().all(|(_, preview)| *preview == settled.digest))
        }),
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
    use crate::live::decisions::basis::signed_switch;
    use crate::live::decisions::{Installation, Record, Settled};

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
                output: None,
                begun: 0,
                done: 1_000 * i64::from(*partition),
            })
        });
        for (offset, record) in std::iter::once(first).chain(done).enumerate() {
            fold.take(offset as u64, Instant(0), &record.to_bytes().unwrap());
        }
        fold
    }

    /// The second switch of a whole log, whose approver saw a preview.
    fn settled(digest: &str, touched: u64) -> Fold {
        let (mut fold, _) = signed_switch(Some(&"cd".repeat(32)));
        let switched = |partition| Switched {
            switch: 2,
            partition,
            people: 10,
            changes: 1,
            digest: String::new(),
            due: 0,
            touched,
            crowded: 0,
            failed: 0,
            resumed: false,
            output: Some(0),
            begun: 0,
            done: 0,
        };
        let all = [
            Record::Switched(switched(0)),
            Record::Settled(Settled { switch: 2, changes: 1, digest: digest.to_owned() }),
            Record::Settled(Settled { switch: 2, changes: 9, digest: "later".to_owned() }),
        ];
        for (offset, record) in (100..).zip(all) {
            fold.take(offset, Instant(0), &record.to_bytes().unwrap());
        }
        fold
    }

    #[test]
    fn what_was_announced_is_compared_with_what_was_previewed() {
        let same = settled(&"cd".repeat(32), 3);
        let said = text(&same, 2).unwrap();
        assert!(said.ends_with("; digest cdcdcdcdcdcdcdcd, as previewed by approver"), "{said}");
        assert_eq!(json(&same, 2)["as_previewed"], true);
        let other = settled(&"ef".repeat(32), 3);
        let said = text(&other, 2).unwrap();
        assert!(said.contains("NOT AS PREVIEWED by approver (who may differ: 3 touched by evidence)"), "{said}");
        assert_eq!(
            (json(&other, 2)["as_previewed"].clone(), json(&other, 2)["digest"].clone()),
            (false.into(), "ef".repeat(32).into())
        );
        assert!(text(&settled(&"ef".repeat(32), 0), 2).unwrap().contains("no cause is known"));
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
