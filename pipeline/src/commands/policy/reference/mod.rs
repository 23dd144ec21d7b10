//! What rules and cases may say: the tables, columns, types, functions, and the language of cases.
//!
//! Made from the schemas, the allow-list and the words of cases themselves, so that it cannot fall behind them; the
//! text is checked in as `docs/reference-zh.md` and `docs/reference-en.md` (`FUMA_BLESS=1` writes it anew).
//!
//! Owns the layout and the sentences. Must never list what the gate does not allow.

mod case_language;
mod functions;
mod pack_files;
mod tables;

use super::Language;

/// The reference in a language; both = Chinese, then English.
pub fn text(language: Language) -> String {
    match language {
        Language::Both => format!("{}\n{}", text(Language::Zh), text(Language::En)),
        one => {
            let label = |zh: &str, en: &str| one.label(zh, en);
            let title = label("# 规则与案例手册", "# Reference for rules and cases");
            let about = label(
                "本页由 `fuma policy reference` 生成，列出规则（SQL）与案例可用的一切；未列出的一律拒绝。",
                "Made by `fuma policy reference`. It lists all that rules (SQL) and cases may say; what is not listed \
                 is \
                 refused.",
            );
            let parts =
                [pack_files::text(one), tables::text(one), functions::text(one), case_language::text(one)].join("\n");
            format!("{title}\n\n{about}\n\n{parts}")
        }
    }
}

/// A table of Markdown.
fn table(headings: &[String], rows: &[Vec<String>]) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let rule: Vec<String> = headings.iter().map(|_| "---".to_string()).collect();
    let mut text = line(headings) + &line(&rule).replace(' ', "");
    rows.iter().for_each(|row| text.push_str(&line(row)));
    text
}
