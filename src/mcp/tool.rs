//! What a tool is: its words, the types of its arguments and of its answer, and its work.

use std::{pin::Pin, sync::Arc};

use rmcp::{
    RoleServer,
    model::{CallToolResult, ContentBlock, JsonObject, ProgressNotificationParam, Tool, ToolAnnotations},
    service::RequestContext,
};
use schemars::JsonSchema;
use serde::{Serialize, de::DeserializeOwned};

use super::{arguments, findings::Refusal, schema, shared::Shared};

/// What clients are told about a tool.
pub(super) struct About {
    pub(super) name: &'static str,
    pub(super) title: &'static str,
    pub(super) description: &'static str,
    pub(super) effect: Effect,
}

/// What a call does to the world.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    /// Nothing.
    Reads,
    /// Replaces what is there; the same call twice changes nothing more.
    Replaces,
    /// Adds results, on servers too; what is there already is not made again.
    Runs,
    /// Ends something for good.
    Ends,
}

/// What a tool answers.
pub(super) struct Answer<O> {
    /// Complete by itself.
    pub(super) text: String,
    /// The same for programs.
    pub(super) data: O,
    /// Pictures and links.
    pub(super) blocks: Vec<ContentBlock>,
}

impl<O> Answer<O> {
    pub(super) fn new(text: impl Into<String>, data: O) -> Self {
        Self { text: text.into(), data, blocks: Vec::new() }
    }
}

/// Who calls.
pub(super) type Caller = RequestContext<RoleServer>;

type Called = Pin<Box<dyn Future<Output = Result<CallToolResult, Refusal>> + Send>>;

/// A tool that can be called.
pub(super) struct Callable {
    /// What clients are told.
    pub(super) tool: Tool,
    /// Does the work.
    pub(super) call: Box<dyn Fn(Arc<Shared>, JsonObject, Caller) -> Called + Send + Sync>,
}

/// A tool whose work reads and writes files, on a thread of its own.
pub(super) fn blocking<I, O>(about: &About, work: fn(&Shared, &I) -> Result<Answer<O>, Refusal>) -> Callable
where
    I: DeserializeOwned + JsonSchema + Send + 'static,
    O: Serialize + JsonSchema + Send + 'static,
{
    waiting(about, move |shared, arguments, _| on_a_thread(move || work(&shared, &arguments)))
}

/// A tool whose work waits.
pub(super) fn waiting<I, O, F>(
    about: &About,
    work: impl Fn(Arc<Shared>, I, Caller) -> F + Send + Sync + 'static,
) -> Callable
where
    I: DeserializeOwned + JsonSchema + Send + 'static,
    O: Serialize + JsonSchema + Send + 'static,
    F: Future<Output = Result<Answer<O>, Refusal>> + Send + 'static,
{
    let input = Arc::new(schema::of_arguments::<I>());
    let tool = Tool::new(about.name, about.description, input.clone())
        .with_title(about.title)
        .with_raw_output_schema(Arc::new(schema::of_answer::<O>()))
        .with_annotations(annotations(about.effect));
    let call = move |shared, given, caller| -> Called {
        let future = arguments::read::<I>(given, &input).map(|arguments| work(shared, arguments, caller));
        Box::pin(async move { result(future?.await?) })
    };
    Callable { tool, call: Box::new(call) }
}

/// Does `work` where it may block.
pub(super) async fn on_a_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Refusal> + Send + 'static,
) -> Result<T, Refusal> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(Refusal(format!("failed to carry out the call: {error}"))))
}

/// Tells the caller how far the work is, if it asked to be told.
pub(super) async fn tell(caller: &Caller, progress: f64, total: f64, message: String) {
    if let Some(token) = caller.meta.get_progress_token() {
        let progress = ProgressNotificationParam::new(token, progress).with_total(total).with_message(message);
        // A caller that has gone away is not told.
        let _ = caller.peer.notify_progress(progress).await;
    }
}

fn result<O: Serialize>(answer: Answer<O>) -> Result<CallToolResult, Refusal> {
    let data = serde_json::to_value(&answer.data).map_err(|e| Refusal(format!("failed to write the answer: {e}")))?;
    let mut content = vec![ContentBlock::text(answer.text)];
    content.extend(answer.blocks);
    let mut result = CallToolResult::success(content);
    result.structured_content = Some(data);
    Ok(result)
}

/// `destructiveHint` and `idempotentHint` mean something only for tools that change something.
fn annotations(effect: Effect) -> ToolAnnotations {
    let changes = |destructive, idempotent, open| {
        ToolAnnotations::new().read_only(false).destructive(destructive).idempotent(idempotent).open_world(open)
    };
    match effect {
        Effect::Reads => ToolAnnotations::new().read_only(true).open_world(false),
        Effect::Replaces => changes(true, true, false),
        Effect::Runs => changes(false, true, true),
        Effect::Ends => changes(true, true, true),
    }
}
