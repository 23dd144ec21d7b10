//! The nodes of one input: a batch in, a batch out; none instead of a batch without rows.
//!
//! Owns what needs no rows of another table. Must never hold a row.

use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, AsArray as _, BooleanArray, RecordBatch, RecordBatchOptions};
use arrow::compute::{concat, filter_record_batch, prep_null_mask_filter};
use arrow::datatypes::SchemaRef;
use datafusion::common::{Result, exec_err};
use datafusion::physical_expr::PhysicalExpr;

use super::ROWS_MAX;
use super::group::Group;
use super::join::Join;
use crate::evidence::StepTable;
use crate::policy::step::leaf::Leaf;

/// A plan that can be evaluated in one go.
#[derive(Debug)]
pub struct Direct(pub(super) Node);

impl Direct {
    /// The rows of the plan over the tables of a step; none when there are none.
    ///
    /// # Errors
    /// When an expression fails, or when there are too many rows: DataFusion is to be asked then.
    pub fn evaluate(&self, tables: &[StepTable]) -> Result<Option<RecordBatch>> {
        self.0.evaluate(tables)
    }
}

/// A node.
#[derive(Debug)]
pub(super) enum Node {
    /// Never a row.
    Nothing,
    Leaf(Leaf),
    Filter(Box<Filter>),
    Projection(Box<Projection>),
    Union(Vec<Node>, SchemaRef),
    Join(Box<Join>),
    Group(Box<Group>),
}

#[derive(Debug)]
pub(super) struct Filter {
    pub(super) input: Node,
    pub(super) predicate: Arc<dyn PhysicalExpr>,
    pub(super) columns: Option<Vec<usize>>,
}

#[derive(Debug)]
pub(super) struct Projection {
    pub(super) input: Node,
    pub(super) expressions: Vec<Arc<dyn PhysicalExpr>>,
    pub(super) schema: SchemaRef,
}

impl Node {
    pub(super) fn evaluate(&self, tables: &[StepTable]) -> Result<Option<RecordBatch>> {
        let rows = match self {
            Node::Nothing => None,
            Node::Leaf(leaf) => match tables.get(leaf.table) {
                Some(table) if table.rows == 0 => None,
                _ => Some(leaf.batch(tables)?),
            },
            Node::Filter(filter) => filter.evaluate(tables)?,
            Node::Projection(projection) => projection.evaluate(tables)?,
            Node::Union(inputs, schema) => union(inputs, schema, tables)?,
            Node::Join(join) => join.evaluate(tables)?,
            Node::Group(group) => group.evaluate(tables)?,
        };
        let rows = rows.filter(|rows| rows.num_rows() > 0);
        match rows.as_ref().is_some_and(|rows| rows.num_rows() > ROWS_MAX) {
            true => exec_err!("more than {ROWS_MAX} rows"),
            false => Ok(rows),
        }
    }
}

impl Filter {
    fn evaluate(&self, tables: &[StepTable]) -> Result<Option<RecordBatch>> {
        let Some(rows) = self.input.evaluate(tables)? else { return Ok(None) };
        let kept = predicate(&self.predicate, &rows)?;
        let rows = match &self.columns {
            Some(columns) => rows.project(columns)?,
            None => rows,
        };
        match kept.true_count() {
            0 => Ok(None),
            all if all == rows.num_rows() => Ok(Some(rows)),
            _ => Ok(Some(filter_record_batch(&rows, &kept)?)),
        }
    }
}

impl Projection {
    fn evaluate(&self, tables: &[StepTable]) -> Result<Option<RecordBatch>> {
        let Some(rows) = self.input.evaluate(tables)? else { return Ok(None) };
        let columns =
            self.expressions.iter().map(|expression| column(expression, &rows)).collect::<Result<Vec<_>>>()?;
        batch(&self.schema, columns, rows.num_rows()).map(Some)
    }
}

fn union(inputs: &[Node], schema: &SchemaRef, tables: &[StepTable]) -> Result<Option<RecordBatch>> {
    let parts = inputs.iter().map(|input| input.evaluate(tables)).collect::<Result<Vec<_>>>()?;
    let parts: Vec<RecordBatch> = parts.into_iter().flatten().collect();
    if parts.is_empty() {
        return Ok(None);
    }
    let columns = (0..schema.fields().len()).map(|at| match parts.as_slice() {
        [one] => Ok(Arc::clone(one.column(at))),
        several => Ok(concat(&several.iter().map(|part| part.column(at).as_ref()).collect::<Vec<_>>())?),
    });
    let columns = columns.collect::<Result<Vec<_>>>()?;
    batch(schema, columns, parts.iter().map(RecordBatch::num_rows).sum()).map(Some)
}

/// An expression over all rows of a batch.
pub(super) fn column(expression: &Arc<dyn PhysicalExpr>, rows: &RecordBatch) -> Result<ArrayRef> {
    expression.evaluate(rows)?.into_array(rows.num_rows())
}

/// Where a predicate holds; null is not true.
pub(super) fn predicate(expression: &Arc<dyn PhysicalExpr>, rows: &RecordBatch) -> Result<BooleanArray> {
    let said = column(expression, rows)?;
    match said.as_boolean_opt() {
        Some(said) if said.null_count() > 0 => Ok(prep_null_mask_filter(said)),
        Some(said) => Ok(said.clone()),
        None => exec_err!("a predicate of type {}", said.data_type()),
    }
}

/// A batch, also one without columns.
pub(super) fn batch(schema: &SchemaRef, columns: Vec<ArrayRef>, rows: usize) -> Result<RecordBatch> {
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    Ok(RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)?)
}
