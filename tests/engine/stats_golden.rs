//! The statistics agree with other implementations: `SciPy`, choix and `NumPy`.
//!
//! `fixtures/stats/golden.json` has what is compared. `../shared/stats/golden.json`, or the file that
//! `COMFYWRIGHT_STATS` names, has more groups; where it is there, the values are taken from it, too, and each of its
//! groups is either compared or known to be of a method that the program does not use.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use comfywright::stats::{
    Bets, Choice, Evidence, Spending, Strengths, Sums, TTest, Vote, acceleration, bca_interval, e_bh, holm,
    normal_point, normal_tail, paired_t, sign_flip_p, strengths, superiority, t_point, t_tail, upper_bounds, welch_t,
};
use serde_json::Value;

/// Groups and how each is compared.
const GROUPS: &[(&str, fn(&Value))] = &[
    ("scores", |cases| assert_eq!(numbers(&cases["scores"]["a"]).len(), 16)),
    ("welch_t", |cases| {
        let [a, b] = scores(cases).map(|scores| Sums::of(&scores));
        t_test(&welch_t(&a, &b, 0.95).unwrap(), &cases["welch_t"]);
    }),
    ("paired_t", |cases| t_test(&paired_t(&Sums::of(&differences(cases)), 0.95).unwrap(), &cases["paired_t"])),
    ("ordinal", |cases| {
        let group = &cases["ordinal"];
        let found = superiority(&numbers(&group["a"]), &numbers(&group["b"])).unwrap();
        near(found, &group["prob_superiority"], 1e-12);
    }),
    ("signflip_exact_two_sided", |cases| {
        near(sign_flip_p(&differences(cases), 1), &cases["signflip_exact_two_sided"]["p"], 1e-12);
    }),
    ("multiple", |cases| all_near(&holm(&numbers(&cases["multiple"]["p"])), &cases["multiple"]["holm"], 1e-12)),
    ("e_bh", |cases| {
        let group = &cases["e_bh"];
        let claims = e_bh(&numbers(&group["e"]), group["alpha"].as_f64().unwrap());
        assert_eq!(claims.iter().filter(|claim| **claim).count() as u64, group["rejected"].as_u64().unwrap());
    }),
    ("bootstrap_bca_mean_d", |cases| {
        let (group, differences) = (&cases["bootstrap_bca_mean_d"], differences(cases));
        near(acceleration(&differences), &group["acceleration_exact"], 1e-12);
        let tolerance = group["tolerance"].as_f64().unwrap();
        all_near(&bca_interval(&differences, 0.95, 20_000, 1).unwrap(), &group["ci95"], tolerance);
    }),
    ("e_process", e_process),
    ("bradley_terry", bradley_terry),
    ("davidson_ties", davidson),
    ("quantiles", |cases| {
        let group = &cases["quantiles"];
        near(t_point(0.025, 15.0), &group["t975_df15"], 1e-9);
        near(normal_point(0.025), &group["z975"], 1e-12);
        near(t_tail(3.1, 7.0), &group["t_sf(3.1,7)"], 1e-12);
        near(normal_tail(4.5), &group["norm_sf(4.5)"], 1e-15);
    }),
    ("gst_bounds", |cases| {
        let (group, times) = (&cases["gst_bounds"], [0.2, 0.4, 0.6, 0.8, 1.0]);
        let bounds = upper_bounds(0.025, &times, Spending::OBrienFleming);
        all_near(&bounds, &group["obf_a.025_L5"], 2e-4);
        all_near(&bounds, &group["obf_known_table"], 6e-4);
        all_near(&upper_bounds(0.025, &times, Spending::Pocock), &group["pocock_a.025_L5"], 2e-4);
    }),
];

/// Groups of methods that were compared with those that the program uses, when it was decided which these are.
const OTHERS: &[&str] = &[
    "mann_whitney_asymptotic_cc",
    "wilcoxon_exact_diff",
    "sign_test",
    "wilson_14_20",
    "clopper_pearson_14_20",
    "betting_hedged_cs_scores_a",
    "betting_hedged_cs_paired_diff",
    "betting_martingale_m0.5",
    "gbstats_rho_default",
    "gbstats_sequential_N*=32",
    "friedman",
    "dunnett",
];

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
}

fn near(found: f64, expected: &Value, tolerance: f64) {
    let expected = expected.as_f64().unwrap();
    assert!((found - expected).abs() <= tolerance, "{found} is not {expected}");
}

fn all_near(found: &[f64], expected: &Value, tolerance: f64) {
    let expected = expected.as_array().unwrap();
    assert_eq!(found.len(), expected.len());
    found.iter().zip(expected).for_each(|(found, expected)| near(*found, expected, tolerance));
}

fn scores(cases: &Value) -> [Vec<f64>; 2] {
    ["a", "b"].map(|name| numbers(&cases["scores"][name]))
}

