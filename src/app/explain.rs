//! What a code means.

use super::AppError;
use crate::codes::{CodePage, page, suggest};

/// The page of `code`.
pub fn explain_code(code: &str) -> Result<&'static CodePage, AppError> {
    // As it stands in the output: error[unknown-class].
    let bare = code.rsplit_once('[').map_or(code, |(_, rest)| rest.trim_end_matches(']'));
    page(bare).ok_or_else(|| {
        let error = AppError::usage(format!("there is no code \"{bare}\""));
        match suggest(bare) {
            Some(near) => error.with_hint(format!("did you mean {near}? `comfywright explain --codes` lists all")),
            None => error.with_hint(
                "`comfywright explain --codes` lists them; to explain an item, name its run: explain RUN ITEM",
            ),
        }
    })
}
