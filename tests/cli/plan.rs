//! `plan`: the critical path, the lower bound, and the graph in four forms.

use super::{
    runs::{cards, cards_run},
    support::Folder,
};

fn graph(folder: &Folder, arguments: &[&str]) -> String {
    let answer = folder.run(&[&["plan", "cards", "--graph"], arguments].concat());
    assert_eq!(answer.code, 0, "{answer:?}");
    answer.stdout
}

#[test]
fn without_history_every_item_is_a_step() {
    let folder = cards(6);
    let outlook = &folder.run(&["plan", "cards", "--json"]).json()["data"]["outlook"];
    assert_eq!((&outlook["unit"], &outlook["path"]), (&"steps".into(), &5.0.into()), "{outlook}");
    // Two at a time; what routing decides about does not count.
    assert_eq!((&outlook["lower_bound"], &outlook["bottleneck"]), (&12.5.into(), &"capacity".into()), "{outlook}");
    let path = ["make[tone=t00000]", "soften[tone=t00000]", "look[tone=t00000]", "large[tone=t00000]", "sheet"];
    assert_eq!(outlook["critical_path"], serde_json::json!(path));
    let text = folder.run(&["plan", "cards"]).stdout;
    assert!(text.contains("capacity-bound: the work of this process takes 13 steps on 2 at a time"), "{text}");
}

#[test]
fn history_gives_seconds_and_shares() {
    let folder = cards_run(6);
    folder.write("pipelines/cards.toml", folder.read("pipelines/cards.toml").replace("blur = 1", "blur = 2"));
    let data = folder.run(&["plan", "cards", "--json"]).json()["data"].clone();
    assert_eq!(data["outlook"]["unit"], "seconds");
    let task = |name: &str| data["tasks"].as_array().unwrap().iter().find(|t| t["name"] == name).unwrap().clone();
    assert!(task("soften")["seconds"].as_f64().unwrap() > 0.0, "{data:#}");
    // What is there already takes no time: the way begins with an item that must be made.
    assert_eq!(task("make")["reused"], 4, "{data:#}");
    assert!(
        ["make[tone=t00004]", "make[tone=t00005]"].contains(&data["outlook"]["critical_path"][0].as_str().unwrap())
    );
    let (bound, path) = (data["outlook"]["lower_bound"].as_f64().unwrap(), data["outlook"]["path"].as_f64().unwrap());
    assert!(bound >= path && path > 0.0, "{data:#}");
}

#[test]
fn the_graph_for_markdown_and_for_graphviz() {
    let folder = cards(60);
    insta::assert_snapshot!("mermaid", graph(&folder, &["mermaid"]));
    let opened = graph(&folder, &["mermaid", "--expand", "soften", "--expand", "look"]);
    assert!(opened.contains("subgraph t2[\"soften ×60") && opened.contains("t2i0[\"t00000 · critical\"]"), "{opened}");
    assert!(opened.contains("  t2i3 ==> t3i3\n") && opened.contains("[\"and 20 more\"]"), "{opened}");
    insta::assert_snapshot!("dot", graph(&folder, &["dot", "--expand", "sheet"]));
}

#[test]
fn the_graph_as_a_picture_and_as_a_page() {
    let folder = cards(60);
    let picture = graph(&folder, &["svg"]);
    assert!(picture.starts_with("<?xml") && picture.trim_end().ends_with("</svg>"), "{picture}");
    for part in [">spare</tspan>", "on oom", "if colorfulness &lt; 40", "at most 2 visits", " ×60<"] {
        let part = part.replace("</tspan>", "");
        assert!(picture.contains(&part), "{part}: {picture}");
    }
    assert!(!picture.contains("t00000"), "closed boxes show no items");
    assert!(graph(&folder, &["svg", "--expand", "look"]).contains("look[tone=t00000]"));
    let page = graph(&folder, &["html"]);
    assert_eq!(page.matches("<template data-open=").count(), 7, "{page}");
    // Nothing is loaded from anywhere; the one address is the name of the language of drawings.
    let addresses: Vec<&str> = page.split("://").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    assert!(addresses.iter().all(|address| *address == "www.w3.org/2000/svg"), "{addresses:?}");
    let data = folder.run(&["plan", "cards", "--graph", "svg", "--json"]).json()["data"].clone();
    assert_eq!((&data["graph"]["format"], &data["graph"]["text"]), (&"svg".into(), &picture.into()));
}

#[test]
fn the_graph_goes_to_a_file_or_says_what_is_wrong() {
    let folder = cards(6);
    let answer = folder.run(&["plan", "cards", "--graph", "svg", "--out", "cards.svg"]);
    assert!(answer.stdout.ends_with("\nwrote cards.svg\n"), "{answer:?}");
    assert!(folder.read("cards.svg").starts_with("<?xml"));
    let wrong = folder.run(&["plan", "cards", "--graph", "svg", "--expand", "sheets"]);
    assert_eq!(wrong.code, 2);
    assert!(
        wrong.stderr.contains("there is no such task") && wrong.stderr.contains("did you mean sheet?"),
        "{wrong:?}"
    );
    let nowhere = folder.run(&["plan", "cards", "--graph", "svg", "--out", "nowhere/cards.svg"]);
    assert_eq!(nowhere.code, 3, "{nowhere:?}");
    assert_eq!(folder.run(&["plan", "cards", "--expand", "look"]).code, 2);
}
