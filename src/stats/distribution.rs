//! The normal and the t distribution: upper tails, and the points that cut them off.
//!
//! Everything is said of the upper tail, where small probabilities keep their digits.

use std::f64::consts::{PI, SQRT_2};

use statrs::function::{
    beta::beta_reg,
    erf::{erfc, erfc_inv},
};

/// The density of the standard normal distribution at `z`.
pub fn normal_density(z: f64) -> f64 {
    (-0.5 * z * z).exp() / (2.0 * PI).sqrt()
}

/// The probability that a standard normal value is above `z`.
pub fn normal_tail(z: f64) -> f64 {
    0.5 * erfc(z / SQRT_2)
}

/// The point above which a standard normal value is with probability `tail`, which is in (0, 1).
/// Infinite for a tail of 0 or less.
pub fn normal_point(tail: f64) -> f64 {
    if tail <= 0.0 { f64::INFINITY } else { SQRT_2 * erfc_inv(2.0 * tail) }
}

/// The probability that a value of Student's t distribution with `df` degrees of freedom is above `t`.
pub fn t_tail(t: f64, df: f64) -> f64 {
    if t.is_infinite() {
        return if t > 0.0 { 0.0 } else { 1.0 };
    }
    let half = 0.5 * beta_reg(0.5 * df, 0.5, df / (df + t * t));
    if t >= 0.0 { half } else { 1.0 - half }
}

/// The point above which a value of Student's t distribution with `df` degrees of freedom is with probability
/// `tail`, which is in (0, 1). Infinite for a tail of 0 or less.
pub fn t_point(tail: f64, df: f64) -> f64 {
    if tail <= 0.0 {
        return f64::INFINITY;
    }
    if tail > 0.5 {
        return -t_point(1.0 - tail, df);
    }
    // The tail falls with t: double until it is below, then halve the way.
    let mut high = 1.0;
    while t_tail(high, df) > tail && high < 1e150 {
        high *= 2.0;
    }
    let mut low = if high > 1.0 { 0.5 * high } else { 0.0 };
    while high - low > 1e-12 * high {
        let middle = 0.5 * (low + high);
        if middle <= low || middle >= high {
            break;
        }
        if t_tail(middle, df) > tail { low = middle } else { high = middle }
    }
    0.5 * (low + high)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_and_tails_are_inverse() {
        for tail in [1e-12, 1e-6, 0.001, 0.025, 0.3, 0.5, 0.9, 0.999] {
            assert!((normal_tail(normal_point(tail)) / tail - 1.0).abs() < 1e-9, "{tail}");
            for df in [1.0, 3.0, 15.0, 200.0, 5_000.0] {
                assert!((t_tail(t_point(tail, df), df) / tail - 1.0).abs() < 1e-8, "{tail} with {df}");
            }
        }
        assert!((normal_tail(-1.0) + normal_tail(1.0) - 1.0).abs() < 1e-15);
        assert!(normal_point(0.0).is_infinite() && t_point(0.0, 3.0).is_infinite());
        assert!(t_tail(f64::INFINITY, 3.0).abs() < 1e-300);
    }

    #[test]
    fn t_approaches_the_normal() {
        assert!((t_point(0.025, 1e7) - normal_point(0.025)).abs() < 1e-5);
    }
}
