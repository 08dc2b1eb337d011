//! What every code of a finding means: the pages of `docs/codes`, which are part of the program.
//!
//! A page is Markdown: the code as its title, what it is in a sentence or two, then `Why`, `Example`
//! and `Fix`. A test asserts that every code in the sources has its page.

use crate::ident::did_you_mean;

/// The page of one code.
#[derive(Clone, Copy, Debug)]
pub struct CodePage {
    /// The code.
    pub code: &'static str,
    /// The page.
    pub text: &'static str,
}

macro_rules! pages {
    ($($code:literal,)*) => {
        &[$(CodePage { code: $code, text: include_str!(concat!("../docs/codes/", $code, ".md")) },)*]
    };
}

/// Every page, by code.
pub const PAGES: &[CodePage] = pages![
    "absent-model",
    "ambiguous-input",
    "ambiguous-reference",
    "bad-bind",
    "bad-choice",
    "bad-color",
    "bad-csv",
    "bad-default",
    "bad-example",
    "bad-include",
    "bad-interpolation",
    "bad-link",
    "bad-parameter",
    "bad-path",
    "bad-pattern",
    "bad-query",
    "bad-range",
    "bad-rating",
    "bad-rule",
    "bad-score",
    "bad-workflow",
    "broken-document",
    "bypass",
    "changed-decision",
    "costs-money",
    "cycle",
    "date-value",
    "deprecated-node",
    "disjoint-keys",
    "disk-full",
    "disk-low",
    "duplicate-alternative",
    "duplicate-document",
    "duplicate-item-key",
    "duplicate-key",
    "duplicate-name",
    "duplicate-prefix",
    "duplicate-role",
    "duplicate-score",
    "empty-mask",
    "empty-shape",
    "endless-retry",
    "environment",
    "experimental-node",
    "failed-runs",
    "file-closed",
    "file-not-found",
    "file-too-large",
    "fixed-seed",
    "integer-range",
    "invalid-decoder",
    "invalid-duration",
    "invalid-hash",
    "invalid-identifier",
    "invalid-labels",
    "invalid-lock",
    "invalid-name",
    "invalid-reference",
    "invalid-shape",
    "invalid-source",
    "invalid-text",
    "invalid-url",
    "invalid-value",
    "invalid-version",
    "json-syntax",
    "kdl-annotation",
    "kdl-argument",
    "kdl-bare-brace",
    "kdl-mixed",
    "kdl-no-value",
    "kdl-syntax",
    "kdl-v1",
    "keyframe-order",
    "ledger",
    "link-type-mismatch",
    "literal-for-link",
    "lock-hash",
    "lock-input-added",
    "lock-input-changed",
    "lock-input-gone",
    "lock-model-gone",
    "lock-node-gone",
    "lock-outputs-changed",
    "lock-value-gone",
    "lock-version",
    "lost-in-drawing",
    "misplaced-key",
    "missing-class",
    "missing-file",
    "missing-image",
    "missing-input",
    "missing-key",
    "missing-kind",
    "missing-lora",
    "missing-max-visits",
    "missing-model",
    "missing-node",
    "missing-parameter",
    "missing-preset",
    "missing-role",
    "missing-source",
    "missing-values",
    "missing-workflow",
    "network-file-system",
    "newer-lock",
    "no-config",
    "no-detector",
    "no-documents",
    "no-folder",
    "no-graph",
    "no-items",
    "no-layers",
    "no-layout",
    "no-more-samples",
    "no-output",
    "no-saver",
    "no-scores",
    "no-server",
    "not-a-retry",
    "not-accepted",
    "not-asked",
    "not-comfyui",
    "not-examined",
    "not-finite",
    "not-in-list",
    "not-locked",
    "not-utf8",
    "not-writable",
    "nothing-found",
    "null-value",
    "object-info",
    "off-step",
    "only-in-process",
    "out-of-range",
    "partly-found",
    "path-outside-workspace",
    "plain-secret",
    "preview-output",
    "rated-twice",
    "request",
    "reserved-name",
    "retry-changes-nothing",
    "routing-test-failed",
    "same-export-path",
    "same-samples",
    "same-variation",
    "scorer",
    "secret",
    "self-link",
    "server-says",
    "several-files",
    "shadowed-parameter",
    "toml-syntax",
    "too-deep",
    "too-few-variations",
    "too-many",
    "too-many-items",
    "too-many-tasks",
    "two-classes",
    "two-graphs",
    "two-sources",
    "unconnected-votes",
    "uneven-scores",
    "uneven-variations",
    "unfit-metric",
    "unknown-action",
    "unknown-class",
    "unknown-column",
    "unknown-document",
    "unknown-input",
    "unknown-key",
    "unknown-key-to-gather",
    "unknown-metric",
    "unknown-model",
    "unknown-output",
    "unknown-parameter",
    "unknown-task",
    "unknown-variable",
    "unknown-variation",
    "unknown-version",
    "unmatched-items",
    "unreachable",
    "unreachable-node",
    "unreached-keyframe",
    "unreadable-file",
    "unreadable-image",
    "unreadable-snapshot",
    "unsaid-direction",
    "unsupported-format",
    "unused-parameter",
    "unused-scores",
    "unvaried-parameter",
    "usage",
    "useless-default",
    "useless-exclude",
    "written-twice",
    "wrong-document-kind",
    "wrong-export",
    "wrong-file",
    "wrong-input-type",
    "wrong-kind",
    "wrong-length",
    "wrong-model",
    "wrong-name",
    "wrong-type",
];

