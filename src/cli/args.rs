//! The arguments of the verbs around runs.

use std::path::PathBuf;

use clap::{
    Args,
    builder::{PossibleValuesParser, TypedValueParser},
};

use crate::app::GraphFormat;

/// Where to judge and place a document's graphs.
#[derive(Args, Clone, Debug, Default)]
pub struct TargetArgs {
    /// Set a variable, a parameter or a setting: `style=studio`; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = parse_setting)]
    pub set: Vec<(String, String)>,

    /// Run only on this server of comfywright.toml, or on `native`; may be repeated
    #[arg(long = "server", value_name = "NAME")]
    pub server: Vec<String>,
}

/// `comfywright plan`
#[derive(Args, Clone, Debug)]
pub struct PlanArgs {
    /// A document: its file, or its name in the workspace
    #[arg(value_name = "FILE")]
    pub document: String,

    /// Settings and servers.
    #[command(flatten)]
    pub target: TargetArgs,

    /// Judge node classes by this snapshot or `object_info` of a server
    #[arg(long, value_name = "FILE")]
    pub object_info: Option<PathBuf>,

    /// Draw the tasks: as a picture, for Markdown, for Graphviz, or as a page whose tasks open
    #[arg(long, value_name = "FORMAT", value_parser = graph_formats())]
    pub graph: Option<GraphFormat>,

    /// Show the items of this task in the graph; may be repeated
    #[arg(long, value_name = "TASK", requires = "graph")]
    pub expand: Vec<String>,

    /// Write the graph to this file instead of standard output
    #[arg(long, value_name = "FILE", requires = "graph")]
    pub out: Option<PathBuf>,
}

/// `comfywright run`
#[derive(Args, Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub struct RunArgs {
    /// A document: its file, or its name in the workspace
    #[arg(value_name = "FILE", required_unless_present = "resume")]
    pub document: Option<String>,

    /// Settings and servers.
    #[command(flatten)]
    pub target: TargetArgs,

    /// Go on with this run, with the settings that it was begun with
    #[arg(long, value_name = "RUN", conflicts_with_all = ["document", "set", "server", "seeds", "only", "new", "more", "restart"])]
    pub resume: Option<String>,

    /// Start the run in a process of its own, say which run it is, and leave it to that process
    #[arg(long, conflicts_with_all = ["events", "open"])]
    pub detach: bool,

    /// Read only the files that are open to clients
    #[arg(long, hide = true)]
    pub confined: bool,

    /// Run a preset once for each of these seeds, such as 1..8 (both ends included)
    #[arg(long, value_name = "FROM..TO", value_parser = parse_seeds)]
    pub seeds: Option<(u64, u64)>,

    /// Run only this task and what it needs; may be repeated
    #[arg(long, value_name = "TASK")]
    pub only: Vec<String>,

    /// Run at most so many items at the same time, whatever the chain says
    #[arg(long, value_name = "ITEMS", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub parallel: Option<u32>,

    /// Bring results.jsonl in the outputs up to date after every so many finished items
    #[arg(long, value_name = "ITEMS", value_parser = clap::value_parser!(u32).range(1..))]
    pub checkpoint: Option<u32>,

    /// Open the results when the run has ended
    #[arg(long)]
    pub open: bool,

    /// Compare the content of every file that is used again, not only its size and time
    #[arg(long)]
    pub verify: bool,

    /// Allow partner nodes, which cost money
    #[arg(long)]
    pub allow_spend: bool,

    /// Run only if servers, models and input files are as comfywright.lock says
    #[arg(long)]
    pub locked: bool,

    /// Start a new run even if an earlier one can be continued
    #[arg(long)]
    pub new: bool,

    /// Add so many samples for each variation to an A/B test that has ended without a decision
    #[arg(long, value_name = "SAMPLES", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub more: Option<u32>,

    /// Begin an A/B test anew although its rules of decision were changed after somebody had looked
    #[arg(long, conflicts_with = "more")]
    pub restart: bool,

    /// Agree to what an A/B test may cost
    #[arg(long)]
    pub yes: bool,

    /// Write every event as a line of JSON to standard output
    #[arg(long)]
    pub events: bool,
}

