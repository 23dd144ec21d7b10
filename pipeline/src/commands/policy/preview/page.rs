//! A preview as one page in Chinese and English, with plots; it needs no network and no script.
//!
//! Owns the page. Every plot stands beside its numbers; a person is shown by token alone.

use super::Shown;
use super::table::table;
use crate::commands::demo::charts::{self, Bar, Words};
use crate::commands::demo::report::escaped;
use crate::commands::policy::Language;

/// The page.
pub(super) fn page(shown: &Shown<'_>) -> String {
    let preview = shown.preview;
    let after = if shown.records.is_empty() { shown.candidate.id.to_string() } else { shown.records.join(", ") };
    let (current, candidate) = (escaped(&shown.current.id), escaped(&after));
    let mut page = String::from("<!DOCTYPE html>\n<html lang=\"zh-Hans\"><head><meta charset=\"utf-8\">");
    page.push_str("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">");
    page.push_str("<title>规则预览 · fuma policy preview</title><style>");
    page.push_str(charts::STYLE);
    page.push_str("</style></head><body><main>");
    page.push_str(&format!(
        "<header><h1>规则预览<small lang=\"en\">policy preview</small></h1><p>{current} → {candidate}，{at}</p>\
         <p lang=\"en\">{changes} of {people} people with evidence have another state.</p></header>",
        at = preview.tick,
        changes = preview.changes,
        people = preview.people,
    ));
    page.push_str(&section("colours", ("各色人数", "people by colour"), &colours(preview.before, preview.after)));
    let moves: Vec<(String, u64, &str)> =
        preview.moves.iter().map(|((before, after), count)| (format!("{before} → {after}"), *count, *after)).collect();
    page.push_str(&section("moves", ("状态改变", "changes of state"), &moves));
    let rules = preview.rules.iter().flat_map(|(rule, [begun, ended])| {
        let rule = escaped(rule);
        [(format!("{rule} +"), *begun, "blue"), (format!("{rule} −"), *ended, "green")]
    });
    page.push_str(&section(
        "rules",
        ("规则开始（+）与终止（−）", "rules begun (+) and ended (−)"),
        &rules.collect::<Vec<_>>(),
    ));
    let days = preview.lengths.by_days.iter();
    let days: Vec<_> = days.map(|(days, count)| (format!("{days:+} 日 d"), *count, "blue")).collect();
    page.push_str(&section("days", ("更久或更短（日）", "coloured longer or shorter, in days"), &days));
    let districts = preview.districts.shown.iter().take(30);
    let districts: Vec<_> = districts.map(|one| (escaped(&one.code), one.changes, "blue")).collect();
    page.push_str(&section("districts", ("按最后停留的区县", "by district of the last stay"), &districts));
    let text = escaped(&table(shown, Language::Both));
    page.push_str(&format!("<section><h2>数字<small lang=\"en\">the numbers</small></h2><pre>{text}</pre></section>"));
    page.push_str("</main></body></html>\n");
    page
}

fn colours(before: [u64; 3], after: [u64; 3]) -> Vec<(String, u64, &'static str)> {
    let names = [("绿 green", "green"), ("黄 yellow", "yellow"), ("红 red", "red")];
    let both = names.iter().zip(before.into_iter().zip(after));
    both.flat_map(|((name, class), (before, after))| {
        [(format!("{name} 前"), before, *class), (format!("{name} 后"), after, *class)]
    })
    .collect()
}

/// A section with bars; their labels are escaped.
fn section(id: &str, (zh, en): (&str, &str), rows: &[(String, u64, &str)]) -> String {
    let bars: Vec<Bar<'_>> = rows.iter().map(|(label, value, class)| Bar { label, value: *value, class }).collect();
    let words = Words { width: charts::WIDE, id, title: en, description: zh };
    format!("<section><h2>{zh}<small lang=\"en\">{en}</small></h2>{}</section>", charts::bars(&words, &bars))
}
