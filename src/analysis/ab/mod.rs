//! A/B tests: scores from a table, and what they decide.
//!
//! Scores come as text and go to `stats`; the answer has names again. Knows no files and no ledger.

mod scores;
mod verdict;

pub use scores::{ScoreTable, read_scores};
pub use verdict::{OtherMetric, TestVerdict, VariationVerdict, judge_test, plan_of};
