//! The plan that is executed: its nodes and expressions are of the few kinds that cannot fail on a row.
//!
//! The last of the four looks: what an optimiser might add between the checked meaning and the execution is seen
//! here. Owns that list. Must never execute anything.

use std::any::Any;
use std::sync::Arc;

use arrow::datatypes::{DataType, Schema, SchemaRef};
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::physical_expr::expressions::{
    BinaryExpr, CaseExpr, CastExpr, Column, InListExpr, IsNotNullExpr, IsNullExpr, LikeExpr, Literal, NegativeExpr,
    NotExpr, TryCastExpr,
};
use datafusion::physical_expr::{PhysicalExpr, ScalarFunctionExpr};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::joins::{HashJoinExec, NestedLoopJoinExec};

use super::super::sql_file::SqlFile;
use super::FUNCTIONS;
use crate::policy::PackError;

/// The nodes that plans of rules are made of.
const NODES: &[&str] = &[
    "Leaf",
    "ProjectionExec",
    "FilterExec",
    "HashJoinExec",
    "NestedLoopJoinExec",
    "CrossJoinExec",
    "SortMergeJoinExec",
    "AggregateExec",
    "UnionExec",
    "EmptyExec",
    "PlaceholderRowExec",
    "CoalescePartitionsExec",
    "CoalesceBatchesExec",
    "RepartitionExec",
    "SortExec",
    "CooperativeExec",
];

/// Checks a plan and all below it.
pub(in super::super) fn check(file: &SqlFile, plan: &Arc<dyn ExecutionPlan>) -> Result<(), PackError> {
    let refuse = |reason: String| Err(PackError::at(&file.path, file.first_line(), reason));
    if !NODES.contains(&plan.name()) {
        return refuse(format!("{} is not allowed in a rule", plan.name()));
    }
    let schema = input_schema(plan);
    let mut found = None;
    let visited = plan.apply_expressions(&mut |root| {
        root.apply(|part| {
            found = found.take().or_else(|| wrong(part, &schema));
            Ok(if found.is_some() { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
        })
    });
    if let Err(error) = visited {
        return refuse(error.strip_backtrace());
    }
    if let Some(reason) = found {
        return refuse(reason);
    }
    plan.children().into_iter().try_for_each(|child| check(file, child))
}

/// What the expressions of a node read.
fn input_schema(plan: &Arc<dyn ExecutionPlan>) -> SchemaRef {
    let any: &dyn Any = plan.as_ref();
    let filter = any.downcast_ref::<HashJoinExec>().and_then(HashJoinExec::filter);
    let filter = filter.or_else(|| any.downcast_ref::<NestedLoopJoinExec>().and_then(NestedLoopJoinExec::filter));
    if let Some(filter) = filter {
        return Arc::clone(filter.schema());
    }
    plan.children().first().map_or_else(|| Arc::new(Schema::empty()), |child| child.schema())
}

fn wrong(part: &Arc<dyn PhysicalExpr>, schema: &Schema) -> Option<String> {
    let any: &dyn Any = part.as_ref();
    if let Some(call) = any.downcast_ref::<ScalarFunctionExpr>() {
        return (!FUNCTIONS.contains(&call.name())).then(|| format!("{}() is not allowed in a rule", call.name()));
    }
    if let Some(cast) = any.downcast_ref::<CastExpr>() {
        let from = cast.expr().data_type(schema).unwrap_or(DataType::Null);
        let to = cast.cast_type();
        let text =
            |data_type: &DataType| matches!(data_type, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View);
        let good = from == *to
            || from == DataType::Null
            || (text(&from) && text(to))
            || (from == DataType::Int32 && *to == DataType::Int64);
        return (!good).then(|| format!("a cast from {from} to {to} can fail on a row: compare values of one type"));
    }
    let known = any.is::<Column>()
        || any.is::<Literal>()
        || any.is::<BinaryExpr>()
        || any.is::<CaseExpr>()
        || any.is::<InListExpr>()
        || any.is::<IsNullExpr>()
        || any.is::<IsNotNullExpr>()
        || any.is::<LikeExpr>()
        || any.is::<NegativeExpr>()
        || any.is::<NotExpr>()
        || any.is::<TryCastExpr>();
    (!known).then(|| format!("`{part}` is a form that is not allowed in a rule"))
}
