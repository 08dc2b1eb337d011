//! The parts of the page that stand without a script: numbers, failures, routes, tables.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::{RunReport, data::significant};
use crate::{
    amounts::duration_text,
    analysis::{FailureGroup, RouteCount, parts_of},
    plan::{Bottleneck, Outline, Pool},
    report::dag::{Dag, TaskMarks, dag},
    run::{ItemState, RunState},
};

/// Most addresses that are told of one failure.
const FAILED_ITEMS: usize = 12;

/// Most rows of a table.
const MOST_ROWS: usize = 60;

pub(super) fn header(report: &RunReport) -> Markup {
    let run = &report.run;
    let name = run.folder_name();
    html! {
        header {
            h1 { (run.document) " " span class="muted" { (run.version) } }
            p class="muted" {
                "run " (name) " of " code { (run.path) } ", begun " (time(run.started_ns))
                " " span class=(format!("state state-{}", state_class(run.state))) { (state_text(report)) }
            }
            @for note in &report.notes { p class="note" { (note) } }
        }
    }
}

fn time(ns: i64) -> String {
    jiff::Timestamp::from_nanosecond(i128::from(ns))
        .map_or_else(|_| String::new(), |t| t.strftime("%Y-%m-%d %H:%M:%S UTC").to_string())
}

fn state_text(report: &RunReport) -> String {
    match report.run.state {
        RunState::Running if report.is_active => "goes on".to_owned(),
        RunState::Paused if report.is_active => "waits: it was paused".to_owned(),
        RunState::Running | RunState::Paused => "broke off; run it again to go on".to_owned(),
        state => state.name().to_owned(),
    }
}

fn state_class(state: RunState) -> &'static str {
    match state {
        RunState::Complete => "good",
        RunState::Running | RunState::Paused | RunState::Held | RunState::Stopped => "warn",
        RunState::Cancelled => "bad",
    }
}

/// The numbers of the whole.
pub(super) fn facts(report: &RunReport) -> Vec<(String, String)> {
    let mut facts = vec![("items".to_owned(), report.run.items.to_string())];
    for (state, count) in &report.run.counts {
        facts.push((state_name(*state), count.to_string()));
    }
    let begun: u32 = report.run.counts.values().sum();
    if begun < report.run.items {
        facts.push(("not begun".to_owned(), (report.run.items - begun).to_string()));
    }
    facts.push(("took".to_owned(), duration_text(report.course.seconds)));
    if report.happened.bound.seconds > 0.0 {
        facts.push(("at least".to_owned(), duration_text(report.happened.bound.seconds)));
    }
    let tries: u32 = report.retries.iter().map(|row| row.tries - 1).sum();
    if tries > 0 {
        facts.push(("tries again".to_owned(), tries.to_string()));
    }
    let swaps: u32 = report.course.executors.iter().map(|e| e.swaps).sum();
    if swaps > 0 {
        facts.push(("model changes".to_owned(), swaps.to_string()));
    }
    facts
}

fn state_name(state: ItemState) -> String {
    state.name().replace('_', " ")
}

