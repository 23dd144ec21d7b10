//! The alert rules and the dashboard, held against what a real service says.
//!
//! That every expression finds series is looked at always. That each alert fires, and once does not, says promtool
//! (package `prometheus` of Debian): where it is missing that part is left out, and it is said.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::scrape::{Series, is_asked, selectors, series};

/// Said only while something is wrong, or on a broker alone (a folder does not say when a file's record came).
const ELSEWHERE: [(&str, &[(&str, &str)]); 7] = [
    ("fuma_unwritten_records", &[("stage", "intake"), ("topic", "evidence.v1"), ("partition", "1")]),
    ("fuma_parked_seconds", &[("partition", "1"), ("reason", "no-leader")]),
    ("fuma_stage_restarts_total", &[("stage", "assess"), ("reason", "client")]),
    ("fuma_records_rejected_total", &[("feed", "tests"), ("code", "bad-json")]),
    ("fuma_announce_seconds_bucket", &[("le", "15")]),
    ("fuma_announce_seconds_bucket", &[("le", "60")]),
    ("fuma_announce_seconds_bucket", &[("le", "+Inf")]),
];

/// A series of the scrape that is altered: name, labels that choose it, values from then on.
type Altered = (&'static str, &'static [(&'static str, &'static str)], &'static str);

struct Case {
    alert: &'static str,
    /// Minutes between samples, and when it is looked.
    minutes: u32,
    at: u32,
    altered: &'static [Altered],
    fires: bool,
}

const fn fires(alert: &'static str, altered: &'static [Altered]) -> Case {
    Case { alert, minutes: 1, at: 120, altered, fires: true }
}

const DAY_MINUTES: u32 = 1440;
/// Changes in steps of five minutes for eight days: 120 an hour and then 2,400, or 2,400 all the time.
const DAYS: [&str; 2] = ["0+10x2299 23190+200x11", "0+200x2311"];

const CASES: &[Case] = &[
    // 120 people an hour on other days, and 2,400 in this one.
    Case {
        alert: "FumaWave",
        minutes: 5,
        at: 11_555,
        altered: &[("fuma_changes_total", &[("from", "green"), ("to", "red")], DAYS[0])],
        fires: true,
    },
    // 2,400 as on other days.
    Case {
        alert: "FumaWave",
        minutes: 5,
        at: 11_555,
        altered: &[("fuma_changes_total", &[("from", "green"), ("to", "red")], DAYS[1])],
        fires: false,
    },
    // Reasons that change under the same colour are no wave.
    Case {
        alert: "FumaWave",
        minutes: 5,
        at: 11_555,
        altered: &[("fuma_changes_total", &[("from", "red"), ("to", "red")], DAYS[0])],
        fires: false,
    },
    // Ten times as many as else, and few.
    Case {
        alert: "FumaWave",
        minutes: 5,
        at: 11_555,
        altered: &[("fuma_changes_total", &[("from", "green"), ("to", "red")], "0+0x2299 50+50x11")],
        fires: false,
    },
    fires("FumaDown", &[("up", &[], "0+0x130")]),
    fires("FumaNoOwner", &[("fuma_partitions", &[("state", "owned")], "1+0x130")]),
    fires("FumaParked", &[("fuma_parked_seconds", &[], "0+60x130")]),
    fires("FumaHeld", &[("fuma_held", &[], "0+0x100 1+0x30")]),
    fires("FumaSwitchHeld", &[("fuma_switch_held", &[("partition", "1")], "0+0x100 1+0x30")]),
    fires("FumaBehind", &[("fuma_lag_seconds", &[("partition", "1")], "0+60x130")]),
    fires(
        "FumaSlow",
        &[
            ("fuma_announce_seconds_bucket", &[("le", "15")], "0+60x130"),
            ("fuma_announce_seconds_bucket", &[("le", "60")], "0+60x130"),
            ("fuma_announce_seconds_bucket", &[("le", "+Inf")], "0+60x130"),
        ],
    ),
    fires("FumaLogSilent", &[("fuma_log_answered_timestamp_seconds", &[], "0+0x130")]),
    fires("FumaIntakeBehind", &[("fuma_lag_records", &[("stage", "trace")], "200000+0x130")]),
    fires("FumaStageRestarts", &[("fuma_stage_restarts_total", &[], "0+1x130")]),
    fires("FumaDamagedEvidence", &[("fuma_evidence_damaged_total", &[], "0+0x100 1+0x30")]),
    fires(
        "FumaDeadLetters",
        &[
            ("fuma_records_rejected_total", &[("feed", "tests"), ("code", "bad-json")], "0+60x130"),
            ("fuma_records_in_total", &[("feed", "tests")], "0+600x130"),
        ],
    ),
    fires("FumaRecordsLost", &[("fuma_feed_records_lost_total", &[("feed", "cases")], "0+0x100 1+1x30")]),
    fires("FumaUnwritten", &[("fuma_unwritten_records", &[], "7+0x130")]),
    Case {
        minutes: 5,
        at: 1500,
        ..fires("FumaSilentFeed", &[("fuma_feed_last_record_timestamp_seconds", &[("feed", "cases")], "0+0x312")])
    },
    fires(
        "FumaNoSnapshot",
        &[
            ("fuma_snapshot_timestamp_seconds", &[("partition", "1")], "0+0x130"),
            ("fuma_committed_offset", &[("partition", "1")], "0+10x130"),
        ],
    ),
    // A quiet night.
    Case {
        fires: false,
        ..fires("FumaNoSnapshot", &[("fuma_snapshot_timestamp_seconds", &[("partition", "1")], "0+0x130")])
    },
    fires("FumaSnapshotsFail", &[("fuma_snapshots_total", &[("outcome", "failed")], "0+0x100 1+0x30")]),
    fires("FumaLogStartBeyondSnapshot", &[("fuma_snapshot_margin_records", &[("partition", "1")], "-5+0x130")]),
    fires(
        "FumaTransactionsAborted",
        &[
            ("fuma_transactions_total", &[("outcome", "abort")], "0+60x130"),
            ("fuma_transactions_total", &[("outcome", "commit")], "0+60x130"),
        ],
    ),
    fires("FumaFenced", &[("fuma_transactions_total", &[("outcome", "fatal")], "0+1x130")]),
    fires("FumaPartitionsLost", &[("fuma_rebalances_total", &[("event", "lost")], "0+1x130")]),
    fires("FumaConveyances", &[("fuma_conveyances_crowded", &[], "0+0x100 1+0x30")]),
    fires("FumaConveyances", &[("fuma_conveyance_pairs_failed", &[], "0+0x100 1+0x30")]),
    fires("FumaAuditBehind", &[("fuma_audit_waiting_lookups", &[], "0+1000x130")]),
    fires("FumaClockSkew", &[("fuma_clock_skew_seconds", &[], "-90+0x130")]),
    fires("FumaLeftOut", &[("fuma_people_left_out", &[("reason", "failed"), ("partition", "1")], "1+0x130")]),
    Case {
        minutes: 5,
        at: 1500,
        ..fires("FumaOverdue", &[("fuma_overdue_reasons", &[("partition", "1")], "2+0x312")])
    },
    fires("FumaOpenFeed", &[("fuma_feeds_open_to_everyone", &[("feed", "cases")], "1+0x130")]),
];

fn deploy(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/deploy").join(file)
}

/// The expressions of the rules, with the name of alert or record.
fn rules() -> Vec<(String, String)> {
    let text = fs::read_to_string(deploy("prometheus-rules.yaml")).unwrap();
    let mut rules: Vec<(String, String)> = Vec::new();
    let mut is_in = false;
    for line in text.lines() {
        let trimmed = line.trim();
        if let Some(name) = trimmed.strip_prefix("- alert: ").or_else(|| trimmed.strip_prefix("- record: ")) {
            rules.push((name.to_owned(), String::new()));
        } else if let Some(expression) = trimmed.strip_prefix("expr:") {
            rules.last_mut().unwrap().1 = expression.trim().trim_start_matches('|').to_owned();
            is_in = true;
        } else if ["for:", "labels:", "annotations:"].iter().any(|key| trimmed.starts_with(key)) {
            is_in = false;
        } else if is_in {
            let expression = &mut rules.last_mut().unwrap().1;
            expression.push(' ');
            expression.push_str(trimmed);
        }
    }
    rules
}

/// The expressions of the dashboard, as for one service.
fn dashboard() -> Vec<(String, String)> {
    let text = fs::read_to_string(deploy("grafana.json")).unwrap();
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    let mut all = Vec::new();
    for panel in json["panels"].as_array().unwrap() {
        for target in panel["targets"].as_array().into_iter().flatten() {
            let expression = target["expr"].as_str().unwrap();
            let expression = expression.replace("$__rate_interval", "5m").replace("$job", "fuma");
            all.push((panel["title"].as_str().unwrap().to_owned(), expression));
        }
    }
    assert!(all.len() > 20);
    all
}

/// The scrape, and what only trouble brings.
fn whole(scrape: &str) -> Vec<Series> {
    let mut all = series(scrape);
    // The district's service lists no owners: its feeds are open, and that alert would be right. So would be the one
    // of overdue reasons, if the first count of a partition came behind the evidence.
    let are_right = ["fuma_feeds_open_to_everyone", "fuma_overdue_reasons"];
    for series in all.iter_mut().filter(|series| are_right.contains(&series.name.as_str())) {
        series.value = 0.0;
    }
    for (name, labels) in ELSEWHERE {
        let labels: BTreeMap<String, String> =
            labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        if all.iter().all(|series| series.name != name || series.labels != labels) {
            all.push(Series { name: name.to_owned(), labels, value: 0.0 });
        }
    }
    all.push(Series { name: "up".into(), labels: BTreeMap::new(), value: 1.0 });
    all
}

/// Alerts that ask for series that nobody writes are silent for ever.
pub(crate) fn every_expression_finds_series(scrape: &str) {
    let all = whole(scrape);
    let rules = rules();
    assert!(rules.len() > 20);
    let recorded: Vec<String> = rules.iter().map(|(name, _)| name.clone()).collect();
    for (place, expression) in rules.into_iter().chain(dashboard()) {
        let asked = selectors(&expression);
        assert!(!asked.is_empty(), "{place}: {expression}");
        for selector in asked {
            let found = recorded.contains(&selector.0) || all.iter().any(|series| is_asked(series, &selector));
            assert!(found, "{place}: nobody writes {selector:?}\n{scrape}");
        }
    }
    for (name, _) in rules_of_alerts() {
        for wanted in [true, false] {
            let has = CASES.iter().any(|case| case.alert == name && case.fires == wanted);
            assert!(has || !wanted, "{name} is never seen firing");
        }
    }
}

fn rules_of_alerts() -> Vec<(String, String)> {
    rules().into_iter().filter(|(name, _)| name.starts_with("Fuma")).collect()
}

/// Each alert fires on the series that were altered, and none on the series as they were.
pub(crate) fn every_alert_fires_and_does_not(scrape: &str, folder: &Path) {
    let promtool = std::env::var("FUMA_PROMTOOL").unwrap_or_else(|_| "promtool".to_owned());
    if Command::new(&promtool).arg("--version").output().is_err() {
        println!("ignored: no promtool (package prometheus of Debian, or FUMA_PROMTOOL): no alert was fired");
        return;
    }
    let all = whole(scrape);
    let rules = deploy("prometheus-rules.yaml");
    let mut files = Vec::new();
    for (number, case) in CASES.iter().enumerate() {
        let expected = if case.fires { "[{labels: '{}', value: 1}]" } else { "[]" };
        let asked = format!("group(ALERTS{{alertname=\"{}\",alertstate=\"firing\"}})", case.alert);
        let text = test_file(&rules, &all, case, &[(asked, expected)]);
        files.push(written(folder, &format!("case-{number}.yaml"), &text));
    }
    // As they were: no alert, and something in every panel.
    let as_they_were = Case { alert: "", minutes: 5, at: 1500, altered: &[], fires: false };
    let mut asked = vec![("group by (alertname) (ALERTS{alertstate=\"firing\"})".to_owned(), "[]")];
    asked.extend(
        dashboard().into_iter().map(|(_, expression)| (format!("group({expression})"), "[{labels: '{}', value: 1}]")),
    );
    files.push(written(folder, "healthy.yaml", &test_file(&rules, &all, &as_they_were, &asked)));
    let output = Command::new(&promtool).args(["test", "rules"]).args(&files).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&said));
}

