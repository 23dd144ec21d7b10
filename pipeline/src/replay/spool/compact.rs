//! Changes in a spool: only what each has of its own.
//!
//! What a pack says (ids and clauses of rules, its name) is in all changes the same and the larger part of their JSON:
//! it is kept once, and a change has its number. The JSON is made on the way out.
//!
//! Owns these bytes, which never leave the process. A change comes back as it went in, to the letter.

use std::io;
use std::sync::Arc;

use fuma_schemas::change::RuleHead;
use fuma_schemas::{CodeChange, Colour, Instant, Reason};

use super::{Key, Spool, key_of, of_change};
use crate::replay::SpoolError;
use crate::replay::sink::ChangeSink;

/// The changes of one partition.
#[derive(Debug)]
pub(in crate::replay) struct Changes {
    pub(in crate::replay) spool: Spool,
    pub(in crate::replay) words: Words,
}

/// What changes have in common, by number.
#[derive(Default, Debug)]
pub(in crate::replay) struct Words {
    heads: Vec<Arc<RuleHead>>,
    packs: Vec<(Arc<str>, Arc<str>)>,
}

const COLOURS: [Colour; 3] = [Colour::Green, Colour::Yellow, Colour::Red];
const _: () = assert!(COLOURS[0] as u8 == 0 && COLOURS[1] as u8 == 1 && COLOURS[2] as u8 == 2, "a colour is its place");

impl Changes {
    pub(in crate::replay) fn new(spool: Spool) -> Changes {
        Changes { spool, words: Words::default() }
    }
}

impl ChangeSink for Changes {
    fn step(&mut self, changes: &mut Vec<CodeChange>) -> Result<(), SpoolError> {
        changes.sort_unstable_by_key(|change| (change.decided_at, change.person));
        for change in changes.drain(..) {
            let key = key_of(change.decided_at, change.person);
            let words = &mut self.words;
            self.spool.push(key, u8::from(change.to == Colour::Green), |bytes| words.write(&change, bytes))?;
        }
        Ok(())
    }
}

impl Words {
    fn head(&mut self, head: &Arc<RuleHead>) -> u32 {
        number(&mut self.heads, |known| Arc::ptr_eq(known, head), || Arc::clone(head))
    }

    fn write(&mut self, change: &CodeChange, bytes: &mut Vec<u8>) {
        let is_it = |(policy, version): &(Arc<str>, Arc<str>)| {
            Arc::ptr_eq(policy, &change.policy) && Arc::ptr_eq(version, &change.policy_version)
        };
        let pack = number(&mut self.packs, is_it, || (Arc::clone(&change.policy), Arc::clone(&change.policy_version)));
        bytes.extend_from_slice(&pack.to_le_bytes());
        bytes.extend_from_slice(&[change.from as u8, change.to as u8]);
        bytes.extend_from_slice(&change.effective_at.0.to_le_bytes());
        bytes.extend_from_slice(&change.colour_since.0.to_le_bytes());
        write_instant(change.next_change_at, bytes);
        bytes.extend_from_slice(&(change.reasons.len() as u32).to_le_bytes());
        for reason in &change.reasons {
            bytes.extend_from_slice(&self.head(&reason.rule).to_le_bytes());
            bytes.extend_from_slice(&reason.since.0.to_le_bytes());
            write_instant(reason.until, bytes);
            write_instant(reason.due, bytes);
        }
        bytes.extend_from_slice(&(change.ended.len() as u32).to_le_bytes());
        for rule in &change.ended {
            bytes.extend_from_slice(&self.head(rule).to_le_bytes());
        }
    }

    /// A change that was written with these words.
    ///
    /// # Errors
    /// When the bytes are not those that were written.
    pub(in crate::replay) fn read(&self, key: &Key, bytes: &[u8]) -> io::Result<CodeChange> {
        let whole = |(change, rest): (CodeChange, &[u8])| rest.is_empty().then_some(change);
        let torn = || io::Error::new(io::ErrorKind::InvalidData, "a change was kept and came back otherwise");
        self.try_read(key, bytes).and_then(whole).ok_or_else(torn)
    }

    fn try_read<'a>(&self, key: &Key, mut bytes: &'a [u8]) -> Option<(CodeChange, &'a [u8])> {
        let from = &mut bytes;
        let (decided_at, person) = of_change(key);
        let (policy, policy_version) = self.packs.get(read_number(from)?)?;
        let [before, after] = read(from)?;
        let effective_at = Instant(i64::from_le_bytes(read(from)?));
        let colour_since = Instant(i64::from_le_bytes(read(from)?));
        let next_change_at = read_instant(from)?;
        let mut reasons = Vec::new();
        for _ in 0..read_number(from)? {
            let rule = Arc::clone(self.heads.get(read_number(from)?)?);
            let since = Instant(i64::from_le_bytes(read(from)?));
            reasons.push(Reason { rule, since, until: read_instant(from)?, due: read_instant(from)? });
        }
        let mut ended = Vec::new();
        for _ in 0..read_number(from)? {
            ended.push(Arc::clone(self.heads.get(read_number(from)?)?));
        }
        let change = CodeChange {
            person,
            from: *COLOURS.get(usize::from(before))?,
            to: *COLOURS.get(usize::from(after))?,
            effective_at,
            colour_since,
            decided_at,
            reasons,
            ended,
            next_change_at,
            policy: Arc::clone(policy),
            policy_version: Arc::clone(policy_version),
        };
        Some((change, bytes))
    }
}

