//! One layer of a mask: its source where its keyframes put it, then threshold, grow, feather and invert.

use super::{
    contact_sheet::parse_color,
    mask_things::{of_hints, of_words},
};
use crate::{
    imagefile::Decoded,
    model::{Layer, Pose, Shape, ShapeType},
    native::{
        NodeError, files,
        step::{Step, StepError},
    },
    raster::{self, Image, Mask, ResizeMethod},
    vision::{self, Outline, Placement},
};

/// Tolerance of a colour when none is given: 8 of 255 steps.
const DEFAULT_TOLERANCE: f64 = 8.0 / 255.0;

/// What a layer is made from.
enum Origin {
    /// A shape, drawn anew wherever it is.
    Outline(Outline),
    /// A mask for each frame of the image.
    Mask(Mask),
}

/// A layer that is drawn frame by frame. What does not change from one frame to the next is not drawn again.
pub(super) struct Artist<'a> {
    layer: &'a Layer,
    origin: Origin,
    size: (usize, usize),
    /// Frame of the origin, and what the layer is like: what the values below were drawn by.
    drawn: Option<(usize, Pose)>,
    mask: Mask,
    opacity: f32,
}

impl<'a> Artist<'a> {
    /// The layer for the frames of `image`, whose numbers are within their ranges.
    pub(super) fn new(step: &Step<'_>, image: &Image, layer: &'a Layer) -> Result<Self, StepError> {
        check_numbers(layer)?;
        let (origin, size) = (origin(step, image, layer)?, (image.width, image.height));
        Ok(Self { layer, origin, size, drawn: None, mask: Mask::default(), opacity: 1.0 })
    }

    /// Draws frame `frame`; an image with fewer frames stays at its last one.
    pub(super) fn go_to(&mut self, frame: u32) {
        let pose = self.layer.pose(frame);
        self.opacity = pose.opacity as f32;
        let index = match &self.origin {
            Origin::Outline(_) => 0,
            Origin::Mask(mask) => (frame as usize).min(mask.batch.saturating_sub(1)),
        };
        // The weight is not drawn.
        let pose = Pose { opacity: 1.0, ..pose };
        if self.drawn != Some((index, pose)) {
            self.mask = self.draw(index, &pose);
            self.drawn = Some((index, pose));
        }
    }

    fn draw(&mut self, index: usize, pose: &Pose) -> Mask {
        let placement = Placement { x: pose.x, y: pose.y, scale: pose.scale };
        let mask = match &mut self.origin {
            Origin::Outline(outline) => vision::draw_outline(&outline.placed(placement), self.size.0, self.size.1),
            // It is drawn once.
            Origin::Mask(mask) if mask.batch == 1 && self.layer.keyframes.is_empty() => {
                vision::place(std::mem::take(mask), placement)
            }
            Origin::Mask(mask) => {
                vision::place(Mask { batch: 1, data: mask.frame(index).to_vec(), ..*mask }, placement)
            }
        };
        changed(mask, self.layer, pose)
    }

    /// The layer.
    pub(super) fn layer(&self) -> &Layer {
        self.layer
    }

    /// The values of the frame that was drawn last.
    pub(super) fn values(&self) -> &[f32] {
        &self.mask.data
    }

    /// The weight at that frame.
    pub(super) fn opacity(&self) -> f32 {
        self.opacity
    }
}

/// `mask` with the threshold, the growth and the edge of `layer` at its first frame, swapped where it says so.
pub fn finished(mask: Mask, layer: &Layer) -> Result<Mask, NodeError> {
    check_numbers(layer)?;
    Ok(changed(mask, layer, &layer.pose(0)))
}

fn changed(mut mask: Mask, layer: &Layer, pose: &Pose) -> Mask {
    if let Some(threshold) = layer.threshold {
        let threshold = threshold as f32;
        mask.data.iter_mut().for_each(|value| *value = if *value >= threshold { 1.0 } else { 0.0 });
    }
    if pose.grow != 0 {
        mask = vision::grow(&mask, pose.grow);
    }
    if pose.feather > 0.0 {
        mask = vision::feather(&mask, pose.feather);
    }
    if layer.invert {
        mask.data.iter_mut().for_each(|value| *value = 1.0 - *value);
    }
    mask
}

/// Checks what the schema says of documents: layers also come from tasks and graphs.
fn check_numbers(layer: &Layer) -> Result<(), NodeError> {
    fraction(layer, "opacity", layer.opacity.unwrap_or(1.0))?;
    fraction(layer, "threshold", layer.threshold.unwrap_or(0.0))?;
    if layer.keyframes.windows(2).any(|pair| pair[0].frame >= pair[1].frame) {
        return Err(unfit(layer, "its keyframes are not in the order of their frames"));
    }
    for keyframe in std::iter::once(None).chain(layer.keyframes.iter().map(Some)) {
        let feather = keyframe.map_or(layer.feather, |keyframe| keyframe.feather).unwrap_or(0.0);
        if !(0.0..=1024.0).contains(&feather) {
            return Err(unfit(layer, &format!("feather is {feather}; it must be 0 to 1024")));
        }
        let Some(keyframe) = keyframe else { continue };
        fraction(layer, "opacity", keyframe.opacity.unwrap_or(1.0))?;
        let scale = keyframe.scale.unwrap_or(1.0);
        if !(0.001..=1000.0).contains(&scale) {
            return Err(unfit(layer, &format!("scale is {scale}; it must be 0.001 to 1000")));
        }
        for (name, value) in [("x", keyframe.x), ("y", keyframe.y)] {
            let value = value.unwrap_or(0.0);
            if !(-100.0..=100.0).contains(&value) {
                return Err(unfit(layer, &format!("{name} is {value}; it must be -100 to 100")));
            }
        }
    }
    Ok(())
}

