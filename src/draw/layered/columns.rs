//! Columns: every box stands to the right of all that lead to it; an edge that passes columns gets
//! a place in each.

use super::{BoxSize, Connection};

/// A box, a label, or where an edge passes a column.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) size: BoxSize,
    pub(super) column: usize,
    pub(super) is_box: bool,
    pub(super) is_label: bool,
}

/// All places, and which of them each connection passes.
#[derive(Debug)]
pub(super) struct Chains {
    /// The boxes first, in their order.
    pub(super) places: Vec<Place>,
    /// For each connection the places from one end to the other, one in each column.
    pub(super) ways: Vec<Vec<usize>>,
    /// How many columns there are.
    pub(super) columns: usize,
}

impl Chains {
    /// Neighbouring places, each with one in the next column.
    pub(super) fn links(&self) -> impl Iterator<Item = (usize, usize)> {
        self.ways.iter().flat_map(|way| way.windows(2).map(|pair| (pair[0], pair[1])))
    }
}

/// The places of `boxes` and `connections`. Boxes stand in even columns, labels in odd ones.
pub(super) fn chains(boxes: &[BoxSize], connections: &[Connection]) -> Chains {
    let column = box_columns(boxes.len(), connections);
    let as_place =
        |(size, column): (&BoxSize, &usize)| Place { size: *size, column: 2 * column, is_box: true, is_label: false };
    let mut places: Vec<Place> = boxes.iter().zip(&column).map(as_place).collect();
    let columns = places.iter().map(|place| place.column + 1).max().unwrap_or(0);
    let mut ways = Vec::with_capacity(connections.len());
    for connection in connections {
        let (first, last) = (places[connection.from].column, places[connection.to].column);
        // A label stands where the edge leaves.
        let label_column = first + 1;
        let mut way = vec![connection.from];
        for column in first + 1..last {
            let label = connection.label.filter(|_| column == label_column);
            let size = label.unwrap_or(BoxSize { width: 0.0, height: 0.0 });
            way.push(places.len());
            places.push(Place { size, column, is_box: false, is_label: label.is_some() });
        }
        way.push(connection.to);
        ways.push(way);
    }
    Chains { places, ways, columns }
}

/// The longest way to each box; those without a way stand just before what they lead to.
fn box_columns(count: usize, connections: &[Connection]) -> Vec<usize> {
    let mut column = vec![0_usize; count];
    let mut leads = vec![false; count];
    for connection in connections {
        leads[connection.to] = true;
    }
    // Each round settles at least one more column.
    for _ in 0..count {
        let mut changed = false;
        for connection in connections {
            let least = column[connection.from] + 1;
            if column[connection.to] < least {
                column[connection.to] = least;
                changed = true;
            }
        }
        if !changed {
            break;
        }
    }
    for (number, is_led_to) in leads.iter().enumerate() {
        let next = connections.iter().filter(|c| c.from == number).map(|c| column[c.to]).min();
        if let (false, Some(next)) = (*is_led_to, next) {
            column[number] = next - 1;
        }
    }
    column
}
