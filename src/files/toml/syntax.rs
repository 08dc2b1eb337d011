//! The statements of a TOML text in order: headers and `key = value` lines with the places of all
//! their parts and their comments.
//!
//! The tree is built from them, and edits find in them every place where a key is spelled. Knows
//! nothing of how statements make tables.

use std::{borrow::Cow, sync::Arc};

use smallvec::SmallVec;
use toml_parser::{
    ParseError, Raw, Source, Span as RawSpan,
    parser::{Event, EventKind, RecursionGuard, ValidateWhitespace, parse_document},
};

use super::scalar;
use crate::{
    diagnostic::{Diagnostic, Span},
    files::{
        MAX_DEPTH,
        comments::Pending,
        literal::is_plain_word,
        tree::{Comments, KeyText, NodeKind},
    },
};

/// All statements of a text.
#[derive(Debug, Default)]
pub(in crate::files) struct Outline {
    /// The statements in order.
    pub(in crate::files) statements: Vec<Statement>,
    /// Comments after the last one.
    pub(in crate::files) dangling: Vec<String>,
}

/// One statement.
#[derive(Debug)]
pub(in crate::files) enum Statement {
    /// `[a.b]` or `[[a.b]]`
    Header(Header),
    /// `a.b = value`
    Pair(Pair),
}

/// A header.
#[derive(Debug)]
pub(in crate::files) struct Header {
    /// The keys between the brackets.
    pub(in crate::files) keys: Keys,
    /// Whether it begins an element of an array of tables.
    pub(in crate::files) array: bool,
    /// From bracket to bracket.
    pub(in crate::files) span: Span,
    /// Comments beside it.
    pub(in crate::files) comments: Comments,
}

/// The parts of a key; most have one.
pub(in crate::files) type Keys = SmallVec<[Key; 1]>;

/// One part of a dotted key.
#[derive(Clone, Debug)]
pub(in crate::files) struct Key {
    /// The key without quotes; most are short.
    pub(in crate::files) text: KeyText,
    /// The key with its quotes.
    pub(in crate::files) span: Span,
}

/// A key with its value.
#[derive(Debug)]
pub(in crate::files) struct Pair {
    /// The parts of the key.
    pub(in crate::files) keys: Keys,
    /// The value.
    pub(in crate::files) value: Value,
    /// Comments beside it.
    pub(in crate::files) comments: Comments,
}

impl Pair {
    /// From the first key to the end of the value.
    pub(in crate::files) fn span(&self) -> Span {
        Span::new(self.keys.first().map_or(self.value.span.start, |k| k.span.start), self.value.span.end)
    }
}

/// A value and its place.
#[derive(Debug)]
pub(in crate::files) struct Value {
    /// All of its bytes.
    pub(in crate::files) span: Span,
    /// What it is.
    pub(in crate::files) kind: ValueKind,
}

/// What a value is.
#[derive(Debug)]
pub(in crate::files) enum ValueKind {
    /// A string, number or bool.
    Scalar(NodeKind),
    /// `[…]`
    Array(Vec<(Value, Comments)>),
    /// `{…}`, with the comments after its last pair.
    Inline(Vec<Pair>, Vec<String>),
}

/// Reads the statements. With a diagnostic of code `toml-syntax` or `too-deep` they are what
/// could be made of the text.
pub(in crate::files) fn read(text: &str, file: &Arc<str>, diagnostics: &mut Vec<Diagnostic>) -> Outline {
    let source = Source::new(text);
    // Documents of short lines have a token for every two to three bytes.
    let mut tokens = Vec::with_capacity(text.len() / 2);
    tokens.extend(source.lex());
    let mut events: Vec<Event> = Vec::with_capacity(tokens.len());
    let mut errors: Vec<ParseError> = Vec::new();
    {
        let mut guard = RecursionGuard::new(&mut events, u32::try_from(MAX_DEPTH).unwrap_or(u32::MAX));
        let mut receiver = ValidateWhitespace::new(&mut guard, source);
        parse_document(&tokens, &mut receiver, &mut errors);
    }
    let end = Span::new(text.len(), text.len());
    let mut seen_too_deep = false;
    for error in &errors {
        let diagnostic = scalar::syntax_error(error, end, file);
        let repeated = diagnostic.code == "too-deep" && std::mem::replace(&mut seen_too_deep, true);
        if !repeated {
            diagnostics.push(diagnostic);
        }
    }
    let mut reader =
        Reader { text, file, events: &events, next: 0, pending: Pending::default(), depth: 0, diagnostics };
    let outline = reader.document();
    if let Some(open) = unclosed_array(&errors) {
        // Everything after it was read as its elements: what is wrong with them says nothing.
        diagnostics.retain(|d| d.span.is_some_and(|span| span.start < open.start));
        let unclosed = Diagnostic::error("toml-syntax", file, open, "this array is never closed");
        diagnostics.push(unclosed.with_hint("write `]` after its last element"));
    }
    outline
}

