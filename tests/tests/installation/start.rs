//! The first start, and starts where something is other than it was: refused by name, with both values.

use std::sync::Arc;

use fuma_connectors::folder::{FolderLog, FolderOptions};
use fuma_connectors::log::{Log, Topic};
use fuma_pipeline::live::decisions::{Accepted, Belonging, DecisionLog, FoundError, Own, Record, found, to_create};
use fuma_pipeline::live::record::Fingerprint;
use fuma_tests::simulated::{Settings, SimulatedCluster};

const PREFIX: &str = "simulated.";

fn own() -> Own {
    Own { names: Some((PREFIX.into(), "g".into())), key: Fingerprint([7; 8]) }
}

fn cluster() -> SimulatedCluster {
    SimulatedCluster::new(Settings::default())
}

/// What a start says that is refused.
fn refusal(log: &dyn Log, own: &Own) -> String {
    match found(log, own, 2) {
        Ok((_, installation)) => panic!("not refused: {installation:?}"),
        Err(error) => {
            assert!(!error.passes(), "{error}");
            error.to_string()
        }
    }
}

#[test]
fn the_first_start_makes_it_and_every_other_finds_it() {
    let cluster = cluster();
    let (_, first) = found(&cluster.process("a"), &own(), 1).unwrap();
    assert!(first.id.is_known() && !first.adopted);
    assert_eq!((first.partitions, first.key, first.prefix.as_str()), (4, own().key, PREFIX));
    assert!(first.topics.contains_key("simulated.evidence.v1"));
    cluster.append(Topic::Evidence, 0, "x");
    let (decisions, second) = found(&cluster.process("b"), &own(), 2).unwrap();
    assert_eq!(second, first);
    assert_eq!(decisions.fold().words().count(), 0);
    assert_eq!(cluster.end(Topic::Decisions, 0), 1, "one record");
}

#[test]
fn two_that_start_at_once_go_by_the_first_record() {
    let cluster = cluster();
    let (log, other) = (cluster.process("a"), cluster.process("b"));
    // Both looked before either wrote: the second record is there, and says nothing.
    let (_, first) = found(&log, &own(), 1).unwrap();
    let late = fuma_pipeline::live::decisions::Installation { id: Fingerprint([9; 8]), ..first.clone() };
    cluster.append(Topic::Decisions, 0, Record::Installation(late).to_bytes().unwrap());
    assert_eq!(found(&other, &own(), 2).unwrap().1, first);
}

#[test]
fn another_key_group_or_prefix_is_refused_by_name_with_both_values() {
    let cluster = cluster();
    let log = cluster.process("a");
    found(&log, &own(), 1).unwrap();
    let key = Own { key: Fingerprint([8; 8]), ..own() };
    let said = refusal(&log, &key);
    assert!(said.contains("0808080808080808") && said.contains("0707070707070707"), "{said}");
    for (prefix, group) in [(PREFIX, "h"), ("other.", "g")] {
        let said = refusal(&log, &Own { names: Some((prefix.into(), group.into())), ..own() });
        assert!(said.contains("announce everything twice"), "{said}");
    }
    // The advice: with what is recorded it goes on.
    found(&log, &own(), 3).unwrap();
    // A command without a key compares none.
    found(&log, &Own { key: Fingerprint::default(), ..own() }, 4).unwrap();
}

#[test]
fn a_topic_that_was_made_again_is_refused_and_nothing_is_written() {
    for topic in [Topic::Evidence, Topic::Links, Topic::Changes, Topic::Regions, Topic::Policies, Topic::Phones] {
        let cluster = cluster();
        let log = cluster.process("a");
        let (_, installation) = found(&log, &own(), 1).unwrap();
        let belonging = Belonging::new(Arc::new(log.clone()), own(), installation);
        belonging.check().unwrap();
        cluster.make_again(topic);
        let said = refusal(&log, &own());
        assert!(said.contains(&topic.name(PREFIX)) && said.contains("created again"), "{topic:?}: {said}");
        assert_eq!(cluster.end(Topic::Decisions, 0), 1, "{topic:?}");
        // The advice: another prefix and group is another installation.
        let fresh = SimulatedCluster::new(Settings::default());
        found(&fresh.process("a"), &Own { names: Some(("new.".into(), "new".into())), ..own() }, 2).unwrap();
    }
    // What no state hangs on may be made again at any time.
    for topic in [Topic::Clock, Topic::Status, Topic::Feed(fuma_schemas::Feed::Tests)] {
        let cluster = cluster();
        let log = cluster.process("a");
        found(&log, &own(), 1).unwrap();
        cluster.make_again(topic);
        found(&log, &own(), 2).unwrap();
    }
}

#[test]
fn a_takeover_sees_what_changed_while_the_process_ran() {
    let cluster = cluster();
    let log = cluster.process("a");
    let (_, installation) = found(&log, &own(), 1).unwrap();
    cluster.make_again(Topic::Evidence);
    let error = Belonging::new(Arc::new(log), own(), installation).check().unwrap_err().to_string();
    assert!(error.contains("simulated.evidence.v1"), "{error}");
}

