//! Evidence that may be looked at after every block: the wealth of a gambler who bets against "no better".
//!
//! An e-process is a wealth that, when there is nothing to find, exceeds `1/a` at any time with probability at
//! most `a` (Ville's inequality). So one may look and go on as one likes.

/// Rates at which the sign-flip process bets; the wealth is the mean over them.
pub const RATES: [f64; 6] = [0.1, 0.2, 0.4, 0.7, 1.1, 1.6];

/// Shares of the largest bet at which the betting process bets; the wealth is the mean over them.
pub const BETS: [f64; 6] = [0.05, 0.1, 0.2, 0.4, 0.7, 0.95];

/// Wealth above which nothing more is staked: giving wealth away only makes claims rarer.
const ENOUGH: f64 = 1e250;

/// Which bets are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bets {
    /// On the sign of differences, whose sizes may be anything: sound when differences are as likely to be `d` as
    /// `-d` around no difference.
    SignFlip,
    /// On the size of differences in [-1, 1]: sound for their mean, whatever their distribution (Waudby-Smith and
    /// Ramdas, 2024).
    Bounded,
}

/// The wealth of two gamblers about the differences of one pair: one bets that they are above 0, one that they
/// are below.
#[derive(Clone, Debug)]
pub struct Evidence {
    bets: Bets,
    count: u32,
    squares: f64,
    above: [f64; 6],
    below: [f64; 6],
}

impl Evidence {
    /// Before any difference is seen.
    pub fn new(bets: Bets) -> Self {
        Self { bets, count: 0, squares: 0.0, above: [1.0; 6], below: [1.0; 6] }
    }

    /// Sees a difference in [-1, 1].
    pub fn push(&mut self, difference: f64) {
        match self.bets {
            Bets::SignFlip => self.push_sign(difference),
            Bets::Bounded => self.push_bounded(difference.clamp(-1.0, 1.0)),
        }
    }

    /// Each rate g multiplies by `1 + tanh(g d / s)`, where s squared is the mean of the squares so far, this one
    /// among them.
    fn push_sign(&mut self, difference: f64) {
        self.count += 1;
        self.squares += difference * difference;
        if self.squares <= 0.0 {
            return;
        }
        let factors = falling(difference * (f64::from(self.count) / self.squares).sqrt());
        stake(&mut self.above, factors.map(|factor| 2.0 - factor));
        stake(&mut self.below, factors);
    }

    /// Each share f multiplies by `1 + f d`.
    fn push_bounded(&mut self, difference: f64) {
        self.count += 1;
        stake(&mut self.above, BETS.map(|share| 1.0 + share * difference));
        stake(&mut self.below, BETS.map(|share| 1.0 - share * difference));
    }

    /// Wealth of who bet on differences above 0.
    pub fn above(&self) -> f64 {
        mean(&self.above)
    }

    /// Wealth of who bet on differences below 0.
    pub fn below(&self) -> f64 {
        mean(&self.below)
    }
}

/// The wealth of who bets that `differences` are above `margin`, after the last of them.
pub fn wealth_above(bets: Bets, differences: &[f64], margin: f64) -> f64 {
    let mut wealth = [1.0_f64; 6];
    match bets {
        Bets::SignFlip => {
            let (mut squares, mut count) = (0.0, 0.0);
            for difference in differences.iter().map(|difference| difference - margin) {
                squares += difference * difference;
                count += 1.0;
                if squares > 0.0 {
                    let factors = falling(difference * (count / squares).sqrt());
                    stake(&mut wealth, factors.map(|factor| 2.0 - factor));
                }
            }
        }
        Bets::Bounded => {
            // The largest loss of a bet on a bounded difference is 1 + |margin|.
            let scale = 1.0 / (1.0 + margin.abs());
            for difference in differences {
                let moved = (difference.clamp(-1.0, 1.0) - margin) * scale;
                stake(&mut wealth, BETS.map(|share| 1.0 + share * moved));
            }
        }
    }
    mean(&wealth)
}

/// Multiplies each wealth by its factor, which is at most 2.
fn stake(wealth: &mut [f64; 6], factors: [f64; 6]) {
    wealth.iter_mut().zip(factors).for_each(|(wealth, factor)| *wealth *= factor);
    // Hardly anybody gets so far.
    if wealth.iter().any(|wealth| *wealth > ENOUGH) {
        wealth.iter_mut().for_each(|wealth| *wealth = wealth.min(ENOUGH));
    }
}

fn mean(wealth: &[f64; 6]) -> f64 {
    // In pairs, which do not wait for each other.
    ((wealth[0] + wealth[1]) + (wealth[2] + wealth[3]) + (wealth[4] + wealth[5])) / 6.0
}

/// `1 - tanh(g d / s)` for each rate g, where `standardised` is d / s.
fn falling(standardised: f64) -> [f64; 6] {
    // It is 2 / (e^2gx + 1); the rates are 1, 2, 4, 7, 11 and 16 tenths, so one exponential does.
    let one = (0.2 * standardised).exp();
    let two = one * one;
    let four = two * two;
    let eight = four * four;
    [one, two, four, four * two * one, eight * two * one, eight * eight].map(|power| 2.0 / (power + 1.0))
}

