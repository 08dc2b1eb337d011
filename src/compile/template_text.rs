//! A template made ready: its text parsed, its lists read, and rendered with values.

use serde_json::Value;

use super::{
    choices::{self, Alternative, Piece},
    interpolate::{Scope, Template, to_text},
    lists::{self, Lists},
    lower::check_param,
};
use crate::{
    content_hash::ContentHash,
    diagnostic::Span,
    files::World,
    graph::unescape_literal,
    ident::{IndexMap, did_you_mean},
    model::{self, Param, ValueMap},
};

/// The value that a template with choices is drawn from, unless it has a variable of that name.
pub const SEED: &str = "seed";

/// A template made ready.
#[derive(Clone, Debug, PartialEq)]
pub struct TemplateText {
    params: IndexMap<String, Param>,
    /// Whether the text may draw.
    choices: bool,
    pieces: Vec<Piece>,
    lists: Lists,
}

/// Why a template cannot be used.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct TemplateError {
    /// Stable code of the diagnostic.
    pub code: &'static str,
    /// One sentence.
    pub message: String,
    /// The part of the text that is meant.
    pub span: Option<Span>,
    /// What to do about it.
    pub hint: Option<String>,
}

/// Why values do not make a text of a template.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct RenderError {
    /// Stable code of the diagnostic.
    pub code: &'static str,
    /// One sentence.
    pub message: String,
    /// The variable that is meant, if it was given.
    pub variable: Option<String>,
    /// What to do about it.
    pub hint: Option<String>,
}

impl TemplateText {
    /// Makes `template` ready, with the lists of `world`.
    pub fn new(template: &model::Template, world: &dyn World) -> Result<Self, TemplateError> {
        let text = unescape_literal(&template.text);
        let offset = template.text.len() - text.len();
        let at = |span: Span| Some(Span::new(span.start + offset, span.end + offset));
        let pieces = if template.choices {
            choices::parse(text).map_err(|error| TemplateError {
                code: "bad-choice",
                message: error.message,
                span: at(error.span),
                hint: None,
            })?
        } else {
            vec![Piece::Text(text.to_owned())]
        };
        let mut read = Lists::new();
        for (name, span) in choices::lists_of(&pieces) {
            lists::load(world, name, &mut read).map_err(|error| TemplateError {
                code: error.code,
                message: error.message,
                span: at(span),
                hint: error.hint,
            })?;
        }
        Ok(Self { params: template.params.clone(), choices: template.choices, pieces, lists: read })
    }

    /// The variables.
    pub fn params(&self) -> &IndexMap<String, Param> {
        &self.params
    }

    /// The lists that it draws from, with the hashes of their files.
    pub fn lists(&self) -> impl Iterator<Item = (&str, ContentHash)> {
        self.lists.iter().map(|(name, list)| (name.as_str(), list.hash))
    }

    /// Whether there is something to draw, so that a `seed` is needed.
    pub fn draws(&self) -> bool {
        self.pieces.iter().any(|piece| !matches!(piece, Piece::Text(_)))
    }

    /// The text with `given`, the values of variables; `seed` among them is what is drawn from.
    pub fn render(&self, given: &ValueMap) -> Result<String, RenderError> {
        let (values, faults) = self.values(given);
        if let Some(first) = faults.into_iter().next() {
            return Err(first);
        }
        let seed = if self.draws() { seed_of(values.get(SEED).or(given.get(SEED)))? } else { 0 };
        let mut drawing = Drawing { lists: &self.lists, seed, place: Vec::new(), out: String::new() };
        drawing.write(&self.pieces, Some(&Values(&values)))?;
        Ok(drawing.out)
    }

    /// Everything that keeps `given` from making a text.
    pub fn faults(&self, given: &ValueMap) -> Vec<RenderError> {
        match self.values(given).1 {
            faults if faults.is_empty() => self.render(given).err().into_iter().collect(),
            faults => faults,
        }
    }

    /// The values of all variables (as given, else their defaults; what is neither is empty), and what is wrong
    /// with what is given.
    fn values(&self, given: &ValueMap) -> (ValueMap, Vec<RenderError>) {
        let is_known = |name: &&String| self.params.contains_key(*name) || (*name == SEED && self.choices);
        let unknown = given.keys().filter(|name| !is_known(name)).map(|name| {
            let near = did_you_mean(name, self.params.keys().map(String::as_str));
            let hint = near.map_or_else(|| self.names(), |near| format!("did you mean `{near}`?"));
            let message = format!("the template has no variable `{name}`");
            error("unknown-parameter", message, Some(name), Some(hint))
        });
        let mut faults: Vec<RenderError> = unknown.collect();
        let mut values = ValueMap::default();
        for (name, param) in &self.params {
            match value_of(name, param, given.get(name)) {
                Ok(value) => drop(values.insert(name.clone(), value)),
                Err(fault) => faults.push(fault),
            }
        }
        (values, faults)
    }

