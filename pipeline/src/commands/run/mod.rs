//! `fuma run`: the service. Reads the configuration, opens the HTTP port, listens for signals, and serves.
//!
//! Owns the arguments and the order of the start: what can be wrong is found out before anything is begun.

mod inputs;
mod logging;
mod names;
mod pack;
mod readiness;
mod shutdown;
mod state;
mod summary;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use clap::Args;
use fuma_schemas::Feed;
use toml::Value;

use super::CommandError;
use super::import::drops::{self, Delivery, Prepared};
use super::kafka::KafkaArguments;
use super::screen::Screen;
use crate::config::{self, Config, Flag, Listen, Settings};
use crate::http::api::{Audit, Clients};
use crate::http::{Api, Health, HttpError, Metrics, Server, Shown};
use crate::live::answers::Answers;
use crate::live::metric;
use crate::live::partitions::{Partitions, Words};
use crate::live::service::{self, Service, Wishes};
use crate::live::stop::Stop;
use crate::live::worker::Places;
use crate::live::worker::switch::Schedule;

/// The variable with the name of the configuration file.
pub const CONFIG_VARIABLE: &str = "FUMA_CONFIG";

/// The arguments of `fuma run`.
#[derive(Args, Clone, Debug, Default)]
#[command(after_help = EXAMPLES)]
pub struct RunArguments {
    #[command(flatten)]
    settings: SettingArguments,
    /// Create the topics that are missing
    #[arg(long)]
    create_topics: bool,
    /// Without Kafka: read records of this feed from standard input
    #[arg(long, value_name = "FEED", value_parser = feed, conflicts_with = "bootstrap")]
    stdin: Option<Feed>,
}

const EXAMPLES: &str = "\
Examples:
  fuma run --policy zhejiang-2020-109 --key-file key --watch feeds            a log in ./fuma-state
  fuma run --policy zhejiang-2020-109 --key-file key --bootstrap localhost:9092 --create-topics --local-snapshots
  fuma run --config fuma.toml                                                 see `fuma config print --default`

The log goes to standard error. Ctrl-C or SIGTERM ends the service in order, with exit code 0.";

/// The arguments that stand for a setting; they win over the environment and the file.
#[derive(Args, Clone, Debug, Default)]
pub struct SettingArguments {
    /// The configuration file; without it FUMA_CONFIG, without that the defaults (`fuma config print --default`)
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The policy pack: an id (`fuma policy list`) or a folder (FUMA_POLICY). It is the first of an installation that
    /// has none; any other is published (`fuma policy publish`), and needs not be named
    #[arg(long, value_name = "PACK")]
    policy: Option<String>,
    /// The file with the key of the person tokens, 64 hex digits; wins over FUMA_KEY
    #[arg(long, value_name = "FILE")]
    key_file: Option<String>,
    /// The folder for the files of this process: snapshots, and without Kafka the log (FUMA_STATE)
    #[arg(long, value_name = "DIR")]
    state: Option<String>,
    /// Consumer group: the processes of one group share the work (FUMA_GROUP)
    #[arg(long, value_name = "NAME")]
    group: Option<String>,
    /// Kafka brokers, host:port, separated by commas (FUMA_BOOTSTRAP); without them the log is in the state folder
    #[arg(long, value_name = "HOST:PORT")]
    bootstrap: Option<String>,
    /// Partitions of evidence and changes
    #[arg(long, value_name = "N")]
    partitions: Option<u32>,
    /// Threads that judge; 0 = one a core
    #[arg(long, value_name = "N")]
    workers: Option<u32>,
    /// What this process does: intake, trace, assess, separated by commas
    #[arg(long, value_name = "ROLES", value_delimiter = ',')]
    roles: Vec<String>,
    /// Address and port of metrics and probes (port 0: any free port), or off
    #[arg(long, value_name = "ADDRESS")]
    http: Option<String>,
    /// Without Kafka: a folder of feed files to follow; may be repeated
    #[arg(long, value_name = "DIR", conflicts_with = "bootstrap")]
    watch: Vec<String>,
    /// A file with the owners whose records are accepted in every feed, one a line
    #[arg(long, value_name = "FILE")]
    owners: Option<String>,
    /// On Kafka: snapshots may go to a folder, because all processes of the group reach it and it outlives them
    #[arg(long)]
    local_snapshots: bool,
}

impl SettingArguments {
    /// The configuration: flags over environment over file over defaults.
    ///
    /// # Errors
    /// With everything that is wrong.
    pub fn load(&self) -> Result<(Config, Settings), CommandError> {
        load(self.config.as_deref(), self.flags())
    }

