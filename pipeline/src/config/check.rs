//! Ranges, and what does not go together.
//!
//! Owns the limits of settings, each with what to do. What a value is at all is `values`.

use std::ops::RangeInclusive;
use std::time::Duration;

use fuma_connectors::client_settings;

use super::error::{ConfigError, Problem};
use super::layers::Settings;
use super::{Config, Listen, Roles};
use crate::http::api::clients;
use crate::intake::is_owner;
use crate::live::decisions::basis::Officials;

const MILLISECOND: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);
const DAY: Duration = Duration::from_hours(24);

/// Refuses a configuration with all that is wrong in it.
pub(super) fn check(config: &Config, settings: &Settings) -> Result<(), ConfigError> {
    let mut checks = Checks { settings, problems: Vec::new() };
    names(config, &mut checks);
    times(config, &mut checks);
    amounts(config, &mut checks);
    owners(config, &mut checks);
    together(config, &mut checks);
    officials(config, &mut checks);
    imports(config, &mut checks);
    port(config, &mut checks);
    if checks.problems.is_empty() { Ok(()) } else { Err(ConfigError::Problems(checks.problems)) }
}

struct Checks<'a> {
    settings: &'a Settings,
    problems: Vec<Problem>,
}

impl Checks<'_> {
    fn hold(&mut self, holds: bool, path: &[&str], message: impl Into<String>) {
        if !holds {
            self.problems.push(self.settings.problem(path, message));
        }
    }

    fn within<T: PartialOrd + std::fmt::Debug>(&mut self, value: T, range: RangeInclusive<T>, path: &[&str]) {
        let message = format!("must be {:?} to {:?}", range.start(), range.end());
        self.hold(range.contains(&value), path, message);
    }
}

/// With no list nothing is wrong: then nothing can be approved.
fn officials(config: &Config, checks: &mut Checks<'_>) {
    let list = Officials { officials: config.officials.clone(), quorum: config.approval };
    if let Some(problem) = list.problem().filter(|_| !list.officials.is_empty()) {
        checks.hold(false, &["officials"], problem);
    }
}

/// Tables that others drop.
fn imports(config: &Config, checks: &mut Checks<'_>) {
    for (name, import) in &config.imports {
        for (setting, message) in import.problems(name) {
            checks.hold(false, &["imports", name, setting], message);
        }
        let is_shared = config.imports.iter().any(|(other, it)| other < name && it.folder == import.folder);
        let message = "is the folder of another import: a file there would be taken by one of them. Give one import \
                       several maps";
        checks.hold(!is_shared, &["imports", name, "folder"], message);
    }
}

/// Who may ask about people, and from where.
fn port(config: &Config, checks: &mut Checks<'_>) {
    let http = &config.http;
    if let Some(problem) = clients::problem(&http.clients) {
        checks.hold(false, &["http", "clients"], problem.to_string());
    }
    checks.within(http.connections_max, 10..=1_000_000, &["http", "connections_max"]);
    checks.within(http.streams_max, 0..=10_000, &["http", "streams_max"]);
    let is_here = match http.listen {
        Listen::At(address) => address.ip().is_loopback(),
        Listen::Off => true,
    };
    let message = "lets everybody on this machine ask without a token: listen on loopback, or say false and give \
                   clients ([[http.clients]])";
    checks.hold(is_here || !http.open_on_loopback, &["http", "open_on_loopback"], message);
}

fn names(config: &Config, checks: &mut Checks<'_>) {
    let is_name = |text: &str, length_max: usize| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        text.len() <= length_max && text.bytes().all(plain)
    };
    // Part of transactional ids, which the offset commit's metadata carries.
    let group = &config.group;
    checks.hold(!group.is_empty() && is_name(group, 100), &["group"], "give 1 to 100 letters, digits, '.', '_' or '-'");
    let prefix = &config.kafka.prefix;
    let is_prefix = !prefix.is_empty() && is_name(prefix, 100);
    checks.hold(is_prefix, &["kafka", "prefix"], "give 1 to 100 letters, digits, '.', '_' or '-', like \"fuma.\"");
    let instance = config.kafka.instance.as_deref().unwrap_or("-");
    let is_instance = !instance.is_empty() && is_name(instance, 100);
    checks.hold(
        is_instance,
        &["kafka", "instance"],
        "give 1 to 100 letters, digits, '.', '_' or '-', like a pod's name",
    );
    let is_state = !config.state.as_os_str().is_empty();
    checks.hold(is_state, &["state"], "give a folder, like \"./fuma-state\"");
    let is_policy = config.policy.as_deref() != Some("");
    checks.hold(is_policy, &["policy"], "give an id of `fuma policy list`, or a folder");
    let brokers = config.kafka.bootstrap.as_deref().unwrap_or("-:0").split(',').map(str::trim);
    let is_broker = |broker: &str| {
        let host_port = broker.rsplit("://").next().and_then(|address| address.rsplit_once(':'));
        host_port.is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok())
    };
    let are_brokers = brokers.into_iter().all(is_broker);
    checks.hold(are_brokers, &["kafka", "bootstrap"], "give host:port, several with commas between them");
}

