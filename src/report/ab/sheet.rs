//! The contact sheet: blocks as rows, variations as columns, with their scores.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use maud::{Markup, html};

use super::{Sample, TestReport, forest::leader};

/// The sheet. A picture opens larger, beside that of the variation that leads.
pub(super) fn sheet(report: &TestReport) -> Markup {
    let leader = leader(report);
    html! {
        div class="scroll sheet" tabindex="0" role="region" aria-label="All samples" {
            table {
                thead {
                    tr {
                        th { "block" }
                        @for (place, variation) in report.verdict.variations.iter().enumerate() {
                            th class=(if Some(place) == leader { "leads" } else { "" }) {
                                (variation.name)
                                @if Some(place) == leader { span class="muted" { " leads" } }
                                @if let Some(block) = variation.dropped_after { span class="muted" { " out at " (block) } }
                            }
                        }
                    }
                }
                tbody {
                    @for (row, block) in report.blocks.iter().enumerate() {
                        tr {
                            th scope="row" { (block.label) }
                            @for (column, sample) in block.samples.iter().enumerate() {
                                td class=(class(sample)) {
                                    (cell(report, sample, (row, column), leader, &format!("{}, {}", report.verdict.variations[column].name, block.label)))
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn class(sample: &Sample) -> &'static str {
    match (sample.failed, sample.picture, sample.score) {
        (true, ..) => "failed",
        (_, None, None) => "unmade",
        _ => "",
    }
}

fn cell(
    report: &TestReport,
    sample: &Sample,
    (row, column): (usize, usize),
    leader: Option<usize>,
    name: &str,
) -> Markup {
    let picture = sample.picture.and_then(|picture| report.pictures.get(picture));
    let beside = leader.filter(|leader| *leader != column && report.blocks[row].samples[*leader].picture.is_some());
    html! {
        @if let Some(picture) = picture {
            button type="button" class="shot" id=(format!("s{row}-{column}")) data-beside=[beside.map(|place| format!("s{row}-{place}"))]
                aria-label=(name) title=(name) {
                img alt=(name) loading="lazy"
                    src=(format!("data:{};base64,{}", picture.media_type, BASE64_STANDARD.encode(&picture.bytes)));
            }
        }
        @if let Some(score) = sample.score { span class="badge" { (format!("{score:.3}")) } }
        @if let Some(why) = &sample.why { span class="why" title=(why) { (why) } }
    }
}
