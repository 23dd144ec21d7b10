//! Who is not judged, and why: crowded people, and those on whom a rule failed. They keep the state that was announced.
//!
//! Owns the list over all partitions, and its words.

use fuma_schemas::Person;

use super::known::Known;
use super::words::Language;
use crate::assess::Why;

/// Somebody who is not judged.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NotJudged {
    /// Who.
    pub person: Person,
    /// Why.
    pub why: Why,
}

/// Everybody who is not judged, by token.
pub fn not_judged(known: &Known<'_>) -> Vec<NotJudged> {
    let mut all = Vec::new();
    for partition in known.partitions() {
        let people = partition.left_out().people();
        all.extend(people.filter_map(|(number, why)| {
            Some(NotJudged { person: partition.evidence().person(number)?, why: why.clone() })
        }));
    }
    all.sort_unstable_by_key(|one| one.person);
    all
}

/// Why somebody is not judged, in words.
pub fn why(language: Language, why: &Why) -> String {
    match (language, why) {
        (Language::Chinese, Why::Crowded) => "记录过多（可能多人共用一个号码）".to_owned(),
        (Language::English, Why::Crowded) => "too many records (several people may share one number)".to_owned(),
        (Language::Chinese, Why::Failed { rule }) => format!("规则 {rule} 对此人执行失败"),
        (Language::English, Why::Failed { rule }) => format!("rule {rule} failed on this person"),
    }
}
