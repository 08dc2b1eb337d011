//! An ONNX file as a typed tract model with the input and the output of its manifest.

use std::{
    collections::BTreeSet,
    fs::File,
    io::{self, Read as _, Seek as _, SeekFrom},
    panic::{AssertUnwindSafe, catch_unwind},
};

use tract_onnx::{
    Onnx,
    model::ParseResult,
    pb,
    prelude::*,
    tract_core::transform::get_transform,
    tract_hir::{
        infer::{Factoid as _, ShapeFactoid},
        internal::DimLike as _,
    },
};

use super::{
    Content, ModelError,
    ports::{Port, Ports},
};
use crate::model::{ModelManifest, ModelRole};

/// Reads file `file` of the model of `manifest`, whose files are `files`, one for each, with the inputs and outputs of
/// `ports`.
///
/// What tract breaks off at is an error like any other: files come from anywhere.
pub(super) fn read(
    manifest: &ModelManifest,
    file: usize,
    ports: &Ports,
    files: &[Content],
) -> Result<TypedModel, ModelError> {
    let attempt = AssertUnwindSafe(|| typed_model(manifest, file, ports, files));
    catch_unwind(attempt).unwrap_or_else(|_| Err(load_error(manifest, "tract broke off".to_owned())))
}

fn typed_model(
    manifest: &ModelManifest,
    file: usize,
    ports: &Ports,
    files: &[Content],
) -> Result<TypedModel, ModelError> {
    let framework = tract_onnx::onnx().with_ignore_value_info(true).with_ignore_output_shapes(true);
    let mut proto = decoded(manifest, &framework, file, files)?;
    check_operators(manifest, &framework, &proto)?;
    if let Some(graph) = &mut proto.graph {
        take_in_external(manifest, files, graph)?;
    }
    let graph = proto.graph.as_ref().ok_or_else(|| not_onnx(manifest, file, "it has no graph"))?;
    let inputs = input_names(manifest, ports, graph)?;
    let outputs = output_names(manifest, ports, graph)?;
    let is_half = has_half(graph);
    let wrong = |error: TractError| load_error(manifest, words(&error));
    // Without a folder: nothing beside the file is read.
    let ParseResult { mut model, outlets_by_name, unresolved_inputs } = framework.parse(&proto, None).map_err(wrong)?;
    drop(proto);
    if let Some(name) = unresolved_inputs.first() {
        return Err(load_error(manifest, format!("`{name}` comes from nowhere")));
    }
    let outlet = |name: &str| {
        outlets_by_name.get(name).copied().ok_or_else(|| interface(manifest, format!("`{name}` is not there")))
    };
    let sources: Vec<OutletId> = inputs.iter().map(|name| outlet(name)).collect::<Result<_, _>>()?;
    let sinks: Vec<OutletId> = outputs.iter().map(|name| outlet(name)).collect::<Result<_, _>>()?;
    model.select_output_outlets(&sinks).map_err(wrong)?;
    for ((source, name), port) in sources.iter().zip(&inputs).zip(&ports.inputs) {
        let given = model.outlet_fact(*source).map_err(wrong)?;
        let kind = given.datum_type.concretize().unwrap_or(port.kind());
        if !port.takes(kind) {
            return Err(interface(manifest, format!("its input `{name}` takes {kind:?}, not {}", port.what())));
        }
        check_shape(manifest, &format!("input `{name}`"), &given.shape, &port.shape)?;
        model.set_outlet_fact(*source, InferenceFact::dt_shape(kind, &port.shape)).map_err(wrong)?;
    }
    model.inputs = sources;
    let mut typed = model.into_typed().map_err(wrong)?;
    if is_half {
        let transform = get_transform("f16_to_f32").map_err(wrong)?;
        let transform = transform.ok_or_else(|| load_error(manifest, "tract cannot widen half floats".to_owned()))?;
        typed = transform.transform_into(typed).map_err(wrong)?;
    }
    let typed = typed.into_decluttered().map_err(wrong)?;
    for (at, (name, port)) in outputs.iter().zip(&ports.outputs).enumerate() {
        check_output(manifest, name, &port.shape, typed.output_fact(at).map_err(wrong)?)?;
    }
    Ok(typed)
}