    /// The flags that were given.
    fn flags(&self) -> Vec<Flag> {
        let text = |value: &Option<String>| value.clone().map(Value::String);
        let number = |value: Option<u32>| value.map(|number| Value::Integer(number.into()));
        let list = |values: &[String]| {
            let all = values.iter().map(|value| Value::String(value.trim().to_owned())).collect();
            (!values.is_empty()).then_some(Value::Array(all))
        };
        let given: [(&'static str, &'static [&'static str], Option<Value>); 12] = [
            ("--policy", &["policy"], text(&self.policy)),
            ("--key-file", &["key_file"], text(&self.key_file)),
            ("--state", &["state"], text(&self.state)),
            ("--group", &["group"], text(&self.group)),
            ("--bootstrap", &["kafka", "bootstrap"], text(&self.bootstrap)),
            ("--partitions", &["kafka", "partitions"], number(self.partitions)),
            ("--workers", &["workers"], number(self.workers)),
            ("--roles", &["roles"], list(&self.roles)),
            ("--http", &["http", "listen"], text(&self.http)),
            ("--watch", &["watch", "folders"], list(&self.watch)),
            ("--owners", &["owners_file"], text(&self.owners)),
            ("--local-snapshots", &["snapshots", "local"], self.local_snapshots.then_some(Value::Boolean(true))),
        ];
        flags_of(given)
    }
}

/// The configuration: flags over environment over file (FUMA_CONFIG where none is given) over defaults.
///
/// # Errors
/// With everything that is wrong.
pub(super) fn load(file: Option<&Path>, flags: Vec<Flag>) -> Result<(Config, Settings), CommandError> {
    let file = file.map(Path::to_owned).or_else(file_of_environment);
    Ok(Config::load(file.as_deref(), &config::environment(), flags)?)
}

/// Those flags that were given, of all: name, the setting that it stands for, what it says.
pub(super) fn flags_of(
    all: impl IntoIterator<Item = (&'static str, &'static [&'static str], Option<Value>)>,
) -> Vec<Flag> {
    let flag = |(name, setting, value): (_, _, Option<Value>)| Some(Flag { name, setting, value: value? });
    all.into_iter().filter_map(flag).collect()
}

/// The file that the environment names.
pub(super) fn file_of_environment() -> Option<PathBuf> {
    std::env::var_os(CONFIG_VARIABLE).filter(|name| !name.is_empty()).map(PathBuf::from)
}

/// Serves until a signal or an error.
///
/// # Errors
/// When the configuration or an input is unusable, or the service cannot go on.
pub fn run(arguments: &RunArguments, screen: &Screen) -> Result<(), CommandError> {
    let (config, _) = arguments.settings.load()?;
    logging::begin(&config.log, screen);
    for problem in config::misspelt(&config::environment()) {
        tracing::warn!("{problem}");
    }
    let wishes = Wishes { create_topics: arguments.create_topics, stdin: arguments.stdin };
    let mut service = prepared(config, wishes)?;
    let dropped = drops::prepare(&service.config, &service.intake.key)?;
    shutdown::listen(service.stop.clone(), service.health.clone(), service.config.shutdown.deadline)
        .map_err(|error| CommandError::Other(format!("cannot listen for signals: {error}")))?;
    // Also without HTTP: the line of each minute is made of them.
    let metrics = Metrics::install()?;
    let api = api(&mut service)?;
    let server = http(&service, api, &metrics)?;
    service.http = server.as_ref().map(|server| names::advertised(server.address()));
    say(&service);
    imports(&service, arguments, dropped)?;
    let threads = readiness::tell(&service).and_then(|()| summary::tell(&service, metrics));
    threads.map_err(|error| CommandError::Other(format!("cannot start a thread: {error}")))?;
    service::run(&service)?;
    tracing::info!("stopped");
    Ok(())
}

/// Takes the files that others drop, where this process reads feeds.
fn imports(service: &Service, arguments: &RunArguments, prepared: Vec<Prepared>) -> Result<(), CommandError> {
    let config = &service.config;
    if !config.roles.intake {
        return Ok(());
    }
    let delivery = match &config.kafka.bootstrap {
        None => Delivery::Followed(config.state.join("feeds.json")),
        Some(bootstrap) => Delivery::Kafka(Box::new(KafkaArguments {
            config: arguments.settings.config.clone(),
            bootstrap: Some(bootstrap.clone()),
            prefix: Some(config.kafka.prefix.clone()),
            settings: Vec::new(),
        })),
    };
    drops::begin(prepared, delivery, service.stop.clone())
}

/// Reads and checks all that the service needs.
fn prepared(config: Config, wishes: Wishes) -> Result<Service, CommandError> {
    if wishes.stdin.is_some() && config.is_on_kafka() {
        let message = "--stdin works without Kafka only: unset FUMA_BOOTSTRAP, or bring the records to Kafka with \
                       `fuma send FEED -`";
        return Err(CommandError::Input(message.to_owned()));
    }
    if let Some(why) = service::snapshots::refusal(&config) {
        return Err(CommandError::Input(why));
    }
    let (pack, named) = pack::chosen(&config)?;
    let pack_hash = pack.short_digest().to_owned();
    let intake = inputs::intake_settings(&config, &pack)?.into();
    state::make(&config.state)?;
    let process = names::process(config.kafka.instance.as_deref());
    Ok(Service {
        config,
        pack,
        pack_hash,
        named,
        intake,
        wishes,
        stop: Stop::default(),
        health: Health::new(),
        process,
        http: None,
        partitions: Partitions::default(),
        words: Words::default(),
        places: Places::default(),
        asked: None,
        belongs: None,
        decisions: None,
        schedule: Schedule::default(),
        counts: Default::default(),
    })
}

/// Answers about people, if anybody may ask.
fn api(service: &mut Service) -> Result<Option<Api>, CommandError> {
    let http = &service.config.http;
    let clients = Clients::load(&http.clients, http.open_on_loopback);
    let clients = clients.map_err(|error| CommandError::Input(error.to_string()))?;
    if clients.is_empty() || matches!(http.listen, Listen::Off) {
        return Ok(None);
    }
    let (answers, audit) = (Answers::default(), Audit::default());
    answers.subscriptions().limit(http.streams_max);
    service.asked = Some((answers.clone(), audit.clone()));
    Ok(Some(Api::new(answers, service.partitions.clone(), clients, (audit, service.intake.key.clone()))))
}

/// The HTTP port, if one is wanted. One that is in use is an error: whoever scrapes it would see another process.
fn http(service: &Service, api: Option<Api>, metrics: &Metrics) -> Result<Option<Server>, HttpError> {
    let Listen::At(address) = service.config.http.listen else { return Ok(None) };
    let shown = Shown::new(metrics.clone(), service.health.clone(), service.partitions.clone());
    let connections_max = service.config.http.connections_max;
    let server = Server::start(address, Shown { api, connections_max, ..shown })?;
    tracing::info!(address = %server.address(), "metrics and probes");
    if service.asked.is_some() && !address.ip().is_loopback() {
        tracing::warn!("people are answered about beyond this machine without TLS: put a proxy with TLS in front");
    }
    Ok(Some(server))
}

/// Says what is served, and loudly what is open.
fn say(service: &Service) {
    let Service { config, pack, .. } = service;
    let log = config.kafka.bootstrap.as_deref().unwrap_or("the state folder");
    let (group, state, workers) = (&config.group, config.state.display(), config.workers);
    let (version, engine) = (env!("CARGO_PKG_VERSION"), service::policies::ENGINE);
    tracing::info!(version, policy = %pack.id, log, group, %state, workers, "starting");
    metrics::gauge!(metric::BUILD, "version" => version, "engine" => engine).set(1.0);
    let labels =
        [("id", pack.id.to_string()), ("version", pack.version.to_string()), ("digest", service.pack_hash.clone())];
    metrics::gauge!(metric::POLICY, &labels).set(1.0);
    let open = config.open_feeds();
    // Without a list no listing is accepted: that feed is closed, not open.
    let is_open = |feed: &&Feed| **feed != Feed::Listings;
    let feeds: Vec<&str> = open.iter().filter(is_open).map(|feed| feed.name()).collect();
    for feed in Feed::ALL {
        let is_open = feeds.contains(&feed.name());
        metrics::gauge!(metric::OPEN_FEEDS, "feed" => feed.name()).set(f64::from(u8::from(is_open)));
    }
    if !feeds.is_empty() {
        let feeds = feeds.join(" ");
        tracing::warn!(
            feeds,
            "no allow-list of owners: records from any owner are accepted (list owners under [feeds], or with --owners)"
        );
    }
    if open.contains(&Feed::Listings) {
        tracing::warn!(
            "no allow-list of owners of listings: every listing is rejected (list them under [feeds], or with --owners)"
        );
    }
}

fn feed(name: &str) -> Result<Feed, String> {
    let known = || Feed::ALL.map(Feed::name).join(", ");
    Feed::parse(name).ok_or_else(|| format!("give one of {}", known()))
}
