//! Decoding: one raw record through reading, checks and pseudonymisation into the builders, in the order of the
//! contract.
//!
//! Owns the order, and with it the code of a reject. A record is judged whole before a builder is touched, so a
//! reject leaves no trace.

use std::sync::Arc;

use fuma_schemas::vocabulary::{ClosedList, TravelKind};
use fuma_schemas::{Feed, Instant, Kind, Person, RejectCode};

use super::builders::{EvidenceBuilders, Head};
use super::check::{self, Context, Value};
use super::fields::{
    self, CERT_NUMBER, CERT_TYPE, FIELDS_MAX, FeedRules, ID, KNOWN_AT, OWNER, PERSON, RETRACTED, REVISION, SLOTS_MAX,
    TRAVEL_KIND,
};
use super::key::{Key, spell};
use super::owners::{Owners, is_owner};
use super::read::{self, Record, Slot};
use super::region_code::RegionTable;
use super::reject::{Fault, Reject};
use super::{resident_id, whole};

/// How far known_at may lie after the instant at which the record was received.
const KNOWN_AHEAD_MS_MAX: i64 = 5 * 60_000;
const CERT_TYPES: [&str; 6] = ["10", "14", "15", "20", "34", "99"];
const RESIDENT_ID: &str = "10";
/// Code points of an id.
const ID_LENGTH_MAX: usize = 128;

/// What decoding depends on besides the record.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The key of the person tokens.
    pub key: Key,
    /// Who may bring which feed.
    pub owners: Owners,
    /// The region codes that exist; none: any code of the right structure.
    pub regions: Option<RegionTable>,
    /// For how long each feed is kept, in the order of [`Feed::ALL`], in milliseconds; none: any record is young
    /// enough. Live only.
    pub retention_ms: [Option<i64>; Feed::ALL.len()],
}

impl Settings {
    /// Everyone's records, any region code, no retention.
    pub fn new(key: Key) -> Settings {
        Settings { key, owners: Owners::Everyone, regions: None, retention_ms: [None; Feed::ALL.len()] }
    }
}

/// A record that became evidence.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Accepted {
    /// When the record became known.
    pub known_at: Instant,
    /// Whom it is about; none for regions.
    pub person: Option<Person>,
    /// The kind whose batch has the row.
    pub kind: Kind,
    /// The builders that have the row: the person's partition, 0 for regions.
    pub partition: usize,
}

/// Decodes records. One per thread: it owns buffers and counts.
#[derive(Debug)]
pub struct Decoder {
    settings: Arc<Settings>,
    spelt: Vec<u8>,
    unknown: [u64; Feed::ALL.len()],
}

impl Decoder {
    /// A decoder with its own buffers.
    pub fn new(settings: Arc<Settings>) -> Decoder {
        Decoder { settings, spelt: Vec::new(), unknown: [0; Feed::ALL.len()] }
    }

    /// How many fields that a feed does not know were dropped so far.
    pub fn unknown_fields(&self, feed: Feed) -> u64 {
        self.unknown[feed as usize]
    }

    /// Decodes one record. Its row goes to the builders of the person's partition, out of `into.len()`; regions go to
    /// the first.
    ///
    /// `received` is the timestamp of a live record: the default of known_at, and what it is measured by. Without one
    /// (replay, watched files, standard input) known_at is required.
    ///
    /// # Errors
    /// The first code of FEEDS.md section 2 that applies. The builders are untouched then.
    pub fn decode(
        &mut self,
        feed: Feed,
        raw: &[u8],
        received: Option<Instant>,
        into: &mut [EvidenceBuilders],
    ) -> Result<Accepted, Reject> {
        self.try_decode(feed, raw, received, into).map_err(Reject::from)
    }

    fn try_decode(
        &mut self,
        feed: Feed,
        raw: &[u8],
        received: Option<Instant>,
        into: &mut [EvidenceBuilders],
    ) -> Result<Accepted, Fault> {
        let rules = fields::rules(feed);
        let mut record = Record::new();
        read::read(rules, raw, &mut record)?;
        self.unknown[feed as usize] += record.unknown;
        let slots = &record.slots;
        let head = Head {
            owner: self.owner(feed, &slots[OWNER], received.is_some())?,
            id: id(&slots[ID])?,
            revision: revision(&slots[REVISION])?,
            retracted: retracted(&slots[RETRACTED])?,
            person: if feed == Feed::Regions { None } else { Some(self.person(slots)?) },
            known_at: self.known_at(feed, &slots[KNOWN_AT], received)?,
        };
        let kind_rules = kind_rules(feed, rules, slots)?;
        let mut values = [Value::Null; FIELDS_MAX];
        if !head.retracted {
            let context = Context { owner: head.owner, regions: self.settings.regions.as_ref() };
            let of_kind = slots.get(kind_rules.first_slot..).unwrap_or_default();
            for ((field, slot), value) in kind_rules.fields.iter().zip(of_kind).zip(&mut values) {
                *value = check::check(field, slot, &context)?;
            }
            whole::check(kind_rules, &values, head.known_at)?;
        }
        let partition = head.person.map_or(0, |person| person.partition(into.len()));
        if let Some(builders) = into.get_mut(partition) {
            builders.append(kind_rules.kind, &head, &values);
        }
        Ok(Accepted { known_at: head.known_at, person: head.person, kind: kind_rules.kind, partition })
    }

