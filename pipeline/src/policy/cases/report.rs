//! Whether a pack's cases hold, and whether each rule is shown in every aspect.
//!
//! Owns the report: a pack may be used when every case holds, every rule is expected by some case, and each has a
//! trigger, a boundary, a release and a retraction. The engine that judges comes in as a function.

use std::collections::BTreeSet;

use super::{Answer, Aspect, Case, Scenario, check, parse};
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
pub struct CaseReport {
    /// Every case, by file and line.
    pub results: Vec<CaseResult>,
    /// Rules and the aspects in which no case shows them.
    pub missing: Vec<PackError>,
}

impl CaseReport {
    /// How many cases do not hold.
    pub fn failed(&self) -> usize {
        self.results.iter().filter(|result| !result.problems.is_empty()).count()
    }

    /// Whether the pack may be used.
    pub fn may_be_used(&self) -> bool {
        self.failed() == 0 && self.missing.is_empty()
    }

    /// The first thing that is wrong, and how many others there are.
    pub fn first_problem(&self) -> Option<(PackError, usize)> {
        let failed = self.results.iter().flat_map(|result| {
            let at = |(line, text): &(usize, String)| PackError::at(&result.case.file, *line, text.clone());
            result.problems.iter().map(at)
        });
        let mut all = failed.chain(self.missing.iter().cloned());
        let first = all.next()?;
        Some((first, all.count()))
    }
}

/// Runs every case of a pack through the engine that judges people.
///
/// # Errors
/// A case file that cannot be read.
pub fn judge(pack: &Pack, engine: impl Fn(&Scenario) -> Result<Answer, String>) -> Result<CaseReport, PackError> {
    let mut results = Vec::new();
    for (path, text) in &pack.cases {
        for case in parse(path, text)? {
            let problems = match unknown_rule(pack, &case) {
                Some(problem) => vec![problem],
                None => match check(&case, &engine) {
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
    Ok(CaseReport { results, missing })
}

/// A case that expects a rule which the pack does not have can never hold: say so plainly.
fn unknown_rule(pack: &Pack, case: &Case) -> Option<(usize, String)> {
    let named =
        case.expected.iter().flat_map(|change| change.reasons.iter().map(move |reason| (change.line, &reason.rule)));
    let mut unknown = named.filter(|(_, rule)| pack.rule(rule).is_none());
    unknown.next().map(|(line, rule)| (line, format!("the pack has no rule {rule}")))
}

/// A trigger, a release and a retraction show nothing of a rule that they never expect; a boundary may be all green.
fn missing(rule: &str, results: &[CaseResult]) -> Vec<PackError> {
    let shows = |case: &Case, aspect: Aspect| {
        case.subject == rule && case.aspect == aspect && (aspect == Aspect::Boundary || expects(case, rule))
    };
    let missing =
        Aspect::REQUIRED.into_iter().filter(|aspect| !results.iter().any(|result| shows(&result.case, *aspect)));
    let said = |aspect: Aspect| {
        let expects = if aspect == Aspect::Boundary { "" } else { " that expects it" };
        let reason = format!("no case `{rule} {}`{expects}: add one to cases/{rule}.case", aspect.name());
        PackError::of(&format!("rules/{rule}.sql"), reason)
    };
    missing.map(said).collect()
}

fn expects(case: &Case, rule: &str) -> bool {
    case.expected.iter().any(|change| change.reasons.iter().any(|reason| reason.rule == rule))
}

/// Checks that the cases of a pack can be read, and that some case expects each rule: an untested rule colours nobody.
///
/// # Errors
/// The first case that cannot be read, or the first rule that none expects.
pub fn check_expected(pack: &Pack) -> Result<(), PackError> {
    if pack.cases.is_empty() {
        return Err(PackError::of(
            "cases",
            "there are none: every rule needs cases that must hold before the pack may be used",
        ));
    }
    let mut expected = BTreeSet::new();
    for (path, text) in &pack.cases {
        for case in parse(path, text)? {
            expected.extend(case.expected.into_iter().flat_map(|change| change.reasons).map(|reason| reason.rule));
        }
    }
    match pack.rules.iter().map(|rule| &rule.head.id).find(|id| !expected.contains(*id)) {
        None => Ok(()),
        Some(id) => {
            let reason = format!("no case expects {id}: add one to cases/{id}.case (`expect A TIME COLOUR {id}`)");
            Err(PackError::at(&format!("rules/{id}.sql"), 1, reason))
        }
    }
}
