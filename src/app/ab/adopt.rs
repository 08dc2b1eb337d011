//! What a test found, written into its preset: values, version, and why.

use std::sync::Arc;

use semver::Version;
use serde_json::{Value, json};

use super::{
    super::{
        AppError, Session, atomic_write,
        history::{RECENT, runs},
        write_new,
    },
    TestState,
    analyze::understood,
    test_of_run,
};
use crate::{
    compile::{Scope, Template},
    content_hash::ContentHash,
    diagnostic::Diagnostic,
    files::{Format, Node, Path, edit},
    graph::{escape_literal, unescape_literal},
    ident::did_you_mean,
    ledger::{Ledger, RunRow},
    model::{AbTest, Body, Identity, Kind, Loaded, Origin, Preset, VERSIONS_FOLDER, ValueMap, loaded, shape_of},
    path,
    stats::Outcome,
};

/// What is to be adopted.
#[derive(Clone, Debug, Default)]
pub struct AdoptRequest {
    /// The test: its file or its name.
    pub document: String,
    /// The variation, when it is not the winner.
    pub variation: Option<String>,
    /// Only say what would be written.
    pub dry_run: bool,
}

/// What was adopted.
#[derive(Clone, Debug)]
pub struct Adopted {
    /// The preset's file, relative to the workspace.
    pub path: String,
    /// The variation.
    pub variation: String,
    /// The preset's version before.
    pub before: String,
    /// Its version now.
    pub version: String,
    /// Defaults that changed: parameter, before, now.
    pub changes: Vec<(String, Option<Value>, Value)>,
    /// Why: the changelog's words.
    pub evidence: String,
    /// The whole text as it is now.
    pub text: String,
    /// Where the earlier version is kept.
    pub kept: String,
}

/// The newest run of the test `name` in which something was looked at.
pub(super) fn last_run(ledger: &Ledger, name: &str) -> Result<RunRow, AppError> {
    let of_test = runs(ledger, RECENT)?.into_iter().filter(|row| row.document == name);
    let with_blocks = |row: &RunRow| ledger.blocks(&row.id).is_ok_and(|blocks| !blocks.is_empty());
    of_test.into_iter().find(with_blocks).ok_or_else(|| {
        AppError::usage(format!("{name} has not been looked at yet")).with_hint(format!("comfywright run {name}"))
    })
}

/// Writes the variation that a test found into its preset: the defaults of its parameters, the next minor version,
/// and a row of its changelog with the evidence. The earlier version is kept beside.
pub fn adopt(session: &Session, ledger: &Ledger, request: &AdoptRequest) -> Result<Adopted, AppError> {
    let test_file = session.document(&request.document)?;
    let document = understood(&test_file)?.document;
    let Body::AbTest(test) = &document.body else {
        return Err(AppError::usage(format!("{} is not an A/B test", test_file.path)));
    };
    let row = last_run(ledger, &document.header.name)?;
    let state = test_of_run(session, ledger, &row)?.ok_or_else(|| AppError::usage("the run is no test"))?;
    let name = chosen(&state, request)?;
    let Some(variation) = test.variations.get(&name) else {
        return Err(AppError::usage(format!("the file has no variation `{name}` any more, which run {} had", row.id)));
    };
    let preset_file = preset_of(session, test)?;
    let preset_document = understood(&preset_file)?.document;
    let Body::Preset(preset) = &preset_document.body else { return Err(AppError::usage("not a preset")) };
    let changes = changes(test, variation, preset)?;
    let before = preset_document.header.version.clone();
    let version = next(&before)?;
    let evidence = evidence(&state, &name, row.folder_name());
    let what = what(&changes);
    let text = edited(&preset_file, &changes, &version, &what, &evidence)?;
    judged(session, &preset_file, &text)?;
    let extension = preset_file.format.extension();
    let kept = format!("{VERSIONS_FOLDER}/{}@{before}.{extension}", preset_document.header.name);
    let adopted = Adopted {
        path: preset_file.path.to_string(),
        variation: name,
        before,
        version,
        changes,
        evidence,
        text,
        kept: kept.clone(),
    };
    if !request.dry_run {
        write(session, &preset_file, &adopted)?;
    }
    Ok(adopted)
}

