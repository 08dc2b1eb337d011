//! The page of a test, gathered from the ledger and from what its runs made; the same as Markdown, and its numbers.

use std::path::{Path, PathBuf};

use rayon::prelude::*;
use serde_json::json;

use super::{
    super::{
        AppError, ReportOptions, Session, atomic_write,
        report::{folder_of, pictures},
        run::ledger_error,
        run_view::task_of,
    },
    TestState,
    adopt::last_run,
    test_of_run,
};
use crate::{
    analysis::look_points,
    draw::{SvgError, svg_to_png},
    ledger::{ItemRow, Ledger, RunRow},
    plan::Outline,
    report::ab::{Sample, SampleRow, TestReport, VariationSpent, markdown, page, plots, vega_lite},
    run::ItemState,
};

/// How much larger than on the page plots are painted: for screens with small pixels.
const PLOT_SCALE: f32 = 2.0;

/// What was written of a test.
#[derive(Clone, Debug)]
pub struct WrittenTestReport {
    /// The page.
    pub page: PathBuf,
    /// The Markdown.
    pub markdown: PathBuf,
    /// The numbers as JSON.
    pub numbers: PathBuf,
    /// The plots as PNG, in the order of the page; none unless asked for.
    pub plots: Vec<PathBuf>,
    /// The plots as a Vega-Lite document; none unless asked for.
    pub vega_lite: Option<PathBuf>,
    /// Bytes of the page.
    pub bytes: u64,
    /// Pictures in it.
    pub pictures: usize,
    /// Samples whose picture found no room.
    pub left_out: usize,
}

/// The run of a test that `name` means: the test's name or file, whose newest run with a block is meant, or a run.
fn run_of(session: &Session, ledger: &Ledger, name: &str) -> Result<RunRow, AppError> {
    let document = session.document(name).ok();
    let identity = document.as_ref().and_then(|loaded| loaded.identity.as_ref());
    match identity {
        Some(identity) => last_run(ledger, &identity.name),
        None => super::super::history::find_run(ledger, name),
    }
}

/// Writes the page of the test that `name` means, its Markdown and its numbers beside each other.
pub fn write_test_report(
    session: &Session,
    ledger: &Ledger,
    name: &str,
    options: &ReportOptions,
) -> Result<WrittenTestReport, AppError> {
    let run = run_of(session, ledger, name)?;
    let state = test_of_run(session, ledger, &run)?
        .ok_or_else(|| AppError::usage(format!("run {} is no run of an A/B test", run.id)))?;
    let path = match &options.out {
        Some(path) => std::path::absolute(path).unwrap_or_else(|_| path.clone()),
        None => folder_of(session, &run)?.join("test.html"),
    };
    let (report, left_out) = gathered(session, ledger, &run, &state, options.pictures_mib)?;
    let (html, text) = (page(&report), markdown(&report));
    let mut numbers = json!(state);
    numbers["looks_taken"] = json!(report.looks);
    numbers["blocks"] = json!(state.blocks);
    let numbers = serde_json::to_string_pretty(&numbers).map_err(|error| AppError::environment(error.to_string()))?;
    let (markdown, data) = (path.with_extension("md"), path.with_extension("json"));
    atomic_write(&path, html.as_bytes(), None)?;
    atomic_write(&markdown, text.as_bytes(), None)?;
    atomic_write(&data, format!("{numbers}\n").as_bytes(), None)?;
    let (plots, vega_lite) = if options.plots { write_plots(&path, &report)? } else { (Vec::new(), None) };
    let (bytes, pictures) = (html.len() as u64, report.pictures.len());
    Ok(WrittenTestReport { page: path, markdown, numbers: data, plots, vega_lite, bytes, pictures, left_out })
}

/// Writes every plot beside the page as PNG, and all of them as a Vega-Lite document.
fn write_plots(page: &Path, report: &TestReport) -> Result<(Vec<PathBuf>, Option<PathBuf>), AppError> {
    let unpainted = |error: SvgError| AppError::environment(error.to_string());
    let painted: Vec<(PathBuf, Vec<u8>)> = plots(report)
        .par_iter()
        .map(|plot| Ok((page.with_extension(format!("{}.png", plot.name)), svg_to_png(&plot.svg, PLOT_SCALE)?)))
        .collect::<Result<_, _>>()
        .map_err(unpainted)?;
    for (path, bytes) in &painted {
        atomic_write(path, bytes, None)?;
    }
    let document = page.with_extension("vl.json");
    let text = serde_json::to_string_pretty(&vega_lite(report)).map_err(|e| AppError::environment(e.to_string()))?;
    atomic_write(&document, format!("{text}\n").as_bytes(), None)?;
    Ok((painted.into_iter().map(|(path, _)| path).collect(), Some(document)))
}

