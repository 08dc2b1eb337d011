//! Templates: rendered, listed, completed, and used by chains, presets and tests.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{rating::make_all_samples, support::Folder};

const PROMPT: &str = r#"kind = "template"
format = 1
name = "product-prompt"
version = "1.2.0"
title = "Product photographs"
choices = true
text = "{style} photo of {product}, {soft|__light__} light, {{a|b}} (sharp:1.2)"

[params.product]
type = "string"
required = true
max_length = 20
help = "what is shown"

[params.style]
type = "enum"
values = ["studio", "outdoor", "still"]
default = "studio"

[[examples]]
product = "a lamp"
style = "outdoor"
"#;

/// A preset that writes its text into a file's name only: it runs without a server.
const SWATCH: &str = r#"kind = "preset"
format = 1
name = "swatch"
version = "1.0.0"

[params.words]
type = "string"
role = "prompt"
required = true

[params.seed]
type = "seed"
role = "seed"
default = 0

[node.words.StringConcatenate]
string_a = { template = "tail", words = "{words}" }
string_b = "{seed}"
delimiter = " "

[node.length.StringLength]
string = "@words.STRING"

[node.make.EmptyImage]
width = "@length.length"
height = 16
batch_size = 1
color = 255

[outputs]
image = "@make.IMAGE"
"#;

const TAIL: &str = "kind = \"template\"\nformat = 1\nname = \"tail\"\nversion = \"1.0.0\"\ntext = \"{words}, {mood}\"\n\n\
                    [params.words]\ntype = \"string\"\nrequired = true\n\n[params.mood]\ntype = \"string\"\ndefault = \"calm\"\n";

const CHAIN: &str = r#"kind = "chain"
format = 1
name = "lamps"
version = "1.0.0"

[task.make]
type = "generate"
preset = "swatch"
with.words = { template = "product-prompt", product = "{lamp}", seed = "{hash(lamp)}" }
[task.make.foreach]
lamp = ["a red lamp", "a blue lamp", "a green lamp", "a lamp", "two lamps", "no lamp"]
"#;

fn shop() -> Folder {
    let documents =
        [("product-prompt.toml", PROMPT), ("swatch.toml", SWATCH), ("tail.toml", TAIL), ("lamps.toml", CHAIN)];
    let folder = Folder::with(&documents);
    folder.write("wildcards/light.txt", "# of lamps\nhard\n2::{warm|cold} grazing\n");
    folder
}

fn render(folder: &Folder, arguments: &[&str]) -> String {
    let answer = folder.run(&[&["template", "render"], arguments].concat());
    assert_eq!(answer.code, 0, "{answer:?}");
    answer.stdout.trim_end().to_owned()
}

#[test]
fn the_same_seed_gives_the_same_text() {
    let folder = shop();
    let texts: BTreeSet<String> = (0..60)
        .map(|seed| render(&folder, &["product-prompt", "--set", "product=a {lamp}", "--seed", &seed.to_string()]))
        .collect();
    let light = |light: &str| format!("studio photo of a {{lamp}}, {light} light, {{a|b}} (sharp:1.2)");
    let expected = ["soft", "hard", "warm grazing", "cold grazing"].map(light);
    assert_eq!(texts, expected.into_iter().collect());
    let again = ["product-prompt", "--set", "product=x", "--seed", "7"];
    assert_eq!(render(&folder, &again), render(&folder, &again));
    assert_eq!(
        render(&folder, &again[..3]),
        render(&folder, &["pipelines/product-prompt.toml", "--set", "product=x", "--seed", "0"])
    );
    let json = folder.run(&["template", "render", "product-prompt@1", "--set", "product=x", "--json"]).json();
    assert_eq!((&json["data"]["seed"], &json["data"]["version"]), (&json!(0), &json!("1.2.0")));
}

#[test]
fn what_does_not_fit_is_told() {
    let folder = shop();
    for (arguments, words) in [
        (vec!["product-prompt"], "`product` is required"),
        (vec!["product-prompt", "--set", "product=x", "--set", "style=sudio"], "\"sudio\" is not one of studio"),
        (vec!["product-prompt", "--set", "produkt=x"], "did you mean `product`?"),
        (vec!["product-promt", "--set", "product=x"], "did you mean \"product-prompt\"?"),
        (vec!["swatch"], "not a template"),
    ] {
        let answer = folder.run(&[&["template", "render"], &arguments[..]].concat());
        assert!(answer.code == 2 && answer.stderr.contains(words), "{arguments:?}: {answer:?}");
    }
    folder.write("wildcards/light.txt", "x\n{2$$a|b}\n");
    let answer = folder.run(&["template", "render", "product-prompt", "--set", "product=x", "--json"]).json();
    let found = &answer["diagnostics"][0];
    assert_eq!((&found["code"], &found["line"]), (&json!("bad-choice"), &json!(7)), "{answer}");
    assert!(found["message"].as_str().unwrap().contains("wildcards/light.txt, line 2"), "{answer}");
}

