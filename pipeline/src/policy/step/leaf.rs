//! The tables of a step as leaves of a plan.
//!
//! A plan is made once and executed for every step. What it reads comes in with the execution's own task context
//! ([`StepInput`]): nothing is parked in the plan, so two executions cannot see each other's rows.
//!
//! Owns tables and leaves. Must never hold a row.

use std::fmt;
use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Result, exec_datafusion_err};
use datafusion::execution::TaskContext;
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_expr::{EquivalenceProperties, Partitioning, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{
    Boundedness, ChildrenPropertiesMode, EmissionType, ReplaceChildrenOptions,
};
use datafusion::physical_plan::memory::MemoryStream;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties, SendableRecordBatchStream,
};

use crate::evidence::StepTable;

/// All tables of one step, by the number that the planner gave them.
#[derive(Debug, Default)]
pub struct StepInput {
    /// The tables.
    pub tables: Vec<StepTable>,
}

/// A table that plans may read: a name and a schema, without rows.
#[derive(Debug)]
pub struct NamedTable {
    /// The place in [`StepInput::tables`].
    pub number: usize,
    /// The full schema.
    pub schema: SchemaRef,
}

#[async_trait]
impl TableProvider for NamedTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        _: &dyn Session,
        projection: Option<&Vec<usize>>,
        _: &[Expr],
        _: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let columns = projection.cloned().unwrap_or_else(|| (0..self.schema.fields().len()).collect());
        Ok(Arc::new(Leaf::new(self.number, columns, &self.schema)?))
    }
}

/// A leaf: some columns of a step's table.
#[derive(Clone, Debug)]
pub struct Leaf {
    /// The place in [`StepInput::tables`].
    pub table: usize,
    /// The columns, by place in the table's full schema.
    pub columns: Vec<usize>,
    schema: SchemaRef,
    properties: Arc<PlanProperties>,
}

impl Leaf {
    pub(super) fn new(table: usize, columns: Vec<usize>, full: &SchemaRef) -> Result<Leaf> {
        let schema = Arc::new(full.project(&columns)?);
        let properties = PlanProperties::new(
            EquivalenceProperties::new(Arc::clone(&schema)),
            Partitioning::UnknownPartitioning(1),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        Ok(Leaf { table, columns, schema, properties: Arc::new(properties) })
    }

    /// The columns of the step's table.
    pub(super) fn batch(&self, tables: &[StepTable]) -> Result<RecordBatch> {
        let table = tables.get(self.table).ok_or_else(|| exec_datafusion_err!("no table {}", self.table))?;
        if table.rows == 0 {
            return Ok(RecordBatch::new_empty(Arc::clone(&self.schema)));
        }
        let missing = || exec_datafusion_err!("a column of table {} is missing", self.table);
        let column = |at: &usize| table.columns.get(*at).and_then(Clone::clone).ok_or_else(missing);
        let columns = self.columns.iter().map(column).collect::<Result<Vec<_>>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(table.rows));
        Ok(RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)?)
    }
}

impl DisplayAs for Leaf {
    fn fmt_as(&self, _: DisplayFormatType, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Leaf table={} columns={:?}", self.table, self.columns)
    }
}

impl ExecutionPlan for Leaf {
    fn name(&self) -> &str {
        "Leaf"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn replace_children(
        self: Arc<Self>,
        _: Vec<Arc<dyn ExecutionPlan>>,
        _: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        self.replace_children(children, ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute))
    }

    fn execute(&self, _: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let input = context.session_config().get_extension::<StepInput>();
        let input = input.ok_or_else(|| exec_datafusion_err!("executed without a step's input"))?;
        let batch = self.batch(&input.tables)?;
        Ok(Box::pin(MemoryStream::try_new(vec![batch], Arc::clone(&self.schema), None)?))
    }
}
