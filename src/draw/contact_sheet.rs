//! Contact sheets: many pictures on one, each on a card with its label under it.

use super::{
    canvas::{Canvas, Color, Rect},
    text::{Weight, ellipsised, line_height, text_width, wrapped},
};
use crate::raster::Image;

/// Longest side of a sheet in pixels.
pub const MAX_SHEET_SIDE: usize = 16_384;

/// Longest side of a picture when none is asked for; less when the sheet would not fit.
const DEFAULT_CELL: usize = 320;
const SMALLEST_CELL: usize = 16;

/// How a sheet looks.
#[derive(Clone, Debug, PartialEq)]
pub struct SheetOptions {
    /// Pictures in a row; about square without it.
    pub columns: Option<usize>,
    /// Longest side of each picture in pixels; 320 without it, less when the sheet would not fit.
    pub cell: Option<usize>,
    /// Heading.
    pub title: Option<String>,
    /// Colour of the sheet; text is dark or light, whichever can be read on it.
    pub background: Color,
}

impl Default for SheetOptions {
    fn default() -> Self {
        Self { columns: None, cell: None, title: None, background: [250, 250, 248] }
    }
}

/// A picture that is to be on a sheet.
#[derive(Clone, Debug, PartialEq)]
pub struct Picture {
    /// Columns of the picture itself.
    pub width: usize,
    /// Rows of the picture itself.
    pub height: usize,
    /// What stands under it; nothing when empty.
    pub label: String,
}

/// Where everything stands.
#[derive(Clone, Debug, PartialEq)]
pub struct SheetLayout {
    /// Columns of the sheet.
    pub width: usize,
    /// Rows of the sheet.
    pub height: usize,
    /// The cards, one for each picture in order.
    pub cards: Vec<Rect>,
    /// The pictures, scaled to these sizes.
    pub pictures: Vec<Rect>,
    /// The lines of each label with left end and baseline.
    pub labels: Vec<Vec<(f32, f32, String)>>,
    /// The heading with left end and baseline.
    pub title: Option<(f32, f32, String)>,
    /// Size of the labels' text in pixels.
    pub text_size: f32,
}

/// The sheet would be too large.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("lay out the contact sheet: it would be {width} x {height} pixels; each side may be {MAX_SHEET_SIDE} at most")]
pub struct SheetTooLarge {
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
}

/// Lays out `pictures` in rows. Pictures keep their proportions and are never enlarged; a row is as
/// high as its highest picture.
pub fn layout_sheet(pictures: &[Picture], options: &SheetOptions) -> Result<SheetLayout, SheetTooLarge> {
    let mut cell = options.cell.unwrap_or(DEFAULT_CELL).max(SMALLEST_CELL);
    loop {
        let layout = layout_with(pictures, options, cell);
        let fits = layout.width <= MAX_SHEET_SIDE && layout.height <= MAX_SHEET_SIDE;
        match (fits, options.cell) {
            (true, _) => return Ok(layout),
            (false, None) if cell > SMALLEST_CELL => cell = (cell * 3 / 4).max(SMALLEST_CELL),
            _ => return Err(SheetTooLarge { width: layout.width, height: layout.height }),
        }
    }
}

/// Distances that grow with the pictures.
struct Measures {
    cell: usize,
    margin: usize,
    gap: usize,
    padding: usize,
    text_size: f32,
}

impl Measures {
    fn new(cell: usize) -> Self {
        Self {
            cell,
            margin: (cell / 10).clamp(8, 64),
            gap: (cell / 16).clamp(6, 40),
            padding: (cell / 32).clamp(2, 16),
            text_size: (cell as f32 / 20.0).clamp(10.0, 28.0).round(),
        }
    }

    fn card_width(&self) -> usize {
        self.cell + 2 * self.padding
    }

    /// The largest size within the cell that keeps the proportions.
    fn fit(&self, picture: &Picture) -> (usize, usize) {
        let longest = picture.width.max(picture.height).max(1);
        if longest <= self.cell {
            return (picture.width.max(1), picture.height.max(1));
        }
        let scaled = |side: usize| ((side * self.cell + longest / 2) / longest).max(1);
        (scaled(picture.width), scaled(picture.height))
    }
}

