//! All scorers of a workspace as one.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::Value;

use super::{
    external::{External, ExternalScorers},
    native::NativeScorers,
};
use crate::{
    plan::OutputFile,
    run::{Fault, PortFuture, Scorer},
};

/// Measures in this process and by programs of the workspace.
#[derive(Debug, Clone)]
pub struct Scorers {
    native: NativeScorers,
    external: ExternalScorers,
}

impl Scorers {
    /// Both kinds together.
    pub fn new(native: NativeScorers, external: ExternalScorers) -> Self {
        Self { native, external }
    }

    /// What identifies the way `metric` is measured on a picture of which `about` is known: stored values are valid
    /// as long as it is the same. None for a metric that cannot be measured here.
    pub fn fingerprint(&self, metric: &str, about: &Value) -> Option<String> {
        match self.external.of(metric) {
            Some(external) => Some(external.fingerprint(about)),
            None => self.native.fingerprint(metric),
        }
    }
}

impl Scorer for Scorers {
    /// Measures `metrics`, and what else who is asked for them gives.
    fn score<'a>(
        &'a self,
        metrics: &'a [String],
        files: &'a [OutputFile],
        about: &'a Value,
    ) -> PortFuture<'a, Result<BTreeMap<String, f64>, Fault>> {
        Box::pin(async move {
            let mut asked: Vec<&Arc<External>> = Vec::new();
            let mut native = Vec::new();
            for metric in metrics {
                match self.external.of(metric) {
                    None => native.push(metric.clone()),
                    Some(external) if asked.iter().any(|known| Arc::ptr_eq(known, external)) => {}
                    Some(external) => asked.push(external),
                }
            }
            let mut values = self.native.score(&native, files, about).await?;
            for external in asked {
                values.extend(external.score_files(files, about).await?);
            }
            Ok(values)
        })
    }
}
