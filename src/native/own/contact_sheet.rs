//! `ComfywrightContactSheet`: pictures of any sizes on one sheet, with the keys of their items.

use std::sync::Arc;

use crate::{
    draw::{Color, Picture, SheetLayout, SheetOptions, layout_sheet, paint_frame, paint_picture},
    native::{
        NodeError, NodeValue,
        files::{self, frames_to_save},
        step::{Step, StepError, StepOutput, decoded_bytes},
    },
    raster::{self, Image, ResizeMethod},
};

/// What stands under the pictures.
enum Labels {
    /// The keys of the items.
    Keys,
    /// Nothing.
    None,
    /// These, one for each picture; a single one under every picture.
    Texts(Vec<String>),
}

/// Puts `images` (files, an IMAGE, or a list of IMAGEs) on one sheet: an IMAGE.
pub(super) fn run(step: &Step<'_>) -> Result<StepOutput, StepError> {
    let options = options(step)?;
    let labels = labels(step)?;
    let image = if let Some(files) = step.files.get("images") {
        let layout = laid_out(&file_pictures(step, &labels)?, &options)?;
        // One file after the other: only one is in memory.
        paint(&layout, &options, |index| {
            let decoded = files::read_image(step.root, &files[index].path, step.limits)?;
            Ok((Arc::new(decoded.into_image()), 0))
        })?
    } else {
        let frames = frames_to_save(step.inputs.value("images")?)?;
        let layout = laid_out(&frame_pictures(&frames, &labels), &options)?;
        paint(&layout, &options, |index| Ok(frames[index].clone()))?
    };
    Ok(vec![image.into()].into())
}

/// The sheet as bytes and in `f32`, and the largest picture.
pub(super) fn bytes(step: &Step<'_>) -> Result<u64, StepError> {
    let options = options(step)?;
    let (layout, largest) = if let Some(files) = step.files.get("images") {
        let headers = files.iter().map(|file| files::read_header(step.root, &file.path, step.limits));
        let headers = headers.collect::<Result<Vec<_>, _>>()?;
        let largest = headers.iter().map(|header| 2 * decoded_bytes(header)).max().unwrap_or(0);
        (laid_out(&file_pictures(step, &Labels::None)?, &options)?, largest)
    } else {
        let frames = frames_to_save(step.inputs.value("images")?)?;
        (laid_out(&frame_pictures(&frames, &Labels::None), &options)?, 0)
    };
    Ok((layout.width * layout.height) as u64 * 15 + largest)
}

fn file_pictures(step: &Step<'_>, labels: &Labels) -> Result<Vec<Picture>, StepError> {
    let files = step.files.get("images").map(Vec::as_slice).unwrap_or_default();
    files
        .iter()
        .enumerate()
        .map(|(index, file)| {
            let header = files::read_header(step.root, &file.path, step.limits)?;
            let label = label(labels, index, &file.label);
            Ok(Picture { width: header.width as usize, height: header.height as usize, label })
        })
        .collect()
}

fn frame_pictures(frames: &[Frame], labels: &Labels) -> Vec<Picture> {
    let picture = |(index, (image, _)): (usize, &Frame)| Picture {
        width: image.width,
        height: image.height,
        label: label(labels, index, ""),
    };
    frames.iter().enumerate().map(picture).collect()
}

fn laid_out(pictures: &[Picture], options: &SheetOptions) -> Result<SheetLayout, NodeError> {
    if pictures.is_empty() {
        return Err(NodeError::unfit("images", "there is no picture to put on the sheet"));
    }
    layout_sheet(pictures, options).map_err(|error| {
        NodeError::unfit("cell", format!("the sheet would be {} x {} pixels", error.width, error.height))
    })
}

type Frame = (Arc<Image>, usize);

fn paint(
    layout: &SheetLayout,
    options: &SheetOptions,
    picture: impl Fn(usize) -> Result<Frame, StepError>,
) -> Result<Image, StepError> {
    let mut canvas = paint_frame(layout, options);
    for (index, rect) in layout.pictures.iter().enumerate() {
        let (image, frame) = picture(index)?;
        let single = raster::select(&image, frame, 1);
        let method = if (rect.width, rect.height) == (single.width, single.height) {
            ResizeMethod::NearestExact
        } else {
            ResizeMethod::Lanczos
        };
        let scaled = raster::resize(&single, rect.width, rect.height, method)
            .map_err(|error| NodeError::unfit("images", error.to_string()))?;
        paint_picture(&mut canvas, layout, index, &scaled, 0);
    }
    Ok(canvas.into_image())
}

fn options(step: &Step<'_>) -> Result<SheetOptions, NodeError> {
    let inputs = &step.inputs;
    // Null and 0 are what a caller gives who wants the default.
    let number = |name: &str, largest: i64| match inputs.get(name) {
        None | Some(NodeValue::Json(serde_json::Value::Null)) => Ok(None),
        Some(_) => inputs.size_in(name, 0..=largest).map(|value| Some(value).filter(|value| *value > 0)),
    };
    let text =
        |name: &str| inputs.get(name).map(|_| inputs.string(name)).transpose().map(|t| t.filter(|t| !t.is_empty()));
    let standard = SheetOptions::default();
    Ok(SheetOptions {
        columns: number("columns", 1000)?,
        cell: number("cell", 4096)?,
        title: text("title")?,
        background: text("background")?.map_or(Ok(standard.background), |value| color("background", &value))?,
    })
}

fn color(input: &str, text: &str) -> Result<Color, NodeError> {
    parse_color(text).ok_or_else(|| NodeError::unfit(input, format!("{text:?} is not a colour such as \"#ffcc00\"")))
}

/// `#rgb`, `#rrggbb` or `#rrggbbaa` (whose alpha is left out).
pub(super) fn parse_color(text: &str) -> Option<Color> {
    let digits = text.strip_prefix('#').unwrap_or(text);
    if !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let byte = |at: usize, length: usize| u8::from_str_radix(&digits[at * length..(at + 1) * length], 16).ok();
    match digits.len() {
        3 => Some([byte(0, 1)? * 17, byte(1, 1)? * 17, byte(2, 1)? * 17]),
        6 | 8 => Some([byte(0, 2)?, byte(1, 2)?, byte(2, 2)?]),
        _ => None,
    }
}

fn labels(step: &Step<'_>) -> Result<Labels, NodeError> {
    Ok(match step.inputs.get("labels") {
        None | Some(NodeValue::Bool(true) | NodeValue::Json(serde_json::Value::Null)) => Labels::Keys,
        Some(NodeValue::Bool(false)) => Labels::None,
        Some(NodeValue::List(list)) => Labels::Texts(
            list.iter()
                .map(|text| [("labels", text.clone())].into_iter().collect::<crate::native::Inputs>().string("labels"))
                .collect::<Result<_, _>>()?,
        ),
        Some(_) => Labels::Texts(vec![step.inputs.string("labels")?]),
    })
}

fn label(labels: &Labels, index: usize, keys: &str) -> String {
    match labels {
        Labels::Keys => keys.to_owned(),
        Labels::None => String::new(),
        Labels::Texts(texts) => texts.get(if texts.len() == 1 { 0 } else { index }).cloned().unwrap_or_default(),
    }
}
