//! The rating page, as a browser shows it and as a script that should not reach it, and what comes of it.

use std::{
    collections::BTreeSet,
    fmt::Write as _,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    process::{Child, Command, Stdio},
};

use serde_json::{Value, json};

use super::{browser::Browser, support::Folder};

const SWATCH: &str = r#"kind = "preset"
format = 1
name = "swatch"
version = "1.0.0"

[params.words]
type = "string"
role = "prompt"
default = ""

[params.seed]
type = "seed"
role = "seed"
default = 0

[params.color]
type = "int"
default = 0

[node.make.EmptyImage]
width = "{seed}"
height = 40
batch_size = 1
color = "{color}"

[outputs]
image = "@make.IMAGE"
"#;

const TEST: &str = r#"kind = "ab_test"
format = 1
name = "tones"
version = "1.0.0"
title = "Tones & <lights>"
preset = "swatch"
base_prompt = "a tone"
samples_per_variation = 4
seeds = { from = 50 }

[variations]
crimson = { color = 14423100 }
ocean = { color = 20000 }
lime = { color = 3329330 }

[decision]
metric = "sharpness"
"#;

/// A workspace with a test and all of its pictures.
fn tones() -> Folder {
    let folder = Folder::with(&[("swatch.toml", SWATCH), ("tones.toml", TEST)]);
    make_all_samples(&folder, "tones");
    folder
}

/// Runs a test whose variations do not differ by what is measured: every sample is generated.
pub fn make_all_samples(folder: &Folder, test: &str) {
    let output = Command::new(env!("CARGO_BIN_EXE_comfywright"))
        .args(["run", test, "--json"])
        .current_dir(folder.path("."))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {output:?}"));
    assert!(
        answer["data"]["counts"].as_object().is_some_and(|counts| counts.keys().all(|state| state == "done")),
        "{answer}"
    );
}

/// A page that is served until this is dropped.
struct Served {
    process: Child,
    url: String,
}

impl Served {
    fn new(folder: &Folder, more: &[&str]) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_comfywright"))
            .args(["rate", "tones", "--json"])
            .args(more)
            .current_dir(folder.path("."))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let answer: Value = serde_json::from_str(&line).unwrap_or_else(|e| panic!("{e}: {line}"));
        Self { process, url: answer["data"]["url"].as_str().unwrap().to_owned() }
    }

    fn address(&self) -> &str {
        self.url.split('/').nth(2).unwrap()
    }

    fn token(&self) -> &str {
        self.url.split('/').nth(3).unwrap()
    }

    /// Status and body of a request as it is written.
    fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(self.address()).unwrap();
        let mut text = format!("{method} {path} HTTP/1.1\r\nConnection: close\r\nContent-Length: {}\r\n", body.len());
        for (name, value) in headers {
            let _ = write!(text, "{name}: {value}\r\n");
        }
        // A server that refuses what is too large may be gone before all of it is sent.
        let _ = stream.write_all(format!("{text}\r\n{body}").as_bytes());
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer);
        let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
        (status, answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default())
    }

    /// What the page asks.
    fn call(&self, what: &str, said: &Value) -> (u16, Value) {
        let path = format!("/{}/{what}", self.token());
        let (status, body) = self.ask("POST", &path, &[("Host", self.address())], &said.to_string());
        (status, serde_json::from_str(&body).unwrap_or_else(|e| panic!("{e}: {body}")))
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn rows(folder: &Folder) -> Vec<Vec<String>> {
    let exported = folder.run(&["ratings", "export"]);
    assert_eq!(exported.code, 0, "{exported:?}");
    let text = std::fs::read_to_string(folder.path("ratings/tones.csv")).unwrap_or_default();
    text.lines().skip(1).map(|line| line.split(',').map(str::to_owned).collect()).collect()
}

/// Waits until an expression in the page is true.
fn until(browser: &mut Browser, expression: &str) {
    let wait = format!(
        "new Promise((done, fail) => {{ const begun = Date.now(); (function look() {{ if ({expression}) done(true);
         else if (Date.now() - begun > 60000) fail(new Error('not in time: ' + document.body.innerText)); else setTimeout(look, 20); }})() }})"
    );
    assert_eq!(browser.value(&wait), true, "{expression}");
}

/// Says who is rating, once the page has put the focus where that is asked.
fn say_who(browser: &mut Browser) {
    until(browser, "document.activeElement.id === 'rater'");
    browser.write("Ada");
    browser.press("Enter");
}

const SHOWN: &str = "!document.getElementById('work').hidden && !document.querySelector('#pictures.waiting') && performance.now() - shown > 150";

fn count_is(browser: &mut Browser, count: &str) {
    until(browser, &format!("document.getElementById('count').textContent === '{count}' && ({SHOWN})"));
}

