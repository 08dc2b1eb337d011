//! What native nodes read from disk and write to it: images in, images out, atomically.
//!
//! Knows paths and file formats; knows neither graphs nor what an item is.

use std::{
    fs, io,
    io::Write as _,
    path::{Component, Path, PathBuf},
    sync::Arc,
};

use super::{Inputs, NodeError, NodeValue};
use crate::{
    content_hash::ContentHash,
    imagefile::{self, Decoded, Header, ImageFileError},
    plan::OutputFile,
    raster::{Image, Mask},
};

/// Start of the names of files that are being written.
pub const TEMPORARY_PREFIX: &str = ".comfywright-";

/// Why a file could not be read or written. Reads "failed to {error}".
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The path leaves the workspace.
    #[error("use the path `{0}`: it must be relative and stay inside the workspace")]
    Outside(String),
    /// The file system refused.
    #[error("{action} `{path}`: {source}")]
    Io {
        /// `read` or `write`.
        action: &'static str,
        /// The path as it was given.
        path: String,
        /// What the system said.
        source: io::Error,
    },
    /// Not a usable image. Reads "decode the image …".
    #[error("use `{path}`: failed to {source}")]
    Image {
        /// The path as it was given.
        path: String,
        /// What is wrong with it.
        source: ImageFileError,
    },
}

/// The place of `relative` (with `/`) in the workspace. Refuses what leads out of it: absolute
/// paths, drive letters, `..`.
pub fn inside(root: &Path, relative: &str) -> Result<PathBuf, FileError> {
    let path = Path::new(relative);
    let plain = path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    let portable = !relative.contains(['\\', '\0', ':']);
    if relative.is_empty() || !plain || !portable {
        return Err(FileError::Outside(relative.to_owned()));
    }
    Ok(root.join(path))
}

/// Reads and decodes the image at `relative`.
pub fn read_image(root: &Path, relative: &str, limits: &imagefile::Limits) -> Result<Decoded, FileError> {
    let bytes = read(root, relative)?;
    imagefile::decode(&bytes, limits).map_err(|source| FileError::Image { path: relative.to_owned(), source })
}

/// Reads the header of the image at `relative` and compares it with `limits`.
pub fn read_header(root: &Path, relative: &str, limits: &imagefile::Limits) -> Result<Header, FileError> {
    let io = |source| FileError::Io { action: "read", path: relative.to_owned(), source };
    let file = fs::File::open(inside(root, relative)?).map_err(io)?;
    imagefile::header(io::BufReader::new(file))
        .and_then(|header| header.within(limits).map(|()| header))
        .map_err(|source| FileError::Image { path: relative.to_owned(), source })
}

/// Reads the bytes at `relative`.
pub fn read(root: &Path, relative: &str) -> Result<Vec<u8>, FileError> {
    fs::read(inside(root, relative)?).map_err(|source| FileError::Io {
        action: "read",
        path: relative.to_owned(),
        source,
    })
}

/// `LoadImage`: IMAGE, and MASK = 1 - alpha; 64 x 64 zeros for each frame when there is no alpha.
pub fn load_image(decoded: Decoded) -> Vec<NodeValue> {
    let batch = decoded.image.batch;
    let mask = decoded.mask.filter(|_| !decoded.keyed).unwrap_or_else(|| Mask::filled(batch, 64, 64, 0.0));
    vec![decoded.image.into(), mask.into()]
}

/// `LoadImageMask`: one channel of the first frame; `alpha` gives 1 - alpha, zeros of the image's
/// size when it has none.
pub fn load_image_mask(decoded: Decoded, inputs: &Inputs) -> Result<Vec<NodeValue>, NodeError> {
    let channel = inputs.choice("channel", &[("alpha", 3), ("red", 0), ("green", 1), ("blue", 2)])?;
    let Image { height, width, channels, data, .. } = decoded.image;
    let pixels = height * width;
    let data = match (channel, decoded.mask) {
        (3, Some(mask)) => mask.data[..pixels].to_vec(),
        (3, None) => vec![0.0; pixels],
        _ => data.chunks_exact(channels).take(pixels).map(|pixel| pixel[channel]).collect(),
    };
    Ok(vec![Mask { batch: 1, height, width, data }.into()])
}

