//! The table that is committed as `docs/check.md`.

use std::fmt::Write as _;

use serde_json::Value;

use crate::{
    Finding, Judged,
    mutations::{MUTATIONS, Mutation},
    server::Verdict,
};

/// Counts of one mutation, or of all.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    pub mutants: usize,
    refused: usize,
    executed: usize,
    broke_off: usize,
    hang: usize,
    accepted: usize,
    errors: usize,
    /// Refused, and no error of ours.
    missed: usize,
    /// Executed, and an error of ours.
    false_alarms: usize,
    /// Broke off, and no error of ours.
    unforeseen: usize,
}

impl Counts {
    fn add(&mut self, judged: &Judged) {
        self.mutants += 1;
        let (counter, is_good) = match judged.server {
            Verdict::Refused(_) => (&mut self.refused, false),
            Verdict::Executed => (&mut self.executed, true),
            Verdict::BrokeOff(_) => (&mut self.broke_off, false),
            Verdict::Hangs => (&mut self.hang, false),
            Verdict::Accepted => (&mut self.accepted, true),
        };
        *counter += 1;
        let is_error = !judged.errors.is_empty();
        self.errors += usize::from(is_error);
        self.false_alarms += usize::from(is_error && is_good);
        let is_silent = !is_error && !is_good;
        self.missed += usize::from(is_silent && matches!(judged.server, Verdict::Refused(_) | Verdict::Hangs));
        self.unforeseen += usize::from(is_silent && matches!(judged.server, Verdict::BrokeOff(_)));
    }

    /// Mutants of which the check and the server say different things.
    pub fn disagreements(&self) -> usize {
        self.missed + self.false_alarms
    }

    fn row(&self, name: &str) -> String {
        let Self { mutants, refused, executed, accepted, broke_off, hang, errors, missed, false_alarms, unforeseen } =
            self;
        format!(
            "| {name} | {mutants} | {refused} | {executed} | {accepted} | {broke_off} | {hang} | {errors} | {missed} | {false_alarms} | {unforeseen} |"
        )
    }
}

/// The counts of a mutation.
pub fn of_mutation(findings: &[Finding], mutation: &Mutation) -> Counts {
    let mut counts = Counts::default();
    for finding in findings.iter().filter(|f| f.mutation == mutation.name) {
        counts.add(&finding.judged);
    }
    counts
}

/// All counts together.
pub fn of_all(findings: &[Finding]) -> Counts {
    let mut counts = Counts::default();
    findings.iter().for_each(|finding| counts.add(&finding.judged));
    counts
}

/// The whole page.
pub fn markdown(findings: &[Finding], bases: usize, stats: &Value, seed: u64) -> String {
    let version = stats["system"]["comfyui_version"].as_str().unwrap_or_default();
    let all = of_all(findings);
    let mut page = format!(
        "# `check` against a real server\n\n\
         {} mutants of {bases} graphs that ComfyUI {version} carries out: the graphs of `fixtures/graph/server`, the shipped\n\
         presets, and one for each class of the server that needs no files. Each is judged by `check` with the classes and\n\
         lists of that server, and submitted to it. Made with the seed {seed} by\n\n\
         ```sh\n\
         COMFYWRIGHT_MUTANTS=all python3 tests/comfyui/server.py run -- cargo test --test check_server\n\
         ```\n\n\
         A seeded tenth is part of the tests. *Refused* are mutants that `POST /prompt` did not take, or whose `node_errors` were not\n\
         empty. Of those that it took, *executed* are the ones that came to their end, *broke off* those that did not, and *hang*\n\
         those after which the server ran nothing any more until it was started again; *accepted* ones sample, are clean to\n\
         `check`, and were taken from the queue again. *Errors* counts the mutants in which `check` finds an error.\n\n\
         *Missed* are refused without an error of `check`, *false alarms* are executed and have one: both must be none. *Unforeseen*\n\
         are the mutants that broke off and that nobody can find wrong by the signatures of classes alone: pictures of\n\
         sizes that do not fit together, for example.\n\n\
         | Mutation | Mutants | Refused | Executed | Accepted | Broke off | Hang | Errors | Missed | False alarms | Unforeseen |\n\
         |---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n",
        all.mutants
    );
    for mutation in MUTATIONS {
        let _ = writeln!(page, "{}", of_mutation(findings, mutation).row(mutation.name));
    }
    let _ = writeln!(page, "{}", all.row("**all**"));
    page
}
