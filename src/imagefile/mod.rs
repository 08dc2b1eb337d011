//! Image files as bytes: reading, writing, and the text that travels in them and in films.
//!
//! Pure functions over bytes and readers; knows neither paths nor nodes. No bytes make it panic,
//! and no header makes it allocate more than [`Limits`] allow.

mod decode;
mod encode;
mod exif;
mod film;
mod frames;
mod metadata;
mod png_file;
mod thumbnail;

pub use decode::{Decoded, Header, ImageFileError, Limits, decode, header, size};
pub use encode::{EncodeError, Format, encode, encode_jpeg, encode_png, encode_webp, to_bytes};
pub use metadata::{metadata, text_chunks};
pub use thumbnail::{SmallPicture, Thumbnail, small_picture, thumbnail};
