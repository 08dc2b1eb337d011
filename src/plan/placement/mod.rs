//! Which ready item goes where, and when: a pure decision over what a run may use.
//!
//! `fifo` and `critical_path` give every server the first item in order that it takes. `smart` weighs
//! for every server what it would cost it to turn to a model or a prefix that it does not have against
//! what it has, and leaves to another server what that one has. Everything is kept in buckets, so that
//! a decision costs the same with a hundred items and with a hundred thousand.
//!
//! Knows of items only their kinds and ranks; states, retries and rules are the planner's.

mod belief;
mod buckets;
mod here;
mod placer;
mod remaining;
mod server;
mod smart;

pub use placer::{Place, Placer};
pub use server::Access;
