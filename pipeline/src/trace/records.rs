//! Rows of the evidence log as records of cases and contacts.
//!
//! Owns the columns that trace reads. Must never keep a piece of a batch.

use arrow::array::{
    Array, BooleanArray, FixedSizeBinaryArray, StringArray, TimestampMillisecondArray, UInt8Array, UInt32Array,
};
use arrow::record_batch::RecordBatch;
use fuma_schemas::evidence::LINK_COLUMNS;
use fuma_schemas::vocabulary::{Classification, ClosedList};
use fuma_schemas::{Feed, Instant, Kind, Person};

use crate::evidence::{Contents, FactKey, LinksRank, NameKey, Ranked, Version, fact_key, link_key};

/// A batch that is none of the evidence log: another build wrote it, or it is damaged.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum LinkBatchError {
    /// A column is missing, or of another type.
    #[error("a batch of {kind} has no column {column:?} of the type in log schema {version}: read it with the build that wrote it",
        version = fuma_schemas::evidence::LOG_SCHEMA_VERSION)]
    Column {
        /// The table.
        kind: &'static str,
        /// The column.
        column: &'static str,
    },
    /// A row was asked for that is not there.
    #[error("row {row} of a batch of {rows} rows: the list of rows belongs to another batch")]
    Row {
        /// The row that was asked for.
        row: u32,
        /// How many there are.
        rows: usize,
    },
}

/// What is absent: before every instant of a record.
pub(super) const ABSENT: Instant = Instant(i64::MIN);

/// What a record says, as far as it decides between records of one version.
///
/// Of a case the classification is enough: what comes after it cannot change whether the case has fallen. The names
/// that a contact hangs on come after these.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Content {
    /// Classification or degree, as code + 1.
    pub(super) code: u8,
    pub(super) determined_at: Instant,
    pub(super) last_exposure_at: Instant,
}

/// What a case or a contact says, as it is compared: by the order that evidence uses too (docs/feeds.md, "Greater
/// contents").
#[derive(Clone, Copy)]
pub(super) struct Said {
    pub(super) is_contact: bool,
    pub(super) content: Content,
    pub(super) links: [Option<NameKey>; 2],
}

impl Contents for Said {
    fn kind(&self) -> Kind {
        if self.is_contact { Kind::Contacts } else { Kind::Cases }
    }

    fn ranked(&self, column: usize) -> Ranked<'_> {
        let instant = |instant: Instant| if instant == ABSENT { Ranked::Absent } else { Ranked::Number(instant.0) };
        match (column, self.is_contact) {
            (0, _) => self.content.code.checked_sub(1).map_or(Ranked::Absent, |code| Ranked::Number(i64::from(code))),
            (1, true) => instant(self.content.determined_at),
            (2, true) => instant(self.content.last_exposure_at),
            _ => Ranked::Absent,
        }
    }

    fn links(&self) -> LinksRank {
        LinksRank::of(self.links)
    }
}

/// A record of a case or a contact.
#[derive(Clone, Copy)]
pub(super) struct LinkRecord<'a> {
    pub(super) feed: Feed,
    pub(super) person: Person,
    pub(super) owner: &'a str,
    pub(super) id: &'a str,
    pub(super) key: FactKey,
    pub(super) version: Version,
    pub(super) content: Content,
    /// Whether the record has fallen by itself: retracted, or an excluded case.
    pub(super) is_ground: bool,
    /// The case and the contact that a contact hangs on.
    pub(super) links: [Option<NameKey>; 2],
}

/// The columns of a batch of cases or contacts.
pub(super) struct LinkBatch<'a> {
    kind: Kind,
    person: &'a FixedSizeBinaryArray,
    owner: &'a StringArray,
    id: &'a StringArray,
    revision: &'a UInt32Array,
    retracted: &'a BooleanArray,
    known_at: &'a TimestampMillisecondArray,
    code: &'a UInt8Array,
    of_contact: Option<ContactColumns<'a>>,
}