    fn owner<'a>(&self, feed: Feed, slot: &'a Slot<'_>, live: bool) -> Result<&'a str, Fault> {
        let owner = check::text(slot, "owner")?;
        if !is_owner(owner) {
            return Err(Fault::new(RejectCode::BadValue, "owner"));
        }
        if !self.settings.owners.accept(feed, owner, live) {
            return Err(Fault::new(RejectCode::UnknownOwner, "owner"));
        }
        Ok(owner)
    }

    /// The types of the three fields first, then that there is one person, then the person.
    fn person(&mut self, slots: &[Slot<'_>; SLOTS_MAX]) -> Result<Person, Fault> {
        let (person, cert_type, cert_number) = (&slots[PERSON], &slots[CERT_TYPE], &slots[CERT_NUMBER]);
        for (slot, name) in [(person, "person"), (cert_type, "cert_type"), (cert_number, "cert_number")] {
            if !matches!(slot, Slot::Absent | Slot::Text(_)) {
                return Err(Fault::new(RejectCode::BadType, name));
            }
        }
        let is_certificate = [cert_type, cert_number].iter().any(|slot| **slot != Slot::Absent);
        match person {
            Slot::Text(_) if is_certificate => Err(Fault::new(RejectCode::TwoPersons, "person")),
            Slot::Text(text) => Person::parse(text).ok_or(Fault::new(RejectCode::BadValue, "person")),
            _ if is_certificate => self.certificate(cert_type, cert_number),
            _ => Err(Fault::new(RejectCode::MissingField, "person")),
        }
    }

    fn certificate(&mut self, cert_type: &Slot<'_>, cert_number: &Slot<'_>) -> Result<Person, Fault> {
        let cert_type = check::text(cert_type, "cert_type")?;
        if !CERT_TYPES.contains(&cert_type) {
            return Err(Fault::new(RejectCode::BadValue, "cert_type"));
        }
        spell(check::text(cert_number, "cert_number")?, &mut self.spelt);
        if cert_type == RESIDENT_ID && !resident_id::is_valid(&self.spelt) {
            return Err(Fault::new(RejectCode::BadCheckDigit, "cert_number"));
        }
        if self.spelt.is_empty() {
            return Err(Fault::new(RejectCode::BadValue, "cert_number"));
        }
        Ok(self.settings.key.token(cert_type, &self.spelt))
    }

    fn known_at(&self, feed: Feed, slot: &Slot<'_>, received: Option<Instant>) -> Result<Instant, Fault> {
        let fault = |code| Fault::new(code, "known_at");
        if matches!(slot, Slot::Absent) {
            return received.ok_or(fault(RejectCode::NoKnownAt));
        }
        let known_at = Instant::parse(check::text(slot, "known_at")?).ok_or(fault(RejectCode::BadValue))?;
        if let Some(received) = received {
            if known_at.0 - received.0 > KNOWN_AHEAD_MS_MAX {
                return Err(fault(RejectCode::InFuture));
            }
            if self.settings.retention_ms[feed as usize]
                .is_some_and(|retention_ms| received.0 - known_at.0 > retention_ms)
            {
                return Err(fault(RejectCode::TooOld));
            }
        }
        Ok(known_at)
    }
}

fn id<'a>(slot: &'a Slot<'_>) -> Result<&'a str, Fault> {
    let id = check::text(slot, "id")?;
    // Code points are at most as many as bytes: only a long text is counted.
    if id.is_empty() || (id.len() > ID_LENGTH_MAX && id.chars().count() > ID_LENGTH_MAX) {
        return Err(Fault::new(RejectCode::BadValue, "id"));
    }
    Ok(id)
}

fn revision(slot: &Slot<'_>) -> Result<u32, Fault> {
    match slot {
        Slot::Absent => Ok(1),
        slot => u32::try_from(check::integer(slot, "revision", i64::from(i32::MAX))?)
            .map_err(|_| Fault::new(RejectCode::BadValue, "revision")),
    }
}

fn retracted(slot: &Slot<'_>) -> Result<bool, Fault> {
    match slot {
        Slot::Absent => Ok(false),
        Slot::Boolean(retracted) => Ok(*retracted),
        _ => Err(Fault::new(RejectCode::BadType, "retracted")),
    }
}

/// The rules of the record's kind: the feed's only one, or for travel the one that `kind` names.
fn kind_rules<'r>(
    feed: Feed,
    rules: &'r FeedRules,
    slots: &[Slot<'_>; SLOTS_MAX],
) -> Result<&'r fields::KindRules, Fault> {
    let place = match feed {
        Feed::Travel => usize::from(check::entry::<TravelKind>(&slots[TRAVEL_KIND], "kind")?.code()),
        _ => 0,
    };
    rules.kind(place).ok_or(Fault::new(RejectCode::BadValue, "kind"))
}
