//! What a run's record means: where its time went, what its rules decided, what it measured.
//!
//! Readers over rows of the ledger. Knows neither files nor pages.

mod duration;

pub use duration::duration_text;