fn differences(cases: &Value) -> Vec<f64> {
    let [a, b] = scores(cases);
    b.iter().zip(a).map(|(b, a)| b - a).collect()
}

fn t_test(found: &TTest, expected: &Value) {
    near(found.t, &expected["t"], 1e-9);
    near(found.df, &expected["df"], 1e-9);
    near(found.p, &expected["p"], 1e-9);
    all_near(&found.interval, &expected["ci95"], 1e-9);
}

fn e_process(cases: &Value) {
    let group = &cases["e_process"];
    for (name, bets) in [("signflip_mixture(", Bets::SignFlip), ("bounded_clip1(", Bets::Bounded)] {
        let (_, expected) = group.as_object().unwrap().iter().find(|(key, _)| key.starts_with(name)).unwrap();
        let mut evidence = Evidence::new(bets);
        let path: Vec<f64> = numbers(&group["d"])
            .into_iter()
            .map(|difference| {
                evidence.push(difference);
                evidence.above()
            })
            .collect();
        all_near(&path, expected, 1e-9);
    }
}

fn votes_of(first: usize, second: usize, counts: [u64; 3], votes: &mut Vec<Vote>) {
    for (choice, count) in [Choice::First, Choice::Second, Choice::Tie].into_iter().zip(counts) {
        for _ in 0..count {
            votes.push(Vote { first, second, choice, cluster: votes.len() });
        }
    }
}

fn bradley_terry(cases: &Value) {
    let group = &cases["bradley_terry"];
    let mut votes = Vec::new();
    for (pair, count) in group["wins(winner,loser)"].as_object().unwrap() {
        let (winner, loser) = pair.split_once('>').unwrap();
        let [winner, loser] = [winner, loser].map(|number| number.parse().unwrap());
        votes_of(winner, loser, [count.as_u64().unwrap(), 0, 0], &mut votes);
    }
    let found = strengths(4, &votes, 0.0).unwrap();
    all_near(&found.strengths, &group["theta_sum0"], 1e-6);
    for (row, expected) in found.covariance.iter().zip(group["cov_pinv_fisher"].as_array().unwrap()) {
        all_near(row, expected, 1e-6);
    }
    all_near(&found.difference_interval(&found.covariance, 0, 1, 0.95), &group["ci95_diff_0_1"], 1e-5);
    assert!(found.ties.abs() < 1e-300, "nobody called a tie");
    robust_is_of_the_same_size(&found);
}

fn davidson(cases: &Value) {
    let group = &cases["davidson_ties"];
    let mut votes = Vec::new();
    for (pair, counts) in group["data(i,j:wins_i,wins_j,ties)"].as_object().unwrap() {
        let (i, j) = pair.split_once(',').unwrap();
        let counts: Vec<u64> = counts.as_array().unwrap().iter().map(|count| count.as_u64().unwrap()).collect();
        votes_of(i.parse().unwrap(), j.parse().unwrap(), [counts[0], counts[1], counts[2]], &mut votes);
    }
    let found = strengths(3, &votes, 0.0).unwrap();
    all_near(&found.strengths, &group["theta"], 1e-6);
    near(found.ties, &group["nu"], 1e-6);
    near(-found.log_likelihood, &group["nll"], 1e-8);
    robust_is_of_the_same_size(&found);
}

/// With independent votes that follow the model, both covariances estimate the same.
fn robust_is_of_the_same_size(found: &Strengths) {
    for (robust, plain) in
        found.robust_covariance.iter().zip(&found.covariance).enumerate().map(|(k, (r, p))| (r[k], p[k]))
    {
        assert!((0.5..2.0).contains(&(robust / plain)), "{robust} and {plain}");
    }
}

fn cases(path: &Path) -> Value {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let golden: Value = serde_json::from_str(&text).unwrap();
    golden["cases"].clone()
}

fn compare(cases: &Value) {
    for (name, check) in GROUPS {
        println!("{name}");
        check(cases);
    }
}

#[test]
fn as_others_compute_it() {
    compare(&cases(&Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/stats/golden.json")));
}

#[test]
fn as_others_compute_it_in_all_groups() {
    let named = env::var_os("COMFYWRIGHT_STATS").map(PathBuf::from);
    let found = named.or_else(|| {
        let folders = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
        folders.map(|folder| folder.join("shared/stats/golden.json")).find(|path| path.exists())
    });
    let Some(path) = found else {
        eprintln!("left out: there is no shared/stats/golden.json, and COMFYWRIGHT_STATS is not set");
        return;
    };
    let cases = cases(&path);
    let is_known = |name: &String| OTHERS.contains(&name.as_str()) || GROUPS.iter().any(|(known, _)| known == name);
    let unknown: Vec<&String> = cases.as_object().unwrap().keys().filter(|name| !is_known(name)).collect();
    assert!(unknown.is_empty(), "groups that are not compared: {unknown:?}");
    compare(&cases);
}
