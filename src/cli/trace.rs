//! `comfywright trace`: why an item went the way it went.

use serde_json::json;

use super::{
    GlobalArgs, Output,
    args::TraceArgs,
    plan::{columns, opened},
};
use crate::{
    analysis::{TracedDecision, Verdict},
    app::{self, AppError, ExitCode, ItemTrace, Session, Sources, TracedTry, history},
};

/// Runs the verb.
pub fn run(args: &TraceArgs, global: &GlobalArgs, output: Output) -> ExitCode {
    let session = match opened(global, None) {
        Ok(session) => session,
        Err(error) => return output.fail("trace", &error, &Sources::default()),
    };
    let sources = Sources::of(&session);
    match traces(&session, args) {
        Ok((run, traces)) => {
            for (number, trace) in traces.iter().enumerate() {
                if number > 0 {
                    output.line("");
                }
                lines(trace).iter().for_each(|line| output.line(line));
            }
            let data = json!({ "run": run, "items": traces });
            output.finish("trace", ExitCode::Done, data, &[], &sources)
        }
        Err(error) => output.fail("trace", &error, &sources),
    }
}

fn traces(session: &Session, args: &TraceArgs) -> Result<(String, Vec<ItemTrace>), AppError> {
    let ledger = app::open_ledger(session)?;
    let run = history::find_run(&ledger, &args.run)?;
    app::item_traces(&ledger, &run, &args.item).map(|traces| (run.id, traces))
}

fn lines(trace: &ItemTrace) -> Vec<String> {
    let why = trace.reason.as_ref().map_or_else(String::new, |reason| format!(" ({reason})"));
    let mut lines = vec![format!("{}: {}{why}", trace.item, trace.state.replace('_', " "))];
    let mut decisions = trace.decisions.iter().peekable();
    for row in &trace.tries {
        lines.push(format!("  {}", try_line(row)));
        while let Some(decision) =
            decisions.next_if(|d| (d.visit, d.attempt, d.tries) == (row.visit, row.attempt, row.number))
        {
            lines.extend(decision_lines(decision));
        }
    }
    // A result that was reused had no try.
    decisions.for_each(|decision| lines.extend(decision_lines(decision)));
    if trace.decisions.is_empty() {
        lines.push("  no rules decided about it".to_owned());
    }
    lines
}

fn try_line(row: &TracedTry) -> String {
    let mut told = vec![format!("visit {}, attempt {}", row.visit, row.attempt)];
    if row.number > 1 {
        told.push(format!("try {}", row.number));
    }
    let seconds = row.ended_ns.map(|ended| (ended - row.submitted_ns) as f64 / 1e9);
    let took = seconds.map_or_else(String::new, |s| format!(" after {}", crate::amounts::duration_text(s)));
    let error = row.error.map_or_else(String::new, |class| format!(" ({class})"));
    let message = row.message.as_ref().map_or_else(String::new, |message| format!(": {message}"));
    format!("{} on {}: {}{took}{error}{message}", told.join(", "), row.executor, row.end)
}

fn decision_lines(decision: &TracedDecision) -> Vec<String> {
    let inputs: Vec<String> = decision.inputs.iter().map(|(name, value)| format!("{name} = {value}")).collect();
    let inputs = if inputs.is_empty() { "none".to_owned() } else { inputs.join(", ") };
    let mut lines = vec![format!("    inputs: {inputs}")];
    let rows = decision.rules.iter().map(|rule| {
        let verdict = match rule.verdict {
            Verdict::Matched => "matched",
            Verdict::PassedOver => "passed over",
            Verdict::NotReached => "not reached",
        };
        [verdict.to_owned(), rule.rule.clone(), rule.why.clone()]
    });
    lines.extend(columns(rows).iter().map(|row| format!("    {row}")));
    let none = if decision.rules.iter().any(|r| r.verdict == Verdict::Matched) { "" } else { "no rule matched; " };
    lines.push(format!("    -> {none}{}: {}", decision.target, decision.next));
    lines
}
