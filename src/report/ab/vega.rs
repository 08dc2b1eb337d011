//! The plots as a Vega-Lite document, with the numbers that they show: for other tools, and for plots of one's own.

use serde_json::{Value, json};

use super::{TestReport, forest::leader, pareto, words};

/// The version of Vega-Lite that the document is written for.
const SCHEMA: &str = "https://vega.github.io/schema/vega-lite/v6.json";

/// Okabe and Ito's colours, as on the page; which variation it is is told by marks and names as well.
const COLOURS: [&str; 5] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#8c6d00"];

const WIDTH: u32 = 560;

/// The document: a view for each plot, and the datasets `variations`, `looks` and `samples`.
pub fn vega_lite(report: &TestReport) -> Value {
    let mut views = vec![forest(report)];
    if !report.looks.is_empty() {
        views.push(evidence(report));
    }
    views.push(spend(report));
    if pareto::known(report).len() > 1 {
        views.push(pareto_view(report));
    }
    let verdict = &report.verdict;
    json!({
        "$schema": SCHEMA,
        "title": {
            "text": format!("{} {}: {}", verdict.test, verdict.version, words::headline(verdict)),
            "subtitle": format!("run {}, rules {}", report.run, verdict.method),
            "anchor": "start",
        },
        "datasets": { "variations": variations(report), "looks": looks(report), "samples": samples(report) },
        "vconcat": views,
        "resolve": { "scale": { "color": "independent", "shape": "independent", "strokeDash": "independent" } },
    })
}

fn variations(report: &TestReport) -> Value {
    let leader = leader(report);
    let rows = report.verdict.variations.iter().zip(&report.spent).enumerate();
    let row = |(place, (variation, spent)): (usize, (&crate::analysis::VariationVerdict, &super::VariationSpent))| {
        json!({
            "variation": variation.name,
            "leads": Some(place) == leader,
            "mean": variation.mean,
            "against": variation.against,
            "difference": variation.difference,
            "low": variation.low,
            "high": variation.high,
            "dropped": variation.dropped_after.is_some(),
            "dropped_after": variation.dropped_after,
            "samples": spent.samples,
            "seconds_each": spent.seconds_each,
            "cost": spent.cost,
        })
    };
    rows.map(row).collect()
}

fn looks(report: &TestReport) -> Value {
    let of_look = report.looks.iter().flat_map(|look| {
        let named = look.evidence.iter().zip(&report.verdict.variations);
        named.filter_map(|(evidence, variation)| {
            Some(json!({ "block": look.block, "variation": variation.name, "evidence": (*evidence)? }))
        })
    });
    of_look.collect()
}

fn samples(report: &TestReport) -> Value {
    let of_block = report.blocks.iter().flat_map(|block| {
        let named = block.samples.iter().zip(&report.verdict.variations);
        named.filter_map(|(sample, variation)| {
            Some(json!({ "block": block.label, "variation": variation.name, "score": sample.score? }))
        })
    });
    of_block.collect()
}

/// A line across at a number, or a line down.
fn rule(axis: &str, at: f64, dashed: bool) -> Value {
    let dash = if dashed { json!([6, 4]) } else { json!([1, 0]) };
    json!({
        "data": { "values": [{}] },
        "mark": { "type": "rule", "strokeDash": dash, "color": "#59636e" },
        "encoding": { axis: { "datum": at, "type": "quantitative" } },
    })
}

/// Which variation it is, by colour: the same one in every view.
fn color(report: &TestReport) -> Value {
    let mut channel = shape(report);
    channel["scale"]["range"] = json!(COLOURS);
    channel
}

/// Which variation it is, by form.
fn shape(report: &TestReport) -> Value {
    let domain: Vec<&str> = report.verdict.variations.iter().map(|variation| variation.name.as_str()).collect();
    json!({ "field": "variation", "type": "nominal", "sort": null, "legend": null, "scale": { "domain": domain } })
}

fn names() -> Value {
    json!({ "field": "variation", "type": "nominal", "sort": null, "title": null })
}

fn number(field: &str, title: &str) -> Value {
    json!({ "field": field, "type": "quantitative", "title": title })
}

fn forest(report: &TestReport) -> Value {
    let verdict = &report.verdict;
    let against = leader(report).map_or("the one that leads", |place| verdict.variations[place].name.as_str());
    let title = format!("{} against {against}", words::metric(verdict));
    json!({
        "title": "Differences, with intervals that allow for all looks and comparisons",
        "width": WIDTH,
        "data": { "name": "variations" },
        "transform": [{ "filter": "!datum.leads" }],
        "layer": [
            {
                "data": { "values": [{}] },
                "mark": { "type": "rect", "color": "#59636e", "opacity": 0.14 },
                "encoding": {
                    "x": { "datum": -verdict.equivalence, "type": "quantitative" },
                    "x2": { "datum": verdict.equivalence },
                },
            },
            rule("x", 0.0, false),
            {
                "mark": { "type": "rule", "size": 2 },
                "encoding": {
                    "x": number("low", &title),
                    "x2": { "field": "high" },
                    "y": names(),
                    "strokeDash": { "condition": { "test": "datum.dropped", "value": [5, 3] }, "value": [1, 0] },
                },
            },
            {
                "mark": { "type": "point", "filled": true, "size": 80 },
                "encoding": { "x": number("difference", &title), "y": names(), "color": color(report), "shape": shape(report) },
            },
        ],
    })
}

fn evidence(report: &TestReport) -> Value {
    let told = |mut channel: Value| {
        channel["legend"] = json!({ "title": null });
        channel
    };
    let mark = |mark: Value, form: &str| {
        json!({
            "mark": mark,
            "encoding": {
                "x": { "field": "block", "type": "quantitative", "title": "blocks", "axis": { "tickMinStep": 1 } },
                "y": number("evidence", "evidence that another one is better, in boundaries"),
                "color": told(color(report)),
                form: if form == "shape" { told(shape(report)) } else { shape(report) },
            },
        })
    };
    json!({
        "title": "Evidence from look to look; above the dashed line a variation is dropped",
        "width": WIDTH,
        "data": { "name": "looks" },
        "layer": [
            mark(json!({ "type": "line" }), "strokeDash"),
            mark(json!({ "type": "point", "filled": true, "size": 50 }), "shape"),
            rule("y", 1.0, true),
        ],
    })
}

fn spend(report: &TestReport) -> Value {
    json!({
        "title": "Samples of each variation",
        "width": WIDTH,
        "data": { "name": "variations" },
        "mark": { "type": "bar", "color": COLOURS[0] },
        "encoding": {
            "x": {
                "field": "samples",
                "type": "quantitative",
                "title": format!("samples, of {}", report.verdict.most_blocks),
                "scale": { "domain": [0, report.verdict.most_blocks] },
            },
            "y": names(),
        },
    })
}

fn pareto_view(report: &TestReport) -> Value {
    let mean = format!("mean {}", words::metric(&report.verdict));
    let layer = |mark: Value, more: (&str, Value)| {
        json!({
            "mark": mark,
            "encoding": {
                "x": number("seconds_each", "seconds of a sample"),
                "y": { "field": "mean", "type": "quantitative", "title": mean, "scale": { "zero": false } },
                "color": color(report),
                more.0: more.1,
            },
        })
    };
    json!({
        "title": "Quality and time",
        "width": WIDTH,
        "data": { "name": "variations" },
        "layer": [
            layer(json!({ "type": "point", "filled": true, "size": 80 }), ("shape", shape(report))),
            layer(
                json!({ "type": "text", "align": "left", "dx": 8 }),
                ("text", json!({ "field": "variation" })),
            ),
        ],
    })
}