fn gathered(
    session: &Session,
    ledger: &Ledger,
    run: &RunRow,
    state: &TestState,
    pictures_mib: u32,
) -> Result<(TestReport, usize), AppError> {
    let items = ledger.items(&run.id).map_err(|e| ledger_error(&e))?;
    let outline = ledger.outline(&run.id).map_err(|e| ledger_error(&e))?.unwrap_or_default();
    let small = pictures(session, &items, (pictures_mib as usize) << 20);
    let plan = state.terms.plan().map_err(|error| AppError::environment(error.to_string()))?;
    let looks = look_points(&plan, &state.terms.scores(&state.blocks))
        .map_err(|error| AppError::environment(error.to_string()))?;
    let spent = |name: &String| {
        let spent = state.spent.get(name).copied().unwrap_or_default();
        VariationSpent {
            samples: spent.samples + spent.failed,
            seconds_each: spent.seconds_each,
            cost: (spent.cost > 0.0).then_some(spent.cost),
        }
    };
    let mut notes: Vec<String> = state.diagnostics(session, &run.path).into_iter().map(|found| found.message).collect();
    if small.left_out > 0 {
        notes.push(format!(
            "{} samples are shown without a picture: there is room for {pictures_mib} MiB (--pictures).",
            small.left_out
        ));
    }
    let rows = rows(state, &items, &outline, &|position| small.picture_of.get(&position).copied());
    let report = TestReport {
        verdict: state.verdict.clone(),
        run: run.folder_name().to_owned(),
        looks,
        spent: state.terms.variations.iter().map(spent).collect(),
        made: state.made,
        saved: state.saved,
        blocks: rows,
        pictures: small.made,
        restarted_from: state.restarted_from.clone(),
        notes,
    };
    Ok((report, small.left_out))
}

/// The samples by block; blocks of which nothing was made are left out.
fn rows(
    state: &TestState,
    items: &[ItemRow],
    outline: &Outline,
    picture: &dyn Fn(usize) -> Option<usize>,
) -> Vec<SampleRow> {
    let names = &state.terms.variations;
    let mut blocks = vec![vec![Sample::default(); names.len()]; state.terms.samples as usize];
    let mut begun = vec![false; blocks.len()];
    let mut first = 0;
    for task in &outline.tasks {
        let variation = names.iter().position(|name| *name == task.name);
        for (position, item) in items.iter().enumerate().filter(|(_, item)| task_of(&item.address) == task.name) {
            let block = item.item.saturating_sub(first) as usize;
            if let (Some(variation), Some(samples)) = (variation, blocks.get_mut(block)) {
                samples[variation] = sample(state, item, block, variation, picture(position));
                begun[block] |= item.state != ItemState::Skipped;
            }
        }
        first += task.items;
    }
    let label = |block: usize| format!("seed {}", u64::from(state.terms.first_seed) + block as u64);
    let shown = blocks.into_iter().enumerate().filter(|(block, _)| begun[*block]);
    shown.map(|(block, samples)| SampleRow { label: label(block), samples }).collect()
}

fn sample(state: &TestState, item: &ItemRow, block: usize, variation: usize, picture: Option<usize>) -> Sample {
    let failed = matches!(item.state, ItemState::Failed | ItemState::NeedsReview);
    let taken = state.blocks.get(block).and_then(|block| block.get(variation).copied().flatten());
    let measured = item.result.as_ref().and_then(|result| result.metrics.get(&state.verdict.metric)).copied();
    let why = match item.state {
        ItemState::Failed | ItemState::NeedsReview => Some(item.reason.clone().unwrap_or_else(|| "failed".to_owned())),
        ItemState::Skipped => item.reason.clone(),
        _ => None,
    };
    Sample { score: taken.or(measured), picture, why, failed }
}
