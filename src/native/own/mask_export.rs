//! `ComfywrightMaskExport`: a mask as one file, as a file of layers, or as frames.

use std::path::Path;

use serde_json::{Value, json};

use super::mask::{MOST_FRAMES, layers};
use crate::{
    imagefile::{
        self, AnimationFormat, EncodeError, Format, LayerMode, LayeredPicture, PictureLayer, Timing, encode_png_exact,
    },
    model::{Blend, Layer, MaskExport, MaskFile, MaskFormat},
    native::{
        NodeError,
        step::{Step, StepError, StepOutput, WrittenFile},
    },
    raster::{Image, Mask},
    vision::{self, Sheet},
};

/// What an export is made from.
pub(super) struct Material<'a> {
    /// The picture; one frame, or as many as the mask.
    pub(super) image: &'a Image,
    /// All layers in one, for each frame.
    pub(super) merged: &'a Mask,
    /// For each layer a mask for each frame, one after the other; empty where it is not needed.
    pub(super) each: &'a Mask,
    /// The layers.
    pub(super) layers: &'a [Layer],
}

/// Writes the mask to the path that the node says.
pub(super) fn run(step: &Step<'_>) -> Result<StepOutput, StepError> {
    let export = export(step)?;
    let (image, merged) = (step.inputs.image("image")?, step.inputs.mask("mask")?);
    let nothing = Mask::default();
    let each = if export.format == MaskFormat::Layered { step.inputs.mask("masks")? } else { &nothing };
    let rows = layers(step)?;
    let material = Material { image, merged, each, layers: &rows };
    Ok(StepOutput { written: files(&export, &material)?, ..StepOutput::default() })
}

/// All layers with colours and as bytes, and the file.
pub(super) fn bytes(step: &Step<'_>) -> Result<u64, StepError> {
    let merged = step.inputs.mask("mask")?;
    let each = step.inputs.get("masks").map_or(0, |masks| masks.pixel_bytes() / 4);
    Ok((merged.data.len() as u64 + each) * 4 * 6)
}

fn export(step: &Step<'_>) -> Result<MaskExport, StepError> {
    let number = |name: &str, range| step.inputs.get(name).map(|_| step.inputs.int_in(name, range)).transpose();
    let format = step.inputs.string("format")?;
    let format = serde_json::from_value(Value::from(format.as_str())).map_err(|_| NodeError::NotInList {
        input: "format".to_owned(),
        value: format,
        choices: "merged, layered, frames".to_owned(),
    })?;
    let fps = step.inputs.get("fps").map(|_| step.inputs.float_in("fps", 0.1..=100.0)).transpose()?;
    Ok(MaskExport {
        format,
        path: Some(step.inputs.string("path")?),
        bits: number("bits", 8..=16)?.map(|bits| bits as u8),
        alpha: step.inputs.bool_or("alpha", false)?,
        frames: number("frames", 1..=MOST_FRAMES)?.map(|frames| frames as u32),
        fps,
        loops: number("loops", 0..=65_535)?.map(|loops| loops as u16),
    })
}

/// The files that `export`, which has a path, writes of `material`.
pub(super) fn files(export: &MaskExport, material: &Material<'_>) -> Result<Vec<WrittenFile>, StepError> {
    let kind = export.file().map_err(|wrong| NodeError::unfit("path", format!("{}; {}", wrong.message, wrong.hint)))?;
    let Some((kind, path)) = kind.zip(export.path.as_deref()) else { return Ok(Vec::new()) };
    let writer = Writer { export, material, path };
    Ok(match kind {
        MaskFile::Png | MaskFile::Tiff | MaskFile::WebP => writer.merged(kind)?,
        MaskFile::Psd => writer.one(imagefile::encode_psd(&writer.layered()?)?),
        MaskFile::Ora => writer.one(imagefile::encode_ora(&writer.layered()?)?),
        MaskFile::TiffPages => writer.one(imagefile::encode_tiff_pages(&writer.layered()?, export.bits())?),
        MaskFile::LayerFolder => writer.layer_folder()?,
        MaskFile::Apng => writer.animation(AnimationFormat::Apng)?,
        MaskFile::Gif => writer.animation(AnimationFormat::Gif)?,
        MaskFile::AnimatedWebP => writer.animation(AnimationFormat::WebP)?,
        MaskFile::FrameFolder => writer.frame_folder()?,
    })
}

