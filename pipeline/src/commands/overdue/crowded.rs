//! The people who are not judged, as a list: a person and why.
//!
//! Owns its layout. Shows tokens; never an identity.

use std::io::{self, Write};

use crate::assess::Why;
use crate::explain::{Language, NotJudged, why_not_judged};

/// Writes the list.
pub(super) fn write(all: &[NotJudged], language: Language, is_json: bool, out: &mut dyn Write) -> io::Result<()> {
    for NotJudged { person, why } in all {
        if is_json {
            let (name, rule) = match why {
                Why::Crowded => ("crowded", None),
                Why::Failed { rule } => ("failed", Some(&**rule)),
            };
            let person = person.to_string();
            writeln!(out, "{}", serde_json::json!({ "person": person, "why": name, "rule": rule }))?;
        } else {
            writeln!(out, "{person}  {}", why_not_judged(language, why))?;
        }
    }
    Ok(())
}

/// How many there are.
pub(super) fn count(all: &[NotJudged], language: Language) -> String {
    let count = all.len();
    match language {
        Language::Chinese => format!("未评定 {count} 人，保持已公布的状态（fuma overdue --crowded 列出）\n"),
        Language::English => {
            format!("{count} people are not judged and keep the announced state (fuma overdue --crowded lists them)\n")
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use fuma_schemas::Person;

    use super::*;

    #[test]
    fn a_person_and_why() {
        let failed = NotJudged { person: Person([0xaa; 16]), why: Why::Failed { rule: "ZJ-R4".into() } };
        let crowded = NotJudged { person: Person([0xbb; 16]), why: Why::Crowded };
        let written = |is_json| {
            let mut out = Vec::new();
            write(&[failed.clone(), crowded.clone()], Language::English, is_json, &mut out).unwrap();
            String::from_utf8(out).unwrap()
        };
        let table = written(false);
        assert!(table.contains("aaaa  rule ZJ-R4 failed on this person\n"), "{table}");
        assert!(table.contains("bbbb  too many records"), "{table}");
        let line: serde_json::Value = serde_json::from_str(written(true).lines().next().unwrap()).unwrap();
        assert_eq!((&line["why"], &line["rule"]), (&"failed".into(), &"ZJ-R4".into()));
    }
}
