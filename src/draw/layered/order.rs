//! An order within each column that lets few edges cross: sweeps to and fro, each column sorted by
//! where its neighbours stand; the best order that was seen is kept.

use super::columns::Chains;

/// Sweeps in both directions together.
const SWEEPS: usize = 16;

/// The places of each column from top to bottom.
pub(super) fn order(chains: &Chains) -> Vec<Vec<usize>> {
    let (left, right) = neighbours(chains);
    let mut order = first_order(chains, &right);
    let mut best = (crossings(&order, &right), order.clone());
    for sweep in 0..SWEEPS {
        if best.0 == 0 {
            break;
        }
        if sweep % 2 == 0 {
            (1..order.len()).for_each(|column| sort_by(&mut order, column, column - 1, &left));
        } else {
            (0..order.len().saturating_sub(1)).rev().for_each(|column| sort_by(&mut order, column, column + 1, &right));
        }
        let found = crossings(&order, &right);
        if found < best.0 {
            best = (found, order.clone());
        }
    }
    best.1
}

/// For each place its neighbours in the column before and in the column after.
fn neighbours(chains: &Chains) -> (Vec<Vec<usize>>, Vec<Vec<usize>>) {
    let mut left = vec![Vec::new(); chains.places.len()];
    let mut right = vec![Vec::new(); chains.places.len()];
    for (from, to) in chains.links() {
        left[to].push(from);
        right[from].push(to);
    }
    (left, right)
}

/// As a walk from the first boxes comes upon the places, so that what belongs together is together.
fn first_order(chains: &Chains, right: &[Vec<usize>]) -> Vec<Vec<usize>> {
    let mut order = vec![Vec::new(); chains.columns];
    let mut seen = vec![false; chains.places.len()];
    let mut starts: Vec<usize> = (0..chains.places.len()).filter(|place| chains.places[*place].is_box).collect();
    starts.sort_by_key(|place| chains.places[*place].column);
    for start in starts {
        let mut open = vec![start];
        while let Some(place) = open.pop() {
            if !std::mem::replace(&mut seen[place], true) {
                order[chains.places[place].column].push(place);
                open.extend(right[place].iter().rev());
            }
        }
    }
    order
}

/// Sorts `column` by the mean position of the neighbours in column `by`; what has none keeps its
/// place among the others.
fn sort_by(order: &mut [Vec<usize>], column: usize, by: usize, neighbours: &[Vec<usize>]) {
    let position = positions(&order[by]);
    let mean = |(own, place): (usize, &usize)| {
        let found: Vec<f64> = neighbours[*place].iter().filter_map(|n| position.get(n)).map(|p| *p as f64).collect();
        let mean = if found.is_empty() { own as f64 } else { found.iter().sum::<f64>() / found.len() as f64 };
        (mean, *place)
    };
    let mut sorted: Vec<(f64, usize)> = order[column].iter().enumerate().map(mean).collect();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
    order[column] = sorted.into_iter().map(|(_, place)| place).collect();
}

fn positions(column: &[usize]) -> std::collections::BTreeMap<usize, usize> {
    column.iter().enumerate().map(|(position, place)| (*place, position)).collect()
}

/// How many pairs of links cross.
fn crossings(order: &[Vec<usize>], right: &[Vec<usize>]) -> u64 {
    order.windows(2).map(|pair| crossings_between(&pair[0], &pair[1], right)).sum()
}

/// Counts, link by link from top to bottom, the links before it that end below it.
fn crossings_between(left: &[usize], right_column: &[usize], right: &[Vec<usize>]) -> u64 {
    let position = positions(right_column);
    let mut ended = vec![0_u64; right_column.len() + 1];
    let (mut count, mut total) = (0, 0_u64);
    for place in left {
        let mut ends: Vec<usize> = right[*place].iter().filter_map(|n| position.get(n)).copied().collect();
        ends.sort_unstable();
        for end in &ends {
            // A Fenwick tree holds how many links ended at or above each position.
            let (mut above, mut at) = (0, end + 1);
            while at > 0 {
                above += ended[at];
                at &= at - 1;
            }
            count += total - above;
        }
        for end in ends {
            total += 1;
            let mut at = end + 1;
            while at < ended.len() {
                ended[at] += 1;
                at += at & at.wrapping_neg();
            }
        }
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crossings_are_counted() {
        let right = vec![vec![4, 5], vec![3], vec![3, 5], vec![], vec![], vec![]];
        assert_eq!(crossings_between(&[0, 1, 2], &[3, 4, 5], &right), 4);
        assert_eq!(crossings_between(&[1, 0, 2], &[3, 4, 5], &right), 2);
        assert_eq!(crossings_between(&[1], &[3, 4, 5], &right), 0);
    }
}
