//! What people's opinions of a test's pictures come to: ratings from 1 to 5, and votes between two.
//!
//! One look at all that is there: nothing here is made for looking again and again until something shows.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::stats::{
    Choice, FEWEST, Outcome, Sums, Vote, VoteError, holm, normal_tail, sign_flip_p, strengths, superiority,
};

/// Holds the strengths of who won every vote back from infinity.
const RIDGE: f64 = 0.01;

/// What sign vectors are drawn from, where there are too many to try all.
const SIGNS: u64 = 1;

/// One opinion, of variations by number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PersonSaid {
    /// A rating.
    Rating {
        /// The variation.
        variation: usize,
        /// From 1 to 5.
        stars: u8,
    },
    /// A vote.
    Vote {
        /// A variation.
        first: usize,
        /// The other one.
        second: usize,
        /// Which is better.
        choice: Choice,
    },
}

/// An opinion with who gave it and of which seed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonOpinion {
    /// Who.
    pub rater: String,
    /// Of the pictures of which seed.
    pub seed: String,
    /// What.
    pub said: PersonSaid,
}

/// What opinions come to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PeopleVerdict {
    /// Name of the test.
    pub test: String,
    /// Version of the test.
    pub version: String,
    /// `ratings` or `votes`.
    pub by: &'static str,
    /// Whether one variation is better than all others, at the test's alpha.
    pub outcome: Outcome,
    /// It.
    pub winner: Option<String>,
    /// The one that is ahead; without a winner this claims nothing.
    pub recommended: Option<String>,
    /// Probability of a false winner that is accepted.
    pub alpha: f64,
    /// Who was heard.
    pub raters: Vec<String>,
    /// How many opinions were heard.
    pub opinions: usize,
    /// Seeds of which somebody said something.
    pub seeds: usize,
    /// The variations in the order of the test.
    pub variations: Vec<PeopleVariation>,
    /// Every two variations, the one ahead first.
    pub pairs: Vec<PeoplePair>,
}

/// What was said of a variation.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PeopleVariation {
    /// Its name.
    pub name: String,
    /// Opinions that were about it.
    pub opinions: usize,
    /// Of ratings the mean; of votes the strength, in logarithms of odds.
    pub score: Option<f64>,
}

/// Two variations compared.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PeoplePair {
    /// The one that is ahead.
    pub variation: String,
    /// The other one.
    pub against: String,
    /// Seeds of which both have ratings, or votes between any variations.
    pub seeds: usize,
    /// Of ratings the mean difference within seeds; of votes that of strengths.
    pub difference: f64,
    /// The probability that a picture of it is rated above, or preferred to, one of the other, half of ties counted.
    pub preferred: f64,
    /// Two-sided.
    pub p: f64,
    /// Adjusted for all pairs, by Holm.
    pub adjusted_p: f64,
}

/// Which test opinions are about.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// Its name.
    pub test: &'a str,
    /// Its version.
    pub version: &'a str,
    /// Its variations.
    pub variations: &'a [&'a str],
    /// Probability of a false winner that is accepted.
    pub alpha: f64,
}

/// A comparison before it is adjusted.
struct Compared {
    one: usize,
    other: usize,
    seeds: usize,
    difference: f64,
    preferred: f64,
    p: f64,
}

/// What ratings come to: differences within seeds, whose signs are flipped. Raters of a seed count together, by their
/// mean, since they saw the same picture.
pub fn judge_ratings(asked: Asked<'_>, opinions: &[PersonOpinion]) -> PeopleVerdict {
    let count = asked.variations.len();
    let mut by_seed: BTreeMap<&str, Vec<Sums>> = BTreeMap::new();
    let mut all: Vec<Vec<f64>> = vec![Vec::new(); count];
    let mut heard = Vec::new();
    for opinion in opinions {
        let PersonSaid::Rating { variation, stars } = opinion.said else { continue };
        heard.push(opinion);
        all[variation].push(f64::from(stars));
        by_seed.entry(&opinion.seed).or_insert_with(|| vec![Sums::default(); count])[variation].push(f64::from(stars));
    }
    let mean = |sums: &Sums| (sums.count > 0).then(|| sums.mean());
    let compared = pairs(count).filter_map(|(one, other)| {
        let of_seed = |sums: &Vec<Sums>| Some((mean(&sums[one])?, mean(&sums[other])?));
        let both: Vec<(f64, f64)> = by_seed.values().filter_map(of_seed).collect();
        let differences: Vec<f64> = both.iter().map(|(one, other)| one - other).collect();
        let (ones, others): (Vec<f64>, Vec<f64>) = both.into_iter().unzip();
        Some(Compared {
            one,
            other,
            seeds: differences.len(),
            difference: Sums::of(&differences).mean(),
            preferred: superiority(&others, &ones)?,
            p: sign_flip_p(&differences, SIGNS),
        })
    });
    let compared: Vec<Compared> = compared.collect();
    let scores: Vec<Option<f64>> =
        all.iter().map(|stars| (!stars.is_empty()).then(|| Sums::of(stars).mean())).collect();
    let opinions: Vec<usize> = all.iter().map(Vec::len).collect();
    verdict(asked, "ratings", &heard, &scores, &opinions, &compared)
}

