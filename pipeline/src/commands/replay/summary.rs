//! What a replay came to: for people as lines, for programs as one JSON object.
//!
//! Owns the words. Counts only: no person, no record.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::linked::{CONVEYANCE_PAIRS_MAX, CONVEYANCE_ROWS_MAX, Waiting};
use crate::replay::{Counts, Options, Switched};

/// A switch for programs.
fn switch_json(switched: &Switched) -> Value {
    json!({
        "policy": &*switched.policy,
        "policy_version": &*switched.policy_version,
        "at": switched.at.to_string(),
        "tick": switched.tick.to_string(),
        "changes": switched.changes,
        "digest": switched.digest,
    })
}

/// A switch for people.
fn switch_text(switched: &Switched) -> String {
    let Switched { at, policy, policy_version, changes, digest, .. } = switched;
    format!("{policy} {policy_version} since {at}: {changes} people have another state, digest {digest}")
}

/// What is said at the end of a replay.
pub(super) struct Summary<'a> {
    counts: &'a Counts,
    options: &'a Options,
    seconds: f64,
}

impl<'a> Summary<'a> {
    pub(super) fn new(counts: &'a Counts, options: &'a Options, seconds: f64) -> Summary<'a> {
        Summary { counts, options, seconds }
    }

    /// Rejected records by code.
    fn rejected(&self) -> BTreeMap<&'a str, u64> {
        self.counts.tally.codes.iter().map(|(code, count)| (code.name(), *count)).collect()
    }

    /// Records of phones that wait, by reason.
    fn waiting(&self) -> BTreeMap<&'static str, u64> {
        Waiting::ALL.iter().map(|reason| reason.code()).zip(self.counts.linked.waiting).collect()
    }

    /// Changes by colour before and after.
    fn steps(&self) -> BTreeMap<String, u64> {
        let steps = self.counts.tally.colours.iter();
        steps.map(|((from, to), count)| (format!("{from} -> {to}"), *count)).collect()
    }

    /// Who was not judged, and why.
    fn left_out(&self) -> Vec<Value> {
        let people = self.counts.left_out.iter();
        people.map(|(person, why)| json!({ "person": person.to_string(), "why": why })).collect()
    }

    /// How many were not judged; none when everybody was.
    pub(super) fn left_out_people(&self) -> Option<String> {
        let (crowded, failed) = (self.counts.crowded, self.counts.failed);
        let said =
            || format!("{crowded} people with too many facts, {failed} on whom a rule failed: they keep their state");
        (crowded + failed > 0).then(said)
    }

    /// The memory of the state, in bytes.
    fn state_bytes(&self) -> u64 {
        let counts = self.counts;
        counts.memory.iter().map(|memory| memory.bytes as u64).sum::<u64>() + counts.announced_bytes
    }

    /// One line of JSON.
    pub(super) fn json(&self) -> String {
        let (counts, options) = (self.counts, self.options);
        let [green, yellow, red] = counts.colours;
        let summary: Value = json!({
            "policy": &*options.pack.id,
            "policy_version": &*options.pack.version,
            "switches": counts.switched.iter().map(switch_json).collect::<Vec<_>>(),
            "until": counts.last_tick.map(|tick| tick.to_string()),
            "records": counts.records,
            "rejected": counts.tally.rejects,
            "rejected_by_code": self.rejected(),
            "unknown_fields": counts.unknown_fields,
            "attached": counts.linked.attached,
            "unattached": counts.linked.waiting_in_all(),
            "unattached_by_reason": self.waiting(),
            "contacts_by_conveyance": counts.linked.contacts,
            "trips_without_length": counts.linked.without_length,
            "crowded_conveyances": counts.linked.crowded_conveyances,
            "left_out_of_tracing": { "people": counts.linked.left_out, "pairs": counts.linked.failed_pairs },
            "people": counts.people,
            "people_at_the_end": { "green": green, "yellow": yellow, "red": red },
            "facts": counts.facts,
            "conflicts": counts.conflicts,
            "changes": counts.tally.changes,
            "changes_by_colour": self.steps(),
            "changes_by_rule": counts.tally.rules,
            "greens_under_24_h": counts.short_greens,
            "people_left_out": { "crowded": counts.crowded, "failed": counts.failed },
            "left_out": self.left_out(),
            "contacts_known_too_late": counts.missed_windows,
            "seconds": self.seconds,
            "workers": options.workers,
            "state_bytes": self.state_bytes(),
            "memory_bytes_peak": super::super::memory_bytes_peak(),
        });
        format!("{summary}\n")
    }

    /// Lines for people.
    pub(super) fn text(&self) -> String {
        let (counts, options) = (self.counts, self.options);
        let mut lines = Vec::new();
        let mut line = |name: &str, value: String| lines.push(format!("{name:<12}{value}"));
        line("policy", format!("{} {}", options.pack.id, options.pack.version));
        counts.switched.iter().for_each(|switched| line("  switch", switch_text(switched)));
        line("until", counts.last_tick.map_or("no record was accepted by then".to_string(), |tick| tick.to_string()));
        let (records, rejects, unknown) = (counts.records, counts.tally.rejects, counts.unknown_fields);
        line("records", format!("{records} ({rejects} rejected, {unknown} unknown fields dropped)"));
        let linked = &counts.linked;
        if linked.attached + linked.waiting_in_all() > 0 {
            let (attached, waiting) = (linked.attached, linked.waiting_in_all());
            line("phones", format!("{attached} records of phones are attached to their holders, {waiting} wait"));
            let waits = self.waiting().into_iter().filter(|(_, count)| *count > 0);
            waits.for_each(|(reason, count)| line("  waits", format!("{reason:<20}{count}")));
        }
        if linked.contacts + linked.without_length > 0 {
            let (contacts, pointless) = (linked.contacts, linked.without_length);
            line("aboard", format!("{contacts} contacts by conveyance; {pointless} trips without length meet nobody"));
        }
        if linked.crowded_conveyances + linked.left_out + linked.failed_pairs > 0 {
            let (crowded, people, pairs) = (linked.crowded_conveyances, linked.left_out, linked.failed_pairs);
            line(
                "not traced",
                format!(
                    "{crowded} conveyances with more than {CONVEYANCE_ROWS_MAX} rows or {CONVEYANCE_PAIRS_MAX} pairs, \
                     {people} people and {pairs} pairs left out: check that these records are what they seem"
                ),
            );
        }
        self.rejected().iter().for_each(|(code, count)| line("  rejected", format!("{code:<20}{count}")));
        let [green, yellow, red] = counts.colours;
        line("people", format!("{} ({green} green, {yellow} yellow, {red} red at the end)", counts.people));
        line("facts", format!("{} ({} conflicts within one revision)", counts.facts, counts.conflicts));
        line("changes", counts.tally.changes.to_string());
        self.steps().iter().for_each(|(step, count)| line("  colour", format!("{step:<20}{count}")));
        counts.tally.rules.iter().for_each(|(rule, count)| line("  rule", format!("{rule:<20}{count}")));
        if let Some(left_out) = self.left_out_people() {
            line("left out", left_out);
            counts.left_out.iter().for_each(|(person, why)| line("  person", format!("{person} {why}")));
        }
        let (short, late) = (counts.short_greens, counts.missed_windows);
        let late = match late {
            Some(late) => format!("{late} contacts became known too late"),
            None => {
                "contacts known too late are not counted: the pack does not declare [engine] contact_days".to_owned()
            }
        };
        line("attention", format!("{short} times green for less than 24 h; {late}"));
        let state = self.state_bytes();
        #[expect(clippy::cast_precision_loss, reason = "shown without decimals")]
        let (per_second, per_person) =
            (counts.records as f64 / self.seconds.max(1e-9), state as f64 / counts.people.max(1) as f64);
        line("time", format!("{:.2} s, {per_second:.0} records/s, {} workers", self.seconds, options.workers));
        line("state", format!("{} MiB, {per_person:.0} bytes a person", state >> 20));
        if let Some(peak) = super::super::memory_bytes_peak() {
            line("memory", format!("{} MiB at the peak", peak >> 20));
        }
        lines.join("\n") + "\n"
    }
}
