//! What a SELECT means: the types that occur in its plan, the casts that the planner has added, how facts are used.
//!
//! A rule knows whole numbers, texts, instants, dates and truth; `person` and `fact` are names, compared for equality
//! alone. Everything else (fractions, intervals, days in UTC, instants of another fineness) comes from a form that
//! fails on some row or cuts days at 08:00.
//!
//! Owns the list of types and casts. Must never know a word of SQL.

use arrow::datatypes::DataType;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{BinaryExpr, Expr, ExprSchemable, Like, LogicalPlan, Operator};
use fuma_schemas::evidence::instant_type;

use super::super::functions::facts_type;
use super::super::sql_file::SqlFile;
use super::bounds::{COLUMN_MAX, bounds, fit};
use super::literals::is_other_instant;
use super::{AGGREGATES, FUNCTIONS, advice};
use crate::policy::PackError;

/// Checks every expression of a plan, in the order of execution.
pub(in super::super) fn check(file: &SqlFile, plan: &LogicalPlan) -> Result<(), PackError> {
    walk(file, plan, within)?;
    let mut refused = None;
    let visited = plan.apply_with_subqueries(|node| {
        if matches!(node, LogicalPlan::Projection(_) | LogicalPlan::Aggregate(_)) {
            let schema = merge_schema(&node.inputs());
            node.apply_expressions(|expr| {
                refused = refused.take().or_else(|| given_out(expr, &schema));
                Ok(TreeNodeRecursion::Continue)
            })?;
        }
        Ok(TreeNodeRecursion::Continue)
    });
    outcome(file, refused, visited)
}

