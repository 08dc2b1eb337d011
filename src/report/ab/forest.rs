//! The forest plot: each variation's difference to the one that leads, with its interval and the band of what counts
//! as none.

use maud::{Markup, html};

use super::{
    TestReport,
    plot::{Drawing, Scale, bottom_axis, mark, n},
    words::{metric, plain, signed},
};
use crate::model::Better;

const WIDE: f64 = 900.0;
const ROW: f64 = 30.0;
const LEFT: f64 = 210.0;
const TOP: f64 = 14.0;

/// The plot.
pub(super) fn forest(report: &TestReport) -> Drawing {
    let verdict = &report.verdict;
    let leader = leader(report);
    let rows: Vec<_> = verdict.variations.iter().enumerate().filter(|(place, _)| Some(*place) != leader).collect();
    let margin = verdict.equivalence;
    let ends = rows.iter().flat_map(|(_, v)| [v.low, v.high, v.difference]).flatten();
    let scale = Scale::over(ends.chain([-margin, margin, 0.0]), LEFT, WIDE - 150.0);
    let bottom = TOP + ROW * rows.len() as f64;
    let against = leader.map_or("the one that leads", |place| verdict.variations[place].name.as_str());
    let title = format!("{} against {against}", metric(verdict));
    let content = html! {
        rect class="band" x=(n(scale.at(-margin))) width=(n(scale.at(margin) - scale.at(-margin)))
            y=(n(TOP)) height=(n(bottom - TOP)) {}
        (bottom_axis(scale, TOP, bottom, &title, f64::midpoint(LEFT, WIDE - 150.0)))
        line class="zero" x1=(n(scale.at(0.0))) x2=(n(scale.at(0.0))) y1=(n(TOP)) y2=(n(bottom)) {}
        @for (row, (place, variation)) in rows.iter().enumerate() {
            @let y = TOP + ROW * (row as f64 + 0.5);
            @let gone = if variation.dropped_after.is_some() { "gone" } else { "" };
            text class="name" text-anchor="end" x=(n(LEFT - 12.0)) y=(n(y + 4.0)) { (shortened(&variation.name)) }
            @if let (Some(low), Some(high)) = (variation.low, variation.high) {
                line class=(format!("interval {gone}")) x1=(n(scale.at(low))) x2=(n(scale.at(high))) y1=(n(y)) y2=(n(y)) {}
            }
            @if let Some(difference) = variation.difference { (mark(*place, scale.at(difference), y)) }
            text class="value" x=(n(WIDE - 140.0)) y=(n(y + 4.0)) {
                (signed(variation.difference))
                @if let Some(block) = variation.dropped_after { " · out at " (block) }
            }
        }
    };
    let label = format!("Differences of {} to {against}, with intervals", verdict.metric);
    Drawing { label, size: (WIDE, bottom + 44.0), content }
}

/// How to read it.
pub(super) fn legend(report: &TestReport) -> Markup {
    let against = leader(report).map_or("the one that leads", |place| report.verdict.variations[place].name.as_str());
    let worse = if report.verdict.better == Better::Lower { "Right" } else { "Left" };
    html! {
        p class="muted small" {
            "Bars: intervals that allow for all looks and comparisons. Shaded: differences up to "
            (report.verdict.equivalence) " count as none. " (worse) " of the line: worse than " (against) "."
        }
    }
}

/// The variation that leads.
pub(super) fn leader(report: &TestReport) -> Option<usize> {
    let verdict = &report.verdict;
    let name = verdict.winner.as_ref().or(verdict.recommended.as_ref());
    let by_name = |name: &String| verdict.variations.iter().position(|variation| variation.name == *name);
    // While the test runs, whoever the others are compared with.
    let most = || {
        let against = verdict.variations.iter().map(|variation| &variation.against);
        against.max_by_key(|name| verdict.variations.iter().filter(|v| v.against == **name).count()).and_then(by_name)
    };
    name.and_then(by_name).or_else(most)
}

/// The same numbers as a table.
pub(super) fn table(report: &TestReport) -> Markup {
    html! {
        div class="scroll" {
            table {
                thead { tr {
                    th { "variation" } th { "mean" } th { "samples" } th { "failed" } th { "against" } th { "difference" }
                    th { "interval" } th { "" }
                } }
                tbody {
                    @for variation in &report.verdict.variations {
                        tr {
                            th scope="row" { (variation.name) }
                            td { (plain(variation.mean)) } td { (variation.samples) } td { (variation.failed) }
                            td { (variation.against) } td { (signed(variation.difference)) }
                            td { @if variation.low.is_some() { (signed(variation.low)) " to " (signed(variation.high)) } @else { "–" } }
                            td {
                                @match (variation.dropped_after, &variation.dropped_by) {
                                    (Some(block), Some(by)) => { "dropped after block " (block) ", " (by) " ahead" }
                                    _ => {}
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// A name that has room beside a plot: what tells names apart stands at either end.
pub(super) fn shortened(name: &str) -> String {
    const MOST: usize = 26;
    let letters: Vec<char> = name.chars().collect();
    if letters.len() <= MOST {
        return name.to_owned();
    }
    let (head, tail) = (&letters[..MOST / 2 - 1], &letters[letters.len() - MOST / 2..]);
    head.iter().chain(['…'].iter()).chain(tail).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_keep_both_ends() {
        assert_eq!(shortened("bilinear"), "bilinear");
        assert_eq!(shortened("bilinear_softened_by_3_pixels"), "bilinear_sof…d_by_3_pixels");
        assert_eq!(shortened(&"é".repeat(40)).chars().count(), 26);
    }
}
