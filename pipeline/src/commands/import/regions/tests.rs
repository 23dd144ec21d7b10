//! The command over a tiny list: events out, what is unresolved said and kept, exit codes.
//!
//! Owns a list of three rows and its codes.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::*;

const CODES: &str = "code,name,parent\n11,北京市,\n1101,市辖区,11\n110105,朝阳区,1101\n110105024,酒仙桥街道,110105\n";

fn row(snapshot: u32, op: &str, tiers: &str, county: &str) -> String {
    format!(
        concat!(
            r#"{{"snapshot":{0},"published_at":"2022-04-{0:02}T11:00:00+08:00","#,
            r#""saved_at":"2022-04-{0:02}T12:34:56+08:00","op":"{1}",{2},"province":"北京市","city":"北京市","county":"{3}","area_name":"酒仙桥街道一号院"}}"#
        ),
        snapshot, op, tiers, county
    )
}

fn arguments(folder: &Path, list: &str) -> RegionsArguments {
    std::fs::create_dir_all(folder).unwrap();
    std::fs::write(folder.join("list.ndjson"), list).unwrap();
    std::fs::write(folder.join("codes.csv"), CODES).unwrap();
    std::fs::write(folder.join("aliases.csv"), "province,city,county,code,note\n").unwrap();
    RegionsArguments {
        list: folder.join("list.ndjson"),
        codes: folder.join("codes.csv"),
        out: folder.join("regions.ndjson"),
        review: folder.join("review.csv"),
        places: folder.join("places.csv"),
        aliases: Some(folder.join("aliases.csv")),
        owner: "nhc".into(),
        authority: "x".into(),
    }
}

fn folder(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("fuma-import-{name}-{}", std::process::id()))
}

