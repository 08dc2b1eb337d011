//! Scorers that are programs of their own: one line of JSON for each picture, one line back.
//!
//! A process is kept from picture to picture, because what it loads is large. One that ends is started again;
//! one that answers wrongly or too late is ended.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use serde_json::{Map, Value, json};
use tokio::sync::Semaphore;

use super::process::{Process, Silence};
use crate::{
    content_hash::ContentHash,
    ident::{IndexMap, did_you_mean},
    model::{ErrorClass, ExternalScorer},
    plan::OutputFile,
    run::Fault,
};

/// Version of the lines; to be raised when the same answer would be read in another way.
const VERSION: u32 = 1;

/// Most of an answer that is repeated in a message, in characters.
const QUOTED: usize = 80;

/// The external scorers of a workspace.
#[derive(Debug, Clone, Default)]
pub struct ExternalScorers {
    scorers: Vec<Arc<External>>,
}

#[derive(Debug)]
pub(super) struct External {
    name: String,
    root: PathBuf,
    command: Vec<String>,
    metrics: Vec<String>,
    patience: Duration,
    identity: String,
    slots: Semaphore,
    idle: Mutex<Vec<Process>>,
}

impl ExternalScorers {
    /// The scorers that `configured` names, for files below `root`, the workspace. Nothing is started yet.
    pub fn new(root: &Path, configured: &IndexMap<String, ExternalScorer>) -> Self {
        let scorer = |(name, scorer): (&String, &ExternalScorer)| {
            Arc::new(External {
                name: name.clone(),
                root: root.to_owned(),
                command: scorer.command.clone(),
                metrics: scorer.metrics.clone(),
                patience: scorer.patience(),
                identity: identity(root, scorer),
                slots: Semaphore::new(scorer.processes as usize),
                idle: Mutex::default(),
            })
        };
        Self { scorers: configured.iter().map(scorer).collect() }
    }

    /// The scorer that measures `metric`.
    pub(super) fn of(&self, metric: &str) -> Option<&Arc<External>> {
        self.scorers.iter().find(|scorer| scorer.metrics.iter().any(|known| known == metric))
    }

    /// Every metric that the scorer called `name` gives for the picture at `file`, relative to the workspace.
    pub async fn try_out(&self, name: &str, file: &str) -> Result<BTreeMap<String, f64>, Fault> {
        let found = self.scorers.iter().find(|scorer| scorer.name == name);
        let scorer = found.ok_or_else(|| Fault::new(ErrorClass::Error, format!("there is no scorer `{name}`")))?;
        scorer.score(file, &Value::Null).await
    }
}

impl External {
    /// What identifies the way it measures a picture of which `about` is known.
    pub(super) fn fingerprint(&self, about: &Value) -> String {
        let prompt = prompt_of(about).map(ContentHash::of_json);
        prompt.map_or_else(|| self.identity.clone(), |prompt| format!("{}/{prompt}", self.identity))
    }

    pub(super) async fn score_files(
        &self,
        files: &[OutputFile],
        about: &Value,
    ) -> Result<BTreeMap<String, f64>, Fault> {
        let file = files.first().ok_or_else(|| self.fault(ErrorClass::Error, "has no file to measure"))?;
        self.score(&file.path, about).await
    }

    async fn score(&self, path: &str, about: &Value) -> Result<BTreeMap<String, f64>, Fault> {
        let request = self.request(path, about);
        let _slot = self.slots.acquire().await.map_err(|error| self.fault(ErrorClass::Error, &error.to_string()))?;
        let kept = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut process = kept.map_or_else(|| self.start(), Ok)?;
        let mut answer = process.ask(&request, self.patience).await;
        // What ended between two pictures says nothing of the second one.
        if process.has_answered() && matches!(answer, Err(Silence::Ended(..))) {
            process = self.start()?;
            answer = process.ask(&request, self.patience).await;
        }
        let values = self.read(&answer.map_err(|silence| self.silent(silence))?)?;
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(process);
        values
    }

