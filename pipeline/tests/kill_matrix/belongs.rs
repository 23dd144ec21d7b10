//! What is there is other than it was: a start says what, with both values, and nothing is announced. The test then
//! does what the message says, and the service goes on.

use std::process::{Command, Stdio};
use std::sync::Arc;

use crate::announced::Announced;
use crate::broker::Broker;
use crate::feeds::{KEY, feeds};
use crate::installation::{Installation, PARTITIONS, Process, ZHEJIANG, refused};
use crate::surroundings::tool;

/// Half of the feeds is judged, and the process ended.
struct Case {
    broker: Arc<Broker>,
    installation: Installation,
    announced: Announced,
}

impl Case {
    fn new() -> Case {
        let broker = Broker::shared();
        let installation = Installation::new(broker.bootstrap());
        let mut case = Case { announced: installation.announced(), installation, broker };
        case.goes_on(false);
        case
    }

    /// A process starts, and all that was sent is announced as it should be.
    fn goes_on(&mut self, all: bool) {
        let process = self.installation.start("one", ZHEJIANG, None);
        let [first, second] = feeds().halves();
        self.installation.send(&[if all { &second } else { &first }], "100000").finish();
        let settled = self.announced.settle(&|| feeds().expected(ZHEJIANG, all));
        assert!(settled.is_ok() && process.end(), "{settled:?}\n{}", self.installation.logs());
    }

    fn topic(&self, name: &str) -> String {
        format!("{}{name}", self.installation.prefix)
    }

    fn delete(&self, name: &str) {
        tool(&self.broker, &["topics", "--delete", "--topic", &self.topic(name)]);
    }

    fn create(&self, name: &str, partitions: &str) {
        let name = self.topic(name);
        tool(&self.broker, &["topics", "--create", "--topic", &name, "--partitions", partitions]);
    }

    /// What a command says that must not succeed; every start says the same while nothing is changed.
    fn refusal(&self, command: Command) -> String {
        let output = refused(command);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(4), "{said}");
        said
    }

    fn start(&self) -> Command {
        self.installation.service("one", ZHEJIANG)
    }

    /// Nothing was announced since, and nobody is another than before.
    fn is_unchanged(&mut self) {
        let before = self.announced.count;
        let settled = self.announced.settle(&|| feeds().expected(ZHEJIANG, false));
        assert!(settled.is_ok() && self.announced.count == before, "{settled:?}");
    }

    /// The way out of most refusals: another prefix and group, topics, and the feeds again.
    fn begins_another(&self, partitions: &str) {
        let another = Installation::bare(&self.installation.bootstrap);
        another.create_topics(partitions);
        let mut announced = another.announced();
        let process = another.start("another", ZHEJIANG, None);
        another.send(&[&feeds().halves()[0]], "100000").finish();
        let settled = announced.settle(&|| feeds().expected(ZHEJIANG, false));
        assert!(settled.is_ok() && process.end(), "{settled:?}\n{}", another.logs());
    }
}

/// The same process in another group.
fn with_group(service: &Command, group: &str) -> Command {
    let mut command = Command::new(service.get_program());
    let mut is_group = false;
    for argument in service.get_args() {
        command.arg(if is_group { group.as_ref() } else { argument });
        is_group = argument == "--group";
    }
    for (name, value) in service.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command.stdin(Stdio::null()).stdout(Stdio::null());
    command
}

fn output_of(mut command: Command) -> (String, Option<i32>) {
    let output = command.output().unwrap();
    let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    (text, output.status.code())
}

#[test]
fn evidence_that_was_deleted_is_never_created_again_and_turns_nobody_green() {
    let _alone = crate::alone();
    let mut case = Case::new();
    case.delete("evidence.v1");
    let evidence = case.topic("evidence.v1");
    let said = case.refusal(case.start());
    assert!(said.contains(&evidence) && said.contains("Colours hang on"), "{said}");
    // Neither the command nor the option makes it: this turned everybody green.
    let mut creating = case.start();
    creating.arg("--create-topics");
    assert!(case.refusal(creating).contains(&evidence));
    let (text, code) = output_of(case.installation.command(&["topics", "create"]));
    assert!(code == Some(4) && text.contains(&evidence), "{text}");
    // By hand, it is another topic of the same name.
    case.create("evidence.v1", PARTITIONS);
    let said = case.refusal(case.start());
    assert!(said.contains(&evidence) && said.contains("deleted and created again"), "{said}");
    let (text, code) = output_of(case.installation.command(&["topics", "check"]));
    assert!(code == Some(1) && text.contains("deleted and created again"), "{text}");
    case.is_unchanged();
    case.begins_another(PARTITIONS);
    case.is_unchanged();
}

