//! `composite`: a foreground on a background.

use serde_json::Value;

use super::{
    Builder, LowerError, Picture,
    image::{empty, place, scale},
    settings::{as_number, color},
};
use crate::graph::Input;

const ANCHORS: [&str; 9] =
    ["center", "top", "bottom", "left", "right", "top-left", "top-right", "bottom-left", "bottom-right"];
const BLENDS: [&str; 6] = ["normal", "multiply", "screen", "overlay", "soft_light", "difference"];

/// Where the foreground comes to stand: its size after scaling, the part of it that is on the
/// canvas, and the place of that part.
struct Placement {
    size: (i64, i64),
    crop: (i64, i64),
    visible: (i64, i64),
    at: (i64, i64),
}

pub(super) fn composite(builder: &mut Builder<'_>, foreground: &Picture) -> Result<(), LowerError> {
    let own_size = (i64::from(foreground.file.width), i64::from(foreground.file.height));
    let (background, canvas) = background(builder, own_size)?;
    let placement = placement(builder, own_size, canvas)?;
    let mut mask = builder.mask_input("mask")?;
    if foreground.file.alpha {
        let alpha = builder.node("alpha", "InvertMask", [("mask", foreground.transparency.clone())]);
        mask = Some(match mask {
            None => alpha,
            Some(mask) => both(builder, alpha, mask),
        });
    }
    let mut source = foreground.image.clone();
    if placement.size != own_size {
        source = scale(builder, source, "lanczos", placement.size.0, placement.size.1, "disabled");
    }
    if placement.visible != placement.size {
        (source, mask) = cut(builder, source, mask, &placement);
    }
    let blend = builder.settings.choice("blend", &BLENDS)?;
    if blend != "normal" {
        source = blended(builder, background.clone(), source, &placement, blend);
    }
    let image = place(builder, background, source, placement.at, mask);
    builder.save("image", image);
    Ok(())
}

/// The background and its size: a picture, a colour, or a gradient of the foreground's size.
fn background(builder: &mut Builder<'_>, size: (i64, i64)) -> Result<(Input, (i64, i64)), LowerError> {
    match builder.input.with.get("bg") {
        Some(Value::Object(gradient)) => {
            let part = |key: &str| {
                let text = gradient.get(key).and_then(Value::as_str);
                text.ok_or_else(|| LowerError::at("missing-input", "bg", format!("a gradient says `{key}`")))
            };
            let (from, to) = (color("bg", part("from")?)?, color("bg", part("to")?)?);
            let angle = gradient.get("angle").map_or(Ok(90.0), |v| as_number("bg", v))?;
            Ok((gradient_image(builder, from, to, angle, size)?, size))
        }
        Some(Value::String(text)) if text.starts_with('#') => {
            let canvas = empty(builder, size.0, size.1, color("bg", text)?);
            Ok((canvas, size))
        }
        _ if builder.input.files.contains_key("bg") || builder.input.with.contains_key("bg") => {
            let file = builder.one_file("bg")?;
            let picture = builder.load(file);
            Ok((picture.image, (i64::from(picture.file.width), i64::from(picture.file.height))))
        }
        _ => Err(LowerError::new("missing-input", "a composite task says `bg`")
            .hint("a link, a colour such as \"#f4f4f4\", or a gradient { from = \"#fff\", to = \"#ccc\" }")),
    }
}

/// A linear gradient from nodes that ComfyUI has: two pixels, scaled bilinearly to twice the
/// length, whose middle half runs exactly from one colour to the other.
fn gradient_image(
    builder: &mut Builder<'_>,
    from: u32,
    to: u32,
    angle: f64,
    (width, height): (i64, i64),
) -> Result<Input, LowerError> {
    let quarter = (angle / 90.0).rem_euclid(4.0);
    if quarter.fract() != 0.0 {
        return Err(LowerError::at("out-of-range", "bg", "the angle of a gradient is a multiple of 90 degrees"));
    }
    let vertical = quarter as i64 % 2 == 1;
    let (first, second) = if quarter >= 2.0 { (to, from) } else { (from, to) };
    let (pair, offset) = if vertical { ((1, 2), (0, 1)) } else { ((2, 1), (1, 0)) };
    let canvas = empty(builder, pair.0, pair.1, first);
    let pixel = empty(builder, 1, 1, second);
    let two = place(builder, canvas, pixel, offset, None);
    let (long, corner) =
        if vertical { ((width, height * 2), (0, height / 2)) } else { ((width * 2, height), (width / 2, 0)) };
    let ramp = scale(builder, two, "bilinear", long.0, long.1, "disabled");
    Ok(crop(builder, ramp, (width, height), corner))
}

