//! What all pages have in common.

use maud::{DOCTYPE, Markup, PreEscaped, html};

/// Colours and letters.
const STYLE: &str = include_str!("shell.css");

/// `style` with the light colours in place of their names: for files that stand alone.
pub(super) fn in_light(style: &str) -> String {
    let light = STYLE.split('}').next().unwrap_or_default();
    let colours = light.split(';').filter_map(|line| line.split_once("--")?.1.split_once(':'));
    colours.fold(style.to_owned(), |style, (name, value)| style.replace(&format!("var(--{name})"), value.trim()))
}

/// A page. Nothing is loaded from anywhere, which the policy sees to.
pub(super) fn document(title: &str, styles: &[&str], body: &Markup, script: &str) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta http-equiv="Content-Security-Policy"
                    content="default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";
                meta name="generator" content=(concat!("comfywright ", env!("CARGO_PKG_VERSION")));
                link rel="icon" href="data:,";
                title { (title) }
                style { (PreEscaped(STYLE)) @for style in styles { (PreEscaped(style)) } }
            }
            body { (body) script { (PreEscaped(script)) } }
        }
    };
    page.into_string()
}

/// Facts in a row: what, and how much.
pub(super) fn facts(facts: &[(String, String)]) -> Markup {
    html! {
        dl class="facts" {
            @for (name, value) in facts { div { dt { (name) } dd { (value) } } }
        }
    }
}
