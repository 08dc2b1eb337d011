//! The evidence against each variation from look to look, beside the boundary at which one is dropped.

use maud::html;

use super::{
    TestReport,
    forest::shortened,
    plot::{Drawing, Scale, apart, bottom_axis, left_axis, mark, n},
};

const WIDE: f64 = 900.0;
const HIGH: f64 = 330.0;
const LEFT: f64 = 50.0;
const RIGHT: f64 = WIDE - 190.0;
const TOP: f64 = 24.0;
const BOTTOM: f64 = HIGH - 44.0;

/// Evidence beyond this many boundaries is drawn here.
const MOST: f64 = 2.0;

struct Line {
    place: usize,
    points: Vec<(f64, f64)>,
}

/// The plot.
pub(super) fn evidence(report: &TestReport) -> Drawing {
    let last = report.looks.last().map_or(1, |look| look.block);
    let across = Scale::exact(0.0, f64::from(last), LEFT, RIGHT);
    let up = Scale::exact(0.0, MOST, BOTTOM, TOP);
    let line = |place: usize| {
        let of = report.looks.iter().filter_map(|look| Some((f64::from(look.block), look.evidence[place]?)));
        Line { place, points: of.map(|(block, share)| (across.at(block), up.at(share.clamp(0.0, MOST)))).collect() }
    };
    let lines: Vec<Line> =
        (0..report.verdict.variations.len()).map(line).filter(|line| !line.points.is_empty()).collect();
    let ends: Vec<f64> = lines.iter().filter_map(|line| line.points.last()).map(|(_, y)| *y).collect();
    let labels = apart(&ends, 14.0, BOTTOM);
    let content = html! {
        (bottom_axis(across, TOP, BOTTOM, "blocks", f64::midpoint(LEFT, RIGHT)))
        (left_axis(up, LEFT, RIGHT, "evidence that another one is better, in boundaries"))
        line class="boundary" x1=(n(LEFT)) x2=(n(RIGHT)) y1=(n(up.at(1.0))) y2=(n(up.at(1.0))) {}
        text class="value" x=(n(LEFT + 6.0)) y=(n(up.at(1.0) - 6.0)) { "dropped above this line" }
        @for (line, label) in lines.iter().zip(labels) {
            polyline class=(format!("way c{} d{}", line.place % 5, line.place % 3))
                points=(line.points.iter().map(|(x, y)| format!("{},{}", n(*x), n(*y))).collect::<Vec<_>>().join(" ")) {}
            @for (x, y) in &line.points { (mark(line.place, *x, *y)) }
            @if let Some((x, y)) = line.points.last() {
                line class="lead" x1=(n(*x + 6.0)) y1=(n(*y)) x2=(n(RIGHT + 12.0)) y2=(n(label)) {}
                text class="name" x=(n(RIGHT + 16.0)) y=(n(label + 4.0)) { (shortened(&report.verdict.variations[line.place].name)) }
            }
        }
    };
    let label = "Evidence against each variation from look to look".to_owned();
    Drawing { label, size: (WIDE, HIGH), content }
}
