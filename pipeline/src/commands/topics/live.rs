//! The commands on a broker: what is asked of it, and what is printed.
//!
//! Owns the texts. What may be made, and what an installation is, says `live::decisions`.

use std::process::ExitCode;
use std::sync::Arc;

use fuma_connectors::kafka::KafkaLog;
use fuma_connectors::kafka::admin::{Admin, Difference, Layout};
use fuma_connectors::log::{Log, Topic, Topics};
use toml::Value;

use super::{AdoptArguments, CheckArguments, CreateArguments, TopicsCommand};
use crate::commands::kafka::KafkaArguments;
use crate::commands::screen::Screen;
use crate::commands::{CommandError, FAILED, input};
use crate::config::Config;
use crate::live::decisions::{AdoptError, DecisionLog, FoundError, Own, adopt, to_create};
use crate::live::record::Fingerprint;
use crate::live::service::open;
use crate::live::worker::clock::{SystemWall, Wall as _};

pub(super) fn run(command: &TopicsCommand, screen: &Screen) -> Result<ExitCode, CommandError> {
    let (text, code) = match command {
        TopicsCommand::Create(arguments) => create(arguments)?,
        TopicsCommand::Check(arguments) => check(arguments)?,
        TopicsCommand::Adopt(arguments) => (adopted(arguments)?, ExitCode::SUCCESS),
    };
    screen.print(&text)?;
    Ok(code)
}

/// The log as the stages see it, by the configuration and the settings of the command line.
fn log(arguments: &KafkaArguments, config: &Config) -> Result<KafkaLog, CommandError> {
    let mut settings = open::kafka_settings(config, config.kafka.bootstrap.as_deref().unwrap_or_default());
    settings.client.extend(arguments.settings.iter().map(|one| (one.name.clone(), one.value.clone())));
    settings.check()?;
    Ok(KafkaLog::connect(settings)?)
}

fn create(arguments: &CreateArguments) -> Result<(String, ExitCode), CommandError> {
    let config = arguments.kafka.configuration()?;
    let configured = &config.kafka;
    let admin = Admin::new(&arguments.kafka.connection_of(configured)?)?;
    // What is added beside evidence that is there has as many as it.
    let partitions = match arguments.partitions.or(configured.partitions_expected()) {
        Some(partitions) => partitions,
        None => admin.partitions(Topic::Evidence)?.unwrap_or(configured.partitions_new()),
    };
    let replication_factor = arguments.replication_factor.or(configured.replication_factor_new());
    let layout = Layout { partitions, replication_factor };
    let again = again(&arguments.again, &configured.prefix)?;
    let mut created = admin.create(layout, &again)?.created;
    let created_again = created.len();
    let creation = admin.create(layout, &to_create(&log(&arguments.kafka, &config)?, &configured.prefix)?)?;
    created.extend(creation.created);
    let existed = creation.existed.len() - created_again;
    let mut text: String = created.iter().map(|name| format!("created {name}\n")).collect();
    text.push_str(&format!("created {} topics; {existed} existed already\n", created.len()));
    let differences = if existed > 0 { admin.check(Some(partitions))? } else { Vec::new() };
    if !differences.is_empty() {
        text.push_str("existing topics were not changed, but these settings differ:\n");
        text.push_str(&table(&differences));
    }
    Ok((text, ExitCode::SUCCESS))
}

/// The topics that are made again at somebody's word.
fn again(names: &[String], prefix: &str) -> Result<Vec<Topic>, CommandError> {
    let all = Topics::all();
    let of = |name: &String| {
        let topic = all.iter().copied().find(|topic| topic.name(prefix) == name.trim());
        match topic {
            Some(topic) if !topic.holds_state() => Ok(topic),
            Some(_) => Err(CommandError::Input(format!(
                "{name} is never created again: colours hang on what it held. If it is lost, start a new installation: \
                 another prefix and another group, `fuma topics create`, and send the feeds again"
            ))),
            None => Err(CommandError::Input(format!("{name} is no topic of fuma with the prefix {prefix}"))),
        }
    };
    names.iter().map(of).collect()
}

