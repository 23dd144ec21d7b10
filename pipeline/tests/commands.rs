//! The commands as a person or a script meets them: exit codes, help, output that cannot be written, no echo.
//!
//! Runs the binary; what a command computes is tested elsewhere.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod command_line;

use std::fs::{File, OpenOptions};
use std::io::BufRead as _;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use command_line::{KNOWN, PACK, err, feeds, fuma, out, run, with_feeds};

const UNKNOWN: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

/// Commands that write to standard output, and need no service.
fn lines_with_output(feeds: &Path) -> Vec<String> {
    vec![
        with_feeds("replay", feeds),
        with_feeds("explain", feeds) + " " + KNOWN,
        with_feeds("explain --json", feeds) + " " + KNOWN,
        with_feeds("overdue --at 2021-11-20", feeds),
        with_feeds("overdue --json --at 2021-11-20", feeds),
        "policy list".into(),
        format!("policy show {PACK}"),
        format!("policy test {PACK}"),
        "config print".into(),
        "config print --default".into(),
        "config check".into(),
        "--help".into(),
        "replay --help".into(),
        "--version".into(),
    ]
}

/// At most 5 % of the small changes of each pack live; the others are caught by a case, or listed with a reason. A list
/// that fits nothing any more is named.
#[test]
fn the_cases_of_each_pack_catch_its_small_changes() {
    for pack in ["zhejiang-2020-109", "chongqing-2021-24", "national-2020", "zhejiang-2022"] {
        let said = run(&format!("policy mutate {pack} --budget 0 --live-max 5 --json"));
        let told: Value = serde_json::from_str(&out(&said)).unwrap_or_else(|_| panic!("{}", err(&said)));
        assert!(said.status.success(), "{pack}: {}", told["live"]);
        let [mutants, alive, failing] =
            ["mutants", "alive", "cases_that_fail"].map(|name| told[name].as_u64().unwrap());
        assert!(mutants > 50 && alive * 20 <= mutants && failing == 0, "{pack}: {alive} of {mutants}");
        assert_eq!(told["list_does_not_fit"], serde_json::json!([]), "{pack}");
        let listed = told["live"].as_array().unwrap().iter().filter(|live| live["listed"].is_string()).count() as u64;
        assert_eq!(told["caught"].as_u64().unwrap() + alive + listed, mutants, "{pack}");
    }
    // Without one of the cases some live, and the command says so.
    let folder = tempfile::tempdir().unwrap();
    let mine = folder.path().join("mine").display().to_string();
    assert!(run(&format!("policy export national-2020 {mine}")).status.success());
    let path = format!("{mine}/cases/NP-Y1.case");
    let text = std::fs::read_to_string(&path).unwrap();
    let kept = text.split("\n\ncase ").filter(|case| !case.contains("asymptomatic")).collect::<Vec<_>>();
    assert_eq!(kept.len() + 1, text.split("\n\ncase ").count());
    std::fs::write(&path, kept.join("\n\ncase ")).unwrap();
    let said = run(&format!("policy mutate {mine} --budget 0 --live-max 0"));
    assert_eq!(said.status.code(), Some(1), "{}{}", out(&said), err(&said));
    assert!(out(&said).contains("LIVES  tracing/infectious.sql:9:54 'asymptomatic' -> 'repositive'"), "{}", out(&said));
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_under_standard_output_is_an_error_in_every_command() {
    let feeds = feeds();
    for line in lines_with_output(feeds.path()) {
        let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
        let output = fuma(&line).stdout(full).stderr(Stdio::piped()).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{line}: {}", err(&output));
        let said = err(&output);
        assert!(said.contains("error: standard output cannot be written"), "{line}: {said}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_under_standard_error_ends_no_command_with_a_panic() {
    let feeds = feeds();
    let full = || Stdio::from(OpenOptions::new().write(true).open("/dev/full").unwrap());
    // The summary is lost: that is an error. So is an error that nobody reads.
    for (line, code) in [
        (with_feeds("replay", feeds.path()), 1),
        (with_feeds("replay -q", feeds.path()), 0),
        (with_feeds("overdue", feeds.path()), 1),
        ("explain".into(), 2),
        (with_feeds("explain", Path::new("/no/feeds")) + " " + KNOWN, 2),
    ] {
        let status = fuma(&line).stdout(Stdio::null()).stderr(full()).status().unwrap();
        assert_eq!(status.code(), Some(code), "{line}");
    }
}

#[cfg(unix)]
#[test]
fn a_closed_pipe_is_no_error() {
    let feeds = feeds();
    for line in lines_with_output(feeds.path()) {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = fuma(&line).stdout(writer).stderr(Stdio::piped()).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{line}: {}", err(&output));
    }
}

#[test]
fn nothing_known_of_a_person_is_not_green() {
    let feeds = feeds();
    let known = run(&(with_feeds("explain", feeds.path()) + " " + KNOWN));
    assert_eq!(known.status.code(), Some(0), "{}", err(&known));
    assert!(out(&known).contains("RED since 2021-11-03 10:00"), "{}", out(&known));
    for (language, word) in [("en", "unknown"), ("zh", "未知"), ("both", "未知")] {
        let unknown = run(&(with_feeds(&format!("explain --lang {language}"), feeds.path()) + " " + UNKNOWN));
        assert_eq!(unknown.status.code(), Some(3), "{}", err(&unknown));
        let said = out(&unknown);
        assert!(said.contains(word) && !said.contains("GREEN") && !said.contains("绿码"), "{said}");
    }
    let json = run(&(with_feeds("explain --json", feeds.path()) + " " + UNKNOWN));
    let account: Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!((json.status.code(), &account["known"], &account["colour"]), (Some(3), &false.into(), &Value::Null));
    // Before the first record nobody is known.
    let early = run(&(with_feeds("explain --at 2021-11-01", feeds.path()) + " " + KNOWN));
    assert_eq!(early.status.code(), Some(3), "{}", out(&early));
}

#[test]
fn accounts_and_lists_and_summaries_as_json() {
    let feeds = feeds();
    let output = run(&(with_feeds("explain --json --at 2021-11-20", feeds.path()) + " " + KNOWN));
    let account: Value = serde_json::from_slice(&output.stdout).unwrap();
    let reason = &account["reasons"][0];
    assert_eq!(
        (&account["colour"], &reason["rule"], &reason["phase"]),
        (&"red".into(), &"ZJ-R4".into(), &"active".into())
    );
    assert_eq!(reason["because"][0]["record"]["owner"], "src");
    assert!(reason["overdue_ms"].as_i64().unwrap() > 0 && reason["title"]["zh"].is_string(), "{account}");
    let output = run(&with_feeds("overdue --json --at 2021-11-20", feeds.path()));
    let one: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&one["person"], &one["rule"]), (&KNOWN.into(), &"ZJ-R4".into()));
    let output = run(&with_feeds("replay --json", feeds.path()));
    let summary: Value = serde_json::from_slice(&output.stderr).unwrap();
    assert_eq!(
        (&summary["records"], &summary["changes"], &summary["people_at_the_end"]["red"]),
        (&1.into(), &1.into(), &1.into())
    );
}

#[test]
fn a_certificate_number_on_the_command_line_is_never_echoed() {
    let feeds = feeds();
    let number = "99000119900101003X";
    let lines = [
        with_feeds("explain", feeds.path()) + " " + number,
        with_feeds("explain --cert-type 10", feeds.path()) + " " + number,
        with_feeds("explain", feeds.path()) + " " + KNOWN + " " + number,
        format!("explain --cert-type {number}"),
        format!("explain --at {number} {KNOWN}"),
        format!("explain --feeds {number} --policy {PACK} {KNOWN}"),
        format!("explain --policy {number} --feeds x {KNOWN}"),
        format!("{number} explain"),
        format!("overdue --open-longer-than={number}"),
        with_feeds("explain", feeds.path()) + " E12345678 E12345678",
        with_feeds("explain", feeds.path()) + " " + KNOWN + " 990001 19900101 003x",
    ];
    for line in lines {
        let output = run(&line);
        let said = err(&output) + &out(&output);
        assert_eq!(output.status.code(), Some(2), "{line}: {said}");
        assert!(said.starts_with("error: "), "{line}: {said}");
        for part in ["990001", "19900101", "12345678"] {
            assert!(!said.contains(part), "{line}: {said}");
        }
    }
}

#[test]
fn a_certificate_number_comes_from_standard_input() {
    let feeds = feeds();
    let number = feeds.path().join("number");
    std::fs::write(&number, "99000119900101003X\n").unwrap();
    let line = with_feeds("explain --cert-type 10", feeds.path());
    let output = fuma(&line).stdin(File::open(&number).unwrap()).output().unwrap();
    assert_eq!(output.status.code(), Some(3), "{}", err(&output));
    assert!(!(out(&output) + &err(&output)).contains("9900"));
}

#[test]
fn every_help_has_the_exit_codes_and_most_have_examples() {
    let commands = [
        "",
        "run",
        "config check",
        "config print",
        "replay",
        "explain",
        "overdue",
        "policy list",
        "demo",
        "topics create",
        "topics check",
        "send",
        "tail",
        "import regions",
    ];
    for command in commands {
        let output = run(&format!("{command} --help"));
        let help = out(&output);
        assert_eq!(output.status.code(), Some(0), "{command}: {}", err(&output));
        assert!(help.contains("Exit codes:") && help.contains("130  interrupted"), "{command}: {help}");
        assert!(help.contains("--quiet") && help.contains("--color"), "{command}: {help}");
    }
    for command in ["run", "replay", "explain", "overdue", "demo", "send", "tail", "config check"] {
        assert!(out(&run(&format!("{command} --help"))).contains("Example"), "{command}");
    }
}

#[test]
fn exit_codes_tell_what_to_do() {
    let feeds = feeds();
    let place = tempfile::tempdir().unwrap();
    let state = place.path().join("state");
    let no_key = {
        let mut command = fuma(&with_feeds("replay", feeds.path()));
        command.env_remove("FUMA_KEY").output().unwrap()
    };
    for (output, code) in [
        (no_key, 2),
        (run(&format!("replay --policy nope --feeds {}", feeds.path().display())), 2),
        (run(&with_feeds("replay", Path::new("/no/feeds"))), 2),
        (run(&with_feeds("replay --out /no/folder/changes.ndjson", feeds.path())), 1),
        (run("replay --nonsense"), 2),
        (run(&format!("run --policy nope --http off --state {}", state.display())), 2),
        (run("run --http off"), 2),
        (run(&format!("run --policy {PACK} --http off --state /proc/self")), 1),
        (run(&format!("run --policy {PACK} --http 203.0.113.1:9 --state {}", state.display())), 2),
    ] {
        assert_eq!(output.status.code(), Some(code), "{}", err(&output));
        assert!(err(&output).contains("error: "), "{}", err(&output));
    }
}

#[test]
fn errors_in_chinese_where_officials_read_them() {
    for command in ["explain", "overdue"] {
        let person = if command == "explain" { KNOWN } else { "" };
        let output = run(&format!("{command} --lang zh --policy {PACK} --feeds /no/feeds {person}"));
        assert_eq!(output.status.code(), Some(2));
        assert!(err(&output).contains("无法打开 /no/feeds"), "{}", err(&output));
    }
}

#[test]
fn quiet_leaves_results_and_errors() {
    let feeds = feeds();
    let output = run(&with_feeds("replay --quiet", feeds.path()));
    assert_eq!((err(&output).as_str(), out(&output).lines().count()), ("", 1));
    // What is passed over is a remark, too.
    std::fs::write(feeds.path().join("test.ndjson"), "").unwrap();
    for command in ["replay -q", "overdue -q"] {
        assert_eq!(err(&run(&with_feeds(command, feeds.path()))), "", "{command}");
        let told = run(&with_feeds(&command.replace(" -q", ""), feeds.path()));
        assert!(err(&told).contains("passed over") && err(&told).contains("test.ndjson"), "{}", err(&told));
    }
    // That somebody keeps an old state is none.
    let crowded = run(&(with_feeds("replay -q", feeds.path()) + " --facts-max contacts=1"));
    assert_eq!(err(&crowded), "");
    let contacts = std::fs::read_to_string(feeds.path().join("contacts.ndjson")).unwrap();
    let second = contacts.replace(r#""id":"c1""#, r#""id":"c2""#);
    std::fs::write(feeds.path().join("contacts.ndjson"), contacts + &second).unwrap();
    let crowded = run(&(with_feeds("replay -q", feeds.path()) + " --facts-max contacts=1"));
    assert!(err(&crowded).starts_with("warning: 1 people with too many facts"), "{}", err(&crowded));
    let output = run(&with_feeds("replay -q", Path::new("/no/feeds")));
    assert!(err(&output).starts_with("error: "), "{}", err(&output));
}

#[test]
fn colour_only_where_it_is_asked_for() {
    let plain = run("replay --nonsense");
    assert!(!err(&plain).contains('\u{1b}'));
    let coloured = run("replay --nonsense --color always");
    assert!(err(&coloured).contains('\u{1b}'), "{}", err(&coloured));
    let never = fuma("--color never explain --nonsense").env("CLICOLOR_FORCE", "1").output().unwrap();
    assert!(!err(&never).contains('\u{1b}'), "{}", err(&never));
}

#[test]
fn several_paths_of_feeds_in_either_way() {
    let (one, other) = (feeds(), feeds());
    let [one, other] = [one.path().display(), other.path().display()];
    for more in [format!("--feeds {other}"), format!("{other}")] {
        let output = run(&format!("replay --json --policy {PACK} --feeds {one} {more}"));
        let summary: Value = serde_json::from_slice(&output.stderr).unwrap_or_else(|_| panic!("{}", err(&output)));
        assert_eq!(summary["records"], 2);
    }
}

#[test]
fn config_check_looks_at_files_and_variables() {
    let output = fuma("config check").env("FUMA_POLICYY", "x").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(err(&output).contains("Did you mean FUMA_POLICY?"), "{}", err(&output));
    let output = fuma("config check").env("FUMA_POLICY", "nope").output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", err(&output));
    assert!(err(&output).contains("FUMA_POLICY: policy: "), "{}", err(&output));
}

/// Something that became known a moment ago, for a service that goes by the clock.
fn recent(place: &Path) -> String {
    let feeds = place.join("feeds");
    std::fs::create_dir(&feeds).unwrap();
    #[expect(clippy::disallowed_methods, reason = "a service goes by the clock")]
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let at = |seconds_ago: i64| fuma_schemas::Instant(i64::try_from(now.as_millis()).unwrap() - seconds_ago * 1000);
    let case = format!(
        concat!(
            r#"{{"owner":"hc","id":"k1","person":"{}","known_at":"{}","#,
            r#""classification":"confirmed","determined_at":"{}"}}"#
        ),
        KNOWN,
        at(60),
        at(3600)
    );
    std::fs::write(feeds.join("cases.ndjson"), case + "\n").unwrap();
    feeds.display().to_string()
}

#[cfg(target_os = "linux")]
#[test]
fn a_service_in_a_folder_says_that_it_is_ready_and_tail_shows_whole_tokens() {
    let place = tempfile::tempdir().unwrap();
    let (feeds, state) = (recent(place.path()), place.path().join("state").display().to_string());
    // Named like feeds, and none: nobody would hear that their records are missing.
    std::fs::create_dir(Path::new(&feeds).join("tests.ndjson")).unwrap();
    std::os::unix::fs::symlink("nowhere", Path::new(&feeds).join("contacts.csv")).unwrap();
    let mut service = fuma(&format!("run --policy {PACK} --watch {feeds} --state {state} --http 127.0.0.1:0"))
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Started at once: it waits for the log of the service.
    let tail = format!("tail --state {state} --from-beginning --max 1 --until-idle 60");
    let shown = run(&tail);
    let line = out(&shown);
    assert!(line.contains(KNOWN) && line.contains("ZJ-R1"), "{line}{}", err(&shown));
    let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
    let lost = fuma(&tail).stdout(full).stderr(Stdio::piped()).output().unwrap();
    assert_eq!(lost.status.code(), Some(1), "{}", err(&lost));
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    assert!(fuma(&tail).stdout(writer).status().unwrap().success());
    let mut log = std::io::BufReader::new(service.stderr.take().unwrap()).lines().map_while(Result::ok);
    let mut said = Vec::new();
    assert!(
        log.any(|line| {
            said.push(line);
            said.last().is_some_and(|line| line.contains(" ready "))
        }),
        "it never said that it was ready"
    );
    let ended = Command::new("kill").args(["-TERM", &service.id().to_string()]).status().unwrap();
    assert!(ended.success() && service.wait().unwrap().success());
    said.extend(log);
    for part in [
        "shutting down",
        "passed over tests.ndjson: has the name of a feed file, and is not a regular file",
        "passed over contacts.csv: has the name of a feed file, and is a link to a file that cannot be found",
    ] {
        let times = said.iter().filter(|line| line.contains(part)).count();
        assert!(times == 1 || part == "shutting down" && times > 0, "{part}: {times} times\n{said:#?}");
    }
}

/// A partition moves from process to process, and a folder of one machine does not move with it: only a word of whoever
/// knows the machines lets snapshots go there. The advice of the refusal is followed, both ways.
#[test]
fn snapshots_in_a_folder_on_kafka_need_a_word() {
    let place = tempfile::tempdir().unwrap();
    let state = place.path().join("state").display().to_string();
    let line = format!("run --policy {PACK} --bootstrap 127.0.0.1:1 --http off --state {state}");
    let refused = run(&line);
    assert_eq!(refused.status.code(), Some(2), "{}", err(&refused));
    for part in [state.as_str(), "snapshots.url", "snapshots.local = true", "--local-snapshots"] {
        assert!(err(&refused).contains(part), "{part}: {}", err(&refused));
    }
    assert!(!place.path().join("state").exists(), "nothing was made");
    let config = place.path().join("fuma.toml");
    let write = |snapshots: &str| std::fs::write(&config, format!("[kafka]\nbootstrap = 'b:1'\n{snapshots}")).unwrap();
    let checked = |snapshots: &str| {
        write(snapshots);
        run(&format!("config check {}", config.display()))
    };
    for snapshots in ["", "[snapshots]\nurl = '/tmp/x'\n", "[snapshots]\nurl = 'file:///tmp/x'\n"] {
        let said = checked(snapshots);
        assert!(said.status.code() != Some(0) && (err(&said) + &out(&said)).contains("snapshots.local"), "{snapshots}");
    }
    for snapshots in ["[snapshots]\nlocal = true\n", "roles = ['intake']\n"] {
        let said = checked(snapshots);
        assert!(!(err(&said) + &out(&said)).contains("snapshots.local"), "{snapshots}{}", err(&said));
    }
    // With the word it goes on to the broker, which is not there.
    let mut agreed = fuma(&format!("{line} --local-snapshots")).stderr(Stdio::piped()).spawn().unwrap();
    let log = std::io::BufReader::new(agreed.stderr.take().unwrap()).lines().map_while(Result::ok);
    let said: Vec<String> = log.take_while(|line| !line.contains(" starting ")).collect();
    agreed.kill().unwrap();
    assert!(agreed.wait().unwrap().code().is_none(), "it starts, and waits for its broker: {said:#?}");
    assert!(!said.iter().any(|line| line.contains("--local-snapshots")), "{said:#?}");
}

/// Neither a broker nor a folder: both ways are named.
#[test]
fn tail_without_a_log_names_both_ways() {
    let said = run("tail");
    assert_eq!(said.status.code(), Some(2));
    assert!(err(&said).contains("--bootstrap") && err(&said).contains("--state"), "{}", err(&said));
}

/// It was created again, with an INFO that said nothing of what it had held.
#[cfg(target_os = "linux")]
#[test]
fn a_folder_of_snapshots_that_is_gone_is_created_with_a_word_of_what_is_lost() {
    let place = tempfile::tempdir().unwrap();
    let (feeds, state) = (recent(place.path()), place.path().join("state"));
    let line = format!("run --policy {PACK} --watch {feeds} --state {} --http off", state.display());
    let said = || {
        let mut service = fuma(&line).stderr(Stdio::piped()).spawn().unwrap();
        let mut log = std::io::BufReader::new(service.stderr.take().unwrap()).lines().map_while(Result::ok);
        let mut said = Vec::new();
        for line in log.by_ref() {
            said.push(line);
            if said.last().is_some_and(|line| line.contains(" ready ")) {
                break;
            }
        }
        assert!(Command::new("kill").args(["-TERM", &service.id().to_string()]).status().unwrap().success());
        said.extend(log);
        assert!(service.wait().unwrap().success());
        said.join("\n")
    };
    let lost = "are lost to this process";
    let first = said();
    assert!(first.contains("the folder of snapshots is new") && !first.contains(lost), "{first}");
    let second = said();
    assert!(!second.contains("folder of snapshots"), "{second}");
    std::fs::remove_dir_all(state.join("snapshots")).unwrap();
    let third = said();
    assert!(third.contains("WARN") && third.contains(lost) && third.contains("bring it back"), "{third}");
}

/// Six hundred listings of one person: more than a person may have.
#[test]
fn a_crowded_person_is_listed_and_not_called_green() {
    let feeds = tempfile::tempdir().unwrap();
    let listing = |number: u32| {
        format!(
            concat!(
                r#"{{"owner":"src","id":"l{}","person":"{}","known_at":"2021-11-03T12:00:00+08:00","colour":"red","#,
                r#""approver":"hq","basis":"venue","document":"n","#,
                r#""starts_at":"2021-11-03T10:00:00+08:00","expires_at":"2021-11-20T00:00:00+08:00"}}"#
            ),
            number, KNOWN
        ) + "\n"
    };
    let lines: String = (0..600).map(listing).collect();
    std::fs::write(feeds.path().join("listings.ndjson"), lines).unwrap();
    let list = run(&with_feeds("overdue --crowded --json", feeds.path()));
    let one: Value = serde_json::from_slice(&list.stdout).unwrap_or_else(|_| panic!("{}", err(&list)));
    assert_eq!((&one["person"], &one["why"]), (&KNOWN.into(), &"crowded".into()));
    let account = run(&(with_feeds("explain", feeds.path()) + " " + KNOWN));
    assert!(out(&account).contains("not judged: too many records"), "{}", out(&account));
    assert!(!out(&account).contains("GREEN"), "{}", out(&account));
}
