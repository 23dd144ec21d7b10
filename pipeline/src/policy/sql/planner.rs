//! SQL -> checked plans, once per load (planning costs milliseconds, a step microseconds).
//!
//! Tables are numbered: the kinds of evidence, `tiered_stays`, the tables of the pack, then the views in the order in
//! which they can be evaluated. DataFusion inlines views at every use (apache/datafusion #8777), so a view here is a
//! table of its own: planned alone, evaluated once a step, read by the rules like evidence.
//!
//! Owns what SQL may say beyond locality. Must never execute anything.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Schema, SchemaRef};
use datafusion::common::DataFusionError;
use datafusion::config::ConfigOptions;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::prelude::{SessionConfig, SessionContext};
use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast;
use fuma_schemas::evidence::instant_type;

use crate::evidence::{RuleTable, RuleTables, Wanted, WantedTiers};

use super::drivers::{self, Origin, Origins};
use super::joins::{Numbers, Rows};
use super::locality::{self, NotLocal, Personal};
use super::sql_file::SqlFile;
use super::{functions, gate, tiers};
use crate::policy::PackError;
use crate::policy::step::direct::Direct;
use crate::policy::step::leaf::{Leaf, NamedTable};
use crate::policy::tables::CsvTable;
use crate::policy::tracing;

/// A planned SELECT.
#[derive(Clone, Debug)]
pub struct Planned {
    /// The plan; to be reset before each execution.
    pub plan: Arc<dyn ExecutionPlan>,
    /// The same, to be evaluated in one go, where that is possible.
    pub direct: Option<Arc<Direct>>,
    /// The columns that come out.
    pub schema: SchemaRef,
    /// The base tables from which its rows spring.
    pub drivers: RuleTables,
    /// The base tables that it reads, through views too.
    pub needs: RuleTables,
    /// Every table that it reads itself, by number.
    pub reads: Vec<usize>,
    /// How many rows its joins may come to for one person.
    pub rows: Rows,
}

/// Plans the files of one pack.
pub struct Planner {
    context: SessionContext,
    origins: BTreeMap<String, Origin>,
    /// The number of each table.
    numbers: BTreeMap<String, usize>,
    /// Which columns of which base table some plan reads.
    wanted: Wanted,
    /// Which tiers of stays some plan may look at.
    tiers: WantedTiers,
}

impl Planner {
    /// A planner that knows the base tables and the functions of the engine.
    pub fn new() -> Result<Planner, PackError> {
        let context = SessionContext::new_with_config(session_config());
        for function in functions::all() {
            context.register_udf(function);
        }
        let (origins, numbers) = (BTreeMap::new(), BTreeMap::new());
        let (wanted, tiers) = (Wanted::default(), WantedTiers::NONE);
        let mut planner = Planner { context, origins, numbers, wanted, tiers };
        for table in RuleTable::all() {
            let own = RuleTables::of(table);
            planner.add(table.name(), table.name(), table.schema(), Origin { drivers: Some(own), needs: own })?;
        }
        Ok(planner)
    }

    fn add(&mut self, file: &str, name: &str, schema: SchemaRef, origin: Origin) -> Result<(), PackError> {
        let number = self.numbers.len();
        let table = NamedTable { number, schema };
        if self.origins.contains_key(name) {
            return Err(PackError::of(file, format!("a table or view named `{name}` is there already")));
        }
        let registered = self.context.register_table(name, Arc::new(table));
        registered.map_err(|error| PackError::of(file, error.to_string()))?;
        self.origins.insert(name.to_string(), origin);
        self.numbers.insert(name.to_string(), number);
        Ok(())
    }

    /// Makes a table of the pack known; the next number is its own.
    pub fn add_table(&mut self, file: &str, table: &CsvTable) -> Result<(), PackError> {
        let origin = Origin { drivers: None, needs: RuleTables::NONE };
        self.add(file, &table.name, table.batch.schema(), origin)
    }

    /// Plans a view and makes it known; the next number is its own. None when it reads a view of `later`, not yet
    /// known.
    pub fn add_view(&mut self, name: &str, file: &SqlFile, later: &[String]) -> Result<Option<Planned>, PackError> {
        let statement = self.parse(file, later)?;
        if self.references(&statement).iter().any(|table| later.contains(table)) {
            return Ok(None);
        }
        let planned = self.plan(file, statement)?;
        let origin = Origin { drivers: Some(planned.drivers), needs: planned.needs };
        self.add(&file.path, name, Arc::clone(&planned.schema), origin)?;
        Ok(Some(planned))
    }

    /// Plans a rule: `person, since, until, cause` and optionally `due`.
    pub fn plan_rule(&mut self, file: &SqlFile) -> Result<Planned, PackError> {
        let statement = self.parse(file, &[])?;
        let planned = self.plan(file, statement)?;
        check_columns(file, &planned.schema)?;
        Ok(planned)
    }