#[test]
fn a_link_log_or_changes_that_were_created_again_are_refused() {
    let _alone = crate::alone();
    let mut case = Case::new();
    case.delete("links.v1");
    case.create("links.v1", "1");
    let said = case.refusal(case.start());
    assert!(said.contains(&case.topic("links.v1")) && said.contains("deleted and created again"), "{said}");
    case.is_unchanged();
    case.delete("code-changes.v1");
    case.create("code-changes.v1", PARTITIONS);
    let said = case.refusal(case.start());
    assert!(said.contains(&format!("{},{}", case.topic("links.v1"), case.topic("code-changes.v1"))), "{said}");
}

#[test]
fn more_partitions_than_were_recorded_are_refused() {
    let _alone = crate::alone();
    let mut case = Case::new();
    for topic in ["evidence.v1", "code-changes.v1", "phones.v1"] {
        tool(&case.broker, &["topics", "--alter", "--topic", &case.topic(topic), "--partitions", "8"]);
    }
    let said = case.refusal(case.start());
    assert!(said.contains("has 8 partitions") && said.contains(&format!("was made with {PARTITIONS}")), "{said}");
    let (text, code) = output_of(case.installation.command(&["topics", "check"]));
    assert!(code == Some(1) && text.contains("has 8 partitions"), "{text}");
    case.is_unchanged();
    assert!(said.contains("--partitions 8"), "{said}");
    case.begins_another("8");
}

#[test]
fn another_key_and_another_group_are_refused_and_with_ones_own_it_goes_on() {
    let _alone = crate::alone();
    let mut case = Case::new();
    let mut other_key = case.start();
    other_key.env("FUMA_KEY", KEY.replace("5a", "a5"));
    let said = case.refusal(other_key);
    assert!(said.contains("another key of the person tokens"), "{said}");
    let said = case.refusal(with_group(&case.start(), "another"));
    let own = case.installation.prefix.trim_end_matches('.').to_owned();
    assert!(said.contains(&format!("Set group = {own}")), "{said}");
    case.is_unchanged();
    case.goes_on(true);
}

#[test]
fn what_no_colour_hangs_on_is_created_again_as_the_message_says() {
    let _alone = crate::alone();
    let mut case = Case::new();
    case.delete("clock.v1");
    let said = case.refusal(case.start());
    let (_, command) = said.split_once("fuma topics create --again ").unwrap();
    let names = command.split_whitespace().next().unwrap();
    assert_eq!(names, case.topic("clock.v1"));
    let (text, code) = output_of(case.installation.command(&["topics", "create", "--again", names]));
    assert!(code == Some(0) && text.contains(&format!("created {names}")), "{text}");
    case.goes_on(true);
    let evidence = case.topic("evidence.v1");
    let (text, code) = output_of(case.installation.command(&["topics", "create", "--again", &evidence]));
    assert!(code == Some(2) && text.contains("never created again"), "{text}");
}

#[test]
fn without_its_record_an_installation_is_adopted_and_goes_on() {
    let _alone = crate::alone();
    let mut case = Case::new();
    // As an older build left it, but that positions name the installation already: the record gets the same id.
    // What is added beside the evidence, without being told how many, has as many partitions.
    case.delete("decisions.v1");
    case.delete("phones.v1");
    let (text, code) = output_of(case.installation.command(&["topics", "create"]));
    assert!(code == Some(0) && text.contains("decisions.v1") && !text.contains("differ"), "{text}");
    let said = case.refusal(case.start());
    assert!(said.contains("fuma topics adopt"), "{said}");
    let group = case.installation.prefix.trim_end_matches('.').to_owned();
    let adopt = || case.installation.command(&["topics", "adopt", "--group", &group]);
    let mut other = adopt();
    other.env("FUMA_KEY", KEY.replace("5a", "a5"));
    let (text, code) = output_of(other);
    assert!(code == Some(4) && text.contains("another key"), "{text}");
    let mut own = adopt();
    own.env("FUMA_KEY", KEY);
    let (text, code) = output_of(own);
    let (_, id) = text.split_once("recorded installation ").unwrap();
    let id = id.split(':').next().unwrap();
    assert!(code == Some(0) && case.installation.logs().contains(&format!("installation={id}")), "the same: {text}");
    case.goes_on(true);
}

