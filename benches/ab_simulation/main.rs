//! What the rules of decision save and how often they are wrong: `cargo bench --bench ab_simulation`.
//!
//! Scores are drawn, the program's own race decides. Writes its tables to `docs/ab-simulation.md` and says what
//! goals are missed. `--replications N` takes another number than 2,000; then nothing is written.

mod fixed;
mod scores;

use std::{fmt::Write as _, path::Path, thread};

use comfywright::stats::{Outcome, Plan, Race, Rule, Settings};
use fixed::{Fixed, peeking, winner};
use scores::{Blocks, Shape, Source, tests};

const ALPHA: f64 = 0.05;
const SEED: u64 = 20_261_127;
const REPLICATIONS: usize = 2_000;

/// Standard deviation of scores, correlation on the same seed, and the mean of those that are not the best.
const SPREAD: f64 = 0.12;
const CORRELATION: f64 = 0.5;
const MEAN: f64 = 0.7;

/// Most blocks that are drawn.
const MOST: usize = 320;

/// Runs `one` for each number below `count`, on all cores, in order.
pub fn in_parallel<T: Send>(count: usize, one: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let workers = thread::available_parallelism().map_or(1, usize::from);
    let share = count.div_ceil(workers).max(1);
    thread::scope(|scope| {
        let parts: Vec<_> = (0..workers)
            .map(|worker| {
                let one = &one;
                scope.spawn(move || (worker * share..((worker + 1) * share).min(count)).map(one).collect::<Vec<T>>())
            })
            .collect();
        parts.into_iter().flat_map(|part| part.join().expect("a worker that did not panic")).collect()
    })
}

/// How the other variations stand behind the best.
#[derive(Clone, Copy, PartialEq)]
enum Field {
    /// All by the same.
    Slip,
    /// Each by more, up to four times.
    Stairs,
}

fn beta_field(count: usize, gap: f64, field: Field) -> Vec<Source> {
    let mean = |place: usize| match (place, field) {
        (0, _) => MEAN + gap,
        (_, Field::Slip) => MEAN,
        (place, Field::Stairs) => MEAN - gap * (place - 1).min(4) as f64,
    };
    (0..count).map(|place| Source::Shape(Shape::beta(mean(place), SPREAD))).collect()
}

/// What came of many tests.
#[derive(Clone, Copy, Default)]
struct Rates {
    /// Share won by the first variation.
    first: f64,
    /// Share won by any.
    any: f64,
    /// Share that was stopped as futile.
    futile: f64,
    /// Mean number of generations.
    generations: f64,
}

fn settings(rule: Rule, samples: usize) -> Settings {
    Settings { rule, alpha: ALPHA, equivalence: 0.0, samples: samples as u32, futility: true }
}

/// Decides `all` by the program's race.
fn raced(rule: Rule, samples: usize, all: &[Blocks]) -> Rates {
    let plan = Plan::new(settings(rule, samples), all[0][0].len()).expect("settings that can decide");
    let one = |test: usize| {
        let mut race = Race::new(&plan);
        for block in &all[test][..samples] {
            if race.outcome() != Outcome::Running {
                break;
            }
            race.push(block).expect("scores from 0 to 1");
        }
        let winner = (race.outcome() == Outcome::Winner).then(|| race.leader());
        (winner, race.outcome() == Outcome::UndecidedFutile, race.generations() as f64)
    };
    rates(in_parallel(all.len(), one))
}

fn fixed(test: Fixed, samples: usize, all: &[Blocks]) -> Rates {
    let generations = (samples * all[0][0].len()) as f64;
    rates(in_parallel(all.len(), |k| (winner(test, &all[k], samples, ALPHA), false, generations)))
}

fn rates(ends: Vec<(Option<usize>, bool, f64)>) -> Rates {
    let share = 1.0 / ends.len() as f64;
    let mut rates = Rates::default();
    for (winner, futile, generations) in ends {
        rates.first += share * f64::from(u8::from(winner == Some(0)));
        rates.any += share * f64::from(u8::from(winner.is_some()));
        rates.futile += share * f64::from(u8::from(futile));
        rates.generations += share * generations;
    }
    rates
}

/// A number of samples at which the first variation wins with probability 0.8, and what that takes.
#[derive(Clone, Copy)]
struct AtPower {
    samples: f64,
    generations: f64,
    without_difference: f64,
}

