//! Officials and the keeper of publications of tiers on the simulated cluster: what the service does beside its
//! workers.
//!
//! Owns the writing. What is to be written is the engine's (`live::guard::due`).

use std::time::Duration;

use arrow::array::RecordBatch;
use fuma_connectors::log::{LogRecord, Topic};
use fuma_pipeline::live::decisions::basis::{
    Approved, Bootstrap, FirstOfficials, Limits, Official, Officials, PackName, Publication, Purpose, Quorum, Role,
    Seen, Signed, Standing, Withdrawn, hex_of,
};
use fuma_pipeline::live::decisions::{Fold, Installation, Record};
use fuma_pipeline::live::guard::{self, Publications, Taken};
use fuma_pipeline::live::record::{self, Control, RecordWriter, Section};
use fuma_schemas::Kind;
use ring::signature::{Ed25519KeyPair, KeyPair as _};

use super::Member;
use crate::simulated::SimulatedCluster;

/// Without rows for so long a publication is whole.
pub const SETTLE: Duration = Duration::from_secs(10);

/// What waits is looked after.
pub struct Keeping {
    cluster: SimulatedCluster,
    /// The first decision that is there: an installation may have been adopted without those before it.
    first: u64,
}

fn pair(name: &str) -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[name.len() as u8; 32]).unwrap()
}

impl Keeping {
    /// From now on rows of regions wait; publications of an hour may change so many people without an approval.
    pub fn begin(cluster: &SimulatedCluster, partitions: u32, people: u64) -> Keeping {
        let keeping = Keeping { cluster: cluster.clone(), first: 0 };
        keeping.found(partitions, people);
        keeping.control(Control::Guarded);
        keeping
    }

    /// The decisions are gone, and the installation is adopted: they begin anew.
    pub fn adopt(&mut self, partitions: u32, people: u64) {
        self.first = self.cluster.records(Topic::Decisions, 0).len() as u64;
        self.found(partitions, people);
    }

    fn found(&self, partitions: u32, people: u64) {
        self.write(&Record::Installation(Installation { partitions, ..Installation::default() }));
        let pack = PackName { digest: "00".repeat(32), id: "first".into(), version: "1".into() };
        self.write(&Record::Bootstrap(Bootstrap { number: 1, pack, at: 0 }));
        let official = |name: &str, role: Role| Official {
            name: name.to_owned(),
            key: hex_of(pair(name).public_key().as_ref()),
            roles: [role].into(),
        };
        let officials = vec![official("an author", Role::Author), official("approver", Role::Approver)];
        let list = Officials { officials, quorum: Quorum::default() };
        self.write(&Record::Officials(FirstOfficials { list, at: 0 }));
        self.write(&Record::Limits(Limits { people, percent: 100, at: 0 }));
    }

    fn write(&self, record: &Record) {
        self.cluster.append(Topic::Decisions, 0, record.to_bytes().unwrap());
    }

    fn control(&self, control: Control) {
        let mut writer = RecordWriter::new();
        writer.add_control(control);
        self.cluster.append(Topic::Regions, 0, writer.finish());
    }

    /// What the decisions come to.
    pub fn fold(&self) -> Fold {
        let mut fold = Fold::default();
        for record in self.cluster.records(Topic::Decisions, 0).into_iter().filter(|it| it.offset >= self.first) {
            fold.take(record.offset, record.timestamp, &record.value.unwrap());
        }
        fold
    }

    /// A turn of the keeper of a process, by what that has read.
    pub fn turn(&self, member: &Member) {
        let (fold, counts) = (self.fold(), member.counts());
        let now = (self.cluster.now(), SETTLE);
        let due = member.references().publications(|publications| guard::due(fold.basis(), publications, now)).unwrap();
        counts.ask(due.count);
        due.close.into_iter().for_each(|closed| self.write(&Record::Closed(closed)));
        counts.to_write().into_iter().for_each(|counted| self.write(&Record::Counted(counted)));
        due.admit.into_iter().for_each(|control| self.control(control));
    }

    /// Processes take part for so long, each with a keeper that turns twice a second.
    pub fn run(&self, members: &[&Member], ms: i64) {
        let until = self.cluster.now().0 + ms;
        while self.cluster.now().0 < until {
            super::process::run(members, 500);
            members.iter().for_each(|member| self.turn(member));
        }
    }

    /// The publications, in the order in which they were closed.
    pub fn publications(&self) -> Vec<Publication> {
        self.fold().basis().publications().to_vec()
    }

    /// What became of each publication.
    pub fn standings(&self) -> Vec<&'static str> {
        let word = |publication: &Publication| match publication.standing {
            Standing::Waiting => "waiting",
            Standing::Held => "held",
            Standing::Admitted { .. } => "admitted",
            Standing::Withdrawn { .. } => "withdrawn",
        };
        self.publications().iter().map(word).collect()
    }

    /// An official approves a publication with the size that it has now.
    pub fn approve(&self, id: &str, name: &str) {
        let (fold, publications) = (self.fold(), self.publications());
        let publication = publications.iter().find(|publication| publication.closed.id == id).unwrap();
        let (digest, valid_from) = (fold.basis().publication_digest(publication), publication.closed.at);
        let installation = fold.basis().installation().to_owned();
        let digest_of = digest.clone();
        let signed = Signed { purpose: Purpose::Approval, digest: digest_of, valid_from, installation, preview: None };
        let signature = hex_of(pair(name).sign(&signed.bytes()).as_ref());
        let (proposal, official) = (id.to_owned(), name.to_owned());
        let basis = Seen::default();
        let approved = Approved { proposal, digest, valid_from, basis, preview: None, official, signature, at: 0 };
        self.write(&Record::Approved(approved));
    }

    /// A publication is withdrawn.
    pub fn withdraw(&self, id: &str) {
        let (proposal, reason) = (id.to_owned(), "a fault of the list".to_owned());
        self.write(&Record::Withdrawn(Withdrawn { proposal, reason, official: None, signature: None, at: 0 }));
    }
}

/// The rows of regions that are in force, by the whole log.
pub fn regions(cluster: &SimulatedCluster) -> Vec<RecordBatch> {
    let (mut publications, mut all) = (Publications::default(), Vec::new());
    for record in cluster.records(Topic::Regions, 0) {
        let value = record.value.unwrap();
        let record = LogRecord { partition: 0, offset: record.offset, timestamp: record.timestamp, value };
        match publications.take(&record) {
            Taken::Nothing => {}
            Taken::Admitted(admitted) => all.extend(admitted.rows().cloned()),
            Taken::AsItIs(value) => {
                all.extend(record::read(&value).unwrap().into_iter().map(|section| match section {
                    Section::Rows { kind: Kind::Regions, batch } => batch,
                    other => panic!("nobody writes it here: {other:?}"),
                }))
            }
        }
    }
    all
}
