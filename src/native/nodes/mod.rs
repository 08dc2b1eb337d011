//! The pure native nodes, one file a family, and their registry.
//!
//! A node takes [`Inputs`](super::Inputs) and gives its outputs in the order of its ComfyUI
//! signature. Nodes here have no files, no clock and no randomness; what needs files belongs to
//! the executor.

mod adjust;
mod compositing;
mod error;
mod images;
mod masks;
mod primitives;
mod python_regex;
mod regexes;
mod registry;
mod resize;
mod sizes;
mod strings;

pub use error::NodeError;
pub use registry::{MAX_RESULT_BYTES, NativeNode, classes, estimate_bytes, find, run};

use sizes::{MAX_SIDE, as_large_as, image_bytes, mask_bytes, unfit};
