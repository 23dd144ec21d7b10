//! A run from a seed, in which everything goes wrong that can.
//!
//! Random feeds come in on the cluster's clock while two or three workers abort, lose answers, die at any place, stand
//! still and wake, lose and swap partitions, and have their clocks put forward and back; in every second seed they
//! write snapshots, retention takes what these hold, and the store is away or has a snapshot damaged; in half of the
//! seeds contacts go through trace, whose reader changes. Then it gets quiet, and what was announced has to be what one
//! look at all the evidence says, a chain for each person.
//!
//! Owns what happens when. All of it is drawn from the seed: the same seed is the same run.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use fuma_connectors::log::{LogError, Severity, Topic};
use fuma_pipeline::evidence::{FactKey, fact_key};
use fuma_pipeline::live::record::VerdictRow;
use fuma_pipeline::live::snapshot::{SnapshotStore, series_of_partition};
use fuma_pipeline::live::worker::Turn;
use fuma_pipeline::live::worker::snapshots::Snapshots;
use fuma_pipeline::policy::Pack;
use fuma_schemas::{Feed, Instant, Person};
use tempfile::TempDir;

use super::announced::{self, Announced};
use super::feed::EvidenceFeed;
use super::process::Member;
use super::scratch;
use super::setup::Setup;
use crate::feeds::{self, Line, World};
use crate::simulated::{CommitPlace, Fault, FaultRates, LeftOut, MarkerDelivery, Settings, SimulatedCluster};

pub(super) const WORLD: World = World { people: 7, days: 42, steady: false };
pub(super) const PARTITIONS: u32 = 3;
const PLACES: [CommitPlace; 4] =
    [CommitPlace::BeforeBegin, CommitPlace::AfterSend, CommitPlace::AfterOffsets, CommitPlace::Unanswered];
/// A log, and the snapshots of what follows it, the oldest first: the offset of each, and where.
type Series = ((Topic, u32), Vec<(u64, PathBuf)>);

/// Milliseconds by which a machine's clock is wrong; the last one is more than is borne.
const SHIFTS_MS: [i64; 6] = [0, 0, 1_500, 240_000, -3_600_000, 900_000];

pub(super) const RATES: FaultRates =
    FaultRates { abort: 60, answer_lost: 20, crash_in_commit: 40, crash_in_call: 3, reading: 30 };

/// What a run came to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ran {
    /// All changes.
    pub changes: Vec<Announced>,
    /// How often a worker ended.
    pub deaths: usize,
    /// Transactions that were not committed, of workers that went on.
    pub aborts: usize,
    /// The cluster's milliseconds from begin to end.
    pub ms: i64,
    /// How often retention took evidence, or links, that snapshots hold.
    pub trims: usize,
    /// How often the store went away, and how often a snapshot was damaged.
    pub store_faults: [usize; 2],
    /// Records of the link log that were traced.
    pub links: u64,
    /// What happened, a line each.
    pub trace: Vec<String>,
}

/// Runs a seed. Panics when something does not hold.
pub fn run(seed: u64) -> Ran {
    run_without(seed, None)
}

/// Runs a seed on a cluster that leaves a rule out.
pub fn run_without(seed: u64, left_out: Option<LeftOut>) -> Ran {
    let mut chaos = Chaos::new(seed, left_out, seed.is_multiple_of(2));
    if seed % 4 > 1 {
        chaos.trace();
    }
    run_chaos(chaos)
}

/// Runs a seed in which everything is held, and released, again and again.
pub fn run_held(seed: u64) -> Ran {
    let mut chaos = Chaos::new(seed, None, seed.is_multiple_of(2));
    chaos.is_held = Some(false);
    run_chaos(chaos)
}

