//! KDL 2.0: read into the tree by the shape of the document, and printed from it.
//!
//! The structure is read here, in one pass that nests at most [`super::MAX_DEPTH`] deep and knows
//! the place of every comment; strings and numbers are decoded by the `kdl` crate, whose reading
//! of whole documents the tests compare with. (The crate's own document parser overflows the stack
//! on input such as a long row of `}` and doubles its time with each nested `/-{`.)

mod literal;
mod parse;
mod print;
mod raw;
mod rules;
pub(super) mod syntax;
mod values;

pub use parse::parse;
pub use print::print;
pub(super) use print::print_entry;
pub(super) use rules::{Form, Place, Reader};
