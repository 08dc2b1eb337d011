//! Text: measuring, shortening, breaking, and glyphs.

use std::sync::LazyLock;

use ab_glyph::{Font as _, FontRef, Glyph, PxScale, ScaleFont as _, point};
use unicode_segmentation::UnicodeSegmentation;

use super::canvas::{Canvas, Color};

/// Thickness of letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weight {
    /// For text.
    Regular,
    /// For headings.
    Bold,
}

pub(super) const REGULAR_FONT: &[u8] = include_bytes!("NotoSans-Regular.ttf");
pub(super) const BOLD_FONT: &[u8] = include_bytes!("NotoSans-Bold.ttf");

static REGULAR: LazyLock<FontRef<'static>> = LazyLock::new(|| embedded(REGULAR_FONT));
static BOLD: LazyLock<FontRef<'static>> = LazyLock::new(|| embedded(BOLD_FONT));

fn embedded(bytes: &'static [u8]) -> FontRef<'static> {
    FontRef::try_from_slice(bytes).expect("the embedded fonts are whole")
}

impl Weight {
    fn font(self) -> &'static FontRef<'static> {
        match self {
            Self::Regular => &REGULAR,
            Self::Bold => &BOLD,
        }
    }
}

/// Pixels from one line to the next for text of `size` pixels.
pub fn line_height(size: f32) -> f32 {
    (size * 1.3).round()
}

/// Width of one line of `text` in pixels.
pub fn text_width(text: &str, size: f32, weight: Weight) -> f32 {
    let font = weight.font().as_scaled(scale(size, weight));
    text.chars().map(visible).map(|c| font.h_advance(font.glyph_id(c))).sum()
}

/// `text` in at most `width` pixels: cut at the end, with an ellipsis, when it is longer.
pub fn ellipsised(text: &str, size: f32, weight: Weight, width: f32) -> String {
    if text_width(text, size, weight) <= width {
        return text.to_owned();
    }
    let mut kept: Vec<&str> = text.graphemes(true).collect();
    while kept.pop().is_some() {
        let shorter = format!("{}…", kept.concat().trim_end());
        if text_width(&shorter, size, weight) <= width {
            return shorter;
        }
    }
    String::new()
}

/// `text` in lines of at most `width` pixels, broken at spaces; what does not fit into `lines` lines
/// is cut with an ellipsis.
pub fn wrapped(text: &str, size: f32, weight: Weight, width: f32, lines: usize) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    let mut words = text.split_whitespace().peekable();
    while out.len() < lines && words.peek().is_some() {
        let mut line = String::new();
        if out.len() + 1 == lines {
            line = words.by_ref().collect::<Vec<_>>().join(" ");
        }
        while let Some(word) = words.peek() {
            let longer = if line.is_empty() { (*word).to_owned() } else { format!("{line} {word}") };
            if !line.is_empty() && text_width(&longer, size, weight) > width {
                break;
            }
            line = longer;
            words.next();
        }
        out.push(ellipsised(&line, size, weight, width));
    }
    out
}

/// `size` is that of the em square; the font's own scale is that of a line.
fn scale(size: f32, weight: Weight) -> PxScale {
    let font = weight.font();
    PxScale::from(size * font.height_unscaled() / font.units_per_em().unwrap_or(1000.0))
}

/// Control characters and line ends as spaces.
fn visible(c: char) -> char {
    if c.is_control() { ' ' } else { c }
}

impl Canvas {
    /// Draws one line of `text` with its left end at `x` and its baseline at `baseline`.
    pub fn text(&mut self, x: f32, baseline: f32, text: &str, size: f32, weight: Weight, color: Color) {
        let scale = scale(size, weight);
        let font = weight.font().as_scaled(scale);
        let mut pen = x;
        for c in text.chars().map(visible) {
            let id = font.glyph_id(c);
            let glyph = Glyph { id, scale, position: point(pen, baseline) };
            if let Some(outline) = weight.font().outline_glyph(glyph) {
                let corner = outline.px_bounds().min;
                outline.draw(|dx, dy, share| {
                    self.blend(corner.x as i64 + i64::from(dx), corner.y as i64 + i64::from(dy), color, share);
                });
            }
            pen += font.h_advance(id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_fonts_have_what_labels_need() {
        for weight in [Weight::Regular, Weight::Bold] {
            for c in "AZaz09=,…–’éßøłŁŻčΩЖя€№×".chars() {
                assert_ne!(weight.font().glyph_id(c).0, 0, "{c}");
            }
        }
    }

    #[test]
    fn long_text_is_cut_with_an_ellipsis() {
        let text = "sku=A1, angle=three quarters from the left";
        let cut = ellipsised(text, 14.0, Weight::Regular, 120.0);
        assert!(cut.ends_with('…') && text.starts_with(cut.trim_end_matches('…')), "{cut}");
        assert!(text_width(&cut, 14.0, Weight::Regular) <= 120.0);
        assert_eq!(ellipsised("short", 14.0, Weight::Regular, 120.0), "short");
        assert_eq!(ellipsised("short", 14.0, Weight::Regular, 1.0), "");
        // A letter with its accent stays whole.
        let accents = ellipsised(&"e\u{301}".repeat(20), 14.0, Weight::Regular, 60.0);
        assert!(accents.ends_with("\u{301}…"), "{accents}");
    }

    #[test]
    fn text_is_broken_at_spaces() {
        let lines = wrapped("one two three four five six", 14.0, Weight::Regular, 70.0, 2);
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[0], "one two");
        assert!(lines[1].starts_with("three") && lines[1].ends_with('…'), "{lines:?}");
        assert_eq!(wrapped("", 14.0, Weight::Regular, 70.0, 2), Vec::<String>::new());
        assert_eq!(wrapped("averyverylongwordindeed", 14.0, Weight::Regular, 70.0, 2).len(), 1);
    }

    #[test]
    fn text_leaves_ink() {
        let mut canvas = Canvas::new(80, 24, [255; 3]);
        canvas.text(2.0, 18.0, "Sharp", 16.0, Weight::Bold, [0; 3]);
        let dark = canvas.pixels().chunks_exact(3).filter(|p| p[0] < 64).count();
        assert!((80..600).contains(&dark), "{dark}");
        // Outside the canvas nothing happens.
        canvas.text(-500.0, -500.0, "Sharp", 16.0, Weight::Bold, [0; 3]);
    }
}
