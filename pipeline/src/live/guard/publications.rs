//! The log of regions as it takes effect: rows wait for their publication, and take effect whole where a record says
//! so.
//!
//! ```text
//! rows              before the guard began: at once, as older builds wrote them
//! "guarded"         rows behind it wait
//! "admitted P E"    the rows of publication P before offset E take effect here
//! ```
//!
//! So what a partition judges by is, now as before, a function of the log of regions up to an offset: positions and
//! restores stay as they are. Owns which rows belong together. Must never ask whether a publication may take effect.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use arrow::array::{Array as _, AsArray as _, RecordBatch, StringArray, UInt32Array};
use arrow::compute::take_record_batch;
use arrow::datatypes::{TimestampMillisecondType, UInt8Type, UInt32Type};
use bytes::Bytes;
use fuma_connectors::log::LogRecord;
use fuma_schemas::{Instant, Kind};
use hashbrown::HashMap;
use sha2::{Digest as _, Sha256};

use crate::live::decisions::basis::{hex_of, publication_of};
use crate::live::record::{self, Control, Origin, RecordError, Section};

/// Rows of one publication in one record of the log.
#[derive(Clone, Debug)]
struct Piece {
    offset: u64,
    at: Instant,
    /// The whole record, for whose it is.
    record: Bytes,
    rows: RecordBatch,
}

/// Rows that take effect together.
#[derive(Clone, Debug, Default)]
pub struct Admitted(Vec<(Bytes, RecordBatch)>);

impl Admitted {
    /// The rows, if all are of the installation.
    ///
    /// # Errors
    /// When a record is another's.
    pub fn sections(&self, own: Origin) -> Result<Vec<Section>, RecordError> {
        let section = |(record, rows): &(Bytes, RecordBatch)| {
            record::read_as(record, own)?;
            Ok(Section::Rows { kind: Kind::Regions, batch: rows.clone() })
        };
        self.0.iter().map(section).collect()
    }

    /// The rows.
    pub fn rows(&self) -> impl Iterator<Item = &RecordBatch> {
        self.0.iter().map(|(_, rows)| rows)
    }
}

/// What a record of the log of regions does where it stands.
#[derive(Clone, Debug)]
pub enum Taken {
    /// Its rows take effect.
    AsItIs(Bytes),
    /// Nothing: its rows wait, or it says something about those behind it.
    Nothing,
    /// The rows of a publication take effect.
    Admitted(Arc<Admitted>),
}

/// Rows that wait, by owner.
#[derive(Debug, Default)]
pub struct Publications {
    is_guarded: bool,
    waiting: BTreeMap<String, Vec<Piece>>,
    /// Where each publication that there may be begins.
    begin: HashMap<u64, (String, u64)>,
    /// Those that took effect.
    admitted: HashSet<u64>,
    /// After which offset how many had.
    places: Vec<u64>,
}

/// Rows of an owner that are in no publication yet.
#[derive(Clone, Debug)]
pub struct Open<'a> {
    /// Whose.
    pub owner: &'a str,
    /// The first record.
    pub first: u64,
    /// One past the last.
    pub end: u64,
    /// When the log took the first, and the last.
    pub taken: (Instant, Instant),
}

impl Publications {
    /// Whether rows wait at all.
    pub fn is_guarded(&self) -> bool {
        self.is_guarded
    }

    /// Takes the next record of the log.
    pub fn take(&mut self, record: &LogRecord) -> Taken {
        // What cannot be read is for those to say who go by it.
        let Ok(sections) = record::read(&record.value) else { return Taken::AsItIs(record.value.clone()) };
        match &sections[..] {
            [Section::Control(Control::Guarded)] => {
                self.is_guarded = true;
                Taken::Nothing
            }
            [Section::Control(Control::Admitted { publication, end })] => self.admit(*publication, *end, record.offset),
            rows if self.is_guarded && !rows.is_empty() => {
                let parts: Option<Vec<_>> = rows.iter().map(by_owner).collect();
                let Some(parts) = parts else { return Taken::AsItIs(record.value.clone()) };
                for (owner, rows) in parts.into_iter().flatten() {
                    self.begin.insert(publication_of(&owner, record.offset), (owner.clone(), record.offset));
                    let (offset, at, record) = (record.offset, record.timestamp, record.value.clone());
                    self.waiting.entry(owner).or_default().push(Piece { offset, at, record, rows });
                }
                Taken::Nothing
            }
            _ => Taken::AsItIs(record.value.clone()),
        }
    }

    fn admit(&mut self, publication: u64, end: u64, offset: u64) -> Taken {
        if !self.admitted.insert(publication) {
            return Taken::Nothing;
        }
        self.places.push(offset);
        let Some((owner, first)) = self.begin.remove(&publication) else {
            tracing::error!(offset, publication, "a publication is let in of which no row is here");
            return Taken::Nothing;
        };
        let Some(pieces) = self.waiting.get_mut(&owner) else { return Taken::Nothing };
        let taken: Vec<Piece> = pieces.extract_if(.., |piece| (first..end).contains(&piece.offset)).collect();
        if pieces.is_empty() {
            self.waiting.remove(&owner);
        }
        for piece in &taken {
            self.begin.remove(&publication_of(&owner, piece.offset));
        }
        Taken::Admitted(Arc::new(Admitted(taken.into_iter().map(|piece| (piece.record, piece.rows)).collect())))
    }

