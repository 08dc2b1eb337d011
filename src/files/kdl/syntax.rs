//! The nodes of a KDL text with the places of all their parts and their comments.
//!
//! Knows KDL's grammar and nothing of documents; what nodes mean is said by [`super::rules`].

use std::sync::Arc;

use super::literal::{self, is_newline, is_space, is_word_char};
use crate::{
    diagnostic::{Diagnostic, Fix, Span, TextEdit},
    files::{
        MAX_DEPTH,
        comments::{Pending, comment_line},
        findings::{WithFixQuoting as _, too_deep},
        tree::{Comments, NodeKind},
    },
};

/// Most errors of syntax that are reported for one file.
const MAX_ERRORS: usize = 100;

/// Nodes in order, with the comments after the last.
#[derive(Debug, Default)]
pub(in crate::files) struct Block {
    /// From brace to brace; the whole text for a document.
    pub(in crate::files) span: Span,
    /// The nodes.
    pub(in crate::files) nodes: Vec<RawNode>,
    /// Comments after the last node.
    pub(in crate::files) dangling: Vec<String>,
}

/// One node.
#[derive(Debug)]
pub(in crate::files) struct RawNode {
    /// From the annotation or name to the last argument or closing brace.
    pub(in crate::files) span: Span,
    /// `(list)`
    pub(in crate::files) annotation: Option<Word>,
    /// Its name.
    pub(in crate::files) name: Word,
    /// Arguments and properties in order.
    pub(in crate::files) entries: Vec<RawEntry>,
    /// `{…}`
    pub(in crate::files) block: Option<Block>,
    /// Comments beside it.
    pub(in crate::files) comments: Comments,
}

/// A bare or quoted string that is a name.
#[derive(Clone, Debug)]
pub(in crate::files) struct Word {
    /// What it says.
    pub(in crate::files) text: String,
    /// Its bytes, quotes included.
    pub(in crate::files) span: Span,
    /// Whether it is without quotes.
    pub(in crate::files) bare: bool,
}

/// An argument or a property.
#[derive(Debug)]
pub(in crate::files) struct RawEntry {
    /// The name of a property.
    pub(in crate::files) key: Option<Word>,
    /// From the key or annotation to the end of the value.
    pub(in crate::files) span: Span,
    /// The value's bytes.
    pub(in crate::files) value_span: Span,
    /// The value.
    pub(in crate::files) value: NodeKind,
}

impl RawNode {
    /// The arguments.
    pub(in crate::files) fn arguments(&self) -> impl Iterator<Item = &RawEntry> {
        self.entries.iter().filter(|e| e.key.is_none())
    }

    /// The properties with their names.
    pub(in crate::files) fn properties(&self) -> impl Iterator<Item = (&Word, &RawEntry)> {
        self.entries.iter().filter_map(|e| e.key.as_ref().map(|key| (key, e)))
    }
}

/// Reads the nodes. With a diagnostic of code `kdl-syntax`, `kdl-v1` or `too-deep` they are what
/// could be made of the text.
pub(in crate::files) fn read(text: &str, file: &Arc<str>, diagnostics: &mut Vec<Diagnostic>) -> Block {
    let at = if text.starts_with('\u{feff}') { 3 } else { 0 };
    let mut parser =
        Parser { text, file, at, depth: 0, pending: Pending::default(), aside: Vec::new(), diagnostics: Vec::new() };
    let mut block = parser.nodes(false);
    block.span = Span::new(0, text.len());
    diagnostics.append(&mut parser.diagnostics);
    block
}

/// Whether a text is comments and nothing else.
pub(in crate::files) fn is_only_comment(text: &str) -> bool {
    let mut diagnostics = Vec::new();
    let block = read(text, &Arc::from(""), &mut diagnostics);
    block.nodes.is_empty() && diagnostics.is_empty() && !block.dangling.is_empty()
}

