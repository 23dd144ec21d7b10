//! The account of a person as text.
//!
//! ```text
//! page     the lines: headings, reasons, evidence
//! derived  what stands behind a derived fact, in words
//! grounds  why evidence does not count, in words
//! ```
//!
//! Owns the order on the page. Adds nothing to the account.

mod derived;
mod grounds;
mod page;

use super::account::{Account, Phase};
use super::uncounted::Uncounted;
use super::words::{Language, minutes};
use crate::policy::Pack;
use page::Page;

/// The lines that say why a record does not count.
pub(super) fn why_lines(pack: &Pack, language: Language, one: &Uncounted<'_>) -> Vec<String> {
    let page = Page::new(pack, language);
    page.why(one).into_iter().map(|(_, line)| line).collect()
}

/// The account as text.
pub fn render(account: &Account<'_>, language: Language) -> String {
    let mut page = Page::new(account.pack, language);
    head(account, &mut page);
    for (phase, chinese, english) in [
        (Phase::Active, "现有理由", "REASONS THAT HOLD"),
        (Phase::Future, "将有理由", "REASONS TO COME"),
        (Phase::Past, "已止理由", "REASONS THAT ARE OVER"),
    ] {
        let mut reasons = account.reasons.iter().filter(|reason| reason.phase == phase).peekable();
        if reasons.peek().is_some() {
            page.heading(chinese, english);
        }
        reasons.for_each(|reason| page.reason(reason));
    }
    if !account.prevented.is_empty() {
        page.heading("因证据而不成立的理由", "REASONS THAT EVIDENCE KEEPS AWAY");
        account.prevented.iter().for_each(|(line, intervals)| page.prevented(line, intervals));
    }
    if account.untried > 0 {
        let said = match language {
            Language::Chinese => format!("证据过多：另有 {} 条未逐一核对其影响", account.untried),
            Language::English => {
                format!(
                    "very much evidence: of {} other facts it was not tried what each of them changes",
                    account.untried
                )
            }
        };
        page.entry("注意", "attention", &said);
    }
    if !account.uncounted.is_empty() {
        page.heading("不计入的证据", "WHAT DOES NOT COUNT, AND WHY");
        page.all_uncounted(&account.uncounted);
    }
    page.finish()
}

fn head(account: &Account<'_>, page: &mut Page<'_>) {
    let (pack, language) = (account.pack, page.language);
    page.entry("人员", "person", &account.person.to_string());
    page.entry("规则", "policy", &format!("{} {}, {}", pack.id, pack.version, pack.manifest.document));
    let at = minutes(account.at);
    page.entry("截至", "as known", &format!("{at}{}", language.of("（北京时间）", " (local time, +08:00)")));
    let colour = language.colour(account.colour).to_uppercase();
    let since = account.colour_since.map(minutes);
    page.entry(
        "颜色",
        "colour",
        &match (since, account.seen) {
            _ if account.not_judged.is_some() => not_judged(account, language),
            (Some(since), _) => format!("{colour}{}{since}", language.of("，自 ", " since ")),
            (None, true) => colour,
            (None, false) => {
                language.of("未知：无此人的任何记录", "unknown: there is no record of this person").to_string()
            }
        },
    );
    let next = account
        .next
        .map(|(at, colour)| format!("{}{}{}", minutes(at), language.of(" 转", " to "), language.colour(colour)));
    let none = || language.of("按现有证据，不再变化", "on present evidence no further change is due").to_string();
    if account.not_judged.is_none() {
        page.entry("下次变化", "next", &next.unwrap_or_else(none));
    }
}

/// In place of a colour: that the person is not judged, and why.
fn not_judged(account: &Account<'_>, language: Language) -> String {
    let why = account.not_judged.as_ref().map_or_else(String::new, |why| super::why_not_judged(language, why));
    match language {
        Language::Chinese => format!("未评定：{why}；保持已公布的状态"),
        Language::English => format!("not judged: {why}; the announced state is kept"),
    }
}