/// Looks for it by halving, and between two whole numbers in a straight line.
fn at_power(all: &[Blocks], none: &[Blocks], run: impl Fn(usize, &[Blocks]) -> Rates) -> Option<AtPower> {
    let (mut low, mut high) = (3, MOST);
    if run(high, all).first < 0.8 {
        return None;
    }
    while high - low > 1 {
        let middle = usize::midpoint(low, high);
        if run(middle, all).first < 0.8 { low = middle } else { high = middle }
    }
    let (above, below) = (run(high, all), run(low.max(4), all));
    let part = if high > 4 { (0.8 - below.first) / (above.first - below.first).max(1e-9) } else { 1.0 };
    let between = |a: f64, b: f64| a + part * (b - a);
    Some(AtPower {
        samples: between(low as f64, high as f64),
        generations: between(below.generations, above.generations),
        without_difference: between(run(low.max(4), none).generations, run(high, none).generations),
    })
}

/// Tables in Markdown, and goals.
struct Report {
    text: String,
    missed: Vec<String>,
}

impl Report {
    fn line(&mut self, line: &str) {
        println!("{line}");
        let _ = writeln!(self.text, "{line}");
    }

    fn goal(&mut self, what: String, holds: bool) {
        if !holds {
            println!("missed: {what}");
            self.missed.push(what);
        }
    }
}

fn savings(report: &mut Report, replications: usize) {
    report.line("## Generations at 80 % power\n");
    report.line(
        "N is the number of samples of each variation (for the race: at most) with which the best variation wins in \
         80 % of the tests; then mean generations. \"No difference\" is the race with the same N when all variations \
         are the same, against the paired test's generations.\n",
    );
    report.line(
        "| variations | gap | Welch + Holm: N, generations | paired t: N, generations | race: N, generations | \
         fewer than paired | fewer than Welch | fewer without a difference |",
    );
    report.line("|---|---|---|---|---|---|---|---|");
    for (count, field) in [
        (2, Field::Slip),
        (3, Field::Slip),
        (5, Field::Slip),
        (10, Field::Slip),
        (5, Field::Stairs),
        (10, Field::Stairs),
    ] {
        let none = tests(&beta_field(count, 0.0, Field::Slip), CORRELATION, MOST, replications, SEED ^ 1);
        for gap in [0.05, 0.1] {
            let all = tests(&beta_field(count, gap, field), CORRELATION, MOST, replications, SEED);
            let row = [
                at_power(&all, &none, |n, all| fixed(Fixed::Welch, n, all)),
                at_power(&all, &none, |n, all| fixed(Fixed::Paired, n, all)),
                at_power(&all, &none, |n, all| raced(Rule::Horizon, n, all)),
            ];
            savings_row(report, count, gap, field, row);
        }
    }
    report.line("");
}

fn savings_row(report: &mut Report, count: usize, gap: f64, field: Field, row: [Option<AtPower>; 3]) {
    let name = if field == Field::Slip { format!("{count}") } else { format!("{count}, staircase") };
    let cell = |at: Option<AtPower>| {
        at.map_or_else(|| format!("more than {MOST}"), |at| format!("{:.1}, {:.0}", at.samples, at.generations))
    };
    let [welch, paired, race] = row;
    let less = |of: f64, than: f64| 1.0 - of / than;
    let (Some(paired_at), Some(race_at)) = (paired, race) else {
        report.line(&format!("| {name} | {gap} | {} | {} | {} | | | |", cell(welch), cell(paired), cell(race)));
        return;
    };
    let than_paired = less(race_at.generations, paired_at.generations);
    let than_welch = welch.map(|welch| less(race_at.generations, welch.generations));
    let null = less(race_at.without_difference, paired_at.generations);
    report.line(&format!(
        "| {name} | {gap} | {} | {} | {} | {:.0} % | {} | {:.0} % |",
        cell(welch),
        cell(paired),
        cell(race),
        100.0 * than_paired,
        than_welch.map_or_else(String::new, |less| format!("{:.0} %", 100.0 * less)),
        100.0 * null,
    ));
    let place = format!("{name} variations, gap {gap}");
    report.goal(
        format!("{place}: {:.1} % fewer than the paired test, not 18 %", 100.0 * than_paired),
        than_paired >= 0.18,
    );
    if let Some(less) = than_welch {
        report.goal(format!("{place}: {:.1} % fewer than Welch with Holm, not 45 %", 100.0 * less), less >= 0.45);
    }
    let wanted = if count == 2 { 0.25 } else { 0.25 + 0.35 * (count as f64 - 2.0) / 8.0 };
    if field == Field::Slip {
        let message = format!("{place}: without a difference {:.1} % fewer, not {:.0} %", 100.0 * null, 100.0 * wanted);
        report.goal(message, null >= wanted);
    }
}

