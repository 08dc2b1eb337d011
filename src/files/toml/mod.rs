//! TOML: read into the tree with places and comments, and printed in the canonical layout.
//!
//! Reads TOML 1.1 (what the crate accepts) and writes TOML 1.0. Knows shapes, but no document.

mod parse;
mod print;
mod scalar;
pub(super) mod syntax;

pub use parse::parse;
pub(super) use print::inline;
pub use print::print;