/// Asks `find` of every expression of a plan.
fn walk(file: &SqlFile, plan: &LogicalPlan, mut find: impl FnMut(&Expr, &DFSchema) -> Found) -> Result<(), PackError> {
    let mut refused = None;
    let visited = plan.apply_with_subqueries(|node| {
        let inputs = node.inputs();
        let schema = if inputs.is_empty() { node.schema().as_ref().clone() } else { merge_schema(&inputs) };
        node.apply_expressions(|expr| {
            refused = refused.take().or_else(|| find(expr, &schema));
            Ok(if refused.is_some() { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
        })
    });
    outcome(file, refused, visited)
}

fn outcome<T>(file: &SqlFile, refused: Found, visited: datafusion::common::Result<T>) -> Result<(), PackError> {
    match (refused, visited) {
        (Some((reason, near)), _) => Err(PackError::at(&file.path, line_of(file, &near), reason)),
        (None, Err(error)) => Err(PackError::at(&file.path, file.first_line(), error.strip_backtrace())),
        (None, Ok(_)) => Ok(()),
    }
}

/// Checks what meets in the plan as it is written, before the planner makes it of one type by casts.
pub(in super::super) fn check_meetings(file: &SqlFile, plan: &LogicalPlan) -> Result<(), PackError> {
    check_unions(file, plan)?;
    walk(file, plan, |expr, schema| {
        let mut found = None;
        let visited = expr.apply(|part| {
            found = meeting(part, schema).map(|reason| (reason, part.clone()));
            Ok(if found.is_some() { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
        });
        debug_assert!(visited.is_ok());
        found
    })
}

/// The columns of a union are of one kind each.
fn check_unions(file: &SqlFile, plan: &LogicalPlan) -> Result<(), PackError> {
    let mut refused = None;
    let visited = plan.apply_with_subqueries(|node| {
        if let LogicalPlan::Union(union) = node
            && let Some((first, others)) = union.inputs.split_first()
        {
            let types = |input: &LogicalPlan| -> Vec<DataType> {
                input.schema().fields().iter().map(|field| field.data_type().clone()).collect()
            };
            let pairs = others.iter().flat_map(|other| types(first).into_iter().zip(types(other)));
            let mut found =
                pairs.filter_map(|(one, other)| different(&one, &other).or_else(|| different(&other, &one)));
            refused = refused.take().or_else(|| found.next());
        }
        Ok(TreeNodeRecursion::Continue)
    });
    match (refused, visited) {
        (Some(reason), _) => Err(PackError::at(&file.path, file.line_of_word("UNION").max(file.first_line()), reason)),
        (None, visited) => outcome(file, None, visited),
    }
}

/// What is wrong, and the expression near which.
type Found = Option<(String, Expr)>;

/// The innermost thing in an expression that is not allowed.
fn within(expr: &Expr, schema: &DFSchema) -> Found {
    let mut inner = None;
    let visited = expr.apply_children(|child| {
        inner = within(child, schema);
        Ok(if inner.is_some() { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    });
    debug_assert!(visited.is_ok());
    inner.or_else(|| wrong(expr, schema).map(|reason| (reason, expr.clone())))
}

/// A number that a view gives out is held to what bounds believe of a column.
fn given_out(expr: &Expr, schema: &DFSchema) -> Found {
    if expr.get_type(schema).ok() != Some(DataType::Int64) {
        return None;
    }
    let (least, greatest) = bounds(expr, schema);
    let too_large = least < -COLUMN_MAX || greatest > COLUMN_MAX;
    too_large.then(|| ("a number of a rule may not pass 2^40: it could overflow".to_string(), expr.clone()))
}

fn wrong(expr: &Expr, schema: &DFSchema) -> Option<String> {
    match expr {
        Expr::WindowFunction(_) => return Some(advice::WINDOW.to_string()),
        Expr::SimilarTo(_) => {
            return Some("regular expressions are not allowed: use LIKE '33%' or IN (...)".to_string());
        }
        Expr::Unnest(_) | Expr::Placeholder(_) | Expr::ScalarVariable(..) | Expr::GroupingSet(_) => {
            return Some("this form is not allowed in a rule".to_string());
        }
        _ => {}
    }
    let Ok(data_type) = expr.get_type(schema) else {
        return Some(format!("the type of `{expr}` is not known"));
    };
    if let Some(reason) = wrong_type(&data_type) {
        return Some(reason);
    }
    match expr {
        Expr::Cast(cast) => wrong_cast(&cast.expr, &data_type, schema),
        Expr::TryCast(cast) if is_name_of(&cast.expr, schema) => Some(names_only()),
        Expr::TryCast(cast) => {
            let from = cast.expr.get_type(schema).unwrap_or(DataType::Null);
            let good = is_text(&from) && data_type == DataType::Int32;
            (!good).then(|| "TRY_CAST is for a number in a text alone: TRY_CAST(x AS INT)".to_string())
        }
        Expr::BinaryExpr(binary) => wrong_binary(binary, expr, &data_type, schema),
        Expr::Negative(_) if !is_whole(&data_type) || !fit(bounds(expr, schema), &data_type) => {
            Some("`-` is for whole numbers that cannot overflow".to_string())
        }
        Expr::Between(between) if is_name_of(&between.expr, schema) => Some(names_only()),
        Expr::InList(list) if is_name_of(&list.expr, schema) => Some(names_only()),
        Expr::Like(like) => wrong_like(like),
        Expr::ScalarFunction(call) => {
            let compares = matches!(call.func.name(), "greatest" | "least");
            match call.func.name() {
                name if !FUNCTIONS.contains(&name) => Some(advice::of_function(name)),
                _ if compares && is_name(&data_type) => Some(names_only()),
                _ => None,
            }
        }
        Expr::AggregateFunction(call) => {
            let name = call.func.name();
            let ordered = !call.params.order_by.is_empty() || call.params.null_treatment.is_some();
            match name {
                _ if !AGGREGATES.contains(&name) => Some(advice::of_function(name)),
                _ if ordered => Some(format!("{name}() takes no ORDER BY: rows have no order")),
                "min" | "max" if call.params.args.iter().any(|arg| is_name_of(arg, schema)) => Some(names_only()),
                _ => None,
            }
        }
        _ => None,
    }
}

fn wrong_type(data_type: &DataType) -> Option<String> {
    use DataType::{Boolean, Date32, Int32, Int64, Null, UInt32, UInt64};
    let known = matches!(data_type, Boolean | Date32 | Int32 | Int64 | Null | UInt32 | UInt64);
    if known || is_text(data_type) || *data_type == instant_type() || *data_type == facts_type() {
        return None;
    }
    Some(match data_type {
        other if is_other_instant(other) => {
            format!("an instant here is of milliseconds, without a zone: {}", advice::INSTANT)
        }
        DataType::Interval(_) | DataType::Duration(_) => {
            "instants are not subtracted and intervals not added: compare with add_days(t, n) or add_hours(t, n)".into()
        }
        DataType::Float16 | DataType::Float32 | DataType::Float64 | DataType::Decimal128(..) => {
            "numbers of rules are whole: a fraction or a quotient is not allowed".into()
        }
        other => {
            format!("values of the type {other} are not allowed: rules know whole numbers, texts, instants and truth")
        }
    })
}

fn is_text(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
}

fn is_whole(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Int32 | DataType::Int64)
}

/// Whether a type is that of `person`, `fact` or several facts: nothing else has it.
fn is_name(data_type: &DataType) -> bool {
    matches!(data_type, DataType::UInt32 | DataType::UInt64) || *data_type == facts_type()
}

fn is_name_of(expr: &Expr, schema: &DFSchema) -> bool {
    expr.get_type(schema).is_ok_and(|data_type| is_name(&data_type))
}

fn names_only() -> String {
    "person and fact are names: they are compared with = and <>, grouped by and counted, nothing else (which fact is \
     the greater changes from run to run)"
        .to_string()
}

/// Why parts that meet in an expression may not: they are of different kinds.
fn meeting(expr: &Expr, schema: &DFSchema) -> Option<String> {
    let parts: Vec<&Expr> = match expr {
        Expr::BinaryExpr(binary) => vec![&binary.left, &binary.right],
        Expr::Between(between) => vec![&between.expr, &between.low, &between.high],
        Expr::InList(list) => std::iter::once(list.expr.as_ref()).chain(&list.list).collect(),
        Expr::Case(case) => {
            let operand = case.expr.as_deref()?;
            std::iter::once(operand).chain(case.when_then_expr.iter().map(|(when, _)| when.as_ref())).collect()
        }
        Expr::ScalarFunction(call) if matches!(call.func.name(), "coalesce" | "greatest" | "least" | "nullif") => {
            call.args.iter().collect()
        }
        _ => return None,
    };
    let types: Vec<DataType> = parts.iter().filter_map(|part| part.get_type(schema).ok()).collect();
    let (first, others) = types.split_first()?;
    others.iter().find_map(|other| different(first, other).or_else(|| different(other, first)))
}

/// Why values of two types do not meet, looked at from the first.
fn different(one: &DataType, other: &DataType) -> Option<String> {
    let instant = instant_type();
    let alike = one == other
        || *one == DataType::Null
        || *other == DataType::Null
        || (is_text(one) && is_text(other))
        || (is_whole(one) && is_whole(other));
    if alike {
        return None;
    }
    Some(match (one, other) {
        (one, _) if is_name(one) => names_only(),
        (DataType::Date32, other) if *other == instant => format!(
            "a date beside an instant is taken as midnight UTC, 08:00 local time: use day(t); {}",
            advice::INSTANT
        ),
        (one, other) if is_text(one) && is_whole(other) => {
            "a text is compared with a number, which fails on a row whose text is none: write '5', or TRY_CAST(x AS \
             INT)"
                .to_string()
        }
        (one, other) if is_text(one) && *other == instant => {
            format!("a text beside an instant fails on a row where it is none: {}", advice::INSTANT)
        }
        (one, other) if is_whole(one) && *other == instant => {
            "a number stands beside an instant: instants are moved by add_days(t, n) and add_hours(t, n)".to_string()
        }
        (DataType::Boolean, other) if is_text(other) || is_whole(other) || *other == instant => {
            "truth is compared with something else: write the condition itself, or NOT".to_string()
        }
        _ => return None,
    })
}

/// A cast, written or added by the planner: only those that cannot fail.
fn wrong_cast(inner: &Expr, to: &DataType, schema: &DFSchema) -> Option<String> {
    let from = inner.get_type(schema).unwrap_or(DataType::Null);
    let is_null = matches!(inner, Expr::Literal(value, _) if value.is_null());
    let is_number =
        matches!(inner, Expr::Literal(ScalarValue::Int64(Some(number)), _) if i32::try_from(*number).is_ok());
    let good = is_null
        || from == *to
        || from == DataType::Null
        || (is_text(&from) && is_text(to))
        || (from == DataType::Int32 && *to == DataType::Int64)
        || (is_number && *to == DataType::Int32);
    if good {
        return None;
    }
    Some(match (&from, to) {
        (from, to) if is_name(from) || is_name(to) => names_only(),
        (DataType::Date32, to) if *to == instant_type() => format!(
            "a date beside an instant is taken as midnight UTC, 08:00 local time: use day(t); {}",
            advice::INSTANT
        ),
        (from, DataType::Date32) if *from == instant_type() => "a cast to a date cuts days in UTC: use \
             day(t)"
            .to_string(),
        (from, to) if is_text(from) && is_whole(to) => {
            "a text is compared with a number, which fails on a row whose text is none: write '5', or TRY_CAST(x AS \
             INT)"
                .to_string()
        }
        (from, to) if is_whole(from) && is_text(to) => {
            "a number is compared with a text: write the number without quotes".to_string()
        }
        (from, to) if is_text(from) && *to == instant_type() => {
            format!("a text beside an instant fails on a row where it is none: {}", advice::INSTANT)
        }
        (from, to) => format!("values of different types meet here ({from} and {to}): compare values of one type"),
    })
}

fn wrong_binary(binary: &BinaryExpr, expr: &Expr, data_type: &DataType, schema: &DFSchema) -> Option<String> {
    use Operator::{
        And, Eq, Gt, GtEq, IsDistinctFrom, IsNotDistinctFrom, Lt, LtEq, Minus, Multiply, NotEq, Or, Plus, StringConcat,
    };
    let names = is_name_of(&binary.left, schema) || is_name_of(&binary.right, schema);
    match binary.op {
        Eq | NotEq | IsDistinctFrom | IsNotDistinctFrom | And | Or => None,
        _ if names => Some(names_only()),
        Lt | LtEq | Gt | GtEq | StringConcat => None,
        Plus | Minus | Multiply if !is_whole(data_type) => Some(
            "only whole numbers are reckoned with; instants are moved by add_days(t, n) and add_hours(t, n)".into(),
        ),
        Plus | Minus | Multiply if !fit(bounds(expr, schema), data_type) => {
            let widen = if *data_type == DataType::Int32 { ": write CAST(x AS BIGINT)" } else { "" };
            Some(format!("`{}` could overflow here{widen}", binary.op))
        }
        Plus | Minus | Multiply => None,
        other => Some(format!("the operator `{other}` is not allowed in a rule")),
    }
}

fn wrong_like(like: &Like) -> Option<String> {
    if like.case_insensitive || like.escape_char.is_some() || !like.pattern.column_refs().is_empty() {
        return Some("LIKE takes a pattern that is written out, like '33%', without ESCAPE".to_string());
    }
    None
}

/// The line of the first column, or of the last function, in an expression.
fn line_of(file: &SqlFile, expr: &Expr) -> usize {
    let mut line = 0;
    let mut named = 0;
    let visited = expr.apply(|part| {
        match part {
            Expr::Column(column) if line == 0 => {
                line = column.spans.first().map_or(0, |span| usize::try_from(span.start.line).unwrap_or(0));
            }
            Expr::ScalarFunction(call) => named = file.line_of_word(call.func.name()),
            Expr::AggregateFunction(call) => named = file.line_of_word(call.func.name()),
            Expr::Literal(ScalarValue::Int64(Some(number)), _) => {
                named = named.max(file.line_of_word(&number.unsigned_abs().to_string()));
            }
            Expr::Literal(ScalarValue::Utf8(Some(text)), _) => {
                named = named.max(file.line_of_text(&format!("'{text}'")))
            }
            _ => {}
        }
        Ok(TreeNodeRecursion::Continue)
    });
    debug_assert!(visited.is_ok());
    [line, named].into_iter().find(|line| *line > 0).unwrap_or_else(|| file.first_line())
}
