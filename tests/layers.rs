//! The order of the layers, and what only some of them may touch.
//!
//! Reads the tokens of every file of `src/`, so that comments and texts do not count and the
//! insides of macros do. What unit tests import counts as an import of their module; the other
//! rules leave tests alone.

use std::{collections::BTreeMap, fmt, fs, path::Path};

use proc_macro2::{Delimiter, Spacing, Span, TokenStream, TokenTree};

/// All modules of the crate, from the bottom up: a module imports only what stands before it.
const LAYERS: &[&[&str]] = &[
    &["ident", "amounts", "codes", "content_hash", "diagnostic", "stats", "raster", "imagefile", "vision", "draw"],
    &["files"],
    &["graph", "rules", "model"],
    &["compile", "check", "import", "diff"],
    &["plan"],
    &["run"],
    &["failpoint", "outputs", "models", "comfy", "native", "scorer", "scorers", "ledger", "git"],
    &["analysis", "insight", "report", "share", "registry"],
    &["app"],
    &["mcp", "web", "cli"],
];

/// The parts of `run` that wait and ask the time; the rest is the planner, which does neither.
const DISPATCHER: &[&str] = &["dispatcher", "scribe", "worker"];

/// Most lines of a file, its tests among them.
const MOST_LINES: usize = 800;

/// Who may touch what; a pattern is tokens in a row.
const BANS: &[Ban] = &[
    Ban { tokens: &["rusqlite"], allowed: Allowed::Modules(&["ledger"]), reason: "SQL lives in the ledger" },
    Ban { tokens: &["println", "!"], allowed: SURFACE, reason: "only the command line prints" },
    Ban { tokens: &["print", "!"], allowed: SURFACE, reason: "only the command line prints" },
    Ban { tokens: &["eprintln", "!"], allowed: SURFACE, reason: "only the command line prints" },
    Ban { tokens: &["eprint", "!"], allowed: SURFACE, reason: "only the command line prints" },
    Ban { tokens: &["dbg", "!"], allowed: Allowed::Modules(&[]), reason: "left over from a search for a fault" },
    Ban {
        tokens: &["process", ":", ":", "exit"],
        allowed: SURFACE,
        reason: "only the command line chooses exit codes",
    },
    Ban { tokens: &["miette"], allowed: SURFACE, reason: "diagnostics are rendered by the command line" },
    Ban { tokens: &["indicatif"], allowed: SURFACE, reason: "progress is shown by the command line" },
    Ban { tokens: &["clap"], allowed: SURFACE, reason: "arguments are read by the command line" },
    Ban { tokens: &["clap_complete"], allowed: SURFACE, reason: "arguments are read by the command line" },
    Ban { tokens: &["SystemTime", ":", ":", "now"], allowed: BELOW_THE_PLANNER, reason: CLOCK },
    Ban { tokens: &["Instant", ":", ":", "now"], allowed: BELOW_THE_PLANNER, reason: CLOCK },
    Ban { tokens: &["Timestamp", ":", ":", "now"], allowed: BELOW_THE_PLANNER, reason: CLOCK },
    Ban { tokens: &["Zoned", ":", ":", "now"], allowed: BELOW_THE_PLANNER, reason: CLOCK },
    Ban { tokens: &["now_v7"], allowed: BELOW_THE_PLANNER, reason: CHANCE },
    Ban { tokens: &["new_v4"], allowed: BELOW_THE_PLANNER, reason: CHANCE },
    Ban { tokens: &["tokio"], allowed: BELOW_THE_PLANNER, reason: "what is decided here is decided without waiting" },
    Ban { tokens: &["std", ":", ":", "env"], allowed: Allowed::After("run"), reason: "the environment is read by app" },
    Ban { tokens: &["env", ":", ":", "var"], allowed: WIRING, reason: "the environment is read by app" },
    Ban { tokens: &["env", ":", ":", "var_os"], allowed: WIRING, reason: "the environment is read by app" },
    Ban { tokens: &["env", ":", ":", "current_dir"], allowed: WIRING, reason: "the environment is read by app" },
];

const SURFACE: Allowed = Allowed::Modules(&["cli", "main"]);
const WIRING: Allowed = Allowed::Modules(&["app", "cli", "main"]);
const BELOW_THE_PLANNER: Allowed = Allowed::DispatcherAndAfter;
const CLOCK: &str = "the planner must give the same answer when it is replayed; take the time from the Clock port";
const CHANCE: &str = "the planner must give the same answer when it is replayed; take the id from the caller";

struct Ban {
    tokens: &'static [&'static str],
    allowed: Allowed,
    reason: &'static str,
}

