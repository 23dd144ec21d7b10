//! Records about people whom a test makes up.
//!
//! Owns their JSON. Every one of them is accepted by intake.

use fuma_schemas::instant::DAY_MS;
use fuma_schemas::{Feed, Instant, Person};

use crate::feeds::Line;

/// The person of a number.
pub fn person(number: u32) -> Person {
    Person((u128::from(number) + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835).to_be_bytes())
}

/// The first so many people of a partition.
pub fn people_of(partition: u32, partitions: u32, count: usize) -> Vec<Person> {
    let of_partition = |person: &Person| person.partition(partitions as usize) == partition as usize;
    (0..).map(person).filter(of_partition).take(count).collect()
}

fn line(feed: Feed, person: Option<Person>, id: &str, revision: u32, known_at: Instant, fields: &str) -> Line {
    let whose = person.map_or_else(String::new, |person| format!("\"person\":\"{person}\","));
    let head = format!("\"owner\":\"src-990001\",\"id\":\"{id}\",\"revision\":{revision}");
    let text = format!("{{{head},{whose}\"known_at\":\"{known_at}\",{fields}}}");
    Line { feed, person, text }
}

/// A listing: red or yellow from `at` on, for so many milliseconds.
pub fn listing(person: Person, id: &str, colour: &str, at: Instant, lasts_ms: i64) -> Line {
    let fields = format!(
        "\"colour\":\"{colour}\",\"approver\":\"headquarters\",\"basis\":\"spatiotemporal\",\"document\":\"99-1\",\
         \"starts_at\":\"{at}\",\"expires_at\":\"{}\"",
        Instant(at.0 + lasts_ms)
    );
    line(Feed::Listings, Some(person), id, 1, at, &fields)
}

/// The listing never held.
pub fn retracted_listing(person: Person, id: &str, at: Instant) -> Line {
    line(Feed::Listings, Some(person), id, 2, at, "\"retracted\":true")
}

/// The number of a phone, as somebody spells it.
fn phone(number: u32) -> String {
    format!("+999 99{number:08}")
}

/// Who holds a phone: verified, from an instant on, until another or open. Of whatever revision.
pub fn binding(
    person: Person,
    (id, revision): (&str, u32),
    number: u32,
    (since, until): (Instant, Option<Instant>),
    known_at: Instant,
) -> Line {
    let until = until.map_or_else(String::new, |until| format!(",\"until\":\"{until}\""));
    let phone = phone(number);
    let fields = format!("\"phone\":\"{phone}\",\"holder\":\"verified\",\"since\":\"{since}\"{until}");
    line(Feed::Bindings, Some(person), id, revision, known_at, &fields)
}

/// The binding never held. It names no phone.
pub fn retracted_binding(person: Person, id: &str, revision: u32, at: Instant) -> Line {
    line(Feed::Bindings, Some(person), id, revision, at, "\"retracted\":true")
}

/// A listing of whoever holds a phone at its beginning.
pub fn listing_of_phone(number: u32, id: &str, colour: &str, at: Instant, lasts_ms: i64) -> Line {
    let Line { feed, text, .. } = listing(person(0), id, colour, at, lasts_ms);
    let (person, phone) = (format!("\"person\":\"{}\"", person(0)), format!("\"phone\":\"{}\"", phone(number)));
    Line { feed, person: None, text: text.replace(&person, &phone) }
}

/// The listing of a phone never held.
pub fn retracted_listing_of_phone(number: u32, id: &str, at: Instant) -> Line {
    let Line { feed, text, .. } = retracted_listing(person(0), id, at);
    let (person, phone) = (format!("\"person\":\"{}\"", person(0)), format!("\"phone\":\"{}\"", phone(number)));
    Line { feed, person: None, text: text.replace(&person, &phone) }
}

/// A case of a classification, determined at an instant. Of whatever revision.
pub fn case(person: Person, (id, revision): (&str, u32), classification: &str, at: Instant, known_at: Instant) -> Line {
    let fields = format!("\"classification\":\"{classification}\",\"determined_at\":\"{at}\"");
    line(Feed::Cases, Some(person), id, revision, known_at, &fields)
}

/// The case never was one.
pub fn retracted_case(person: Person, id: &str, revision: u32, at: Instant) -> Line {
    line(Feed::Cases, Some(person), id, revision, at, "\"retracted\":true")
}

/// A trip by rail: the number of the train, the carriage, and from when until when. Of whatever revision.
pub fn trip(
    person: Person,
    (id, revision): (&str, u32),
    (train, carriage): (u32, u32),
    (boarded_at, alighted_at): (Instant, Instant),
    known_at: Instant,
) -> Line {
    let date = boarded_at.to_string().get(..10).unwrap_or_default().to_owned();
    let fields = format!(
        "\"kind\":\"trip\",\"mode\":\"rail\",\"number\":\"G{train}\",\"service_date\":\"{date}\",\
         \"carriage\":\"{carriage}\",\"boarded_at\":\"{boarded_at}\",\"alighted_at\":\"{alighted_at}\""
    );
    line(Feed::Travel, Some(person), id, revision, known_at, &fields)
}

/// The trip never was.
pub fn retracted_trip(person: Person, id: &str, revision: u32, at: Instant) -> Line {
    line(Feed::Travel, Some(person), id, revision, at, "\"kind\":\"trip\",\"retracted\":true")
}

/// A trip of whoever holds a phone when it begins.
pub fn trip_of_phone(
    number: u32,
    id: (&str, u32),
    on: (u32, u32),
    stretch: (Instant, Instant),
    known_at: Instant,
) -> Line {
    let Line { feed, text, .. } = trip(person(0), id, on, stretch, known_at);
    let (person, phone) = (format!("\"person\":\"{}\"", person(0)), format!("\"phone\":\"{}\"", phone(number)));
    Line { feed, person: None, text: text.replace(&person, &phone) }
}

/// A stay that goes on, begun a day before `at`.
pub fn stay(person: Person, id: &str, region: &str, at: Instant) -> Line {
    let arrived_at = Instant(at.0 - DAY_MS);
    let fields =
        format!("\"kind\":\"stay\",\"region\":\"{region}\",\"arrived_at\":\"{arrived_at}\",\"source\":\"telecom\"");
    line(Feed::Travel, Some(person), id, 1, at, &fields)
}

/// A tier of a region, from `at` on.
pub fn tier(id: &str, revision: u32, region: &str, tier: &str, at: Instant) -> Line {
    let fields =
        format!("\"region\":\"{region}\",\"tier\":\"{tier}\",\"since\":\"{at}\",\"authority\":\"headquarters\"");
    line(Feed::Regions, None, id, revision, at, &fields)
}

/// The tier never held.
pub fn retracted_tier(id: &str, revision: u32, at: Instant) -> Line {
    line(Feed::Regions, None, id, revision, at, "\"retracted\":true")
}
