//! The part of the reference about the files of a pack and policy.toml.
//!
//! Owns these sentences.

use super::{Language, table};

/// The files, each with what it holds.
const FILES: &[(&str, &str, &str)] = &[
    (
        "policy.toml",
        "谁发布、依据哪份文件、何时起、各项数字",
        "who published the rules, in which document, from when, with which numbers",
    ),
    (
        "rules/ID.sql",
        "一条规则：一个 SELECT，给出某一颜色的区间",
        "a rule: one SELECT that gives intervals of one colour",
    ),
    ("views/NAME.sql", "几条规则共用的 SELECT", "a SELECT that several rules share"),
    (
        "tables/NAME.csv",
        "小表，如入境国家分类；在 policy.toml 中声明",
        "a small table, like classes of entrants; declared in policy.toml",
    ),
    ("cases/*.case", "案例：启用规则包前必须全部成立", "cases: all must hold before the pack may be used"),
    ("tracing/", "infectious.sql 与 aboard.sql：同乘追踪", "infectious.sql and aboard.sql: tracing by conveyance"),
];
/// The keys of policy.toml, each with what it says.
const KEYS: &[(&str, &str, &str)] = &[
    (
        "id, version",
        "小写字母、数字、连字符；内容不同，版本就须不同",
        "small letters, digits, hyphens; other contents need another version",
    ),
    ("province", "GB/T 2260 前两位", "the first two digits of GB/T 2260"),
    ("authority, title", "{ zh = ..., en = ... }", "{ zh = ..., en = ... }"),
    ("document", "文号：每条依据的前半", "the document's number: the first part of every clause"),
    ("valid_from", "施行时刻，带时差", "from when, with an offset"),
    (
        "[parameters]",
        "规则中写作 $name 的整数（0 至 36500）或文字",
        "whole numbers (0 to 36500) or texts that rules use as $name",
    ),
    (
        "[engine]",
        "引擎按名索取的参数：contact_days（接触者观察天数）、tier_look_back_days（划定前回溯天数）；未声明的不计数",
        "parameters that the engine asks for by name: contact_days, tier_look_back_days; what is not declared is not \
         counted",
    ),
    (
        "[retention_days]",
        "各类事实在其末刻之后保留的天数；未写的 60 天，病例与隔离 180 天",
        "days that a fact is kept past its last instant; 60 unless said, cases and isolations 180",
    ),
    (
        "[tables.NAME]",
        "columns.NAME = { type, required, min, max }；type 为 text、country、date 或 integer；required 不写即为真；\
             key = 查找行所依据的列；overlap = \"each\" 允许两行同时适用",
        "columns.NAME = { type, required, min, max }; type is text, country, date or integer; required unless it says \
             false; key = the columns by which a row is found; overlap = \"each\" lets two rows apply at once",
    ),
];

/// The part, in one language.
pub(super) fn text(language: Language) -> String {
    let label = |zh: &str, en: &str| language.label(zh, en);
    let facts = label(
        "规则文件以注释行开头：`-- id:`、`-- colour:`（red 或 yellow）、`-- clause:`、`-- title.zh:`、`-- title.en:`、\
         `-- ends.zh:`、`-- ends.en:`；视图：`-- view:`、`-- about.zh:`、`-- about.en:`。规则返回 person、since、until、cause，\
         及可选的 due；until 为 NULL 即未终止，due 为 NULL 即无期限。",
        "A rule begins with comment lines: `-- id:`, `-- colour:` (red or yellow), `-- clause:`, `-- title.zh:`, \
         `-- title.en:`, `-- ends.zh:`, `-- ends.en:`; a view with `-- view:`, `-- about.zh:`, `-- about.en:`. A rule \
         returns person, since, until, cause and, if it has one, due; until NULL is open, due NULL is none.",
    );
    let section = |rows: &[(&str, &str, &str)], what: (&str, &str)| {
        let rows: Vec<Vec<String>> =
            rows.iter().map(|(name, zh, en)| vec![format!("`{name}`"), label(zh, en)]).collect();
        table(&[label(what.0, what.1), label("说明", "what it holds")], &rows)
    };
    format!(
        "{}\n\n{}\n{facts}\n\n{}",
        label("## 规则包的文件", "## The files of a pack"),
        section(FILES, ("文件", "file")),
        section(KEYS, ("policy.toml 的键", "key of policy.toml")),
    )
}
