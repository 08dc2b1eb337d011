//! The cheapest cut of a grid of pixels into inside and outside.
//!
//! Source: Boykov and Kolmogorov, "An Experimental Comparison of Min-Cut/Max-Flow Algorithms" (PAMI 2004): two trees
//! grow from the ends until they meet, flow is sent along the path, and what it cut off is adopted or set free.

use std::collections::VecDeque;

/// Steps to the eight neighbours; the opposite of direction d is 7 - d.
pub(super) const STEPS: [(isize, isize); 8] = [(-1, -1), (0, -1), (1, -1), (-1, 0), (1, 0), (-1, 1), (0, 1), (1, 1)];

const NONE: u8 = 8;
const TERMINAL: u8 = 9;
const ORPHAN: u8 = 10;

/// A grid of pixels, each tied to inside or outside and to its neighbours.
pub(super) struct Grid {
    /// Columns with one more on each side, so that every pixel has eight neighbours.
    stride: usize,
    width: usize,
    height: usize,
    /// Above 0: what is left of the tie to the inside; below 0: to the outside.
    terminal: Vec<i32>,
    /// What is left of the tie to the neighbour in each direction.
    ties: [Vec<i32>; 8],
}

/// The trees.
struct Trees {
    parent: Vec<u8>,
    is_outside: Vec<bool>,
    /// Steps to the end of the tree as they were at `time`.
    distance: Vec<u32>,
    time: Vec<u32>,
    active: VecDeque<u32>,
    is_active: Vec<bool>,
    now: u32,
}

impl Grid {
    /// `width` x `height` pixels without ties.
    pub(super) fn new(width: usize, height: usize) -> Self {
        let stride = width + 2;
        let nodes = stride * (height + 2);
        Self {
            stride,
            width,
            height,
            terminal: vec![0; nodes],
            ties: [const { Vec::new() }; 8].map(|_: Vec<i32>| vec![0; nodes]),
        }
    }

    fn node(&self, x: usize, y: usize) -> usize {
        (y + 1) * self.stride + x + 1
    }

    /// What it costs to have the pixel outside, and inside.
    pub(super) fn set_terminal(&mut self, x: usize, y: usize, outside_costs: i32, inside_costs: i32) {
        let node = self.node(x, y);
        self.terminal[node] = outside_costs - inside_costs;
    }

    /// What it costs to part the pixel from its neighbour in `direction`, which is in the grid.
    pub(super) fn set_tie(&mut self, x: usize, y: usize, direction: usize, cost: i32) {
        let node = self.node(x, y);
        let neighbour = self.neighbour(node, direction);
        self.ties[direction][node] = cost;
        self.ties[7 - direction][neighbour] = cost;
    }

    fn neighbour(&self, node: usize, direction: usize) -> usize {
        let (dx, dy) = STEPS[direction];
        node.wrapping_add_signed(dy * self.stride as isize + dx)
    }

    /// Which pixels are inside when the cut is as cheap as it can be.
    pub(super) fn cut(mut self) -> Vec<bool> {
        let mut trees = Trees::of(&self);
        while let Some((node, direction)) = self.grow(&mut trees) {
            let orphans = self.augment(&mut trees, node, direction);
            trees.now += 1;
            self.adopt(&mut trees, orphans);
        }
        let inside = |node: usize| trees.parent[node] != NONE && !trees.is_outside[node];
        (0..self.height)
            .flat_map(|y| (0..self.width).map(move |x| (x, y)))
            .map(|(x, y)| inside(self.node(x, y)))
            .collect()
    }

