//! Documents on servers: real ones where there are any (`python3 tests/comfyui/server.py run -- cargo nextest run`), and
//! scripted ones for what a real one cannot be made to do.

mod comfy;
#[path = "../support/comfyui.rs"]
mod comfyui;
mod doctor;
mod sampling;
mod scripted;
mod shipped;
mod tls;
#[path = "../support/workspace.rs"]
mod workspace;