struct Parser<'a> {
    text: &'a str,
    file: &'a Arc<str>,
    at: usize,
    depth: usize,
    pending: Pending,
    /// Comments met within a node; they go above it.
    aside: Vec<String>,
    diagnostics: Vec<Diagnostic>,
}

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn looking_at(&self, text: &str) -> bool {
        self.rest().starts_with(text)
    }

    fn skip(&mut self) {
        self.at += self.peek().map_or(0, char::len_utf8);
    }

    fn skip_while(&mut self, accept: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let length = rest.find(|c| !accept(c)).unwrap_or(rest.len());
        self.at += length;
        &rest[..length]
    }

    fn error(&mut self, span: Span, message: impl Into<String>) -> Option<&mut Diagnostic> {
        self.report(Diagnostic::error("kdl-syntax", self.file, span, message))
    }

    fn report(&mut self, diagnostic: Diagnostic) -> Option<&mut Diagnostic> {
        if self.diagnostics.len() >= MAX_ERRORS {
            return None;
        }
        self.diagnostics.push(diagnostic);
        self.diagnostics.last_mut()
    }

    /// Reads nodes up to the end of the text or, in a block, to its closing brace.
    fn nodes(&mut self, in_block: bool) -> Block {
        let mut block = Block::default();
        let mut line_is_blank = false;
        let mut line_is_taken = in_block;
        let mut is_terminated = true;
        loop {
            self.skip_while(is_space);
            let Some(c) = self.peek() else { break };
            let start = self.at;
            if is_newline(c) {
                self.newline();
                if line_is_blank {
                    self.pending.blank_line();
                }
                (line_is_blank, line_is_taken, is_terminated) = (true, false, true);
                continue;
            }
            line_is_blank = false;
            match c {
                '}' if in_block => break,
                '}' => {
                    self.skip();
                    self.error(Span::new(start, self.at), "there is no block to close here");
                }
                ';' => {
                    self.skip();
                    if is_terminated {
                        let span = Span::new(start, self.at);
                        if let Some(d) = self.error(span, "there is nothing to end here") {
                            *d = d.clone().with_fix("remove it", span, "");
                        }
                    }
                    is_terminated = true;
                }
                '/' if self.looking_at("//") => {
                    let comment = self.line_comment();
                    match block.nodes.last_mut() {
                        Some(node) if line_is_taken && node.comments.trailing.is_none() => {
                            node.comments.trailing = Some(comment);
                        }
                        _ => self.pending.push(&comment),
                    }
                }
                '/' if self.looking_at("/*") => {
                    let lines = self.block_comment();
                    lines.iter().for_each(|line| self.pending.push(line));
                }
                '/' if self.looking_at("/-") => {
                    self.commented_node();
                    is_terminated = false;
                }
                '\\' => self.line_continuation(),
                '{' => {
                    let diagnostics = self.diagnostics.len();
                    let _ = self.block();
                    self.diagnostics.truncate(diagnostics);
                    let span = Span::new(start, start + 1);
                    if let Some(d) = self.error(span, "a block needs the name of its node before the brace") {
                        d.hint = Some("put the brace on the line of the node's name".to_owned());
                    }
                }
                _ => {
                    if let Some(node) = self.node() {
                        block.nodes.push(node);
                    }
                    (line_is_taken, is_terminated) = (true, false);
                }
            }
        }
        block.dangling = self.pending.take_dangling();
        block
    }

    fn newline(&mut self) {
        if self.looking_at("\r\n") {
            self.at += 1;
        }
        self.skip();
    }

    /// Reads `// …` up to the end of the line, which stays.
    fn line_comment(&mut self) -> String {
        self.at += 2;
        let text = self.skip_while(|c| !is_newline(c));
        comment_line(text)
    }

    /// Reads `/* … */` with the comments nested in it; gives its lines.
    fn block_comment(&mut self) -> Vec<String> {
        let start = self.at;
        let mut open = 0_usize;
        loop {
            if self.looking_at("/*") {
                open += 1;
                self.at += 2;
            } else if self.looking_at("*/") {
                open -= 1;
                self.at += 2;
            } else if self.peek().is_some() {
                self.skip();
            } else {
                self.error(Span::new(start, start + 2), "the comment is not closed");
                break;
            }
            if open == 0 {
                break;
            }
        }
        let text = self.text[start + 2..self.at].trim_end_matches("*/");
        let lines = text.lines().map(str::trim).map(|line| format!(" {line}").trim_end().to_owned());
        let mut lines: Vec<String> = lines.collect();
        while lines.last().is_some_and(String::is_empty) {
            lines.pop();
        }
        let first = lines.iter().position(|l| !l.is_empty()).unwrap_or(0);
        lines.drain(..first);
        if lines.is_empty() { vec![" ".to_owned()] } else { lines }
    }

    /// Reads `/- node` as a comment, its text kept as it stands.
    fn commented_node(&mut self) {
        let start = self.at;
        self.at += 2;
        let kept = self.pending.take();
        let aside = std::mem::take(&mut self.aside);
        self.blanks_and_lines();
        match self.peek() {
            Some('}') | None => {
                self.error(Span::new(start, start + 2), "there is nothing to comment out");
            }
            _ => {
                self.node();
            }
        }
        self.pending = Pending::default();
        kept.iter().for_each(|line| if line.is_empty() { self.pending.blank_line() } else { self.pending.push(line) });
        self.aside = aside;
        let text = self.text[start..self.at].trim_end().trim_end_matches(';').replace("\r\n", "\n");
        self.pending.push(&text);
    }

    fn blanks_and_lines(&mut self) {
        loop {
            self.skip_while(|c| is_space(c) || is_newline(c));
            if self.looking_at("//") {
                self.line_comment();
            } else if self.looking_at("/*") {
                self.block_comment();
            } else {
                return;
            }
        }
    }

    /// Reads `\` with the rest of its line, which does not end the node.
    fn line_continuation(&mut self) {
        let start = self.at;
        self.skip();
        self.skip_while(is_space);
        if self.looking_at("//") {
            let comment = self.line_comment();
            self.aside.push(comment);
        }
        match self.peek() {
            Some(c) if is_newline(c) => self.newline(),
            None => {}
            Some(_) => {
                self.error(Span::new(start, start + 1), "a backslash outside a string must end its line");
            }
        }
    }

    /// Skips what may stand between the parts of a node; true if there was any.
    fn node_space(&mut self) -> bool {
        let start = self.at;
        loop {
            self.skip_while(is_space);
            if self.looking_at("/*") {
                let lines = self.block_comment();
                self.aside.extend(lines);
            } else if self.looking_at("\\") {
                self.line_continuation();
            } else {
                return self.at > start;
            }
        }
    }

    /// Reads a node up to its terminator, which stays.
    fn node(&mut self) -> Option<RawNode> {
        let start = self.at;
        let mut above = self.pending.take();
        let annotation = self.annotation();
        self.node_space();
        let Some(name) = self.name() else {
            self.skip_line();
            return None;
        };
        let mut node = RawNode {
            span: Span::new(start, self.at),
            annotation,
            name,
            entries: Vec::new(),
            block: None,
            comments: Comments::default(),
        };
        self.parts(&mut node);
        above.append(&mut self.aside);
        node.comments.above = above;
        Some(node)
    }

    /// Reads arguments, properties and the block.
    fn parts(&mut self, node: &mut RawNode) {
        loop {
            let spaced = self.node_space();
            let start = self.at;
            let Some(c) = self.peek() else { return };
            match c {
                ';' | '}' => return,
                _ if is_newline(c) => return,
                '/' if self.looking_at("//") => return,
                '/' if self.looking_at("/-") => {
                    if !spaced {
                        self.missing_blank(start);
                    }
                    self.commented_part();
                }
                '{' if node.block.is_some() => {
                    self.error(Span::new(start, start + 1), "a node has one block");
                    let _ = self.block();
                }
                '{' => {
                    let (block, trailing) = self.block();
                    node.span.end = self.at;
                    node.block = Some(block);
                    node.comments.trailing = trailing;
                }
                _ if node.block.is_some() => {
                    self.error(Span::new(start, start), "a new node begins on a new line or after `;`");
                    return;
                }
                '=' => self.stray_equals(),
                _ => {
                    if !spaced {
                        self.missing_blank(start);
                    }
                    if let Some(entry) = self.entry() {
                        node.span.end = entry.span.end;
                        node.entries.push(entry);
                    }
                }
            }
        }
    }

    fn missing_blank(&mut self, at: usize) {
        let span = Span::new(at, at);
        if let Some(d) = self.error(span, "a blank is missing here") {
            *d = d.clone().with_fix("insert a blank", span, " ");
        }
    }

    /// Reads `{ … }`; gives also the comment behind the opening brace.
    fn block(&mut self) -> (Block, Option<String>) {
        let open = self.at;
        self.skip();
        if self.depth >= MAX_DEPTH {
            if !self.diagnostics.iter().any(|d| d.code == "too-deep") {
                let diagnostic = too_deep(Span::new(open, open + 1), self.file);
                self.report(diagnostic);
            }
            self.at = self.text.len();
            return (Block::default(), None);
        }
        let outer = (self.pending.take(), std::mem::take(&mut self.aside));
        self.depth += 1;
        self.skip_while(is_space);
        let trailing = self.looking_at("//").then(|| self.line_comment());
        let mut block = self.nodes(true);
        self.depth -= 1;
        if self.peek() == Some('}') {
            self.skip();
        } else {
            self.error(Span::new(open, open + 1), "the block is not closed");
        }
        block.span = Span::new(open, self.at);
        self.aside = outer.1;
        (block, trailing)
    }

    /// Reads `/- part` as a comment above the node.
    fn commented_part(&mut self) {
        let start = self.at;
        self.at += 2;
        self.blanks_and_lines();
        if self.peek() == Some('{') {
            let aside = std::mem::take(&mut self.aside);
            self.block();
            self.aside = aside;
        } else {
            self.entry();
        }
        let text = &self.text[start..self.at];
        self.aside.extend(text.lines().map(|line| format!(" {}", line.trim_end())));
    }

    fn stray_equals(&mut self) {
        let start = self.at;
        self.skip();
        let mut end = self.at;
        if self.text[..start].ends_with(' ') {
            end += self.rest().len() - self.rest().trim_start_matches(' ').len();
        }
        if let Some(d) = self.error(Span::new(start, start + 1), "in KDL a blank stands between a key and its value") {
            let text = if end > start + 1 { "" } else { " " };
            d.fix = Some(Fix {
                title: "remove the equals sign".to_owned(),
                edits: vec![TextEdit { span: Span::new(start, end), text: text.to_owned() }],
            });
        }
    }

    /// Reads `(name)`.
    fn annotation(&mut self) -> Option<Word> {
        if self.peek() != Some('(') {
            return None;
        }
        let start = self.at;
        self.skip();
        self.node_space();
        let mut word = self.name()?;
        self.node_space();
        if self.peek() == Some(')') {
            self.skip();
        } else {
            self.error(Span::new(start, start + 1), "the parenthesis is not closed");
        }
        word.span = Span::new(start, self.at);
        Some(word)
    }

    /// Reads a name: of a node, a property or an annotation.
    fn name(&mut self) -> Option<Word> {
        let start = self.at;
        let bare = self.peek().is_some_and(is_word_char);
        let value = self.value(true)?;
        let span = Span::new(start, self.at);
        match value {
            NodeKind::String(text) if !is_keyword(&self.text[span.range()]) => Some(Word { text, span, bare }),
            _ => {
                if let Some(d) = self.error(span, "a name must be text") {
                    d.hint = Some("quote it".to_owned());
                }
                None
            }
        }
    }

    /// Reads an argument or a property.
    fn entry(&mut self) -> Option<RawEntry> {
        let start = self.at;
        let annotation = self.annotation();
        if annotation.is_some() {
            self.node_space();
        }
        let value_start = self.at;
        let bare = self.peek().is_some_and(is_word_char);
        let value = self.value(false)?;
        let value_span = Span::new(value_start, self.at);
        let before_space = self.at;
        let aside = self.aside.len();
        self.node_space();
        let is_text = matches!(value, NodeKind::String(_)) || !bare;
        if self.peek() == Some('=') && annotation.is_none() && is_text && self.text.as_bytes()[start] != b'#' {
            self.skip();
            self.node_space();
            self.report_bare_keyword(&value, value_span, bare);
            let NodeKind::String(text) = value else { return None };
            let key = Word { text, span: value_span, bare };
            return self.property(start, key);
        }
        self.at = before_space;
        self.aside.truncate(aside);
        if let Some(annotation) = annotation {
            self.report_annotation(&annotation);
        }
        self.report_bare_keyword(&value, value_span, bare);
        Some(RawEntry { key: None, span: Span::new(start, self.at), value_span, value })
    }

    fn property(&mut self, start: usize, key: Word) -> Option<RawEntry> {
        if let Some(annotation) = self.annotation() {
            self.report_annotation(&annotation);
            self.node_space();
        }
        let value_start = self.at;
        if self.peek() == Some('{') {
            return self.braced_value(key);
        }
        let bare = self.peek().is_some_and(is_word_char);
        let Some(value) = self.value(false) else {
            return None;
        };
        let value_span = Span::new(value_start, self.at);
        self.report_bare_keyword(&value, value_span, bare);
        Some(RawEntry { key: Some(key), span: Span::new(start, self.at), value_span, value })
    }

    /// Reports `key={name}`, which was meant as text.
    fn braced_value(&mut self, key: Word) -> Option<RawEntry> {
        let start = self.at;
        let line = self.rest().split(is_newline).next().unwrap_or_default();
        let length = line.find('}').map_or(1, |close| close + 1);
        self.at += length;
        let span = Span::new(start, self.at);
        let text = self.text[span.range()].to_owned();
        let diagnostic = Diagnostic::error("kdl-bare-brace", self.file, span, "text with braces must be quoted");
        let diagnostic = if text.contains(['"', '\\']) { diagnostic } else { diagnostic.with_fix_quoting(span) };
        self.report(diagnostic);
        Some(RawEntry {
            span: Span::new(key.span.start, self.at),
            key: Some(key),
            value_span: span,
            value: NodeKind::String(text),
        })
    }

    fn report_annotation(&mut self, annotation: &Word) {
        let message = format!("`({})` has no meaning before a value", annotation.text);
        let diagnostic = Diagnostic::error("kdl-annotation", self.file, annotation.span, message).with_fix(
            "remove it",
            annotation.span,
            "",
        );
        self.report(diagnostic);
    }

    /// Reports `true`, `null` and the like without `#`, which were values in KDL 1.
    fn report_bare_keyword(&mut self, value: &NodeKind, span: Span, bare: bool) {
        let NodeKind::String(word) = value else { return };
        if !bare || !matches!(word.as_str(), "true" | "false" | "null" | "inf" | "-inf" | "nan") {
            return;
        }
        let message = format!("`{word}` is KDL 1; in KDL 2 it is `#{word}`, or \"{word}\" for text");
        let diagnostic = Diagnostic::error("kdl-v1", self.file, span, message);
        let diagnostic = if matches!(word.as_str(), "true" | "false") {
            diagnostic.with_fix(format!("write #{word}"), span, format!("#{word}"))
        } else {
            diagnostic.with_fix_quoting(span)
        };
        self.report(diagnostic);
    }

    /// Reads a string, number or keyword; none, with at least one character skipped, when there
    /// is no value here.
    fn value(&mut self, is_name: bool) -> Option<NodeKind> {
        let start = self.at;
        let next = self.peek().filter(|c| !is_newline(*c) && !matches!(c, ';' | '}'));
        let Some(next) = next else {
            self.error(
                Span::new(start, start),
                if is_name { "a name is missing here" } else { "a value is missing here" },
            );
            return None;
        };
        match next {
            '"' => Some(self.quoted(start, literal::quoted_length(self.rest()))),
            '#' => self.hashed(start),
            c if is_word_char(c) => Some(self.word(start, is_name)),
            c => {
                self.skip();
                let span = Span::new(start, self.at);
                let message = match c {
                    '[' | ']' => "KDL has no brackets".to_owned(),
                    _ => format!("unexpected `{}`", c.escape_debug()),
                };
                if let Some(d) = self.error(span, message)
                    && matches!(c, '[' | ']')
                {
                    d.hint = Some("write the values of a list one after another: `tags photo product`".to_owned());
                }
                None
            }
        }
    }

    fn quoted(&mut self, start: usize, length: Result<usize, usize>) -> NodeKind {
        let taken = length.unwrap_or_else(|taken| taken);
        self.at = start + taken;
        let span = Span::new(start, self.at);
        let literal = &self.text[span.range()];
        if length.is_err() {
            let multi_line = literal.contains("\"\"\"");
            if let Some(d) = self.error(span, "the string is not closed") {
                d.hint = Some(if multi_line {
                    "close it with three quotes on a line of their own".to_owned()
                } else {
                    "close it on the same line, or use three quotes for text of several lines".to_owned()
                });
            }
            return NodeKind::String(String::new());
        }
        let mut found = Vec::new();
        let text = literal::string(literal, span, self.file, &mut found);
        for diagnostic in found {
            self.report(diagnostic);
        }
        NodeKind::String(text)
    }

    /// Reads what begins with `#`: a raw string or a keyword.
    fn hashed(&mut self, start: usize) -> Option<NodeKind> {
        let hashes = self.rest().len() - self.rest().trim_start_matches('#').len();
        if self.rest()[hashes..].starts_with('"') {
            return Some(self.quoted(start, literal::raw_length(self.rest(), hashes)));
        }
        self.at += hashes;
        self.skip_while(is_word_char);
        let span = Span::new(start, self.at);
        let mut found = Vec::new();
        let kind = literal::keyword(&self.text[span.range()], span, self.file, &mut found);
        let known = found.is_empty() || found.iter().any(|d| d.code != "kdl-syntax");
        for diagnostic in found {
            self.report(diagnostic);
        }
        known.then_some(kind)
    }

    /// Reads a bare word: text or a number.
    fn word(&mut self, start: usize, is_name: bool) -> NodeKind {
        let word = self.skip_while(is_word_char);
        if word == "r" && self.rest().trim_start_matches('#').starts_with('"') {
            return self.raw_string_of_v1(start);
        }
        let span = Span::new(start, self.at);
        let unsigned = word.strip_prefix(['+', '-']).unwrap_or(word);
        let unsigned = unsigned.strip_prefix('.').unwrap_or(unsigned);
        if unsigned.starts_with(|c: char| c.is_ascii_digit()) {
            if is_name {
                return NodeKind::Int(0);
            }
            let mut found = Vec::new();
            let kind = literal::number(word, span, self.file, &mut found);
            for diagnostic in found {
                self.report(diagnostic);
            }
            return kind;
        }
        if is_name {
            self.report_bare_keyword(&NodeKind::String(word.to_owned()), span, true);
        }
        NodeKind::String(word.to_owned())
    }

    /// Reads `r"…"`, which was a raw string in KDL 1.
    fn raw_string_of_v1(&mut self, start: usize) -> NodeKind {
        let hashes = self.rest().len() - self.rest().trim_start_matches('#').len();
        let body = self.at + hashes + 1;
        let close = format!("\"{}", "#".repeat(hashes));
        let length = self.text[body..].find(&close);
        let content = &self.text[body..length.map_or(body, |l| body + l)];
        self.at = length.map_or(body, |l| body + l + close.len());
        let span = Span::new(start, self.at);
        let message = "`r\"…\"` is KDL 1; a raw string of KDL 2 is `#\"…\"#`";
        let diagnostic = Diagnostic::error("kdl-v1", self.file, span, message);
        let marks = "#".repeat(hashes.max(1));
        let can_fix = !content.contains(is_newline) && !content.contains(&format!("\"{marks}")) && content != "\"";
        self.report(if can_fix {
            diagnostic.with_fix("write it as KDL 2", span, format!("{marks}\"{content}\"{marks}"))
        } else {
            diagnostic
        });
        NodeKind::String(content.to_owned())
    }

    /// Skips the rest of a line that cannot be read.
    fn skip_line(&mut self) {
        self.skip_while(|c| !is_newline(c) && c != ';' && c != '}');
    }
}

/// Whether a literal is a keyword such as `#null`, not a raw string.
fn is_keyword(literal: &str) -> bool {
    literal.starts_with('#') && !literal.contains('"')
}
