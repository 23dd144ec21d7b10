//! A schedule of packs on the command line: who is explained and listed by which, and what is no schedule.
//!
//! Runs the binary; what a switch announces is tested elsewhere.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod command_line;

use serde_json::Value;

use command_line::{KNOWN, err, feeds, out, run, with_feeds};

/// Under a schedule a person is explained, and listed, by the pack in force at the instant; no state is older than its
/// pack. What is no schedule is refused before anything is read.
#[test]
fn a_schedule_is_explained_by_the_pack_in_force() {
    let feeds = feeds();
    let schedule = "--policy zhejiang-2022@2021-11-05T06:00:00+08:00 --policy national-2020@2021-11-10T00:00:00+08:00";
    let at = |command: &str, at: &str| {
        let output = run(&format!("{} {schedule} --at {at} --json", with_feeds(command, feeds.path())));
        assert!(output.status.success(), "{}", err(&output));
        out(&output)
    };
    let explained =
        |instant: &str| -> Value { serde_json::from_str(&at(&format!("explain {KNOWN}"), instant)).unwrap() };
    let first = explained("2021-11-04");
    assert_eq!(
        (&first["colour"], &first["colour_since"]),
        (&"red".into(), &"2021-11-03T10:00:00+08:00".into()),
        "{first}"
    );
    assert!(first.to_string().contains("ZJ-R4"), "{first}");
    let next = explained("2021-11-06");
    assert_eq!(
        (&next["colour"], &next["colour_since"]),
        (&"red".into(), &"2021-11-05T06:00:00+08:00".into()),
        "{next}"
    );
    assert!(next.to_string().contains("Z22-R2") && !next.to_string().contains("ZJ-R4"), "{next}");
    assert_eq!(explained("2021-11-11")["colour"], "green");
    // Due on the 9th under the second pack, on the 16th under the first; the third gives it no colour.
    assert!(at("overdue", "2021-11-09T12:00:00+08:00").contains("Z22-R2"));
    assert_eq!(at("overdue", "2021-11-20"), "");

    let base = format!("replay --feeds {}", feeds.path().display());
    for (policies, said) in [
        ("--policy zhejiang-2022@2021-11-05T06:00:00+08:00", "the first pack holds from the beginning"),
        ("--policy zhejiang-2020-109 --policy zhejiang-2022", "only the first pack has no instant"),
        ("--policy zhejiang-2020-109 --policy zhejiang-2022@2021-11-05", "is no instant"),
        ("--policy zhejiang-2020-109 --policy zhejiang-2020@2021-11-05T06:00:00+08:00", "no such pack"),
    ] {
        let output = run(&format!("{base} {policies}"));
        assert!(output.status.code() == Some(2) && err(&output).contains(said), "{policies}: {}", err(&output));
        assert_eq!(out(&output), "");
    }
}
