//! `comfywright.lock`: against what the documents were checked, and what of it has changed since.

mod drift;
mod file;

pub use drift::{Drift, DriftKind, HashSection, LockedFacts, Surroundings};
pub use file::{LOCK_FILE, LOCK_FORMAT, Lock, LockedHash, LockedServer, read_lock};