    fn names(&self) -> String {
        match self.params.keys().map(String::as_str).collect::<Vec<_>>() {
            names if names.is_empty() => "it has no variables".to_owned(),
            names => format!("it has {}", names.join(", ")),
        }
    }
}

/// A text on its way.
struct Drawing<'a> {
    lists: &'a Lists,
    seed: u64,
    /// Where it is: numbers of parts and of what was drawn.
    place: Vec<u32>,
    out: String,
}

impl Drawing<'_> {
    /// Writes `pieces`; values are inserted into them if there are any, which is not so in lists.
    fn write(&mut self, pieces: &[Piece], values: Option<&Values<'_>>) -> Result<(), RenderError> {
        for (number, piece) in (0..).zip(pieces) {
            self.place.push(number);
            match (piece, values) {
                (Piece::Text(text), None) => self.out.push_str(text),
                (Piece::Text(text), Some(values)) => self.out.push_str(&filled(text, values)?),
                (Piece::Choice(all), values) => self.write_one(all, values)?,
                (Piece::List(name, _), _) => {
                    let lists = self.lists;
                    self.write_one(lists.get(name).map_or(&[][..], |list| &list.alternatives), None)?;
                }
            }
            self.place.pop();
        }
        Ok(())
    }

    fn write_one(&mut self, all: &[Alternative], values: Option<&Values<'_>>) -> Result<(), RenderError> {
        let Some((number, drawn)) = choices::draw(all, self.seed, &self.place) else { return Ok(()) };
        self.place.push(number);
        self.write(&drawn.pieces, values)?;
        self.place.pop();
        Ok(())
    }
}

/// The value of a variable: as given, else its default; what is neither is empty.
fn value_of(name: &str, param: &Param, given: Option<&Value>) -> Result<Value, RenderError> {
    match (given, &param.default) {
        (Some(value), _) => {
            check_param(param, value).map_err(|e| error("bad-parameter", format!("`{name}`: {e}"), Some(name), None))
        }
        (None, Some(default)) => Ok(default.clone()),
        (None, None) if param.required => {
            let message = format!("the template's variable `{name}` is required");
            Err(error("missing-parameter", message, None, param.help.clone()))
        }
        (None, None) => Ok(Value::from("")),
    }
}

fn filled(text: &str, values: &Values<'_>) -> Result<String, RenderError> {
    let filled = Template::parse(text).and_then(|template| template.fill(values));
    let filled = filled.map_err(|wrong| error("bad-interpolation", wrong.message, None, None))?;
    to_text(&filled).ok_or_else(|| error("bad-parameter", "a list or a table has no text".to_owned(), None, None))
}

/// What is drawn from.
fn seed_of(given: Option<&Value>) -> Result<u64, RenderError> {
    let Some(value) = given else {
        let message = "the template draws, and nothing says from what".to_owned();
        let hint = "give it a seed: the same one gives the same text".to_owned();
        return Err(error("missing-parameter", message, None, Some(hint)));
    };
    let whole = to_text(value).and_then(|text| text.parse::<u64>().ok());
    whole.ok_or_else(|| {
        let message = format!("`{SEED}`: {value} is no seed: a whole number from 0 to 18446744073709551615");
        error("bad-parameter", message, Some(SEED), None)
    })
}

fn error(code: &'static str, message: String, variable: Option<&str>, hint: Option<String>) -> RenderError {
    RenderError { code, message, variable: variable.map(str::to_owned), hint }
}

/// The values of a template's variables, by name.
struct Values<'a>(&'a ValueMap);

