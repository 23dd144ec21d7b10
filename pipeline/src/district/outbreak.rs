//! The outbreak: clusters of suspected and confirmed cases, their contacts in chains, and everybody's isolation.
//!
//! ```text
//! suspected -> confirmed -> discharged -> centralised recovery
//!           -> excluded: all contacts that hang on the case cease to count
//! close contact -> centralised isolation -> release | home | monitoring; a few fall ill and have contacts themselves
//! secondary contact (hangs on a contact) -> home isolation;  general contact -> monitoring
//! ```
//!
//! Owns the story of a cluster. Must never look at daily traffic.

use fuma_schemas::instant::{DAY_MS, HOUR_MS};
use fuma_schemas::vocabulary::{ClosedList, Degree, IsolationBasis, Outcome, Stage};
use fuma_schemas::{Feed, Instant};

use super::Settings;
use super::isolation::{self, End, Isolation};
use super::plan::Plan;
use super::random::{Purpose, Random};
use super::record::Head;

const PEOPLE_PER_CLUSTER: u32 = 8_000;
const COMMISSION: &str = "hc-330100";
const CDC: &str = "cdc-330100";
/// Cases of the first, second and third generation are followed, their contacts no further.
const GENERATIONS_MAX: u8 = 3;

/// What becomes of a suspicion.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Course {
    Confirmed,
    Excluded,
    Asymptomatic,
    /// Entered by mistake: retracted an hour or so later.
    Mistaken,
}

/// A case and what its contacts need to know of it.
struct Infection {
    person: u32,
    id: String,
    determined_at: Instant,
    course: Course,
    settled_at: Instant,
    generation: u8,
}

/// A contact and the record on which it hangs.
struct Contact<'a> {
    person: u32,
    id: String,
    degree: Degree,
    index: (&'a str, &'a str),
    last_exposure_at: Instant,
    determined_at: Instant,
}

/// The outbreak being planned.
struct Outbreak<'a> {
    plan: &'a mut Plan,
    random: Random,
    cluster: u32,
    cases: u32,
    contacts: u32,
    queue: Vec<(u32, Instant, u8)>,
}

/// Adds all clusters of the district: at least one.
pub(super) fn add(plan: &mut Plan, settings: &Settings) {
    for cluster in 0..(settings.people / PEOPLE_PER_CLUSTER).max(1) {
        let mut random = Random::of(settings.seed, Purpose::Outbreak, u64::from(cluster));
        // The first cluster begins at once: a demo of a few days has something to show.
        let part = if cluster == 0 { 0.0 } else { random.unit() * 0.6 };
        let (person, first) = (plan.next_person(), plan.moment(part, &mut random));
        Outbreak { plan, random, cluster, cases: 0, contacts: 0, queue: vec![(person, first, 1)] }.run();
    }
}