/// The bracket of the outermost array that is not closed.
fn unclosed_array(errors: &[ParseError]) -> Option<Span> {
    let unclosed = errors.iter().filter(|error| error.description() == "unclosed array");
    let brackets = unclosed.filter_map(|error| error.context().map(|span| Span::new(span.start(), span.end())));
    brackets.min_by_key(|span| span.start)
}

/// Pulls statements out of the events.
struct Reader<'a> {
    text: &'a str,
    file: &'a Arc<str>,
    events: &'a [Event],
    next: usize,
    pending: Pending,
    depth: usize,
    diagnostics: &'a mut Vec<Diagnostic>,
}

impl Reader<'_> {
    fn document(&mut self) -> Outline {
        let mut outline = Outline::default();
        let mut line_is_taken = false;
        let mut line_is_blank = true;
        while let Some(event) = self.bump() {
            match event.kind() {
                EventKind::Newline => {
                    if line_is_blank {
                        self.pending.blank_line();
                    }
                    (line_is_taken, line_is_blank) = (false, true);
                }
                EventKind::Comment if line_is_taken => {
                    let text = self.comment_text(event);
                    if let Some(last) = outline.statements.last_mut() {
                        comments_of(last).trailing = Some(text);
                    }
                }
                EventKind::Comment => {
                    line_is_blank = false;
                    let text = self.comment_text(event);
                    self.pending.push(&text);
                }
                EventKind::StdTableOpen | EventKind::ArrayTableOpen => {
                    let header = self.header(event);
                    outline.statements.push(Statement::Header(header));
                    (line_is_taken, line_is_blank) = (true, false);
                }
                EventKind::SimpleKey => {
                    self.next -= 1;
                    if let Some(pair) = self.pair() {
                        outline.statements.push(Statement::Pair(pair));
                    }
                    (line_is_taken, line_is_blank) = (true, false);
                }
                _ => {}
            }
        }
        outline.dangling = self.pending.take_dangling();
        outline
    }

    fn bump(&mut self) -> Option<Event> {
        let event = self.events.get(self.next).copied();
        self.next += usize::from(event.is_some());
        event
    }

    fn peek(&self) -> Option<EventKind> {
        self.events.get(self.next).map(Event::kind)
    }

    fn header(&mut self, open: Event) -> Header {
        let above = self.pending.take();
        let keys = self.keys();
        let mut span = span_of(open);
        span.end = keys.last().map_or(span.end, |k| k.span.end);
        while self.peek() == Some(EventKind::Whitespace) {
            self.next += 1;
        }
        if matches!(self.peek(), Some(EventKind::StdTableClose | EventKind::ArrayTableClose))
            && let Some(close) = self.bump()
        {
            span.end = span_of(close).end;
        }
        let array = open.kind() == EventKind::ArrayTableOpen;
        Header { keys, array, span, comments: Comments::above(above) }
    }

    /// Reads keys up to the first event that cannot belong to one.
    fn keys(&mut self) -> Keys {
        let mut keys = Keys::new();
        while let Some(kind) = self.peek() {
            match kind {
                EventKind::Whitespace | EventKind::KeySep => {}
                EventKind::SimpleKey => {
                    if let Some(event) = self.events.get(self.next) {
                        keys.push(self.key(*event));
                    }
                }
                _ => break,
            }
            self.next += 1;
        }
        keys
    }

    fn key(&mut self, event: Event) -> Key {
        let span = span_of(event);
        let raw = self.text.get(span.range()).unwrap_or_default();
        if event.encoding().is_none() && is_plain_word(raw) {
            // Nearly every key is its own text.
            return Key { text: raw.into(), span };
        }
        let mut text = Cow::Borrowed("");
        let mut errors: Vec<ParseError> = Vec::new();
        let token = Raw::new_unchecked(raw, event.encoding(), RawSpan::new_unchecked(span.start, span.end));
        token.decode_key(&mut text, &mut errors);
        self.diagnostics.extend(errors.iter().map(|e| scalar::syntax_error(e, span, self.file)));
        Key { text: text.into(), span }
    }

    /// Reads `key = value`; none when a part is missing, which the crate has reported.
    fn pair(&mut self) -> Option<Pair> {
        let mut above = self.pending.take();
        let keys = self.keys();
        self.skip_blanks();
        if self.peek() != Some(EventKind::KeyValSep) {
            return None;
        }
        self.next += 1;
        let value = self.value()?;
        if !self.pending.is_empty() {
            above.extend(self.pending.take_dangling());
        }
        Some(Pair { keys, value, comments: Comments::above(above) })
    }

    /// Skips white space and line ends, which TOML 1.1 allows between the parts of an inline table;
    /// elsewhere the crate has reported them. Comments there belong to what follows.
    fn skip_blanks(&mut self) {
        while let Some(kind @ (EventKind::Whitespace | EventKind::Newline | EventKind::Comment)) = self.peek() {
            self.between(kind, &mut Line::default(), None);
        }
    }

    /// Reads a value; comments inside it that belong to none of its parts are left pending.
    fn value(&mut self) -> Option<Value> {
        self.skip_blanks();
        if !matches!(self.peek()?, EventKind::Scalar | EventKind::ArrayOpen | EventKind::InlineTableOpen) {
            return None;
        }
        let event = self.bump()?;
        let span = span_of(event);
        match event.kind() {
            EventKind::Scalar => {
                let raw = self.text.get(span.range()).unwrap_or_default();
                let kind = scalar::read(raw, event.encoding(), span, self.file, self.diagnostics);
                Some(Value { span, kind: ValueKind::Scalar(kind) })
            }
            _ if self.depth >= MAX_DEPTH => None,
            kind => {
                self.depth += 1;
                let value = if kind == EventKind::ArrayOpen { self.array(span) } else { self.inline_table(span) };
                self.depth -= 1;
                Some(value)
            }
        }
    }

    fn array(&mut self, mut span: Span) -> Value {
        let mut items: Vec<(Value, Comments)> = Vec::new();
        let mut line = Line::default();
        while let Some(kind) = self.peek() {
            match kind {
                EventKind::ArrayClose => {
                    span.end = self.bump().map_or(span.end, |e| span_of(e).end);
                    break;
                }
                EventKind::Scalar | EventKind::ArrayOpen | EventKind::InlineTableOpen => {
                    let mut above = self.pending.take();
                    let Some(value) = self.value() else { break };
                    if !self.pending.is_empty() {
                        above.extend(self.pending.take_dangling());
                    }
                    items.push((value, Comments::above(above)));
                    line = Line { taken: true, blank: false };
                }
                _ => self.between(kind, &mut line, items.last_mut().map(|(_, comments)| comments)),
            }
        }
        Value { span, kind: ValueKind::Array(items) }
    }

    fn inline_table(&mut self, mut span: Span) -> Value {
        let mut pairs: Vec<Pair> = Vec::new();
        let mut line = Line::default();
        while let Some(kind) = self.peek() {
            match kind {
                EventKind::InlineTableClose => {
                    span.end = self.bump().map_or(span.end, |e| span_of(e).end);
                    break;
                }
                EventKind::SimpleKey => {
                    pairs.extend(self.pair());
                    line = Line { taken: true, blank: false };
                }
                _ => self.between(kind, &mut line, pairs.last_mut().map(|pair| &mut pair.comments)),
            }
        }
        let dangling = self.pending.take_dangling();
        Value { span, kind: ValueKind::Inline(pairs, dangling) }
    }

    /// Takes one event between two parts of a value: a line's end or a comment.
    fn between(&mut self, kind: EventKind, line: &mut Line, last: Option<&mut Comments>) {
        let Some(event) = self.bump() else { return };
        match (kind, last) {
            (EventKind::Newline, _) => {
                if line.blank {
                    self.pending.blank_line();
                }
                *line = Line { taken: false, blank: true };
            }
            (EventKind::Comment, Some(last)) if line.taken => last.trailing = Some(self.comment_text(event)),
            (EventKind::Comment, _) => {
                line.blank = false;
                let text = self.comment_text(event);
                self.pending.push(&text);
            }
            _ => {}
        }
    }

    fn comment_text(&self, event: Event) -> String {
        let raw = self.text.get(span_of(event).range()).unwrap_or_default();
        crate::files::comments::comment_line(raw.strip_prefix('#').unwrap_or(raw))
    }
}

/// What the current line holds so far.
#[derive(Default)]
struct Line {
    taken: bool,
    blank: bool,
}

fn comments_of(statement: &mut Statement) -> &mut Comments {
    match statement {
        Statement::Header(header) => &mut header.comments,
        Statement::Pair(pair) => &mut pair.comments,
    }
}

fn span_of(event: Event) -> Span {
    Span::new(event.span().start(), event.span().end())
}
