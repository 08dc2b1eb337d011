//! The race: blocks come in one by one, variations are dropped, until the test is decided.
//!
//! A block is one seed, run for every variation that is still in. What is decided after a block depends on that
//! block and those before it only, so that a test can be replayed from its scores.

use super::{
    decision::{Decision, DropReason, Dropped, Estimate, Outcome, Warning},
    distribution::t_point,
    evidence::{Bets, Evidence, evidence_interval, wealth_above},
    plan::{FEWEST, Look, METHOD, Plan, Rule},
    power::detectable_difference,
    summary::{Sums, seed_correlation},
};

/// Fewest blocks at which futility is judged.
const JUDGED: u32 = 6;

/// Fewest scores by which shapes are warned of.
const SETTLED: u32 = 8;

/// Standard errors that the leader is given beyond what was seen before a test is called futile.
const BENEFIT: f64 = 1.6;

/// Ratio of standard deviations above which is warned.
const WIDEST_RATIO: f64 = 3.0;

/// Skewness of differences above which is warned.
const MOST_SKEWED: f64 = 1.0;

/// A score that is none.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum BlockError {
    /// A block has another number of scores than there are variations.
    #[error("a block has {found} scores for {wanted} variations")]
    Width {
        /// Scores.
        found: usize,
        /// Variations.
        wanted: usize,
    },
    /// A score is not between 0 and 1.
    #[error("the score {score} of variation {variation} is not between 0 and 1")]
    Score {
        /// The variation, by number.
        variation: usize,
        /// The score.
        score: f64,
    },
}

/// Decides a test by its blocks: for each, a score for every variation, none where its run failed. Scores of
/// variations that were dropped, and blocks after the decision, are not looked at.
pub fn decide(plan: &Plan, blocks: &[Vec<Option<f64>>]) -> Result<Decision, BlockError> {
    let mut race = Race::new(plan);
    for block in blocks {
        race.push(block)?;
    }
    Ok(race.decision())
}

/// A test in the making.
#[derive(Clone, Debug)]
pub struct Race {
    plan: Plan,
    /// What was looked at, for intervals and correlations.
    seen: Vec<Vec<Option<f64>>>,
    alive: Vec<bool>,
    dropped: Vec<Option<Dropped>>,
    own: Vec<Sums>,
    failed: Vec<u32>,
    /// Differences `X_j - X_i` for i < j, at `place(j, i)`.
    pairs: Vec<Sums>,
    evidence: Vec<Evidence>,
    /// Evidence that whoever led before a block is better than this variation.
    followed: Vec<Evidence>,
    /// Pairs as they were at the last look.
    at_look: Vec<Sums>,
    /// The look at which each variation was compared last.
    last_look: Vec<Option<Look>>,
    leader: usize,
    look: u32,
    generations: u64,
    not_used: u32,
    outcome: Outcome,
}

fn place(j: usize, i: usize) -> usize {
    j * (j - 1) / 2 + i
}

impl Race {
    /// Before the first block.
    pub fn new(plan: &Plan) -> Self {
        let count = plan.variations;
        let pairs = count * (count - 1) / 2;
        let (bets, evidence) = match plan.settings.rule {
            Rule::Horizon => (Bets::SignFlip, 0),
            Rule::Open => (Bets::SignFlip, pairs),
            Rule::Strict => (Bets::Bounded, pairs),
        };
        Self {
            plan: plan.clone(),
            seen: Vec::new(),
            alive: vec![true; count],
            dropped: vec![None; count],
            own: vec![Sums::default(); count],
            failed: vec![0; count],
            pairs: vec![Sums::default(); pairs],
            evidence: vec![Evidence::new(bets); evidence],
            followed: vec![Evidence::new(bets); count],
            at_look: vec![Sums::default(); pairs],
            last_look: vec![None; count],
            leader: 0,
            look: 0,
            generations: 0,
            not_used: 0,
            outcome: Outcome::Running,
        }
    }

    /// How the test stands.
    pub fn outcome(&self) -> Outcome {
        self.outcome
    }

