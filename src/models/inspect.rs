//! What files of models say of themselves, before anything is known of them.

use std::path::Path;

use tokenizers::Tokenizer;
use tract_onnx::prelude::Framework as _;

/// The names of the inputs of the ONNX file at `path` which are not given in it; none where it is no such file.
pub fn input_names(path: &Path) -> Option<Vec<String>> {
    let graph = tract_onnx::onnx().proto_model_for_path(path).ok()?.graph?;
    let given = |name: &str| graph.initializer.iter().any(|tensor| tensor.name == name);
    let names = graph.input.iter().map(|input| input.name.clone());
    Some(names.filter(|name| !given(name)).collect())
}

/// The number of `token` in the tokenizer at `path`, or why the file is none.
pub fn token_id(path: &Path, token: &str) -> Result<Option<u32>, String> {
    let tokenizer =
        Tokenizer::from_file(path).map_err(|error| error.to_string().chars().take(200).collect::<String>())?;
    Ok(tokenizer.token_to_id(token))
}