impl Scope for Values<'_> {
    fn value(&self, path: &[String]) -> Option<Value> {
        let (name, rest) = path.split_first()?;
        rest.iter().try_fold(self.0.get(name)?, |value, key| value.get(key)).cloned()
    }

    fn index(&self, _: &str) -> Option<usize> {
        None
    }

    fn names(&self) -> Vec<String> {
        self.0.keys().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;

    use super::*;
    use crate::files::DirWorld;

    struct Workspace(tempfile::TempDir);

    impl Workspace {
        fn new(lists: &[(&str, &str)]) -> Self {
            let folder = tempfile::tempdir().unwrap();
            for (name, text) in lists {
                let path = folder.path().join(format!("wildcards/{name}.txt"));
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(path, text).unwrap();
            }
            Self(folder)
        }

        fn template(&self, text: &str, choices: bool) -> Result<TemplateText, TemplateError> {
            let subject = json!({ "type": "string", "required": true, "max_length": 20 });
            let size = json!({ "type": "int", "default": 3, "min": 1, "max": 5 });
            let params = json!({ "subject": subject, "size": size });
            let template = json!({ "text": text, "choices": choices, "params": params });
            let template: model::Template = serde_json::from_value(template).unwrap();
            TemplateText::new(&template, &DirWorld::open(self.0.path()).unwrap())
        }
    }

    fn values(given: &Value) -> ValueMap {
        serde_json::from_value(given.clone()).unwrap()
    }

    /// All texts of the first 200 seeds.
    fn texts(template: &TemplateText) -> BTreeSet<String> {
        let text = |seed: u64| template.render(&values(&json!({ "subject": "{size} a|b", "seed": seed }))).unwrap();
        (0..200).map(text).collect()
    }

    #[test]
    fn values_are_inserted_once() {
        let workspace = Workspace::new(&[]);
        let template = workspace.template("{subject}: {size} {a|b} __c__", false).unwrap();
        let text = template.render(&values(&json!({ "subject": "{size}" }))).unwrap();
        assert_eq!(text, "{size}: 3 {a|b} __c__");
        assert!(!template.draws());
    }

    #[test]
    fn choices_and_lists_are_drawn() {
        let workspace = Workspace::new(&[
            ("colour", "\u{feff}# of hats\r\nred\r\n\r\n2::dark {blue|green}\r\n"),
            ("hat/kind", "{size} __colour__ cap\n0::never"),
        ]);
        let template = workspace.template("{{subject}|no {subject}} __hat/kind__ (x:1.2)", true).unwrap();
        let texts = texts(&template);
        let ends = ["red", "dark blue", "dark green"];
        let expected = ["{size} a|b", "no {size} a|b"]
            .iter()
            .flat_map(|start| ends.map(|colour| format!("{start} {{size}} {colour} cap (x:1.2)")));
        assert_eq!(texts, expected.collect());
    }

    #[test]
    fn what_stands_beside_a_choice_is_not_glued_to_a_place() {
        let template = Workspace::new(&[]).template("{{a|b}size} {subject}", true).unwrap();
        assert!(texts(&template).iter().all(|text| text.starts_with("{asize}") || text.starts_with("{bsize}")));
    }

    #[test]
    fn wrong_values() {
        let template = Workspace::new(&[]).template("{subject|{size}}", true).unwrap();
        for (given, code, words) in [
            (json!({ "seed": 1 }), "missing-parameter", "`subject` is required"),
            (json!({ "subject": "x" }), "missing-parameter", "nothing says from what"),
            (json!({ "subject": "x", "seed": -1 }), "bad-parameter", "-1 is no seed"),
            (json!({ "subject": "x", "seed": 1, "size": 9 }), "bad-parameter", "`size`: 9 is not within 1 to 5"),
            (json!({ "subject": "x".repeat(21), "seed": 1 }), "bad-parameter", "21 characters"),
            (json!({ "subjekt": "x", "seed": 1 }), "unknown-parameter", "no variable `subjekt`"),
        ] {
            let error = template.render(&values(&given)).unwrap_err();
            assert!(error.code == code && error.message.contains(words), "{given}: {error:?}");
        }
    }

    #[test]
    fn wrong_templates() {
        let workspace = Workspace::new(&[
            ("a", "x __b__"),
            ("b", "y {z|__a__}"),
            ("empty", "# nothing\n"),
            ("bad", "fine\n{2$$a|b}"),
        ]);
        for (text, words) in [
            ("x{1$$a|b}", "cannot be drawn"),
            ("x __a__", "draws from itself: a -> b -> a"),
            ("x __c__", "there is no list wildcards/c.txt"),
            ("x __empty__", "wildcards/empty.txt has no line to draw"),
            ("x __bad__", "wildcards/bad.txt, line 2: several"),
        ] {
            let error = workspace.template(text, true).unwrap_err();
            assert!(error.code == "bad-choice" && error.message.contains(words), "{text}: {error:?}");
            assert_eq!(error.span.map(|span| span.start), Some(2), "{text}");
        }
        let error = workspace.template("__emty__", true).unwrap_err();
        assert_eq!(error.hint.as_deref(), Some("did you mean `__empty__`?"));
    }
}