/// What bounded the run, in words.
pub(super) fn bottleneck(report: &RunReport) -> Markup {
    let (bound, seconds) = (&report.happened.bound, report.course.seconds);
    if bound.seconds <= 0.0 {
        return html! { p { "Nothing ran: every result was there already or needed nothing done." } };
    }
    let capacity = bound.capacity.as_ref().map(|pool| (place(&pool.name), pool));
    let lanes =
        |pool: &Pool| if pool.slots == 1 { "one at a time".to_owned() } else { format!("{} at a time", pool.slots) };
    let waited: f64 = report.happened.steps.iter().map(|step| step.waited).sum();
    html! {
        p class="verdict" {
            @match (bound.bottleneck, &capacity) {
                (Bottleneck::Capacity, Some((name, pool))) => {
                    strong { "Capacity-bound" } ": the work of " (name) " takes " strong { (duration_text(pool.seconds())) } ", "
                    (lanes(pool)) "; the longest way only " (duration_text(bound.path)) ". More executors would make it quicker."
                }
                (_, Some((name, pool))) => {
                    strong { "Path-bound" } ": the longest way takes " strong { (duration_text(bound.path)) } "; the work of "
                    (name) " only " (duration_text(pool.seconds())) ", " (lanes(pool)) ". Only quicker items on that way would make it quicker."
                }
                _ => { strong { "Path-bound" } ": the longest way takes " strong { (duration_text(bound.path)) } "." }
            }
            " It took " (duration_text(seconds)) ", " (format!("{:.2}", seconds / bound.seconds)) " times the least."
            @if waited > 0.0 { " On the critical path, items that could have run waited " (duration_text(waited)) " in all." }
        }
        @if !report.course.pauses.is_empty() {
            p class="muted" {
                "It was continued " (report.course.pauses.len()) " times; pauses of "
                (duration_text(report.course.pauses.iter().sum())) " in all are left out everywhere."
            }
        }
    }
}

/// An executor for people.
pub(super) fn place(name: &str) -> String {
    match name {
        "native" => "this computer".to_owned(),
        "comfy" => "the servers".to_owned(),
        server => format!("server {server}"),
    }
}

