//! Which tiers that a stay meets a plan may look at: what its filters say of tier, match and granularity alone.
//!
//! Rules look at stays "to the county", and a stay that is known to the city alone meets every tier of the city:
//! thousands of rows, all of which a filter drops. What a filter of constants drops need not be gathered (I-10).
//!
//! Owns the question. It may keep too much, never too little: what it does not understand is kept.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, BooleanArray, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::Schema;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, DFSchema, Result};
use datafusion::execution::SessionState;
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{Expr, LogicalPlan};
use fuma_schemas::evidence::{GRANULARITIES, MATCHES};
use fuma_schemas::vocabulary::{ClosedList, Tier};

use crate::evidence::{RuleTable, WantedTiers};

/// The columns that the question is about.
const COLUMNS: [&str; 3] = ["tier", "match", "granularity"];

/// What an optimised plan may look at.
pub fn wanted(plan: &LogicalPlan, state: &SessionState) -> WantedTiers {
    match plan {
        LogicalPlan::Filter(filter) if is_scan(&filter.input) => {
            let conjuncts = split_conjunction(&filter.predicate).into_iter();
            conjuncts.fold(WantedTiers::ALL, |wanted, conjunct| wanted.both(by_conjunct(conjunct, state)))
        }
        plan if is_scan(plan) => WantedTiers::ALL,
        plan => plan.inputs().into_iter().fold(WantedTiers::NONE, |all, input| all.either(wanted(input, state))),
    }
}

/// Whether this is the table of tiered stays, whatever it is called.
fn is_scan(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::TableScan(scan) => scan.table_name.table() == RuleTable::TieredStays.name(),
        LogicalPlan::SubqueryAlias(alias) => is_scan(&alias.input),
        _ => false,
    }
}

fn by_conjunct(conjunct: &Expr, state: &SessionState) -> WantedTiers {
    let columns = conjunct.column_refs();
    let is_asked = columns.iter().all(|column| COLUMNS.contains(&column.name.as_str()));
    match is_asked && !columns.is_empty() {
        true => evaluated(conjunct, state).unwrap_or(WantedTiers::ALL),
        false => WantedTiers::ALL,
    }
}

/// Asks the conjunct of each tier, match and granularity there is.
fn evaluated(conjunct: &Expr, state: &SessionState) -> Result<WantedTiers> {
    let all: Vec<(usize, usize, usize)> = WantedTiers::each().collect();
    let names: [Vec<&str>; 3] = [
        all.iter().map(|(tier, ..)| Tier::NAMES[*tier]).collect(),
        all.iter().map(|(_, matched, _)| MATCHES[*matched]).collect(),
        all.iter().map(|(.., granularity)| GRANULARITIES[*granularity]).collect(),
    ];
    let full = RuleTable::TieredStays.schema();
    let fields = COLUMNS.map(|name| full.field_with_name(name).cloned());
    let fields = fields.into_iter().collect::<std::result::Result<Vec<_>, _>>()?;
    let columns = names.into_iter().zip(&fields).map(|(names, field)| -> Result<ArrayRef> {
        let names: ArrayRef = Arc::new(StringArray::from(names));
        Ok(cast(&names, field.data_type())?)
    });
    let schema = Arc::new(Schema::new(fields.clone()));
    let rows = RecordBatch::try_new(Arc::clone(&schema), columns.collect::<Result<Vec<_>>>()?)?;
    let unqualified = conjunct.clone().transform(|part| {
        Ok(match part {
            Expr::Column(column) => Transformed::yes(Expr::Column(Column::from_name(column.name))),
            part => Transformed::no(part),
        })
    });
    let asked = state.create_physical_expr(unqualified?.data, &DFSchema::try_from(schema)?)?;
    let said = asked.evaluate(&rows)?.into_array(rows.num_rows())?;
    let Some(said): Option<&BooleanArray> = said.as_boolean_opt() else { return Ok(WantedTiers::ALL) };
    // Null is not true.
    let holds = said.iter().zip(all).filter(|(said, _)| *said == Some(true));
    Ok(holds.fold(WantedTiers::NONE, |wanted, (_, one)| wanted.with(one)))
}
