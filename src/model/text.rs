//! What a manifest says of words: how they become the tokens that a model is asked with.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ModelManifest, ModelRole};
use crate::vision::query::{
    self, Attribute, Count, Noun, Part, Quality, Query, QueryError, Relation, Thing, Vocabulary, nearest, sentence,
};

/// How words become tokens: with the tokenizer in a file, or by a list of words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ModelText {
    /// Name of the input that takes the tokens, `[1, length]`.
    #[serde(default = "ModelText::default_input")]
    pub input: String,
    /// Name of the input, if there is one, that tells tokens (1) from what fills up (0).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attention: Option<String>,
    /// Name of the input, if there is one, that tells of which of two texts a token is: 0 for each.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub types: Option<String>,
    /// How many tokens go in. Words that are more are an error.
    #[schemars(range(min = 1, max = 1024))]
    pub length: u32,
    /// The token that fills up.
    #[serde(default)]
    #[schemars(range(max = 1_000_000))]
    pub pad: u32,
    /// Which of the model's files is its tokenizer: a `tokenizer.json` of the Hugging Face hub.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokenizer: Option<String>,
    /// Without a tokenizer: the words that the model knows, in lower case; the first one is token 1.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 65_536))]
    pub words: Vec<String>,
    /// What it is asked.
    #[serde(default)]
    pub asks: TextAsks,
    /// With `asks = "query"`: the things that it can name. The query is then read, as it is for other models, and asked in
    /// the plainest words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 65_536))]
    pub names: Vec<String>,
    /// What the model is given: the words take the place of `{}`.
    #[serde(default = "ModelText::default_prompt")]
    #[schemars(regex(pattern = r"\{\}"), length(max = 200))]
    pub prompt: String,
}

/// What a model is asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum TextAsks {
    /// The name of each thing of a query. Colours, places and relations are judged by what is found.
    #[default]
    Name,
    /// The whole query as it is written: what is found is the answer.
    Query,
}

/// What words mean to a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Words {
    /// A query whose things are found by their labels.
    Query(Query),
    /// Sentences that the model understands as a whole: what is found is meant by any of them.
    Sentences(Vec<Sentence>),
}

/// What a model is asked as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sentence {
    /// What it is asked.
    pub text: String,
    /// What is asked as well, and taken away.
    pub except: Vec<String>,
    /// What is asked first: where any of these is not there, nothing is meant.
    pub needs: Vec<String>,
}

impl fmt::Display for Sentence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)?;
        let except = self.except.join(", ");
        if except.is_empty() { Ok(()) } else { write!(f, " except {except}") }
    }
}

impl ModelText {
    fn default_input() -> String {
        "input_ids".to_owned()
    }

    fn default_prompt() -> String {
        "{}".to_owned()
    }

    /// The words that the model is given for `words`.
    pub fn prompted(&self, words: &str) -> String {
        self.prompt.replace("{}", words)
    }

    /// Words that the model must be able to take.
    pub fn probe(&self) -> &str {
        self.words.first().map_or("thing", String::as_str)
    }

    /// The token of a word of the list.
    pub fn token(&self, word: &str) -> Option<i64> {
        self.words.iter().position(|known| known == word).map(|at| at as i64 + 1)
    }

    /// `query` in the plainest words, a sentence for each of its parts. Words that are not on the list were not taught.
    fn plain(&self, query: &Query) -> Result<Vec<Sentence>, QueryError> {
        let known = || self.words.iter().map(String::as_str);
        let is_untaught = |(word, _): &(String, _)| !self.words.is_empty() && known().all(|known| known != word);
        let taught = |thing: &Thing| match sentence(&thing.to_string()).into_iter().find(is_untaught) {
            Some((word, _)) => Err(QueryError::Untaught { near: nearest(&word, known()), word }),
            None => Ok(thing.to_string()),
        };
        let sentence = |part: &Part| {
            let except = part.except.iter().map(taught).collect::<Result<_, _>>()?;
            let needs = needed(&part.thing).iter().map(taught).collect::<Result<_, _>>()?;
            Ok(Sentence { text: taught(&part.thing)?, except, needs })
        };
        query.parts.iter().map(sentence).collect()
    }

    /// `text` as one sentence, each of whose words must be known where there is a list.
    fn sentence(&self, text: &str) -> Result<String, QueryError> {
        let words = sentence(text);
        if words.is_empty() {
            return Err(QueryError::Empty);
        }
        let known = |word: &str| self.words.is_empty() || self.words.iter().any(|known| known == word);
        match words.iter().find(|(word, _)| !known(word)) {
            Some((word, at)) => {
                let near = nearest(word, self.words.iter().map(String::as_str));
                Err(QueryError::UnknownWord { word: word.clone(), at: at.clone(), near })
            }
            None => Ok(words.into_iter().map(|(word, _)| word).collect::<Vec<_>>().join(" ")),
        }
    }
}

