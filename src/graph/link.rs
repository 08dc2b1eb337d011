//! Links as documents write them: `"@node.OUTPUT"`.

use std::borrow::Cow;

use super::class::ClassInfo;
use crate::ident::did_you_mean;

/// The two parts of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkText<'a> {
    /// The node's id; may be empty in a wrong link.
    pub node: &'a str,
    /// Name or index of the output; none in `"@9"`, which means the node itself.
    pub output: Option<&'a str>,
}

/// The link that `text` is, or none when it is a literal (`@@` begins a literal, too).
/// The id ends at the first dot.
pub fn parse_link(text: &str) -> Option<LinkText<'_>> {
    let rest = text.strip_prefix('@').filter(|rest| !rest.starts_with('@'))?;
    Some(match rest.split_once('.') {
        Some((node, output)) => LinkText { node, output: Some(output) },
        None => LinkText { node: rest, output: None },
    })
}

/// The literal that `text` stands for: `"@@home"` is `"@home"`.
pub fn unescape_literal(text: &str) -> &str {
    if text.starts_with("@@") { &text[1..] } else { text }
}

/// How a document writes the literal `text`, so that it is not taken for a link.
pub fn escape_literal(text: &str) -> Cow<'_, str> {
    if text.starts_with('@') { Cow::Owned(format!("@{text}")) } else { Cow::Borrowed(text) }
}

/// Why an output cannot be found.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OutputError {
    /// There is no output of that name.
    #[error("{class} has no output \"{name}\"{}", known(outputs))]
    Unknown {
        /// The class.
        class: String,
        /// The name as written.
        name: String,
        /// The outputs it has.
        outputs: Vec<String>,
        /// The one that was probably meant: a name, or an index where names repeat.
        suggestion: Option<String>,
    },
    /// The index is too large.
    #[error("{class} has no output {index}{}", known(outputs))]
    OutOfRange {
        /// The class.
        class: String,
        /// The index as written.
        index: String,
        /// The outputs it has.
        outputs: Vec<String>,
    },
    /// Several outputs have that name.
    #[error("{class} has {} outputs called \"{name}\"", indices.len())]
    Ambiguous {
        /// The class.
        class: String,
        /// The name.
        name: String,
        /// The indices of the outputs with that name.
        indices: Vec<usize>,
    },
}

impl OutputError {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Unknown { suggestion, .. } => suggestion.as_ref().map(|s| format!("did you mean \"{s}\"?")),
            Self::OutOfRange { .. } => Some("outputs are counted from 0".to_owned()),
            Self::Ambiguous { indices, .. } => {
                let indices: Vec<String> = indices.iter().map(ToString::to_string).collect();
                Some(format!("use its index: {}", indices.join(" or ")))
            }
        }
    }
}

fn known(outputs: &[String]) -> String {
    match outputs {
        [] => "; it has none".to_owned(),
        names => format!("; it has {}", names.join(", ")),
    }
}

/// The index of the output of `class` that `text` names: all digits are an index, anything else
/// is a name, which must be unique.
pub fn output_index(class: &ClassInfo, text: &str) -> Result<usize, OutputError> {
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        let index = text.parse().ok().filter(|index| *index < class.outputs.len());
        return index.ok_or_else(|| OutputError::OutOfRange {
            class: class.name.clone(),
            index: text.to_owned(),
            outputs: output_names(class),
        });
    }
    let found: Vec<usize> = (0..class.outputs.len()).filter(|i| class.outputs[*i].name == text).collect();
    match found[..] {
        [index] => Ok(index),
        [] => Err(OutputError::Unknown {
            class: class.name.clone(),
            name: text.to_owned(),
            outputs: output_names(class),
            suggestion: suggest_output(class, text),
        }),
        _ => Err(OutputError::Ambiguous { class: class.name.clone(), name: text.to_owned(), indices: found }),
    }
}

fn output_names(class: &ClassInfo) -> Vec<String> {
    class.outputs.iter().map(|o| o.name.clone()).collect()
}

