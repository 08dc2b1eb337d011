//! Specks and holes of a division.

use crate::vision::areas::areas;

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
