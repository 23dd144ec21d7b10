//! The words of a SELECT: only the forms that rules need.
//!
//! Owns the list of clauses; expressions are `expressions`'. Must never know a type.

use std::collections::BTreeSet;

use datafusion::sql::sqlparser::ast::{
    Distinct, GroupByExpr, Join, JoinConstraint, JoinOperator, ObjectName, Query, Select, SelectFlavor, SelectItem,
    SelectItemQualifiedWildcardKind, SetExpr, SetOperator, SetQuantifier, Spanned, TableFactor, TableWithJoins,
    WildcardAdditionalOptions, With,
};

use datafusion::sql::sqlparser::tokenizer::Span;

use super::super::sql_file::SqlFile;
use crate::policy::PackError;
use crate::policy::near::did_you_mean;

/// Checks a query; `tables` are the tables and views that it may read.
pub(in super::super) fn check(file: &SqlFile, query: &Query, tables: &[&str]) -> Result<(), PackError> {
    Walk { file, tables, named: BTreeSet::new(), line: file.first_line() }.query(query)
}

/// A walk over the words, with the last line that was seen.
pub(super) struct Walk<'a> {
    pub(super) file: &'a SqlFile,
    tables: &'a [&'a str],
    /// Names that WITH has given.
    named: BTreeSet<String>,
    pub(super) line: usize,
}