/// `comfywright status`
#[derive(Args, Clone, Debug)]
pub struct StatusArgs {
    /// A run; the latest one without it
    #[arg(value_name = "RUN")]
    pub run: Option<String>,

    /// Keep looking: tasks, servers, what runs, what ended, the time that is left (q leaves)
    #[arg(long)]
    pub watch: bool,
}

/// `comfywright runs`
#[derive(Args, Clone, Debug)]
pub struct RunsArgs {}

/// `comfywright show`
#[derive(Args, Clone, Debug)]
pub struct ShowArgs {
    /// A run, or a file that a run made
    #[arg(value_name = "RUN|FILE")]
    pub subject: String,

    /// One item of the run, such as generate[sku=A1]
    #[arg(value_name = "ITEM")]
    pub item: Option<String>,
}

/// `comfywright report`
#[derive(Args, Clone, Debug)]
pub struct ReportArgs {
    /// A run
    #[arg(value_name = "RUN")]
    pub run: String,

    /// Write the page to this file; to report.html in the folder of the run without it
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,

    /// Most MiB of small pictures in the page; 0 for none
    #[arg(long, value_name = "MIB", default_value_t = 24)]
    pub pictures: u32,

    /// Open the page
    #[arg(long)]
    pub open: bool,
}

/// `comfywright trace`
#[derive(Args, Clone, Debug)]
pub struct TraceArgs {
    /// A run
    #[arg(value_name = "RUN")]
    pub run: String,

    /// One item of it, such as generate[sku=A1], or a task for all of its items
    #[arg(value_name = "TASK[ITEM]")]
    pub item: String,
}

/// `comfywright explain`
#[derive(Args, Clone, Debug)]
pub struct ExplainArgs {
    /// A code that a command printed, such as unknown-class; or a run
    #[arg(value_name = "CODE|RUN", required_unless_present = "codes")]
    pub subject: Option<String>,

    /// One item of the run, such as generate[sku=A1]
    #[arg(value_name = "ITEM")]
    pub item: Option<String>,

    /// List all codes
    #[arg(long, conflicts_with = "subject")]
    pub codes: bool,
}

/// `comfywright cancel`
#[derive(Args, Clone, Debug)]
pub struct CancelArgs {
    /// A run
    #[arg(value_name = "RUN")]
    pub run: String,
}

/// `comfywright approve`
#[derive(Args, Clone, Debug)]
pub struct ApproveArgs {
    /// A run
    #[arg(value_name = "RUN")]
    pub run: String,

    /// Held items, such as generate[sku=A1]; all of them without one
    #[arg(value_name = "ITEM")]
    pub items: Vec<String>,
}

/// `comfywright reject`
#[derive(Args, Clone, Debug)]
pub struct RejectArgs {
    /// A run
    #[arg(value_name = "RUN")]
    pub run: String,

    /// Held items, such as generate[sku=A1]; all of them without one
    #[arg(value_name = "ITEM")]
    pub items: Vec<String>,
}

fn graph_formats() -> impl TypedValueParser<Value = GraphFormat> {
    let names = GraphFormat::ALL.map(GraphFormat::name);
    PossibleValuesParser::new(names).try_map(|name| name.parse::<GraphFormat>())
}

pub(super) fn parse_setting(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.trim().is_empty() => Ok((key.trim().to_owned(), value.to_owned())),
        _ => Err("write it as KEY=VALUE".to_owned()),
    }
}

fn parse_seeds(text: &str) -> Result<(u64, u64), String> {
    let number = |part: &str| part.trim().parse::<u64>().map_err(|_| format!("\"{part}\" is not a seed"));
    let (from, to) = match text.split_once("..") {
        Some((from, to)) => (number(from)?, number(to.trim_start_matches('='))?),
        None => (number(text)?, number(text)?),
    };
    if from <= to { Ok((from, to)) } else { Err("the first seed is larger than the last".to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_and_seeds() {
        assert_eq!(parse_setting("a=b=c"), Ok(("a".to_owned(), "b=c".to_owned())));
        assert!(parse_setting("=b").is_err() && parse_setting("a").is_err());
        assert_eq!(parse_seeds("1..8"), Ok((1, 8)));
        assert_eq!(parse_seeds("7"), Ok((7, 7)));
        assert!(parse_seeds("8..1").is_err() && parse_seeds("-1..2").is_err());
    }
}
