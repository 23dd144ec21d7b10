//! How large a whole number of a rule can become, so that none overflows.
//!
//! Columns hold at most [`COLUMN_MAX`] on either side: cells of tables are bounded, COUNT by the rows that fit a
//! machine, small numbers of evidence by their type; and the types' check holds what a view gives out to the same.
//!
//! Owns the arithmetic of bounds. Must never look at data.

use arrow::datatypes::DataType;
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::logical_expr::{BinaryExpr, Expr, ExprSchemable, Operator};

/// The greatest number in a column of 64 bits, on either side of zero.
pub(super) const COLUMN_MAX: i128 = 1 << 40;

/// The least and the greatest value of an expression.
type Bounds = (i128, i128);

/// The bounds of an expression of whole numbers.
pub(super) fn bounds(expr: &Expr, schema: &DFSchema) -> Bounds {
    match expr {
        Expr::Literal(value, _) => literal(value),
        Expr::Alias(alias) => bounds(&alias.expr, schema),
        Expr::Cast(cast) => bounds(&cast.expr, schema),
        Expr::Negative(inner) => {
            let (least, greatest) = bounds(inner, schema);
            (-greatest, -least)
        }
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
            arithmetic(*op, bounds(left, schema), bounds(right, schema))
        }
        Expr::Case(case) => {
            let results = case.when_then_expr.iter().map(|(_, then)| then.as_ref());
            widest(results.chain(case.else_expr.as_deref()), schema)
        }
        Expr::ScalarFunction(call) => widest(call.args.iter(), schema),
        Expr::AggregateFunction(call) if call.func.name() == "count" => (0, COLUMN_MAX),
        Expr::AggregateFunction(call) => widest(call.params.args.iter(), schema),
        other => of_type(&other.get_type(schema).unwrap_or(DataType::Int64)),
    }
}

/// Whether bounds fit a type of whole numbers.
pub(super) fn fit((least, greatest): Bounds, data_type: &DataType) -> bool {
    let (lowest, highest) = match data_type {
        DataType::Int32 => (i128::from(i32::MIN), i128::from(i32::MAX)),
        _ => (i128::from(i64::MIN), i128::from(i64::MAX)),
    };
    lowest <= least && greatest <= highest
}

fn literal(value: &ScalarValue) -> Bounds {
    match value {
        ScalarValue::Int64(Some(number)) => (i128::from(*number), i128::from(*number)),
        ScalarValue::Int32(Some(number)) => (i128::from(*number), i128::from(*number)),
        _ => (0, 0),
    }
}

fn of_type(data_type: &DataType) -> Bounds {
    match data_type {
        DataType::Int32 => (i128::from(i32::MIN), i128::from(i32::MAX)),
        _ => (-COLUMN_MAX, COLUMN_MAX),
    }
}

fn arithmetic(operator: Operator, one: Bounds, other: Bounds) -> Bounds {
    let corners = match operator {
        Operator::Plus => vec![one.0.saturating_add(other.0), one.1.saturating_add(other.1)],
        Operator::Minus => vec![one.0.saturating_sub(other.1), one.1.saturating_sub(other.0)],
        _ => [one.0, one.1].iter().flat_map(|a| [other.0, other.1].map(|b| a.saturating_mul(b))).collect(),
    };
    (corners.iter().copied().min().unwrap_or(0), corners.iter().copied().max().unwrap_or(0))
}

fn widest<'a>(parts: impl Iterator<Item = &'a Expr>, schema: &DFSchema) -> Bounds {
    parts.map(|part| bounds(part, schema)).fold((0, 0), |all, one| (all.0.min(one.0), all.1.max(one.1)))
}
