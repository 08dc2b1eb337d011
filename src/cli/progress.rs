//! What a person sees while a run goes on: bars on a terminal, lines elsewhere, JSON lines with
//! `--events`.

use std::{
    collections::BTreeMap,
    io::Write as _,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::{
    run::{ItemState, NOT_NEEDED, Observer, RunEvent, ServerCondition},
    stats::Outcome,
};

/// Most running items that have a bar of their own.
const MOST_BARS: usize = 8;

/// How much there must be to go by before a remaining time is told.
const ENOUGH_ITEMS: u64 = 3;

/// How a run is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Show {
    /// Bars on standard error.
    Bars,
    /// A line for each finished item on standard error.
    Lines,
    /// Events as JSON lines on standard output.
    Events,
    /// Nothing.
    Nothing,
}

/// An observer that shows a run as `show` says.
pub(super) fn observer(show: Show) -> Observer {
    match show {
        Show::Nothing => Arc::new(|_| {}),
        Show::Events => Arc::new(|event| {
            if let Ok(line) = serde_json::to_string(event) {
                // A reader that went away does not end the run.
                let _ = writeln!(std::io::stdout(), "{line}");
            }
        }),
        Show::Lines => {
            let settled = Mutex::new((0, 0));
            Arc::new(move |event| line(event, &mut settled.lock().unwrap_or_else(PoisonError::into_inner)))
        }
        Show::Bars => {
            let bars = Mutex::new(Bars::new());
            Arc::new(move |event| bars.lock().unwrap_or_else(PoisonError::into_inner).show(event))
        }
    }
}

/// The state of an item for people.
fn word(state: ItemState) -> &'static str {
    if state == ItemState::NeedsReview { "needs review" } else { state.name() }
}

fn line(event: &RunEvent, (settled, items): &mut (u32, u32)) {
    let text = match event {
        RunEvent::RunStarted { items: all, settled: before, document, .. } => {
            (*settled, *items) = (*before, *all);
            format!("{document}: {all} items, {before} of them settled before")
        }
        RunEvent::ItemFinished { item, state, reason, error, .. } => {
            *settled += 1;
            if reason.as_ref().is_some_and(|reason| reason.starts_with(NOT_NEEDED)) {
                // The look has told it.
                return;
            }
            let why = error.as_ref().map(|e| e.message.clone()).or_else(|| reason.clone());
            let why = why.map_or_else(String::new, |why| format!(": {why}"));
            format!("{:>5}/{items} {:<8} {item}{why}", *settled, word(*state))
        }
        RunEvent::ItemHeld { item, .. } => format!("            held     {item}"),
        RunEvent::ItemRetried { item, error } => format!("            again    {item}: {error}"),
        RunEvent::TestLooked { .. } => {
            looked_text(event).map_or_else(String::new, |text| format!("            {text}"))
        }
        RunEvent::RunPaused => "            paused: what runs is finished, and nothing new begins".to_owned(),
        RunEvent::RunContinued => "            goes on".to_owned(),
        RunEvent::Server { server, condition } => {
            format!("            server   {server} {}", condition_text(*condition))
        }
        _ => return,
    };
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// A look at a test, for people.
fn looked_text(event: &RunEvent) -> Option<String> {
    let RunEvent::TestLooked { block, look, outcome, leader, dropped } = event else { return None };
    let stands = match outcome {
        Outcome::Running if dropped.is_empty() => format!("{leader} leads"),
        Outcome::Running => format!("{leader} leads, dropped: {}", dropped.join(", ")),
        _ => format!("decided: {}", outcome.name()),
    };
    Some(format!("look {look}   after block {block}: {stands}"))
}

/// How a server is, for people.
fn condition_text(condition: ServerCondition) -> &'static str {
    match condition {
        ServerCondition::InUse => "is in use",
        ServerCondition::OutOfOrder => "does not answer and is left alone for a while",
        ServerCondition::Answers => "answers again",
        ServerCondition::GivenUp => "is not waited for any longer",
        ServerCondition::Drained => "is out of use: what is with it is finished (comfywright resume puts it back)",
    }
}

struct Bars {
    all: MultiProgress,
    overall: ProgressBar,
    running: BTreeMap<String, ProgressBar>,
    begun: Instant,
    before: u64,
}

impl Bars {
    fn new() -> Self {
        let all = MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(12));
        let overall = all.add(ProgressBar::new(0));
        overall.set_style(style("{bar:32} {pos}/{len} {elapsed_precise} {msg}"));
        overall.enable_steady_tick(Duration::from_millis(250));
        Self { all, overall, running: BTreeMap::new(), begun: Instant::now(), before: 0 }
    }

    fn show(&mut self, event: &RunEvent) {
        match event {
            RunEvent::RunStarted { items, settled, .. } => {
                self.before = u64::from(*settled);
                self.overall.set_length(u64::from(*items));
                self.overall.set_position(self.before);
            }
            RunEvent::ItemStarted { item, .. } if self.running.len() < MOST_BARS => {
                let bar = self.all.add(ProgressBar::new(100));
                bar.set_style(style("  {bar:12} {msg}"));
                bar.set_message(item.clone());
                self.running.insert(item.clone(), bar);
            }
            RunEvent::ItemProgress { item, progress } => {
                if let Some(bar) = self.running.get(item) {
                    bar.set_position((progress * 100.0) as u64);
                }
            }
            RunEvent::ItemFinished { item, state, reason, error, seconds_left, .. } => {
                self.forget(item);
                self.overall.inc(1);
                self.tell_remaining(seconds_left.unwrap_or(0.0));
                if state.is_failure() {
                    let why = error.as_ref().map(|e| e.message.clone()).or_else(|| reason.clone()).unwrap_or_default();
                    // Without a terminal there would be no bars.
                    let _ = self.all.println(format!("{} {item}: {why}", word(*state)));
                }
            }
            RunEvent::ItemRetried { item, .. } | RunEvent::ItemHeld { item, .. } => self.forget(item),
            RunEvent::ItemRepeated { .. } => self.overall.dec(1),
            RunEvent::Server { server, condition } => {
                // Without a terminal there would be no bars.
                let _ = self.all.println(format!("server {server} {}", condition_text(*condition)));
            }
            RunEvent::TestLooked { .. } => {
                // Without a terminal there would be no bars.
                let _ = looked_text(event).map(|text| self.all.println(text));
            }
            RunEvent::RunPaused => {
                let _ = self.all.println("paused: what runs is finished, and nothing new begins");
            }
            RunEvent::RunContinued => {
                let _ = self.all.println("goes on");
            }
            RunEvent::RunFinished { .. } => {
                self.running.values().for_each(ProgressBar::finish_and_clear);
                self.overall.finish_and_clear();
            }
            _ => {}
        }
    }

    fn forget(&mut self, item: &str) {
        if let Some(bar) = self.running.remove(item) {
            bar.finish_and_clear();
            self.all.remove(&bar);
        }
    }

    /// The remaining time, once there is something to go by.
    fn tell_remaining(&self, seconds: f64) {
        let done = self.overall.position().saturating_sub(self.before);
        if done >= ENOUGH_ITEMS && self.begun.elapsed() > Duration::from_secs(1) {
            let left = indicatif::HumanDuration(Duration::from_secs_f64(seconds.max(0.0)));
            self.overall.set_message(format!("about {left} left"));
        }
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> ")
}