fn layout_with(pictures: &[Picture], options: &SheetOptions, cell: usize) -> SheetLayout {
    let measures = Measures::new(cell);
    let square = (pictures.len() as f64).sqrt().ceil() as usize;
    let columns = options.columns.unwrap_or(square).clamp(1, pictures.len().max(1));
    let width = 2 * measures.margin + columns * measures.card_width() + (columns - 1) * measures.gap;
    let (title, mut y) = place_title(options, &measures, width);
    let mut layout = SheetLayout {
        width,
        height: 0,
        cards: Vec::new(),
        pictures: Vec::new(),
        labels: Vec::new(),
        title,
        text_size: measures.text_size,
    };
    for row in pictures.chunks(columns) {
        y = place_row(row, &measures, y, &mut layout) + measures.gap;
    }
    layout.height = if pictures.is_empty() { y + measures.margin } else { y - measures.gap + measures.margin };
    layout
}

/// The heading, and where the first row begins.
fn place_title(options: &SheetOptions, measures: &Measures, width: usize) -> (Option<(f32, f32, String)>, usize) {
    let Some(title) = options.title.as_deref().map(str::trim).filter(|title| !title.is_empty()) else {
        return (None, measures.margin);
    };
    let size = title_size(measures.text_size);
    let text = ellipsised(title, size, Weight::Bold, (width - 2 * measures.margin) as f32);
    let baseline = measures.margin as f32 + (size * 0.95).round();
    let below = measures.margin + line_height(size) as usize + measures.gap;
    (Some((measures.margin as f32, baseline, text)), below)
}

fn title_size(text_size: f32) -> f32 {
    (text_size * 1.6).round()
}

/// Places one row from `top` on and returns where it ends.
fn place_row(row: &[Picture], measures: &Measures, top: usize, layout: &mut SheetLayout) -> usize {
    let sizes: Vec<_> = row.iter().map(|picture| measures.fit(picture)).collect();
    let highest = sizes.iter().map(|(_, height)| *height).max().unwrap_or(0);
    let card_height = highest + 2 * measures.padding;
    let line = line_height(measures.text_size);
    let mut lines_in_row = 0;
    for (column, (picture, (width, height))) in row.iter().zip(sizes).enumerate() {
        let x = measures.margin + column * (measures.card_width() + measures.gap);
        layout.cards.push(Rect { x, y: top, width: measures.card_width(), height: card_height });
        layout.pictures.push(Rect {
            x: x + (measures.card_width() - width) / 2,
            y: top + (card_height - height) / 2,
            width,
            height,
        });
        let lines = wrapped(&picture.label, measures.text_size, Weight::Regular, measures.card_width() as f32, 2);
        lines_in_row = lines_in_row.max(lines.len());
        let first = (top + card_height) as f32 + (measures.text_size * 1.35).round();
        let placed = lines.into_iter().enumerate().map(|(at, text)| {
            let room = measures.card_width() as f32 - text_width(&text, measures.text_size, Weight::Regular);
            ((x as f32 + room / 2.0).round(), first + at as f32 * line, text)
        });
        layout.labels.push(placed.collect());
    }
    let below = if lines_in_row == 0 { 0 } else { (line * lines_in_row as f32 + measures.text_size * 0.6) as usize };
    top + card_height + below
}

/// The empty sheet: background, heading, cards and labels.
pub fn paint_frame(layout: &SheetLayout, options: &SheetOptions) -> Canvas {
    let mut canvas = Canvas::new(layout.width, layout.height, options.background);
    let ink = ink_on(options.background);
    let card = mixed(options.background, ink, 0.06);
    let label = mixed(options.background, ink, 0.78);
    if let Some((x, baseline, text)) = &layout.title {
        canvas.text(*x, *baseline, text, title_size(layout.text_size), Weight::Bold, ink);
    }
    for rect in &layout.cards {
        canvas.fill(*rect, (rect.width as f32 / 40.0).clamp(2.0, 10.0), card);
    }
    for (x, baseline, text) in layout.labels.iter().flatten() {
        canvas.text(*x, *baseline, text, layout.text_size, Weight::Regular, label);
    }
    canvas
}

