//! `comfywright ab new` and `ab adopt`: tests and presets as files.

use clap::{
    Args,
    builder::{PossibleValuesParser, TypedValueParser as _},
};
use serde_json::{Value, json};

use super::{GlobalArgs, Output, plan::opened};
use crate::{
    app::{self, AdoptRequest, Adopted, AppError, ExitCode, Session, Sources, TestDraft, TestRequest},
    compile::Library as _,
    model::{Body, DecisionPlan, Kind},
};

/// `comfywright ab new`
#[derive(Args, Clone, Debug)]
pub struct NewArgs {
    /// The name of the test: lower case letters, digits and hyphens
    #[arg(value_name = "NAME")]
    pub name: String,

    /// The preset to generate with; the default preset of comfywright.toml without it
    #[arg(long, value_name = "PRESET")]
    pub preset: Option<String>,

    /// What is varied: a key of the prompt or a parameter, and its values; a | parts them. May be repeated
    #[arg(long, value_name = "KEY=A|B", required = true, value_parser = parse_values)]
    pub vary: Vec<(String, Vec<Value>)>,

    /// The prompt, with {KEY} where something varies; the preset's own prompt without it
    #[arg(long, value_name = "TEXT")]
    pub prompt: Option<String>,

    /// Most samples for each variation
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(4..=100_000))]
    pub samples: u32,

    /// The metric that decides
    #[arg(long, value_name = "METRIC", default_value = "quality")]
    pub metric: String,

    /// The rule that decides
    #[arg(long, value_name = "PLAN", default_value = "horizon", value_parser = plans())]
    pub plan: DecisionPlan,
}

/// `comfywright ab adopt`
#[derive(Args, Clone, Debug)]
pub struct AdoptArgs {
    /// An A/B test: its file, or its name in the workspace
    #[arg(value_name = "TEST")]
    pub document: String,

    /// Adopt this variation, although the test names another one or none
    #[arg(long, value_name = "NAME")]
    pub variation: Option<String>,

    /// Say what would be written, and write nothing
    #[arg(long)]
    pub dry_run: bool,
}

fn plans() -> impl clap::builder::TypedValueParser<Value = DecisionPlan> {
    PossibleValuesParser::new(["horizon", "open", "strict"]).map(|name| match name.as_str() {
        "open" => DecisionPlan::Open,
        "strict" => DecisionPlan::Strict,
        _ => DecisionPlan::Horizon,
    })
}

fn parse_values(text: &str) -> Result<(String, Vec<Value>), String> {
    let (key, values) = text.split_once('=').ok_or("write it as KEY=A|B")?;
    let values: Vec<Value> = values.split('|').map(|value| app::setting_value(value.trim())).collect();
    if values.len() < 2 {
        Err("at least two values, parted by |".to_owned())
    } else {
        Ok((key.trim().to_owned(), values))
    }
}

/// Runs `ab new`.
pub(super) fn new(args: &NewArgs, global: &GlobalArgs, output: Output) -> ExitCode {
    let session = match opened(global, None) {
        Ok(session) => session,
        Err(error) => return output.fail("ab", &error, &Sources::default()),
    };
    let sources = Sources::of(&session);
    match drafted(&session, args) {
        Ok(draft) => {
            let sources = sources.with(draft.path.as_str().into(), draft.text.as_str().into());
            if draft.is_wrong() {
                return output.fail("ab", &AppError::Wrong(draft.diagnostics), &sources);
            }
            match app::write_text(&session.root.join(&draft.path), &draft.text, false) {
                Ok(()) => {
                    output.line(&format!("wrote {}", draft.path));
                    output.line(&format!("next: comfywright run {}", args.name));
                    let data = json!({ "path": draft.path, "name": args.name });
                    output.finish("ab", ExitCode::Done, data, &draft.diagnostics, &sources)
                }
                Err(error) => output.fail("ab", &error, &sources),
            }
        }
        Err(error) => output.fail("ab", &error, &sources),
    }
}

