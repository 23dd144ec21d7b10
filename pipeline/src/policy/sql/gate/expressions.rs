//! The words of an expression: only the forms that rules need.
//!
//! Owns the list of operators, literals, calls and casts. What they mean for the types at hand is `types`'.

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, CastKind, DataType, DuplicateTreatment, Expr, Function, FunctionArg, FunctionArgExpr,
    FunctionArguments, GroupByExpr, Query, SelectItem, SetExpr, UnaryOperator, Value,
};

use super::syntax::Walk;
use super::{AGGREGATES, FUNCTIONS, advice};
use crate::policy::PackError;

impl Walk<'_> {
    pub(super) fn expression(&mut self, expression: &Expr) -> Result<(), PackError> {
        self.at(expression);
        match expression {
            Expr::Identifier(name) if name.value.starts_with('@') => {
                self.refuse("a number or text of the pack is a parameter: write $name, and add it to policy.toml")
            }
            Expr::Identifier(_) | Expr::CompoundIdentifier(_) => Ok(()),
            Expr::Value(value) => self.literal(&value.value),
            Expr::Nested(inner)
            | Expr::IsNull(inner)
            | Expr::IsNotNull(inner)
            | Expr::IsTrue(inner)
            | Expr::IsNotTrue(inner)
            | Expr::IsFalse(inner)
            | Expr::IsNotFalse(inner)
            | Expr::IsUnknown(inner)
            | Expr::IsNotUnknown(inner) => self.expression(inner),
            Expr::IsDistinctFrom(one, other) | Expr::IsNotDistinctFrom(one, other) => {
                self.all([one.as_ref(), other.as_ref()])
            }
            Expr::InList { expr, list, .. } => self.all(std::iter::once(expr.as_ref()).chain(list)),
            Expr::InSubquery { expr, subquery, .. } => {
                self.expression(expr)?;
                self.query(subquery)
            }
            Expr::Exists { subquery, .. } => self.query(subquery),
            Expr::Subquery(query) => self.scalar_subquery(query),
            Expr::Between { expr, low, high, .. } => self.all([expr.as_ref(), low.as_ref(), high.as_ref()]),
            Expr::BinaryOp { left, op, right } => {
                self.all([left.as_ref(), right.as_ref()])?;
                self.operator(op)
            }
            Expr::UnaryOp { op: UnaryOperator::Not | UnaryOperator::Minus | UnaryOperator::Plus, expr } => {
                self.expression(expr)
            }
            Expr::Like { any: false, expr, pattern, escape_char: None, .. } => {
                self.all([expr.as_ref(), pattern.as_ref()])
            }
            Expr::Case { operand, conditions, else_result, .. } => {
                let parts = conditions.iter().flat_map(|when| [&when.condition, &when.result]);
                let others = operand.iter().chain(else_result).map(AsRef::as_ref);
                self.all(others.chain(parts))
            }
            Expr::Function(function) => self.function(function),
            Expr::Cast { kind, expr, data_type, array: false, format: None } => self.cast(kind, expr, data_type),
            // Its value is checked beside the type: an instant must have an offset.
            Expr::TypedString(_) => Ok(()),
            other => {
                let reason = refusal(other);
                self.refuse(reason)
            }
        }
    }

    fn all<'e>(&mut self, expressions: impl IntoIterator<Item = &'e Expr>) -> Result<(), PackError> {
        expressions.into_iter().try_for_each(|expression| self.expression(expression))
    }

    fn literal(&self, value: &Value) -> Result<(), PackError> {
        match value {
            Value::Number(text, _) if text.parse::<i64>().is_ok() => Ok(()),
            Value::Number(text, _) => {
                self.refuse(format!("`{text}`: numbers of rules are whole, and no larger than 2^63"))
            }
            Value::SingleQuotedString(_) | Value::Boolean(_) | Value::Null => Ok(()),
            _ => self.refuse("a text is written in single quotes: 'close'"),
        }
    }

    fn operator(&self, operator: &BinaryOperator) -> Result<(), PackError> {
        use BinaryOperator::{
            And, Divide, DuckIntegerDivide, Eq, Gt, GtEq, Lt, LtEq, Minus, Modulo, Multiply, MyIntegerDivide, NotEq,
            Or, Plus, StringConcat,
        };
        match operator {
            Eq | NotEq | Lt | LtEq | Gt | GtEq | And | Or | Plus | Minus | Multiply | StringConcat => Ok(()),
            Divide | Modulo | DuckIntegerDivide | MyIntegerDivide => self.refuse(format!(
                "`{operator}` fails on a row that divides by zero: compare products (a > 7 * b), or write the number \
                 into a parameter or a table"
            )),
            other => self.refuse(format!(
                "the operator `{other}` is not allowed; they are = <> < <= > >= AND OR NOT + - * || LIKE IN BETWEEN IS"
            )),
        }
    }

    fn function(&mut self, function: &Function) -> Result<(), PackError> {
        self.at(&function.name);
        let name = function.name.to_string().to_lowercase();
        if function.over.is_some() {
            return self.refuse(advice::WINDOW);
        }
        let is_aggregate = AGGREGATES.contains(&name.as_str());
        if !is_aggregate && !FUNCTIONS.contains(&name.as_str()) {
            return self.refuse(advice::of_function(&name));
        }
        let plain = !function.uses_odbc_syntax
            && function.parameters == FunctionArguments::None
            && function.null_treatment.is_none()
            && function.within_group.is_empty();
        let FunctionArguments::List(list) = &function.args else {
            return self.refuse(format!("{name}: write its arguments in brackets"));
        };
        let distinct = list.duplicate_treatment == Some(DuplicateTreatment::Distinct);
        if !plain || !list.clauses.is_empty() || (distinct && name != "count") {
            return self.refuse(format!(
                "{name}() takes its arguments alone: without ORDER BY, DISTINCT, LIMIT or IGNORE NULLS"
            ));
        }
        if function.filter.is_some() && !is_aggregate {
            return self.refuse(format!("{name}() takes no FILTER"));
        }
        for argument in &list.args {
            match argument {
                FunctionArg::Unnamed(FunctionArgExpr::Expr(expression)) => self.expression(expression)?,
                FunctionArg::Unnamed(FunctionArgExpr::Wildcard) if name == "count" => {}
                _ => return self.refuse(format!("{name}() takes expressions, one after the other")),
            }
        }
        function.filter.iter().try_for_each(|filter| self.expression(filter))
    }

    /// A cast is of a literal, or of a text that may be a number, with TRY_CAST.
    fn cast(&mut self, kind: &CastKind, inner: &Expr, to: &DataType) -> Result<(), PackError> {
        self.expression(inner)?;
        let is_literal = matches!(inner, Expr::Value(_));
        let is_small = matches!(to, DataType::Int(None) | DataType::Integer(None));
        let is_large = matches!(to, DataType::BigInt(None));
        let is_temporal = matches!(to, DataType::Timestamp(..) | DataType::Date | DataType::Datetime(_));
        match kind {
            CastKind::TryCast if is_small => Ok(()),
            CastKind::TryCast => self.refuse("TRY_CAST is for a number in a text alone: TRY_CAST(x AS INT)"),
            CastKind::Cast | CastKind::DoubleColon if is_large || (is_literal && is_temporal) => Ok(()),
            CastKind::Cast | CastKind::DoubleColon => self.refuse(cast_refusal(to)),
            CastKind::SafeCast => {
                self.refuse("SAFE_CAST is not allowed; for a number in a text use TRY_CAST(x AS INT)")
            }
        }
    }

    /// A sub-query as a value fails on a row where it gives two: it must be one aggregate.
    fn scalar_subquery(&mut self, query: &Query) -> Result<(), PackError> {
        self.query(query)?;
        let is_single = match query.body.as_ref() {
            SetExpr::Select(select) => {
                let grouped = !matches!(&select.group_by, GroupByExpr::Expressions(groups, _) if groups.is_empty());
                let [SelectItem::UnnamedExpr(expression) | SelectItem::ExprWithAlias { expr: expression, .. }] =
                    select.projection.as_slice()
                else {
                    return self.refuse("a sub-query as a value gives one column");
                };
                !grouped && is_aggregate(expression)
            }
            _ => false,
        };
        if is_single {
            return Ok(());
        }
        self.refuse("a sub-query as a value fails where it gives two rows: write an aggregate, like (SELECT MIN(...))")
    }
}

