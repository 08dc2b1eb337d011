//! The statistics of A/B tests: from scores to a decision that claims no more than they show.
//!
//! A test has blocks: one seed, run for every variation that is still in. Comparisons are of differences within
//! blocks. [`Plan`] says before any score is seen how the test is decided, [`Race`] takes the blocks one by one,
//! and [`Decision`] is what it came to. `docs/ab.md` has the formulas and their sources.
//!
//! Pure: scores are numbers, variations are places in a list, chance comes from a seed. Knows no documents.

mod decision;
mod distribution;
mod evidence;
mod multiple;
mod pairs;
mod plan;
mod power;
mod race;
mod scale;
mod sequential;
mod summary;
mod votes;

pub use decision::{Decision, DropReason, Dropped, Estimate, Outcome, Warning};
pub use distribution::{normal_density, normal_point, normal_tail, t_point, t_tail};
pub use evidence::{BETS, Bets, Evidence, RATES, evidence_interval, wealth_above};
pub use multiple::{e_bh, holm};
pub use pairs::{sign_flip_p, superiority};
pub use plan::{FEWEST, Look, METHOD, Plan, PlanError, Rule, Settings};
pub use power::{POWER, detectable_difference};
pub use race::{BlockError, Race, decide};
pub use scale::ScoreScale;
pub use sequential::{Spending, upper_bounds};
pub use summary::{Resampler, Sums, TTest, acceleration, bca_interval, paired_t, seed_correlation, welch_t};
pub use votes::{Choice, Strengths, Vote, VoteError, strengths};
