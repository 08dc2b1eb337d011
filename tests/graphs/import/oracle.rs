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
    app::Imported,
    diagnostic::Severity,
    files::Format,
    graph::{Graph, NodeSet, UiOptions, from_api, from_ui},
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

/// What a preset is called: letters that names may have.
fn name(template: &str, suffix: &str) -> String {
    let plain: String =
        template.to_lowercase().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    format!("{}-{suffix}", plain.trim_matches('-'))
}

/// Imports every template in both formats and with its graph kept, checks the presets, and compares
/// what they compile to with the graphs that `graph` says the templates are. Gives the presets.
fn survive(ending: &str, graph: &dyn Fn(&[u8], &NodeSet) -> Graph) -> Vec<Imported> {
    let Some((folder, object_info)) = places() else { return Vec::new() };
    let nodes = NodeSet::parse(fs::read_to_string(&object_info).unwrap()).unwrap();
    let files = templates(&folder, ending);
    assert!(!files.is_empty(), "{} has no templates", folder.display());
    let workspace = Workspace::new();
    let mut imported = Vec::new();
    for (template, bytes) in &files {
        for (format, kept, suffix) in
            [(Format::Toml, false, "t"), (Format::Kdl, false, "k"), (Format::Toml, true, "kept")]
        {
            let name = name(template, suffix);
            imported.push((template, name.clone(), workspace.import(&name, bytes, &nodes, format, kept)));
        }
    }
    // Checked as on a server that has their files.
    let wanted: BTreeMap<&String, Graph> = files.iter().map(|(name, bytes)| (name, graph(bytes, &nodes))).collect();
    let session = workspace.open(Some(&workspace.with_files(&object_info, wanted.values())));
    let errors: Vec<_> = checked(&session).diagnostics.into_iter().filter(|d| d.severity == Severity::Error).collect();
    let is_own = |message: &str| !REALLY_MISSING.iter().any(|missing| message.contains(missing));
    let wrong = errors.iter().filter(|d| is_own(&d.message)).map(|d| format!("{}: {} {}", d.file, d.code, d.message));
    let wrong: Vec<String> = wrong.collect();
    assert!(wrong.is_empty(), "{} errors:\n{}", wrong.len(), wrong.join("\n"));
    let refused = |name: &str| errors.iter().any(|d| d.file.contains(&format!("/{name}.")));
    let (mut different, mut compared) = (Vec::new(), 0);
    for (template, name, imported) in imported.iter().filter(|(_, name, _)| !refused(name)) {
        let (wanted, found) = (&wanted[template], compiled(&session, name, imported));
        compared += 1;
        different.extend(difference(wanted, &found, &nodes).map(|why| format!("{name}: {why}")));
    }
    eprintln!("{} templates, {compared} of {} presets compared", files.len(), imported.len());
    assert!(different.is_empty(), "{} differ:\n{}", different.len(), different.join("\n"));
    assert!(compared * 50 >= imported.len() * 49, "the server refuses more than a few");
    imported.into_iter().map(|(_, _, imported)| imported).collect()
}

#[test]
fn graphs_survive_the_way_through_a_preset() {
    let imported = survive(".api.json", &|bytes, _| from_api(&serde_json::from_slice(bytes).unwrap()).unwrap());
    let has_prompt = |imported: &&Imported| imported.preset.params().any(|(_, p)| p.role.as_deref() == Some("prompt"));
    eprintln!("{} of {} have a prompt", imported.iter().filter(has_prompt).count(), imported.len());
}

#[test]
fn workflows_survive_the_way_through_a_preset() {
    let sent = |bytes: &[u8], nodes: &NodeSet| {
        let text = std::str::from_utf8(bytes).unwrap();
        from_ui(&"workflow.json".into(), text, nodes, UiOptions::default()).unwrap().graph
    };
    let imported = survive(".workflow.json", &sent);
    let bypassed = |imported: &Imported| {
        let nodes = imported.preset.preset().map(|preset| preset.node.values());
        nodes.into_iter().flatten().filter(|node| node.bypass.is_some()).count()
    };
    let lost = imported.iter().filter(|imported| imported.diagnostics.iter().any(|d| d.code == "bypass")).count();
    let (nodes, presets) =
        imported.iter().map(bypassed).filter(|n| *n > 0).fold((0, 0), |(n, p), more| (n + more, p + 1));
    eprintln!("{nodes} bypassed nodes in {presets} presets; {lost} presets had to leave some out");
}
