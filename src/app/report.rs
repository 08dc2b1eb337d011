//! The page of a run: gathered from the ledger and from what the run made.

use std::{
    collections::BTreeMap,
    fs,
    path::{Component, Path, PathBuf},
};

use rayon::prelude::*;

use super::{
    AppError, Session, WriteError, atomic_write,
    history::is_active,
    run::{ledger_error, native_settings},
};
use crate::{
    analysis::{self, parts_of},
    imagefile::{self, SmallPicture},
    ledger::{ItemRow, Ledger, RunRow},
    plan::{Outline, OutlineTask, Waits},
    report::run::{RunReport, page},
};

/// Sides of a picture, the first that is small enough.
const SIDES: [usize; 4] = [176, 128, 96, 64];

/// Bytes of one picture, at least and at most.
const PICTURE_BYTES: (usize, usize) = (1_500, 9_000);

/// Pictures that are made at the same time.
const BATCH: usize = 256;

/// Largest file of which a picture is made.
const LARGEST_FILE: u64 = 256 << 20;

/// How to write the page of a run.
#[derive(Clone, Debug)]
pub struct ReportOptions {
    /// The file; `report.html` in the folder of the run without it.
    pub out: Option<PathBuf>,
    /// Most MiB of pictures, as they stand in the page.
    pub pictures_mib: u32,
    /// Whether the plots of a test are written as files of their own, too.
    pub plots: bool,
}

/// What was written.
#[derive(Clone, Debug)]
pub struct WrittenReport {
    /// The file.
    pub path: PathBuf,
    /// Its bytes.
    pub bytes: u64,
    /// Pictures in it.
    pub pictures: usize,
    /// Results with a picture that found no room.
    pub left_out: usize,
}

/// Writes the page of `run`.
pub fn write_report(
    session: &Session,
    ledger: &Ledger,
    run: &RunRow,
    options: &ReportOptions,
) -> Result<WrittenReport, AppError> {
    let path = match &options.out {
        Some(path) => std::path::absolute(path).unwrap_or_else(|_| path.clone()),
        None => folder_of(session, run)?.join("report.html"),
    };
    let (report, left_out) = gathered(session, ledger, run, &path, options.pictures_mib)?;
    let text = page(&report);
    atomic_write(&path, text.as_bytes(), None)?;
    Ok(WrittenReport { path, bytes: text.len() as u64, pictures: report.pictures.len(), left_out })
}

/// The folder of a run, made if nothing was written to it.
pub(super) fn folder_of(session: &Session, run: &RunRow) -> Result<PathBuf, AppError> {
    let folder = session.root.join(&run.folder);
    fs::create_dir_all(&folder).map_err(|source| WriteError::Io { path: folder.clone(), source })?;
    Ok(folder)
}

fn gathered(
    session: &Session,
    ledger: &Ledger,
    run: &RunRow,
    path: &Path,
    pictures_mib: u32,
) -> Result<(RunReport, usize), AppError> {
    let read = |error| ledger_error(&error);
    let is_active = is_active(ledger, run);
    let items = ledger.items(&run.id).map_err(read)?;
    let rows = ledger.course(&run.id).map_err(read)?;
    let decisions = ledger.decisions(&run.id).map_err(read)?;
    let kept = ledger.outline(&run.id).map_err(read)?;
    let mut notes = Vec::new();
    if kept.is_none() {
        notes.push(
            "An older version made this run: what waited for what, and the rules, were not kept with it.".to_owned(),
        );
    }
    let outline = kept.unwrap_or_else(|| outline_of(&items));
    let course = analysis::course(&rows, &items, outline.slots);
    let waits: Waits = analysis::waits(&items, &outline, &decisions);
    let budget = (pictures_mib as usize) << 20;
    let Pictures { made: pictures, picture_of, left_out } = pictures(session, &items, budget);
    if left_out > 0 {
        notes.push(format!(
            "{left_out} results are shown without a picture: there is room for {pictures_mib} MiB (--pictures)."
        ));
    }
    let report = RunReport {
        is_active,
        happened: analysis::happened(&course, &waits),
        routes: analysis::route_counts(&outline, &items, &decisions),
        metrics: analysis::metric_rows(&items),
        failures: analysis::failures(&items),
        retries: analysis::retries(&rows.tries, &items),
        way_to_workspace: path.parent().and_then(|folder| way(folder, &session.root)),
        run: run.clone(),
        items,
        outline,
        course,
        pictures,
        picture_of,
        notes,
    };
    Ok((report, left_out))
}

