//! Votes about pairs: the Bradley-Terry model with Davidson's ties.
//!
//! A variation of strength `s` is preferred to one of strength `r` with odds `exp(s - r)`; a tie has the weight
//! `nu sqrt(exp(s) exp(r))` (Davidson, 1970). Strengths add up to 0.

use super::distribution::normal_point;

/// What a person said of two variations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// The first is better.
    First,
    /// The second is better.
    Second,
    /// Neither is.
    Tie,
}

/// One vote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vote {
    /// A variation, by number.
    pub first: usize,
    /// The other one.
    pub second: usize,
    /// Which is better.
    pub choice: Choice,
    /// What the vote has in common with others, such as who gave it: votes of a cluster are not counted as
    /// independent.
    pub cluster: usize,
}

/// Why there are no strengths.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VoteError {
    /// Nothing was compared.
    #[error("there are no votes")]
    NoVotes,
    /// A vote names a variation that there is not, or twice the same.
    #[error("vote {number} compares no two variations")]
    NoPair {
        /// Which vote, from 0.
        number: usize,
    },
    /// Some variations were never compared with the others, not even by way of third ones.
    #[error("the votes fall into {} groups that were never compared with each other", groups.len())]
    Disconnected {
        /// The groups, each in ascending order.
        groups: Vec<Vec<usize>>,
    },
}

/// What the votes say.
#[derive(Clone, Debug, PartialEq)]
pub struct Strengths {
    /// The strength of each variation, in logarithms of odds; they add up to 0.
    pub strengths: Vec<f64>,
    /// Davidson's nu: 0 where nobody called a tie.
    pub ties: f64,
    /// Logarithm of the likelihood, without the ridge.
    pub log_likelihood: f64,
    /// Covariance of the strengths if all votes are independent and the model holds.
    pub covariance: Vec<Vec<f64>>,
    /// Covariance that allows for clusters and for a model that does not quite hold (a sandwich).
    pub robust_covariance: Vec<Vec<f64>>,
}

impl Strengths {
    /// The interval of `strength(a) - strength(b)` by a covariance of [`Strengths`].
    pub fn difference_interval(&self, covariance: &[Vec<f64>], a: usize, b: usize, level: f64) -> [f64; 2] {
        let variance = covariance[a][a] + covariance[b][b] - 2.0 * covariance[a][b];
        let reach = normal_point(0.5 * (1.0 - level)) * variance.max(0.0).sqrt();
        let difference = self.strengths[a] - self.strengths[b];
        [difference - reach, difference + reach]
    }

    /// The probability that `a` is preferred to `b`, plus half that of a tie.
    pub fn preference(&self, a: usize, b: usize) -> f64 {
        let [first, _, tie] = shares(self.strengths[a] - self.strengths[b], self.ties);
        first + 0.5 * tie
    }
}

/// Probabilities of first, second and tie at the difference `d` of strengths.
fn shares(d: f64, ties: f64) -> [f64; 3] {
    let (first, second) = ((0.5 * d).exp(), (-0.5 * d).exp());
    let all = first + second + ties;
    [first / all, second / all, ties / all]
}

/// Fits strengths to votes about `variations` variations, by Newton's method. `ridge` is the weight of half the
/// sum of squared strengths: a small one keeps them finite where somebody has won every vote.
pub fn strengths(variations: usize, votes: &[Vote], ridge: f64) -> Result<Strengths, VoteError> {
    check(variations, votes)?;
    let has_ties = votes.iter().any(|vote| vote.choice == Choice::Tie);
    let model = Model { variations, votes, ridge, has_ties };
    let mut at = vec![0.0; model.size()];
    let mut value = model.penalised(&at);
    for _ in 0..200 {
        let (gradient, information) = (model.gradient(&at), model.information(&at));
        let step = times(&inverse(&information), &gradient);
        let mut scale = 1.0;
        let (next, after) = loop {
            let next: Vec<f64> = at.iter().zip(&step).map(|(a, s)| a + scale * s).collect();
            let after = model.penalised(&next);
            if after >= value || scale < 1e-9 {
                break (next, after);
            }
            scale *= 0.5;
        };
        let moved = step.iter().map(|s| (scale * s).abs()).fold(0.0, f64::max);
        at = next;
        value = after;
        if moved < 1e-12 {
            break;
        }
    }
    Ok(model.finish(&at))
}

fn check(variations: usize, votes: &[Vote]) -> Result<(), VoteError> {
    let is_pair = |vote: &Vote| vote.first != vote.second && vote.first.max(vote.second) < variations;
    if let Some(number) = votes.iter().position(|vote| !is_pair(vote)) {
        return Err(VoteError::NoPair { number });
    }
    if votes.is_empty() {
        return Err(VoteError::NoVotes);
    }
    let groups = groups(variations, votes);
    if groups.len() > 1 { Err(VoteError::Disconnected { groups }) } else { Ok(()) }
}

