//! Precedence, places, refusals, masks; the default file is in step with the code.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeSet;

use fuma_schemas::Kind;
use toml::Value;

use super::*;

fn load(text: &str, variables: &[(&str, &str)], flags: Vec<Flag>) -> Result<(Config, Settings), String> {
    let environment: Vec<_> = variables.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
    let layers = Layers { file: Some((Path::new("fuma.toml"), text)), environment: &environment, flags };
    Config::of_layers(layers).map_err(|error| error.to_string())
}

fn flag(name: &'static str, setting: &'static [&'static str], value: &str) -> Flag {
    Flag { name, setting, value: Value::String(value.to_owned()) }
}

/// What is wrong with a file, one a line, without the heading.
fn wrong(text: &str) -> String {
    let message = load(text, &[], vec![]).expect_err(text);
    message.strip_prefix("the configuration is unusable:\n  ").expect(&message).to_owned()
}

#[test]
fn flags_win_over_environment_over_file_over_defaults() {
    let text = "group = 'of-file'\nstate = '/file'\nworkers = 3\n[log]\nlevel = 'debug'\n";
    let variables = [("FUMA_STATE", "/variable"), ("FUMA__WORKERS", "4"), ("FUMA_GROUP", ""), ("HOME", "/home")];
    let flags = vec![flag("--state", &["state"], "/flag")];
    let (config, settings) = load(text, &variables, flags).unwrap();
    assert_eq!(config.group, "of-file", "an empty variable is none");
    assert_eq!(config.state, PathBuf::from("/flag"));
    assert_eq!(config.workers, 4);
    assert_eq!(config.log.level, Level::Debug);
    assert_eq!(config.commit.page, 16_384);
    let printed = settings.printed();
    let origin = |name: &str| {
        let line = printed.lines().find(|line| line.starts_with(&format!("{name} ="))).expect(&printed);
        line.rsplit_once("# ").unwrap().1.to_owned()
    };
    assert_eq!((origin("state"), origin("workers")), ("--state".into(), "FUMA__WORKERS".into()));
    assert_eq!((origin("group"), origin("level")), ("fuma.toml:1".into(), "fuma.toml:5".into()));
    assert_eq!(origin("page"), "default");
}

#[test]
fn variables_reach_every_kind_of_setting() {
    let variables = [
        ("FUMA_BOOTSTRAP", "a:9092,b:9092"),
        ("FUMA__KAFKA__BOOTSTRAP", "c:9092"),
        ("FUMA_POLICY", "zhejiang-2020-109"),
        ("FUMA_LOG", "warn"),
        ("FUMA__KAFKA__CLIENT__SASL_PASSWORD", "123"),
        ("FUMA__KAFKA__PREFIX", "7."),
        ("FUMA__FEEDS__EXTERNAL_CODES__OWNERS", "gd-440000, gx-450000"),
        ("FUMA__FEEDS__CASES__OWNERS", "['hc-330100']"),
        ("FUMA__FEEDS__CASES__RETENTION", "60d"),
        ("FUMA__ROLES", "intake,assess"),
        ("FUMA__COMMIT__LIVE", "5ms"),
    ];
    let (config, _) = load("", &variables, vec![]).unwrap();
    assert_eq!(config.kafka.bootstrap.as_deref(), Some("a:9092,b:9092"), "the short name wins");
    assert_eq!(config.policy.as_deref(), Some("zhejiang-2020-109"));
    assert_eq!(config.log.level, Level::Warn);
    assert_eq!(config.kafka.client.iter().collect::<Vec<_>>(), [("sasl.password", "123")]);
    assert_eq!(config.kafka.prefix, "7.");
    assert_eq!(config.feeds[&Feed::ExternalCodes].owners.as_ref().unwrap(), &["gd-440000", "gx-450000"]);
    assert_eq!(config.feeds[&Feed::Cases].retention, Some(Duration::from_hours(60 * 24)));
    assert_eq!(config.roles, Roles { intake: true, trace: false, assess: true });
    assert_eq!(config.commit.live, Duration::from_millis(5));
    assert_eq!(config.open_feeds().len(), Feed::ALL.len() - 2);
}

#[test]
fn what_is_wrong_is_said_with_file_line_and_what_to_do() {
    let unknown = wrong("group = 'a'\n\npolcy = 'x'\n");
    assert!(unknown.starts_with("fuma.toml:3: polcy: unknown field `polcy`, expected one of `policy`"), "{unknown}");
    let unknown = wrong("[commit]\npage = 5\nlinger = '1ms'\n");
    assert!(unknown.starts_with("fuma.toml:3: commit.linger: unknown field `linger`, expected"), "{unknown}");
    assert!(
        wrong("[comit]\n").starts_with("fuma.toml:1: comit: there is no such section"),
        "an empty section that is unknown"
    );
    assert!(wrong("[feeds.case]\nowners = []\n").starts_with("fuma.toml:2: feeds.case.owners: no feed is named case"));
    let type_of = wrong("workers = 'many'\n");
    assert!(type_of.starts_with("fuma.toml:1: workers: invalid type: string"), "{type_of}");
    assert!(wrong("\n[commit]\nlive = 10\n").starts_with("fuma.toml:3: commit.live: invalid type: integer"));
    assert!(wrong("[commit]\nlive = '10'\n").contains("commit.live: give a positive number and ms, s, m, h or d"));
    assert_eq!(wrong("[commit]\nlive = '30ms'\n"), "fuma.toml:2: commit.live: must be 5ms to 20ms");
    assert!(wrong("[http]\nlisten = '9464'\n").starts_with("fuma.toml:2: http.listen: give an address and a port"));
    assert!(wrong("roles = ['intake', 'judge']\n").starts_with("fuma.toml:1: roles: unknown variant `judge`"));
    assert!(wrong("kafka = 3\n").starts_with("fuma.toml:1: kafka: is a section, not a value"));
    assert!(wrong("group.name = 'x'\n").starts_with("fuma.toml:1: group.name: is part of a setting that is a value"));
    assert!(wrong("a = 1\n= 2\n").starts_with("fuma.toml:2: "), "a file that is no TOML");
    assert!(wrong("group = 'a'\ngroup = 'b'\n").starts_with("fuma.toml:2: duplicate key"));
}

#[test]
fn everything_out_of_range_is_said_at_once() {
    let text = "workers = 5000\nintake_threads = 0\n[snapshots]\nkeep = 1\n[feeds]\ncases.owners = ['HC']\n";
    let lines: Vec<String> = wrong(text).lines().map(|line| line.trim().to_owned()).collect();
    assert_eq!(
        lines,
        [
            "fuma.toml:1: workers: must be 0 to 1024",
            "fuma.toml:2: intake_threads: must be 1 to 256",
            "fuma.toml:4: snapshots.keep: must be 2 to 1000",
            "fuma.toml:6: feeds.cases.owners: an owner is 1 to 64 of a-z, 0-9 and '-'",
        ]
    );
}

#[test]
fn what_does_not_go_together_is_refused() {
    let both = wrong("owners_file = 'o'\n[feeds]\ncases.owners = ['hc']\n");
    assert!(both.starts_with("fuma.toml:3: feeds.cases.owners: is given beside owners_file"), "{both}");
    let watched = wrong("[kafka]\nbootstrap = 'a:1'\n[watch]\nfolders = ['in']\n");
    assert!(watched.starts_with("fuma.toml:4: watch.folders: folders are followed without Kafka only"), "{watched}");
    assert!(wrong("roles = ['intake']\n").starts_with("fuma.toml:1: roles: without Kafka one process does everything"));
    for name in ["enable.auto.commit", "isolation.level", "transactional.id", "enable.idempotence", "group.id"] {
        let guarded = wrong(&format!("[kafka.consumer]\n\"{name}\" = \"x\"\n"));
        assert!(guarded.starts_with(&format!("fuma.toml:2: kafka.consumer.{name}: is fuma's own")), "{guarded}");
    }
}

#[test]
fn the_key_is_in_no_file() {
    let key = "5a".repeat(32);
    let refused = wrong(&format!("key = '{key}'\n"));
    assert!(
        refused.starts_with("fuma.toml:1: key: the key of the person tokens does not belong in this file"),
        "{refused}"
    );
    assert!(refused.contains("key_file") && refused.contains("FUMA_KEY") && !refused.contains(&key), "{refused}");
    let (_, settings) = load("", &[("FUMA_KEY", &key)], vec![]).unwrap();
    assert!(!settings.printed().contains(&key));
}

#[test]
fn secrets_are_masked_and_the_rest_can_be_read_again() {
    let text = "key_file = '/run/key'\n[kafka]\nbootstrap = 'a:1'\n[kafka.client]\nsasl.username = 'fuma'\n\
                'sasl.password' = 'hunter2'\n'sasl.jaas.config' = 'hunter3'\n'ssl.key.pem' = 'hunter4'\n\
                'ssl.key.location' = '/etc/key.pem'\n'sasl.oauthbearer.client.secret' = 'hunter5'\n\
                'log_level' = 5\n'enable.ssl.certificate.verification' = true\n\
                [snapshots]\nurl = 's3://me:hunter6@host/bucket'\n";
    let (config, settings) = load(text, &[("FUMA__KAFKA__PRODUCER__SSL_KEY_PASSWORD", "hunter7")], vec![]).unwrap();
    let printed = settings.printed();
    assert!(!printed.contains("hunter"), "{printed}");
    assert_eq!(printed.matches("***").count(), 6, "{printed}");
    assert!(printed.contains("key_file = \"/run/key\"") && printed.contains("\"ssl.key.location\" = \"/etc/key.pem\""));
    assert!(printed.contains("s3://***@host/bucket"), "{printed}");
    let (again, _) = load(&printed, &[], vec![]).expect(&printed);
    assert_eq!(again.commit.backlog, config.commit.backlog);
    let shown = format!("{config:?}");
    assert!(!shown.contains("hunter2") && shown.contains("sasl.password"), "{shown}");
    let client: BTreeMap<_, _> = config.kafka.client.iter().collect();
    assert_eq!(client["sasl.username"], "fuma");
    assert_eq!((client["log_level"], client["enable.ssl.certificate.verification"]), ("5", "true"));
}

/// Every name that a setting may have: those that serde names when it knows one better.
fn names_of(section: &str) -> BTreeSet<String> {
    let unknown =
        if section.is_empty() { "no_such_name = 1\n".into() } else { format!("{section}.no_such_name = 1\n") };
    let message = wrong(&unknown);
    let known = message.split_once("expected ").expect(&message).1;
    known.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

#[test]
fn the_default_file_has_every_setting_and_no_other() {
    // With every example in force it is a good configuration: what is commented out has no default.
    let uncommented: Vec<String> = DEFAULT_FILE
        .lines()
        .map(|line| match line.strip_prefix("# ") {
            // A setting, not a sentence with a sign in it.
            Some(rest) if rest.split_once(" = ").is_some_and(|(name, _)| !name.contains(' ')) => rest.to_owned(),
            _ => line.to_owned(),
        })
        .filter(|line| !line.starts_with("owners_file"))
        .collect();
    let uncommented = uncommented.join("\n");
    let (config, _) = load(&uncommented, &[], vec![]).expect(&uncommented);
    assert!(config.kafka.instance.is_some() && config.key_file.is_some() && config.snapshots.url.is_some());
    let sections =
        ["kafka", "evidence", "commit", "snapshots", "http", "log", "guard", "watch", "shutdown", "feeds.cases"];
    for section in [""].into_iter().chain(sections) {
        for name in names_of(section) {
            let as_section = format!("[{name}]");
            let as_setting = |line: &str| line.trim_start_matches("# ").starts_with(&format!("{name} = "));
            let as_feed = |line: &str| section == "feeds.cases" && line.contains(&format!("cases.{name} = "));
            let of_each_kind = DEFAULT_FILE.lines().any(|line| line.starts_with(&format!("{name}.")));
            let passed_through = section == "kafka" && DEFAULT_FILE.contains(&format!("[kafka.{name}]"));
            let found = DEFAULT_FILE.lines().any(|line| line == as_section || as_setting(line) || as_feed(line));
            assert!(found || passed_through || of_each_kind, "the default file says nothing of {section}.{name}");
        }
    }
}

#[test]
fn the_default_file_is_a_configuration_that_changes_nothing() {
    let (_, settings) = load(DEFAULT_FILE, &[], vec![]).unwrap();
    let without_origin =
        |text: String| text.lines().map(|line| line.split(" # ").next().unwrap().trim().to_owned()).collect::<Vec<_>>();
    let defaults = Settings::defaults().unwrap();
    assert_eq!(without_origin(settings.printed()), without_origin(defaults.printed()));
    let config = Config::of(&defaults).unwrap();
    assert_eq!((config.kafka.partitions_expected(), config.kafka.partitions_new()), (None, 8));
    assert!(DEFAULT_FILE.contains(&format!("and {PARTITIONS_NEW} where they are made")));
    assert!(config.workers > 0 && config.policy.is_none() && !config.is_on_kafka());
    assert_eq!(config.http.listen, Listen::At("127.0.0.1:9464".parse().unwrap()));
    assert_eq!(config.snapshots_url(), "./fuma-state/snapshots");
}

/// How much one person may have can be set live as in a replay: the defaults are the same, and a kind is known or
/// named.
#[test]
fn how_many_facts_one_person_may_have() {
    let config = Config::of(&Settings::defaults().unwrap()).unwrap();
    assert_eq!(config.evidence.facts_max, Limits::default());
    for kind in Kind::PERSONAL {
        assert!(DEFAULT_FILE.contains(&format!("\nfacts_max.{} = ", kind.name())), "{}", kind.name());
    }
    let text = "[evidence]\nfacts_max.tests = 7\nfacts_max.stays = 0\n";
    let (config, _) = load(text, &[("FUMA__EVIDENCE__FACTS_MAX__CASES", "9")], vec![]).unwrap();
    let of = |kind| config.evidence.facts_max.of(kind);
    assert_eq!((of(Kind::Tests), of(Kind::Stays), of(Kind::Cases)), (7, Limits::NONE, 9));
    assert_eq!(of(Kind::Contacts), 500);
    let unknown = wrong("[evidence]\nfacts_max.test = 7\n");
    assert!(
        unknown.starts_with("fuma.toml:2: evidence.facts_max.test: no kind of facts is named test; kinds are cases"),
        "{unknown}"
    );
    assert!(wrong("[evidence]\nfacts_max.tests = -1\n").starts_with("fuma.toml:2: evidence.facts_max.tests: "));
    assert!(wrong("[evidence]\nfacts_max.tests = '7'\n").contains("invalid type: string"));
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let error = Config::load(Some(Path::new("/no/such.toml")), &[], vec![]).unwrap_err().to_string();
    assert!(error.starts_with("/no/such.toml: the configuration cannot be read"), "{error}");
}

/// Settings that are read through a method, or where their section is called `config`.
const READ_BY: &[(&str, &str)] = &[
    ("kafka.partitions", "partitions_expected"),
    ("kafka.replication_factor", "replication_factor_new"),
    ("log.format", "config.format"),
    ("log.level", "config.level"),
    ("snapshots.url", "snapshots_url"),
];

/// Settings that nothing reads yet; the list only shrinks.
const UNREAD_YET: &[&str] = &[];

/// The fields of a struct of `config/mod.rs`.
fn fields_of<'a>(code: &'a str, name: &str) -> Vec<(&'a str, &'a str)> {
    let body = code.split_once(&format!("pub struct {name} {{")).expect(name).1;
    let body = body.split_once("\n}").unwrap().0;
    body.lines().filter_map(|line| line.trim().strip_prefix("pub ")?.trim_end_matches(',').split_once(": ")).collect()
}

fn code_of(folder: &Path, code: &mut String) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let is_of_others =
            path.file_name().is_none_or(|name| name != "config" && name != "tests" && name != "tests.rs");
        if path.is_dir() && is_of_others {
            code_of(&path, code);
        } else if path.is_file() && is_of_others {
            code.push_str(&std::fs::read_to_string(&path).unwrap_or_default());
        }
    }
}

/// A setting that nothing reads is a promise that nobody keeps.
#[test]
fn every_setting_is_read_outside_of_the_configuration() {
    let declared = include_str!("mod.rs");
    let mut code = String::new();
    code_of(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut code);
    let mut unread = Vec::new();
    for (section, kind) in fields_of(declared, "Config") {
        let settings = match kind.strip_suffix("Config") {
            Some(_) => fields_of(declared, kind).into_iter().map(|(name, _)| format!("{section}.{name}")).collect(),
            None => vec![format!("config.{section}")],
        };
        for setting in settings {
            let by = READ_BY.iter().find(|(name, _)| *name == setting).map_or(setting.as_str(), |(_, method)| method);
            let is_word = |letter: char| letter.is_alphanumeric() || letter == '_';
            let is_read = code.match_indices(by).any(|(at, _)| !code[at + by.len()..].starts_with(is_word));
            if !is_read && !UNREAD_YET.contains(&setting.as_str()) {
                unread.push(setting);
            }
        }
    }
    assert!(unread.is_empty(), "nothing reads {unread:?}");
}
