//! What somebody built in ComfyUI as presets.

#[path = "../support/comfyui.rs"]
mod comfyui;
mod fixtures;
mod isomorphic;
mod laws;
mod oracle;
mod server;
#[path = "../support/with_files.rs"]
mod with_files;
mod workspace;
