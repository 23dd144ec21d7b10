//! What a pack would do to everybody, before it is in force: the outcome of a switch, counted.
//!
//! ```text
//! mod        the state under the pack in force, and what the candidate says of everybody
//! people     one partition: who changes, which rules begin and end, longer or shorter
//! districts  where those who change were last; small numbers are hidden, by difference too
//! samples    some of those who change, with both timelines
//! batch      the same for records that may be sent: tiers, a listing
//! live       the same over the newest snapshots and logs of an installation, seen from outside
//! ```
//!
//! The digest is that of docs/feeds.md section 6: a switch at this tick, with no record and nobody due on it, announces
//! these very changes. Owns the counting. Must never announce anything, and shows people by token alone.

mod batch;
mod districts;
mod live;
mod people;
mod samples;

use std::collections::BTreeMap;
use std::sync::Arc;

use fuma_schemas::Instant;

use crate::assess::difference::digest;
use crate::assess::{Differences, Judge, Partition};
use crate::policy::Pack;
use crate::replay::{self, Options, Progress, ReplayError, Source};

pub use batch::{Batch, preview_batch};
pub use districts::{District, Districts};
pub use live::{Asked, Cause, There, live};
pub use people::Lengths;
pub use samples::{Sample, Side};

/// What a switch would do.
#[derive(Debug)]
pub struct Preview {
    /// The tick at which everybody would be judged.
    pub tick: Instant,
    /// People with evidence.
    pub people: u64,
    /// Green, yellow and red before and after.
    pub before: [u64; 3],
    /// The same afterwards.
    pub after: [u64; 3],
    /// By the colour before and after: how many change their state.
    pub moves: BTreeMap<(&'static str, &'static str), u64>,
    /// By rule: for how many it begins, and for how many it ends.
    pub rules: BTreeMap<String, [u64; 2]>,
    /// How many people have another state.
    pub changes: u64,
    /// The digest of these changes; empty where a partition is not there.
    pub digest: String,
    /// How many turn green in each of the 24 hours after the tick, under the candidate, as is known by now.
    pub by_hour: Vec<u64>,
    /// The partitions of an installation; none over feeds.
    pub partitions: Vec<There>,
    /// Until when those are coloured who are before and after.
    pub lengths: Lengths,
    /// By district.
    pub districts: Districts,
    /// Some who change.
    pub samples: Vec<Sample>,
    /// People who are not judged by one of the packs: they keep their state.
    pub left_out: u64,
    /// The changes, by partition.
    pub lines: Vec<Differences>,
}

/// Previews a switch to a candidate at an instant: the evidence is what is known at the first tick at or after it, and
/// the state before what the pack of the options says then.
///
/// # Errors
/// When a source cannot be read to its end, or on a bug.
pub fn preview(
    sources: &[Source],
    options: &Options,
    (candidate, at): (&Arc<Pack>, Instant),
    progress: &dyn Progress,
) -> Result<Preview, ReplayError> {
    let tick = options.tick.ceiling(at);
    let options = Options { until: Some(tick), ..options.clone() };
    let (mut partitions, counts) = replay::state(sources, &options, progress)?;
    let current = options.later.iter().rfind(|switch| switch.at <= tick);
    let current = (Arc::clone(options.pack_at(tick)), current.map(|switch| switch.at));
    let judge = |(pack, since): (Arc<Pack>, Option<Instant>)| Judge::in_force_since(pack, since).map(Arc::new);
    let look = |partition: &mut Partition| -> Result<people::Seen, ReplayError> {
        // Each thread has its own judges: plans are executed in one place at a time.
        let judges = (judge(current.clone())?, judge((Arc::clone(candidate), Some(at)))?);
        Ok(people::look(partition, (&judges.0, &judges.1), (tick, tick), options.bounds.step))
    };
    let seen: Result<Vec<people::Seen>, ReplayError> = std::thread::scope(|scope| {
        let look = &look;
        let threads: Vec<_> = partitions.iter_mut().map(|partition| scope.spawn(move || look(partition))).collect();
        threads.into_iter().map(|thread| thread.join().map_err(|_| ReplayError::Worker)?).collect()
    });
    let seen = seen?;
    let judges = (judge(current)?, judge((Arc::clone(candidate), Some(at)))?);
    let samples = samples::choose(&partitions, &seen, (&judges.0, &judges.1), tick);
    Ok(joined(seen, samples, (counts.people, tick)))
}

/// What was seen in all partitions, as one.
fn joined(seen: Vec<people::Seen>, samples: Vec<Sample>, (people, tick): (u64, Instant)) -> Preview {
    let mut preview = Preview {
        tick,
        people,
        before: [0; 3],
        after: [0; 3],
        moves: BTreeMap::new(),
        rules: BTreeMap::new(),
        changes: 0,
        digest: String::new(),
        by_hour: vec![0; people::HOURS],
        partitions: Vec::new(),
        lengths: Lengths::default(),
        districts: Districts::default(),
        samples,
        left_out: 0,
        lines: Vec::new(),
    };
    let mut districts = BTreeMap::new();
    for part in seen {
        let colours = [(&mut preview.before, part.before), (&mut preview.after, part.after)];
        colours.into_iter().for_each(|(all, own)| all.iter_mut().zip(own).for_each(|(all, own)| *all += own));
        part.moves.into_iter().for_each(|(colours, count)| *preview.moves.entry(colours).or_default() += count);
        for (rule, counts) in part.rules {
            let all = preview.rules.entry(rule).or_default();
            all.iter_mut().zip(counts).for_each(|(all, own)| *all += own);
        }
        preview.lengths.add(&part.lengths);
        districts::add(&mut districts, part.districts);
        preview.left_out += part.left_out;
        preview.by_hour.iter_mut().zip(part.by_hour).for_each(|(all, own)| *all += own);
        preview.lines.push(part.lines);
    }
    preview.changes = preview.lines.iter().map(|part| part.len() as u64).sum();
    preview.digest = digest(&preview.lines);
    preview.districts = Districts::hiding_small(districts);
    preview
}
