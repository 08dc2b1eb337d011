//! What the script of the page reads: items, bars and pictures as JSON in rows.

use std::collections::BTreeSet;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use maud::{Markup, PreEscaped, html};
use serde_json::{Value, json};

use super::RunReport;
use crate::{
    analysis::{EndKind, parts_of, short_label},
    ident::IndexMap,
    run::ItemState,
};

/// Pictures that are read together.
const CHUNK: usize = 64;

/// The data as elements that a browser keeps and does not show.
pub(super) fn elements(report: &RunReport) -> Markup {
    html! {
        script type="application/json" id="data" { (PreEscaped(for_script(&data(report)))) }
        @for chunk in report.pictures.chunks(CHUNK) {
            script type="application/json" class="pictures" {
                (PreEscaped(for_script(&chunk.iter().map(|picture| address_of(picture.media_type, &picture.bytes)).collect())))
            }
        }
    }
}

/// JSON that may stand in an element: nothing in it can end the element.
fn for_script(value: &Value) -> String {
    value.to_string().replace('<', "\\u003c")
}

fn address_of(media_type: &str, bytes: &[u8]) -> Value {
    format!("data:{media_type};base64,{}", BASE64_STANDARD.encode(bytes)).into()
}

fn data(report: &RunReport) -> Value {
    let metrics: Vec<&str> = metric_names(report).into_iter().collect();
    let mut tries = vec![0_u32; report.items.len()];
    let mut seconds = vec![0.0; report.items.len()];
    for bar in &report.course.bars {
        tries[bar.item] += 1;
        seconds[bar.item] += bar.end - bar.start;
    }
    let on_path: BTreeSet<usize> = report.happened.steps.iter().map(|step| step.item).collect();
    let task_of: IndexMap<&str, usize> =
        report.outline.tasks.iter().enumerate().map(|(number, task)| (task.name.as_str(), number)).collect();
    let states: Vec<&str> = ItemState::ALL.iter().map(|state| state.name()).collect();
    let items: Vec<Value> = report
        .items
        .iter()
        .enumerate()
        .map(|(position, item)| {
            let result = item.result.as_ref();
            let files: Vec<&str> = result
                .iter()
                .flat_map(|result| &result.files)
                .map(|file| inside(&file.path, &report.run.folder))
                .collect();
            let values: Vec<Value> = metrics
                .iter()
                .map(|name| result.and_then(|r| r.metrics.get(*name)).map_or(Value::Null, |value| significant(*value)))
                .collect();
            json!([
                task_of.get(parts_of(&item.address).0),
                item.address,
                short_label(&item.address),
                ItemState::ALL.iter().position(|state| *state == item.state),
                item.reason,
                item.executor,
                item.visits,
                tries[position],
                to_millisecond(seconds[position]),
                report.picture_of.get(&position),
                files,
                values,
                u8::from(on_path.contains(&position)),
            ])
        })
        .collect();
    json!({
        "way": report.way_to_workspace,
        "folder": report.run.folder,
        "seconds": to_millisecond(report.course.seconds),
        "tasks": report.outline.tasks.iter().map(|task| &task.name).collect::<Vec<_>>(),
        "states": states,
        "metrics": metrics,
        "items": items,
        "executors": report.course.executors.iter().map(|e| json!([e.name, e.lanes])).collect::<Vec<_>>(),
        "bars": bars(report),
        "chunk": CHUNK,
    })
}

fn bars(report: &RunReport) -> Vec<Value> {
    let kind = |kind: EndKind| match kind {
        EndKind::Finished => 0,
        EndKind::Failed => 1,
        EndKind::Lost => 2,
        EndKind::Open => 3,
    };
    report
        .course
        .bars
        .iter()
        .map(|bar| {
            json!([
                bar.item,
                bar.executor,
                bar.lane,
                to_millisecond(bar.submitted),
                to_millisecond(bar.start),
                to_millisecond(bar.end),
                kind(bar.end_kind),
                if bar.is_swap { json!(to_millisecond(bar.swap.unwrap_or(0.0))) } else { Value::Null },
            ])
        })
        .collect()
}

/// Names of everything that was measured, sizes and times as well.
fn metric_names(report: &RunReport) -> BTreeSet<&str> {
    report.items.iter().flat_map(|item| item.result.iter().flat_map(|r| r.metrics.keys())).map(String::as_str).collect()
}

/// What follows the folder of the run, with a slash before it; another path as it is.
fn inside<'a>(path: &'a str, folder: &str) -> &'a str {
    path.strip_prefix(folder).filter(|rest| rest.starts_with('/')).unwrap_or(path)
}

fn to_millisecond(seconds: f64) -> f64 {
    (seconds * 1000.0).round() / 1000.0
}

/// A number to five digits.
pub(super) fn significant(value: f64) -> Value {
    json!(format!("{value:.4e}").parse::<f64>().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_ends_the_element_and_numbers_are_short() {
        assert_eq!(for_script(&json!("</script><!--")), r#""\u003c/script>\u003c!--""#);
        assert_eq!(significant(0.123_456_789).to_string(), "0.12346");
        assert_eq!(significant(1024.0).to_string(), "1024.0");
        assert_eq!(inside("outputs/a/r/x.png", "outputs/a/r"), "/x.png");
        assert_eq!(inside("outputs/a/r2/x.png", "outputs/a/r"), "outputs/a/r2/x.png");
    }
}
