//! External scorers: real programs that answer, die, hang and talk nonsense.

use std::{collections::BTreeSet, fs, path::Path};

use comfywright::{
    ident::IndexMap,
    imagefile,
    model::{ErrorClass, ExternalScorer},
    run::{Fault, Scorer as _},
    scorers::{ExternalScorers, NativeScorers, Scorers},
};
use serde_json::{Value, json};

use super::output_file;

/// Answers with how many lines it has read, unless the path of the picture says otherwise.
const COUNTS: &str = r#"
i=0
while read -r line; do
  i=$((i + 1))
  case "$line" in
    *slow.png*) sleep 60 ;;
    *dies.png*) echo "out of paint" >&2; exit 3 ;;
    *nonsense.png*) echo "beautiful!" ;;
    *other.png*) echo '{"beaty": 1}' ;;
    *nan.png*) echo '{"beauty": "much"}' ;;
    *sorry.png*) echo '{"error": "no picture"}' ;;
    *) echo "{\"beauty\": $i, \"more\": 7}" ;;
  esac
done
"#;

struct Shop {
    folder: tempfile::TempDir,
    runtime: tokio::runtime::Runtime,
    scorers: Scorers,
}

impl Shop {
    fn new(script: &str) -> Self {
        Self::with(script, 1)
    }

    fn with(script: &str, processes: u32) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("score.sh"), script).unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let scorers = scorers(folder.path(), &["sh", "score.sh"], processes);
        Self { folder, runtime, scorers }
    }

    fn score(&self, path: &str) -> Result<u32, Fault> {
        self.score_about(path, &Value::Null)
    }

    fn score_about(&self, path: &str, about: &Value) -> Result<u32, Fault> {
        let files = [output_file(path)];
        let metrics = ["beauty".to_owned()];
        let values = self.runtime.block_on(self.scorers.score(&metrics, &files, about))?;
        Ok(values["beauty"] as u32)
    }

    fn fault(&self, path: &str) -> (ErrorClass, String) {
        let fault = self.score(path).unwrap_err();
        (fault.class, fault.message)
    }
}

fn scorers(root: &Path, command: &[&str], processes: u32) -> Scorers {
    let scorer = ExternalScorer {
        command: command.iter().map(|word| (*word).to_owned()).collect(),
        metrics: vec!["beauty".to_owned()],
        timeout: Some("2s".to_owned()),
        processes,
    };
    let external = ExternalScorers::new(root, &IndexMap::from_iter([("shop".to_owned(), scorer)]));
    Scorers::new(NativeScorers::new(root, imagefile::Limits::default()), external)
}

#[test]
fn a_program_is_kept_from_picture_to_picture() {
    let shop = Shop::new(COUNTS);
    let counted: Vec<u32> = (0..3).map(|_| shop.score("a.png").unwrap()).collect();
    assert_eq!(counted, [1, 2, 3]);
}

#[test]
fn the_request_says_what_is_known() {
    let shop = Shop::new("while read -r line; do echo \"$line\" >> heard; echo '{\"beauty\": 1}'; done");
    let about = json!({
        "item": "generate[sku=A1]",
        "seed": 7,
        "with": { "text": "a lamp" },
        "preset": { "params": { "text": { "type": "string", "role": "prompt", "default": "x" } } },
    });
    shop.score_about("out/a b.png", &about).unwrap();
    shop.score("c.png").unwrap();
    let heard = fs::read_to_string(shop.folder.path().join("heard")).unwrap();
    let heard: Vec<Value> = heard.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let path = |name: &str| shop.folder.path().join(name).to_string_lossy().into_owned();
    assert_eq!(
        heard[0],
        json!({ "path": path("out/a b.png"), "metrics": ["beauty"], "item": "generate[sku=A1]", "prompt": "a lamp", "seed": 7 })
    );
    assert_eq!(heard[1], json!({ "path": path("c.png"), "metrics": ["beauty"] }));
}

#[test]
fn one_that_died_between_two_pictures_is_started_again() {
    let shop = Shop::new("read -r a; echo '{\"beauty\": 1}'; read -r b; echo '{\"beauty\": 2}'");
    let counted: Vec<u32> = (0..5).map(|_| shop.score("a.png").unwrap()).collect();
    assert_eq!(counted, [1, 2, 1, 2, 1]);
}

