//! Task types that work on one image.

use serde_json::Value;

use super::{Builder, LowerError, OutputSpec, Picture, settings::as_number};
use crate::{files::join_relative, graph::Input};

const METHODS: [&str; 5] = ["lanczos", "nearest-exact", "bilinear", "area", "bicubic"];

/// `load`: each file as it is, its alpha as a mask.
pub(super) fn load(builder: &mut Builder<'_>) -> Result<(), LowerError> {
    let key = if builder.settings.get("files").is_some() { "files" } else { "path" };
    if builder.settings.get(key).is_none() {
        return Err(LowerError::new("missing-input", "a load task says `path` or `files`")
            .hint("for example with.path = \"{photo}\" and [task.NAME.foreach] photo = { glob = \"photos/*.jpg\" }"));
    }
    for file in builder.files(key)? {
        let picture = builder.load(file);
        builder.save("image", picture.image);
        if builder.wants("mask") {
            let alpha = builder.node("alpha", "InvertMask", [("mask", picture.transparency)]);
            builder.save_mask("mask", alpha);
        }
    }
    Ok(())
}

/// `resize`: to a size, with what `fit` says about other proportions.
pub(super) fn resize(builder: &mut Builder<'_>, picture: &Picture) -> Result<(), LowerError> {
    let settings = builder.settings;
    let method = settings.choice("method", &METHODS)?;
    if let Some(megapixels) = settings.number("megapixels")? {
        let inputs = [
            ("image", picture.image.clone()),
            ("upscale_method", Input::value(method)),
            ("megapixels", Input::value(megapixels)),
        ];
        let scaled = builder.node("scale", "ImageScaleToTotalPixels", inputs);
        builder.save_like(scaled, picture);
        return Ok(());
    }
    let width = settings.integer("width", 1..=16_384)?;
    let height = settings.integer("height", 1..=16_384)?;
    let fit = settings.choice("fit", &["inside", "contain", "cover", "stretch"])?;
    let (Some(width), Some(height)) = (width, height) else {
        if width.is_none() && height.is_none() {
            return Err(LowerError::new("missing-input", "a resize task says `width`, `height` or `megapixels`"));
        }
        let scaled = scale(builder, picture.image.clone(), method, width.unwrap_or(0), height.unwrap_or(0), "disabled");
        builder.save_like(scaled, picture);
        return Ok(());
    };
    let scaled = match fit {
        "cover" => scale(builder, picture.image.clone(), method, width, height, "center"),
        "stretch" => scale(builder, picture.image.clone(), method, width, height, "disabled"),
        fit => {
            let (inner_width, inner_height) = fitted(picture, width, height, fit == "inside");
            let inner = scale(builder, picture.image.clone(), method, inner_width, inner_height, "disabled");
            if fit == "inside" { inner } else { pad(builder, inner, (inner_width, inner_height), (width, height)) }
        }
    };
    builder.save_like(scaled, picture);
    Ok(())
}

/// The largest size of the picture's proportions within `width` x `height`.
fn fitted(picture: &Picture, width: i64, height: i64, only_smaller: bool) -> (i64, i64) {
    let (w, h) = (f64::from(picture.file.width.max(1)), f64::from(picture.file.height.max(1)));
    let factor = (width as f64 / w).min(height as f64 / h);
    let factor = if only_smaller { factor.min(1.0) } else { factor };
    (((w * factor).round() as i64).max(1), ((h * factor).round() as i64).max(1))
}

fn pad(builder: &mut Builder<'_>, inner: Input, inner_size: (i64, i64), size: (i64, i64)) -> Input {
    let canvas = empty(builder, size.0, size.1, 0);
    let (x, y) = ((size.0 - inner_size.0) / 2, (size.1 - inner_size.1) / 2);
    place(builder, canvas, inner, (x, y), None)
}

/// A canvas of one colour, 0xRRGGBB.
pub(super) fn empty(builder: &mut Builder<'_>, width: i64, height: i64, color: u32) -> Input {
    let inputs = [
        ("width", Input::value(width)),
        ("height", Input::value(height)),
        ("batch_size", Input::value(1)),
        ("color", Input::value(color)),
    ];
    builder.node("canvas", "EmptyImage", inputs)
}

/// `source` on `destination` with its top left corner at `position`.
pub(super) fn place(
    builder: &mut Builder<'_>,
    destination: Input,
    source: Input,
    position: (i64, i64),
    mask: Option<Input>,
) -> Input {
    let inputs = [
        ("destination", destination),
        ("source", source),
        ("x", Input::value(position.0)),
        ("y", Input::value(position.1)),
        ("resize_source", Input::value(false)),
    ];
    builder.node("place", "ImageCompositeMasked", inputs.into_iter().chain(mask.map(|m| ("mask", m))))
}

