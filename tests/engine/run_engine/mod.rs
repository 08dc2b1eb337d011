//! The run engine: the planner alone, its laws, and the dispatcher with a real ledger.
// Killed processes and inodes are those of Unix.
#![cfg(unix)]

mod again;
mod clock;
mod crash;
mod dispatcher;
mod laws;
mod planner;
mod scenario;
mod servers;
mod trial;
mod world;
