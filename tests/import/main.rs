//! What somebody built in ComfyUI as presets.

mod fixtures;
mod isomorphic;
mod oracle;
#[path = "../support/with_files.rs"]
mod with_files;
mod workspace;
