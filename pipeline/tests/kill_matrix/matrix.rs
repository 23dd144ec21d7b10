//! Every place x killed or stopped beyond the session timeout x the same owner comes back or another.
//!
//! A case sends the first half of the feeds, has the fault in the middle of it, and sends the second half. Three cases
//! at a time on one broker; a table at the end. FUMA_KILLS=<text> runs only the cases whose name
//! holds it, FUMA_KILLS=one-a-place one cell of each place.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant as Moment};

use crate::announced::Announced;
use crate::broker::Broker;
use crate::feeds::feeds;
use crate::installation::{CHONGQING, Installation, Process, SESSION_TIMEOUT, Sender, ZHEJIANG};

/// The places, and the time at which each is in the middle of the work.
const PLACES: [(&str, u32); 9] = [
    ("before-begin", 6),
    ("after-send", 6),
    ("after-offsets", 6),
    ("commit-unanswered", 6),
    ("after-commit", 6),
    ("in-revoke", 1),
    ("in-restore", 2),
    ("in-snapshot", 5),
    ("in-sweep", 2),
];
const AT_A_TIME: usize = 3;
const RATE: &str = "350";

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum How {
    Kill,
    Stop,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Owner {
    Same,
    Another,
}

#[derive(Clone, Copy, Debug)]
struct Case {
    place: &'static str,
    nth: u32,
    how: How,
    owner: Owner,
}

struct Outcome {
    case: Case,
    changes: usize,
    seconds: f64,
    wrong: Option<String>,
}

impl Case {
    fn name(self) -> String {
        format!("{} {:?} {:?}", self.place, self.how, self.owner).to_lowercase()
    }

    fn fault(self) -> String {
        format!("{}:{}:{}", self.place, self.nth, if self.how == How::Kill { "kill" } else { "stop" })
    }

    /// Whether there is something to restore or to sweep before the fault.
    fn has_history(self) -> bool {
        matches!(self.place, "in-restore" | "in-sweep")
    }

    fn run(self, bootstrap: &str) -> Outcome {
        let begun = Moment::now();
        let mut installation = match self.place {
            "in-sweep" => Installation::with_officials(bootstrap),
            _ => Installation::new(bootstrap),
        };
        let mut announced = installation.announced();
        // A case that panics is wrong like any other: the table has it.
        let played = catch_unwind(AssertUnwindSafe(|| self.play(&installation, &mut announced)));
        let wrong = played.unwrap_or_else(|_| Err("panicked: see above".to_owned())).err();
        let wrong = wrong.map(|what| format!("{}: {what}\n{}", self.name(), installation.logs()));
        if wrong.is_some() {
            installation.keep();
        }
        Outcome { case: self, changes: announced.count, seconds: begun.elapsed().as_secs_f64(), wrong }
    }

    fn play(self, installation: &Installation, announced: &mut Announced) -> Result<(), String> {
        let [first, second] = feeds().halves();
        if self.has_history() {
            self.make_history(installation, announced)?;
        }
        let mut process = installation.start("one", ZHEJIANG, Some(&self.fault()));
        let mut sender = None;
        if !self.has_history() {
            process.wait_until_it_says("restored");
            sender = Some(installation.send(&[&first], RATE));
        }
        // Where there is no history, the other shares the work from the beginning on.
        let mut other = None;
        if self.place == "in-revoke" {
            thread::sleep(Duration::from_secs(1));
        }
        if self.place == "in-revoke" || self.owner == Owner::Another && !self.has_history() {
            other = Some(installation.start("two", ZHEJIANG, None));
        }
        if !process.wait_for_fault(self.how == How::Kill) {
            return Err(format!("{} did not happen", self.fault()));
        }
        sender.into_iter().for_each(Sender::finish);
        let sender = installation.send(&[&second], RATE);
        if self.owner == Owner::Same {
            drop(other.take());
        } else if other.is_none() {
            other = Some(installation.start("two", ZHEJIANG, None));
        }
        let process = self.come_back(installation, process);
        sender.finish();
        let settled = announced.settle(&|| feeds().expected(ZHEJIANG, true));
        let ended = process.is_none_or(Process::end) && other.is_none_or(Process::end);
        if ended { settled } else { settled.and(Err("did not end in order".to_owned())) }
    }

    /// The first half, judged by another pack where everybody is to be swept by one that takes over at once.
    fn make_history(self, installation: &Installation, announced: &mut Announced) -> Result<(), String> {
        let pack = if self.place == "in-sweep" { CHONGQING } else { ZHEJIANG };
        let [first, _] = feeds().halves();
        let process = installation.start("one", pack, None);
        installation.send(&[&first], "100000").finish();
        announced.settle(&|| feeds().expected(pack, false))?;
        if !process.end() {
            return Err("did not end in order".to_owned());
        }
        if pack != ZHEJIANG {
            installation.switch(ZHEJIANG);
        }
        Ok(())
    }

    /// The one that died is started again; the one that was stopped goes on when others take it for dead.
    fn come_back(self, installation: &Installation, process: Process) -> Option<Process> {
        match (self.how, self.owner) {
            (How::Stop, _) => {
                thread::sleep(SESSION_TIMEOUT + Duration::from_secs(2));
                process.go_on();
                Some(process)
            }
            (How::Kill, Owner::Same) => Some(installation.start("one", ZHEJIANG, None)),
            (How::Kill, Owner::Another) => None,
        }
    }
}

fn cases() -> Vec<Case> {
    let wanted = std::env::var("FUMA_KILLS").unwrap_or_default();
    let mut cases = Vec::new();
    for (place, nth) in PLACES {
        for how in [How::Kill, How::Stop] {
            for owner in [Owner::Same, Owner::Another] {
                cases.push(Case { place, nth, how, owner });
            }
        }
    }
    if wanted == "one-a-place" {
        // Four cells a place: the next place takes the next of them.
        return cases.into_iter().enumerate().filter(|(at, _)| at % 4 == at / 4 % 4).map(|(_, case)| case).collect();
    }
    cases.retain(|case| case.name().contains(&wanted));
    cases
}

fn run_all(cases: Vec<Case>, bootstrap: &str) -> Vec<Outcome> {
    let waiting = Mutex::new(cases.into_iter());
    let outcomes = Mutex::new(Vec::new());
    let next = || waiting.lock().unwrap().next();
    thread::scope(|scope| {
        for _ in 0..AT_A_TIME {
            scope.spawn(|| {
                while let Some(case) = next() {
                    let outcome = case.run(bootstrap);
                    eprintln!("{}", row(&outcome));
                    outcomes.lock().unwrap().push(outcome);
                }
            });
        }
    });
    outcomes.into_inner().unwrap()
}

fn row(outcome: &Outcome) -> String {
    let Outcome { case, changes, seconds, wrong } = outcome;
    let (how, owner) = (format!("{:?}", case.how).to_lowercase(), format!("{:?}", case.owner).to_lowercase());
    let ok = if wrong.is_none() { "ok" } else { "WRONG" };
    format!("| {:17} | {how:4} | {owner:7} | {changes:7} | {seconds:7.1} | {ok} |", case.place)
}

#[test]
#[cfg_attr(not(feature = "faults"), ignore = "needs --features faults (cargo test --workspace has it)")]
fn a_fault_at_any_place_is_harmless() {
    let _alone = crate::alone();
    feeds();
    let broker = Broker::start();
    let mut outcomes = run_all(cases(), broker.bootstrap());
    let place = |outcome: &Outcome| PLACES.iter().position(|(place, _)| *place == outcome.case.place);
    outcomes.sort_by_key(|outcome| (place(outcome), outcome.case.name()));
    eprintln!("| place             | how  | owner   | changes | seconds | |\n|---|---|---|---|---|---|");
    outcomes.iter().for_each(|outcome| eprintln!("{}", row(outcome)));
    let wrong: Vec<String> = outcomes.into_iter().filter_map(|outcome| outcome.wrong).collect();
    assert!(wrong.is_empty(), "{} cases:\n{}", wrong.len(), wrong.join("\n"));
}