fn false_winners(report: &mut Report, replications: usize) {
    let (of_two, of_more) = (20 * replications, 5 * replications);
    report.line("## False winners without a difference\n");
    report.line(&format!(
        "Share of tests of equal variations that name a winner: of {of_two} tests of two variations (standard error at \
         0.05: {:.4}), of {of_more} of more. \"Peeking\" is an ordinary paired t test after every block from the fifth on.\n",
        (0.05 * 0.95 / of_two as f64).sqrt()
    ));
    report.line("| variations | N | horizon | stopped as futile | open | strict | peeking |");
    report.line("|---|---|---|---|---|---|---|");
    for count in [2, 3, 5, 10] {
        let tests_of = if count == 2 { of_two } else { of_more };
        let all = tests(&beta_field(count, 0.0, Field::Slip), CORRELATION, 80, tests_of, SEED ^ 2);
        for samples in [10, 20, 40, 80] {
            let [horizon, open, strict] =
                [Rule::Horizon, Rule::Open, Rule::Strict].map(|rule| raced(rule, samples, &all));
            let peeked = (count == 2).then(|| {
                let won = in_parallel(all.len(), |k| peeking(&all[k], samples, ALPHA).is_some());
                format!("{:.3}", won.iter().filter(|won| **won).count() as f64 / won.len() as f64)
            });
            report.line(&format!(
                "| {count} | {samples} | {:.4} | {:.2} | {:.4} | {:.4} | {} |",
                horizon.any,
                horizon.futile,
                open.any,
                strict.any,
                peeked.unwrap_or_default()
            ));
            report.goal(
                format!("{count} variations, N {samples}: horizon has {:.4} false winners", horizon.any),
                horizon.any <= 0.05,
            );
            report.goal(format!("{count} variations, N {samples}: strict has {:.4}", strict.any), strict.any <= 0.05);
        }
    }
    report.line("");
}

