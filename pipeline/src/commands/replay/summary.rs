//! What a replay came to, on standard error.
//!
//! Owns the text. Counts only: no person, no record.

use std::collections::BTreeMap;
use std::io::Write as _;

use crate::replay::{Options, Outcome};

/// Prints the summary.
pub(super) fn print(outcome: &Outcome, options: &Options, seconds: f64) {
    let text = text(outcome, options, seconds);
    // Standard error may be closed; the replay has done its work all the same.
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}

fn text(outcome: &Outcome, options: &Options, seconds: f64) -> String {
    let counts = &outcome.counts;
    let mut lines = Vec::new();
    let mut line = |name: &str, value: String| lines.push(format!("{name:<12}{value}"));
    line("pack", format!("{} {}", options.pack.id, options.pack.version));
    line("until", counts.last_tick.map_or("no tick".to_string(), |tick| tick.to_string()));
    line(
        "records",
        format!(
            "{} ({} rejected, {} unknown fields dropped)",
            counts.records,
            outcome.rejects.len(),
            counts.unknown_fields
        ),
    );
    line(
        "people",
        format!(
            "{} ({} green, {} yellow, {} red at the end)",
            counts.people, counts.colours[0], counts.colours[1], counts.colours[2]
        ),
    );
    line("facts", format!("{} ({} conflicts of one revision)", counts.facts, counts.conflicts));
    let mut codes: BTreeMap<&str, usize> = BTreeMap::new();
    for rejected in &outcome.rejects {
        *codes.entry(rejected.code.name()).or_default() += 1;
    }
    for (code, count) in codes {
        line("  rejected", format!("{code:<20}{count}"));
    }
    line("changes", outcome.changes.len().to_string());
    let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
    let mut rules: BTreeMap<&str, usize> = BTreeMap::new();
    for change in &outcome.changes {
        *kinds.entry(format!("{} -> {}", change.from, change.to)).or_default() += 1;
        for reason in &change.reasons {
            *rules.entry(&reason.rule.id).or_default() += 1;
        }
    }
    for (kind, count) in kinds {
        line("  colour", format!("{kind:<20}{count}"));
    }
    for (rule, count) in rules {
        line("  rule", format!("{rule:<20}{count}"));
    }
    line(
        "watch",
        format!("{} greens of less than 24 h, {} contacts known too late", counts.short_greens, counts.missed_windows),
    );
    let state: u64 = counts.memory.iter().map(|memory| memory.bytes as u64).sum::<u64>() + counts.announced_bytes;
    #[expect(clippy::cast_precision_loss, reason = "shown with no digit behind the point")]
    let (per_second, per_person) =
        (counts.records as f64 / seconds.max(1e-9), state as f64 / counts.people.max(1) as f64);
    line("time", format!("{seconds:.2} s, {per_second:.0} records/s, {} workers", options.workers));
    line("state", format!("{} MiB, {per_person:.0} bytes a person", state >> 20));
    if let Some(peak) = super::super::memory_bytes_peak() {
        line("memory", format!("{} MiB at the peak", peak >> 20));
    }
    lines.join("\n") + "\n"
}