/// The tasks of a run of which no outline was kept.
fn outline_of(items: &[ItemRow]) -> Outline {
    let mut outline = Outline::default();
    for item in items {
        let (task, keys) = parts_of(&item.address);
        let number = outline.find(task).unwrap_or_else(|| {
            let keys = keys.iter().map(|(key, _)| (*key).to_owned()).collect();
            outline.tasks.push(OutlineTask { name: task.to_owned(), keys, ..OutlineTask::default() });
            outline.tasks.len() - 1
        });
        outline.tasks[number].items += 1;
    }
    outline
}

/// Small pictures of results.
#[derive(Default)]
pub(super) struct Pictures {
    /// The pictures.
    pub(super) made: Vec<SmallPicture>,
    /// Which of them shows an item, by position.
    pub(super) picture_of: BTreeMap<usize, usize>,
    /// Results whose picture found no room.
    pub(super) left_out: usize,
}

/// Small pictures of the first image of each item, those of the last tasks first, each content once,
/// as many as have room in `budget` bytes of the page.
pub(super) fn pictures(session: &Session, items: &[ItemRow], budget: usize) -> Pictures {
    let mut shown_by: BTreeMap<&str, (&str, Vec<usize>)> = BTreeMap::new();
    let mut order: Vec<&str> = Vec::new();
    for (position, item) in items.iter().enumerate().rev() {
        let files = item.result.iter().flat_map(|result| &result.files);
        if let Some(file) = files.into_iter().find(|file| file.width > 0) {
            let entry = shown_by.entry(&file.hash).or_insert_with(|| {
                order.push(&file.hash);
                (&file.path, Vec::new())
            });
            entry.1.push(position);
        }
    }
    let mut found = Pictures::default();
    // Three bytes are four signs in the page.
    let mut room = budget / 4 * 3;
    let most = (room / order.len().max(1)).clamp(PICTURE_BYTES.0, PICTURE_BYTES.1);
    let limits = native_settings(session).image_limits;
    let make = |hash: &&str| {
        let path = session.root.join(shown_by[hash].0);
        let size = fs::metadata(&path).ok()?.len();
        let bytes = (size <= LARGEST_FILE).then(|| fs::read(&path).ok()).flatten()?;
        imagefile::small_picture(&bytes, &limits, &SIDES, most).ok()
    };
    for batch in order.chunks(BATCH) {
        if room < PICTURE_BYTES.0 {
            found.left_out += batch.iter().map(|hash| shown_by[hash].1.len()).sum::<usize>();
            continue;
        }
        let made: Vec<Option<SmallPicture>> = batch.par_iter().map(make).collect();
        for (hash, picture) in batch.iter().zip(made) {
            let positions = &shown_by[hash].1;
            match picture {
                Some(picture) if picture.bytes.len() <= room => {
                    room -= picture.bytes.len();
                    found.picture_of.extend(positions.iter().map(|position| (*position, found.made.len())));
                    found.made.push(picture);
                }
                Some(_) => found.left_out += positions.len(),
                // Gone, or nothing that can be shown.
                None => {}
            }
        }
    }
    found
}

/// How to go from `folder` to `root`, both absolute, with `/` at the end.
fn way(folder: &Path, root: &Path) -> Option<String> {
    let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_path_buf());
    let root = root.canonicalize().unwrap_or_else(|_| root.to_path_buf());
    let (from, to): (Vec<Component>, Vec<Component>) = (folder.components().collect(), root.components().collect());
    let common = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
    if common == 0 {
        return None;
    }
    let mut parts: Vec<String> = std::iter::repeat_n("..".to_owned(), from.len() - common).collect();
    for part in &to[common..] {
        parts.push(
            percent_encoding::utf8_percent_encode(part.as_os_str().to_str()?, percent_encoding::NON_ALPHANUMERIC)
                .to_string(),
        );
    }
    Some(if parts.is_empty() { String::new() } else { format!("{}/", parts.join("/")) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_lead_from_the_page_to_the_workspace() {
        let way = |folder: &str, root: &str| way(Path::new(folder), Path::new(root)).unwrap();
        assert_eq!(way("/w/outputs/a/r1", "/w"), "../../../");
        assert_eq!(way("/w", "/w"), "");
        assert_eq!(way("/elsewhere", "/my work/w"), "../my%20work/w/");
    }
}
