//! A process that is killed in a flood of commits: what it was told is there, whole.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use bytes::Bytes;

use super::super::{FolderLog, FolderOptions};
use super::{begin, commit, output};
use crate::log::{Log, Outgoing, Topic};

const DIR: &str = "FUMA_TEST_FOLDER";

fn options(dir: &Path) -> FolderOptions {
    FolderOptions { segment_bytes: 1 << 16, ..FolderOptions::new(dir, 3, 1) }
}

/// The child: commits without end, and says what was acknowledged. Nothing unless the parent asks for it.
#[test]
fn child() {
    let Ok(dir) = std::env::var(DIR) else { return };
    let log = FolderLog::open(&options(Path::new(&dir))).unwrap();
    let mut worker = log.worker(0).unwrap();
    let partitions = begin(&mut *worker);
    let mut appender = log.appender("intake").unwrap();
    let mut next = worker.restorer().unwrap().position(0).unwrap().offset.unwrap_or_default();
    let mut out = std::io::stdout().lock();
    loop {
        next += 1;
        for partition in 0..3 {
            let value = Bytes::from(format!("{next}-{}", "x".repeat(500)));
            appender.append(Topic::Evidence, Outgoing { partition, value, ..Outgoing::default() }).unwrap();
        }
        appender.flush().unwrap();
        commit(&mut *worker, &partitions, next, &next.to_string()).unwrap();
        writeln!(out, "acknowledged {next}").unwrap();
        out.flush().unwrap();
    }
}

fn spawn(dir: &Path) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "folder::tests::crash::child", "--nocapture", "--test-threads=1"]);
    command.env(DIR, dir).stdout(Stdio::piped()).spawn().unwrap()
}

#[test]
fn kill_9_loses_and_halves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut acknowledged = 0;
    for round in 0..6_u64 {
        let mut child = spawn(dir.path());
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut said = || lines.find_map(|line| line.unwrap().split_once("acknowledged ")?.1.parse::<u64>().ok());
        acknowledged = said().unwrap().max(acknowledged);
        let refused = FolderLog::open(&options(dir.path())).unwrap_err().to_string();
        assert!(refused.contains(&format!("in use by process {}", child.id())), "{refused}");
        std::thread::sleep(Duration::from_millis(30 + 37 * round));
        child.kill().unwrap();
        child.wait().unwrap();
        while let Some(number) = said() {
            acknowledged = number;
        }
        check(dir.path(), acknowledged);
    }
    assert!(acknowledged > 20, "{acknowledged} commits in all");
}

/// Positions, changes of every partition and evidence agree, up to what was acknowledged at least.
fn check(dir: &Path, acknowledged: u64) {
    let log = FolderLog::open(&options(dir)).unwrap();
    let worker = log.worker(0).unwrap();
    let mut restorer = worker.restorer().unwrap();
    let positions: Vec<_> = (0..3).map(|partition| restorer.position(partition).unwrap().offset.unwrap()).collect();
    let held = positions[0];
    assert_eq!(positions, [held; 3], "whole or not at all");
    assert!(held >= acknowledged && held <= acknowledged + 1, "{held} of {acknowledged}");
    for partition in 0..3 {
        let values: Vec<String> = output(&*worker, partition, 0).0.into_iter().map(|(_, value)| value).collect();
        assert_eq!(values, (1..=held).map(|n| n.to_string()).collect::<Vec<_>>());
        let bounds = restorer.evidence_bounds(partition).unwrap();
        let mut last = 0;
        restorer
            .read_evidence(partition, bounds, &mut |record| {
                let text = String::from_utf8(record.value.to_vec()).unwrap();
                last = text.split_once('-').unwrap().0.parse().unwrap();
                true
            })
            .unwrap();
        assert!(last >= held);
    }
}
