//! Where a verb's answer goes: text for people or one JSON value, in the colours and the width of
//! the terminal.

use std::{
    env,
    io::{self, IsTerminal as _, Write as _},
};

use serde_json::{Value, json};

use super::render::{Look, render};
use crate::{
    app::{AppError, ExitCode, Finding, Sources, error_findings, findings},
    diagnostic::Diagnostic,
};

/// When to use colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum ColorChoice {
    /// On a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// How a verb answers.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each tells another thing about where the answer goes")]
pub struct Output {
    /// One JSON value on standard output instead of text.
    pub json: bool,
    /// Whether standard output takes colours.
    pub color: bool,
    /// Whether standard error takes colours.
    pub error_color: bool,
    /// Whether standard output is a terminal.
    pub terminal: bool,
    /// Columns of the terminal; 100 where there is none.
    pub width: usize,
}

impl Output {
    /// The output of this process.
    pub fn new(json: bool, choice: ColorChoice) -> Self {
        let terminal = io::stdout().is_terminal();
        let set = |name: &str| env::var_os(name).is_some_and(|v| !v.is_empty());
        let allowed = !set("NO_COLOR") && env::var_os("TERM").is_none_or(|t| t != "dumb");
        let colored = |on_terminal: bool| match choice {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => on_terminal && allowed,
        };
        let size = terminal_size::terminal_size();
        Self {
            json,
            color: colored(terminal) && !json,
            error_color: colored(io::stderr().is_terminal()) && !json,
            terminal,
            width: size.map_or(100, |(width, _)| usize::from(width.0)).clamp(40, 160),
        }
    }

    /// Writes a line to standard output, unless the answer is JSON. A reader that went away is no
    /// error.
    pub fn line(&self, text: &str) {
        if !self.json {
            write_out(&format!("{text}\n"));
        }
    }

    /// Writes text to standard output as it is, unless the answer is JSON.
    pub fn text(&self, text: &str) {
        if !self.json {
            write_out(text);
        }
    }

    /// Writes a line to standard error, unless the answer is JSON.
    pub fn note(&self, text: &str) {
        if !self.json {
            write_error(&format!("{text}\n"));
        }
    }

    /// Ends a verb: the JSON value, or the diagnostics for people on standard error. `ok` in the
    /// JSON is whether `code` is [`ExitCode::Done`].
    pub fn finish(
        &self,
        command: &str,
        code: ExitCode,
        data: Value,
        diagnostics: &[Diagnostic],
        sources: &Sources,
    ) -> ExitCode {
        self.finish_with(command, code, data, &findings(diagnostics, sources), sources)
    }

    /// As [`Output::finish`], with the diagnostics on standard output: they are what was asked for.
    pub fn finish_findings(
        &self,
        command: &str,
        code: ExitCode,
        data: Value,
        diagnostics: &[Diagnostic],
        sources: &Sources,
    ) -> ExitCode {
        let found = findings(diagnostics, sources);
        if !self.json {
            write_out(&self.rendered(&found, sources, self.color));
            return code;
        }
        self.finish_with(command, code, data, &found, sources)
    }

    /// Ends a verb that did not happen.
    pub fn fail(&self, command: &str, error: &AppError, sources: &Sources) -> ExitCode {
        let code = error.exit_code();
        self.finish_with(command, code, json!({}), &error_findings(error, sources), sources)
    }

    #[expect(clippy::needless_pass_by_value, reason = "callers make the data for this call alone")]
    fn finish_with(
        &self,
        command: &str,
        code: ExitCode,
        data: Value,
        found: &[Finding],
        sources: &Sources,
    ) -> ExitCode {
        if self.json {
            let ok = code == ExitCode::Done;
            let envelope = json!({ "format": 1, "command": command, "ok": ok, "data": data, "diagnostics": found });
            write_out(&format!("{envelope}\n"));
        } else {
            write_error(&self.rendered(found, sources, self.error_color));
        }
        code
    }

    fn rendered(&self, found: &[Finding], sources: &Sources, color: bool) -> String {
        let look = Look { color, width: self.width };
        found.iter().map(|finding| render(finding, sources, look)).collect()
    }
}

fn write_out(text: &str) {
    let mut out = io::stdout().lock();
    // A closed pipe is how `| head` says that it has seen enough.
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

fn write_error(text: &str) {
    // There is nowhere left to say that standard error cannot be written.
    let _ = io::stderr().lock().write_all(text.as_bytes());
}