struct Writer<'a> {
    export: &'a MaskExport,
    material: &'a Material<'a>,
    path: &'a str,
}

impl Writer<'_> {
    fn size(&self) -> (u32, u32) {
        (self.material.merged.width as u32, self.material.merged.height as u32)
    }

    fn one(&self, bytes: Vec<u8>) -> Vec<WrittenFile> {
        vec![WrittenFile { path: self.path.to_owned(), bytes, size: self.size() }]
    }

    fn inside(&self, name: &str, bytes: Vec<u8>, size: (u32, u32)) -> WrittenFile {
        WrittenFile { path: format!("{}{name}", self.path), bytes, size }
    }

    /// `mask`, of one frame, as it is written: grey, or as the transparency of the picture's frame `frame`.
    fn shown(&self, mask: &[f32], frame: usize) -> Image {
        let (width, height) = (self.material.merged.width, self.material.merged.height);
        if !self.export.alpha {
            return Image { batch: 1, height, width, channels: 1, data: mask.to_vec() };
        }
        let image = self.material.image;
        let colors = image.frame(frame.min(image.batch - 1)).chunks_exact(image.channels);
        let color = |pixel: &[f32]| if pixel.len() < 3 { [pixel[0]; 3] } else { [pixel[0], pixel[1], pixel[2]] };
        let with_alpha = |(pixel, alpha): (&[f32], &f32)| {
            let [red, green, blue] = color(pixel);
            [red, green, blue, *alpha]
        };
        Image { batch: 1, height, width, channels: 4, data: colors.zip(mask).flat_map(with_alpha).collect() }
    }

    fn frames(&self) -> Image {
        let merged = self.material.merged;
        let mut frames = (0..merged.batch).map(|frame| self.shown(merged.frame(frame), frame));
        let first = frames.next().unwrap_or_default();
        frames.fold(first, |mut all, frame| {
            all.batch += 1;
            all.data.extend(frame.data);
            all
        })
    }

    fn merged(&self, kind: MaskFile) -> Result<Vec<WrittenFile>, StepError> {
        let merged = self.material.merged;
        let files = (0..merged.batch).map(|index| {
            let image = self.shown(merged.frame(index), index);
            let bytes = match kind {
                MaskFile::Tiff => imagefile::encode_tiff_page(&image, self.export.bits())?,
                MaskFile::WebP => imagefile::encode(&image, 0, Format::WebP, &[])?,
                _ => encode_png_exact(&image, 0, self.export.bits())?,
            };
            let path = crate::native::evaluate::numbered(self.path, index, merged.batch);
            Ok(WrittenFile { path, bytes, size: self.size() })
        });
        files.collect()
    }

    /// The mask of layer `index`; of an animated one at its first frame.
    fn layer_mask(&self, index: usize) -> Result<&[f32], NodeError> {
        let Material { each, layers, .. } = self.material;
        let frames = each.batch / layers.len().max(1);
        if frames == 0 || each.frame_len() == 0 {
            return Err(NodeError::unfit("masks", "it has not a mask for each layer"));
        }
        Ok(each.frame(index * frames))
    }

    /// The layers as a picture that, put together, is the mask: grey on black, and what blends as `normal` does is
    /// a screen of both. With `alpha`, the parts of the picture, one over the other.
    fn layered(&self) -> Result<LayeredPicture, StepError> {
        let mut layers = Vec::new();
        if !self.export.alpha {
            let merged = self.material.merged;
            let black = Image { batch: 1, height: merged.height, width: merged.width, channels: 1, data: vec![] };
            let image = Image { data: vec![0.0; black.frame_len()], ..black };
            layers.push(PictureLayer { name: "background".to_owned(), image, opacity: 1.0, mode: LayerMode::Normal });
        }
        for (index, layer) in self.material.layers.iter().enumerate() {
            let mode = match (self.export.alpha, index) {
                (true, _) => LayerMode::Normal,
                // The lowest counts as it is, whatever it says.
                (false, 0) => LayerMode::Screen,
                (false, _) => mode(layer.blend),
            };
            layers.push(PictureLayer {
                name: layer.name.clone(),
                image: self.shown(self.layer_mask(index)?, 0),
                opacity: layer.pose(0).opacity as f32,
                mode,
            });
        }
        let merged = if self.export.alpha { self.pile(&layers) } else { self.shown(self.material.merged.frame(0), 0) };
        Ok(LayeredPicture { layers, merged })
    }

    /// The parts of the picture one over the other: it is where any of them is.
    fn pile(&self, layers: &[PictureLayer]) -> Image {
        let alphas: Vec<Vec<f32>> =
            layers.iter().map(|layer| layer.image.data.iter().skip(3).step_by(4).copied().collect()).collect();
        let stack: Vec<Sheet<'_>> = layers
            .iter()
            .zip(&alphas)
            .map(|(layer, alpha)| Sheet { values: alpha, mode: vision::BlendMode::Normal, opacity: layer.opacity })
            .collect();
        self.shown(&vision::compose(&stack), 0)
    }

    fn layer_folder(&self) -> Result<Vec<WrittenFile>, StepError> {
        let (mut files, mut rows) = (Vec::new(), Vec::new());
        for (index, layer) in self.material.layers.iter().enumerate() {
            let name = format!("{index:02}-{}.png", layer.name);
            let image = self.shown(self.layer_mask(index)?, 0);
            files.push(self.inside(&name, encode_png_exact(&image, 0, self.export.bits())?, self.size()));
            let opacity = layer.pose(0).opacity;
            rows.push(json!({ "name": layer.name, "file": name, "blend": layer.blend, "opacity": opacity }));
        }
        let merged = self.shown(self.material.merged.frame(0), 0);
        files.push(self.inside("merged.png", encode_png_exact(&merged, 0, self.export.bits())?, self.size()));
        let (width, height) = self.size();
        let list = json!({ "format": 1, "width": width, "height": height, "merged": "merged.png", "layers": rows });
        files.push(self.list(&list));
        Ok(files)
    }

    fn frame_folder(&self) -> Result<Vec<WrittenFile>, StepError> {
        let merged = self.material.merged;
        let (mut files, mut rows) = (Vec::new(), Vec::new());
        for index in 0..merged.batch {
            let name = format!("{index:05}.png");
            let image = self.shown(merged.frame(index), index);
            files.push(self.inside(&name, encode_png_exact(&image, 0, self.export.bits())?, self.size()));
            rows.push(Value::from(name));
        }
        let ((width, height), fps) = (self.size(), self.export.fps());
        let list = json!({
            "format": 1, "width": width, "height": height, "fps": fps, "loops": self.export.loops.unwrap_or(0),
            "frames": rows,
        });
        files.push(self.list(&list));
        Ok(files)
    }

    fn list(&self, list: &Value) -> WrittenFile {
        self.inside("manifest.json", format!("{list:#}\n").into_bytes(), (0, 0))
    }

    fn animation(&self, format: AnimationFormat) -> Result<Vec<WrittenFile>, EncodeError> {
        let timing = Timing { fps: self.export.fps(), loops: self.export.loops.unwrap_or(0) };
        Ok(self.one(imagefile::encode_animation(&self.frames(), format, timing)?))
    }
}

/// On black, where nothing is transparent: `normal` is a screen of both.
fn mode(blend: Blend) -> LayerMode {
    match blend {
        Blend::Normal => LayerMode::Screen,
        Blend::Add => LayerMode::Add,
        Blend::Subtract => LayerMode::Subtract,
        Blend::Multiply => LayerMode::Multiply,
        Blend::Intersect | Blend::Min => LayerMode::Darken,
        Blend::Max => LayerMode::Lighten,
        Blend::Difference => LayerMode::Difference,
    }
}

/// The files of `export` whose paths are those of a folder: for callers that have no graph.
pub fn mask_files(
    export: &MaskExport,
    folder: &Path,
    image: &Image,
    drawn: &super::DrawnMask,
    layers: &[Layer],
) -> Result<Vec<(std::path::PathBuf, Vec<u8>)>, StepError> {
    let mut each = Mask { batch: 0, data: Vec::new(), ..drawn.merged };
    for mask in &drawn.layers {
        each.batch += mask.batch;
        each.data.extend_from_slice(&mask.data);
    }
    let material = Material { image, merged: &drawn.merged, each: &each, layers };
    let written = files(export, &material)?;
    Ok(written.into_iter().map(|file| (folder.join(file.path), file.bytes)).collect())
}