#[test]
fn evidence_or_changes_that_grew_are_refused() {
    for topic in [Topic::Evidence, Topic::Changes] {
        let cluster = cluster();
        let log = cluster.process("a");
        found(&log, &own(), 1).unwrap();
        cluster.grow(topic, 16);
        let said = refusal(&log, &own());
        assert!(said.contains("has 16 partitions") && said.contains("was made with 4"), "{said}");
    }
}

#[test]
fn records_without_an_installation_are_not_taken_for_ones_own() {
    let cluster = cluster();
    let log = cluster.process("a");
    cluster.append(Topic::Links, 0, "x");
    let said = refusal(&log, &own());
    assert!(said.contains("simulated.links.v1") && said.contains("fuma topics adopt"), "{said}");
    assert_eq!(cluster.end(Topic::Decisions, 0), 0);
}

#[test]
fn a_decision_that_is_not_understood_stops_the_start_and_is_named() {
    let cluster = cluster();
    let log = cluster.process("a");
    found(&log, &own(), 1).unwrap();
    cluster.append(Topic::Decisions, 0, r#"{"type":"hold","version":1}"#);
    let said = refusal(&log, &own());
    assert!(said.contains("record 1") && said.contains("type hold"), "{said}");
}

#[test]
fn a_word_is_given_once_and_used_once() {
    let cluster = cluster();
    let (mine, theirs) = (cluster.process("a"), cluster.process("b"));
    found(&mine, &own(), 1).unwrap();
    let (mine, theirs) = (DecisionLog::open(&mine).unwrap(), DecisionLog::open(&theirs).unwrap());
    mine.accept(Accepted { reason: "differences".into(), partition: 3, digest: "d".into(), at: 1 }).unwrap();
    theirs.refresh().unwrap();
    let word = theirs.accepted("differences", 3, "d").unwrap();
    assert!(mine.use_up(&word, "a-0", 2).unwrap());
    assert!(!theirs.use_up(&word, "b-0", 3).unwrap(), "it was used up");
    assert!(theirs.accepted("differences", 3, "d").is_none() && mine.accepted("differences", 3, "d").is_none());
}

#[test]
fn only_what_is_not_recorded_may_be_created() {
    let cluster = cluster();
    let log = cluster.process("a");
    assert!(to_create(&log, PREFIX).unwrap().is_empty(), "all are there");
    // Of an older build: the log of decisions is missing, and may be made.
    cluster.append(Topic::Evidence, 0, "x");
    cluster.delete(Topic::Decisions);
    cluster.delete(Topic::Status);
    assert_eq!(to_create(&log, PREFIX).unwrap(), [Topic::Decisions, Topic::Status]);
    // Beside records, evidence that is missing is not made without a word.
    cluster.delete(Topic::Changes);
    assert!(matches!(to_create(&log, PREFIX), Err(FoundError::LostUnrecorded { .. })));
}

#[test]
fn what_is_recorded_is_never_created_again_by_itself() {
    for (topic, word) in [(Topic::Evidence, "Colours hang on"), (Topic::Clock, "--again simulated.clock.v1")] {
        let cluster = cluster();
        let log = cluster.process("a");
        found(&log, &own(), 1).unwrap();
        cluster.delete(topic);
        let said = to_create(&log, PREFIX).unwrap_err().to_string();
        assert!(said.contains(&topic.name(PREFIX)) && said.contains(word), "{said}");
        assert_eq!(refusal(&log, &own()), said, "a start says the same");
    }
}

#[test]
fn what_a_newer_build_adds_is_listed_from_then_on() {
    let cluster = cluster();
    let log = cluster.process("a");
    cluster.delete(Topic::Phones);
    let (_, first) = found(&log, &own(), 1).unwrap();
    assert!(!first.topics.contains_key("simulated.phones.v1"));
    assert_eq!(to_create(&log, PREFIX).unwrap(), [Topic::Phones]);
    cluster.make_again(Topic::Phones);
    assert!(found(&log, &own(), 2).unwrap().1.topics.contains_key("simulated.phones.v1"));
    cluster.make_again(Topic::Phones);
    assert!(refusal(&log, &own()).contains("simulated.phones.v1"));
}

#[test]
fn a_folder_of_an_older_build_is_taken_over_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let options = FolderOptions::new(folder.path(), 2, 1);
    let own = Own { names: None, key: Fingerprint([7; 8]) };
    let log = FolderLog::open(&options).unwrap();
    let mut appender = log.appender("test").unwrap();
    appender.append(Topic::Links, fuma_connectors::log::Outgoing { value: "x".into(), ..Default::default() }).unwrap();
    appender.flush().unwrap();
    assert!(matches!(found(&log, &own, 1), Err(FoundError::NotRecorded { .. })), "made by a build that writes it");
    drop((appender, log));
    let meta = folder.path().join("log/meta.json");
    let text = std::fs::read_to_string(&meta).unwrap();
    std::fs::write(&meta, text.replace(",\"decisions\":true", "")).unwrap();
    let log = FolderLog::open(&options).unwrap();
    let (_, installation) = found(&log, &own, 1).unwrap();
    assert!(installation.adopted);
    assert_eq!(found(&log, &own, 2).unwrap().1, installation);
}
