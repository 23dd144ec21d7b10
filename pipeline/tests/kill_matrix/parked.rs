//! Somebody writes to the output what the evidence does not give, of one person: that partition alone is parked, in
//! whatever process; nobody ends; and an operator's word, as the log names it, lets it go on.

use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, Instant as Moment};

use fuma_connectors::kafka::{ChangeReader, Connection, KafkaLog, KafkaSettings};
use fuma_connectors::log::{Log as _, Outgoing, Topic};

use crate::broker::Broker;
use crate::feeds::feeds;
use crate::installation::{Installation, ZHEJIANG};
use crate::surroundings::comes;

/// What anybody who reads the changes knows.
struct Seen {
    reader: ChangeReader,
    /// The partition and the last colour of each person.
    people: BTreeMap<String, (u32, String)>,
    /// Who was announced which colour, in this order.
    announced: Vec<(String, String)>,
    /// Changes of each partition.
    counts: BTreeMap<u32, usize>,
}

impl Seen {
    /// Reads until nothing more comes for a while.
    fn read(&mut self) {
        let mut last = Moment::now();
        while last.elapsed() < Duration::from_secs(3) {
            let Some(change) = self.reader.poll(Duration::from_millis(100)).unwrap() else { continue };
            let text = String::from_utf8(change.value.unwrap()).unwrap();
            let to = text.split("\"to\":\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
            let partition = u32::try_from(change.partition).unwrap();
            *self.counts.entry(partition).or_default() += 1;
            self.announced.push((change.key.clone(), to.clone()));
            self.people.insert(change.key, (partition, to));
            last = Moment::now();
        }
    }

    fn count(&self, is_wanted: impl Fn(u32) -> bool) -> usize {
        self.counts.iter().filter(|(partition, _)| is_wanted(**partition)).map(|(_, count)| count).sum()
    }
}

fn log_of(installation: &Installation, name: &str) -> String {
    fs::read_to_string(installation.folder.path().join(format!("{name}.log"))).unwrap_or_default()
}

#[test]
fn one_person_out_of_step_parks_one_partition_and_the_command_of_the_log_releases_it() {
    let _alone = crate::alone();
    let broker = Broker::shared();
    let installation = Installation::new(broker.bootstrap());
    let [first, second] = feeds().halves();
    let names = ["one", "two", "three"];
    let mut processes: Vec<_> = names.iter().map(|name| installation.start(name, ZHEJIANG, None)).collect();
    let connection = Connection::new(&installation.bootstrap, &installation.prefix, Vec::new()).unwrap();
    let reader = ChangeReader::new(&connection, true).unwrap();
    let mut seen = Seen { reader, people: BTreeMap::new(), announced: Vec::new(), counts: BTreeMap::new() };
    installation.send(&[&first], "5000").finish();
    for _ in 0..20 {
        seen.read();
        if seen.people.values().any(|(_, to)| to == "red") {
            break;
        }
    }
    let (person, (sick, _)) = seen.people.iter().find(|(_, (_, to))| to == "red").unwrap();
    let (person, sick) = (person.clone(), *sick);
    seen.read();
    let before = seen.announced.len();
    tamper(&installation, &person, sick);
    // Whoever has it restarts, as in a rolling restart; then the next one gets it, and the next.
    for name in &names[..2] {
        let owner = processes.remove(0);
        assert!(owner.end(), "{}", installation.logs());
        processes.push(installation.start(name, ZHEJIANG, None));
        std::thread::sleep(Duration::from_secs(8));
    }
    let parked = || names.iter().any(|name| log_of(&installation, name).contains("fuma accept differences"));
    assert!(comes(parked), "{}", installation.logs());
    assert!(processes.iter_mut().all(|process| process.runs()), "nobody ends: {}", installation.logs());
    seen.read();
    let (others, own) = (seen.count(|partition| partition != sick), seen.count(|partition| partition == sick));
    installation.send(&[&second], "5000").finish();
    seen.read();
    assert!(seen.count(|partition| partition != sick) > others, "the others go on: {}", installation.logs());
    assert_eq!(seen.count(|partition| partition == sick), own, "nothing of the parked one is announced");
    // As the log says, word by word.
    let text = names.map(|name| log_of(&installation, name)).concat();
    let command = text.split("fuma accept ").last().unwrap();
    let words: Vec<&str> =
        command.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '-').take(3).collect();
    assert_eq!(words[1], sick.to_string());
    let output = installation.command(&[&["accept"], &words[..]].concat()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(comes(|| installation.logs().contains("an operator's word is used up")), "{}", installation.logs());
    seen.read();
    assert!(seen.count(|partition| partition == sick) > own, "it goes on: {}", installation.logs());
    // The second half of the feeds may end their reason: what comes right behind the wrong green is looked at.
    let mut turns = seen.announced[before..].iter().filter(|(key, _)| *key == person).map(|(_, to)| to.as_str());
    assert_eq!(turns.next(), Some("green"), "the wrong one");
    let again = turns.next();
    assert!(matches!(again, Some("red" | "yellow")), "what the evidence gives is announced again, not {again:?}");
    assert!(processes.into_iter().all(crate::installation::Process::end), "{}", installation.logs());
}

/// Says of a person, to all who read, that they are green.
fn tamper(installation: &Installation, person: &str, partition: u32) {
    let mut settings = KafkaSettings::new(installation.bootstrap.as_str(), "other");
    settings.prefix.clone_from(&installation.prefix);
    let log = KafkaLog::connect(settings).unwrap();
    let value = r#"{"to":"green","decided_at":"2022-01-01T00:00:00.000+08:00","reasons":[]}"#;
    let key = Some(person.to_owned().into());
    let mut appender = log.appender("other").unwrap();
    appender.append(Topic::Changes, Outgoing { partition, key, value: value.into(), ..Outgoing::default() }).unwrap();
    appender.flush().unwrap();
}

/// SIGTERM ends a process within its deadline, also while no broker answers, and also while a stage is being made.
#[test]
fn a_process_ends_in_time_while_the_broker_is_paused() {
    if std::env::var_os("FUMA_BOOTSTRAP").is_some() {
        return eprintln!("skipped: the broker of FUMA_BOOTSTRAP is not ours to pause");
    }
    let _alone = crate::alone();
    let broker = Broker::start();
    let installation = Installation::new(broker.bootstrap());
    let [first, _] = feeds().halves();
    let process = installation.start("one", ZHEJIANG, None);
    installation.send(&[&first], "5000").finish();
    process.wait_until_it_says("restored partition");
    let sender = installation.send(&[&first], "300");
    std::thread::sleep(Duration::from_secs(2));
    broker.command("pause");
    std::thread::sleep(Duration::from_secs(12));
    let begun = Moment::now();
    let is_right = process.end();
    let took = begun.elapsed();
    broker.command("resume");
    drop(sender);
    assert!(is_right && took < Duration::from_secs(24), "{took:?}, in order: {is_right}\n{}", installation.logs());
}
