//! `fuma run`: the service. Reads the configuration, opens the HTTP port, listens for signals, and serves.
//!
//! Owns the arguments and the order of the start: what can be wrong is found out before anything is begun.

mod inputs;
mod logging;
mod shutdown;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::Args;
use fuma_schemas::Feed;
use toml::Value;

use super::{CommandError, input};
use crate::config::{self, Config, Flag, Listen, Settings};
use crate::http::{Health, HttpError, Metrics, Server};
use crate::live::service::policies::pack_hash;
use crate::live::service::{self, Service, Wishes};
use crate::live::stop::Stop;
use crate::policy::PackSource;

/// The variable with the name of the configuration file.
pub const CONFIG_VARIABLE: &str = "FUMA_CONFIG";

/// Where metrics and probes are unless somebody says otherwise, as in `fuma.toml`.
const DEFAULT_ADDRESS: &str = "127.0.0.1:9464";

/// The arguments of `fuma run`.
#[derive(Args, Clone, Debug, Default)]
pub struct RunArguments {
    #[command(flatten)]
    settings: SettingArguments,
    /// Make the topics that are missing
    #[arg(long)]
    create_topics: bool,
    /// Without Kafka: read records of this feed from standard input
    #[arg(long, value_name = "FEED", value_parser = feed, conflicts_with = "bootstrap")]
    stdin: Option<Feed>,
    /// Go on although announced states differ from the evidence: an operator has looked
    #[arg(long)]
    accept_differences: bool,
    /// Go on committing although the last commits ran ahead of the broker's clock
    #[arg(long)]
    accept_clock_ahead: bool,
    /// Put the pack in force again although a later one is
    #[arg(long)]
    reinstate_policy: bool,
}

