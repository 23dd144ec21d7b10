//! Where the people of the district live and go: real codes of streets (GB/T 2260 and its statistical extension) in
//! Zhejiang and Chongqing, with areas of three more digits.
//!
//! ```text
//! home       two counties of Hangzhou, always named by area (12 digits): tiers lie here
//! elsewhere  counties, streets and cities without a tier
//! Chongqing  county and area codes, one of them under a tier
//! ```
//!
//! Owns the codes. A county with a tier in it is never named as a whole county: such a stay would meet every tier
//! within.

use super::random::{Purpose, Random};

/// The streets in which people live: all but the last have nine areas.
const HOME_STREETS: [&str; 22] = [
    "330106002",
    "330106004",
    "330106005",
    "330106007",
    "330106008",
    "330106009",
    "330106010",
    "330106011",
    "330106012",
    "330106013",
    "330106109",
    "330106110",
    "330110005",
    "330110009",
    "330110010",
    "330110011",
    "330110012",
    "330110013",
    "330110014",
    "330110109",
    "330110110",
    WRONG_STREET,
];
const AREAS_PER_STREET: u32 = 9;
const AREAS_OF_WRONG_STREET: u32 = 2;

/// The street that is designated by mistake: few people live there.
pub(super) const WRONG_STREET: &str = "330110111";
/// The area that becomes medium, then high.
pub(super) const RISING_AREA: &str = "330106004003";
/// The area that is entered as high and corrected to medium.
pub(super) const CORRECTED_AREA: &str = "330110010005";
/// The area that is sealed.
pub(super) const SEVERE_AREA: &str = "330106109001";
/// The area of Chongqing under a tier.
pub(super) const CHONGQING_AREA: &str = "500112012004";

const OTHER_COUNTIES: [&str; 12] = [
    "330102", "330105", "330108", "330109", "330111", "330112", "330203", "330205", "330302", "330402", "330602",
    "331002",
];
const OTHER_STREETS: [&str; 6] = ["330102001", "330105001", "330108001", "330109001", "330203001", "330302006"];
const CHONGQING_COUNTIES: [&str; 4] = ["500103", "500104", "500105", "500107"];
const COARSE: [&str; 4] = ["31", "3205", "3302", "4403"];

/// A region code in place: at most twelve digits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Region {
    digits: [u8; 12],
    length: usize,
}

impl Region {
    /// The code as text.
    pub(super) fn text(&self) -> &str {
        std::str::from_utf8(self.digits.get(..self.length).unwrap_or_default()).unwrap_or_default()
    }

    fn new(code: &str) -> Region {
        let mut digits = [b'0'; 12];
        for (digit, byte) in digits.iter_mut().zip(code.bytes()) {
            *digit = byte;
        }
        Region { digits, length: code.len().min(12) }
    }
}

/// One of the home areas, all alike.
pub(super) fn any_home_area(random: &mut Random) -> Region {
    let areas = (HOME_STREETS.len() as u32 - 1) * AREAS_PER_STREET + AREAS_OF_WRONG_STREET;
    let area = random.below(areas);
    let street = HOME_STREETS.get((area / AREAS_PER_STREET) as usize).copied().unwrap_or(WRONG_STREET);
    let mut region = Region::new(street);
    region.digits[11] = b'1' + (area % AREAS_PER_STREET) as u8;
    region.length = 12;
    region
}

/// Where a person lives.
pub(super) fn home_of(seed: u64, person: u32) -> Region {
    any_home_area(&mut Random::of(seed, Purpose::Home, u64::from(person)))
}

/// A place away from home, mostly without a tier.
pub(super) fn away(random: &mut Random) -> Region {
    match random.below(1000) {
        0..700 => Region::new(random.pick(&OTHER_COUNTIES)),
        700..900 => Region::new(random.pick(&OTHER_STREETS)),
        900..975 => Region::new(random.pick(&CHONGQING_COUNTIES)),
        975..990 => Region::new(random.pick(&COARSE)),
        990..994 => Region::new("500112"),
        994..997 => Region::new(CHONGQING_AREA),
        997..998 => Region::new("5001"),
        _ => Region::new("3301"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn homes_are_areas_of_the_two_counties_and_reach_every_tier() {
        let homes: Vec<String> = (0..20_000).map(|person| home_of(5, person).text().to_owned()).collect();
        assert!(
            homes.iter().all(|home| home.len() == 12 && (home.starts_with("330106") || home.starts_with("330110")))
        );
        for tier in [RISING_AREA, CORRECTED_AREA, SEVERE_AREA] {
            let share = homes.iter().filter(|home| *home == tier).count();
            assert!((60..200).contains(&share), "{tier}: {share}");
        }
        assert!(homes.iter().any(|home| home.starts_with(WRONG_STREET)));
    }
}
