//! The configuration of a service: one TOML file, the environment, flags; checked, with the origin of each setting.
//!
//! ```text
//! layers    defaults < file < environment < flags -> settings, each with its origin
//! values    what a setting may be: a length of time, an address, roles ...
//! check     ranges, and what does not go together
//! misspelt  variables whose name is nearly one of ours
//! imports   folders in which others drop tables
//! print     what is in force and where it comes from, secrets masked
//! error     where, which setting, what to do
//! ```
//!
//! The defaults are those of `pipeline/fuma.toml` and of no other place. Owns what can be configured; clocks, stores
//! and logs are made by others. Must never hold the key of the person tokens.

mod check;
mod error;
mod imports;
mod layers;
mod misspelt;
mod print;
#[cfg(test)]
mod tests;
mod values;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use fuma_schemas::Feed;
use serde::Deserialize;

use crate::evidence::Limits;
use crate::http::api::ClientConfig;
use crate::live::decisions::basis::{Official, Quorum};

pub use error::{ConfigError, Origin, Problem};
pub use imports::ImportConfig;
pub use layers::{Flag, Settings, environment};
pub use misspelt::misspelt;
pub use values::{ClientSettings, Level, Listen, LogFormat, Roles};

/// The text of the file with every default.
pub const DEFAULT_FILE: &str = include_str!("../../fuma.toml");

/// With how many partitions topics are made when nothing is said: four for each worker of a small machine. A commit
/// costs the broker a request and a marker for each (docs/recovery.md, "Commit rhythm"; ARCHITECTURE.md has the
/// delays).
pub const PARTITIONS_NEW: u32 = 8;

/// What a service is told. Every field is explained in [`DEFAULT_FILE`].
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The policy pack: an id or a folder.
    pub policy: Option<String>,
    /// The folder of the process's own files.
    pub state: PathBuf,
    /// Who shares the work.
    pub group: String,
    /// Threads that judge; never 0 once loaded.
    pub workers: usize,
    /// Threads that read feeds.
    pub intake_threads: usize,
    /// What this process does.
    pub roles: Roles,
    /// The file with the key of the person tokens.
    pub key_file: Option<PathBuf>,
    /// A file with the owners of all feeds.
    pub owners_file: Option<PathBuf>,
    /// A file with the region codes that exist.
    pub regions_table: Option<PathBuf>,
    /// The brokers and the topics.
    pub kafka: KafkaConfig,
    /// What is accepted of each feed of which something is said.
    #[serde(default, deserialize_with = "values::feeds")]
    pub feeds: BTreeMap<Feed, FeedConfig>,
    /// What one person may have.
    pub evidence: EvidenceConfig,
    /// The rhythm of commits.
    pub commit: CommitConfig,
    /// Where, when, how many.
    pub snapshots: SnapshotConfig,
    /// The HTTP port.
    pub http: HttpConfig,
    /// What is logged.
    pub log: LogConfig,
    /// When to ask somebody first.
    pub guard: GuardConfig,
    /// The first officials: later ones are decided.
    #[serde(default)]
    pub officials: Vec<Official>,
    /// How many of them must sign.
    pub approval: Quorum,
    /// Feeds from folders, without Kafka.
    pub watch: WatchConfig,
    /// Folders in which others drop tables, by name.
    #[serde(default)]
    pub imports: BTreeMap<String, ImportConfig>,
    /// How to end.
    pub shutdown: ShutdownConfig,
}

/// The brokers and the topics.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KafkaConfig {
    /// host:port, with commas; none: a log in the state folder.
    pub bootstrap: Option<String>,
    /// What the names of topics begin with.
    pub prefix: String,
    /// Partitions of evidence and changes; 0 = as they are, see [`KafkaConfig::partitions_expected`].
    pub partitions: u32,
    /// Copies of a topic that is made; 0 = three, or as many as there are brokers.
    pub replication_factor: u16,
    /// The base of `group.instance.id`: static membership.
    pub instance: Option<String>,
    /// librdkafka settings of all clients.
    #[serde(default)]
    pub client: ClientSettings,
    /// librdkafka settings of those that read.
    #[serde(default)]
    pub consumer: ClientSettings,
    /// librdkafka settings of those that write.
    #[serde(default)]
    pub producer: ClientSettings,
}

impl KafkaConfig {
    /// How many partitions evidence and changes must have; none: as many as they have.
    pub fn partitions_expected(&self) -> Option<u32> {
        (self.partitions > 0).then_some(self.partitions)
    }

    /// With how many partitions topics, or the log in a folder, are made.
    pub fn partitions_new(&self) -> u32 {
        self.partitions_expected().unwrap_or(PARTITIONS_NEW)
    }

    /// How many copies a topic is made with; none: three, or as many as there are brokers.
    pub fn replication_factor_new(&self) -> Option<u32> {
        (self.replication_factor > 0).then_some(self.replication_factor.into())
    }
}

/// What is accepted of a feed.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FeedConfig {
    /// Whose records; none: everybody's, but nobody's listings.
    pub owners: Option<Vec<String>>,
    /// For how long after a record became known; none, or longer: for as long as the pack keeps such a fact.
    #[serde(default, deserialize_with = "values::some_duration")]
    pub retention: Option<Duration>,
}

/// What one person may have.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvidenceConfig {
    /// How many facts of a kind; beyond it the person keeps the announced state.
    #[serde(deserialize_with = "values::facts_max")]
    pub facts_max: Limits,
}