fn decoded(
    manifest: &ModelManifest,
    framework: &Onnx,
    file: usize,
    files: &[Content],
) -> Result<pb::ModelProto, ModelError> {
    let proto = match files.get(file).ok_or_else(|| not_onnx(manifest, file, "there is no file"))? {
        Content::Cached(path) => framework.proto_model_for_path(path),
        Content::BuiltIn(bytes) => framework.proto_model_for_read(&mut &**bytes),
    };
    let proto = proto.map_err(|error| not_onnx(manifest, file, &words(&error)))?;
    if proto.graph.as_ref().is_none_or(|graph| graph.node.is_empty()) {
        return Err(not_onnx(manifest, file, "it has no operators"));
    }
    Ok(proto)
}

/// Every operator that tract does not have, at once.
fn check_operators(manifest: &ModelManifest, framework: &Onnx, proto: &pb::ModelProto) -> Result<(), ModelError> {
    let mut missing = BTreeSet::new();
    if let Some(graph) = &proto.graph {
        collect_missing(framework, graph, &mut missing);
    }
    if missing.is_empty() {
        return Ok(());
    }
    let operators = missing.into_iter().collect::<Vec<_>>().join(", ");
    Err(ModelError::Operators { name: manifest.name.clone(), operators })
}

fn collect_missing(framework: &Onnx, graph: &pb::GraphProto, missing: &mut BTreeSet<String>) {
    for node in &graph.node {
        if !framework.op_register.0.contains_key(&node.op_type) {
            let domain = if node.domain.is_empty() { String::new() } else { format!("{}.", node.domain) };
            missing.insert(format!("{domain}{}", node.op_type));
        }
        let inner = node.attribute.iter().flat_map(|attribute| attribute.g.iter().chain(&attribute.graphs));
        inner.for_each(|graph| collect_missing(framework, graph, missing));
    }
}

/// The names of the inputs: those that the ports name; the picture's may be the one that no other port names.
fn input_names(manifest: &ModelManifest, ports: &Ports, graph: &pb::GraphProto) -> Result<Vec<String>, ModelError> {
    let given = |name: &str| graph.initializer.iter().any(|tensor| tensor.name == name);
    let names: Vec<&str> = graph.input.iter().map(|input| input.name.as_str()).filter(|name| !given(name)).collect();
    if names.len() != ports.inputs.len() {
        let (count, wanted) = (names.len(), ports.inputs.len());
        let expected: Vec<&str> = ports.inputs.iter().filter_map(|port| port.name.as_deref()).collect();
        let needs = match wanted {
            1 => "a picture is one".to_owned(),
            _ if expected.is_empty() => format!("{wanted} are expected"),
            _ => format!("{wanted} are expected, {} among them", listed(&expected)),
        };
        return Err(interface(manifest, format!("it has {count} inputs ({}), and {needs}", listed(&names))));
    }
    let is_free = |name: &&&str| ports.inputs.iter().all(|port| port.name.as_deref() != Some(**name));
    let unnamed = || names.iter().find(is_free).map(|name| (*name).to_owned());
    let named = |port: &Port| match &port.name {
        Some(wanted) if !names.contains(&wanted.as_str()) => {
            Err(interface(manifest, format!("it has no input `{wanted}`; it has {}", listed(&names))))
        }
        Some(wanted) => Ok(wanted.clone()),
        None => unnamed().ok_or_else(|| interface(manifest, "it has no input for the picture".to_owned())),
    };
    ports.inputs.iter().map(named).collect()
}

