//! The graph of a plan, drawn.

use std::{fmt, str::FromStr};

use serde_json::Value;

use super::{AppError, Planned};
use crate::{
    compile::to_text,
    ident::did_you_mean,
    plan::{ItemIx, Outline},
    report::dag::{self, Dag, DagRow, PageDag, TaskMarks},
};

/// Items that an opened box shows.
const SHOWN: usize = 40;

/// Items that an opened box of a page shows.
const SHOWN_ON_PAGE: usize = 24;

/// Most boxes and items of all drawings of a page together.
const MOST_ON_PAGE: usize = 12_000;

/// How a graph is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GraphFormat {
    /// A picture.
    Svg,
    /// A flowchart for Markdown.
    Mermaid,
    /// For Graphviz.
    Dot,
    /// A page whose boxes open.
    Html,
}

impl GraphFormat {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Svg, Self::Mermaid, Self::Dot, Self::Html];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Svg => "svg",
            Self::Mermaid => "mermaid",
            Self::Dot => "dot",
            Self::Html => "html",
        }
    }
}

impl FromStr for GraphFormat {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|format| format.name() == name);
        found.ok_or_else(|| "it is one of svg, mermaid, dot, html".to_owned())
    }
}

impl fmt::Display for GraphFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Draws the graph of `planned`; the boxes of the tasks `expand` are opened.
pub fn plan_graph(planned: &Planned, format: GraphFormat, expand: &[String]) -> Result<String, AppError> {
    let outline = Outline::of(&planned.job.plan);
    let mut open = vec![0; outline.tasks.len()];
    for name in expand {
        let number = outline.find(name).ok_or_else(|| unknown_task(&outline, name))?;
        open[number] = SHOWN;
    }
    let drawn = drawing(planned, &outline, &open);
    Ok(match format {
        GraphFormat::Svg => dag::svg(&drawn),
        GraphFormat::Mermaid => dag::mermaid(&drawn),
        GraphFormat::Dot => dag::dot(&drawn),
        GraphFormat::Html => dag::page(&page(planned, &outline, drawn)),
    })
}

fn unknown_task(outline: &Outline, name: &str) -> AppError {
    let names = || outline.tasks.iter().map(|task| task.name.as_str());
    let error = AppError::usage(format!("--expand {name}: there is no such task"));
    match did_you_mean(name, names()) {
        Some(near) => error.with_hint(format!("did you mean {near}?")),
        None => error.with_hint(format!("the tasks are {}", names().collect::<Vec<_>>().join(", "))),
    }
}

/// The graph with as many items of each task as `open` says.
fn drawing(planned: &Planned, outline: &Outline, open: &[usize]) -> Dag {
    let marks: Vec<TaskMarks> = open.iter().enumerate().map(|(task, shown)| marks(planned, task, *shown)).collect();
    let title = format!("{} {}", planned.job.plan.document, planned.job.plan.version);
    dag::dag(&title, outline, &marks, &|_, _| None)
}

fn marks(planned: &Planned, number: usize, shown: usize) -> TaskMarks {
    let (outlook, task) = (&planned.outlook, &planned.job.plan.tasks[number]);
    let of_task = &outlook.tasks[number];
    let mut notes = Vec::new();
    if let Some(seconds) = of_task.seconds {
        notes.push(format!("{} each", outlook.time_text(seconds)));
    }
    let forecast = planned.forecast[number];
    let is_idle = forecast.run + forecast.routed == 0;
    if is_idle {
        notes.push("all of it is there already".to_owned());
    } else if of_task.critical > 0 {
        notes.push("critical".to_owned());
    } else if of_task.takes_time {
        notes.push(format!("slack {}", outlook.time_text(of_task.slack)));
    } else if task.conditional {
        notes.push("when a rule sends items".to_owned());
    }
    let shown = if shown > 0 { outlook.tightest(task, shown) } else { Vec::new() };
    let rows: Vec<DagRow> = shown.into_iter().map(|item| row(planned, item)).collect();
    let more = if rows.is_empty() { 0 } else { (task.items.len() - rows.len()) as u32 };
    TaskMarks { notes: vec![notes.join(" · ")], critical: of_task.critical > 0, rows, more }
}

fn row(planned: &Planned, item: ItemIx) -> DagRow {
    let preparation = &planned.job.preparation;
    let keys: Vec<String> = preparation.keys(item).iter().map(|(_, value)| short(value)).collect();
    let note = planned.outlook.slack_text(item);
    DagRow {
        item: item.0,
        label: if keys.is_empty() { "(no keys)".to_owned() } else { keys.join(", ") },
        full: preparation.address(item),
        critical: note == "critical",
        note,
        parents: planned.outlook.waits.of_item(item.0 as usize).to_vec(),
    }
}

/// A key's value; of a path the name of the file.
fn short(value: &Value) -> String {
    let text = to_text(value).unwrap_or_default();
    text.rsplit('/').next().unwrap_or(&text).to_owned()
}

fn page(planned: &Planned, outline: &Outline, closed: Dag) -> PageDag {
    let count = outline.tasks.len();
    let fits = count * (count + SHOWN_ON_PAGE) <= MOST_ON_PAGE;
    let opened = (0..count).map(|task| {
        let mut open = vec![0; count];
        open[task] = SHOWN_ON_PAGE;
        fits.then(|| drawing(planned, outline, &open))
    });
    let (plan, outlook) = (&planned.job.plan, &planned.outlook);
    let fact = |name: &str, value: String| (name.to_owned(), value);
    let sum = |of: fn(&super::TaskForecast) -> u32| planned.forecast.iter().map(of).sum::<u32>().to_string();
    let mut facts = vec![
        fact("tasks", count.to_string()),
        fact("items", plan.items.len().to_string()),
        fact("to run", sum(|f| f.run)),
        fact("reused", sum(|f| f.reused)),
        fact("depend on routing", sum(|f| f.routed)),
    ];
    let mut notes = Vec::new();
    if !outlook.is_empty() {
        facts.push(fact("at least", outlook.time_text(outlook.bound.seconds)));
        notes.push(format!("This is {}.", outlook.bottleneck_text()));
        notes.extend(assumptions(planned));
    }
    PageDag { closed, opened: opened.collect(), facts, notes }
}

/// What the times are founded on, where that is little.
pub(super) fn assumptions(planned: &Planned) -> Option<String> {
    let outlook = &planned.outlook;
    if !outlook.is_known {
        return Some("No run has told how long anything takes: every item counts as one step.".to_owned());
    }
    let tasks = planned.job.plan.tasks.iter().zip(&outlook.tasks);
    let unknown: Vec<&str> = tasks.filter(|(_, o)| o.seconds.is_none()).map(|(t, _)| t.name.as_str()).collect();
    (!unknown.is_empty()).then(|| format!("No run has told how long {} takes: 1 s is assumed.", unknown.join(", ")))
}
