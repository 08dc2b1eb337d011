//! Parameters agree with themselves: default, range, values, pattern, role.

use super::judge::Visit;
use crate::{
    compile::{Report, check_param},
    files::Path,
    ident::IndexMap,
    model::{Body, Param, ParamType},
    path,
};

pub(super) fn check(visit: &mut Visit<'_>) {
    let params = match &visit.subject.document.body {
        Body::Preset(preset) => &preset.params,
        Body::Template(template) => &template.params,
        _ => return,
    };
    for (name, param) in params {
        check_one(param, &path!["params", name], &mut visit.report);
    }
    check_roles(params, &mut visit.report);
}

fn check_one(param: &Param, base: &Path, report: &mut Report<'_>) {
    if let (Some(min), Some(max)) = (param.min, param.max)
        && min > max
    {
        report.error("bad-range", &base.join("min"), format!("the smallest value {min} is above the largest, {max}"));
        return;
    }
    if let (Some(min), Some(max)) = (param.min_length, param.max_length)
        && min > max
    {
        let message = format!("the fewest characters, {min}, are more than the most, {max}");
        report.error("bad-range", &base.join("min_length"), message);
        return;
    }
    if let Some(error) = param.pattern.as_ref().and_then(|p| regex::Regex::new(p).err()) {
        let message = format!("the pattern is not a regular expression: {}", last_line(&error.to_string()));
        report.error("bad-pattern", &base.join("pattern"), message);
        return;
    }
    if param.kind == ParamType::Enum && param.values.is_empty() {
        report.error_at_key("missing-values", base, "an enum lists its `values`").hint =
            Some("for example values = [\"soft\", \"hard\"]".to_owned());
        return;
    }
    check_values(param, base, report);
}

/// The default and the permitted values fit the type, the range and the pattern.
fn check_values(param: &Param, base: &Path, report: &mut Report<'_>) {
    let free = Param { values: Vec::new(), ..param.clone() };
    if param.kind != ParamType::Enum {
        for (index, value) in param.values.iter().enumerate() {
            if let Err(message) = check_param(&free, value) {
                report.error("bad-parameter", &base.join("values").join(index), message);
            }
        }
    }
    let Some(default) = &param.default else { return };
    if let Err(message) = check_param(param, default) {
        let all: Vec<String> = param.values.iter().filter_map(crate::compile::to_text).collect();
        let near = default.as_str().and_then(|d| crate::ident::did_you_mean(d, all.iter().map(String::as_str)));
        let diagnostic =
            report.error("bad-default", &base.join("default"), format!("the default does not fit: {message}"));
        diagnostic.hint = near.map(|near| format!("did you mean \"{near}\"?"));
    } else if param.required {
        report.warning("useless-default", &base.join("default"), "a parameter that must be given needs no default");
    }
}

/// The last line of a message of several, which says what is wrong.
fn last_line(message: &str) -> &str {
    message.lines().last().unwrap_or(message).trim_start_matches("error: ")
}

/// A role stands for one parameter, so no two may have it.
fn check_roles(params: &IndexMap<String, Param>, report: &mut Report<'_>) {
    let mut seen: IndexMap<&str, &str> = IndexMap::default();
    for (name, param) in params {
        let Some(role) = &param.role else { continue };
        if let Some(first) = seen.get(role.as_str()) {
            let message = format!("`{first}` has the role \"{role}\" already");
            report.error("duplicate-role", &path!["params", name, "role"], message);
        } else {
            seen.insert(role, name);
        }
    }
}
