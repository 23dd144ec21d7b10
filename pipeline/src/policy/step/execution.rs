//! The plans of a pack, executed a step at a time.
//!
//! A plan keeps state between executions (the build side of a join, the groups of an aggregate): executed again
//! without a reset it is silently wrong. So each execution resets it first; `tests/tests/policy.rs` compares with a
//! fresh plan.
//!
//! Owns one executor a worker. Must never choose who is judged or when.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::{TimestampMillisecondType, UInt32Type, UInt64Type};
use datafusion::common::Result;
use datafusion::execution::TaskContext;
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::physical_plan::execution_plan::reset_plan_states;
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties as _};
use datafusion::prelude::SessionConfig;
use fuma_schemas::Instant;
use fuma_schemas::evidence::instant_type;
use futures::StreamExt as _;

use super::leaf::StepInput;
use crate::evidence::{RuleTable, RuleTables, StepTable};
use crate::policy::pack::Pack;
use crate::policy::sql::planner::{Planned, session_config};

/// An interval that a rule gives to a slot, clipped to the calendar.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RuleRow {
    /// The slot of the step: live a person, in replay a person at a tick.
    pub slot: u32,
    /// The rule, by its place in the pack.
    pub rule: u16,
    /// From when it holds.
    pub since: Instant,
    /// Until when it holds; none while open.
    pub until: Option<Instant>,
    /// When it ought to have been released.
    pub due: Option<Instant>,
    /// The first of the facts that assert it.
    pub cause: u64,
}

/// A rule or view that could not be executed. What it met there is in no message: it may be a cell of a row (I-8).
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{rule} failed on a row")]
pub struct RuleFault {
    /// The id of the rule, or the name of the view.
    pub rule: Arc<str>,
}

/// For tests: a rule that fails as soon as a step has a row with this text in a column.
#[derive(Clone, Debug)]
pub struct PlantedFault {
    /// The rule's id.
    pub rule: String,
    /// The table.
    pub table: RuleTable,
    /// The column.
    pub column: String,
    /// The text.
    pub text: String,
}

/// Executes the plans of one pack; one a worker.
pub struct Executor {
    pack: Arc<Pack>,
    planted: Option<PlantedFault>,
    config: SessionConfig,
    runtime: Arc<RuntimeEnv>,
    /// DataFusion may spawn (a UNION below a join): on this one thread.
    threads: tokio::runtime::Runtime,
}

impl Executor {
    /// An executor for a pack.
    ///
    /// # Errors
    /// When the system has no room for a runtime.
    pub fn new(pack: Arc<Pack>) -> Result<Executor> {
        let threads = tokio::runtime::Builder::new_current_thread().build()?;
        Ok(Executor {
            pack,
            planted: None,
            config: session_config(),
            runtime: Arc::new(RuntimeEnv::default()),
            threads,
        })
    }

    /// The pack.
    pub fn pack(&self) -> &Arc<Pack> {
        &self.pack
    }

    /// What each rule says of the slots in `base`, the base tables of a step by number. Rows come in no order.
    ///
    /// # Errors
    /// When a plan fails on a row of the step.
    pub fn execute(&self, base: Vec<StepTable>) -> Result<Vec<RuleRow>, RuleFault> {
        let filled = RuleTable::all().zip(&base).filter(|(_, table)| table.rows > 0);
        let filled = filled.fold(RuleTables::NONE, |all, (table, _)| all.with(table));
        let mut input = StepInput { tables: base };
        input.tables.extend(self.pack.tables.iter().map(|table| whole(&table.batch)));
        let rules: Vec<(u16, &Planned)> = (0..)
            .zip(self.pack.rules.iter().map(|rule| &rule.planned))
            .filter(|(_, planned)| planned.drivers.meets(filled))
            .collect();
        self.evaluate_views(&mut input, &rules, filled)?;
        let input = Arc::new(input);
        let mut rows = Vec::new();
        for (number, planned) in rules {
            let rule = &self.pack.rules[usize::from(number)].head.id;
            let added = self.run(&planned.plan, &input).and_then(|batches| {
                self.fail_where_planted(rule, &input)?;
                batches.iter().try_for_each(|batch| append_rows(number, batch, &mut rows))
            });
            added.map_err(|_| RuleFault { rule: Arc::from(rule.as_str()) })?;
        }
        Ok(rows)
    }

    /// For tests: from now on a rule fails.
    #[doc(hidden)]
    pub fn plant(&mut self, fault: PlantedFault) {
        self.planted = Some(fault);
    }

    fn fail_where_planted(&self, rule: &str, input: &StepInput) -> Result<()> {
        let Some(planted) = self.planted.as_ref().filter(|planted| planted.rule == rule) else { return Ok(()) };
        let place = planted.table.schema().index_of(&planted.column)?;
        let table = input.tables.get(planted.table.index());
        let column = table.and_then(|table| table.columns.get(place)?.as_ref()?.as_string_view_opt());
        match column.is_some_and(|column| column.iter().flatten().any(|text| text == planted.text)) {
            true => datafusion::common::exec_err!("planted"),
            false => Ok(()),
        }
    }

