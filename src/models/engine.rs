//! A loaded model: runs on one picture's values and the tokens of words, on one thread or several.

#[cfg(feature = "parallel-inference")]
use std::sync::OnceLock;
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use tract_onnx::{
    prelude::*,
    tract_core::internal::multithread::{Executor, multithread_tract_scope},
};

use super::{
    ModelError, memory,
    onnx::words,
    ports::{Port, Ports, Values},
    text::{Reader, Tokens},
};
use crate::model::ModelManifest;

/// A model that is ready to run.
pub(super) struct LoadedModel {
    manifest: ModelManifest,
    ports: Ports,
    plan: Arc<TypedRunnableModel>,
    reader: Option<Reader>,
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
    /// Makes `typed` ready to run; `reader` reads the words that it is asked with.
    pub(super) fn new(
        manifest: ModelManifest,
        ports: Ports,
        typed: TypedModel,
        reader: Option<Reader>,
    ) -> Result<Self, ModelError> {
        memory::keep_between_inferences();
        let wrong = |error: TractError| super::onnx::load_error(&manifest, words(&error));
        let plan = super::rewrite::optimised(typed).and_then(IntoRunnable::into_runnable).map_err(wrong)?;
        Ok(Self { manifest, ports, plan, reader })
    }

    /// The tokens of `words`.
    pub(super) fn tokens(&self, words: &str) -> Result<Tokens, ModelError> {
        let name = &self.manifest.name;
        let wordless = || ModelError::Words { name: name.clone(), what: "it takes no words".to_owned() };
        self.reader.as_ref().ok_or_else(wordless)?.tokens(name, words)
    }

    /// The values of each output for `picture`, and for `words` where the model takes some.
    pub(super) fn ask(
        &self,
        picture: &[f32],
        words: Option<&Tokens>,
        threads: &Threads,
    ) -> Result<Vec<Vec<f32>>, ModelError> {
        let mut inputs = vec![Values::Real(picture)];
        let types = vec![0; words.map_or(0, |words| words.ids.len())];
        let (width, height) = self.manifest.input.size();
        let pixels = vec![1; if self.manifest.input.mask.is_some() { width * height } else { 0 }];
        if let (Some(text), Some(words)) = (&self.manifest.text, words) {
            inputs.push(Values::Whole(&words.ids));
            inputs.extend(text.attention.iter().map(|_| Values::Whole(&words.attention)));
            inputs.extend(text.types.iter().map(|_| Values::Whole(&types)));
        }
        inputs.extend(self.manifest.input.mask.iter().map(|_| Values::Whole(&pixels)));
        self.run(&inputs, threads)
    }

    /// The sizes of its outputs.
    pub(super) fn output_shapes(&self) -> Result<Vec<Vec<usize>>, ModelError> {
        let unknown = |what: &str| ModelError::Interface { name: self.manifest.name.clone(), what: what.to_owned() };
        let shape = |at: usize| {
            let fact = self.plan.model().output_fact(at).map_err(|error| unknown(&words(&error)))?;
            let shape = fact.shape.as_concrete().map(<[usize]>::to_vec);
            shape.ok_or_else(|| unknown("the size of an output depends on what goes in"))
        };
        (0..self.ports.outputs.len()).map(shape).collect()
    }

    /// Its manifest.
    pub(super) fn manifest(&self) -> &ModelManifest {
        &self.manifest
    }

    /// The values of each output for the values of each input, which have the sizes of the model's ports.
    pub(super) fn run(&self, inputs: &[Values<'_>], threads: &Threads) -> Result<Vec<Vec<f32>>, ModelError> {
        let wrong = |error: TractError| ModelError::Run { name: self.manifest.name.clone(), reason: words(&error) };
        let tensor = |(port, values): (&Port, &Values<'_>)| match values {
            Values::Real(values) => Tensor::from_shape(&port.shape, values).map(IntoTValue::into_tvalue),
            Values::Whole(values) => Tensor::from_shape(&port.shape, values).map(IntoTValue::into_tvalue),
        };
        let given =
            self.ports.inputs.iter().zip(inputs).map(tensor).collect::<TractResult<TVec<_>>>().map_err(wrong)?;
        // tract breaks off at a token that the model has no row for.
        let run = || {
            let attempt = catch_unwind(AssertUnwindSafe(|| self.plan.run(given)));
            attempt
                .unwrap_or_else(|_| Err(TractError::msg("tract broke off: what goes in is not what the model takes")))
        };
        let outputs = match &threads.0 {
            Some(pool) => multithread_tract_scope(pool.clone(), run),
            None => multithread_tract_scope(Executor::SingleThread, run),
        };
        let values = |output: &TValue| Ok(output.try_as_plain_ram()?.as_slice::<f32>()?.to_vec());
        let outputs = outputs.map_err(wrong)?.iter().map(values).collect::<TractResult<Vec<Vec<f32>>>>();
        let outputs = outputs.map_err(wrong)?;
        // Logits of tokens that are none may be as small as can be.
        let is_open = self.manifest.text.is_some() && self.manifest.detect.is_some();
        let is_wrong = |value: &f32| !(value.is_finite() || is_open && *value == f32::NEG_INFINITY);
        if outputs.iter().flatten().any(is_wrong) {
            return Err(wrong(TractError::msg("its output is not finite")));
        }
        Ok(outputs)
    }
}