#[test]
fn a_list_becomes_events_and_what_is_unresolved_is_kept_and_said() {
    let folder = folder("list");
    let list = [
        row(1, "add", r#""tier":"high","previous_tier":null"#, "朝阳区"),
        row(1, "add", r#""tier":"high","previous_tier":null"#, "无此区"),
        row(2, "remove", r#""tier":null,"previous_tier":"high""#, "朝阳区"),
    ];
    let arguments = arguments(&folder, &list.join("\n"));
    run(&arguments, &Screen::default()).unwrap();
    let text = |path: &Path| std::fs::read_to_string(path).unwrap();
    let (events, review) = (text(&arguments.out), text(&arguments.review));
    assert_eq!(events.lines().count(), 2, "{events}");
    assert!(events.lines().all(|line| line.contains(r#""owner":"nhc""#) && line.contains(r#""region":"110105"#)));
    assert!(events.contains(r#""until":"2022-04-02T11:00:00+08:00""#), "{events}");
    assert_eq!(review.lines().count(), 2, "{review}");
    assert!(review.contains("无此区"), "{review}");
    assert_eq!(text(&arguments.places).lines().count(), 2);
    let said = summary(&import(&arguments).unwrap(), &arguments);
    for part in [
        "3 rows became 2 events",
        "1 areas are not in the code table",
        "places.csv",
        "a stay cannot meet",
        "review.csv",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let left: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left.len(), 6, "no unfinished file is left: {left:?}");
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn an_input_that_is_none_ends_with_2_and_nothing_is_written() {
    let folder = folder("none");
    let good = arguments(&folder, "");
    std::fs::write(folder.join("other.csv"), "a,b\n1,2\n").unwrap();
    for broken in [
        RegionsArguments { list: folder.join("absent"), ..good.clone() },
        RegionsArguments { codes: folder.join("other.csv"), ..good.clone() },
        RegionsArguments { aliases: Some(folder.join("other.csv")), ..good.clone() },
    ] {
        let error = run(&broken, &Screen::default()).unwrap_err();
        assert_eq!(error.exit_code(), 2, "{error}");
        assert!(!good.out.exists());
    }
    std::fs::remove_dir_all(folder).unwrap();
}

/// Of 278,210 bytes the first 100,000: the areas of the rest would have been in no tier, with exit code 0.
#[test]
fn a_list_that_is_cut_short_leaves_the_old_events() {
    let folder = folder("cut");
    let whole =
        [row(1, "add", r#""tier":"high","previous_tier":null"#, "朝阳区"), row(2, "x", r#""tier":null"#, "朝阳区")];
    let whole = whole.join("\n");
    let rest_of_line = whole.len() - whole.find('\n').unwrap();
    for missing in [1, 20, rest_of_line - 2] {
        let arguments =
            arguments(&folder, std::str::from_utf8(&whole.as_bytes()[..whole.len() - missing]).unwrap_or("{"));
        for path in [&arguments.out, &arguments.review, &arguments.places] {
            std::fs::write(path, "yesterday").unwrap();
        }
        let error = run(&arguments, &Screen::default()).unwrap_err();
        let text = error.to_string();
        assert!(text.contains("cut short: line") && text.contains("regions.ndjson is as it was"), "{text}");
        assert_eq!(error.exit_code(), 2);
        for path in [&arguments.out, &arguments.review, &arguments.places] {
            assert_eq!(std::fs::read_to_string(path).unwrap(), "yesterday");
        }
    }
    // A row that cannot be read elsewhere, or a last one without an end of line, cuts nothing short.
    for list in [format!("{{\n{whole}"), whole.clone(), format!("{whole}\n{{\n")] {
        run(&arguments(&folder, &list), &Screen::default()).unwrap();
    }
    std::fs::remove_dir_all(folder).unwrap();
}

/// Each of these wrote nothing over yesterday's events, with exit code 0.
#[test]
fn a_list_of_which_nothing_comes_leaves_the_old_events() {
    let folder = folder("old");
    let renamed = row(1, "add", r#""tier":"high","previous_tier":null"#, "朝阳区").replace("saved_at", "saved");
    let blank = row(1, "add", r#""tier":"high","previous_tier":null"#, "朝阳区").replace("T11", " 11");
    for (list, says) in [
        ("", "it is empty"),
        ("\n \n", "it is empty"),
        (
            r#"{"data":{"end_update_time":"2022-04-15 11:00","hcount":1,"highlist":[{"province":"北京市"}]}}"#,
            "none of its 1 rows",
        ),
        ("<html>\n<body>502 Bad Gateway</body>\n</html>\n", "none of its 3 rows"),
        (renamed.as_str(), "missing field `saved_at`"),
        (blank.as_str(), "published_at is no instant"),
    ] {
        let arguments = arguments(&folder, list);
        for path in [&arguments.out, &arguments.review, &arguments.places] {
            std::fs::write(path, "yesterday").unwrap();
        }
        let error = run(&arguments, &Screen::default()).unwrap_err();
        let text = error.to_string();
        assert!(text.contains(says) && text.contains("regions.ndjson is as it was"), "{text}");
        assert_eq!(error.exit_code(), 2);
        for path in [&arguments.out, &arguments.review, &arguments.places] {
            assert_eq!(std::fs::read_to_string(path).unwrap(), "yesterday");
        }
    }
    std::fs::remove_dir_all(folder).unwrap();
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_an_error_and_leaves_the_old_events() {
    let folder = folder("full");
    let good = arguments(&folder, &row(1, "add", r#""tier":"high","previous_tier":null"#, "朝阳区"));
    std::fs::write(&good.out, "yesterday").unwrap();
    let broken = RegionsArguments { places: "/dev/full".into(), ..good.clone() };
    let error = run(&broken, &Screen::default()).unwrap_err();
    assert!(error.to_string().starts_with("/dev/full: cannot be written"), "{error}");
    assert_eq!(error.exit_code(), 1);
    assert_eq!(std::fs::read_to_string(&good.out).unwrap(), "yesterday");
    std::fs::remove_dir_all(folder).unwrap();
}