impl Walk<'_> {
    /// Takes the line of something, where it has one.
    pub(super) fn at(&mut self, place: &impl Spanned) {
        self.at_span(place.span());
    }

    fn at_span(&mut self, span: Span) {
        let line = usize::try_from(span.start.line).unwrap_or(0);
        if line > 0 {
            self.line = line;
        }
    }

    pub(super) fn refuse<T>(&self, reason: impl Into<String>) -> Result<T, PackError> {
        Err(PackError::at(&self.file.path, self.line, reason))
    }

    /// Refuses with the line of the first of these words that is found, where the parser gives none.
    fn refuse_word<T>(&self, words: &[&str], reason: &str) -> Result<T, PackError> {
        let line = words.iter().map(|word| self.file.line_of_word(word)).find(|line| *line > 0);
        Err(PackError::at(&self.file.path, line.unwrap_or(self.line), reason))
    }

    pub(super) fn query(&mut self, query: &Query) -> Result<(), PackError> {
        let Query {
            with,
            body,
            order_by,
            limit_clause,
            fetch,
            locks,
            for_clause,
            settings,
            format_clause,
            pipe_operators,
        } = query;
        if limit_clause.is_some() || fetch.is_some() {
            let words = ["OFFSET", "LIMIT", "FETCH"];
            let reason = "LIMIT, OFFSET and FETCH cut rows by number, which mixes people: remove it";
            return self.refuse_word(&words, reason);
        }
        if order_by.is_some() {
            let reason = "ORDER BY: rows have no order here; for the earliest use MIN(), for the latest MAX()";
            return self.refuse_word(&["ORDER"], reason);
        }
        let extra = !locks.is_empty() || for_clause.is_some() || settings.is_some() || format_clause.is_some();
        if extra || !pipe_operators.is_empty() {
            return self.refuse("only SELECT, FROM, JOIN, WHERE, GROUP BY, HAVING, UNION and WITH are allowed here");
        }
        if let Some(with) = with {
            self.with(with)?;
        }
        self.set(body)
    }

    fn with(&mut self, with: &With) -> Result<(), PackError> {
        if with.recursive {
            return self.refuse_word(&["RECURSIVE"], "WITH RECURSIVE may never end: write a plain WITH, or a view");
        }
        for table in &with.cte_tables {
            self.at_span(table.alias.name.span);
            let name = table.alias.name.value.to_lowercase();
            if self.tables.contains(&name.as_str()) {
                return self.refuse(format!("WITH {name}: there is a table of this name; choose another"));
            }
            self.query(&table.query)?;
            self.named.insert(name);
        }
        Ok(())
    }

    fn set(&mut self, body: &SetExpr) -> Result<(), PackError> {
        match body {
            SetExpr::Select(select) => self.select(select),
            SetExpr::Query(query) => self.query(query),
            SetExpr::SetOperation { op: SetOperator::Union, set_quantifier, left, right } => {
                let plain = [SetQuantifier::All, SetQuantifier::Distinct, SetQuantifier::None];
                if !plain.contains(set_quantifier) {
                    return self.refuse_word(&["UNION"], "only UNION and UNION ALL are allowed here");
                }
                self.set(left)?;
                self.set(right)
            }
            SetExpr::SetOperation { .. } => self.refuse_word(
                &["EXCEPT", "INTERSECT", "MINUS"],
                "of set operations only UNION and UNION ALL are allowed: use EXISTS or NOT EXISTS",
            ),
            _ => self.refuse("only SELECT is allowed here; fixed rows belong into tables/*.csv"),
        }
    }

    fn select(&mut self, select: &Select) -> Result<(), PackError> {
        self.at(select);
        if matches!(select.distinct, Some(Distinct::On(_))) {
            return self
                .refuse_word(&["DISTINCT"], "DISTINCT ON depends on the order of rows: use GROUP BY with MIN()");
        }
        if select.top.is_some() {
            return self.refuse_word(&["TOP"], "TOP cuts rows by number, which mixes people: remove it");
        }
        if !select.named_window.is_empty() || select.qualify.is_some() {
            return self.refuse_word(&["QUALIFY", "WINDOW"], super::advice::WINDOW);
        }
        if select.flavor != SelectFlavor::Standard || has_more(select) {
            return self.refuse("only SELECT, FROM, JOIN, WHERE, GROUP BY, HAVING, UNION and WITH are allowed here");
        }
        for table in &select.from {
            self.joined(table)?;
        }
        for item in &select.projection {
            self.item(item)?;
        }
        let GroupByExpr::Expressions(groups, modifiers) = &select.group_by else {
            return self.refuse_word(&["GROUP"], "GROUP BY ALL: name the columns");
        };
        if !modifiers.is_empty() {
            return self.refuse_word(&["ROLLUP", "CUBE", "TOTALS", "GROUP"], "ROLLUP, CUBE and TOTALS are not allowed");
        }
        let others = select.selection.iter().chain(&select.having).chain(groups);
        others.into_iter().try_for_each(|expression| self.expression(expression))
    }

    fn item(&mut self, item: &SelectItem) -> Result<(), PackError> {
        match item {
            SelectItem::UnnamedExpr(expression) | SelectItem::ExprWithAlias { expr: expression, .. } => {
                self.expression(expression)
            }
            SelectItem::Wildcard(options) if is_plain(options) => Ok(()),
            SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(_), options)
                if is_plain(options) =>
            {
                Ok(())
            }
            other => {
                self.at(other);
                self.refuse("name the columns one by one")
            }
        }
    }

    fn joined(&mut self, table: &TableWithJoins) -> Result<(), PackError> {
        self.factor(&table.relation)?;
        for join in &table.joins {
            self.join(join)?;
        }
        Ok(())
    }

    fn join(&mut self, join: &Join) -> Result<(), PackError> {
        self.factor(&join.relation)?;
        let (JoinOperator::Join(on)
        | JoinOperator::Inner(on)
        | JoinOperator::Left(on)
        | JoinOperator::LeftOuter(on)
        | JoinOperator::Right(on)
        | JoinOperator::RightOuter(on)
        | JoinOperator::CrossJoin(on)
        | JoinOperator::FullOuter(on)
        | JoinOperator::LeftSemi(on)
        | JoinOperator::LeftAnti(on)) = &join.join_operator
        else {
            return self.refuse("of joins only JOIN, LEFT JOIN, RIGHT JOIN and CROSS JOIN are allowed");
        };
        if join.global {
            return self.refuse("GLOBAL JOIN is not allowed: write JOIN");
        }
        match on {
            JoinConstraint::On(expression) => self.expression(expression),
            JoinConstraint::Using(_) | JoinConstraint::None => Ok(()),
            JoinConstraint::Natural => {
                self.refuse("NATURAL JOIN compares whatever columns have one name: write ON a.person = b.person")
            }
        }
    }

    fn factor(&mut self, factor: &TableFactor) -> Result<(), PackError> {
        self.at(factor);
        match factor {
            TableFactor::Table { name, args: None, sample: None, version: None, json_path: None, .. } => {
                self.table(name)
            }
            TableFactor::Derived { lateral: false, subquery, sample: None, .. } => self.query(subquery),
            TableFactor::NestedJoin { table_with_joins, .. } => self.joined(table_with_joins),
            TableFactor::Table { sample: Some(_), .. } | TableFactor::Derived { sample: Some(_), .. } => {
                self.refuse("TABLESAMPLE takes rows by chance (I-7): remove it")
            }
            TableFactor::Derived { lateral: true, .. } => {
                self.refuse("LATERAL is not allowed: write JOIN ... ON a.person = b.person")
            }
            _ => self.refuse("read a table, a view or a sub-query; other sources of rows are not allowed"),
        }
    }

    fn table(&mut self, name: &ObjectName) -> Result<(), PackError> {
        self.at(name);
        let parts: Vec<String> = name
            .0
            .iter()
            .filter_map(|part| part.as_ident())
            .map(|ident| folded(&ident.value, ident.quote_style))
            .collect();
        let known = |table: &str| self.tables.contains(&table) || self.named.contains(table);
        match parts.as_slice() {
            [table] if known(table) => Ok(()),
            [table] => {
                let list = self.tables.join(", ");
                self.refuse(format!("no table {table}; they are {list}{}", did_you_mean(table, self.tables.to_vec())))
            }
            _ => self.refuse("a table is named by its name alone"),
        }
    }
}

/// A name as SQL compares it: small letters unless it is quoted.
fn folded(name: &str, quote: Option<char>) -> String {
    if quote.is_some() { name.to_string() } else { name.to_lowercase() }
}

fn is_plain(options: &WildcardAdditionalOptions) -> bool {
    options.opt_ilike.is_none()
        && options.opt_exclude.is_none()
        && options.opt_except.is_none()
        && options.opt_replace.is_none()
        && options.opt_rename.is_none()
}

/// Whether a SELECT has a clause of another dialect.
fn has_more(select: &Select) -> bool {
    select.exclude.is_some()
        || select.into.is_some()
        || !select.lateral_views.is_empty()
        || select.prewhere.is_some()
        || !select.connect_by.is_empty()
        || !select.cluster_by.is_empty()
        || !select.distribute_by.is_empty()
        || !select.sort_by.is_empty()
        || select.value_table_mode.is_some()
        || select.select_modifiers.is_some()
}
