//! All records of the log, in order: what holds now.
//!
//! Owns which record counts. The same records give the same fold in every process. Must never read a clock.

use std::collections::BTreeMap;

use fuma_schemas::Instant;

use super::basis::{Basis, Switch};
use super::installation::Installation;
use super::record::{Accepted, Record, RecordFault, Settled, Switched, Used};

/// An operator's word that was not used up.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Word {
    /// Its offset in the log.
    pub offset: u64,
    /// What it says.
    pub accepted: Accepted,
}

/// What the records come to.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Fold {
    installation: Option<Installation>,
    words: BTreeMap<u64, Accepted>,
    /// Those that were used up.
    spent: Vec<Accepted>,
    /// Of each word that was used up, who did.
    used: BTreeMap<u64, String>,
    basis: Basis,
    /// What each switch came to, by its number and the partition.
    switched: BTreeMap<(u64, u32), Switched>,
    /// The same of all partitions, by its number.
    settled: BTreeMap<u64, Settled>,
    not_understood: Option<(u64, RecordFault)>,
}

impl Fold {
    /// Takes the next record in, with the instant at which the log took it.
    pub fn take(&mut self, offset: u64, appended: Instant, value: &[u8]) {
        let record = Record::read(value);
        if let Ok(record) = &record {
            if let Record::Installation(installation) = record {
                self.basis.of(&installation.id.to_string(), installation.partitions);
            }
            self.basis.take(offset, appended.0, record);
        }
        match record {
            Ok(Record::Installation(installation)) => {
                self.installation.get_or_insert(installation);
            }
            Ok(Record::Topics(added)) => {
                for (name, id) in added.topics {
                    if let Some(installation) = &mut self.installation {
                        installation.topics.entry(name).or_insert(id);
                    }
                }
            }
            Ok(Record::Accepted(accepted)) => {
                self.words.insert(offset, accepted);
            }
            Ok(Record::Used(Used { word, owner, .. })) => {
                self.spent.extend(self.words.remove(&word));
                self.used.entry(word).or_insert(owner);
            }
            Ok(Record::Switched(switched)) => {
                self.switched.entry((switched.switch, switched.partition)).or_insert(switched);
            }
            Ok(Record::Settled(settled)) => {
                self.settled.entry(settled.switch).or_insert(settled);
            }
            Ok(
                Record::Bootstrap(_)
                | Record::Officials(_)
                | Record::Proposed(_)
                | Record::Approved(_)
                | Record::Withdrawn(_)
                | Record::Held(_)
                | Record::Limits(_)
                | Record::Closed(_)
                | Record::Counted(_),
            ) => {}
            Err(fault) => {
                self.not_understood.get_or_insert((offset, fault));
            }
        }
    }

    /// The installation; none before it is made.
    pub fn installation(&self) -> Option<&Installation> {
        self.installation.as_ref()
    }

    /// What was decided about packs, officials and holds.
    pub fn basis(&self) -> &Basis {
        &self.basis
    }

    /// The switches in order: each is in force from its instant until that of the next.
    pub fn schedule(&self) -> &[Switch] {
        self.basis.schedule()
    }

    /// What a switch came to, by partition, as far as they have finished it.
    pub fn switched(&self, number: u64) -> impl Iterator<Item = &Switched> {
        self.switched.range((number, 0)..=(number, u32::MAX)).map(|(_, switched)| switched)
    }

    /// What a switch announced in all partitions; none before every partition has finished it.
    pub fn settled(&self, number: u64) -> Option<&Settled> {
        self.settled.get(&number)
    }

    /// Who approved a switch by which preview.
    pub fn previews(&self, number: u64) -> Vec<(&str, &str)> {
        let switch = self.schedule().iter().find(|switch| switch.number == number);
        let proposal = switch.and_then(|switch| self.basis.proposal(switch.proposal.as_ref()?));
        let approvals = proposal.into_iter().flat_map(|proposal| &proposal.approvals);
        approvals.filter_map(|it| Some((it.official.as_str(), it.preview.as_deref()?))).collect()
    }

    /// The first record that this build does not understand, and why.
    pub fn not_understood(&self) -> Option<&(u64, RecordFault)> {
        self.not_understood.as_ref()
    }

    /// The words that were not used up, in the order in which they were given.
    pub fn words(&self) -> impl Iterator<Item = Word> {
        self.words.iter().map(|(offset, accepted)| Word { offset: *offset, accepted: accepted.clone() })
    }

    /// The words that were used up: what was passed over with one is passed over whenever it is read again.
    pub fn spent(&self) -> &[Accepted] {
        &self.spent
    }

    /// The oldest word that accepts exactly this.
    pub fn accepted(&self, reason: &str, partition: u32, digest: &str) -> Option<Word> {
        self.words().find(|Word { accepted, .. }| {
            accepted.reason == reason && accepted.partition == partition && accepted.digest == digest
        })
    }

    /// Who used a word up.
    pub fn used_by(&self, word: u64) -> Option<&str> {
        self.used.get(&word).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::live::decisions::record::AddedTopics;
    use crate::live::record::Fingerprint;

    fn folded(records: &[Record]) -> Fold {
        let mut fold = Fold::default();
        for (offset, record) in records.iter().enumerate() {
            fold.take(offset as u64, Instant(0), &record.to_bytes().unwrap());
        }
        fold
    }

    fn installation(id: u8) -> Installation {
        Installation { id: Fingerprint([id; 8]), ..Installation::default() }
    }

    fn word(partition: u32) -> Accepted {
        Accepted { reason: "gap".into(), partition, digest: "d".into(), at: 0 }
    }

    #[test]
    fn the_first_installation_counts_and_topics_are_added_once() {
        let added = |id: &str| {
            Record::Topics(AddedTopics { topics: [("fuma.rides.v1".to_owned(), Some(id.to_owned()))].into() })
        };
        let records =
            [Record::Installation(installation(1)), Record::Installation(installation(2)), added("a"), added("b")];
        let fold = folded(&records);
        let found = fold.installation().unwrap();
        assert_eq!(found.id, Fingerprint([1; 8]));
        assert_eq!(found.topics.get("fuma.rides.v1"), Some(&Some("a".to_owned())));
    }

    #[test]
    fn a_word_is_used_up_once() {
        let used = |owner: &str| Record::Used(Used { word: 0, owner: owner.into(), at: 0 });
        let given = [Record::Accepted(word(3)), Record::Accepted(word(4))];
        let fold = folded(&given);
        assert_eq!(fold.accepted("gap", 3, "d").map(|word| word.offset), Some(0));
        assert_eq!((fold.accepted("gap", 3, "e"), fold.accepted("other", 3, "d")), (None, None));
        let fold = folded(&[&given[..], &[used("a"), used("b")]].concat());
        assert_eq!((fold.accepted("gap", 3, "d"), fold.used_by(0)), (None, Some("a")));
        assert_eq!(fold.spent(), [word(3)]);
        assert_eq!(fold.words().map(|word| word.offset).collect::<Vec<_>>(), [1]);
    }

    #[test]
    fn a_record_that_is_not_understood_is_kept_in_mind() {
        let mut fold = folded(&[Record::Installation(installation(1))]);
        assert_eq!(fold.not_understood(), None);
        fold.take(1, Instant(0), br#"{"type":"epoch","version":1}"#);
        fold.take(2, Instant(0), b"x");
        let (offset, fault) = fold.not_understood().unwrap();
        assert_eq!((*offset, fault), (1, &RecordFault::Newer { kind: "epoch".into(), version: 1 }));
        assert!(fold.installation().is_some());
    }
}