/// What votes come to: strengths by Bradley and Terry with Davidson's ties, and differences by a covariance that does not
/// take votes about the pictures of one seed for independent ones.
pub fn judge_votes(asked: Asked<'_>, opinions: &[PersonOpinion]) -> Result<PeopleVerdict, VoteError> {
    let count = asked.variations.len();
    let mut seeds: BTreeMap<&str, usize> = BTreeMap::new();
    let mut heard = Vec::new();
    let mut votes = Vec::new();
    let mut about = vec![0; count];
    for opinion in opinions {
        let PersonSaid::Vote { first, second, choice } = opinion.said else { continue };
        let next = seeds.len();
        let cluster = *seeds.entry(&opinion.seed).or_insert(next);
        heard.push(opinion);
        votes.push(Vote { first, second, choice, cluster });
        about[first] += 1;
        about[second] += 1;
    }
    let found = strengths(count, &votes, RIDGE)?;
    // Few clusters make the sandwich too narrow.
    let clusters = seeds.len() as f64;
    let widened = clusters / (clusters - 1.0).max(0.5);
    let compared = pairs(count).map(|(one, other)| {
        let of =
            |covariance: &[Vec<f64>]| covariance[one][one] + covariance[other][other] - 2.0 * covariance[one][other];
        let variance = of(&found.covariance).max(widened * of(&found.robust_covariance));
        let difference = found.strengths[one] - found.strengths[other];
        let p = if variance > 0.0 { 2.0 * normal_tail(difference.abs() / variance.sqrt()) } else { 1.0 };
        Compared { one, other, seeds: seeds.len(), difference, preferred: found.preference(one, other), p: p.min(1.0) }
    });
    let scores: Vec<Option<f64>> = found.strengths.iter().copied().map(Some).collect();
    let compared: Vec<Compared> = compared.collect();
    Ok(verdict(asked, "votes", &heard, &scores, &about, &compared))
}

/// Every two of `count`.
fn pairs(count: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..count).flat_map(move |one| (one + 1..count).map(move |other| (one, other)))
}

