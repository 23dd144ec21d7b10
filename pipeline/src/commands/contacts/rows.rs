//! The rows of the list: a table for people, CSV and JSON lines for programs.
//!
//! Owns the columns. Each says the same in every shape.

use fuma_schemas::Instant;
use serde_json::json;

use crate::explain::{Hanging, Isolation, Language, aboard_json, columns, minutes};

/// How the list is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Shape {
    Table,
    Csv,
    Json,
}

const HEADINGS: [(&str, &str); 9] = [
    ("generation", "代"),
    ("degree", "程度"),
    ("origin", "来源"),
    ("person", "人员"),
    ("counts", "有效"),
    ("determined_at", "判定"),
    ("last_exposure_at", "末次接触"),
    ("isolation", "隔离"),
    ("evidence", "依据"),
];

pub(super) fn text(hanging: &[Hanging<'_>], shape: Shape, language: Language) -> String {
    match shape {
        Shape::Json => hanging.iter().map(|one| format!("{}\n", json(one))).collect(),
        Shape::Csv => {
            let headings = HEADINGS.map(|(english, _)| english.to_string());
            let rows = hanging.iter().map(|one| cells(one, Language::English, &|at| at.to_string()));
            std::iter::once(headings).chain(rows).map(|cells| csv(&cells)).collect()
        }
        Shape::Table if hanging.is_empty() => String::new(),
        Shape::Table => {
            let headings = HEADINGS.map(|(english, chinese)| language.of(chinese, english).replace("_at", ""));
            let rows = hanging.iter().map(|one| cells(one, language, &minutes));
            table(&std::iter::once(headings).chain(rows).collect::<Vec<_>>())
        }
    }
}

/// The cells of a row; what is not there is empty.
fn cells(one: &Hanging<'_>, language: Language, instant: &dyn Fn(Instant) -> String) -> [String; 9] {
    let at = |at: Option<Instant>| at.map(instant).unwrap_or_default();
    let origin = if one.aboard.is_some() { "conveyance" } else { "reported" };
    let evidence = match (&one.aboard, one.record) {
        (Some(aboard), _) => {
            let conveyance = aboard.conveyance;
            let date = crate::explain::date(conveyance.service_date);
            let (since, until) = (instant(aboard.since), instant(aboard.until));
            format!("{} {} {date}, {since} -> {until}", language.word(&conveyance.mode), conveyance.number)
        }
        (None, Some(record)) => format!("{}/{}", record.owner, record.id),
        (None, None) => String::new(),
    };
    let isolation = one.isolation.map(|isolation| isolation_cell(&isolation, language, instant));
    [
        one.generation.to_string(),
        language.word(one.degree).to_string(),
        language.of(if one.aboard.is_some() { "同乘" } else { "上报" }, origin).to_string(),
        one.person.to_string(),
        language.of(if one.counts { "是" } else { "否" }, if one.counts { "yes" } else { "no" }).to_string(),
        at(one.determined_at),
        at(one.last_exposure_at),
        isolation.unwrap_or_else(|| language.of("无", "none").to_string()),
        evidence,
    ]
}

fn isolation_cell(isolation: &Isolation<'_>, language: Language, instant: &dyn Fn(Instant) -> String) -> String {
    let stage = language.word(isolation.stage);
    let since = instant(isolation.started_at);
    match (isolation.ended_at, isolation.outcome, isolation.due_at) {
        (Some(ended_at), Some(outcome), _) => format!("{} {} ({stage})", language.word(outcome), instant(ended_at)),
        (_, _, Some(due_at)) => {
            format!(
                "{stage} {} {since}, {} {}",
                language.of("自", "since"),
                language.of("应解除", "due"),
                instant(due_at)
            )
        }
        _ => format!("{stage} {} {since}", language.of("自", "since")),
    }
}

fn json(one: &Hanging<'_>) -> serde_json::Value {
    let at = |at: Option<Instant>| at.map(|at| at.to_string());
    let isolation = one.isolation.map(|isolation| {
        json!({
            "stage": isolation.stage,
            "started_at": isolation.started_at.to_string(),
            "due_at": at(isolation.due_at),
            "ended_at": at(isolation.ended_at),
            "outcome": isolation.outcome,
        })
    });
    json!({
        "generation": one.generation,
        "degree": one.degree,
        "origin": if one.aboard.is_some() { "conveyance" } else { "reported" },
        "person": one.person.to_string(),
        "counts": one.counts,
        "determined_at": at(one.determined_at),
        "last_exposure_at": at(one.last_exposure_at),
        "isolation": isolation,
        "record": one.record.map(|record| json!({ "owner": record.owner, "id": record.id })),
        "aboard": one.aboard.as_ref().map(aboard_json),
    })
}

/// A line of CSV: a cell with a comma, a quote or a line break is quoted.
fn csv(cells: &[String; 9]) -> String {
    let quoted = cells.iter().map(|cell| match cell.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", cell.replace('"', "\"\"")),
        false => cell.clone(),
    });
    quoted.collect::<Vec<_>>().join(",") + "\n"
}

fn table(rows: &[[String; 9]]) -> String {
    let width = |column: usize| rows.iter().map(|row| columns(&row[column])).max().unwrap_or(0);
    let widths: Vec<usize> = (0..HEADINGS.len()).map(width).collect();
    let line = |row: &[String; 9]| {
        let cells = row.iter().zip(&widths);
        let padded = cells.map(|(cell, width)| format!("{cell}{}", " ".repeat(width.saturating_sub(columns(cell)))));
        format!("{}\n", padded.collect::<Vec<_>>().join("  ").trim_end())
    };
    rows.iter().map(line).collect()
}

/// How many hang on the case, in a line.
pub(super) fn counts(hanging: &[Hanging<'_>], at: Instant, language: Language) -> String {
    let (count, at) = (hanging.len(), minutes(at));
    let aboard = hanging.iter().filter(|one| one.aboard.is_some()).count();
    let isolated = hanging.iter().filter(|one| one.isolation.is_some_and(|one| one.ended_at.is_none())).count();
    match language {
        Language::Chinese => {
            format!("截至 {at}（北京时间）：接触 {count} 条，其中同乘 {aboard} 条；{isolated} 条的本人正在隔离\n")
        }
        Language::English => format!(
            "{count} contacts as known at {at} (local time, +08:00), {aboard} of them by conveyance; of {isolated} the \
             person is in isolation\n"
        ),
    }
}
