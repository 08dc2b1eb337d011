//! A document in the other format.

use std::path::{Path, PathBuf};

use super::{AppError, Session, canonical_text, write_text};
use crate::{
    files::Format,
    model::{CONFIG_FILE, Loaded},
};

/// Where a converted document goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Destination {
    /// Beside the document, with the other ending.
    #[default]
    Beside,
    /// To this file.
    File(PathBuf),
    /// Nowhere: the text is the answer.
    Text,
}

/// How to convert.
#[derive(Clone, Debug, Default)]
pub struct ConvertOptions {
    /// The format to convert to; the other one without it.
    pub to: Option<Format>,
    /// Where to write.
    pub destination: Destination,
    /// Whether a file that is there already may be replaced.
    pub force: bool,
}

/// A converted document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Converted {
    /// The format.
    pub format: Format,
    /// The text.
    pub text: String,
    /// The file that was written.
    pub written: Option<PathBuf>,
}

/// Converts `loaded`; the document itself stays.
pub fn convert(session: &Session, loaded: &Loaded, options: &ConvertOptions) -> Result<Converted, AppError> {
    let to = options.to.unwrap_or(match loaded.format {
        Format::Toml => Format::Kdl,
        Format::Kdl => Format::Toml,
    });
    if &*loaded.path == CONFIG_FILE {
        return Err(AppError::usage(format!("{CONFIG_FILE} is always TOML")));
    }
    if to == loaded.format {
        let message = format!("{} is {} already", loaded.path, to.extension().to_uppercase());
        return Err(AppError::usage(message).with_hint("comfywright fmt puts it in the canonical layout"));
    }
    if loaded.text.is_empty() && loaded.parsed.tree.is_none() {
        return Err(AppError::Wrong(loaded.parsed.diagnostics.clone()));
    }
    let text = canonical_text(&loaded.text, &loaded.path, loaded.format, to).map_err(AppError::Wrong)?;
    let target = match &options.destination {
        Destination::Text => None,
        Destination::File(path) => Some(with_ending(path, to)?),
        Destination::Beside => Some(session.root.join(&*loaded.path).with_extension(to.extension())),
    };
    if let Some(path) = &target {
        write_text(path, &text, options.force)?;
    }
    Ok(Converted { format: to, text, written: target })
}

fn with_ending(path: &Path, format: Format) -> Result<PathBuf, AppError> {
    if path.to_str().and_then(Format::of_path) == Some(format) {
        return Ok(path.to_path_buf());
    }
    let ending = format.extension();
    Err(AppError::usage(format!("{} does not end in .{ending}", path.display()))
        .with_hint(format!("name a .{ending} file")))
}