fn check(arguments: &CheckArguments) -> Result<(String, ExitCode), CommandError> {
    let config = arguments.kafka.configuration()?;
    let differences = Admin::new(&arguments.kafka.connection_of(&config.kafka)?)?.check(arguments.partitions)?;
    let (recorded, differs) = recorded(&arguments.kafka, &config)?;
    if differences.is_empty() {
        let code = if differs { ExitCode::from(FAILED) } else { ExitCode::SUCCESS };
        return Ok((format!("all topics exist and have the required settings\n{recorded}"), code));
    }
    let mut text = table(&differences);
    if differences.iter().any(|difference| difference.setting == "topic") && !differs {
        text.push_str("\nTo create what is missing: fuma topics create\n");
    }
    text.push_str(&recorded);
    Ok((text, ExitCode::from(FAILED)))
}

/// What the record of the installation says of the topics, and whether it says that they are others.
fn recorded(arguments: &KafkaArguments, config: &Config) -> Result<(String, bool), CommandError> {
    let log = log(arguments, config)?;
    let topics = log.topics()?;
    if !topics.iter().any(|topic| topic.topic == Topic::Decisions) {
        return Ok((String::new(), false));
    }
    let decisions = match DecisionLog::open(&log) {
        Ok(decisions) => decisions,
        Err(error) => return Ok((format!("\n{error}\n"), true)),
    };
    let Some(installation) = decisions.installation() else {
        return Ok(("no installation is recorded yet: the first start records it\n".to_owned(), false));
    };
    // Neither group nor key are asked of this command.
    let own = Own { names: None, key: Fingerprint::default() };
    let id = installation.id;
    match installation.accepts(&own.look(&log)?) {
        Ok(()) => Ok((format!("they are those of installation {id}, as recorded\n"), false)),
        Err(error) => Ok((format!("\n{error}\n"), true)),
    }
}

fn adopted(arguments: &AdoptArguments) -> Result<String, CommandError> {
    let text = |value: &Option<String>| value.clone().map(Value::String);
    let config = arguments.kafka.configuration_with([
        ("--key-file", &["key_file"][..], text(&arguments.key_file)),
        ("--group", &["group"], text(&arguments.group)),
        ("--state", &["state"], text(&arguments.state)),
    ])?;
    let key = Fingerprint(input::key(config.key_file.as_deref())?.fingerprint());
    let log: Arc<dyn Log> = match config.kafka.bootstrap {
        Some(_) => {
            arguments.kafka.connection_of(&config.kafka)?;
            Arc::new(log(&arguments.kafka, &config)?)
        }
        None => open::folder(&config, None, key)?,
    };
    let names = config.is_on_kafka().then(|| (config.kafka.prefix.clone(), config.group.clone()));
    let adopted = adopt(log.as_ref(), &Own { names, key }, SystemWall::default().now().0).map_err(of_adopt)?;
    let id = adopted.installation.id;
    if adopted.was_recorded {
        return Ok(format!("installation {id} is recorded already, and is what is there\n"));
    }
    let mut text = format!(
        "recorded installation {id}: prefix {}, group {}, {} partitions, key {}\n",
        adopted.installation.prefix,
        adopted.installation.group,
        adopted.installation.partitions,
        adopted.installation.key
    );
    if !adopted.without_position.is_empty() {
        text.push_str(&format!(
            "no position of the group is known for partitions {:?}: the next start compares what was announced with \
             the evidence, and refuses where people would lose their colour without any\n",
            adopted.without_position
        ));
    }
    Ok(text)
}

fn of_adopt(error: AdoptError) -> CommandError {
    let text = error.to_string();
    match error {
        AdoptError::Found(FoundError::Log(error)) => CommandError::Log(error),
        _ => CommandError::Said { text, exit_code: crate::commands::REFUSED },
    }
}

fn table(differences: &[Difference]) -> String {
    let heading = ["topic", "setting", "expected", "found"].map(str::to_owned);
    let of = |line: &Difference| [line.topic.clone(), line.setting.clone(), line.expected.clone(), line.found.clone()];
    let lines: Vec<[String; 4]> = std::iter::once(heading).chain(differences.iter().map(of)).collect();
    let width = |column: usize| {
        lines.iter().filter_map(|line| line.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let (topic, setting, expected) = (width(0), width(1), width(2));
    let text = |[a, b, c, d]: &[String; 4]| format!("{a:topic$}  {b:setting$}  {c:expected$}  {d}\n");
    lines.iter().map(text).collect()
}