fn written(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, text).unwrap();
    path
}

fn test_file(rules: &Path, all: &[Series], case: &Case, asked: &[(String, &str)]) -> String {
    let (minutes, samples) = (case.minutes, case.at / case.minutes + 10);
    let mut text = format!(
        "rule_files: [{}]\nevaluation_interval: {minutes}m\ntests:\n- interval: {minutes}m\n  input_series:\n",
        rules.display()
    );
    let mut add = |series: &Series, values: &str| {
        writeln!(text, "  - series: '{}'\n    values: '{values}'", series.notation()).unwrap();
    };
    let chosen = |series: &Series, (name, labels, _): &Altered| {
        series.name == *name
            && labels.iter().all(|(label, value)| series.labels.get(*label).map(String::as_str) == Some(*value))
    };
    for altered in case.altered {
        let found = all.iter().find(|series| chosen(series, altered));
        add(found.unwrap_or_else(|| panic!("{}: nobody writes {altered:?}", case.alert)), altered.2);
    }
    // Of eight days only what is looked at: all of a scrape would take minutes.
    let is_wanted =
        |series: &&Series| case.at < DAY_MINUTES * 2 || case.altered.iter().any(|(name, ..)| series.name == *name);
    for series in all.iter().filter(is_wanted) {
        let is_altered = case
            .altered
            .iter()
            .any(|altered| all.iter().find(|series| chosen(series, altered)).is_some_and(|found| found == series));
        if !is_altered {
            add(series, &format!("{}+0x{samples}", series.value));
        }
    }
    text.push_str("  promql_expr_test:\n");
    for (expression, expected) in asked {
        let expression = expression.replace('\'', "''");
        writeln!(text, "  - expr: '{expression}'\n    eval_time: {}m\n    exp_samples: {expected}", case.at).unwrap();
    }
    text
}