#[derive(Clone, Copy)]
enum Allowed {
    /// In these modules of the top level.
    Modules(&'static [&'static str]),
    /// In the modules that stand after this one, and in `main.rs`.
    After(&'static str),
    /// In the dispatcher of `run` and in the modules after `run`, and in `main.rs`.
    DispatcherAndAfter,
}

impl Allowed {
    fn holds(self, file: &SourceFile) -> bool {
        match self {
            Self::Modules(modules) => modules.contains(&file.top()),
            Self::After(_) | Self::DispatcherAndAfter if file.top() == "main" => true,
            Self::After(module) => rank(file.top()) > rank(module),
            Self::DispatcherAndAfter => {
                let in_dispatcher = file.module.get(1).is_some_and(|name| DISPATCHER.contains(&name.as_str()));
                rank(file.top()) > rank("run") || file.top() == "run" && in_dispatcher
            }
        }
    }
}

/// Where a module stands; the root of the crate and unknown modules stand nowhere.
fn rank(module: &str) -> Option<usize> {
    LAYERS.iter().copied().flatten().position(|name| *name == module)
}

/// A file of `src/`.
struct SourceFile {
    /// As `src/graph/check/mod.rs`.
    path: String,
    /// As `["graph", "check"]`; empty for `lib.rs`, `["main"]` for `main.rs`.
    module: Vec<String>,
    text: String,
    tokens: TokenStream,
}

impl SourceFile {
    fn new(path: &str, text: &str) -> Self {
        let inside = path.strip_prefix("src/").and_then(|p| p.strip_suffix(".rs")).expect("a file of src/");
        let mut module: Vec<String> = inside.split('/').map(str::to_owned).collect();
        if matches!(module.last().map(String::as_str), Some("mod")) || inside == "lib" {
            module.pop();
        }
        let tokens = text.parse().unwrap_or_else(|error| panic!("{path}: {error}"));
        Self { path: path.to_owned(), module, text: text.to_owned(), tokens }
    }

    /// The module of the top level; empty for `lib.rs`.
    fn top(&self) -> &str {
        self.module.first().map_or("", String::as_str)
    }

    /// Whether the whole file is the body of a `#[cfg(test)] mod tests;`.
    fn is_test(&self) -> bool {
        self.module.iter().any(|name| name == "tests")
    }

    fn finding(&self, span: Span, message: impl fmt::Display) -> String {
        format!("{}:{}: {message}", self.path, span.start().line)
    }
}

fn sources() -> Vec<SourceFile> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = Vec::new();
    collect(&root.join("src"), &mut paths);
    paths.sort();
    let sources = paths.iter().map(|path| {
        let name = path.strip_prefix(root).expect("below the root").to_str().expect("UTF-8").replace('\\', "/");
        SourceFile::new(&name, &fs::read_to_string(path).expect("source text"))
    });
    sources.collect()
}

fn collect(folder: &Path, paths: &mut Vec<std::path::PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            collect(&path, paths);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            paths.push(path);
        }
    }
}

fn assert_none(findings: &[String]) {
    assert!(findings.is_empty(), "{} findings:\n{}", findings.len(), findings.join("\n"));
}

/// A path that starts at the root of the crate: the first name after it.
struct Import {
    target: String,
    span: Span,
}

/// The imports below `stream`, which is part of `module`.
fn imports(stream: &TokenStream, module: &[String], found: &mut Vec<Import>) {
    let tokens: Vec<TokenTree> = stream.clone().into_iter().collect();
    for (at, token) in tokens.iter().enumerate() {
        match token {
            TokenTree::Group(group) => imports(&group.stream(), &inner_module(&tokens[..at], module), found),
            TokenTree::Ident(ident) if !is_path_separator_before(&tokens, at) => match ident.to_string().as_str() {
                "crate" => names_after(&tokens[at + 1..], &[], found),
                "super" => names_after(&tokens[at + 1..], parent(module), found),
                "self" => names_after(&tokens[at + 1..], module, found),
                _ => {}
            },
            _ => {}
        }
    }
}

/// The module of a group that stands after `before`: a deeper one after `mod name`.
fn inner_module(before: &[TokenTree], module: &[String]) -> Vec<String> {
    let mut inner = module.to_vec();
    if let [.., TokenTree::Ident(keyword), TokenTree::Ident(name)] = before
        && keyword == "mod"
    {
        inner.push(name.to_string());
    }
    inner
}

fn parent(module: &[String]) -> &[String] {
    &module[..module.len().saturating_sub(1)]
}

fn is_path_separator_before(tokens: &[TokenTree], at: usize) -> bool {
    at >= 2 && is_path_separator(&tokens[at - 2..])
}

