//! Whom a record is about: a key, a certificate or a phone, exactly one of them (docs/feeds.md sections 1 and 2a).
//!
//! Owns the order of these checks, and the spelt number until the record is judged. Must never hand a number on: what
//! leaves is a token.

use fuma_schemas::registry::Whose;
use fuma_schemas::vocabulary::{CertificateType, ClosedList};
use fuma_schemas::{Feed, Person, Phone, RejectCode};

use super::fields::{CERT_NUMBER, CERT_TYPE, PERSON, PHONE, SLOTS_MAX};
use super::key::{Key, spell};
use super::read::Slot;
use super::reject::{Fault, Want};
use super::{check, phone, resident_id};

/// Characters of a certificate number other than a resident ID.
const NUMBER_CHARACTERS: std::ops::RangeInclusive<usize> = 4..=64;

/// Whom a record is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Who {
    Person(Person),
    Phone(Phone),
    /// Reference data.
    Nobody,
}

/// The numbers of the record under way, in their one spelling; empty where there is none.
#[derive(Default, Debug)]
pub(super) struct Spelt {
    pub(super) certificate: Vec<u8>,
    pub(super) phone: Vec<u8>,
}

/// The types of the fields first, then that there is one of the three, then that one. In bindings a phone stands
/// beside the person and is checked as a field of the feed.
pub(super) fn who(feed: Feed, slots: &[Slot<'_>; SLOTS_MAX], key: &Key, spelt: &mut Spelt) -> Result<Who, Fault> {
    spelt.certificate.clear();
    spelt.phone.clear();
    let whose = feed.spec().whose;
    if whose == Whose::Nobody {
        return Ok(Who::Nobody);
    }
    let (person, number) = (&slots[PERSON], &slots[PHONE]);
    let (cert_type, cert_number) = (&slots[CERT_TYPE], &slots[CERT_NUMBER]);
    let names_phone = whose != Whose::PersonAndPhone;
    let fields = [(person, "person"), (number, "phone"), (cert_type, "cert_type"), (cert_number, "cert_number")];
    for (slot, name) in fields.into_iter().filter(|(_, name)| names_phone || *name != "phone") {
        if !matches!(slot, Slot::Absent | Slot::Text(_)) {
            return Err(Fault::new(RejectCode::BadType, name));
        }
    }
    let is_there = |slot: &Slot<'_>| *slot != Slot::Absent;
    let is_certificate = is_there(cert_type) || is_there(cert_number);
    let phones = usize::from(names_phone && is_there(number));
    match usize::from(is_there(person)) + usize::from(is_certificate) + phones {
        0 => return Err(Fault::new(RejectCode::MissingField, "person")),
        1 => {}
        _ => return Err(Fault::new(RejectCode::TwoPersons, "person")),
    }
    if is_certificate {
        return certificate(cert_type, cert_number, key, &mut spelt.certificate).map(Who::Person);
    }
    if phones == 0 {
        let token = Person::parse(check::text(person, "person")?);
        return token.map(Who::Person).ok_or(Fault::bad("person", Want::PersonKey));
    }
    if whose != Whose::PersonOrPhone {
        return Err(Fault::bad("phone", Want::NoPhone));
    }
    if !phone::spell(check::text(number, "phone")?, &mut spelt.phone) {
        return Err(Fault::bad("phone", Want::Phone));
    }
    Ok(Who::Phone(phone::token(key, &spelt.phone)))
}

fn certificate(cert_type: &Slot<'_>, cert_number: &Slot<'_>, key: &Key, spelt: &mut Vec<u8>) -> Result<Person, Fault> {
    let name = check::text(cert_type, "cert_type")?;
    let cert_type = CertificateType::parse(name).ok_or(Fault::bad("cert_type", Want::OneOf(CertificateType::NAMES)))?;
    spell(check::text(cert_number, "cert_number")?, spelt);
    if cert_type == CertificateType::ResidentId {
        if !resident_id::is_valid(spelt) {
            return Err(Fault::new(RejectCode::BadCheckDigit, "cert_number"));
        }
    } else if !names_somebody(spelt) {
        return Err(Fault::bad("cert_number", Want::CertificateNumber));
    }
    Ok(key.token(name, spelt))
}

/// The person of a certificate that somebody asks about, by the same checks as of a record.
///
/// # Errors
/// Why it cannot be anybody's; never what was given.
pub fn person_of_certificate(key: &Key, cert_type: &str, cert_number: &str) -> Result<Person, RejectCode> {
    let (cert_type, cert_number) = (Slot::Text(cert_type), Slot::Text(cert_number));
    certificate(&cert_type, &cert_number, key, &mut Vec::new()).map_err(|fault| fault.code)
}

/// Whether a number other than a resident ID can be somebody's: 4 to 64 characters, a digit among them, not all the
/// same.
fn names_somebody(spelt: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(spelt) else { return false };
    // Code points are at most as many as bytes, and at least a quarter.
    if text.len() > 4 * NUMBER_CHARACTERS.end() || !NUMBER_CHARACTERS.contains(&text.chars().count()) {
        return false;
    }
    let mut letters = text.chars();
    let first = letters.next();
    text.bytes().any(|byte| byte.is_ascii_digit()) && letters.any(|letter| Some(letter) != first)
}
