//! A text beside an instant becomes that instant: with an offset, or it is refused.
//!
//! The planner would compare both as nanoseconds, which fails on a row beyond the year 2262, and read a text without
//! an offset as UTC. So the text is read here, by the reader of the feeds, before the planner sees it.
//!
//! Owns the reading. Must never touch a column.

use arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DFSchema, DataFusionError, Result, ScalarValue, plan_datafusion_err};
use datafusion::logical_expr::expr::{Case, InList};
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{Between, BinaryExpr, Expr, ExprSchemable, LogicalPlan};
use fuma_schemas::Instant;
use fuma_schemas::evidence::instant_type;
use fuma_schemas::instant::parse_date;

use super::super::sql_file::SqlFile;
use super::advice;
use crate::policy::PackError;

/// The plan with its texts read as instants and dates.
pub(in super::super) fn rewrite(file: &SqlFile, plan: LogicalPlan) -> Result<LogicalPlan, PackError> {
    let rewritten = plan.transform_up_with_subqueries(|node| {
        let schema = merge_schema(&node.inputs());
        let node =
            node.map_expressions(|expr| expr.transform_up(|part| part_of(part, &schema).map(Transformed::yes)))?;
        node.map_data(LogicalPlan::recompute_schema)
    });
    rewritten.map(|plan| plan.data).map_err(|error| refused(file, &error))
}

/// The refusal, at the line of the text that it quotes.
fn refused(file: &SqlFile, error: &DataFusionError) -> PackError {
    let message = match error {
        DataFusionError::Plan(message) => message.clone(),
        other => other.strip_backtrace(),
    };
    let text = message.split('`').nth(1).unwrap_or_default();
    let line = file.line_of_text(&format!("'{text}'"));
    PackError::at(&file.path, if line > 0 { line } else { file.first_line() }, message)
}

fn part_of(part: Expr, schema: &DFSchema) -> Result<Expr> {
    match part {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
            let [left, right] = together([*left, *right], schema)?;
            Ok(Expr::BinaryExpr(BinaryExpr::new(Box::new(left), op, Box::new(right))))
        }
        Expr::Between(Between { expr, negated, low, high }) => {
            let [expr, low, high] = together([*expr, *low, *high], schema)?;
            Ok(Expr::Between(Between::new(Box::new(expr), negated, Box::new(low), Box::new(high))))
        }
        Expr::InList(InList { expr, list, negated }) => {
            let mut all = vec![*expr];
            all.extend(list);
            let mut all = each(all, schema)?;
            let expr = all.remove(0);
            Ok(Expr::InList(InList { expr: Box::new(expr), list: all, negated }))
        }
        Expr::Case(case) => of_case(case, schema),
        Expr::ScalarFunction(mut call) => {
            let takes_instant = !matches!(call.func.name(), "coalesce" | "greatest" | "least" | "nullif" | "facts");
            if takes_instant && let Some(first) = call.args.first_mut() {
                *first = as_instant(std::mem::take(first))?;
            }
            call.args = each(call.args, schema)?;
            Ok(Expr::ScalarFunction(call))
        }
        Expr::Cast(cast) if matches!(cast.expr.as_ref(), Expr::Literal(..)) => match cast.field.data_type() {
            DataType::Timestamp(..) => as_instant(*cast.expr),
            DataType::Date32 => as_date(*cast.expr),
            _ => Ok(Expr::Cast(cast)),
        },
        other => Ok(other),
    }
}

fn of_case(case: Case, schema: &DFSchema) -> Result<Expr> {
    let Case { expr, when_then_expr, else_expr } = case;
    let (mut whens, mut results): (Vec<_>, Vec<_>) =
        when_then_expr.into_iter().map(|(when, then)| (*when, *then)).unzip();
    let has_else = else_expr.is_some();
    results.extend(else_expr.map(|other| *other));
    let mut results = each(results, schema)?;
    let else_expr = if has_else { results.pop().map(Box::new) } else { None };
    let mut operand = None;
    if let Some(expr) = expr {
        whens.insert(0, *expr);
        whens = each(whens, schema)?;
        operand = Some(Box::new(whens.remove(0)));
    }
    let pairs = whens.into_iter().zip(results).map(|(when, then)| (Box::new(when), Box::new(then))).collect();
    Ok(Expr::Case(Case { expr: operand, when_then_expr: pairs, else_expr }))
}

fn together<const N: usize>(parts: [Expr; N], schema: &DFSchema) -> Result<[Expr; N]> {
    let parts = each(parts.into(), schema)?;
    parts.try_into().map_err(|_| plan_datafusion_err!("parts of an expression are lost"))
}

/// Expressions that meet each other: where one is an instant or a date, the texts are read as one too.
fn each(parts: Vec<Expr>, schema: &DFSchema) -> Result<Vec<Expr>> {
    let of_type =
        |wanted: &DataType| parts.iter().any(|part| part.get_type(schema).is_ok_and(|found| found == *wanted));
    let read: fn(Expr) -> Result<Expr> = match () {
        () if of_type(&instant_type()) => as_instant,
        () if of_type(&DataType::Date32) => as_date,
        () => Ok,
    };
    parts.into_iter().map(read).collect()
}

/// A literal as an instant; anything else as it is.
fn as_instant(part: Expr) -> Result<Expr> {
    let Expr::Literal(value, metadata) = part else { return Ok(part) };
    let Some(text) = text_of(&value) else {
        let value = if value.is_null() { ScalarValue::TimestampMillisecond(None, None) } else { value };
        return Ok(Expr::Literal(value, metadata));
    };
    let instant = Instant::parse(&text.replacen(' ', "T", 1));
    let Some(instant) = instant else {
        let meant = meant(&text).map(|meant| format!("; did you mean '{meant}'?")).unwrap_or_default();
        return Err(plan_datafusion_err!("`{text}` is no instant: {}{meant}", advice::INSTANT));
    };
    Ok(Expr::Literal(ScalarValue::TimestampMillisecond(Some(instant.0), None), metadata))
}

/// A literal as a date; anything else as it is.
fn as_date(part: Expr) -> Result<Expr> {
    let Expr::Literal(value, metadata) = part else { return Ok(part) };
    let Some(text) = text_of(&value) else { return Ok(Expr::Literal(value, metadata)) };
    let Some(days) = parse_date(&text) else {
        return Err(plan_datafusion_err!("`{text}` is no date: write a date like '2021-11-08'"));
    };
    Ok(Expr::Literal(ScalarValue::Date32(Some(days)), metadata))
}

fn text_of(value: &ScalarValue) -> Option<String> {
    match value {
        ScalarValue::Utf8(text) | ScalarValue::LargeUtf8(text) | ScalarValue::Utf8View(text) => text.clone(),
        _ => None,
    }
}

/// The local instant that a text without an offset seems to mean.
fn meant(text: &str) -> Option<String> {
    let text = text.trim().replacen(' ', "T", 1);
    let time = match text.len() {
        10 => format!("{text}T00:00:00"),
        16 => format!("{text}:00"),
        _ => text,
    };
    Instant::parse(&format!("{time}+08:00")).map(|instant| instant.to_string())
}

/// Whether a type is an instant of another fineness: a cast to it fails on a row far in the future.
pub(super) fn is_other_instant(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Timestamp(unit, zone) if *unit != TimeUnit::Millisecond || zone.is_some())
}
