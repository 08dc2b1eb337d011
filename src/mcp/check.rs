//! `validate_file`: what is wrong with documents.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    findings::{Problem, Refusal, lines, problems},
    shared::Shared,
    tool::{About, Answer, Callable, Effect, blocking},
};
use crate::app::{AppError, CheckOptions, CheckReport, ExitCode, Session, check, client_files::ClientFiles, findings};

pub(super) fn tools() -> Vec<Callable> {
    vec![blocking(
        &About {
            name: "validate_file",
            title: "Check documents",
            description: "Says what is wrong with a document, or with all of them: file, line, column, how to mend it, \
                          and by what it was judged.",
            effect: Effect::Reads,
        },
        validate_file,
    )]
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ValidateFile {
    /// A document, such as pipelines/catalog.toml; all documents without it
    path: Option<String>,
}

/// What came of checking.
#[derive(Serialize, JsonSchema)]
pub(super) struct Checked {
    /// Nothing is wrong and something was examined.
    valid: bool,
    errors: usize,
    warnings: usize,
    /// What the documents were judged by.
    against: String,
    /// Documents in which nothing could be examined.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unexamined: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    problems: Vec<Problem>,
}

impl Checked {
    /// The outcome and its text.
    pub(super) fn of(report: &CheckReport) -> (String, Self) {
        let found = findings(&report.diagnostics, &report.sources);
        let mut text = lines(&found);
        text.push(report.summary());
        let checked = Self {
            valid: report.exit_code() == ExitCode::Done,
            errors: report.errors(),
            warnings: report.warnings(),
            against: report.against.clone(),
            unexamined: report.unexamined.clone(),
            problems: problems(&found),
        };
        (text.join("\n"), checked)
    }
}

/// Checks the file at `path`, or everything.
pub(super) fn report(session: &Session, path: Option<&str>) -> Result<CheckReport, AppError> {
    let paths = path.map(|path| ClientFiles::open(session)?.readable(path)).transpose()?;
    check(session, &CheckOptions { paths: paths.into_iter().map(Into::into).collect(), ..CheckOptions::default() })
}

fn validate_file(shared: &Shared, arguments: &ValidateFile) -> Result<Answer<Checked>, Refusal> {
    let report = shared.with(|session| report(session, arguments.path.as_deref()))?;
    let (text, checked) = Checked::of(&report);
    Ok(Answer::new(text, checked))
}
