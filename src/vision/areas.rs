//! Connected areas of a division.

/// The connected areas of what is `side` in `inside`, rows of `width`: the places of each, neighbours by an edge.
pub(super) fn areas(inside: &[bool], width: usize, side: bool) -> Vec<Vec<usize>> {
    let mut seen = vec![false; inside.len()];
    let mut found = Vec::new();
    for start in 0..inside.len() {
        if seen[start] || inside[start] != side {
            continue;
        }
        seen[start] = true;
        let (mut area, mut next) = (vec![start], 0);
        while let Some(&at) = area.get(next) {
            next += 1;
            let x = at % width;
            let left = (x > 0).then(|| at - 1);
            let right = (x + 1 < width).then_some(at + 1);
            let (above, below) = (at.checked_sub(width), Some(at + width).filter(|at| *at < inside.len()));
            for near in [left, right, above, below].into_iter().flatten() {
                if !seen[near] && inside[near] == side {
                    seen[near] = true;
                    area.push(near);
                }
            }
        }
        found.push(area);
    }
    found
}