    /// The variations to run in the next block, in ascending order; none when the test is decided.
    pub fn survivors(&self) -> Vec<usize> {
        if self.is_over() { Vec::new() } else { self.alive().collect() }
    }

    /// The block after which is looked next: until then, the same variations are in. None when the test is decided.
    pub fn next_look(&self) -> Option<u32> {
        match self.plan.settings.rule {
            _ if self.is_over() => None,
            Rule::Horizon => self.plan.looks.get(self.look as usize).map(|look| look.block),
            Rule::Open | Rule::Strict => Some((self.block() + 1).max(FEWEST)),
        }
    }

    /// Blocks that were looked at, or wait for the next look.
    pub fn block(&self) -> u32 {
        self.seen.len() as u32
    }

    /// Looks so far.
    pub fn looks(&self) -> u32 {
        self.look
    }

    /// The variations that were dropped after `block`.
    pub fn dropped_at(&self, block: u32) -> Vec<usize> {
        let dropped = self.dropped.iter().enumerate();
        dropped.filter(|(_, dropped)| dropped.is_some_and(|d| d.block == block)).map(|(place, _)| place).collect()
    }

    /// At a look, the evidence against each variation that was in until then, as a share of the boundary at which one
    /// is dropped: of the statistic for `horizon`, of the logarithm for the others. None for whoever was out.
    pub fn pressure(&self) -> Vec<Option<f64>> {
        let of = |i: usize| match self.plan.settings.rule {
            Rule::Horizon => self.horizon_pressure(i),
            Rule::Open | Rule::Strict => {
                let is_in = self.dropped[i].is_none_or(|dropped| dropped.block == self.block());
                let threshold = 2.0 / self.plan.settings.alpha;
                (is_in && self.block() >= FEWEST).then(|| (self.merged(i).ln() / threshold.ln()).max(0.0))
            }
        };
        (0..self.plan.variations).map(of).collect()
    }

    fn horizon_pressure(&self, i: usize) -> Option<f64> {
        let look = self.last_look[i].filter(|look| look.block == self.block())?;
        let mut critical = Critical::new(look.tail);
        let others = (0..self.plan.variations).filter(|j| *j != i && self.last_look[*j] == Some(look));
        let share = |j: usize| {
            let (_, t, count) = self.pair(j, i);
            t.filter(|_| count >= FEWEST).map(|t| t / critical.point(count))
        };
        Some(others.filter_map(share).fold(0.0, f64::max))
    }

    /// The variation that leads: the winner, when the test has one.
    pub fn leader(&self) -> usize {
        self.leader
    }

    /// Runs that were looked at so far.
    pub fn generations(&self) -> u64 {
        self.generations
    }

