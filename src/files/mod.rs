//! Files as a tree with places: TOML and KDL are read into one [`Node`], printed from it, and
//! edited in place by byte ranges.
//!
//! Must not know what any document means; a [`Shape`] tells it which keys hold what.

mod shape;
mod tree;
mod world;

pub use shape::{Field, Shape, TableShape};
pub use tree::{Comments, Element, Entry, Node, NodeKind, Path, Step, Table};
pub use world::{
    DirWorld, FileInfo, FileKind, Listed, MemoryWorld, PathError, Stream, World, WorldError, join_relative,
};
