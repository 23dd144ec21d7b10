//! How many rows the joins of a plan may come to for one person (I-10), read from the plan once.
//!
//! Evidence is joined on person (`locality`), so a join pairs the rows of one person: n rows on one side and m on the
//! other are at most n times m, whatever else is asked of them, and that many are looked at. The facts of a kind have
//! limits of their own, but 500 contacts, 500 isolations and 500 cases are 125 million.
//!
//! Owns the estimate, which may be too high and never too low. Must never look at data.

use std::collections::BTreeMap;

use datafusion::common::Column;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::{Aggregate, Join, JoinType, LogicalPlan};

/// How many rows a node of a plan has for one person, by those of the tables.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Rows {
    /// Those of a table, by its number.
    Table(usize),
    /// One.
    One,
    /// Those of all inputs.
    Sum(Vec<Rows>),
    /// Two sides, each row of one with each row of the other.
    Joined {
        /// The sides.
        sides: Box<[Rows; 2]>,
        /// Of which sides each row comes out, at least once.
        preserved: [bool; 2],
        /// Whether rows of the preserved side alone come out.
        is_half: bool,
    },
    /// Those of the input, and at most those of the tables that the groups are named by, each with each.
    Grouped {
        /// The input.
        input: Box<Rows>,
        /// What the groups are named by; none: it cannot be told.
        by: Option<Vec<Rows>>,
    },
}

/// Knows the numbers of the tables that a plan scans.
pub trait Numbers {
    /// The number of a table.
    fn number(&self, table: &str) -> Option<usize>;
}

impl Rows {
    /// The rows of an optimised plan.
    pub fn of(plan: &LogicalPlan, tables: &dyn Numbers) -> Rows {
        match plan {
            LogicalPlan::TableScan(scan) => {
                // An unknown table was refused before.
                tables.number(scan.table_name.table()).map_or(Rows::One, Rows::Table)
            }
            LogicalPlan::Join(join) => joined(join, tables),
            LogicalPlan::Aggregate(aggregate) => {
                let input = Box::new(Rows::of(&aggregate.input, tables));
                Rows::Grouped { input, by: grouped_by(aggregate, tables) }
            }
            LogicalPlan::EmptyRelation(_) | LogicalPlan::Values(_) => Rows::One,
            plan => match plan.inputs().as_slice() {
                [] => Rows::One,
                [input] => Rows::of(input, tables),
                inputs => Rows::Sum(inputs.iter().map(|input| Rows::of(input, tables)).collect()),
            },
        }
    }

    /// How many rows come out, where the tables have these; adds to `work` what joins look at.
    pub fn count(&self, tables: &[u64], work: &mut u64) -> u64 {
        match self {
            Rows::Table(number) => tables.get(*number).copied().unwrap_or(u64::MAX),
            Rows::One => 1,
            Rows::Sum(inputs) => inputs.iter().fold(0, |all: u64, input| all.saturating_add(input.count(tables, work))),
            Rows::Joined { sides, preserved, is_half } => {
                let [left, right] = [&sides[0], &sides[1]].map(|side| side.count(tables, work));
                let pairs = left.saturating_mul(right);
                *work = work.saturating_add(pairs);
                let kept = [left, right].into_iter().zip(preserved).filter(|(_, kept)| **kept).map(|(rows, _)| rows);
                let kept = kept.fold(0, u64::saturating_add);
                if *is_half { kept } else { pairs.max(kept) }
            }
            Rows::Grouped { input, by } => {
                let rows = input.count(tables, work);
                let groups =
                    |by: &Vec<Rows>| by.iter().fold(1, |all: u64, one| all.saturating_mul(one.count(tables, &mut 0)));
                by.as_ref().map_or(rows, |by| rows.min(groups(by)))
            }
        }
    }
}

fn joined(join: &Join, tables: &dyn Numbers) -> Rows {
    let sides = Box::new([&join.left, &join.right].map(|side| Rows::of(side, tables)));
    let (preserved, is_half) = match join.join_type {
        JoinType::Inner => ([false, false], false),
        JoinType::Left => ([true, false], false),
        JoinType::Right => ([false, true], false),
        JoinType::Full => ([true, true], false),
        JoinType::LeftSemi | JoinType::LeftAnti | JoinType::LeftMark => ([true, false], true),
        JoinType::RightSemi | JoinType::RightAnti | JoinType::RightMark => ([false, true], true),
    };
    Rows::Joined { sides, preserved, is_half }
}

/// The tables whose rows name the groups: those of the columns that are grouped by. None when a column's cannot be
/// told.
fn grouped_by(aggregate: &Aggregate, tables: &dyn Numbers) -> Option<Vec<Rows>> {
    let columns = aggregate.group_expr.iter().flat_map(|expr| expr.column_refs());
    let mut names: Vec<String> = columns.map(relation).collect::<Option<_>>()?;
    names.sort_unstable();
    names.dedup();
    let mut named: BTreeMap<String, Vec<Rows>> = BTreeMap::new();
    let seen = aggregate.input.apply(|node| {
        let name = match node {
            LogicalPlan::SubqueryAlias(alias) => Some(alias.alias.table()),
            LogicalPlan::TableScan(scan) => Some(scan.table_name.table()),
            _ => None,
        };
        if let Some(name) = name {
            named.entry(name.to_owned()).or_default().push(Rows::of(node, tables));
        }
        Ok(TreeNodeRecursion::Continue)
    });
    seen.ok()?;
    // A name that stands for two things names neither.
    names.into_iter().map(|name| named.remove(&name).filter(|rows| rows.len() == 1)?.pop()).collect()
}

fn relation(column: &Column) -> Option<String> {
    column.relation.as_ref().map(|relation| relation.table().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn join(left: Rows, right: Rows, preserved: [bool; 2], is_half: bool) -> Rows {
        Rows::Joined { sides: Box::new([left, right]), preserved, is_half }
    }

    #[test]
    fn joins_multiply_and_groups_bound_them() {
        let contacts = || Rows::Table(0);
        let inner = join(contacts(), Rows::Table(1), [true, false], false);
        let all = join(inner, Rows::Table(2), [true, false], false);
        let grouped = Rows::Grouped { input: Box::new(all.clone()), by: Some(vec![contacts()]) };
        let mut work = 0;
        assert_eq!(all.count(&[500, 500, 500], &mut work), 125_000_000);
        assert_eq!(work, 125_250_000);
        assert_eq!(grouped.count(&[500, 500, 500], &mut work), 500);
        assert_eq!(all.count(&[3, 0, 0], &mut 0), 3, "the preserved side stays");
        let semi = join(contacts(), Rows::Table(1), [true, false], true);
        let mut work = 0;
        assert_eq!((semi.count(&[4, 9, 0], &mut work), work), (4, 36));
        assert_eq!(Rows::Sum(vec![contacts(), Rows::Table(1)]).count(&[4, 9, 0], &mut 0), 13);
        assert_eq!(all.count(&[u64::MAX, 2, 2], &mut 0), u64::MAX, "it does not wrap");
    }
}
