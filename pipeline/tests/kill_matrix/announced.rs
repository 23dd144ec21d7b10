//! What a reader of committed records sees, and what must hold of it.
//!
//! Each change leads on from the person's last one, once, later; its id says whose it is and when; in the end
//! everybody is as a replay says. Owns these rules.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant as Moment};

use fuma_connectors::kafka::{AnnouncedChange, ChangeReader, Connection};
use fuma_schemas::{Instant, Person};
use serde_json::Value;

use crate::feeds::States;

/// How often it is looked whether a case has come to rest: one and a half minutes of this process's own time.
const LOOKS_MAX: usize = 360;
const LOOK: Duration = Duration::from_millis(250);
/// Nothing more may come for so long.
const QUIET: Duration = Duration::from_millis(1500);
const SHOWN: usize = 6;

/// The colour and the rules.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct State {
    colour: String,
    rules: BTreeSet<String>,
}

impl State {
    pub(crate) fn of(change: &Value) -> State {
        let rules = change["reasons"].as_array().into_iter().flatten();
        State {
            colour: change["to"].as_str().unwrap_or("?").to_owned(),
            rules: rules.filter_map(|reason| Some(reason["rule"].as_str()?.to_owned())).collect(),
        }
    }

    fn green() -> State {
        State { colour: "green".to_owned(), rules: BTreeSet::new() }
    }

    pub(crate) fn is_green(&self) -> bool {
        self.colour == "green"
    }
}

/// Reads the changes of an installation from the beginning, on and on.
pub(crate) struct Announced {
    reader: ChangeReader,
    states: BTreeMap<String, State>,
    decided: BTreeMap<String, Instant>,
    ids: BTreeSet<String>,
    findings: Vec<String>,
    /// A partition of which nothing is expected for now, and how many there are.
    pub(crate) left_out: Option<(usize, usize)>,
    /// How many there were.
    pub(crate) count: usize,
}

impl Announced {
    pub(crate) fn follow(bootstrap: &str, prefix: &str) -> Announced {
        let connection = Connection::new(bootstrap, prefix, Vec::new()).unwrap();
        Announced {
            reader: ChangeReader::new(&connection, true).unwrap(),
            states: BTreeMap::new(),
            decided: BTreeMap::new(),
            ids: BTreeSet::new(),
            findings: Vec::new(),
            left_out: None,
            count: 0,
        }
    }

    /// Takes what there is; whether there was anything.
    fn drain(&mut self, wait: Duration) -> bool {
        let before = self.count;
        let deadline = Moment::now() + wait;
        loop {
            match self.reader.poll(Duration::from_millis(20)) {
                Ok(Some(change)) => self.take(&change),
                Ok(None) | Err(_) if Moment::now() >= deadline => return self.count > before,
                Ok(None) | Err(_) => {}
            }
        }
    }

    fn take(&mut self, record: &AnnouncedChange) {
        self.count += 1;
        let change: Value = serde_json::from_slice(record.value.as_deref().unwrap()).unwrap();
        let person = change["person"].as_str().unwrap().to_owned();
        let decided = Instant::parse(change["decided_at"].as_str().unwrap()).unwrap();
        let id = record.header("ce_id").unwrap_or_default().to_owned();
        let mut find = |what: String| {
            let place = format!("partition {} offset {}", record.partition, record.offset);
            self.findings.push(format!("{place}: {id}: {what}"));
        };
        if id != format!("{person}-{}", decided.0) || record.key != person {
            find("the id or the key is not the change's".to_owned());
        }
        let before = self.states.get(&person).cloned().unwrap_or_else(State::green);
        let state = State::of(&change);
        if change["from"].as_str() != Some(before.colour.as_str()) {
            find(format!("from {}, but the last was to {}", change["from"], before.colour));
        }
        if state == before {
            find(format!("duplicated: {} again", state.colour));
        }
        if self.decided.get(&person).is_some_and(|last| *last >= decided) {
            find("not later than the one before".to_owned());
        }
        if !self.ids.insert(id.clone()) {
            self.findings.push(format!("{id}: the same id again"));
        }
        self.states.insert(person.clone(), state);
        self.decided.insert(person, decided);
    }

    /// What differs in the end.
    fn differences(&self, expected: &States) -> Vec<String> {
        let green = State::green();
        let people: BTreeSet<&String> = self.states.keys().chain(expected.keys()).collect();
        let of = |states: &BTreeMap<String, State>, person: &String| states.get(person).unwrap_or(&green).clone();
        people
            .into_iter()
            .filter(|person| !self.is_left_out(person) && of(&self.states, person) != of(expected, person))
            .map(|person| {
                let (is, should) = (of(&self.states, person), of(expected, person));
                format!(
                    "{person} is {} {:?}, the replay says {} {:?}",
                    is.colour, is.rules, should.colour, should.rules
                )
            })
            .collect()
    }

    fn is_left_out(&self, person: &str) -> bool {
        let token = u128::from_str_radix(person, 16).unwrap().to_be_bytes();
        self.left_out.is_some_and(|(partition, of)| Person(token).partition(of) == partition)
    }

    /// Waits until everybody is as `expected` says and nothing more comes. The error says what is wrong.
    pub(crate) fn settle(&mut self, expected: &dyn Fn() -> States) -> Result<(), String> {
        let (mut quiet_since, mut differences) = (None, Vec::new());
        for _ in 0..LOOKS_MAX {
            let came = self.drain(LOOK);
            if !self.findings.is_empty() {
                return Err(shown(&self.findings));
            }
            if came {
                quiet_since = None;
                continue;
            }
            differences = self.differences(&expected());
            if !differences.is_empty() {
                quiet_since = None;
            } else if quiet_since.get_or_insert_with(Moment::now).elapsed() >= QUIET {
                return Ok(());
            }
        }
        Err(format!("does not come to rest: {}", shown(&differences)))
    }
}

fn shown(all: &[String]) -> String {
    let first: Vec<&str> = all.iter().take(SHOWN).map(String::as_str).collect();
    format!("{} findings:\n    {}", all.len(), first.join("\n    "))
}
