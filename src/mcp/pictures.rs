//! Pictures in answers: small ones, so that a whole answer stays small.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use rmcp::model::ContentBlock;

use super::resources::media_type;
use crate::imagefile::{self, Limits, Thumbnail};

/// Bytes of all thumbnails of an answer together; some clients take a megabyte at most.
const ROOM: usize = 480 << 10;

/// Whether a thumbnail can be made of the file.
pub(super) fn is_picture(path: &str) -> bool {
    media_type(path).starts_with("image/")
}

/// A thumbnail of at most 512 pixels a side; smaller when it shares the answer with others.
pub(super) fn thumbnail(bytes: &[u8], among: usize) -> Result<Thumbnail, String> {
    let sides: &[usize] = match among {
        0 | 1 => &[512, 384, 256, 128],
        2..=4 => &[384, 256, 128],
        _ => &[256, 128],
    };
    imagefile::thumbnail(bytes, &Limits::default(), sides, ROOM / among.max(1))
}

/// A picture as a part of an answer.
pub(super) fn block(bytes: &[u8], media_type: &str) -> ContentBlock {
    ContentBlock::image(STANDARD.encode(bytes), media_type)
}
