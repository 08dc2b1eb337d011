//! `diff`: what differs in meaning, and what work that makes.

use serde_json::Value;

use super::support::{CARDS, Workspace};

const PORTRAIT: &str = r#"kind = "preset"
format = 1
name = "portrait"
version = "1.0.0"

[params.subject]
type = "string"
role = "prompt"
required = true

[params.seed]
type = "seed"
role = "seed"
default = 7

[node.paper.EmptyImage]
width = 64
height = "64"
batch_size = 1
color = 255

[node.soft.ImageBlur]
image = "@paper.IMAGE"
blur_radius = 2
sigma = 1.0

[node.name.StringConcatenate]
string_a = "{subject}"
string_b = "{seed}"
delimiter = " "

[outputs]
image = "@soft.IMAGE"
"#;

/// The same in KDL, otherwise written and in another order.
const PORTRAIT_KDL: &str = r#"// A comment.
kind preset
format 1
name portrait
version "1.0.0"
params subject type=string role=prompt required=#true
params seed role=seed type=seed default=7
node name StringConcatenate { delimiter " "; string_b "{seed}"; string_a "{subject}"; }
node soft ImageBlur { sigma 1; blur_radius 2; image "@paper.0"; }
node paper EmptyImage pos=(list)10 { width 64; height 64; batch_size 1; color 255; }
outputs { image "@soft.0"; }
"#;

fn changes(document: &Value) -> Vec<String> {
    let value = |change: &Value, key: &str| change.get(key).map_or_else(|| "-".to_owned(), Value::to_string);
    let told = |c: &Value| {
        format!(
            "{} {}: {} > {}",
            c["kind"].as_str().unwrap(),
            c["path"].as_str().unwrap(),
            value(c, "before"),
            value(c, "after")
        )
    };
    document["changes"].as_array().map(|list| list.iter().map(told).collect()).unwrap_or_default()
}

fn single(workspace: &Workspace, arguments: &[&str]) -> Value {
    let (code, answer) = workspace.json(arguments);
    assert_eq!(code, 0, "{answer:#}");
    let documents = answer["data"]["documents"].as_array().unwrap();
    assert_eq!(documents.len(), 1, "{answer:#}");
    documents[0].clone()
}

#[test]
fn ways_of_writing_are_no_difference() {
    let kdl = PORTRAIT_KDL.replace(" pos=(list)10", "");
    let workspace =
        Workspace::new(&[("comfywright.toml", ""), ("pipelines/a.toml", PORTRAIT), ("pipelines/b.kdl", &kdl)]);
    for arguments in [["pipelines/a.toml", "pipelines/b.kdl"], ["pipelines/b.kdl", "pipelines/a.toml"]] {
        let (code, answer) = workspace.json(&["diff", arguments[0], arguments[1], "--exit-code"]);
        assert_eq!((code, &answer["data"]["differs"]), (0, &false.into()), "{answer:#}");
    }
    // A place in the editor is layout.
    workspace.replace(
        "pipelines/a.toml",
        "[node.paper.EmptyImage]",
        "[node.paper]\npos = [10, 20]\n[node.paper.EmptyImage]",
    );
    assert_eq!(workspace.json(&["diff", "pipelines/a.toml", "pipelines/b.kdl"]).1["data"]["differs"], false);
    workspace.replace("pipelines/a.toml", "sigma = 1.0", "sigma = 1.5");
    let (code, answer) = workspace.json(&["diff", "pipelines/b.kdl", "pipelines/a.toml", "--exit-code"]);
    assert_eq!(
        (code, changes(&answer["data"]["documents"][0])),
        (1, vec!["changed node.soft.sigma: 1 > 1.5".to_owned()])
    );
}

