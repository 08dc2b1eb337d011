//! The official templates as presets: imported, written in both formats, checked, and compiled to
//! the graphs that they were.
//!
//! The templates are not part of the repository: `NAME.api.json` files in the folder that
//! `COMFYWRIGHT_ORACLE` names, with the `object_info` of `COMFYWRIGHT_OBJECT_INFO`, else in
//! `shared/oracle` and `shared/comfyui` beside the repository or a folder around it.

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
};

use comfywright::{
    diagnostic::Severity,
    files::Format,
    graph::{Graph, NodeSet, from_api},
    model::Param,
};

use super::{
    isomorphic::difference,
    workspace::{Workspace, checked, compiled},
};

const OBJECT_INFO: &str = "comfyui/object_info-0.33.0.json";

/// Inputs that templates leave out, so that the server refuses their graphs, too.
const REALLY_MISSING: [&str; 2] = ["input \"image1\" of ImageStitch", "input \"image\" of ImageScaleToTotalPixels"];

/// The folder of templates and the `object_info`, or why nothing is examined.
fn places() -> Option<(PathBuf, PathBuf)> {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().map(|folder| folder.join("shared"));
    let shared = shared.into_iter().find(|folder| folder.join("oracle").is_dir());
    let place = |variable: &str, inside: &str| {
        env::var_os(variable).map(PathBuf::from).or_else(|| shared.as_ref().map(|shared| shared.join(inside)))
    };
    let found = place("COMFYWRIGHT_ORACLE", "oracle").zip(place("COMFYWRIGHT_OBJECT_INFO", OBJECT_INFO));
    if found.is_none() {
        eprintln!("skipped: there is no oracle; COMFYWRIGHT_ORACLE and COMFYWRIGHT_OBJECT_INFO name one");
    }
    found
}

fn templates(folder: &Path, ending: &str) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let named = entries.filter_map(|path| {
        let name = path.file_name()?.to_str()?.strip_suffix(ending)?.to_owned();
        Some((name, fs::read(&path).unwrap()))
    });
    named.collect()
}

fn graph(bytes: &[u8]) -> Graph {
    from_api(&serde_json::from_slice(bytes).unwrap()).unwrap()
}

/// What a preset is called: letters that names may have.
fn name(template: &str, suffix: &str) -> String {
    let plain: String =
        template.to_lowercase().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    format!("{}-{suffix}", plain.trim_matches('-'))
}

fn role<'a>(params: &[(&'a String, &'a Param)], role: &str) -> Option<&'a str> {
    params.iter().find(|(_, p)| p.role.as_deref() == Some(role)).map(|(name, _)| name.as_str())
}

#[test]
fn templates_survive_the_way_through_a_preset() {
    let Some((folder, object_info)) = places() else { return };
    let nodes = NodeSet::parse(fs::read_to_string(&object_info).unwrap()).unwrap();
    let graphs = templates(&folder, ".api.json");
    assert!(!graphs.is_empty(), "{} has no graphs", folder.display());
    let workspace = Workspace::new();
    let mut imported = Vec::new();
    for (template, bytes) in &graphs {
        for (format, kept, suffix) in
            [(Format::Toml, false, "t"), (Format::Kdl, false, "k"), (Format::Toml, true, "kept")]
        {
            let name = name(template, suffix);
            imported.push((template, name.clone(), workspace.import(&name, bytes, &nodes, format, kept)));
        }
    }
    let session = workspace.open(Some(&object_info));
    let report = checked(&session);
    let is_missing_file = |code: &str| matches!(code, "missing-model" | "missing-lora" | "missing-image");
    let is_own = |message: &str| !REALLY_MISSING.iter().any(|missing| message.contains(missing));
    let errors: Vec<_> =
        report.diagnostics.iter().filter(|d| d.severity == Severity::Error && !is_missing_file(d.code)).collect();
    let wrong: Vec<String> =
        errors.iter().filter(|d| is_own(&d.message)).map(|d| format!("{}: {} {}", d.file, d.code, d.message)).collect();
    assert!(wrong.is_empty(), "{} errors:\n{}", wrong.len(), wrong.join("\n"));
    let (mut different, mut with_prompt, mut compared) = (Vec::new(), 0, 0);
    for (template, name, imported) in &imported {
        let wanted = graph(&graphs[*template]);
        let is_refused = errors.iter().any(|d| d.file.contains(&format!("/{name}.")));
        if is_refused {
            continue;
        }
        let found = compiled(&session, name, imported, &wanted);
        compared += 1;
        different.extend(difference(&wanted, &found, &nodes).map(|why| format!("{name}: {why}")));
        let params: Vec<_> = imported.preset.params().collect();
        with_prompt += usize::from(role(&params, "prompt").is_some());
    }
    eprintln!("{} templates, {compared} presets compared, {with_prompt} with a prompt", graphs.len());
    assert!(different.is_empty(), "{} differ:\n{}", different.len(), different.join("\n"));
    assert!(compared + 3 * 3 >= imported.len(), "{compared} of {} were compared", imported.len());
}
