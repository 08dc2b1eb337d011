//! Models that run in this process: fetched into a cache that workspaces share, checked against their
//! manifests, loaded with tract, and asked about pictures.
//!
//! Manifests are [`crate::model`]'s. Knows neither documents nor graphs.

mod attention;
mod built_in;
mod cache;
mod detect;
mod download;
mod engine;
mod error;
mod inspect;
mod memory;
mod onnx;
mod optimised;
mod packages;
mod picture;
mod ports;
mod promptable;
mod pull;
mod resize;
mod rewrite;
mod store;
mod text;
mod tiles;
mod winograd;

pub use built_in::is_built_in;
pub use cache::{Content, ModelCache, Presence, sha256_of};
pub use detect::MOST_DETECTIONS;
pub use error::ModelError;
pub use inspect::{input_names, token_id};
pub use promptable::PromptedMask;
pub use pull::{PullEvent, PullOptions, add_file, pull};
pub use store::{ModelStore, NSFW, StoreSettings};