struct ContactColumns<'a> {
    determined_at: &'a TimestampMillisecondArray,
    last_exposure_at: &'a TimestampMillisecondArray,
    links: [(Feed, &'a StringArray); 2],
}

impl<'a> LinkBatch<'a> {
    /// The columns of a batch, of which these rows are to be read.
    pub(super) fn of(kind: Kind, batch: &'a RecordBatch, rows: &[u32]) -> Result<LinkBatch<'a>, LinkBatchError> {
        let is_outside = |row: &&u32| **row as usize >= batch.num_rows();
        if let Some(&row) = rows.iter().find(is_outside) {
            return Err(LinkBatchError::Row { row, rows: batch.num_rows() });
        }
        let person: &FixedSizeBinaryArray = column(kind, batch, "person")?;
        if person.value_length() != 16 {
            return Err(LinkBatchError::Column { kind: kind.name(), column: "person" });
        }
        let code = if kind == Kind::Cases { "classification" } else { "degree" };
        Ok(LinkBatch {
            kind,
            person,
            owner: column(kind, batch, "owner")?,
            id: column(kind, batch, "id")?,
            revision: column(kind, batch, "revision")?,
            retracted: column(kind, batch, "retracted")?,
            known_at: column(kind, batch, "known_at")?,
            code: column(kind, batch, code)?,
            of_contact: if kind == Kind::Contacts { Some(ContactColumns::of(batch)?) } else { None },
        })
    }

    /// The record in a row; the row is one of those that the batch was opened for.
    pub(super) fn record(&self, row: usize) -> LinkRecord<'a> {
        let feed = self.kind.feed();
        let mut person = Person::default();
        person.0.copy_from_slice(self.person.value(row));
        let (owner, id) = (self.owner.value(row), self.id.value(row));
        let version = Version {
            revision: self.revision.value(row),
            retracted: self.retracted.value(row),
            known_at: Instant(self.known_at.value(row)),
        };
        let key = fact_key(feed, person, owner, id);
        let is_ground = version.retracted;
        let mut record = LinkRecord {
            feed,
            person,
            owner,
            id,
            key,
            version,
            content: Content::default(),
            is_ground,
            links: [None; 2],
        };
        if !version.retracted {
            self.read_content(row, &mut record);
        }
        record
    }

    /// Of a retraction nothing more is looked at (docs/feeds.md section 1), of an assertion all that decides.
    fn read_content(&self, row: usize, record: &mut LinkRecord<'a>) {
        let code = self.code.is_valid(row).then(|| self.code.value(row));
        record.content.code = code.map_or(0, |code| code.saturating_add(1));
        match &self.of_contact {
            None => record.is_ground = code == Some(Classification::Excluded.code()),
            Some(columns) => {
                record.content.determined_at = instant(columns.determined_at, row);
                record.content.last_exposure_at = instant(columns.last_exposure_at, row);
                record.links = columns.links.map(|(feed, names)| link(feed, names, row));
            }
        }
    }
}

impl LinkRecord<'_> {
    /// What the record says.
    pub(super) fn said(&self) -> Said {
        Said { is_contact: self.feed == Feed::Contacts, content: self.content, links: self.links }
    }
}

impl<'a> ContactColumns<'a> {
    fn of(batch: &'a RecordBatch) -> Result<ContactColumns<'a>, LinkBatchError> {
        let [case, contact] = LINK_COLUMNS;
        Ok(ContactColumns {
            determined_at: column(Kind::Contacts, batch, "determined_at")?,
            last_exposure_at: column(Kind::Contacts, batch, "last_exposure_at")?,
            links: [
                (Feed::Cases, column(Kind::Contacts, batch, case)?),
                (Feed::Contacts, column(Kind::Contacts, batch, contact)?),
            ],
        })
    }
}

fn column<'a, A: Array + 'static>(
    kind: Kind,
    batch: &'a RecordBatch,
    name: &'static str,
) -> Result<&'a A, LinkBatchError> {
    let column = batch.column_by_name(name).and_then(|column| column.as_any().downcast_ref());
    column.ok_or(LinkBatchError::Column { kind: kind.name(), column: name })
}

fn instant(column: &TimestampMillisecondArray, row: usize) -> Instant {
    if column.is_valid(row) { Instant(column.value(row)) } else { ABSENT }
}

/// The name that an index names.
fn link(feed: Feed, names: &StringArray, row: usize) -> Option<NameKey> {
    if names.is_null(row) {
        return None;
    }
    link_key(feed, names.value(row))
}
