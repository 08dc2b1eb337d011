//! What a test can find, and what it may take: said before anything is spent.

use serde::Serialize;

use super::super::{
    AppError, Session,
    capabilities::estimates,
    job::RunnableJob,
    placed::on_servers,
    plan::fates,
    run::{ledger_error, native_settings, prices},
};
use crate::{
    analysis::{Blocks, MeasuredSpread, TestTerms, measured_spread},
    diff::Fate,
    ledger::Ledger,
    plan::{Capability, ItemIx, Placement, Trial, is_called},
    stats::{FEWEST, POWER, Rule, detectable_difference},
};

/// The version of the JSON form of a [`TestForecast`].
const FORMAT: u32 = 1;

/// The standard deviation of differences that is assumed where none was measured: scores from 0 to 1 that spread by
/// 0.12 and correlate by 0.5 on the same seed, as was seen in many tests of prompts.
const USUAL_DEVIATION: f64 = 0.12;

/// Runs of tests that are looked at for how far differences spread.
const EARLIER: u32 = 50;

/// What a test can find, and what it may take.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TestForecast {
    /// The version of this form.
    pub format: u32,
    /// How many variations it compares.
    pub variations: u32,
    /// Generations at most.
    pub most_generations: u64,
    /// Generations before anything can be decided.
    pub fewest_generations: u64,
    /// Samples that are made already.
    pub made: u64,
    /// The smallest advantage that wins with probability `power`, if differences spread by `deviation`; none for plans
    /// without a last look.
    pub detectable: Option<f64>,
    /// The probability with which it is found.
    pub power: f64,
    /// The standard deviation of differences on the same seed, in the metric's own values.
    pub deviation: f64,
    /// Blocks of earlier tests of the same preset and metric in which it was measured; none where it is assumed.
    pub measured_in: Option<u32>,
    /// Seconds of one generation; none where no earlier run has told.
    pub seconds_each: Option<f64>,
    /// Seconds until the end at most, on all places where it runs; none where no earlier run has told.
    pub seconds: Option<f64>,
    /// What it costs at most; none where nothing has a price, or nothing is known of the seconds.
    pub cost: Option<f64>,
    /// The cost above which a person is asked.
    pub ask_above: Option<f64>,
}

impl TestForecast {
    /// Whether a person has to agree first.
    pub fn needs_consent(&self) -> bool {
        matches!((self.cost, self.ask_above), (Some(cost), Some(limit)) if cost > limit)
    }

    /// Refuses what a person has to agree to.
    pub fn refuse_unasked(&self) -> Result<(), AppError> {
        if !self.needs_consent() {
            return Ok(());
        }
        let (cost, limit) = (self.cost.unwrap_or(0.0), self.ask_above.unwrap_or(0.0));
        Err(AppError::usage(format!("the test may cost {cost:.2}, and limits.ask_above_cost is {limit}"))
            .with_hint("agree to it: --yes; or take fewer samples or variations"))
    }
}

/// The forecast of `job`, when it is a test.
pub(in crate::app) fn forecast(
    session: &Session,
    job: &RunnableJob,
    ledger: Option<&Ledger>,
) -> Result<Option<TestForecast>, AppError> {
    let Some(trial) = &job.plan.trial else { return Ok(None) };
    let variations = trial.rules.variations as u64;
    let most_generations = trial.blocks.len() as u64 * variations;
    let made = fates(job, ledger).into_iter().filter(|fate| *fate == Fate::Reused).count() as u64;
    let seconds_each = seconds_each(session, job, ledger, trial)?;
    let (slots, price) = places(session, job);
    let open = most_generations.saturating_sub(made) as f64;
    let work = seconds_each.map(|seconds| seconds * open);
    let measured = ledger.map(|ledger| spread(job, ledger)).transpose()?.flatten();
    let deviation = measured.map_or(USUAL_DEVIATION, |measured| measured.deviation);
    Ok(Some(TestForecast {
        format: FORMAT,
        variations: variations as u32,
        most_generations,
        fewest_generations: u64::from(first_look(trial)) * variations,
        made,
        detectable: detectable_difference(&trial.rules, deviation).map(|found| trial.scale.spread(found)),
        power: POWER,
        deviation: trial.scale.spread(deviation),
        measured_in: measured.map(|measured| measured.blocks),
        seconds_each,
        seconds: work.map(|work| work / f64::from(slots.max(1))),
        cost: cost(
            work.filter(|_| price > 0.0).map(|work| work / 3600.0 * price),
            runs_each(session, job, trial) * open,
        ),
        ask_above: session.config.limits.ask_above_cost,
    }))
}

/// What hours and runs come to; none where nothing has a price, or nothing is known of the hours.
fn cost(hours: Option<f64>, runs: f64) -> Option<f64> {
    if runs > 0.0 { Some(hours.unwrap_or(0.0) + runs) } else { hours }
}

