//! What a mask document writes: which kind of file its format and path mean, and which of its settings do not fit.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MaskExport {
    /// One mask, a mask for each layer, or a mask for each frame.
    pub format: MaskFormat,
    /// Where to write, relative to the document; without it, PNGs among the outputs of the run. The ending decides the
    /// kind of file: `merged` .png .tiff .webp; `layered` .psd .ora .tiff; `frames` .png (APNG) .gif .webp; one that
    /// ends with `/` is a folder of PNGs with a list, `manifest.json`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Bits of a sample, 8 or 16; 16 in PNG and TIFF only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = [8, 16]))]
    pub bits: Option<u8>,
    /// Writes the picture with the mask as its transparency, in place of the grey mask.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub alpha: bool,
    /// `frames`: how many; to the last keyframe without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 10_000))]
    pub frames: Option<u32>,
    /// `frames`: how many a second; 12 without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.1, max = 100.0))]
    pub fps: Option<f64>,
    /// `frames`: how often they are shown; 0, as without it, is for ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loops: Option<u16>,
}

/// Kinds of mask output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum MaskFormat {
    /// All layers in one mask.
    #[default]
    Merged,
    /// A mask for each layer.
    Layered,
    /// A mask for each frame.
    Frames,
}

/// Kinds of files that a mask is written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MaskFile {
    /// PNG, a file for each frame.
    Png,
    /// TIFF, one page.
    Tiff,
    /// Lossless WebP.
    WebP,
    /// Photoshop's format, with layers.
    Psd,
    /// `OpenRaster`, with layers.
    Ora,
    /// TIFF, a page for each layer.
    TiffPages,
    /// A folder with a PNG for each layer.
    LayerFolder,
    /// Animated PNG.
    Apng,
    /// Animated GIF.
    Gif,
    /// Animated WebP.
    AnimatedWebP,
    /// A folder with a PNG for each frame.
    FrameFolder,
}

/// Frames a second when none are given.
const DEFAULT_FPS: f64 = 12.0;

/// Why an export cannot be written as it says: the key, what is wrong, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrongExport {
    /// The key of the table `export`.
    pub key: &'static str,
    /// One sentence.
    pub message: String,
    /// What to do about it.
    pub hint: String,
}

impl MaskExport {
    /// Frames a second.
    pub fn fps(&self) -> f64 {
        self.fps.unwrap_or(DEFAULT_FPS)
    }

    /// Bits of a sample.
    pub fn bits(&self) -> u8 {
        self.bits.unwrap_or(8)
    }

    /// The kind of file that format and path mean; none without a path.
    pub fn file(&self) -> Result<Option<MaskFile>, WrongExport> {
        let Some(path) = &self.path else { return Ok(None) };
        let name = path.rsplit('/').next().unwrap_or_default();
        let ending = name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
        let (found, known) = match self.format {
            MaskFormat::Merged => (merged_file(ending.as_deref()), ".png, .tiff or .webp"),
            MaskFormat::Layered if name.is_empty() => (Some(MaskFile::LayerFolder), ""),
            MaskFormat::Layered => {
                (layered_file(ending.as_deref()), ".psd, .ora or .tiff, or a folder that ends with /")
            }
            MaskFormat::Frames if name.is_empty() => (Some(MaskFile::FrameFolder), ""),
            MaskFormat::Frames => (frames_file(ending.as_deref()), ".png, .gif or .webp, or a folder that ends with /"),
        };
        found.map(Some).ok_or_else(|| WrongExport {
            key: "path",
            message: format!("a mask of format \"{}\" cannot be written to {path:?}", self.format.name()),
            hint: format!("end it with {known}"),
        })
    }

    /// What contradicts itself, beside the ending of the path.
    pub fn contradictions(&self) -> Vec<WrongExport> {
        let mut found = Vec::new();
        let mut wrong = |key, message: String, hint: &str| {
            found.push(WrongExport { key, message, hint: hint.to_owned() });
        };
        if self.format != MaskFormat::Frames {
            let timing =
                [("frames", self.frames.is_some()), ("fps", self.fps.is_some()), ("loops", self.loops.is_some())];
            for (key, _) in timing.into_iter().filter(|(_, given)| *given) {
                let message = format!("`{key}` is for frames, and the format is \"{}\"", self.format.name());
                wrong(key, message, "write format = \"frames\", or leave it out");
            }
        }
        if !matches!(self.bits(), 8 | 16) {
            wrong("bits", format!("a sample has 8 or 16 bits, not {}", self.bits()), "write 8 or 16");
        }
        let file = self.file().ok().flatten();
        let deep = matches!(
            file,
            Some(MaskFile::Png | MaskFile::Tiff | MaskFile::TiffPages | MaskFile::LayerFolder | MaskFile::FrameFolder)
        );
        if self.bits() == 16 && file.is_some() && !deep {
            wrong("bits", "this kind of file is written with 8 bits".to_owned(), "leave it out, or write PNG or TIFF");
        }
        if self.path.is_none() {
            for (key, _) in [("bits", self.bits.is_some()), ("alpha", self.alpha), ("fps", self.fps.is_some())]
                .into_iter()
                .filter(|(_, given)| *given)
            {
                wrong(key, format!("`{key}` is about a file, and no `path` says where it is"), "add a path");
            }
        }
        found
    }
}

impl MaskFormat {
    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::Merged => "merged",
            Self::Layered => "layered",
            Self::Frames => "frames",
        }
    }
}

fn merged_file(ending: Option<&str>) -> Option<MaskFile> {
    match ending? {
        "png" => Some(MaskFile::Png),
        "tif" | "tiff" => Some(MaskFile::Tiff),
        "webp" => Some(MaskFile::WebP),
        _ => None,
    }
}

fn layered_file(ending: Option<&str>) -> Option<MaskFile> {
    match ending? {
        "psd" => Some(MaskFile::Psd),
        "ora" => Some(MaskFile::Ora),
        "tif" | "tiff" => Some(MaskFile::TiffPages),
        _ => None,
    }
}

fn frames_file(ending: Option<&str>) -> Option<MaskFile> {
    match ending? {
        "png" | "apng" => Some(MaskFile::Apng),
        "gif" => Some(MaskFile::Gif),
        "webp" => Some(MaskFile::AnimatedWebP),
        _ => None,
    }
}
