//! comfywright: ComfyUI pipelines as code.
//!
//! The layers, from the bottom up; a module imports only modules that stand above it here:
//!
//! | layer | modules | what it is |
//! |---|---|---|
//! | base | [`ident`], [`amounts`], [`codes`], [`content_hash`], [`diagnostic`], [`stats`], [`raster`], [`imagefile`], [`vision`], [`draw`] | pure, no project types |
//! | files | [`files`] | spanned tree, TOML, KDL, edits, access to a workspace's files |
//! | meaning | [`graph`], [`rules`], [`model`] | graphs and node signatures; expressions; documents |
//! | judgement | [`compile`], [`check`], [`import`], [`diff`] | document -> items and graphs; what is wrong with it; graph -> document; what differs |
//! | intent | [`plan`] | the items of a run and what each waits for |
//! | engine | [`run`] | pure planner, dispatcher, ports |
//! | adapters | [`failpoint`], [`outputs`], [`models`], [`comfy`], [`native`], [`scorers`], [`ledger`], [`git`] | what implements the ports |
//! | readers | [`analysis`], [`report`] | what a run's record means; pages and drawings of plans and runs |
//! | operations | [`app`] | one function for each operation; wires everything |
//! | surface | [`mcp`], [`web`], [`cli`] | the MCP server, pages that answer, and the command line; only the latter prints |

pub mod amounts;
pub mod analysis;
pub mod app;
pub mod check;
pub mod cli;
pub mod codes;
pub mod comfy;
pub mod compile;
pub mod content_hash;
pub mod diagnostic;
pub mod diff;
pub mod draw;
pub mod failpoint;
pub mod files;
pub mod git;
pub mod graph;
pub mod ident;
pub mod imagefile;
pub mod import;
pub mod ledger;
pub mod mcp;
pub mod model;
pub mod models;
pub mod native;
pub mod outputs;
pub mod plan;
pub mod raster;
pub mod report;
pub mod rules;
pub mod run;
pub mod scorers;
pub mod stats;
pub mod vision;
pub mod web;
