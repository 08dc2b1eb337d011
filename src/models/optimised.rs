//! Optimised models on the disk, in tract's NNEF: read in a fraction of the time that the ONNX file takes.
//!
//! Whatever goes wrong here costs time and nothing else: the ONNX file is what counts.

use std::{
    fs,
    io::{self, BufReader, BufWriter, Write as _},
    panic::{AssertUnwindSafe, catch_unwind},
    path::PathBuf,
};

use tempfile::NamedTempFile;
use tract_nnef::framework::Nnef;
use tract_onnx::prelude::*;

use super::{ModelCache, cache::make_folder_of};
use crate::model::ModelManifest;

/// What writes the files: another version of it reads none of them.
pub(super) const WRITER: &str = "tract-0.23.9-1";

/// The start of the names of all files of `manifest`.
fn start(manifest: &ModelManifest) -> String {
    let digest = manifest.digest();
    digest.rsplit(':').next().unwrap_or(&digest).to_owned()
}

/// Where the optimised model of `manifest` is, or would be; `part` tells which of several it is.
fn path(cache: &ModelCache, manifest: &ModelManifest, part: &str) -> PathBuf {
    cache.optimised().join(format!("{}{part}-{WRITER}.nnef.tar", start(manifest)))
}

fn nnef() -> Nnef {
    tract_nnef::nnef().with_onnx()
}

/// The optimised model, if it is there and can be read.
pub(super) fn read(cache: &ModelCache, manifest: &ModelManifest, part: &str) -> Option<TypedModel> {
    let mut file = BufReader::with_capacity(1 << 20, fs::File::open(path(cache, manifest, part)).ok()?);
    let attempt = AssertUnwindSafe(|| nnef().model_for_read(&mut file).ok());
    catch_unwind(attempt).ok().flatten()
}

/// Keeps the optimised model.
pub(super) fn write(cache: &ModelCache, manifest: &ModelManifest, part: &str, model: &TypedModel) {
    // Without it the next load takes longer.
    let _ = try_write(&path(cache, manifest, part), model);
}

fn try_write(path: &std::path::Path, model: &TypedModel) -> io::Result<()> {
    make_folder_of(path).map_err(io::Error::other)?;
    let file = NamedTempFile::new_in(path.parent().unwrap_or(path))?;
    let attempt = AssertUnwindSafe(|| nnef().write_to_tar(model, BufWriter::with_capacity(1 << 20, file)));
    let written = catch_unwind(attempt).map_err(|_| io::Error::other("tract broke off"))?;
    let mut writer = written.map_err(|error| io::Error::other(error.to_string()))?;
    writer.flush()?;
    let file = writer.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.persist(path)?;
    Ok(())
}

/// Removes what is kept of the model; the bytes that became free.
pub(super) fn forget(cache: &ModelCache, manifest: &ModelManifest) -> u64 {
    let start = start(manifest);
    let Ok(entries) = fs::read_dir(cache.optimised()) else { return 0 };
    let ours = entries.flatten().filter(|entry| entry.file_name().to_string_lossy().starts_with(&start));
    let freed = ours.map(|entry| {
        let size = entry.metadata().map_or(0, |found| found.len());
        if fs::remove_file(entry.path()).is_ok() { size } else { 0 }
    });
    freed.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_writer_is_named_by_the_version_in_use() {
        let lock = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.lock")).unwrap();
        let version = lock.split("name = \"tract-onnx\"\nversion = \"").nth(1).unwrap().split('"').next().unwrap();
        assert_eq!(WRITER, format!("tract-{version}-1"), "cached models of another version must not be read");
    }
}
