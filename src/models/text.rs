//! From words to the tokens that a model is asked with.

use tokenizers::{Tokenizer, TruncationParams};

use super::{Content, ModelError};
use crate::{
    model::{ModelManifest, ModelText},
    vision::query::sentence,
};

/// Most bytes of a tokenizer's file.
const MOST_BYTES: u64 = 64 << 20;

/// The tokens of one text, filled up to the length that the model takes, and which of them count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Tokens {
    pub(super) ids: Vec<i64>,
    pub(super) attention: Vec<i64>,
}

/// How the words of one model become tokens.
pub(super) enum Reader {
    /// By the words that its manifest lists.
    List(ModelText),
    /// By its tokenizer.
    File(ModelText, Box<Tokenizer>),
}

impl Reader {
    /// That of the model of `manifest`, whose files are `files`; none for a model that takes no words.
    pub(super) fn of(manifest: &ModelManifest, files: &[Content]) -> Result<Option<Self>, ModelError> {
        let Some(text) = manifest.text.clone() else { return Ok(None) };
        let Some(file) = text.tokenizer.clone() else { return Ok(Some(Self::List(text))) };
        let wrong = |reason: String| ModelError::Tokenizer {
            name: manifest.name.clone(),
            file: file.clone(),
            reason: reason.chars().take(200).collect(),
        };
        let at = manifest.file.iter().position(|one| one.name == file);
        let path = at
            .and_then(|at| files.get(at))
            .and_then(Content::path)
            .ok_or_else(|| wrong("it is none of the model's files".to_owned()))?;
        let size = std::fs::metadata(path).map_err(|error| wrong(error.to_string()))?.len();
        if size > MOST_BYTES {
            return Err(wrong(format!("it has {} MiB", size >> 20)));
        }
        let mut tokenizer = Tokenizer::from_file(path).map_err(|error| wrong(error.to_string()))?;
        // Filled up here, and never cut: what is left out would be another question.
        tokenizer.with_padding(None);
        tokenizer.with_truncation(None::<TruncationParams>).map_err(|error| wrong(error.to_string()))?;
        Ok(Some(Self::File(text, Box::new(tokenizer))))
    }

    /// The tokens of what the model called `name` is given for `words`.
    pub(super) fn tokens(&self, name: &str, words: &str) -> Result<Tokens, ModelError> {
        let wrong = |what: String| ModelError::Words { name: name.to_owned(), what };
        let (text, mut ids) = match self {
            Self::List(text) => (text, listed(text, &text.prompted(words)).map_err(wrong)?),
            Self::File(text, tokenizer) => {
                let encoded = tokenizer.encode(text.prompted(words), true).map_err(|error| wrong(error.to_string()))?;
                (text, encoded.get_ids().iter().map(|id| i64::from(*id)).collect())
            }
        };
        let (count, length) = (ids.len(), text.length as usize);
        if count > length {
            return Err(wrong(format!("{words:?} is {count} tokens, and it takes {length}; say it shorter")));
        }
        let mut attention = vec![1; count];
        ids.resize(length, i64::from(text.pad));
        attention.resize(length, 0);
        Ok(Tokens { ids, attention })
    }
}

fn listed(text: &ModelText, words: &str) -> Result<Vec<i64>, String> {
    let token = |word: String| text.token(&word).ok_or_else(|| format!("it does not know {word:?}"));
    sentence(words).into_iter().map(|(word, _)| token(word)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::TextAsks;

    #[test]
    fn words_of_a_list_are_their_places() {
        let words = ["the", "red", "circle"].map(str::to_owned).to_vec();
        let text = ModelText {
            input: "ids".to_owned(),
            attention: None,
            types: None,
            length: 4,
            pad: 0,
            tokenizer: None,
            words,
            asks: TextAsks::Query,
            names: Vec::new(),
            prompt: "{}".to_owned(),
        };
        let reader = Reader::List(text);
        let tokens = reader.tokens("tiny", "the red circle").unwrap();
        assert_eq!(tokens, Tokens { ids: vec![1, 2, 3, 0], attention: vec![1, 1, 1, 0] });
        let message = |words| reader.tokens("tiny", words).unwrap_err().to_string();
        assert_eq!(message("the blue circle"), "ask the model `tiny`: it does not know \"blue\"");
        let long = message("the red circle the red");
        assert!(long.ends_with("is 5 tokens, and it takes 4; say it shorter"), "{long}");
    }
}
