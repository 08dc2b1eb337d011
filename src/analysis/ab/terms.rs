//! What is fixed of a test before its first sample.

use serde::{Deserialize, Serialize};

use super::verdict::Blocks;
use crate::{
    model::{AbTest, Better, Decision, DecisionPlan, Header, PREFERENCE, RATING, word},
    stats::{METHOD, Plan, PlanError, Rule, ScoreScale, Settings},
};

/// The terms of a test: kept with its run, so that it is known what was agreed when nothing was seen yet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TestTerms {
    /// The version of this form.
    pub format: u32,
    /// The name of the test.
    pub test: String,
    /// Its version.
    pub version: String,
    /// The preset as it is referred to.
    pub preset: Option<String>,
    /// The variations in order.
    pub variations: Vec<String>,
    /// The seed of the first block; that of each further one is larger by 1.
    pub first_seed: u32,
    /// Most samples for each variation.
    pub samples: u32,
    /// How it is decided.
    pub decision: Decision,
    /// The version of the rules of decision.
    pub method: String,
    /// The run after whose first look the terms were changed, and the test was begun anew all the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restarted_from: Option<String>,
}

impl TestTerms {
    /// The terms of `test`.
    pub fn of(header: &Header, test: &AbTest) -> Self {
        Self {
            format: 1,
            test: header.name.clone(),
            version: header.version.clone(),
            preset: test.preset.clone(),
            variations: test.variations.keys().cloned().collect(),
            first_seed: test.seeds.from,
            samples: test.samples_per_variation,
            decision: test.decision.clone(),
            method: METHOD.to_owned(),
            restarted_from: None,
        }
    }

    /// The rules of decision, made ready.
    pub fn plan(&self) -> Result<Plan, PlanError> {
        let rule = match self.decision.plan {
            DecisionPlan::Horizon => Rule::Horizon,
            DecisionPlan::Open => Rule::Open,
            DecisionPlan::Strict => Rule::Strict,
        };
        let settings = Settings {
            rule,
            alpha: self.decision.alpha,
            equivalence: self.decision.equivalence,
            samples: self.samples,
            futility: self.decision.futility,
        };
        Plan::new(settings, self.variations.len())
    }

    /// How values of the metric become scores.
    pub fn scale(&self) -> ScoreScale {
        let ([low, high], clamps) = match self.decision.range {
            Some(range) => (range, true),
            None if self.decision.metric == RATING => ([1.0, 5.0], false),
            None => ([0.0, 1.0], false),
        };
        let (worst, best) = match self.decision.better {
            Better::Higher => (low, high),
            Better::Lower => (high, low),
        };
        ScoreScale { worst, best, clamps }
    }

    /// Whether people say what a sample is worth.
    pub fn asks_people(&self) -> bool {
        [RATING, PREFERENCE].contains(&self.decision.metric.as_str())
    }

    /// The scores of blocks of values.
    pub fn scores(&self, blocks: &[Vec<Option<f64>>]) -> Blocks {
        let scale = self.scale();
        blocks.iter().map(|block| scale.scores(block)).collect()
    }

    /// Whether samples may be added when all have been looked at: the plan has no last look.
    pub fn may_be_extended(&self) -> bool {
        self.decision.plan != DecisionPlan::Horizon
    }

    /// The rules of decision in which these terms differ from `earlier` ones: key, before, now. How many samples
    /// there are is one of them only where looks depend on it.
    pub fn changes_since(&self, earlier: &Self) -> Vec<(&'static str, String, String)> {
        let (old, new) = (&earlier.decision, &self.decision);
        let range =
            |decision: &Decision| decision.range.map_or_else(|| "0 to 1".to_owned(), |[l, h]| format!("{l} to {h}"));
        let samples = |terms: &Self| if new.plan == old.plan && terms.may_be_extended() { 0 } else { terms.samples };
        [
            ("metric", old.metric.clone(), new.metric.clone()),
            ("better", word(old.better), word(new.better)),
            ("range", range(old), range(new)),
            ("plan", word(old.plan), word(new.plan)),
            ("alpha", old.alpha.to_string(), new.alpha.to_string()),
            ("equivalence", old.equivalence.to_string(), new.equivalence.to_string()),
            ("futility", old.futility.to_string(), new.futility.to_string()),
            ("samples_per_variation", samples(earlier).to_string(), samples(self).to_string()),
        ]
        .into_iter()
        .filter(|(_, old, new)| old != new)
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms(plan: DecisionPlan, samples: u32) -> TestTerms {
        TestTerms {
            format: 1,
            test: "t".to_owned(),
            version: "1.0.0".to_owned(),
            preset: None,
            variations: vec!["a".to_owned(), "b".to_owned()],
            first_seed: 1,
            samples,
            decision: Decision { plan, ..Decision::default() },
            method: METHOD.to_owned(),
            restarted_from: None,
        }
    }

    #[test]
    fn more_samples_are_other_rules_only_where_looks_depend_on_them() {
        let changed = |a: &TestTerms, b: &TestTerms| -> Vec<&'static str> {
            b.changes_since(a).into_iter().map(|(key, ..)| key).collect()
        };
        let (horizon, open) = (terms(DecisionPlan::Horizon, 10), terms(DecisionPlan::Open, 10));
        assert_eq!(changed(&horizon, &terms(DecisionPlan::Horizon, 20)), ["samples_per_variation"]);
        assert_eq!(changed(&open, &terms(DecisionPlan::Open, 20)), [""; 0]);
        assert_eq!(changed(&horizon, &terms(DecisionPlan::Open, 10)), ["plan"]);
        let other = Decision { metric: "sharpness".to_owned(), alpha: 0.1, ..open.decision.clone() };
        assert_eq!(changed(&open, &TestTerms { decision: other, ..open.clone() }), ["metric", "alpha"]);
    }
}
