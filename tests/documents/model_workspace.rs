//! Workspaces: what is loaded, what references mean, what is wrong as a whole.

use std::sync::Arc;

use comfywright::{
    files::{DirWorld, MemoryWorld},
    model::{Kind, Reference, Workspace},
};

fn template(name: &str, version: &str, text: &str) -> String {
    format!("kind = \"template\"\nformat = 1\nname = \"{name}\"\nversion = \"{version}\"\ntext = \"{text}\"\n")
}

fn mask(name: &str) -> String {
    format!("kind mask\nformat 1\nname {name}\nversion \"1.0.0\"\nlayer name=a salient=#true\n")
}

fn workspace(files: &[(&str, String)]) -> Workspace {
    let files = files.iter().map(|(path, text)| (*path, text.as_bytes()));
    Workspace::load(Arc::new(MemoryWorld::new(files)), None)
}

fn example() -> Workspace {
    workspace(&[
        ("comfywright.toml", "[defaults]\npreset = \"x\"\n".to_owned()),
        ("pipelines/greet.toml", template("greet", "2.1.0", "new")),
        ("pipelines/old/greet.toml", template("greet", "2.0.5", "old")),
        ("pipelines/next/greet.toml", template("greet", "3.0.0-rc.1", "next")),
        ("pipelines/car.kdl", mask("car")),
        ("pipelines/broken.toml", template("broken", "1.0.0", "x") + "nonsense = 1\n"),
        ("pipelines/.versions/greet@1.0.0.toml", template("greet", "1.0.0", "first")),
        ("pipelines/.versions/greet@1.4.0.toml", template("greet", "1.4.0", "later")),
        ("pipelines/.versions/gone@1.0.0.toml", template("gone", "1.0.0", "gone")),
        ("pipelines/.versions/wrong@1.0.0.toml", template("other", "1.0.0", "x")),
        ("pipelines/notes.md", "kind".to_owned()),
        ("other/greet.toml", template("greet", "9.0.0", "not a document of the workspace")),
    ])
}

fn resolve(
    workspace: &Workspace,
    reference: &str,
    kind: Kind,
) -> Result<String, (&'static str, String, Option<String>)> {
    let reference = Reference::parse(reference).unwrap();
    match workspace.catalog().resolve(&reference, kind) {
        Ok(loaded) => Ok(loaded.path.to_string()),
        Err(error) => Err((error.code(), error.to_string(), error.hint())),
    }
}

#[test]
fn documents_are_those_below_pipelines_sorted() {
    let workspace = example();
    let paths: Vec<&str> = workspace.documents().iter().map(|d| &*d.path).collect();
    let expected =
        ["broken.toml", "car.kdl", "greet.toml", "next/greet.toml", "old/greet.toml"].map(|p| format!("pipelines/{p}"));
    assert_eq!(paths, expected);
    assert_eq!(workspace.diagnostics(), []);
    assert_eq!(workspace.config.value.as_ref().unwrap().defaults.preset.as_deref(), Some("x"));
    assert!(workspace.document("pipelines/car.kdl").is_some() && workspace.document("car.kdl").is_none());
}

#[test]
fn a_reference_means_the_highest_version_it_accepts() {
    let workspace = example();
    let greet = workspace.document("pipelines/old/greet.toml").unwrap().parsed.value.clone().unwrap();
    let (blake3, sha256) = (greet.canonical_hash().to_string(), greet.canonical_sha256());
    for (reference, path) in [
        ("greet", "pipelines/greet.toml"),
        ("greet@2", "pipelines/greet.toml"),
        ("greet@2.0", "pipelines/old/greet.toml"),
        ("greet@2.0.5", "pipelines/old/greet.toml"),
        ("greet@3.0.0-rc.1", "pipelines/next/greet.toml"),
        ("greet@1", "pipelines/.versions/greet@1.4.0.toml"),
        ("greet@1.0.0", "pipelines/.versions/greet@1.0.0.toml"),
        ("gone", "pipelines/.versions/gone@1.0.0.toml"),
        (&format!("greet@blake3:{blake3}"), "pipelines/old/greet.toml"),
        (&format!("greet@blake3:{}", &blake3[..12]), "pipelines/old/greet.toml"),
        (&format!("greet@sha256:{sha256}"), "pipelines/old/greet.toml"),
    ] {
        assert_eq!(resolve(&workspace, reference, Kind::Template).as_deref(), Ok(path), "{reference}");
    }
}

