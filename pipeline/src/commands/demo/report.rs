//! The report: one page in Chinese and English that needs no network and no script.
//!
//! Owns the page; pure. Every plot is beside a table of the same numbers. Must never name a person.

use std::fmt::Write;

use fuma_schemas::instant::DAY_MS;
use fuma_schemas::{Colour, Instant};

use super::charts::{self, Bar, Series, Words};
use super::printed::grouped;
use super::summary::{Facts, Summary};

/// The whole page as HTML.
pub fn report_html(facts: &Facts, summary: &Summary) -> String {
    let mut page = String::with_capacity(128 * 1024);
    page.push_str("<!DOCTYPE html>\n<html lang=\"zh-Hans\"><head><meta charset=\"utf-8\">");
    page.push_str("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>赋码演示报告 · fuma demo</title><style>");
    page.push_str(charts::STYLE);
    page.push_str("</style></head><body><main>");
    page.push_str(&header(facts));
    page.push_str(&tiles(facts, summary));
    page.push_str(&over_time(facts, summary));
    page.push_str(&rules(facts, summary));
    page.push_str("<div class=\"pair\">");
    page.push_str(&steps(summary));
    page.push_str(&rejects(summary));
    page.push_str("</div>");
    page.push_str(&footer(facts));
    page.push_str("</main></body></html>\n");
    page
}

fn header(facts: &Facts) -> String {
    let settings = &facts.settings;
    let (first, last) = (date(settings.start), date(Instant(settings.end().0 - DAY_MS)));
    let policy = escaped(&facts.policy);
    let people = grouped(u64::from(settings.people));
    format!(
        "<header><h1>赋码演示报告<small lang=\"en\">fuma demo report</small></h1>\
         <p>合成辖区 {people} 人，{first} 至 {last}，按 {policy} 判定。</p>\
         <p lang=\"en\">A synthetic district of {people} people, {first} to {last}, judged under {policy}.</p></header>"
    )
}

fn tiles(facts: &Facts, summary: &Summary) -> String {
    let seconds = facts.seconds.max(0.001);
    let memory = facts.memory_bytes_peak.map_or("–".to_owned(), |bytes| format!("{} MB", grouped(bytes / 1_000_000)));
    let tiles = [
        ("", "事件", "Events", grouped(facts.events)),
        ("", "码色变更", "Changes", grouped(summary.changes)),
        ("yellow", "曾为黄码", "Ever yellow", grouped(summary.ever_yellow)),
        ("red", "曾为红码", "Ever red", grouped(summary.ever_red)),
        ("", "拒收", "Rejected", grouped(facts.rejects.len() as u64)),
        ("", "每秒事件", "Events/s", grouped((facts.events as f64 / seconds) as u64)),
        ("", "用时", "Seconds", format!("{:.1}", facts.seconds)),
        ("", "内存峰值", "Peak memory", memory),
    ];
    let tiles: String = tiles
        .iter()
        .map(|(class, zh, en, value)| {
            format!("<div class=\"{class}\"><dt>{zh}<span lang=\"en\">{en}</span></dt><dd>{value}</dd></div>")
        })
        .collect();
    format!("<dl class=\"tiles\">{tiles}</dl>")
}

