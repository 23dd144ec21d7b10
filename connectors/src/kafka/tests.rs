//! Settings that are refused; topics that differ. What needs a broker is in the crate of tests.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use fuma_schemas::Feed;

use super::factory::wrong;
use super::settings::KafkaSettings;
use crate::log::{Severity, Topic};

fn refusal(change: impl FnOnce(&mut KafkaSettings)) -> String {
    let mut settings = KafkaSettings::new("a:9092", "fuma");
    change(&mut settings);
    let error = settings.check().unwrap_err();
    assert_eq!(error.severity(), Severity::Operator);
    error.to_string()
}

fn set(settings: &mut KafkaSettings, name: &str, value: &str) {
    settings.consumer.insert(name.to_owned(), value.to_owned());
}

#[test]
fn settings_that_exactly_once_hangs_on_are_refused_by_name_with_the_reason() {
    let names = [
        "enable.auto.commit",
        "enable.auto.offset.store",
        "isolation.level",
        "transactional.id",
        "enable.idempotence",
        "auto.offset.reset",
        "group.id",
        "group.instance.id",
        "bootstrap.servers",
        "partition.assignment.strategy",
        "enable.partition.eof",
        "group.protocol",
        "message.timeout.ms",
    ];
    for name in names {
        let message = refusal(|settings| set(settings, name, "hunter2"));
        assert!(message.contains(name) && message.contains("is fuma's own: "), "{message}");
        assert!(!message.contains("hunter2"), "{message}");
    }
}

#[test]
fn numbers_are_bounded_and_names_are_plain() {
    assert!(refusal(|settings| set(settings, "session.timeout.ms", "10")).contains("from 1000"));
    assert!(refusal(|settings| set(settings, "transaction.timeout.ms", "x")).contains("from 2000 to 60000"));
    let longer = refusal(|settings| {
        set(settings, "session.timeout.ms", "60000");
        set(settings, "max.poll.interval.ms", "30000");
    });
    assert!(longer.contains("longer than max.poll.interval.ms"), "{longer}");
    assert!(refusal(|settings| settings.group = "a b".to_owned()).contains("kafka.group"));
    assert!(refusal(|settings| settings.instance = Some(String::new())).contains("kafka.instance"));
    assert!(refusal(|settings| settings.bootstrap = " ".to_owned()).contains("bootstrap"));
    let mut settings = KafkaSettings::new("a:9092", "fuma");
    settings.producer.insert("transaction.timeout.ms".to_owned(), "5000".to_owned());
    settings.check().unwrap();
    assert_eq!(settings.transaction_timeout().as_millis(), 5_000);
}

#[test]
fn secrets_are_not_shown() {
    let mut settings = KafkaSettings::new("a:9092", "fuma");
    set(&mut settings, "sasl.password", "hunter2");
    let shown = format!("{settings:?}");
    assert!(shown.contains("sasl.password") && !shown.contains("hunter2"), "{shown}");
}

#[test]
fn topics_that_are_missing_or_differ_are_told() {
    assert_eq!(wrong(Topic::Evidence, None, 4).unwrap(), "is missing");
    assert_eq!(wrong(Topic::Links, Some(4), 4).unwrap(), "has 4 partitions, not 1");
    assert_eq!(wrong(Topic::Changes, Some(3), 4).unwrap(), "has 3 partitions, not 4");
    assert_eq!(wrong(Topic::Feed(Feed::Tests), Some(9), 4), None);
    assert_eq!(wrong(Topic::DeadLetters(Feed::Tests), Some(2), 4), None, "whatever its feed has");
}
