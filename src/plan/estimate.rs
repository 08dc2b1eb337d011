//! How long items will take: by what was seen of their shape in that place, else of their shape
//! elsewhere, else of their family, else by a guess.
//!
//! Each of these is drawn towards the next in the list, the more the less was seen. The estimates
//! are the planner's only idea of time: it has no clock.

use super::{
    capabilities::NATIVE,
    kind::{Kind, Kinds},
    observed::{History, Observed, Warmth},
};

/// Seconds of an item of which nothing is known, in this process and on a server.
const GUESS: [f64; 2] = [0.3, 8.0];

/// How many observations what is known elsewhere is worth.
const ELSEWHERE: f64 = 2.0;

/// How many observations a family or a guess is worth.
const PRIOR: f64 = 1.0;

/// How many observations an average place is worth.
const AVERAGE: f64 = 4.0;

/// How many observations a guess at a load or a saving is worth.
const LOAD_GUESS: f64 = 2.0;

/// An observation with loads in it says less.
const COLD_WEIGHT: f64 = 0.5;

/// What is left of a cold duration at least when the loads are taken out.
const COLD_REST: f64 = 0.3;

/// Estimated durations of the items of one plan.
#[derive(Clone, Debug, Default)]
pub struct Estimates {
    /// For each shape, for this process and then for each server.
    shapes: Vec<ShapeTimes>,
    /// How much longer than elsewhere items take in each place, as a logarithm.
    places: Vec<Place>,
    /// Seconds for loading each set of models.
    loads: Vec<f64>,
}

#[derive(Clone, Debug)]
struct ShapeTimes {
    /// Logarithm of the guess.
    guess: [f64; 2],
    models: u32,
    prefix_guess: f64,
    load_guess: f64,
    /// By place and warmth.
    seen: Vec<[Observed; 3]>,
    /// Seconds with all models there and no prefix, by place.
    work: Vec<f64>,
    /// Share that a prefix saves.
    prefix: f64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Place {
    sum: f64,
    count: f64,
}

impl Place {
    fn factor(self) -> f64 {
        self.sum / (self.count + AVERAGE)
    }
}

impl Estimates {
    /// Estimates for items of `kinds` on `servers`, by what earlier runs took.
    pub fn new(kinds: &Kinds, servers: &[String], history: &History) -> Self {
        let place_of = |executor: &str| match executor {
            NATIVE => Some(0),
            name => servers.iter().position(|server| server == name).map(|n| n + 1),
        };
        let places = servers.len() + 1;
        let set_guess = |set: u32| kinds.set(set).iter().map(|model| kinds.model(*model).load).sum::<f64>();
        let mut shapes: Vec<ShapeTimes> = (0..kinds.shape_count() as u32)
            .map(|number| {
                let shape = kinds.shape(number);
                ShapeTimes {
                    guess: family_guess(&shape.family, history),
                    models: shape.models,
                    prefix_guess: shape.prefix_share,
                    load_guess: set_guess(shape.models),
                    seen: vec![[Observed::default(); 3]; places],
                    work: Vec::new(),
                    prefix: shape.prefix_share,
                }
            })
            .collect();
        for (number, times) in shapes.iter_mut().enumerate() {
            let name = kinds.shape_name(number as u32);
            for (sort, observed) in history.iter().filter(|(sort, _)| sort.shape == name) {
                if let Some(place) = place_of(&sort.executor) {
                    times.seen[place][usize::from(sort.warmth.number())] = *observed;
                }
            }
        }
        let loads = (0..kinds.set_count() as u32).map(set_guess).collect();
        let mut estimates = Self { shapes, places: vec![Place::default(); places], loads };
        estimates.compare_places();
        (0..estimates.shapes.len()).for_each(|shape| estimates.derive(shape));
        estimates
    }

    /// Takes note of how long an item of `kind` took in a place (0 for this process, then servers).
    pub fn observe(&mut self, kind: Kind, place: usize, warmth: Warmth, seconds: f64) {
        let shape = kind.shape as usize;
        if place >= self.places.len() || shape >= self.shapes.len() {
            return;
        }
        let expected = self.shapes[shape].middle(usize::from(place > 0), &self.places);
        if warmth == Warmth::Warm && place > 0 && self.shapes[shape].warm_count() >= PRIOR {
            let known = &mut self.places[place];
            known.sum += (seconds.max(1e-3).ln() - expected).clamp(-3.0, 3.0);
            known.count += 1.0;
        }
        self.shapes[shape].seen[place][usize::from(warmth.number())].add(seconds);
        self.derive(shape);
    }

    /// Seconds of an item of `kind` in a place when its models are there and nothing else.
    pub fn work(&self, kind: Kind, place: usize) -> f64 {
        let times = self.shapes.get(kind.shape as usize);
        times.and_then(|times| times.work.get(place)).copied().unwrap_or(GUESS[usize::from(place > 0)])
    }

