//! How the evidence grew from look to look.

use serde::Serialize;

use crate::stats::{BlockError, Plan, Race};

/// What was known at one look.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LookPoint {
    /// After which block.
    pub block: u32,
    /// For each variation the evidence against it, as a share of the boundary at which one is dropped; none for
    /// whoever was out before.
    pub evidence: Vec<Option<f64>>,
}

/// The looks of a test, by its blocks.
pub fn look_points(plan: &Plan, blocks: &[Vec<Option<f64>>]) -> Result<Vec<LookPoint>, BlockError> {
    let mut race = Race::new(plan);
    let mut points = Vec::new();
    for block in blocks {
        let looks = race.looks();
        race.push(block)?;
        if race.looks() > looks {
            points.push(LookPoint { block: race.block(), evidence: race.pressure() });
        }
    }
    Ok(points)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::{Rule, Settings, decide};

    fn blocks(gap: f64) -> Vec<Vec<Option<f64>>> {
        let noise = |block: u32, place: u32| f64::from((block * 7 + place * 5) % 11) / 100.0;
        (0..40).map(|b| vec![Some(0.4 + noise(b, 0)), Some(0.4 + noise(b, 1) + gap)]).collect()
    }

    #[test]
    fn who_is_dropped_is_beyond_the_boundary_and_nobody_else() {
        for rule in [Rule::Horizon, Rule::Open] {
            let settings = Settings { rule, alpha: 0.05, equivalence: 0.0, samples: 40, futility: false };
            let plan = Plan::new(settings, 2).unwrap();
            let points = look_points(&plan, &blocks(0.1)).unwrap();
            let decision = decide(&plan, &blocks(0.1)).unwrap();
            let dropped = decision.estimates[0].dropped.expect("the worse one is dropped");
            let (last, before) = points.split_last().unwrap();
            assert_eq!(last.block, dropped.block);
            assert!(last.evidence[0].unwrap() >= 1.0, "{last:?}");
            assert!(before.iter().all(|point| point.evidence.iter().flatten().all(|share| *share < 1.0)), "{before:?}");
        }
    }
}
