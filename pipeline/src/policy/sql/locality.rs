//! A rule looks at one person only (I-6): checked once, on the optimised plan, so that no spelling gets around it.
//!
//! Every node gets the columns that hold the person of its row. Evidence may be joined only where such columns are
//! equal, grouped and partitioned only by them; nothing may cut rows by number. Tables of the pack hold no person and
//! join freely.
//!
//! Owns the check. Must never look at data.

use std::collections::BTreeSet;

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchema, Result as PlanResult};
use datafusion::logical_expr::expr::WindowFunction;
use datafusion::logical_expr::{Aggregate, Distinct, Expr, Join, JoinType, LogicalPlan, TableScan, Window};

/// What is wrong, and a word of the text near it (to find the line).
#[derive(Debug, PartialEq, Eq)]
pub struct NotLocal {
    /// The reason.
    pub reason: String,
    /// Words of the text that stand near it, the most telling first.
    pub near: Vec<String>,
}

/// Which tables hold people.
pub trait Personal {
    /// Whether the table has a row per person's fact; a table of the pack has none.
    fn is_personal(&self, table: &str) -> bool;
}

/// What is known of a node: whether it holds evidence, and which of its columns hold the row's person.
struct Scope {
    personal: bool,
    keys: BTreeSet<usize>,
}

type Checked<T> = Result<T, NotLocal>;

/// Checks an optimised plan whose output must have a column `person` that is the person of the row.
pub fn check(plan: &LogicalPlan, tables: &dyn Personal) -> Checked<()> {
    let scope = scope(plan, tables)?;
    let person = plan.schema().index_of_column_by_name(None, "person");
    match person {
        Some(at) if scope.keys.contains(&at) => Ok(()),
        _ => refuse(
            "the column person must be the person of the evidence (not of the optional side of a join)",
            &["person"],
        ),
    }
}

/// Checks an optimised plan that is row by row over one table: nothing is joined, grouped or cut, and `key` comes out
/// as it went in.
pub fn check_rows(plan: &LogicalPlan, table: &str, key: &str) -> Checked<()> {
    let reason = format!("the query reads the table {table} alone, row by row: SELECT {key}, ... FROM {table}");
    let rows =
        || NotLocal { reason: reason.clone(), near: ["JOIN", "GROUP", "DISTINCT", "FROM"].map(String::from).into() };
    let mut at = plan;
    let mut place = plan.schema().index_of_column_by_name(None, key).ok_or_else(rows)?;
    loop {
        let mut has_query = false;
        let visited = at.apply_expressions(|expr| {
            expr.apply(|part| {
                has_query |= matches!(
                    part,
                    Expr::ScalarSubquery(_) | Expr::Exists(_) | Expr::InSubquery(_) | Expr::SetComparison(_)
                );
                Ok(TreeNodeRecursion::Continue)
            })
        });
        if has_query || visited.is_err() {
            return Err(rows());
        }
        at = match at {
            LogicalPlan::TableScan(scan) => {
                let own = scan.projected_schema.index_of_column_by_name(None, key);
                let good = scan.fetch.is_none() && scan.table_name.table() == table && own == Some(place);
                return if good { Ok(()) } else { Err(rows()) };
            }
            LogicalPlan::Projection(projection) => {
                let mut expr = projection.expr.get(place).ok_or_else(rows)?;
                while let Expr::Alias(alias) = expr {
                    expr = &alias.expr;
                }
                let Expr::Column(column) = expr else { return Err(rows()) };
                place = projection.input.schema().maybe_index_of_column(column).ok_or_else(rows)?;
                &projection.input
            }
            LogicalPlan::Filter(filter) => &filter.input,
            LogicalPlan::SubqueryAlias(alias) => &alias.input,
            _ => return Err(rows()),
        };
    }
}

fn refuse<T>(reason: &str, near: &[&str]) -> Checked<T> {
    Err(NotLocal { reason: reason.to_string(), near: near.iter().map(ToString::to_string).collect() })
}

