//! Image files as bytes: reading, writing, and the text that travels in them and in films.
//!
//! Pure functions over bytes and readers; knows neither paths nor nodes. No bytes make it panic,
//! and no header makes it allocate more than [`Limits`] allow.

mod animation;
mod decode;
mod encode;
mod exif;
mod film;
mod frames;
mod layered;
mod metadata;
mod png_file;
mod thumbnail;

pub use animation::{AnimationFormat, Timing, encode_animation};
pub use decode::{Decoded, Header, ImageFileError, Limits, decode, header, size};
pub use encode::{
    EncodeError, Format, encode, encode_jpeg, encode_png, encode_png_bytes, encode_png_exact, encode_webp, to_bytes,
};
pub use layered::{
    LayerMode, LayeredPicture, PictureLayer, encode_ora, encode_psd, encode_tiff_page, encode_tiff_pages,
};
pub use metadata::{metadata, text_chunks};
pub use thumbnail::{SmallPicture, Thumbnail, small_picture, thumbnail};