/// An output with a similar name, or else the only one of the type `text`.
fn suggest_output(class: &ClassInfo, text: &str) -> Option<String> {
    let names = class.outputs.iter().map(|o| o.name.as_str());
    let by_type = || {
        let mut of_type = class.outputs.iter().filter(|o| o.types.contains(&text.to_uppercase()));
        of_type.next().filter(|_| of_type.next().is_none()).map(|o| o.name.as_str())
    };
    let name = did_you_mean(text, names).or_else(by_type)?;
    let unique = class.outputs.iter().filter(|o| o.name == name).count() == 1;
    let index = class.outputs.iter().position(|o| o.name == name)?;
    Some(if unique { name.to_owned() } else { index.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{NodeSet, builtin};

    #[test]
    fn links_are_split_at_the_first_dot() {
        let cases = [
            ("@decode.IMAGE", Some(("decode", Some("IMAGE")))),
            ("@decode.0", Some(("decode", Some("0")))),
            ("@29:5.a.b", Some(("29:5", Some("a.b")))),
            ("@9", Some(("9", None))),
            ("@", Some(("", None))),
            ("@.IMAGE", Some(("", Some("IMAGE")))),
            ("@@home", None),
            ("home", None),
            ("", None),
            (" @decode.IMAGE", None),
        ];
        for (text, expected) in cases {
            assert_eq!(parse_link(text).map(|l| (l.node, l.output)), expected, "{text}");
        }
    }

    #[test]
    fn escapes_are_undone() {
        for literal in ["@home", "@@home", "home", "", "@", "é@"] {
            let written = escape_literal(literal);
            assert_eq!(parse_link(&written), None, "{literal}");
            assert_eq!(unescape_literal(&written), literal);
        }
    }

    #[test]
    fn outputs_by_name_and_index() {
        let class = |name: &str| builtin().class(name).cloned().unwrap_or_default();
        let load = class("LoadImage");
        assert_eq!(output_index(&load, "MASK"), Ok(1));
        assert_eq!(output_index(&load, "0"), Ok(0));
        let hint = |class: &ClassInfo, text: &str| output_index(class, text).map_err(|e| (e.to_string(), e.hint()));
        assert_eq!(
            hint(&load, "image"),
            Err((
                "LoadImage has no output \"image\"; it has IMAGE, MASK".to_owned(),
                Some("did you mean \"IMAGE\"?".to_owned())
            ))
        );
        assert_eq!(
            hint(&load, "2"),
            Err((
                "LoadImage has no output 2; it has IMAGE, MASK".to_owned(),
                Some("outputs are counted from 0".to_owned())
            ))
        );
        assert_eq!(hint(&load, "").map_err(|e| e.1), Err(None));
        // By its type, because the name is nowhere near.
        assert_eq!(
            hint(&class("StringLength"), "INT").map_err(|e| e.1),
            Err(Some("did you mean \"length\"?".to_owned()))
        );
        assert_eq!(
            hint(&class("SaveImage"), "IMAGE").map_err(|e| e.0),
            Err("SaveImage has no output \"IMAGE\"; it has none".to_owned())
        );
        assert!(output_index(&load, "99999999999999999999999").is_err());
    }

    #[test]
    fn repeated_output_names_need_the_index() -> Result<(), crate::graph::ObjectInfoError> {
        let nodes = NodeSet::parse(r#"{"Two": {"output": ["IMAGE", "IMAGE"], "output_name": ["IMAGE", "IMAGE"]}}"#)?;
        let class = nodes.class("Two").cloned().unwrap_or_default();
        let error = output_index(&class, "IMAGE").map_err(|e| (e.to_string(), e.hint()));
        assert_eq!(
            error,
            Err(("Two has 2 outputs called \"IMAGE\"".to_owned(), Some("use its index: 0 or 1".to_owned())))
        );
        assert_eq!(output_index(&class, "1"), Ok(1));
        Ok(())
    }
}