/// The names of the outputs: those that the ports name, else in the order of the file.
fn output_names(manifest: &ModelManifest, ports: &Ports, graph: &pb::GraphProto) -> Result<Vec<String>, ModelError> {
    let names: Vec<&str> = graph.output.iter().map(|output| output.name.as_str()).collect();
    let named = |(at, port): (usize, &Port)| match (&port.name, names.get(at)) {
        (Some(wanted), _) if names.contains(&wanted.as_str()) => Ok(wanted.clone()),
        (Some(wanted), _) => {
            Err(interface(manifest, format!("it has no output `{wanted}`; it has {}", listed(&names))))
        }
        (None, Some(name)) => Ok((*name).to_owned()),
        (None, None) if names.is_empty() => Err(interface(manifest, "it has no output".to_owned())),
        (None, None) => {
            let (count, wanted) = (names.len(), ports.outputs.len());
            Err(interface(manifest, format!("it has {count} outputs ({}), and {wanted} are expected", listed(&names))))
        }
    };
    ports.outputs.iter().enumerate().map(named).collect()
}

fn listed(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// What the file fixes of a shape must be what the manifest says; what it leaves open may be anything.
fn check_shape(manifest: &ModelManifest, what: &str, found: &ShapeFactoid, wanted: &[usize]) -> Result<(), ModelError> {
    let found: Vec<Option<usize>> =
        found.dims().map(|dim| dim.concretize().and_then(|dim| dim.to_usize().ok())).collect();
    let fits = found.is_empty()
        || found.len() == wanted.len()
            && found.iter().zip(wanted).all(|(found, wanted)| found.is_none_or(|found| found == *wanted));
    if fits {
        return Ok(());
    }
    let found: Vec<String> = found.iter().map(|side| side.map_or("?".to_owned(), |side| side.to_string())).collect();
    Err(interface(manifest, format!("its {what} is [{}], and the manifest says {wanted:?}", found.join(", "))))
}

/// An output has the size that is expected; axes of 1 before the others may be left out or added.
fn check_output(manifest: &ModelManifest, name: &str, wanted: &[usize], fact: &TypedFact) -> Result<(), ModelError> {
    if fact.datum_type != DatumType::F32 {
        let kind = fact.datum_type;
        return Err(interface(manifest, format!("its output `{name}` is {kind:?}, not in floating point")));
    }
    match fact.shape.as_concrete() {
        Some(found) if found == wanted || !is_strict(manifest) && fits(found, wanted) => Ok(()),
        Some(found) => {
            Err(interface(manifest, format!("its output `{name}` is {found:?}, and the manifest says {wanted:?}")))
        }
        None => Err(interface(manifest, format!("the size of its output `{name}` depends on what goes in"))),
    }
}

/// Whether sizes are those that are wanted: 0 and none at all are any, axes of 1 before the others do not count.
fn fits(found: &[usize], wanted: &[usize]) -> bool {
    let found: Vec<usize> = found.iter().copied().skip_while(|side| *side == 1).collect();
    let wanted: Vec<usize> = wanted.iter().copied().skip_while(|side| *side == 1).collect();
    let alike = |(found, wanted): (&usize, &usize)| *wanted == 0 || found == wanted;
    wanted.is_empty() || found.len() == wanted.len() && found.iter().zip(&wanted).all(alike)
}

/// Whether the sizes of outputs must be those of the manifest to the last axis of 1.
fn is_strict(manifest: &ModelManifest) -> bool {
    matches!(manifest.role, ModelRole::Salient | ModelRole::Classifier)
}

/// Whether any weight is a half float: tract takes minutes over such a model as it is.
fn has_half(graph: &pb::GraphProto) -> bool {
    let half = pb::tensor_proto::DataType::Float16 as i32;
    let in_input = graph.input.iter().any(|input| match input.r#type.as_ref().and_then(|kind| kind.value.as_ref()) {
        Some(pb::type_proto::Value::TensorType(tensor)) => tensor.elem_type == half,
        _ => false,
    });
    let in_constant = |node: &pb::NodeProto| {
        node.attribute.iter().any(|a| {
            a.t.as_ref().is_some_and(|tensor| tensor.data_type == half) || a.g.iter().chain(&a.graphs).any(has_half)
        })
    };
    in_input || graph.initializer.iter().any(|tensor| tensor.data_type == half) || graph.node.iter().any(in_constant)
}

