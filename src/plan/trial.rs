//! A test among the items of a plan: which item is which sample.

use super::model::ItemIx;
use crate::stats;

/// How the samples of a test are taken: block by block, until the race of its variations is decided.
///
/// A sample is one item. It depends on no other item of the test, and nothing depends on it.
#[derive(Clone, Debug, PartialEq)]
pub struct Trial {
    /// The metric that decides.
    pub metric: String,
    /// Whether people give its values: a sample that is made waits for what they say of it.
    pub asks_people: bool,
    /// How its values become scores.
    pub scale: stats::ScoreScale,
    /// The rules of decision.
    pub rules: stats::Plan,
    /// For each block, in the order in which they are looked at, the sample of each variation.
    pub blocks: Vec<Vec<ItemIx>>,
}
