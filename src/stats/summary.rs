//! What a few numbers say: sums of differences, skewness, intervals of means, the correlation that seeds make.

use super::distribution::{normal_point, normal_tail, t_point, t_tail};

/// Sums over values, from which mean, spread and skewness follow.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sums {
    /// How many values.
    pub count: u32,
    sum: f64,
    squares: f64,
    cubes: f64,
}

impl Sums {
    /// The sums over `values`.
    pub fn of(values: &[f64]) -> Self {
        let mut sums = Self::default();
        values.iter().for_each(|value| sums.push(*value));
        sums
    }

    /// Adds a value.
    pub fn push(&mut self, value: f64) {
        self.count += 1;
        self.sum += value;
        self.squares += value * value;
        self.cubes += value * value * value;
    }

    /// The mean; 0 without values.
    pub fn mean(&self) -> f64 {
        if self.count == 0 { 0.0 } else { self.sum / f64::from(self.count) }
    }

    /// The variance of the population they come from (divided by n - 1); 0 for fewer than two values, and where
    /// all are equal to within rounding.
    pub fn variance(&self) -> f64 {
        if self.count < 2 {
            return 0.0;
        }
        let (n, mean) = (f64::from(self.count), self.mean());
        let around = self.squares - n * mean * mean;
        // Rounding leaves this much of the squares.
        if around <= 1e-13 * self.squares.max(f64::MIN_POSITIVE) { 0.0 } else { around / (n - 1.0) }
    }

    /// The square root of [`Sums::variance`].
    pub fn deviation(&self) -> f64 {
        self.variance().sqrt()
    }

    /// The mean over its standard error; none where values do not differ.
    pub fn t(&self) -> Option<f64> {
        let variance = self.variance();
        (variance > 0.0).then(|| self.mean() / (variance / f64::from(self.count)).sqrt())
    }

    /// The third standardised moment; 0 where values do not differ.
    pub fn skewness(&self) -> f64 {
        let (n, mean) = (f64::from(self.count), self.mean());
        let second = self.variance() * (n - 1.0) / n;
        if second <= 0.0 {
            return 0.0;
        }
        let third = self.cubes / n - 3.0 * mean * self.squares / n + 2.0 * mean.powi(3);
        third / second.powf(1.5)
    }
}

/// A test of whether a mean is 0, or two means are the same.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TTest {
    /// The difference over its standard error.
    pub t: f64,
    /// Degrees of freedom.
    pub df: f64,
    /// Two-sided.
    pub p: f64,
    /// The interval that holds the difference with the probability that was asked for.
    pub interval: [f64; 2],
}

impl TTest {
    fn new(difference: f64, error: f64, df: f64, level: f64) -> Self {
        let t = difference / error;
        let reach = t_point(0.5 * (1.0 - level), df) * error;
        Self { t, df, p: 2.0 * t_tail(t.abs(), df), interval: [difference - reach, difference + reach] }
    }
}

/// Student's test of paired `differences`; none where they do not differ among themselves.
pub fn paired_t(differences: &Sums, level: f64) -> Option<TTest> {
    let error = (differences.variance() / f64::from(differences.count.max(1))).sqrt();
    (error > 0.0).then(|| TTest::new(differences.mean(), error, f64::from(differences.count - 1), level))
}

/// Welch's test of the difference `b - a` of unpaired values; none where neither differ.
pub fn welch_t(a: &Sums, b: &Sums, level: f64) -> Option<TTest> {
    let part = |sums: &Sums| sums.variance() / f64::from(sums.count.max(1));
    let (x, y) = (part(a), part(b));
    let error = (x + y).sqrt();
    let df = (x + y).powi(2) / (x * x / (f64::from(a.count) - 1.0) + y * y / (f64::from(b.count) - 1.0));
    (error > 0.0).then(|| TTest::new(b.mean() - a.mean(), error, df, level))
}

/// A random number generator for resampling, the same on every machine (`SplitMix64`).
#[derive(Clone, Debug)]
pub struct Resampler(u64);

