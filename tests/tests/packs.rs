//! The packs of the binary: they load, every rule is shown in every aspect, and every case holds.
//!
//! Owns nothing but the asking: cases are the packs', the verdict is `fuma policy test`'s own.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::process::ExitCode;

use fuma_pipeline::admission::{Drafts, admit, admit_source, report};
use fuma_pipeline::commands::office::PlaceArguments;
use fuma_pipeline::commands::policy::{
    CaseArgs, ExportArgs, Language, LanguageArgs, ListArgs, PackArgs, PolicyArgs, PolicyCommand, reference, run,
};
use fuma_pipeline::policy::{self, PackSource};

fn said(command: PolicyCommand) -> (String, bool) {
    let mut out = Vec::new();
    let code = run(&PolicyArgs { command }, &mut out).unwrap();
    (String::from_utf8(out).unwrap(), code == ExitCode::SUCCESS)
}

fn pack_args(pack: &str) -> PackArgs {
    PackArgs { pack: pack.to_string(), language: LanguageArgs { lang: Language::Both } }
}

fn case_args(pack: &str) -> CaseArgs {
    CaseArgs { pack: pack.to_string(), language: LanguageArgs { lang: Language::En }, json: false, quiet: false }
}

#[test]
fn every_case_of_every_pack_holds() {
    let ids = PackSource::built_in_ids();
    assert_eq!(ids, ["chongqing-2021-24", "national-2020", "zhejiang-2020-109", "zhejiang-2022"]);
    for id in ids {
        let pack = policy::load(&PackSource::built_in(&id).unwrap()).unwrap_or_else(|error| panic!("{id}: {error}"));
        let verdict = report(&pack).unwrap_or_else(|error| panic!("{id}: {error}"));
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
    let (text, good) = said(PolicyCommand::List(ListArgs {
        language: LanguageArgs { lang: Language::En },
        json: false,
        place: PlaceArguments::default(),
    }));
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
    let (text, good) = said(PolicyCommand::Test(case_args("atlantis-2020")));
    assert!(!good);
    assert!(text.contains("no such pack. Packs of this binary: chongqing-2021-24"), "{text}");
}

/// A copy of a pack as a folder, with one edit.
fn copy_of(id: &str, file: &str, edit: impl Fn(&str) -> String) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in PackSource::built_in(id).unwrap().files {
        let target = folder.path().join(&path);
        std::fs::create_dir_all(target.parent().unwrap()).unwrap();
        std::fs::write(target, if path == file { edit(&text) } else { text }).unwrap();
    }
    folder
}

fn path_of(folder: &tempfile::TempDir) -> String {
    folder.path().to_string_lossy().into_owned()
}

#[test]
fn a_pack_whose_cases_fail_is_refused_where_packs_are_used_and_taken_as_a_draft() {
    let folder = copy_of("zhejiang-2020-109", "rules/ZJ-R1.sql", |sql| sql.replace("'confirmed'", "'suspected'"));
    let manifest = folder.path().join("policy.toml");
    let text = std::fs::read_to_string(&manifest).unwrap();
    std::fs::write(&manifest, text.replace("id = \"zhejiang-2020-109\"", "id = \"zhejiang-trial\"")).unwrap();
    let error = admit(&path_of(&folder), Drafts::Refused).unwrap_err();
    assert!(error.file.starts_with("cases/") && error.line > 0, "{error}");
    assert!(error.reason.contains("expected") && error.reason.contains("fuma policy check"), "{error}");
    let admitted = admit(&path_of(&folder), Drafts::Taken).unwrap();
    assert_eq!(admitted.draft.len(), 1, "{:?}", admitted.draft);
    let (text, good) = said(PolicyCommand::Check(case_args(&path_of(&folder))));
    assert!(!good && text.contains("FAILED  ZJ-R1"), "{text}");
    assert!(text.trim_end().lines().last().unwrap().contains("fail"), "failures come last: {text}");
}

