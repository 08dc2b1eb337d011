//! Graphs to documents: what somebody built in ComfyUI as a preset that a team can review.
//!
//! Pure: gets bytes or a graph and says what the document is; knows neither paths nor servers.

mod error;
mod names;
mod outputs;
mod params;
mod preset;
mod source;
mod texts;
mod view;

pub use error::ImportError;
pub use params::Range;
pub use preset::{ExposedInput, PresetRequest, likely_params, preset, unknown_classes};
pub use source::{Source, SourceError, read_source};