fn over_time(facts: &Facts, summary: &Summary) -> String {
    let column = |at: usize| summary.hours.iter().map(|hour| hour[at]).collect::<Vec<u64>>();
    let series = [Series { class: "red", values: column(1) }, Series { class: "yellow", values: column(0) }];
    let days = facts.settings.days;
    let every = days.div_ceil(10).max(1) as usize;
    let day = |day: u32| date(Instant(facts.settings.start.0 + i64::from(day) * DAY_MS));
    let ticks: Vec<(usize, String)> =
        (0..days).step_by(every).map(|at| (at as usize * 24, day(at).chars().skip(5).collect::<String>())).collect();
    let peak = summary.hours.iter().map(|hour| hour[0] + hour[1]).max().unwrap_or(0);
    let description = format!("Hour by hour; at most {} people were yellow or red at once.", grouped(peak));
    let words = Words {
        width: charts::WIDE,
        id: "colours",
        title: "每时黄码与红码人数 · People yellow or red",
        description: &description,
    };
    let mut rows = String::new();
    for at in 0..days {
        let [yellow, red] = summary.day_end(at);
        let green = facts.people.saturating_sub(yellow + red);
        let numbers: String = [green, yellow, red]
            .into_iter()
            .map(|count| format!("<td class=\"number\">{}</td>", grouped(count)))
            .collect();
        let _ = write!(rows, "<tr><th scope=\"row\">{}</th>{numbers}</tr>", day(at));
    }
    section(
        "每日码色",
        "Colours over time",
        "不在图中者为绿码；如有短时尖峰，系误划地区，两小时后撤回。",
        "Everybody else is green. A spike of two hours is a street designated by mistake and taken back.",
        &format!(
            "<ul class=\"key\"><li class=\"is-yellow\">黄码 yellow</li><li class=\"is-red\">红码 red</li></ul><div class=\"scroll\">{}</div>\
             <details><summary>每日终数表 · Table, end of each day</summary><div class=\"scroll\"><table><thead><tr>\
             <th scope=\"col\">日期 Day</th><th scope=\"col\" class=\"number\">绿码 Green</th><th scope=\"col\" class=\"number\">黄码 Yellow</th>\
             <th scope=\"col\" class=\"number\">红码 Red</th></tr></thead><tbody>{rows}</tbody></table></div></details>",
            charts::stacked_area(&words, &series, &ticks)
        ),
    )
}

fn rules(facts: &Facts, summary: &Summary) -> String {
    let labels: Vec<String> = summary.by_rule.iter().map(|rule| escaped(&rule.id)).collect();
    let bars: Vec<Bar<'_>> = summary
        .by_rule
        .iter()
        .zip(&labels)
        .map(|(rule, label)| Bar { label, value: rule.begun, class: rule.colour.name() })
        .collect();
    let words = Words {
        width: charts::WIDE,
        id: "rules",
        title: "各规则起效次数 · Reasons begun by rule",
        description: "One bar a rule; the table below has the numbers.",
    };
    let mut rows = String::new();
    for rule in &summary.by_rule {
        let text = facts.rules.iter().find(|text| text.id == rule.id);
        let (zh, en) = text.map_or(("", ""), |text| (text.title_zh.as_str(), text.title_en.as_str()));
        let _ = write!(
            rows,
            "<tr><th scope=\"row\" class=\"rule\"><span class=\"dot is-{}\">{}</span></th><td>{}<small lang=\"en\">{}</small></td>\
             <td>{}</td>\
             <td class=\"number\">{}</td></tr>",
            rule.colour,
            escaped(&rule.id),
            escaped(zh),
            escaped(en),
            escaped(&rule.clause),
            grouped(rule.begun)
        );
    }
    section(
        "各规则起效次数",
        "Changes by rule",
        "每次变更中新起效的规则，各计一次。",
        "Each rule counts once in every change that brings it to a person who did not have it.",
        &format!(
            "<div class=\"scroll\">{}</div><div class=\"scroll\"><table><thead><tr><th scope=\"col\">规则 Rule</th>\
             <th scope=\"col\">名称 Title</th>\
             <th scope=\"col\">条款 Clause</th><th scope=\"col\" class=\"number\">次数 Begun</th></tr></thead>\
             <tbody>{rows}</tbody></table></div>",
            charts::bars(&words, &bars)
        ),
    )
}