fn is_aggregate(expression: &Expr) -> bool {
    match expression {
        Expr::Function(function) => AGGREGATES.contains(&function.name.to_string().to_lowercase().as_str()),
        Expr::Nested(inner) => is_aggregate(inner),
        _ => false,
    }
}

fn cast_refusal(to: &DataType) -> String {
    let instead = match to {
        DataType::Date | DataType::Date32 => "cuts days in UTC, at 08:00 local time: use day(t)",
        DataType::Timestamp(..) | DataType::Datetime(_) | DataType::TimestampNtz(_) => {
            "fails on a row whose text is no instant, and reads it as UTC: compare instants as they are"
        }
        DataType::Interval { .. } => "is not allowed: use add_days(t, n) or add_hours(t, n)",
        _ => "can fail on a row: compare values of one type; for a number in a text use TRY_CAST(x AS INT)",
    };
    format!("a cast to {to} {instead}")
}

/// Why another form is not allowed, and what to write.
fn refusal(expression: &Expr) -> String {
    let text = match expression {
        Expr::Interval(_) => "INTERVAL: use add_days(t, n) or add_hours(t, n); months and years have no fixed length",
        Expr::AtTimeZone { .. } => "AT TIME ZONE: local days are cut by day(t) and day_end(t, n)",
        Expr::Extract { .. } | Expr::Ceil { .. } | Expr::Floor { .. } => {
            "EXTRACT, FLOOR and CEIL cut days in UTC, at 08:00 local time: use day(t), the local midnight that begins \
             t's day"
        }
        Expr::Convert { .. } => "CONVERT can fail on a row; for a number in a text use TRY_CAST(x AS INT)",
        Expr::Cast { .. } => "this cast is not allowed; for a number in a text use TRY_CAST(x AS INT)",
        Expr::SimilarTo { .. } | Expr::RLike { .. } | Expr::ILike { .. } => {
            "regular expressions are not allowed: use LIKE '33%' or IN (...)"
        }
        Expr::Like { .. } => "LIKE takes one pattern, without ESCAPE",
        Expr::CompoundFieldAccess { .. } | Expr::Array(_) | Expr::JsonAccess { .. } => {
            "arrays and fields inside a value are not allowed: an index outside fails on a row"
        }
        Expr::GroupingSets(_) | Expr::Cube(_) | Expr::Rollup(_) => "GROUPING SETS, ROLLUP and CUBE are not allowed",
        Expr::Substring { .. } | Expr::Position { .. } | Expr::Trim { .. } | Expr::Overlay { .. } => {
            "functions of texts are not allowed: use LIKE '33%' or IN (...)"
        }
        Expr::UnaryOp { .. } => "of operators before a value only NOT and - are allowed",
        _ => {
            return format!(
                "`{expression}` is a form that rules do not need; docs/reference-en.md lists what they have"
            );
        }
    };
    text.to_string()
}
