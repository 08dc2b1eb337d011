//! `comfywright convert`: a document in the other format.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use super::{GlobalArgs, Output, format_name::FormatName};
use crate::app::{self, ConvertOptions, Destination, ExitCode, Session, SessionOptions, Sources};

/// `comfywright convert`
#[derive(Args, Clone, Debug)]
pub struct ConvertArgs {
    /// A document: its file, or its name in the workspace
    #[arg(value_name = "FILE")]
    pub document: String,

    /// The format to write; the other one without it
    #[arg(long, value_name = "FORMAT", value_enum)]
    pub to: Option<FormatName>,

    /// The file to write, or - for standard output; without it, beside the document
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,

    /// Replace a file that is there already
    #[arg(long)]
    pub force: bool,
}

/// Runs the verb.
pub fn run(args: &ConvertArgs, global: &GlobalArgs, output: Output) -> ExitCode {
    let file = Path::new(&args.document);
    let start = global.workspace.clone().or_else(|| file.is_file().then(|| file.to_path_buf()));
    let session = match Session::open(&SessionOptions { start, object_info: None }) {
        Ok(session) => session,
        Err(error) => return output.fail("convert", &error, &Sources::default()),
    };
    let options = ConvertOptions {
        to: args.to.map(Into::into),
        destination: match &args.output {
            None => Destination::Beside,
            Some(path) if path == Path::new("-") => Destination::Text,
            Some(path) => Destination::File(path.clone()),
        },
        force: args.force,
    };
    let converted = session.document(&args.document).and_then(|loaded| app::convert(&session, &loaded, &options));
    let sources = Sources::of(&session);
    match converted {
        Err(error) => output.fail("convert", &error, &sources),
        Ok(converted) => {
            match &converted.written {
                Some(path) => output.line(&format!("wrote {}", path.display())),
                None => output.text(&converted.text),
            }
            let data = json!({
                "format": converted.format.extension(),
                "written": converted.written,
                "text": converted.text,
            });
            output.finish("convert", ExitCode::Done, data, &[], &sources)
        }
    }
}
