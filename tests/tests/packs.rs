//! The packs of the binary: they load, every rule is shown in every aspect, and every case holds.
//!
//! Owns nothing but the asking: cases are the packs', the verdict is `fuma policy test`'s own.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::process::ExitCode;

use fuma_pipeline::commands::policy::{Language, LanguageArgs, PackArgs, PolicyArgs, PolicyCommand, judge, run};
use fuma_pipeline::policy::{self, PackSource};

fn said(command: PolicyCommand) -> (String, bool) {
    let mut out = Vec::new();
    let code = run(&PolicyArgs { command }, &mut out).unwrap();
    (String::from_utf8(out).unwrap(), code == ExitCode::SUCCESS)
}

fn pack_args(pack: &str) -> PackArgs {
    PackArgs { pack: pack.to_string(), language: LanguageArgs { lang: Language::Both } }
}

#[test]
fn every_case_of_every_pack_holds() {
    let ids = PackSource::built_in_ids();
    assert_eq!(ids, ["chongqing-2021-24", "zhejiang-2020-109"]);
    for id in ids {
        let pack = policy::load(&PackSource::built_in(&id).unwrap()).unwrap_or_else(|error| panic!("{id}: {error}"));
        let verdict = judge(&pack).unwrap_or_else(|error| panic!("{id}: {error}"));
        assert!(verdict.missing.is_empty(), "{id}: {:#?}", verdict.missing);
        assert!(verdict.results.len() >= 4 * pack.rules.len(), "{id}: four cases a rule");
        let failed: Vec<_> = verdict.results.iter().filter(|result| !result.problems.is_empty()).collect();
        let failed = failed.iter().map(|result| format!("{}: {:?}", result.case.file, result.problems));
        let failed = failed.collect::<Vec<_>>().join("\n  ");
        assert!(failed.is_empty(), "{id}:\n  {failed}");
    }
}

#[test]
fn list_names_every_pack_with_its_document() {
    let (text, good) = said(PolicyCommand::List(LanguageArgs { lang: Language::En }));
    assert!(good);
    assert!(text.contains("zhejiang-2020-109  1.0.0  2020-07-06  省疫情防控办〔2020〕109号"), "{text}");
    assert!(text.contains("Chongqing health-code colour rules (2021)"), "{text}");
}

#[test]
fn show_tells_an_official_what_gives_a_colour_and_what_ends_it() {
    let (text, good) = said(PolicyCommand::Show(pack_args("zhejiang-2020-109")));
    assert!(good);
    for words in [
        "浙江省健康码赋码规则（2020年） / Zhejiang health-code colour rules (2020)",
        "ZJ-R4 [红码 / red] 密切接触者 / Close contact",
        "省疫情防控办〔2020〕109号 一(一)",
        "contact_days = 14",
        "home_province = \"33\"",
        "FROM contacts_judged c",
    ] {
        assert!(text.contains(words), "{words} is missing in\n{text}");
    }
}

#[test]
fn a_pack_that_is_none_is_refused_in_words() {
    let (text, good) = said(PolicyCommand::Test(pack_args("atlantis-2020")));
    assert!(!good);
    assert!(text.contains("neither a pack of this binary"), "{text}");
}
