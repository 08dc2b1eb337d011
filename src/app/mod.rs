//! Operations: one function for each thing a person or a client can ask for.
//!
//! Wires paths, clock, environment and secrets into the layers below. Prints nothing.

mod ab;
mod again;
mod batch;
mod capabilities;
mod check;
mod checkpoint;
pub mod client_files;
mod controls;
mod convert;
mod detached;
mod diagnostics;
mod diff;
mod doctor;
mod drain;
mod error;
mod explain;
mod export;
mod failpoints;
mod faults;
mod fmt;
mod gc;
mod graph_api;
pub mod history;
mod import;
mod import_client;
mod import_file;
mod init;
mod job;
mod kept_scores;
mod layout;
mod lock;
mod mask;
mod models;
mod outlook;
mod placed;
mod plan;
mod plan_graph;
mod plan_summary;
mod preset_text;
mod rating;
mod recording;
mod report;
mod run;
pub mod run_view;
mod save_preset;
mod schema;
mod secrets;
mod selection;
mod server_status;
mod servers;
mod session;
mod snapshots;
mod survey;
mod template;
mod trace;
mod watch;
mod words;
mod write;

pub use ab::{
    AdoptRequest, Adopted, Analyzed, ScoreFile, Spent, TestDraft, TestForecast, TestOutlook, TestPrompt, TestRequest,
    TestState, TrackRequest, Tracked, WrittenTestReport, adopt, analyze_scores, combinations, draft_test, identifier,
    inserted, score_file, test_of_run, test_outlook, test_state, track, write_test_report,
};
pub use again::{AgainRequest, Wanted, continue_run, pause, wanted_again};
pub use batch::{
    BatchTask, Bottleneck, ChainFile, ChainRequest, ChainShape, Routed, Shape, ShapedTask, TranslatedRule, chain_shape,
    document_name, existing_chain, route_tasks, tasks_text, write_chain,
};
pub use check::{CheckOptions, CheckReport, Fixed, check, check_and_fix, open_to_check};
pub use controls::{cancel, tell};
pub use convert::{ConvertOptions, Converted, Destination, convert};
pub use detached::{detach, fault_of_detached};
pub use diagnostics::{Finding, FindingEdit, FindingFix, Sources, error_findings, findings};
pub use diff::{Compared, DiffRequest, diff};
pub use doctor::{DoctorFinding, DoctorOptions, DoctorReport, Fitness, ServerReport, doctor};
pub use drain::{drain, resume};
pub use error::{AppError, ExitCode};
pub use explain::explain_code;
pub use export::{ExportForm, ExportOptions, Exported, export};
pub use failpoints::arm_failpoints;
pub use faults::{Aftermath, fault_diagnostics};
pub use fmt::{FmtReport, fmt};
pub use gc::{CollectedRun, GcReport, GcRequest, KeptRun, gc};
pub use graph_api::{GraphApiOptions, GraphApiReport, graph_api, pretty};
pub use import::{ImportOptions, Imported, JudgedBy, import};
pub use import_client::import_for_client;
pub use import_file::{ImportTarget, ImportedFile, classes_of, import_file};
pub use init::{FIRST_DOCUMENT, InitReport, init};
pub use job::{JobOptions, RunnableJob, Way, make_job};
pub use layout::canonical_text;
pub use lock::{LockOptions, LockReport, ServerFacts, write_lock};
pub use mask::{HintsSource, MaskLayer, MaskRequest, MaskSource, Masks, WordsSource, make_masks, read_layers};
pub use models::{
    AddModel, ModelRow, PROFILES, RemovedModel, VerifiedModel, add_model, list_models, model_store, models_folder,
    named_models, pull_model, remove_model, verify_models,
};
pub use outlook::{Outlook, TaskOutlook};
pub use placed::{PlacedJob, Purpose, placed_job};
pub use plan::{Planned, TaskForecast, plan};
pub use plan_graph::{GraphFormat, plan_graph};
pub use plan_summary::{PlanOutlook, PlanSummary, PlannedRule, PlannedTask};
pub use preset_text::PresetText;
pub use rating::{
    Answer, Desk, ExportedOpinions, ImportedOpinions, JudgeError, Mode, OpinionsAnalyzed, Queue, RATINGS_FOLDER, Side,
    analyze_opinions, export_opinions, import_opinions,
};
pub use report::{ReportOptions, WrittenReport, write_report};
pub use run::{
    Consent, Readiness, ReadyRun, RunRequest, existing_ledger, open_ledger, ready, ready_again, ready_unless_active,
    setting_value,
};
pub use save_preset::{PresetFile, save_preset};
pub use schema::{SchemaKind, file_text, schema_files, write_schemas};
pub use server_status::{ServerStatus, server_status};
pub use servers::{Connected, Knowledge, connect, server_error, server_settings};
pub use session::{Session, SessionOptions};
pub use snapshots::{KeptSnapshot, SnapshotOptions, SnapshotReport, SnapshotTarget, take_snapshot};
pub use template::{
    Completion, RenderedTemplate, TemplateRow, VariableRow, complete_template, list_templates, render_template,
};
pub use trace::{ItemTrace, TracedTry, item_traces};
pub use watch::{EndedItem, RunMoment, RunningItem, ServerMoment, TaskMoment, run_moment, server_moments};
pub use words::count;
pub use write::{WriteError, atomic_write, write_new, write_text};