type Battery = (&'static str, f64, Vec<Source>);

/// Bounded distributions with the same mean and other shapes.
fn battery() -> Vec<Battery> {
    let beta = |mean, spread| Source::Shape(Shape::beta(mean, spread));
    let values = |values: &[(f64, f64)]| Source::Values(values.to_vec());
    let always = |value| values(&[(value, 1.0)]);
    vec![
        ("Beta, spread .05 and .20, mean .8", 0.3, vec![beta(0.8, 0.05), beta(0.8, 0.2)]),
        ("Beta, spread .03 and .15, mean .9", 0.0, vec![beta(0.9, 0.03), beta(0.9, 0.15)]),
        (
            "two-point 0 or 1, mean .7, both",
            0.3,
            vec![values(&[(0.0, 0.3), (1.0, 0.7)]), values(&[(0.0, 0.3), (1.0, 0.7)])],
        ),
        ("two-point 0 or 1, against always .7", 0.0, vec![values(&[(0.0, 0.3), (1.0, 0.7)]), always(0.7)]),
        (
            "0 in 30 % and Beta, against Beta, mean .6",
            0.3,
            vec![Source::Inflated(0.3, Shape::beta(0.6 / 0.7, 0.08)), beta(0.6, 0.12)],
        ),
        (
            "0 in 10 % and Beta, against always .72",
            0.0,
            vec![Source::Inflated(0.1, Shape::beta(0.8, 0.05)), always(0.72)],
        ),
        (
            "five grades, the same, many ties",
            0.5,
            vec![
                values(&[(0.25, 0.1), (0.5, 0.2), (0.75, 0.5), (1.0, 0.2)]),
                values(&[(0.25, 0.1), (0.5, 0.2), (0.75, 0.5), (1.0, 0.2)]),
            ],
        ),
        (
            "five grades, narrow and wide",
            0.3,
            vec![values(&[(0.5, 0.2), (0.75, 0.8)]), values(&[(0.0, 0.1), (0.5, 0.1), (0.75, 0.4), (0.875, 0.4)])],
        ),
        ("rarely much better, against always .51", 0.0, vec![values(&[(0.5, 0.98), (1.0, 0.02)]), always(0.51)]),
        ("rarely much worse, against always .855", 0.0, vec![values(&[(0.0, 0.05), (0.9, 0.95)]), always(0.855)]),
        ("U-shaped Beta, both", 0.3, vec![beta(0.5, 0.35), beta(0.5, 0.35)]),
        ("skewed Beta, mean .1, both", 0.5, vec![beta(0.1, 0.12), beta(0.1, 0.12)]),
    ]
}

fn shapes(report: &mut Report, replications: usize) {
    report.line("## False winners over shapes\n");
    report.line(&format!(
        "Two variations of the same mean whose scores are shaped differently; {replications} tests each. The t-based \
         and the sign-based rule assume more than holds here: the program warns of it. `strict` assumes nothing.\n"
    ));
    report
        .line("| scores | horizon, N 20 | horizon, N 80 | open, N 80 | strict, N 20 | strict, N 80 | strict, N 320 |");
    report.line("|---|---|---|---|---|---|---|");
    for (name, correlation, sources) in battery() {
        let all = tests(&sources, correlation, MOST, replications, SEED ^ 3);
        let of = |rule, samples| raced(rule, samples, &all).any;
        let strict = [20, 80, 320].map(|samples| of(Rule::Strict, samples));
        report.line(&format!(
            "| {name} | {:.4} | {:.4} | {:.4} | {:.4} | {:.4} | {:.4} |",
            of(Rule::Horizon, 20),
            of(Rule::Horizon, 80),
            of(Rule::Open, 80),
            strict[0],
            strict[1],
            strict[2]
        ));
        let most = strict.into_iter().fold(0.0, f64::max);
        report.goal(format!("{name}: strict has {most:.4} false winners"), most <= 0.05);
    }
    report.line("");
}

fn power_of_rules(report: &mut Report, replications: usize) {
    report.line("## What the rules find\n");
    report.line("Share of tests that the best variation wins, and mean generations of each test.\n");
    report.line("| variations | gap | N | horizon | open | strict |");
    report.line("|---|---|---|---|---|---|");
    for count in [2, 3, 10] {
        for gap in [0.05, 0.1] {
            let all = tests(&beta_field(count, gap, Field::Slip), CORRELATION, 160, replications, SEED ^ 4);
            for samples in [10, 20, 40, 80, 160] {
                let cells = [Rule::Horizon, Rule::Open, Rule::Strict].map(|rule| {
                    let rates = raced(rule, samples, &all);
                    format!("{:.2}, {:.0}", rates.first, rates.generations)
                });
                report.line(&format!("| {count} | {gap} | {samples} | {} |", cells.join(" | ")));
            }
        }
    }
    report.line("");
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let named = arguments.iter().position(|a| a == "--replications").and_then(|n| arguments.get(n + 1)?.parse().ok());
    let replications: usize = named.unwrap_or(REPLICATIONS);
    let mut report = Report { text: String::new(), missed: Vec::new() };
    report.line("# What the rules of decision save, and how often they are wrong\n");
    report.line(&format!(
        "Written by `cargo bench --bench ab_simulation`, with the program's own decisions on drawn scores: {replications} \
         replications, seed {SEED}. Unless said otherwise scores are Beta with standard deviation {SPREAD}, correlation \
         {CORRELATION} on the same seed (a Gaussian copula) and mean {MEAN}; the best variation is better by the gap; \
         alpha is {ALPHA}.\n"
    ));
    savings(&mut report, replications);
    false_winners(&mut report, replications);
    shapes(&mut report, replications);
    power_of_rules(&mut report, replications);
    report.line("## Goals that were missed\n");
    let missed = std::mem::take(&mut report.missed);
    if missed.is_empty() {
        report.line("None.");
    }
    missed.iter().for_each(|what| report.line(&format!("- {what}")));
    if named.is_none() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/ab-simulation.md");
        std::fs::write(&path, &report.text).expect("a folder that can be written to");
    }
}
