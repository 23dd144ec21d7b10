//! Decoding: one raw record through reading, checks and pseudonymisation into the builders, in the order of the
//! contract.
//!
//! Owns the order, and with it the code of a reject. A record is judged whole before a builder is touched, so a
//! reject leaves no trace.

use std::sync::Arc;

use fuma_schemas::vocabulary::{ClosedList, TravelKind};
use fuma_schemas::{Feed, Instant, Kind, Person, Phone, RejectCode};

use super::builders::{EvidenceBuilders, Head};
use super::check::{self, Context, Value};
use super::fields::{
    self, FIELDS_MAX, FeedRules, ID, KNOWN_AT, OWNER, Order, RETRACTED, REVISION, SLOTS_MAX, TRAVEL_KIND,
};
use super::key::Key;
use super::owners::{Owners, is_owner};
use super::read::{self, KnownFields, Slot, Unescaped};
use super::region_code::RegionTable;
use super::reject::{Fault, Reject, Want};
use super::who::{self, Spelt, Who};
use super::whole;

/// How a record came to intake (docs/feeds.md section 1, known_at).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Arrival {
    /// From a log whose broker stamped it: the default of known_at, and what it is measured by.
    Broker(Instant),
    /// From a watched file or standard input, or stamped by its producer: known_at has no default, and is measured by
    /// this clock of intake.
    Intake(Instant),
    /// From the files of a replay: known_at has no default, and nothing measures it.
    Replay,
}

impl From<Option<Instant>> for Arrival {
    fn from(stamp: Option<Instant>) -> Arrival {
        stamp.map_or(Arrival::Replay, Arrival::Broker)
    }
}

/// How far known_at may lie after the instant at which the record was received.
const KNOWN_AHEAD_MS_MAX: i64 = 5 * 60_000;
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
    /// Whom it is about; none for regions and for a record of a phone.
    pub person: Option<Person>,
    /// The phone that it is a fact of, in the place of a person.
    pub phone: Option<Phone>,
    /// The kind whose batch has the row.
    pub kind: Kind,
    /// The builders that have the row: the partition of the person or the phone, 0 for regions.
    pub partition: usize,
}

/// Decodes records. One per thread: it owns buffers and counts.
#[derive(Debug)]
pub struct Decoder {
    settings: Arc<Settings>,
    spelt: Spelt,
    orders: [Order; Feed::ALL.len()],
    unknown: [u64; Feed::ALL.len()],
}

impl Decoder {
    /// A decoder with its own buffers.
    pub fn new(settings: Arc<Settings>) -> Decoder {
        let orders = std::array::from_fn(|_| Order::new());
        Decoder { settings, spelt: Spelt::default(), orders, unknown: [0; Feed::ALL.len()] }
    }

    /// How many fields that a feed does not know were dropped so far.
    pub fn unknown_fields(&self, feed: Feed) -> u64 {
        self.unknown[feed as usize]
    }

    /// Decodes one record. Its row goes to the builders of the partition of the person or the phone, out of
    /// `into.len()`; regions go to the first.
    ///
    /// `arrival` says how the record came: by what known_at is measured, and whether it has a default.
    ///
    /// How long a record may be is its reader's to say: that of a file knows the line, which may be shorter than the
    /// JSON that is made of a row.
    ///
    /// # Errors
    /// The first code of docs/feeds.md section 2 that applies. The builders are untouched then.
    pub fn decode(
        &mut self,
        feed: Feed,
        raw: &[u8],
        arrival: impl Into<Arrival>,
        into: &mut [EvidenceBuilders],
    ) -> Result<Accepted, Reject> {
        self.try_decode(feed, raw, arrival.into(), into).map_err(Reject::from)
    }

    fn try_decode(
        &mut self,
        feed: Feed,
        raw: &[u8],
        arrival: Arrival,
        into: &mut [EvidenceBuilders],
    ) -> Result<Accepted, Fault> {
        let rules = fields::rules(feed);
        let (unescaped, mut record) = (Unescaped::default(), KnownFields::new());
        read::read(rules, raw, &unescaped, &mut self.orders[feed as usize], &mut record)?;
        self.unknown[feed as usize] += record.unknown;
        self.judge(feed, rules, &record, arrival, into)
    }

