//! Graphs to documents: what somebody built in ComfyUI as a preset that a team can review.
//!
//! Pure: gets a graph and says what the document is; knows neither files nor servers.

mod names;
mod preset;

pub use preset::{ExposedInput, ImportError, PresetRequest, preset};