fn verdict(
    asked: Asked<'_>,
    by: &'static str,
    heard: &[&PersonOpinion],
    scores: &[Option<f64>],
    opinions: &[usize],
    compared: &[Compared],
) -> PeopleVerdict {
    let adjusted = holm(&compared.iter().map(|pair| pair.p).collect::<Vec<_>>());
    let seeds: BTreeSet<&str> = heard.iter().map(|opinion| opinion.seed.as_str()).collect();
    let ahead = |pair: &Compared| if pair.difference >= 0.0 { pair.one } else { pair.other };
    let enough = |pair: &Compared| pair.seeds >= FEWEST as usize;
    let beats_all = |candidate: usize| {
        let won = compared.iter().zip(&adjusted);
        let won = won.filter(|(pair, p)| ahead(pair) == candidate && enough(pair) && **p <= asked.alpha);
        won.count() == scores.len() - 1
    };
    let winner = (0..scores.len()).find(|candidate| beats_all(*candidate));
    let best =
        |a: &usize, b: &usize| scores[*a].partial_cmp(&scores[*b]).unwrap_or(std::cmp::Ordering::Equal).then(b.cmp(a));
    let leader = winner.or_else(|| (0..scores.len()).filter(|number| scores[*number].is_some()).max_by(best));
    let name = |number: usize| asked.variations[number].to_owned();
    let pair = |(pair, adjusted_p): (&Compared, &f64)| {
        let is_first = pair.difference >= 0.0;
        let (one, other) = if is_first { (pair.one, pair.other) } else { (pair.other, pair.one) };
        PeoplePair {
            variation: name(one),
            against: name(other),
            seeds: pair.seeds,
            difference: pair.difference.abs(),
            preferred: if is_first { pair.preferred } else { 1.0 - pair.preferred },
            p: pair.p,
            adjusted_p: *adjusted_p,
        }
    };
    let variations = (0..scores.len()).map(|number| PeopleVariation {
        name: name(number),
        opinions: opinions[number],
        score: scores[number],
    });
    let raters: BTreeSet<&String> = heard.iter().map(|opinion| &opinion.rater).collect();
    PeopleVerdict {
        test: asked.test.to_owned(),
        version: asked.version.to_owned(),
        by,
        outcome: if winner.is_some() { Outcome::Winner } else { Outcome::BudgetOut },
        winner: winner.map(name),
        recommended: leader.map(name),
        alpha: asked.alpha,
        raters: raters.into_iter().cloned().collect(),
        opinions: heard.len(),
        seeds: seeds.len(),
        variations: variations.collect(),
        pairs: compared.iter().zip(&adjusted).map(pair).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ASKED: Asked<'_> = Asked { test: "t", version: "1.0.0", variations: &["a", "b", "c"], alpha: 0.05 };

    fn rating(rater: &str, seed: u32, variation: usize, stars: u8) -> PersonOpinion {
        let said = PersonSaid::Rating { variation, stars };
        PersonOpinion { rater: rater.to_owned(), seed: seed.to_string(), said }
    }

    fn vote(seed: u32, first: usize, second: usize, choice: Choice) -> PersonOpinion {
        let said = PersonSaid::Vote { first, second, choice };
        PersonOpinion { rater: "x".to_owned(), seed: seed.to_string(), said }
    }

    #[test]
    fn the_best_rated_wins_when_there_are_enough_seeds() {
        let said = |seeds: u32| -> Vec<PersonOpinion> {
            let of_seed = |seed: u32| {
                let lower = 1 + (seed % 2) as u8;
                [
                    rating("x", seed, 0, lower),
                    rating("x", seed, 1, lower + 2),
                    rating("y", seed, 1, lower + 3),
                    rating("x", seed, 2, lower),
                ]
            };
            (0..seeds).flat_map(of_seed).collect()
        };
        let verdict = judge_ratings(ASKED, &said(10));
        assert_eq!((verdict.outcome, verdict.winner.as_deref()), (Outcome::Winner, Some("b")));
        assert_eq!((verdict.opinions, verdict.seeds, verdict.raters.len()), (40, 10, 2));
        let first = &verdict.pairs[0];
        // 2 of 1,024 sign vectors are as far from 0, and three pairs are compared.
        assert_eq!((first.variation.as_str(), first.against.as_str(), first.difference), ("b", "a", 2.5));
        assert!((first.p - 2.0 / 1024.0).abs() < 1e-12 && (first.adjusted_p - 3.0 * first.p).abs() < 1e-12);
        assert!(first.preferred > 0.9);
        let few = judge_ratings(ASKED, &said(4));
        assert_eq!((few.outcome, few.winner, few.recommended.as_deref()), (Outcome::BudgetOut, None, Some("b")));
    }

    #[test]
    fn raters_of_one_picture_are_no_more_pictures() {
        let of_seed = |seed: u32| {
            (0..50).flat_map(move |rater| [0, 1].map(|v| rating(&rater.to_string(), seed, v, 1 + 4 * v as u8)))
        };
        let two = Asked { variations: &["a", "b"], ..ASKED };
        let verdict = judge_ratings(two, &(0..4).flat_map(of_seed).collect::<Vec<_>>());
        assert_eq!((verdict.winner, verdict.pairs[0].p), (None, 0.125));
    }

    #[test]
    fn votes_find_the_preferred_one() {
        let of_seed = |seed: u32| {
            let odd = if seed.is_multiple_of(5) { Choice::Tie } else { Choice::First };
            [
                vote(seed, 0, 1, odd),
                vote(seed, 0, 2, Choice::First),
                vote(seed, 1, 2, if seed.is_multiple_of(2) { Choice::First } else { Choice::Second }),
            ]
        };
        let verdict = judge_votes(ASKED, &(0..20).flat_map(of_seed).collect::<Vec<_>>()).unwrap();
        assert_eq!((verdict.winner.as_deref(), verdict.variations[0].opinions), (Some("a"), 40));
        assert!(verdict.pairs[2].adjusted_p > 0.3, "{:?}", verdict.pairs[2]);
        // One seed says something of one seed.
        let one = judge_votes(ASKED, &of_seed(1)).unwrap();
        assert_eq!(one.winner, None);
    }

    #[test]
    fn votes_that_do_not_meet_are_refused() {
        let apart = judge_votes(ASKED, &[vote(1, 0, 1, Choice::First)]).unwrap_err();
        assert_eq!(apart, VoteError::Disconnected { groups: vec![vec![0, 1], vec![2]] });
        assert_eq!(judge_votes(ASKED, &[]).unwrap_err(), VoteError::NoVotes);
    }
}