    /// Whether a publication took effect.
    pub fn is_admitted(&self, publication: u64) -> bool {
        self.admitted.contains(&publication)
    }

    /// How many took effect that are not among these.
    pub fn admitted_besides(&self, known: &HashSet<u64>) -> u64 {
        self.admitted.difference(known).count() as u64
    }

    /// How many publications had taken effect before an offset of the log.
    pub fn admitted_before(&self, next: u64) -> u64 {
        self.places.partition_point(|offset| *offset < next) as u64
    }

    /// Of each owner the rows that are in no publication yet; `closed_up_to` says where those end that are.
    pub fn open<'a>(&'a self, closed_up_to: &'a dyn Fn(&str) -> u64) -> impl Iterator<Item = Open<'a>> {
        self.waiting.iter().filter_map(move |(owner, pieces)| {
            let from = closed_up_to(owner);
            let rest = pieces.iter().filter(|piece| piece.offset >= from);
            let times = rest.clone().map(|piece| piece.at);
            let taken = (times.clone().min()?, times.max()?);
            let (first, last) = (rest.clone().next()?.offset, rest.last()?.offset);
            Some(Open { owner, first, end: last + 1, taken })
        })
    }

    /// The rows of a publication that wait.
    pub fn rows(&self, owner: &str, first: u64, end: u64) -> Vec<RecordBatch> {
        let pieces = self.waiting.get(owner).map_or(&[][..], Vec::as_slice);
        let within = pieces.iter().filter(|piece| (first..end).contains(&piece.offset));
        within.map(|piece| piece.rows.clone()).collect()
    }
}

/// How many rows there are, and their digest.
pub(super) fn digest_of(rows: &[RecordBatch]) -> (u64, String) {
    let (mut count, mut hasher) = (0, Sha256::new());
    for batch in rows {
        let text = |name: &str, row: usize| {
            let column = batch.column_by_name(name).and_then(|column| column.as_string_opt::<i32>());
            let value = column.filter(|column| column.is_valid(row)).map(|column| column.value(row).to_owned());
            value.unwrap_or_else(|| "-".to_owned())
        };
        for row in 0..batch.num_rows() {
            let instants = ["known_at", "since", "until"].map(|name| instant(batch, name, row));
            let instants = instants.map(|at| at.map_or_else(|| "-".to_owned(), |at| at.to_string()));
            let number = |name: &str| {
                let column = batch.column_by_name(name)?;
                let codes = column.as_primitive_opt::<UInt8Type>().filter(|column| column.is_valid(row));
                let codes = codes.map(|column| u32::from(column.value(row)));
                codes.or_else(|| Some(column.as_primitive_opt::<UInt32Type>()?.value(row)))
            };
            let numbers = ["revision", "tier"].map(|name| format!("{:?}", number(name)));
            let flag = batch.column_by_name("retracted").and_then(|column| column.as_boolean_opt());
            let flag = flag.is_some_and(|column| column.value(row)).to_string();
            let texts = ["owner", "id", "region", "authority", "document"].map(|name| text(name, row));
            for part in texts.iter().chain(&instants).chain(&numbers).chain([&flag]) {
                hasher.update((part.len() as u64).to_le_bytes());
                hasher.update(part.as_bytes());
            }
            count += 1;
        }
    }
    (count, hex_of(&hasher.finalize()))
}

fn instant(batch: &RecordBatch, name: &str, row: usize) -> Option<i64> {
    let column = batch.column_by_name(name)?.as_primitive_opt::<TimestampMillisecondType>()?;
    column.is_valid(row).then(|| column.value(row))
}

/// What all rows say of authority and document, if they say the same.
pub(super) fn document_of(rows: &[RecordBatch]) -> Option<String> {
    let mut said: Option<String> = None;
    for batch in rows {
        let text = |name: &str| batch.column_by_name(name).and_then(|column| column.as_string_opt::<i32>());
        let (authorities, documents) = (text("authority")?, text("document")?);
        for row in 0..batch.num_rows() {
            let of = |column: &StringArray| column.is_valid(row).then(|| column.value(row).to_owned());
            let parts = [of(authorities), of(documents)].into_iter().flatten().collect::<Vec<_>>().join(", ");
            if said.get_or_insert_with(|| parts.clone()) != &parts {
                return None;
            }
        }
    }
    said.filter(|said| !said.is_empty())
}

/// The rows of a section by owner; none: it has other rows than those of regions.
fn by_owner(section: &Section) -> Option<Vec<(String, RecordBatch)>> {
    let Section::Rows { kind: Kind::Regions, batch } = section else { return None };
    let owners = batch.column_by_name("owner")?.as_string_opt::<i32>()?;
    let mut rows: BTreeMap<String, Vec<u32>> = BTreeMap::new();
    for row in 0..batch.num_rows() {
        rows.entry(owners.value(row).to_owned()).or_default().push(row as u32);
    }
    let part = |(owner, rows): (String, Vec<u32>)| match rows.len() == batch.num_rows() {
        true => Some((owner, batch.clone())),
        false => Some((owner, take_record_batch(batch, &UInt32Array::from(rows)).ok()?)),
    };
    rows.into_iter().map(part).collect()
}