/// What must be there for `thing` to mean anything: things like it, and like what it is told by.
fn needed(thing: &Thing) -> Vec<Thing> {
    let alike = |thing: &Thing| {
        let is_plain = |attribute: &&Attribute| !attribute.negated && matches!(attribute.quality, Quality::Color(_));
        let attributes = thing.attributes.iter().filter(is_plain).copied().collect();
        Thing { count: Count::All, attributes, ..Thing::of(thing.noun.clone()) }
    };
    let relations = thing.relations.iter().filter(|relation| !relation.negated);
    let others = relations.flat_map(|Relation { to, .. }| std::iter::once(alike(to)).chain(needed(to)));
    let mut found: Vec<Thing> = std::iter::once(alike(thing)).chain(others).collect();
    let anything = alike(&Thing::of(Noun::Anything));
    found.retain(|needed| *needed != anything && *needed != Thing { count: Count::All, ..thing.clone() });
    found.dedup();
    found
}

impl ModelManifest {
    /// The words that name things for this model: its labels, those of its list, or any.
    pub fn vocabulary(&self) -> Vocabulary {
        match &self.text {
            None => Vocabulary::of(self.output.labels.iter().map(String::as_str)),
            Some(text) if text.words.is_empty() => Vocabulary::open(),
            Some(text) => Vocabulary::of(text.words.iter().map(String::as_str)),
        }
    }

    /// What `text` means to this model, which finds things by words.
    pub fn words(&self, text: &str) -> Result<Words, QueryError> {
        match &self.text {
            Some(asked) if asked.asks == TextAsks::Query => {
                let read = || query::parse(text, &Vocabulary::of(asked.names.iter().map(String::as_str)));
                let sentences = if asked.names.is_empty() {
                    vec![Sentence { text: asked.sentence(text)?, except: Vec::new(), needs: Vec::new() }]
                } else {
                    asked.plain(&read()?)?
                };
                Ok(Words::Sentences(sentences))
            }
            _ => query::parse(text, &self.vocabulary()).map(Words::Query),
        }
    }

    /// What is wrong with `text`, and at which key of it; `None` for its absence.
    pub(super) fn text_problem(&self) -> Option<(Option<&'static str>, String)> {
        let Some(text) = &self.text else {
            let message = "a segmenter says how words become its tokens: `text`".to_owned();
            return (self.role == ModelRole::Segmenter).then_some((None, message));
        };
        let names_file = |name: &String| self.file.iter().skip(1).any(|file| file.name == *name);
        match (&text.tokenizer, text.words.is_empty()) {
            (None, true) => {
                Some((Some("length"), "name a `tokenizer` among the files, or list the `words`".to_owned()))
            }
            (Some(_), false) => Some((Some("words"), "there is a tokenizer, which knows the words".to_owned())),
            (Some(name), true) if !names_file(name) => {
                Some((Some("tokenizer"), format!("`{name}` is none of the files after the model itself")))
            }
            _ if !text.names.is_empty() && text.asks == TextAsks::Name => Some((
                Some("names"),
                "names are of a model that is asked the whole query: `asks = \"query\"`".to_owned(),
            )),
            _ if self.role == ModelRole::Detector && text.asks == TextAsks::Query => Some((
                Some("asks"),
                "a detector is asked for names; a segmenter may be asked the whole query".to_owned(),
            )),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_words(words: &[&str]) -> ModelText {
        let words = words.iter().map(|word| (*word).to_owned()).collect();
        let (input, prompt) = (ModelText::default_input(), "the {}".to_owned());
        ModelText {
            input,
            attention: None,
            types: None,
            length: 8,
            pad: 0,
            tokenizer: None,
            words,
            asks: TextAsks::Query,
            names: Vec::new(),
            prompt,
        }
    }

    #[test]
    fn a_sentence_has_known_words() {
        let text = of_words(&["the", "red", "circle", "on", "left"]);
        assert_eq!(text.sentence("The red circle, on the left!"), Ok("the red circle on the left".to_owned()));
        assert_eq!((text.token("the"), text.token("left"), text.token("right")), (Some(1), Some(5), None));
        assert_eq!(text.prompted("red circle"), "the red circle");
        assert_eq!(text.sentence("  "), Err(QueryError::Empty));
        let error = text.sentence("the red circel").unwrap_err();
        assert_eq!(error.to_string(), "\"circel\" is not understood here; near are circle");
        assert!(matches!(error, QueryError::UnknownWord { at, .. } if at == (8..14)));
    }
}
