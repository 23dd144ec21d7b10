//! Random feeds: twelve random bytes are one good record of some feed.
//!
//! A few people, ids, regions and days only, so that records meet: revisions, retractions, kinds that change,
//! contacts that name each other in circles, tiers that come and go, knowledge that comes late. A simpler byte gives
//! a simpler record, so that what fails shrinks.
//!
//! Owns what such a record says. Every one of them must be accepted.

use std::sync::Arc;

use fuma_pipeline::replay::Source;
use fuma_schemas::instant::DAY_MS;
use fuma_schemas::vocabulary::{
    Classification, ClosedList, Degree, ExternalColour, Holder, IsolationBasis, ListingBasis, ListingColour, Mode,
    Outcome, Role, Stage, StaySource, SymptomName, SymptomSource, TestResult, Tier, Tube,
};
use fuma_schemas::{Feed, Instant, Person};

/// The random bytes of a record.
pub type Draft = [u8; 12];

const HOUR_MS: i64 = 3_600_000;
const OWNER: &str = "src-990001";
/// Codes that hold each other, and some that do not.
const REGIONS: [&str; 8] = ["33", "3301", "330106", "330106001", "330106001002", "3302", "330206", "500103"];
/// Sorts of records, by how often they come.
const KINDS: u8 = 18;
/// Ids a feed.
const IDS: u8 = 6;

/// The frame of random feeds.
#[derive(Clone, Copy, Debug)]
pub struct World {
    /// How many people there are.
    pub people: u8,
    /// Over how many days things happen.
    pub days: i64,
    /// Whether a fact keeps to its time: its revisions are days apart, not months.
    pub steady: bool,
}

/// A record.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Line {
    /// The feed.
    pub feed: Feed,
    /// Whom it is about.
    pub person: Option<Person>,
    /// The JSON.
    pub text: String,
}

impl World {
    /// Six weeks in which anything may happen.
    pub const BUSY: World = World { people: 4, days: 42, steady: false };
    /// A year and more.
    pub const LONG: World = World { people: 5, days: 420, steady: true };

    /// The local midnight at which things begin.
    pub fn begin(self) -> Instant {
        Instant::parse("2021-11-10T00:00:00+08:00").unwrap()
    }

    /// A midnight at which all windows have closed.
    pub fn end(self) -> Instant {
        Instant(self.begin().0 + (self.days + 60) * DAY_MS)
    }

    /// The records.
    pub fn lines(self, drafts: &[Draft]) -> Vec<Line> {
        drafts.iter().map(|draft| self.line(draft)).collect()
    }

    fn line(self, draft: &Draft) -> Line {
        let [kind, person, id, version, day, hour, known, a, b, c, mut d, mut e] = *draft;
        if self.steady && feed_of(kind) == Feed::Contacts {
            // What a contact hangs on is of its time as well.
            (d, e) = (id, id);
        }
        let day = if self.steady {
            i64::from(id % IDS) * self.days / i64::from(IDS) + i64::from(day % 8)
        } else {
            i64::from(day) * self.days / 256
        };
        // Midnights are where rules turn, so every fourth record is of one.
        let hour = if hour % 4 == 0 { 0 } else { i64::from(hour % 24) * HOUR_MS + i64::from(hour / 24) * 7 * 61_001 };
        let at = self.begin().0 + day * DAY_MS + hour;
        let feed = feed_of(kind);
        let person = (feed != Feed::Regions).then(|| person_of(person % self.people));
        let mut record = Record { fields: String::new(), last: at };
        if version >= 216 {
            if feed == Feed::Travel {
                record.text("kind", ["stay", "entry", "trip"][usize::from(a % 3)]);
            }
            record.fields.push_str(",\"retracted\":true");
        } else {
            record.contents(kind % KINDS, at, [a, b, c, d, e]);
        }
        let delay = [0, 1, 4, 24, 72, 240, -12, 480][usize::from(known % 8)];
        let mut text = format!(
            "{{\"owner\":\"{OWNER}\",\"id\":\"{}{}\",\"revision\":{}",
            &feed.name()[..1],
            id % IDS,
            version % 3 + 1
        );
        if let Some(person) = person {
            text.push_str(&format!(",\"person\":\"{}\"", hex(person)));
        }
        text.push_str(&format!(",\"known_at\":\"{}\"", instant(record.last + delay * HOUR_MS)));
        text.push_str(&record.fields);
        text.push('}');
        Line { feed, person, text }
    }
}

