//! The run engine: the planner alone, its laws, and the dispatcher with a real ledger.

mod dispatcher;
mod planner;
mod scenario;
mod world;
