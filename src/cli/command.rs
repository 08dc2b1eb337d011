//! The words of the command line, and which verb takes them.

use std::{ffi::OsString, path::PathBuf};

use clap::{Args, Parser, Subcommand, error::ErrorKind};

use super::{
    ab, again, args, check, completions, convert, diff, doctor, explain, export, fmt, gc, graph, history, import, init,
    lock, mask, mcp, models,
    output::{ColorChoice, Output},
    pages::{huge_pages, small_pages},
    plan, rate, report, results, run, schema, servers, snapshot, template, trace,
};
use crate::app::{self, AppError, ExitCode, Sources};

/// ComfyUI pipelines as code.
///
/// Presets, prompt tests, batch chains and masks are small TOML or KDL files in git; comfywright
/// checks them, runs them and remembers every result.
#[derive(Parser, Debug)]
#[command(name = "comfywright", version, disable_help_subcommand = true, infer_subcommands = false)]
pub struct Cli {
    /// What holds for every verb.
    #[command(flatten)]
    pub global: GlobalArgs,

    /// The verb.
    #[command(subcommand)]
    pub command: Command,
}

/// Arguments that every verb takes.
#[derive(Args, Clone, Debug)]
pub struct GlobalArgs {
    /// Answer with one JSON value on standard output
    #[arg(long, global = true)]
    pub json: bool,

    /// When to use colours
    #[arg(long, global = true, value_name = "WHEN", value_enum, default_value_t)]
    pub color: ColorChoice,

    /// A folder in the workspace to work in; the current folder without it
    #[arg(long, global = true, value_name = "DIR")]
    pub workspace: Option<PathBuf>,
}

/// The verbs.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Make a folder a workspace, with a first chain that runs at once
    Init(init::InitArgs),
    /// Say what is wrong with documents
    Check(check::CheckArgs),
    /// Put documents in the canonical layout
    Fmt(fmt::FmtArgs),
    /// Write a document in the other format
    Convert(convert::ConvertArgs),
    /// Make a preset of a workflow, or of a picture or film that was made with one
    Import(import::ImportArgs),
    /// Write a preset, or an item of a chain, as a graph that ComfyUI takes or its editor opens
    Export(export::ExportArgs),
    /// Convert ComfyUI's own files
    Graph(graph::GraphArgs),
    /// Print the JSON schemas of documents, or write them to a folder
    Schema(schema::SchemaArgs),
    /// Print completions for a shell
    Completions(completions::CompletionsArgs),
    /// Say whether disk, secrets and servers are fit for the documents, and what to do about it
    Doctor(doctor::DoctorArgs),
    /// Say what differs between documents, graphs, snapshots or commits, and what work that makes
    Diff(diff::DiffArgs),
    /// Write down what documents were checked against and what they use
    Lock(lock::LockArgs),
    /// Keep what a server can do as a file, by which check judges without the server
    Snapshot(snapshot::SnapshotArgs),
    /// Say how the servers are, what they have to do and what they can do
    Servers(servers::ServersArgs),
    /// Take a server out of use: what is with it is finished, and nothing new goes there
    Drain(servers::DrainArgs),
    /// Put a server back into use
    Resume(servers::ResumeArgs),
    /// Make masks of an image: what stands out, a colour, the layers of a mask document
    Mask(mask::MaskArgs),
    /// List, fetch, check, add and remove the models that run in this process
    Models(models::ModelsArgs),
    /// Render, list and complete templates
    Template(template::TemplateArgs),
    /// Say what an A/B test decides
    Ab(ab::AbArgs),
    /// Serve a page on which people rate the pictures of an A/B test, without seeing which is which
    Rate(rate::RateArgs),
    /// Keep what people said of pictures as tables in git, and read it back
    Ratings(rate::RatingsArgs),
    /// Say what a run would do
    Plan(args::PlanArgs),
    /// Run a chain or a preset; an unfinished run of the same work is continued
    Run(args::RunArgs),
    /// Say where a run stands
    Status(args::StatusArgs),
    /// List the runs
    Runs(args::RunsArgs),
    /// Show the items of a run, one item, or what made a file
    Show(args::ShowArgs),
    /// Write a page that shows where a run's time went, which way its items went, and what was made
    Report(args::ReportArgs),
    /// Say why an item went the way it went: every decision, with all rules and what they read
    Trace(args::TraceArgs),
    /// Say what a code of a finding means, or why an item was made again
    Explain(args::ExplainArgs),
    /// List the files that a run has made, while it goes on as well
    Results(results::ResultsArgs),
    /// Make failed items of a run again, or any that are named
    Retry(again::RetryArgs),
    /// Let a run wait: what runs is finished, and nothing new begins
    Pause(again::PauseArgs),
    /// Let a run that waits go on
    Continue(again::ContinueArgs),
    /// Give a run up, whether a process works on it or not
    Cancel(args::CancelArgs),
    /// Let held items go on
    Approve(args::ApproveArgs),
    /// Turn held items down
    Reject(args::RejectArgs),
    /// Make room: remove outputs of runs that have ended, and what only saves time, the oldest first
    Gc(gc::GcArgs),
    /// Serve the workspace to an MCP client on standard input and output
    Mcp(mcp::McpArgs),
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    // Until it is known what is to be done.
    let had_huge_pages = small_pages();
    let arguments: Vec<OsString> = std::env::args_os().collect();
    if let Err(error) = app::arm_failpoints() {
        return Output::new(false, ColorChoice::Never).fail("", &error, &Sources::default());
    }
    match Cli::try_parse_from(&arguments) {
        Ok(cli) => {
            if had_huge_pages && !matches!(cli.command, Command::Run(_) | Command::Retry(_) | Command::Mcp(_)) {
                huge_pages();
            }
            dispatch(&cli)
        }
        Err(error) => refused(&error, &arguments),
    }
}