    /// Seconds of an item of `kind` in any of the servers, or in this process.
    pub fn usual(&self, kind: Kind, on_server: bool) -> f64 {
        if !on_server || self.places.len() < 2 {
            return self.work(kind, usize::from(on_server));
        }
        let places = 1..self.places.len();
        let count = places.len() as f64;
        (places.map(|place| self.work(kind, place).max(1e-6).ln()).sum::<f64>() / count).exp()
    }

    /// Seconds for loading all models of a set.
    pub fn load(&self, set: u32) -> f64 {
        self.loads.get(set as usize).copied().unwrap_or(0.0)
    }

    /// The share of the work of an item of `kind` that a cached prefix saves.
    pub fn prefix(&self, kind: Kind) -> f64 {
        self.shapes.get(kind.shape as usize).map_or(0.0, |times| times.prefix)
    }

    /// How fast a place is, beside an average one: 1, 0.5, …
    pub fn speed(&self, place: usize) -> f64 {
        self.places.get(place).map_or(1.0, |place| (-place.factor()).exp())
    }

    /// What places have in common: shapes that were seen in several of them tell.
    fn compare_places(&mut self) {
        for times in &self.shapes {
            let warm: Vec<(usize, Observed)> = times.on_servers(Warmth::Warm).collect();
            let count: f64 = warm.iter().map(|(_, seen)| seen.count).sum();
            if warm.len() < 2 {
                continue;
            }
            let mean = warm.iter().map(|(_, seen)| seen.mean * seen.count).sum::<f64>() / count;
            for (place, seen) in warm {
                self.places[place].sum += (seen.mean - mean) * seen.count;
                self.places[place].count += seen.count;
            }
        }
    }

    /// Works out what follows from what was seen of a shape.
    fn derive(&mut self, shape: usize) {
        let loads = self.loads.get(self.shapes[shape].models as usize).copied();
        let times = &mut self.shapes[shape];
        let load = match (times.pooled(Warmth::Cold), times.pooled(Warmth::Warm)) {
            (Some(cold), Some(warm)) => {
                let count = cold.count.min(warm.count);
                let seen = (cold.seconds() - warm.seconds()).max(0.01);
                (LOAD_GUESS * times.load_guess + count * seen) / (LOAD_GUESS + count)
            }
            _ => loads.unwrap_or(times.load_guess),
        };
        times.prefix = match (times.pooled(Warmth::Hot), times.pooled(Warmth::Warm)) {
            (Some(hot), Some(warm)) => {
                let count = hot.count.min(warm.count);
                let seen = (1.0 - hot.seconds() / warm.seconds()).clamp(0.0, 1.0);
                (LOAD_GUESS * times.prefix_guess + count * seen) / (LOAD_GUESS + count)
            }
            _ => times.prefix_guess,
        };
        times.work = (0..self.places.len())
            .map(|place| {
                let (sum, count) = times.evidence(place, load);
                let elsewhere = times.middle(usize::from(place > 0), &self.places) + self.places[place].factor();
                ((ELSEWHERE * elsewhere + sum) / (ELSEWHERE + count)).exp()
            })
            .collect();
        let set = times.models as usize;
        if set > 0 && set < self.loads.len() {
            self.loads[set] = load;
        }
    }
}

impl ShapeTimes {
    fn on_servers(&self, warmth: Warmth) -> impl Iterator<Item = (usize, Observed)> + '_ {
        let seen = self.seen.iter().enumerate().skip(1);
        seen.map(move |(place, seen)| (place, seen[usize::from(warmth.number())])).filter(|(_, seen)| seen.count > 0.0)
    }

    fn warm_count(&self) -> f64 {
        self.on_servers(Warmth::Warm).map(|(_, seen)| seen.count).sum()
    }

    /// What was seen of a warmth on all servers.
    fn pooled(&self, warmth: Warmth) -> Option<Observed> {
        let (mut count, mut sum) = (0.0, 0.0);
        for (_, seen) in self.on_servers(warmth) {
            count += seen.count;
            sum += seen.mean * seen.count;
        }
        (count > 0.0).then(|| Observed { count, mean: sum / count, spread: 0.0 })
    }

    /// Sum and number of the logarithms of what was seen in a place.
    fn evidence(&self, place: usize, load: f64) -> (f64, f64) {
        let [cold, warm, hot] = &self.seen[place];
        if warm.count > 0.0 {
            return (warm.mean * warm.count, warm.count);
        }
        let (mut sum, mut count) = (0.0, 0.0);
        if cold.count > 0.0 {
            let seconds = cold.seconds();
            let weight = cold.count.min(KNOWN_COLD) * COLD_WEIGHT;
            sum += (seconds - load).max(COLD_REST * seconds).ln() * weight;
            count += weight;
        }
        if hot.count > 0.0 {
            let weight = hot.count * COLD_WEIGHT;
            sum += (hot.seconds() / (1.0 - self.prefix_guess).max(0.1)).ln() * weight;
            count += weight;
        }
        (sum, count)
    }

