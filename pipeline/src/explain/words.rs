//! Evidence in words for officials, in Chinese and English.
//!
//! Owns the Chinese names of columns and values. What has no word here is shown as the feed spells it.

use fuma_schemas::{Colour, Instant, Kind, registry};

use super::evidence::EvidenceLine;
use crate::evidence::Value;
use crate::policy::Text;

/// The language of an account.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Language {
    /// Chinese.
    Chinese,
    /// English.
    English,
}

impl Language {
    /// The one of two texts that is in this language.
    pub fn of<'a>(self, chinese: &'a str, english: &'a str) -> &'a str {
        match self {
            Language::Chinese => chinese,
            Language::English => english,
        }
    }

    /// The one of two texts of a pack.
    pub fn text(self, text: &Text) -> &str {
        self.of(&text.zh, &text.en)
    }

    /// The word for a colour.
    pub fn colour(self, colour: Colour) -> &'static str {
        match (self, colour) {
            (Language::Chinese, Colour::Green) => "绿码",
            (Language::Chinese, Colour::Yellow) => "黄码",
            (Language::Chinese, Colour::Red) => "红码",
            (Language::English, colour) => colour.name(),
        }
    }

    pub(super) fn kind(self, kind: Kind) -> &'static str {
        self.word(kind.name())
    }

    /// A word of a feed.
    pub(crate) fn word(self, word: &str) -> &str {
        let of_value = || CHINESE.iter().find(|(english, _)| *english == word).map(|(_, chinese)| *chinese);
        let chinese = || registry::chinese(word).or_else(of_value);
        match self {
            Language::Chinese => chinese().unwrap_or(word),
            Language::English => word,
        }
    }

    /// The name of a granularity: of a province as a level, not as a column.
    pub(super) fn granularity(self, name: &str) -> &str {
        if self == Language::Chinese && name == "province" { "省级" } else { self.word(name) }
    }

    /// The name of a column.
    pub(super) fn column(self, column: &str) -> String {
        match self {
            Language::Chinese => self.word(column).to_string(),
            Language::English => column.strip_suffix("_at").unwrap_or(column).replace('_', " "),
        }
    }

    /// What a fact says, column by column; what is absent is left out.
    pub(super) fn contents(self, line: &EvidenceLine<'_>) -> String {
        let said = line.fact.values.iter().filter_map(|(column, value)| {
            let value = match value {
                Value::Null => return None,
                Value::Instant(instant) => minutes(*instant),
                Value::Text(text) => self.word(text).to_string(),
                Value::Date(days) => date(*days),
                Value::Integer(number) => number.to_string(),
            };
            Some(format!("{} {value}", self.column(column)))
        });
        said.collect::<Vec<_>>().join(self.of("，", ", "))
    }
}

/// The columns of a screen that a text takes: a Chinese character takes two.
pub fn columns(text: &str) -> usize {
    text.chars().map(|letter| if letter.is_ascii() { 1 } else { 2 }).sum()
}

/// An instant in local time, as short as it can be.
pub fn minutes(instant: Instant) -> String {
    let whole = instant.to_string();
    let local = whole.strip_suffix("+08:00").unwrap_or(&whole).replacen('T', " ", 1);
    // "2021-11-08 09:13:00" without its seconds where they are zero.
    match local.strip_suffix(":00") {
        Some(short) if short.len() == "2021-11-08 09:13".len() => short.to_string(),
        _ => local,
    }
}

/// A date, from its days since 1970-01-01.
pub fn date(days: i32) -> String {
    let midnight = fuma_schemas::instant::local_midnight(days).to_string();
    midnight.split('T').next().unwrap_or_default().to_string()
}

/// A length of time in days and hours.
pub(super) fn length(language: Language, millis: i64) -> String {
    let (days, hours) = (millis / fuma_schemas::instant::DAY_MS, millis / 3_600_000 % 24);
    match (days, hours) {
        (0, 0) => language.of("不足一小时", "less than an hour").to_string(),
        (0, hours) => format!("{hours} {}", language.of("小时", "h")),
        (days, 0) => format!("{days} {}", language.of("天", "d")),
        (days, hours) => format!("{days} {} {hours} {}", language.of("天", "d"), language.of("小时", "h")),
    }
}

/// The Chinese words of values; those of kinds and columns stand in the registry.
const CHINESE: &[(&str, &str)] = &[
    ("confirmed", "确诊病例"),
    ("suspected", "疑似病例"),
    ("asymptomatic", "无症状感染者"),
    ("repositive", "复阳"),
    ("excluded", "已排除"),
    ("close", "密切接触"),
    ("secondary", "次密接"),
    ("general", "一般接触"),
    ("environment", "阳性环境接触"),
    ("telecom", "通信大数据"),
    ("checkin", "扫码"),
    ("declared", "自主申报"),
    ("nat", "核酸"),
    ("antigen", "抗原"),
    ("antibody", "抗体"),
    ("positive", "阳性"),
    ("negative", "阴性"),
    ("indeterminate", "可疑"),
    ("single", "单采"),
    ("mixed", "混采"),
    ("fever", "发热"),
    ("dyspnoea", "呼吸困难"),
    ("respiratory", "呼吸道症状"),
    ("other", "其他"),
    ("clinic", "发热门诊"),
    ("hospital", "医院"),
    ("centralised", "集中隔离"),
    ("home", "居家隔离"),
    ("monitoring", "健康监测"),
    ("recovery", "康复"),
    ("contact", "接触者"),
    ("entry", "入境"),
    ("released", "解除"),
    ("transferred", "转出"),
    ("cancelled", "撤销"),
    ("red", "红"),
    ("yellow", "黄"),
    ("green", "绿"),
    ("spatiotemporal", "时空交集"),
    ("field-investigation", "流调"),
    ("cold-chain", "冷链"),
    ("venue", "场所"),
    ("headquarters-document", "指挥部文件"),
    ("air", "航空"),
    ("rail", "铁路"),
    ("coach", "客车"),
    ("ship", "轮船"),
    ("passenger", "乘客"),
    ("crew", "乘务"),
    ("verified", "实名"),
    ("registered", "登记"),
    ("guardian", "监护人"),
    ("severe", "严重"),
    ("high", "高风险"),
    ("medium", "中风险"),
    ("low", "低风险"),
    ("city", "市级"),
    ("county", "县级"),
    ("street", "街道级"),
    ("area", "社区级"),
    ("exact", "同一地区"),
    ("within", "在该地区内"),
    ("contains", "包含该地区"),
];
