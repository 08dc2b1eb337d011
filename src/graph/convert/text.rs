//! Texts that the editor changes before it sends them: prompts with choices, names of files that
//! quote widgets.

use serde_json::Value;

use super::{
    js,
    state::{Editor, Kind, NetIx, NodeIx},
};

/// Choices in choices that are followed.
const DEEPEST: usize = 64;

/// Nodes that are asked for a quoted name.
const MOST_NODES: usize = 100_000;

/// What the editor makes of a prompt: comments go, a choice of one is that one. None when it would
/// choose by chance.
pub(super) fn prompt(text: &str) -> Option<String> {
    expand(text, 0)
}

/// `text` written so that the editor makes `text` of it, as far as that is possible. A choice of
/// nothing keeps the signs apart that would begin a comment.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut before = ' ';
    for c in text.chars() {
        match c {
            '{' | '}' => out.push('\\'),
            '/' | '*' if before == '/' => out.push_str("{}"),
            _ => {}
        }
        out.push(c);
        before = c;
    }
    out
}

fn expand(text: &str, depth: usize) -> Option<String> {
    if depth > DEEPEST {
        return None;
    }
    let text = without_comments(text);
    if !text.contains(['{', '\\']) {
        return Some(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => escape(&mut out, chars.next()),
            '{' => out.push_str(&expand(&choice(&mut chars)?, depth + 1)?),
            c => out.push(c),
        }
    }
    Some(without_escapes(&out))
}

fn escape(out: &mut String, next: Option<char>) {
    out.push('\\');
    match next {
        Some(c) => out.push(c),
        None => out.push_str("undefined"),
    }
}

/// The only option up to the closing brace; none when there are several.
fn choice(chars: &mut std::str::Chars<'_>) -> Option<String> {
    let mut only = String::new();
    let mut depth = 0;
    while let Some(c) = chars.next() {
        match c {
            '\\' => {
                escape(&mut only, chars.next());
                continue;
            }
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            '|' if depth == 0 => return None,
            _ => {}
        }
        only.push(c);
    }
    Some(only)
}

/// Without `/* … */` and `// …`.
fn without_comments(text: &str) -> String {
    if !text.contains("//") && !text.contains("/*") {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('/') {
        let (before, comment) = rest.split_at(at);
        out.push_str(before);
        let skipped = match comment.as_bytes().get(1) {
            Some(b'*') => comment[2..].find("*/").map(|end| end + 4),
            Some(b'/') => Some(comment.find(['\n', '\r', '\u{2028}', '\u{2029}']).unwrap_or(comment.len())),
            _ => None,
        };
        if skipped.is_none() {
            out.push('/');
        }
        rest = &comment[skipped.unwrap_or(1)..];
    }
    out.push_str(rest);
    out
}

fn without_escapes(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '\\' || !chars.peek().is_some_and(|next| "{}|".contains(*next)) {
            out.push(c);
        }
    }
    out
}

/// `text` with each `%node.widget%` replaced by the value of that widget, among the nodes of `net`
/// and of all that is in it. Whether it has a date, which only the editor knows, too.
pub(super) fn quoted(editor: &Editor<'_>, net: NetIx, text: &str) -> (String, bool) {
    let mut out = String::with_capacity(text.len());
    let mut has_date = false;
    let mut rest = text;
    while let Some(start) = rest.find('%') {
        let Some(length) = rest[start + 1..].find('%') else { break };
        if length == 0 {
            // Two in a row enclose nothing; the second may begin a quotation.
            out.push_str(&rest[..=start]);
            rest = &rest[start + 1..];
            continue;
        }
        let name = &rest[start + 1..start + 1 + length];
        out.push_str(&rest[..start]);
        has_date |= !name.contains('.') && name.starts_with("date:");
        match quotation(editor, net, name) {
            Some(value) => out.push_str(&value),
            None => out.push_str(&rest[start..start + length + 2]),
        }
        rest = &rest[start + length + 2..];
    }
    out.push_str(rest);
    (out, has_date)
}

fn quotation(editor: &Editor<'_>, net: NetIx, name: &str) -> Option<String> {
    let (node, widget) = name.split_once('.').filter(|(_, widget)| !widget.contains('.'))?;
    let nodes = all_nodes(editor, net);
    let is_called = |ix: &&NodeIx| quoted_as(editor, **ix) == Some(node);
    let is_titled = |ix: &&NodeIx| *editor.nodes[**ix].title == *node;
    let found = nodes.iter().find(is_called).or_else(|| nodes.iter().find(is_titled))?;
    let value = editor.widget_by_name(*found, widget)?.value;
    let text = value.filter(|value| !value.is_null()).map_or_else(String::new, |value: Value| js::to_text(&value));
    let unfit = |c: char| "/?<>\\:*|\"".contains(c) || c.is_ascii_control();
    Some(text.chars().map(|c| if unfit(c) { '_' } else { c }).collect())
}

fn quoted_as<'e>(editor: &'e Editor<'_>, ix: NodeIx) -> Option<&'e str> {
    let node = &editor.nodes[ix];
    let written = node.properties.quoted_as.as_deref();
    match node.kind {
        Kind::Class(class) if !class.is_saver() => written.or(Some(&class.name)),
        _ => written,
    }
}

/// Nodes inside before the one that stands for them.
fn all_nodes(editor: &Editor<'_>, net: NetIx) -> Vec<NodeIx> {
    let mut out = Vec::new();
    let mut open = vec![(net, 0)];
    while let Some((net, next)) = open.pop() {
        let Some(ix) = editor.nets[net].nodes.get(next).copied() else {
            // The node that stands for what was gone through.
            out.extend(open.last().map(|(net, next): &(NetIx, usize)| editor.nets[*net].nodes[*next - 1]));
            continue;
        };
        open.push((net, next + 1));
        match editor.nodes[ix].kind {
            Kind::Host(inner) if open.len() < DEEPEST && out.len() < MOST_NODES => open.push((inner, 0)),
            _ => out.push(ix),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prompts() {
        let cases = [
            ("a cat", Some("a cat")),
            ("a {cat} and {}", Some("a cat and ")),
            ("a {cat|dog}", None),
            ("{a {b|c}}", None),
            ("{\"json\": 1}", Some("\"json\": 1")),
            ("\\{kept\\} \\| \\(so\\)", Some("{kept} | \\(so\\)")),
            ("a // comment\nb /* c\nd */ e", Some("a \nb  e")),
            ("see https://x.y/z", Some("see https:")),
            ("1/2 /* open", Some("1/2 /* open")),
            ("open {brace", Some("open brace")),
            ("end\\", Some("end\\undefined")),
        ];
        for (text, expected) in cases {
            assert_eq!(prompt(text).as_deref(), expected, "{text}");
        }
        assert_eq!(prompt(&"{".repeat(10_000)), None);
        for text in ["a {red|blue} cat", "}{", "\\(so:1.2\\)", "{\"a\": [1]}", "plain", "https://x.y/z /* c */ ///"] {
            assert_eq!(prompt(&escaped(text)).as_deref(), Some(text));
        }
    }
}
