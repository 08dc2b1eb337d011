//! Places a directed graph in columns from left to right, so that edges lead rightwards, cross
//! little and run straight.
//!
//! The classic four steps: columns by the longest way (`columns`), an order within each column with
//! few crossings (`order`), heights that draw neighbours level (`heights`), and a way for every edge.
//! A label takes a place of its own in the column between the ends of its edge, so that nothing
//! overlaps. Knows nothing of what is drawn; the same graph always gives the same picture.

mod columns;
mod heights;
mod order;

use columns::Chains;

/// A box.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BoxSize {
    /// Width.
    pub width: f64,
    /// Height.
    pub height: f64,
}

/// A connection. Together they have no cycle.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Connection {
    /// The box on the left.
    pub from: usize,
    /// The box on the right.
    pub to: usize,
    /// Room for its label.
    pub label: Option<BoxSize>,
}

/// Distances.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spacing {
    /// Between two columns, labels being columns, too.
    pub columns: f64,
    /// Between two boxes of a column.
    pub boxes: f64,
    /// Between an edge and what it passes.
    pub edges: f64,
}

/// A point; y grows downwards.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Point {
    /// From the left.
    pub x: f64,
    /// From the top.
    pub y: f64,
}

/// Where a connection runs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Way {
    /// From the right side of one box to the left side of the other; the odd stretches cross a
    /// column and are level.
    pub points: Vec<Point>,
    /// The middle of its label.
    pub label: Option<Point>,
}

/// Where everything stands.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Layout {
    /// Width of the whole.
    pub width: f64,
    /// Height of the whole.
    pub height: f64,
    /// Upper left corner of each box.
    pub boxes: Vec<Point>,
    /// Way of each connection.
    pub ways: Vec<Way>,
}

/// Places `boxes`, joined by `connections`.
pub fn layered(boxes: &[BoxSize], connections: &[Connection], spacing: &Spacing) -> Layout {
    let chains = columns::chains(boxes, connections);
    let order = order::order(&chains);
    let height_of = heights::heights(&chains, &order, spacing);
    let lefts = left_sides(&chains, &order, spacing);
    let place = |place: usize| {
        let part = &chains.places[place];
        let column = lefts[part.column];
        let room = widest(&chains, &order[part.column]);
        Point { x: column + (room - part.size.width) / 2.0, y: height_of[place] - part.size.height / 2.0 }
    };
    let right = lefts.last().copied().unwrap_or(0.0) + order.last().map_or(0.0, |column| widest(&chains, column));
    let bottom = (0..chains.places.len()).map(|p| place(p).y + chains.places[p].size.height).fold(0.0, f64::max);
    let ways = chains.ways.iter().map(|chain| way(&chains, &order, &lefts, &height_of, chain)).collect();
    Layout { width: right, height: bottom, boxes: (0..boxes.len()).map(place).collect(), ways }
}

fn widest(chains: &Chains, column: &[usize]) -> f64 {
    column.iter().map(|place| chains.places[*place].size.width).fold(0.0, f64::max)
}

fn left_sides(chains: &Chains, order: &[Vec<usize>], spacing: &Spacing) -> Vec<f64> {
    let mut x = 0.0;
    let mut lefts = Vec::with_capacity(order.len());
    for column in order {
        lefts.push(x);
        let width = widest(chains, column);
        // A column that holds no label takes no room of its own.
        x += if width > 0.0 { width + spacing.columns } else { 0.0 };
    }
    lefts
}

