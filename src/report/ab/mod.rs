//! What an A/B test came to, as a page and as Markdown: the decision, the pictures, what it took.

mod evidence;
mod forest;
mod markdown;
mod page;
mod pareto;
mod plot;
mod sheet;
mod spend;
mod vega;
mod words;

pub use markdown::markdown;
pub use page::page;
pub use vega::vega_lite;
pub use words::{headline, metric};

use crate::{
    analysis::{LookPoint, TestVerdict},
    imagefile::SmallPicture,
};

/// Everything that is told of a test.
#[derive(Clone, Debug)]
pub struct TestReport {
    /// What was decided.
    pub verdict: TestVerdict,
    /// The name of the run.
    pub run: String,
    /// The looks in order.
    pub looks: Vec<LookPoint>,
    /// What each variation took, in the order of the variations.
    pub spent: Vec<VariationSpent>,
    /// Samples that were generated.
    pub made: u64,
    /// Samples that were not needed.
    pub saved: u64,
    /// The blocks in order: a sample for each variation.
    pub blocks: Vec<SampleRow>,
    /// Small pictures of samples.
    pub pictures: Vec<SmallPicture>,
    /// The run after whose first look the rules were changed.
    pub restarted_from: Option<String>,
    /// What to be careful about.
    pub notes: Vec<String>,
}

/// What the samples of a variation took.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct VariationSpent {
    /// Samples that were generated, failed ones among them.
    pub samples: u32,
    /// Seconds of a sample on average; none where none was timed.
    pub seconds_each: Option<f64>,
    /// What all of them cost; none where nothing has a price.
    pub cost: Option<f64>,
}

/// A block.
#[derive(Clone, Debug, PartialEq)]
pub struct SampleRow {
    /// What it is called: its seed.
    pub label: String,
    /// The sample of each variation.
    pub samples: Vec<Sample>,
}

/// One sample.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sample {
    /// Its score; none where it has none.
    pub score: Option<f64>,
    /// Its picture, by position.
    pub picture: Option<usize>,
    /// Why there is none: `not needed: dropped after block 6`, `failed: …`.
    pub why: Option<String>,
    /// Whether it failed.
    pub failed: bool,
}

/// A plot as a file of its own.
#[derive(Clone, Debug)]
pub struct Plot {
    /// What it is called: `forest`, `evidence`, `spend`, `pareto`.
    pub name: &'static str,
    /// It, as SVG.
    pub svg: String,
}

/// The plots that there is something to show in, each as a file of its own.
pub fn plots(report: &TestReport) -> Vec<Plot> {
    let plot = |name, drawing: plot::Drawing| Plot { name, svg: drawing.file() };
    let mut plots = vec![plot("forest", forest::forest(report))];
    if !report.looks.is_empty() {
        plots.push(plot("evidence", evidence::evidence(report)));
    }
    plots.push(plot("spend", spend::spend(report)));
    if pareto::known(report).len() > 1 {
        plots.push(plot("pareto", pareto::pareto(report)));
    }
    plots
}
