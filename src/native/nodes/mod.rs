//! The pure native nodes, one file a family, and their registry.
//!
//! A node takes [`Inputs`] and gives its outputs in the order of its ComfyUI signature. Nodes here
//! have no files, no clock and no randomness; what needs files belongs to the executor.

mod error;
mod registry;

pub use error::NodeError;
pub use registry::{MAX_RESULT_BYTES, NativeNode, classes, estimate_bytes, find, run};