    /// Logarithm of what it takes in an average place of this kind (0 this process, 1 servers).
    fn middle(&self, on_server: usize, places: &[Place]) -> f64 {
        let (mut sum, mut count) = (PRIOR * self.guess[on_server], PRIOR);
        let own = if on_server == 0 { 0..1 } else { 1..places.len() };
        for place in own {
            let (seen, weight) = self.evidence(place, self.load_guess);
            sum += seen - places[place].factor() * weight;
            count += weight;
        }
        sum / count
    }
}

/// Most cold observations that count, and most of one shape for its family.
const KNOWN_COLD: f64 = 8.0;

/// Logarithm of what is known of a family in this process and on servers.
fn family_guess(family: &str, history: &History) -> [f64; 2] {
    let (mut sums, mut counts) = ([0.0; 2], [0.0; 2]);
    for (sort, seen) in history.iter().filter(|(sort, _)| sort.family == family && sort.warmth == Warmth::Warm) {
        let on_server = usize::from(sort.executor != NATIVE);
        let count = seen.count.min(KNOWN_COLD);
        sums[on_server] += seen.mean * count;
        counts[on_server] += count;
    }
    [0, 1].map(|n| (sums[n] + PRIOR * GUESS[n].ln()) / (counts[n] + PRIOR))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{KindOf, Model, Sort, TaskIx};

    fn kinds() -> Kinds {
        let mut kinds = Kinds::new();
        let model = Model { load: 10.0, bytes: 6 << 30 };
        for shape in ["a", "b"] {
            let models = [("x".to_owned(), model.clone())].into();
            let of = |prefix: &str| KindOf {
                shape: shape.to_owned(),
                family: "f".to_owned(),
                models,
                prefix: Some(prefix.to_owned()),
                prefix_share: 0.2,
                ..KindOf::default()
            };
            kinds.add(TaskIx(0), of("p"));
        }
        kinds
    }

    fn seen(shape: &str, executor: &str, warmth: Warmth, seconds: f64, count: f64) -> (Sort, Observed) {
        let sort = Sort { shape: shape.to_owned(), family: "f".to_owned(), executor: executor.to_owned(), warmth };
        (sort, Observed { count, mean: f64::ln(seconds), spread: 0.1 })
    }

    fn near(value: f64, expected: f64) -> bool {
        (value / expected - 1.0).abs() < 0.15
    }

    #[test]
    fn without_history_there_are_guesses() {
        let kinds = kinds();
        let estimates = Estimates::new(&kinds, &["s".to_owned()], &History::new());
        let kind = kinds.all()[0];
        assert!(near(estimates.work(kind, 0), 0.3) && near(estimates.work(kind, 1), 8.0));
        assert!(near(estimates.load(1), 10.0) && near(estimates.prefix(kind), 0.2));
        assert!(estimates.load(0) <= 0.0);
    }

    #[test]
    fn what_was_seen_counts_the_more_the_more_it_was() {
        let kinds = kinds();
        let servers = ["s".to_owned(), "t".to_owned()];
        let history = History::from([
            seen("a", "s", Warmth::Warm, 2.0, 30.0),
            seen("a", "t", Warmth::Warm, 4.0, 30.0),
            seen("a", "s", Warmth::Cold, 7.0, 10.0),
            seen("a", "s", Warmth::Hot, 1.0, 10.0),
        ]);
        let estimates = Estimates::new(&kinds, &servers, &history);
        let [a, b] = [kinds.all()[0], kinds.all()[1]];
        assert!(near(estimates.work(a, 1), 2.0) && near(estimates.work(a, 2), 4.0), "{estimates:?}");
        // Of b nothing is known but what its family takes, and that t takes longer.
        assert!((2.0..4.0).contains(&estimates.work(b, 1)), "{}", estimates.work(b, 1));
        assert!(estimates.work(b, 2) > 1.5 * estimates.work(b, 1));
        assert!((3.0..7.0).contains(&estimates.load(1)), "{}", estimates.load(1));
        assert!((0.4..0.65).contains(&estimates.prefix(a)), "{}", estimates.prefix(a));
        assert!(estimates.speed(1) > 1.2 && estimates.speed(2) < 0.85);
    }

    #[test]
    fn a_run_learns_while_it_goes_on() {
        let kinds = kinds();
        let mut estimates = Estimates::new(&kinds, &["s".to_owned(), "t".to_owned()], &History::new());
        let kind = kinds.all()[0];
        estimates.observe(kind, 1, Warmth::Cold, 25.0);
        assert!(estimates.work(kind, 1) > 8.0);
        for _ in 0..20 {
            estimates.observe(kind, 1, Warmth::Warm, 20.0);
            estimates.observe(kind, 2, Warmth::Warm, 60.0);
        }
        assert!(near(estimates.work(kind, 1), 20.0) && near(estimates.work(kind, 2), 60.0), "{estimates:?}");
        assert!((20.0..60.0).contains(&estimates.usual(kind, true)));
        estimates.observe(kind, 9, Warmth::Warm, 1.0);
    }
}