fn is_path_separator(tokens: &[TokenTree]) -> bool {
    matches!(tokens, [TokenTree::Punct(first), TokenTree::Punct(second), ..]
        if first.as_char() == ':' && first.spacing() == Spacing::Joint && second.as_char() == ':')
}

/// What follows a path that has led to `base`: `::name`, `::super::…`, `::{…}` or nothing.
fn names_after(rest: &[TokenTree], base: &[String], found: &mut Vec<Import>) {
    if is_path_separator(rest) {
        names_in(&rest[2..], base, found);
    }
}

fn names_in(rest: &[TokenTree], base: &[String], found: &mut Vec<Import>) {
    match rest.first() {
        Some(TokenTree::Ident(name)) if name == "super" => names_after(&rest[1..], parent(base), found),
        Some(TokenTree::Ident(name)) if name == "self" => {}
        Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
            let inner: Vec<TokenTree> = group.stream().into_iter().collect();
            inner
                .split(|token| matches!(token, TokenTree::Punct(comma) if comma.as_char() == ','))
                .for_each(|tree| names_in(tree, base, found));
        }
        Some(token) if base.is_empty() => found.push(Import { target: token.to_string(), span: token.span() }),
        _ => {}
    }
}

/// The macros that stand at the root of the crate wherever they are written: name and module.
fn exported_macros(sources: &[SourceFile]) -> BTreeMap<String, String> {
    let mut macros = BTreeMap::new();
    for file in sources {
        let tokens: Vec<TokenTree> = file.tokens.clone().into_iter().collect();
        for row in tokens.windows(5) {
            let text = row[..4].iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
            if text == "# [macro_export] macro_rules !" {
                macros.insert(row[4].to_string(), file.top().to_owned());
            }
        }
    }
    macros
}

fn upward_imports(file: &SourceFile, macros: &BTreeMap<String, String>) -> Vec<String> {
    let mut found = Vec::new();
    imports(&file.tokens, &file.module, &mut found);
    let own = rank(file.top());
    let modules = found.iter().map(|import| (macros.get(&import.target).unwrap_or(&import.target), import.span));
    let judged =
        modules.filter(|(target, _)| *target != file.top()).filter_map(|(target, span)| match (own, rank(target)) {
            (_, None) => Some(file.finding(span, format!("`{target}` is no module of the list of layers"))),
            (Some(own), Some(other)) if other > own => {
                Some(file.finding(span, format!("`{}` must not import `{target}`, which stands after it", file.top())))
            }
            _ => None,
        });
    judged.collect()
}

fn banned(file: &SourceFile) -> Vec<String> {
    let mut found = Vec::new();
    if !file.is_test() {
        let bans: Vec<&Ban> = BANS.iter().filter(|ban| !ban.allowed.holds(file)).collect();
        banned_in(&file.tokens, &bans, file, &mut found);
    }
    found
}

fn banned_in(stream: &TokenStream, bans: &[&Ban], file: &SourceFile, found: &mut Vec<String>) {
    let tokens: Vec<TokenTree> = stream.clone().into_iter().collect();
    for (at, token) in tokens.iter().enumerate() {
        for ban in bans.iter().filter(|ban| matches!(token, TokenTree::Ident(first) if first == ban.tokens[0])) {
            let row = tokens[at..].iter().map(ToString::to_string);
            if row.take(ban.tokens.len()).eq(ban.tokens.iter().copied()) {
                found.push(file.finding(token.span(), format!("`{}`: {}", ban.tokens.concat(), ban.reason)));
            }
        }
        if let TokenTree::Group(group) = token
            && !is_test_module(&tokens[..at])
        {
            banned_in(&group.stream(), bans, file, found);
        }
    }
}

/// Whether the group after `before` is the body of a `#[cfg(test)] mod name`.
fn is_test_module(before: &[TokenTree]) -> bool {
    matches!(before, [.., TokenTree::Group(attribute), TokenTree::Ident(keyword), TokenTree::Ident(_)]
        if keyword == "mod" && attribute.to_string().replace(' ', "") == "[cfg(test)]")
}

#[test]
fn modules_import_only_what_stands_before_them() {
    let sources = sources();
    let macros = exported_macros(&sources);
    let findings: Vec<String> = sources.iter().flat_map(|file| upward_imports(file, &macros)).collect();
    assert_none(&findings);
}

#[test]
fn every_module_has_its_place() {
    let sources = sources();
    let unknown = sources.iter().filter(|file| !matches!(file.top(), "" | "main") && rank(file.top()).is_none());
    let findings: Vec<String> =
        unknown.map(|file| format!("{}:1: `{}` is not in the list of layers", file.path, file.top())).collect();
    assert_none(&findings);
}

