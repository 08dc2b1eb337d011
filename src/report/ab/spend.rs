//! What each variation took, and what was saved.

use maud::html;

use super::{
    TestReport,
    forest::shortened,
    plot::{Drawing, Scale, n},
};
use crate::amounts::duration_text;

const WIDE: f64 = 900.0;
const ROW: f64 = 26.0;
const LEFT: f64 = 210.0;
const RIGHT: f64 = WIDE - 210.0;

/// A bar for each variation: samples made, beside those that the plan has at most.
pub(super) fn spend(report: &TestReport) -> Drawing {
    let most = report.verdict.most_blocks;
    let scale = Scale::exact(0.0, f64::from(most), LEFT, RIGHT);
    let high = ROW * report.spent.len() as f64 + 8.0;
    let content = html! {
        @for (row, (variation, spent)) in report.verdict.variations.iter().zip(&report.spent).enumerate() {
            @let y = ROW * row as f64 + 4.0;
            text class="name" text-anchor="end" x=(n(LEFT - 12.0)) y=(n(y + 14.0)) { (shortened(&variation.name)) }
            rect class="room" x=(n(LEFT)) y=(n(y)) width=(n(RIGHT - LEFT)) height="18" {}
            rect class="bar" x=(n(LEFT)) y=(n(y)) width=(n(scale.at(f64::from(spent.samples)) - LEFT)) height="18" {}
            text class="value" x=(n(RIGHT + 10.0)) y=(n(y + 14.0)) {
                (spent.samples) " of " (most)
                @if let Some(seconds) = spent.seconds_each { " · " (duration_text(seconds)) " each" }
                @if let Some(cost) = spent.cost { " · " (format!("{cost:.2}")) }
            }
        }
    };
    Drawing { label: "Samples of each variation".to_owned(), size: (WIDE, high), content }
}
