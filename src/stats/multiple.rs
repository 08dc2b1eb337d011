//! Several claims at once.

/// Holm's adjusted p-values, in the order of `p`: a claim holds at level a, for all claims together, when its
/// adjusted value is at most a.
pub fn holm(p: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|a, b| p[*a].total_cmp(&p[*b]));
    let (mut adjusted, mut largest) = (vec![0.0; p.len()], 0.0_f64);
    for (rank, at) in order.into_iter().enumerate() {
        largest = largest.max(p[at] * (p.len() - rank) as f64).min(1.0);
        adjusted[at] = largest;
    }
    adjusted
}

/// Which of the e-values are claims by e-BH (Wang and Ramdas, 2022): of these, at most the share `alpha` is wrong
/// on average, however they depend on each other.
pub fn e_bh(e: &[f64], alpha: f64) -> Vec<bool> {
    let mut order: Vec<usize> = (0..e.len()).collect();
    order.sort_by(|a, b| e[*b].total_cmp(&e[*a]));
    let holds = |rank: &usize| *rank as f64 * e[order[rank - 1]] * alpha >= e.len() as f64;
    let count = (1..=e.len()).rev().find(holds).unwrap_or(0);
    let mut claims = vec![false; e.len()];
    order.into_iter().take(count).for_each(|at| claims[at] = true);
    claims
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_gives_nothing() {
        assert!(holm(&[]).is_empty() && e_bh(&[], 0.05).is_empty());
        assert_eq!(e_bh(&[1.0, 2.0], 0.05), [false, false]);
    }

    #[test]
    fn adjusted_values_keep_their_places() {
        assert_eq!(holm(&[0.5, 0.01]), [0.5, 0.02]);
        assert_eq!(e_bh(&[3.0, 120.0], 0.05), [false, true]);
    }
}
