//! A preview for people: lines, the digest last.
//!
//! Owns the words, in Chinese and English.

use super::super::Language;
use super::Shown;
use crate::explain::minutes;
use crate::preview::{Cause, Lengths, Preview, Side};

/// How many districts are listed.
const DISTRICTS: usize = 20;

/// The lines.
pub(super) fn table(shown: &Shown<'_>, language: Language) -> String {
    let preview = shown.preview;
    let say = |zh, en| language.label(zh, en);
    let mut text = String::new();
    let mut line = |line: String| {
        text.push_str(line.trim_end());
        text.push('\n');
    };
    let name = |pack: &crate::policy::Pack| format!("{} {}", pack.id, pack.version);
    let after = match shown.records {
        [] => name(shown.candidate),
        records => format!("+ {}", records.join(", ")),
    };
    line(format!("{} -> {after}, {}", name(shown.current), preview.tick));
    line(format!("{}: {}", say("有证据的人", "people with evidence"), preview.people));
    line(format!("{:<22}{:>12}{:>12}{:>12}", "", say("绿码", "green"), say("黄码", "yellow"), say("红码", "red")));
    for (what, [green, yellow, red]) in [(say("之前", "before"), preview.before), (say("之后", "after"), preview.after)]
    {
        line(format!("{what:<22}{green:>12}{yellow:>12}{red:>12}"));
    }
    line(format!("{}: {}", say("状态改变的人", "people with another state"), preview.changes));
    for ((before, after), count) in &preview.moves {
        line(format!("  {:<20}{count:>12}", format!("{before} -> {after}")));
    }
    line(format!("{:<22}{:>12}{:>12}", say("规则", "rule"), say("开始", "begins"), say("终止", "ends")));
    for (rule, [begun, ended]) in &preview.rules {
        line(format!("  {rule:<20}{begun:>12}{ended:>12}"));
    }
    lengths(&preview.lengths, language).into_iter().for_each(&mut line);
    line(say("最后停留的区县（不足十人的不列）", "district of the last stay (fewer than ten are not shown)"));
    for district in preview.districts.shown.iter().take(DISTRICTS) {
        line(format!("  {:<20}{:>12}", district.code, district.changes));
    }
    let more = preview.districts.shown.len().saturating_sub(DISTRICTS);
    if more > 0 {
        line(format!("  {} {more}", say("其余区县（见 --json）", "more districts (--json has them):")));
    }
    if preview.districts.hidden > 0 {
        let changes = preview.districts.hidden_changes.map_or("< 10".to_owned(), |changes| changes.to_string());
        line(format!("  {} {}: {changes}", say("不列的区县", "districts not shown:"), preview.districts.hidden));
    }
    line(format!("{}:", say("举例", "samples")));
    for sample in &preview.samples {
        line(format!("  {}", sample.person));
        line(format!("    {}", side(&sample.before)));
        line(format!("    {}", side(&sample.after)));
    }
    let switch = say("切换时宣布", "announced by the switch");
    line(format!("{switch:<34}{:>12}", preview.changes));
    for (hour, count) in (1..).zip(&preview.by_hour).filter(|(_, count)| **count > 0) {
        line(format!("{:<34}{count:>12}", format!("  {} {hour}", say("其后转绿，第几小时", "turn green in hour"))));
    }
    partitions(preview, language).into_iter().for_each(&mut line);
    if preview.left_out > 0 {
        line(format!("{}: {}", say("未判定的人", "people who are not judged and keep their state"), preview.left_out));
    }
    line(match preview.digest.as_str() {
        "" => say("不完整：没有摘要", "partial: there is no digest"),
        digest => format!("{}: {digest}", say("摘要", "digest")),
    });
    text
}

/// Of an installation: where it was seen, what is not there, and who may differ from the outcome.
fn partitions(preview: &Preview, language: Language) -> Vec<String> {
    let say = |zh, en| language.label(zh, en);
    let mut lines = Vec::new();
    for there in &preview.partitions {
        let name = format!("{} {}", say("分区", "partition"), there.partition);
        if let Some(why) = &there.missing {
            lines.push(format!("{name}: {}: {why}", say("不在", "is not there")));
            continue;
        }
        let (people, changes) = (there.people, there.changes);
        lines.push(format!("{name}: {} {}, {people}, {changes}", say("位置", "position"), there.offset));
        if there.is_sweeping || there.regions_behind > 0 {
            lines
                .push(format!("  {}", say("其规则或地区仍在变更", "its pack or its regions are still changing there")));
        }
    }
    if !preview.partitions.is_empty() {
        lines.push(say("可能与结果不同的人", "people who may differ from the outcome"));
        let words = [
            (Cause::Touched, say("位置之后有新记录", "evidence behind the position")),
            (Cause::Due, say("其间到期", "due between the position and the instant")),
            (Cause::Crowded, say("事实过多", "crowded")),
            (Cause::Failed, say("规则失败", "a rule fails")),
        ];
        for (cause, word) in words {
            let count: u64 = preview.partitions.iter().map(|there| there.count(cause)).sum();
            lines.push(format!("  {word:<40}{count:>12}"));
        }
    }
    lines
}

fn side(side: &Side) -> String {
    let reason = |(rule, interval): &(String, crate::assess::timeline::Interval)| {
        let until = interval.until.map_or_else(|| "…".to_owned(), minutes);
        format!("{rule} {} – {until}", minutes(interval.since))
    };
    let reasons: Vec<String> = side.reasons.iter().map(reason).collect();
    format!("{:<24}  {}", side.state, reasons.join("; "))
}

/// Who is coloured longer or shorter.
fn lengths(lengths: &Lengths, language: Language) -> Vec<String> {
    let say = |zh, en| language.label(zh, en);
    let longer: u64 = lengths.by_days.range(1..).map(|(_, count)| count).sum();
    let shorter: u64 = lengths.by_days.range(..0).map(|(_, count)| count).sum();
    let less = lengths.by_days.get(&0).copied().unwrap_or(0);
    [
        (say("前后均有色：同时止", "coloured in both: as long"), lengths.same),
        (say("  更久（一日以上）", "  longer by a day or more"), longer),
        (say("  更短（一日以上）", "  shorter by a day or more"), shorter),
        (say("  相差不足一日", "  another instant, less than a day"), less),
        (say("  之后无止期", "  open afterwards"), lengths.opened),
        (say("  之后有止期", "  no longer open"), lengths.closed),
    ]
    .into_iter()
    .map(|(what, count)| format!("{what:<34}{count:>12}"))
    .collect()
}
