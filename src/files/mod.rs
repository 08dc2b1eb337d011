//! Files as a tree with places: TOML and KDL are read into one [`Node`], printed from it, and
//! edited in place by byte ranges.
//!
//! Must not know what any document means; a [`Shape`] tells it which keys hold what.

mod comments;
mod deserialize;
pub mod edit;
mod findings;
mod format;
pub mod kdl;
mod layout;
mod literal;
mod shape;
mod table;
pub mod toml;
mod tree;
mod validate;
mod world;

pub use findings::MAX_DEPTH;
pub use format::Format;
pub use shape::{Field, Pattern, Shape, TableShape};
pub use table::{CsvPlaces, csv_delimiter};
pub use tree::{Comments, Element, Entry, KeyText, Node, NodeKind, Path, Step, Table};
pub use validate::validate;
pub use world::{
    DirWorld, FileInfo, FileKind, Listed, MemoryWorld, PathError, Stream, World, WorldError, join_relative,
};