fn run_chaos(mut chaos: Chaos) -> Ran {
    let lines = chaos.lines();
    let mut rest = lines.as_slice();
    while !rest.is_empty() {
        let (now, later) = rest.split_at(rest.len().min(1 + chaos.draw(4) as usize));
        rest = later;
        chaos.pass_until(now.last().map_or(Instant::MIN, |(known_at, _)| *known_at));
        let lines: Vec<Line> = now.iter().map(|(_, line)| line.clone()).collect();
        chaos.feed.write(&lines);
        if !chaos.traces {
            chaos.judge_contacts(&lines);
        }
        chaos.tell(format!("{} lines come in", lines.len()));
        chaos.work(8);
    }
    chaos.quiet();
    chaos.tell("it is quiet".to_owned());
    scratch::check(&chaos.cluster, &chaos.pack, PARTITIONS);
    Ran {
        changes: announced::all(&chaos.cluster, PARTITIONS),
        deaths: chaos.deaths,
        aborts: chaos.aborts,
        ms: chaos.cluster.now().0 - WORLD.begin().0,
        trims: chaos.trims,
        store_faults: chaos.store_faults,
        links: chaos.cluster.end(Topic::Links, 0),
        trace: std::mem::take(&mut chaos.history),
    }
}

pub(super) struct Chaos {
    pub(super) cluster: SimulatedCluster,
    /// The pack in force when it is quiet.
    pub(super) pack: Arc<Pack>,
    pub(super) feed: EvidenceFeed,
    pub(super) members: Vec<Member>,
    drafts: Vec<feeds::Draft>,
    contacts: Vec<(Person, FactKey)>,
    verdicts: Vec<VerdictRow>,
    /// Where they write snapshots, in every second seed.
    snapshots: Option<(TempDir, Snapshots)>,
    deaths: usize,
    aborts: usize,
    trims: usize,
    store_faults: [usize; 2],
    /// The snapshot that is damaged, for as long as it is kept: never more than one of a series.
    damaged: Option<PathBuf>,
    /// Contacts go through trace.
    traces: bool,
    /// Whether positions may expire.
    pub(super) positions_expire: bool,
    /// Whether everything is held now; none: nothing ever is.
    is_held: Option<bool>,
    /// What happened, for whoever looks into a run that failed.
    history: Vec<String>,
}

impl Drop for Chaos {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.history.iter().for_each(|line| eprintln!("{line}"));
            self.members.iter().for_each(|member| eprintln!("{} owns {:?}", member.owner, member.owned()));
            for id in 0..PARTITIONS {
                let (position, end) = (self.cluster.position(id), self.cluster.end(Topic::Evidence, id));
                eprintln!("partition {id} has {end} records, position {position:?}");
                for member in &self.members {
                    let process = member.process();
                    if let Some(trouble) = process.worker().and_then(|worker| worker.trouble(id)) {
                        eprintln!("{}: parked: {}: {trouble}", member.owner, trouble.reason());
                    }
                }
            }
        }
    }
}

impl Chaos {
    pub(super) fn new(seed: u64, left_out: Option<LeftOut>, has_snapshots: bool) -> Chaos {
        let settings = Settings {
            partitions: PARTITIONS,
            seed,
            start: WORLD.begin(),
            markers: MarkerDelivery::Late { ms_max: 80 },
            batch_records_max: 1 + seed as usize % 7,
            left_out,
            ..Settings::default()
        };
        let cluster = SimulatedCluster::new(settings);
        let pack = Arc::clone(&crate::packs()[seed as usize % 2]);
        let names = ["a", "b", "c"];
        // Small pages, so that a sweep is under way when something happens.
        let page = [None, Some(1), Some(2)][seed as usize % 3];
        let snapshots = has_snapshots.then(|| snapshots(3 + seed % 5));
        let of_setup = snapshots.as_ref().map(|(_, snapshots)| snapshots.clone());
        let setup = Setup { page, snapshots: of_setup, ..Setup::of(&pack) };
        let count = 2 + seed as usize / 2 % 2;
        let members = names[..count].iter().map(|name| Member::new(&cluster, name, setup.clone())).collect();
        cluster.set_fault_rates(RATES);
        let drafts = feeds::random(seed as u32, 30 + cluster.draw(90) as usize);
        let feed = EvidenceFeed::new(&cluster, PARTITIONS);
        let (contacts, verdicts) = (Vec::new(), Vec::new());
        Chaos {
            cluster,
            pack,
            feed,
            members,
            drafts,
            contacts,
            verdicts,
            snapshots,
            deaths: 0,
            aborts: 0,
            trims: 0,
            store_faults: [0, 0],
            damaged: None,
            traces: false,
            positions_expire: true,
            is_held: None,
            history: Vec::new(),
        }
    }

