//! What every executor does alike: names of an item's files, and writing them whole or not at all.
//!
//! Knows neither nodes nor servers.

mod files;
mod names;

pub use files::{FileError, TEMPORARY_PREFIX, inside, read, record, sweep, sync_folder, write};
pub use names::{output_path, safe_stem};