#[test]
fn only_some_modules_print_wait_ask_the_time_or_speak_sql() {
    let findings: Vec<String> = sources().iter().flat_map(banned).collect();
    assert_none(&findings);
}

#[test]
fn every_file_says_what_it_is_and_is_short() {
    let mut findings = Vec::new();
    for file in &sources() {
        if !file.text.starts_with("//!") {
            findings.push(format!("{}:1: the file must start with `//!` and what it does", file.path));
        }
        let lines = file.text.lines().count();
        if lines > MOST_LINES {
            findings.push(format!("{}:{lines}: more than {MOST_LINES} lines; split the file", file.path));
        }
    }
    assert_none(&findings);
}

#[test]
fn the_crate_documentation_names_every_module() {
    let sources = sources();
    let root = sources.iter().find(|file| file.path == "src/lib.rs").expect("src/lib.rs");
    let documentation: Vec<&str> = root.text.lines().filter(|line| line.starts_with("//!")).collect();
    let documentation = documentation.join("\n");
    let mut findings = Vec::new();
    for (index, line) in root.text.lines().enumerate() {
        let declared = line.strip_prefix("pub mod ").or_else(|| line.strip_prefix("mod "));
        if let Some(module) = declared.and_then(|rest| rest.strip_suffix(';'))
            && !documentation.contains(&format!("`{module}`"))
        {
            findings.push(format!("src/lib.rs:{}: the table of layers does not name `{module}`", index + 1));
        }
    }
    assert_none(&findings);
}

/// The rules themselves, on texts that break them.
mod rules {
    use super::{SourceFile, banned, exported_macros, upward_imports};

    fn imports_of(file: &SourceFile) -> Vec<String> {
        let macros = "#[macro_export] macro_rules! far { () => {} }";
        upward_imports(file, &exported_macros(&[SourceFile::new("src/ledger/x.rs", macros)]))
    }

    fn lines(findings: &[String]) -> Vec<usize> {
        let line = |finding: &String| finding.split(':').nth(1).expect("a line").parse().expect("a number");
        findings.iter().map(line).collect()
    }

    #[test]
    fn imports_are_seen_in_every_form() {
        let text = "//! crate::app in a comment
            use crate::model::Document;
            use crate::{diagnostic::{self, Span}, files::toml, plan::{Item, Run}};
            use super::super::run;
            use super::super::diagnostic;
            fn f() { crate::app::run(); vec![crate::cli::X]; \"crate::web\"; }
            macro_rules! m { () => { $crate::ledger::open() } }
            mod tests { use super::super::super::check; use super::super::super::files; use super::super::lower; }
            pub(crate) fn g(x: super::Own) {}
            pub(in crate::graph) fn h(x: some_crate::super_thing::app) {}
            use crate::nowhere::Thing;
            fn i() { crate::far!(); }
        ";
        let file = SourceFile::new("src/graph/check.rs", text);
        let expected = [2, 3, 4, 6, 6, 7, 8, 11, 12];
        let mut found = lines(&imports_of(&file));
        found.sort_unstable();
        assert_eq!(found, expected, "{:#?}", imports_of(&file));
    }

    #[test]
    fn a_module_may_import_its_left_neighbour_but_not_its_right_one() {
        let left = SourceFile::new("src/rules/mod.rs", "use crate::graph::Graph;");
        assert_eq!(imports_of(&left), Vec::<String>::new());
        let right = SourceFile::new("src/rules/mod.rs", "use crate::model::Task;");
        assert_eq!(lines(&imports_of(&right)), [1]);
    }

    #[test]
    fn bans_spare_tests_texts_and_those_who_may() {
        let text = "//! println! in a comment
            fn f() { println!(\"{}\", \"eprintln!\"); }
            fn g() { std::process::exit(1) }
            fn h() { let t = std::time::Instant::now(); }
            #[cfg(test)]
            mod tests { fn f() { println!(); } }
        ";
        assert_eq!(lines(&banned(&SourceFile::new("src/plan/dag.rs", text))), [2, 3, 4]);
        assert_eq!(lines(&banned(&SourceFile::new("src/plan/tests.rs", text))), Vec::<usize>::new());
        assert_eq!(lines(&banned(&SourceFile::new("src/run/dispatcher.rs", text))), [2, 3]);
        assert_eq!(lines(&banned(&SourceFile::new("src/ledger/read.rs", text))), [2, 3]);
        assert_eq!(lines(&banned(&SourceFile::new("src/cli/run.rs", text))), Vec::<usize>::new());
    }
}