pub(super) fn unfit(layer: &Layer, reason: &str) -> NodeError {
    NodeError::unfit("layers", format!("layer `{}`: {reason}", layer.name))
}

/// A number that must be 0 to 1.
pub(super) fn fraction(layer: &Layer, key: &str, value: f64) -> Result<f64, NodeError> {
    if (0.0..=1.0).contains(&value) {
        Ok(value)
    } else {
        Err(unfit(layer, &format!("{key} is {value}; it must be 0 to 1")))
    }
}

fn origin(step: &Step<'_>, image: &Image, layer: &Layer) -> Result<Origin, StepError> {
    let sources = [
        ("semantic", layer.semantic.is_some()),
        ("points", !layer.points.is_empty()),
        ("box", !layer.bounds.is_empty()),
        ("salient", layer.salient.is_some()),
        ("color", layer.color.is_some()),
        ("shape", layer.shape.is_some()),
        ("file", layer.file.is_some()),
    ];
    let given: Vec<&str> = sources.iter().filter(|(_, given)| *given).map(|(name, _)| *name).collect();
    match given[..] {
        ["shape"] => {
            let shape = layer.shape.as_ref().ok_or_else(|| unfit(layer, "it has no shape"))?;
            Ok(Origin::Outline(outline(layer, shape)?))
        }
        ["semantic"] => of_words(step, image, layer).map(Origin::Mask),
        ["points" | "box"] => of_hints(step, image, layer).map(Origin::Mask),
        [_] => own_source(step, image, layer).map(Origin::Mask),
        [] => {
            Err(unfit(layer, "it has no source; give it one of semantic, salient, points, box, color, shape, file")
                .into())
        }
        _ => Err(unfit(layer, &format!("it has several sources ({}); keep one", given.join(", "))).into()),
    }
}

fn own_source(step: &Step<'_>, image: &Image, layer: &Layer) -> Result<Mask, StepError> {
    if let Some(salient) = &layer.salient {
        let name = salient.as_str().ok_or_else(|| unfit(layer, "`salient` is the name of a model"))?;
        return Ok(step.models.salient(name, image, true)?);
    }
    if let Some(color) = &layer.color {
        let rgb = parse_color(color)
            .ok_or_else(|| unfit(layer, &format!("{color:?} is not a colour such as \"#ffcc00\"")))?;
        let tolerance = fraction(layer, "tolerance", layer.tolerance.unwrap_or(DEFAULT_TOLERANCE))?;
        return Ok(vision::near_color(image, rgb.map(|v| f32::from(v) / 255.0), tolerance as f32));
    }
    // A bound layer names its file by position among the files of the node.
    let position = layer.file.as_deref().and_then(|text| text.parse::<usize>().ok());
    let bound = position.and_then(|at| step.files.get("files")?.get(at));
    let path = bound.map_or_else(|| layer.file.clone().unwrap_or_default(), |file| file.path.clone());
    let decoded = files::read_image(step.root, &path, step.limits)?;
    from_file(decoded, image).map_err(|reason| unfit(layer, &reason).into())
}

/// The alpha of a file where it has one, else its luminance, stretched to the image.
fn from_file(decoded: Decoded, image: &Image) -> Result<Mask, String> {
    let mut mask = match decoded.mask {
        Some(mask) => Mask { data: mask.data.iter().map(|value| 1.0 - value).collect(), ..mask },
        None => vision::luminance(&decoded.image),
    };
    mask.data.truncate(mask.width * mask.height);
    mask.batch = 1;
    if (mask.width, mask.height) != (image.width, image.height) {
        let smaller = image.width <= mask.width && image.height <= mask.height;
        let method = if smaller { ResizeMethod::Area } else { ResizeMethod::Bilinear };
        mask = raster::resize_mask(mask, image.width, image.height, method).map_err(|error| error.to_string())?;
    }
    Ok(mask)
}

/// The outline of a shape; without x, y, width, height it fills the picture.
fn outline(layer: &Layer, shape: &Shape) -> Result<Outline, NodeError> {
    let (x, y) = (shape.x.unwrap_or(0.0), shape.y.unwrap_or(0.0));
    let bounds = [x, y, shape.width.unwrap_or(1.0 - x), shape.height.unwrap_or(1.0 - y)];
    let numbers = bounds.iter().chain(shape.points.iter().flatten()).chain(&shape.radius);
    if numbers.clone().any(|number| !number.is_finite() || number.abs() > 1e6) {
        return Err(unfit(layer, "a number of the shape is out of range"));
    }
    match shape.kind {
        ShapeType::Polygon if shape.points.len() < 3 => Err(unfit(layer, "a polygon needs at least 3 points")),
        ShapeType::Polygon => Ok(Outline::Polygon(shape.points.clone())),
        _ if bounds[2] <= 0.0 || bounds[3] <= 0.0 => Err(unfit(layer, "the shape has no width or no height")),
        ShapeType::Rectangle => Ok(Outline::Rectangle(bounds, shape.radius.unwrap_or(0.0))),
        ShapeType::Ellipse => Ok(Outline::Ellipse(bounds)),
    }
}