/// Puts data that lies beside the model into it: found among the files of the manifest, and nowhere else.
fn take_in_external(manifest: &ModelManifest, files: &[Content], graph: &mut pb::GraphProto) -> Result<(), ModelError> {
    let external = pb::tensor_proto::DataLocation::External as i32;
    let inner = graph.node.iter_mut().flat_map(|node| &mut node.attribute);
    let mut tensors: Vec<&mut pb::TensorProto> = graph.initializer.iter_mut().collect();
    for attribute in inner {
        tensors.extend(attribute.t.as_mut());
        for graph in attribute.g.iter_mut().chain(&mut attribute.graphs) {
            take_in_external(manifest, files, graph)?;
        }
    }
    for tensor in tensors.into_iter().filter(|tensor| tensor.data_location == Some(external)) {
        let entry = |key: &str| tensor.external_data.iter().find(|entry| entry.key == key).map(|e| e.value.as_str());
        let data =
            external_data(manifest, files, entry("location").unwrap_or_default(), entry("offset"), entry("length"));
        tensor.raw_data = data.map_err(|what| load_error(manifest, what))?;
        tensor.data_location = None;
        tensor.external_data.clear();
    }
    Ok(())
}

fn external_data(
    manifest: &ModelManifest,
    files: &[Content],
    name: &str,
    offset: Option<&str>,
    length: Option<&str>,
) -> Result<Vec<u8>, String> {
    let at = manifest.file.iter().position(|file| file.name == name);
    let path = at.and_then(|at| files.get(at)).and_then(Content::path);
    let path = path.ok_or_else(|| format!("its data is in a file `{name}`, which the manifest does not name"))?;
    let number = |text: &str| text.parse::<u64>().map_err(|_| format!("its data in `{name}` has no place"));
    let offset = offset.map_or(Ok(0), number)?;
    let failed = |error: io::Error| format!("failed to read `{name}`: {error}");
    let mut file = File::open(path).map_err(failed)?;
    let size = file.metadata().map_err(failed)?.len();
    let wanted = length.map_or(Ok(size.saturating_sub(offset)), number)?;
    if offset.checked_add(wanted).is_none_or(|end| end > size) {
        return Err(format!("its data goes beyond the end of `{name}`"));
    }
    file.seek(SeekFrom::Start(offset)).map_err(failed)?;
    let mut data = Vec::with_capacity(wanted as usize);
    file.take(wanted).read_to_end(&mut data).map_err(failed)?;
    Ok(data)
}

/// The last words of an error, which are the most exact, and the first, which say where.
pub(super) fn words(error: &TractError) -> String {
    let chain: Vec<String> = error.chain().map(|cause| one_line(&cause.to_string())).collect();
    match chain.as_slice() {
        [first, .., last] if first != last => format!("{first}: {last}"),
        [first, ..] => first.clone(),
        [] => String::new(),
    }
}

/// tract puts whole nodes into its messages.
fn one_line(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(200) {
        Some((at, _)) => format!("{}…", &line[..at]),
        None => line,
    }
}

fn not_onnx(manifest: &ModelManifest, file: usize, reason: &str) -> ModelError {
    let file = manifest.file.get(file).map(|file| file.name.clone()).unwrap_or_default();
    ModelError::NotOnnx { name: manifest.name.clone(), file, reason: reason.to_owned() }
}

fn interface(manifest: &ModelManifest, what: String) -> ModelError {
    ModelError::Interface { name: manifest.name.clone(), what }
}

pub(super) fn load_error(manifest: &ModelManifest, reason: String) -> ModelError {
    ModelError::Load { name: manifest.name.clone(), reason }
}
