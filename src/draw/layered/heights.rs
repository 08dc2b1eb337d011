//! Heights: every place as near to the mean of its neighbours as the others of its column let it.

use super::{Spacing, columns::Chains};

/// Sweeps over all columns.
const SWEEPS: usize = 32;

/// Rounds in which lines are made straight, each of which may free room for others.
const STRAIGHTENINGS: usize = 3;

/// The middle of each place, from the top of the picture. `order` has the places of each column.
pub(super) fn heights(chains: &Chains, order: &[Vec<usize>], spacing: &Spacing) -> Vec<f64> {
    let mut neighbours: Vec<[Vec<usize>; 2]> = vec![[Vec::new(), Vec::new()]; chains.places.len()];
    for (from, to) in chains.links() {
        neighbours[to][0].push(from);
        neighbours[from][1].push(to);
    }
    let mut middle = vec![0.0; chains.places.len()];
    order.iter().for_each(|column| pack(chains, column, spacing, &mut middle));
    for sweep in 0..SWEEPS {
        let sides: &[usize] = match (sweep + 16 >= SWEEPS, sweep % 2) {
            (true, _) => &[0, 1],
            (false, 0) => &[0],
            (false, _) => &[1],
        };
        let columns: Vec<usize> =
            if sweep % 2 == 0 { (0..order.len()).collect() } else { (0..order.len()).rev().collect() };
        for column in columns {
            let wanted: Vec<(f64, f64)> =
                order[column].iter().map(|place| wanted(chains, *place, &neighbours, sides, &middle)).collect();
            settle(chains, &order[column], &wanted, spacing, &mut middle);
        }
    }
    let chains_in_line = lines(chains, &neighbours);
    for _ in 0..STRAIGHTENINGS {
        chains_in_line.iter().for_each(|line| straighten(chains, order, line, spacing, &mut middle));
    }
    let top = (0..middle.len()).map(|p| middle[p] - chains.places[p].size.height / 2.0).fold(f64::INFINITY, f64::min);
    middle.iter_mut().for_each(|height| *height -= top);
    middle
}

/// One below the other, about the middle line.
fn pack(chains: &Chains, column: &[usize], spacing: &Spacing, middle: &mut [f64]) {
    let mut y = 0.0;
    for (position, place) in column.iter().enumerate() {
        if position > 0 {
            y += distance(chains, column[position - 1], *place, spacing);
        }
        middle[*place] = y;
    }
    column.iter().for_each(|place| middle[*place] -= y / 2.0);
}

/// Where `place` would like to be, and how much.
fn wanted(
    chains: &Chains,
    place: usize,
    neighbours: &[[Vec<usize>; 2]],
    sides: &[usize],
    middle: &[f64],
) -> (f64, f64) {
    let (mut sum, mut weight) = (0.0, 0.0);
    for neighbour in sides.iter().flat_map(|side| &neighbours[place][*side]) {
        let pull = pull(chains, place, *neighbour, neighbours);
        sum += pull * middle[*neighbour];
        weight += pull;
    }
    if weight > 0.0 { (sum / weight, weight) } else { (middle[place], 0.1) }
}

/// How much a link wants to be level: what an edge only passes, and boxes that have but one link on
/// that side.
fn pull(chains: &Chains, place: usize, other: usize, neighbours: &[[Vec<usize>; 2]]) -> f64 {
    let (left, right) =
        if chains.places[place].column < chains.places[other].column { (place, other) } else { (other, place) };
    if in_line(chains, left, right, neighbours) { 8.0 } else { 1.0 }
}

fn in_line(chains: &Chains, left: usize, right: usize, neighbours: &[[Vec<usize>; 2]]) -> bool {
    let passes = !chains.places[left].is_box && !chains.places[right].is_box;
    passes || neighbours[left][1].len() == 1 && neighbours[right][0].len() == 1
}

/// Places in a row, each in line with the next; the longest rows first.
fn lines(chains: &Chains, neighbours: &[[Vec<usize>; 2]]) -> Vec<Vec<usize>> {
    let next =
        |place: usize| neighbours[place][1].iter().copied().find(|other| in_line(chains, place, *other, neighbours));
    let is_first =
        |place: &usize| !neighbours[*place][0].iter().any(|other| in_line(chains, *other, *place, neighbours));
    let row = |first: usize| std::iter::successors(Some(first), |place| next(*place)).collect::<Vec<_>>();
    let mut lines: Vec<Vec<usize>> =
        (0..chains.places.len()).filter(is_first).map(row).filter(|row| row.len() > 1).collect();
    lines.sort_by_key(|line| std::cmp::Reverse(line.len()));
    lines
}

/// Gives the places of `line` one height, where their columns have room for it.
fn straighten(chains: &Chains, order: &[Vec<usize>], line: &[usize], spacing: &Spacing, middle: &mut [f64]) {
    let (mut top, mut bottom) = (f64::NEG_INFINITY, f64::INFINITY);
    for place in line {
        let column = &order[chains.places[*place].column];
        let at = column.iter().position(|other| other == place).unwrap_or_default();
        if at > 0 {
            top = top.max(middle[column[at - 1]] + distance(chains, column[at - 1], *place, spacing));
        }
        if let Some(below) = column.get(at + 1) {
            bottom = bottom.min(middle[*below] - distance(chains, *place, *below, spacing));
        }
    }
    if top <= bottom {
        let mean = line.iter().map(|place| middle[*place]).sum::<f64>() / line.len() as f64;
        line.iter().for_each(|place| middle[*place] = mean.clamp(top, bottom));
    }
}

/// The least distance between the middles of two neighbours of a column.
fn distance(chains: &Chains, upper: usize, lower: usize, spacing: &Spacing) -> f64 {
    let (upper, lower) = (&chains.places[upper], &chains.places[lower]);
    let gap = if upper.is_box && lower.is_box { spacing.boxes } else { spacing.edges };
    f64::midpoint(upper.size.height, lower.size.height) + gap
}

/// Gives the places of a column the heights that are nearest to `wanted` by least squares, in their
/// order and apart. Neighbours that want to overlap move together as one block.
fn settle(chains: &Chains, column: &[usize], wanted: &[(f64, f64)], spacing: &Spacing, middle: &mut [f64]) {
    // Sum of weighted wishes, weight, first position.
    let mut blocks: Vec<(f64, f64, usize)> = Vec::new();
    let mut offsets = Vec::with_capacity(column.len());
    let mut offset = 0.0;
    for (position, (wish, weight)) in wanted.iter().enumerate() {
        if position > 0 {
            offset += distance(chains, column[position - 1], column[position], spacing);
        }
        offsets.push(offset);
        blocks.push((weight * (wish - offset), *weight, position));
        while let [.., upper, lower] = blocks[..]
            && upper.0 / upper.1 > lower.0 / lower.1
        {
            blocks.truncate(blocks.len() - 2);
            blocks.push((upper.0 + lower.0, upper.1 + lower.1, upper.2));
        }
    }
    for (number, (sum, weight, first)) in blocks.iter().enumerate() {
        let end = blocks.get(number + 1).map_or(column.len(), |next| next.2);
        for position in *first..end {
            middle[column[position]] = sum / weight + offsets[position];
        }
    }
}