    /// Lets the trees grow until they meet: a node of the inside's and the direction of one of the outside's.
    fn grow(&self, trees: &mut Trees) -> Option<(usize, usize)> {
        while let Some(&front) = trees.active.front() {
            let node = front as usize;
            if trees.parent[node] != NONE {
                let is_outside = trees.is_outside[node];
                for direction in 0..8 {
                    let other = self.neighbour(node, direction);
                    let room = if is_outside { self.ties[7 - direction][other] } else { self.ties[direction][node] };
                    if room == 0 {
                        continue;
                    }
                    if trees.parent[other] == NONE {
                        trees.is_outside[other] = is_outside;
                        trees.attach(other, 7 - direction, node);
                        trees.activate(other);
                    } else if trees.is_outside[other] != is_outside {
                        return Some(if is_outside { (other, 7 - direction) } else { (node, direction) });
                    } else if trees.distance[other] > trees.distance[node] + 1 && trees.time[other] <= trees.time[node]
                    {
                        trees.attach(other, 7 - direction, node);
                    }
                }
            }
            trees.active.pop_front();
            trees.is_active[node] = false;
        }
        None
    }

    /// Sends what fits along the path through this tie; the nodes that it cut off.
    fn augment(&mut self, trees: &mut Trees, node: usize, direction: usize) -> Vec<usize> {
        let other = self.neighbour(node, direction);
        let mut room = self.ties[direction][node];
        for (start, is_outside) in [(node, false), (other, true)] {
            let mut at = start;
            while trees.parent[at] < NONE {
                let up = usize::from(trees.parent[at]);
                let above = self.neighbour(at, up);
                room = room.min(if is_outside { self.ties[up][at] } else { self.ties[7 - up][above] });
                at = above;
            }
            room = room.min(self.terminal[at].abs());
        }
        self.ties[direction][node] -= room;
        self.ties[7 - direction][other] += room;
        let mut orphans = Vec::new();
        for (start, is_outside) in [(node, false), (other, true)] {
            let mut at = start;
            while trees.parent[at] < NONE {
                let up = usize::from(trees.parent[at]);
                let above = self.neighbour(at, up);
                let (with, against) =
                    if is_outside { ((up, at), (7 - up, above)) } else { ((7 - up, above), (up, at)) };
                self.ties[against.0][against.1] += room;
                self.ties[with.0][with.1] -= room;
                if self.ties[with.0][with.1] == 0 {
                    orphans.push(at);
                    trees.parent[at] = ORPHAN;
                }
                at = above;
            }
            self.terminal[at] += if is_outside { room } else { -room };
            if self.terminal[at] == 0 {
                orphans.push(at);
                trees.parent[at] = ORPHAN;
            }
        }
        orphans
    }

    /// Finds new parents for what was cut off; what finds none is free again, and so cuts off its children.
    fn adopt(&self, trees: &mut Trees, mut orphans: Vec<usize>) {
        while let Some(node) = orphans.pop() {
            let is_outside = trees.is_outside[node];
            let mut best: Option<(u32, usize)> = None;
            for direction in 0..8 {
                let other = self.neighbour(node, direction);
                if !self.feeds(trees, node, other, direction) {
                    continue;
                }
                if let Some(distance) = self.distance_to_end(trees, other)
                    && best.is_none_or(|(least, _)| distance < least)
                {
                    best = Some((distance, direction));
                }
            }
            if let Some((distance, direction)) = best {
                trees.parent[node] = direction as u8;
                trees.time[node] = trees.now;
                trees.distance[node] = distance + 1;
                continue;
            }
            trees.parent[node] = NONE;
            trees.time[node] = 0;
            for direction in 0..8 {
                let other = self.neighbour(node, direction);
                if trees.parent[other] == NONE || trees.is_outside[other] != is_outside {
                    continue;
                }
                if self.feeds(trees, node, other, direction) {
                    trees.activate(other);
                }
                if trees.parent[other] < NONE && usize::from(trees.parent[other]) == 7 - direction {
                    orphans.push(other);
                    trees.parent[other] = ORPHAN;
                }
            }
        }
    }

    /// Whether `other`, in `direction` of `node`, is of the same tree and has room on the way to it.
    fn feeds(&self, trees: &Trees, node: usize, other: usize, direction: usize) -> bool {
        let is_outside = trees.is_outside[node];
        let room = if is_outside { self.ties[direction][node] } else { self.ties[7 - direction][other] };
        room != 0 && trees.parent[other] != NONE && trees.is_outside[other] == is_outside
    }