fn feed_of(kind: u8) -> Feed {
    match kind % KINDS {
        0 | 1 => Feed::Cases,
        2..=4 => Feed::Contacts,
        5..=8 => Feed::Travel,
        9 | 10 => Feed::Tests,
        11 => Feed::Symptoms,
        12 | 13 => Feed::Isolations,
        14 => Feed::Listings,
        15 => Feed::ExternalCodes,
        16 => Feed::Bindings,
        _ => Feed::Regions,
    }
}

fn person_of(number: u8) -> Person {
    Person((u128::from(number) + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835).to_be_bytes())
}

fn hex(person: Person) -> String {
    let mut text = Vec::new();
    person.write_to(&mut text);
    String::from_utf8(text).unwrap()
}

fn instant(ms: i64) -> String {
    let mut text = Vec::new();
    Instant(ms).write_to(&mut text);
    String::from_utf8(text).unwrap()
}

fn one_of<L: ClosedList>(number: u8) -> &'static str {
    L::NAMES[usize::from(number) % L::NAMES.len()]
}

/// The fields of a kind in the making.
struct Record {
    fields: String,
    /// The latest instant before which it cannot be known.
    last: i64,
}

impl Record {
    fn text(&mut self, name: &str, value: &str) {
        self.fields.push_str(&format!(",\"{name}\":\"{value}\""));
    }

    fn instant(&mut self, name: &str, ms: i64) {
        self.last = self.last.max(ms);
        self.free(name, ms);
    }

    /// An instant that may lie ahead of what is known.
    fn free(&mut self, name: &str, ms: i64) {
        self.text(name, &instant(ms));
    }

    fn contents(&mut self, kind: u8, at: i64, [a, b, c, d, e]: [u8; 5]) {
        let days = |number: u8| i64::from(number) * DAY_MS;
        let hours = |number: u8| i64::from(number) * HOUR_MS;
        match kind {
            0 | 1 => self.case(kind, at, [a, b, c]),
            2..=4 => self.contact(at, [a, b, c, d, e]),
            5 | 6 => {
                self.text("kind", "stay");
                self.text("region", region(d));
                self.instant("arrived_at", at);
                if a % 3 > 0 {
                    self.instant("left_at", at + hours(b));
                }
                self.text("source", one_of::<StaySource>(c));
            }
            7 => {
                self.text("kind", "entry");
                self.instant("entered_at", at);
                if a % 2 > 0 {
                    self.instant("last_overseas_at", at - hours(b));
                }
                self.text("country", ["US", "FR", "RU"][usize::from(c % 3)]);
            }
            8 => self.trip(at, [a, b, c, d]),
            9 | 10 => {
                self.text("method", if a % 4 == 3 { "antigen" } else { "nat" });
                self.text("result", if b % 4 == 3 { one_of::<TestResult>(c) } else { "negative" });
                self.text("tube", one_of::<Tube>(c));
                self.instant("sampled_at", at);
                self.instant("reported_at", at + hours(c % 48));
                if d % 3 > 0 {
                    self.text("issuer_region", region(d));
                }
            }
            11 => self.symptom(at, [a, b, c, d]),
            12 => self.isolation(at, [a, b, c, d, e]),
            // A recovery in a centralised place, most of the time.
            13 => self.isolation(at, if a > 63 { [1, 0, c, d, e] } else { [a, b, c, d, e] }),
            14 => {
                self.text("colour", one_of::<ListingColour>(a));
                self.text("approver", "headquarters");
                self.text("basis", one_of::<ListingBasis>(b));
                self.text("document", "99-1");
                self.instant("starts_at", at);
                self.free("expires_at", at + days(c % 30) + hours(d % 24));
            }
            15 => self.external(at, [a, b, c, d, e]),
            16 => self.binding(at, [a, b, c]),
            _ => {
                let since = at - days(b % 8);
                self.text("region", region(d));
                self.text("tier", one_of::<Tier>(a));
                self.instant("since", since);
                if c % 3 > 0 {
                    self.free("until", since + days(c % 25));
                }
                self.text("authority", "headquarters");
            }
        }
    }

    fn case(&mut self, kind: u8, at: i64, [a, b, c]: [u8; 3]) {
        self.text("classification", one_of::<Classification>(a));
        self.instant("determined_at", at);
        // Often closed within the day, so that what follows a discharge meets it.
        let c = if kind == 1 { c % 3 } else { c };
        if b > 128 {
            self.instant("onset_at", at - i64::from(b % 4) * DAY_MS);
        }
        if c % 3 > 0 {
            self.instant("discharged_at", at + i64::from(c % 20) * DAY_MS + i64::from(c % 7) * HOUR_MS);
        }
    }

