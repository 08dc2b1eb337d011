//! `comfywright explain`: what a code means, or why an item was made again.

use serde_json::json;

use super::{GlobalArgs, Output, args::ExplainArgs, history, plan::columns};
use crate::{
    app::{AppError, ExitCode, Sources, explain_code},
    codes::{CodePage, PAGES},
};

/// Runs the verb.
pub fn run(args: &ExplainArgs, global: &GlobalArgs, output: Output) -> ExitCode {
    match (&args.subject, &args.item) {
        (Some(run), Some(item)) => history::explain(run, item, global, output),
        (Some(code), None) => match explain_code(code) {
            Ok(page) => show(page, output),
            Err(error) => output.fail("explain", &error, &Sources::default()),
        },
        (None, _) if args.codes => list(output),
        (None, _) => {
            let error = AppError::usage("explain what?").with_hint("a code, or a run and one of its items");
            output.fail("explain", &error, &Sources::default())
        }
    }
}

fn list(output: Output) -> ExitCode {
    let rows = PAGES.iter().map(|page| [page.code.to_owned(), page.summary()]);
    columns(rows).iter().for_each(|line| output.line(line));
    let all: Vec<_> = PAGES.iter().map(|page| json!({ "code": page.code, "summary": page.summary() })).collect();
    output.finish("explain", ExitCode::Done, json!({ "codes": all }), &[], &Sources::default())
}

fn show(page: &CodePage, output: Output) -> ExitCode {
    for line in plain(page.text) {
        output.line(&line);
    }
    let section = |title| page.section(title);
    let data = json!({
        "code": page.code,
        "what": page.what(),
        "why": section("Why"),
        "example": section("Example"),
        "fix": section("Fix"),
    });
    output.finish("explain", ExitCode::Done, data, &[], &Sources::default())
}

/// Markdown for people in a terminal: headings without their marks, code set in.
fn plain(text: &str) -> Vec<String> {
    let mut is_code = false;
    let mut lines = Vec::new();
    for line in text.lines() {
        if line.starts_with("```") {
            is_code = !is_code;
        } else if is_code {
            lines.push(if line.is_empty() { String::new() } else { format!("    {line}") });
        } else {
            lines.push(line.trim_start_matches('#').trim_start().to_owned());
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_is_set_in_and_headings_are_plain() {
        let text = "# a-code\n\nWhat.\n\n## Example\n```toml\n# a comment\n\nx = 1\n```\n";
        assert_eq!(plain(text), ["a-code", "", "What.", "", "Example", "    # a comment", "", "    x = 1"]);
    }
}