/// `image` at another size.
pub(super) fn scale(
    builder: &mut Builder<'_>,
    image: Input,
    method: &str,
    width: i64,
    height: i64,
    crop: &str,
) -> Input {
    let inputs = [
        ("image", image),
        ("upscale_method", Input::value(method)),
        ("width", Input::value(width)),
        ("height", Input::value(height)),
        ("crop", Input::value(crop)),
    ];
    builder.node("scale", "ImageScale", inputs)
}

/// `adjust`: sharpen, blur, invert, quantize, in this order.
pub(super) fn adjust(builder: &mut Builder<'_>, picture: &Picture) -> Result<(), LowerError> {
    let mut image = picture.image.clone();
    let settings = builder.settings;
    if let Some(given) = settings.get("sharpen").filter(|v| **v != Value::Bool(false)) {
        let amount = part("sharpen", given, "amount", 0.5)?;
        image = sharpen(
            builder,
            image,
            part("sharpen", given, "radius", 1.0)?,
            part("sharpen", given, "sigma", 1.0)?,
            amount,
        );
    }
    if let Some(given) = settings.get("blur").filter(|v| **v != Value::Bool(false)) {
        let radius = part("blur", given, "radius", 1.0)?;
        let sigma = if given.is_object() {
            part("blur", given, "sigma", (radius / 2.0).max(1.0))?
        } else {
            (radius / 2.0).clamp(1.0, 10.0)
        };
        let inputs = [("image", image), ("blur_radius", Input::value(radius as i64)), ("sigma", Input::value(sigma))];
        image = builder.node("blur", "ImageBlur", inputs);
    }
    if settings.flag("invert")? {
        image = builder.node("invert", "ImageInvert", [("image", image)]);
    }
    if let Some(given) = settings.get("quantize") {
        let colors = part("quantize", given, "colors", 256.0)?;
        let dither = given.get("dither").and_then(Value::as_str).unwrap_or("none");
        let inputs = [("image", image), ("colors", Input::value(colors as i64)), ("dither", Input::value(dither))];
        image = builder.node("quantize", "ImageQuantize", inputs);
    }
    builder.save_like(image, picture);
    Ok(())
}

/// One number of a setting that is true, a number (its main part), or a table. The main part of
/// `sharpen` is its amount, of `blur` its radius, of `quantize` its number of colours.
fn part(key: &str, given: &Value, name: &str, default: f64) -> Result<f64, LowerError> {
    let main = match key {
        "sharpen" => "amount",
        "blur" => "radius",
        _ => "colors",
    };
    match given {
        Value::Object(table) => table.get(name).map_or(Ok(default), |v| as_number(key, v)),
        Value::Bool(_) => Ok(default),
        number if name == main => as_number(key, number),
        _ => Ok(default),
    }
}

fn sharpen(builder: &mut Builder<'_>, image: Input, radius: f64, sigma: f64, amount: f64) -> Input {
    let inputs = [
        ("image", image),
        ("sharpen_radius", Input::value(radius as i64)),
        ("sigma", Input::value(sigma)),
        ("alpha", Input::value(amount)),
    ];
    builder.node("sharpen", "ImageSharpen", inputs)
}

/// `upscale`: by a filter, or by a model of the server.
pub(super) fn upscale(builder: &mut Builder<'_>, picture: &Picture) -> Result<(), LowerError> {
    let method = builder.settings.choice("method", &METHODS)?;
    let factor = builder.settings.number("scale")?;
    let scaled = if let Some(model) = builder.settings.text("model") {
        let loader = builder.node("upscale_model", "UpscaleModelLoader", [("model_name", Input::value(model))]);
        let large = builder.node(
            "upscale",
            "ImageUpscaleWithModel",
            [("upscale_model", loader), ("image", picture.image.clone())],
        );
        match factor {
            Some(factor) => {
                let side = |pixels: u32| (f64::from(pixels) * factor).round() as i64;
                scale(builder, large, method, side(picture.file.width), side(picture.file.height), "disabled")
            }
            None => large,
        }
    } else {
        let inputs = [
            ("image", picture.image.clone()),
            ("upscale_method", Input::value(method)),
            ("scale_by", Input::value(factor.unwrap_or(2.0))),
        ];
        builder.node("upscale", "ImageScaleBy", inputs)
    };
    builder.save_like(scaled, picture);
    Ok(())
}

/// `enhance` without a preset: sharpening.
pub(super) fn enhance(builder: &mut Builder<'_>, picture: &Picture) -> Result<(), LowerError> {
    let amount = builder.settings.number("amount")?.unwrap_or(1.0);
    let sharpened = sharpen(builder, picture.image.clone(), 2.0, 1.0, amount);
    builder.save_like(sharpened, picture);
    Ok(())
}

