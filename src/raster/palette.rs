//! Choosing a palette: median cut with the choices of Pillow, so that the same image gets the same
//! colours.
//!
//! Boxes of colours are split at the median of the axis that is longest by luminance, always the
//! box with most pixels next, until there are enough; each box gives the mean of its pixels.

use std::collections::HashMap;

/// An RGB colour of 8 bits a channel.
pub(super) type Color = [u8; 3];

/// More different colours than this are counted at a lower precision.
const MAX_COLORS: usize = 65_536;

/// Luminance weights of red, green and blue.
const LUMINANCE: [i32; 3] = [77, 150, 29];

/// At most `size` (1 or more) colours for `pixels`; none only when there are no pixels.
pub(super) fn median_cut(pixels: &[Color], size: usize) -> Vec<Color> {
    let (shift, counted) = count_colors(pixels);
    let leaves = split_boxes(counted, size);
    let owner: HashMap<Color, usize> = leaves
        .iter()
        .enumerate()
        .flat_map(|(index, leaf)| leaf.iter().map(move |&(color, _)| (color, index)))
        .collect();
    let mut sums = vec![([0u64; 3], 0u64); leaves.len()];
    for pixel in pixels {
        let (sum, count) = &mut sums[owner[&pixel.map(|value| value >> shift)]];
        sum.iter_mut().zip(pixel).for_each(|(sum, &value)| *sum += u64::from(value));
        *count += 1;
    }
    sums.into_iter().map(|(sum, count)| sum.map(|sum| (0.5 + sum as f64 / count as f64) as u8)).collect()
}

/// A colour, and how many pixels have it.
type Counted = (Color, u32);

/// The different colours with their counts, after dropping as many low bits as it takes to have at
/// most [`MAX_COLORS`]; sorted, so that nothing depends on the order of a hash map.
fn count_colors(pixels: &[Color]) -> (u32, Vec<Counted>) {
    let mut counts: HashMap<Color, u32> = HashMap::new();
    let mut shift = 0;
    for pixel in pixels {
        *counts.entry(pixel.map(|value| value >> shift)).or_default() += 1;
        while counts.len() > MAX_COLORS {
            shift += 1;
            // Sums do not depend on the order.
            counts = std::mem::take(&mut counts).into_iter().fold(HashMap::new(), |mut coarser, (color, count)| {
                *coarser.entry(color.map(|value| value >> 1)).or_default() += count;
                coarser
            });
        }
    }
    let mut counted: Vec<_> = counts.into_iter().collect();
    counted.sort_unstable();
    (shift, counted)
}

/// A node of the tree of boxes: its colours until it is split, then its halves.
enum Node {
    Leaf(Vec<Counted>),
    Split(usize, usize),
}

fn split_boxes(colors: Vec<Counted>, size: usize) -> Vec<Vec<Counted>> {
    let mut nodes = vec![Node::Leaf(colors)];
    let mut queue = Heap::default();
    queue.push(pixel_count(&nodes[0]), 0);
    'splits: for _ in 1..size {
        let (node, axis) = loop {
            let Some(node) = queue.pop() else { break 'splits };
            if let Some(axis) = longest_axis(&nodes[node]) {
                break (node, axis);
            }
        };
        let halves = (nodes.len(), nodes.len() + 1);
        let (upper, lower) = match std::mem::replace(&mut nodes[node], Node::Split(halves.0, halves.1)) {
            Node::Leaf(colors) => split_box(colors, axis),
            Node::Split(..) => (Vec::new(), Vec::new()),
        };
        nodes.extend([Node::Leaf(upper), Node::Leaf(lower)]);
        queue.push(pixel_count(&nodes[halves.0]), halves.0);
        queue.push(pixel_count(&nodes[halves.1]), halves.1);
    }
    let mut leaves = Vec::new();
    collect_leaves(&mut nodes, 0, &mut leaves);
    leaves
}

fn collect_leaves(nodes: &mut [Node], index: usize, leaves: &mut Vec<Vec<Counted>>) {
    match &mut nodes[index] {
        Node::Leaf(colors) if colors.is_empty() => {}
        Node::Leaf(colors) => leaves.push(std::mem::take(colors)),
        Node::Split(upper, lower) => {
            let (upper, lower) = (*upper, *lower);
            collect_leaves(nodes, upper, leaves);
            collect_leaves(nodes, lower, leaves);
        }
    }
}