impl Outbreak<'_> {
    fn run(&mut self) {
        while let Some((person, determined_at, generation)) = self.queue.pop() {
            self.cases += 1;
            let course = self.course(generation);
            let id = format!("case-{}-{}", self.cluster, self.cases);
            let settled_at = Instant(determined_at.0 + self.random.hours(6, 26));
            let infection = Infection { person, id, determined_at, course, settled_at, generation };
            self.case(&infection);
            self.contacts_of(&infection);
        }
    }

    fn course(&mut self, generation: u8) -> Course {
        match self.random.below(100) {
            _ if self.cluster == 0 && self.cases == 1 && generation == 1 => Course::Confirmed,
            0..66 => Course::Confirmed,
            66..82 => Course::Excluded,
            82..96 => Course::Asymptomatic,
            _ => Course::Mistaken,
        }
    }

    fn case(&mut self, infection: &Infection) {
        let first = if infection.course == Course::Asymptomatic { "asymptomatic" } else { "suspected" };
        let person = infection.person;
        isolation::add_test(
            self.plan,
            &mut self.random,
            person,
            Instant(infection.determined_at.0 - 9 * HOUR_MS),
            "positive",
        );
        self.case_record(infection, 1, (first, infection.determined_at), None);
        match infection.course {
            Course::Confirmed => {
                self.case_record(infection, 2, ("confirmed", infection.settled_at), None);
                self.recovery(infection, "confirmed");
            }
            Course::Asymptomatic => self.recovery(infection, "asymptomatic"),
            Course::Excluded => {
                self.case_record(infection, 2, ("excluded", infection.settled_at), None);
                self.hospital(infection, Some((infection.settled_at, Outcome::Released, None)));
            }
            Course::Mistaken => {
                let known_at = Instant(infection.determined_at.0 + self.random.minutes(60, 180));
                let (id, person) = (infection.id.as_bytes(), Some(infection.person));
                let head = Head { owner: COMMISSION, id, revision: 2, retracted: true, person, known_at };
                self.plan.record(Feed::Cases, &head, |_| {});
            }
        }
    }

    /// Hospital, discharge, and 14 days of centralised recovery.
    fn recovery(&mut self, infection: &Infection, classification: &str) {
        let discharged_at = Instant(infection.settled_at.0 + self.random.hours(8 * 24, 15 * 24));
        let determined_at =
            if infection.course == Course::Confirmed { infection.settled_at } else { infection.determined_at };
        self.case_record(infection, 3, (classification, determined_at), Some(discharged_at));
        self.hospital(infection, Some((discharged_at, Outcome::Transferred, Some(Stage::Centralised))));
        let started_at = Instant(discharged_at.0 + self.random.minutes(30, 240));
        let id = format!("iso-{}-recovery", infection.id);
        let order = Isolation {
            person: infection.person,
            id: &id,
            stage: Stage::Centralised,
            basis: IsolationBasis::Recovery,
            started_at,
            due_at: discharged_at.day_end(14),
            end: None,
        };
        isolation::add_course(self.plan, &mut self.random, &order, None);
    }

    fn hospital(&mut self, infection: &Infection, end: Option<(Instant, Outcome, Option<Stage>)>) {
        let id = format!("iso-{}", infection.id);
        let order = Isolation {
            person: infection.person,
            id: &id,
            stage: Stage::Hospital,
            basis: IsolationBasis::Recovery,
            started_at: Instant(infection.determined_at.0 + self.random.minutes(60, 240)),
            due_at: None,
            end: end.map(|(at, outcome, next)| End { at, outcome, next }),
        };
        order.add(self.plan, &mut self.random);
    }

    fn case_record(
        &mut self,
        infection: &Infection,
        revision: u32,
        state: (&str, Instant),
        discharged_at: Option<Instant>,
    ) {
        let (classification, determined_at) = state;
        let known_at = Instant(discharged_at.unwrap_or(determined_at).0 + self.random.minutes(10, 50));
        let (id, person) = (infection.id.as_bytes(), Some(infection.person));
        let onset_at =
            (infection.course != Course::Asymptomatic).then_some(Instant(infection.determined_at.0 - 2 * DAY_MS));
        let head = Head { owner: COMMISSION, id, revision, retracted: false, person, known_at };
        self.plan.record(Feed::Cases, &head, |fields| {
            fields.text("classification", classification).instant("determined_at", determined_at);
            fields.maybe("onset_at", onset_at).maybe("discharged_at", discharged_at);
        });
    }

    fn contacts_of(&mut self, infection: &Infection) {
        let index = format!("{COMMISSION}/{}", infection.id);
        for (degree, low, high) in [(Degree::Close, 8, 20), (Degree::General, 4, 12), (Degree::Environment, 0, 5)] {
            for _ in 0..self.random.between(low, high) {
                let last_exposure_at = Instant(infection.determined_at.0 - self.random.hours(2, 96));
                let determined_at = Instant(infection.determined_at.0 + self.random.hours(1, 30));
                let contact = self.contact(degree, ("index_case", &index), last_exposure_at, determined_at);
                match degree {
                    Degree::Close => self.close(infection, &contact),
                    _ if self.random.chance(0.5) => self.monitoring(&contact),
                    _ => {}
                }
            }
        }
    }

    /// A close contact's isolation and tests; a few fall ill; secondary contacts hang on this one.
    fn close(&mut self, infection: &Infection, contact: &Contact<'_>) {
        let started_at = Instant(contact.determined_at.0 + self.random.hours(1, 12));
        let id = format!("iso-{}", contact.id);
        let due_at = contact.last_exposure_at.day_end(14);
        let (person, stage) = (contact.person, Stage::Centralised);
        let order = Isolation { person, id: &id, stage, basis: IsolationBasis::Contact, started_at, due_at, end: None };
        let fallen = matches!(infection.course, Course::Excluded | Course::Mistaken);
        if fallen {
            let at = Instant(infection.settled_at.0.max(started_at.0) + self.random.hours(2, 10));
            let outcome = if self.random.chance(0.5) { Outcome::Released } else { Outcome::Cancelled };
            Isolation { end: Some(End { at, outcome, next: None }), ..order }.add(self.plan, &mut self.random);
        } else {
            let second = match self.random.below(10) {
                0..5 => None,
                5..8 => Some((Stage::Home, 7)),
                _ => Some((Stage::Monitoring, 7)),
            };
            isolation::add_course(self.plan, &mut self.random, &order, second);
            isolation::add_tests(self.plan, &mut self.random, person, started_at, &[1, 4, 7, 14]);
            if infection.generation < GENERATIONS_MAX && self.random.chance(0.06) {
                let falls_ill_at = Instant(started_at.0 + self.random.hours(24, 96));
                self.queue.push((person, falls_ill_at, infection.generation + 1));
            }
        }
        for _ in 0..self.random.below(4) {
            self.secondary(contact, fallen);
        }
    }

    fn secondary(&mut self, contact: &Contact<'_>, fallen: bool) {
        let index = format!("{CDC}/{}", contact.id);
        let determined_at = Instant(contact.determined_at.0 + self.random.hours(1, 20));
        let last_exposure_at = Instant(contact.last_exposure_at.0 + self.random.hours(0, 20));
        let secondary = self.contact(Degree::Secondary, ("index_contact", &index), last_exposure_at, determined_at);
        if fallen || self.random.chance(0.2) {
            return;
        }
        let id = format!("iso-{}", secondary.id);
        let started_at = Instant(determined_at.0 + self.random.hours(1, 8));
        let (person, stage, basis) = (secondary.person, Stage::Home, IsolationBasis::Contact);
        let order = Isolation { person, id: &id, stage, basis, started_at, due_at: started_at.day_end(7), end: None };
        isolation::add_course(self.plan, &mut self.random, &order, None);
    }

    fn monitoring(&mut self, contact: &Contact<'_>) {
        let id = format!("iso-{}", contact.id);
        let started_at = Instant(contact.determined_at.0 + self.random.hours(1, 12));
        let (person, stage, basis) = (contact.person, Stage::Monitoring, IsolationBasis::Contact);
        let order = Isolation { person, id: &id, stage, basis, started_at, due_at: started_at.day_end(7), end: None };
        isolation::add_course(self.plan, &mut self.random, &order, None);
    }

    /// Adds a contact: some known only when the window is over, some retracted, some first put down to the wrong
    /// person.
    fn contact<'c>(
        &mut self,
        degree: Degree,
        index: (&'c str, &'c str),
        last_exposure_at: Instant,
        determined_at: Instant,
    ) -> Contact<'c> {
        self.contacts += 1;
        let id = format!("contact-{}-{}", self.cluster, self.contacts);
        let determined_at = Instant(determined_at.0.max(last_exposure_at.0));
        let contact = Contact { person: self.plan.next_person(), id, degree, index, last_exposure_at, determined_at };
        let late = if self.random.chance(0.04) { 16 * DAY_MS } else { 0 };
        let known_at = Instant(contact.determined_at.0 + late + self.random.minutes(10, 90));
        if self.random.chance(0.02) {
            let wrong = self.plan.next_person();
            self.contact_record(&contact, wrong, known_at, false);
            self.contact_record(&contact, wrong, Instant(known_at.0 + 3 * HOUR_MS), true);
            self.contact_record(&contact, contact.person, Instant(known_at.0 + 3 * HOUR_MS), false);
        } else {
            self.contact_record(&contact, contact.person, known_at, false);
            if self.random.chance(0.02) {
                self.contact_record(&contact, contact.person, Instant(known_at.0 + 20 * HOUR_MS), true);
            }
        }
        contact
    }

    fn contact_record(&mut self, contact: &Contact<'_>, person: u32, known_at: Instant, retracted: bool) {
        let head = Head {
            owner: CDC,
            id: contact.id.as_bytes(),
            revision: 1 + u32::from(retracted),
            retracted,
            person: Some(person),
            known_at,
        };
        self.plan.record(Feed::Contacts, &head, |fields| {
            fields.text("degree", contact.degree.name()).instant("determined_at", contact.determined_at);
            fields.instant("last_exposure_at", contact.last_exposure_at).text(contact.index.0, contact.index.1);
        });
    }
}
