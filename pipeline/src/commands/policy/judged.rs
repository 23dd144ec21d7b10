//! `fuma policy check` and `fuma policy test`: what the cases say, failures last.
//!
//! Owns the two forms, lines and JSON. The report is `admission`'s and the cases'.

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;

use serde_json::{Value, json};

use super::{CaseArgs, Language, UNUSABLE, refuse};
use crate::admission::{self, belongs_to_another};
use crate::policy::cases::{CaseReport, CaseResult};
use crate::policy::pack::{Cases, load_with};
use crate::policy::{Pack, PackError, PackSource};

/// Whether a pack may be used.
pub(super) fn check(out: &mut dyn Write, args: &CaseArgs) -> io::Result<ExitCode> {
    judged(out, args, false)
}

/// Runs the cases of a pack; each has its line.
pub(super) fn test(out: &mut dyn Write, args: &CaseArgs) -> io::Result<ExitCode> {
    judged(out, args, true)
}

fn judged(out: &mut dyn Write, args: &CaseArgs, is_test: bool) -> io::Result<ExitCode> {
    let pack = match PackSource::find(&args.pack).and_then(|source| load_with(&source, Cases::Left)) {
        Ok(pack) => pack,
        Err(error) if args.json => return error_json(out, &args.pack, &error),
        Err(error) => return refuse(out, &args.pack, &error),
    };
    let report = match admission::report(&pack) {
        Ok(report) => report,
        Err(error) if args.json => return error_json(out, &args.pack, &error),
        Err(error) => return refuse(out, &args.pack, &error),
    };
    // Under the name of another pack it may be tried, and not be used.
    let borrowed = belongs_to_another(&pack).filter(|_| !is_test);
    let usable = report.may_be_used() && borrowed.is_none();
    if args.json {
        writeln!(out, "{}", as_json(&pack, &report, usable, borrowed.as_ref()))?;
    } else {
        lines(out, &pack, &report, args, is_test)?;
        if let Some(error) = &borrowed {
            writeln!(out, "REFUSED {error}")?;
        }
    }
    Ok(match (usable, is_test) {
        (true, _) => ExitCode::SUCCESS,
        (false, true) => ExitCode::FAILURE,
        (false, false) => ExitCode::from(UNUSABLE),
    })
}

fn lines(out: &mut dyn Write, pack: &Arc<Pack>, report: &CaseReport, args: &CaseArgs, every: bool) -> io::Result<()> {
    let language = args.language.lang;
    let (good, bad): (Vec<_>, Vec<_>) = report.results.iter().partition(|result| result.problems.is_empty());
    for result in good.iter().filter(|_| every && !args.quiet) {
        line(out, "ok    ", result, language)?;
    }
    for result in &bad {
        line(out, "FAILED", result, language)?;
        for (line, problem) in &result.problems {
            writeln!(out, "        {}:{line}: {problem}", result.case.file)?;
        }
    }
    for missing in &report.missing {
        writeln!(out, "MISSING {missing}")?;
    }
    if args.quiet && report.may_be_used() {
        return Ok(());
    }
    let (held, failed) = (good.len(), bad.len());
    let (id, version, missing) = (&pack.id, &pack.version, report.missing.len());
    writeln!(
        out,
        "{id} {version}: {held} cases hold, {failed} fail, {missing} missing (digest {})",
        pack.short_digest()
    )
}

fn line(out: &mut dyn Write, mark: &str, result: &CaseResult, language: Language) -> io::Result<()> {
    let (case, title) = (&result.case, language.pick(&result.case.title));
    writeln!(out, "{mark}  {:<9} {:<10}  {title}", case.subject, case.aspect.name())
}

fn error_value(error: &PackError) -> Value {
    json!({ "file": error.file, "line": error.line, "reason": error.reason })
}

fn error_json(out: &mut dyn Write, pack: &str, error: &PackError) -> io::Result<ExitCode> {
    writeln!(out, "{}", json!({ "pack": pack, "usable": false, "error": error_value(error) }))?;
    Ok(ExitCode::from(UNUSABLE))
}

fn as_json(pack: &Pack, report: &CaseReport, usable: bool, borrowed: Option<&PackError>) -> Value {
    let case = |result: &CaseResult| {
        let problem = |(line, text): &(usize, String)| json!({ "line": line, "text": text });
        json!({
            "file": result.case.file,
            "line": result.case.line,
            "subject": result.case.subject,
            "aspect": result.case.aspect.name(),
            "title": { "zh": result.case.title.zh, "en": result.case.title.en },
            "holds": result.problems.is_empty(),
            "problems": result.problems.iter().map(problem).collect::<Vec<_>>(),
        })
    };
    json!({
        "pack": &*pack.id,
        "version": &*pack.version,
        "digest": &*pack.digest,
        "usable": usable,
        "held": report.results.len() - report.failed(),
        "failed": report.failed(),
        "missing": report.missing.iter().map(error_value).collect::<Vec<_>>(),
        "error": borrowed.map(error_value),
        "cases": report.results.iter().map(case).collect::<Vec<_>>(),
    })
}