/// The arguments that stand for a setting; they win over the environment and the file.
#[derive(Args, Clone, Debug, Default)]
pub struct SettingArguments {
    /// The configuration file; without it FUMA_CONFIG, without that the defaults (`fuma config print --default`)
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The policy pack: an id of this binary (`fuma policy list`) or a folder (FUMA_POLICY)
    #[arg(long, value_name = "PACK")]
    policy: Option<String>,
    /// The file with the key of the person tokens, 64 hex digits; wins over FUMA_KEY
    #[arg(long, value_name = "FILE")]
    key_file: Option<String>,
    /// Where this process keeps its own files (FUMA_STATE)
    #[arg(long, value_name = "DIR")]
    state: Option<String>,
    /// Whom it shares the work with (FUMA_GROUP)
    #[arg(long, value_name = "NAME")]
    group: Option<String>,
    /// Kafka's brokers, host:port with commas between them (FUMA_BOOTSTRAP); without them a log in the state folder
    #[arg(long, value_name = "HOST:PORT")]
    bootstrap: Option<String>,
    /// Partitions of the evidence and the changes
    #[arg(long, value_name = "N")]
    partitions: Option<u32>,
    /// Threads that judge; 0 = one a core
    #[arg(long, value_name = "N")]
    workers: Option<u32>,
    /// What this process does: intake, trace, assess, with commas between them
    #[arg(long, value_name = "ROLES", value_delimiter = ',')]
    roles: Vec<String>,
    /// Where metrics and probes are: address:port (port 0: any free one), or off
    #[arg(long, value_name = "ADDRESS")]
    http: Option<String>,
    /// Without Kafka: a folder of feed files to follow; may be given several times
    #[arg(long, value_name = "DIR", conflicts_with = "bootstrap")]
    watch: Vec<String>,
    /// A file with the owners that are accepted in every feed, one a line
    #[arg(long, value_name = "FILE")]
    owners: Option<String>,
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
        let given: [(&'static str, &'static [&'static str], Option<Value>); 11] = [
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
pub fn run(arguments: &RunArguments) -> Result<(), CommandError> {
    let (config, _) = arguments.settings.load()?;
    logging::begin(&config.log);
    let wishes = Wishes {
        create_topics: arguments.create_topics,
        accept_differences: arguments.accept_differences,
        accept_clock_ahead: arguments.accept_clock_ahead,
        reinstate_policy: arguments.reinstate_policy,
        stdin: arguments.stdin,
    };
    let service = prepared(config, wishes)?;
    shutdown::listen(service.stop.clone(), service.health.clone(), service.config.shutdown.deadline)
        .map_err(|error| CommandError::Other(format!("signals cannot be listened for: {error}")))?;
    let _server = http(&service)?;
    say(&service);
    service::run(&service)?;
    tracing::info!("stopped");
    Ok(())
}

/// Reads and checks all that the service needs.
fn prepared(config: Config, wishes: Wishes) -> Result<Service, CommandError> {
    let policy = config.policy.as_deref().ok_or(CommandError::NoPolicy)?;
    if wishes.stdin.is_some() && config.is_on_kafka() {
        let message = "--stdin is read without Kafka only: leave FUMA_BOOTSTRAP away, or bring the records to Kafka \
                       with `fuma send`";
        return Err(CommandError::Input(message.to_owned()));
    }
    let pack = input::load_pack(policy)?;
    let pack_hash = pack_hash(&PackSource::find(policy)?);
    let intake = inputs::intake_settings(&config, &pack)?.into();
    make_state(&config.state)?;
    Ok(Service { config, pack, pack_hash, intake, wishes, stop: Stop::default(), health: Health::new() })
}

/// Makes the state folder, for its owner alone: it holds tokens and colours.
fn make_state(path: &Path) -> Result<(), CommandError> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(|source| CommandError::Write { path: path.to_owned(), source })
}

/// The HTTP port, if one is wanted. Without it nothing is recorded either.
fn http(service: &Service) -> Result<Option<Server>, HttpError> {
    let Listen::At(address) = service.config.http.listen else { return Ok(None) };
    let metrics = Metrics::install()?;
    let server = match Server::start(address, metrics.clone(), service.health.clone()) {
        // Nobody asked for this port: the second process on a machine takes another.
        Err(HttpError::Bind { source, .. })
            if address.to_string() == DEFAULT_ADDRESS && source.kind() == std::io::ErrorKind::AddrInUse =>
        {
            tracing::warn!(%address, "the HTTP port is in use, so a free one is taken: see --http");
            Server::start(SocketAddr::new(address.ip(), 0), metrics, service.health.clone())?
        }
        other => other?,
    };
    tracing::info!(address = %server.address(), "metrics and probes");
    Ok(Some(server))
}

/// Says what is served, and loudly what is open.
fn say(service: &Service) {
    let Service { config, pack, .. } = service;
    let log = config.kafka.bootstrap.as_deref().unwrap_or("the state folder");
    let (group, state, workers) = (&config.group, config.state.display(), config.workers);
    tracing::info!(policy = %pack.id, log, group, %state, workers, "starting");
    let open = config.open_feeds();
    for feed in &open {
        metrics::gauge!(crate::live::metric::OPEN_FEEDS, "feed" => feed.name()).set(1.0);
    }
    let everybodys: Vec<&str> = open.iter().filter(|feed| **feed != Feed::Listings).map(|feed| feed.name()).collect();
    if !everybodys.is_empty() {
        let feeds = everybodys.join(" ");
        tracing::warn!(
            feeds,
            "no owners are listed: everybody's records are accepted (list them under [feeds], or --owners)"
        );
    }
    if open.contains(&Feed::Listings) {
        tracing::warn!(
            "no owners of listings are listed: every listing is rejected (list them under [feeds], or --owners)"
        );
    }
}

fn feed(name: &str) -> Result<Feed, String> {
    let known = || Feed::ALL.map(Feed::name).join(", ");
    Feed::parse(name).ok_or_else(|| format!("give one of {}", known()))
}
