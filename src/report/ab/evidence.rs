//! The evidence against each variation from look to look, beside the boundary at which one is dropped.

use maud::html;

use super::{
    TestReport,
    forest::shortened,
    plot::{Drawing, Scale, apart, bottom_axis, label, left_axis, mark, n},
};

const WIDE: f64 = 900.0;
const LEFT: f64 = 50.0;
const RIGHT: f64 = WIDE - 230.0;
const TOP: f64 = 24.0;
const BOTTOM: f64 = 286.0;

/// Evidence beyond this many boundaries is drawn here.
const MOST: f64 = 2.0;

/// The boundary is always in the plot, with some room above.
const LEAST: f64 = 1.25;

struct Line {
    place: usize,
    points: Vec<(f64, f64)>,
}

/// The plot.
pub(super) fn evidence(report: &TestReport) -> Drawing {
    let last = report.looks.last().map_or(1, |look| look.block);
    // Names need their room.
    let bottom = BOTTOM.max(TOP + 15.0 * report.verdict.variations.len() as f64);
    let across = Scale::exact(0.0, f64::from(last), LEFT, RIGHT);
    let seen = report.looks.iter().flat_map(|look| look.evidence.iter().flatten());
    let most = (1.15 * seen.copied().fold(0.0, f64::max)).clamp(LEAST, MOST);
    let up = Scale::exact(0.0, most, bottom, TOP);
    let line = |place: usize| {
        let of = report.looks.iter().filter_map(|look| Some((f64::from(look.block), look.evidence[place]?)));
        Line { place, points: of.map(|(block, share)| (across.at(block), up.at(share.clamp(0.0, most)))).collect() }
    };
    let lines: Vec<Line> =
        (0..report.verdict.variations.len()).map(line).filter(|line| !line.points.is_empty()).collect();
    let ends: Vec<f64> = lines.iter().filter_map(|line| line.points.last()).map(|(_, y)| *y).collect();
    let heights = apart(&ends, 15.0, bottom);
    let content = html! {
        (bottom_axis(across, TOP, bottom, "blocks", f64::midpoint(LEFT, RIGHT)))
        (left_axis(up, LEFT, RIGHT, "evidence that another one is better, in boundaries"))
        line class="boundary" x1=(n(LEFT)) x2=(n(RIGHT)) y1=(n(up.at(1.0))) y2=(n(up.at(1.0))) {}
        text class="value" x=(n(LEFT + 6.0)) y=(n(up.at(1.0) - 6.0)) { "dropped above this line" }
        @for (line, at) in lines.iter().zip(heights) {
            polyline class=(format!("way c{} d{}", line.place % 5, line.place % 3))
                points=(line.points.iter().map(|(x, y)| format!("{},{}", n(*x), n(*y))).collect::<Vec<_>>().join(" ")) {}
            @for (x, y) in &line.points { (mark(line.place, *x, *y)) }
            @if let Some((x, y)) = line.points.last() {
                (label(line.place, (*x, *y), (RIGHT + 12.0, at), &shortened(&report.verdict.variations[line.place].name), "name"))
            }
        }
    };
    let label = "Evidence against each variation from look to look".to_owned();
    Drawing { label, size: (WIDE, bottom + 44.0), content }
}
