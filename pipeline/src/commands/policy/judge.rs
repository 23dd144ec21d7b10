//! Whether a pack's cases hold, and whether each rule is shown in every aspect.
//!
//! Owns the verdict: a pack may be used when every case holds and every rule has a trigger, a boundary, a release and
//! a retraction.

use std::sync::Arc;

use super::engine;
use crate::policy::cases::{self, Aspect, Case};
use crate::policy::{Pack, PackError};

/// A case and what is wrong with it.
#[derive(Debug)]
pub struct CaseResult {
    /// The case.
    pub case: Case,
    /// Lines of its file, and what is otherwise there.
    pub problems: Vec<(usize, String)>,
}

/// What the cases of a pack say.
#[derive(Debug)]
pub struct Verdict {
    /// Every case, by file and line.
    pub results: Vec<CaseResult>,
    /// Rules and the aspects in which no case shows them.
    pub missing: Vec<String>,
}

impl Verdict {
    /// How many cases do not hold.
    pub fn failed(&self) -> usize {
        self.results.iter().filter(|result| !result.problems.is_empty()).count()
    }

    /// Whether the pack may be used.
    pub fn may_be_used(&self) -> bool {
        self.failed() == 0 && self.missing.is_empty()
    }
}

/// Runs every case of a pack through the engine that judges people.
///
/// # Errors
/// A case file that cannot be read.
pub fn judge(pack: &Arc<Pack>) -> Result<Verdict, PackError> {
    let mut results = Vec::new();
    for (path, text) in &pack.cases {
        for case in cases::parse(path, text)? {
            let problems = match unknown_rule(pack, &case) {
                Some(problem) => vec![problem],
                None => match cases::check(&case, |scenario| engine::run(pack, scenario)) {
                    Ok(differences) => {
                        differences.into_iter().map(|difference| (difference.line, difference.text)).collect()
                    }
                    Err(error) => vec![(case.line, error)],
                },
            };
            results.push(CaseResult { case, problems });
        }
    }
    let missing = pack.rules.iter().flat_map(|rule| missing(&rule.head.id, &results)).collect();
    Ok(Verdict { results, missing })
}

/// A case that expects a rule which the pack does not have can never hold: say so plainly.
fn unknown_rule(pack: &Pack, case: &Case) -> Option<(usize, String)> {
    let named =
        case.expected.iter().flat_map(|change| change.reasons.iter().map(move |reason| (change.line, &reason.rule)));
    let mut unknown = named.filter(|(_, rule)| pack.rule(rule).is_none());
    unknown.next().map(|(line, rule)| (line, format!("the pack has no rule {rule}")))
}

fn missing(rule: &str, results: &[CaseResult]) -> Vec<String> {
    let shown =
        |aspect: &Aspect| results.iter().any(|result| result.case.subject == rule && result.case.aspect == *aspect);
    let missing = Aspect::REQUIRED.into_iter().filter(|aspect| !shown(aspect));
    missing
        .map(|aspect| format!("rules/{rule}.sql: no case `{rule} {}`: add one to cases/{rule}.case", aspect.name()))
        .collect()
}
