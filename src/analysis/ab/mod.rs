//! A/B tests: scores, from a table or from the blocks of a run, and what they decide.
//!
//! Scores go to `stats`; the answer has names again. Knows no files and no ledger.

mod looks;
mod people;
mod scores;
mod spread;
mod terms;
mod verdict;

pub use looks::{LookPoint, look_points};
pub use people::{
    Asked, PeoplePair, PeopleVariation, PeopleVerdict, PersonOpinion, PersonSaid, judge_ratings, judge_votes,
};
pub use scores::{ScoreTable, read_scores};
pub use spread::{MeasuredSpread, measured_spread};
pub use terms::TestTerms;
pub use verdict::{Blocks, OtherMetric, TestVerdict, VariationVerdict, judge_blocks, judge_test};