#[test]
fn empty_evidence_under_announcements_is_not_adopted() {
    let _alone = crate::alone();
    let mut case = Case::new();
    case.delete("decisions.v1");
    case.delete("evidence.v1");
    let (text, code) = output_of(case.installation.command(&["topics", "create"]));
    assert!(code == Some(4) && text.contains("evidence.v1 is missing"), "{text}");
    case.create("evidence.v1", PARTITIONS);
    let (text, code) = output_of(case.installation.command(&["topics", "create"]));
    assert!(code == Some(0) && text.contains("decisions.v1"), "{text}");
    assert!(case.refusal(case.start()).contains("fuma topics adopt"));
    let group = case.installation.prefix.trim_end_matches('.').to_owned();
    let mut adopt = case.installation.command(&["topics", "adopt", "--group", &group]);
    adopt.env("FUMA_KEY", KEY);
    let (text, code) = output_of(adopt);
    assert!(code == Some(4) && text.contains("is empty") && text.contains("announced red or yellow"), "{text}");
    case.is_unchanged();
}

#[test]
fn settings_that_lose_evidence_are_refused_and_changed_as_the_message_says() {
    let _alone = crate::alone();
    let mut case = Case::new();
    let (evidence, cases) = (case.topic("evidence.v1"), case.topic("cases.v1"));
    let alter = |topic: &str, setting: &str| {
        let topic = ["--entity-type", "topics", "--entity-name", topic];
        tool(&case.broker, &[&["configs", "--alter"], &topic[..], &["--add-config", setting]].concat());
    };
    alter(&evidence, "retention.ms=3600000");
    let output = refused(case.start());
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains(&format!("{evidence}: the setting retention.ms is 3600000")), "{said}");
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("86400000 or more"), "{said}");
    alter(&evidence, "retention.ms=604800000");
    // B2-08. By this one nothing is lost, but a producer says when a record became known: said at the start, by name.
    alter(&cases, "message.timestamp.type=CreateTime");
    case.goes_on(true);
    let is_said = |line: &str| line.contains(&cases) && line.contains("message.timestamp.type");
    assert!(case.installation.logs().lines().any(is_said), "{}", case.installation.logs());
}

/// Two installations in one group: a process of the one would be given partitions of the other.
#[test]
fn a_group_of_another_installation_is_refused_before_anything_is_recorded() {
    let _alone = crate::alone();
    let mut case = Case::new();
    let two = Installation::new(&case.installation.bootstrap);
    let shared = case.installation.prefix.trim_end_matches('.');
    let said = case.refusal(with_group(&two.service("two", ZHEJIANG), shared));
    assert!(said.contains(&format!("the group {shared} has positions in {}", case.topic("evidence.v1"))), "{said}");
    // As it says: another group.
    let mut announced = two.announced();
    let process = two.start("two", ZHEJIANG, None);
    two.send(&[&feeds().halves()[0]], "100000").finish();
    let settled = announced.settle(&|| feeds().expected(ZHEJIANG, false));
    assert!(settled.is_ok() && process.end(), "{settled:?}\n{}", two.logs());
    case.goes_on(true);
}

/// Two installations in one place of snapshots: neither reads nor prunes what is the other's.
#[test]
fn snapshots_of_two_installations_in_one_place_never_meet() {
    let _alone = crate::alone();
    let broker = Broker::shared();
    let place = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let installations = [Installation::new(broker.bootstrap()), Installation::new(broker.bootstrap())];
    let mut announced = installations.each_ref().map(Installation::announced);
    let [first, second] = feeds().halves();
    for (half, all) in [(&first, false), (&second, true)] {
        for (installation, announced) in installations.iter().zip(&mut announced) {
            let mut command = installation.service("one", ZHEJIANG);
            command.env("FUMA__SNAPSHOTS__URL", place.path());
            let process = Process::spawn(command, installation.folder.path().join("one.log"));
            installation.send(&[half], "900").finish();
            let settled = announced.settle(&|| feeds().expected(ZHEJIANG, all));
            process.wait_until_it_says("snapshot written");
            assert!(settled.is_ok() && process.end(), "{settled:?}\n{}", installation.logs());
        }
    }
    let mut found: Vec<String> = std::fs::read_dir(place.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    found.sort();
    assert!(found.len() == 2 && found.iter().all(|name| name.len() == 16), "one folder each, by its id: {found:?}");
    for installation in &installations {
        let id = found.iter().filter(|id| installation.logs().contains(&format!("installation={id}"))).count();
        assert_eq!(id, 1, "{}", installation.logs());
    }
}
