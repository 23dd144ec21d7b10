//! How far behind the partitions are, seen from outside: what is committed against what the log holds.
//!
//! ```text
//! look 1   end 100            the record at offset 100 was appended after look 1 and before look 2,
//! look 2   end 140            so as long as 100 is not committed it has waited since look 2, or a little longer
//! ```
//!
//! Nothing that a worker believes goes into it: an hour behind is an hour behind also right after a commit, in a loop
//! of aborts, and while nobody reads. Owns the looks. Time is an argument.

use std::collections::VecDeque;
use std::ops::Range;
use std::time::Duration;

use fuma_connectors::log::{LogError, Watching};
use fuma_schemas::Instant;

use crate::live::metric;
use crate::live::worker::position::Standing;

/// How often is looked.
pub const EVERY: Duration = Duration::from_secs(5);
/// A record whose time of waiting is known to within this is not asked for.
const EXACT_MS: i64 = 2 * EVERY.as_millis() as i64;
/// Looks that are kept of a partition; beyond, every other one goes.
const LOOKS_MAX: usize = 256;

/// How far a partition is behind.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Behind {
    /// The first offset that is held, and one past the last.
    pub held: Range<u64>,
    /// Everybody touched below this offset was judged, and that is committed.
    pub committed: u64,
    /// Records that are not committed.
    pub records: u64,
    /// How long the oldest of them waits.
    pub ms: i64,
    /// How long the committed offset has stood still while records waited.
    pub stuck_ms: i64,
}

/// The looks at one partition.
#[derive(Clone, Debug, Default)]
pub struct Looks {
    /// When the log was seen to have an end, oldest first.
    ends: VecDeque<(i64, u64)>,
    /// The committed offset, and since when it is that one.
    stands: Option<(u64, i64)>,
    /// What was not committed at the last look.
    open: Range<u64>,
    /// Offsets at which no record stands: the ends of transactions, and what was aborted.
    hollow: Range<u64>,
}

impl Looks {
    /// A look. `asked` says when the record at an offset was appended, where the looks do not tell exactly enough.
    pub fn look(
        &mut self,
        held: Range<u64>,
        committed: u64,
        now: Instant,
        asked: &mut dyn FnMut(u64) -> Option<Instant>,
    ) -> Behind {
        let committed = committed.max(held.start);
        self.open = committed..held.end;
        let records = if self.open == self.hollow { 0 } else { held.end.saturating_sub(committed) };
        let since = match self.stands {
            Some((offset, since)) if offset == committed => since,
            _ => now.0,
        };
        self.stands = (records > 0).then_some((committed, since));
        self.ends.push_back((now.0, held.end));
        // The last look that had not seen the oldest waiting record stays: it was appended after that.
        while self.ends.get(1).is_some_and(|(_, end)| *end <= committed) {
            self.ends.pop_front();
        }
        if self.ends.len() > LOOKS_MAX {
            // The first two tell since when the oldest record waits.
            let mut place = 0_usize;
            self.ends.retain(|_| {
                place += 1;
                place <= 2 || place.is_multiple_of(2)
            });
        }
        let ms = if records == 0 { 0 } else { (now.0 - self.appended(committed, now, asked)).max(0) };
        let stuck_ms = if records == 0 { 0 } else { now.0 - since };
        Behind { held, committed, records, ms, stuck_ms }
    }

    /// What stands still is looked into, once: whether a record is there at all.
    fn look_into(&mut self, held: &Range<u64>, committed: u64, waits: &mut dyn FnMut(Range<u64>) -> bool) {
        let open = committed.max(held.start)..held.end;
        if !open.is_empty() && open == self.open && open != self.hollow && !waits(open.clone()) {
            self.hollow = open;
        }
    }

    /// When the record at an offset was appended, as exactly as is known.
    fn appended(&self, offset: u64, now: Instant, asked: &mut dyn FnMut(u64) -> Option<Instant>) -> i64 {
        let before = self.ends.iter().take_while(|(_, end)| *end <= offset).last().map(|(at, _)| *at);
        let seen = self.ends.iter().find(|(_, end)| *end > offset).map_or(now.0, |(at, _)| *at);
        match before {
            Some(before) if seen - before <= EXACT_MS => seen,
            _ => asked(offset).map_or(seen, |at| at.0.min(seen)),
        }
    }
}

/// Looks at all partitions; none of one that does not answer.
///
/// # Errors
/// When the log does not answer at all.
pub fn look(
    watching: &mut dyn Watching,
    looks: &mut Vec<Looks>,
    is_wanted: &dyn Fn(u32) -> bool,
    now: Instant,
) -> Result<Vec<(u32, Behind)>, LogError> {
    let positions = watching.positions()?;
    let bounds = watching.bounds()?;
    looks.resize_with(positions.len().max(looks.len()), Looks::default);
    let mut all = Vec::new();
    for (number, ((position, held), looks)) in positions.iter().zip(bounds).zip(looks).enumerate() {
        let partition = u32::try_from(number).unwrap_or(u32::MAX);
        let (Some(held), true) = (held, is_wanted(partition)) else { continue };
        let standing = Standing::parse(&position.metadata).ok().flatten();
        let committed = standing.and_then(|standing| standing.through).or(position.offset).unwrap_or(0);
        let mut waits = |offsets| watching.waits(partition, offsets).unwrap_or(true);
        looks.look_into(&held, committed, &mut waits);
        let mut asked = |offset| watching.appended_at(partition, offset).ok().flatten();
        all.push((partition, looks.look(held, committed, now, &mut asked)));
    }
    Ok(all)
}

/// The gauges of a partition.
#[expect(clippy::cast_precision_loss, reason = "gauges are floats")]
pub fn gauges(partition: u32, behind: &Behind) {
    let label = partition.to_string();
    let set = |name: &'static str, value: f64| metrics::gauge!(name, "partition" => label.clone()).set(value);
    metrics::gauge!(metric::LAG_RECORDS, "stage" => "assess", "partition" => label.clone()).set(behind.records as f64);
    set(metric::LAG_SECONDS, behind.ms as f64 / 1e3);
    set(metric::LOG_START, behind.held.start as f64);
    set(metric::LOG_END, behind.held.end as f64);
    set(metric::COMMITTED, behind.committed as f64);
}