    /// Whether a file is one SELECT; it is not planned.
    ///
    /// # Errors
    /// When it is none.
    pub fn check_select(&self, file: &SqlFile) -> Result<(), PackError> {
        self.select_of(file).map(drop)
    }

    /// Plans the query that says while a case is infectious; it is local to a person, like a rule.
    pub fn plan_infectious(&mut self, file: &SqlFile) -> Result<Planned, PackError> {
        let statement = self.parse(file, &[])?;
        let planned = self.plan(file, statement)?;
        tracing::check_columns(file, &planned.schema, &tracing::INFECTIOUS_COLUMNS)?;
        Ok(planned)
    }

    /// Plans the query over the table `aboard`, row by row. From now on the table is known, as the last one.
    pub fn plan_aboard(&mut self, file: &SqlFile) -> Result<Planned, PackError> {
        let origin = Origin { drivers: Some(RuleTables::NONE), needs: RuleTables::NONE };
        self.add(&file.path, tracing::ABOARD, tracing::aboard_schema(), origin)?;
        let statement = self.parse(file, &[])?;
        let planned = self.plan_as(file, statement, |plan, _| locality::check_rows(plan, tracing::ABOARD, "pair"))?;
        tracing::check_columns(file, &planned.schema, &tracing::ABOARD_COLUMNS)?;
        Ok(planned)
    }

    /// Which columns of each base table some plan reads so far, ascending.
    pub fn wanted(&self) -> Wanted {
        let mut wanted = self.wanted.clone();
        for columns in &mut wanted.0 {
            columns.sort_unstable();
            columns.dedup();
        }
        wanted
    }

    /// Which tiers of stays some plan may look at so far.
    pub fn tiers(&self) -> WantedTiers {
        self.tiers
    }

    /// Reads a file as one SELECT.
    fn select_of(&self, file: &SqlFile) -> Result<Statement, PackError> {
        let statement = self.context.state().sql_to_statement(&file.sql, &datafusion::config::Dialect::Generic);
        let statement = statement.map_err(|error| match error.message().contains("single SQL statement") {
            true => PackError::at(&file.path, file.first_line(), "only one SELECT is allowed here"),
            false => located(file, &error),
        })?;
        match query_of(&statement) {
            Some(_) => Ok(statement),
            None => Err(PackError::at(&file.path, file.first_line(), "only one SELECT is allowed here")),
        }
    }

    /// Reads a file and checks its words; `later` are views that are not yet known.
    fn parse(&self, file: &SqlFile, later: &[String]) -> Result<Statement, PackError> {
        let statement = self.select_of(file)?;
        let tables: Vec<&str> =
            self.origins.keys().map(String::as_str).chain(later.iter().map(String::as_str)).collect();
        query_of(&statement).map_or(Ok(()), |query| gate::check_syntax(file, query, &tables))?;
        Ok(statement)
    }

    fn references(&self, statement: &Statement) -> Vec<String> {
        let references = self.context.state().resolve_table_references(statement).unwrap_or_default();
        references.into_iter().map(|reference| reference.table().to_string()).collect()
    }

    fn plan(&mut self, file: &SqlFile, statement: Statement) -> Result<Planned, PackError> {
        self.plan_as(file, statement, |plan, planner| locality::check(plan, planner))
    }

    /// Plans a statement that looks no further than `local` lets it.
    fn plan_as(
        &mut self,
        file: &SqlFile,
        statement: Statement,
        local: impl FnOnce(&LogicalPlan, &Planner) -> Result<(), NotLocal>,
    ) -> Result<Planned, PackError> {
        let state = self.context.state();
        let wrong = |error: DataFusionError| located(file, &error);
        let logical = futures::executor::block_on(state.statement_to_plan(statement)).map_err(wrong)?;
        let logical = gate::rewrite(file, logical)?;
        gate::check_meetings(file, &logical)?;
        let analysed = state.analyzer().execute_and_check(logical.clone(), state.config_options(), |_, _| {});
        gate::check_types(file, &analysed.map_err(wrong)?)?;
        let optimised = state.optimize(&logical).map_err(wrong)?;
        gate::check_types(file, &optimised)?;
        if let Err(problem) = local(&optimised, self) {
            let line = problem.near.iter().map(|word| file.line_of_word(word)).find(|line| *line > 0);
            return Err(PackError::at(&file.path, line.unwrap_or_else(|| file.first_line()), problem.reason));
        }
        let (drivers, needs) = (drivers::drivers(&optimised, self), drivers::needs(&optimised, self));
        let drivers = drivers.ok_or_else(|| {
            PackError::at(
                &file.path,
                file.first_line(),
                "rows must spring from evidence, not from a table of the pack alone",
            )
        })?;
        let rows = Rows::of(&optimised, self);
        self.tiers = self.tiers.either(tiers::wanted(&optimised, &state));
        let plan = futures::executor::block_on(state.query_planner().create_physical_plan(&optimised, &state))
            .map_err(wrong)?;
        gate::check_physical(file, &plan)?;
        let mut leaves = Vec::new();
        collect_leaves(&plan, &mut leaves);
        let mut reads = Vec::new();
        for (table, columns) in leaves {
            reads.push(table);
            if let Some(wanted) = self.wanted.0.get_mut(table) {
                wanted.extend(columns);
            }
        }
        // Names without their table: this is what other files and the engine see.
        let fields: Vec<_> = plan.schema().fields().iter().map(|field| field.as_ref().clone()).collect();
        let direct = Direct::of(&plan).map(Arc::new);
        Ok(Planned { plan, direct, schema: Arc::new(Schema::new(fields)), drivers, needs, reads, rows })
    }
}

