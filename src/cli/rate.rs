//! `comfywright rate` and `comfywright ratings`: opinions of people about the pictures of a test.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};

use super::{GlobalArgs, Output, plan::opened, signals::interrupted};
use crate::{
    app::{self, AppError, Desk, ExitCode, Mode, Session, Sources, count},
    web::{RatingOptions, serve_rating},
};

/// `comfywright rate`
#[derive(Args, Clone, Debug)]
pub struct RateArgs {
    /// An A/B test: its file, or its name in the workspace
    #[arg(value_name = "TEST")]
    pub document: String,

    /// Rate the pictures of this run of it; of its newest run without it
    #[arg(long, value_name = "RUN")]
    pub run: Option<String>,

    /// The port of the page; one that is free without it
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub port: u16,

    /// Who is rating
    #[arg(long, value_name = "NAME")]
    pub rater: Option<String>,

    /// What is chosen at first: which of two is better, or each from 1 to 5
    #[arg(long, value_name = "MODE", value_enum)]
    pub mode: Option<RatingMode>,

    /// Open the page in the browser
    #[arg(long)]
    pub open: bool,
}

/// How pictures are judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RatingMode {
    /// Which of two is better.
    Pairs,
    /// Each from 1 to 5.
    Stars,
}

/// `comfywright ratings`
#[derive(Args, Clone, Debug)]
pub struct RatingsArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: RatingsCommand,
}

/// What to do with ratings.
#[derive(Subcommand, Clone, Debug)]
pub enum RatingsCommand {
    /// Write ratings as sorted tables that can be kept in git: ratings/TEST.csv for each test
    Export(ExportRatingsArgs),
    /// Add the ratings of tables to the ledger; all of ratings/ without a name
    Import(ImportRatingsArgs),
}

/// `comfywright ratings export`
#[derive(Args, Clone, Debug)]
pub struct ExportRatingsArgs {
    /// Tests by name; all that were rated without one
    #[arg(value_name = "TEST")]
    pub tests: Vec<String>,

    /// Write one table here instead
    #[arg(long, value_name = "CSV")]
    pub out: Option<PathBuf>,
}

/// `comfywright ratings import`
#[derive(Args, Clone, Debug)]
pub struct ImportRatingsArgs {
    /// Tables
    #[arg(value_name = "CSV")]
    pub files: Vec<PathBuf>,
}

/// Runs `rate`.
pub fn rate(args: &RateArgs, global: &GlobalArgs, output: Output) -> ExitCode {
    let session = match opened(global, Some(&args.document)) {
        Ok(session) => session,
        Err(error) => return output.fail("rate", &error, &Sources::default()),
    };
    let sources = Sources::of(&session);
    let mode = args.mode.map(|mode| if mode == RatingMode::Stars { Mode::Stars } else { Mode::Pairs });
    let options = RatingOptions { port: args.port, rater: args.rater.clone(), mode };
    let served = Desk::open(&session, &args.document, args.run.as_deref()).and_then(|desk| {
        let (test, pictures) = (desk.test.clone(), desk.pictures());
        let ready = |url: &str| {
            let data = json!({ "test": test, "pictures": pictures, "url": url });
            output.line(&format!("{test}: {} at {url}", count(pictures, "picture")));
            // Who reads JSON waits for the address, not for the end.
            output.finish("rate", ExitCode::Done, data, &[], &sources);
            output.note("every answer is kept at once; Ctrl-C ends the page");
            if args.open
                && let Err(error) = opener::open(url)
            {
                output.note(&format!("failed to open the browser: {error}"));
            }
        };
        serve_rating(desk, &options, ready, interrupted())
    });
    match served {
        Ok(()) => ExitCode::Done,
        Err(error) => output.fail("rate", &error, &sources),
    }
}

/// Runs `ratings`.
pub fn ratings(args: &RatingsArgs, global: &GlobalArgs, output: Output) -> ExitCode {
    let session = match opened(global, None) {
        Ok(session) => session,
        Err(error) => return output.fail("ratings", &error, &Sources::default()),
    };
    let mut sources = Sources::of(&session);
    let done = match &args.command {
        RatingsCommand::Export(args) => exported(&session, args),
        RatingsCommand::Import(args) => {
            // So that what is wrong is shown with its line.
            let texts = args.files.iter().filter_map(|path| app::score_file(&session, path).ok());
            sources = texts.fold(sources, |sources, file| sources.with(file.name, file.text));
            imported(&session, args)
        }
    };
    match done {
        Ok((lines, data)) => {
            lines.iter().for_each(|line| output.line(line));
            output.finish("ratings", ExitCode::Done, data, &[], &sources)
        }
        Err(error) => output.fail("ratings", &error, &sources),
    }
}

fn exported(session: &Session, args: &ExportRatingsArgs) -> Result<(Vec<String>, Value), AppError> {
    let tables = app::export_opinions(session, &args.tests, args.out.as_deref())?;
    let mut lines: Vec<String> = tables
        .iter()
        .map(|table| {
            let state = if table.unchanged { ", as it was" } else { "" };
            format!("{} · {}{state}", table.path.display(), count(table.opinions, "opinion"))
        })
        .collect();
    if tables.is_empty() {
        lines.push("nobody has rated anything yet".to_owned());
    }
    let data: Vec<Value> = tables
        .iter()
        .map(|table| json!({ "file": table.path, "opinions": table.opinions, "unchanged": table.unchanged }))
        .collect();
    Ok((lines, json!({ "tables": data })))
}

fn imported(session: &Session, args: &ImportRatingsArgs) -> Result<(Vec<String>, Value), AppError> {
    let found = app::import_opinions(session, &args.files)?;
    let line = format!("{} new, {} known already", found.new, found.known);
    Ok((vec![line], json!({ "new": found.new, "known": found.known })))
}
