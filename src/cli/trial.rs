//! A/B tests on the command line: what one may take, and what it came to.

use std::io::{BufRead as _, IsTerminal as _, Write as _};

use super::{Output, ab, args::RunArgs};
use crate::{
    amounts::duration_text,
    app::{AppError, TestForecast, TestState, count},
};

/// Says what a test can find and may take, and asks where a person has to agree.
pub(super) fn agreed(forecast: &TestForecast, args: &RunArgs, output: Output) -> Result<(), AppError> {
    if !args.events {
        forecast_lines(forecast).iter().for_each(|line| output.note(line));
    }
    if args.yes || !forecast.needs_consent() {
        return Ok(());
    }
    let may_ask = !output.json && !args.events && std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
    if may_ask && asked(forecast) { Ok(()) } else { forecast.refuse_unasked() }
}

fn asked(forecast: &TestForecast) -> bool {
    let mut error = std::io::stderr();
    let cost = forecast.cost.unwrap_or(0.0);
    // Who cannot be asked has not agreed.
    if write!(error, "it may cost {cost:.2}; go on? [y/N] ").and_then(|()| error.flush()).is_err() {
        return false;
    }
    let mut answer = String::new();
    let read = std::io::stdin().lock().read_line(&mut answer);
    read.is_ok() && matches!(answer.trim().to_lowercase().as_str(), "y" | "yes")
}

/// What a test can find and may take, for people.
pub(super) fn forecast_lines(forecast: &TestForecast) -> Vec<String> {
    let most = count(forecast.most_generations as usize, "generation");
    let made = if forecast.made > 0 { format!(", {} of them made before", forecast.made) } else { String::new() };
    let mut lines =
        vec![format!("{} variations: {} to {most}{made}", forecast.variations, forecast.fewest_generations)];
    lines.push(match forecast.detectable {
        Some(detectable) => format!(
            "an advantage of {detectable:.3} wins in {:.0} % of such tests, if differences spread by {:.3} {}",
            100.0 * forecast.power,
            forecast.deviation,
            match forecast.measured_in {
                Some(blocks) => format!("as in {} of earlier tests", count(blocks as usize, "block")),
                None => "(assumed)".to_owned(),
            }
        ),
        None => "the plan has no last look, so no smallest advantage can be told".to_owned(),
    });
    lines.push(match (forecast.seconds_each, forecast.seconds) {
        (Some(each), Some(all)) => format!("about {} each, at most {}", duration_text(each), duration_text(all)),
        _ => "no history: no run has told how long a generation takes".to_owned(),
    });
    lines.extend(forecast.cost.map(|cost| format!("at most {cost:.2} by cost_per_hour")));
    lines
}

/// How a test stands, for people.
pub(super) fn state_lines(state: &TestState) -> Vec<String> {
    let mut lines = ab::lines(&state.verdict);
    // What was begun when the test was decided.
    if state.made > state.verdict.generations {
        lines.push(format!("  {} generations were made, the last ones in vain", state.made));
    }
    let failed: u32 = state.spent.values().map(|spent| spent.failed).sum();
    if failed > 0 {
        lines.push(format!("  {} failed, and their blocks are left out", count(failed as usize, "sample")));
    }
    let (seconds, cost) = state.spent.values().fold((0.0, 0.0), |(s, c), spent| (s + spent.seconds, c + spent.cost));
    if seconds > 0.0 {
        let price = if cost > 0.0 { format!(", {cost:.2} by cost_per_hour") } else { String::new() };
        lines.push(format!("  {} of generation{price}", duration_text(seconds)));
    }
    lines.extend(state.restarted_from.iter().map(|run| {
        format!(
            "  begun anew with other rules after run {run} had been looked at: false winners are likelier than alpha"
        )
    }));
    lines
}
