//! The native nodes against a real ComfyUI server: every node over a grid of inputs, sizes, batch
//! sizes and all options, as the same graphs through both executors.
//!
//!     python3 tests/comfyui/server.py run -- cargo test --test parity_server
//!
//! runs a seeded tenth of the grid, and with `COMFYWRIGHT_PARITY=all` the whole grid, which also
//! writes the table `docs/parity.md`. `COMFYWRIGHT_PARITY_SEED` chooses another tenth and other
//! pictures, `COMFYWRIGHT_PARITY_ONLY` the nodes whose class contains it. Without a server the grid
//! is only checked for completeness.

#[path = "../support/comfyui.rs"]
mod comfyui;
mod compare;
mod grid;
mod grid_images;
mod grid_masks;
mod grid_texts;
mod pack;
mod pictures;
mod runs;
mod table;
mod texts;

use std::{env, fs, path::Path};

use comfywright::comfy::{Client, ServerSettings};

use self::{
    compare::Finding,
    grid::{Case, coverage, whole_grid},
    pictures::Random,
    table::{Origin, Table},
};

/// One of so many cases is in the sample.
const SAMPLE: u64 = 10;

/// The seed of the committed table.
const SEED: u64 = 1;

/// What the environment says about the server and the extent of the test.
struct Extent {
    server: String,
    is_whole: bool,
    seed: u64,
    only: String,
}

impl Extent {
    /// None without a server, which is said on standard error.
    fn from_environment() -> Option<Self> {
        let text = |name: &str| env::var(name).unwrap_or_default();
        let server = comfyui::server()?;
        let seed = text("COMFYWRIGHT_PARITY_SEED").parse().unwrap_or(SEED);
        let is_whole = text("COMFYWRIGHT_PARITY") == "all";
        Some(Self { server, is_whole, seed, only: text("COMFYWRIGHT_PARITY_ONLY") })
    }

    /// The cases to run: all, or of each class the first and a tenth of the others.
    fn choose(&self, grid: Vec<Case>) -> Vec<Case> {
        let mut random = Random::new(self.seed);
        let mut last_class = "";
        let mut chosen = |case: &Case| {
            let is_first = std::mem::replace(&mut last_class, case.class) != case.class;
            random.below(SAMPLE) == 0 || is_first || self.is_whole
        };
        grid.into_iter().filter(|case| chosen(case) && case.class.contains(&self.only)).collect()
    }
}

#[test]
fn native_nodes_are_at_parity_with_the_server() {
    let Some(extent) = Extent::from_environment() else { return };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("threads");
    let cases = extent.choose(whole_grid());
    let folder = tempfile::tempdir().expect("a folder");
    let (origin, findings) = runtime.block_on(async {
        let client = Client::new(&ServerSettings::plain("test", &extent.server)).expect("the server's url");
        let stats = client.system_stats().await.expect("a ComfyUI server");
        let findings = runs::compare_all(&client, folder.path(), &cases, extent.seed).await;
        (Origin::new(&stats, extent.seed), findings)
    });
    let table = Table::new(&findings);
    println!("{}", table.markdown(&origin));
    let wrong: Vec<String> = findings.iter().filter_map(Finding::complaint).collect();
    assert!(wrong.is_empty(), "{} of {} cases:\n{}", wrong.len(), findings.len(), wrong.join("\n"));
    if extent.is_whole && extent.only.is_empty() {
        fs::write(table_path(), table.markdown(&origin)).expect("docs/parity.md can be written");
    }
}

fn table_path() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/parity.md")
}

#[test]
fn the_grid_leaves_no_option_out() {
    let missing = coverage(&whole_grid());
    assert!(missing.is_empty(), "the grid lacks:\n{}", missing.join("\n"));
}

#[test]
fn the_committed_table_is_of_this_grid() {
    let text = fs::read_to_string(table_path()).expect("docs/parity.md is there");
    for (label, cases) in table::counts(&whole_grid()) {
        let row = text.lines().find(|line| line.starts_with(&format!("| {label} | ")));
        let row = row.unwrap_or_else(|| panic!("docs/parity.md lacks {label}: run the whole grid"));
        assert!(row.starts_with(&format!("| {label} | {cases} |")), "the grid has {cases} cases: {row}");
    }
}