/// The rhythm of commits.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommitConfig {
    /// How far apart commits begin, live.
    #[serde(deserialize_with = "values::duration")]
    pub live: Duration,
    /// The same with a backlog.
    #[serde(deserialize_with = "values::duration")]
    pub backlog: Duration,
    /// The most people of a sweep in one commit.
    pub page: usize,
    /// The most bytes of evidence in one commit.
    pub batch_bytes_max: usize,
    /// The most bytes of evidence of a partition that wait for their commit.
    pub uncommitted_bytes_max: usize,
}

/// Snapshots.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SnapshotConfig {
    /// A folder or an object store; none: [`Config::snapshots_url`] says which folder.
    pub url: Option<String>,
    /// Whether snapshots of a log on Kafka may be in a folder, which other machines may not reach.
    pub local: bool,
    /// Written when this has passed.
    #[serde(deserialize_with = "values::duration")]
    pub every: Duration,
    /// Written when this many evidence records have passed.
    pub records: u64,
    /// How many of a partition are kept.
    pub keep: usize,
}

/// The HTTP port.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpConfig {
    /// Where it listens, if it does.
    pub listen: Listen,
    /// The most connections at once.
    pub connections_max: usize,
    /// The most streams of changes at once.
    pub streams_max: usize,
    /// Whether people of this machine may ask without a token.
    pub open_on_loopback: bool,
    /// Who may ask about people.
    #[serde(default)]
    pub clients: Vec<ClientConfig>,
}

/// What is logged.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogConfig {
    /// For people or machines.
    pub format: LogFormat,
    /// How much.
    pub level: Level,
}

/// When to ask somebody first.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GuardConfig {
    /// The most people of a partition that may differ after a restart without a reason.
    pub differences_max: u64,
    /// Without rows for so long a publication of tiers is whole.
    #[serde(deserialize_with = "values::duration")]
    pub tiers_settle: Duration,
    /// People whose colours publications of tiers may change within an hour without an approval. The first only.
    pub tiers_people: u64,
    /// The same, as a share of the people with evidence. The first only.
    pub tiers_percent: u64,
}

/// Feeds from folders, without Kafka.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WatchConfig {
    /// Folders of feed files that are followed.
    pub folders: Vec<PathBuf>,
    /// For how long a file stands still before its last line is read without an end.
    #[serde(deserialize_with = "values::duration")]
    pub settle: Duration,
}

/// How to end.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShutdownConfig {
    /// How long what is under way may take.
    #[serde(deserialize_with = "values::duration")]
    pub deadline: Duration,
}

/// What lies over the defaults.
struct Layers<'a> {
    file: Option<(&'a Path, &'a str)>,
    environment: &'a [(String, String)],
    flags: Vec<Flag>,
}

impl Config {
    /// Reads the file, lays the environment and the flags over it, and checks the result.
    ///
    /// # Errors
    /// With everything that is wrong: where, which setting, what to do.
    pub fn load(
        file: Option<&Path>,
        environment: &[(String, String)],
        flags: Vec<Flag>,
    ) -> Result<(Config, Settings), ConfigError> {
        let read = |path: &Path| {
            std::fs::read_to_string(path).map_err(|source| ConfigError::Read { path: path.to_owned(), source })
        };
        let text = file.map(read).transpose()?;
        let file = file.zip(text.as_deref());
        Config::of_layers(Layers { file, environment, flags })
    }

    fn of_layers(layers: Layers<'_>) -> Result<(Config, Settings), ConfigError> {
        let mut settings = Settings::defaults()?;
        if let Some((path, text)) = layers.file {
            settings.lay_file(path, text)?;
        }
        settings.lay_environment(layers.environment)?;
        settings.lay_flags(layers.flags)?;
        let config = Config::of(&settings)?;
        Ok((config, settings))
    }

    /// The configuration that settings come to.
    fn of(settings: &Settings) -> Result<Config, ConfigError> {
        let mut config: Config = settings.read()?;
        check::check(&config, settings)?;
        if config.workers == 0 {
            config.workers = std::thread::available_parallelism().map_or(1, usize::from);
        }
        Ok(config)
    }

    /// Where snapshots go: what is configured, or a folder in the state folder.
    pub fn snapshots_url(&self) -> String {
        let folder = || self.state.join("snapshots").to_string_lossy().into_owned();
        self.snapshots.url.clone().unwrap_or_else(folder)
    }

    /// The folder of an import's own files: what is under way, and what waits for intake.
    pub fn import_state(&self, name: &str) -> PathBuf {
        self.state.join("imports").join(name)
    }

    /// The folders of feed files that are followed: those of `watch`, and where imports put what they made.
    pub fn followed(&self) -> Vec<PathBuf> {
        let imported = self.imports.keys().map(|name| self.import_state(name).join("feeds"));
        self.watch.folders.iter().cloned().chain(imported).collect()
    }

    /// Whether the log is Apache Kafka's; otherwise it is a folder.
    pub fn is_on_kafka(&self) -> bool {
        self.kafka.bootstrap.is_some()
    }

    /// The feeds that accept everybody's records, because nobody's are listed. Listings never do.
    pub fn open_feeds(&self) -> Vec<Feed> {
        let listed = |feed: &Feed| self.feeds.get(feed).is_some_and(|config| config.owners.is_some());
        Feed::ALL.into_iter().filter(|feed| self.owners_file.is_none() && !listed(feed)).collect()
    }
}
