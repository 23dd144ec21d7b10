//! What to write in place of what is not allowed.
//!
//! Owns the sentences. Must never decide what is allowed.

use super::{AGGREGATES, FUNCTIONS};
use crate::policy::near::did_you_mean;

/// Why no window function: the reason that a refusal gives.
pub(super) const WINDOW: &str = "window functions (OVER) depend on the order of rows, which have none: write an \
                                 aggregate, like MIN(t.reported_at), with GROUP BY";
/// How an instant is written.
pub(super) const INSTANT: &str = "write an instant with its offset, like '2021-11-08T06:00:00+08:00'";

/// Why a function is not allowed, and what to write.
pub(super) fn of_function(name: &str) -> String {
    let instead = match name {
        "now" | "current_date" | "current_time" | "current_timestamp" | "today" | "localtime" | "localtimestamp" => {
            "gives another answer each time; rules know no clock and no chance (I-7)"
        }
        "random" | "rand" | "uuid" | "version" => {
            "gives another answer each time; rules know no clock and no chance (I-7)"
        }
        "date_trunc" | "date_part" | "datepart" | "datetrunc" | "date_bin" | "date_format" | "to_char" | "extract" => {
            "cuts days in UTC, at 08:00 local time: use day(t), the local midnight that begins t's day, or day_end(t, \
             n)"
        }
        "to_date" | "make_date" | "to_local_time" | "from_unixtime" | "to_unixtime" | "make_time" | "to_time" => {
            "reckons in UTC or fails on a row: use day(t), day_end(t, n) or add_days(t, n)"
        }
        name if name.starts_with("to_timestamp") => {
            "fails on a row whose text is no instant, and reads it as UTC: compare instants as they are"
        }
        "arrow_cast" | "arrow_try_cast" | "cast_to_type" | "try_cast_to_type" => {
            "can fail on a row: compare values of one type; for a number in a text use TRY_CAST(x AS INT)"
        }
        "first_value" | "last_value" | "nth_value" | "any_value" | "row_number" | "rank" | "dense_rank" | "lag"
        | "lead" | "ntile" | "percent_rank" | "cume_dist" | "array_agg" | "string_agg" | "listagg" | "group_concat" => {
            "depends on the order of rows, which have none: use MIN(), MAX() or COUNT() of a column with GROUP BY"
        }
        "sum" | "avg" | "mean" | "median" | "stddev" | "var" => {
            "is not needed and can overflow: count rows with COUNT(*), or COUNT(CASE WHEN ... THEN 1 END)"
        }
        "nvl" | "ifnull" | "nvl2" => "is written coalesce(a, b)",
        name if name.starts_with("regexp") => "can fail on a row and has no bound: use LIKE '33%' or IN (...)",
        "starts_with" | "left" | "substr" | "substring" => "is written LIKE: t.region LIKE '33%'",
        _ => return unknown(name),
    };
    format!("{name}() {instead}")
}

fn unknown(name: &str) -> String {
    let known = || FUNCTIONS.iter().chain(AGGREGATES).copied();
    let list = known().collect::<Vec<_>>().join(", ");
    format!("{name}() is no function of rules; they are {list}{}", did_you_mean(name, known()))
}
