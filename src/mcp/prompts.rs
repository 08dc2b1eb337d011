//! Prompts: the templates of the workspace, with completion of their variables.

use rmcp::model::{
    ArgumentInfo, CompletionInfo, GetPromptRequestParams, GetPromptResult, Prompt, PromptArgument, PromptMessage,
    Reference, Role,
};

use super::{findings::Refusal, shared::Shared};
use crate::app::{self, TemplateRow, VariableRow};

/// A prompt for each template.
pub(super) fn list(shared: &Shared) -> Result<Vec<Prompt>, Refusal> {
    shared.with(|session| Ok(app::list_templates(session).into_iter().map(prompt).collect()))
}

fn prompt(row: TemplateRow) -> Prompt {
    let arguments = row.variables.iter().map(argument).collect();
    let description = row.description.or_else(|| row.title.clone());
    let prompt = Prompt::new(row.name, description, Some(arguments));
    row.title.into_iter().fold(prompt, Prompt::with_title)
}

fn argument(variable: &VariableRow) -> PromptArgument {
    let argument = PromptArgument::new(&variable.name).with_required(variable.required);
    variable.help.iter().fold(argument, PromptArgument::with_description)
}

/// The text of a template with the given values.
pub(super) fn get(shared: &Shared, request: &GetPromptRequestParams) -> Result<GetPromptResult, Refusal> {
    let text = |value: &serde_json::Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let given = request.arguments.iter().flatten();
    let given: Vec<(String, String)> = given.map(|(name, value)| (name.clone(), text(value))).collect();
    let rendered = shared.with(|session| app::render_template(session, &request.name, &given))?;
    let drawn = rendered.seed.map_or_else(String::new, |seed| format!(", drawn from {seed}"));
    let about = format!("{} {}{drawn}", rendered.name, rendered.version);
    Ok(GetPromptResult::new(vec![PromptMessage::new_text(Role::User, rendered.text)]).with_description(about))
}

/// Values that a variable of a template is known to take and that begin with what is there.
pub(super) fn complete(
    shared: &Shared,
    reference: &Reference,
    argument: &ArgumentInfo,
) -> Result<CompletionInfo, Refusal> {
    let Reference::Prompt(prompt) = reference else { return Ok(CompletionInfo::default()) };
    let (name, begun) = (&argument.name, &argument.value);
    let found = shared.with(|session| app::complete_template(session, &prompt.name, Some(name), begun))?;
    let (total, mut values) = (found.len(), found.into_iter().map(|one| one.value).collect::<Vec<_>>());
    values.truncate(CompletionInfo::MAX_VALUES);
    let has_more = total > values.len();
    CompletionInfo::with_pagination(values, Some(total as u32), has_more).map_err(Refusal)
}
