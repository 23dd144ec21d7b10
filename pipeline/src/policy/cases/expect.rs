//! What a case expects: changes, and records that are refused.
//!
//! Owns the wording of expectations. Must never look at records.

use fuma_schemas::{Colour, RejectCode};

use super::parse::Line;
use super::{Expected, ExpectedReason, Refused, person_of};
use crate::policy::PackError;
use crate::policy::near::did_you_mean;

/// `A  2021-11-03 12:00  red ZJ-R4 due 2021-11-16 00:00, ZJ-R6`, or `A always green` (then no change).
pub(super) fn change(line: &Line<'_>, text: &str) -> Result<(char, Option<Expected>), PackError> {
    let (person, rest) = line.word(text);
    let letter = line.letter(person)?;
    if rest.split_whitespace().eq(["always", "green"]) {
        return Ok((letter, None));
    }
    let (decided_at, rest) = line.instant(rest)?;
    let (colour, rest) = line.word(rest);
    let colour =
        Colour::parse(colour).ok_or_else(|| line.error(format!("`{colour}` is no colour: red, yellow or green")))?;
    let mut reasons = Vec::new();
    for part in rest.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        reasons.push(reason(line, part)?);
    }
    if (colour == Colour::Green) != reasons.is_empty() {
        return Err(line.error("red and yellow name the rules that hold, green names none"));
    }
    reasons.sort_by(|one, other| one.rule.cmp(&other.rule));
    Ok((letter, Some(Expected { line: line.number, person: person_of(letter), decided_at, colour, reasons })))
}

/// `ZJ-R4 since 2021-11-03 10:00 until 2021-11-20 00:00 due none`.
fn reason(line: &Line<'_>, text: &str) -> Result<ExpectedReason, PackError> {
    let (rule, mut rest) = line.word(text);
    let mut reason = ExpectedReason { rule: rule.to_string(), since: None, until: None, due: None };
    while !rest.is_empty() {
        let (word, after) = line.word(rest);
        let (none, field) = match word {
            "since" => {
                let (instant, after) = line.instant(after)?;
                reason.since = Some(instant);
                rest = after;
                continue;
            }
            "until" => ("open", &mut reason.until),
            "due" => ("none", &mut reason.due),
            other => {
                return Err(line.error(format!(
                    "`{other}`: after a rule comes `since TIME`, `until TIME`, `until open`, `due TIME` or `due none`"
                )));
            }
        };
        let (first, after_first) = line.word(after);
        if first == none {
            *field = Some(None);
            rest = after_first;
        } else {
            let (instant, after) = line.instant(after)?;
            *field = Some(Some(instant));
            rest = after;
        }
    }
    Ok(reason)
}

/// `listing l1 of A: missing-field`.
pub(super) fn refused(line: &Line<'_>, text: &str) -> Result<Refused, PackError> {
    let (name, code) = text.split_once(':').ok_or_else(|| line.error("write `refused KIND ID of PERSON: CODE`"))?;
    let code = code.trim();
    let found = RejectCode::ALL.iter().find(|known| known.name() == code);
    let code = *found.ok_or_else(|| {
        let known = RejectCode::ALL.iter().map(|known| known.name());
        let list = known.clone().collect::<Vec<_>>().join(", ");
        line.error(format!("`{code}` is no code of a reject; they are {list}{}", did_you_mean(code, known)))
    })?;
    Ok(Refused { line: line.number, name: name.split_whitespace().collect::<Vec<_>>().join(" "), code })
}

/// `15m`: a number and ms, s, m, h or d.
pub(super) fn duration(line: &Line<'_>, text: &str) -> Result<i64, PackError> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let unit_ms = match &text[digits..] {
        "ms" => Some(1),
        "s" => Some(1000),
        "m" => Some(60_000),
        "h" => Some(3_600_000),
        "d" => Some(86_400_000),
        _ => None,
    };
    let millis = text[..digits].parse::<i64>().ok().zip(unit_ms).and_then(|(number, unit)| number.checked_mul(unit));
    millis
        .filter(|millis| *millis > 0)
        .ok_or_else(|| line.error(format!("`{text}` is no duration: write 1m, 15m, 1h or 1d")))
}