fn chosen(state: &TestState, request: &AdoptRequest) -> Result<String, AppError> {
    let names = state.terms.variations.iter().map(String::as_str);
    if let Some(wanted) = &request.variation {
        if names.clone().any(|name| name == wanted) {
            return Ok(wanted.clone());
        }
        let error = AppError::usage(format!("the test has no variation `{wanted}`"));
        return Err(match did_you_mean(wanted, names.clone()) {
            Some(near) => error.with_hint(format!("did you mean `{near}`?")),
            None => error.with_hint(format!("it has {}", names.collect::<Vec<_>>().join(", "))),
        });
    }
    let verdict = &state.verdict;
    match (verdict.outcome, &verdict.winner, &verdict.recommended) {
        (Outcome::Winner, Some(winner), _) => Ok(winner.clone()),
        (Outcome::Running, ..) => Err(AppError::usage(format!("{} is not decided yet", verdict.test))
            .with_hint(format!("comfywright run {}", verdict.test))),
        (_, _, recommended) => {
            let leads = recommended.as_deref().unwrap_or_default();
            Err(AppError::usage(format!("{} has no winner; `{leads}` leads, which claims nothing", verdict.test))
                .with_hint(format!("to take it all the same: --variation {leads}")))
        }
    }
}

/// The file of the test's preset, which must be one of the workspace.
fn preset_of(session: &Session, test: &AbTest) -> Result<Arc<Loaded>, AppError> {
    use crate::compile::Library as _;
    let reference = test.preset.as_ref().or(session.config.defaults.preset.as_ref());
    let reference = reference.ok_or_else(|| AppError::usage("the test names no preset"))?;
    let found = session.resolve(reference, Kind::Preset).map_err(|e| AppError::usage(e.message))?;
    let newest = session.document(&found.document.header.name)?;
    let is_it = |identity: &Identity| identity.version.to_string() == found.document.header.version;
    if !newest.identity.as_ref().is_some_and(is_it) {
        return Err(AppError::usage(format!(
            "the test was made with {} {}, and {} holds another version",
            found.document.header.name, found.document.header.version, newest.path
        ))
        .with_hint("test the newest version, and adopt what that test finds"));
    }
    Ok(newest)
}

/// Values of the variation that become defaults of the preset. A prompt in which blocks vary something is no default.
fn changes(
    test: &AbTest,
    variation: &ValueMap,
    preset: &Preset,
) -> Result<Vec<(String, Option<Value>, Value)>, AppError> {
    let with_role = || preset.params.iter().find(|(_, p)| p.role.as_deref() == Some("prompt")).map(|(name, _)| name);
    let prompt_param = test.prompt_param.as_ref().or_else(with_role);
    let template = Template::parse(unescape_literal(&test.base_prompt)).map_err(|e| AppError::usage(e.to_string()))?;
    let in_prompt = |key: &str| template.paths().iter().any(|(path, _)| path.first().is_some_and(|name| name == key));
    let mut new: Vec<(String, Value)> =
        variation.iter().filter(|(key, _)| !in_prompt(key)).map(|(key, value)| (key.clone(), value.clone())).collect();
    if let (Some(param), Ok(prompt)) = (prompt_param, template.fill(&Variation(variation))) {
        let prompt = match prompt {
            Value::String(text) => Value::from(escape_literal(&text).into_owned()),
            other => other,
        };
        new.push((param.clone(), prompt));
    } else if new.is_empty() {
        return Err(AppError::usage("the prompt holds what blocks vary, so that it is no default of the preset")
            .with_hint("write the prompt where it is used: a chain's `with`, or a template"));
    }
    let with_before = |(name, value): (String, Value)| {
        let before = preset.params.get(&name).and_then(|param| param.default.clone());
        (before.as_ref() != Some(&value)).then_some((name, before, value))
    };
    Ok(new.into_iter().filter_map(with_before).collect())
}

/// The values of one variation.
struct Variation<'a>(&'a ValueMap);

impl Scope for Variation<'_> {
    fn value(&self, path: &[String]) -> Option<Value> {
        self.0.get(path.first()?).cloned()
    }

    fn index(&self, _key: &str) -> Option<usize> {
        None
    }

    fn names(&self) -> Vec<String> {
        self.0.keys().cloned().collect()
    }
}

fn next(version: &str) -> Result<String, AppError> {
    let version =
        Version::parse(version).map_err(|_| AppError::usage(format!("`{version}` of the preset is no version")))?;
    Ok(Version::new(version.major, version.minor + 1, 0).to_string())
}

fn what(changes: &[(String, Option<Value>, Value)]) -> String {
    if changes.is_empty() {
        return "Confirmed as it is".to_owned();
    }
    let told: Vec<String> = changes.iter().map(|(name, _, value)| format!("{name} = {value}")).collect();
    format!("Default {}", told.join(", "))
}

