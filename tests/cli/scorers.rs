//! A chain whose rules read what a program of the workspace measures.

use serde_json::Value;

use super::support::Folder;

const CHAIN: &str = r#"kind = "chain"
format = 1
name = "shop"
version = "1.0.0"

[task.make]
type = "graph"
[task.make.node.make.EmptyImage]
width = 16
height = 16
color = "{tone}"
batch_size = 1
[task.make.outputs]
image = "@make.IMAGE"
[task.make.foreach]
tone = [1, 2, 3, 4]

[task.look]
type = "score"
depends_on = ["make"]
with.scorers = ["shop"]
route = [
  { on = "error", to = "@skip" },
  { if = "beauty < 0.5", to = "@skip" },
]

[task.invert]
type = "adjust"
depends_on = ["look"]
with.invert = true
"#;

const CONFIG: &str =
    "[scorer.shop]\ncommand = [\"sh\", \"score.sh\"]\nmetrics = [\"beauty\", \"charm\"]\ntimeout = \"20s\"\n";

/// The first is beautiful, the second is not, the third cannot be said, the fourth kills.
const SCRIPT: &str = r#"
while read -r line; do
  echo "$line" >> heard
  case "$line" in
    *tone=1*) echo '{"beauty": 0.9, "charm": 0.1}' ;;
    *tone=2*) echo '{"beauty": 0.1, "charm": 0.1}' ;;
    *tone=3*) echo 'no idea' ;;
    *tone=4*) exit 1 ;;
    *) echo '{"beauty": 0.5, "charm": 1}' ;;
  esac
done
"#;

fn shop() -> Folder {
    let folder = Folder::with(&[("shop.toml", CHAIN)]);
    folder.write("comfywright.toml", CONFIG);
    folder.write("score.sh", SCRIPT);
    folder
}

fn states(folder: &Folder, task: &str) -> Vec<String> {
    let items = folder.run(&["show", "last", "--json"]).json()["data"]["items_list"].clone();
    let of_task = |item: &&Value| item["item"].as_str().unwrap().starts_with(task);
    items.as_array().unwrap().iter().filter(of_task).map(|item| item["state"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn rules_read_what_a_program_measures() {
    let folder = shop();
    let ran = folder.run(&["run", "shop"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(states(&folder, "invert"), ["done", "skipped", "skipped", "skipped"]);
    let shown = folder.run(&["show", "last", "look[tone=1]", "--json"]).json()["data"].clone();
    let text = shown.to_string();
    assert!(text.contains("\"beauty\":0.9") && text.contains("\"charm\":0.1"), "{text}");
    let trace = folder.run(&["trace", "last", "look[tone=4]"]);
    assert!(trace.stdout.contains("@skip"), "{trace:?}");

    // What was measured is remembered; what was not is asked again.
    let heard = || folder.read("heard").lines().count();
    let before = heard();
    assert_eq!(folder.run(&["run", "shop", "--new"]).code, 0);
    let asked = folder.read("heard").lines().skip(before).map(str::to_owned).collect::<Vec<_>>();
    assert!(
        !asked.is_empty() && asked.iter().all(|line| line.contains("tone=3") || line.contains("tone=4")),
        "{asked:?}"
    );
    // Another script measures anew, and nothing is made anew.
    folder.write("score.sh", SCRIPT.replace("0.1", "0.8"));
    assert_eq!(folder.run(&["run", "shop", "--new"]).code, 0);
    assert_eq!(states(&folder, "invert")[1], "done");
    assert_eq!(states(&folder, "make"), ["reused"; 4]);
}

#[test]
fn doctor_asks_the_program() {
    let folder = shop();
    let well = folder.run(&["doctor", "--json"]).json()["data"].to_string();
    assert!(well.contains("a grey picture has beauty 0.500, charm 1.000"), "{well}");
    folder.write("score.sh", "echo 'no module named paint' >&2; exit 1");
    let ill = folder.run(&["doctor"]);
    assert_eq!(ill.code, 3, "{ill:?}");
    assert!(ill.stdout.contains("no module named paint") && ill.stdout.contains("[scorer.shop]"), "{ill:?}");
}

#[test]
fn a_configuration_that_names_no_scorer_is_wrong() {
    let folder = shop();
    folder.write("comfywright.toml", "[scorer.a]\ncommand = []\nmetrics = [\"sharpness\", \"b c\", \"d\"]\n\n[scorer.e]\ncommand = [\"e\"]\nmetrics = [\"d\"]\n");
    let found = folder.run(&["check", "--json"]).json()["diagnostics"].clone();
    let found: Vec<String> = found
        .as_array()
        .unwrap()
        .iter()
        .filter(|found| found["file"] == "comfywright.toml")
        .map(|found| format!("{}:{} {}", found["line"], found["column"], found["code"].as_str().unwrap()))
        .collect();
    assert_eq!(found, ["2:11 wrong-length", "3:12 reserved-name", "3:25 invalid-identifier", "7:12 duplicate-name"]);
}
