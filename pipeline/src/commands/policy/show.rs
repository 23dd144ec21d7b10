//! A pack as a document that an official can read.
//!
//! Owns the layout. Must show everything that decides a colour: clauses, numbers, tables, and the SQL itself.

use std::io::{self, Write};

use fuma_schemas::Colour;

use super::Language;
use crate::policy::pack::Parameter;
use crate::policy::{Pack, Rule};

/// Writes the pack.
pub(super) fn show(out: &mut dyn Write, pack: &Pack, language: Language) -> io::Result<()> {
    let manifest = &pack.manifest;
    let label = |zh, en| language.label(zh, en);
    writeln!(out, "{} {}\n{}\n", pack.id, pack.version, language.pick(&manifest.title))?;
    writeln!(out, "{}: {}", label("发布单位", "authority"), language.pick(&manifest.authority))?;
    writeln!(out, "{}: {}", label("文件", "document"), manifest.document)?;
    writeln!(out, "{}: {}", label("施行", "in force from"), manifest.valid_from)?;
    writeln!(out, "{}: {}", label("省份代码", "province"), manifest.province)?;
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
        let columns: Vec<_> = table.batch.schema().fields().iter().map(|field| field.name().clone()).collect();
        let rows = label("行", "rows");
        writeln!(
            out,
            "\n{} {}: {} {rows} ({})",
            label("表", "Table"),
            table.name,
            table.batch.num_rows(),
            columns.join(", ")
        )?;
    }
    writeln!(out, "\n{}", label("留存天数（自证据末刻起）", "Retention, days past the last instant of a fact"))?;
    for (kind, days) in &manifest.retention_days {
        writeln!(out, "  {} {days}", kind.name())?;
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
