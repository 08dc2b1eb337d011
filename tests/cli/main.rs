//! The real program in folders of its own.

mod ab;
mod again;
mod browser;
mod changes;
mod check;
#[path = "../support/comfyui.rs"]
mod comfyui;
mod convert;
mod doctor;
mod envelope;
mod explain;
mod export;
mod fix;
mod fmt;
mod graph;
mod graph_files;
mod import;
mod init;
mod interrupted;
mod mask;
mod mcp;
mod models;
mod pages;
mod people;
mod plan;
mod rating;
mod runs;
mod scorers;
mod shapes;
mod support;
mod templates;
mod test_pages;
mod things;
mod trace;
mod trial;
