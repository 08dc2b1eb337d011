//! A/B tests in the words of clients: made as a file that people review, decided, and what is said of outputs.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{
    files::{after_writing, hash},
    findings::Refusal,
    shared::Shared,
    tool::{About, Answer, Callable, Effect, blocking},
};
use crate::{
    amounts::duration_text,
    analysis::VariationVerdict,
    app::{
        self, AppError, Session, TestForecast, TestPrompt, TestRequest, TestState, TrackRequest,
        client_files::ClientFiles,
    },
    model::{ValueMap, is_measured},
    report::ab::headline,
};

/// Samples that one answer holds.
const MOST_PROMPTS: usize = 200;

/// Most samples for each variation where nothing is said.
const SAMPLES: u32 = 20;

pub(super) fn tools() -> Vec<Callable> {
    vec![
        blocking(
            &About {
                name: "create_prompt_ab_test",
                title: "Make an A/B test",
                description: "Writes a test of prompt variations below pipelines/ that people can review; says what it \
                              can find and may take. run_file runs it and stops as soon as it is decided; or hand \
                              test_prompts to coordinate_batch_operation.",
                effect: Effect::Replaces,
            },
            create,
        ),
        blocking(
            &About {
                name: "analyze_ab_test_results",
                title: "Decide an A/B test",
                description: "What a test came to so far: winner or none, each variation with its interval, what was \
                              saved. Claims no more than the scores show.",
                effect: Effect::Reads,
            },
            analyze,
        ),
        blocking(
            &About {
                name: "track_generation_metrics",
                title: "Say how good an output is",
                description: "Keeps metrics, a rating and tags for an output, whatever made it. Tests count them when \
                              nothing else measured it.",
                effect: Effect::Replaces,
            },
            track,
        ),
    ]
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct CreateTest {
    /// Becomes the name of the file
    test_name: String,
    /// With {key} where variations differ
    base_prompt: String,
    /// Each a table of keys of the prompt or parameters of the preset, with an optional `name`; or a text for {variation}
    variations: Vec<Value>,
    /// At most; 20 without it
    samples_per_variation: Option<u32>,
    /// The default preset without it
    preset: Option<String>,
    /// What decides; quality without it
    metric: Option<String>,
    /// Hash of what is replaced; leave out for a new file
    expected_hash: Option<String>,
}

#[derive(Serialize, JsonSchema)]
struct CreatedTest {
    test_id: String,
    path: String,
    hash: String,
    /// Tasks as `coordinate_batch_operation` takes them, each with its test, variation and seed
    test_prompts: Vec<Map<String, Value>>,
    /// More samples than these
    left_out: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    minimum_detectable_effect: Option<f64>,
    most_generations: u64,
    fewest_generations: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cost: Option<f64>,
}

fn create(shared: &Shared, arguments: &CreateTest) -> Result<Answer<CreatedTest>, Refusal> {
    let expected = hash(arguments.expected_hash.as_deref())?;
    let written = shared.with(|session| {
        let draft = app::draft_test(session, &request(arguments)?)?;
        if draft.is_wrong() {
            return Err(AppError::Wrong(draft.diagnostics));
        }
        ClientFiles::open(session)?.write(&draft.path, &draft.text, expected)
    })?;
    let checked = after_writing(shared, &written)?;
    let outlook = shared.with(|session| app::test_outlook(session, &written.path, MOST_PROMPTS))?;
    let forecast = outlook.forecast;
    let test_id = app::document_name(&arguments.test_name).unwrap_or_default();
    let mut text = vec![checked.text];
    text.extend(forecast_lines(&forecast));
    text.push(format!("test_id {test_id}; run_file runs it, analyze_ab_test_results decides it"));
    let created = CreatedTest {
        test_id,
        path: written.path.clone(),
        hash: written.hash.to_string(),
        left_out: forecast.most_generations.saturating_sub(outlook.prompts.len() as u64),
        test_prompts: outlook.prompts.iter().map(task).collect(),
        minimum_detectable_effect: forecast.detectable,
        most_generations: forecast.most_generations,
        fewest_generations: forecast.fewest_generations,
        seconds: forecast.seconds,
        cost: forecast.cost,
    };
    Ok(Answer::new(text.join("\n"), created))
}

fn request(arguments: &CreateTest) -> Result<TestRequest, AppError> {
    let name = app::document_name(&arguments.test_name)?;
    let inserts_variation = app::inserted(&arguments.base_prompt).iter().any(|name| name == "variation");
    let mut variations = Vec::new();
    for (number, given) in arguments.variations.iter().enumerate() {
        variations.push(variation(number, given, inserts_variation)?);
    }
    Ok(TestRequest {
        title: (arguments.test_name != name).then(|| arguments.test_name.clone()),
        name,
        preset: arguments.preset.clone(),
        base_prompt: arguments.base_prompt.clone(),
        variations,
        samples: arguments.samples_per_variation.unwrap_or(SAMPLES),
        metric: arguments.metric.clone(),
        plan: None,
    })
}

fn variation(number: usize, given: &Value, inserts_variation: bool) -> Result<(String, ValueMap), AppError> {
    let wrong = |what: &str| AppError::usage(format!("variation {}: {what}", number + 1));
    match given {
        Value::String(text) if inserts_variation => {
            let values = ValueMap::from_iter([("variation".to_owned(), Value::from(text.as_str()))]);
            Ok((app::identifier(text), values))
        }
        Value::String(_) => Err(wrong("a text goes where base_prompt has {variation}, and it has none")),
        Value::Object(table) => {
            let mut values: ValueMap = table.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
            let name = match values.shift_remove("name") {
                Some(Value::String(name)) => name,
                Some(_) => return Err(wrong("`name` is a text")),
                None => {
                    let texts: Vec<String> =
                        values.values().map(|v| v.as_str().map_or_else(|| v.to_string(), str::to_owned)).collect();
                    app::identifier(&texts.join(" "))
                }
            };
            Ok((name, values))
        }
        _ => Err(wrong("it is a table of keys and values, or a text")),
    }
}

/// A sample as `coordinate_batch_operation` takes it.
fn task(prompt: &TestPrompt) -> Map<String, Value> {
    let task = json!({
        "id": prompt.id,
        "type": "generate",
        "title": prompt.title,
        "preset": prompt.preset,
        "with": prompt.with,
        "scores": Some(&prompt.metric).filter(|metric| is_measured(metric)).into_iter().collect::<Vec<_>>(),
    });
    task.as_object().cloned().unwrap_or_default()
}

fn forecast_lines(forecast: &TestForecast) -> Vec<String> {
    let mut lines = vec![format!(
        "{} to {} generations, {} made before",
        forecast.fewest_generations, forecast.most_generations, forecast.made
    )];
    lines.extend(
        forecast.detectable.map(|d| format!("minimum detectable effect {d:.3} at {:.0} %", 100.0 * forecast.power)),
    );
    lines.push(match forecast.seconds {
        Some(seconds) => format!("at most {}", duration_text(seconds)),
        None => "no history of how long a generation takes".to_owned(),
    });
    lines.extend(forecast.cost.map(|cost| format!("at most {cost:.2} by cost_per_hour")));
    lines
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct AnalyzeTest {
    /// As `create_prompt_ab_test` gave it, or a test's name or path
    test_id: String,
}

#[derive(Serialize, JsonSchema)]
struct AnalyzedTest {
    test_id: String,
    /// winner, equivalent, `undecided_futile`, `budget_out`, or running
    outcome: &'static str,
    winner: Option<String>,
    /// A claim only when it is the winner
    recommended: Option<String>,
    method: &'static str,
    look: u32,
    block: u32,
    most_blocks: u32,
    made: u64,
    saved: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    run_id: Option<String>,
    variations: Vec<AnalyzedVariation>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
}

#[derive(Serialize, JsonSchema)]
struct AnalyzedVariation {
    name: String,
    mean: Option<f64>,
    samples: u32,
    failed: u32,
    against: String,
    difference: Option<f64>,
    low: Option<f64>,
    high: Option<f64>,
    dropped_after: Option<u32>,
}

impl AnalyzedVariation {
    fn of(variation: &VariationVerdict) -> Self {
        Self {
            name: variation.name.clone(),
            mean: variation.mean,
            samples: variation.samples,
            failed: variation.failed,
            against: variation.against.clone(),
            difference: variation.difference,
            low: variation.low,
            high: variation.high,
            dropped_after: variation.dropped_after,
        }
    }

    fn line(&self) -> String {
        let number = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:+.3}"));
        let mean = self.mean.map_or_else(|| "-".to_owned(), |mean| format!("{mean:.3}"));
        let dropped = self.dropped_after.map_or_else(String::new, |block| format!(", dropped after block {block}"));
        format!(
            "{}: mean {mean} of {}, {} to {} ({} to {}){dropped}",
            self.name,
            self.samples,
            number(self.difference),
            self.against,
            number(self.low),
            number(self.high)
        )
    }
}

fn analyze(shared: &Shared, arguments: &AnalyzeTest) -> Result<Answer<AnalyzedTest>, Refusal> {
    shared
        .with(|session| {
            let document = document(session, &arguments.test_id)?;
            let state = app::test_state(session, &document)?;
            let warnings = state.diagnostics(session, &document).into_iter().map(|found| found.message).collect();
            Ok(analyzed(&arguments.test_id, &state, warnings))
        })
        .map(|analyzed: (String, AnalyzedTest)| Answer::new(analyzed.0, analyzed.1))
}

/// The path of the test that a client means.
fn document(session: &Session, name: &str) -> Result<String, AppError> {
    ClientFiles::open(session)?.document(name)
}

fn analyzed(test_id: &str, state: &TestState, warnings: Vec<String>) -> (String, AnalyzedTest) {
    let verdict = &state.verdict;
    let variations: Vec<AnalyzedVariation> = verdict.variations.iter().map(AnalyzedVariation::of).collect();
    let mut lines = vec![format!("{}: {}", verdict.test, headline(verdict))];
    lines.push(format!(
        "{} by {}, block {} of {}; {} of {} generations made, {} saved",
        verdict.method,
        verdict.metric,
        verdict.block,
        verdict.most_blocks,
        state.made,
        verdict.most_generations,
        state.saved
    ));
    lines.extend(variations.iter().map(AnalyzedVariation::line));
    lines.extend(warnings.iter().map(|warning| format!("warning: {warning}")));
    let data = AnalyzedTest {
        test_id: test_id.to_owned(),
        outcome: verdict.outcome.name(),
        winner: verdict.winner.clone(),
        recommended: verdict.recommended.clone(),
        method: verdict.method,
        look: verdict.look,
        block: verdict.block,
        most_blocks: verdict.most_blocks,
        made: state.made,
        saved: state.saved,
        run_id: state.run.clone(),
        variations,
        warnings,
    };
    (lines.join("\n"), data)
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct TrackMetrics {
    /// Of any output; or its fingerprint, or its path as `get_run` tells it
    prompt_id: String,
    /// From 0 to 1
    #[serde(default)]
    metrics: BTreeMap<String, f64>,
    /// From 1 to 5
    user_rating: Option<i64>,
    #[serde(default)]
    tags: Vec<String>,
}

#[derive(Serialize, JsonSchema)]
struct TrackedMetrics {
    fingerprint: String,
    item: String,
    run_id: String,
    /// All that is known of it now
    metrics: BTreeMap<String, f64>,
}

fn track(shared: &Shared, arguments: &TrackMetrics) -> Result<Answer<TrackedMetrics>, Refusal> {
    let request = TrackRequest {
        output: arguments.prompt_id.clone(),
        metrics: arguments.metrics.clone(),
        rating: arguments.user_rating,
        tags: arguments.tags.clone(),
    };
    let tracked = shared.with(|session| app::track(session, &request))?;
    let known: Vec<String> = tracked.metrics.iter().map(|(name, value)| format!("{name} {value:.3}")).collect();
    let text = format!("{} of run {}: {}", tracked.item.address, tracked.item.run, known.join(", "));
    let data = TrackedMetrics {
        fingerprint: tracked.item.fingerprint,
        item: tracked.item.address,
        run_id: tracked.item.run,
        metrics: tracked.metrics,
    };
    Ok(Answer::new(text, data))
}
