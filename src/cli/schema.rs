//! `comfywright schema`: the JSON schemas.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde_json::json;

use super::Output;
use crate::{
    app::{self, ExitCode, SchemaKind, Sources, file_text},
    model::Kind,
};

/// `comfywright schema`
#[derive(Args, Clone, Debug)]
pub struct SchemaArgs {
    /// What the schema describes; documents of every kind without it
    #[arg(value_name = "KIND", value_enum)]
    pub kind: Option<SchemaName>,

    /// Write the schema to a file in this folder; all schemas without a KIND
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

/// What a schema describes, as on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum SchemaName {
    /// Presets
    Preset,
    /// Templates
    Template,
    /// A/B tests
    AbTest,
    /// Chains
    Chain,
    /// Masks
    Mask,
    /// Documents of every kind
    Document,
    /// comfywright.toml
    Config,
    /// Manifests of models
    Model,
}

impl From<SchemaName> for SchemaKind {
    fn from(name: SchemaName) -> Self {
        match name {
            SchemaName::Preset => Self::Kind(Kind::Preset),
            SchemaName::Template => Self::Kind(Kind::Template),
            SchemaName::AbTest => Self::Kind(Kind::AbTest),
            SchemaName::Chain => Self::Kind(Kind::Chain),
            SchemaName::Mask => Self::Kind(Kind::Mask),
            SchemaName::Document => Self::Document,
            SchemaName::Config => Self::Config,
            SchemaName::Model => Self::Model,
        }
    }
}

/// Runs the verb.
pub fn run(args: &SchemaArgs, output: Output) -> ExitCode {
    let kind = args.kind.map(SchemaKind::from);
    let Some(folder) = &args.out else {
        let schema = kind.unwrap_or(SchemaKind::Document).schema();
        output.text(&file_text(&schema));
        return output.finish("schema", ExitCode::Done, json!({ "schema": schema }), &[], &Sources::default());
    };
    match app::write_schemas(folder, kind) {
        Err(error) => output.fail("schema", &error, &Sources::default()),
        Ok(written) => {
            for path in &written {
                output.line(&format!("wrote {}", path.display()));
            }
            output.finish("schema", ExitCode::Done, json!({ "written": written }), &[], &Sources::default())
        }
    }
}
