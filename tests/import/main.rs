//! What somebody built in ComfyUI as presets.

mod isomorphic;
mod oracle;
mod workspace;
