//! Why evidence does not count, in words.
//!
//! Owns the sentences. The first line is the ground, the others are what it rests on, each with its depth.

use super::super::evidence::Name;
use super::super::fallen::{Fallen, Ground};
use super::super::stays::{Miss, StayMiss};
use super::super::uncounted::Why;
use super::super::words::{Language, minutes};
use super::page::Page;

/// The lines of a ground, each with its depth.
pub(super) fn lines(page: &Page<'_>, why: &Why<'_>) -> Vec<(usize, String)> {
    match why {
        Why::Withdrawn(fallen) => {
            let head = page.language.of(
                "该接触者已撤回：其所依据的记录均已不成立",
                "the contact is withdrawn: the records that it depends on no longer hold",
            );
            let mut lines = vec![(0, head.to_string())];
            chain(page.language, fallen, &mut lines);
            lines
        }
        Why::Stay(misses) => {
            let head = page.language.of("与该地区的风险等级均不符", "it meets risk tiers, but none gives a reason");
            let each = misses.iter().map(|one| (0, miss(page, one)));
            std::iter::once((0, head.to_string())).chain(each).collect()
        }
        why => vec![(0, sentence(page, why))],
    }
}

/// As many lines of a chain are shown: those nearest to the contact, and the last ones, which end it.
const CHAIN_LINES_MAX: usize = 40;