/// What the nodes of a sample cost that are paid for each run, on average over the variations.
fn runs_each(session: &Session, job: &RunnableJob, trial: &Trial) -> f64 {
    let prices = prices(session);
    let graphs = job.program.tasks.iter().filter_map(|task| task.sample.as_ref());
    let all: f64 = graphs.map(|graph| prices.of_classes(graph.nodes.values().map(|node| node.class.as_str()))).sum();
    all / trial.rules.variations as f64
}

/// How far differences of scores spread in earlier tests of the same preset by the same metric.
fn spread(job: &RunnableJob, ledger: &Ledger) -> Result<Option<MeasuredSpread>, AppError> {
    let Some(terms) = &job.terms else { return Ok(None) };
    let preset =
        |terms: &TestTerms| terms.preset.as_ref().map(|name| name.split('@').next().unwrap_or(name).to_owned());
    let earlier = ledger.earlier_tests(EARLIER).map_err(|e| ledger_error(&e))?.into_iter();
    let alike = earlier.filter_map(|(kept, blocks)| {
        // What an earlier version kept in another form tells nothing.
        let kept: TestTerms = serde_json::from_value(kept).ok()?;
        let is_alike = preset(&kept) == preset(terms) && kept.decision.metric == terms.decision.metric;
        let values: Blocks = blocks.into_iter().map(|row| row.values).collect();
        is_alike.then(|| terms.scores(&values))
    });
    Ok(measured_spread(&alike.collect::<Vec<_>>()))
}

fn first_look(trial: &Trial) -> u32 {
    match trial.rules.settings.rule {
        Rule::Horizon => trial.rules.looks.first().map_or(FEWEST, |look| look.block),
        Rule::Open | Rule::Strict => FEWEST,
    }
}

/// Seconds of a sample on average over the variations, by what was seen of graphs like theirs.
fn seconds_each(
    session: &Session,
    job: &RunnableJob,
    ledger: Option<&Ledger>,
    trial: &Trial,
) -> Result<Option<f64>, AppError> {
    let Some(ledger) = ledger else { return Ok(None) };
    let kinds = &job.plan.kinds;
    let Some(block) = trial.blocks.first() else { return Ok(None) };
    let shapes: Vec<&str> = block.iter().map(|item| kinds.shape_name(kinds.of(item.0).shape)).collect();
    let families: Vec<&str> = block.iter().map(|item| kinds.shape(kinds.of(item.0).shape).family.as_str()).collect();
    if ledger.history(&shapes, &families).map_err(|e| ledger_error(&e))?.is_empty() {
        return Ok(None);
    }
    let servers: Vec<Capability> = session.config.server.keys().map(String::as_str).map(Capability::plain).collect();
    let estimates = estimates(job, Some(ledger), &servers);
    let on_server = on_servers(job).next().is_some();
    let sum: f64 = block.iter().map(|item: &ItemIx| estimates.usual(kinds.of(item.0), on_server)).sum();
    Ok(Some(sum / block.len().max(1) as f64))
}

/// How many samples run at the same time, and the mean price of an hour of one of the servers.
fn places(session: &Session, job: &RunnableJob) -> (u32, f64) {
    let is_used = |name: &str, tags: &[String]| {
        job.plan.tasks.iter().any(|task| match &task.placement {
            Placement::Comfy(names) => names.is_empty() || names.iter().any(|wanted| is_called(name, tags, wanted)),
            Placement::Native => false,
        })
    };
    let used: Vec<_> = session.config.server.iter().filter(|(name, server)| is_used(name, &server.tags)).collect();
    if used.is_empty() {
        return (native_settings(session).slots as u32, 0.0);
    }
    let price = used.iter().map(|(_, server)| server.cost_per_hour).sum::<f64>() / used.len() as f64;
    (used.iter().map(|(_, server)| server.slots).sum(), price)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_is_asked_only_above_the_cost_that_is_known() {
        let forecast = |cost, ask_above| TestForecast {
            format: FORMAT,
            variations: 3,
            most_generations: 60,
            fewest_generations: 12,
            made: 0,
            detectable: None,
            power: POWER,
            deviation: USUAL_DEVIATION,
            measured_in: None,
            seconds_each: None,
            seconds: None,
            cost,
            ask_above,
        };
        let asks = |cost, above| forecast(cost, above).needs_consent();
        assert!(asks(Some(2.0), Some(1.0)) && asks(Some(0.1), Some(0.0)));
        assert!(!asks(Some(1.0), Some(1.0)) && !asks(None, Some(0.0)) && !asks(Some(9.0), None));
        let refused = forecast(Some(2.0), Some(1.0)).refuse_unasked().unwrap_err().to_string();
        assert_eq!(refused, "the test may cost 2.00, and limits.ask_above_cost is 1");
    }
}
