//! The graph as an SVG, for light and dark surroundings.

use std::fmt::Write as _;

use maud::{Markup, PreEscaped, html};

use super::{
    Dag, DagEdge, DagNode, EdgeKind,
    layout::{Drawn, DrawnBox, DrawnEdge, HEADLINE, LINE, MARGIN, PADDING, ROW, drawn},
};
use crate::draw::layered::Point;

/// How classes of the drawing look. Programs that do not know `@media` show it light.
pub(in crate::report) const STYLE: &str = include_str!("svg.css");

/// Height of the line that explains the edges.
const LEGEND: f64 = 26.0;

/// Writes `dag` as an SVG that stands by itself.
pub fn svg(dag: &Dag) -> String {
    let drawn = drawn(dag);
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    out.push_str(&element(dag, &drawn, false, Some(STYLE)).into_string());
    out.push('\n');
    out
}

/// The drawing within a page whose style sheet has [`STYLE`]. With `opens`, boxes are buttons that
/// name their task.
pub(super) fn fragment(dag: &Dag, opens: bool) -> Markup {
    element(dag, &drawn(dag), opens, None)
}

/// The drawing within a page, for looking only.
pub(in crate::report) fn fragment_closed(dag: &Dag) -> Markup {
    fragment(dag, false)
}

fn element(dag: &Dag, drawn: &Drawn, opens: bool, style: Option<&str>) -> Markup {
    let kinds = kinds(dag);
    let height = drawn.height + if kinds.is_empty() { 0.0 } else { LEGEND };
    let width = drawn.width.max(legend_width(&kinds) + 2.0 * MARGIN);
    // In a page it shrinks as far as it can be read, and then scrolls.
    let fit = style.is_none().then(|| format!("max-width:100%;height:auto;min-width:{}px", px(width * 0.68)));
    html! {
        svg xmlns="http://www.w3.org/2000/svg" class="dag" role="group" aria-label=(dag.title) style=[fit]
            width=(px(width)) height=(px(height)) viewBox=(format!("0 0 {} {}", px(width), px(height))) {
            title { (dag.title) }
            @if let Some(style) = style { style { (PreEscaped(style)) } }
            rect class="dag-ground" width="100%" height="100%" {}
            @for (edge, way) in dag.edges.iter().zip(&drawn.edges).filter(|(edge, _)| !edge.critical) {
                (drawn_edge(dag, edge, way))
            }
            @for (edge, way) in dag.edges.iter().zip(&drawn.edges).filter(|(edge, _)| edge.critical) {
                (drawn_edge(dag, edge, way))
            }
            @for (number, (node, place)) in dag.nodes.iter().zip(&drawn.boxes).enumerate() {
                (drawn_box(number, node, place, opens))
            }
            (legend(&kinds, drawn.height))
        }
    }
}

/// A length without what nobody sees.
fn px(length: f64) -> String {
    let text = format!("{length:.1}");
    text.strip_suffix(".0").unwrap_or(&text).to_owned()
}

fn drawn_box(number: usize, node: &DagNode, place: &DrawnBox, opens: bool) -> Markup {
    let mut class = String::from("dag-box");
    for (holds, name) in [
        (node.critical, " dag-critical"),
        (node.conditional, " dag-conditional"),
        (node.on_servers, " dag-server"),
        (opens, " dag-opens"),
    ] {
        class.push_str(if holds { name } else { "" });
    }
    let (x, y) = (place.at.x, place.at.y);
    let full: Vec<&str> = std::iter::once(node.about.as_str()).chain(node.notes.iter().map(String::as_str)).collect();
    html! {
        g class=(class) data-task=[opens.then_some(number)] tabindex=[opens.then_some("0")]
            role=[opens.then_some("button")] aria-expanded=[opens.then_some(if node.rows.is_empty() { "false" } else { "true" })] {
            title { (node.headline()) "\n" (full.join("\n")) }
            rect class="dag-frame" x=(px(x)) y=(px(y)) width=(px(place.size.width)) height=(px(place.size.height)) rx="8" {}
            rect class="dag-side" x=(px(x)) y=(px(y + 8.0)) width="4" height=(px(place.size.height - 16.0)) rx="2" {}
            text class="dag-name" x=(px(x + PADDING)) y=(px(y + 9.0 + HEADLINE * 0.72)) {
                (name_part(place))
                tspan class="dag-count" { (count_part(place)) }
            }
            @for (line, text) in place.lines.iter().enumerate() {
                text class="dag-line" x=(px(x + PADDING)) y=(px(y + 9.0 + HEADLINE + (line as f64 + 0.72) * LINE)) { (text) }
            }
            @if !place.rows.is_empty() {
                path class="dag-rule" d=(format!("M{} {}H{}", px(x), px(place.rows_top - 4.0), px(x + place.size.width))) {}
            }
            @for (row, (label, note)) in place.rows.iter().enumerate() {
                (drawn_row(node, place, row, label, note))
            }
        }
    }
}

fn name_part(place: &DrawnBox) -> &str {
    place.headline.rsplit_once(" ×").map_or(place.headline.as_str(), |(name, _)| name)
}

fn count_part(place: &DrawnBox) -> String {
    place.headline.rsplit_once(" ×").map_or_else(String::new, |(_, count)| format!(" ×{count}"))
}

