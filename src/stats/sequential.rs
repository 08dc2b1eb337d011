//! Group-sequential bounds: how far a difference must stand out at each of several looks, so that all looks
//! together call no difference a difference with more than a given probability.
//!
//! Alpha is spent as information comes in (Lan and `DeMets`, Biometrika 1983). The bounds follow by recursive
//! integration (Armitage, `McPherson` and Rowe, 1969) over the density of a Brownian motion that has crossed no
//! earlier bound.

use super::distribution::{normal_density, normal_point, normal_tail};

/// How much of alpha is spent by when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spending {
    /// Little at first, as O'Brien and Fleming do: `2 [1 - Phi(z(alpha/2) / sqrt t)]`.
    OBrienFleming,
    /// Evenly, as Pocock does: `alpha ln(1 + (e - 1) t)`.
    Pocock,
}

impl Spending {
    /// What is spent of `alpha` when the share `time` of the information, in (0, 1], is there.
    pub fn spent(self, alpha: f64, time: f64) -> f64 {
        match self {
            Self::OBrienFleming => 2.0 * normal_tail(normal_point(0.5 * alpha) / time.sqrt()),
            Self::Pocock => alpha * ((std::f64::consts::E - 1.0) * time).ln_1p(),
        }
    }
}

/// Standard deviations below which the density is left out.
const LOWEST: f64 = 8.2;

/// An increment of alpha below which nothing can be claimed: the bound is infinite.
const LEAST: f64 = 1e-15;

/// Upper bounds for the standardised sum at the given `times`: shares of the final information, increasing, in
/// (0, 1]. One-sided with level `alpha` over all looks.
pub fn upper_bounds(alpha: f64, times: &[f64], spending: Spending) -> Vec<f64> {
    let gaps = times.iter().scan(0.0, |before, time| Some(time - std::mem::replace(before, *time)));
    let step = gaps.fold(1.0, f64::min).sqrt() * 0.15;
    let (mut bounds, mut spent, mut before) = (Vec::with_capacity(times.len()), 0.0, None::<(f64, Density)>);
    for time in times {
        let total = spending.spent(alpha, *time);
        let (share, root) = (total - spent, time.sqrt());
        let bound = match &before {
            _ if share < LEAST => f64::INFINITY,
            None => normal_point(share),
            Some((earlier, density)) => density.bound(share, (time - earlier).sqrt(), root) / root,
        };
        if share >= LEAST {
            spent = total;
        }
        let top = bound.min(LOWEST) * root;
        let value = |at: f64| match &before {
            None => normal_density(at / root) / root,
            Some((earlier, density)) => density.later(at, (time - earlier).sqrt()),
        };
        let density = Density::new(top, step, -LOWEST * root, value);
        bounds.push(bound);
        before = Some((*time, density));
    }
    bounds
}

/// The density of the sum where it is below all bounds so far, times Simpson's weights, from the bound
/// downwards in even steps.
struct Density {
    top: f64,
    step: f64,
    weighted: Vec<f64>,
}

impl Density {
    fn new(top: f64, step: f64, lowest: f64, value: impl Fn(f64) -> f64) -> Self {
        let half = ((top - lowest).max(0.0) / (2.0 * step)).ceil() as usize;
        let weight = |at: usize| match at {
            0 => 1.0,
            _ if at == 2 * half => 1.0,
            _ if at % 2 == 1 => 4.0,
            _ => 2.0,
        };
        let weighted = (0..=2 * half).map(|at| weight(at) * step / 3.0 * value(top - at as f64 * step)).collect();
        Self { top, step, weighted }
    }

    /// The sum over the points of `f` of the distance from them up to `at`, in units of `spread`.
    fn sum(&self, at: f64, spread: f64, f: impl Fn(f64) -> f64) -> f64 {
        let first = (at - self.top) / spread;
        let step = self.step / spread;
        self.weighted.iter().enumerate().map(|(k, weight)| weight * f(first + k as f64 * step)).sum()
    }

    /// The density at `at` when the variance has grown by `spread` squared.
    fn later(&self, at: f64, spread: f64) -> f64 {
        self.sum(at, spread, normal_density) / spread
    }

    /// The point above which `share` of the mass comes to lie: Newton's method on logarithms, kept in a bracket.
    fn bound(&self, share: f64, spread: f64, root: f64) -> f64 {
        let (mut low, mut high) = (-LOWEST * root, 2.0 * LOWEST * root);
        let mut at = normal_point(share) * root;
        for _ in 0..80 {
            let mass = self.sum(at, spread, normal_tail);
            if mass > share {
                low = at;
            } else {
                high = at;
            }
            let slope = self.later(at, spread) / mass;
            let next = at + (mass / share).ln() / slope;
            let next = if next > low && next < high { next } else { 0.5 * (low + high) };
            if (next - at).abs() < 1e-10 {
                return next;
            }
            at = next;
        }
        at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_look_is_an_ordinary_test() {
        for spending in [Spending::OBrienFleming, Spending::Pocock] {
            let bounds = upper_bounds(0.025, &[1.0], spending);
            assert!((bounds[0] - normal_point(0.025)).abs() < 1e-9, "{bounds:?}");
        }
    }

    /// The bounds spend what they should: a walk of many steps crosses with the probability that the spending
    /// function says. Checked by integrating with another step, not by chance.
    #[test]
    fn finer_steps_give_the_same_bounds() {
        let even: Vec<f64> = (1..=10).map(|look| f64::from(look) / 10.0).collect();
        // A look shortly after another one makes the steps of all looks finer.
        let mut with_another = even.clone();
        with_another.insert(9, 0.9005);
        let (coarse, fine) = (
            upper_bounds(0.0125, &even, Spending::OBrienFleming),
            upper_bounds(0.0125, &with_another, Spending::OBrienFleming),
        );
        for (a, b) in coarse.iter().zip(&fine).take(9) {
            assert!((a - b).abs() < 1e-6, "{coarse:?} and {fine:?}");
        }
    }

    #[test]
    fn next_to_nothing_to_spend_means_no_claim() {
        let bounds = upper_bounds(1e-4, &[0.01, 0.5, 1.0], Spending::OBrienFleming);
        assert!(bounds[0].is_infinite() && bounds[1].is_finite() && bounds[2] < bounds[1], "{bounds:?}");
    }
}
