//! What scores decide, with the names of the document.

use serde::Serialize;

use super::{scores::ScoreTable, terms::TestTerms};
use crate::{
    model::{AbTest, Better, Header},
    stats::{
        Bets, BlockError, Decision, Dropped, Estimate, Evidence, METHOD, Outcome, Plan, Rule, ScoreScale, Warning,
        decide, e_bh, holm, sign_flip_p,
    },
};

/// Seed of what is drawn in tests of other metrics, so that the same scores give the same answer.
const SEED: u64 = 1;

/// What a test came to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TestVerdict {
    /// The name of the test.
    pub test: String,
    /// Its version.
    pub version: String,
    /// The metric that decides.
    pub metric: String,
    /// Which of its values are better.
    pub better: Better,
    /// The version of the rules of decision.
    pub method: &'static str,
    /// The rule.
    pub plan: Rule,
    /// The probability of a false winner that is accepted.
    pub alpha: f64,
    /// Differences of values up to this count as none.
    pub equivalence: f64,
    /// How the test stands.
    pub outcome: Outcome,
    /// The variation that won.
    pub winner: Option<String>,
    /// The variation to use; a claim only when it is the winner.
    pub recommended: Option<String>,
    /// The look at which it was decided, from 1.
    pub look: u32,
    /// How many looks the plan has; none where every block is one.
    pub looks: Option<u32>,
    /// The block after which it was decided.
    pub block: u32,
    /// Most blocks.
    pub most_blocks: u32,
    /// Generations that the decision took.
    pub generations: u64,
    /// Generations that the test would have taken at most.
    pub most_generations: u64,
    /// The correlation of scores on the same seed.
    pub seed_correlation: Option<f64>,
    /// The smallest advantage that this test finds with probability 0.8, by the spread that was measured.
    pub detectable: Option<f64>,
    /// Each variation, in the order of the document.
    pub variations: Vec<VariationVerdict>,
    /// What the other metrics say of each variation.
    pub other_metrics: Vec<OtherMetric>,
    /// What to be careful about, with the places of variations.
    #[serde(skip)]
    pub warnings: Vec<Warning>,
}

/// What is known of a variation.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct VariationVerdict {
    /// Its name.
    pub name: String,
    /// Its scores that were looked at.
    pub samples: u32,
    /// Blocks in which it has none although it was in.
    pub failed: u32,
    /// Mean of its scores.
    pub mean: Option<f64>,
    /// Their standard deviation.
    pub deviation: Option<f64>,
    /// The variation that it is compared with: the one that leads, or for that one the next.
    pub against: String,
    /// Mean difference to it over the blocks that both have.
    pub difference: Option<f64>,
    /// Lower end of the interval of that difference.
    pub low: Option<f64>,
    /// Upper end of it.
    pub high: Option<f64>,
    /// The block after which it was dropped.
    pub dropped_after: Option<u32>,
    /// The variation that was ahead of it then.
    pub dropped_by: Option<String>,
}

/// What a metric that does not decide says of a variation, against the one that leads.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OtherMetric {
    /// The metric.
    pub metric: String,
    /// The variation.
    pub variation: String,
    /// The one it is compared with.
    pub against: String,
    /// Blocks that both have.
    pub shared: u32,
    /// Mean difference.
    pub difference: f64,
    /// Two-sided p-value of paired sign flips, for a plan with a horizon.
    pub p: Option<f64>,
    /// The same, allowing for all such comparisons (Holm).
    pub adjusted_p: Option<f64>,
    /// Evidence for a difference, for plans without one (an e-value).
    pub evidence: Option<f64>,
    /// Whether the difference is beyond chance, allowing for all such comparisons (Holm, or e-BH).
    pub is_shown: bool,
}

/// The scores of a metric for each block, in the order in which blocks were looked at.
pub type Blocks = Vec<Vec<Option<f64>>>;

/// Decides `test` by `table`, whose variations are those of the test in their order.
pub fn judge_test(header: &Header, test: &AbTest, plan: &Plan, table: &ScoreTable) -> Result<TestVerdict, BlockError> {
    let metric = test.decision.metric.as_str();
    let seeds = table.seeds(metric);
    let others = table.metrics().into_iter().filter(|other| *other != metric);
    let others: Vec<(String, Blocks)> = others.map(|other| (other.to_owned(), table.blocks(other, &seeds))).collect();
    judge_blocks(&TestTerms::of(header, test), plan, &table.blocks(metric, &seeds), &others)
}