#[test]
fn references_that_lead_nowhere() {
    let workspace = example();
    for (reference, kind, code, message, hint) in [
        (
            "gret",
            Kind::Template,
            "unknown-document",
            "there is no template called `gret`",
            Some("did you mean `greet`?"),
        ),
        ("zebra", Kind::Template, "unknown-document", "there is no template called `zebra`", None),
        ("car", Kind::Preset, "wrong-document-kind", "`car` is a mask, not a preset", None),
        (
            "greet@4",
            Kind::Template,
            "unknown-version",
            "`greet@4` does not exist; there is 2.1.0, 2.0.5, 1.4.0, 1.0.0, 3.0.0-rc.1",
            Some("the highest is 2.1.0"),
        ),
        ("greet@sha256:000000000000", Kind::Template, "unknown-version", "", Some("the highest is 2.1.0")),
        ("broken", Kind::Template, "broken-document", "`broken` has errors of its own, in pipelines/broken.toml", None),
    ] {
        let error = resolve(&workspace, reference, kind).unwrap_err();
        assert_eq!((error.0, error.2.as_deref()), (code, hint), "{reference}");
        assert!(error.1.contains(message), "{} {message}", error.1);
    }
}

#[test]
fn one_version_in_two_files() {
    let twice = workspace(&[
        ("pipelines/a.toml", template("greet", "1.0.0", "one")),
        ("pipelines/b.toml", template("greet", "1.0.0", "two")),
    ]);
    let codes: Vec<_> = twice.diagnostics().iter().map(|d| (d.code, &*d.file)).collect();
    assert_eq!(codes, [("duplicate-document", "pipelines/b.toml")]);
    let error = resolve(&twice, "greet", Kind::Template).unwrap_err();
    assert_eq!(error.1, "`greet` stands in several files: pipelines/a.toml, pipelines/b.toml");

    let kdl = "kind template\nformat 1\nname greet\nversion \"1.0.0\"\ntext one\n".to_owned();
    let same = workspace(&[("pipelines/a.toml", template("greet", "1.0.0", "one")), ("pipelines/b.kdl", kdl)]);
    assert_eq!(same.diagnostics(), [], "the same document in both formats is no clash");
    assert_eq!(resolve(&same, "greet", Kind::Template).as_deref(), Ok("pipelines/a.toml"));
}

#[test]
fn one_name_for_two_kinds() {
    let both = workspace(&[("pipelines/a.toml", template("car", "1.0.0", "x")), ("pipelines/b.kdl", mask("car"))]);
    assert_eq!(resolve(&both, "car", Kind::Mask).as_deref(), Ok("pipelines/b.kdl"));
    assert_eq!(resolve(&both, "car", Kind::Template).as_deref(), Ok("pipelines/a.toml"));
}

#[test]
fn files_that_cannot_be_read_are_documents_with_faults() {
    let world = MemoryWorld::new([
        ("pipelines/a.toml", vec![0xff]),
        ("pipelines/b.toml", vec![b'#'; 5 * 1024 * 1024]),
        ("pipelines/c.kdl", Vec::new()),
    ]);
    let workspace = Workspace::load(Arc::new(world), None);
    let codes: Vec<_> = workspace.documents().iter().map(|d| d.parsed.diagnostics[0].code).collect();
    assert_eq!(codes, ["not-utf8", "file-too-large", "missing-kind"]);
    assert!(workspace.config.value.is_some() && workspace.config_text.is_none());
}

#[test]
fn the_workspace_is_found_upwards() {
    let folder = tempfile::tempdir().unwrap();
    let deep = folder.path().join("a/b");
    std::fs::create_dir_all(&deep).unwrap();
    assert_eq!(Workspace::find(&deep), None);
    std::fs::write(folder.path().join("comfywright.toml"), "").unwrap();
    assert_eq!(Workspace::find(&deep).as_deref(), Some(folder.path()));
    let empty = Workspace::load(Arc::new(DirWorld::open(folder.path()).unwrap()), None);
    assert!(empty.documents().is_empty() && empty.diagnostics().is_empty() && empty.config.value.is_some());
}