#[test]
fn an_id_and_version_belong_to_their_contents() {
    let edit = |toml: &str| toml.replace("region_days = 14 ", "region_days = 15 ");
    let folder = copy_of("zhejiang-2020-109", "policy.toml", edit);
    let source = PackSource::folder(folder.path()).unwrap();
    assert_ne!(source.digest(), PackSource::built_in("zhejiang-2020-109").unwrap().digest());
    let error = admit_source(&source, Drafts::Refused).unwrap_err();
    assert!(error.file == "policy.toml" && error.reason.contains("raise the version"), "{error}");
    assert_eq!(admit_source(&source, Drafts::Taken).unwrap().draft.len(), 2, "its cases fail as well");
    // The same contents under the same name are the same pack.
    let same = copy_of("zhejiang-2020-109", "", ToString::to_string);
    assert!(admit(&path_of(&same), Drafts::Refused).unwrap().draft.is_empty());
}

#[test]
fn sql_and_tables_of_a_draft_are_checked_all_the_same() {
    let folder = copy_of("chongqing-2021-24", "tables/entrants.csv", |csv| format!("{csv}US,2021-11-01,,\n"));
    let error = admit(&path_of(&folder), Drafts::Taken).unwrap_err();
    assert_eq!((error.file.as_str(), error.line), ("tables/entrants.csv", 3), "{error}");
    let folder = copy_of("zhejiang-2020-109", "rules/ZJ-R1.sql", |sql| {
        sql.replace("c.due,", "date_trunc('day', c.due) AS due,")
    });
    assert!(admit(&path_of(&folder), Drafts::Taken).unwrap_err().reason.contains("use day(t)"));
}

#[test]
fn rows_of_one_country_may_apply_at_once_where_that_is_declared() {
    let rows = "country,valid_from,valid_to,days\n*,2020-01-01,,14\nJP,2021-11-10,,10\nJP,2021-11-10,,21\n";
    let mut source = PackSource::built_in("chongqing-2021-24").unwrap();
    source.files.insert("tables/entrants.csv".to_string(), rows.to_string());
    policy::load(&source).unwrap();
    let manifest = source.files.get_mut("policy.toml").unwrap();
    *manifest = manifest.replace("overlap = \"each\"\n", "");
    let error = policy::load(&source).unwrap_err();
    assert_eq!((error.file.as_str(), error.line), ("tables/entrants.csv", 4), "{error}");
    for (row, says) in [
        ("us,2021-11-01,,21", "two capital letters"),
        ("US ,2021-11-01,,21", "white space"),
        ("US,2021-12-01,2021-01-01,21", "valid_to lies before valid_from"),
        ("US,2021-11-01,,-3", "not within 0 and 365"),
        ("US,2021-11-01,,999999999999", "not within 0 and 365"),
    ] {
        let text = format!("country,valid_from,valid_to,days\n*,2020-01-01,,14\n{row}\n");
        source.files.insert("tables/entrants.csv".to_string(), text);
        let error = policy::load(&source).unwrap_err();
        assert!(error.line == 3 && error.reason.contains(says), "{row}: {error}");
    }
}

#[test]
fn a_pack_without_retention_keeps_facts_for_60_days_and_cases_and_isolations_for_180() {
    use fuma_schemas::Kind;
    let mut source = PackSource::built_in("zhejiang-2020-109").unwrap();
    let manifest = source.files.get_mut("policy.toml").unwrap();
    let without = manifest.split("[retention_days]").next().unwrap().to_string();
    *manifest = without;
    let pack = policy::load(&source).unwrap();
    for kind in Kind::PERSONAL {
        let days = if matches!(kind, Kind::Cases | Kind::Isolations) { 180 } else { 60 };
        assert_eq!(pack.retention_days(kind), days, "{}", kind.name());
    }
}

#[test]
fn what_the_engine_asks_for_is_declared_or_not_counted() {
    let mut source = PackSource::built_in("zhejiang-2020-109").unwrap();
    let pack = policy::load(&source).unwrap();
    assert_eq!((pack.contact_days(), pack.tier_look_back_days()), (Some(14), Some(14)));
    let manifest = source.files.get_mut("policy.toml").unwrap();
    *manifest = manifest.replace("contact_days = \"contact_days\"\n", "");
    assert_eq!(policy::load(&source).unwrap().contact_days(), None);
}

