//! The rules, and how a document passes through them.

use std::{collections::BTreeSet, sync::Arc};

use super::{
    ab_test, chain, chain_graphs, export_paths, fixed_seed, mask_export, mask_layers, params, preset_graph,
    preset_outputs, preset_workflow, routing_tests, shadowed, template_text, unused_vars, unvaried,
};
use crate::{
    compile::{Context, Program, Report},
    diagnostic::Diagnostic,
    files::{Node, Path},
    graph::{GraphNeeds, builtin},
    model::{Document, Kind, Loaded},
};

/// A document that was read without errors.
#[derive(Clone, Copy)]
pub struct Subject<'a> {
    /// Its path, relative to the workspace.
    pub file: &'a Arc<str>,
    /// Its text.
    pub text: &'a str,
    /// Its tree.
    pub tree: &'a Node,
    /// What it says.
    pub document: &'a Document,
}

impl<'a> Subject<'a> {
    /// The document of `loaded`; none where it could not be read.
    pub fn of(loaded: &'a Loaded) -> Option<Self> {
        let (document, tree) = (loaded.parsed.value.as_ref()?, loaded.parsed.tree.as_ref()?);
        Some(Self { file: &loaded.path, text: &loaded.text, tree, document })
    }
}

/// What came of checking a document.
#[derive(Debug)]
pub struct Outcome {
    /// What was found, by place.
    pub diagnostics: Vec<Diagnostic>,
    /// Whether something was examined: false for a graph none of whose classes are known.
    pub examined: bool,
    /// Classes that could not be examined because their signatures are not known.
    pub unknown_classes: BTreeSet<String>,
    /// What the graphs that stand in the document itself need of a server, if that was asked for; nothing where all of
    /// them run in-process. What the tasks of a chain need, its program tells.
    pub needs: GraphNeeds,
    /// A chain made ready, as far as its faults let it be.
    pub program: Option<Program>,
}

/// One rule.
#[derive(Debug)]
pub struct CheckRule {
    /// Its name.
    pub name: &'static str,
    /// What it finds.
    pub about: &'static str,
    /// The kinds of document that it looks at.
    pub kinds: &'static [Kind],
    pub(super) check: fn(&mut Visit<'_>),
}

/// Every rule, in the order in which they look.
pub const RULES: &[CheckRule] = &[
    CheckRule {
        name: "params",
        about: "a parameter's default, range and pattern agree with each other",
        kinds: &[Kind::Preset, Kind::Template],
        check: params::check,
    },
    CheckRule {
        name: "preset-graph",
        about: "the nodes of a preset fit the signatures of their classes, and every parameter is used",
        kinds: &[Kind::Preset],
        check: preset_graph::check,
    },
    CheckRule {
        name: "preset-workflow",
        about: "the workflow that a preset keeps can be read, and every `bind` finds one input",
        kinds: &[Kind::Preset],
        check: preset_workflow::check,
    },
    CheckRule {
        name: "preset-outputs",
        about: "the outputs of a preset name outputs of its nodes that can be saved",
        kinds: &[Kind::Preset],
        check: preset_outputs::check,
    },
    CheckRule {
        name: "template-text",
        about: "a template inserts only its parameters, and its examples render",
        kinds: &[Kind::Template],
        check: template_text::check,
    },
    CheckRule {
        name: "ab-test",
        about: "the variations of a test differ in what the prompt or the preset takes",
        kinds: &[Kind::AbTest],
        check: ab_test::check,
    },
    CheckRule {
        name: "unvaried",
        about: "every key of a test differs between its variations or blocks",
        kinds: &[Kind::AbTest],
        check: unvaried::check,
    },
    CheckRule {
        name: "shadowed",
        about: "no name hides another one",
        kinds: &[Kind::AbTest, Kind::Chain],
        check: shadowed::check,
    },
    CheckRule {
        name: "mask-layers",
        about: "the files of layers can be read, and shapes have an inside",
        kinds: &[Kind::Mask, Kind::Chain],
        check: mask_layers::check,
    },
    CheckRule {
        name: "mask-export",
        about: "what a mask writes can be written, and what moves in it is seen",
        kinds: &[Kind::Mask],
        check: mask_export::check,
    },
    CheckRule {
        name: "chain",
        about: "tasks, items, links, settings and rules of a chain fit together",
        kinds: &[Kind::Chain],
        check: chain::check,
    },
    CheckRule {
        name: "chain-graphs",
        about: "the graph of every task fits the signatures of its classes",
        kinds: &[Kind::Chain],
        check: chain_graphs::check,
    },
    CheckRule {
        name: "unused-vars",
        about: "every variable of a chain is inserted somewhere",
        kinds: &[Kind::Chain],
        check: unused_vars::check,
    },
    CheckRule {
        name: "fixed-seed",
        about: "the items of a task have seeds of their own",
        kinds: &[Kind::Chain],
        check: fixed_seed::check,
    },
    CheckRule {
        name: "export-paths",
        about: "every item exports to a place of its own",
        kinds: &[Kind::Chain],
        check: export_paths::check,
    },
    CheckRule {
        name: "routing-tests",
        about: "rules decide as the file's own tests say",
        kinds: &[Kind::Chain],
        check: routing_tests::check,
    },
];

/// A document on its way through the rules.
pub(super) struct Visit<'a> {
    pub(super) subject: Subject<'a>,
    pub(super) context: Context<'a>,
    pub(super) report: Report<'a>,
    /// The chain made ready.
    pub(super) program: Option<Program>,
    /// Whether the known classes are those of a server, so that there are no others.
    pub(super) knows_all_classes: bool,
    /// What the graphs need of a server, where somebody asks.
    pub(super) needs: Option<GraphNeeds>,
    /// Nodes whose class is known.
    pub(super) known_nodes: usize,
    /// Classes that are not known.
    pub(super) unknown_classes: BTreeSet<String>,
    /// Where the first of them stands.
    pub(super) unexamined_at: Option<Path>,
}

/// Everything that is wrong with `subject` beyond its form.
pub fn check(subject: Subject<'_>, context: Context<'_>) -> Outcome {
    judge(subject, context, None)
}

/// The same, with what the graphs that stand in the document need of a server.
pub fn check_with_needs(subject: Subject<'_>, context: Context<'_>) -> Outcome {
    judge(subject, context, Some(GraphNeeds::default()))
}

fn judge(subject: Subject<'_>, context: Context<'_>, needs: Option<GraphNeeds>) -> Outcome {
    let mut visit = Visit {
        subject,
        context,
        report: Report::new(subject.file, subject.text, subject.tree),
        program: None,
        knows_all_classes: context.nodes.names().any(|name| !builtin().contains(name)),
        needs,
        known_nodes: 0,
        unknown_classes: BTreeSet::new(),
        unexamined_at: None,
    };
    let kind = subject.document.header.kind;
    for rule in RULES.iter().filter(|rule| rule.kinds.contains(&kind)) {
        (rule.check)(&mut visit);
    }
    visit.report_unexamined();
    let saw_nothing = visit.unexamined_at.is_some() && visit.known_nodes == 0;
    Outcome {
        diagnostics: visit.report.finish(),
        examined: kind != Kind::Preset || !saw_nothing,
        unknown_classes: visit.unknown_classes,
        needs: visit.needs.unwrap_or_default(),
        program: visit.program,
    }
}
