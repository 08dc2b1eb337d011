//! Where nodes stand when a graph is drawn: in columns from left to right along the links, in an
//! order that crosses few of them, without touching each other.

/// Room between columns.
const BETWEEN_COLUMNS: f64 = 90.0;

/// Room between the nodes of a column, with the title of the lower one.
const BETWEEN_ROWS: f64 = 80.0;

/// Times that the order in the columns is improved.
const SWEEPS: usize = 4;

/// Places of nodes: the upper left corner of each, in the order of `sizes` (width, height). Links are
/// pairs of from and to.
pub(super) fn place(sizes: &[(f64, f64)], links: &[(usize, usize)]) -> Vec<(f64, f64)> {
    let (before, after) = neighbours(sizes.len(), links);
    let columns = columns(&before, &after);
    let count = columns.iter().max().map_or(0, |last| last + 1);
    let mut rows: Vec<Vec<usize>> = vec![Vec::new(); count];
    for (node, column) in columns.iter().enumerate() {
        rows[*column].push(node);
    }
    for sweep in 0..SWEEPS {
        let forwards = sweep % 2 == 0;
        let order: Vec<usize> =
            if forwards { (1..count).collect() } else { (0..count.saturating_sub(1)).rev().collect() };
        for column in order {
            let beside = if forwards { &before } else { &after };
            sort_by_neighbours(&mut rows, column, beside);
        }
    }
    corners(sizes, &rows, &before)
}

/// For each node those before and after it; a link that closes a circle is left out.
fn neighbours(count: usize, links: &[(usize, usize)]) -> (Vec<Vec<usize>>, Vec<Vec<usize>>) {
    let mut after: Vec<Vec<usize>> = vec![Vec::new(); count];
    for (from, to) in links {
        if from != to && *from < count && *to < count && !after[*from].contains(to) {
            after[*from].push(*to);
        }
    }
    drop_circles(&mut after);
    let mut before: Vec<Vec<usize>> = vec![Vec::new(); count];
    for (from, targets) in after.iter().enumerate() {
        targets.iter().for_each(|to| before[*to].push(from));
    }
    (before, after)
}

fn drop_circles(after: &mut [Vec<usize>]) {
    #[derive(Clone, Copy, PartialEq)]
    enum State {
        New,
        Open,
        Done,
    }
    let mut states = vec![State::New; after.len()];
    for start in 0..after.len() {
        let mut path = vec![(start, 0)];
        if states[start] != State::New {
            continue;
        }
        states[start] = State::Open;
        while let Some((node, next)) = path.last_mut() {
            let Some(target) = after[*node].get(*next).copied() else {
                states[*node] = State::Done;
                path.pop();
                continue;
            };
            match states[target] {
                State::Open => {
                    after[*node].remove(*next);
                }
                State::Done => *next += 1,
                State::New => {
                    *next += 1;
                    states[target] = State::Open;
                    path.push((target, 0));
                }
            }
        }
    }
}

/// The column of each node: as far to the right as the longest way to it; what nothing leads to stands
/// just before what it leads to.
fn columns(before: &[Vec<usize>], after: &[Vec<usize>]) -> Vec<usize> {
    let mut waiting: Vec<usize> = before.iter().map(Vec::len).collect();
    let mut order: Vec<usize> = (0..before.len()).filter(|node| waiting[*node] == 0).collect();
    let mut columns = vec![0; before.len()];
    let mut next = 0;
    while next < order.len() {
        let node = order[next];
        for target in &after[node] {
            columns[*target] = columns[*target].max(columns[node] + 1);
            waiting[*target] -= 1;
            if waiting[*target] == 0 {
                order.push(*target);
            }
        }
        next += 1;
    }
    for node in 0..before.len() {
        if before[node].is_empty()
            && let Some(first) = after[node].iter().map(|target| columns[*target]).min()
        {
            columns[node] = first - 1;
        }
    }
    columns
}

/// Sorts a column by the middle of the places of its nodes' neighbours.
fn sort_by_neighbours(rows: &mut [Vec<usize>], column: usize, beside: &[Vec<usize>]) {
    let mut place = vec![None; beside.len()];
    for (at, row) in rows.iter().enumerate() {
        if at != column {
            row.iter().enumerate().for_each(|(index, node)| place[*node] = Some(index as f64));
        }
    }
    let middle = |node: usize, own: f64| {
        let places: Vec<f64> = beside[node].iter().filter_map(|other| place[*other]).collect();
        if places.is_empty() { own } else { places.iter().sum::<f64>() / places.len() as f64 }
    };
    let mut keyed: Vec<(f64, usize)> =
        rows[column].iter().enumerate().map(|(own, node)| (middle(*node, own as f64), *node)).collect();
    keyed.sort_by(|a, b| a.0.total_cmp(&b.0));
    rows[column] = keyed.into_iter().map(|(_, node)| node).collect();
}

/// Each node as near as possible to the height of those before it.
fn corners(sizes: &[(f64, f64)], rows: &[Vec<usize>], before: &[Vec<usize>]) -> Vec<(f64, f64)> {
    let mut corners = vec![(0.0, 0.0); sizes.len()];
    let mut x = 0.0;
    for row in rows {
        let wanted = |node: usize, corners: &[(f64, f64)]| {
            let heights: Vec<f64> = before[node].iter().map(|other| corners[*other].1).collect();
            if heights.is_empty() { 0.0 } else { heights.iter().sum::<f64>() / heights.len() as f64 }
        };
        let mut free = f64::NEG_INFINITY;
        for node in row {
            let y = wanted(*node, &corners).max(free);
            corners[*node] = (x, y);
            free = y + sizes[*node].1 + BETWEEN_ROWS;
        }
        let width = row.iter().map(|node| sizes[*node].0).fold(0.0, f64::max);
        x += width + BETWEEN_COLUMNS;
    }
    corners.into_iter().map(|(x, y): (f64, f64)| (x.round(), y.round())).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn touch(a: ((f64, f64), (f64, f64)), b: ((f64, f64), (f64, f64))) -> bool {
        let ((ax, ay), (aw, ah)) = a;
        let ((bx, by), (bw, bh)) = b;
        ax < bx + bw && bx < ax + aw && ay < by + bh && by < ay + ah
    }

    #[test]
    fn a_line_goes_to_the_right() {
        let sizes = [(200.0, 100.0); 4];
        let places = place(&sizes, &[(0, 1), (1, 2), (3, 2)]);
        assert_eq!(places[0], (0.0, 0.0));
        assert!(places[1].0 > places[0].0 && places[2].0 > places[1].0);
        assert!((places[3].0 - places[1].0).abs() < 1.0, "what nothing leads to stands before what it leads to");
    }

    proptest! {
        #[test]
        fn nodes_do_not_touch_and_links_go_right(
            sizes in prop::collection::vec((50.0..400.0_f64, 20.0..500.0_f64), 1..40),
            links in prop::collection::vec((0..40_usize, 0..40_usize), 0..80),
        ) {
            let places = place(&sizes, &links);
            for a in 0..sizes.len() {
                for b in 0..a {
                    prop_assert!(!touch((places[a], sizes[a]), (places[b], sizes[b])));
                }
            }
            // Without circles every link goes to the right.
            if links.iter().all(|(from, to)| from < to) {
                for (from, to) in links.iter().filter(|(_, to)| *to < sizes.len()) {
                    prop_assert!(places[*from].0 < places[*to].0);
                }
            }
        }
    }
}
