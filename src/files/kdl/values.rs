//! What KDL nodes are made of: names, annotations, arguments, properties and their values, with
//! a diagnostic of its own for what KDL 1 wrote differently.

use super::{
    literal::{self, is_newline, is_word_char},
    raw::{RawEntry, Word},
    syntax::Parser,
};
use crate::{
    diagnostic::{Diagnostic, Span},
    files::{findings::WithFixQuoting as _, tree::NodeKind},
};

impl Parser<'_> {
    /// Reads `(name)`.
    pub(super) fn annotation(&mut self) -> Option<Word> {
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
    pub(super) fn name(&mut self) -> Option<Word> {
        let start = self.at;
        let bare = self.peek().is_some_and(is_word_char);
        let value = self.value(true)?;
        let span = Span::new(start, self.at);
        match value {
            NodeKind::String(text) if !is_keyword(&self.text[span.range()]) => {
                Some(Word { text: text.into(), span, bare })
            }
            _ => {
                if let Some(d) = self.error(span, "a name must be text") {
                    d.hint = Some("quote it".to_owned());
                }
                None
            }
        }
    }

    /// Reads an argument or a property.
    pub(super) fn entry(&mut self) -> Option<RawEntry> {
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
            let key = Word { text: text.into(), span: value_span, bare };
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
            return Some(self.braced_value(key));
        }
        let bare = self.peek().is_some_and(is_word_char);
        let value = self.value(false)?;
        let value_span = Span::new(value_start, self.at);
        self.report_bare_keyword(&value, value_span, bare);
        Some(RawEntry { key: Some(key), span: Span::new(start, self.at), value_span, value })
    }

    /// Reports `key={name}`, which was meant as text.
    fn braced_value(&mut self, key: Word) -> RawEntry {
        let start = self.at;
        let line = self.rest().split(is_newline).next().unwrap_or_default();
        let length = line.find('}').map_or(1, |close| close + 1);
        self.at += length;
        let span = Span::new(start, self.at);
        let text = self.text[span.range()].to_owned();
        let diagnostic = Diagnostic::error("kdl-bare-brace", self.file, span, "text with braces must be quoted");
        let diagnostic = if text.contains(['"', '\\']) { diagnostic } else { diagnostic.with_fix_quoting(span) };
        self.report(diagnostic);
        RawEntry {
            span: Span::new(key.span.start, self.at),
            key: Some(key),
            value_span: span,
            value: NodeKind::String(text),
        }
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
}

/// Whether a literal is a keyword such as `#null`, not a raw string.
fn is_keyword(literal: &str) -> bool {
    literal.starts_with('#') && !literal.contains('"')
}
