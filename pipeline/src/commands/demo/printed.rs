//! The summary as text for a terminal.
//!
//! Owns its layout; pure. Must never hold a number that the summary does not.

use std::fmt::Write;

use super::summary::{Facts, Summary};

/// The whole summary, ending with a line end.
pub(super) fn summary(facts: &Facts, summary: &Summary) -> String {
    let mut text = String::new();
    let per_second = (facts.events as f64 / facts.seconds.max(0.001)) as u64;
    let mut row = |name: &str, value: String| line(&mut text, &format!("{name:<12}{value:>14}"));
    row("policy", format!("  {}", facts.policy));
    row("people", grouped(facts.people));
    row("events", grouped(facts.events));
    row("facts", grouped(facts.facts));
    row("changes", grouped(summary.changes));
    row("ever yellow", grouped(summary.ever_yellow));
    row("ever red", grouped(summary.ever_red));
    row("rejects", grouped(facts.rejects.len() as u64));
    row("seconds", format!("{:.1}", facts.seconds));
    row("events/s", format!("{} ({} workers)", grouped(per_second), facts.workers));
    if let Some(bytes) = facts.memory_bytes_peak {
        row("memory peak", format!("{} MB", grouped(bytes / 1_000_000)));
    }
    line(&mut text, "\nchanges by colour");
    for ((from, to), count) in summary.by_step() {
        line(&mut text, &format!("  {:<20}{:>10}", format!("{from} -> {to}"), grouped(count)));
    }
    line(&mut text, "\nreasons begun, by rule");
    for rule in &summary.by_rule {
        line(
            &mut text,
            &format!("  {:<8}{:<8}{:>10}  {}", rule.id, rule.colour.name(), grouped(rule.begun), rule.clause),
        );
    }
    line(&mut text, "\nrejects by code");
    for (code, count) in &summary.by_code {
        line(&mut text, &format!("  {code:<20}{:>10}", grouped(*count)));
    }
    text
}

/// A number with its digits in groups of three.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3 + 1);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn line(text: &mut String, line: &str) {
    // Writing to a String cannot fail.
    let _ = writeln!(text, "{line}");
}
