//! `off-step`: a number beside the steps in which the editor counts. Servers take it; whoever opens
//! the graph in the editor and touches the number gets another one.

use serde_json::Value;

use super::{GraphProblem, inspection::Inspection, sites::Site};
use crate::graph::{class::InputKind, ir::Input};

pub(super) const CODE: &str = "off-step";

/// How far a number may be beside a step, in steps: decimal fractions are not exact.
const TOLERANCE: f64 = 1e-6;

pub(super) fn look(_: &Inspection<'_>, site: &Site<'_>) -> Option<GraphProblem> {
    let (Some(Input::Value(Value::Number(given))), None) = (site.input, &site.fault) else { return None };
    let (nearest, step) = match &site.info.kind {
        InputKind::Int { min, step: Some(step), .. } => {
            let (nearest, given) = (nearest_whole(given.as_i64()?.into(), *step, min.unwrap_or(0))?, given.as_i64()?);
            (Some(nearest.to_string()).filter(|_| nearest != i128::from(given))?, step.to_string())
        }
        InputKind::Float { min, step, .. } => {
            let grid = site.info.round.or(*step)?;
            (nearest_decimal(given.as_f64()?, grid, min.unwrap_or(0.0))?, grid.to_string())
        }
        _ => return None,
    };
    let message = format!("{} is {given}, between the editor's steps of {step}", site.place());
    let problem = GraphProblem::warning(site.at.id, Some(&site.name), CODE, message);
    Some(problem.hint(format!("the nearest step is {nearest}")).suggest(Some(nearest)))
}

/// The step nearest to `given`, counted from `min`.
fn nearest_whole(given: i128, step: i128, min: i128) -> Option<i128> {
    if step < 2 {
        return None;
    }
    let beyond = (given - min).rem_euclid(step);
    let below = given - beyond;
    Some(if beyond * 2 < step { below } else { below + step }).filter(|nearest| *nearest >= min || beyond == 0)
}

/// The step nearest to `given` as a text, when that is another number.
fn nearest_decimal(given: f64, step: f64, min: f64) -> Option<String> {
    if step <= 0.0 || !step.is_finite() {
        return None;
    }
    let steps = (given - min) / step;
    // Beyond this, floating-point numbers are further apart than what is compared here.
    if (steps - steps.round()).abs() <= TOLERANCE.max(steps.abs() * f64::EPSILON * 4.0) || steps.abs() > 1e9 {
        return None;
    }
    let digits = (-step.log10()).ceil().clamp(0.0, 12.0) as usize + 2;
    let text = format!("{:.digits$}", min + steps.round() * step);
    let text = text.trim_end_matches('0');
    Some(if text.ends_with('.') { format!("{text}0") } else { text.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_steps_are_counted_from_the_smallest_value() {
        assert_eq!(nearest_whole(1000, 8, 16), Some(1000));
        assert_eq!(nearest_whole(1003, 8, 16), Some(1000));
        assert_eq!(nearest_whole(1004, 8, 16), Some(1008));
        assert_eq!(nearest_whole(5, 4, 1), Some(5));
        assert_eq!(nearest_whole(-5, 4, -8), Some(-4));
        assert_eq!(nearest_whole(7, 1, 0), None);
    }

    #[test]
    fn decimal_steps_are_not_exact() {
        assert_eq!(nearest_decimal(0.7, 0.1, 0.0), None);
        assert_eq!(nearest_decimal(0.3, 0.01, -10.0), None);
        assert_eq!(nearest_decimal(0.875, 0.01, 0.0), Some("0.88".to_owned()));
        assert_eq!(nearest_decimal(7.25, 0.5, 0.0), Some("7.5".to_owned()));
        assert_eq!(nearest_decimal(1.5, 1.0, 0.0), Some("2.0".to_owned()));
        assert_eq!(nearest_decimal(5.0, 0.0, 0.0), None);
        assert_eq!(nearest_decimal(1e18, 0.1, 0.0), None);
    }
}
