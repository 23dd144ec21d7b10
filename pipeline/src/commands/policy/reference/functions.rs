//! The part of the reference about functions, operators, literals, and what is not allowed.
//!
//! Owns these sentences; the names are the gate's, and a test asks that each is here.

use super::{Language, table};

/// Every function and aggregate, with what it gives.
pub(super) const FUNCTIONS: &[(&str, &str, &str)] = &[
    ("day(t)", "t 当日的当地零时", "the local midnight that begins t's day"),
    ("day_end(t, n)", "t 次日起第 n 个整日的终了", "the end of the n-th full day after t's own"),
    ("add_days(t, n)", "t 后移 n 个 24 小时；n 可为负", "t moved by n times 24 h; n may be negative"),
    ("add_hours(t, n)", "t 后移 n 小时", "t moved by n hours"),
    ("instant_or_null(t)", "历法之内为 t，否则 NULL", "t, or NULL outside the calendar"),
    ("facts(a, b, ...)", "几件事实同为一个缘由", "several facts as one cause"),
    ("coalesce(a, b, ...)", "第一个非 NULL 者", "the first that is not NULL"),
    ("greatest(a, b, ...)", "最大者，NULL 不计", "the greatest; NULL is passed over"),
    ("least(a, b, ...)", "最小者，NULL 不计", "the least; NULL is passed over"),
    ("nullif(a, b)", "相等为 NULL，否则 a", "NULL where they are equal, else a"),
    (
        "min(x), max(x)",
        "一组之中最小、最大（时刻、整数、文字、日期）",
        "of a group the least, the greatest (instants, numbers, texts, dates)",
    ),
    ("count(*), count(x), count(DISTINCT x)", "一组的行数", "how many rows a group has"),
    ("bool_and(x), bool_or(x)", "一组皆真、有真", "whether all are true, whether one is"),
];

const LITERALS: &[(&str, &str, &str)] = &[
    ("'2021-11-08T06:00:00+08:00'", "时刻：必须带时差，与时刻比较", "an instant: with its offset, beside an instant"),
    ("'close'", "文字", "a text"),
    ("14, $contact_days", "整数、参数；没有小数", "a whole number, a parameter; there are no fractions"),
    ("NULL, true, false", "空、真、假", "none, true, false"),
];

const REFUSED: &[(&str, &str, &str)] = &[
    (
        "LIMIT, OFFSET, ORDER BY, DISTINCT ON, OVER (...)",
        "行没有次序：用 MIN()、MAX()、COUNT() 与 GROUP BY",
        "rows have no order: use MIN(), MAX(), COUNT() with GROUP BY",
    ),
    (
        "date_trunc, EXTRACT, CAST AS DATE, AT TIME ZONE",
        "按 UTC（当地 8 时）划日：用 day(t)",
        "cut days in UTC, at 08:00 local time: use day(t)",
    ),
    ("INTERVAL, t - t", "用 add_days(t, n)、add_hours(t, n)", "use add_days(t, n), add_hours(t, n)"),
    (
        "CAST, ::, to_timestamp, CONVERT",
        "遇到某一行会失败：文字中的数用 TRY_CAST(x AS INT)",
        "fail on some row: for a number in a text use TRY_CAST(x AS INT)",
    ),
    ("a / b, a % b", "除以零会失败：比较乘积", "fail where b is zero: compare products"),
    ("fact < fact, MIN(fact)", "事实只是名称", "facts are names"),
    ("now(), random()", "规则不知时钟与偶然", "rules know no clock and no chance"),
    ("regexp, arrays, WITH RECURSIVE, generate_series", "无界或会失败", "have no bound, or fail"),
];

/// The part, in one language.
pub(super) fn text(language: Language) -> String {
    let label = |zh: &str, en: &str| language.label(zh, en);
    let section = |heading: (&str, &str), first: (&str, &str), rows: &[(&str, &str, &str)]| {
        let rows: Vec<Vec<String>> =
            rows.iter().map(|(name, zh, en)| vec![format!("`{name}`"), label(zh, en)]).collect();
        let headings = [label(first.0, first.1), label("说明", "what it gives")];
        format!("## {}\n\n{}", label(heading.0, heading.1), table(&headings, &rows))
    };
    let clauses = label(
        "子句：SELECT（DISTINCT）、FROM、JOIN、LEFT JOIN、RIGHT JOIN、CROSS JOIN、WHERE、GROUP BY、HAVING、UNION（ALL）、WITH、\
         EXISTS、IN。运算符：`= <> < <= > >= AND OR NOT + - * || LIKE IN BETWEEN IS NULL CASE`。",
        "Clauses: SELECT (DISTINCT), FROM, JOIN, LEFT JOIN, RIGHT JOIN, CROSS JOIN, WHERE, GROUP BY, HAVING, UNION \
         (ALL), \
         WITH, EXISTS, IN. Operators: `= <> < <= > >= AND OR NOT + - * || LIKE IN BETWEEN IS NULL CASE`.",
    );
    [
        section(("函数", "Functions"), ("函数", "function"), FUNCTIONS),
        format!("{clauses}\n"),
        section(("字面值", "Literals"), ("写法", "as written"), LITERALS),
        section(("不允许的，及其替代", "What is refused, and what to write"), ("写法", "form"), REFUSED),
    ]
    .join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::sql::gate;

    #[test]
    fn every_function_of_the_gate_is_described_and_no_other() {
        let named = |name: &str| {
            FUNCTIONS.iter().any(|(forms, _, _)| forms.split(", ").any(|form| form.split('(').next() == Some(name)))
        };
        for name in gate::FUNCTIONS.iter().chain(gate::AGGREGATES) {
            assert!(named(name), "{name} is not described");
        }
        let known = gate::FUNCTIONS.len() + gate::AGGREGATES.len();
        let described: std::collections::BTreeSet<&str> = FUNCTIONS
            .iter()
            .flat_map(|(forms, _, _)| forms.split("), ").flat_map(|form| form.split(", ")))
            .filter_map(|form| form.split_once('(').map(|(name, _)| name))
            .collect();
        assert_eq!(described.len(), known, "{described:?}");
    }
}
