//! A run as a page: where its time went, which way its items went, what failed, what was made.

mod data;
mod page;
mod sections;

pub use page::page;

use std::collections::BTreeMap;

use crate::{
    analysis::{Course, FailureGroup, Happened, MetricRow, RetryRow, RouteCount},
    imagefile::SmallPicture,
    ledger::{ItemRow, RunRow},
    plan::Outline,
};

/// Everything that the page of a run tells.
#[derive(Clone, Debug)]
pub struct RunReport {
    /// The run.
    pub run: RunRow,
    /// Whether a process works on it.
    pub is_active: bool,
    /// Its items to which something has happened, in the order of the plan.
    pub items: Vec<ItemRow>,
    /// Its tasks; without dependencies and rules for a run of an older program.
    pub outline: Outline,
    /// Where its time went.
    pub course: Course,
    /// What decided how long it took.
    pub happened: Happened,
    /// Which way its items went.
    pub routes: Vec<RouteCount>,
    /// What was measured.
    pub metrics: Vec<MetricRow>,
    /// What ended badly.
    pub failures: Vec<FailureGroup>,
    /// What was tried more than once.
    pub retries: Vec<RetryRow>,
    /// Small pictures of results.
    pub pictures: Vec<SmallPicture>,
    /// Which of them shows an item, by position.
    pub picture_of: BTreeMap<usize, usize>,
    /// From the page's folder to the workspace, with `/` at its end; none when no way leads there.
    pub way_to_workspace: Option<String>,
    /// What else is to be said.
    pub notes: Vec<String>,
}
