//! What somebody built in ComfyUI as presets.

mod fixtures;
mod isomorphic;
mod oracle;
mod workspace;
