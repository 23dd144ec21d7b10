//! The closed lists of the feeds (docs/feeds.md section 2). The order of a list is the code that the evidence log
//! carries:
//! names are only ever added at the end.
//!
//! Owns the names and nothing else; must never give a name a meaning (that is the rules').

use crate::region::CODE_LENGTHS;

/// A closed list of names, stored as a code of one byte.
pub trait ClosedList: Copy + Sized + 'static {
    /// Every name, in the order of the codes.
    const NAMES: &'static [&'static str];

    /// The entry with this name.
    fn parse(name: &str) -> Option<Self>;
    /// The code in the evidence log.
    fn code(self) -> u8;
    /// The name in feeds and in rules.
    fn name(self) -> &'static str {
        Self::NAMES[usize::from(self.code())]
    }
}

macro_rules! closed_list {
    ($(#[$doc:meta])* $list:ident { $($entry:ident = $name:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        #[derive(serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
        #[repr(u8)]
        pub enum $list {
            $(#[doc = concat!("`", $name, "`")] #[serde(rename = $name)] $entry),+
        }

        impl ClosedList for $list {
            const NAMES: &'static [&'static str] = &[$($name),+];

            fn parse(name: &str) -> Option<Self> {
                match name {
                    $($name => Some(Self::$entry),)+
                    _ => None,
                }
            }

            fn code(self) -> u8 {
                self as u8
            }
        }
    };
}

closed_list!(
    /// The types of certificates: resident ID, HK/Macao permit, Taiwan permit, passport, ID of a foreign permanent
    /// resident, other.
    CertificateType {
        ResidentId = "10", HongKongMacaoPermit = "14", TaiwanPermit = "15", Passport = "20",
        ForeignPermanentResident = "34", Other = "99",
    }
);
closed_list!(
    /// What a person with evidence of infection is.
    Classification { Confirmed = "confirmed", Suspected = "suspected", Asymptomatic = "asymptomatic", Repositive = "repositive", Excluded = "excluded" }
);
closed_list!(
    /// How close a contact was.
    Degree { Close = "close", Secondary = "secondary", General = "general", Environment = "environment" }
);
closed_list!(
    /// The kinds of the travel feed.
    TravelKind { Stay = "stay", Trip = "trip", Entry = "entry" }
);
closed_list!(
    /// Where a stay is known from.
    StaySource { Telecom = "telecom", Checkin = "checkin", Declared = "declared" }
);
closed_list!(
    /// A means of transport.
    Mode { Air = "air", Rail = "rail", Coach = "coach", Ship = "ship" }
);
closed_list!(
    /// What a person aboard is.
    Role { Passenger = "passenger", Crew = "crew" }
);
closed_list!(
    /// How a phone number is bound to a person.
    Holder { Verified = "verified", Registered = "registered", Guardian = "guardian" }
);
closed_list!(
    /// How a sample was tested.
    Method { Nat = "nat", Antigen = "antigen", Antibody = "antibody" }
);
closed_list!(
    /// What a test said.
    TestResult { Positive = "positive", Negative = "negative", Indeterminate = "indeterminate" }
);
closed_list!(
    /// Whether a tube held one sample or several.
    Tube { Single = "single", Mixed = "mixed" }
);
closed_list!(
    /// A symptom.
    SymptomName { Fever = "fever", Dyspnoea = "dyspnoea", Respiratory = "respiratory", Other = "other" }
);
closed_list!(
    /// Who reported a symptom.
    SymptomSource { Clinic = "clinic", Declared = "declared" }
);
closed_list!(
    /// A stage of isolation.
    Stage { Hospital = "hospital", Centralised = "centralised", Home = "home", Monitoring = "monitoring" }
);
closed_list!(
    /// Why somebody is isolated.
    IsolationBasis { Recovery = "recovery", Contact = "contact", Entry = "entry", Region = "region", Other = "other" }
);
closed_list!(
    /// How an isolation ended.
    Outcome { Released = "released", Transferred = "transferred", Cancelled = "cancelled" }
);
closed_list!(
    /// The colours that a list may ask for.
    ListingColour { Red = "red", Yellow = "yellow" }
);
closed_list!(
    /// The grounds on which a list may stand. There is no other: a list for any other purpose can't be written down.
    ListingBasis {
        Spatiotemporal = "spatiotemporal", FieldInvestigation = "field-investigation", ColdChain = "cold-chain", Venue = "venue",
        HeadquartersDocument = "headquarters-document",
    }
);
closed_list!(
    /// The colours of another province's code.
    ExternalColour { Red = "red", Yellow = "yellow", Green = "green" }
);
closed_list!(
    /// A region's risk tier.
    Tier { Severe = "severe", High = "high", Medium = "medium", Low = "low" }
);
closed_list!(
    /// How finely a stay is located: by the length of its region code.
    Granularity { Province = "province", City = "city", County = "county", Street = "street", Area = "area" }
);
closed_list!(
    /// How a stay's region meets a tiered region: the same; within it; or containing it (the stay is coarser).
    Match { Exact = "exact", Within = "within", Contains = "contains" }
);

/// The cities without counties (Dongguan, Zhongshan, Danzhou, Jiayuguan): nothing lies between the city and its towns.
pub const CITIES_WITHOUT_COUNTIES: [&str; 4] = ["4419", "4420", "4604", "6202"];

impl Granularity {
    /// The granularity of a region code; none if its length is not 2, 4, 6, 9 or 12. A city without counties counts as
    /// a county.
    pub fn of_code(code: &str) -> Option<Granularity> {
        const LEVELS: [Granularity; CODE_LENGTHS.len()] =
            [Granularity::Province, Granularity::City, Granularity::County, Granularity::Street, Granularity::Area];
        let level =
            CODE_LENGTHS.iter().zip(LEVELS).find(|(length, _)| **length == code.len()).map(|(_, level)| level)?;
        let is_county = level == Granularity::City && CITIES_WITHOUT_COUNTIES.contains(&code);
        Some(if is_county { Granularity::County } else { level })
    }
}
