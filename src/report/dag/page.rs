//! The graph as a page: a click on a task shows its items.

use maud::{Markup, html};

use super::{
    Dag,
    svg::{STYLE, fragment},
};
use crate::report::shell;

const PAGE_STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// A graph with what its boxes show when they are opened.
#[derive(Clone, Debug, Default)]
pub struct PageDag {
    /// All boxes closed.
    pub closed: Dag,
    /// The same with one box open, by task; none where that would be too large for a page.
    pub opened: Vec<Option<Dag>>,
    /// What there is to know of the whole: what, and how much.
    pub facts: Vec<(String, String)>,
    /// Sentences below.
    pub notes: Vec<String>,
}

/// Writes the page.
pub fn page(dag: &PageDag) -> String {
    let can_open = dag.opened.iter().any(Option::is_some);
    let body = html! {
        header { h1 { (dag.closed.title) } }
        (shell::facts(&dag.facts))
        @for note in &dag.notes { p class="muted" { (note) } }
        @if can_open {
            p { "Choose a task to see its items; choose it again, or press Escape, to close it." }
        } @else if !dag.opened.is_empty() {
            p class="muted" { "The chain is too large to open its tasks here: use --expand TASK." }
        }
        (drawing(&dag.closed, can_open))
        @for (number, opened) in dag.opened.iter().enumerate() {
            @if let Some(opened) = opened {
                template data-open=(number) { (fragment(opened, true)) }
            }
        }
    };
    shell::document(&dag.closed.title, &[STYLE, PAGE_STYLE], &body, SCRIPT)
}

/// A drawing that scrolls by itself.
pub(super) fn drawing(dag: &Dag, opens: bool) -> Markup {
    html! { div class="scroll" id="drawing" tabindex="0" role="region" aria-label="Graph of the tasks" { (fragment(dag, opens)) } }
}
