//! A pack as a document that an official can read.
//!
//! Owns the layout. Must show everything that decides a colour: clauses, numbers, tables, and the SQL itself.

use std::io::{self, Write};

use fuma_schemas::Colour;

use super::Language;
use crate::policy::pack::Parameter;
use crate::policy::tables::CsvTable;
use crate::policy::{Pack, Rule, cases};

/// Writes the pack.
pub(super) fn show(out: &mut dyn Write, pack: &Pack, language: Language) -> io::Result<()> {
    let manifest = &pack.manifest;
    let label = |zh, en| language.label(zh, en);
    writeln!(out, "{} {}\n{}\n", pack.id, pack.version, language.pick(&manifest.title))?;
    writeln!(out, "{}: {}", label("发布单位", "authority"), language.pick(&manifest.authority))?;
    writeln!(out, "{}: {}", label("文件", "document"), manifest.document)?;
    writeln!(out, "{}: {}", label("施行", "in force from"), manifest.valid_from)?;
    writeln!(out, "{}: {}", label("省份代码", "province"), manifest.province)?;
    writeln!(out, "{}: {}", label("摘要", "digest"), pack.digest)?;
    writeln!(out, "\n{}", label("规则", "Rules"))?;
    for rule in &pack.rules {
        show_rule(out, rule, language)?;
    }
    writeln!(out, "\n{}", label("共用视图", "What several rules share"))?;
    for view in &pack.views {
        writeln!(out, "\n  {}: {}", view.name, language.pick(&view.about))?;
        indented(out, &view.sql)?;
    }
    writeln!(out, "\n{}", label("参数", "Parameters"))?;
    for (name, value) in &manifest.parameters {
        match value {
            Parameter::Integer(number) => writeln!(out, "  {name} = {number}")?,
            Parameter::Text(text) => writeln!(out, "  {name} = \"{text}\"")?,
        }
    }
    for table in &pack.tables {
        show_table(out, table, language)?;
    }
    writeln!(out, "\n{}", label("留存天数（自证据末刻起）", "Retention, days past the last instant of a fact"))?;
    for (kind, days) in &manifest.retention_days {
        writeln!(out, "  {} {days}", kind.name())?;
    }
    show_cases(out, pack, language)
}

/// A table with every row.
fn show_table(out: &mut dyn Write, table: &CsvTable, language: Language) -> io::Result<()> {
    writeln!(out, "\n{} {}", language.label("表", "Table"), table.name)?;
    let rows = || std::iter::once(&table.headings).chain(&table.cells);
    let width = |at: usize| rows().filter_map(|row| row.get(at)).map(|cell| cell.chars().count()).max().unwrap_or(0);
    for row in rows() {
        let cells = row.iter().enumerate().map(|(at, cell)| {
            let shown = if cell.is_empty() { "-" } else { cell };
            format!("{shown:<width$}", width = width(at))
        });
        writeln!(out, "  {}", cells.collect::<Vec<_>>().join("  ").trim_end())?;
    }
    Ok(())
}

/// How many cases show each rule.
fn show_cases(out: &mut dyn Write, pack: &Pack, language: Language) -> io::Result<()> {
    let cases: Vec<_> = pack.cases.iter().filter_map(|(path, text)| cases::parse(path, text).ok()).flatten().collect();
    writeln!(out, "\n{}: {}", language.label("案例", "Cases"), cases.len())?;
    for rule in &pack.rules {
        let own = cases.iter().filter(|case| case.subject == rule.head.id).count();
        writeln!(out, "  {} {own}", rule.head.id)?;
    }
    Ok(())
}

fn show_rule(out: &mut dyn Write, rule: &Rule, language: Language) -> io::Result<()> {
    let colour = match rule.head.colour {
        Colour::Red => language.label("红码", "red"),
        Colour::Yellow => language.label("黄码", "yellow"),
        Colour::Green => language.label("绿码", "green"),
    };
    writeln!(out, "\n  {} [{colour}] {}", rule.head.id, language.pick(&rule.title))?;
    writeln!(out, "    {}: {}", language.label("依据", "clause"), rule.head.clause)?;
    writeln!(out, "    {}: {}", language.label("终止", "ends"), language.pick(&rule.ends))?;
    indented(out, &rule.sql)
}

fn indented(out: &mut dyn Write, sql: &str) -> io::Result<()> {
    for line in sql.trim_end().lines() {
        writeln!(out, "      {line}")?;
    }
    Ok(())
}
