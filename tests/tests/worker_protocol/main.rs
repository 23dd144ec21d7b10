//! The exactly-once stage, rule by rule (docs/recovery.md): each test is an interleaving that a simpler protocol gets
//! wrong.
//!
//! ```text
//! answers    R-30                     what is answered of people
//! bounds     I-10, R-28              how much one commit does
//! commit     R-1, R-2, R-14           what one owner does with its transactions
//! takeover   R-3 to R-6               what the next owner does first
//! ground     R-7, R-12, R-13          when it must not judge at all
//! held       the emergency stop
//! sweep      R-10, R-11               who is judged when the basis moves
//! snapshots  R-7, R-8             which snapshot is of use, and what of it
//! stall      a client that passes evidence over
//! packs      a switch between two starts
//! switch     R-10, R-12, R-27, R-29  a switch in a running worker
//! whole      R-3, R-5, R-7       readings that are short, late, or of nobody
//! stores     R-7, R-30           a store that is away, mixed up, damaged; whose snapshot it is
//! understood what a newer build wrote, or another key: refused by name, and nothing is lost
//! parked     one partition's trouble is one partition's
//! flow       back-pressure, and what is let go when commits are refused
//! clocks     a clock for each partition; a broker's clock that is not known for a while
//! causes     expiries, causes, traces
//! phones     R-17 to R-22            records of phones, and who holds them
//! tiers      R-25                    publications of tiers are counted before they take effect
//! aboard     R-17 to R-23            who was aboard with a case
//! ```
//!
//! Owns the interleavings. One partition where nothing else is said; people are numbers.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod aboard;
mod answers;
mod bounds;
mod causes;
mod clocks;
mod commit;
mod faulty;
mod flow;
mod ground;
mod held;
mod packs;
mod parked;
mod phones;
mod snapshots;
mod stall;
mod stores;
mod sweep;
mod switch;
mod takeover;
mod tiers;
mod understood;
mod whole;

use std::sync::Arc;

use fuma_connectors::log::Topic;
use fuma_pipeline::policy::Pack;
use fuma_schemas::{Instant, Person};
use fuma_tests::live::announced::{self, Announced};
use fuma_tests::live::{EvidenceFeed, Member, Setup};
use fuma_tests::simulated::{Settings, SimulatedCluster};

use self::faulty::{FaultyLog, Gate, Losses};

/// A day in milliseconds.
const DAY: i64 = 86_400_000;

/// A cluster of one partition, and who writes to it.
struct Stage {
    cluster: SimulatedCluster,
    feed: EvidenceFeed,
}

impl Stage {
    fn new() -> Stage {
        Stage::with(Settings { partitions: 1, ..Settings::default() })
    }

    fn with(settings: Settings) -> Stage {
        let partitions = settings.partitions;
        let cluster = SimulatedCluster::new(settings);
        Stage { feed: EvidenceFeed::new(&cluster, partitions), cluster }
    }

    fn now(&self) -> Instant {
        self.cluster.now()
    }

    /// A process under the Zhejiang pack.
    fn member(&self, name: &str) -> Member {
        Member::new(&self.cluster, name, Setup::of(zhejiang()))
    }

    /// A process whose restores run on threads of their own and wait at a gate.
    fn slow_member(&self, name: &str, gate: &Gate) -> Member {
        let setup = Setup { is_inline: false, ..Setup::of(zhejiang()) };
        self.faulty_member(name, setup, gate, &Losses::default())
    }

    /// A process whose client passes records over.
    fn lossy_member(&self, name: &str, losses: &Losses) -> Member {
        self.faulty_member(name, Setup::of(zhejiang()), &Gate::open_wide(), losses)
    }

    fn faulty_member(&self, name: &str, setup: Setup, gate: &Gate, losses: &Losses) -> Member {
        let member = Member::new(&self.cluster, name, setup);
        let (gate, losses) = (gate.clone(), Arc::clone(losses));
        member.wrap(Box::new(move |inner| {
            Box::new(FaultyLog { gate: gate.clone(), losses: Arc::clone(&losses), ..FaultyLog::of(inner) })
        }));
        member
    }

    /// A person of a partition, of two.
    fn of_two(&self, partition: usize) -> Person {
        self.several(partition, 2, 1)[0]
    }

    /// So many people of a partition, of so many.
    fn several(&self, partition: usize, of: usize, count: usize) -> Vec<Person> {
        (0..).map(fuma_tests::live::lines::person).filter(|it| it.partition(of) == partition).take(count).collect()
    }

    /// The last colour announced to somebody, on whatever partition.
    fn colour(&self, person: Person, partitions: u32) -> String {
        announced::colour(&self.cluster, person.partition(partitions as usize) as u32, person)
    }

    /// What was announced on the partition, a chain for each person.
    fn announced(&self) -> Vec<Announced> {
        let changes = announced::of_partition(&self.cluster, 0);
        announced::check_chains(&changes);
        changes
    }

    /// Steps of colour, in order.
    fn steps(&self) -> Vec<(String, String)> {
        self.announced().into_iter().map(|change| (change.from, change.to)).collect()
    }

    /// Asserts that all evidence was judged, and everybody announced as what they are.
    fn check(&self) {
        fuma_tests::live::scratch::check(&self.cluster, zhejiang(), 1);
    }

    fn evidence_end(&self) -> u64 {
        self.cluster.end(Topic::Evidence, 0)
    }
}

fn zhejiang() -> &'static Arc<Pack> {
    &fuma_tests::packs()[0]
}

fn step(from: &str, to: &str) -> (String, String) {
    (from.to_owned(), to.to_owned())
}