fn chain(language: Language, fallen: &[Fallen<'_>], lines: &mut Vec<(usize, String)>) {
    let line = |one: &Fallen<'_>| (one.depth.min(CHAIN_LINES_MAX), chain_line(language, one));
    if fallen.len() <= CHAIN_LINES_MAX {
        lines.extend(fallen.iter().map(line));
        return;
    }
    let (first, rest) = fallen.split_at(CHAIN_LINES_MAX / 2);
    let (middle, last) = rest.split_at(rest.len().saturating_sub(CHAIN_LINES_MAX / 2));
    lines.extend(first.iter().map(line));
    let omitted = match language {
        Language::Chinese => format!("……（省略 {} 条）", middle.len()),
        Language::English => format!("... ({} more records)", middle.len()),
    };
    lines.push((0, omitted));
    lines.extend(last.iter().map(line));
}

fn chain_line(language: Language, one: &Fallen<'_>) -> String {
    let because = match one.ground {
        Ground::Retracted => language.of("已撤销", "was retracted"),
        Ground::Excluded => language.of("已排除", "was excluded"),
        Ground::Index => {
            return format!("{} {}", one.name, language.of("本身不计入，因为", "does not count itself, because"));
        }
    };
    let (of, known) = (language.of("（第 ", " (revision "), language.of(" 版，获知 ", ", known "));
    let end = language.of("）", ")");
    format!("{} {because}{of}{}{known}{}{end}", one.name, one.revision, minutes(one.known_at))
}

fn miss(page: &Page<'_>, one: &StayMiss<'_>) -> String {
    let language = page.language;
    let why = match one.miss {
        Miss::Tier => language.of("本规则不涉及该等级", "no rule of this pack names the tier").to_string(),
        Miss::Coarse(granularity) => {
            let word = language.granularity(granularity);
            match language {
                Language::Chinese => format!("位置过粗：仅知{word}"),
                Language::English => format!("too coarse: only the {word} of the stay is known"),
            }
        }
        Miss::Lifted => language.of("到达时该等级已解除", "the tier had ended before the arrival").to_string(),
        Miss::LookBack(days) => match language {
            Language::Chinese => format!("在划定之日前 {days} 天以前已离开"),
            Language::English => format!("left more than {days} days before the day of designation"),
        },
        Miss::Unknown => language.of("规则未由此得出理由", "the rules give no reason for it").to_string(),
    };
    format!("{}: {why}", page.tier(&one.tier))
}

fn sentence(page: &Page<'_>, why: &Why<'_>) -> String {
    match page.language {
        Language::Chinese => chinese(page, why),
        Language::English => english(page, why),
    }
}

fn english(page: &Page<'_>, why: &Why<'_>) -> String {
    match why {
        Why::Retracted => "retracted: it does not hold and never did".to_string(),
        Why::Superseded { by } if by.retracted => {
            format!("replaced by a retraction, revision {}, known {}", by.revision, minutes(by.known_at))
        }
        Why::Superseded { by } => format!("replaced by revision {}, known {}", by.revision, minutes(by.known_at)),
        Why::Ended { rule, until } => format!("expired: its reason {} ended {}", page.rule_id(*rule), minutes(*until)),
        Why::Bygone(rules) => format!("it matters only for reasons that are over: {}", ids(page, rules)),
        Why::Late { window_end, known_at } => format!(
            "late: the window ended {} and the contact became known {}; it gives no colour (it stays as history)",
            minutes(*window_end),
            minutes(*known_at)
        ),
        Why::Excluded => "the case was excluded, so it does not count as a case".to_string(),
        Why::KindUnread => "no rule of this pack reads evidence of this kind".to_string(),
        Why::ValueUnnamed { column, value } => {
            format!("no rule of this pack names {} {value}", Language::English.column(column))
        }
        Why::NoTier => "neither this region, nor one around it or inside it, has had a risk tier".to_string(),
        Why::SampledBefore { of, at } => {
            format!("sampled before {}: it must be later, because of {}", minutes(*at), named(Language::English, of))
        }
        Why::StillThere { of } => {
            format!("the stay {} is not over: a test counts only after leaving", named(Language::English, of))
        }
        Why::ReportedAfter { rule, until } => {
            format!("reported after {} had ended ({})", page.rule_id(*rule), minutes(*until))
        }
        Why::EndsNone => "evidence of this kind can end a reason but not start one; there was none to end".to_string(),
        Why::NoReason(rules) => {
            format!("gives no reason under this pack; rules that start from this kind: {}", ids(page, rules))
        }
        Why::Withdrawn(_) | Why::Stay(_) => String::new(),
    }
}

fn chinese(page: &Page<'_>, why: &Why<'_>) -> String {
    match why {
        Why::Retracted => "已撤销：该事实不成立，且从未成立".to_string(),
        Why::Superseded { by } if by.retracted => {
            format!("已被第 {} 版撤销，获知 {}", by.revision, minutes(by.known_at))
        }
        Why::Superseded { by } => format!("已被第 {} 版取代，获知 {}", by.revision, minutes(by.known_at)),
        Why::Ended { rule, until } => format!("已过期：其理由 {} 于 {} 终止", page.rule_id(*rule), minutes(*until)),
        Why::Bygone(rules) => format!("仅涉及已终止的理由：{}", ids(page, rules)),
        Why::Late { window_end, known_at } => format!(
            "逾期获知：观察期已于 {} 届满，{} 才获知；不赋码（仍为流行病学史）",
            minutes(*window_end),
            minutes(*known_at)
        ),
        Why::Excluded => "病例已排除，不作为病例".to_string(),
        Why::KindUnread => "本规则不使用此类证据".to_string(),
        Why::ValueUnnamed { column, value } => {
            let language = Language::Chinese;
            format!("本规则不涉及：{} {}", language.column(column), language.word(value))
        }
        Why::NoTier => "该地区及其上下级地区均未划定过风险等级".to_string(),
        Why::SampledBefore { of, at } => {
            format!("采样早于 {}（以 {} 为准）", minutes(*at), named(Language::Chinese, of))
        }
        Why::StillThere { of } => format!("停留 {} 尚未结束：离开后的检测方可计入", named(Language::Chinese, of)),
        Why::ReportedAfter { rule, until } => {
            format!("报告时 {} 已终止（{}）", page.rule_id(*rule), minutes(*until))
        }
        Why::EndsNone => "此类证据只终止理由，不产生理由；此处未终止任何理由".to_string(),
        Why::NoReason(rules) => format!("在本规则下不产生理由；以此类证据为起点的规则：{}", ids(page, rules)),
        Why::Withdrawn(_) | Why::Stay(_) => String::new(),
    }
}

fn named(language: Language, name: &Option<Name<'_>>) -> String {
    name.map_or_else(|| language.of("（名称未知）", "(name unknown)").to_string(), |name| name.to_string())
}

/// The rules with their titles.
fn ids(page: &Page<'_>, rules: &[u16]) -> String {
    let one = |rule: &u16| {
        let title = page.rule(*rule).map_or("", |rule| page.language.text(&rule.title));
        format!("{} {title}", page.rule_id(*rule))
    };
    rules.iter().map(one).collect::<Vec<_>>().join("; ")
}
