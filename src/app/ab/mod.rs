//! A/B tests: their samples as items of a chain, what is fixed before the first one, what they came to.

mod adopt;
mod analyze;
mod begin;
mod create;
mod forecast;
mod prompts;
mod report;
mod samples;
mod state;
mod track;
mod trial;

pub use adopt::{AdoptRequest, Adopted, adopt};
pub use analyze::{Analyzed, ScoreFile, analyze_scores, score_file};
pub use create::{TestDraft, TestRequest, combinations, draft_test, identifier, inserted};
pub use forecast::TestForecast;
pub use prompts::{TestOutlook, TestPrompt, test_outlook, test_state};
pub use report::{WrittenTestReport, write_test_report};
pub use state::{Spent, TestState, test_of_run};
pub use track::{TrackRequest, Tracked, track};

pub(super) use begin::{extended, new_test, refuse_other_method};
pub(super) use forecast::forecast;
pub(super) use samples::{all_samples, tree_of_samples};
pub(super) use state::keep_verdict;
pub(super) use trial::{refuse_same_samples, terms_of, trial_of};