    fn symptom(&mut self, at: i64, [a, b, c, d]: [u8; 4]) {
        self.text("symptom", one_of::<SymptomName>(a));
        self.instant("onset_at", at);
        if b % 3 == 1 {
            self.instant("resolved_at", at + i64::from(b) * HOUR_MS);
        }
        if c % 3 == 1 {
            self.instant("cleared_at", at + 2 * i64::from(c) * HOUR_MS);
        }
        self.text("source", one_of::<SymptomSource>(d));
    }

    fn contact(&mut self, at: i64, [a, b, c, d, e]: [u8; 5]) {
        self.text("degree", one_of::<Degree>(a));
        self.instant("determined_at", at);
        self.instant("last_exposure_at", at - i64::from(b % 18) * DAY_MS - i64::from(b / 18) * HOUR_MS);
        if c % 4 == 1 || c % 4 == 2 {
            self.text("index_case", &format!("{OWNER}/c{}", d % IDS));
        }
        if c % 4 == 2 || c % 4 == 3 {
            self.text("index_contact", &format!("{OWNER}/c{}", e % IDS));
        }
    }

    fn trip(&mut self, at: i64, [a, b, c, d]: [u8; 4]) {
        self.text("kind", "trip");
        self.text("mode", one_of::<Mode>(a));
        self.text("number", ["G7351", "ＭＵ-5137", "浙A·12345"][usize::from(d % 3)]);
        // A vehicle leaves its first stop on the day of boarding or up to three days before.
        self.text("service_date", &instant(at - i64::from(b % 4) * DAY_MS)[..10]);
        if c % 3 == 1 {
            self.text("role", one_of::<Role>(d));
        }
        self.instant("boarded_at", at);
        self.instant("alighted_at", at + 3 * HOUR_MS);
    }

    fn isolation(&mut self, at: i64, [a, b, c, d, e]: [u8; 5]) {
        self.text("stage", one_of::<Stage>(a));
        self.text("basis", one_of::<IsolationBasis>(b));
        self.instant("started_at", at);
        if c % 3 > 0 {
            self.free("due_at", at + i64::from(c % 21) * DAY_MS);
        }
        if d % 4 > 0 {
            self.instant("ended_at", at + i64::from(e % 20) * DAY_MS + i64::from(e / 20) * HOUR_MS);
            self.text("outcome", one_of::<Outcome>(d));
            if one_of::<Outcome>(d) == "transferred" {
                self.text("next_stage", one_of::<Stage>(e));
            }
        }
    }

    fn binding(&mut self, at: i64, [a, b, c]: [u8; 3]) {
        self.text("phone", ["138-0000-0001", "+86 13800000002", "0085291234567"][usize::from(a % 3)]);
        self.text("holder", one_of::<Holder>(b));
        self.instant("since", at);
        if c % 3 > 0 {
            self.free("until", at + i64::from(c) * HOUR_MS);
        }
    }

    fn external(&mut self, at: i64, [a, b, c, ..]: [u8; 5]) {
        self.text("province", "50");
        self.text("colour", one_of::<ExternalColour>(a));
        self.instant("assigned_at", at);
        if b % 2 == 1 {
            self.instant("released_at", at + i64::from(c) * HOUR_MS);
        }
    }
}

fn region(number: u8) -> &'static str {
    REGIONS[usize::from(number) % REGIONS.len()]
}

/// Drafts that a seed gives, without proptest.
pub fn random(seed: u32, count: usize) -> Vec<Draft> {
    let mut number = seed;
    let mut byte = || {
        number = number.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (number >> 24) as u8
    };
    (0..count).map(|_| std::array::from_fn(|_| byte())).collect()
}

/// The records as files, one a feed.
pub fn files(lines: &[Line]) -> Vec<Source> {
    files_dealt(lines, |_| 0)
}

/// The records as files: a record goes to the file of its feed that the function names by its place.
pub fn files_dealt(lines: &[Line], file_of: impl Fn(usize) -> usize) -> Vec<Source> {
    let mut files: std::collections::BTreeMap<(Feed, usize), String> = std::collections::BTreeMap::new();
    for (place, line) in lines.iter().enumerate() {
        let text = files.entry((line.feed, file_of(place))).or_default();
        text.push_str(&line.text);
        text.push('\n');
    }
    let source = |((feed, _), text): ((Feed, usize), String)| Source::Bytes {
        feed,
        name: format!("{}.ndjson", feed.name()),
        bytes: Arc::from(text.into_bytes()),
    };
    files.into_iter().map(source).collect()
}