fn scope(plan: &LogicalPlan, tables: &dyn Personal) -> Checked<Scope> {
    subqueries(plan, tables)?;
    match plan {
        LogicalPlan::TableScan(scan) => table_scan(scan, tables),
        LogicalPlan::Projection(projection) => {
            let input = scope(&projection.input, tables)?;
            let keys =
                projection.expr.iter().enumerate().filter(|(_, expr)| is_key(expr, &input, projection.input.schema()));
            let keys = keys.map(|(at, _)| at).collect();
            Ok(Scope { personal: input.personal, keys })
        }
        LogicalPlan::Filter(filter) => scope(&filter.input, tables),
        LogicalPlan::Sort(sort) if sort.fetch.is_none() => scope(&sort.input, tables),
        LogicalPlan::SubqueryAlias(alias) => scope(&alias.input, tables),
        LogicalPlan::Subquery(subquery) => scope(&subquery.subquery, tables),
        LogicalPlan::Join(join) => joined(join, tables),
        LogicalPlan::Aggregate(aggregate) => aggregated(aggregate, tables),
        LogicalPlan::Window(window) => windowed(window, tables),
        LogicalPlan::Distinct(Distinct::All(input)) => {
            let scope = scope(input, tables)?;
            if scope.personal && scope.keys.is_empty() {
                return refuse("DISTINCT over rows without their person would mix people", &["DISTINCT"]);
            }
            Ok(scope)
        }
        LogicalPlan::Union(union) => {
            let inputs = union.inputs.iter().map(|input| scope(input, tables)).collect::<Checked<Vec<_>>>()?;
            let personal = inputs.iter().any(|input| input.personal);
            let all = |at: &usize| inputs.iter().all(|input| input.keys.contains(at));
            Ok(Scope { personal, keys: (0..union.schema.fields().len()).filter(all).collect() })
        }
        LogicalPlan::EmptyRelation(_) | LogicalPlan::Values(_) => Ok(Scope { personal: false, keys: BTreeSet::new() }),
        LogicalPlan::Limit(_) | LogicalPlan::Sort(_) => {
            refuse("LIMIT cuts rows by number, which mixes people: remove it", &["LIMIT"])
        }
        LogicalPlan::Distinct(Distinct::On(_)) => {
            refuse("DISTINCT ON is not allowed: use GROUP BY person", &["DISTINCT"])
        }
        other => refuse(&format!("{} is not allowed in a rule", other.display()), &["SELECT"]),
    }
}

fn table_scan(scan: &TableScan, tables: &dyn Personal) -> Checked<Scope> {
    if scan.fetch.is_some() {
        return refuse("LIMIT cuts rows by number, which mixes people: remove it", &["LIMIT"]);
    }
    let personal = tables.is_personal(scan.table_name.table());
    let person = scan.projected_schema.index_of_column_by_name(None, "person");
    Ok(Scope { personal, keys: person.filter(|_| personal).into_iter().collect() })
}

/// Whether an expression is a column that holds the row's person.
fn is_key(expr: &Expr, scope: &Scope, schema: &DFSchema) -> bool {
    match expr {
        Expr::Column(column) => schema.maybe_index_of_column(column).is_some_and(|at| scope.keys.contains(&at)),
        Expr::Alias(alias) => is_key(&alias.expr, scope, schema),
        _ => false,
    }
}

