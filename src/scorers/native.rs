//! Scorers that run in this process: the metrics of [`crate::vision`], and `nsfw`, which needs a model.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use serde_json::Value;
use tokio::sync::Semaphore;

use crate::{
    ident::did_you_mean,
    imagefile,
    model::ErrorClass,
    models::{ModelError, ModelStore, NSFW},
    native::files::{self, FileError},
    plan::OutputFile,
    run::{Fault, PortFuture, Scorer},
    vision,
};

pub use crate::vision::{KNOWN, MetricInfo};

/// Version of the arithmetic; to be raised when a formula changes.
const VERSION: u32 = 1;

/// The metric that needs a model.
const UNSAFE: MetricInfo = MetricInfo {
    name: NSFW,
    range: (0.0, 1.0),
    less_is_better: true,
    description: "how likely it is not safe for work, by the model of [models] nsfw; a person should look at what it decides",
};

/// All metrics that can be measured in this process.
pub fn metrics() -> impl Iterator<Item = &'static MetricInfo> {
    KNOWN.iter().chain([&UNSAFE])
}

/// Measures the [`KNOWN`] metrics on image files of a workspace, as many files at the same time as
/// there are cores.
#[derive(Debug, Clone)]
pub struct NativeScorers {
    root: PathBuf,
    limits: imagefile::Limits,
    slots: Arc<Semaphore>,
    models: ModelStore,
}

impl NativeScorers {
    /// Scorers for files below `root`, the workspace.
    pub fn new(root: impl Into<PathBuf>, limits: imagefile::Limits) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self { root: root.into(), limits, slots: Arc::new(Semaphore::new(cores)), models: ModelStore::empty() }
    }

    /// The same with the models of `models`.
    #[must_use]
    pub fn with_models(self, models: ModelStore) -> Self {
        Self { models, ..self }
    }
}

impl NativeScorers {
    /// What identifies the way `metric` is measured: stored values are valid as long as it is the same.
    /// None for a metric that cannot be measured here.
    pub fn fingerprint(&self, metric: &str) -> Option<String> {
        if metric == NSFW {
            return self.models.nsfw_digest().map(|digest| format!("native/{NSFW}/{VERSION}/{digest}"));
        }
        KNOWN.iter().find(|known| known.name == metric).map(|known| format!("native/{}/{VERSION}", known.name))
    }
}

impl Scorer for NativeScorers {
    fn score<'a>(
        &'a self,
        metrics: &'a [String],
        files: &'a [OutputFile],
        _: &'a Value,
    ) -> PortFuture<'a, Result<BTreeMap<String, f64>, Fault>> {
        Box::pin(async move {
            if let Some(name) = metrics.iter().find(|name| !self::metrics().any(|known| known.name == **name)) {
                return Err(fault(unknown_metric(name)));
            }
            if metrics.is_empty() {
                return Ok(BTreeMap::new());
            }
            let file = files.first().ok_or_else(|| fault("there is no file to measure".to_owned()))?;
            let (root, path, limits, metrics) = (self.root.clone(), file.path.clone(), self.limits, metrics.to_vec());
            let models = self.models.clone();
            let slot = Arc::clone(&self.slots).acquire_owned().await.map_err(|error| fault(error.to_string()))?;
            let measured = tokio::task::spawn_blocking(move || {
                let _slot = slot;
                measure_file(&root, &path, &limits, &models, &metrics)
            });
            match measured.await {
                Ok(Ok(values)) => Ok(values),
                Ok(Err(error)) => Err(fault(format!("failed to {error}"))),
                Err(error) => Err(fault(format!("measuring `{}` broke off: {error}", file.path))),
            }
        })
    }
}

/// What is wrong with the name of a metric, naming those that there are.
pub fn unknown_metric(name: &str) -> String {
    let names: Vec<_> = metrics().map(|known| known.name).collect();
    let hint = did_you_mean(name, names.iter().copied()).map(|near| format!(", did you mean `{near}`?"));
    format!("no scorer measures `{name}`{}; known are {}", hint.unwrap_or_default(), names.join(", "))
}

fn fault(message: String) -> Fault {
    Fault::new(ErrorClass::Error, message)
}

/// Why a file could not be measured. Reads "failed to {error}".
#[derive(Debug, thiserror::Error)]
enum ScoreError {
    /// The file.
    #[error(transparent)]
    File(#[from] FileError),
    /// The model.
    #[error(transparent)]
    Model(#[from] ModelError),
}

fn measure_file(
    root: &std::path::Path,
    path: &str,
    limits: &imagefile::Limits,
    models: &ModelStore,
    metrics: &[String],
) -> Result<BTreeMap<String, f64>, ScoreError> {
    let decoded = files::read_image(root, path, limits)?;
    let coverage = decoded.mask.as_ref().map_or(1.0, |mask| {
        let first = &mask.data[..mask.width * mask.height];
        first.iter().map(|value| 1.0 - f64::from(*value)).sum::<f64>() / first.len().max(1) as f64
    });
    let mut values = BTreeMap::new();
    for name in metrics {
        let value = match name.as_str() {
            "alpha_coverage" => Some(coverage),
            NSFW => Some(models.nsfw(&decoded.image)?),
            name => vision::measure(name, &decoded.image),
        };
        values.extend(value.map(|value| (name.clone(), value)));
    }
    Ok(values)
}
