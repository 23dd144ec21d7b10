//! The part of the reference about the tables of evidence.
//!
//! Made from the schemas. Owns what is said of the columns that the engine adds.

use arrow::datatypes::DataType;
use fuma_schemas::Kind;
use fuma_schemas::evidence::{ColumnType, GRANULARITIES, MATCHES, ORIGINS, instant_type};
use fuma_schemas::vocabulary::{ClosedList as _, Tier};

use super::{Language, table};
use crate::evidence::RuleTable;
use crate::explain::Language as Words;

/// Columns that the engine adds, with what they say.
const ENGINE: &[(&str, &str, &str)] = &[
    (
        "person",
        "证据所属的人：只能比较是否相等、分组",
        "whose evidence it is: compared with = and grouped by, nothing else",
    ),
    (
        "fact",
        "事实的名称：只能比较是否相等、分组、计数",
        "the name of the fact: compared with =, grouped by, counted, nothing else",
    ),
    ("known_at", "当前记录何时得知", "when the record that holds now became known"),
    ("first_known_at", "该事实最早何时得知", "when the fact was first known"),
    (
        "counts",
        "接触是否有效：所依据的病例或接触未被排除或撤回",
        "whether the contact counts: what it hangs on was not excluded or retracted",
    ),
    (
        "origin",
        "接触从何而来：上报的，或由同乘行程推出的；方案不含 tracing/ 时只有上报的",
        "where the contact comes from: reported, or derived from two trips on one conveyance; reported alone where the \
         pack has no tracing/",
    ),
    ("owner", "名单的来源系统", "the source system of the listing"),
    (
        "granularity",
        "停留定位的精细程度；不设区县的地级市计为 county",
        "how finely the stay is located; a city without counties is county",
    ),
    ("tier", "相遇地区的风险等级", "the tier of the region that the stay meets"),
    ("tier_since", "该等级自何时起", "since when the tier holds"),
    ("tier_until", "该等级至何时止", "until when the tier holds"),
    (
        "match",
        "停留地与该地区：相同、在其内、含有它（停留地更粗）",
        "the same region, within it, or containing it (the stay is coarser)",
    ),
];

/// The part, in one language.
pub(super) fn text(language: Language) -> String {
    let label = |zh: &str, en: &str| language.label(zh, en);
    let about = label(
        "每人每件事实一行。规则只能把同一人的证据相连（`ON a.person = b.person`）。时刻为毫秒；一日以当地零时为界，\
         由 `day(t)` 等函数划分。",
        "A row for each fact of each person. Rules may join evidence of one person only (`ON a.person = b.person`). \
         Instants \
         are of milliseconds; days are cut at local midnight by `day(t)` and its kin.",
    );
    let mut text = format!("{}\n\n{about}\n", label("## 证据表", "## Tables of evidence"));
    for base in RuleTable::all() {
        let title = match base {
            RuleTable::Kind(kind) => words(language).word(kind.name()).to_string(),
            RuleTable::TieredStays => {
                label("停留与其相遇的每一风险等级", "a stay and each tier of a region that it meets")
            }
        };
        text.push_str(&format!("\n### {}\n\n{title}\n\n{}", base.name(), columns(base, language)));
    }
    text
}

fn words(language: Language) -> Words {
    if language == Language::Zh { Words::Chinese } else { Words::English }
}

fn columns(base: RuleTable, language: Language) -> String {
    let label = |zh: &str, en: &str| language.label(zh, en);
    let schema = base.schema();
    let rows = schema.fields().iter().map(|field| {
        let said = ENGINE.iter().find(|(name, _, _)| name == field.name()).map(|(_, zh, en)| label(zh, en));
        let said = said.unwrap_or_else(|| match language {
            Language::Zh => words(language).word(field.name()).to_string(),
            _ => String::new(),
        });
        let name = if field.name() == "match" { "\"match\"" } else { field.name() };
        let null = if field.is_nullable() { label("可空", "may be NULL") } else { String::new() };
        vec![format!("`{name}`"), kind_of(base, field.name(), field.data_type(), language), null, said]
    });
    let headings = [label("列", "column"), label("类型", "type"), String::new(), label("说明", "what it says")];
    table(&headings, &rows.collect::<Vec<_>>())
}

fn kind_of(base: RuleTable, column: &str, data_type: &DataType, language: Language) -> String {
    if let Some(values) = values(base, column) {
        return values.iter().map(|value| format!("`'{value}'`")).collect::<Vec<_>>().join(" ");
    }
    let (zh, en) = match data_type {
        DataType::UInt32 => ("人", "a person"),
        DataType::UInt64 => ("事实", "a fact"),
        DataType::Boolean => ("真假", "truth"),
        DataType::Date32 => ("日期", "a date"),
        DataType::Int32 | DataType::Int64 => ("整数", "a whole number"),
        other if *other == instant_type() => ("时刻", "an instant"),
        _ => ("文字", "a text"),
    };
    language.label(zh, en)
}

/// The closed list of a column.
fn values(base: RuleTable, column: &str) -> Option<&'static [&'static str]> {
    match column {
        "granularity" => return Some(GRANULARITIES),
        "match" => return Some(MATCHES),
        "origin" => return Some(ORIGINS),
        "tier" => return Some(Tier::NAMES),
        _ => {}
    }
    let kind = match base {
        RuleTable::Kind(kind) => kind,
        RuleTable::TieredStays => Kind::Stays,
    };
    kind.columns().iter().find(|own| own.name == column).and_then(|own| match own.column_type {
        ColumnType::Code(names) => Some(names),
        _ => None,
    })
}
