//! What people said of the samples of a test that they decide.

use std::sync::Arc;

use super::desk::variation_and_seed;
use crate::{
    analysis::TestTerms,
    ident::HashMap,
    ledger::{Judgement, Ledger, Opinion},
    model::PREFERENCE,
    run::{AskedSample, People},
    stats::Sums,
};

/// The opinions of the ledger about one version of a test. What was said of a picture holds for that picture alone.
pub(in crate::app) struct Opinions {
    test: String,
    version: String,
    ledger: Arc<Ledger>,
}

/// A sample as opinions know it.
struct Known {
    variation: String,
    seed: String,
    picture: String,
    fingerprint: String,
}

impl Known {
    fn of(sample: &AskedSample) -> Option<Self> {
        let (variation, seed) = variation_and_seed(&sample.address)?;
        let picture = sample.result.files.first()?.hash.clone();
        Some(Self { variation, seed, picture, fingerprint: sample.result.fingerprint.clone() })
    }
}

impl Opinions {
    /// Those about the test of `terms`.
    pub(in crate::app) fn new(terms: &TestTerms, ledger: Arc<Ledger>) -> Self {
        Self { test: terms.test.clone(), version: terms.version.clone(), ledger }
    }

    /// The mean of what raters gave; where nobody did, what a client said of the output.
    fn rating(&self, sample: &Known, said: &[Judgement]) -> Option<f64> {
        let stars = said.iter().filter(|said| {
            said.other.is_none()
                && (&said.variation, &said.seed, &said.picture) == (&sample.variation, &sample.seed, &sample.picture)
        });
        let stars: Vec<f64> = stars
            .filter_map(|said| match said.value {
                Opinion::Rating(stars) => Some(f64::from(stars)),
                _ => None,
            })
            .collect();
        if stars.is_empty() {
            return self.ledger.rating_of(&sample.fingerprint).ok().flatten();
        }
        Some(Sums::of(&stars).mean())
    }
}

impl People for Opinions {
    fn said(&self, metric: &str, block: &[AskedSample]) -> Option<Vec<f64>> {
        let said = self.ledger.judgements(Some(&self.test)).ok()?;
        let said: Vec<Judgement> = said.into_iter().filter(|said| said.version == self.version).collect();
        let samples: Vec<Known> = block.iter().map(Known::of).collect::<Option<_>>()?;
        if metric == PREFERENCE {
            return preferences(&samples, &said);
        }
        samples.iter().map(|sample| self.rating(sample, &said)).collect()
    }
}

/// For each sample of a block the mean share of votes that it won against each other one, half of ties counted; none
/// while there is no vote about two of them.
fn preferences(samples: &[Known], said: &[Judgement]) -> Option<Vec<f64>> {
    let place: HashMap<(&str, &str), usize> = samples
        .iter()
        .enumerate()
        .map(|(place, sample)| ((sample.variation.as_str(), sample.picture.as_str()), place))
        .collect();
    let seed = samples.first().map(|sample| sample.seed.as_str())?;
    let count = samples.len();
    let mut votes = vec![vec![Vec::new(); count]; count];
    for vote in said.iter().filter(|said| said.seed == seed) {
        let Some(other) = &vote.other else { continue };
        let one = place.get(&(vote.variation.as_str(), vote.picture.as_str()));
        let other = place.get(&(other.as_str(), vote.other_picture.as_str()));
        let (Some(one), Some(other)) = (one, other) else { continue };
        let won = match vote.value {
            Opinion::First => 1.0,
            Opinion::Second => 0.0,
            Opinion::Tie => 0.5,
            Opinion::Rating(_) => continue,
        };
        votes[*one][*other].push(won);
        votes[*other][*one].push(1.0 - won);
    }
    let share = |one: usize| {
        let others = (0..count).filter(|other| *other != one);
        let won: Option<Vec<f64>> =
            others.map(|other| (!votes[one][other].is_empty()).then(|| Sums::of(&votes[one][other]).mean())).collect();
        // Who is alone has nobody to win against.
        won.map(|won| if won.is_empty() { 0.5 } else { Sums::of(&won).mean() })
    };
    (0..count).map(share).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(variation: &str) -> Known {
        let (seed, fingerprint) = ("7".to_owned(), String::new());
        Known { variation: variation.to_owned(), seed, picture: format!("picture of {variation}"), fingerprint }
    }

    fn vote(one: &str, other: &str, value: Opinion) -> Judgement {
        Judgement {
            test: "t".to_owned(),
            version: "1.0.0".to_owned(),
            rater: "x".to_owned(),
            seed: "7".to_owned(),
            variation: one.to_owned(),
            other: Some(other.to_owned()),
            value,
            picture: format!("picture of {one}"),
            other_picture: format!("picture of {other}"),
            time_ns: 0,
        }
    }

    #[test]
    fn a_preference_is_the_share_of_votes_won_once_every_two_were_compared() {
        let samples = ["a", "b", "c"].map(sample);
        let mut said = vec![vote("a", "b", Opinion::First), vote("a", "c", Opinion::Tie)];
        assert_eq!(preferences(&samples, &said), None, "b and c were not compared");
        said.push(vote("b", "c", Opinion::Second));
        assert_eq!(preferences(&samples, &said), Some(vec![0.75, 0.0, 0.75]));
        said.push(vote("a", "b", Opinion::Second));
        assert_eq!(preferences(&samples, &said), Some(vec![0.5, 0.25, 0.75]), "two raters of the same two pictures");
        let other_picture = Judgement { picture: "another".to_owned(), ..vote("a", "b", Opinion::First) };
        assert_eq!(preferences(&samples[..2], &[other_picture]), None, "it was about another picture");
        assert_eq!(preferences(&samples[..1], &[]), Some(vec![0.5]));
    }
}
