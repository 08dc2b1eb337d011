//! Resources: the files that links in answers lead to.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use rmcp::model::{ReadResourceResult, Resource, ResourceContents, ResourceTemplate};

use super::{findings::Refusal, shared::Shared};
use crate::app::{self, AppError, Session, client_files::ClientFiles, history, run_view::results};

/// What stands before a path in the address of a file.
const PREFIX: &str = "comfywright://workspace/";

/// Characters of a path that need not be written as `%..`.
const KEPT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// How many results of the newest run are listed.
const LISTED_RESULTS: usize = 50;

/// The address of a file of the workspace.
pub(super) fn uri(path: &str) -> String {
    format!("{PREFIX}{}", utf8_percent_encode(path, KEPT))
}

/// A link to a file of the workspace.
pub(super) fn link(path: &str, size: Option<u64>) -> Resource {
    let name = path.rsplit('/').next().unwrap_or(path);
    let link = Resource::new(uri(path), name).with_mime_type(media_type(path));
    size.into_iter().fold(link, Resource::with_size)
}

/// The addresses there are.
pub(super) fn template() -> ResourceTemplate {
    ResourceTemplate::new(format!("{PREFIX}{{+path}}"), "file")
        .with_title("File of the workspace")
        .with_description("A document or a result, by its path")
}

/// What kind of content a file has, by its ending.
pub(super) fn media_type(path: &str) -> &'static str {
    let extension = path.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase());
    match extension.as_deref() {
        Some("toml") => "text/toml",
        Some("kdl") => "text/kdl",
        Some("json") => "text/json",
        Some("csv") => "text/csv",
        Some("md") => "text/markdown",
        Some("png") => "image/png",
        Some("jpg" | "jpeg") => "image/jpeg",
        Some("webp") => "image/webp",
        Some("gif") => "image/gif",
        Some("bmp") => "image/bmp",
        Some("tif" | "tiff") => "image/tiff",
        Some("mp4") => "video/mp4",
        Some("webm") => "video/webm",
        Some("mp3") => "audio/mpeg",
        Some("wav") => "audio/wav",
        _ => "text/plain",
    }
}

/// The documents, and results of the newest run.
pub(super) fn list(shared: &Shared) -> Result<Vec<Resource>, Refusal> {
    shared.with(|session| {
        let files = ClientFiles::open(session)?;
        let documents = files.list("pipelines/**")?;
        let mut all: Vec<Resource> = documents.iter().map(|(path, size)| link(path, Some(*size))).collect();
        all.extend(newest_results(session)?.iter().filter(|path| files.readable(path).is_ok()).map(|p| link(p, None)));
        Ok(all)
    })
}

fn newest_results(session: &Session) -> Result<Vec<String>, AppError> {
    let Some(ledger) = app::existing_ledger(session)? else { return Ok(Vec::new()) };
    let Some(run) = history::runs(&ledger, 1)?.into_iter().next() else { return Ok(Vec::new()) };
    let items = history::items(&ledger, &run)?;
    Ok(results(&items, None).into_iter().take(LISTED_RESULTS).map(|file| file.path).collect())
}

/// The file with this address.
pub(super) fn read(shared: &Shared, uri: &str) -> Result<ReadResourceResult, Refusal> {
    let unknown = || Refusal(format!("`{uri}` is no address of this server; they begin with {PREFIX}"));
    let encoded = uri.strip_prefix(PREFIX).ok_or_else(unknown)?;
    let path = percent_decode_str(encoded).decode_utf8().map_err(|_| unknown())?;
    let file = shared.with(|session| ClientFiles::open(session)?.read(&path))?;
    let kind = media_type(&file.path);
    let contents = match String::from_utf8(file.bytes) {
        Ok(text) if kind.starts_with("text/") => ResourceContents::text(text, uri),
        Ok(text) => ResourceContents::blob(STANDARD.encode(text), uri),
        Err(error) => ResourceContents::blob(STANDARD.encode(error.as_bytes()), uri),
    };
    Ok(ReadResourceResult::new(vec![contents.with_mime_type(kind)]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_hold_any_path() {
        let path = "outputs/a b/ä[1]?#%.png";
        let address = uri(path);
        assert!(address.is_ascii() && !address.contains(['?', '#', ' ']), "{address}");
        let encoded = address.strip_prefix(PREFIX).unwrap();
        assert_eq!(percent_decode_str(encoded).decode_utf8().unwrap(), path);
        assert_eq!(link(path, None).name, "ä[1]?#%.png");
    }
}
