//! String nodes with patterns of Python's `re`: `RegexMatch`, `RegexExtract`, `RegexReplace`.
//!
//! As in ComfyUI an invalid pattern matches nothing in the first two and is an error in the third;
//! a pattern that only Python understands is always an error.

use fancy_regex::{Captures, Regex};

use super::{
    NativeNode, NodeError,
    python_regex::{Flags, Pattern, PatternError, compile},
};
use crate::native::value::{Inputs, NodeValue};

pub(super) const NODES: &[NativeNode] = &[
    NativeNode { class: "RegexMatch", run: is_match, bytes: |_| Ok(0), sized_by: &[] },
    NativeNode { class: "RegexExtract", run: extract, bytes: |_| Ok(0), sized_by: &[] },
    NativeNode { class: "RegexReplace", run: replace, bytes: |_| Ok(0), sized_by: &[] },
];

/// The flags where they are required.
fn flags(inputs: &Inputs) -> Result<Flags, NodeError> {
    Ok(Flags {
        ignore_case: inputs.bool("case_insensitive")?,
        multiline: inputs.bool("multiline")?,
        dot_all: inputs.bool("dotall")?,
    })
}

/// The flags where they have defaults.
fn optional_flags(inputs: &Inputs) -> Result<Flags, NodeError> {
    Ok(Flags {
        ignore_case: inputs.bool_or("case_insensitive", true)?,
        multiline: inputs.bool_or("multiline", false)?,
        dot_all: inputs.bool_or("dotall", false)?,
    })
}

fn unfit_pattern(error: impl std::fmt::Display) -> NodeError {
    NodeError::unfit("regex_pattern", format!("{error}"))
}

/// The compiled pattern; none when Python would refuse it.
fn pattern(inputs: &Inputs) -> Result<Option<Pattern>, NodeError> {
    match compile(&inputs.string("regex_pattern")?, flags(inputs)?) {
        Ok(pattern) => Ok(Some(pattern)),
        Err(PatternError::Invalid(_)) => Ok(None),
        Err(unsupported) => Err(unfit_pattern(unsupported)),
    }
}

fn is_match(inputs: &mut Inputs) -> Result<Vec<NodeValue>, NodeError> {
    let string = inputs.string("string")?;
    let found = match pattern(inputs)? {
        Some(pattern) => pattern.regex.is_match(&string).map_err(unfit_pattern)?,
        None => false,
    };
    Ok(vec![NodeValue::Bool(found)])
}

/// What `RegexExtract` gives.
#[derive(Clone, Copy)]
enum Extract {
    FirstMatch,
    AllMatches,
    FirstGroup,
    AllGroups,
}

fn extract(inputs: &mut Inputs) -> Result<Vec<NodeValue>, NodeError> {
    let modes = [
        ("First Match", Extract::FirstMatch),
        ("All Matches", Extract::AllMatches),
        ("First Group", Extract::FirstGroup),
        ("All Groups", Extract::AllGroups),
    ];
    let (string, mode) = (inputs.string("string")?, inputs.choice("mode", &modes)?);
    let group = inputs.size_in("group_index", 0..=100)?;
    let Some(pattern) = pattern(inputs)? else { return Ok(vec![NodeValue::String(String::new())]) };
    let groups = pattern.regex.captures_len() - 1;
    let (group, limit) = match mode {
        Extract::FirstMatch => (0, 1),
        // Python's `findall` gives the groups where there are some; ComfyUI keeps the first.
        Extract::AllMatches => (groups.min(1), usize::MAX),
        Extract::FirstGroup => (group, 1),
        Extract::AllGroups if groups == 0 => (usize::MAX, 0),
        Extract::AllGroups => (group, usize::MAX),
    };
    let found = if group > groups { Vec::new() } else { find_all(&pattern, &string, limit)? };
    let texts: Result<Vec<&str>, NodeError> = found
        .iter()
        .map(|captures| match (captures.get(group), mode) {
            (Some(text), _) => Ok(text.as_str()),
            (None, Extract::AllGroups) => {
                Err(unfit_pattern(format!("group {group} has no part in some of the matches")))
            }
            (None, _) => Ok(""),
        })
        .collect();
    let has_no_part = matches!(mode, Extract::FirstGroup) && found.iter().any(|captures| captures.get(group).is_none());
    let text = NodeValue::String(texts?.join("\n"));
    // Python's group without a part in the match is None.
    Ok(vec![if has_no_part { NodeValue::Json(serde_json::Value::Null) } else { text }])
}

