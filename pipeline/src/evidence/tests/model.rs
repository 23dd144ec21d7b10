//! The naive model: keeps every record, and finds winners and matches by looking at all of them.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use fuma_schemas::Kind;
use fuma_schemas::evidence::ColumnType;
use fuma_schemas::vocabulary::{ClosedList, Granularity, Tier};

use super::records::{Cell, Record};
use crate::evidence::FactKey;

/// Records as they came, and the last verdict on each contact.
#[derive(Default)]
pub(super) struct Model {
    pub(super) records: Vec<Record>,
    pub(super) verdicts: BTreeMap<(u8, FactKey), bool>,
}

/// The winner of a fact and when it became known.
struct Standing<'a> {
    winner: &'a Record,
    first_known: i64,
}

impl Model {
    /// What `records::rows_of_all` must give.
    pub(super) fn rows(&self) -> Vec<String> {
        let standing = self.standing();
        let mut lines = Vec::new();
        for fact in standing.iter().filter(|fact| fact.winner.kind != Kind::Regions) {
            let row = self.row(fact);
            lines.push(format!("{} {row}", fact.winner.kind.name()));
            if fact.winner.kind == Kind::Stays {
                lines.extend(
                    tiers(&fact.winner.cells[0], &standing).iter().map(|tier| format!("tiered_stays {row}|{tier}")),
                );
            }
        }
        lines.sort();
        lines
    }

    fn standing(&self) -> Vec<Standing<'_>> {
        let mut facts: BTreeMap<(fuma_schemas::Person, FactKey), Vec<&Record>> = BTreeMap::new();
        for record in &self.records {
            let person = if record.kind == Kind::Regions {
                fuma_schemas::Person::default()
            } else {
                super::records::person(record.person)
            };
            facts
                .entry((person, crate::evidence::fact_key(record.kind.feed(), person, &record.owner, &record.id)))
                .or_default()
                .push(record);
        }
        let settle = |records: Vec<&Record>| {
            let winner = *records.iter().max_by(|a, b| order(a, b))?;
            let says_the_same = |record: &&&Record| match record.kind {
                Kind::Contacts => !record.retracted && is_same_contact(record, winner),
                // A phone and whose it is.
                Kind::Bindings => winner.retracted || !record.retracted && record.cells[..2] == winner.cells[..2],
                _ => true,
            };
            let first_known = records.iter().filter(says_the_same).map(|record| record.known_at).min()?;
            (!winner.retracted).then(|| (winner.clone(), first_known))
        };
        facts
            .into_values()
            .filter_map(|records| {
                let (winner, first_known) = settle(records)?;
                let winner = self.records.iter().find(|record| **record == winner)?;
                Some(Standing { winner, first_known })
            })
            .collect()
    }

    fn row(&self, fact: &Standing<'_>) -> String {
        let record = fact.winner;
        let mut cells = vec![record.person.to_string(), record.known_at.to_string(), fact.first_known.to_string()];
        cells.extend(
            record.kind.columns().iter().zip(&record.cells).map(|(column, cell)| text(column.column_type, cell)),
        );
        match record.kind {
            Kind::Contacts => {
                cells.push(self.verdicts.get(&(record.person, record.key())).copied().unwrap_or(true).to_string());
                cells.push("reported".into());
            }
            Kind::Listings => cells.push(record.owner.clone()),
            Kind::Stays => cells.push(Granularity::of_code(&cells[3]).unwrap().name().into()),
            _ => {}
        }
        cells.join("|")
    }
}

fn order(a: &Record, b: &Record) -> Ordering {
    let kind = |record: &Record| match record.kind {
        Kind::Stays => 0,
        Kind::Trips => 1,
        _ => 2,
    };
    let version = |record: &Record| (record.revision, record.retracted, record.known_at, kind(record));
    // In the order of the cells' variants: what is absent is lowest.
    version(a).cmp(&version(b)).then_with(|| a.cells.cmp(&b.cells))
}

/// The degree of the winner, and a last exposure within 24 h of the winner's.
fn is_same_contact(record: &Record, winner: &Record) -> bool {
    let exposed = |record: &Record| match record.cells[2] {
        Cell::Instant(at) => at,
        _ => panic!("a contact without its last exposure"),
    };
    winner.retracted
        || record.cells[0] == winner.cells[0] && (exposed(record) - exposed(winner)).abs() <= 24 * 3_600_000
}

fn named(column_type: ColumnType, cell: &Cell) -> Cell {
    match (column_type, cell) {
        (ColumnType::Code(names), Cell::Code(code)) => Cell::Text(names[usize::from(*code)].into()),
        _ => cell.clone(),
    }
}

fn text(column_type: ColumnType, cell: &Cell) -> String {
    match named(column_type, cell) {
        Cell::Null => "-".into(),
        Cell::Instant(value) => value.to_string(),
        Cell::Number(value) => value.to_string(),
        Cell::Text(value) => value,
        Cell::Code(_) => unreachable!(),
    }
}

/// The distinct tiers of a stay: every region that stands is looked at.
fn tiers(region: &Cell, standing: &[Standing<'_>]) -> BTreeSet<String> {
    let Cell::Text(code) = region else { panic!("a stay without a region") };
    let mut found = BTreeSet::new();
    for fact in standing.iter().filter(|fact| fact.winner.kind == Kind::Regions) {
        let [Cell::Text(other), Cell::Code(tier), Cell::Instant(since), until, ..] = &fact.winner.cells[..] else {
            panic!("no region")
        };
        let how = match (code == other, code.starts_with(other.as_str()), other.starts_with(code.as_str())) {
            (true, _, _) => "exact",
            (_, true, _) => "within",
            (_, _, true) => "contains",
            _ => continue,
        };
        if matches!(until, Cell::Instant(until) if until <= since) {
            continue;
        }
        found.insert(format!("{}|{since}|{}|{how}", Tier::NAMES[usize::from(*tier)], text(ColumnType::Instant, until)));
    }
    found
}