#[test]
fn nodes_are_told_by_name_and_found_again_under_another() {
    let other = PORTRAIT
        .replace("[node.soft.ImageBlur]", "[node.hazy.ImageBlur]")
        .replace("@soft.IMAGE", "@hazy.IMAGE")
        .replace("blur_radius = 2", "blur_radius = 5")
        .replace(
            "[node.name.StringConcatenate]\nstring_a = \"{subject}\"\nstring_b = \"{seed}\"\ndelimiter = \" \"\n",
            "",
        )
        .replace("[outputs]", "[node.edge.ImageInvert]\nimage = \"@hazy.IMAGE\"\n\n[outputs]\nedge = \"@edge.IMAGE\"")
        .replace("required = true", "default = \"a cat\"");
    let workspace =
        Workspace::new(&[("comfywright.toml", ""), ("pipelines/a.toml", PORTRAIT), ("pipelines/b.toml", &other)]);
    let document = single(&workspace, &["diff", "pipelines/a.toml", "pipelines/b.toml"]);
    let expected = [
        r#"renamed node.hazy: "soft" > "hazy""#,
        "changed params.subject.required: true > -",
        r#"added params.subject.default: - > "a cat""#,
        "changed node.hazy.blur_radius: 2 > 5",
    ];
    let found = changes(&document);
    for wanted in [expected[0], expected[2], expected[3]] {
        assert!(found.iter().any(|change| change == wanted), "{wanted}: {found:#?}");
    }
    assert!(found.iter().any(|c| c.starts_with("removed params.subject.required")), "{found:#?}");
    assert!(found.iter().any(|c| c.starts_with("removed node.name")), "{found:#?}");
    assert!(found.iter().any(|c| c.starts_with("added node.edge")), "{found:#?}");
    assert!(found.iter().any(|c| c.starts_with("added outputs.edge")), "{found:#?}");
    assert_eq!(found.len(), 7, "{found:#?}");
}

#[test]
fn tasks_rules_and_items() {
    let other = CARDS
        .replace("[task.tile", "[task.paper")
        .replace("[\"tile\"]", "[\"paper\"]")
        .replace("\"#e07a5f\", \"#3d405b\"", "\"#e07a5f\", \"#81b29a\", \"#f2cc8f\"")
        .replace("with.scale = 0.5", "scale = 0.5");
    let workspace =
        Workspace::new(&[("comfywright.toml", ""), ("pipelines/a.toml", CARDS), ("pipelines/b.toml", &other)]);
    // A setting on the task, or in `with`: the same.
    let document = single(&workspace, &["diff", "pipelines/a.toml", "pipelines/b.toml"]);
    let expected = [
        r#"renamed task.paper: "tile" > "paper""#.to_owned(),
        r##"changed task.card.foreach.color: ["#e07a5f","#3d405b"] > ["#e07a5f","#81b29a","#f2cc8f"]"##.to_owned(),
    ];
    assert_eq!(changes(&document), expected);
    let work = &document["work"];
    let tasks = work["tasks"].as_array().unwrap();
    let of = |name: &str| tasks.iter().find(|task| task["task"] == name).cloned().unwrap_or_default();
    assert_eq!(of("paper"), Value::Null, "the renamed task does what it did");
    let card = of("card");
    assert_eq!((&card["added"], &card["removed"], &card["unchanged"]), (&2.into(), &1.into(), &1.into()), "{card:#}");
    assert_eq!(of("sheet")["changed"], 1, "{work:#}");
    assert_eq!(
        (&work["items_before"], &work["items_after"], &work["items_to_make"]),
        (&4.into(), &5.into(), &3.into())
    );
}

#[test]
fn the_ledger_says_what_is_made_already_and_how_long_the_rest_takes() {
    let workspace = Workspace::new(&[("comfywright.toml", ""), ("pipelines/cards.toml", CARDS)]);
    workspace.git(&["init", "-q", "-b", "main"]);
    workspace.write(".gitignore", ".comfywright/\noutputs/\n");
    workspace.commit("base");
    workspace.replace("pipelines/cards.toml", "\"#3d405b\"", "\"#3d405b\", \"#81b29a\"");
    let answer = workspace.json(&["diff", "--git", "main"]).1;
    let data = &answer["data"];
    assert_eq!((&data["no_ledger"], &data["totals"]["to_run"]), (&true.into(), &0.into()), "{data:#}");
    assert!(workspace.run(&["diff", "--git", "main"]).stdout.contains("no ledger here"));

    workspace.git(&["stash", "-q"]);
    assert_eq!(workspace.run(&["run", "cards"]).code, 0);
    workspace.git(&["stash", "pop", "-q"]);
    let document = single(&workspace, &["diff", "--git", "main"]);
    let work = &document["work"];
    // The tile and two cards are there; the new card and the sheet are not.
    assert_eq!((&work["reused"], &work["to_run"]), (&3.into(), &2.into()), "{work:#}");
    assert!(work["seconds"].as_f64().is_some() && work.get("without_history").is_none(), "{work:#}");
    let text = workspace.run(&["diff", "--git", "main"]).stdout;
    assert!(text.contains("2 to run, 3 already made; about"), "{text}");
    workspace.replace(
        "pipelines/cards.toml",
        "[task.sheet]",
        "[task.extra]\ntype = \"adjust\"\ndepends_on = [\"tile\"]\nwith.invert = true\n\n[task.sheet]",
    );
    let work = single(&workspace, &["diff", "--git", "main"])["work"].clone();
    assert_eq!(work["without_history"], serde_json::json!(["extra"]));
}

