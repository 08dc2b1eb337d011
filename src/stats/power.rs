//! What a test can find, said before anything is spent.

use super::{
    distribution::{normal_density, normal_tail, t_point},
    plan::{Plan, Rule},
};

/// The probability with which something is to be found.
pub const POWER: f64 = 0.8;

/// The smallest difference by which one variation must be better than all others to win with probability 0.8,
/// when paired differences have the standard deviation `deviation`. For the horizon rule only: the others have no
/// last block. None where the last look can claim nothing.
///
/// The winner must beat K - 1 others at the last look. Their differences to it share its scores, so they correlate
/// by about 1/2: `P(all above) = integral of phi(a) Phi(a - (c - d) sqrt 2)^(K - 1)` over a, with `c` the bound of
/// t and `d` the difference over its standard error.
pub fn detectable_difference(plan: &Plan, deviation: f64) -> Option<f64> {
    if plan.settings.rule != Rule::Horizon {
        return None;
    }
    let last = plan.looks.last()?;
    let n = f64::from(last.block);
    let bound = t_point(last.tail, n - 1.0);
    if !bound.is_finite() {
        return None;
    }
    let others = (plan.variations - 1) as i32;
    let (mut low, mut high) = (0.0, bound + 10.0);
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if wins_all(middle - bound, others) < POWER { low = middle } else { high = middle }
    }
    Some(0.5 * (low + high) * deviation / n.sqrt())
}

/// The probability that `others` normal values with correlation 1/2 are all above `-lead`.
fn wins_all(lead: f64, others: i32) -> f64 {
    const STEP: f64 = 0.05;
    let value = |k: i32| {
        let a = STEP * f64::from(k);
        normal_density(a) * (1.0 - normal_tail(a + lead * std::f64::consts::SQRT_2)).powi(others)
    };
    (-160..=160).map(value).sum::<f64>() * STEP
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::{Settings, distribution::normal_point};

    fn plan(samples: u32, variations: usize) -> Plan {
        let settings = Settings { rule: Rule::Horizon, alpha: 0.05, equivalence: 0.0, samples, futility: true };
        Plan::new(settings, variations).unwrap()
    }

    #[test]
    fn one_other_is_an_ordinary_power() {
        assert!((wins_all(normal_point(0.2), 1) - 0.8).abs() < 1e-6);
        assert!(wins_all(1.0, 4) < wins_all(1.0, 2));
    }

    #[test]
    fn more_blocks_find_less_and_more_variations_need_more() {
        let found = |samples, variations| detectable_difference(&plan(samples, variations), 0.12).unwrap();
        assert!(found(40, 3) < found(20, 3) && found(20, 3) < found(20, 10));
        assert!((found(20, 2) / detectable_difference(&plan(20, 2), 0.06).unwrap() - 2.0).abs() < 1e-9);
        let open = Plan::new(Settings { rule: Rule::Open, ..plan(10, 2).settings }, 2).unwrap();
        assert_eq!(detectable_difference(&open, 0.12), None);
    }
}
