//! Colours as mixtures of Gaussians.

/// Gaussians in a mixture.
const COMPONENTS: usize = 5;

/// Rounds of k-means before the first mixture.
const ROUNDS: usize = 8;

/// Least variance of a colour on each axis, so that a flat area is a Gaussian too: steps of about 1 %.
const LEAST_VARIANCE: f64 = 1e-4;

/// A mixture of Gaussians over three axes.
#[derive(Clone, Debug)]
pub(super) struct Mixture {
    components: Vec<Gaussian>,
}

#[derive(Clone, Debug)]
struct Gaussian {
    mean: [f64; 3],
    /// Of the covariance: entries 00, 01, 02, 11, 12, 22.
    inverse: [f64; 6],
    /// Logarithm of the weight over the root of the determinant.
    log_scale: f64,
}

impl Mixture {
    /// A mixture for `colors`: k-means, begun with colours that lie far apart. None when there are no colours.
    pub(super) fn of(colors: &[[f64; 3]]) -> Option<Self> {
        let mut centres = spread(colors)?;
        let mut nearest = vec![0; colors.len()];
        for _ in 0..ROUNDS {
            for (at, color) in colors.iter().enumerate() {
                nearest[at] = least(&centres, |centre| distance(centre, color));
            }
            for (index, centre) in centres.iter_mut().enumerate() {
                if let Some(mean) = mean(colors, |at| nearest[at] == index) {
                    *centre = mean;
                }
            }
        }
        Some(Self::fitted(colors, &nearest))
    }

    /// The mixture for `colors` when each belongs to the component that explains it best.
    pub(super) fn improved(&self, colors: &[[f64; 3]]) -> Option<Self> {
        let best = |color: &[f64; 3]| least(&self.components, |component| -component.log_density(color));
        let component: Vec<usize> = colors.iter().map(best).collect();
        (!colors.is_empty()).then(|| Self::fitted(colors, &component))
    }

    fn fitted(colors: &[[f64; 3]], component: &[usize]) -> Self {
        let fitted = (0..COMPONENTS).filter_map(|index| Gaussian::of(colors, |at| component[at] == index));
        Self { components: fitted.collect() }
    }

    /// How unlikely `color` is: the negative logarithm of its density.
    pub(super) fn cost(&self, color: &[f64; 3]) -> f64 {
        let density: f64 = self.components.iter().map(|component| component.log_density(color).exp()).sum();
        -density.max(1e-12).ln()
    }
}

impl Gaussian {
    fn of(colors: &[[f64; 3]], belongs: impl Fn(usize) -> bool) -> Option<Self> {
        let mean = mean(colors, &belongs)?;
        let (mut sums, mut count) = ([0.0; 6], 0.0);
        for (_, color) in colors.iter().enumerate().filter(|(at, _)| belongs(*at)) {
            let d = [color[0] - mean[0], color[1] - mean[1], color[2] - mean[2]];
            let products = [d[0] * d[0], d[0] * d[1], d[0] * d[2], d[1] * d[1], d[1] * d[2], d[2] * d[2]];
            sums.iter_mut().zip(products).for_each(|(sum, product)| *sum += product);
            count += 1.0;
        }
        let mut m = sums.map(|sum| sum / count);
        [0, 3, 5].iter().for_each(|diagonal| m[*diagonal] += LEAST_VARIANCE);
        let minors = [
            m[3] * m[5] - m[4] * m[4],
            m[2] * m[4] - m[1] * m[5],
            m[1] * m[4] - m[2] * m[3],
            m[0] * m[5] - m[2] * m[2],
            m[1] * m[2] - m[0] * m[4],
            m[0] * m[3] - m[1] * m[1],
        ];
        let determinant = m[0] * minors[0] + m[1] * minors[1] + m[2] * minors[2];
        let weight = count / colors.len() as f64;
        let inverse = minors.map(|minor| minor / determinant);
        Some(Self { mean, inverse, log_scale: weight.ln() - 0.5 * determinant.ln() })
    }

    fn log_density(&self, color: &[f64; 3]) -> f64 {
        let d = [color[0] - self.mean[0], color[1] - self.mean[1], color[2] - self.mean[2]];
        let [i00, i01, i02, i11, i12, i22] = self.inverse;
        let square = i00 * d[0] * d[0] + i11 * d[1] * d[1] + i22 * d[2] * d[2];
        let mixed = i01 * d[0] * d[1] + i02 * d[0] * d[2] + i12 * d[1] * d[2];
        self.log_scale - 0.5 * (square + 2.0 * mixed)
    }
}

/// Up to [`COMPONENTS`] colours, each as far as can be from those before it; the first is the one in the middle of the
/// list.
fn spread(colors: &[[f64; 3]]) -> Option<Vec<[f64; 3]>> {
    let mut centres = vec![*colors.get(colors.len() / 2)?];
    let mut far: Vec<f64> = colors.iter().map(|color| distance(&centres[0], color)).collect();
    while centres.len() < COMPONENTS {
        let at = least(&far, |distance| -distance);
        if far[at] < 1e-9 {
            break;
        }
        centres.push(colors[at]);
        for (far, color) in far.iter_mut().zip(colors) {
            *far = far.min(distance(&colors[at], color));
        }
    }
    Some(centres)
}

fn distance(a: &[f64; 3], b: &[f64; 3]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum()
}

fn mean(colors: &[[f64; 3]], belongs: impl Fn(usize) -> bool) -> Option<[f64; 3]> {
    let (mut sum, mut count) = ([0.0; 3], 0.0);
    for (_, color) in colors.iter().enumerate().filter(|(at, _)| belongs(*at)) {
        sum.iter_mut().zip(color).for_each(|(sum, value)| *sum += value);
        count += 1.0;
    }
    (count > 0.0).then(|| sum.map(|sum| sum / count))
}

/// The number of the item of which `of` is least.
fn least<T>(items: &[T], of: impl Fn(&T) -> f64) -> usize {
    let values = items.iter().map(of).enumerate();
    values.min_by(|a, b| a.1.total_cmp(&b.1)).map_or(0, |(at, _)| at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_that_were_seen_cost_less() {
        let noisy = |base: f64, at: usize| [base + (at % 7) as f64 * 0.01, base + (at % 5) as f64 * 0.01, 0.2];
        let seen: Vec<[f64; 3]> = (0..200).map(|at| noisy(if at % 2 == 0 { 0.2 } else { 0.8 }, at)).collect();
        let mixture = Mixture::of(&seen).unwrap();
        let improved = mixture.improved(&seen).unwrap();
        for mixture in [&mixture, &improved] {
            assert!(mixture.cost(&seen[0]) + 3.0 < mixture.cost(&[0.5, 0.5, 0.2]));
            assert!(mixture.cost(&seen[1]) + 3.0 < mixture.cost(&[0.8, 0.2, 0.2]));
        }
        assert!(Mixture::of(&[]).is_none());
        // One flat colour is a mixture, too.
        assert!(Mixture::of(&[[0.5; 3]; 9]).unwrap().cost(&[0.5; 3]).is_finite());
    }
}
