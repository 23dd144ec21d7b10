//! Which people a rule can say anything about, read from its plan.
//!
//! A rule's rows spring from its *driving* tables: the preserved side of its joins. Since evidence is joined on
//! person only (`locality`), somebody without a row in them has no reason by this rule, and what the rule reads need
//! not be gathered. Most people have tests and nothing else: for them no plan runs at all.
//!
//! Owns the analysis. It may name more tables than needed, never fewer.

use datafusion::logical_expr::{Join, JoinType, LogicalPlan};
use fuma_schemas::Kind;

use crate::evidence::{RuleTable, RuleTables};

/// What is known of a table that a plan scans.
#[derive(Clone, Copy, Debug)]
pub struct Origin {
    /// Where its rows spring from; none for a table of the pack, which always has rows.
    pub drivers: Option<RuleTables>,
    /// The base tables it is made of.
    pub needs: RuleTables,
}

/// Knows the tables that a plan scans.
pub trait Origins {
    /// The origin of a table.
    fn origin(&self, table: &str) -> Origin;
}

/// The driving tables of an optimised plan; none when rows may spring from nothing.
pub fn drivers(plan: &LogicalPlan, tables: &dyn Origins) -> Option<RuleTables> {
    match plan {
        LogicalPlan::TableScan(scan) => tables.origin(scan.table_name.table()).drivers,
        LogicalPlan::EmptyRelation(relation) if !relation.produce_one_row => Some(RuleTables::NONE),
        LogicalPlan::Join(join) => of_join(join, tables),
        LogicalPlan::Union(union) => union
            .inputs
            .iter()
            .map(|input| drivers(input, tables))
            .try_fold(RuleTables::NONE, |all, one| Some(all.union(one?))),
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

fn of_join(join: &Join, tables: &dyn Origins) -> Option<RuleTables> {
    let (left, right) = (drivers(&join.left, tables), drivers(&join.right, tables));
    match join.join_type {
        JoinType::Inner => match (left, right) {
            // Rows need both sides, so either will do: the rarer evidence drives.
            (Some(one), Some(other)) => Some(if breadth(other) < breadth(one) { other } else { one }),
            (one, other) => one.or(other),
        },
        JoinType::Left | JoinType::LeftSemi | JoinType::LeftAnti | JoinType::LeftMark => left,
        JoinType::Right | JoinType::RightSemi | JoinType::RightAnti | JoinType::RightMark => right,
        JoinType::Full => Some(left?.union(right?)),
    }
}

/// How many people a set of tables is likely to meet: tests, stays and trips are everybody's.
fn breadth(set: RuleTables) -> u32 {
    let everybodys = Kind::PERSONAL.into_iter().filter(|kind| kind.spec().is_everybodys);
    let crowds = everybodys.filter(|kind| set.contains(RuleTable::Kind(*kind))).count();
    set.0.count_ones() + 100 * u32::try_from(crowds).unwrap_or(0)
}

/// All base tables that a plan reads.
pub fn needs(plan: &LogicalPlan, tables: &dyn Origins) -> RuleTables {
    let own = match plan {
        LogicalPlan::TableScan(scan) => tables.origin(scan.table_name.table()).needs,
        _ => RuleTables::NONE,
    };
    plan.inputs().into_iter().fold(own, |all, input| all.union(needs(input, tables)))
}