/// The number of what is kept once; a new one if need be.
fn number<T>(all: &mut Vec<T>, is_it: impl FnMut(&T) -> bool, new: impl FnOnce() -> T) -> u32 {
    let at = all.iter().position(is_it).unwrap_or_else(|| {
        all.push(new());
        all.len() - 1
    });
    at as u32
}

fn write_instant(instant: Option<Instant>, bytes: &mut Vec<u8>) {
    bytes.push(u8::from(instant.is_some()));
    if let Some(instant) = instant {
        bytes.extend_from_slice(&instant.0.to_le_bytes());
    }
}

fn read<const N: usize>(from: &mut &[u8]) -> Option<[u8; N]> {
    let (first, rest) = from.split_first_chunk()?;
    *from = rest;
    Some(*first)
}

fn read_number(from: &mut &[u8]) -> Option<usize> {
    read(from).map(|bytes| u32::from_le_bytes(bytes) as usize)
}

fn read_instant(from: &mut &[u8]) -> Option<Option<Instant>> {
    match read(from)? {
        [0] => Some(None),
        [1] => Some(Some(Instant(i64::from_le_bytes(read(from)?)))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use fuma_schemas::Person;
    use proptest::prelude::*;

    use super::*;
    use crate::replay::spool::merge;

    fn colour() -> impl Strategy<Value = Colour> {
        prop::sample::select(&COLOURS[..])
    }

    fn instant() -> impl Strategy<Value = Option<Instant>> {
        prop::option::of(any::<i64>().prop_map(Instant))
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

        /// Whatever a change says, and of whatever pack it is.
        #[test]
        fn a_change_comes_back_as_it_went_in(
            said in prop::collection::vec((
                (0..4_u8, any::<i64>(), 0..2_usize, colour(), colour()),
                (any::<i64>(), any::<i64>(), instant()),
                prop::collection::vec((0..3_usize, any::<i64>(), instant(), instant()), 0..4),
                prop::collection::vec(0..3_usize, 0..3),
            ), 0..12),
        ) {
            let heads: Vec<Arc<RuleHead>> = COLOURS.iter().zip(["A", "B", "C"]).map(|(&colour, id)| {
                Arc::new(RuleHead { id: id.to_owned(), colour, clause: format!("{id} \"1\"") })
            }).collect();
            let packs = [("p", "1"), ("q", "2")].map(|(id, version)| (Arc::from(id), Arc::from(version)));
            let mut all: Vec<CodeChange> = said.into_iter().map(|(who, times, reasons, ended)| {
                let (policy, policy_version) = packs[who.2].clone();
                let reasons = reasons.into_iter().map(|(rule, since, until, due)| {
                    Reason { rule: Arc::clone(&heads[rule]), since: Instant(since), until, due }
                });
                CodeChange {
                    person: Person([who.0; 16]), decided_at: Instant(who.1), from: who.3, to: who.4,
                    effective_at: Instant(times.0), colour_since: Instant(times.1), next_change_at: times.2,
                    reasons: reasons.collect(), ended: ended.into_iter().map(|rule| Arc::clone(&heads[rule])).collect(),
                    policy, policy_version,
                }
            }).collect();
            let mut changes = Changes::new(Spool::new(std::path::Path::new("."), 0));
            changes.step(&mut all.clone()).unwrap();
            let mut back = Vec::new();
            merge(std::slice::from_ref(&changes.spool), &mut |of, key, note, bytes| {
                assert_eq!(of, 0);
                let change = changes.words.read(key, bytes)?;
                assert_eq!(note == 1, change.to == Colour::Green);
                assert!(changes.words.read(key, &bytes[..bytes.len() - 1]).is_err(), "torn");
                assert!(changes.words.read(key, &[bytes, &[0]].concat()).is_err(), "with something behind it");
                back.push(change);
                Ok(())
            }).unwrap();
            all.sort_by_key(|change| (change.decided_at, change.person));
            back.sort_by_key(|change| (change.decided_at, change.person));
            let json = |changes: &[CodeChange]| {
                let mut lines: Vec<Vec<u8>> = changes.iter().map(|change| {
                    let mut line = Vec::new();
                    change.write_json(&mut line);
                    line
                }).collect();
                lines.sort();
                lines
            };
            prop_assert_eq!(json(&back), json(&all));
        }
    }
}