    /// Where they write snapshots, if they do.
    pub(super) fn snapshots(&self) -> Option<Snapshots> {
        self.snapshots.as_ref().map(|(_, snapshots)| snapshots.clone())
    }

    /// Contacts are traced from now on.
    fn trace(&mut self) {
        self.traces = true;
        self.feed.link();
        self.members.iter().for_each(Member::trace);
    }

    pub(super) fn draw(&self, bound: u64) -> u64 {
        self.cluster.draw(bound)
    }

    fn member(&self) -> Member {
        self.members[self.draw(self.members.len() as u64) as usize].clone()
    }

    /// By when they are known.
    pub(super) fn lines(&self) -> Vec<(Instant, Line)> {
        let known_at = |line: &Line| Instant::parse(&text_of(line, "known_at")).unwrap();
        let mut lines: Vec<(Instant, Line)> =
            WORLD.lines(&self.drafts).into_iter().map(|line| (known_at(&line), line)).collect();
        lines.sort_by_key(|(known_at, _)| *known_at);
        lines
    }

    /// Time passes, in a few steps, so that windows close in between.
    pub(super) fn pass_until(&mut self, at: Instant) {
        for left in (0..=self.draw(3)).rev() {
            let ms = (at.0 - self.cluster.now().0).max(0) / (left as i64 + 1);
            self.cluster.advance(ms as u64);
            if left > 0 {
                self.work(4);
            }
        }
    }

    /// Trace has its say on a contact, says something again, or nothing.
    fn judge_contacts(&mut self, lines: &[Line]) {
        for line in lines.iter().filter(|line| line.feed == Feed::Contacts) {
            let person = line.person.unwrap();
            let fact = fact_key(Feed::Contacts, person, &text_of(line, "owner"), &text_of(line, "id"));
            self.contacts.push((person, fact));
        }
        if !self.contacts.is_empty() && self.draw(2) == 0 {
            let (person, fact) = self.contacts[self.draw(self.contacts.len() as u64) as usize];
            let version = self.verdicts.len() as u64 + 1;
            self.verdicts.push(VerdictRow { person, fact, counts: self.draw(3) == 0, version });
            self.feed.verdict(*self.verdicts.last().unwrap());
        }
        if !self.verdicts.is_empty() && self.draw(3) == 0 {
            let again = self.verdicts[self.draw(self.verdicts.len() as u64) as usize];
            self.feed.verdict(again);
        }
    }

    /// A few turns of whoever's turn it is, and mischief.
    pub(super) fn work(&mut self, turns_max: u64) {
        for _ in 0..self.draw(turns_max) {
            let member = self.member();
            self.mischief(&member);
            if self.is_held.is_some() && self.draw(30) == 0 {
                self.hold(self.is_held == Some(false));
            }
            self.turn(&member);
            self.cluster.advance(self.draw(12));
        }
    }

    /// Everything is held, or released; all members share the word.
    fn hold(&mut self, is_held: bool) {
        self.is_held = Some(is_held);
        for member in &self.members {
            member.words().hold(is_held);
        }
        self.tell(if is_held { "everything is held" } else { "it is released" }.to_owned());
    }

    fn turn(&mut self, member: &Member) -> Turn {
        match member.turn() {
            Ok(turn) => {
                if turn != Turn::default() {
                    self.tell(format!("{} {turn:?}", member.owner));
                }
                self.aborts += turn.aborts;
                turn
            }
            Err(error) => {
                self.ended(member, &error);
                Turn { aborts: 1, ..Turn::default() }
            }
        }
    }