impl Resampler {
    /// One that begins at `seed`.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    /// A number below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        ((u128::from(self.bits()) * end as u128) >> 64) as usize
    }

    /// A number in (0, 1).
    pub fn uniform(&mut self) -> f64 {
        ((self.bits() >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
    }
}

/// How a mean's bootstrap interval is corrected for bias and skewness: Efron's acceleration, by the jackknife.
pub fn acceleration(values: &[f64]) -> f64 {
    let mean = values.iter().sum::<f64>() / values.len().max(1) as f64;
    // Leaving one value out moves the mean by its distance, divided by n - 1.
    let (mut squares, mut cubes) = (0.0, 0.0);
    for value in values {
        let away = value - mean;
        squares += away * away;
        cubes += away.powi(3);
    }
    if squares <= 0.0 { 0.0 } else { cubes / (6.0 * squares.powf(1.5)) }
}

/// The `BCa` bootstrap interval of a mean (Efron, 1987) with `resamples` resamples drawn from `seed`; none for
/// fewer than two values or where all are the same.
pub fn bca_interval(values: &[f64], level: f64, resamples: usize, seed: u64) -> Option<[f64; 2]> {
    let (n, sums) = (values.len(), Sums::of(values));
    if n < 2 || sums.variance() <= 0.0 || resamples == 0 {
        return None;
    }
    let mut random = Resampler::new(seed);
    let mut drawn = || (0..n).map(|_| values[random.below(n)]).sum::<f64>() / n as f64;
    let mut means: Vec<f64> = (0..resamples).map(|_| drawn()).collect();
    means.sort_by(f64::total_cmp);
    let below = means.partition_point(|mean| *mean < sums.mean());
    let upto = means.partition_point(|mean| *mean <= sums.mean());
    let share = ((below + upto) as f64 / (2.0 * resamples as f64)).clamp(1e-9, 1.0 - 1e-9);
    let (bias, pull) = (-normal_point(share), acceleration(values));
    let at = |tail: f64| {
        let moved = bias - normal_point(tail);
        let share = 1.0 - normal_tail(bias + moved / (1.0 - pull * moved));
        let place = (share * (resamples as f64 - 1.0)).clamp(0.0, resamples as f64 - 1.0);
        let (low, part) = (place.floor() as usize, place.fract());
        means[low] + part * (means[(low + 1).min(resamples - 1)] - means[low])
    };
    Some([at(0.5 * (1.0 - level)), at(0.5 * (1.0 + level))])
}

/// The correlation of variations on the same seed: mean covariance over mean variance of all pairs. `rows` are
/// blocks, with a value for each variation that has one. None where fewer than two pairs of values can be
/// compared, or nothing differs.
pub fn seed_correlation(rows: &[Vec<Option<f64>>]) -> Option<f64> {
    let width = rows.first().map_or(0, Vec::len);
    let (mut common, mut own) = (0.0, 0.0);
    for j in 1..width {
        for i in 0..j {
            let pairs = rows.iter().filter_map(|row| Some((*row.get(i)?.as_ref()?, *row.get(j)?.as_ref()?)));
            let (mut x, mut y, mut difference) = (Sums::default(), Sums::default(), Sums::default());
            for (a, b) in pairs {
                x.push(a);
                y.push(b);
                difference.push(b - a);
            }
            if x.count >= 2 {
                let variance = 0.5 * (x.variance() + y.variance());
                common += variance - 0.5 * difference.variance();
                own += variance;
            }
        }
    }
    (own > 0.0).then(|| common / own)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_values_have_no_spread() {
        let sums = Sums::of(&[0.1; 37]);
        assert!(sums.variance().abs() < 1e-300 && sums.t().is_none() && sums.skewness().abs() < 1e-300);
        assert!(paired_t(&sums, 0.95).is_none() && bca_interval(&[0.1; 9], 0.95, 100, 1).is_none());
        assert!(Sums::of(&[0.1, 0.1, 0.1 + 1e-5]).variance() > 0.0, "what differs is seen");
    }

    #[test]
    fn skewness_has_its_sign() {
        let values = [0.0, 0.0, 0.0, 0.0, 1.0];
        assert!((Sums::of(&values).skewness() - 1.5).abs() < 1e-12);
        assert!((Sums::of(&values.map(|value| 1.0 - value)).skewness() + 1.5).abs() < 1e-12);
    }

    #[test]
    fn seeds_that_decide_everything_correlate_fully() {
        let rows: Vec<Vec<Option<f64>>> =
            (0..20).map(|k| (0..3).map(|arm| Some(f64::from(k) / 40.0 + f64::from(arm) / 10.0)).collect()).collect();
        assert!((seed_correlation(&rows).unwrap() - 1.0).abs() < 1e-9);
        let crossed: Vec<_> =
            (0..20).map(|k| vec![Some(f64::from(k) / 20.0), Some(1.0 - f64::from(k) / 20.0)]).collect();
        assert!((seed_correlation(&crossed).unwrap() + 1.0).abs() < 1e-9);
        assert_eq!(seed_correlation(&[vec![Some(0.1), None]]), None);
        assert_eq!(seed_correlation(&[]), None);
    }
}
