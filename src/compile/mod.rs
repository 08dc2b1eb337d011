//! From documents to items and graphs.

mod choices;
mod expand;
mod fill;
mod fingerprint;
mod foreach;
mod interpolate;
mod likeness;
mod lists;
mod lower;
mod merkle;
mod models;
mod program;
mod relation;
mod report;
mod rules;
mod sample;
mod structure;
mod template_text;
mod templates;
mod workflow;
mod workspace_files;

pub use expand::{Expansion, Parents, plain};
pub use fill::{Fillable, fill_all, is_plain};
pub use fingerprint::{Fingerprint, fingerprint};
pub use interpolate::{InterpolationError, ROW_KEY, Scope, Template, escape_interpolation, to_text};
pub use likeness::{KindOf, Likeness};
pub use lists::LISTS_FOLDER;
pub use lower::{
    LowerError, LowerInput, Lowered, OutputSpec, ParamValue, Referred, can_be_saved, check_param, file_params, finds,
    lower, pass_by,
};
pub use models::Model;
pub use program::{Context, ItemScope, Library, Program, TaskProgram, Unresolved, compile, with_settings};
pub use relation::{KeyIx, KeyTable, Relation, ValueIx};
pub use report::Report;
pub use rules::{TaskRule, error_name};
pub use structure::{DataInput, Entry, Structure, TaskStructure, needed_by};
pub use template_text::{RenderError, SEED, TemplateError, TemplateText};
pub use templates::{TEMPLATE, Templates, Told, may_use_templates, used_template};
pub use workflow::{bound_node, read_workflow};
pub use workspace_files::WorkspaceFiles;
