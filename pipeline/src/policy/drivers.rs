//! Which people a rule can say anything about, read from its plan.
//!
//! A rule's rows spring from its *driving* tables: the preserved side of its joins. Since evidence is joined on person only
//! (`locality`), somebody without a row in them has no reason by this rule, and what the rule reads need not be gathered.
//! Most people have tests and nothing else: for them no plan runs at all.
//!
//! Owns the analysis. It may name more tables than needed, never fewer.

use datafusion::logical_expr::{Join, JoinType, LogicalPlan};

/// A set of base tables, by their number (the kinds of evidence, then `tiered_stays`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct TableSet(pub u16);

impl TableSet {
    /// Every base table.
    pub const ALL: TableSet = TableSet(u16::MAX);

    /// One table.
    pub fn of(number: usize) -> TableSet {
        TableSet(1 << (number % 16))
    }

    /// Both.
    #[must_use]
    pub fn and(self, other: TableSet) -> TableSet {
        TableSet(self.0 | other.0)
    }

    /// Whether a table is in both.
    pub fn meets(self, other: TableSet) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether the table is in the set.
    pub fn has(self, number: usize) -> bool {
        self.meets(TableSet::of(number))
    }
}

/// What is known of a table that a plan scans.
#[derive(Clone, Copy, Debug)]
pub struct Origin {
    /// Where its rows spring from; none for a table of the pack, which always has rows.
    pub drivers: Option<TableSet>,
    /// The base tables it is made of.
    pub needs: TableSet,
}

/// Knows the tables that a plan scans.
pub trait Origins {
    /// The origin of a table.
    fn origin(&self, table: &str) -> Origin;
}

/// The driving tables of an optimised plan; none when rows may spring from nothing.
pub fn drivers(plan: &LogicalPlan, tables: &dyn Origins) -> Option<TableSet> {
    match plan {
        LogicalPlan::TableScan(scan) => tables.origin(scan.table_name.table()).drivers,
        LogicalPlan::EmptyRelation(relation) if !relation.produce_one_row => Some(TableSet::default()),
        LogicalPlan::Join(join) => of_join(join, tables),
        LogicalPlan::Union(union) => union
            .inputs
            .iter()
            .map(|input| drivers(input, tables))
            .try_fold(TableSet::default(), |all, one| Some(all.and(one?))),
        LogicalPlan::Aggregate(aggregate) if aggregate.group_expr.is_empty() => None,
        LogicalPlan::Projection(_)
        | LogicalPlan::Filter(_)
        | LogicalPlan::Sort(_)
        | LogicalPlan::SubqueryAlias(_)
        | LogicalPlan::Subquery(_)
        | LogicalPlan::Distinct(_)
        | LogicalPlan::Window(_)
        | LogicalPlan::Aggregate(_) => plan.inputs().first().and_then(|input| drivers(input, tables)),
        _ => None,
    }
}

fn of_join(join: &Join, tables: &dyn Origins) -> Option<TableSet> {
    let (left, right) = (drivers(&join.left, tables), drivers(&join.right, tables));
    match join.join_type {
        JoinType::Inner => match (left, right) {
            // Rows need both sides, so either will do: the rarer evidence drives.
            (Some(one), Some(other)) => Some(if breadth(other) < breadth(one) { other } else { one }),
            (one, other) => one.or(other),
        },
        JoinType::Left | JoinType::LeftSemi | JoinType::LeftAnti | JoinType::LeftMark => left,
        JoinType::Right | JoinType::RightSemi | JoinType::RightAnti | JoinType::RightMark => right,
        JoinType::Full => Some(left?.and(right?)),
    }
}

/// How many people a set of tables is likely to meet: tests, stays and trips are everybody's.
fn breadth(set: TableSet) -> u32 {
    use fuma_schemas::Kind;
    let everybody = [Kind::Tests, Kind::Stays, Kind::Trips];
    everybody.into_iter().filter(|kind| set.has(usize::from(kind.code()))).count() as u32 * 100 + set.0.count_ones()
}

/// All base tables that a plan reads.
pub fn needs(plan: &LogicalPlan, tables: &dyn Origins) -> TableSet {
    let own = match plan {
        LogicalPlan::TableScan(scan) => tables.origin(scan.table_name.table()).needs,
        _ => TableSet::default(),
    };
    plan.inputs().into_iter().fold(own, |all, input| all.and(needs(input, tables)))
}
