//! The account of a person as text.
//!
//! ```text
//! page     the lines: headings, reasons, evidence
//! grounds  why evidence does not count, in words
//! ```
//!
//! Owns the order on the page. Adds nothing to the account.

mod grounds;
mod page;

use fuma_schemas::{Instant, Person};

use super::account::{Account, Phase, account};
use super::known::Known;
use super::words::{Language, minutes};
use crate::assess::AssessError;
use crate::policy::Pack;
use crate::replay::Finished;
use page::Page;

/// The account of a person at the end of a replay under a pack, at an instant not before its last tick.
///
/// # Errors
/// When a plan cannot be executed.
pub fn text(
    finished: &Finished,
    pack: &Pack,
    at: Instant,
    person: Person,
    language: Language,
) -> Result<String, AssessError> {
    account(&Known::of(finished, pack, at), person).map(|account| render(&account, language))
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
    if !account.uncounted.is_empty() {
        page.heading("不计入的证据", "WHAT DOES NOT COUNT, AND WHY");
        account.uncounted.iter().for_each(|one| page.uncounted(one));
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
            (Some(since), _) => format!("{colour}{}{since}", language.of("，自 ", " since ")),
            (None, true) => colour,
            (None, false) => {
                format!("{colour}{}", language.of("：无此人任何证据", ": there is no evidence of this person"))
            }
        },
    );
    let next = account
        .next
        .map(|(at, colour)| format!("{}{}{}", minutes(at), language.of(" 转", " to "), language.colour(colour)));
    let none = || language.of("目前所知无颜色变化", "as known, the colour will not change by itself").to_string();
    page.entry("下次变化", "next", &next.unwrap_or_else(none));
}
