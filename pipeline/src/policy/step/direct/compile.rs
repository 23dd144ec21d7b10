//! From DataFusion's plan to nodes that are evaluated in one go.
//!
//! Owns what is understood. Whatever is not exactly understood gives no [`Direct`], and the plan is streamed.

use std::any::Any;
use std::sync::Arc;

use arrow::datatypes::{DataType, SchemaRef};
use datafusion::common::{JoinSide, JoinType, NullEquality};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::aggregates::{AggregateExec, AggregateMode};
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::coop::CooperativeExec;
use datafusion::physical_plan::empty::EmptyExec;
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::joins::utils::JoinFilter;
use datafusion::physical_plan::joins::{HashJoinExec, NestedLoopJoinExec};
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::union::UnionExec;

use super::group::{Aggregate, Group};
use super::join::{Join, Keys};
use super::node::{Direct, Filter, Node, Projection};
use crate::policy::step::leaf::Leaf;

impl Direct {
    /// The same plan; none where a node of it is not known here.
    pub fn of(plan: &Arc<dyn ExecutionPlan>) -> Option<Direct> {
        node(plan).map(Direct)
    }
}

fn node(plan: &Arc<dyn ExecutionPlan>) -> Option<Node> {
    // A limit would depend on the order of rows; the gate refuses it.
    if plan.fetch().is_some() {
        return None;
    }
    let any: &dyn Any = plan.as_ref();
    if let Some(leaf) = any.downcast_ref::<Leaf>() {
        return Some(Node::Leaf(leaf.clone()));
    }
    if any.is::<EmptyExec>() {
        return Some(Node::Nothing);
    }
    if let Some(filter) = any.downcast_ref::<FilterExec>() {
        let columns = filter.projection().as_ref().map(|columns| columns.to_vec());
        let (input, predicate) = (node(filter.input())?, Arc::clone(filter.predicate()));
        return Some(Node::Filter(Box::new(Filter { input, predicate, columns })));
    }
    if let Some(projection) = any.downcast_ref::<ProjectionExec>() {
        let expressions = projection.expr().iter().map(|column| Arc::clone(&column.expr)).collect();
        let input = node(projection.input())?;
        return Some(Node::Projection(Box::new(Projection { input, expressions, schema: plan.schema() })));
    }
    if let Some(union) = any.downcast_ref::<UnionExec>() {
        let inputs = union.inputs().iter().map(node).collect::<Option<Vec<_>>>()?;
        return Some(Node::Union(inputs, plan.schema()));
    }
    if any.is::<CoalescePartitionsExec>() || any.is::<CooperativeExec>() {
        return node(plan.children().first()?);
    }
    if let Some(of) = any.downcast_ref::<HashJoinExec>() {
        let is_plain = !of.null_aware && of.null_equality() == NullEquality::NullEqualsNothing;
        let (kind, output) = (*of.join_type(), of.projection.as_deref());
        return is_plain.then(|| join((of.left(), of.right()), of.on(), of.filter(), kind, output, plan.schema()))?;
    }
    if let Some(of) = any.downcast_ref::<NestedLoopJoinExec>() {
        let (kind, output) = (*of.join_type(), of.projection().as_deref());
        return join((of.left(), of.right()), &[], of.filter(), kind, output, plan.schema());
    }
    let of = any.downcast_ref::<AggregateExec>()?;
    group(of, plan.schema()).map(|group| Node::Group(Box::new(group)))
}

fn join(
    (left, right): (&Arc<dyn ExecutionPlan>, &Arc<dyn ExecutionPlan>),
    on: &[Keys],
    condition: Option<&JoinFilter>,
    kind: JoinType,
    output: Option<&[usize]>,
    schema: SchemaRef,
) -> Option<Node> {
    let of_side = |side: JoinSide, plan: &Arc<dyn ExecutionPlan>| {
        (0..plan.schema().fields().len()).map(|at| (side, at)).collect::<Vec<_>>()
    };
    let (lefts, rights) = (of_side(JoinSide::Left, left), of_side(JoinSide::Right, right));
    let all = match kind {
        JoinType::Inner | JoinType::Left | JoinType::Right => [lefts, rights].concat(),
        JoinType::LeftSemi | JoinType::LeftAnti => lefts,
        JoinType::RightSemi | JoinType::RightAnti => rights,
        _ => return None,
    };
    let columns = match output {
        Some(columns) => columns.iter().map(|at| all.get(*at).copied()).collect::<Option<Vec<_>>>()?,
        None => all,
    };
    let is_slot = |key: &Arc<dyn PhysicalExpr>, side: &Arc<dyn ExecutionPlan>| {
        key.data_type(&side.schema()).ok() == Some(DataType::UInt32)
    };
    let mut keys: Vec<Keys> = on.to_vec();
    let person = keys.iter().position(|(one, other)| is_slot(one, left) && is_slot(other, right));
    let person = person.map(|at| keys.remove(at));
    let (left, right) = (node(left)?, node(right)?);
    let condition = condition.cloned();
    Some(Node::Join(Box::new(Join { left, right, person, keys, condition, kind, columns, schema })))
}

fn group(of: &AggregateExec, schema: SchemaRef) -> Option<Group> {
    let is_whole = matches!(of.mode(), AggregateMode::Single | AggregateMode::SinglePartitioned);
    let keys = of.group_expr();
    let is_plain = keys.is_single() && !keys.has_grouping_set() && !keys.is_empty();
    if !is_whole || !is_plain || of.limit_options().is_some() {
        return None;
    }
    let aggregates = of.aggr_expr().iter().zip(of.filter_expr()).map(|(function, filter)| {
        let is_plain = function.groups_accumulator_supported() && function.order_bys().is_empty();
        is_plain.then(|| Aggregate {
            function: Arc::clone(function),
            arguments: function.expressions(),
            filter: filter.clone(),
        })
    });
    Some(Group {
        aggregates: aggregates.collect::<Option<Vec<_>>>()?,
        input: node(of.input())?,
        keys: keys.input_exprs(),
        key_schema: keys.group_schema(&of.input().schema()).ok()?,
        schema,
    })
}