    /// Evaluates the views that some active rule reads, each once, in their order.
    fn evaluate_views(
        &self,
        input: &mut StepInput,
        rules: &[(u16, &Planned)],
        filled: RuleTables,
    ) -> Result<(), RuleFault> {
        let first_view = input.tables.len();
        let mut used = vec![false; self.pack.views.len()];
        for (_, planned) in rules {
            mark(&planned.reads, first_view, &mut used);
        }
        for (at, view) in self.pack.views.iter().enumerate().rev() {
            if used[at] {
                mark(&view.planned.reads, first_view, &mut used);
            }
        }
        for (at, view) in self.pack.views.iter().enumerate() {
            let mut table = StepTable::default();
            if used[at] && view.planned.drivers.meets(filled) {
                let current = Arc::new(StepInput { tables: input.tables.clone() });
                let batches = self.run(&view.planned.plan, &current);
                let rows = batches.and_then(|batches| Ok(concat_batches(&view.planned.schema, &batches)?));
                table = whole(&rows.map_err(|_| RuleFault { rule: Arc::from(view.name.as_str()) })?);
            }
            input.tables.push(table);
        }
        Ok(())
    }

    /// The context of one execution: it carries the step's tables to the leaves.
    fn context(&self, input: &Arc<StepInput>) -> TaskContext {
        TaskContext::new(
            None,
            String::new(),
            self.config.clone().with_extension(Arc::clone(input)),
            HashMap::new(),
            HashMap::new(),
            HashMap::new(),
            HashMap::new(),
            Arc::clone(&self.runtime),
        )
    }

    fn run(&self, plan: &Arc<dyn ExecutionPlan>, input: &Arc<StepInput>) -> Result<Vec<RecordBatch>> {
        let plan = reset_plan_states(Arc::clone(plan))?;
        let context = Arc::new(self.context(input));
        // A UNION at the top has a partition an input.
        let partitions = plan.output_partitioning().partition_count();
        self.threads.block_on(async {
            let mut batches = Vec::new();
            for partition in 0..partitions {
                let mut stream = plan.execute(partition, Arc::clone(&context))?;
                while let Some(batch) = stream.next().await {
                    batches.push(batch?);
                }
            }
            batches.retain(|batch| batch.num_rows() > 0);
            Ok(batches)
        })
    }
}

fn mark(reads: &[usize], first_view: usize, used: &mut [bool]) {
    for table in reads {
        if let Some(flag) = table.checked_sub(first_view).and_then(|at| used.get_mut(at)) {
            *flag = true;
        }
    }
}

fn whole(batch: &RecordBatch) -> StepTable {
    StepTable { rows: batch.num_rows(), columns: batch.columns().iter().cloned().map(Some).collect() }
}

fn append_rows(rule: u16, batch: &RecordBatch, rows: &mut Vec<RuleRow>) -> Result<()> {
    let named = |name: &str| batch.column_by_name(name).cloned();
    let (Some(person), Some(since), Some(cause)) = (named("person"), named("since"), named("cause")) else {
        return datafusion::common::exec_err!("a rule's column is missing");
    };
    let instants = |column: Option<ArrayRef>| column.map(|column| cast(&column, &instant_type())).transpose();
    let (until, due) = (instants(named("until"))?, instants(named("due"))?);
    let at = |column: &Option<ArrayRef>, row: usize| {
        let column = column.as_ref()?;
        let millis = column.is_valid(row).then(|| column.as_primitive::<TimestampMillisecondType>().value(row))?;
        Some(Instant(millis)).filter(|instant| instant.in_calendar())
    };
    let since = Some(since);
    let persons = person.as_primitive::<UInt32Type>();
    rows.reserve(batch.num_rows());
    for row in 0..batch.num_rows() {
        let Some(begins) = at(&since, row) else { continue };
        let ends = at(&until, row);
        if persons.is_null(row) || ends.is_some_and(|ends| ends <= begins) {
            continue;
        }
        let (slot, due) = (persons.value(row), at(&due, row));
        rows.push(RuleRow { slot, rule, since: begins, until: ends, due, cause: first_fact(&cause, row) });
    }
    Ok(())
}

fn first_fact(cause: &ArrayRef, row: usize) -> u64 {
    if let Some(facts) = cause.as_list_opt::<i32>() {
        let list = facts.value(row);
        return list
            .as_primitive_opt::<UInt64Type>()
            .filter(|facts| !facts.is_empty())
            .map_or(u64::MAX, |facts| facts.value(0));
    }
    cause
        .as_primitive_opt::<UInt64Type>()
        .filter(|facts| facts.is_valid(row))
        .map_or(u64::MAX, |facts| facts.value(row))
}
