//! Lines of an image and weighted sums of them: the inner loops of resampling and of blur.
//!
//! Written so that they vectorise: straight loops over lines, with a few weights at a time, over
//! parts of a line that stay in the fastest cache.

/// Values of a line that are worked on together.
const PART: usize = 1024;

/// Lines that are made when they are first needed, one after the other; only the last few are kept.
pub(super) struct Lines<M> {
    kept: Vec<f32>,
    length: usize,
    capacity: usize,
    made: usize,
    make: M,
}

impl<M: FnMut(usize, &mut [f32])> Lines<M> {
    /// Lines of `length` values, of which the last `capacity` are kept. `make` fills the line with
    /// a number.
    pub(super) fn new(length: usize, capacity: usize, make: M) -> Self {
        Self { kept: vec![0.0; length * capacity], length, capacity, made: 0, make }
    }

    /// Makes the lines from `first` to before `end` as far as they are not there; at most as many as
    /// are kept. Neither may go back.
    pub(super) fn make(&mut self, first: usize, end: usize) {
        for number in self.made.max(first)..end {
            let slot = number % self.capacity * self.length;
            (self.make)(number, &mut self.kept[slot..slot + self.length]);
        }
        self.made = self.made.max(end);
    }

    /// The line with this number.
    pub(super) fn line(&self, number: usize) -> &[f32] {
        &self.kept[number % self.capacity * self.length..][..self.length]
    }
}

/// Makes `out` the sum of lines: `line(n)` times `weights[n]`, added up in this order. The lines are
/// at least as long as `out`.
pub(super) fn mix<'l>(out: &mut [f32], line: impl Fn(usize) -> &'l [f32], weights: &[f32]) {
    for (number, part) in out.chunks_mut(PART).enumerate() {
        let start = number * PART;
        let length = part.len();
        let at = |number| &line(number)[start..start + length];
        for (group, weights) in weights.chunks(4).enumerate() {
            let first = 4 * group;
            match *weights {
                [a, b, c, d] => {
                    add::<4>(part, [at(first), at(first + 1), at(first + 2), at(first + 3)], [a, b, c, d], group == 0);
                }
                [a, b, c] => add::<3>(part, [at(first), at(first + 1), at(first + 2)], [a, b, c], group == 0),
                [a, b] => add::<2>(part, [at(first), at(first + 1)], [a, b], group == 0),
                [a] => add::<1>(part, [at(first)], [a], group == 0),
                _ => {}
            }
        }
    }
}

/// Adds `lines` times `weights` to `sums`, or to zeros when nothing was added before.
fn add<const COUNT: usize>(sums: &mut [f32], lines: [&[f32]; COUNT], weights: [f32; COUNT], is_first: bool) {
    if is_first {
        sums.fill(0.0);
    }
    let lines = lines.map(|line| &line[..sums.len()]);
    for index in 0..sums.len() {
        let mut sum = sums[index];
        for (line, weight) in lines.iter().zip(weights) {
            sum += line[index] * weight;
        }
        sums[index] = sum;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_those_of_plain_loops() {
        let source: Vec<f32> = (0..3000).map(|value| (value % 17) as f32 / 3.0).collect();
        for count in 1..10 {
            let weights: Vec<f32> = (0..count).map(|n| 0.3 - n as f32 / 7.0).collect();
            let mut mixed = vec![9.0; 2500];
            mix(&mut mixed, |number| &source[3 * number..], &weights);
            let plain = |index: usize| (0..count).fold(0.0, |sum, n| sum + source[3 * n + index] * weights[n]);
            assert!(
                mixed.iter().enumerate().all(|(index, sum)| sum.to_bits() == plain(index).to_bits()),
                "{count} weights"
            );
        }
    }

    #[test]
    fn lines_are_made_once_and_skipped_ones_never() {
        let mut made = Vec::new();
        let mut lines = Lines::new(2, 3, |number, line: &mut [f32]| {
            made.push(number);
            line.fill(number as f32);
        });
        for (first, end) in [(0, 2), (1, 3), (2, 5), (7, 9)] {
            lines.make(first, end);
            assert!((first..end).all(|number| lines.line(number) == [number as f32; 2]));
        }
        assert_eq!(made, [0, 1, 2, 3, 4, 7, 8]);
    }
}