/// Colour and width of the pictures, left first.
fn pictures(browser: &mut Browser) -> Vec<(String, u64)> {
    let look = "[...document.querySelectorAll('#pictures img')].map(image => { const canvas = document.createElement('canvas');
        canvas.width = canvas.height = 1; const brush = canvas.getContext('2d'); brush.drawImage(image, 0, 0);
        return [[...brush.getImageData(0, 0, 1, 1).data].slice(0, 3).join(' '), image.naturalWidth]; })";
    let found = browser.value(look);
    let one = |pair: &Value| (name_of(pair[0].as_str().unwrap()), pair[1].as_u64().unwrap());
    found.as_array().unwrap().iter().map(one).collect()
}

fn name_of(color: &str) -> String {
    match color {
        "220 20 60" => "crimson",
        "0 78 32" => "ocean",
        "50 205 50" => "lime",
        other => panic!("{other}"),
    }
    .to_owned()
}

#[test]
fn a_whole_session_is_played_by_keys() {
    let folder = tones();
    let Some(mut browser) = Browser::start() else { return };
    let served = Served::new(&folder, &[]);
    browser.go(&served.url, (1280, 900), false);
    let page = browser.value("document.documentElement.outerHTML");
    let page = page.as_str().unwrap();
    for name in ["crimson", "ocean", "lime"] {
        assert!(!page.contains(name), "the page names {name}");
    }
    assert_eq!(browser.value("document.querySelector('h1').textContent"), "Tones & <lights>");
    say_who(&mut browser);
    count_is(&mut browser, "0 of 12");

    // The red one is always better; the others are equal.
    let mut said: BTreeSet<(u64, String, String, &str)> = BTreeSet::new();
    let mut sides = [0, 0];
    for done in 0..12 {
        count_is(&mut browser, &format!("{done} of 12"));
        let shown = pictures(&mut browser);
        assert_eq!(shown[0].1, shown[1].1, "of the same seed");
        let at = shown.iter().position(|(name, _)| name == "crimson");
        let mut names: Vec<String> = shown.iter().map(|(name, _)| name.clone()).collect();
        let (key, value) = match at {
            Some(0) => ("ArrowLeft", if names[0] < names[1] { "first" } else { "second" }),
            Some(_) => ("ArrowRight", if names[1] < names[0] { "first" } else { "second" }),
            None => ("ArrowDown", "tie"),
        };
        at.into_iter().for_each(|at| sides[at] += 1);
        names.sort();
        said.insert((shown[0].1, names[0].clone(), names[1].clone(), value));
        if done == 3 {
            // A slip, and it is taken back: the same question comes again.
            browser.press(if key == "ArrowLeft" { "ArrowRight" } else { "ArrowLeft" });
            count_is(&mut browser, "4 of 12");
            browser.press("z");
            count_is(&mut browser, "3 of 12");
            assert_eq!(pictures(&mut browser), shown);
        }
        if done == 6 {
            // Everything is in the ledger at once: a new page goes on where the old one was.
            assert_eq!(rows(&folder).len(), 6);
            browser.go(&served.url, (1280, 900), false);
            say_who(&mut browser);
            count_is(&mut browser, "6 of 12");
            assert_eq!(pictures(&mut browser), shown);
        }
        browser.press(key);
    }
    until(&mut browser, "!document.getElementById('end').hidden");
    assert_eq!(said.len(), 12);
    assert!(sides[0] > 0 && sides[1] > 0, "left and right are mixed: {sides:?}");
    let kept = rows(&folder);
    let kept: BTreeSet<(u64, String, String, &str)> = kept
        .iter()
        .map(|row| {
            (
                row[3].parse().unwrap(),
                row[4].clone(),
                row[5].clone(),
                ["first", "second", "tie"].into_iter().find(|v| *v == row[6]).unwrap(),
            )
        })
        .collect();
    assert_eq!(kept, said);
    assert_eq!(browser.complaints(), Vec::<&Value>::new());

    let verdict = folder.run(&["ab", "analyze", "tones", "--votes", "--json"]).json()["data"].clone();
    assert_eq!(
        (&verdict["recommended"], &verdict["opinions"], &verdict["seeds"]),
        (&json!("crimson"), &json!(12), &json!(4))
    );
    let pair = verdict["pairs"].as_array().unwrap().iter().find(|pair| pair["variation"] != "crimson").unwrap().clone();
    assert_eq!(pair["preferred"], 0.5, "{verdict}");
}