impl Personal for Planner {
    fn is_personal(&self, table: &str) -> bool {
        self.origins.get(table).is_some_and(|origin| origin.drivers.is_some())
    }
}

impl Numbers for Planner {
    fn number(&self, table: &str) -> Option<usize> {
        self.numbers.get(table).copied()
    }
}

impl Origins for Planner {
    fn origin(&self, table: &str) -> Origin {
        self.origins.get(table).copied().unwrap_or(Origin { drivers: None, needs: RuleTables::ALL })
    }
}

/// The settings of every plan: one partition, nothing that a second execution could remember.
pub fn session_config() -> SessionConfig {
    let mut options = ConfigOptions::new();
    options.execution.target_partitions = 1;
    options.execution.collect_statistics = false;
    options.optimizer.enable_dynamic_filter_pushdown = false;
    options.optimizer.enable_join_dynamic_filter_pushdown = false;
    options.optimizer.enable_topk_dynamic_filter_pushdown = false;
    options.optimizer.enable_aggregate_dynamic_filter_pushdown = false;
    options.optimizer.repartition_joins = false;
    options.optimizer.repartition_aggregations = false;
    options.sql_parser.collect_spans = true;
    SessionConfig::from(options).with_batch_size(16_384)
}

fn query_of(statement: &Statement) -> Option<&ast::Query> {
    let Statement::Statement(inner) = statement else { return None };
    match inner.as_ref() {
        ast::Statement::Query(query) => Some(query),
        _ => None,
    }
}

fn collect_leaves(plan: &Arc<dyn ExecutionPlan>, leaves: &mut Vec<(usize, Vec<usize>)>) {
    let any: &dyn std::any::Any = plan.as_ref();
    if let Some(leaf) = any.downcast_ref::<Leaf>() {
        leaves.push((leaf.table, leaf.columns.clone()));
    }
    for child in plan.children() {
        collect_leaves(child, leaves);
    }
}

fn check_columns(file: &SqlFile, schema: &Schema) -> Result<(), PackError> {
    let line = file.first_line();
    for name in ["person", "since", "until", "cause"] {
        if schema.field_with_name(name).is_err() {
            return Err(PackError::at(
                &file.path,
                line,
                format!("column `{name}` is missing: a rule returns person, since, until, cause and optionally due"),
            ));
        }
    }
    for field in schema.fields() {
        let (good, wanted) = match field.name().as_str() {
            "person" => (field.data_type() == &DataType::UInt32, "the person of the evidence"),
            "since" => (field.data_type() == &instant_type(), "an instant"),
            "until" | "due" => (
                matches!(field.data_type(), DataType::Null) || field.data_type() == &instant_type(),
                "an instant or NULL",
            ),
            "cause" => {
                let good = field.data_type() == &DataType::UInt64 || field.data_type() == &functions::facts_type();
                (good, "a fact, or facts(a, b)")
            }
            other => {
                let reason = format!("column `{other}` is not one of person, since, until, cause, due: remove it");
                return Err(PackError::at(&file.path, file.line_of_word(other).max(line), reason));
            }
        };
        if !good {
            let reason = format!("column `{}` must be {wanted}, not {}", field.name(), field.data_type());
            return Err(PackError::at(&file.path, file.line_of_word(field.name()).max(line), reason));
        }
    }
    Ok(())
}

/// A planning error with its line: from its span, from the parser's words, or from the name that it complains of.
fn located(file: &SqlFile, error: &DataFusionError) -> PackError {
    // A context is the name of a planner's stage, which says nothing.
    let told = if matches!(error, DataFusionError::Context(..)) { error.find_root() } else { error };
    let message = told.strip_backtrace();
    let message = message.lines().take(3).map(str::trim).collect::<Vec<_>>().join(" ");
    let span = error.diagnostic().and_then(|diagnostic| diagnostic.span);
    let line = span.map(|span| usize::try_from(span.start.line).unwrap_or(0)).filter(|line| *line > 0);
    let said = || {
        let after = message.split("at Line: ").nth(1)?;
        after.split(',').next()?.trim().parse().ok()
    };
    let named = || {
        let quoted = message.split(['\'', '"', '`']).nth(1)?;
        let name = quoted.rsplit('.').next()?;
        Some(file.line_of_word(name)).filter(|line| *line > 0)
    };
    let line = line.or_else(said).or_else(named).unwrap_or_else(|| file.first_line());
    PackError::at(&file.path, line, message)
}