    fn start(&self) -> Result<Process, Fault> {
        Process::start(&self.command, &self.root).map_err(|error| {
            let program = self.command.first().map_or("", String::as_str);
            self.fault(ErrorClass::Error, &format!("cannot be started: `{program}`: {error}"))
        })
    }

    fn request(&self, path: &str, about: &Value) -> String {
        let mut request = json!({ "path": self.root.join(path), "metrics": self.metrics });
        let known = [("item", about.get("item")), ("prompt", prompt_of(about)), ("seed", about.get("seed"))];
        known.into_iter().filter_map(|(key, value)| Some((key, value?))).for_each(|(key, value)| {
            request[key] = value.clone();
        });
        request.to_string()
    }

    /// The metrics of an answer; the outer error is one after which the process is of no more use.
    fn read(&self, answer: &str) -> Result<Result<BTreeMap<String, f64>, Fault>, Fault> {
        let wrong = |what: String| self.fault(ErrorClass::Error, &what);
        let Ok(fields) = serde_json::from_str::<Map<String, Value>>(answer) else {
            let quoted: String = answer.chars().take(QUOTED).collect();
            return Err(wrong(format!("answered with a line that is no JSON object: {quoted:?}")));
        };
        if let Some(error) = fields.get("error") {
            let text = error.as_str().map_or_else(|| error.to_string(), str::to_owned);
            return Ok(Err(wrong(format!("says: {text}"))));
        }
        let number = |metric: &String| {
            let Some(value) = fields.get(metric) else {
                let near = did_you_mean(metric, fields.keys().map(String::as_str));
                let near = near.map_or_else(String::new, |near| format!(", but `{near}`"));
                return Err(wrong(format!("does not give `{metric}`{near}")));
            };
            let number = value.as_f64().filter(|number| number.is_finite());
            let number = number.ok_or_else(|| wrong(format!("gives `{metric}` as {value}, which is no number")))?;
            Ok((metric.clone(), number))
        };
        Ok(self.metrics.iter().map(number).collect())
    }

    fn silent(&self, silence: Silence) -> Fault {
        match silence {
            Silence::TooLate => {
                self.fault(ErrorClass::Timeout, &format!("took longer than {} s", self.patience.as_secs_f64()))
            }
            Silence::TooLong => self.fault(ErrorClass::Error, "answered with a line of more than 1 MiB"),
            Silence::Ended(status, said) => {
                let how = status.map_or_else(String::new, |status| format!(" ({status})"));
                let said = if said.is_empty() { String::new() } else { format!(": {said}") };
                self.fault(ErrorClass::Transient, &format!("ended instead of answering{how}{said}"))
            }
        }
    }

    fn fault(&self, class: ErrorClass, what: &str) -> Fault {
        Fault::new(class, format!("the scorer `{}` {what}", self.name))
    }
}

/// The prompt among what is known of an item: the value of its preset's parameter with that role.
pub fn prompt_of(about: &Value) -> Option<&Value> {
    let params = about.pointer("/preset/params")?.as_object()?;
    let (name, param) = params.iter().find(|(_, param)| param["role"] == "prompt")?;
    about.get("with").and_then(|with| with.get(name)).or_else(|| param.get("default"))
}

/// What identifies a scorer: its command, what it gives, and the content of the workspace's files that the command
/// names, so that a changed script measures again.
fn identity(root: &Path, scorer: &ExternalScorer) -> String {
    let content = |argument: &String| {
        let file = std::fs::File::open(root.join(argument)).ok()?;
        ContentHash::of_reader(file).ok().map(|hash| hash.to_string())
    };
    let files: Vec<Option<String>> = scorer.command.iter().map(content).collect();
    let hash = ContentHash::of_json(&json!([VERSION, scorer.command, scorer.metrics, files]));
    format!("external/{hash}")
}
