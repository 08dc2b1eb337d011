//! Scorers that need no model: they measure the metrics of [`crate::vision`] on files.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use tokio::sync::Semaphore;

use crate::{
    ident::did_you_mean,
    imagefile,
    model::ErrorClass,
    native::files::{self, FileError},
    plan::OutputFile,
    raster::Image,
    run::{Fault, PortFuture, Scorer},
    vision,
};

pub use crate::vision::{KNOWN, MetricInfo};

/// Version of the arithmetic; to be raised when a formula changes.
const VERSION: u32 = 1;

/// What identifies the way `metric` is measured: stored values are valid as long as it is the same.
/// None for a metric that is not [`KNOWN`].
pub fn fingerprint(metric: &str) -> Option<String> {
    KNOWN.iter().find(|known| known.name == metric).map(|known| format!("native/{}/{VERSION}", known.name))
}

/// Measures the [`KNOWN`] metrics on image files of a workspace, as many files at the same time as
/// there are cores.
#[derive(Debug, Clone)]
pub struct NativeScorers {
    root: PathBuf,
    limits: imagefile::Limits,
    slots: Arc<Semaphore>,
}

impl NativeScorers {
    /// Scorers for files below `root`, the workspace.
    pub fn new(root: impl Into<PathBuf>, limits: imagefile::Limits) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self { root: root.into(), limits, slots: Arc::new(Semaphore::new(cores)) }
    }
}

impl Scorer for NativeScorers {
    fn score<'a>(
        &'a self,
        metrics: &'a [String],
        files: &'a [OutputFile],
    ) -> PortFuture<'a, Result<BTreeMap<String, f64>, Fault>> {
        Box::pin(async move {
            if let Some(unknown) = metrics.iter().find(|name| fingerprint(name).is_none()) {
                return Err(fault(unknown_metric(unknown)));
            }
            if metrics.is_empty() {
                return Ok(BTreeMap::new());
            }
            let file = files.first().ok_or_else(|| fault("there is no file to measure".to_owned()))?;
            let (root, path, limits, metrics) = (self.root.clone(), file.path.clone(), self.limits, metrics.to_vec());
            let slot = Arc::clone(&self.slots).acquire_owned().await.map_err(|error| fault(error.to_string()))?;
            let measured = tokio::task::spawn_blocking(move || {
                let _slot = slot;
                measure_file(&root, &path, &limits, &metrics)
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
    let names: Vec<_> = KNOWN.iter().map(|known| known.name).collect();
    let hint = did_you_mean(name, names.iter().copied()).map(|near| format!(", did you mean `{near}`?"));
    format!("no scorer measures `{name}`{}; known are {}", hint.unwrap_or_default(), names.join(", "))
}

fn fault(message: String) -> Fault {
    Fault::new(ErrorClass::Error, message)
}

fn measure_file(
    root: &std::path::Path,
    path: &str,
    limits: &imagefile::Limits,
    metrics: &[String],
) -> Result<BTreeMap<String, f64>, FileError> {
    let decoded = files::read_image(root, path, limits)?;
    let coverage = decoded.mask.as_ref().map_or(1.0, |mask| {
        let first = &mask.data[..mask.width * mask.height];
        first.iter().map(|value| 1.0 - f64::from(*value)).sum::<f64>() / first.len().max(1) as f64
    });
    let value = |name: &str, image: &Image| {
        if name == "alpha_coverage" { Some(coverage) } else { vision::measure(name, image) }
    };
    Ok(metrics.iter().filter_map(|name| Some((name.clone(), value(name, &decoded.image)?))).collect())
}