/// Who worked how much.
pub(super) fn executors(report: &RunReport) -> Markup {
    let seconds = report.course.seconds;
    html! {
        div class="scroll" tabindex="0" role="region" aria-label="Executors" {
            table {
                thead { tr { th { "where" } th { "at a time" } th { "busy" } th { "idle" } th { "model changes" } } }
                tbody {
                    @for executor in &report.course.executors {
                        @let share = executor.busy_share(seconds);
                        tr {
                            td { (place(&executor.name)) }
                            td { (executor.lanes) }
                            td { (duration_text(executor.busy)) " · " (format!("{:.0} %", share * 100.0)) }
                            td { (format!("{:.0} %", (1.0 - share) * 100.0)) }
                            td {
                                @match (executor.swaps, executor.swap_seconds) {
                                    (0, _) => { "–" }
                                    (swaps, None) => { (swaps) }
                                    (swaps, Some(taken)) => {
                                        (swaps) ", about " (duration_text(taken)) " · "
                                        (format!("{:.0} %", 100.0 * taken / executor.busy.max(f64::MIN_POSITIVE)))
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// What failed and waits, with its reasons; what that kept from running in one go.
pub(super) fn failures(report: &RunReport) -> Markup {
    let (blocked, told): (Vec<&FailureGroup>, Vec<&FailureGroup>) =
        report.failures.iter().partition(|group| group.state == ItemState::Blocked);
    html! {
        @for group in told { (failure(report, group)) }
        @if !blocked.is_empty() {
            div class="failure warn" {
                p { strong { (blocked.iter().map(|group| group.items.len()).sum::<usize>()) " blocked" } " by what they need" }
                p class="muted" {
                    @for (number, group) in blocked.iter().enumerate() {
                        @if number > 0 { ", " }
                        (group.items.len()) " × " (group.task) " (" (group.message) ")"
                    }
                }
            }
        }
    }
}

fn failure(report: &RunReport, group: &FailureGroup) -> Markup {
    let class = match group.state {
        ItemState::Failed | ItemState::NeedsReview => "failure bad",
        _ => "failure warn",
    };
    html! {
        div class=(class) {
            p { strong { (group.items.len()) " × " (group.task) } " " (state_name(group.state)) }
            pre { (group.message) }
            p class="muted" {
                @for (number, item) in group.items.iter().take(FAILED_ITEMS).enumerate() {
                    @if number > 0 { ", " }
                    button type="button" class="link" data-item=(item) { (report.items[*item].address) }
                }
                @if group.items.len() > FAILED_ITEMS { " and " (group.items.len() - FAILED_ITEMS) " more" }
            }
        }
    }
}

/// The graph of the tasks with how many items went which way.
pub(super) fn graph(report: &RunReport) -> Dag {
    let on_path: Vec<&str> =
        report.happened.steps.iter().map(|step| parts_of(&report.items[step.item].address).0).collect();
    let marks: Vec<TaskMarks> = tasks(report)
        .iter()
        .map(|task| TaskMarks {
            notes: vec![task.counts_text()]
                .into_iter()
                .chain(task.seconds.map(|s| format!("{} each", duration_text(s))))
                .collect(),
            critical: on_path.contains(&task.name.as_str()),
            ..TaskMarks::default()
        })
        .collect();
    let taken = |task: usize, rule: usize| {
        report.routes.iter().find(|count| (count.task, count.rule) == (task, Some(rule))).map(|count| count.items)
    };
    dag(&format!("{} {}", report.run.document, report.run.version), &report.outline, &marks, &taken)
}

/// A task with its numbers.
pub(super) struct TaskNumbers {
    pub(super) name: String,
    pub(super) items: u32,
    pub(super) counts: BTreeMap<ItemState, u32>,
    /// Mean seconds of the items that ran.
    pub(super) seconds: Option<f64>,
}

impl TaskNumbers {
    /// `590 done, 10 failed`
    fn counts_text(&self) -> String {
        let parts: Vec<String> =
            self.counts.iter().map(|(state, count)| format!("{count} {}", state_name(*state))).collect();
        if parts.is_empty() { "not begun".to_owned() } else { parts.join(", ") }
    }
}

/// The tasks in the order of the plan.
pub(super) fn tasks(report: &RunReport) -> Vec<TaskNumbers> {
    let mut tasks: Vec<TaskNumbers> = report
        .outline
        .tasks
        .iter()
        .map(|task| TaskNumbers { name: task.name.clone(), items: task.items, counts: BTreeMap::new(), seconds: None })
        .collect();
    let task_of = |outline: &Outline, item: usize| outline.find(parts_of(&report.items[item].address).0);
    let mut worked: BTreeMap<usize, (f64, std::collections::BTreeSet<usize>)> = BTreeMap::new();
    for bar in &report.course.bars {
        if let Some(task) = task_of(&report.outline, bar.item) {
            let (seconds, items) = worked.entry(task).or_default();
            *seconds += bar.end - bar.start;
            items.insert(bar.item);
        }
    }
    for (position, item) in report.items.iter().enumerate() {
        if let Some(task) = task_of(&report.outline, position) {
            *tasks[task].counts.entry(item.state).or_default() += 1;
        }
    }
    for (task, (seconds, items)) in worked {
        tasks[task].seconds = Some(seconds / items.len() as f64);
    }
    tasks
}

/// How many items followed each rule.
pub(super) fn routes(report: &RunReport) -> Markup {
    let rule = |count: &RouteCount| {
        let text = count.text.split(" -> ").next().unwrap_or_default().to_owned();
        if count.rule.is_none() { "no rule matched".to_owned() } else { text }
    };
    html! {
        div class="scroll" tabindex="0" role="region" aria-label="Routes" {
            table {
                thead { tr { th { "task" } th { "rule" } th { "leads to" } th { "items" } } }
                tbody {
                    @for (number, count) in report.routes.iter().enumerate() {
                        @let is_first = number == 0 || report.routes[number - 1].task != count.task;
                        tr {
                            td { @if is_first { (report.outline.tasks[count.task].name) } }
                            td { @if count.rule.is_some() { code { (rule(count)) } } @else { span class="muted" { (rule(count)) } } }
                            td { (count.target) }
                            td { (count.items) }
                        }
                    }
                }
            }
        }
    }
}

/// What was measured.
pub(super) fn metrics(report: &RunReport) -> Markup {
    html! {
        div class="scroll" tabindex="0" role="region" aria-label="Metrics" {
            table {
                thead { tr { th { "task" } th { "metric" } th { "items" } th { "least" } th { "median" } th { "mean" } th { "most" } } }
                tbody {
                    @for (number, row) in report.metrics.iter().enumerate() {
                        tr {
                            td { @if number == 0 || report.metrics[number - 1].task != row.task { (row.task) } }
                            td { (row.name) }
                            td { (row.count) }
                            @for value in [row.least, row.median, row.mean, row.most] { td { (number_text(value)) } }
                        }
                    }
                }
            }
        }
    }
}

fn number_text(value: f64) -> String {
    significant(value).as_f64().map_or_else(String::new, |value| value.to_string())
}

/// The critical path as it happened.
pub(super) fn critical_path(report: &RunReport) -> Markup {
    let steps = &report.happened.steps;
    html! {
        div class="scroll" tabindex="0" role="region" aria-label="Critical path" {
            table {
                thead { tr { th { "item" } th { "waited for a place" } th { "ran" } th { "ended at" } } }
                tbody {
                    @for step in steps.iter().take(MOST_ROWS) {
                        tr {
                            td { button type="button" class="link" data-item=(step.item) { (report.items[step.item].address) } }
                            td { (duration_text(step.waited)) }
                            td { (duration_text(step.ran)) }
                            td { (duration_text(step.end)) }
                        }
                    }
                }
            }
        }
        (more(steps.len()))
    }
}

/// What was tried more than once.
pub(super) fn retries(report: &RunReport) -> Markup {
    html! {
        div class="scroll" tabindex="0" role="region" aria-label="Retries" {
            table {
                thead { tr { th { "item" } th { "tries" } th { "errors" } th { "in the end" } } }
                tbody {
                    @for row in report.retries.iter().take(MOST_ROWS) {
                        tr {
                            td { button type="button" class="link" data-item=(row.item) { (report.items[row.item].address) } }
                            td { (row.tries) }
                            td class="long" { @for (class, message) in &row.errors { div { strong { (class) } " " (message) } } }
                            td { (state_name(report.items[row.item].state)) }
                        }
                    }
                }
            }
        }
        (more(report.retries.len()))
    }
}

fn more(rows: usize) -> Markup {
    html! { @if rows > MOST_ROWS { p class="muted" { "and " (rows - MOST_ROWS) " more" } } }
}

/// A part of the page with a heading.
pub(super) fn section(id: &str, title: &str, body: &Markup) -> Markup {
    html! { section id=(id) aria-labelledby=(format!("{id}-title")) { h2 id=(format!("{id}-title")) { (title) } (body) } }
}

/// The tasks, each with what it made; the script fills them when they are opened.
pub(super) fn results(report: &RunReport) -> Markup {
    html! {
        form class="filters" role="search" aria-label="Filter the items" {
            label { "Find " input type="search" id="find" placeholder="sku=A1" autocomplete="off"; }
            label { "State " select id="state" { option value="" { "any" }
                @for state in report.run.counts.keys() { option value=(state.name()) { (state_name(*state)) } } } }
            span id="found" class="muted" role="status" {}
        }
        @for (number, task) in tasks(report).iter().enumerate() {
            div class="task" data-task=(number) {
                h3 {
                    button type="button" aria-expanded="false" aria-controls=(format!("items-{number}")) {
                        span class="task-name" { (task.name) } " " span class="muted" { "×" (task.items) }
                    }
                    span class="chips" {
                        @for (state, count) in &task.counts {
                            span class=(format!("chip chip-{}", state.name())) { (count) " " (state_name(*state)) }
                        }
                        @if let Some(seconds) = task.seconds { span class="muted" { (duration_text(seconds)) " each" } }
                    }
                }
                div class="grid" id=(format!("items-{number}")) role="list" hidden {}
            }
        }
    }
}
