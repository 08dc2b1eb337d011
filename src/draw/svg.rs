//! SVG as pixels.

use std::sync::{Arc, LazyLock};

use resvg::{
    tiny_skia::{Pixmap, Transform},
    usvg::{Options, Tree, fontdb::Database},
};

use super::text::{BOLD_FONT, REGULAR_FONT};

/// The embedded fonts and no others: the same drawing looks the same on every computer.
static FONTS: LazyLock<Arc<Database>> = LazyLock::new(|| {
    let mut fonts = Database::new();
    [REGULAR_FONT, BOLD_FONT].into_iter().for_each(|font| fonts.load_font_data(font.to_vec()));
    fonts.set_sans_serif_family(FAMILY);
    Arc::new(fonts)
});

const FAMILY: &str = "Noto Sans";

/// Why there is no picture.
#[derive(Debug, thiserror::Error)]
pub enum SvgError {
    /// It cannot be read.
    #[error("failed to read the drawing: {0}")]
    Unreadable(#[from] resvg::usvg::Error),
    /// It is empty, or larger than memory can hold.
    #[error("a drawing of {0} x {1} pixels cannot be painted")]
    Size(u32, u32),
    /// It could not be written as PNG.
    #[error("failed to write the picture: {0}")]
    Unwritable(String),
}

/// `svg` as PNG, `scale` times as large as it says. Text is set in the embedded fonts; nothing is loaded.
pub fn svg_to_png(svg: &str, scale: f32) -> Result<Vec<u8>, SvgError> {
    let options = Options { font_family: FAMILY.to_owned(), fontdb: FONTS.clone(), ..Options::default() };
    let tree = Tree::from_str(svg, &options)?;
    let size = tree.size();
    let [width, height] = [size.width(), size.height()].map(|side| (side * scale).ceil() as u32);
    let mut pixels = Pixmap::new(width, height).ok_or(SvgError::Size(width, height))?;
    resvg::render(&tree, Transform::from_scale(scale, scale), &mut pixels.as_mut());
    pixels.encode_png().map_err(|error| SvgError::Unwritable(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SVG: &str = r#"<svg xmlns="http://www.w3.org/2000/svg" width="60" height="20" class="p">
        <style>.p .ground { fill: #ffffff } .p text { fill: #000000; font-size: 14px }</style>
        <rect class="ground" width="60" height="20"/><text x="4" y="15">Ab</text></svg>"#;

    #[test]
    fn text_is_painted_in_the_embedded_font() {
        let painted = svg_to_png(SVG, 2.0).unwrap();
        let image = image::load_from_memory(&painted).unwrap().to_rgba8();
        assert_eq!(image.dimensions(), (120, 40));
        let dark = image.pixels().filter(|pixel| pixel.0[0] < 64).count();
        assert!((60..600).contains(&dark), "{dark}");
        assert!(image.pixels().all(|pixel| pixel.0[3] == 255), "on its own ground");
    }

    #[test]
    fn what_is_no_drawing_is_refused() {
        assert!(matches!(svg_to_png("<svg", 1.0), Err(SvgError::Unreadable(_))));
        assert!(matches!(svg_to_png(SVG, 1e9), Err(SvgError::Size(..))));
    }
}