/// `lighting-study 1.0.0: soft better than …, quality +0.08 (+0.02 to +0.14), 31 of 60 generations, run …, rules ab-2`.
fn evidence(state: &TestState, name: &str, run: &str) -> String {
    let verdict = &state.verdict;
    let own = verdict.variations.iter().find(|variation| variation.name == name);
    let difference = own.and_then(|own| {
        let [difference, low, high] = [own.difference?, own.low?, own.high?];
        Some(format!(", {} {difference:+.3} to {} ({low:+.3} to {high:+.3})", verdict.metric, own.against))
    });
    let claim = match verdict.outcome {
        Outcome::Winner if verdict.winner.as_deref() == Some(name) => {
            format!("{name} is better than all others (alpha {})", verdict.alpha)
        }
        outcome => format!("{name} was chosen without a claim ({})", outcome.name()),
    };
    format!(
        "A/B test {} {}: {claim}{}, {} of {} generations, run {run}, rules {}",
        verdict.test,
        verdict.version,
        difference.unwrap_or_default(),
        verdict.generations,
        verdict.most_generations,
        verdict.method
    )
}

/// The preset's text with the changes; everything else stays byte for byte.
fn edited(
    file: &Loaded,
    changes: &[(String, Option<Value>, Value)],
    version: &str,
    what: &str,
    evidence: &str,
) -> Result<String, AppError> {
    let mut text = file.text.to_string();
    let mut set = |path: &Path, value: &Value| {
        let failed = |error: String| AppError::usage(format!("failed to write into {}: {error}", file.path));
        let node = Node::from_json(value).ok_or_else(|| failed("a value that no document can hold".to_owned()))?;
        let source = edit::Source { text: &text, format: file.format, shape: shape_of(Kind::Preset) };
        let edits = edit::set(&source, path, &node).map_err(|e| failed(e.to_string()))?;
        text = edit::apply(&text, &edits).map_err(|e| failed(e.to_string()))?;
        Ok::<(), AppError>(())
    };
    set(&path!["version"], &Value::from(version))?;
    for (name, _, value) in changes {
        set(&path!["params", name, "default"], value)?;
    }
    let row = json!({ "version": version, "what": what, "evidence": evidence });
    Ok(appended(&text, file.format, &row))
}

/// The text with one more row of the changelog at its end.
fn appended(text: &str, format: Format, row: &Value) -> String {
    let end = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let document = json!({ "changelog": [row] });
    let printed =
        Node::from_json(&document).map(|tree| format.print(&tree, shape_of(Kind::Preset))).unwrap_or_default();
    let printed = printed.trim_end().replace('\n', end);
    let gap = if text.ends_with('\n') || text.is_empty() { "" } else { end };
    let blank = if format == Format::Toml { end } else { "" };
    format!("{text}{gap}{blank}{printed}{end}")
}

/// Refuses a text that is wrong, or has no row more than before: its changelog stands in another form.
fn judged(session: &Session, file: &Loaded, text: &str) -> Result<(), AppError> {
    let again = loaded(file.path.clone(), file.format, Arc::from(text), Origin::Workspace);
    let rows = |loaded: &Loaded| match loaded.parsed.value.as_ref().map(|document| &document.body) {
        Some(Body::Preset(preset)) => Some(preset.changelog.len()),
        _ => None,
    };
    let (Some(before), Some(now)) = (rows(file), rows(&again)) else {
        let hint = "write changelog rows as [[changelog]] tables";
        return Err(AppError::usage(format!("failed to add to the changelog of {}", file.path)).with_hint(hint));
    };
    let mut found = crate::check::check(understood(&again)?, session.context()).diagnostics;
    found.retain(|found: &Diagnostic| found.severity == crate::diagnostic::Severity::Error);
    if found.is_empty() && now == before + 1 { Ok(()) } else { Err(AppError::Wrong(found)) }
}

fn write(session: &Session, file: &Loaded, adopted: &Adopted) -> Result<(), AppError> {
    let kept = session.root.join(&adopted.kept);
    let folder = kept.parent().unwrap_or(&session.root);
    std::fs::create_dir_all(folder)
        .map_err(|error| AppError::environment(format!("failed to make {}: {error}", folder.display())))?;
    if !kept.exists() {
        write_new(&kept, file.text.as_bytes())?;
    }
    let target = session.root.join(&adopted.path);
    Ok(atomic_write(&target, adopted.text.as_bytes(), Some(ContentHash::of_bytes(file.text.as_bytes())))?)
}
