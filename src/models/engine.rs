//! A loaded model: runs on one picture's values, on one thread or several.

use std::sync::Arc;
#[cfg(feature = "parallel-inference")]
use std::sync::OnceLock;

use tract_onnx::{
    prelude::*,
    tract_core::internal::multithread::{Executor, multithread_tract_scope},
};

use super::{ModelError, onnx::words};
use crate::model::ModelManifest;

/// A model that is ready to run.
pub(super) struct LoadedModel {
    manifest: ModelManifest,
    plan: Arc<TypedRunnableModel>,
}

/// How an inference is spread.
#[derive(Clone)]
pub(super) struct Threads(Option<Executor>);

impl Threads {
    /// The calling thread alone.
    pub(super) fn one() -> Self {
        Self(None)
    }

    /// A pool of `count` threads, made once in a process for each number; the calling thread alone in a program that
    /// was built without `parallel-inference`.
    #[cfg(not(feature = "parallel-inference"))]
    pub(super) fn pool(_count: usize) -> Self {
        Self::one()
    }

    /// A pool of `count` threads, made once in a process for each number.
    #[cfg(feature = "parallel-inference")]
    pub(super) fn pool(count: usize) -> Self {
        static POOL: OnceLock<(usize, Executor)> = OnceLock::new();
        if count < 2 {
            return Self::one();
        }
        let make = || Executor::multithread_with_name(count, "model");
        let (made, pool) = POOL.get_or_init(|| (count, make()));
        Self(Some(if *made == count { pool.clone() } else { make() }))
    }
}

impl LoadedModel {
    /// Makes `typed` ready to run.
    pub(super) fn new(manifest: ModelManifest, typed: TypedModel) -> Result<Self, ModelError> {
        let wrong = |error: TractError| super::onnx::load_error(&manifest, words(&error));
        let plan = typed.into_optimized().and_then(IntoRunnable::into_runnable).map_err(wrong)?;
        Ok(Self { manifest, plan })
    }

    /// Its manifest.
    pub(super) fn manifest(&self) -> &ModelManifest {
        &self.manifest
    }

    /// The values of the output for the values of the input, which has the manifest's shape.
    pub(super) fn run(&self, input: &[f32], threads: &Threads) -> Result<Vec<f32>, ModelError> {
        let wrong = |error: TractError| ModelError::Run { name: self.manifest.name.clone(), reason: words(&error) };
        let shape: Vec<usize> = self.manifest.input.shape.iter().map(|side| *side as usize).collect();
        let tensor = Tensor::from_shape(&shape, input).map_err(wrong)?;
        let run = || self.plan.run(tvec!(tensor.into_tvalue()));
        let outputs = match &threads.0 {
            Some(pool) => multithread_tract_scope(pool.clone(), run),
            None => multithread_tract_scope(Executor::SingleThread, run),
        };
        let outputs = outputs.map_err(wrong)?;
        let first = outputs.first().ok_or_else(|| wrong(TractError::msg("it gives nothing")))?;
        let values = first.try_as_plain_ram().map_err(wrong)?.as_slice::<f32>().map_err(wrong)?.to_vec();
        if values.iter().any(|value| !value.is_finite()) {
            return Err(wrong(TractError::msg("its output is not finite")));
        }
        Ok(values)
    }
}
