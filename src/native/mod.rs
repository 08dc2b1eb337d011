//! In-process versions of ComfyUI's core nodes that need no model: same class names, same
//! meaning, arithmetic at parity with the real thing.
//!
//! [`value`] is what flows between nodes, [`nodes`] the pure nodes themselves and their registry.

pub mod nodes;
pub mod value;

pub use nodes::{NativeNode, NodeError, classes, estimate_bytes, run};
pub use value::{Inputs, NodeValue};
