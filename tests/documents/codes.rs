//! Every code that a user can meet has its page in `docs/codes`, and every page is that of a code.
//!
//! A code is a text where findings are made: in the constructors of diagnostics, problems and
//! findings, in `code` fields and constants, and as the answer of a `code()`.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use comfywright::codes::PAGES;
use regex::Regex;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// How findings are made in the sources; the first group is the code.
const MAKERS: &[&str] = &[
    r#"Diagnostic::(?:error|warning)\(\s*"([a-z0-9-]+)""#,
    r#"\.(?:error|error_at_key|error_within|warning)\(\s*"([a-z0-9-]+)""#,
    r#"(?:LowerError|ForeachError)::(?:at|new)\(\s*"([a-z0-9-]+)""#,
    r#"\bcode: "([a-z0-9-]+)""#,
    r#"\bCODE: &str = "([a-z0-9-]+)""#,
    r#"DoctorFinding::(?:warning|trouble)\(\s*[^,]+,\s*"([a-z0-9-]+)""#,
    r#"self\.(?:error|warning)\(\s*"([a-z0-9-]+)""#,
];

/// Functions that give codes as their answers: each text in their arms is one.
const ANSWERS: &[(&str, &str)] = &[
    ("src/files/world.rs", "fn code(&self)"),
    ("src/model/catalog.rs", "fn code(&self)"),
    ("src/app/diagnostics.rs", "fn error_findings"),
    ("src/app/doctor/server.rs", "fn unreachable_server"),
    ("src/app/doctor/findings.rs", "fn words"),
];

fn sources(folder: &Path, found: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("readable").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") && !path.ends_with("tests.rs") {
            let text = fs::read_to_string(&path).expect("text");
            let inside = path.strip_prefix(ROOT).expect("below the root").to_string_lossy().replace('\\', "/");
            found.insert(inside, text.split("#[cfg(test)]").next().unwrap_or_default().to_owned());
        }
    }
}

/// Codes in the sources, each with a file that has it.
fn codes() -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    sources(&Path::new(ROOT).join("src"), &mut files);
    let makers: Vec<Regex> = MAKERS.iter().map(|text| Regex::new(text).expect("a pattern")).collect();
    let mut codes = BTreeMap::new();
    for (file, text) in &files {
        for found in makers.iter().flat_map(|maker| maker.captures_iter(text)) {
            codes.insert(found[1].to_owned(), file.clone());
        }
    }
    let arm = Regex::new(r#"(?:=>\s*|\()"([a-z][a-z0-9-]+)""#).expect("a pattern");
    for (file, function) in ANSWERS {
        let text = &files[*file];
        let bodies: Vec<&str> = text.split(function).skip(1).collect();
        assert!(!bodies.is_empty(), "{file} has no {function}");
        for body in bodies {
            let body = body.split("\n}").next().unwrap_or_default().split("\n    }\n").next().unwrap_or_default();
            codes.extend(arm.captures_iter(body).map(|found| (found[1].to_owned(), (*file).to_owned())));
        }
    }
    codes
}

#[test]
fn every_code_has_a_page() {
    let known: BTreeSet<&str> = PAGES.iter().map(|page| page.code).collect();
    let codes = codes();
    assert!(codes.len() > 120, "only {} codes were found in the sources", codes.len());
    let missing: Vec<_> = codes.iter().filter(|(code, _)| !known.contains(code.as_str())).collect();
    assert!(missing.is_empty(), "write docs/codes/CODE.md and add the code to src/codes.rs: {missing:#?}");
}

#[test]
fn every_page_is_of_a_code() {
    let mut files = BTreeMap::new();
    sources(&Path::new(ROOT).join("src"), &mut files);
    files.remove("src/codes.rs");
    let is_used = |code: &str| files.values().any(|text| text.contains(&format!("\"{code}\"")));
    let unused: Vec<&str> = PAGES.iter().map(|page| page.code).filter(|code| !is_used(code)).collect();
    assert!(unused.is_empty(), "pages of codes that are in no source: {unused:?}");
    let registered: BTreeSet<String> = PAGES.iter().map(|page| format!("{}.md", page.code)).collect();
    let written: BTreeSet<String> = fs::read_dir(Path::new(ROOT).join("docs/codes"))
        .expect("a folder")
        .map(|entry| entry.expect("readable").file_name().to_string_lossy().into_owned())
        .collect();
    assert_eq!(written, registered, "files of docs/codes and pages of src/codes.rs");
}
