//! The rating page itself: one file, whose script asks the server.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::rating::RatingOptions;
use crate::app::{Desk, Mode};

/// Colours and letters of all pages.
const SHELL: &str = include_str!("../report/shell.css");
const STYLE: &str = include_str!("rating.css");
const SCRIPT: &str = include_str!("rating.js");

/// The page for `desk`.
pub(super) fn page(desk: &Desk, options: &RatingOptions) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                link rel="icon" href="data:,";
                title { "Rate " (desk.title) }
                style { (PreEscaped(SHELL)) (PreEscaped(STYLE)) }
            }
            body {
                (start(desk, options))
                (work())
                section id="end" hidden {
                    h1 { "That was all" }
                    p id="end-text" {}
                    div class="row" {
                        button type="button" class="undo" { "Take the last answer back" kbd { "Z" } }
                        button type="button" id="again" { "Rate as somebody else" }
                    }
                }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    };
    page.into_string()
}

fn start(desk: &Desk, options: &RatingOptions) -> Markup {
    let is_stars = options.mode == Some(Mode::Stars);
    html! {
        form id="start" {
            h1 { (desk.title) }
            p class="muted" { (desk.pictures()) " pictures, and you do not see which is which." }
            label for="rater" { "Who is rating?" }
            input id="rater" name="rater" maxlength="40" autocomplete="off" autofocus required value=[options.rater.as_deref()];
            fieldset {
                legend { "How?" }
                label { input type="radio" name="mode" value="pairs" checked[!is_stars]; span { "Which of two is better" } }
                label { input type="radio" name="mode" value="stars" checked[is_stars]; span { "Each from 1 to 5" } }
            }
            p id="start-error" class="state-bad" role="alert" {}
            button type="submit" class="primary" { "Begin" kbd { "Enter" } }
        }
    }
}

fn work() -> Markup {
    html! {
        main id="work" hidden {
            header {
                progress id="progress" max="1" value="0" aria-label="Answered" {}
                span id="count" role="status" {}
                button type="button" class="undo" aria-label="Take the last answer back" { "Undo" kbd { "Z" } }
            }
            div id="pictures" {}
            p id="trouble" role="alert" hidden {}
            footer id="answers" role="toolbar" aria-label="Answer" {}
        }
    }
}
