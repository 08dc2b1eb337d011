//! Every directory of `fixtures/model/invalid` holds a document with faults. Its last lines are
//! comments that name them: `# LINE:COLUMN code`. Where there is a `fixed.*`, applying all fixes
//! gives it.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use comfywright::{
    diagnostic::{Diagnostic, TextEdit, position},
    files::{Format, edit},
    model::{read_bytes, read_config, read_document},
};

fn cases() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/model/invalid");
    let mut cases: Vec<_> = fs::read_dir(root).unwrap().map(|e| e.unwrap().path()).collect();
    cases.sort();
    cases
}

fn document(case: &Path, name: &str) -> Option<(Format, String)> {
    [Format::Toml, Format::Kdl].into_iter().find_map(|format| {
        let text = fs::read_to_string(case.join(format!("{name}.{}", format.extension()))).ok()?;
        Some((format, text))
    })
}

fn diagnose(text: &str, format: Format) -> Vec<Diagnostic> {
    let file = Arc::from(format!("document.{}", format.extension()));
    let parsed = read_document(text, &file, format);
    assert_eq!(parsed.value.is_none(), parsed.has_errors());
    parsed.diagnostics
}

fn found(text: &str, diagnostics: &[Diagnostic]) -> Vec<String> {
    let place = |d: &Diagnostic| {
        d.span.map_or("-".to_owned(), |span| {
            let position = position(text, span.start);
            format!("{}:{}", position.line, position.column)
        })
    };
    diagnostics.iter().map(|d| format!("{} {}", place(d), d.code)).collect()
}

fn expected(text: &str) -> Vec<String> {
    let lines = text.lines().rev().map_while(|line| line.strip_prefix("# ").or_else(|| line.strip_prefix("// ")));
    let mut lines: Vec<_> = lines.map(str::to_owned).collect();
    lines.reverse();
    lines
}

#[test]
fn faults_are_found_where_they_are() {
    let mut wrong = Vec::new();
    for case in cases() {
        let (format, text) = document(&case, "document").unwrap();
        let diagnostics = diagnose(&text, format);
        if found(&text, &diagnostics) != expected(&text) {
            let messages: Vec<String> = found(&text, &diagnostics)
                .into_iter()
                .zip(&diagnostics)
                .map(|(found, d)| format!("# {found}\n    {} | {}", d.message, d.hint.as_deref().unwrap_or("")))
                .collect();
            wrong.push(format!("== {}\n{}", case.file_name().unwrap().display(), messages.join("\n")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn fixes_mend_what_they_say() {
    for case in cases() {
        let (format, text) = document(&case, "document").unwrap();
        let mut edits: Vec<TextEdit> =
            diagnose(&text, format).into_iter().filter_map(|d| d.fix).flat_map(|fix| fix.edits).collect();
        edits.sort_by_key(|edit| edit.span);
        let fixed = edit::apply(&text, &edits).unwrap();
        let without_comments = fixed.lines().filter(|line| !expected(&text).iter().any(|e| line.ends_with(e.as_str())));
        let fixed = without_comments.fold(String::new(), |text, line| text + line + "\n");
        if let Some((_, wanted)) = document(&case, "fixed") {
            assert_eq!(fixed, wanted, "{}", case.display());
        } else {
            assert!(edits.is_empty(), "{} has fixes but no fixed.{}:\n{fixed}", case.display(), format.extension());
        }
    }
}

#[test]
fn bytes_that_are_no_text() {
    let error = read_bytes(b"kind = \"mask\"\nname = \"\xff\"", &Arc::from("a.toml")).unwrap_err();
    assert_eq!((error.code, error.message.as_str()), ("not-utf8", "the file is not UTF-8: byte 0xff in line 2"));
    let large = vec![b' '; 4 * 1024 * 1024 + 1];
    assert_eq!(read_bytes(&large, &Arc::from("a.toml")).unwrap_err().code, "file-too-large");
    assert!(read_bytes(&large[1..], &Arc::from("a.toml")).is_ok());
}

#[test]
fn the_configuration() {
    for (text, expected) in [
        ("[server.native]\nurl = \"http://a\"", "1:9 reserved-name"),
        ("[server.\"a b\"]\nurl = \"http://a\"", "1:9 invalid-identifier"),
        ("[server.a]\nurl = \"127.0.0.1:8188\"", "2:7 invalid-url"),
        ("[server.a]\nurl = \"http://u:p@h\"", "2:7 invalid-url"),
        ("[server.a]\nurl = \"http://a\"\napi_key = \"sk-123\"", "3:11 plain-secret"),
        ("[registry.a]\nurl = \"https://a\"\ntoken = \"env:\"", "3:9 plain-secret"),
        ("[scorer.a]\ncommand = [\"x\"]\nmetrics = [\"m\"]\ntimeout = \"ever\"", "4:11 invalid-duration"),
        ("[defaults]\npreset = \"A\"", "2:10 invalid-reference"),
        ("[server.a]\nslots = 0\nurl = \"http://a\"", "2:9 out-of-range"),
        ("[serve.a]\nurl = \"http://a\"", "1:2 unknown-key"),
    ] {
        let parsed = read_config(text, &Arc::from("comfywright.toml"));
        assert_eq!(found(text, &parsed.diagnostics), [expected], "{text}");
        assert!(parsed.value.is_none());
    }
}