/// Decides a test by the values of its blocks. `others` are other metrics of the same blocks.
pub fn judge_blocks(
    terms: &TestTerms,
    plan: &Plan,
    blocks: &[Vec<Option<f64>>],
    others: &[(String, Blocks)],
) -> Result<TestVerdict, BlockError> {
    let scale = terms.scale();
    let decision = decide(plan, &terms.scores(blocks))?;
    let name = |variation: usize| terms.variations.get(variation).cloned().unwrap_or_default();
    let variations = decision.estimates.iter().enumerate();
    let variations = variations.map(|(place, estimate)| variation(name(place), estimate, scale, &name)).collect();
    Ok(TestVerdict {
        test: terms.test.clone(),
        version: terms.version.clone(),
        metric: terms.decision.metric.clone(),
        better: terms.decision.better,
        method: METHOD,
        plan: plan.settings.rule,
        alpha: plan.settings.alpha,
        equivalence: scale.spread(plan.settings.equivalence),
        outcome: decision.outcome,
        winner: decision.winner.map(name),
        recommended: decision.recommended.map(name),
        look: decision.look,
        looks: (plan.settings.rule == Rule::Horizon).then_some(plan.looks.len() as u32),
        block: decision.block,
        most_blocks: plan.settings.samples,
        generations: decision.generations,
        most_generations: decision.most_generations,
        seed_correlation: decision.seed_correlation,
        detectable: decision.detectable.map(|advantage| scale.spread(advantage)),
        variations,
        other_metrics: other_metrics(&decision, others, &name),
        warnings: decision.warnings,
    })
}

fn variation(
    name: String,
    estimate: &Estimate,
    scale: ScoreScale,
    name_of: &impl Fn(usize) -> String,
) -> VariationVerdict {
    let interval = estimate.interval.map(|interval| scale.interval(interval));
    let dropped: Option<Dropped> = estimate.dropped;
    VariationVerdict {
        name,
        samples: estimate.samples,
        failed: estimate.failed,
        mean: estimate.mean.map(|score| scale.value(score)),
        deviation: estimate.deviation.map(|spread| scale.spread(spread)),
        against: name_of(estimate.against),
        difference: estimate.difference.map(|difference| scale.difference(difference)),
        low: interval.map(|[low, _]| low),
        high: interval.map(|[_, high]| high),
        dropped_after: dropped.map(|dropped| dropped.block),
        dropped_by: dropped.map(|dropped| name_of(dropped.by)),
    }
}

/// Each other metric, each variation against the one that leads by the metric that decides.
fn other_metrics(
    decision: &Decision,
    others: &[(String, Blocks)],
    name: &impl Fn(usize) -> String,
) -> Vec<OtherMetric> {
    let Some(leader) = decision.recommended else { return Vec::new() };
    let mut rows = Vec::new();
    for (other, blocks) in others {
        let used = &blocks[..blocks.len().min(decision.block as usize)];
        for place in (0..decision.estimates.len()).filter(|place| *place != leader) {
            let differences: Vec<f64> = used.iter().filter_map(|row| Some(row[place]? - row[leader]?)).collect();
            if !differences.is_empty() {
                rows.push(compared(decision.settings.rule, other, (name(place), name(leader)), &differences));
            }
        }
    }
    allow_for_all(&mut rows, decision.settings.alpha);
    rows
}

fn compared(rule: Rule, metric: &str, (variation, against): (String, String), differences: &[f64]) -> OtherMetric {
    let evidence = |bets| {
        let mut evidence = Evidence::new(bets);
        differences.iter().for_each(|difference| evidence.push(*difference));
        0.5 * (evidence.above() + evidence.below())
    };
    let (p, evidence) = match rule {
        Rule::Horizon => (Some(sign_flip_p(differences, SEED)), None),
        Rule::Open => (None, Some(evidence(Bets::SignFlip))),
        Rule::Strict => (None, Some(evidence(Bets::Bounded))),
    };
    OtherMetric {
        metric: metric.to_owned(),
        variation,
        against,
        shared: differences.len() as u32,
        difference: differences.iter().sum::<f64>() / differences.len() as f64,
        p,
        adjusted_p: None,
        evidence,
        is_shown: false,
    }
}

fn allow_for_all(rows: &mut [OtherMetric], alpha: f64) {
    let p: Vec<f64> = rows.iter().filter_map(|row| row.p).collect();
    let e: Vec<f64> = rows.iter().filter_map(|row| row.evidence).collect();
    // All rows are of one rule, so they all have the one or the other.
    for (row, adjusted) in rows.iter_mut().zip(holm(&p)) {
        row.adjusted_p = Some(adjusted);
        row.is_shown = adjusted <= alpha;
    }
    for (row, is_shown) in rows.iter_mut().zip(e_bh(&e, alpha)) {
        row.is_shown = is_shown;
    }
}
