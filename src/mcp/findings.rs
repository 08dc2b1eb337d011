//! What is wrong, for clients.

use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    app::{AppError, Finding, Sources, error_findings},
    diagnostic::Severity,
};

/// Most findings that one answer holds.
pub(super) const MOST_FINDINGS: usize = 40;

/// Why a call did not happen: a text for whoever called.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refusal(pub(super) String);

/// A finding without its place in bytes.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Problem {
    code: String,
    severity: &'static str,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fix: Option<String>,
}

impl Problem {
    fn of(finding: &Finding) -> Self {
        Self {
            code: finding.code.clone(),
            severity: severity(finding),
            message: finding.message.clone(),
            file: finding.file.clone(),
            line: finding.line,
            column: finding.column,
            hint: finding.hint.clone(),
            fix: finding.fix.as_ref().map(|fix| fix.title.clone()),
        }
    }
}

/// The first of the findings.
pub(super) fn problems(findings: &[Finding]) -> Vec<Problem> {
    findings.iter().take(MOST_FINDINGS).map(Problem::of).collect()
}

/// The findings as lines: `a.toml:3:1: error[unknown-key]: …; did you mean …?`
pub(super) fn lines(findings: &[Finding]) -> Vec<String> {
    let mut lines: Vec<String> = findings.iter().take(MOST_FINDINGS).map(line).collect();
    if findings.len() > MOST_FINDINGS {
        lines.push(format!("… and {} more", findings.len() - MOST_FINDINGS));
    }
    lines
}

/// The answer to a call that an operation refused.
pub(super) fn refused(error: &AppError, sources: &Sources) -> Refusal {
    let findings = error_findings(error, sources);
    match error {
        AppError::Wrong(_) | AppError::Drifted(_) => Refusal(lines(&findings).join("\n")),
        AppError::Usage { .. } | AppError::Environment { .. } => {
            let text = findings.iter().map(|f| with_hint(f.message.clone(), f.hint.as_deref()));
            Refusal(text.collect::<Vec<_>>().join("\n"))
        }
    }
}

fn line(finding: &Finding) -> String {
    let place = match (&finding.file, finding.line, finding.column) {
        (Some(file), Some(line), Some(column)) => format!("{file}:{line}:{column}: "),
        (Some(file), ..) => format!("{file}: "),
        (None, ..) => String::new(),
    };
    let text = format!("{place}{}[{}]: {}", severity(finding), finding.code, finding.message);
    let text = with_hint(text, finding.hint.as_deref());
    finding.fix.iter().fold(text, |text, fix| format!("{text}; fix: {}", fix.title))
}

fn with_hint(text: String, hint: Option<&str>) -> String {
    hint.map(|hint| format!("{text}; {hint}")).unwrap_or(text)
}

fn severity(finding: &Finding) -> &'static str {
    match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}