    pub(super) fn tell(&mut self, what: String) {
        self.history.push(format!("{} {what}", self.cluster.now().0));
    }

    fn ended(&mut self, member: &Member, error: &LogError) {
        self.deaths += 1;
        self.tell(format!("{} ended: {error}", member.owner));
        check_end(error);
    }

    fn mischief(&mut self, member: &Member) {
        // It is away for a while, and not for half of the run.
        if !self.has_store() && self.draw(8) == 0 {
            self.move_store();
        }
        let place = PLACES[self.draw(4) as usize];
        let mischief = self.draw(60);
        if mischief < 12 {
            self.tell(format!("mischief {mischief} to {}, {place:?}", member.owner));
        }
        match mischief {
            0 | 1 => self.cluster.expire(&member.owner),
            2 => self.cluster.rotate(),
            3 | 4 => self.cluster.fail_commit(&member.owner, Fault::Crash(place)),
            5 => self.cluster.crash(&member.owner),
            6 => member.shift_clock(SHIFTS_MS[self.draw(SHIFTS_MS.len() as u64) as usize]),
            7 => self.cluster.advance(self.draw(20_000)),
            8 => {
                if let Err(error) = member.try_leave() {
                    self.ended(member, &error);
                }
            }
            9 if self.positions_expire => self.cluster.forget_position(self.draw(u64::from(PARTITIONS)) as u32),
            10 | 11 => self.stand_still(member, place),
            12..=14 if self.snapshots.is_some() => self.expire(),
            15 if self.has_store() => self.move_store(),
            16 | 18..=20 if self.snapshots.is_some() => self.damage(),
            17 if self.traces => self.cluster.expire_links(),
            _ => {}
        }
    }

    /// A series of snapshots, drawn.
    fn series(&self) -> Option<Series> {
        let (_, snapshots) = self.snapshots.as_ref()?;
        let at = self.draw(u64::from(PARTITIONS) + u64::from(self.traces)) as u32;
        let (series, log) = match at {
            PARTITIONS => ("links".to_owned(), (Topic::Links, 0)),
            _ => (series_of_partition(at), (Topic::Evidence, at)),
        };
        let entries = std::fs::read_dir(Path::new(&snapshots.place).join(series)).into_iter().flatten().flatten();
        // A name begins with the offset; one that is being written begins with a dot.
        let offset = |path: &PathBuf| path.file_name()?.to_str()?.split('-').next()?.parse().ok();
        let mut found: Vec<(u64, PathBuf)> =
            entries.filter_map(|entry| Some((offset(&entry.path())?, entry.path()))).collect();
        found.sort_unstable();
        Some((log, found))
    }

    /// Retention takes what the older of two snapshots holds, and no more.
    fn expire(&mut self) {
        let Some(((topic, partition), found)) = self.series() else { return };
        let held = self.cluster.records(topic, partition).first().map(|record| record.offset);
        if let (true, Some((oldest, _)), Some(held)) = (found.len() > 1, found.first(), held)
            && *oldest > held
        {
            self.cluster.retain_from(topic, partition, *oldest);
            self.trims += 1;
            self.tell(format!("{topic:?} {partition} begins at {oldest} now"));
        }
    }

    /// The store goes away, or comes back.
    fn move_store(&mut self) {
        let Some((_, snapshots)) = &self.snapshots else { return };
        let place = Path::new(&snapshots.place);
        let elsewhere = place.with_extension("away");
        let (from, to) = if place.is_dir() { (place, &*elsewhere) } else { (&*elsewhere, place) };
        std::fs::rename(from, to).unwrap();
        let is_away = to == elsewhere;
        self.store_faults[0] += usize::from(is_away);
        self.tell(format!("the store is {}", if is_away { "away" } else { "back" }));
    }