fn steps(summary: &Summary) -> String {
    let plot = steps_plot(summary);
    let name = |colour: Colour| match colour {
        Colour::Green => "绿 green",
        Colour::Yellow => "黄 yellow",
        Colour::Red => "红 red",
    };
    let head: String = Colour::ALL
        .into_iter()
        .map(|to| format!("<th scope=\"col\" class=\"number\"><span class=\"dot is-{to}\">{}</span></th>", name(to)))
        .collect();
    let mut rows = String::new();
    for from in Colour::ALL {
        let _ = write!(rows, "<tr><th scope=\"row\"><span class=\"dot is-{from}\">{}</span></th>", name(from));
        for to in Colour::ALL {
            let count = summary.steps[from as usize][to as usize];
            let _ = write!(
                rows,
                "<td class=\"number\">{}</td>",
                if from == Colour::Green && to == from { "–".into() } else { grouped(count) }
            );
        }
        rows.push_str("</tr>");
    }
    section(
        "码色变更",
        "Changes from and to",
        "行为原码，列为新码；同色为理由变更。",
        "Rows: before. Columns: after. The same colour: other reasons.",
        &format!(
            "<div class=\"scroll\">{plot}</div><div class=\"scroll\"><table><thead><tr><td></td>{head}</tr></thead>\
             <tbody>{rows}</tbody></table></div>"
        ),
    )
}

fn steps_plot(summary: &Summary) -> String {
    let labels: Vec<_> = summary.by_step().map(|((from, to), count)| (format!("{from} → {to}"), to, count)).collect();
    let bars: Vec<Bar<'_>> =
        labels.iter().map(|(label, to, value)| Bar { label, value: *value, class: to.name() }).collect();
    let words = Words {
        width: charts::HALF,
        id: "steps",
        title: "码色变更次数 · Changes from and to",
        description: "One bar a step of the colours; the table below has the numbers.",
    };
    charts::bars(&words, &bars)
}

fn rejects(summary: &Summary) -> String {
    let bars: Vec<Bar<'_>> =
        summary.by_code.iter().map(|(code, count)| Bar { label: code, value: *count, class: "blue" }).collect();
    let rows: String = summary
        .by_code
        .iter()
        .map(|(code, count)| {
            format!("<tr><th scope=\"row\">{code}</th><td class=\"number\">{}</td></tr>", grouped(*count))
        })
        .collect();
    let words = Words {
        width: charts::HALF,
        id: "rejects",
        title: "拒收原因 · Rejects by code",
        description: "One bar a code; the table below has the numbers.",
    };
    section(
        "拒收记录",
        "Rejected records",
        "不合规者入死信，不影响他人；无防疫依据之名单（listing-basis）不予受理。",
        "Bad records go to the dead letters and touch nothing else. A list without an epidemic basis (listing-basis) is refused.",
        &format!(
            "<div class=\"scroll\">{}</div><details><summary>数表 · Table</summary><table><thead><tr><th scope=\"col\">代码 Code</th>\
             <th scope=\"col\" class=\"number\">次数 Count</th></tr></thead><tbody>{rows}</tbody></table></details>",
            charts::bars(&words, &bars)
        ),
    )
}

fn footer(facts: &Facts) -> String {
    let Facts { settings, workers, .. } = facts;
    format!(
        "<footer>人员、身份与记录均为合成；证件号用不存在的区划 99xxxx。<span lang=\"en\">All people, identities and records are invented. \
         Seed {}, {} people, {} days, policy {}, {} workers, {} facts held.</span></footer>",
        settings.seed,
        grouped(u64::from(settings.people)),
        settings.days,
        escaped(&facts.policy),
        workers,
        grouped(facts.facts)
    )
}

fn section(zh: &str, en: &str, note_zh: &str, note_en: &str, body: &str) -> String {
    format!(
        "<section><h2>{zh}<small lang=\"en\">{en}</small></h2><p>{note_zh} <span lang=\"en\">{note_en}</span></p>{body}</section>"
    )
}

fn date(instant: Instant) -> String {
    let (year, month, day) = instant.local_date();
    format!("{year:04}-{month:02}-{day:02}")
}

/// Text that may stand anywhere in the page.
pub(crate) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            letter => out.push(letter),
        }
    }
    out
}