/// The interval of the mean that `differences` in [-1, 1] leave open when everything outside is refuted with
/// wealth `1/tail` on either side. At any one time it holds with probability at least `1 - 2 tail`, and so do all
/// together.
pub fn evidence_interval(bets: Bets, differences: &[f64], tail: f64) -> [f64; 2] {
    let mirrored: Vec<f64> = differences.iter().map(|difference| -difference).collect();
    [lowest_open(bets, differences, tail), -lowest_open(bets, &mirrored, tail)]
}

/// The largest margin up to which "above" is shown, but for 1e-4 or a fiftieth of the interval; -1 when none is.
fn lowest_open(bets: Bets, differences: &[f64], tail: f64) -> f64 {
    let count = differences.len();
    if count == 0 {
        return -1.0;
    }
    let mean = differences.iter().sum::<f64>() / count as f64;
    let variance = differences.iter().map(|d| (d - mean).powi(2)).sum::<f64>() / count as f64;
    // What the interval would be for many differences, to begin with a short bracket.
    let guess = (2.0 * (1.0 / tail).ln() * variance / count as f64).sqrt().max(1e-3);
    // Logarithms of wealth grow about with the square of the distance from the mean, so that their roots are about on
    // a line. Above 0: "above" the margin is shown.
    let shown = |margin: f64| {
        let log = wealth_above(bets, differences, margin).ln().max(0.0);
        log.sqrt() - (1.0 / tail).ln().sqrt()
    };
    let (mut high, mut at_high, mut reach) = (mean, -(1.0 / tail).ln().sqrt(), 1.25 * guess);
    let (mut low, mut at_low) = loop {
        let low = mean - reach;
        if low <= -1.0 {
            break (-1.0, shown(-1.0));
        }
        let at_low = shown(low);
        if at_low >= 0.0 {
            break (low, at_low);
        }
        (high, at_high) = (low, at_low);
        reach *= 1.4;
    };
    let near = 1e-4_f64.max(0.02 * guess);
    let mut is_even = false;
    while at_low > 0.0 && high - low > near {
        // Where the line crosses, a little on the side that is shown; the middle, when that leads nowhere.
        let crossing = low + (high - low) * at_low / (at_low - at_high) - 0.25 * near;
        let at = if is_even { 0.5 * (low + high) } else { crossing.clamp(low + 0.5 * near, high - 0.5 * near) };
        let found = shown(at);
        if found >= 0.0 {
            // Close enough: one step further nothing is shown any more.
            (low, at_low) = (at, found);
        } else {
            (high, at_high) = (at, found);
        }
        is_even = !is_even && high - low > 8.0 * near;
    }
    low.max(-1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wealth_is_fair_over_all_signs() {
        // Over all signs of the same sizes the mean of the wealth is 1: nobody wins by betting on a fair game.
        let sizes = [0.05, 0.3, 0.02, 0.11, 0.2, 0.08, 0.5, 0.01];
        for bets in [Bets::SignFlip, Bets::Bounded] {
            let mut total = 0.0;
            for signs in 0..256_u32 {
                let mut evidence = Evidence::new(bets);
                for (k, size) in sizes.iter().enumerate() {
                    evidence.push(if signs >> k & 1 == 1 { *size } else { -size });
                }
                total += evidence.above();
            }
            assert!((total / 256.0 - 1.0).abs() < 1e-12, "{bets:?}: {total}");
        }
    }

    #[test]
    fn both_sides_mirror_each_other() {
        for bets in [Bets::SignFlip, Bets::Bounded] {
            let (mut one, mut other) = (Evidence::new(bets), Evidence::new(bets));
            for difference in [0.1, -0.02, 0.3, 0.05] {
                one.push(difference);
                other.push(-difference);
            }
            assert!((one.above() - other.below()).abs() < 1e-12 && one.above() > one.below());
        }
    }

    #[test]
    fn long_runs_neither_overflow_nor_lose_their_side() {
        let mut evidence = Evidence::new(Bets::SignFlip);
        (0..20_000).for_each(|_| evidence.push(0.5));
        assert!(evidence.above() > 1e200 && evidence.above().is_finite() && evidence.below() < 1e-6);
    }

    #[test]
    fn no_difference_is_no_evidence() {
        let mut evidence = Evidence::new(Bets::SignFlip);
        (0..50).for_each(|_| evidence.push(0.0));
        assert!((evidence.above() - 1.0).abs() < 1e-12);
    }

    #[test]
    fn intervals_hold_the_mean_and_shrink() {
        let differences: Vec<f64> = (0..400).map(|k| 0.1 + 0.1 * f64::from(k % 7 - 3) / 3.0).collect();
        for bets in [Bets::SignFlip, Bets::Bounded] {
            let [low, high] = evidence_interval(bets, &differences, 0.025);
            let [wide_low, wide_high] = evidence_interval(bets, &differences[..40], 0.025);
            assert!(wide_low < low && low < 0.1 && 0.1 < high && high < wide_high, "{bets:?}: {low} {high}");
            assert!(wealth_above(bets, &differences, low) >= 40.0);
            assert!(wealth_above(bets, &differences, low + 0.003) < 40.0, "{bets:?}");
        }
        assert!(evidence_interval(Bets::Bounded, &[], 0.05).iter().zip([-1.0, 1.0]).all(|(a, b)| (a - b).abs() < 1e-9));
    }
}