/// The images that a saver writes, in order: every frame of an IMAGE, of a MASK (as grey), of each
/// value of a list.
pub fn frames_to_save(value: &NodeValue) -> Result<Vec<(Arc<Image>, usize)>, NodeError> {
    match value {
        NodeValue::Image(image) => Ok((0..image.batch).map(|frame| (Arc::clone(image), frame)).collect()),
        NodeValue::Mask(mask) => {
            let grey = Arc::new(mask_as_image(mask));
            Ok((0..grey.batch).map(|frame| (Arc::clone(&grey), frame)).collect())
        }
        NodeValue::List(list) => {
            list.iter().map(frames_to_save).collect::<Result<Vec<_>, _>>().map(|lists| lists.concat())
        }
        other => Err(NodeError::WrongType {
            input: "images".to_owned(),
            expected: "IMAGE",
            found: other.type_name().to_owned(),
        }),
    }
}

fn mask_as_image(mask: &Mask) -> Image {
    let data = mask.data.iter().flat_map(|value| [*value; 3]).collect();
    Image { batch: mask.batch, height: mask.height, width: mask.width, channels: 3, data }
}

/// Writes `bytes` to `relative`, whole or not at all: a temporary file in the same folder, fsync,
/// rename, fsync of the folder. Makes the folder. What was there is replaced.
pub fn write(root: &Path, relative: &str, bytes: &[u8]) -> Result<(), FileError> {
    let target = inside(root, relative)?;
    write_atomically(root, &target, bytes).map_err(|source| FileError::Io {
        action: "write",
        path: relative.to_owned(),
        source,
    })
}

fn write_atomically(root: &Path, target: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = target.parent().unwrap_or(root);
    fs::create_dir_all(folder)?;
    // A symbolic link on the way may lead elsewhere.
    if !folder.canonicalize()?.starts_with(root.canonicalize()?) {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, "its folder lies outside the workspace"));
    }
    let mut builder = tempfile::Builder::new();
    builder.prefix(TEMPORARY_PREFIX);
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = builder.tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(target)?;
    sync_folder(folder)
}

#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    fs::File::open(folder)?.sync_all()
}

#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

/// The record of a file that was just written from `bytes`; `size` is 0 x 0 for what is no image.
pub fn record(
    root: &Path,
    relative: String,
    bytes: &[u8],
    output: &str,
    index: u32,
    size: (u32, u32),
) -> Result<OutputFile, FileError> {
    let found = fs::metadata(inside(root, &relative)?).map_err(|source| FileError::Io {
        action: "read",
        path: relative.clone(),
        source,
    })?;
    Ok(OutputFile {
        output: output.to_owned(),
        index,
        path: relative,
        hash: ContentHash::of_bytes(bytes).to_string(),
        size: bytes.len() as u64,
        mtime_ns: modified_ns(&found),
        inode: inode(&found),
        width: size.0,
        height: size.1,
    })
}

fn modified_ns(found: &fs::Metadata) -> i64 {
    let since = found.modified().ok().and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
    since.and_then(|since| i64::try_from(since.as_nanos()).ok()).unwrap_or(0)
}

#[cfg(unix)]
fn inode(found: &fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(found)
}

#[cfg(not(unix))]
fn inode(_: &fs::Metadata) -> u64 {
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_relative_paths_stay_inside() {
        let root = Path::new("workspace");
        assert_eq!(inside(root, "photos/a b.png").ok(), Some(PathBuf::from("workspace/photos/a b.png")));
        for bad in ["", "..", "a/../../b", "/etc/passwd", "C:/x.png", "C:x.png", "a\\..\\b", "a\0b"] {
            assert!(inside(root, bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_write_replaces_the_whole_file_and_leaves_nothing_else() {
        let root = tempfile::tempdir().unwrap();
        write(root.path(), "a/b/file.bin", b"a longer first version").unwrap();
        write(root.path(), "a/b/file.bin", b"second").unwrap();
        assert_eq!(fs::read(root.path().join("a/b/file.bin")).unwrap(), b"second");
        assert_eq!(fs::read_dir(root.path().join("a/b")).unwrap().count(), 1);
        // A folder in the way: nothing changes.
        fs::create_dir(root.path().join("taken")).unwrap();
        assert!(write(root.path(), "taken", b"x").is_err());
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 2);
    }
}