    /// The newest snapshot of a series is damaged: the one before it is enough (R-9 keeps two).
    fn damage(&mut self) {
        let Some((_, found)) = self.series() else { return };
        let [.., (_, newest)] = &found[..] else { return };
        if found.len() < 2 || self.damaged.as_ref().is_some_and(|damaged| damaged.is_dir() || !self.has_store()) {
            return;
        }
        let mut files: Vec<PathBuf> = std::fs::read_dir(newest).unwrap().flatten().map(|entry| entry.path()).collect();
        files.retain(|path| path.extension().is_some_and(|ending| ending == "parquet"));
        files.sort_unstable();
        let Some(file) = files.first() else { return };
        let mut bytes = std::fs::read(file).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        std::fs::write(file, bytes).unwrap();
        self.store_faults[1] += 1;
        self.tell(format!("a snapshot is damaged: {:?}", newest.file_name()));
        self.damaged = Some(newest.clone());
    }

    fn has_store(&self) -> bool {
        self.snapshots.as_ref().is_none_or(|(_, snapshots)| Path::new(&snapshots.place).is_dir())
    }

    /// Whether everything in the link log is judged, and known to whoever has it.
    fn is_traced(&self) -> bool {
        let end = self.cluster.end(Topic::Links, 0);
        !self.traces || self.members.iter().any(|member| member.process().judged_links() == Some(end))
    }

    /// In its next commit the member stands still, is expelled, and the others go on for a while.
    fn stand_still(&self, member: &Member, place: CommitPlace) {
        let owner = member.owner.clone();
        let others: Vec<Member> = self.members.iter().filter(|other| other.owner != owner).cloned().collect();
        let turns = 2 + self.draw(20);
        let is_expelled = self.draw(4) > 0;
        let meanwhile = move |cluster: &SimulatedCluster| {
            if is_expelled {
                cluster.expire(&owner);
            }
            for at in 0..turns {
                let other = &others[at as usize % others.len()];
                if let Some(Err(error)) = other.try_turn() {
                    check_end(&error);
                }
                cluster.advance(7);
            }
        };
        self.cluster.fail_commit(&member.owner, Fault::Meanwhile(place, Box::new(meanwhile)));
    }

    /// Nothing goes wrong any more; everybody finishes.
    pub(super) fn quiet(&mut self) {
        if self.is_held == Some(true) {
            self.hold(false);
        }
        self.cluster.set_fault_rates(FaultRates::default());
        self.cluster.set_markers(MarkerDelivery::AtOnce);
        self.members.iter().for_each(|member| member.shift_clock(0));
        if !self.has_store() {
            self.move_store();
        }
        // Beyond every clock that was ahead.
        self.cluster.advance(7_200_000);
        let mut rounds_without_news = 0;
        for _ in 0..2_000 {
            let mut has_news = false;
            for member in self.members.clone() {
                has_news |= self.turn(&member) != Turn::default();
                self.cluster.advance(10);
            }
            rounds_without_news = if has_news { 0 } else { rounds_without_news + 1 };
            // Longer than a session: a worker may have died in the quiet, by a fault that was planned before.
            if rounds_without_news > 80 {
                if self.is_traced() && scratch::is_calm(&self.cluster, &self.pack, PARTITIONS, 5_000) {
                    return;
                }
                self.cluster.advance(11_000);
                rounds_without_news = 0;
            }
        }
        panic!("it does not get quiet");
    }
}

/// Snapshots after so many records, in a folder of the run's own.
fn snapshots(records: u64) -> (TempDir, Snapshots) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let (place, store) = (path.display().to_string(), SnapshotStore::folder(&path).unwrap());
    let (every, at_stop) = (Duration::from_secs(1_000 * 86_400), Duration::ZERO);
    (folder, Snapshots { store, place, every, records, at_stop })
}

/// A worker may end by its log; by nothing else, since nothing is wrong with evidence, packs or output.
fn check_end(error: &LogError) {
    assert_ne!(error.severity(), Severity::Operator, "{error}");
}

/// A text field of a line.
fn text_of(line: &Line, name: &str) -> String {
    let value = line.text.split(&format!("\"{name}\":\"")).nth(1).unwrap();
    value.split('"').next().unwrap().to_owned()
}
