//! Where boxes, texts and edges of a drawing stand.

use super::{Dag, DagEdge, DagNode, EdgeKind, row_links};
use crate::draw::{
    Weight, ellipsised,
    layered::{BoxSize, Connection, Point, Spacing, Way, layered},
    text_width,
};

/// Around the drawing.
pub(super) const MARGIN: f64 = 20.0;

/// Between the border of a box and its text.
pub(super) const PADDING: f64 = 14.0;

/// Height of a headline.
pub(super) const HEADLINE: f64 = 21.0;

/// Height of a line below it.
pub(super) const LINE: f64 = 17.0;

/// Height of an item.
pub(super) const ROW: f64 = 20.0;

/// Sizes of letters: headline, line, label of an edge.
pub(super) const SIZES: [f32; 3] = [15.0, 12.0, 11.5];

/// Narrowest and widest text of a box.
const WIDTHS: (f32, f32) = (96.0, 300.0);

/// The viewer's letters may be wider than those that are measured here.
const WIDER: f32 = 1.13;

/// Distances between boxes.
const SPACING: Spacing = Spacing { columns: 34.0, boxes: 22.0, edges: 12.0 };

/// A box.
pub(super) struct DrawnBox {
    pub(super) at: Point,
    pub(super) size: BoxSize,
    /// Lines below the headline, as they fit.
    pub(super) lines: Vec<String>,
    pub(super) headline: String,
    /// Top of the first item.
    pub(super) rows_top: f64,
    /// Items: label and note as they fit.
    pub(super) rows: Vec<(String, String)>,
}

/// An edge.
pub(super) struct DrawnEdge {
    /// From the left to the right, whatever the direction of the arrow; one way for each pair of
    /// items, or one for the boxes.
    pub(super) ways: Vec<Vec<Point>>,
    /// Middle of the label, and the label.
    pub(super) label: Option<(Point, String)>,
    /// Whether the arrow is at the left end.
    pub(super) leftwards: bool,
}

/// Everything, with the size of the whole.
pub(super) struct Drawn {
    pub(super) boxes: Vec<DrawnBox>,
    pub(super) edges: Vec<DrawnEdge>,
    pub(super) width: f64,
    pub(super) height: f64,
}

/// Lays `dag` out.
pub(super) fn drawn(dag: &Dag) -> Drawn {
    let mut boxes: Vec<DrawnBox> = dag.nodes.iter().map(measured).collect();
    let sizes: Vec<BoxSize> = boxes.iter().map(|b| b.size).collect();
    let labels: Vec<Option<String>> = dag.edges.iter().map(DagEdge::short_label).collect();
    let connections: Vec<Connection> = dag
        .edges
        .iter()
        .zip(&labels)
        .map(|(edge, label)| {
            let (from, to) = if edge.kind == EdgeKind::Back { (edge.to, edge.from) } else { (edge.from, edge.to) };
            Connection { from, to, label: label.as_deref().map(label_size) }
        })
        .collect();
    let layout = layered(&sizes, &connections, &SPACING);
    for (drawn, at) in boxes.iter_mut().zip(&layout.boxes) {
        drawn.at = shifted(*at);
        drawn.rows_top += drawn.at.y;
    }
    let edges = dag.edges.iter().zip(layout.ways).zip(labels);
    let edges = edges.map(|((edge, way), label)| drawn_edge(dag, edge, &way, label, &boxes)).collect();
    Drawn { edges, boxes, width: layout.width + 2.0 * MARGIN, height: layout.height + 2.0 * MARGIN }
}

fn shifted(point: Point) -> Point {
    Point { x: point.x + MARGIN, y: point.y + MARGIN }
}

/// A label stands above its edge.
fn label_size(label: &str) -> BoxSize {
    BoxSize { width: f64::from(text_width(label, SIZES[2], Weight::Regular) * WIDER) + 8.0, height: 32.0 }
}

fn measured(node: &DagNode) -> DrawnBox {
    let headline = ellipsised(&node.headline(), SIZES[0], Weight::Bold, WIDTHS.1);
    let fit = |text: &String| ellipsised(text, SIZES[1], Weight::Regular, WIDTHS.1);
    let lines: Vec<String> = std::iter::once(&node.about).chain(&node.notes).map(fit).collect();
    let mut rows: Vec<(String, String)> = node
        .rows
        .iter()
        .map(|row| {
            let note = ellipsised(&row.note, SIZES[1], Weight::Regular, WIDTHS.1 / 2.0);
            let room = WIDTHS.1 - text_width(&note, SIZES[1], Weight::Regular) - 16.0;
            (ellipsised(&row.label, SIZES[1], Weight::Regular, room), note)
        })
        .collect();
    if node.more > 0 {
        rows.push((format!("and {} more", node.more), String::new()));
    }
    let width = |text: &str, size: f32, weight| text_width(text, size, weight);
    let row_width = |(label, note): &(String, String)| {
        width(label, SIZES[1], Weight::Regular) + width(note, SIZES[1], Weight::Regular) + 16.0
    };
    let widest = std::iter::once(width(&headline, SIZES[0], Weight::Bold))
        .chain(lines.iter().map(|line| width(line, SIZES[1], Weight::Regular)))
        .chain(rows.iter().map(row_width))
        .fold(WIDTHS.0, f32::max);
    let text_height = HEADLINE + lines.len() as f64 * LINE;
    let rows_height = if rows.is_empty() { 0.0 } else { rows.len() as f64 * ROW + 8.0 };
    DrawnBox {
        at: Point::default(),
        size: BoxSize {
            width: f64::from(widest * WIDER).ceil() + 2.0 * PADDING,
            height: text_height + rows_height + 18.0,
        },
        lines,
        headline,
        rows_top: text_height + 17.0,
        rows,
    }
}

fn drawn_edge(dag: &Dag, edge: &DagEdge, way: &Way, label: Option<String>, boxes: &[DrawnBox]) -> DrawnEdge {
    let points: Vec<Point> = way.points.iter().copied().map(shifted).collect();
    let row_height = |number: usize, row: usize| boxes[number].rows_top + (row as f64 + 0.5) * ROW;
    let links = row_links(dag, edge);
    let between_rows = |(from, to): &(usize, usize)| {
        let mut points = points.clone();
        if let [first, .., last] = points.as_mut_slice() {
            (first.y, last.y) = (row_height(edge.from, *from), row_height(edge.to, *to));
        }
        points
    };
    let ways = if links.is_empty() { vec![points.clone()] } else { links.iter().map(between_rows).collect() };
    let label = way.label.map(shifted).zip(label);
    DrawnEdge { ways, label, leftwards: edge.kind == EdgeKind::Back }
}
