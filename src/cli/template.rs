//! `comfywright template`: texts with variables, by themselves.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{
    GlobalArgs, Output,
    args::parse_setting,
    plan::{columns, opened},
};
use crate::app::{self, AppError, ExitCode, Session, Sources, TemplateRow};

/// `comfywright template`
#[derive(Args, Clone, Debug)]
pub struct TemplateArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: TemplateCommand,
}

/// What to do with templates.
#[derive(Subcommand, Clone, Debug)]
pub enum TemplateCommand {
    /// Print the text that a template makes of values
    Render(RenderArgs),
    /// List the templates with their variables
    List,
    /// List the variables of a template, or the values that one of them is known to take
    Complete(CompleteArgs),
}

/// `comfywright template render`
#[derive(Args, Clone, Debug)]
pub struct RenderArgs {
    /// A template: its file, its name, or a reference such as portrait@2
    #[arg(value_name = "NAME")]
    pub name: String,

    /// The value of a variable; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = parse_setting)]
    pub set: Vec<(String, String)>,

    /// What choices are drawn from: the same seed gives the same text
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
}

/// `comfywright template complete`
#[derive(Args, Clone, Debug)]
pub struct CompleteArgs {
    /// A template: its file, its name, or a reference
    #[arg(value_name = "NAME")]
    pub name: String,

    /// One of its variables, whose values to list
    #[arg(value_name = "PARAM")]
    pub variable: Option<String>,

    /// What they begin with
    #[arg(value_name = "PREFIX", default_value = "")]
    pub prefix: String,
}

/// Runs the verb.
pub fn run(args: &TemplateArgs, global: &GlobalArgs, output: Output) -> ExitCode {
    let document = match &args.command {
        TemplateCommand::Render(args) => Some(args.name.as_str()),
        TemplateCommand::Complete(args) => Some(args.name.as_str()),
        TemplateCommand::List => None,
    };
    let session = match opened(global, document) {
        Ok(session) => session,
        Err(error) => return output.fail("template", &error, &Sources::default()),
    };
    let sources = Sources::of(&session);
    match answered(&session, &args.command) {
        Ok((lines, data)) => {
            lines.iter().for_each(|line| output.line(line));
            output.finish("template", ExitCode::Done, data, &[], &sources)
        }
        Err(error) => output.fail("template", &error, &sources),
    }
}

fn answered(session: &Session, command: &TemplateCommand) -> Result<(Vec<String>, Value), AppError> {
    match command {
        TemplateCommand::Render(args) => {
            let seed = args.seed.map(|seed| ("seed".to_owned(), seed.to_string()));
            let set: Vec<(String, String)> = args.set.iter().cloned().chain(seed).collect();
            let rendered = app::render_template(session, &args.name, &set)?;
            Ok((vec![rendered.text.clone()], json!(rendered)))
        }
        TemplateCommand::List => {
            let rows = app::list_templates(session);
            Ok((columns(rows.iter().map(listed)), json!({ "templates": rows })))
        }
        TemplateCommand::Complete(args) => {
            let found = app::complete_template(session, &args.name, args.variable.as_deref(), &args.prefix)?;
            let lines = columns(found.iter().map(|one| [one.value.clone(), one.help.clone()]));
            Ok((lines, json!({ "completions": found })))
        }
    }
}

/// What is required stands as it is, what is not in brackets.
fn listed(row: &TemplateRow) -> [String; 4] {
    let variables = row
        .variables
        .iter()
        .map(|variable| if variable.required { variable.name.clone() } else { format!("[{}]", variable.name) });
    let about = row.title.clone().or_else(|| row.description.clone()).unwrap_or_default();
    [row.name.clone(), row.version.clone(), variables.collect::<Vec<_>>().join(" "), about]
}
