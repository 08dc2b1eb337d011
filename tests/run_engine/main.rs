//! The run engine: the planner alone, its laws, and the dispatcher with a real ledger.

mod crash;
mod dispatcher;
mod laws;
mod planner;
mod scenario;
mod world;