    fn alive(&self) -> impl Iterator<Item = usize> + Clone + '_ {
        self.alive.iter().enumerate().filter(|(_, alive)| **alive).map(|(variation, _)| variation)
    }

    /// Whether no block changes anything any more. Rules without a horizon may be extended.
    fn is_over(&self) -> bool {
        match self.outcome {
            Outcome::Running => false,
            Outcome::BudgetOut => self.plan.settings.rule == Rule::Horizon,
            _ => true,
        }
    }

    /// Looks at a block: the score of every variation in it, none where its run failed or the variation was
    /// dropped before.
    pub fn push(&mut self, block: &[Option<f64>]) -> Result<(), BlockError> {
        if block.len() != self.plan.variations {
            return Err(BlockError::Width { found: block.len(), wanted: self.plan.variations });
        }
        for (variation, score) in block.iter().enumerate() {
            if let Some(score) = score.filter(|score| !(0.0..=1.0).contains(score)) {
                return Err(BlockError::Score { variation, score });
            }
        }
        if self.is_over() {
            self.not_used += 1;
            return Ok(());
        }
        let block: Vec<Option<f64>> =
            block.iter().zip(&self.alive).map(|(score, alive)| score.filter(|_| *alive)).collect();
        self.follow(&block);
        self.add(&block);
        self.seen.push(block);
        self.leader = self.best();
        match self.plan.settings.rule {
            Rule::Horizon => self.at_horizon(),
            Rule::Open | Rule::Strict => self.at_any_block(),
        }
        Ok(())
    }

    fn add(&mut self, block: &[Option<f64>]) {
        for (j, score) in block.iter().enumerate().filter(|(j, _)| self.alive[*j]) {
            self.generations += 1;
            let Some(score) = score else {
                self.failed[j] += 1;
                continue;
            };
            self.own[j].push(*score);
            for (i, other) in block.iter().enumerate().take(j) {
                let Some(other) = other else { continue };
                let difference = score - other;
                self.pairs[place(j, i)].push(difference);
                if let Some(evidence) = self.evidence.get_mut(place(j, i)) {
                    evidence.push(difference);
                }
            }
        }
    }

    /// The bet on whoever led before this block.
    fn follow(&mut self, block: &[Option<f64>]) {
        let Some(lead) = block[self.leader].filter(|_| !self.evidence.is_empty() && !self.seen.is_empty()) else {
            return;
        };
        for (variation, score) in block.iter().enumerate().filter(|(variation, _)| *variation != self.leader) {
            if let Some(score) = score {
                self.followed[variation].push(lead - score);
            }
        }
    }

    /// `X_a - X_b` over the blocks that they share.
    fn pair(&self, a: usize, b: usize) -> (f64, Option<f64>, u32) {
        let (sums, sign) = if a > b { (&self.pairs[place(a, b)], 1.0) } else { (&self.pairs[place(b, a)], -1.0) };
        (sign * sums.mean(), sums.t().map(|t| sign * t), sums.count)
    }

    /// The variation that is best on average over the others that are left, each over the blocks that they share.
    /// Where no run failed this is the one with the highest mean. The first of several.
    fn best(&self) -> usize {
        let none_failed = self.alive().all(|a| self.failed[a] == 0);
        let lead = |a: usize| if none_failed { self.own[a].mean() } else { self.lead(a) };
        let mut best: Option<(usize, f64)> = None;
        for (variation, lead) in self.alive().map(|a| (a, lead(a))) {
            if best.is_none_or(|(_, most)| lead > most + 1e-12) {
                best = Some((variation, lead));
            }
        }
        best.map_or(0, |(variation, _)| variation)
    }

    /// The sum of the mean differences of `a` to the others that are left.
    fn lead(&self, a: usize) -> f64 {
        self.alive().filter(|b| *b != a).map(|b| self.pair(a, b).0).sum()
    }

    fn at_horizon(&mut self) {
        let Some(look) = self.plan.looks.get(self.look as usize).copied() else { return };
        if self.block() < look.block {
            return;
        }
        self.look += 1;
        self.at_look.clone_from(&self.pairs);
        let alive: Vec<usize> = self.alive().collect();
        alive.iter().for_each(|variation| self.last_look[*variation] = Some(look));
        let mut critical = Critical::new(look.tail);
        let beaten: Vec<(usize, usize)> = alive
            .iter()
            .filter(|i| **i != self.leader)
            .filter_map(|i| Some((*i, self.beaten_by(*i, &alive, &mut critical)?)))
            .collect();
        for (variation, by) in beaten {
            self.drop_out(variation, by, DropReason::Beaten);
        }
        let last = self.plan.looks.len() == self.look as usize;
        self.outcome = if self.alive().count() == 1 {
            Outcome::Winner
        } else if self.are_equivalent() {
            Outcome::Equivalent
        } else if last {
            Outcome::BudgetOut
        } else if self.is_futile() {
            Outcome::UndecidedFutile
        } else {
            Outcome::Running
        };
    }

    /// The one of `alive` that is ahead of `i` the most, among those that are better beyond chance.
    fn beaten_by(&self, i: usize, alive: &[usize], critical: &mut Critical) -> Option<usize> {
        let mut by: Option<(usize, f64)> = None;
        for j in alive.iter().copied().filter(|j| *j != i) {
            let (mean, t, count) = self.pair(j, i);
            if mean > by.map_or(0.0, |(_, most)| most) && critical.is_beyond(mean, t, count) {
                by = Some((j, mean));
            }
        }
        by.map(|(j, _)| j)
    }

    fn drop_out(&mut self, variation: usize, by: usize, reason: DropReason) {
        self.alive[variation] = false;
        self.dropped[variation] = Some(Dropped { block: self.block(), look: self.look, by, reason });
    }

    /// How far the leader is ahead of the one behind it, as a statistic, and by how many blocks.
    fn runner_up(&self) -> Option<(f64, u32)> {
        let others = self.alive().filter(|i| *i != self.leader);
        let with = others.map(|i| {
            let (mean, t, count) = self.pair(self.leader, i);
            // Differences that are all the same have no spread to be measured by.
            (t.unwrap_or(if mean > 0.0 { f64::INFINITY } else { 0.0 }), count)
        });
        with.min_by(|a, b| a.0.total_cmp(&b.0))
    }

    /// Whether the leader would not get past the last bound even if it were `BENEFIT` standard errors further
    /// ahead of the runner-up from here on.
    fn is_futile(&self) -> bool {
        let Some(last) = self.plan.looks.last().filter(|_| self.plan.settings.futility) else { return false };
        let Some((t, count)) = self.runner_up().filter(|_| self.block() >= JUDGED) else { return false };
        let (n, all) = (f64::from(count), f64::from(last.block));
        if count < FEWEST {
            return false;
        }
        let drift = (t + BENEFIT) / n.sqrt();
        (t * n.sqrt() + drift * (all - n)) / all.sqrt() < last.bound
    }

    fn at_any_block(&mut self) {
        self.look = self.block();
        let threshold = 2.0 / self.plan.settings.alpha;
        let needless: Vec<usize> = if self.block() < FEWEST {
            Vec::new()
        } else {
            self.alive().filter(|i| *i != self.leader && self.merged(*i) >= threshold).collect()
        };
        for variation in needless {
            self.drop_out(variation, self.leader, DropReason::NotNeeded);
        }
        self.outcome = if self.alive().count() == 1 {
            Outcome::Winner
        } else if self.are_equivalent() {
            Outcome::Equivalent
        } else if self.block() >= self.plan.settings.samples {
            Outcome::BudgetOut
        } else {
            Outcome::Running
        };
    }

    /// Evidence that variation `i` is not among the best: half of the mean over all others, half of whoever led.
    fn merged(&self, i: usize) -> f64 {
        let others = (0..self.plan.variations).filter(|j| *j != i);
        let one = |j: usize| {
            if j > i { self.evidence[place(j, i)].above() } else { self.evidence[place(i, j)].below() }
        };
        let mean = others.map(one).sum::<f64>() / (self.plan.variations as f64 - 1.0);
        0.5 * mean + 0.5 * self.followed[i].above()
    }

    /// Whether every survivor's difference to the leader is shown to be within the margin.
    fn are_equivalent(&self) -> bool {
        let margin = self.plan.settings.equivalence;
        let is_within = |i: usize| match self.plan.settings.rule {
            Rule::Horizon => self.interval(i, self.leader).is_some_and(|[low, high]| low >= -margin && high <= margin),
            rule => self.is_shown_within(bets(rule), i, margin),
        };
        margin > 0.0 && self.block() >= FEWEST && self.alive().filter(|i| *i != self.leader).all(is_within)
    }

    /// The same for rules that look after every block. It is asked at fewer and fewer blocks, and only where an
    /// ordinary interval is within the margin, which a sound one is inside of.
    fn is_shown_within(&self, bets: Bets, i: usize, margin: f64) -> bool {
        let (mean, _, count) = self.pair(self.leader, i);
        let sums = &self.pairs[place(i.max(self.leader), i.min(self.leader))];
        let error = sums.deviation() / f64::from(count.max(1)).sqrt();
        if count < FEWEST || mean.abs() + 2.0 * error > margin || !is_milestone(self.block()) {
            return false;
        }
        let differences = self.differences(self.leader, i);
        let mirrored: Vec<f64> = differences.iter().map(|difference| -difference).collect();
        let enough = 1.0 / self.plan.pair_alpha();
        wealth_above(bets, &differences, -margin) >= enough && wealth_above(bets, &mirrored, -margin) >= enough
    }

    fn differences(&self, a: usize, b: usize) -> Vec<f64> {
        self.seen.iter().filter_map(|block| Some(block[a]? - block[b]?)).collect()
    }

    /// The interval of `mean(a) - mean(b)`, by what was looked at when both were in.
    fn interval(&self, a: usize, b: usize) -> Option<[f64; 2]> {
        match self.plan.settings.rule {
            Rule::Horizon => {
                let looks = [self.last_look[a]?, self.last_look[b]?];
                let look = if looks[0].block < looks[1].block { looks[0] } else { looks[1] };
                let sums = &self.at_look[place(a.max(b), a.min(b))];
                let [low, high] = Critical::new(look.tail).interval(sums)?;
                Some(if a > b { [low, high] } else { [-high, -low] })
            }
            rule => {
                let differences = self.differences(a, b);
                let is_settled = differences.len() >= FEWEST as usize;
                is_settled.then(|| evidence_interval(bets(rule), &differences, self.plan.pair_alpha()))
            }
        }
    }

    /// How the test stands, with everything that is known.
    pub fn decision(&self) -> Decision {
        let over = self.outcome != Outcome::Running;
        let variations = 0..self.plan.variations;
        let estimates: Vec<Estimate> = variations.map(|variation| self.estimate(variation)).collect();
        let most = u64::from(self.plan.settings.samples) * self.plan.variations as u64;
        Decision {
            method: METHOD,
            settings: self.plan.settings,
            outcome: self.outcome,
            winner: (self.outcome == Outcome::Winner).then_some(self.leader),
            recommended: over.then_some(self.leader),
            look: self.look,
            block: self.block(),
            generations: self.generations,
            most_generations: most,
            seed_correlation: seed_correlation(&self.seen),
            detectable: self.typical_deviation().and_then(|spread| detectable_difference(&self.plan, spread)),
            warnings: self.warnings(),
            estimates,
        }
    }

    fn estimate(&self, variation: usize) -> Estimate {
        let own = &self.own[variation];
        let against = if variation == self.leader { self.second() } else { self.leader };
        let (difference, _, shared) = self.pair(variation, against);
        Estimate {
            samples: own.count,
            failed: self.failed[variation],
            mean: (own.count > 0).then(|| own.mean()),
            deviation: (own.count > 1).then(|| own.deviation()),
            against,
            shared,
            difference: (shared > 0).then_some(difference),
            interval: self.interval(variation, against),
            dropped: self.dropped[variation],
        }
    }

    /// The variation behind the leader: a survivor, else the one that was dropped last.
    fn second(&self) -> usize {
        let lead = |i: usize| self.pair(self.leader, i).0;
        let stayed = |i: usize| self.dropped[i].map_or(u32::MAX, |dropped| dropped.block);
        let others = (0..self.plan.variations).filter(|i| *i != self.leader);
        let second = others.min_by(|a, b| stayed(*b).cmp(&stayed(*a)).then(lead(*a).total_cmp(&lead(*b))));
        second.unwrap_or(0)
    }

    /// The standard deviation of differences, over all pairs that have some.
    fn typical_deviation(&self) -> Option<f64> {
        let known: Vec<f64> = self.pairs.iter().filter(|sums| sums.count >= FEWEST).map(Sums::variance).collect();
        let mean = known.iter().sum::<f64>() / known.len().max(1) as f64;
        (mean > 0.0).then(|| mean.sqrt())
    }

    fn warnings(&self) -> Vec<Warning> {
        let failed = self.failed.iter().enumerate().filter(|(_, runs)| **runs > 0);
        let failed = failed.map(|(variation, runs)| Warning::Failed { variation, runs: *runs });
        let not_used = (self.not_used > 0).then_some(Warning::NotUsed { blocks: self.not_used });
        let shapes = self.unequal_spread().into_iter().chain(self.skewed());
        // The strict rule assumes nothing of shapes.
        let shapes = shapes.filter(|_| self.plan.settings.rule != Rule::Strict);
        shapes.chain(failed).chain(not_used).collect()
    }

    fn unequal_spread(&self) -> Option<Warning> {
        let settled = self.own.iter().enumerate().filter(|(_, own)| own.count >= SETTLED);
        let spreads: Vec<(usize, f64)> = settled.map(|(variation, own)| (variation, own.deviation())).collect();
        let narrow = spreads.iter().copied().min_by(|a, b| a.1.total_cmp(&b.1))?;
        let wide = spreads.iter().copied().max_by(|a, b| a.1.total_cmp(&b.1))?;
        let ratio = wide.1 / narrow.1.max(1e-9);
        (wide.1 > 0.0 && ratio > WIDEST_RATIO).then_some(Warning::UnequalSpread {
            narrow: narrow.0,
            wide: wide.0,
            ratio: ratio.min(1e9),
        })
    }

    fn skewed(&self) -> Option<Warning> {
        let others = (0..self.plan.variations).filter(|i| *i != self.leader);
        let with = others.filter_map(|i| {
            let sums = &self.pairs[place(i.max(self.leader), i.min(self.leader))];
            let sign = if i > self.leader { 1.0 } else { -1.0 };
            (sums.count >= SETTLED).then(|| (i, sign * sums.skewness()))
        });
        let (variation, skewness) = with.max_by(|a, b| a.1.abs().total_cmp(&b.1.abs()))?;
        (skewness.abs() > MOST_SKEWED).then_some(Warning::Skewed { variation, against: self.leader, skewness })
    }
}