fn joined(join: &Join, tables: &dyn Personal) -> Checked<Scope> {
    let (left, right) = (scope(&join.left, tables)?, scope(&join.right, tables)?);
    if left.personal && right.personal {
        let on_person = join.on.iter().any(|(one, other)| {
            let straight = is_key(one, &left, join.left.schema()) && is_key(other, &right, join.right.schema());
            let crossed = is_key(other, &left, join.left.schema()) && is_key(one, &right, join.right.schema());
            straight || crossed
        });
        if !on_person {
            return not_on_person(join);
        }
    }
    let width = join.left.schema().fields().len();
    let of_right = || right.keys.iter().map(|at| at + width).collect::<BTreeSet<_>>();
    let keys = match join.join_type {
        JoinType::Inner => left.keys.union(&of_right()).copied().collect(),
        JoinType::Left | JoinType::LeftSemi | JoinType::LeftAnti | JoinType::LeftMark => left.keys,
        JoinType::Right => of_right(),
        JoinType::RightSemi | JoinType::RightAnti | JoinType::RightMark => right.keys,
        JoinType::Full => return refuse("FULL JOIN is not allowed: use LEFT JOIN or UNION ALL", &["FULL"]),
    };
    Ok(Scope { personal: left.personal || right.personal, keys })
}

fn not_on_person(join: &Join) -> Checked<Scope> {
    let mut near: Vec<String> = Vec::new();
    for side in [&join.right, &join.left] {
        let found = side.apply(|node| {
            if let LogicalPlan::TableScan(scan) = node {
                near.push(scan.table_name.table().to_string());
            }
            Ok(TreeNodeRecursion::Continue)
        });
        debug_assert!(found.is_ok());
    }
    near.push("JOIN".to_string());
    let reason = "evidence may be joined only where person = person: a rule looks at one person only (I-6)".to_string();
    Err(NotLocal { reason, near })
}

fn aggregated(aggregate: &Aggregate, tables: &dyn Personal) -> Checked<Scope> {
    let input = scope(&aggregate.input, tables)?;
    if aggregate.group_expr.iter().any(|expr| matches!(expr, Expr::GroupingSet(_))) {
        return refuse("GROUPING SETS, ROLLUP and CUBE are not allowed", &["ROLLUP", "CUBE", "GROUPING", "GROUP"]);
    }
    let of_key = |expr: &Expr| is_key(expr, &input, aggregate.input.schema());
    let keys: BTreeSet<usize> =
        aggregate.group_expr.iter().enumerate().filter(|(_, expr)| of_key(expr)).map(|(at, _)| at).collect();
    if input.personal && keys.is_empty() {
        return refuse("person must be in the GROUP BY of an aggregate over evidence", &["GROUP", "SELECT"]);
    }
    Ok(Scope { personal: input.personal, keys })
}

fn windowed(window: &Window, tables: &dyn Personal) -> Checked<Scope> {
    let input = scope(&window.input, tables)?;
    for expr in &window.window_expr {
        let inner = match expr {
            Expr::Alias(alias) => alias.expr.as_ref(),
            other => other,
        };
        let Expr::WindowFunction(function) = inner else { continue };
        let WindowFunction { params, .. } = function.as_ref();
        if input.personal && !params.partition_by.iter().any(|by| is_key(by, &input, window.input.schema())) {
            return refuse("person must be in the PARTITION BY of a window over evidence", &["PARTITION", "OVER"]);
        }
    }
    Ok(input)
}

/// Sub-queries that the optimiser could not turn into joins: they must not touch evidence.
fn subqueries(plan: &LogicalPlan, tables: &dyn Personal) -> Checked<()> {
    let mut found = None;
    let visited: PlanResult<_> = plan.apply_expressions(|expr| {
        expr.apply(|part| {
            let inner = match part {
                Expr::ScalarSubquery(subquery) => Some(&subquery.subquery),
                Expr::Exists(exists) => Some(&exists.subquery.subquery),
                Expr::InSubquery(inside) => Some(&inside.subquery.subquery),
                Expr::SetComparison(comparison) => Some(&comparison.subquery.subquery),
                _ => None,
            };
            if let Some(inner) = inner
                && scope(inner, tables).map_or(true, |scope| scope.personal)
            {
                found = Some(());
            }
            Ok(TreeNodeRecursion::Continue)
        })
    });
    if found.is_some() || visited.is_err() {
        return refuse(
            "a sub-query over evidence must be tied to the person of the outer row",
            &["SELECT", "EXISTS", "IN"],
        );
    }
    Ok(())
}
