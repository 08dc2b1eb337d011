//! Quality beside time: which variations are not beaten in both.

use maud::{Markup, html};

use super::{
    TestReport,
    forest::shortened,
    plot::{Drawing, Scale, apart, bottom_axis, label, left_axis, mark, n},
    words::metric,
};
use crate::model::Better;

const WIDE: f64 = 900.0;
const LEFT: f64 = 60.0;
const RIGHT: f64 = WIDE - 230.0;
const TOP: f64 = 24.0;
const BOTTOM: f64 = 276.0;

/// The variations of which both are known: place, seconds, mean. None where the seconds themselves decide.
pub(super) fn known(report: &TestReport) -> Vec<(usize, f64, f64)> {
    if report.verdict.metric == "seconds" {
        return Vec::new();
    }
    let both = report.verdict.variations.iter().zip(&report.spent).enumerate();
    both.filter_map(|(place, (variation, spent))| Some((place, spent.seconds_each?, variation.mean?))).collect()
}

/// Places of those that no other one beats in both, from the quickest on.
pub(super) fn front(known: &[(usize, f64, f64)], better: Better) -> Vec<usize> {
    let good = |mean: f64| if better == Better::Lower { -mean } else { mean };
    let mut order: Vec<(usize, f64, f64)> = known.iter().map(|(place, s, mean)| (*place, *s, good(*mean))).collect();
    order.sort_by(|a, b| a.1.total_cmp(&b.1).then(b.2.total_cmp(&a.2)));
    let mut best = f64::NEG_INFINITY;
    let mut front = Vec::new();
    for (place, _, mean) in order {
        if mean > best {
            best = mean;
            front.push(place);
        }
    }
    front
}

/// The plot.
pub(super) fn pareto(report: &TestReport) -> Drawing {
    let known = known(report);
    let front = front(&known, report.verdict.better);
    let across = Scale::over(known.iter().map(|(_, seconds, _)| *seconds).chain([0.0]), LEFT, RIGHT);
    // Names need their room.
    let bottom = BOTTOM.max(TOP + 15.0 * known.len() as f64);
    let up = Scale::over(known.iter().map(|(.., mean)| *mean), bottom, TOP);
    let heights: Vec<f64> = known.iter().map(|(.., mean)| up.at(*mean)).collect();
    let at = apart(&heights, 15.0, bottom);
    let points: Vec<String> = front
        .iter()
        .filter_map(|place| known.iter().find(|(other, ..)| other == place))
        .map(|(_, seconds, mean)| format!("{},{}", n(across.at(*seconds)), n(up.at(*mean))))
        .collect();
    let content = html! {
        (bottom_axis(across, TOP, bottom, "seconds of a sample", f64::midpoint(LEFT, RIGHT)))
        (left_axis(up, LEFT, RIGHT, &format!("mean {}", metric(&report.verdict))))
        polyline class="front" points=(points.join(" ")) {}
        @for ((place, seconds, mean), at) in known.iter().zip(at) {
            @let class = if front.contains(place) { "name" } else { "name gone" };
            @let (x, y) = (across.at(*seconds), up.at(*mean));
            (mark(*place, x, y))
            (label(*place, (x, y), (RIGHT + 12.0, at), &shortened(&report.verdict.variations[*place].name), class))
        }
    };
    let title = format!("Mean {} beside seconds of a sample", report.verdict.metric);
    Drawing { label: title, size: (WIDE, bottom + 44.0), content }
}

/// How to read it.
pub(super) fn legend() -> Markup {
    html! { p class="muted small" { "Joined by the line: no other variation is both quicker and better." } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_front_is_what_nothing_beats_in_both() {
        let known = [(0, 1.0, 0.5), (1, 2.0, 0.4), (2, 3.0, 0.9), (3, 1.0, 0.6), (4, 9.0, 0.95)];
        assert_eq!(front(&known, Better::Higher), [3, 2, 4]);
        assert_eq!(front(&known, Better::Lower), [0, 1]);
        assert!(front(&[], Better::Higher).is_empty());
    }
}
