//! Whether a pack may be used: asked at each load, by every command that uses one; nothing is remembered.
//!
//! A pack may be used when it loads (SQL, tables, cases that expect each rule), its cases hold, each rule is shown in
//! every aspect, and its id and version do not belong to other contents. A draft is a pack of which only the first is
//! known; what is wrong with the rest is said.
//!
//! ```text
//! engine   the replay that judges the cases
//! ```
//!
//! Owns the decision.

pub mod engine;

use std::sync::Arc;

use crate::policy::cases::{self, CaseReport};
use crate::policy::pack::{Cases, load_with};
use crate::policy::{Pack, PackError, PackSource};

/// Whether a pack that may not be used is taken all the same.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Drafts {
    /// It is refused.
    Refused,
    /// It is taken, and what is wrong is said.
    Taken,
}

/// A pack that was let in.
#[derive(Debug)]
pub struct Admitted {
    /// The pack.
    pub pack: Arc<Pack>,
    /// Why it is a draft; nothing when it may be used.
    pub draft: Vec<String>,
}

/// Lets a pack in by its id or folder.
///
/// # Errors
/// With the file and line of what is wrong.
pub fn admit(id_or_folder: &str, drafts: Drafts) -> Result<Admitted, PackError> {
    admit_source(&PackSource::find(id_or_folder)?, drafts)
}

/// Lets a pack in by its files.
///
/// # Errors
/// With the file and line of what is wrong.
pub fn admit_source(source: &PackSource, drafts: Drafts) -> Result<Admitted, PackError> {
    let pack = load_with(source, Cases::Left)?;
    let problems = [belongs_to_another(&pack), cases_fail(source, &pack)].into_iter().flatten();
    match drafts {
        Drafts::Taken => Ok(Admitted { draft: problems.map(|problem| problem.to_string()).collect(), pack }),
        Drafts::Refused => match problems.into_iter().next() {
            Some(problem) => Err(problem),
            None => Ok(Admitted { pack, draft: Vec::new() }),
        },
    }
}

/// Lets a pack of the log in: what is asked of each, but for the name, which is another pack's of this binary perhaps.
///
/// # Errors
/// With the file and line of what is wrong.
pub fn admit_of_log(source: &PackSource) -> Result<Arc<Pack>, PackError> {
    let pack = load_with(source, Cases::Left)?;
    cases_fail(source, &pack).map_or(Ok(pack), Err)
}

/// What the cases of a pack say.
///
/// # Errors
/// A case file that cannot be read, or a rule that no case expects.
pub fn report(pack: &Arc<Pack>) -> Result<CaseReport, PackError> {
    cases::check_expected(pack)?;
    cases::judge(pack, |scenario| engine::run(pack, scenario))
}

fn cases_fail(source: &PackSource, pack: &Arc<Pack>) -> Option<PackError> {
    let report = match report(pack) {
        Ok(report) => report,
        Err(error) => return Some(error),
    };
    let (first, others) = report.first_problem()?;
    let others = if others == 0 { String::new() } else { format!(" (and {others} more)") };
    let reason = format!("{}{others}; see all with `fuma policy check {}`", first.reason, source.name);
    Some(PackError { reason, ..first })
}

/// Why the id and version of a pack are not its own: a pack of this binary has them, with other contents.
pub fn belongs_to_another(pack: &Pack) -> Option<PackError> {
    let built_in = PackSource::built_in(&pack.id)?;
    let text = built_in.files.get(crate::policy::manifest::FILE)?;
    let version = crate::policy::manifest::parse(text).ok()?.version;
    let digest = built_in.digest();
    if *version != *pack.version || digest == *pack.digest {
        return None;
    }
    let reason = format!(
        "{} {} is a pack of this binary with other contents (digest {}; here {}): raise the version, or give the pack \
         an \
         id of its own, so that a change tells which rules made it",
        pack.id,
        pack.version,
        &digest[..16],
        pack.short_digest()
    );
    Some(PackError::of(crate::policy::manifest::FILE, reason))
}
