//! The real program in folders of its own.

mod ab;
mod again;
mod browser;
mod check;
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
mod mask;
mod models;
mod pages;
mod plan;
mod rating;
mod runs;
mod scorers;
mod support;
mod templates;
mod trace;
