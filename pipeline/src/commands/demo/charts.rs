//! The plots of the report as inline SVG.
//!
//! Owns geometry; pure. Colours come from the page's style sheet by class, so that a plot is right in light and in
//! dark. Every plot has a title and a description for those who do not see it. Must never be given text that is not
//! escaped yet.

use std::fmt::Write;

use super::printed::grouped;

/// A plot's words, already escaped, and its width: the text keeps its size, so a plot in half a page is half as wide.
pub(crate) struct Words<'a> {
    pub(crate) width: f64,
    /// Unique on the page.
    pub(crate) id: &'a str,
    pub(crate) title: &'a str,
    pub(crate) description: &'a str,
}

/// A series under a style class; series are stacked in the order given.
pub(super) struct Series<'a> {
    pub(super) class: &'a str,
    pub(super) values: Vec<u64>,
}

/// One bar.
pub(crate) struct Bar<'a> {
    pub(crate) label: &'a str,
    pub(crate) value: u64,
    pub(crate) class: &'a str,
}

/// The style sheet of a page with plots.
pub(crate) const STYLE: &str = include_str!("report.css");
/// The width of a plot over the whole page, and over half of it.
pub(crate) const WIDE: f64 = 960.0;
pub(super) const HALF: f64 = 460.0;
const HEIGHT: f64 = 320.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 12.0;
const TOP: f64 = 14.0;
const BOTTOM: f64 = 34.0;
const BAR_HEIGHT: f64 = 26.0;
const BAR_LABEL: f64 = 150.0;
const BAR_VALUE: f64 = 72.0;

/// A stacked area plot over equal steps; `ticks` are the steps that get a label below.
pub(super) fn stacked_area(words: &Words<'_>, series: &[Series<'_>], ticks: &[(usize, String)]) -> String {
    let steps = series.iter().map(|series| series.values.len()).max().unwrap_or(0);
    let mut base = vec![0_u64; steps];
    let highest = (0..steps)
        .map(|step| series.iter().filter_map(|series| series.values.get(step)).sum::<u64>())
        .max()
        .unwrap_or(0);
    let step_of_axis = nice_step(highest);
    let top = highest.div_ceil(step_of_axis).max(1).saturating_mul(step_of_axis);
    let width = words.width;
    let x = |step: usize| LEFT + (width - LEFT - RIGHT) * step as f64 / steps.saturating_sub(1).max(1) as f64;
    let y = |value: u64| HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * value as f64 / top as f64;
    let mut svg = open(words, HEIGHT);
    for value in (0..=top).step_by(step_of_axis as usize) {
        push(&mut svg, format_args!("<path class=\"grid\" d=\"M{LEFT} {0:.1}H{1}\"/>", y(value), width - RIGHT));
        let text = grouped(value);
        push(
            &mut svg,
            format_args!("<text class=\"axis end\" x=\"{}\" y=\"{:.1}\">{text}</text>", LEFT - 8.0, y(value) + 4.0),
        );
    }
    for series in series {
        let above: Vec<u64> =
            base.iter().enumerate().map(|(step, low)| low + series.values.get(step).copied().unwrap_or(0)).collect();
        push(&mut svg, format_args!("<path class=\"area {}\" d=\"", series.class));
        for (step, value) in above.iter().enumerate() {
            push(&mut svg, format_args!("{}{:.1} {:.1}", if step == 0 { 'M' } else { 'L' }, x(step), y(*value)));
        }
        for (step, value) in base.iter().enumerate().rev() {
            push(&mut svg, format_args!("L{:.1} {:.1}", x(step), y(*value)));
        }
        svg.push_str("Z\"/>");
        base = above;
    }
    for (step, label) in ticks {
        let (at, bottom) = (x(*step), HEIGHT - BOTTOM);
        push(&mut svg, format_args!("<path class=\"tick\" d=\"M{at:.1} {bottom}v5\"/>"));
        push(
            &mut svg,
            format_args!("<text class=\"axis middle\" x=\"{at:.1}\" y=\"{}\">{label}</text>", bottom + 20.0),
        );
    }
    svg.push_str("</svg>");
    svg
}

