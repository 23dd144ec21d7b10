//! The part of the reference about the language of cases.
//!
//! Made from the words that cases know. Owns the sentences.

use fuma_schemas::RejectCode;
use fuma_schemas::evidence::ColumnType;

use super::{Language, table};
use crate::policy::cases::{Aspect, nouns};

const LINES: &[(&str, &str, &str)] = &[
    (
        "case RULE ASPECT: 中文 / English",
        "标题：规则、方面、两种文字的题目",
        "the heading: its rule, its aspect, its title in two languages",
    ),
    (
        "at TIME KIND ID of PERSON: FIELDS",
        "何时得知什么；人是一个大写字母；地区无人：`region ID: FIELDS`",
        "what became known when; a person is a capital letter; a region has none: `region ID: FIELDS`",
    ),
    ("at TIME retract KIND ID of PERSON", "该记录从未成立", "that the record never held"),
    (
        "expect PERSON TIME COLOUR RULE since TIME until TIME due TIME, RULE ...",
        "一次变化：何时判定、颜色、有效的规则；since、until、due 可不写；until open、due none",
        "a change: when it is decided, the colour, the rules that hold; since, until and due where they matter; until \
         open, due none",
    ),
    ("expect PERSON always green", "从不变化", "that nothing is announced"),
    ("refused KIND ID of PERSON: CODE", "该记录被拒绝，及其代码", "that the record is rejected, and why"),
    ("tick 1h", "多久判定一次（不写为 1m）", "how often people are judged (1m unless said)"),
    (
        "until TIME",
        "观察至何时（不写为所写最后时刻之后 60 日）",
        "until when (60 days past the last time named, unless said)",
    ),
];

/// The part, in one language.
pub(super) fn text(language: Language) -> String {
    let label = |zh: &str, en: &str| language.label(zh, en);
    let lines: Vec<Vec<String>> = LINES.iter().map(|(line, zh, en)| vec![format!("`{line}`"), label(zh, en)]).collect();
    let about = label(
        "案例是规则包的验收：每次启用前都由引擎本身执行。时间是当地时间，`2021-11-03 12:00`，必要时带秒与毫秒；`#` 起为注释。\
         字段写其名，下划线写成空格，末尾的 `_at` 省去（`last exposure 2021-11-01 20:00`）；封闭列表的词单独写（`close`）；`-` 去掉一个字段。\
         同一编号的第二条记录是修订，只需写变化的字段。案例中的每个人都要有 `expect`。",
        "Cases are the acceptance of a pack: the engine itself runs them before each use. Times are local, \
         `2021-11-03 12:00`, with seconds and milliseconds where they matter; `#` begins a comment. A field is its \
         name with blanks for underscores and without `_at` at the end (`last exposure 2021-11-01 20:00`); a word of \
         a closed list stands alone (`close`); `-` takes a field away. A second record of an id is a revision and \
         need only name what changes. Each person of a case needs an `expect`.",
    );
    let aspects = Aspect::ALL.map(Aspect::name).join(", ");
    let needed = label(
        "方面（ASPECT）：{}。每条规则须有 trigger、boundary、release、retraction 各一；trigger、release、retraction 须预期该规则。",
        "Aspects: {}. Each rule has a trigger, a boundary, a release and a retraction; a trigger, a release and a \
         retraction \
         expect the rule.",
    )
    .replace("{}", &aspects);
    let kinds: Vec<Vec<String>> = nouns().map(|(word, kind)| vec![format!("`{word}`"), fields(kind)]).collect();
    let codes = RejectCode::ALL.iter().map(|code| format!("`{}`", code.name())).collect::<Vec<_>>().join(", ");
    format!(
        "{}\n\n{about}\n\n{}\n{needed}\n\n{}\n{}: {codes}\n",
        label("## 案例的语言", "## The language of cases"),
        table(&[label("行", "line"), label("说明", "what it says")], &lines),
        table(&[label("记录", "KIND"), label("字段", "FIELDS")], &kinds),
        label("拒绝代码", "Codes of rejects"),
    )
}

fn fields(kind: fuma_schemas::Kind) -> String {
    let short = |name: &str| name.strip_suffix("_at").unwrap_or(name).replace('_', " ");
    let field = |column: &fuma_schemas::evidence::Column| match column.column_type {
        ColumnType::Code(names) => names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" / "),
        _ => format!("`{}`", short(column.name)),
    };
    let mut all: Vec<String> = kind.columns().iter().map(field).collect();
    if kind == fuma_schemas::Kind::Contacts {
        all.extend(["`index case`".to_string(), "`index contact`".to_string()]);
    }
    all.extend(["`revision`".to_string(), "`owner`".to_string()]);
    all.join(", ")
}
