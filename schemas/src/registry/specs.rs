//! The kinds of evidence and the feeds: their names, and what is special about each.
//!
//! Owns both tables, each in the order of its enum; a build whose tables are in another order does not compile.

use super::field::Column;
use super::kinds;
use crate::{Feed, Kind};

/// A kind of evidence.
#[derive(Clone, Copy, Debug)]
pub struct KindSpec {
    /// The kind.
    pub kind: Kind,
    /// The name of its table.
    pub name: &'static str,
    /// The name in Chinese.
    pub chinese: &'static str,
    /// What a case of a pack calls one record.
    pub noun: &'static str,
    /// What a record of a case holds unless it says otherwise.
    pub case_defaults: &'static [(&'static str, &'static str)],
    /// What a record of it says.
    pub about: &'static str,
    /// The columns of its own.
    pub columns: &'static [Column],
    /// What a record hangs on: kept for trace alone, and last in the order of ties.
    pub links: &'static [Column],
    /// Whether nearly everybody has some: rarer evidence drives a rule instead.
    pub is_everybodys: bool,
}

impl KindSpec {
    const fn new(kind: Kind, names: [&'static str; 3], columns: &'static [Column], about: &'static str) -> KindSpec {
        let [name, chinese, noun] = names;
        KindSpec { kind, name, chinese, noun, case_defaults: &[], about, columns, links: &[], is_everybodys: false }
    }

    const fn case_defaults(self, case_defaults: &'static [(&'static str, &'static str)]) -> KindSpec {
        KindSpec { case_defaults, ..self }
    }

    const fn everybodys(self) -> KindSpec {
        KindSpec { is_everybodys: true, ..self }
    }
}

/// Every kind by its code.
pub(crate) const KINDS: [KindSpec; Kind::PERSONAL.len() + 1] = [
    KindSpec::new(
        Kind::Cases,
        ["cases", "病例", "case"],
        kinds::CASES,
        "A person is, or was thought to be, infected. From the health commission.",
    ),
    KindSpec {
        links: kinds::CONTACT_LINKS,
        ..KindSpec::new(
            Kind::Contacts,
            ["contacts", "接触者", "contact"],
            kinds::CONTACTS,
            "A person was near an infected person or place. From the CDC.",
        )
    },
    KindSpec::new(
        Kind::Entries,
        ["entries", "入境", "entry"],
        kinds::ENTRIES,
        "A person entered the country. From border inspection.",
    )
    .case_defaults(&[("kind", "entry")]),
    KindSpec::new(
        Kind::ExternalCodes,
        ["external_codes", "外省码", "code"],
        kinds::EXTERNAL_CODES,
        "Another province's code of a person.",
    ),
    KindSpec::new(
        Kind::Isolations,
        ["isolations", "隔离", "isolation"],
        kinds::ISOLATIONS,
        "An order of isolation and how it ended. ended_at and outcome come together or not at all; next_stage with an \
         outcome of transferred, and only then.",
    ),
    KindSpec::new(
        Kind::Listings,
        ["listings", "名单", "listing"],
        kinds::LISTINGS,
        "An approved list asks for a colour, on one of the grounds that the law knows, for at most 30 days of 24 \
         hours. Ending early is a revision of expires_at; a retraction says that it never held.",
    )
    .case_defaults(&[("approver", "headquarters"), ("basis", "headquarters-document"), ("document", "1")]),
    KindSpec::new(Kind::Stays, ["stays", "停留", "stay"], kinds::STAYS, "A person was in a region.")
        .case_defaults(&[("kind", "stay"), ("source", "telecom")])
        .everybodys(),
    KindSpec::new(
        Kind::Symptoms,
        ["symptoms", "症状", "symptom"],
        kinds::SYMPTOMS,
        "A person has, or reports, a symptom. From fever clinics and declarations.",
    )
    .case_defaults(&[("source", "clinic")]),
    KindSpec::new(
        Kind::Tests,
        ["tests", "检测", "test"],
        kinds::TESTS,
        "A sample of a person was tested. From laboratories.",
    )
    .everybodys(),
    KindSpec::new(Kind::Trips, ["trips", "行程", "trip"], kinds::TRIPS, "A person was aboard a conveyance.")
        .case_defaults(&[("kind", "trip")])
        .everybodys(),
    KindSpec::new(
        Kind::Bindings,
        ["bindings", "号码绑定", "binding"],
        kinds::BINDINGS,
        "A phone number is bound to a person. Bindings colour nobody by themselves.",
    )
    .case_defaults(&[("holder", "verified")])
    .everybodys(),
    KindSpec::new(
        Kind::Regions,
        ["regions", "风险地区", "region"],
        kinds::REGIONS,
        "The risk tier of a region: reference data, about no person. A change of tier is `until` on the old record and \
         a new record; a revision of region or tier is a correction and holds for all time.",
    )
    .case_defaults(&[("authority", "headquarters")]),
];

/// Whom the records of a feed are about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Whose {
    /// A person.
    Person,
    /// A person, or a phone in the place of one.
    PersonOrPhone,
    /// A person, and a phone as one of the feed's own fields.
    PersonAndPhone,
    /// Nobody: reference data.
    Nobody,
}

/// A feed.
#[derive(Clone, Copy, Debug)]
pub struct FeedSpec {
    /// The feed.
    pub feed: Feed,
    /// The name: the stem of a file, and the middle of the topic.
    pub name: &'static str,
    /// The kinds that it brings; those of travel in the order of the codes of `TravelKind`, which is that of ties.
    pub kinds: &'static [Kind],
    /// Whom its records are about.
    pub whose: Whose,
}

const fn feed(feed: Feed, name: &'static str, kinds: &'static [Kind], whose: Whose) -> FeedSpec {
    FeedSpec { feed, name, kinds, whose }
}

/// Every feed, by name.
pub(crate) const FEEDS: [FeedSpec; Feed::ALL.len()] = [
    feed(Feed::Bindings, "bindings", &[Kind::Bindings], Whose::PersonAndPhone),
    feed(Feed::Cases, "cases", &[Kind::Cases], Whose::Person),
    feed(Feed::Contacts, "contacts", &[Kind::Contacts], Whose::Person),
    feed(Feed::ExternalCodes, "external-codes", &[Kind::ExternalCodes], Whose::Person),
    feed(Feed::Isolations, "isolations", &[Kind::Isolations], Whose::Person),
    feed(Feed::Listings, "listings", &[Kind::Listings], Whose::PersonOrPhone),
    feed(Feed::Regions, "regions", &[Kind::Regions], Whose::Nobody),
    feed(Feed::Symptoms, "symptoms", &[Kind::Symptoms], Whose::Person),
    feed(Feed::Tests, "tests", &[Kind::Tests], Whose::Person),
    feed(Feed::Travel, "travel", &[Kind::Stays, Kind::Trips, Kind::Entries], Whose::PersonOrPhone),
];

const _: () = {
    let mut at = 0;
    while at < KINDS.len() {
        assert!(KINDS[at].kind as usize == at, "KINDS is in the order of Kind");
        at += 1;
    }
    at = 0;
    while at < FEEDS.len() {
        assert!(FEEDS[at].feed as usize == at && Feed::ALL[at] as usize == at, "FEEDS is in the order of Feed");
        at += 1;
    }
};