fn bets(rule: Rule) -> Bets {
    if rule == Rule::Strict { Bets::Bounded } else { Bets::SignFlip }
}

/// Whether equivalence is asked after this block: the numbers of at most four binary digits, followed by zeros.
fn is_milestone(block: u32) -> bool {
    let digits = 32 - block.leading_zeros();
    digits <= 4 || block.trailing_zeros() >= digits - 4
}

/// What a mean must reach at a look, by how many values it has.
struct Critical {
    tail: f64,
    known: Vec<(u32, f64)>,
}

impl Critical {
    fn new(tail: f64) -> Self {
        Self { tail, known: Vec::new() }
    }

    fn point(&mut self, count: u32) -> f64 {
        if let Some((_, point)) = self.known.iter().find(|(known, _)| *known == count) {
            return *point;
        }
        let point = t_point(self.tail, f64::from(count) - 1.0);
        self.known.push((count, point));
        point
    }

    /// Whether a positive mean is beyond chance. Values that do not differ have no t: they are judged by what may
    /// have been missed.
    fn is_beyond(&mut self, mean: f64, t: Option<f64>, count: u32) -> bool {
        count >= FEWEST
            && match t {
                Some(t) => t >= self.point(count),
                None => mean > self.unseen(mean, count),
            }
    }

    /// How far other values, of which none was seen, may move the mean of `count` equal ones: with probability
    /// 1 - tail their share is at most `1 - tail^(1/n)`, and each may be as far away as scores go.
    fn unseen(&self, mean: f64, count: u32) -> f64 {
        (1.0 + mean.abs()) * (1.0 - self.tail.powf(1.0 / f64::from(count)))
    }

    /// The interval of the mean of values in [-1, 1].
    fn interval(&mut self, sums: &Sums) -> Option<[f64; 2]> {
        if sums.count < FEWEST {
            return None;
        }
        let (n, mean) = (f64::from(sums.count), sums.mean());
        let reach = if sums.variance() > 0.0 {
            self.point(sums.count) * sums.deviation() / n.sqrt()
        } else {
            self.unseen(mean, sums.count)
        };
        Some([(mean - reach).max(-1.0), (mean + reach).min(1.0)])
    }
}
