//! Diagnostics for people: the place, the source underlined, the hint and the fix.
//!
//! The only module that knows miette.

use std::{fmt, sync::Arc};

use miette::{
    GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteError, MietteSpanContents, SourceCode, SourceSpan,
    SpanContents,
};

use crate::{
    app::{Finding, Sources},
    diagnostic::{Severity, Span, position},
};

/// Longest line, in bytes, that is shown. Files that programs wrote may be one line of megabytes.
const LONGEST: usize = 400;

/// How diagnostics look.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// Whether to use colours.
    pub color: bool,
    /// Columns.
    pub width: usize,
}

/// The text for one diagnostic, with a blank line behind it.
pub fn render(finding: &Finding, sources: &Sources, look: Look) -> String {
    let text = finding.file.as_deref().and_then(|file| sources.text(file)).filter(|text| can_be_shown(finding, text));
    let label = text.as_ref().and_then(|text| label_span(finding, text));
    let source = finding.file.as_deref().zip(text).map(|(name, text)| Source { name: name.to_owned(), text });
    let theme = if look.color { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
    let handler = GraphicalReportHandler::new_themed(theme)
        .with_width(look.width)
        .with_context_lines(1)
        .with_links(false)
        .without_cause_chain();
    let shown = Shown { finding, label, source };
    let mut out = String::new();
    if handler.render_report(&mut out, &shown).is_ok() {
        // miette parts the code from the message by a blank line.
        out = out.replacen("\n\n", "\n", 1);
    } else {
        // miette cannot show this source: the message alone is better than nothing.
        out = format!("{}: {}\n", place(finding), finding.message);
    }
    if let Some(fix) = &finding.fix {
        let (on, off) = if look.color { ("\u{1b}[36m", "\u{1b}[0m") } else { ("", "") };
        out.extend([on, "   fix: ", off, &fix.title, " (check --fix)\n"]);
    }
    out.push('\n');
    out
}

/// Whether the lines around the finding are for people: programs write JSON into one line.
fn can_be_shown(finding: &Finding, text: &str) -> bool {
    let before = finding.line.unwrap_or(1).saturating_sub(2);
    text.lines().skip(before).take(3).all(|line| line.len() <= LONGEST)
}

fn place(finding: &Finding) -> String {
    let file = finding.file.as_deref().unwrap_or("comfywright");
    match (finding.line, finding.column) {
        (Some(line), Some(column)) => format!("{file}:{line}:{column}"),
        _ => file.to_owned(),
    }
}

/// The bytes to underline: those of the first line, when there are several.
fn label_span(finding: &Finding, text: &str) -> Option<Span> {
    let start = offset(text, finding.line?, finding.column?)?;
    let end = offset(text, finding.end_line?, finding.end_column?)?.max(start);
    let first_line = text[start..end].find(['\r', '\n']).map_or(end, |at| start + at);
    Some(Span::new(start, first_line))
}

/// The byte at a line and column, both counted from 1.
fn offset(text: &str, line: usize, column: usize) -> Option<usize> {
    let start: usize = text.split_inclusive('\n').take(line - 1).map(str::len).sum();
    let rest = text.get(start..)?;
    let visible = rest.char_indices().filter(|(_, c)| *c != '\u{feff}').nth(column - 1);
    Some(start + visible.map_or(rest.len(), |(at, _)| at))
}

/// A finding as miette wants it.
struct Shown<'a> {
    finding: &'a Finding,
    label: Option<Span>,
    source: Option<Source>,
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.label.is_none() && self.finding.file.is_some() {
            write!(f, "{}: ", place(self.finding))?;
        }
        f.write_str(&self.finding.message)
    }
}

impl fmt::Debug for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Shown<'_> {}

impl miette::Diagnostic for Shown<'_> {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        let severity = match self.finding.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        Some(Box::new(format!("{severity}[{}]", self.finding.code)))
    }

    fn severity(&self) -> Option<miette::Severity> {
        Some(match self.finding.severity {
            Severity::Error => miette::Severity::Error,
            Severity::Warning => miette::Severity::Warning,
        })
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.finding.hint.as_ref().map(|hint| Box::new(hint) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.source.as_ref().map(|source| source as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let span = self.label?;
        let span = SourceSpan::new(span.start.into(), span.end - span.start);
        Some(Box::new(std::iter::once(LabeledSpan::new_with_span(None, span))))
    }
}

/// A text whose columns are counted in characters, as everywhere in comfywright.
struct Source {
    name: String,
    text: Arc<str>,
}

impl SourceCode for Source {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        before: usize,
        after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let contents = (*self.text).read_span(span, before, after)?;
        let start = position(&self.text, contents.span().offset());
        Ok(Box::new(MietteSpanContents::new_named(
            self.name.clone(),
            contents.data(),
            *contents.span(),
            start.line - 1,
            if before == 0 { start.column - 1 } else { 0 },
            contents.line_count(),
        )))
    }
}