fn pixel_count(node: &Node) -> u64 {
    match node {
        Node::Leaf(colors) => colors.iter().map(|&(_, count)| u64::from(count)).sum(),
        Node::Split(..) => 0,
    }
}

/// The axis on which a box is longest, weighted by luminance; none when it is one colour.
fn longest_axis(node: &Node) -> Option<usize> {
    let Node::Leaf(colors) = node else { return None };
    let extents: [i32; 3] = std::array::from_fn(|axis| {
        let values = || colors.iter().map(|(color, _)| i32::from(color[axis]));
        (values().max().unwrap_or(0) - values().min().unwrap_or(0)) * LUMINANCE[axis]
    });
    let longest = (1..3).fold(0, |best, axis| if extents[best] < extents[axis] { axis } else { best });
    (extents[longest] > 0).then_some(longest)
}

/// Splits a box: the upper part ends with the value on `axis` that takes it over half of the
/// pixels, unless that would leave the lower part empty: then the lowest value alone is that part.
fn split_box(mut colors: Vec<Counted>, axis: usize) -> (Vec<Counted>, Vec<Counted>) {
    colors.sort_by_key(|(color, _)| std::cmp::Reverse(color[axis]));
    let total: u64 = colors.iter().map(|&(_, count)| u64::from(count)).sum();
    let mut seen = 0;
    let median = colors.iter().find(|&&(_, count)| {
        seen += u64::from(count);
        seen * 2 > total
    });
    let lowest = colors.last().map_or(0, |(color, _)| color[axis]);
    let median = median.map_or(lowest, |(color, _)| color[axis]);
    let last_above = if median == lowest { lowest.saturating_add(1) } else { median };
    let upper = colors.partition_point(|(color, _)| color[axis] >= last_above);
    let lower = colors.split_off(upper);
    (colors, lower)
}

/// A binary max-heap of boxes by pixel count. Its order among equal counts decides which box is
/// split last, therefore `std::collections::BinaryHeap` cannot stand in.
#[derive(Default)]
struct Heap {
    entries: Vec<(u64, usize)>,
}

impl Heap {
    fn push(&mut self, count: u64, node: usize) {
        self.entries.push((count, node));
        let mut at = self.entries.len() - 1;
        while at > 0 && self.entries[at].0 > self.entries[(at - 1) / 2].0 {
            self.entries.swap(at, (at - 1) / 2);
            at = (at - 1) / 2;
        }
    }

    fn pop(&mut self) -> Option<usize> {
        let last = self.entries.len().checked_sub(1)?;
        self.entries.swap(0, last);
        let (_, node) = self.entries.pop()?;
        let mut at = 0;
        while 2 * at + 1 < self.entries.len() {
            let mut child = 2 * at + 1;
            if child + 1 < self.entries.len() && self.entries[child].0 < self.entries[child + 1].0 {
                child += 1;
            }
            if self.entries[at].0 > self.entries[child].0 {
                break;
            }
            self.entries.swap(at, child);
            at = child;
        }
        Some(node)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_colors_stay_as_they_are() {
        let pixels = [[255, 0, 0], [0, 255, 0], [255, 0, 0], [0, 0, 255]];
        let mut palette = median_cut(&pixels, 16);
        palette.sort_unstable();
        assert_eq!(palette, [[0, 0, 255], [0, 255, 0], [255, 0, 0]]);
        assert_eq!(median_cut(&pixels, 1), [[128, 64, 64]]);
    }

    #[test]
    fn too_many_colors_are_counted_coarsely() {
        let pixels: Vec<Color> = (0..300_000u32).map(|n| [n as u8, (n >> 8) as u8, (n >> 16) as u8]).collect();
        let (shift, counted) = count_colors(&pixels);
        assert_eq!(shift, 1);
        assert!(counted.len() <= MAX_COLORS);
        assert_eq!(median_cut(&pixels, 256).len(), 256);
    }
}
