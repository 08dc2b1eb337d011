//! Results of a run: a page of them, with thumbnails and links.

use std::collections::BTreeMap;

use rmcp::model::ContentBlock;
use schemars::JsonSchema;
use serde::Serialize;

use super::{
    findings::{Refusal, refused},
    pictures, resources,
};
use crate::{
    app::{
        Session, Sources,
        client_files::ClientFiles,
        run_view::{ResultFile, results},
    },
    ledger::ItemRow,
};

/// Results in one answer, unless another number is asked for, and the most.
const LISTED: u32 = 20;
const MOST_LISTED: u32 = 200;

/// Thumbnails in one answer, unless another number is asked for, and the most.
const THUMBNAILS: u32 = 4;
const MOST_THUMBNAILS: u32 = 12;

/// Which results are wanted.
pub(super) struct Page {
    task: Option<String>,
    offset: usize,
    limit: usize,
    thumbnails: usize,
}

impl Page {
    pub(super) fn new(task: Option<String>, offset: Option<u32>, limit: Option<u32>, thumbnails: Option<u32>) -> Self {
        Self {
            task,
            offset: offset.unwrap_or(0) as usize,
            limit: limit.unwrap_or(LISTED).min(MOST_LISTED) as usize,
            thumbnails: thumbnails.unwrap_or(THUMBNAILS).min(MOST_THUMBNAILS) as usize,
        }
    }
}

/// One result.
#[derive(Serialize, JsonSchema)]
pub(super) struct ShownResult {
    item: String,
    path: String,
    uri: String,
    width: u32,
    height: u32,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    metrics: BTreeMap<String, f64>,
}

/// A page of results.
pub(super) struct ShownPage {
    pub(super) results: Vec<ShownResult>,
    pub(super) total: usize,
    pub(super) next_offset: Option<usize>,
    /// The same as text.
    pub(super) lines: Vec<String>,
    /// Thumbnails and links.
    pub(super) blocks: Vec<ContentBlock>,
}

/// The results of `items` that `page` asks for. A result whose file cannot be shown has no
/// thumbnail; its line says why.
pub(super) fn show(session: &Session, items: &[ItemRow], page: &Page) -> Result<ShownPage, Refusal> {
    let files = ClientFiles::open(session).map_err(|e| refused(&e, &Sources::default()))?;
    let all = results(items, page.task.as_deref());
    let total = all.len();
    let wanted: Vec<ResultFile> = all.into_iter().skip(page.offset).take(page.limit).collect();
    let among = wanted.len().min(page.thumbnails);
    let next = page.offset + wanted.len();
    let mut shown = ShownPage {
        results: Vec::new(),
        total,
        next_offset: (next < total).then_some(next),
        lines: Vec::new(),
        blocks: Vec::new(),
    };
    if total > 0 {
        shown.lines.push(format!("results {} to {next} of {total}:", (page.offset + 1).min(next)));
    }
    for (number, file) in wanted.into_iter().enumerate() {
        shown.add(&files, file, (number < page.thumbnails).then_some(among));
    }
    if let Some(next) = shown.next_offset {
        shown.lines.push(format!("… {} more: offset {next}", total - next));
    }
    Ok(shown)
}

impl ShownPage {
    fn add(&mut self, files: &ClientFiles<'_>, mut file: ResultFile, among: Option<usize>) {
        // What every image has; the size stands beside them.
        file.metrics.retain(|name, _| !matches!(name.as_str(), "seconds" | "cost" | "width" | "height"));
        let mut line = format!("{}: {} ({} x {})", file.item, file.path, file.width, file.height);
        if let Some(among) = among.filter(|_| pictures::is_picture(&file.path)) {
            let picture = files.read(&file.path).map_err(|e| e.to_string());
            match picture.and_then(|picture| pictures::thumbnail(&picture.bytes, among)) {
                Ok(picture) => self.blocks.push(pictures::block(&picture.bytes, "image/webp")),
                Err(error) => line = format!("{line}; no thumbnail: {error}"),
            }
        }
        let metrics: Vec<String> = file.metrics.iter().map(|(name, value)| format!("{name} {value:.3}")).collect();
        if !metrics.is_empty() {
            line = format!("{line}; {}", metrics.join(", "));
        }
        self.lines.push(line);
        self.blocks.push(ContentBlock::resource_link(resources::link(&file.path, None)));
        self.results.push(ShownResult {
            uri: resources::uri(&file.path),
            item: file.item,
            path: file.path,
            width: file.width,
            height: file.height,
            metrics: file.metrics,
        });
    }
}
