//! A scorer that remembers: what was measured on a content by one scorer is not measured again.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::Value;

use crate::{
    ledger::Ledger,
    plan::OutputFile,
    run::{Fault, PortFuture, Scorer},
    scorers::Scorers,
};

/// Measures with `scorers`, and keeps every value in `ledger` under the content of the file and the
/// fingerprint of the scorer.
pub(super) struct KeptScores {
    pub(super) scorers: Scorers,
    pub(super) ledger: Arc<Ledger>,
}

impl KeptScores {
    /// The value that is known of `metric`. What cannot be read is measured again.
    fn known(&self, metric: &str, file: &OutputFile, about: &Value) -> Option<f64> {
        let known = self.ledger.metrics(&file.hash, &self.scorers.fingerprint(metric, about)?).ok()?;
        known.get(metric).copied()
    }

    fn keep(&self, measured: &BTreeMap<String, f64>, file: &OutputFile, about: &Value) {
        for (metric, value) in measured {
            if let Some(fingerprint) = self.scorers.fingerprint(metric, about) {
                self.ledger.keep_metrics(&file.hash, &fingerprint, &BTreeMap::from([(metric.clone(), *value)]));
            }
        }
    }
}

impl Scorer for KeptScores {
    fn score<'a>(
        &'a self,
        metrics: &'a [String],
        files: &'a [OutputFile],
        about: &'a Value,
    ) -> PortFuture<'a, Result<BTreeMap<String, f64>, Fault>> {
        Box::pin(async move {
            let Some(file) = files.first().filter(|file| !file.hash.is_empty()) else {
                return self.scorers.score(metrics, files, about).await;
            };
            let mut values = BTreeMap::new();
            let mut open = Vec::new();
            for metric in metrics {
                match self.known(metric, file, about) {
                    Some(value) => drop(values.insert(metric.clone(), value)),
                    None => open.push(metric.clone()),
                }
            }
            let mut measured = self.scorers.score(&open, files, about).await?;
            self.keep(&measured, file, about);
            // A scorer gives all that it measures, asked for or not.
            measured.retain(|metric, _| open.contains(metric));
            values.extend(measured);
            Ok(values)
        })
    }
}