#[test]
fn ratings_from_one_to_five_by_a_second_rater_on_a_phone() {
    let folder = tones();
    let Some(mut browser) = Browser::start() else { return };
    let served = Served::new(&folder, &["--rater", "Bo", "--mode", "stars"]);
    browser.go(&served.url, (390, 844), true);
    assert_eq!(browser.value("document.documentElement.scrollWidth"), 390);
    assert_eq!(browser.value("document.getElementById('rater').value"), "Bo");
    browser.act("document.querySelector('#start .primary').click()");
    for done in 0..12 {
        count_is(&mut browser, &format!("{done} of 12"));
        assert_eq!(browser.value("document.documentElement.scrollWidth"), 390);
        let stars = if pictures(&mut browser)[0].0 == "lime" { 4 } else { 2 };
        // By a tap on the button, or by the key.
        if done % 2 == 0 {
            browser.act(&format!("document.querySelectorAll('#answers button')[{}].click()", stars - 1));
        } else {
            browser.press(&stars.to_string());
        }
    }
    until(&mut browser, "!document.getElementById('end').hidden");
    assert_eq!(browser.complaints(), Vec::<&Value>::new());
    let verdict = folder.run(&["ab", "analyze", "tones", "--ratings", "--json"]).json()["data"].clone();
    assert_eq!((&verdict["recommended"], &verdict["winner"]), (&json!("lime"), &Value::Null), "four seeds are few");
    assert_eq!(verdict["variations"][2], json!({ "name": "lime", "opinions": 4, "score": 4.0 }));
    let said = folder.run(&["ab", "analyze", "tones", "--ratings"]).stdout;
    assert!(said.contains("lime leads (no claim)") && said.contains("12 ratings of 1 rater about 4 seeds"), "{said}");
}

#[test]
fn strangers_get_nothing() {
    let folder = tones();
    let served = Served::new(&folder, &[]);
    let (host, page) = (served.address().to_owned(), format!("/{}/", served.token()));
    let own = ("Host", host.as_str());
    let (status, body) = served.ask("GET", &page, &[own], "");
    assert!(status == 200 && body.contains("Tones &amp; &lt;lights&gt;"), "{status}");
    for (path, headers, expected) in [
        ("/", vec![own], 404),
        ("/0123456789abcdef0123456789abcdef/", vec![own], 404),
        (page.as_str(), vec![("Host", "evil.example")], 403),
        (page.as_str(), vec![], 400),
        (page.as_str(), vec![own, ("Origin", "http://evil.example")], 403),
        (&format!("{page}picture/99"), vec![own], 404),
        (&format!("{page}picture/../../comfywright.toml"), vec![own], 404),
        (&format!("{page}queue"), vec![own], 404),
    ] {
        let (status, body) = served.ask("GET", path, &headers, "");
        // Without a name the protocol itself is not kept; either way nothing is told.
        assert!(status == expected || (expected == 400 && status == 403), "{path} {headers:?}: {status} {body}");
        assert!(!body.contains("crimson"), "{body}");
    }
    let large = "x".repeat(100_000);
    assert_eq!(served.ask("POST", &format!("{page}judge"), &[own], &large).0, 413);
    let headers = Command::new("curl").args(["-si", &served.url]).output();
    if let Ok(headers) = headers {
        let headers = String::from_utf8_lossy(&headers.stdout).to_lowercase();
        assert!(
            headers.contains("content-security-policy: default-src 'none'") && headers.contains("nosniff"),
            "{headers}"
        );
    }
}

#[test]
fn an_answer_counts_once() {
    let folder = tones();
    let served = Served::new(&folder, &[]);
    let judge = |rater: &str, task: usize, more: Value| {
        let mut said = json!({ "rater": rater, "mode": "pairs", "task": task });
        said.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        served.call("judge", &said)
    };
    assert_eq!(judge("Cy", 0, json!({ "better": "left" })).0, 200);
    let (status, answer) = judge("Cy", 0, json!({ "better": "right" }));
    assert_eq!((status, &answer["error"]), (409, &json!("Cy has answered this already")));
    assert_eq!(judge(" Cy ", 0, json!({ "better": "left" })).0, 409, "it is the same name");
    assert_eq!(judge("Di", 0, json!({ "better": null })).0, 200, "others have their own say");
    for (rater, task, more) in [
        ("Cy", 99, json!({ "better": "left" })),
        ("Cy", 1, json!({ "stars": 3 })),
        ("Cy", 1, json!({ "better": "up" })),
        ("Cy", 1, json!({ "beter": "left" })),
        ("", 1, json!({ "better": "left" })),
        ("a\nb", 1, json!({ "better": "left" })),
    ] {
        assert_eq!(judge(rater, task, more.clone()).0, 400, "{rater} {task} {more}");
    }
    let queue = |rater: &str| served.call("queue", &json!({ "rater": rater, "mode": "pairs" })).1;
    assert_eq!((&queue("Cy")["done"], &queue("Di")["done"], &queue("Eve")["done"]), (&json!(1), &json!(1), &json!(0)));
    let orders: BTreeSet<String> = ["Cy", "Di", "Eve"].map(|rater| queue(rater)["tasks"].to_string()).into();
    assert_eq!(orders.len(), 3, "every rater has an order of their own");
    assert_eq!(queue("Eve"), queue("Eve"));
    let undone = served.call("undo", &json!({ "rater": "Cy", "mode": "pairs" })).1;
    assert_eq!(undone["task"]["task"], 0);
    let nothing = served.call("undo", &json!({ "rater": "Cy", "mode": "pairs" })).1;
    assert_eq!(nothing["task"], Value::Null);
    assert_eq!(rows(&folder).len(), 1, "Di's");
}