/// Horizontal bars from the top down, each with its label and value.
pub(crate) fn bars(words: &Words<'_>, bars: &[Bar<'_>]) -> String {
    let highest = bars.iter().map(|bar| bar.value).max().unwrap_or(0).max(1);
    let mut svg = open(words, BAR_HEIGHT * bars.len().max(1) as f64 + 4.0);
    for (row, bar) in bars.iter().enumerate() {
        let top = BAR_HEIGHT * row as f64 + 4.0;
        let full = words.width - BAR_LABEL - BAR_VALUE;
        // A bar of a few among thousands is still to be seen.
        let width = (full * bar.value as f64 / highest as f64).max(if bar.value > 0 { 2.0 } else { 0.0 });
        let (text, line) = (grouped(bar.value), top + BAR_HEIGHT / 2.0 + 2.0);
        push(
            &mut svg,
            format_args!("<text class=\"label end\" x=\"{}\" y=\"{line:.1}\">{}</text>", BAR_LABEL - 10.0, bar.label),
        );
        push(
            &mut svg,
            format_args!(
                "<rect class=\"bar {}\" x=\"{BAR_LABEL}\" y=\"{top:.1}\" width=\"{width:.1}\" height=\"{}\" rx=\"3\"/>",
                bar.class,
                BAR_HEIGHT - 8.0
            ),
        );
        push(
            &mut svg,
            format_args!("<text class=\"value\" x=\"{:.1}\" y=\"{line:.1}\">{text}</text>", BAR_LABEL + width + 8.0),
        );
    }
    svg.push_str("</svg>");
    svg
}

fn open(words: &Words<'_>, height: f64) -> String {
    let Words { width, id, title, description } = words;
    format!(
        "<svg class=\"{}\" viewBox=\"0 0 {width} {height}\" role=\"img\" aria-labelledby=\"{id}-title {id}-desc\">\
         <title id=\"{id}-title\">{title}</title><desc id=\"{id}-desc\">{description}</desc>",
        if *width > HALF { "wide" } else { "half" }
    )
}

/// The distance of the grid lines: 1, 2 or 5 times a power of ten, so that there are at most six.
fn nice_step(highest: u64) -> u64 {
    let mut power = 1_u64;
    loop {
        if let Some(step) = [1, 2, 5].into_iter().map(|factor| factor * power).find(|step| highest.div_ceil(*step) <= 6)
        {
            return step;
        }
        match power.checked_mul(10) {
            Some(next) if next <= u64::MAX / 5 => power = next,
            _ => return u64::MAX,
        }
    }
}

fn push(svg: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    let _ = svg.write_fmt(text);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_of_the_axis_are_round() {
        let steps: Vec<u64> = [0, 1, 6, 7, 60, 61, 4_321, 1_000_000].into_iter().map(nice_step).collect();
        assert_eq!(steps, [1, 1, 1, 2, 10, 20, 1_000, 200_000]);
        assert!(nice_step(u64::MAX) >= u64::MAX / 6);
    }

    #[test]
    fn stacked_series_lie_on_one_another() {
        let words = Words { width: WIDE, id: "a", title: "t", description: "d" };
        let series = [Series { class: "red", values: vec![1, 1] }, Series { class: "yellow", values: vec![3, 0] }];
        let svg = stacked_area(&words, &series, &[(0, "x".into())]);
        // Four people of the highest value fill the plot from its bottom to its top.
        assert!(
            svg.contains("<path class=\"area red\" d=\"M64.0 218.0L948.0 218.0L948.0 286.0L64.0 286.0Z\"/>"),
            "{svg}"
        );
        assert!(
            svg.contains("<path class=\"area yellow\" d=\"M64.0 14.0L948.0 218.0L948.0 218.0L64.0 218.0Z\"/>"),
            "{svg}"
        );
    }

    #[test]
    fn nothing_to_show_is_still_a_plot() {
        let words = Words { width: WIDE, id: "a", title: "t", description: "d" };
        assert!(stacked_area(&words, &[], &[]).ends_with("</svg>"));
        assert!(bars(&words, &[]).ends_with("</svg>"));
    }
}
