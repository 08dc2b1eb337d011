//! Porter-Duff compositing and the blend modes that ComfyUI files under the same name.

use super::{Image, Mask, RasterError, ResizeMethod, geometry::select, resize_center};

/// How a source and a destination, both premultiplied by alpha, become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of Porter and Duff 1984 and of SVG compositing")]
pub enum PorterDuffMode {
    Add,
    Clear,
    Darken,
    Dst,
    DstAtop,
    DstIn,
    DstOut,
    DstOver,
    Lighten,
    Multiply,
    Overlay,
    Screen,
    Src,
    SrcAtop,
    SrcIn,
    SrcOut,
    SrcOver,
    Xor,
}

/// Composites `source` and `destination` and gives colours and mask. The masks say what is
/// transparent (`1 - alpha`). Everything is resized (bicubic, centre crop) to the size of the
/// destination; the result has as many images as the shortest of the four batches.
pub fn porter_duff(
    source: (&Image, &Mask),
    destination: (&Image, &Mask),
    mode: PorterDuffMode,
) -> Result<(Image, Mask), RasterError> {
    let (source, source_mask) = source;
    let (destination, destination_mask) = destination;
    if source.channels != destination.channels {
        return Err(RasterError::Channels { expected: destination.channels.to_string(), found: source.channels });
    }
    let batch = source.batch.min(source_mask.batch).min(destination.batch).min(destination_mask.batch);
    let (width, height) = (destination.width, destination.height);
    let fit = |image: &Image| resize_to(select(image, 0, batch), width, height);
    let source = fit(source)?;
    let source_mask = fit(&source_mask.clone().into_image())?;
    let destination_mask = fit(&destination_mask.clone().into_image())?;

    let mut image = Image { batch, data: Vec::with_capacity(source.data.len()), ..destination.shape() };
    let mut mask = Mask { batch, height, width, data: Vec::with_capacity(source_mask.data.len()) };
    let sources = source.data.chunks_exact(source.channels).zip(&source_mask.data);
    let destinations = destination.data.chunks_exact(destination.channels).zip(&destination_mask.data);
    for ((source, source_hidden), (destination, destination_hidden)) in sources.zip(destinations) {
        let (source_alpha, destination_alpha) = (1.0 - source_hidden, 1.0 - destination_hidden);
        let alpha = mix_alpha(source_alpha, destination_alpha, mode);
        for (source, destination) in source.iter().zip(destination) {
            let pair = [source * source_alpha, destination * destination_alpha];
            let color = mix_color(pair, source_alpha, destination_alpha, mode);
            image.data.push(if alpha > 1e-5 { (color / alpha).clamp(0.0, 1.0) } else { 0.0 });
        }
        mask.data.push(1.0 - alpha);
    }
    Ok((image, mask))
}

fn resize_to(image: Image, width: usize, height: usize) -> Result<Image, RasterError> {
    if (image.width, image.height) == (width, height) {
        return Ok(image);
    }
    resize_center(&image, width, height, ResizeMethod::Bicubic)
}

fn mix_alpha(source: f32, destination: f32, mode: PorterDuffMode) -> f32 {
    use PorterDuffMode as Mode;
    match mode {
        Mode::Add => (source + destination).clamp(0.0, 1.0),
        Mode::Clear => 0.0,
        Mode::Dst | Mode::SrcAtop => destination,
        Mode::Src | Mode::DstAtop => source,
        Mode::Darken | Mode::Lighten | Mode::Overlay | Mode::Screen => source + destination - source * destination,
        Mode::DstIn | Mode::SrcIn | Mode::Multiply => source * destination,
        Mode::DstOut => (1.0 - source) * destination,
        Mode::SrcOut => (1.0 - destination) * source,
        Mode::DstOver => destination + (1.0 - destination) * source,
        Mode::SrcOver => source + (1.0 - source) * destination,
        Mode::Xor => (1.0 - destination) * source + (1.0 - source) * destination,
    }
}

fn mix_color([source, destination]: [f32; 2], source_alpha: f32, destination_alpha: f32, mode: PorterDuffMode) -> f32 {
    use PorterDuffMode as Mode;
    let both_outside = (1.0 - destination_alpha) * source + (1.0 - source_alpha) * destination;
    match mode {
        Mode::Add => (source + destination).clamp(0.0, 1.0),
        Mode::Clear => 0.0,
        Mode::Darken => both_outside + source.min(destination),
        Mode::Dst => destination,
        Mode::DstAtop => source_alpha * destination + (1.0 - destination_alpha) * source,
        Mode::DstIn => destination * source_alpha,
        Mode::DstOut => (1.0 - source_alpha) * destination,
        Mode::DstOver => destination + (1.0 - destination_alpha) * source,
        Mode::Lighten => both_outside + source.max(destination),
        Mode::Multiply => source * destination,
        Mode::Overlay if 2.0 * destination < destination_alpha => 2.0 * source * destination,
        Mode::Overlay => {
            source_alpha * destination_alpha - 2.0 * (destination_alpha - source) * (source_alpha - destination)
        }
        Mode::Screen => source + destination - source * destination,
        Mode::Src => source,
        Mode::SrcAtop => destination_alpha * source + (1.0 - source_alpha) * destination,
        Mode::SrcIn => source * destination_alpha,
        Mode::SrcOut => (1.0 - destination_alpha) * source,
        Mode::SrcOver => source + (1.0 - source_alpha) * destination,
        Mode::Xor => both_outside,
    }
}
