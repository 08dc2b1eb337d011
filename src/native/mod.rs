//! In-process versions of ComfyUI's core nodes that need no model: same class names, same
//! meaning, arithmetic at parity with the real thing.
//!
//! [`value`] is what flows between nodes, [`nodes`] the pure nodes themselves and their registry.

mod evaluate;
mod executor;
pub mod files;
pub mod nodes;
mod own;
mod step;
pub mod value;

pub use executor::{NATIVE_VERSION, NativeExecutor, NativeSettings};
pub use nodes::{NativeNode, NodeError, classes, estimate_bytes, run};
pub use own::{
    DEFAULT_CONFIDENCE, DrawnMask, Finder, FoundThing, FoundThings, cut_out, draw_mask, finished, mask_files,
};
pub use step::{StepError, is_native, native_classes};
pub use value::{Inputs, NodeValue};
