//! Files that a server may have under another name.

use serde_json::Value;

use super::{GraphProblem, sites::Site, values::ValueFault};
use crate::{
    graph::coerce::{CoerceError, describe},
    ident::did_you_mean,
};

/// Most files that a hint names.
const NAMED: usize = 3;

/// A model file that an input names and the server does not list, with the files that it lists.
fn unlisted(fault: &ValueFault) -> Option<(&str, Vec<&str>)> {
    let (ValueFault::Wrong(error) | ValueFault::Unchecked(error)) = fault else { return None };
    let CoerceError::NotInList { given, options, of_files: true, .. } = error else { return None };
    Some((given.as_str().unwrap_or_default(), options.iter().filter_map(Value::as_str).collect()))
}

/// Whether the input names a LoRA.
pub(super) fn is_lora(site: &Site<'_>) -> bool {
    site.name.to_lowercase().contains("lora")
}

/// What is missing, with what is near; `what` is what it is: `a model file`.
pub(super) fn missing(site: &Site<'_>, fault: &ValueFault, code: &'static str, what: &str) -> Option<GraphProblem> {
    let (given, listed) = unlisted(fault)?;
    let known = if listed.is_empty() { " (it lists none)" } else { "" };
    let name = describe(&Value::from(given));
    let message = format!("{}: {name} is not {what} that the server's object_info lists{known}", site.place());
    let near = near_files(given, &listed);
    let told: Vec<String> = near.iter().map(|name| format!("\"{name}\"")).collect();
    let told = match told.as_slice() {
        [] => String::new(),
        [one] => format!("; the nearest that is listed is {one}"),
        several => format!("; near to it are {}", several.join(", ")),
    };
    let hint = format!("put the file on the server, or check against a server that has it{told}");
    let problem = GraphProblem::new(site.at.id, Some(&site.name), code, message).hint(hint);
    // Only the same file in another folder is certainly meant.
    let moved = near.first().filter(|first| base(first).eq_ignore_ascii_case(base(given)) && near.len() == 1);
    Some(GraphProblem { of_files: true, suggestion: moved.map(|&name| name.to_owned()), ..problem })
}

/// The files of `listed` that may be the one called `given`: the same name in another folder, then
/// the same name with another ending, then what is spelt alike.
pub(super) fn near_files<'a>(given: &str, listed: &[&'a str]) -> Vec<&'a str> {
    let alike = |same: &dyn Fn(&str) -> bool| -> Vec<&'a str> {
        listed.iter().copied().filter(|name| same(name)).take(NAMED).collect()
    };
    let same_name = alike(&|name| base(name).eq_ignore_ascii_case(base(given)));
    if !same_name.is_empty() {
        return same_name;
    }
    let same_stem = alike(&|name| stem(name).eq_ignore_ascii_case(stem(given)));
    if !same_stem.is_empty() {
        return same_stem;
    }
    let spelt = did_you_mean(given, listed.iter().copied());
    let spelt = spelt.or_else(|| {
        let base = did_you_mean(base(given), listed.iter().map(|name| self::base(name)))?;
        listed.iter().copied().find(|name| self::base(name) == base)
    });
    spelt.into_iter().collect()
}

/// The name without its folders, which servers on Windows write with backslashes.
fn base(name: &str) -> &str {
    name.rsplit(['/', '\\']).next().unwrap_or(name)
}

fn stem(name: &str) -> &str {
    let base = base(name);
    base.rsplit_once('.').map_or(base, |(stem, _)| stem)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_files_are_found_in_other_folders_and_formats() {
        let listed = ["sdxl/base.safetensors", "old/Base.safetensors", "v1-5.ckpt", "flux1-dev.safetensors"];
        let near = |given: &str| near_files(given, &listed);
        assert_eq!(near("base.safetensors"), ["sdxl/base.safetensors", "old/Base.safetensors"]);
        assert_eq!(near("models\\v1-5.safetensors"), ["v1-5.ckpt"]);
        assert_eq!(near("flux1-schnel.safetensors"), ["flux1-dev.safetensors"]);
        assert_eq!(near("flux/flux1-dew.safetensors"), ["flux1-dev.safetensors"]);
        assert_eq!(near("something-else-entirely.gguf"), [""; 0]);
        assert_eq!(near_files("x.ckpt", &[]), [""; 0]);
    }
}
