//! From province, city, county and the text of an area to a code.
//!
//! ```text
//! alias?                                 -> what people decided on
//! province, city, county                 -> the county
//! province, province or none, district   -> a municipality's district (the codes' cities 市辖区 and 县 are artificial)
//! province, district, street             -> the street, in its own spelling or nearly so
//! then the text of the area: the street that it begins with or, if there is only one, holds
//! ```
//!
//! Owns these readings. Must never make an area larger than its text: only a text that says the whole of a street or
//! county gets the code of it. A text that leaves a place out, or names several streets, is for people: read here, it
//! would put the area where it is not.

use super::aliases::Aliases;
use super::codes::{Codes, Region, street_stem};

/// What the text of an area says when it means the whole of the region named before.
const WHOLE: [&str; 8] = ["", "全域", "全境", "全部", "全部区域", "全区域", "全辖区", "所有区域"];

/// Words of a text that leaves places out: all but, not with, the rest.
const LEAVES_OUT: [&str; 24] = [
    "除",
    "不含",
    "不包含",
    "不包括",
    "未包括",
    "未包含",
    "以外",
    "之外",
    "不在内",
    "不计",
    "不涉及",
    "不纳入",
    "例外",
    "剔除",
    "扣除",
    "其余",
    "其他",
    "其它",
    "剩余",
    "余下",
    "外全域",
    "外全部",
    "外区域",
    "外所有",
];
/// What stands between two places, and what may also begin a name.
const JOINS: [&str; 7] = ["、", "以及", "，", ",", "；", ";", "/"];
const MAY_JOIN: [&str; 5] = ["和", "及", "与", "或", "至"];

/// The names of an entry of the list.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) struct Names {
    pub(super) province: String,
    pub(super) city: String,
    pub(super) county: String,
    pub(super) area: String,
}

/// Where an area is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Location {
    /// It is a county or street.
    Own(String),
    /// It is a part of a county or street and has no code; the text tells it from the others there.
    Within { parent: String, text: String },
}

/// Resolves names by the tables.
pub(super) struct Resolver<'a> {
    pub(super) codes: &'a Codes,
    pub(super) aliases: &'a Aliases,
}

/// The region that province, city and county name, and what is left to say where in it.
struct Base {
    code: String,
    text: String,
}

