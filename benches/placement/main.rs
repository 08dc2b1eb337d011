//! How near the planner comes to the best that servers can do: `cargo bench --bench placement`.
//!
//! Chains as people run them, on 1 to 8 servers that are simulated: they load models into 12 GB (the one
//! that was used longest ago goes) and keep the results of the last prompt. The planner is the program's; it
//! gets estimates that are wrong by a log-normal factor for each shape and server, and what it hears of
//! items that have finished, as in a real run. A figure is the makespan over the lower bound: the longest
//! path, or all work once with every model loaded once, spread evenly. Mean of all seeds, and the worst.
//!
//! Exits 1 when a goal is missed. `--seeds N` takes another number of seeds than 5.

mod chance;
mod scenario;
mod simulate;

use comfywright::model::{Mode, Prefer};

use chance::Chance;
use scenario::{MEMORY, Noise, Scenario};
use simulate::{Outcome, simulate};

const SERVERS: [usize; 4] = [1, 2, 4, 8];

/// Usual error of estimates, and a large one.
const NOISE: f64 = 0.3;
const LARGE_NOISE: f64 = 1.0;

type Make = fn(&mut Chance) -> Scenario;

/// Name, how it is made, whether it is an unsorted file with several models.
const SCENARIOS: [(&str, Make, bool); 5] = [
    ("catalog, 200 products x 4, unsorted", |chance| Scenario::catalog(chance, 200, false), true),
    ("catalog, sorted by checkpoint", |chance| Scenario::catalog(chance, 200, true), false),
    ("routed: 30 % enhanced, 10 films", |chance| Scenario::products(chance, 200, false, 0.3, 10), true),
    ("prompt test, 8 checkpoints x 3 x 10", Scenario::prompt_test, true),
    ("shared prefixes, 60 x 5", Scenario::prefixes, false),
];

struct Goals {
    all_hold: bool,
}

impl Goals {
    fn check(&mut self, what: &str, value: f64, limit: f64, is_most: bool) {
        let holds = if is_most { value <= limit } else { value >= limit };
        if !holds {
            let word = if is_most { "at most" } else { "at least" };
            println!("missed: {what} is {value:.3}, {word} {limit}");
        }
        self.all_hold &= holds;
    }
}

/// Mean and worst makespan over the lower bound, and the mean of everything else.
struct Figures {
    mean: f64,
    worst: f64,
    outcome: Outcome,
}

/// One row of a table.
#[derive(Clone, Copy)]
struct Setting {
    servers: usize,
    mode: Mode,
    prefer: Option<Prefer>,
    /// How wrong estimates are; none when nothing was run before.
    noise: Option<f64>,
    /// Bytes of models that stay; none when those of the last prompt alone do.
    memory: Option<u64>,
}

const USUAL: Setting =
    Setting { servers: 4, mode: Mode::Smart, prefer: None, noise: Some(NOISE), memory: Some(MEMORY) };

fn figures(make: Make, setting: Setting, seeds: u64) -> Figures {
    let Setting { servers, mode, prefer, noise, memory } = setting;
    let names: Vec<String> = (0..servers).map(|n| format!("server {n}")).collect();
    let (mut mean, mut worst, mut sum) = (0.0, 0.0_f64, Outcome::default());
    for seed in 0..seeds {
        let scenario = make(&mut Chance::new(seed));
        let mut noise = Noise { sigma: noise.unwrap_or(NOISE), seed, is_known: noise.is_some() };
        let plan = scenario.plan(mode, prefer, &mut noise);
        let estimates = scenario.estimates(&plan, &names, &mut noise);
        let outcome = simulate(&scenario, &plan, &names, memory, estimates);
        let ratio = outcome.makespan / scenario.lower_bound(servers);
        assert!(ratio > 0.999, "nothing is faster than the lower bound");
        let share = 1.0 / seeds as f64;
        mean += ratio * share;
        worst = worst.max(ratio);
        sum.makespan += outcome.makespan * share;
        sum.swaps += outcome.swaps * share;
        sum.swap_share += outcome.swap_share * share;
        sum.first_tenth += outcome.first_tenth * share;
    }
    Figures { mean, worst, outcome: sum }
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let seeds = arguments.iter().position(|a| a == "--seeds").and_then(|n| arguments.get(n + 1)?.parse().ok());
    let seeds = seeds.unwrap_or(5);
    let mut goals = Goals { all_hold: true };
    println!("makespan / lower bound, mean of {seeds} seeds (worst); loads of models; estimates wrong by {NOISE}");
    println!("{:<38} m  {:<22} {:<22} {:<22} fifo/smart", "", "fifo", "critical_path", "smart");
    for (name, make, is_unsorted) in SCENARIOS {
        for servers in SERVERS {
            let of = |mode| figures(make, Setting { servers, mode, ..USUAL }, seeds);
            let all = [Mode::Fifo, Mode::CriticalPath, Mode::Smart].map(of);
            let cell = |f: &Figures| format!("{:.3} ({:.3}) {:>4.0}", f.mean, f.worst, f.outcome.swaps);
            let gain = all[0].mean / all[2].mean;
            println!(
                "{name:<38} {servers}  {:<22} {:<22} {:<22} {gain:.2}",
                cell(&all[0]),
                cell(&all[1]),
                cell(&all[2])
            );
            let limit = if servers <= 4 { 1.10 } else { 1.15 };
            goals.check(&format!("{name}, {servers} servers"), all[2].mean, limit, true);
            if is_unsorted {
                goals.check(&format!("{name}, {servers} servers, fifo over smart"), gain, 1.4, false);
            }
        }
    }
    println!("\nsmart on 4 servers: estimates wrong by {LARGE_NOISE}; nothing known but the class of the models");
    for (name, make, _) in SCENARIOS {
        let wrong = figures(make, Setting { noise: Some(LARGE_NOISE), ..USUAL }, seeds);
        let unknown = figures(make, Setting { noise: None, ..USUAL }, seeds);
        println!(
            "{name:<38} {:.3} ({:.3}) {:>4.0}   {:.3} ({:.3}) {:>4.0}",
            wrong.mean, wrong.worst, wrong.outcome.swaps, unknown.mean, unknown.worst, unknown.outcome.swaps
        );
        goals.check(&format!("{name}, estimates wrong by {LARGE_NOISE}"), wrong.mean, 1.15, true);
    }
    println!("\nwhen a tenth of the results is there, as a share of the makespan; makespan / lower bound");
    println!("{:<38} m  keeps        {:<15} {:<15} prefer = \"early-results\"", "", "fifo", "smart");
    for (name, make, _) in &SCENARIOS[..3] {
        for servers in [1, 4] {
            for (memory, kept) in [(Some(MEMORY), "12 GB"), (None, "last prompt")] {
                let of = |mode, prefer| figures(*make, Setting { servers, mode, prefer, memory, ..USUAL }, seeds);
                let all = [of(Mode::Fifo, None), of(Mode::Smart, None), of(Mode::Smart, Some(Prefer::EarlyResults))];
                let cell = |f: &Figures| format!("{:.2} at {:.3}", f.outcome.first_tenth, f.mean);
                println!(
                    "{name:<38} {servers}  {kept:<12} {:<15} {:<15} {}",
                    cell(&all[0]),
                    cell(&all[1]),
                    cell(&all[2])
                );
            }
        }
    }
    std::process::exit(i32::from(!goals.all_hold));
}
