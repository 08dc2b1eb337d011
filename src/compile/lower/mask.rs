//! `mask` tasks: the layers of a document, of rows, or of one inline source.

use serde_json::{Value, json};

use super::{Builder, LowerError, OutputSpec};
use crate::{
    compile::fill::Fillable,
    files::join_relative,
    graph::Input,
    model::{Body, Layer, Mask, MaskExport, MaskFormat},
};

/// `mask`: the layers of a document, of rows, or of one inline source.
pub(super) fn mask(builder: &mut Builder<'_>) -> Result<(), LowerError> {
    let document = builder.input.mask.map_or(builder.input.document, |m| &m.path);
    let mut layers = layers(builder)?;
    let mut files = Vec::new();
    for layer in &mut layers {
        if let Some(path) = layer.get("file").and_then(Value::as_str) {
            files.push(
                (builder.input.file)(document, path).map_err(|e| LowerError { key: Some("file".to_owned()), ..e })?,
            );
            layer["file"] = Value::from((files.len() - 1).to_string());
        }
    }
    let export = of_document(builder).and_then(|mask| mask.export.clone());
    let format = export.as_ref().map_or(MaskFormat::Merged, |export| export.format);
    let frames = frame_count(&layers, export.as_ref());
    let wants_each = format == MaskFormat::Layered || builder.wants("layers");
    let image = canvas(builder)?;
    let rows = Value::Array(layers);
    let mut inputs = vec![("image", image.clone()), ("layers", Input::Value(rows.clone()))];
    if !files.is_empty() {
        inputs.push(("files", Input::Files(files)));
    }
    if frames > 1 {
        inputs.push(("frames", Input::value(frames)));
        inputs.push(("each", Input::value(wants_each)));
    }
    let id = builder.out.graph.add("layers", "ComfywrightMask", inputs);
    builder.save_mask("mask", Input::link(&id, 0));
    if wants_each {
        builder.save_mask("layers", Input::link(&id, 1));
    }
    match export {
        Some(export) if export.path.is_some() => write(builder, &export, image, &id, rows),
        _ => Ok(()),
    }
}

fn of_document<'a>(builder: &Builder<'a>) -> Option<&'a Mask> {
    match builder.input.mask.map(|referred| &referred.document.body) {
        Some(Body::Mask(mask)) => Some(mask),
        _ => None,
    }
}

/// The image that the mask is for: what is delivered, else what the document says, else a canvas of its size.
fn canvas(builder: &mut Builder<'_>) -> Result<Input, LowerError> {
    let own = of_document(builder);
    let is_given = builder.input.files.contains_key("image") || builder.input.with.contains_key("image");
    if let (false, Some([width, height])) = (is_given, own.map(|mask| &mask.size[..])) {
        return Ok(super::image::empty(builder, i64::from(*width), i64::from(*height), 0));
    }
    let image = match own.and_then(|mask| mask.image.as_ref()) {
        Some(path) if !is_given => {
            let document = builder.input.mask.map_or(builder.input.document, |m| &m.path);
            (builder.input.file)(document, path).map_err(|e| LowerError { key: Some("image".to_owned()), ..e })?
        }
        _ => builder.one_file("image")?,
    };
    let picture = builder.load(image.clone());
    builder.out.passed_on.push(("image".to_owned(), vec![image]));
    Ok(picture.image)
}

/// As many as the export says, or to the last keyframe.
fn frame_count(layers: &[Value], export: Option<&MaskExport>) -> u32 {
    let last = || {
        let layers = layers.iter().filter_map(|layer| serde_json::from_value::<Layer>(layer.clone()).ok());
        layers.map(|layer| layer.frame_count()).max().unwrap_or(1)
    };
    export.and_then(|export| export.frames).unwrap_or_else(last)
}

fn write(
    builder: &mut Builder<'_>,
    export: &MaskExport,
    image: Input,
    id: &str,
    layers: Value,
) -> Result<(), LowerError> {
    let document = builder.input.mask.map_or(builder.input.document, |m| &m.path);
    let Value::String(path) = filled(builder, "export.path", &json!(export.path))? else { return Ok(()) };
    let is_folder = path.ends_with('/');
    let place = join_relative(document, &path).map_err(|e| LowerError::at(e.code(), "export.path", e.to_string()))?;
    let place = if is_folder { format!("{}/", place.trim_end_matches('/')) } else { place };
    let mut inputs = vec![
        ("image", image),
        ("mask", Input::link(id, 0)),
        ("layers", Input::Value(layers)),
        ("path", Input::value(place)),
        ("format", Input::value(export.format.name())),
    ];
    if export.format == MaskFormat::Layered {
        inputs.push(("masks", Input::link(id, 1)));
    }
    if let Some(bits) = export.bits {
        inputs.push(("bits", Input::value(bits)));
    }
    if export.alpha {
        inputs.push(("alpha", Input::value(true)));
    }
    if export.format == MaskFormat::Frames {
        inputs.push(("fps", Input::value(export.fps())));
        inputs.push(("loops", Input::value(export.loops.unwrap_or(0))));
    }
    let node = builder.out.graph.add("write_mask", "ComfywrightMaskExport", inputs);
    builder.out.outputs.push(OutputSpec { name: "file".to_owned(), node });
    Ok(())
}

/// `value` with its places filled.
fn filled(builder: &Builder<'_>, key: &str, value: &Value) -> Result<Value, LowerError> {
    let filled = Fillable::read(value).and_then(|fillable| fillable.fill(builder.input.scope));
    filled.map_err(|error| LowerError::at("bad-interpolation", key, error.to_string()))
}

fn layers(builder: &Builder<'_>) -> Result<Vec<Value>, LowerError> {
    if let Some(mask) = of_document(builder) {
        let rows = serde_json::to_value(&mask.layer).ok().and_then(|v| v.as_array().cloned()).unwrap_or_default();
        return rows.into_iter().map(|row| with_places_filled(builder, row)).collect();
    }
    if let Some(Value::Array(rows)) = builder.settings.get("layer") {
        return Ok(rows.clone());
    }
    let layer: serde_json::Map<String, Value> = builder
        .input
        .with
        .iter()
        .filter(|(key, _)| !["image", "mask"].contains(&key.as_str()))
        .map(|(key, value)| (key.clone(), value.clone()))
        .chain([("name".to_owned(), json!("mask"))])
        .collect();
    if layer.len() < 2 {
        return Err(LowerError::new("missing-input", "a mask task says `mask`, `layer` or one source")
            .hint("for example with.shape = { type = \"ellipse\" }"));
    }
    Ok(vec![Value::Object(layer)])
}

/// The texts of a document's layer in which places are filled.
fn with_places_filled(builder: &Builder<'_>, mut layer: Value) -> Result<Value, LowerError> {
    for key in ["semantic", "file"] {
        if let Some(text) = layer.get_mut(key) {
            *text = filled(builder, key, text)?;
        }
    }
    Ok(layer)
}
