//! `ComfywrightExport`: writes files to a place of the user's choice, converted where asked.

use std::sync::Arc;

use crate::{
    imagefile::{self, Format},
    native::{
        NodeError, NodeValue,
        evaluate::{DEFAULT_QUALITY, numbered},
        files::{self, frames_to_save},
        step::{Step, StepError, StepOutput, WrittenFile, decoded_bytes},
    },
    raster::Image,
};

/// Writes `images` (files, byte for byte when they already are of the format; IMAGE or MASK) to `path`,
/// relative to the workspace. The format is `format` unless that is empty, else what the ending of `path` says. Several
/// files get `.1`, `.2`, … before the ending.
pub(super) fn run(step: &Step<'_>) -> Result<StepOutput, StepError> {
    let path = step.inputs.string("path")?;
    let quality = step
        .inputs
        .get("quality")
        .map_or(Ok(i64::from(DEFAULT_QUALITY)), |_| step.inputs.int_in("quality", 1..=100))?;
    let wanted = wanted_format(step, &path, quality as u8)?;
    let written = match source_files(step) {
        Some(files) => {
            let paths = (0..files.len()).map(|index| numbered(&path, index, files.len()));
            files
                .iter()
                .zip(paths)
                .map(|(file, path)| copy(step, &file.path, path, wanted))
                .collect::<Result<_, _>>()?
        }
        None => write_frames(step, &path, wanted.unwrap_or(Format::Png))?,
    };
    Ok(StepOutput { written, ..StepOutput::default() })
}

/// The decoded file, or the frames as bytes.
pub(super) fn bytes(step: &Step<'_>) -> Result<u64, StepError> {
    match source_files(step) {
        Some(files) => {
            let sizes = files.iter().filter_map(|file| files::read_header(step.root, &file.path, step.limits).ok());
            Ok(sizes.map(|header| decoded_bytes(&header)).max().unwrap_or(0))
        }
        None => Ok(step.inputs.value("images")?.pixel_bytes() / 2),
    }
}

fn source_files<'a>(step: &'a Step<'_>) -> Option<&'a Vec<crate::graph::BoundFile>> {
    step.files.get("images")
}

/// None: as the source is.
fn wanted_format(step: &Step<'_>, path: &str, quality: u8) -> Result<Option<Format>, NodeError> {
    let given = step.inputs.get("format").map(|_| step.inputs.string("format")).transpose()?;
    if let Some(name) = given.filter(|name| !name.is_empty()) {
        let choices = "png, jpeg, webp, tiff".to_owned();
        return Format::from_name(&name, quality).map(Some).ok_or(NodeError::NotInList {
            input: "format".to_owned(),
            value: name,
            choices,
        });
    }
    let ending = path.rsplit('/').next().and_then(|name| name.rsplit_once('.')).map(|(_, ending)| ending);
    Ok(ending.and_then(|ending| Format::from_name(ending, quality)))
}

fn copy(step: &Step<'_>, from: &str, to: String, wanted: Option<Format>) -> Result<WrittenFile, StepError> {
    let bytes = files::read(step.root, from)?;
    let found = imagefile::header(std::io::Cursor::new(&bytes)).ok();
    let is_already = |format: Format| found.is_some_and(|header| format.is(header.format));
    // A quality that was asked for is applied, so that the file is encoded again.
    let unchanged = wanted.is_none_or(|format| is_already(format) && step.inputs.get("quality").is_none());
    let Some(format) = wanted.filter(|_| !unchanged) else {
        return Ok(WrittenFile { path: to, bytes, size: found.map_or((0, 0), |header| (header.width, header.height)) });
    };
    let texts = imagefile::metadata(&bytes);
    let texts: Vec<_> = texts.iter().map(|(key, text)| (key.as_str(), text.as_str())).collect();
    let decoded = files::read_image(step.root, from, step.limits)?;
    let image = decoded.into_image();
    let size = (image.width as u32, image.height as u32);
    let bytes = imagefile::encode(&image, 0, format, &texts)?;
    Ok(WrittenFile { path: to, bytes, size })
}

fn write_frames(step: &Step<'_>, path: &str, format: Format) -> Result<Vec<WrittenFile>, StepError> {
    let frames: Vec<(Arc<Image>, usize)> = match step.inputs.value("images")? {
        value @ (NodeValue::Image(_) | NodeValue::Mask(_) | NodeValue::List(_)) => frames_to_save(value)?,
        _ => return Err(NodeError::unfit("images", "it is neither a picture nor a file").into()),
    };
    let count = frames.len();
    frames
        .into_iter()
        .enumerate()
        .map(|(index, (image, frame))| {
            let bytes = imagefile::encode(&image, frame, format, &[])?;
            let size = (image.width as u32, image.height as u32);
            Ok(WrittenFile { path: numbered(path, index, count), bytes, size })
        })
        .collect()
}
