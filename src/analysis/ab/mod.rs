//! A/B tests: scores from a table, and what they decide.
//!
//! Scores come as text and go to `stats`; the answer has names again. Knows no files and no ledger.

mod people;
mod scores;
mod verdict;

pub use people::{
    Asked, PeoplePair, PeopleVariation, PeopleVerdict, PersonOpinion, PersonSaid, judge_ratings, judge_votes,
};
pub use scores::{ScoreTable, read_scores};
pub use verdict::{OtherMetric, TestVerdict, VariationVerdict, judge_test, plan_of};
