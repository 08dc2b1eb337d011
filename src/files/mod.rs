//! Files as a tree with places: TOML and KDL are read into one [`Node`], printed from it, and
//! edited in place by byte ranges.
//!
//! Must not know what any document means; a [`Shape`] tells it which keys hold what.

mod comments;
mod format;
mod shape;
pub mod toml;
mod tree;
mod world;

pub use format::Format;
pub use shape::{Field, Shape, TableShape};
pub use tree::{Comments, Element, Entry, Node, NodeKind, Path, Step, Table};
pub use world::{
    DirWorld, FileInfo, FileKind, Listed, MemoryWorld, PathError, Stream, World, WorldError, join_relative,
};

/// Levels of lists and tables that a document may have inside one another.
pub const MAX_DEPTH: usize = 64;