/// `remove_bg`: the mask becomes the alpha channel.
pub(super) fn remove_bg(builder: &mut Builder<'_>) -> Result<(), LowerError> {
    let picture = builder.one_file("image")?;
    let picture = builder.load(picture);
    let given = builder.mask_input("mask")?;
    let is_given = given.is_some();
    let mask = given.map_or_else(|| salient(builder, picture.image.clone()), Ok)?;
    let image = if builder.settings.flag("decontaminate")? {
        let inputs = [("image", picture.image), ("mask", mask.clone())];
        builder.node("decontaminate", "ComfywrightDecontaminate", inputs)
    } else {
        picture.image
    };
    let transparency = builder.node("transparency", "InvertMask", [("mask", mask.clone())]);
    let cut = builder.node("cut", "JoinImageWithAlpha", [("image", image), ("alpha", transparency)]);
    builder.save("image", cut);
    match (builder.wants("mask"), is_given) {
        (true, true) => {
            let files = builder.files("mask")?;
            builder.out.passed_on.push(("mask".to_owned(), files));
        }
        (true, false) => builder.save_mask("mask", mask),
        (false, _) => {}
    }
    Ok(())
}

/// The mask of what stands out, by the model that the task names.
fn salient(builder: &mut Builder<'_>, image: Input) -> Result<Input, LowerError> {
    let model = match builder.settings.get("model") {
        None => Value::from(""),
        Some(Value::String(name)) => Value::from(name.as_str()),
        Some(other) => {
            return Err(LowerError::at("wrong-type", "model", format!("`model` is the name of a model, not {other}")));
        }
    };
    let inputs = [("image", image), ("model", Input::Value(model)), ("refine", Input::value(true))];
    Ok(builder.node("salient", "ComfywrightSalient", inputs))
}

/// `score`: the image is passed on and measured.
pub(super) fn score(builder: &mut Builder<'_>) -> Result<(), LowerError> {
    let files = builder.files("image")?;
    let scorers = match builder.settings.get("scorers") {
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        Some(Value::String(name)) => vec![name.clone()],
        _ => Vec::new(),
    };
    if scorers.is_empty() {
        return Err(LowerError::new("missing-input", "a score task says `scorers`")
            .hint("for example with.scorers = [\"sharpness\"]"));
    }
    builder.out.scores = scorers;
    builder.out.passed_on.push(("image".to_owned(), files));
    Ok(())
}

/// `contact_sheet`: all images on one.
pub(super) fn contact_sheet(builder: &mut Builder<'_>) -> Result<(), LowerError> {
    let files = builder.files("images")?;
    let settings = builder.settings;
    let square = (files.len() as f64).sqrt().ceil() as i64;
    let labels = settings.get("labels").is_none() || settings.flag("labels")?;
    let mut inputs = vec![
        ("images", Input::Files(files)),
        ("columns", Input::value(settings.integer("columns", 1..=1000)?.unwrap_or(square.max(1)))),
        ("cell", Input::value(settings.integer("cell", 16..=4096)?.unwrap_or(256))),
        ("labels", Input::value(labels)),
        ("background", Input::value(settings.text("background").unwrap_or("#ffffff"))),
    ];
    if let Some(title) = settings.text("title") {
        inputs.push(("title", Input::value(title)));
    }
    let sheet = builder.node("sheet", "ComfywrightContactSheet", inputs);
    builder.save("image", sheet);
    Ok(())
}

/// `export`: a file at a place of the user's choice.
pub(super) fn export(builder: &mut Builder<'_>) -> Result<(), LowerError> {
    let files = builder.files("file")?;
    let settings = builder.settings;
    let Some(path) = settings.text("path") else {
        return Err(LowerError::new("missing-input", "an export task says `path`")
            .hint("for example with.path = \"export/{sku}.png\""));
    };
    let place =
        join_relative(builder.input.document, path).map_err(|e| LowerError::at(e.code(), "path", e.to_string()))?;
    let mut inputs = vec![("images", Input::Files(files)), ("path", Input::value(place))];
    if settings.get("format").is_some() {
        inputs.push(("format", Input::value(settings.choice("format", &["png", "jpeg", "webp", "tiff"])?)));
    }
    if let Some(quality) = settings.integer("quality", 1..=100)? {
        inputs.push(("quality", Input::value(quality)));
    }
    let node = builder.out.graph.add("export", "ComfywrightExport", inputs);
    builder.out.outputs.push(OutputSpec { name: "file".to_owned(), node });
    Ok(())
}