fn drawn_row(node: &DagNode, place: &DrawnBox, row: usize, label: &str, note: &str) -> Markup {
    let item = node.rows.get(row);
    let class = match item {
        Some(item) if item.critical => "dag-row dag-row-critical",
        Some(_) => "dag-row",
        None => "dag-row dag-more",
    };
    let baseline = px(place.rows_top + (row as f64 + 0.7) * ROW);
    html! {
        g class=(class) {
            @if let Some(item) = item { title { (item.full) @if !item.note.is_empty() { ": " (item.note) } } }
            text x=(px(place.at.x + PADDING)) y=(baseline) { (label) }
            @if !note.is_empty() {
                text class="dag-note" x=(px(place.at.x + place.size.width - PADDING)) y=(baseline) text-anchor="end" { (note) }
            }
        }
    }
}

fn drawn_edge(dag: &Dag, edge: &DagEdge, drawn: &DrawnEdge) -> Markup {
    let mut class = format!("dag-edge {}", class_of(edge.kind));
    if edge.critical {
        class.push_str(" dag-critical");
    }
    let (from, to) = (&dag.nodes[edge.from].name, &dag.nodes[edge.to].name);
    html! {
        g class=(class) {
            title { (from) " → " (to) @if let Some(label) = &edge.label { ": " (label) } }
            @for way in &drawn.ways {
                path class="dag-way" d=(curve(way, drawn.leftwards)) {}
                polygon class="dag-head" points=(head(way, drawn.leftwards)) {}
            }
            @if let Some((at, label)) = &drawn.label {
                text class="dag-label" x=(px(at.x)) y=(px(at.y - 5.0)) text-anchor="middle" { (label) }
            }
        }
    }
}

fn class_of(kind: EdgeKind) -> &'static str {
    match kind {
        EdgeKind::Needs => "dag-needs",
        EdgeKind::Gathers => "dag-gathers",
        EdgeKind::OneOf => "dag-one-of",
        EdgeKind::Routes => "dag-routes",
        EdgeKind::Back => "dag-back",
    }
}

/// Bows between columns, straight within one, and room for the arrow.
fn curve(way: &[Point], leftwards: bool) -> String {
    let mut points = way.to_vec();
    let back = 7.0;
    if let [first, .., last] = points.as_mut_slice() {
        if leftwards {
            first.x += back;
        } else {
            last.x -= back;
        }
    }
    let mut d = String::new();
    for (number, point) in points.iter().enumerate() {
        let (x, y) = (px(point.x), px(point.y));
        if number == 0 {
            let _ = write!(d, "M{x} {y}");
        } else if number % 2 == 1 {
            let middle = px(f64::midpoint(points[number - 1].x, point.x));
            let _ = write!(d, "C{middle} {} {middle} {y} {x} {y}", px(points[number - 1].y));
        } else {
            let _ = write!(d, "L{x} {y}");
        }
    }
    d
}

fn head(way: &[Point], leftwards: bool) -> String {
    let (tip, length) = match (leftwards, way) {
        (true, [first, ..]) => (*first, 9.0),
        (false, [.., last]) => (*last, -9.0),
        (_, []) => return String::new(),
    };
    let (base, x, y) = (px(tip.x + length), px(tip.x), px(tip.y));
    format!("{x},{y} {base},{} {base},{}", px(tip.y - 4.5), px(tip.y + 4.5))
}

/// The kinds of edges that need an explanation, with it.
fn kinds(dag: &Dag) -> Vec<(EdgeKind, &'static str)> {
    let told = [
        (EdgeKind::Gathers, "waits for all"),
        (EdgeKind::OneOf, "takes the first that finished"),
        (EdgeKind::Routes, "only items that a rule sends"),
        (EdgeKind::Back, "back, as another visit"),
    ];
    told.into_iter().filter(|(kind, _)| dag.edges.iter().any(|edge| edge.kind == *kind)).collect()
}

const SAMPLE: f64 = 34.0;

fn sample_width(text: &str) -> f64 {
    SAMPLE + 8.0 + text.chars().count() as f64 * 6.4 + 22.0
}

fn legend_width(kinds: &[(EdgeKind, &'static str)]) -> f64 {
    kinds.iter().map(|(_, text)| sample_width(text)).sum()
}

fn legend(kinds: &[(EdgeKind, &'static str)], top: f64) -> Markup {
    let mut x = MARGIN;
    let y = top + 2.0;
    let samples = kinds.iter().map(|(kind, text)| {
        let left = x;
        x += sample_width(text);
        let way = [Point { x: left, y }, Point { x: left + SAMPLE, y }];
        html! {
            g class=(format!("dag-edge dag-legend {}", class_of(*kind))) {
                path class="dag-way" d=(curve(&way, *kind == EdgeKind::Back)) {}
                polygon class="dag-head" points=(head(&way, *kind == EdgeKind::Back)) {}
                text class="dag-line" x=(px(left + SAMPLE + 8.0)) y=(px(y + 4.0)) { (text) }
            }
        }
    });
    let samples: Vec<Markup> = samples.collect();
    html! { @for sample in &samples { (sample) } }
}
