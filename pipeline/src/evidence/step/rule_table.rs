//! The tables that rules may name, and sets of them.
//!
//! Owns their order. What the columns are called is `schemas::evidence`'s.

use arrow::datatypes::SchemaRef;
use fuma_schemas::Kind;
use fuma_schemas::evidence::{rule_schema, tiered_stay_schema};

/// A table that rules see.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum BaseTable {
    /// The facts of a kind.
    Kind(Kind),
    /// Stays with the tiers of the regions that they meet.
    TieredStays,
}

impl BaseTable {
    /// How many there are.
    pub const COUNT: usize = Kind::PERSONAL.len() + 1;

    /// Every table, in the order of [`BaseTable::index`].
    pub fn all() -> impl Iterator<Item = BaseTable> {
        Kind::PERSONAL.into_iter().map(BaseTable::Kind).chain([BaseTable::TieredStays])
    }

    /// The table with this name.
    pub fn parse(name: &str) -> Option<BaseTable> {
        BaseTable::all().find(|table| table.name() == name)
    }

    /// The place: a kind's code, and 10 for tiered stays. Regions, which rules do not see, have none: they share the
    /// last.
    pub fn index(self) -> usize {
        match self {
            BaseTable::Kind(kind) => usize::from(kind.code()),
            BaseTable::TieredStays => Kind::PERSONAL.len(),
        }
    }

    /// The name in SQL.
    pub fn name(self) -> &'static str {
        match self {
            BaseTable::Kind(kind) => kind.name(),
            BaseTable::TieredStays => "tiered_stays",
        }
    }

    /// All columns that rules may see.
    pub fn schema(self) -> SchemaRef {
        match self {
            BaseTable::Kind(kind) => rule_schema(kind),
            BaseTable::TieredStays => tiered_stay_schema(),
        }
    }
}

const _: () = assert!(BaseTable::COUNT <= u16::BITS as usize, "a set of tables has a bit for each");

/// A set of tables that rules see, one bit each by [`BaseTable::index`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
pub struct KindSet(pub u16);

impl KindSet {
    /// The tables of both.
    #[must_use]
    pub fn union(self, other: KindSet) -> KindSet {
        KindSet(self.0 | other.0)
    }

    /// No table.
    pub const NONE: KindSet = KindSet(0);
    /// Every table.
    pub const ALL: KindSet = KindSet((1 << BaseTable::COUNT) - 1);

    /// The set of one table.
    pub fn of(table: BaseTable) -> KindSet {
        KindSet(1 << table.index())
    }

    /// The set with a table added.
    #[must_use]
    pub fn with(self, table: BaseTable) -> KindSet {
        KindSet(self.0 | KindSet::of(table).0)
    }

    /// The tables in which facts of a kind show: stays also show as tiered stays.
    pub fn of_kind(kind: Kind) -> KindSet {
        let set = KindSet::of(BaseTable::Kind(kind));
        if kind == Kind::Stays { set.with(BaseTable::TieredStays) } else { set }
    }

    /// Whether a table is in the set.
    pub fn contains(self, table: BaseTable) -> bool {
        self.0 & KindSet::of(table).0 != 0
    }

    /// Whether the two sets share a table.
    pub fn meets(self, other: KindSet) -> bool {
        self.0 & other.0 != 0
    }
}

/// Which columns of each table are wanted, by their place in the table's full schema.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Wanted(pub [Vec<usize>; BaseTable::COUNT]);

impl Wanted {
    /// Every column of every table.
    pub fn all() -> Wanted {
        let mut wanted = Wanted::default();
        for table in BaseTable::all() {
            wanted.0[table.index()] = (0..table.schema().fields().len()).collect();
        }
        wanted
    }

    /// The tables of which a column is wanted: what to gather.
    pub fn tables(&self) -> KindSet {
        BaseTable::all().filter(|table| !self.0[table.index()].is_empty()).fold(KindSet::NONE, KindSet::with)
    }
}