#[test]
fn commits_with_new_deleted_moved_and_affected_documents() {
    let uses = "kind = \"chain\"\nformat = 1\nname = \"uses\"\nversion = \"1.0.0\"\n\n[task.make]\ntype = \"generate\"\npreset = \"portrait@1\"\nwith.subject = \"{who}\"\nwith.seed = \"{n}\"\n\n[task.make.foreach]\nwho = [\"cat\", \"dog\"]\nn = { from = 1, to = 3 }\n";
    let template = |name: &str| {
        format!("kind = \"template\"\nformat = 1\nname = \"{name}\"\nversion = \"1.0.0\"\ntext = \"{name} it is\"\n")
    };
    let workspace = Workspace::new(&[
        ("comfywright.toml", ""),
        ("pipelines/portrait.toml", PORTRAIT),
        ("pipelines/uses.toml", uses),
        ("pipelines/old.toml", &template("old")),
        ("pipelines/cards.toml", CARDS),
    ]);
    workspace.git(&["init", "-q", "-b", "main"]);
    workspace.commit("base");
    workspace.git(&["checkout", "-q", "-b", "work"]);
    workspace.replace("pipelines/portrait.toml", "1.0.0", "1.1.0");
    workspace.replace("pipelines/portrait.toml", "sigma = 1.0", "sigma = 2.0");
    std::fs::remove_file(workspace.path("pipelines/old.toml")).unwrap();
    workspace.write("pipelines/new.toml", template("new"));
    std::fs::create_dir(workspace.path("pipelines/sets")).unwrap();
    workspace.git(&["mv", "pipelines/cards.toml", "pipelines/sets/cards.toml"]);
    workspace.commit("changes");
    let (code, answer) = workspace.json(&["diff", "--git", "main..work"]);
    assert_eq!(code, 0, "{answer:#}");
    let documents = answer["data"]["documents"].as_array().unwrap();
    let states: Vec<(&str, &str)> =
        documents.iter().map(|d| (d["name"].as_str().unwrap(), d["state"].as_str().unwrap())).collect();
    let expected =
        [("new", "new"), ("old", "deleted"), ("portrait", "changed"), ("cards", "moved"), ("uses", "affected")];
    assert_eq!(states, expected, "{answer:#}");
    let affected = documents.iter().find(|d| d["name"] == "uses").unwrap();
    let work = &affected["work"];
    assert_eq!(
        (&work["items_after"], &work["items_to_make"]),
        (&6.into(), &6.into()),
        "the preset makes other pictures"
    );
    let moved = documents.iter().find(|d| d["name"] == "cards").unwrap();
    assert_eq!(moved["path_before"], "pipelines/cards.toml");
    assert_eq!(changes(&documents[2]), [r#"changed version: "1.0.0" > "1.1.0""#, "changed node.soft.sigma: 1 > 2"]);

    // Only what is asked for, also what is gone; a reference; three dots; and the folder as it is.
    let only = single(&workspace, &["diff", "--git", "main..work", "pipelines/old.toml"]);
    assert_eq!(only["state"], "deleted");
    let reference = single(&workspace, &["diff", "portrait@1.0.0", "portrait@1.1.0"]);
    assert_eq!(changes(&reference).len(), 2);
    workspace.git(&["checkout", "-q", "main"]);
    workspace.write("pipelines/later.toml", template("later"));
    workspace.commit("later");
    let names = |range: &str| -> Vec<String> {
        let answer = workspace.json(&["diff", "--git", range]).1;
        let documents = answer["data"]["documents"].as_array().unwrap();
        documents.iter().map(|d| d["name"].as_str().unwrap().to_owned()).collect()
    };
    assert!(names("main..work").contains(&"later".to_owned()), "it is not in work");
    assert!(!names("main...work").contains(&"later".to_owned()), "it came after they parted");
    assert_eq!(names("HEAD"), Vec::<String>::new());
    workspace.write("pipelines/later.toml", template("latest"));
    assert_eq!(names("HEAD"), ["latest"]);
    let refused = workspace.run(&["diff", "--git", "main..nowhere"]);
    assert!(refused.code == 2 && refused.stderr.contains("names no commit"), "{}", refused.stderr);
    let option = workspace.run(&["diff", "--git", "--output=x"]);
    assert!(option.code == 2 && !workspace.path("x").exists());
}

/// A server, as its snapshot tells of it.
const SERVER: &str = r#"{
 "comfywright_snapshot": 1,
 "models": {"checkpoints": ["large.safetensors", "small.safetensors"]},
 "nodes": {
  "Paint": {
   "input": {"required": {
     "ckpt_name": [{"models": "checkpoints"}],
     "text": ["STRING"],
     "seed": ["INT", {"control_after_generate": true, "max": 1000, "min": 0}]
   }},
   "output": ["IMAGE"]
  },
  "SaveImage": {"input": {"required": {"images": ["IMAGE"], "filename_prefix": ["STRING"]}}, "output_node": true}
 }
}
"#;

const PAINTER: &str = r#"kind = "preset"
format = 1
name = "painter"
version = "1.0.0"

[params.subject]
type = "string"
role = "prompt"
required = true

[params.seed]
type = "seed"
role = "seed"
default = 7

[node.paint.Paint]
ckpt_name = "small.safetensors"
text = "{subject}"
seed = "{seed}"

[outputs]
image = "@paint.IMAGE"
"#;

const LIGHT: &str = r#"kind = "ab_test"
format = 1
name = "light"
version = "1.0.0"
preset = "painter@1"
base_prompt = "a cat in {light} light"
samples_per_variation = 4

[variations]
soft = { light = "soft" }
hard = { light = "hard" }
"#;

#[test]
fn samples_seeds_and_models_of_a_test() {
    let workspace = Workspace::new(&[
        ("comfywright.toml", ""),
        ("snapshots/studio.json", SERVER),
        ("pipelines/painter.toml", PAINTER),
        ("pipelines/a.toml", LIGHT),
        (
            "pipelines/b.toml",
            &LIGHT.replace("= 4", "= 6").replace("[variations]", "seeds = { from = 2 }\n\n[variations]"),
        ),
    ]);
    let work = single(&workspace, &["diff", "pipelines/a.toml", "pipelines/b.toml"])["work"].clone();
    assert_eq!((&work["items_before"], &work["items_after"]), (&8.into(), &12.into()), "{work:#}");
    assert_eq!(work["items_to_make"], 6, "seeds 2 to 4 are in both: {work:#}");
    assert_eq!((&work["seeds_before"], &work["seeds_after"]), (&"1..4".into(), &"2..7".into()));
    // What varies from block to block varies equally for all variations.
    let blocks = LIGHT.replace("\n[variations]", "\n[blocks]\nplace = [\"here\", \"there\", \"away\"]\n\n[variations]");
    workspace.write("pipelines/b.toml", blocks.replace("a cat in", "a cat {place} in"));
    let work = single(&workspace, &["diff", "pipelines/a.toml", "pipelines/b.toml"])["work"].clone();
    assert_eq!(
        (&work["items_after"], &work["items_to_make"]),
        (&8.into(), &8.into()),
        "every prompt is another: {work:#}"
    );
    let examples = work["tasks"][0]["examples"].to_string();
    assert!(examples.contains("place=away,seed=3") && examples.contains("place=here,seed=4"), "{examples}");

    // The preset of all of it takes another model.
    workspace.git(&["init", "-q", "-b", "main"]);
    workspace.commit("base");
    workspace.replace("pipelines/painter.toml", "small.safetensors", "large.safetensors");
    workspace.replace("snapshots/studio.json", "\"max\": 1000", "\"max\": 2000");
    let answer = workspace.json(&["diff", "--git", "main"]).1;
    let documents = answer["data"]["documents"].as_array().unwrap();
    let states: Vec<(&str, &str)> =
        documents.iter().map(|d| (d["path"].as_str().unwrap(), d["state"].as_str().unwrap())).collect();
    let expected =
        [("pipelines/a.toml", "affected"), ("pipelines/b.toml", "affected"), ("pipelines/painter.toml", "changed")];
    assert_eq!(states, expected, "{answer:#}");
    for document in documents {
        let work = &document["work"];
        let models = (&work["models_added"][0], &work["models_removed"][0]);
        assert_eq!(
            models,
            (&"checkpoints/large.safetensors".into(), &"checkpoints/small.safetensors".into()),
            "{work:#}"
        );
    }
    let server = &answer["data"]["snapshots"][0]["difference"];
    assert_eq!(server["changed"], serde_json::json!(["Paint.seed: INT 0..1000 → INT 0..2000"]), "{answer:#}");
    // Without any snapshot nobody knows what the class does.
    std::fs::remove_file(workspace.path("snapshots/studio.json")).unwrap();
    workspace.commit("no snapshot");
    workspace.replace("pipelines/painter.toml", "large.safetensors", "small.safetensors");
    let answer = workspace.json(&["diff", "--git", "main"]).1;
    assert!(answer["data"]["notes"][0].as_str().is_some_and(|note| note.contains("pipelines/a.toml")), "{answer:#}");
}

#[test]
fn what_has_nothing_in_common_is_refused() {
    let workspace = Workspace::new(&[
        ("comfywright.toml", ""),
        ("pipelines/a.toml", PORTRAIT),
        ("pipelines/cards.toml", CARDS),
        ("graph.json", r#"{"1": {"class_type": "EmptyImage", "inputs": {"width": 8}}}"#),
        ("other.json", r#"{"9": {"class_type": "EmptyImage", "inputs": {"width": 9}}}"#),
        ("broken.json", "{"),
    ]);
    for (arguments, expected) in [
        (vec!["pipelines/a.toml", "pipelines/cards.toml"], "cannot be compared"),
        (vec!["pipelines/a.toml", "graph.json"], "is a graph"),
        (vec!["portrait@9", "portrait"], "does not exist"),
        (vec!["pipelines/a.toml"], "two files or references"),
        (vec!["broken.json", "graph.json"], "it is not JSON"),
        (vec!["--git", "main"], "is in no repository"),
    ] {
        let said = workspace.run(&[vec!["diff"], arguments.clone()].concat());
        assert!(said.code >= 2 && said.stderr.contains(expected), "{arguments:?}: {} {}", said.code, said.stderr);
    }
    let document = single(&workspace, &["diff", "graph.json", "other.json"]);
    assert_eq!(changes(&document), ["changed EmptyImage#9.width: 8 > 9"]);
}

#[test]
fn markdown_for_a_pull_request() {
    let workspace = Workspace::new(&[
        ("comfywright.toml", ""),
        ("pipelines/cards.toml", CARDS),
        ("pipelines/portrait.toml", PORTRAIT),
    ]);
    workspace.git(&["init", "-q", "-b", "main"]);
    workspace.write(".gitignore", ".comfywright/\noutputs/\n");
    workspace.commit("base");
    assert!(workspace.run(&["diff", "--git", "main", "--markdown"]).stdout.contains("No differences"));
    workspace.replace("pipelines/cards.toml", "\"#3d405b\"", "\"#3d405b\", \"#81b29a\"");
    workspace.replace(
        "pipelines/portrait.toml",
        "type = \"string\"",
        "type = \"string\"\nhelp = \"a | b <script> `x`\"",
    );
    let markdown = workspace.run(&["diff", "--git", "main", "--markdown"]).stdout;
    insta::assert_snapshot!(markdown);
}