fn crop(builder: &mut Builder<'_>, image: Input, size: (i64, i64), corner: (i64, i64)) -> Input {
    builder.node("crop", "ImageCrop", crop_inputs("image", image, size, corner))
}

fn crop_inputs(name: &'static str, what: Input, size: (i64, i64), corner: (i64, i64)) -> [(&'static str, Input); 5] {
    [
        (name, what),
        ("width", Input::value(size.0)),
        ("height", Input::value(size.1)),
        ("x", Input::value(corner.0)),
        ("y", Input::value(corner.1)),
    ]
}

fn placement(builder: &Builder<'_>, own: (i64, i64), canvas: (i64, i64)) -> Result<Placement, LowerError> {
    let settings = builder.settings;
    let factor = settings.number("scale")?.unwrap_or(1.0);
    let scaled = |side: i64| ((side as f64 * factor).round() as i64).max(1);
    let size = (scaled(own.0), scaled(own.1));
    let anchor = settings.choice("anchor", &ANCHORS)?;
    let along = |low: &str, high: &str, room: i64| match anchor {
        a if a.contains(low) => 0,
        a if a.contains(high) => room,
        _ => room.div_euclid(2),
    };
    let offset = match settings.get("offset") {
        None => (0.0, 0.0),
        Some(Value::Array(pair)) if pair.len() == 2 => (as_number("offset", &pair[0])?, as_number("offset", &pair[1])?),
        Some(_) => return Err(LowerError::at("wrong-type", "offset", "`offset` is two numbers: [right, down]")),
    };
    let corner = (
        along("left", "right", canvas.0 - size.0) + offset.0.round() as i64,
        along("top", "bottom", canvas.1 - size.1) + offset.1.round() as i64,
    );
    let crop = ((-corner.0).max(0), (-corner.1).max(0));
    let at = (corner.0.max(0), corner.1.max(0));
    let visible = ((size.0 - crop.0).min(canvas.0 - at.0), (size.1 - crop.1).min(canvas.1 - at.1));
    if visible.0 <= 0 || visible.1 <= 0 {
        return Err(LowerError::at("out-of-range", "offset", "the foreground lies outside the background"));
    }
    Ok(Placement { size, crop, visible, at })
}

/// The visible part of the foreground and of its mask.
fn cut(builder: &mut Builder<'_>, source: Input, mask: Option<Input>, to: &Placement) -> (Input, Option<Input>) {
    let source = crop(builder, source, to.visible, to.crop);
    let mask = mask.map(|mask| {
        // A mask is of the foreground's own size: bring it to the scaled size first.
        let image = builder.node("mask_image", "MaskToImage", [("mask", mask)]);
        let scaled = scale(builder, image, "bilinear", to.size.0, to.size.1, "disabled");
        let inputs = [("image", scaled), ("channel", Input::value("red"))];
        let mask = builder.node("scaled_mask", "ImageToMask", inputs);
        builder.node("crop_mask", "CropMask", crop_inputs("mask", mask, to.visible, to.crop))
    });
    (source, mask)
}

/// Both masks: their product.
fn both(builder: &mut Builder<'_>, destination: Input, source: Input) -> Input {
    let inputs = [
        ("destination", destination),
        ("source", source),
        ("x", Input::value(0)),
        ("y", Input::value(0)),
        ("operation", Input::value("multiply")),
    ];
    builder.node("both", "MaskComposite", inputs)
}

/// The foreground's colours joined with those of the background behind it.
fn blended(builder: &mut Builder<'_>, background: Input, source: Input, to: &Placement, mode: &str) -> Input {
    let behind = crop(builder, background, to.visible, to.at);
    let inputs = [
        ("image1", behind),
        ("image2", source),
        ("blend_factor", Input::value(1.0)),
        ("blend_mode", Input::value(mode)),
    ];
    builder.node("blend", "ImageBlend", inputs)
}
