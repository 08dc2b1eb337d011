//! The table that is committed as `docs/parity.md`.

use std::fmt::Write as _;

use comfywright::{comfy::SystemStats, ident::IndexMap, native::NATIVE_VERSION};

use crate::{
    compare::{Distance, Finding, Limit, Outcome, label},
    grid::Case,
};

/// What the table was made with.
pub struct Origin {
    comfyui: String,
    torch: String,
    python: String,
    seed: u64,
}

impl Origin {
    /// What a server says of itself.
    pub fn new(stats: &SystemStats, seed: u64) -> Self {
        let first = |text: &str| text.split([' ', '+']).next().unwrap_or_default().to_owned();
        Self {
            comfyui: stats.system.comfyui_version.clone(),
            torch: first(&stats.system.pytorch_version),
            python: first(&stats.system.python_version),
            seed,
        }
    }
}

/// One row.
struct Row {
    cases: usize,
    refused: usize,
    distance: Distance,
    largest_mean: f64,
    limit: Limit,
}

/// Rows by label.
pub struct Table(IndexMap<String, Row>);

/// How many cases each row has.
pub fn counts(grid: &[Case]) -> IndexMap<String, usize> {
    let mut counts = IndexMap::default();
    for case in grid {
        *counts.entry(label(case)).or_default() += 1;
    }
    counts
}

impl Table {
    /// The rows of these findings.
    pub fn new(findings: &[Finding]) -> Self {
        let mut rows = IndexMap::default();
        for finding in findings {
            let row = rows.entry(finding.label.clone()).or_insert_with(|| Row {
                cases: 0,
                refused: 0,
                distance: Distance::default(),
                largest_mean: 0.0,
                limit: finding.limit,
            });
            row.cases += 1;
            match &finding.outcome {
                Outcome::Refused => row.refused += 1,
                Outcome::Compared(distance) => {
                    row.distance = row.distance.and(*distance);
                    row.largest_mean = row.largest_mean.max(distance.mean());
                }
                Outcome::Wrong(_) => {}
            }
            if let (Limit::Each(most), Limit::Each(allowed)) = (row.limit, finding.limit) {
                row.limit = Limit::Each(most.max(allowed));
            }
        }
        Self(rows)
    }

    /// The whole page.
    pub fn markdown(&self, origin: &Origin) -> String {
        let Origin { comfyui, torch, python, seed } = origin;
        let mut page = format!(
            "# Parity with ComfyUI\n\n\
             Every native node as the same graph in this process and on a ComfyUI server, over a grid of pictures\n\
             (odd sides, one pixel, not square, batches, with and without alpha) and all options. Made by\n\n\
             ```sh\n\
             COMFYWRIGHT_PARITY=all python3 tests/comfyui/server.py run -- cargo test --test parity_server\n\
             ```\n\n\
             with the seed {seed}, version {NATIVE_VERSION} of the native nodes, ComfyUI {comfyui} on the CPU, PyTorch {torch}, \
             Python {python}.\n\n\
             Differences are of the saved PNG files, in levels of 255. *Refused* are cases that both sides refuse. *Worst mean*\n\
             is the largest mean difference of one case. JPEG files, whose decoders differ, are not compared, nor 16-bit grey\n\
             ones: `LoadImage` has a rule for Pillow's mode I, which Pillow 13 no longer reads them as, so that they become white.\n\n\
             | Node | Cases | Refused | Values | Largest | Mean | Worst mean | Allowed |\n\
             |---|--:|--:|--:|--:|--:|--:|---|\n"
        );
        for (label, row) in &self.0 {
            let Row { cases, refused, distance, largest_mean, limit } = row;
            let _ = match limit {
                Limit::Equal => {
                    writeln!(page, "| {label} | {cases} | {refused} | {} texts | | | | equal |", distance.values)
                }
                Limit::Each(_) | Limit::Mean(_) => writeln!(
                    page,
                    "| {label} | {cases} | {refused} | {} | {} | {} | {} | {} |",
                    distance.values,
                    distance.largest,
                    decimal(distance.mean()),
                    decimal(*largest_mean),
                    allowed(*limit)
                ),
            };
        }
        let total: usize = self.0.values().map(|row| row.cases).sum();
        let _ = writeln!(page, "\n{total} cases in all.");
        page
    }
}

fn allowed(limit: Limit) -> String {
    match limit {
        Limit::Each(most) => format!("{most} at most"),
        Limit::Mean(most) => format!("mean {most}"),
        Limit::Equal => "equal".to_owned(),
    }
}

/// Few digits, and 0 only where it is 0.
fn decimal(value: f64) -> String {
    if value == 0.0 {
        "0".to_owned()
    } else if value < 0.001 {
        format!("{value:.0e}")
    } else {
        format!("{value:.3}")
    }
}