fn way(chains: &Chains, order: &[Vec<usize>], lefts: &[f64], height_of: &[f64], chain: &[usize]) -> Way {
    let mut way = Way::default();
    let last = chain.len() - 1;
    for (position, place) in chain.iter().enumerate() {
        let part = &chains.places[*place];
        let (room, y) = (widest(chains, &order[part.column]), height_of[*place]);
        let (left, right) = (lefts[part.column], lefts[part.column] + room);
        let own = (room - part.size.width) / 2.0;
        match position {
            0 => way.points.push(Point { x: right - own, y }),
            _ if position == last => way.points.push(Point { x: left + own, y }),
            _ if room > 0.0 => way.points.extend([Point { x: left, y }, Point { x: right, y }]),
            _ => {}
        }
        if part.is_label {
            way.label = Some(Point { x: left + room / 2.0, y });
        }
    }
    way
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SPACING: Spacing = Spacing { columns: 40.0, boxes: 20.0, edges: 10.0 };

    fn edge(from: usize, to: usize) -> Connection {
        Connection { from, to, label: None }
    }

    fn size(width: f64, height: f64) -> BoxSize {
        BoxSize { width, height }
    }

    #[test]
    fn a_row_of_boxes_is_level() {
        let layout = layered(&[size(100.0, 40.0); 3], &[edge(0, 1), edge(1, 2)], &SPACING);
        assert_eq!((layout.width, layout.height), (380.0, 40.0));
        assert_eq!(layout.boxes.iter().map(|p| p.x).collect::<Vec<_>>(), [0.0, 140.0, 280.0]);
        assert!(layout.ways.iter().flat_map(|way| &way.points).all(|p| (p.y - 20.0).abs() < 1e-9), "{layout:?}");
        assert_eq!(layered(&[], &[], &SPACING), Layout::default());
    }

    #[test]
    fn a_label_has_a_place_of_its_own() {
        let label = Some(size(60.0, 16.0));
        let edges = [edge(0, 1), edge(0, 2), Connection { from: 0, to: 2, label }];
        let layout = layered(&[size(100.0, 40.0); 3], &edges, &SPACING);
        let at = layout.ways[2].label.unwrap();
        assert!((at.x - 170.0).abs() < 1e-9, "{layout:?}");
        assert!(layout.boxes.iter().all(|p| at.x + 30.0 <= p.x || at.x - 30.0 >= p.x + 100.0), "{layout:?}");
        assert!((layout.ways[1].points[1].y - at.y).abs() >= 18.0, "{layout:?}");
    }

    fn overlaps(a: (Point, BoxSize), b: (Point, BoxSize)) -> bool {
        let apart = |at: f64, length: f64, other: f64, of_other: f64| {
            at + length <= other + 1e-6 || other + of_other <= at + 1e-6
        };
        !(apart(a.0.x, a.1.width, b.0.x, b.1.width) || apart(a.0.y, a.1.height, b.0.y, b.1.height))
    }

    proptest! {
        #[test]
        fn boxes_are_apart_and_edges_lead_rightwards(
            sizes in prop::collection::vec((10.0_f64..120.0, 10.0_f64..60.0), 1..24),
            pairs in prop::collection::vec((0_usize..24, 0_usize..24, prop::bool::ANY), 0..48),
        ) {
            let boxes: Vec<BoxSize> = sizes.iter().map(|(w, h)| size(*w, *h)).collect();
            let within = pairs.iter().filter(|(a, b, _)| a != b && *a < boxes.len() && *b < boxes.len());
            let edges: Vec<Connection> = within
                .map(|(a, b, l)| Connection { from: *a.min(b), to: *a.max(b), label: l.then_some(size(50.0, 14.0)) })
                .collect();
            let layout = layered(&boxes, &edges, &SPACING);
            let mut drawn: Vec<(Point, BoxSize)> = layout.boxes.iter().copied().zip(boxes.iter().copied()).collect();
            for (way, edge) in layout.ways.iter().zip(&edges) {
                prop_assert!(way.points.windows(2).all(|p| p[0].x <= p[1].x + 1e-6), "{:?}", way);
                prop_assert!(way.points[0].x + 1e-6 >= layout.boxes[edge.from].x + boxes[edge.from].width);
                prop_assert_eq!(way.label.is_some(), edge.label.is_some());
                if let (Some(at), Some(size)) = (way.label, edge.label) {
                    drawn.push((Point { x: at.x - size.width / 2.0, y: at.y - size.height / 2.0 }, size));
                }
            }
            for (number, one) in drawn.iter().enumerate() {
                prop_assert!(one.0.x >= -1e-6 && one.0.y >= -1e-6);
                prop_assert!(one.0.x + one.1.width <= layout.width + 1e-6);
                prop_assert!(one.0.y + one.1.height <= layout.height + 1e-6);
                for other in &drawn[..number] {
                    prop_assert!(!overlaps(*one, *other), "{:?} {:?}", one, other);
                }
            }
        }
    }
}
