//! What running something costs.

use std::collections::BTreeMap;

/// Prices, in whatever currency the workspace counts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Prices {
    /// Of an hour, by place.
    pub per_hour: BTreeMap<String, f64>,
    /// Of one run of a node class: partner nodes are paid for each run.
    pub per_run: BTreeMap<String, f64>,
}

impl Prices {
    /// Whether nothing costs anything.
    pub fn is_free(&self) -> bool {
        self.per_hour.values().chain(self.per_run.values()).all(|price| *price <= 0.0)
    }

    /// What these classes cost when each runs once for each time that it is named.
    pub fn of_classes<'a>(&self, classes: impl Iterator<Item = &'a str>) -> f64 {
        classes.filter_map(|class| self.per_run.get(class)).sum()
    }

    /// What a graph of these classes costs that took `seconds` at `place`; none where nothing has a price.
    pub fn cost<'a>(&self, place: &str, seconds: f64, classes: impl Iterator<Item = &'a str>) -> Option<f64> {
        let hours = seconds / 3600.0 * self.per_hour.get(place).copied().unwrap_or(0.0);
        (!self.is_free()).then(|| hours + self.of_classes(classes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_and_runs_are_paid() {
        let prices = Prices {
            per_hour: BTreeMap::from([("rented".to_owned(), 3.6)]),
            per_run: BTreeMap::from([("PartnerImage".to_owned(), 0.04)]),
        };
        let cost = |place: &str, classes: &[&str]| prices.cost(place, 10.0, classes.iter().copied()).unwrap();
        assert!((cost("rented", &["PartnerImage", "SaveImage", "PartnerImage"]) - 0.09).abs() < 1e-12);
        assert!((cost("native", &["SaveImage"])).abs() < 1e-12);
        assert_eq!(Prices::default().cost("rented", 10.0, ["PartnerImage"].into_iter()), None);
    }
}