    /// Judges the fields of a record.
    pub(super) fn judge(
        &mut self,
        feed: Feed,
        rules: &FeedRules,
        record: &KnownFields<'_>,
        arrival: Arrival,
        into: &mut [EvidenceBuilders],
    ) -> Result<Accepted, Fault> {
        let slots = &record.slots;
        let head = Head {
            owner: self.owner(feed, &slots[OWNER], arrival != Arrival::Replay)?,
            id: id(&slots[ID])?,
            revision: revision(&slots[REVISION])?,
            retracted: retracted(&slots[RETRACTED])?,
            who: who::who(feed, slots, &self.settings.key, &mut self.spelt)?,
            known_at: self.known_at(feed, &slots[KNOWN_AT], arrival)?,
        };
        let kind_rules = kind_rules(feed, rules, slots)?;
        let mut values = [const { Value::Null }; FIELDS_MAX];
        if !head.retracted {
            self.values(kind_rules, slots, head.owner, &mut values)?;
        }
        whole::check_id(head.id, &self.spelt)?;
        if !head.retracted {
            whole::check(kind_rules, &values, &self.spelt, head.known_at)?;
        }
        let (partition, person, phone) = match head.who {
            Who::Person(person) => (person.partition(into.len()), Some(person), None),
            Who::Phone(phone) => (phone.partition(into.len()), None, Some(phone)),
            Who::Nobody => (0, None, None),
        };
        if let Some(builders) = into.get_mut(partition) {
            builders.append(kind_rules.kind, &head, &values);
        }
        Ok(Accepted { known_at: head.known_at, person, phone, kind: kind_rules.kind, partition })
    }

    /// The fields of the kind, in their order.
    fn values<'a>(
        &mut self,
        rules: &fields::KindRules,
        slots: &'a [Slot<'_>; SLOTS_MAX],
        owner: &str,
        values: &mut [Value<'a>; FIELDS_MAX],
    ) -> Result<(), Fault> {
        let mut context = Context { owner, mode: None, settings: &self.settings, phone: &mut self.spelt.phone };
        for (field, value) in rules.fields.iter().zip(values) {
            *value = check::check(field.column, &slots[field.slot], &mut context)?;
            if rules.kind == Kind::Trips && field.column.name == "mode" {
                context.mode = Some(check::entry(&slots[field.slot], field.column.name)?);
            }
        }
        Ok(())
    }

    fn owner<'a>(&self, feed: Feed, slot: &'a Slot<'_>, live: bool) -> Result<&'a str, Fault> {
        let owner = check::text(slot, "owner")?;
        if !is_owner(owner) {
            return Err(Fault::bad("owner", Want::Owner));
        }
        if !self.settings.owners.accept(feed, owner, live) {
            return Err(Fault::new(RejectCode::UnknownOwner, "owner"));
        }
        Ok(owner)
    }

    fn known_at(&self, feed: Feed, slot: &Slot<'_>, arrival: Arrival) -> Result<Instant, Fault> {
        let fault = |code| Fault::new(code, "known_at");
        if matches!(slot, Slot::Absent) {
            return match arrival {
                Arrival::Broker(stamp) => Ok(stamp),
                Arrival::Intake(_) | Arrival::Replay => Err(fault(RejectCode::NoKnownAt)),
            };
        }
        let known_at = Instant::parse(check::text(slot, "known_at")?).ok_or(Fault::bad("known_at", Want::Instant))?;
        if let Arrival::Broker(received) | Arrival::Intake(received) = arrival {
            if known_at.0 - received.0 > KNOWN_AHEAD_MS_MAX {
                return Err(fault(RejectCode::InFuture).wanting(Want::Received));
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
        return Err(Fault::bad("id", Want::Characters(1, ID_LENGTH_MAX)));
    }
    Ok(id)
}

fn revision(slot: &Slot<'_>) -> Result<u32, Fault> {
    match slot {
        Slot::Absent => Ok(1),
        slot => Ok(check::integer(slot, "revision", 1, i32::MAX)?.unsigned_abs()),
    }
}

fn retracted(slot: &Slot<'_>) -> Result<bool, Fault> {
    match slot {
        Slot::Absent => Ok(false),
        Slot::Boolean(retracted) => Ok(*retracted),
        _ => Err(Fault::new(RejectCode::BadType, "retracted").wanting(Want::Boolean)),
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
    rules.kind(place).ok_or(Fault::bad("kind", Want::OneOf(TravelKind::NAMES)))
}