/// Variations that votes connect, directly or by way of others.
fn groups(variations: usize, votes: &[Vote]) -> Vec<Vec<usize>> {
    let mut group: Vec<usize> = (0..variations).collect();
    for vote in votes {
        let (from, to) = (group[vote.first], group[vote.second]);
        group.iter_mut().filter(|g| **g == from).for_each(|g| *g = to);
    }
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for member in 0..variations {
        match groups.iter_mut().find(|g| group[g[0]] == group[member]) {
            Some(found) => found.push(member),
            None => groups.push(vec![member]),
        }
    }
    groups
}

struct Model<'a> {
    variations: usize,
    votes: &'a [Vote],
    ridge: f64,
    has_ties: bool,
}

impl Model<'_> {
    /// Parameters: the strengths, then the logarithm of nu.
    fn size(&self) -> usize {
        self.variations + usize::from(self.has_ties)
    }

    fn ties(&self, at: &[f64]) -> f64 {
        if self.has_ties { at[self.variations].exp() } else { 0.0 }
    }

    fn log_likelihood(&self, at: &[f64]) -> f64 {
        let ties = self.ties(at);
        let one = |vote: &Vote| {
            let [first, second, tie] = shares(at[vote.first] - at[vote.second], ties);
            match vote.choice {
                Choice::First => first.ln(),
                Choice::Second => second.ln(),
                Choice::Tie => tie.ln(),
            }
        };
        self.votes.iter().map(one).sum()
    }

    fn penalised(&self, at: &[f64]) -> f64 {
        self.log_likelihood(at) - 0.5 * self.ridge * at[..self.variations].iter().map(|s| s * s).sum::<f64>()
    }

    /// The derivative of the logarithm of one vote's probability, by the difference of strengths and by the
    /// logarithm of nu.
    fn score(&self, at: &[f64], vote: &Vote) -> (f64, f64) {
        let [first, second, tie] = shares(at[vote.first] - at[vote.second], self.ties(at));
        let (won, tied) = match vote.choice {
            Choice::First => (1.0, 0.0),
            Choice::Second => (-1.0, 0.0),
            Choice::Tie => (0.0, 1.0),
        };
        (0.5 * (won - (first - second)), tied - tie)
    }

    fn add_score(&self, at: &[f64], vote: &Vote, sum: &mut [f64]) {
        let (by_difference, by_ties) = self.score(at, vote);
        sum[vote.first] += by_difference;
        sum[vote.second] -= by_difference;
        if self.has_ties {
            sum[self.variations] += by_ties;
        }
    }

    fn gradient(&self, at: &[f64]) -> Vec<f64> {
        let mut sum: Vec<f64> = at.iter().map(|s| -self.ridge * s).collect();
        if self.has_ties {
            sum[self.variations] = 0.0;
        }
        self.votes.iter().for_each(|vote| self.add_score(at, vote, &mut sum));
        sum
    }

    /// Minus the second derivatives. A weight of 1 on the square of the strengths' sum, which the votes say
    /// nothing about, keeps it at 0.
    fn information(&self, at: &[f64]) -> Vec<Vec<f64>> {
        let (size, ties) = (self.size(), self.ties(at));
        let mut all = vec![vec![0.0; size]; size];
        for (i, row) in all.iter_mut().enumerate().take(self.variations) {
            row[..self.variations].iter_mut().for_each(|cell| *cell += 1.0);
            row[i] += self.ridge;
        }
        for vote in self.votes {
            let [first, second, tie] = shares(at[vote.first] - at[vote.second], ties);
            let lead = first - second;
            let (i, j) = (vote.first, vote.second);
            let by_difference = 0.25 * (first + second - lead * lead);
            all[i][i] += by_difference;
            all[j][j] += by_difference;
            all[i][j] -= by_difference;
            all[j][i] -= by_difference;
            if self.has_ties {
                let (t, both) = (self.variations, -0.5 * tie * lead);
                all[i][t] += both;
                all[t][i] += both;
                all[j][t] -= both;
                all[t][j] -= both;
                all[t][t] += tie * (1.0 - tie);
            }
        }
        all
    }

    fn finish(&self, at: &[f64]) -> Strengths {
        let inverse = inverse(&self.information(at));
        let clusters = self.votes.iter().map(|vote| vote.cluster).max().map_or(0, |most| most + 1);
        let mut scores = vec![vec![0.0; self.size()]; clusters];
        self.votes.iter().for_each(|vote| self.add_score(at, vote, &mut scores[vote.cluster]));
        let reached: Vec<Vec<f64>> = scores.iter().map(|score| times(&inverse, score)).collect();
        let robust = |i: usize, j: usize| reached.iter().map(|r| r[i] * r[j]).sum();
        // What the weight on the sum adds to the inverse.
        let sum_part = 1.0 / ((self.variations * self.variations) as f64 + self.ridge * self.variations as f64);
        let plain = |i: usize, j: usize| inverse[i][j] - sum_part;
        Strengths {
            strengths: at[..self.variations].to_vec(),
            ties: self.ties(at),
            log_likelihood: self.log_likelihood(at),
            covariance: square(self.variations, plain),
            robust_covariance: square(self.variations, robust),
        }
    }
}

