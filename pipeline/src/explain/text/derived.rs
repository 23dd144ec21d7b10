//! What stands behind a derived fact, in words.
//!
//! Owns the sentences. Names a case by its record, and never a person.

use fuma_schemas::Instant;

use super::super::derived::{AboardLine, Derivation, Seat};
use super::super::words::{Language, date, minutes};

/// The head of a derived fact: the record behind it, and when it was known first.
pub(super) fn head(language: Language, derivation: &Derivation<'_>, first_known_at: Instant) -> String {
    let unknown = || language.of("（名称未知）", "(name unknown)").to_string();
    let name = derivation.name().map_or_else(unknown, |name| name.to_string());
    let known = minutes(first_known_at);
    match (language, derivation) {
        (Language::Chinese, Derivation::Phone { .. }) => {
            format!("{name}，属当时由本人持有的手机号，首次获知 {known}")
        }
        (Language::English, Derivation::Phone { .. }) => {
            format!("{name}, of a phone that the person held then, first known {known}")
        }
        (Language::Chinese, Derivation::Aboard(_)) => format!("与病例 {name} 同乘，首次获知 {known}"),
        (Language::English, Derivation::Aboard(_)) => format!("aboard with the case {name}, first known {known}"),
    }
}

/// The conveyance with the time together, and the seats.
pub(super) fn aboard(language: Language, line: &AboardLine<'_>) -> (String, String) {
    let conveyance = line.conveyance;
    let (mode, day) = (language.word(&conveyance.mode), date(conveyance.service_date));
    let together = together(language, line.until.0 - line.since.0);
    let (since, until) = (minutes(line.since), minutes(line.until));
    let (own, of_case) = (seat(language, &line.own), seat(language, &line.of_case));
    match language {
        Language::Chinese => (
            format!("{mode} {}，班次日期 {day}，同乘 {since} -> {until}（{together}）", conveyance.number),
            format!("本人：{own}；病例：{of_case}"),
        ),
        Language::English => (
            format!("{mode} {}, service date {day}, together {since} -> {until} ({together})", conveyance.number),
            format!("the person: {own}; the case: {of_case}"),
        ),
    }
}

/// A length of time in hours and minutes; less than a minute is one.
fn together(language: Language, millis: i64) -> String {
    let minutes = (millis + 59_999) / 60_000;
    let (hours, rest) = (minutes / 60, minutes % 60);
    let (hour, minute) = (language.of("小时", "h"), language.of("分钟", "min"));
    match (hours, rest) {
        (0, rest) => format!("{rest} {minute}"),
        (hours, 0) => format!("{hours} {hour}"),
        (hours, rest) => format!("{hours} {hour} {rest} {minute}"),
    }
}

fn seat(language: Language, seat: &Seat<'_>) -> String {
    let text = |chinese: &str, english: &str, value: Option<String>| {
        value.map(|value| format!("{} {value}", language.of(chinese, english)))
    };
    let parts = [
        text("车厢", "carriage", seat.carriage.map(ToString::to_string)),
        text("排", "row", seat.row.map(|row| row.to_string())),
        text("座位", "seat", seat.seat.map(ToString::to_string)),
        seat.role.filter(|role| *role == "crew").map(|role| language.word(role).to_string()),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    match parts.is_empty() {
        true => language.of("座位不明", "seat unknown").to_string(),
        false => parts.join(language.of("，", ", ")),
    }
}
