//! Drawing: text in an embedded font, rectangles, pictures, contact sheets of them, and where the
//! boxes of a graph stand.
//!
//! Pure: the same input gives the same pixels. Knows neither files nor nodes. The fonts are Noto
//! Sans, see `NotoSans-LICENSE.txt`; signs that they lack are drawn as boxes.

mod canvas;
mod contact_sheet;
pub mod layered;
mod svg;
mod text;

pub use canvas::{Canvas, Color, Rect};
pub use contact_sheet::{
    MAX_SHEET_SIDE, Picture, SheetLayout, SheetOptions, SheetTooLarge, layout_sheet, paint_frame, paint_picture,
};
pub use svg::{SvgError, svg_to_png};
pub use text::{Weight, ellipsised, line_height, text_width, wrapped};