#[test]
fn tables_go_out_and_come_in() {
    let folder = tones();
    let head = "test,version,rater,seed,variation,other,value,picture,other_picture,time\n";
    let vote = |rater: &str, seed: u32, pair: (&str, &str), value: &str| {
        format!("tones,1.0.0,{rater},{seed},{},{},{value},,,2026-11-27T12:00:00Z\n", pair.0, pair.1)
    };
    let first = vote("Ada", 50, ("crimson", "ocean"), "first");
    folder.write("ratings/tones.csv", format!("{head}{first}"));
    let imported = folder.run(&["ratings", "import", "--json"]).json()["data"].clone();
    assert_eq!(imported, json!({ "new": 1, "known": 0 }));
    let apart = folder.run(&["ab", "analyze", "tones", "--votes", "--json"]).json();
    assert_eq!(apart["diagnostics"][0]["code"], "unconnected-votes");
    assert_eq!(apart["diagnostics"][0]["message"], "no vote connects crimson, ocean with lime");

    // In any order, with other rows, it becomes the same table.
    let more = [vote("Bo", 51, ("lime", "ocean"), "tie"), vote("Ada", 9, ("crimson", "lime"), "second"), first.clone()];
    folder.write("other.csv", format!("{head}{}", more.concat()));
    assert_eq!(
        folder.run(&["ratings", "import", "other.csv", "--json"]).json()["data"],
        json!({ "new": 2, "known": 1 })
    );
    let exported = folder.run(&["ratings", "export"]);
    assert_eq!(exported.code, 0, "{exported:?}");
    let table = folder.read("ratings/tones.csv");
    assert_eq!(table, format!("{head}{}{first}{}", more[1], more[0]), "seeds as numbers");
    assert!(folder.run(&["ratings", "export"]).stdout.contains("as it was"));
    let verdict = folder.run(&["ab", "analyze", "tones", "--votes", "--json"]).json()["data"].clone();
    assert_eq!((&verdict["raters"], &verdict["winner"]), (&json!(["Ada", "Bo"]), &Value::Null));

    // What is wrong changes nothing.
    let wrong = [
        vote("Ada", 50, ("crimson", "ocean"), "second"),
        vote("Cy", 50, ("ocean", "crimson"), "first"),
        vote("Cy", 51, ("crimson", "ocean"), "3"),
        vote("Cy", 52, ("crimson", "ocean"), "tie"),
        vote("Cy", 52, ("crimson", "ocean"), "first"),
    ];
    folder.write("wrong.csv", format!("{head}{}", wrong.concat()));
    let found = folder.run(&["ratings", "import", "wrong.csv", "--json"]).json()["diagnostics"].clone();
    let found: Vec<String> = found
        .as_array()
        .unwrap()
        .iter()
        .map(|found| format!("{}:{} {}", found["line"], found["column"], found["code"].as_str().unwrap()))
        .collect();
    assert_eq!(found, ["3:25 bad-rating", "4:33 bad-rating", "6:33 rated-twice"]);
    folder.write("wrong.csv", format!("{head}{}", wrong[0]));
    let against = folder.run(&["ratings", "import", "wrong.csv"]);
    assert!(
        against.code == 2
            && against.stderr.contains("Ada said `first` of the same at 2026-11-27T12:00:00Z, not `second`"),
        "{against:?}"
    );
    folder.run(&["ratings", "export"]);
    assert_eq!(folder.read("ratings/tones.csv"), table);
}

#[test]
fn what_cannot_be_rated_says_so() {
    let folder = Folder::with(&[("swatch.toml", SWATCH), ("tones.toml", TEST)]);
    for (arguments, words) in [
        (vec!["rate", "tones"], "has not run yet"),
        (vec!["rate", "swatch"], "not an A/B test"),
        (vec!["rate", "tone"], "did you mean \"tones\"?"),
        (vec!["ab", "analyze", "tones", "--ratings"], "there are no ratings of tones"),
        (vec!["ratings", "export", "tones"], "nobody has rated \"tones\""),
        (vec!["ratings", "import"], "there are no tables in ratings/"),
    ] {
        let answer = folder.run(&arguments);
        assert!(answer.code == 2 && answer.stderr.contains(words), "{arguments:?}: {answer:?}");
    }
}