    /// Steps from `node` to the end of its tree; none when an orphan is on the way. What it finds is noted.
    fn distance_to_end(&self, trees: &mut Trees, node: usize) -> Option<u32> {
        let (mut at, mut steps) = (node, 0);
        let total = loop {
            if trees.time[at] == trees.now {
                break steps + trees.distance[at];
            }
            match trees.parent[at] {
                TERMINAL => {
                    trees.time[at] = trees.now;
                    trees.distance[at] = 1;
                    break steps + 1;
                }
                up if up < NONE => at = self.neighbour(at, usize::from(up)),
                _ => return None,
            }
            steps += 1;
        };
        let (mut at, mut distance) = (node, total);
        while trees.time[at] != trees.now {
            trees.time[at] = trees.now;
            trees.distance[at] = distance;
            distance -= 1;
            at = self.neighbour(at, usize::from(trees.parent[at]));
        }
        Some(total)
    }
}

impl Trees {
    /// Every pixel that is tied to an end begins a tree.
    fn of(grid: &Grid) -> Self {
        let nodes = grid.terminal.len();
        let mut trees = Self {
            parent: vec![NONE; nodes],
            is_outside: vec![false; nodes],
            distance: vec![0; nodes],
            time: vec![0; nodes],
            active: VecDeque::new(),
            is_active: vec![false; nodes],
            now: 0,
        };
        for (node, weight) in grid.terminal.iter().enumerate().filter(|(_, weight)| **weight != 0) {
            trees.parent[node] = TERMINAL;
            trees.is_outside[node] = *weight < 0;
            trees.distance[node] = 1;
            trees.activate(node);
        }
        trees
    }

    fn activate(&mut self, node: usize) {
        if !self.is_active[node] {
            self.is_active[node] = true;
            self.active.push_back(node as u32);
        }
    }

    fn attach(&mut self, child: usize, direction: usize, to: usize) {
        self.parent[child] = direction as u8;
        self.time[child] = self.time[to];
        self.distance[child] = self.distance[to] + 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What a division costs.
    fn cost(width: usize, terminals: &[(i32, i32)], ties: &[(usize, usize, usize, i32)], inside: &[bool]) -> i64 {
        let ends =
            terminals.iter().zip(inside).map(|((outside, in_), is)| i64::from(if *is { *in_ } else { *outside }));
        let parted = ties.iter().filter(|(x, y, direction, _)| {
            let (dx, dy) = STEPS[*direction];
            let other = y.wrapping_add_signed(dy) * width + x.wrapping_add_signed(dx);
            inside[y * width + x] != inside[other]
        });
        ends.sum::<i64>() + parted.map(|(_, _, _, cost)| i64::from(*cost)).sum::<i64>()
    }

    proptest! {
        /// Of all divisions of twelve pixels none is cheaper.
        #[test]
        fn no_division_is_cheaper(
            terminals in prop::collection::vec((0_i32..12, 0_i32..12), 12),
            costs in prop::collection::vec(0_i32..9, 48),
        ) {
            let (width, height) = (4, 3);
            let mut grid = Grid::new(width, height);
            let mut ties = Vec::new();
            for (at, (outside, inside)) in terminals.iter().enumerate() {
                grid.set_terminal(at % width, at / width, *outside, *inside);
            }
            for (at, cost) in costs.iter().enumerate() {
                let (x, y, direction) = (at / 4 % width, at / 4 / width, 4 + at % 4);
                let (dx, dy) = STEPS[direction];
                let is_in = |at: usize, step: isize, size: usize| at.checked_add_signed(step).is_some_and(|at| at < size);
                if is_in(x, dx, width) && is_in(y, dy, height) {
                    grid.set_tie(x, y, direction, *cost);
                    ties.push((x, y, direction, *cost));
                }
            }
            let found = cost(width, &terminals, &ties, &grid.cut());
            let divided = |bits: usize| (0..12).map(|at| bits >> at & 1 == 1).collect::<Vec<_>>();
            let least = (0..1 << 12).map(|bits| cost(width, &terminals, &ties, &divided(bits))).min();
            prop_assert_eq!(Some(found), least);
        }
    }
}
