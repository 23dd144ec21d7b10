//! The plans of a pack, executed a step at a time.
//!
//! Mostly they are evaluated in one go ([`super::direct`]). Where that cannot be, DataFusion streams them: such a plan
//! keeps state between executions (the build side of a join, the groups of an aggregate): executed again
//! without a reset it is silently wrong. So each execution resets it first; `tests/tests/policy.rs` compares with a
//! fresh plan.
//!
//! Owns the order: views, then rules. Must never choose who is judged or when.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

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
use crate::policy::files::TRACING;
use crate::policy::pack::Pack;
use crate::policy::sql::planner::{Planned, session_config};
use crate::policy::tracing::Tracing;

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

/// Executes the plans of one pack.
pub struct Executor {
    pack: Arc<Pack>,
    /// The tables of the pack, as a step has them.
    tables: Vec<StepTable>,
    planted: Option<PlantedFault>,
    config: SessionConfig,
    runtime: Arc<RuntimeEnv>,
    /// DataFusion may spawn (a UNION below a join): on this one thread.
    threads: tokio::runtime::Runtime,
    is_streaming: bool,
    /// How many plans DataFusion streamed.
    streamed: AtomicU64,
}

impl Executor {
    /// An executor for a pack.
    ///
    /// # Errors
    /// When the system has no room for a runtime.
    pub fn new(pack: Arc<Pack>) -> Result<Executor> {
        let threads = tokio::runtime::Builder::new_current_thread().build()?;
        Ok(Executor {
            tables: pack.tables.iter().map(|table| whole(&table.batch)).collect(),
            pack,
            planted: None,
            config: session_config(),
            runtime: Arc::new(RuntimeEnv::default()),
            threads,
            is_streaming: false,
            streamed: AtomicU64::new(0),
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
        let mut tables = base;
        tables.reserve_exact(self.tables.len() + self.pack.views.len());
        tables.extend_from_slice(&self.tables);
        let is_speaking = |planned: &Planned| planned.drivers.meets(filled);
        self.evaluate_views(&mut tables, is_speaking)?;
        let mut rows = Vec::new();
        for (number, rule) in (0..).zip(&self.pack.rules).filter(|(_, rule)| is_speaking(&rule.planned)) {
            let added = self.rows_of(&rule.planned, &tables).and_then(|batches| {
                self.fail_where_planted(&rule.head.id, &tables)?;
                batches.iter().try_for_each(|batch| append_rows(number, batch, &mut rows))
            });
            added.map_err(|_| RuleFault { rule: Arc::from(rule.head.id.as_str()) })?;
        }
        Ok(rows)
    }

    /// While whom counts as infectious, by the pack's tracing: rows of `person` (the slot), `fact`, `since`, `until`.
    ///
    /// # Errors
    /// When the plan fails on a row of the step.
    pub fn infectious(&self, tracing: &Tracing, base: Vec<StepTable>) -> Result<Vec<RecordBatch>, RuleFault> {
        let planned = &tracing.infectious;
        let filled = RuleTable::all().zip(&base).filter(|(_, table)| table.rows > 0);
        let filled = filled.fold(RuleTables::NONE, |all, (table, _)| all.with(table));
        if !planned.drivers.meets(filled) {
            return Ok(Vec::new());
        }
        let mut tables = base;
        tables.extend_from_slice(&self.tables);
        self.evaluate_views_of(std::iter::once(planned), &mut tables, |planned| planned.drivers.meets(filled))?;
        self.rows_of(planned, &tables).map_err(|_| RuleFault { rule: Arc::from(TRACING[0]) })
    }

    /// What the pack's tracing says of pairs of the table `aboard`: rows of `pair` and `degree`.
    ///
    /// # Errors
    /// When the plan fails on a row.
    pub fn aboard(&self, tracing: &Tracing, pairs: StepTable) -> Result<Vec<RecordBatch>, RuleFault> {
        let before = RuleTable::COUNT + self.tables.len() + self.pack.views.len();
        let mut tables = vec![StepTable::default(); before];
        tables.push(pairs);
        self.rows_of(&tracing.aboard, &tables).map_err(|_| RuleFault { rule: Arc::from(TRACING[1]) })
    }

    /// For comparisons: from now on every plan is streamed by DataFusion.
    #[doc(hidden)]
    pub fn stream(&mut self) {
        self.is_streaming = true;
    }

    /// How many plans were streamed by DataFusion, because they could not be evaluated in one go.
    pub fn streamed(&self) -> u64 {
        self.streamed.load(Ordering::Relaxed)
    }

    /// The rows of a plan: in one go where that works, else streamed by DataFusion, which decides.
    fn rows_of(&self, planned: &Planned, tables: &[StepTable]) -> Result<Vec<RecordBatch>> {
        let direct = planned.direct.as_ref().filter(|_| !self.is_streaming);
        match direct.map(|direct| direct.evaluate(tables)) {
            Some(Ok(rows)) => Ok(rows.into_iter().collect()),
            Some(Err(_)) | None => {
                self.streamed.fetch_add(1, Ordering::Relaxed);
                self.run(&planned.plan, &Arc::new(StepInput { tables: tables.to_vec() }))
            }
        }
    }

    /// For tests: from now on a rule fails.
    #[doc(hidden)]
    pub fn plant(&mut self, fault: PlantedFault) {
        self.planted = Some(fault);
    }

    /// For tests: whether a rule was made to fail.
    #[doc(hidden)]
    pub fn is_planted(&self) -> bool {
        self.planted.is_some()
    }

    fn fail_where_planted(&self, rule: &str, tables: &[StepTable]) -> Result<()> {
        let Some(planted) = self.planted.as_ref().filter(|planted| planted.rule == rule) else { return Ok(()) };
        let place = planted.table.schema().index_of(&planted.column)?;
        let table = tables.get(planted.table.index());
        let column = table.and_then(|table| table.columns.get(place)?.as_ref()?.as_string_view_opt());
        match column.is_some_and(|column| column.iter().flatten().any(|text| text == planted.text)) {
            true => datafusion::common::exec_err!("planted"),
            false => Ok(()),
        }
    }

    /// Evaluates the views that some speaking rule reads, each once, in their order.
    fn evaluate_views(
        &self,
        tables: &mut Vec<StepTable>,
        is_speaking: impl Fn(&Planned) -> bool,
    ) -> Result<(), RuleFault> {
        let speaking = self.pack.rules.iter().map(|rule| &rule.planned).filter(|planned| is_speaking(planned));
        self.evaluate_views_of(speaking, tables, &is_speaking)
    }

    /// Evaluates the views that some plans read, each once, in their order.
    fn evaluate_views_of<'a>(
        &self,
        readers: impl Iterator<Item = &'a Planned>,
        tables: &mut Vec<StepTable>,
        is_speaking: impl Fn(&Planned) -> bool,
    ) -> Result<(), RuleFault> {
        let (first_view, mut used) = (tables.len(), vec![false; self.pack.views.len()]);
        readers.for_each(|planned| mark(&planned.reads, first_view, &mut used));
        for (at, view) in self.pack.views.iter().enumerate().rev() {
            if used[at] {
                mark(&view.planned.reads, first_view, &mut used);
            }
        }
        for (view, is_used) in self.pack.views.iter().zip(used) {
            let mut table = StepTable::default();
            if is_used && is_speaking(&view.planned) {
                let rows = self.rows_of(&view.planned, tables).and_then(|batches| match batches.as_slice() {
                    [] => Ok(StepTable::default()),
                    [one] => Ok(whole(one)),
                    several => Ok(whole(&concat_batches(&view.planned.schema, several)?)),
                });
                table = rows.map_err(|_| RuleFault { rule: Arc::from(view.name.as_str()) })?;
            }
            tables.push(table);
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