/// Puts picture number `index`, already scaled to its place, on the sheet.
pub fn paint_picture(canvas: &mut Canvas, layout: &SheetLayout, index: usize, picture: &Image, frame: usize) {
    if let Some(rect) = layout.pictures.get(index) {
        canvas.place(picture, frame, rect.x, rect.y);
    }
}

/// Nearly black or nearly white, whichever stands out more.
fn ink_on(background: Color) -> Color {
    let [r, g, b] = background.map(f32::from);
    if 0.299 * r + 0.587 * g + 0.114 * b > 128.0 { [24, 26, 30] } else { [242, 242, 240] }
}

fn mixed(from: Color, to: Color, share: f32) -> Color {
    std::array::from_fn(|i| (f32::from(from[i]) + (f32::from(to[i]) - f32::from(from[i])) * share).round() as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pictures(sizes: &[(usize, usize)]) -> Vec<Picture> {
        sizes.iter().map(|(width, height)| Picture { width: *width, height: *height, label: "sku=A1".into() }).collect()
    }

    #[test]
    fn pictures_stay_on_their_cards_and_keep_their_proportions() {
        let sizes = [(640, 480), (100, 50), (480, 640), (3000, 10), (1, 1)];
        let layout =
            layout_sheet(&pictures(&sizes), &SheetOptions { columns: Some(2), ..SheetOptions::default() }).unwrap();
        assert_eq!(layout.cards.len(), 5);
        for ((card, picture), (width, height)) in layout.cards.iter().zip(&layout.pictures).zip(sizes) {
            assert!(picture.x >= card.x && picture.x + picture.width <= card.x + card.width);
            assert!(picture.y >= card.y && picture.y + picture.height <= card.y + card.height);
            assert!(picture.width <= width && picture.height <= height, "{picture:?}");
            assert!(card.x + card.width <= layout.width && card.y + card.height <= layout.height);
        }
        assert_eq!((layout.pictures[0].width, layout.pictures[0].height), (320, 240));
        assert_eq!((layout.pictures[1].width, layout.pictures[1].height), (100, 50));
        assert_eq!(layout.cards[0].y, layout.cards[1].y);
        assert!(layout.cards[2].y > layout.cards[0].y + layout.cards[0].height);
    }

    #[test]
    fn columns_are_about_square_and_never_more_than_pictures() {
        let columns = |count: usize, columns: Option<usize>| {
            let all = pictures(&vec![(8, 8); count]);
            let layout = layout_sheet(&all, &SheetOptions { columns, ..SheetOptions::default() }).unwrap();
            layout.cards.iter().filter(|card| card.y == layout.cards[0].y).count()
        };
        assert_eq!((columns(10, None), columns(9, None), columns(3, Some(1000)), columns(5, Some(0))), (4, 3, 3, 1));
    }

    #[test]
    fn many_pictures_get_smaller_until_the_sheet_fits() {
        let many = pictures(&vec![(512, 512); 4000]);
        let layout = layout_sheet(&many, &SheetOptions::default()).unwrap();
        assert!(layout.width <= MAX_SHEET_SIDE && layout.height <= MAX_SHEET_SIDE);
        let fixed = SheetOptions { cell: Some(512), ..SheetOptions::default() };
        assert!(layout_sheet(&many, &fixed).is_err());
        assert!(layout_sheet(&[], &SheetOptions::default()).unwrap().height > 0);
    }

    #[test]
    fn labels_are_cut_to_their_cards_and_take_no_room_when_empty() {
        let mut all = pictures(&[(320, 320)]);
        let plain = layout_sheet(&all, &SheetOptions::default()).unwrap();
        all[0].label = "a very long label ".repeat(20);
        let long = layout_sheet(&all, &SheetOptions::default()).unwrap();
        assert_eq!(long.labels[0].len(), 2);
        for (x, _, text) in &long.labels[0] {
            assert!(x + text_width(text, long.text_size, Weight::Regular) <= long.width as f32);
        }
        all[0].label.clear();
        let none = layout_sheet(&all, &SheetOptions::default()).unwrap();
        assert!(none.height < plain.height && plain.height < long.height);
    }

    #[test]
    fn text_can_be_read_on_any_background() {
        assert_eq!(ink_on([255; 3]), [24, 26, 30]);
        assert_eq!(ink_on([10, 20, 40]), [242, 242, 240]);
    }
}