#[test]
fn lists_and_completions() {
    let folder = shop();
    let listed = folder.run(&["template", "list"]).stdout;
    assert!(listed.contains("product-prompt  1.2.0  product [style] [seed]  Product photographs"), "{listed}");
    let values = |arguments: &[&str]| -> Vec<String> {
        let found = folder.run(&[&["template", "complete"], arguments, &["--json"]].concat()).json();
        let found = found["data"]["completions"].as_array().unwrap().clone();
        found.iter().map(|one| one["value"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(values(&["product-prompt"]), ["product", "style", "seed"]);
    assert_eq!(values(&["product-prompt", "style"]), ["studio", "outdoor", "still"]);
    assert_eq!(values(&["product-prompt", "style", "St"]), ["studio", "still"]);
    assert_eq!(values(&["product-prompt", "product"]), ["a lamp"]);
    let wrong = folder.run(&["template", "complete", "product-prompt", "stile"]);
    assert!(wrong.code == 2 && wrong.stderr.contains("did you mean `style`?"), "{wrong:?}");
}

#[test]
fn chains_and_presets_use_templates() {
    let folder = shop();
    let checked = folder.run(&["check"]);
    assert_eq!(checked.code, 0, "{checked:?}");
    let ran = folder.run(&["run", "lamps"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let items = folder.run(&["show", "last", "--json"]).json()["data"]["items_list"].clone();
    let mut widths = BTreeSet::new();
    for item in items.as_array().unwrap() {
        let file = item["files"][0]["path"].as_str().unwrap().to_owned();
        let record = folder.run(&["show", &file, "--json"]).json()["data"].clone();
        let words =
            record.pointer("/record/with/words").or(record.pointer("/with/words")).unwrap_or(&Value::Null).clone();
        let words = words.as_str().unwrap_or_else(|| panic!("{record}")).to_owned();
        assert!(words.starts_with("studio photo of ") && words.ends_with("(sharp:1.2)"), "{words}");
        widths.insert(words.len());
        // The template is not needed to have the preset back.
        let target = format!("pipelines/back-{}.toml", words.len());
        let imported = folder.run(&["import", &file, "--out", &target]);
        if imported.code == 0 {
            let text = folder.read(&target);
            assert!(!text.contains("template =") && text.contains(", calm"), "{text}");
        }
    }
    assert!(widths.len() > 2, "{widths:?}");
    // The same chain is nothing new; another list is.
    let again = folder.run(&["run", "lamps", "--json"]).json()["data"].to_string();
    assert!(again.contains("\"reused\":6"), "{again}");
    folder.write("wildcards/light.txt", "dark\n");
    let changed = folder.run(&["run", "lamps", "--json"]).json()["data"].to_string();
    assert!(!changed.contains("\"reused\":6"), "{changed}");
}

#[test]
fn a_test_draws_the_same_for_all_variations() {
    let folder = shop();
    let study = "kind = \"ab_test\"\nformat = 1\nname = \"study\"\nversion = \"1.0.0\"\npreset = \"swatch\"\n\
                 template = \"product-prompt\"\nsamples_per_variation = 8\nwith.product = \"a lamp\"\n\n[variations]\n\
                 inside = { style = \"studio\" }\noutside = { style = \"outdoor\" }\n\n[decision]\nmetric = \"sharpness\"\nfutility = false\n";
    folder.write("pipelines/study.toml", study);
    let checked = folder.run(&["check", "pipelines/study.toml"]);
    assert_eq!((checked.code, checked.stderr.as_str()), (0, ""), "{checked:?}");
    make_all_samples(&folder, "study");
    let items = folder.run(&["show", "last", "--json"]).json()["data"]["items_list"].clone();
    let words = |item: &Value| {
        let file = item["files"][0]["path"].as_str().unwrap().to_owned();
        let data = folder.run(&["show", &file, "--json"]).json()["data"].clone();
        data.pointer("/record/with/words").or(data.pointer("/with/words")).unwrap().as_str().unwrap().to_owned()
    };
    let words: Vec<String> = items.as_array().unwrap().iter().map(words).collect();
    let (inside, outside) = words.split_at(8);
    let outside: Vec<String> = outside.iter().map(|text| text.replace("outdoor", "studio")).collect();
    assert_eq!(inside, outside);
    assert!(inside.iter().all(|text| text.starts_with("studio photo of a lamp, ")), "{inside:?}");
    assert!(inside.iter().collect::<BTreeSet<_>>().len() > 1, "{inside:?}");
}
