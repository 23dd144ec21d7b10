//! GROUP BY over one batch, with DataFusion's group values and accumulators.
//!
//! Owns the order intern -> update -> evaluate. Groups and accumulators live for one evaluation.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::common::Result;
use datafusion::logical_expr::EmitTo;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::aggregate::AggregateFunctionExpr;
use datafusion::physical_plan::aggregates::group_values::new_group_values;
use datafusion::physical_plan::aggregates::order::GroupOrdering;

use super::node::{Node, batch, column, predicate};
use crate::evidence::StepTable;

/// An aggregate function and what it reads.
#[derive(Debug)]
pub(super) struct Aggregate {
    pub(super) function: Arc<AggregateFunctionExpr>,
    pub(super) arguments: Vec<Arc<dyn PhysicalExpr>>,
    pub(super) filter: Option<Arc<dyn PhysicalExpr>>,
}

/// GROUP BY.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) input: Node,
    pub(super) keys: Vec<Arc<dyn PhysicalExpr>>,
    pub(super) key_schema: SchemaRef,
    pub(super) aggregates: Vec<Aggregate>,
    pub(super) schema: SchemaRef,
}

impl Group {
    pub(super) fn evaluate(&self, tables: &[StepTable]) -> Result<Option<RecordBatch>> {
        let Some(rows) = self.input.evaluate(tables)? else { return Ok(None) };
        let keys = self.keys.iter().map(|key| column(key, &rows)).collect::<Result<Vec<_>>>()?;
        let mut values = new_group_values(Arc::clone(&self.key_schema), &GroupOrdering::None)?;
        let mut groups = Vec::with_capacity(rows.num_rows());
        values.intern(&keys, &mut groups)?;
        let count = values.len();
        let mut columns = values.emit(EmitTo::All)?;
        for aggregate in &self.aggregates {
            let arguments = aggregate.arguments.iter().map(|argument| column(argument, &rows));
            let arguments = arguments.collect::<Result<Vec<_>>>()?;
            let filter = aggregate.filter.as_ref().map(|filter| predicate(filter, &rows)).transpose()?;
            let mut accumulator = aggregate.function.create_groups_accumulator()?;
            accumulator.update_batch(&arguments, &groups, filter.as_ref(), count)?;
            columns.push(accumulator.evaluate(EmitTo::All)?);
        }
        batch(&self.schema, columns, count).map(Some)
    }
}
