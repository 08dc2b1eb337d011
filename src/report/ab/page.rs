//! The page as a whole.

use maud::{Markup, html};

use super::{TestReport, evidence, forest, pareto, plot, sheet, spend, words};
use crate::report::shell;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// Writes the page of a test.
pub fn page(report: &TestReport) -> String {
    let verdict = &report.verdict;
    let title = format!("{} {} · {}", verdict.test, verdict.version, report.run);
    let body = html! {
        header {
            h1 { (verdict.test) " " span class="muted" { (verdict.version) } }
            p class="muted" { "A/B test, run " (report.run) ", decided by the rules " (verdict.method) }
            @for note in &report.notes { p class="note" { (note) } }
            @if let Some(run) = &report.restarted_from {
                p class="note" {
                    "Begun anew with other rules after run " (run) " had been looked at: false winners are likelier than alpha."
                }
            }
        }
        section class=(format!("card {}", if verdict.outcome.is_claim() { "claim" } else { "open" })) {
            p class="headline" { (words::headline(verdict)) }
            p { (words::trust(verdict)) }
            (shell::facts(&words::facts(report)))
            (forest::forest(report).in_page())
            (forest::legend(report))
            details { summary { "The same as a table" } (forest::table(report)) }
        }
        (section("samples", "Samples", &sheet::sheet(report)))
        @if !report.looks.is_empty() { (section("evidence", "Evidence from look to look", &evidence::evidence(report).in_page())) }
        (section("spend", "What it took", &html! {
            p { (report.made) " of " (verdict.most_generations) " generations were made; " (report.saved) " were not needed (" (words::share(report.saved, verdict.most_generations)) ")." }
            (spend::spend(report).in_page())
        }))
        @if pareto::known(report).len() > 1 { (section("pareto", "Quality and time", &html! { (pareto::pareto(report).in_page()) (pareto::legend()) })) }
        (dialog())
    };
    shell::document(&title, &[STYLE, plot::STYLE, plot::DARK_STYLE], &body, SCRIPT)
}

fn section(id: &str, title: &str, body: &Markup) -> Markup {
    html! { section id=(id) { h2 { (title) } (body) } }
}

/// Where a picture is shown larger, and two beside each other.
fn dialog() -> Markup {
    html! {
        dialog id="large" aria-labelledby="large-title" {
            form method="dialog" { button aria-label="Close" class="close" { "×" } }
            h2 id="large-title" {}
            div class="two" {
                img id="large-other" alt="";
                img id="large-own" alt="";
            }
            label id="large-slide" hidden {
                span id="large-names" {}
                input type="range" min="0" max="100" value="50" aria-label="Where one picture ends and the other begins";
            }
        }
    }
}
