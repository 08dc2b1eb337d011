//! Before the first sample: the terms of a test, and that they are those that were agreed on when nothing was seen.

use super::{
    super::{
        AppError, RunRequest, Session,
        history::{RECENT, runs},
        job::RunnableJob,
        run::{existing_ledger, ledger_error},
    },
    analyze::understood,
};
use crate::{
    analysis::TestTerms,
    check::Subject,
    diagnostic::{Diagnostic, Span},
    files::{Node, Path},
    ledger::{Ledger, NewTest, RunRow, TestRow},
    model::Body,
    path,
    stats::{METHOD, Outcome},
};

/// What is fixed of the test that `job` is, when it is one. Refused when the rules of decision were changed after
/// somebody had looked, unless `restart` says that it is begun anew, which is kept.
pub(in crate::app) fn new_test(job: &RunnableJob, ledger: &Ledger, restart: bool) -> Result<Option<NewTest>, AppError> {
    let Some(mut terms) = job.terms.clone() else {
        return if restart { Err(no_test("--restart")) } else { Ok(None) };
    };
    if let Some(earlier) = ledger.last_test(&terms.test).map_err(|e| ledger_error(&e))?.filter(|test| test.looks > 0) {
        let before = terms_in(&earlier)?;
        let changes = terms.changes_since(&before);
        if restart {
            terms.restarted_from = Some(earlier.run);
        } else if !changes.is_empty() {
            return Err(changed(job, ledger, &earlier, &changes)?);
        } else {
            // What was begun anew once stays so.
            terms.restarted_from = before.restarted_from;
        }
    }
    let kept = serde_json::to_value(&terms).map_err(|error| AppError::environment(error.to_string()))?;
    Ok(Some(NewTest { name: terms.test, terms: kept }))
}

/// The terms that are kept with a run.
pub(super) fn terms_in(test: &TestRow) -> Result<TestTerms, AppError> {
    serde_json::from_value(test.terms.clone())
        .map_err(|error| AppError::environment(format!("failed to read the terms of run {}: {error}", test.run)))
}

fn changed(
    job: &RunnableJob,
    ledger: &Ledger,
    earlier: &TestRow,
    changes: &[(&'static str, String, String)],
) -> Result<AppError, AppError> {
    let loaded = &job.loaded;
    let Subject { document, tree, .. } = understood(loaded)?;
    let row = ledger.run(&earlier.run).map_err(|e| ledger_error(&e))?;
    let looked = super::super::count(earlier.looks as usize, "time");
    let finding = |(key, before, now): &(&'static str, String, String)| {
        let place = if *key == "samples_per_variation" { path![*key] } else { path!["decision", *key] };
        let message =
            format!("`{key}` is {now}, and was {before} when run {} was looked at {looked}", row.folder_name());
        let hint = format!(
            "undo it: who changes the rules after a look finds winners that are none; or begin anew, which is kept with \
             the result: comfywright run {} --restart",
            document.header.name
        );
        Diagnostic::error("changed-decision", &loaded.path, span(tree, &place), message).with_hint(hint)
    };
    Ok(AppError::Wrong(changes.iter().map(finding).collect()))
}

/// The place of a key; of what is not written, the table in which it would stand.
fn span(tree: &Node, path: &Path) -> Span {
    if tree.get(path).is_some() {
        return tree.span_of(path);
    }
    let table = path!["decision"];
    tree.key_span_of(&if tree.get(&table).is_some() { table } else { path!["kind"] })
}

fn no_test(option: &str) -> AppError {
    AppError::usage(format!("{option} is for A/B tests"))
}

/// `request` with as many samples as it adds to the last run of the test. Refused where more samples would be more
/// chances to find a winner that is none.
pub(in crate::app) fn extended(session: &Session, request: &RunRequest) -> Result<RunRequest, AppError> {
    let mut extended = request.clone();
    let Some(more) = request.more else { return Ok(extended) };
    let loaded = session.document(&request.document)?;
    let Subject { document, tree, .. } = understood(&loaded)?;
    let Body::AbTest(test) = &document.body else { return Err(no_test("--more")) };
    let terms = TestTerms::of(&document.header, test);
    if !terms.may_be_extended() {
        let place = span(tree, &path!["decision", "plan"]);
        let message = "the plan \"horizon\" has a last look: more samples after it would find winners that are none";
        let hint = "plan a new test with more samples and other seeds; the plan \"open\" may be extended at will";
        return Err(AppError::Wrong(vec![
            Diagnostic::error("no-more-samples", &loaded.path, place, message).with_hint(hint),
        ]));
    }
    let name = &terms.test;
    let nothing = || {
        AppError::usage(format!("{name} has not run yet: there is nothing to add to"))
            .with_hint(format!("comfywright run {name}"))
    };
    let ledger = existing_ledger(session)?.ok_or_else(nothing)?;
    let last = runs(&ledger, RECENT)?.into_iter().find(|row| row.document == *name);
    let earlier = last.as_ref().map(|row| ledger.test(&row.id)).transpose().map_err(|e| ledger_error(&e))?.flatten();
    let (Some(row), Some(earlier)) = (last, earlier) else { return Err(nothing()) };
    if !row.state.has_ended() {
        return Err(AppError::usage(format!("run {} of {name} has not ended yet", row.folder_name()))
            .with_hint(format!("let it go on first: comfywright run --resume {}", row.folder_name())));
    }
    match super::test_of_run(session, &ledger, &row)?.map(|state| state.verdict.outcome) {
        Some(Outcome::BudgetOut) => {}
        Some(Outcome::Running) | None => {
            return Err(AppError::usage(format!(
                "run {} of {name} ended before all its samples were made",
                row.folder_name()
            ))
            .with_hint(format!("run it to its end first: comfywright run {name}")));
        }
        Some(_) => {
            return Err(AppError::usage(format!("{name} is decided: more samples would not be looked at"))
                .with_hint(format!("what was decided: comfywright show {}", row.folder_name())));
        }
    }
    let before = terms_in(&earlier)?.samples.saturating_sub(test.samples_per_variation);
    extended.options.more = before.saturating_add(more);
    Ok(extended)
}

/// Refuses to go on with a test by other rules than it was begun by.
pub(in crate::app) fn refuse_other_method(ledger: &Ledger, row: &RunRow) -> Result<(), AppError> {
    let Some(test) = ledger.test(&row.id).map_err(|e| ledger_error(&e))? else { return Ok(()) };
    let method = terms_in(&test)?.method;
    if method == METHOD {
        return Ok(());
    }
    Err(AppError::usage(format!(
        "run {} is decided by the rules {method}, and this version has {METHOD}",
        row.folder_name()
    ))
    .with_hint("go on with the version that began it, or begin anew with --new: what is made is used"))
}
