//! Specks and holes of a division.

/// Islands smaller than this share of the largest one go.
const SPECK: f64 = 0.06;

/// Holes smaller than this share of the largest island are filled.
const HOLE: f64 = 0.01;

/// `inside`, in rows of `width`, without specks and pinholes; what is certain stays. Where it is certain of some pixels
/// that they are inside, islands without such a pixel go.
pub(super) fn tidied(mut inside: Vec<bool>, width: usize, certain: &[Option<bool>]) -> Vec<bool> {
    let islands = areas(&inside, width, true);
    let is_certain = |at: &usize| certain[*at] == Some(true);
    let (islands, others): (Vec<_>, Vec<_>) = if certain.contains(&Some(true)) {
        islands.into_iter().partition(|island| island.iter().any(is_certain))
    } else {
        (islands, Vec::new())
    };
    others.iter().flatten().for_each(|at| inside[*at] = false);
    let largest = islands.iter().map(Vec::len).max().unwrap_or(0) as f64;
    let holes = areas(&inside, width, false);
    let limits = [(islands, SPECK * largest), (holes, HOLE * largest)];
    for (areas, limit) in limits {
        for area in areas.iter().filter(|area| (area.len() as f64) < limit) {
            if area.iter().all(|at| certain[*at].is_none()) {
                area.iter().for_each(|at| inside[*at] = !inside[*at]);
            }
        }
    }
    inside
}

/// The connected areas of what is `side`.
fn areas(inside: &[bool], width: usize, side: bool) -> Vec<Vec<usize>> {
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
