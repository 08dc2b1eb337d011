//! The files of masks: what is read, and what is written.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::failed;
use crate::{
    app::{AppError, Session, atomic_write, run::native_settings},
    imagefile,
    model::{Layer, MaskExport},
    native::{DrawnMask, mask_files},
    raster::Image,
};

pub(super) fn make_folder(folder: &Path) -> Result<(), AppError> {
    fs::create_dir_all(folder)
        .map_err(|error| AppError::environment(format!("failed to make the folder {}: {error}", folder.display())))
}

/// Writes what `export` says into `folder`, by the name that its path has.
pub(super) fn exported(
    export: &MaskExport,
    folder: &Path,
    image: &Image,
    drawn: &DrawnMask,
    layers: &[Layer],
) -> Result<Vec<PathBuf>, AppError> {
    let Some(path) = &export.path else { return Ok(Vec::new()) };
    let name = path.trim_end_matches('/').rsplit('/').next().unwrap_or(path).to_owned();
    let name = if path.ends_with('/') { format!("{name}/") } else { name };
    let export = MaskExport { path: Some(name), ..export.clone() };
    let files = mask_files(&export, folder, image, drawn, layers).map_err(|error| failed(&error))?;
    for (file, bytes) in &files {
        make_folder(file.parent().unwrap_or(folder))?;
        atomic_write(file, bytes, None)?;
    }
    Ok(files.into_iter().map(|(file, _)| file).collect())
}

pub(super) fn read_image(session: &Session, path: &Path) -> Result<Image, AppError> {
    let bytes =
        fs::read(path).map_err(|error| AppError::usage(format!("failed to read {}: {error}", path.display())))?;
    let decoded = imagefile::decode(&bytes, &native_settings(session).image_limits)
        .map_err(|error| AppError::usage(format!("failed to use {}: failed to {error}", path.display())))?;
    let mut image = decoded.image;
    image.data.truncate(image.frame_len());
    Ok(Image { batch: 1, ..image })
}

pub(super) fn write_png(path: &Path, image: &Image) -> Result<(), AppError> {
    let bytes = imagefile::encode_png(image, 0, &[])
        .map_err(|error| AppError::environment(format!("failed to write {}: {error}", path.display())))?;
    Ok(atomic_write(path, &bytes, None)?)
}