fn dispatch(cli: &Cli) -> ExitCode {
    let (global, output) = (&cli.global, Output::new(cli.global.json, cli.global.color));
    match &cli.command {
        Command::Init(args) => init::run(args, global, output),
        Command::Check(args) => check::run(args, global, output),
        Command::Fmt(args) => fmt::run(args, global, output),
        Command::Convert(args) => convert::run(args, global, output),
        Command::Import(args) => import::run(args, global, output),
        Command::Export(args) => export::run(args, global, output),
        Command::Graph(args) => graph::run(args, output),
        Command::Schema(args) => schema::run(args, output),
        Command::Completions(args) => completions::run(args, output),
        Command::Doctor(args) => doctor::run(args, global, output),
        Command::Diff(args) => diff::run(args, global, output),
        Command::Lock(args) => lock::run(args, global, output),
        Command::Snapshot(args) => snapshot::run(args, global, output),
        Command::Servers(args) => servers::servers(args, global, output),
        Command::Drain(args) => servers::drain(args, global, output),
        Command::Resume(args) => servers::resume(args, global, output),
        Command::Mask(args) => mask::run(args, global, output),
        Command::Models(args) => models::run(args, global, output),
        Command::Template(args) => template::run(args, global, output),
        Command::Ab(args) => ab::run(args, global, output),
        Command::Rate(args) => rate::rate(args, global, output),
        Command::Ratings(args) => rate::ratings(args, global, output),
        Command::Plan(args) => plan::run(args, global, output),
        Command::Run(args) => run::run(args, global, output),
        Command::Status(args) => history::status(args, global, output),
        Command::Runs(_) => history::runs(global, output),
        Command::Show(args) => history::show(args, global, output),
        Command::Report(args) => report::run(args, global, output),
        Command::Trace(args) => trace::run(args, global, output),
        Command::Explain(args) => explain::run(args, global, output),
        Command::Results(args) => results::run(args, global, output),
        Command::Retry(args) => again::retry(args, global, output),
        Command::Pause(args) => again::pause(args, global, output),
        Command::Continue(args) => again::go_on(args, global, output),
        Command::Cancel(args) => run::cancel(args, global, output),
        Command::Approve(args) => run::approve(args, global, output),
        Command::Reject(args) => run::reject(args, global, output),
        Command::Gc(args) => gc::run(args, global, output),
        Command::Mcp(args) => mcp::run(args, global, output),
    }
}

/// Answers what is no command: help, the version, or what is wrong with it.
fn refused(error: &clap::Error, arguments: &[OsString]) -> ExitCode {
    let asked = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
    let json = arguments.iter().take_while(|a| *a != "--").any(|a| a == "--json");
    if asked || !json {
        // Nowhere is left to say that the terminal cannot be written.
        let _ = error.print();
        return if asked { ExitCode::Done } else { ExitCode::WrongFiles };
    }
    let text = error.to_string();
    let message = text.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned();
    let error = AppError::Usage { message, hint: Some("see comfywright --help".to_owned()) };
    Output::new(true, ColorChoice::Never).fail("", &error, &Sources::default())
}