fn square(size: usize, cell: impl Fn(usize, usize) -> f64) -> Vec<Vec<f64>> {
    (0..size).map(|i| (0..size).map(|j| cell(i, j)).collect()).collect()
}

fn times(matrix: &[Vec<f64>], vector: &[f64]) -> Vec<f64> {
    matrix.iter().map(|row| row.iter().zip(vector).map(|(a, b)| a * b).sum()).collect()
}

/// The inverse of a positive definite matrix, by elimination without pivots.
fn inverse(matrix: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let size = matrix.len();
    let mut rows: Vec<Vec<f64>> = matrix.to_vec();
    for (i, row) in rows.iter_mut().enumerate() {
        row.extend((0..size).map(|j| f64::from(u8::from(i == j))));
    }
    for i in 0..size {
        let pivot = rows[i][i];
        rows[i].iter_mut().for_each(|cell| *cell /= pivot);
        let row = rows[i].clone();
        for other in rows.iter_mut().enumerate().filter(|(j, _)| *j != i).map(|(_, other)| other) {
            let factor = other[i];
            other.iter_mut().zip(&row).for_each(|(cell, value)| *cell -= factor * value);
        }
    }
    rows.into_iter().map(|row| row[size..].to_vec()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vote(first: usize, second: usize, choice: Choice, cluster: usize) -> Vote {
        Vote { first, second, choice, cluster }
    }

    #[test]
    fn groups_that_never_met_are_refused() {
        let votes = [vote(0, 1, Choice::First, 0), vote(2, 3, Choice::Tie, 1)];
        assert_eq!(
            strengths(5, &votes, 0.1),
            Err(VoteError::Disconnected { groups: vec![vec![0, 1], vec![2, 3], vec![4]] })
        );
        assert_eq!(strengths(2, &[], 0.1), Err(VoteError::NoVotes));
        assert_eq!(strengths(2, &[vote(0, 0, Choice::Tie, 0)], 0.1), Err(VoteError::NoPair { number: 0 }));
        assert_eq!(strengths(2, &[vote(0, 2, Choice::Tie, 0)], 0.1), Err(VoteError::NoPair { number: 0 }));
    }

    #[test]
    fn who_wins_everything_stays_finite_with_a_ridge() {
        let votes: Vec<Vote> = (0..10).map(|k| vote(0, 1, Choice::First, k)).collect();
        let found = strengths(2, &votes, 0.1).unwrap();
        assert!(found.strengths[0] > 1.0 && found.strengths[0] < 5.0, "{found:?}");
        assert!((found.strengths[0] + found.strengths[1]).abs() < 1e-9);
        assert!(found.preference(0, 1) > 0.9);
    }

    #[test]
    fn who_is_first_makes_no_difference() {
        let one = [(0, 1, Choice::First), (1, 2, Choice::Tie), (0, 2, Choice::First), (2, 1, Choice::First)];
        let turned = one.map(|(a, b, choice)| match choice {
            Choice::First => vote(b, a, Choice::Second, 0),
            other => vote(b, a, other, 0),
        });
        let one = one.map(|(a, b, choice)| vote(a, b, choice, 0));
        let (one, turned) = (strengths(3, &one, 0.05).unwrap(), strengths(3, &turned, 0.05).unwrap());
        for (a, b) in one.strengths.iter().zip(&turned.strengths) {
            assert!((a - b).abs() < 1e-9);
        }
    }

    /// A rater who repeats himself is no second rater: the robust interval widens, the other does not.
    #[test]
    fn votes_of_a_cluster_are_not_independent() {
        let choices = [Choice::First, Choice::First, Choice::Second, Choice::First, Choice::Second, Choice::First];
        let once: Vec<Vote> = choices.iter().enumerate().map(|(k, c)| vote(0, 1, *c, k)).collect();
        let thrice: Vec<Vote> = (0..3).flat_map(|_| once.clone()).collect();
        let (once, thrice) = (strengths(2, &once, 0.0).unwrap(), strengths(2, &thrice, 0.0).unwrap());
        assert!((thrice.robust_covariance[0][0] / once.robust_covariance[0][0] - 1.0).abs() < 1e-6);
        assert!((thrice.covariance[0][0] * 3.0 / once.covariance[0][0] - 1.0).abs() < 1e-6);
    }
}
