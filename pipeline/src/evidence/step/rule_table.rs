//! The tables that rules may name, and sets of them.
//!
//! Owns their order. What the columns are called is `schemas::evidence`'s.

use arrow::datatypes::SchemaRef;
use fuma_schemas::Kind;
use fuma_schemas::evidence::{GRANULARITIES, MATCHES, rule_schema, tiered_stay_schema};
use fuma_schemas::vocabulary::{ClosedList, Tier};

/// A table that rules see.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum RuleTable {
    /// The facts of a kind.
    Kind(Kind),
    /// Stays with the tiers of the regions that they meet.
    TieredStays,
}

impl RuleTable {
    /// How many there are.
    pub const COUNT: usize = Kind::PERSONAL.len() + 1;

    /// Every table, in the order of [`RuleTable::index`].
    pub fn all() -> impl Iterator<Item = RuleTable> {
        Kind::PERSONAL.into_iter().map(RuleTable::Kind).chain([RuleTable::TieredStays])
    }

    /// The table with this name.
    pub fn parse(name: &str) -> Option<RuleTable> {
        RuleTable::all().find(|table| table.name() == name)
    }

    /// The place: a kind's code, and 10 for tiered stays. Regions, which rules do not see, have none: they share the
    /// last.
    pub const fn index(self) -> usize {
        match self {
            RuleTable::Kind(kind) => kind as usize,
            RuleTable::TieredStays => Kind::PERSONAL.len(),
        }
    }

    /// The name in SQL.
    pub fn name(self) -> &'static str {
        match self {
            RuleTable::Kind(kind) => kind.name(),
            RuleTable::TieredStays => "tiered_stays",
        }
    }

    /// All columns that rules may see.
    pub fn schema(self) -> SchemaRef {
        match self {
            RuleTable::Kind(kind) => rule_schema(kind),
            RuleTable::TieredStays => tiered_stay_schema(),
        }
    }
}

const _: () = assert!(RuleTable::COUNT <= u16::BITS as usize, "a set of tables has a bit for each");

/// A set of tables that rules see, one bit each by [`RuleTable::index`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
pub struct RuleTables(pub u16);

impl RuleTables {
    /// The tables of both.
    #[must_use]
    pub fn union(self, other: RuleTables) -> RuleTables {
        RuleTables(self.0 | other.0)
    }

    /// No table.
    pub const NONE: RuleTables = RuleTables(0);
    /// Every table.
    pub const ALL: RuleTables = RuleTables((1 << RuleTable::COUNT) - 1);

    /// The set of one table.
    pub const fn one(table: RuleTable) -> RuleTables {
        RuleTables(1 << table.index())
    }

    /// The set of one table.
    pub fn of(table: RuleTable) -> RuleTables {
        RuleTables::one(table)
    }

    /// The set with a table added.
    #[must_use]
    pub fn with(self, table: RuleTable) -> RuleTables {
        RuleTables(self.0 | RuleTables::of(table).0)
    }

    /// The tables in which facts of a kind show: stays also show as tiered stays.
    pub fn of_kind(kind: Kind) -> RuleTables {
        let set = RuleTables::of(RuleTable::Kind(kind));
        if kind == Kind::Stays { set.with(RuleTable::TieredStays) } else { set }
    }

    /// Whether a table is in the set.
    pub fn contains(self, table: RuleTable) -> bool {
        self.0 & RuleTables::of(table).0 != 0
    }

    /// Whether the two sets share a table.
    pub fn meets(self, other: RuleTables) -> bool {
        self.0 & other.0 != 0
    }
}

/// Which tiers that a stay meets are wanted: a bit for each tier, match and granularity of the stay.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct WantedTiers(u128);

const TIERS: usize = Tier::NAMES.len();
const WANTED_TIERS: usize = TIERS * MATCHES.len() * GRANULARITIES.len();
const _: () = assert!(WANTED_TIERS <= u128::BITS as usize, "a set of them has a bit for each");

impl WantedTiers {
    /// None.
    pub const NONE: WantedTiers = WantedTiers(0);
    /// All.
    pub const ALL: WantedTiers = WantedTiers(u128::MAX);

    /// Every tier, match and granularity, by their places in the closed lists.
    pub fn each() -> impl Iterator<Item = (usize, usize, usize)> {
        let (matches, granularities) = (MATCHES.len(), GRANULARITIES.len());
        (0..WANTED_TIERS)
            .map(move |at| (at / granularities / matches, at / granularities % matches, at % granularities))
    }

    fn bit((tier, matched, granularity): (usize, usize, usize)) -> u128 {
        // What is beyond the lists is wanted always.
        u32::try_from((tier * MATCHES.len() + matched) * GRANULARITIES.len() + granularity)
            .ok()
            .and_then(|bit| 1_u128.checked_shl(bit))
            .unwrap_or(1 << 127)
    }

    /// With one more.
    #[must_use]
    pub fn with(self, one: (usize, usize, usize)) -> WantedTiers {
        WantedTiers(self.0 | WantedTiers::bit(one))
    }

    /// Those of either.
    #[must_use]
    pub fn either(self, other: WantedTiers) -> WantedTiers {
        WantedTiers(self.0 | other.0)
    }

    /// Those of both.
    #[must_use]
    pub fn both(self, other: WantedTiers) -> WantedTiers {
        WantedTiers(self.0 & other.0)
    }

    /// Whether one is wanted, by the codes of tier, match and granularity.
    pub fn contains(self, (tier, matched, granularity): (u8, u8, u8)) -> bool {
        self.0 & WantedTiers::bit((tier.into(), matched.into(), granularity.into())) != 0
    }
}

impl Default for WantedTiers {
    fn default() -> WantedTiers {
        WantedTiers::ALL
    }
}

/// Which columns of each table are wanted, by their place in the table's full schema.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Wanted(pub [Vec<usize>; RuleTable::COUNT]);

impl Wanted {
    /// Every column of every table.
    pub fn all() -> Wanted {
        let mut wanted = Wanted::default();
        for table in RuleTable::all() {
            wanted.0[table.index()] = (0..table.schema().fields().len()).collect();
        }
        wanted
    }

    /// The tables of which a column is wanted: what to gather.
    pub fn tables(&self) -> RuleTables {
        RuleTable::all().filter(|table| !self.0[table.index()].is_empty()).fold(RuleTables::NONE, RuleTables::with)
    }
}
