//! The log of decisions, and what topics are known again by.

use fuma_connectors::folder::{FolderLog, FolderOptions};
use fuma_connectors::log::{Decisions, Log, Outgoing, Topic};
use fuma_tests::simulated::{Settings, SimulatedCluster};

fn read(decisions: &mut dyn Decisions) -> (Vec<(u64, String)>, u64) {
    let mut records = Vec::new();
    let take = |record: fuma_connectors::log::LogRecord| {
        records.push((record.offset, String::from_utf8(record.value.to_vec()).unwrap()));
    };
    let mut take = take;
    let end = decisions.read(&mut take).unwrap();
    (records, end)
}

fn check(log: &dyn Log) {
    let (mut one, mut other) = (log.decisions().unwrap(), log.decisions().unwrap());
    assert_eq!(read(one.as_mut()), (Vec::new(), 0));
    one.append("a".into()).unwrap();
    other.append("b".into()).unwrap();
    let both = vec![(0, "a".to_owned()), (1, "b".to_owned())];
    assert_eq!(read(one.as_mut()), (both, 2));
    assert_eq!(read(one.as_mut()), (Vec::new(), 2), "nothing new");
    one.append("c".into()).unwrap();
    assert_eq!(read(one.as_mut()), (vec![(2, "c".to_owned())], 3), "it is followed");
    assert_eq!(read(log.decisions().unwrap().as_mut()).0.len(), 3, "another begins at the beginning");
    assert_eq!(log.bounds(Topic::Decisions, 0).unwrap(), 0..3);
}

#[test]
fn what_was_appended_is_read_in_one_order() {
    let folder = tempfile::tempdir().unwrap();
    check(&FolderLog::open(&FolderOptions::new(folder.path(), 2, 1)).unwrap());
    check(&SimulatedCluster::new(Settings::default()).process("a"));
}

#[test]
fn a_folder_keeps_its_decisions_and_knows_its_logs_again() {
    let folder = tempfile::tempdir().unwrap();
    let options = FolderOptions::new(folder.path(), 2, 1);
    let log = FolderLog::open(&options).unwrap();
    assert!(!log.is_of_older_build());
    log.decisions().unwrap().append("a".into()).unwrap();
    let mut appender = log.appender("test").unwrap();
    appender.append(Topic::Evidence, Outgoing { partition: 1, value: "x".into(), ..Outgoing::default() }).unwrap();
    appender.flush().unwrap();
    let before = log.topics().unwrap();
    let of = |topics: &[fuma_connectors::log::TopicIdentity], topic| {
        topics.iter().find(|other| other.topic == topic).unwrap().clone()
    };
    assert_eq!((of(&before, Topic::Evidence).partitions, of(&before, Topic::Changes).partitions), (2, 2));
    drop((appender, log));
    let log = FolderLog::open(&options).unwrap();
    assert_eq!(log.topics().unwrap(), before);
    assert_eq!(read(log.decisions().unwrap().as_mut()).0.len(), 1);
    drop(log);
    // One partition's folder is deleted, and the journal's files are; opening makes both again, as other logs.
    std::fs::remove_dir_all(folder.path().join("log/evidence-0001")).unwrap();
    for entry in std::fs::read_dir(folder.path().join("log/journal")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "log") {
            std::fs::remove_file(path).unwrap();
        }
    }
    let after = FolderLog::open(&options).unwrap().topics().unwrap();
    let again: Vec<Topic> =
        before.iter().zip(&after).filter(|(one, other)| one.id != other.id).map(|(one, _)| one.topic).collect();
    assert_eq!(again, [Topic::Evidence, Topic::Changes]);
}

#[test]
fn decisions_that_are_not_whole_are_not_read() {
    let cluster = SimulatedCluster::new(Settings::default());
    let log = cluster.process("a");
    log.decisions().unwrap().append("a".into()).unwrap();
    log.decisions().unwrap().append("b".into()).unwrap();
    let mut follower = log.decisions().unwrap();
    assert_eq!(read(follower.as_mut()).1, 2);
    cluster.retain_from(Topic::Decisions, 0, 1);
    assert!(log.decisions().unwrap().read(&mut |_| ()).is_err(), "its first record is gone");
    cluster.make_again(Topic::Decisions);
    assert!(follower.read(&mut |_| ()).is_err(), "it ends before what was read");
}
