//! What carries runs out and remembers them, and the numbers by which tests are decided.

mod ledger_store;
mod run_engine;
mod stats_golden;
mod stats_race;
