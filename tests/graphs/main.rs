//! Graphs: judged, converted between a drawing and what is submitted, and imported as presets.

mod check;
#[path = "../support/comfyui.rs"]
mod comfyui;
mod convert_fixtures;
mod convert_oracle;
mod import;
mod oracle;
#[path = "../support/redrawn.rs"]
mod redrawn;
#[path = "../support/with_files.rs"]
mod with_files;