/// The page of `code`.
pub fn page(code: &str) -> Option<&'static CodePage> {
    let found = PAGES.binary_search_by(|page| page.code.cmp(code)).ok()?;
    PAGES.get(found)
}

/// The code that `text` was probably meant to be.
pub fn suggest(text: &str) -> Option<&'static str> {
    did_you_mean(text, PAGES.iter().map(|page| page.code))
}

impl CodePage {
    /// What it is.
    pub fn what(&self) -> &'static str {
        let after_title = self.text.split_once('\n').map_or("", |(_, rest)| rest);
        after_title.split("\n## ").next().unwrap_or_default().trim()
    }

    /// The first sentence of what it is, in one line.
    pub fn summary(&self) -> String {
        let line = self.what().split_whitespace().collect::<Vec<_>>().join(" ");
        line.split_once(". ").map_or(line.clone(), |(first, _)| format!("{first}."))
    }

    /// The part below the heading `title`.
    pub fn section(&self, title: &str) -> &'static str {
        let mut sections = self.text.split("\n## ").skip(1);
        let found = sections.find_map(|section| section.strip_prefix(title)?.strip_prefix('\n'));
        found.unwrap_or_default().trim_matches('\n')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_in_order_and_complete() {
        assert!(PAGES.is_sorted_by(|a, b| a.code < b.code), "by code, each once");
        for found in PAGES {
            assert!(found.text.starts_with(&format!("# {}\n", found.code)), "{} has another title", found.code);
            for title in ["Why", "Example", "Fix"] {
                assert!(found.section(title).len() > 10, "{} lacks {title}", found.code);
            }
            let (what, summary) = (found.what(), found.summary());
            assert!(what.ends_with('.') && !what.contains('#'), "{}: {what}", found.code);
            assert!(
                summary.ends_with('.') && summary.len() <= 140 && !summary.contains('\n'),
                "{}: {summary}",
                found.code
            );
            assert!(found.text.lines().all(|line| line.chars().count() <= 120), "{} has a long line", found.code);
            assert!(found.text.ends_with('\n') && !found.text.contains("\n\n\n"), "{}", found.code);
        }
    }

    #[test]
    fn pages_are_found() {
        assert_eq!(page("unknown-class").map(|found| found.code), Some("unknown-class"));
        assert!(page("unknown").is_none());
        assert_eq!(suggest("unknwon-class"), Some("unknown-class"));
    }
}