fn replace(inputs: &mut Inputs) -> Result<Vec<NodeValue>, NodeError> {
    let string = inputs.string("string")?;
    let pattern = compile(&inputs.string("regex_pattern")?, optional_flags(inputs)?).map_err(unfit_pattern)?;
    let template = parse_template(&inputs.string("replace")?, &pattern.regex)?;
    let count = inputs.get("count").map_or(Ok(0), |_| inputs.size_in("count", 0..=100))?;
    let limit = if count == 0 { usize::MAX } else { count };
    let mut out = String::new();
    let mut copied = 0;
    for captures in find_all(&pattern, &string, limit)? {
        let Some(found) = captures.get(0) else { continue };
        out.push_str(&string[copied..found.start()]);
        for piece in &template {
            match piece {
                Piece::Text(text) => out.push_str(text),
                Piece::Group(group) => out.push_str(captures.get(*group).map_or("", |text| text.as_str())),
            }
        }
        copied = found.end();
    }
    out.push_str(&string[copied..]);
    Ok(vec![NodeValue::String(out)])
}

/// At most `limit` matches, one after the other as Python finds them: an empty match may follow
/// any other, and where one was found a longer one may start.
fn find_all<'t>(
    Pattern { regex, not_empty }: &Pattern,
    text: &'t str,
    limit: usize,
) -> Result<Vec<Captures<'t, str>>, NodeError> {
    let mut found = Vec::new();
    let mut position = 0;
    let mut after_empty = false;
    while found.len() < limit && position <= text.len() {
        let mut next = None;
        if after_empty {
            let longer = not_empty.as_ref().map(|regex| regex.captures_from_pos(text, position)).transpose();
            let longer = longer.map_err(unfit_pattern)?.flatten();
            next = longer.filter(|captures| captures.get(0).is_some_and(|found| found.start() == position));
            if next.is_none() {
                let Some(char) = text[position..].chars().next() else { break };
                position += char.len_utf8();
            }
        }
        if next.is_none() {
            next = regex.captures_from_pos(text, position).map_err(unfit_pattern)?;
        }
        let Some(captures) = next else { break };
        let range = captures.get(0).map_or(0..0, |found| found.range());
        after_empty = range.is_empty();
        position = range.end;
        found.push(captures);
    }
    Ok(found)
}

/// A piece of a replacement.
#[derive(Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Group(usize),
}

/// Reads a replacement as Python's `re.sub` does: `\1`, `\g<1>`, `\g<name>`, escapes.
fn parse_template(template: &str, regex: &Regex) -> Result<Vec<Piece>, NodeError> {
    let bad = |what: String| NodeError::unfit("replace", what);
    let mut pieces = Vec::new();
    let mut rest = template;
    while let Some((text, after)) = rest.split_once('\\') {
        pieces.push(Piece::Text(text.to_owned()));
        let escaped = after.chars().next().ok_or_else(|| bad("it ends with a backslash".to_owned()))?;
        let mut length = escaped.len_utf8();
        let simple = "abfnrtv".find(escaped).map(|index| ["\u{7}", "\u{8}", "\u{c}", "\n", "\r", "\t", "\u{b}"][index]);
        pieces.push(match escaped {
            'g' => {
                let name = after.strip_prefix("g<").and_then(|name| name.split_once('>'));
                let (name, _) = name.ok_or_else(|| bad(r"\g needs a group: \g<name>".to_owned()))?;
                length = name.len() + 3;
                let group = name.parse().ok().or_else(|| regex.capture_names().position(|known| known == Some(name)));
                Piece::Group(group.ok_or_else(|| bad(format!("there is no group {name:?}")))?)
            }
            '0'..='9' => {
                let (piece, digits) =
                    numeric_escape(after).ok_or_else(|| bad("an octal escape is too large".to_owned()))?;
                length = digits;
                piece
            }
            '\\' => Piece::Text("\\".to_owned()),
            _ if simple.is_some() => Piece::Text(simple.unwrap_or_default().to_owned()),
            letter if letter.is_ascii_alphabetic() => return Err(bad(format!(r"\{letter} means nothing"))),
            other => Piece::Text(format!(r"\{other}")),
        });
        rest = &after[length..];
    }
    pieces.push(Piece::Text(rest.to_owned()));
    let missing = pieces.iter().find_map(|piece| match piece {
        Piece::Group(group) if *group >= regex.captures_len() => Some(*group),
        _ => None,
    });
    match missing {
        Some(group) => Err(bad(format!("there is no group {group}"))),
        None => Ok(pieces),
    }
}

/// A group or an octal escape at the start of `text`, and how many digits it takes.
fn numeric_escape(text: &str) -> Option<(Piece, usize)> {
    let run = |radix: u32, most: usize| text.chars().take(most).take_while(|digit| digit.is_digit(radix)).count();
    let octal = |digits: usize| {
        let char = u32::from_str_radix(&text[..digits], 8).ok().filter(|code| *code < 256).and_then(char::from_u32)?;
        Some((Piece::Text(char.to_string()), digits))
    };
    if text.starts_with('0') || run(8, 3) == 3 {
        return octal(run(8, 3));
    }
    let digits = run(10, 2);
    Some((Piece::Group(text[..digits].parse().ok()?), digits))
}