#[test]
fn one_that_dies_of_a_picture_fails_the_item() {
    let shop = Shop::new(COUNTS);
    for _ in 0..2 {
        let (class, message) = shop.fault("dies.png");
        assert_eq!(class, ErrorClass::Transient);
        assert!(message.contains("ended instead of answering") && message.contains("exit status: 3"), "{message}");
        assert!(message.ends_with("out of paint"), "{message}");
        assert_eq!(shop.score("a.png").unwrap(), 1, "a new one");
    }
}

#[test]
fn one_that_hangs_is_killed_in_time() {
    let shop = Shop::new(COUNTS);
    shop.score("a.png").unwrap();
    let begun = std::time::Instant::now();
    let (class, message) = shop.fault("slow.png");
    assert!(begun.elapsed().as_secs() < 30);
    assert_eq!((class, message.as_str()), (ErrorClass::Timeout, "the scorer `shop` took longer than 2 s"));
    assert_eq!(shop.score("a.png").unwrap(), 1, "a new one");
}

#[test]
fn nonsense_is_an_error_of_the_item() {
    let shop = Shop::new(COUNTS);
    for (path, words) in [
        ("nonsense.png", "no JSON object: \"beautiful!\""),
        ("other.png", "does not give `beauty`, but `beaty`"),
        ("nan.png", "gives `beauty` as \"much\", which is no number"),
        ("sorry.png", "says: no picture"),
    ] {
        let (class, message) = shop.fault(path);
        assert_eq!(class, ErrorClass::Error, "{path}");
        assert!(message.contains(words), "{path}: {message}");
    }
    assert_eq!(shop.score("a.png").unwrap(), 4, "after the first line it had to be started again, and then no more");
}

#[test]
fn an_endless_line_is_not_read_to_its_end() {
    let shop = Shop::new("read -r line; head -c 3000000 /dev/zero | tr '\\0' x; echo");
    assert_eq!(shop.fault("a.png").1, "the scorer `shop` answered with a line of more than 1 MiB");
}

#[test]
fn what_cannot_be_started_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let scorers = scorers(folder.path(), &["./nothing-there"], 1);
    let (metrics, files) = (["beauty".to_owned()], [output_file("a.png")]);
    let message = runtime.block_on(scorers.score(&metrics, &files, &Value::Null)).unwrap_err().message;
    assert!(message.starts_with("the scorer `shop` cannot be started: `./nothing-there`: "), "{message}");
}

#[test]
fn several_at_once_are_as_many_as_may_be() {
    let shop = Shop::with("while read -r line; do sleep 0.05; echo \"{\\\"beauty\\\": $$}\"; done", 3);
    let ask = |_| {
        let scorers = shop.scorers.clone();
        let ask = async move { scorers.score(&["beauty".to_owned()], &[output_file("a.png")], &Value::Null).await };
        shop.runtime.spawn(ask)
    };
    let asked: Vec<_> = (0..8).map(ask).collect();
    let answers = asked.into_iter().map(|asked| shop.runtime.block_on(asked).unwrap().unwrap());
    let processes: BTreeSet<u64> = answers.map(|values| values["beauty"] as u64).collect();
    assert_eq!(processes.len(), 3);
}

#[test]
fn the_fingerprint_follows_script_and_prompt() {
    let shop = Shop::new(COUNTS);
    let print = |scorers: &Scorers, about: &Value| scorers.fingerprint("beauty", about).unwrap();
    let about = |prompt: &str| {
        let params = json!({ "text": { "role": "prompt" } });
        json!({ "with": { "text": prompt }, "preset": { "params": params } })
    };
    let plain = print(&shop.scorers, &Value::Null);
    assert_ne!(plain, print(&shop.scorers, &about("a")));
    assert_ne!(print(&shop.scorers, &about("b")), print(&shop.scorers, &about("a")));
    assert_eq!(plain, print(&scorers(shop.folder.path(), &["sh", "score.sh"], 4), &Value::Null));
    fs::write(shop.folder.path().join("score.sh"), "exit 1").unwrap();
    assert_ne!(plain, print(&scorers(shop.folder.path(), &["sh", "score.sh"], 1), &Value::Null));
    assert_eq!(shop.scorers.fingerprint("nothing", &Value::Null), None);
}