fn drafted(session: &Session, args: &NewArgs) -> Result<TestDraft, AppError> {
    let request = TestRequest {
        name: args.name.clone(),
        title: None,
        preset: args.preset.clone(),
        base_prompt: args.prompt.clone().map_or_else(|| own_prompt(session, args), Ok)?,
        variations: app::combinations(&args.vary)?,
        samples: args.samples,
        metric: Some(args.metric.clone()),
        plan: Some(args.plan),
    };
    app::draft_test(session, &request)
}

/// The default prompt of the preset; where the prompt itself is varied, what varies.
fn own_prompt(session: &Session, args: &NewArgs) -> Result<String, AppError> {
    let reference = args.preset.as_ref().or(session.config.defaults.preset.as_ref());
    let reference =
        reference.ok_or_else(|| AppError::usage("there is no preset to test").with_hint("name one: --preset NAME"))?;
    let found = session.resolve(reference, Kind::Preset).map_err(|error| {
        let hint = error.hint.clone();
        hint.into_iter().fold(AppError::usage(error.message.clone()), AppError::with_hint)
    })?;
    let Body::Preset(preset) = &found.document.body else { return Err(AppError::usage("not a preset")) };
    let prompt = preset.params.iter().find(|(_, param)| param.role.as_deref() == Some("prompt"));
    if let Some((name, _)) = prompt.filter(|(name, _)| args.vary.iter().any(|(key, _)| key == *name)) {
        return Ok(format!("{{{name}}}"));
    }
    let default = prompt.and_then(|(_, param)| param.default.as_ref()?.as_str());
    default.map(str::to_owned).ok_or_else(|| {
        AppError::usage("the preset has no prompt of its own").with_hint("give one: --prompt \"… {KEY} …\"")
    })
}

/// Runs `ab adopt`.
pub(super) fn adopt(args: &AdoptArgs, global: &GlobalArgs, output: Output) -> ExitCode {
    let session = match opened(global, Some(&args.document)) {
        Ok(session) => session,
        Err(error) => return output.fail("ab", &error, &Sources::default()),
    };
    let sources = Sources::of(&session);
    let request =
        AdoptRequest { document: args.document.clone(), variation: args.variation.clone(), dry_run: args.dry_run };
    let adopted = app::open_ledger(&session).and_then(|ledger| app::adopt(&session, &ledger, &request));
    match adopted {
        Ok(adopted) => {
            adopted_lines(&adopted, args.dry_run).iter().for_each(|line| output.line(line));
            output.finish("ab", ExitCode::Done, adopted_json(&adopted, args.dry_run), &[], &sources)
        }
        Err(error) => output.fail("ab", &error, &sources),
    }
}

fn adopted_lines(adopted: &Adopted, dry_run: bool) -> Vec<String> {
    let verb = if dry_run { "would become" } else { "is now" };
    let mut lines = vec![format!("{} {verb} {} (was {})", adopted.path, adopted.version, adopted.before)];
    let shown = |value: &Option<Value>| value.as_ref().map_or_else(|| "nothing".to_owned(), Value::to_string);
    lines.extend(adopted.changes.iter().map(|(name, before, now)| format!("  {name}: {} -> {now}", shown(before))));
    lines.push(format!("  evidence: {}", adopted.evidence));
    if !dry_run {
        lines.push(format!("  the earlier version is kept in {}", adopted.kept));
    }
    lines
}

fn adopted_json(adopted: &Adopted, dry_run: bool) -> Value {
    let changes: Vec<Value> = adopted
        .changes
        .iter()
        .map(|(name, before, now)| json!({ "parameter": name, "before": before, "now": now }))
        .collect();
    json!({
        "path": adopted.path,
        "variation": adopted.variation,
        "before": adopted.before,
        "version": adopted.version,
        "changes": changes,
        "evidence": adopted.evidence,
        "kept": adopted.kept,
        "written": !dry_run,
    })
}
