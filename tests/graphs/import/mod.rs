//! What somebody built in ComfyUI as presets.

mod fixtures;
mod isomorphic;
mod laws;
mod oracle;
mod server;
mod workspace;

use super::{comfyui, with_files};
