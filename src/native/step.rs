//! One node with its inputs at hand: which implementation runs it and how much memory it needs.

use std::path::Path;

use super::{
    Inputs, NodeError, NodeValue,
    files::{self, FileError},
    nodes, own,
};
use crate::{
    graph::BoundFile,
    ident::IndexMap,
    imagefile::{EncodeError, Header, Limits},
    models::{ModelError, ModelStore},
};

/// Classes that read files.
const LOADERS: &[&str] = &["LoadImage", "LoadImageMask"];

/// Classes that write the files of an item.
const SAVERS: &[&str] = &["SaveImage", "PreviewImage"];

/// Whether `class` runs in this process.
pub fn is_native(class: &str) -> bool {
    is_saver(class) || LOADERS.contains(&class) || own::CLASSES.contains(&class) || nodes::find(class).is_some()
}

/// All classes that run in this process.
pub fn native_classes() -> impl Iterator<Item = &'static str> {
    nodes::classes().chain(LOADERS.iter().chain(SAVERS).chain(own::CLASSES).copied())
}

/// Whether `class` writes the files of an item.
pub(super) fn is_saver(class: &str) -> bool {
    SAVERS.contains(&class)
}

/// A node that is about to run.
pub(super) struct Step<'a> {
    pub(super) class: &'a str,
    pub(super) inputs: Inputs,
    /// Inputs that are files, by name.
    pub(super) files: &'a IndexMap<String, Vec<BoundFile>>,
    /// The workspace.
    pub(super) root: &'a Path,
    pub(super) limits: &'a Limits,
    pub(super) models: &'a ModelStore,
}

/// What a node gave.
#[derive(Debug, Default)]
pub(super) struct StepOutput {
    pub(super) values: Vec<NodeValue>,
    pub(super) metrics: Vec<(String, f64)>,
    /// Files that it wrote itself.
    pub(super) written: Vec<WrittenFile>,
}

/// A file that a node wrote itself.
#[derive(Debug)]
pub(super) struct WrittenFile {
    pub(super) path: String,
    pub(super) bytes: Vec<u8>,
    /// Pixels; zeros for what is no image.
    pub(super) size: (u32, u32),
}

/// Why a node did not run. Reads "failed to {error}".
#[derive(Debug, thiserror::Error)]
pub enum StepError {
    /// Its inputs or its size.
    #[error(transparent)]
    Node(#[from] NodeError),
    /// A file.
    #[error(transparent)]
    File(#[from] FileError),
    /// A model.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// An image that cannot be written.
    #[error(transparent)]
    Encode(#[from] EncodeError),
}

impl From<Vec<NodeValue>> for StepOutput {
    fn from(values: Vec<NodeValue>) -> Self {
        Self { values, ..Self::default() }
    }
}

impl Step<'_> {
    /// Runs the node; savers are not run here.
    pub(super) fn run(mut self) -> Result<StepOutput, StepError> {
        match self.class {
            "LoadImage" => Ok(files::load_image(self.decoded()?).into()),
            "LoadImageMask" => Ok(files::load_image_mask(self.decoded()?, &self.inputs)?.into()),
            class if own::CLASSES.contains(&class) => own::run(&mut self),
            class => Ok(nodes::run(class, self.inputs)?.into()),
        }
    }

    /// An upper estimate of the bytes that the node needs beside its inputs: its outputs and what it
    /// uses in between.
    pub(super) fn bytes(&self) -> Result<u64, StepError> {
        match self.class {
            "LoadImage" | "LoadImageMask" => {
                let path = self.one_file("image")?;
                Ok(decoded_bytes(&files::read_header(self.root, &path, self.limits)?))
            }
            class if own::CLASSES.contains(&class) => own::bytes(self),
            // A frame as bytes and as a compressed file.
            class if is_saver(class) => Ok(self.inputs.get("images").map_or(0, NodeValue::pixel_bytes) / 2),
            class => Ok(nodes::estimate_bytes(class, &self.inputs)?),
        }
    }

    fn decoded(&self) -> Result<crate::imagefile::Decoded, StepError> {
        Ok(files::read_image(self.root, &self.one_file("image")?, self.limits)?)
    }

    /// The path of the file input `name`, which takes one file; a text is a path as well.
    pub(super) fn one_file(&self, name: &str) -> Result<String, StepError> {
        match self.files.get(name).map(Vec::as_slice) {
            Some([file]) => Ok(file.path.clone()),
            Some(files) => {
                Err(NodeError::unfit(name, format!("it takes one file, and {} were given", files.len())).into())
            }
            None => Ok(self.inputs.string(name)?),
        }
    }
}

/// Bytes of a decoded file as RGB and mask in `f32`, and of what decoding needs on the way.
pub(super) fn decoded_bytes(header: &Header) -> u64 {
    u64::from(header.width) * u64::from(header.height) * (16 + 2 * u64::from(header.bits.max(8) / 8) * 4)
}
