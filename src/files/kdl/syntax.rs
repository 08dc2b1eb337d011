//! The nodes of a KDL text: blocks, lines, comments.
//!
//! Knows KDL's grammar and nothing of documents; what nodes mean is said by [`super::rules`].

use std::sync::Arc;

use super::literal::{is_newline, is_space};
pub(in crate::files) use super::raw::{Block, RawEntry, RawNode, Word};
use crate::{
    diagnostic::{Diagnostic, Fix, Span, TextEdit},
    files::{
        MAX_DEPTH,
        comments::{Pending, comment_line},
        findings::too_deep,
        tree::Comments,
    },
};

/// Most errors of syntax that are reported for one file.
const MAX_ERRORS: usize = 100;

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

/// Reads a text from front to back; what nodes are made of is read in [`super::values`].
pub(super) struct Parser<'a> {
    pub(super) text: &'a str,
    pub(super) file: &'a Arc<str>,
    pub(super) at: usize,
    depth: usize,
    pending: Pending,
    /// Comments met within a node; they go above it.
    pub(super) aside: Vec<String>,
    diagnostics: Vec<Diagnostic>,
}

impl<'a> Parser<'a> {
    pub(super) fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub(super) fn looking_at(&self, text: &str) -> bool {
        self.rest().starts_with(text)
    }

    pub(super) fn skip(&mut self) {
        self.at += self.peek().map_or(0, char::len_utf8);
    }

    pub(super) fn skip_while(&mut self, accept: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let length = rest.find(|c| !accept(c)).unwrap_or(rest.len());
        self.at += length;
        &rest[..length]
    }

    pub(super) fn error(&mut self, span: Span, message: impl Into<String>) -> Option<&mut Diagnostic> {
        self.report(Diagnostic::error("kdl-syntax", self.file, span, message))
    }

    pub(super) fn report(&mut self, diagnostic: Diagnostic) -> Option<&mut Diagnostic> {
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
                    self.pending.extend(&lines);
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

    /// Reads `// …` up to the end of the line, which stays. A comment that begins as `/-` does gets a
    /// blank before it, so that it stays a comment.
    fn line_comment(&mut self) -> String {
        self.at += 2;
        let text = comment_line(self.skip_while(|c| !is_newline(c)));
        if text.starts_with("/-") { format!(" {text}") } else { text }
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
        self.pending.extend(&kept);
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
    pub(super) fn node_space(&mut self) -> bool {
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

    /// Skips the rest of a line that cannot be read.
    fn skip_line(&mut self) {
        self.skip_while(|c| !is_newline(c) && c != ';' && c != '}');
    }
}
