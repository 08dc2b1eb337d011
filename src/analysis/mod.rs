//! What a run's record means: where its time went, which way its items went, what it measured.
//!
//! What scores of a test decide. Readers over rows of the ledger, free of clock and files. Knows no pages.

mod ab;
mod address;
mod course;
mod happened;
mod links;
mod numbers;
mod trace;

pub use ab::{
    Asked, Blocks, LookPoint, MeasuredSpread, OtherMetric, PeoplePair, PeopleVariation, PeopleVerdict, PersonOpinion,
    PersonSaid, ScoreTable, TestTerms, TestVerdict, VariationVerdict, judge_blocks, judge_ratings, judge_test,
    judge_votes, look_points, measured_spread, read_scores,
};
pub use address::{address_of, parts_of, short_label};
pub use course::{Bar, Course, EndKind, ExecutorCourse, course};
pub use happened::{Happened, Step, happened};
pub use links::waits;
pub use numbers::{FailureGroup, MetricRow, RetryRow, RouteCount, failures, metric_rows, retries, route_counts};
pub use trace::{TracedDecision, TracedRule, Verdict, trace};