fn times(config: &Config, checks: &mut Checks<'_>) {
    let commit = &config.commit;
    checks.within(commit.live, 5 * MILLISECOND..=20 * MILLISECOND, &["commit", "live"]);
    checks.within(commit.backlog, 5 * MILLISECOND..=SECOND, &["commit", "backlog"]);
    let in_order = commit.live <= commit.backlog;
    checks.hold(in_order, &["commit", "backlog"], "must be at least commit.live: a backlog is for longer batches");
    checks.within(config.snapshots.every, SECOND..=DAY, &["snapshots", "every"]);
    checks.within(config.guard.tiers_settle, 100 * MILLISECOND..=DAY, &["guard", "tiers_settle"]);
    checks.within(config.watch.settle, 100 * MILLISECOND..=DAY, &["watch", "settle"]);
    checks.within(config.shutdown.deadline, SECOND..=600 * SECOND, &["shutdown", "deadline"]);
    for (feed, settings) in &config.feeds {
        let path = ["feeds", feed.name(), "retention"];
        let long_enough = settings.retention.is_none_or(|retention| retention >= 3600 * SECOND);
        checks.hold(long_enough, &path, "must be 1h or more: what comes later is refused as too old");
    }
}

fn amounts(config: &Config, checks: &mut Checks<'_>) {
    checks.within(config.workers, 0..=1024, &["workers"]);
    checks.within(config.intake_threads, 1..=256, &["intake_threads"]);
    checks.within(config.kafka.partitions, 0..=10_000, &["kafka", "partitions"]);
    checks.within(config.kafka.replication_factor, 0..=15, &["kafka", "replication_factor"]);
    checks.within(config.commit.page, 1..=1_000_000, &["commit", "page"]);
    checks.within(config.commit.batch_bytes_max, 65_536..=1 << 30, &["commit", "batch_bytes_max"]);
    let least = config.commit.batch_bytes_max.saturating_mul(2);
    let setting = &["commit", "uncommitted_bytes_max"];
    checks.hold(config.commit.uncommitted_bytes_max >= least, setting, "must be at least twice commit.batch_bytes_max");
    checks.within(config.guard.tiers_percent, 0..=100, &["guard", "tiers_percent"]);
    checks.within(config.snapshots.keep, 2..=1000, &["snapshots", "keep"]);
    checks.hold(config.snapshots.records > 0, &["snapshots", "records"], "must be 1 or more");
}

fn owners(config: &Config, checks: &mut Checks<'_>) {
    for (feed, owners) in config.feeds.iter().filter_map(|(feed, config)| Some((feed, config.owners.as_ref()?))) {
        let path = ["feeds", feed.name(), "owners"];
        let wrong = owners.iter().find(|owner| !is_owner(owner));
        checks.hold(wrong.is_none(), &path, "an owner is 1 to 64 of a-z, 0-9 and '-'");
        let message = "is given beside owners_file: give one list for all feeds, or a list for each";
        checks.hold(config.owners_file.is_none(), &path, message);
    }
}

fn together(config: &Config, checks: &mut Checks<'_>) {
    let (kafka, embedded) = (&config.kafka, !config.is_on_kafka());
    let folders = config.watch.folders.is_empty() || embedded;
    let message =
        "folders are followed without Kafka only: drop them (`fuma send` brings files to Kafka), or the brokers";
    checks.hold(folders, &["watch", "folders"], message);
    let all = Roles { intake: true, trace: true, assess: true };
    let message = "without Kafka one process does everything: give all three, or name brokers";
    checks.hold(!embedded || config.roles == all, &["roles"], message);
    for (section, client) in
        ["client", "consumer", "producer"].iter().zip([&kafka.client, &kafka.consumer, &kafka.producer])
    {
        for (name, value) in client.iter() {
            if let Some(why) = client_settings::refusal(name, value) {
                checks.hold(false, &["kafka", section, name], why);
            }
        }
    }
}
