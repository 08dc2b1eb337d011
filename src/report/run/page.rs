//! The page as a whole.

use maud::{Markup, html};

use super::{RunReport, data, sections};
use crate::report::{dag, shell};

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = concat!(include_str!("timeline.js"), include_str!("results.js"));

/// Writes the page of a run.
pub fn page(report: &RunReport) -> String {
    let title = format!("{} {} · {}", report.run.document, report.run.version, report.run.folder);
    let body = html! {
        (sections::header(report))
        (shell::facts(&sections::facts(report)))
        (sections::bottleneck(report))
        (parts(report))
        (dialog())
        noscript { p class="note" { "The timeline and the results need JavaScript, which is in this file; nothing is loaded." } }
        (data::elements(report))
    };
    shell::document(&title, &[dag::STYLE, STYLE], &body, SCRIPT)
}

fn parts(report: &RunReport) -> Markup {
    let has_dependencies =
        report.outline.tasks.iter().any(|task| !task.depends_on.is_empty() || !task.rules.is_empty());
    let graph = || html! { div class="scroll" tabindex="0" role="region" aria-label="Graph of the tasks" { (dag::fragment(&sections::graph(report))) } };
    html! {
        @if !report.failures.is_empty() { (sections::section("failures", "What failed and what waits", &sections::failures(report))) }
        @if !report.course.bars.is_empty() {
            (sections::section("timeline", "Where the time went", &html! { (timeline()) (sections::executors(report)) }))
        }
        @if has_dependencies { (sections::section("graph", "Which way the items went", &graph())) }
        @if !report.routes.is_empty() { (sections::section("routes", "Rules", &sections::routes(report))) }
        @if !report.happened.steps.is_empty() { (sections::section("path", "Critical path as it happened", &sections::critical_path(report))) }
        @if !report.retries.is_empty() { (sections::section("retries", "Tried more than once", &sections::retries(report))) }
        @if !report.metrics.is_empty() { (sections::section("metrics", "Metrics", &sections::metrics(report))) }
        (sections::section("results", "Items and results", &sections::results(report)))
    }
}

/// Where the script draws who did what when.
fn timeline() -> Markup {
    html! {
        div class="tools" role="toolbar" aria-label="Timeline" {
            button type="button" id="zoom-in" aria-label="Zoom in" { "+" }
            button type="button" id="zoom-out" aria-label="Zoom out" { "−" }
            button type="button" id="zoom-fit" { "all" }
            span id="legend" {}
        }
        div class="chart" {
            canvas id="chart" tabindex="0" role="application" aria-describedby="chart-help"
                aria-label="Timeline: who did what when" {}
            div id="tip" hidden {}
        }
        p id="told" class="muted" role="status" {}
        p id="chart-help" class="muted small" {
            "Arrows go from try to try, + and − zoom, 0 shows all, Enter tells more. Drag to move; hold Ctrl and turn the wheel to zoom."
        }
    }
}

/// Where the script tells everything about one item.
fn dialog() -> Markup {
    html! {
        dialog id="item" aria-labelledby="item-title" {
            form method="dialog" { button aria-label="Close" class="close" { "×" } }
            h2 id="item-title" {}
            div id="item-body" {}
        }
    }
}