impl Resolver<'_> {
    /// The location; or, for people, why there is none.
    pub(super) fn locate(&self, names: &Names) -> Result<Location, &'static str> {
        if [&names.county, &names.area].into_iter().any(|text| LEAVES_OUT.iter().any(|word| text.contains(word))) {
            return Err("the text leaves a place out; write a row for each place that is meant");
        }
        let base = self.base(names)?;
        let text = base.text.trim();
        if self.names_several(&base.code, text) {
            return Err("the text names several streets; write a row for each");
        }
        if let Some((street, rest)) = (base.code.len() < 9).then(|| self.street_in(&base.code, text)).flatten() {
            return Ok(location(&street.code, rest));
        }
        match base.code.len() {
            2 | 4 => Err("the zone lies in several counties, and the area names no street of theirs"),
            _ => Ok(location(&base.code, text)),
        }
    }

    fn base(&self, names: &Names) -> Result<Base, &'static str> {
        let Names { province, city, county, area } = names;
        let base = |code: &str, text: &str| Ok(Base { code: code.to_owned(), text: text.to_owned() });
        if let Some(code) = self.aliases.code(province, city, county) {
            return base(code, area);
        }
        let Some(in_province) = self.codes.named("", 2, province) else { return Err("no such province") };
        if let Some(in_city) = self.codes.named(&in_province.code, 4, city) {
            return self.base_in_city(in_city, names);
        }
        if let Some(region) =
            (city.is_empty() || city == province).then(|| self.codes.named(&in_province.code, 6, county)).flatten()
        {
            return base(&region.code, area);
        }
        let Some(region) = self.codes.named(&in_province.code, 6, city) else { return Err("no such city or district") };
        match self.codes.street(&region.code, county) {
            Some(street) => base(&street.code, area),
            // The street is told apart by its name, so that two areas of one name stay two.
            None if !area.is_empty() || !WHOLE.contains(&county.as_str()) => {
                base(&region.code, &format!("{county}{area}"))
            }
            None => Err("names no county"),
        }
    }

    /// Whether a text goes on with another place after the street of the base, or names two streets itself.
    fn names_several(&self, within: &str, text: &str) -> bool {
        if within.len() >= 9 && self.goes_on(&within[..6], text) {
            return true;
        }
        let within = within.get(..6).unwrap_or(within);
        let Some((_, first, mut rest)) = self.first_street(within, text) else { return false };
        if self.goes_on(within, rest) {
            return true;
        }
        while let Some((before, street, after)) = self.first_street(within, rest) {
            if street != first && JOINS.iter().chain(&MAY_JOIN).any(|word| before.ends_with(word)) {
                return true;
            }
            rest = after;
        }
        false
    }

    /// The street that stands first in a text, the longest that begins there: what is before it, the street, what
    /// follows.
    fn first_street<'t>(&self, within: &str, text: &'t str) -> Option<(&'t str, &Region, &'t str)> {
        let streets = self.codes.streets(within).filter(|street| street_stem(&street.name).is_some());
        let held = streets.filter_map(|street| Some((text.find(&street.name)?, street)));
        let (at, street) = held.min_by_key(|(at, street)| (*at, usize::MAX - street.name.len()))?;
        Some((text.get(..at)?, street, text.get(at + street.name.len()..)?))
    }

    /// Whether what follows a street joins another place to it. A word that may begin a name (和谐社区) joins only what
    /// names a street.
    fn goes_on(&self, within: &str, rest: &str) -> bool {
        JOINS.iter().any(|mark| rest.starts_with(mark))
            || (MAY_JOIN.iter().any(|word| rest.starts_with(word)) && self.names_street(within, rest))
    }

    /// Whether a text names a street, also its ending: 西溪 for 西溪街道.
    fn names_street(&self, within: &str, text: &str) -> bool {
        self.codes.streets(within).filter_map(|street| street_stem(&street.name)).any(|stem| text.contains(stem))
    }

    fn base_in_city(&self, city: &Region, names: &Names) -> Result<Base, &'static str> {
        let Names { county, area, .. } = names;
        if county.is_empty() {
            return Err("names no county");
        }
        let region = self.codes.named(&city.code, 6, county).or_else(|| self.codes.street(&city.code, county));
        if let Some(region) = region {
            return Ok(Base { code: region.code.clone(), text: area.clone() });
        }
        match self.street_in(&city.code, area) {
            Some((street, rest)) => Ok(Base { code: street.code.clone(), text: rest.to_owned() }),
            None => Err("no such county; give it an alias"),
        }
    }

    /// The street that a text begins with, the longest if there are several; else the only one that it holds. With
    /// the text behind it.
    fn street_in<'t>(&self, within: &str, text: &'t str) -> Option<(&Region, &'t str)> {
        let named = || self.codes.streets(within).filter(|street| street_stem(&street.name).is_some());
        let first = named().filter(|street| text.starts_with(&street.name)).max_by_key(|street| street.name.len());
        if let Some(street) =
            first.filter(|street| within.len() == 6 || self.codes.named(within, 9, &street.name).is_some())
        {
            return text.strip_prefix(&street.name).map(|rest| (street, rest));
        }
        let mut held = named().filter(|street| text.contains(&street.name));
        let street = held.next()?;
        if held.next().is_some() {
            return None;
        }
        text.split_once(&street.name).map(|(_, rest)| (street, rest))
    }
}

fn location(code: &str, text: &str) -> Location {
    let text = text.strip_prefix("办事处").unwrap_or(text).trim();
    if WHOLE.contains(&text) {
        Location::Own(code.to_owned())
    } else {
        Location::Within { parent: code.to_owned(), text: text.to_owned() }
    }
}