#[test]
fn a_folder_says_what_has_no_place_in_it() {
    let folder = copy_of("zhejiang-2020-109", "", ToString::to_string);
    let refused = |name: &str| {
        let error = PackSource::folder(folder.path()).unwrap_err();
        assert!(error.file.starts_with(name), "{name}: {error}");
    };
    for leftover in [".ZJ-R1.sql.swp", "rules/ZJ-R1.sql~", "rules/.DS_Store"] {
        std::fs::write(folder.path().join(leftover), [0xff, 0xfe]).unwrap();
    }
    std::fs::create_dir(folder.path().join(".git")).unwrap();
    PackSource::folder(folder.path()).unwrap();
    for name in ["rules/ZJ-R9.sql.txt", "rules/ZJ-R9.SQL", "notes.pdf", "Thumbs.db"] {
        std::fs::write(folder.path().join(name), "x").unwrap();
        refused(name);
        std::fs::remove_file(folder.path().join(name)).unwrap();
    }
    for name in ["table", "rules/more", "Rules2"] {
        std::fs::create_dir(folder.path().join(name)).unwrap();
        refused(name);
        std::fs::remove_dir(folder.path().join(name)).unwrap();
    }
    let rules = PackSource::folder(&folder.path().join("rules")).unwrap_err();
    assert!(rules.reason.contains("is a part of a pack"), "{rules}");
    let empty = tempfile::tempdir().unwrap();
    std::fs::write(empty.path().join("a.so"), [0xff]).unwrap();
    let error = PackSource::folder(empty.path()).unwrap_err();
    assert!(error.reason.contains("no policy.toml"), "{error}");
}

#[test]
fn an_exported_pack_is_the_pack() {
    let folder = tempfile::tempdir().unwrap();
    let mine = folder.path().join("mine");
    let export = || said(PolicyCommand::Export(ExportArgs { id: "zhejiang-2020-109".into(), folder: mine.clone() }));
    assert!(export().1);
    let (source, built_in) = (PackSource::folder(&mine).unwrap(), PackSource::built_in("zhejiang-2020-109").unwrap());
    assert_eq!(source.files, built_in.files);
    assert!(!export().1, "what is there is not written over");
    let (text, good) =
        said(PolicyCommand::Export(ExportArgs { id: "zhejiang-2020".into(), folder: folder.path().join("x") }));
    assert!(!good && text.contains("zhejiang-2020-109"), "{text}");
}

#[test]
fn the_json_forms_are_json() {
    let (text, good) = said(PolicyCommand::List(ListArgs {
        language: LanguageArgs { lang: Language::En },
        json: true,
        place: PlaceArguments::default(),
    }));
    let list: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert!(good && list[0]["digest"].as_str().unwrap().len() == 64, "{text}");
    let (text, good) = said(PolicyCommand::Check(CaseArgs { json: true, ..case_args("zhejiang-2020-109") }));
    let check: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert!(good && check["usable"] == true && check["failed"] == 0, "{text}");
    let (text, good) = said(PolicyCommand::Test(CaseArgs { json: true, ..case_args("nowhere") }));
    let test: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert!(!good && test["usable"] == false && test["error"]["reason"].is_string(), "{text}");
}

#[test]
fn quiet_says_only_what_is_wrong_and_show_has_the_rows_of_tables() {
    let (text, good) = said(PolicyCommand::Check(CaseArgs { quiet: true, ..case_args("chongqing-2021-24") }));
    assert!(good && text.is_empty(), "{text}");
    let (text, _) = said(PolicyCommand::Show(pack_args("chongqing-2021-24")));
    for words in
        ["country  valid_from  valid_to  days", "*        2020-01-01  -         14", "digest: ", "案例 / Cases: "]
    {
        assert!(text.contains(words), "{words} is missing in\n{text}");
    }
}

#[test]
fn the_reference_is_current() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    for (language, file) in [(Language::Zh, "docs/reference-zh.md"), (Language::En, "docs/reference-en.md")] {
        let path = root.join(file);
        let text = reference::text(language);
        if std::env::var_os("FUMA_BLESS").is_some() {
            std::fs::write(&path, &text).unwrap();
        }
        let found = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(found == text, "{file} is not current: run this test with FUMA_BLESS=1");
    }
}
