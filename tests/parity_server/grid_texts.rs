//! The grid of the nodes on texts and numbers.

use serde_json::{Value, json};

use crate::grid::{Given, Row, Sweep};

const TEXTS: &[&str] = &[
    "",
    "hello World",
    "they're ßtrange 3ab",
    "ΟΔΟΣ ὈΔΥΣΣΕΎΣ",
    "  a b\t\n",
    "\u{a0}x\u{2003}",
    "naïve café 日本語 🎉",
    "İstanbul ǆ ﬁn",
    "a\u{1f}b\u{1c}",
    "(a.b){c}[d]\\1 $0",
];

const LINES: &[&str] = &["", "hello World", "aaa b\nb\ncab\n", "abxd", "café 12 34\n", "a.b{c}[d]"];

const PATTERNS: &[&str] = &[
    "",
    "a",
    "A+",
    "(l+)(o)?",
    "^.",
    ".$",
    r"\d+",
    r"\bwor",
    "x*",
    "|a",
    r"(\w)(\w)",
    r"(?P<first>\w)\w*",
    r"\s+",
    r"(.)\1",
    "(?<=l)o",
    "o(?! )",
    "[^a-z ]+",
    "[",
    "(",
    "*",
    "a{,2}",
    "{",
    r"\Z",
    "^b$",
    "(?i)WORLD",
    "(?s).+",
    "a|b|(c)",
    r"\u00e9",
    r"[\d\s]",
    "(?:b|c)+?",
    "a++",
    r"\p",
    "(x)?(?(1)y|h)",
];

const REPLACEMENTS: &[&str] = &[
    "",
    "-",
    r"\1\2",
    r"\g<1>0",
    r"\0",
    r"\07",
    r"\3",
    r"\g<x>",
    r"\q",
    "\\",
    r"\\\.",
    "$1 {0}",
    r"\101",
    r"\11",
    r"<\g<0>\n>",
];

/// All of them.
pub fn sweeps() -> Vec<Sweep> {
    [primitives(), plain(), patterns()].into_iter().flatten().collect()
}

fn primitives() -> Vec<Sweep> {
    let odd = [json!(7), json!(-2.5), json!(1e16), json!(true), json!("12"), json!("x")];
    // The largest that does not round to more than the bounds.
    let largest = (i64::MAX as f64).next_down();
    let numbers = [json!(0), json!(-7), json!(largest), json!(-largest), json!(0.1), json!(1.5e-7), json!("1e3")];
    vec![
        Sweep::of("PrimitiveString").each("value", TEXTS.iter().copied()),
        Sweep::of("PrimitiveString").each("value", odd.clone()),
        Sweep::of("PrimitiveStringMultiline").each("value", TEXTS.iter().copied()),
        Sweep::of("PrimitiveStringMultiline").each("value", odd.clone()),
        Sweep::of("PrimitiveInt").each("value", [0, 1, -7, i64::MAX, -i64::MAX]),
        Sweep::of("PrimitiveInt").each("value", odd.clone()),
        Sweep::of("PrimitiveFloat").each("value", [json!(0.0)]),
        Sweep::of("PrimitiveFloat").each("value", numbers),
        Sweep::of("PrimitiveFloat").each("value", odd.clone()),
        Sweep::of("PrimitiveBoolean").all("value"),
        Sweep::of("PrimitiveBoolean").each("value", odd),
    ]
}

fn plain() -> Vec<Sweep> {
    let texts = || TEXTS.iter().copied();
    let parts = ["", "WORLD", "ß", "本", "a", "n", "ς"];
    vec![
        Sweep::of("StringConcatenate")
            .each("string_a", texts())
            .each("string_b", ["", "b\n"])
            .each("delimiter", ["", ", "]),
        Sweep::of("StringSubstring")
            .each("string", texts())
            .each("start", [0, 2, -4, 5, -99])
            .each("end", [0, 3, -1, 99, i64::MAX]),
        Sweep::of("StringLength").each("string", texts()),
        Sweep::of("CaseConverter").each("string", texts()).all("mode"),
        Sweep::of("StringTrim").each("string", texts()).all("mode"),
        Sweep::of("StringReplace")
            .each("string", texts())
            .each("find", ["", "a", "l", "é", "bb"])
            .each("replace", ["", "-", "LL"]),
        Sweep::of("StringContains").each("string", texts()).each("substring", parts).all("case_sensitive"),
        Sweep::of("StringCompare").each("string_a", texts()).each("string_b", parts).all("mode").all("case_sensitive"),
    ]
}

fn patterns() -> Vec<Sweep> {
    let flags = |sweep: Sweep| sweep.all("case_insensitive").all("multiline").all("dotall");
    let pair = |(pattern, string): (&str, &str)| -> Row {
        vec![("regex_pattern", literal(pattern)), ("string", literal(string))]
    };
    let pairs = [
        (r"(\w)(\w)", "hello World"),
        ("^B.*b$", "aaa b\nb\ncab\n"),
        ("(?P<it>[AB]).*$", "aaa b\nb\ncab\n"),
        ("x*", "abxd"),
    ];
    let many = || PATTERNS.iter().flat_map(|pattern| LINES.iter().map(move |line| (*pattern, *line))).map(pair);
    vec![
        flags(Sweep::of("RegexMatch")).rows(many()),
        flags(Sweep::of("RegexExtract")).rows(pairs.map(pair)).all("mode").each("group_index", [0, 1, 2, 100]),
        Sweep::of("RegexExtract")
            .rows(many())
            .all("mode")
            .rows([row(&[("case_insensitive", true), ("multiline", true), ("dotall", false)])])
            .each("group_index", [1]),
        Sweep::of("RegexReplace")
            .rows(pairs.map(pair))
            .each("replace", ["-", r"[\g<0>]"])
            .optional("case_insensitive", [false, true])
            .optional("multiline", [false, true])
            .optional("dotall", [false, true])
            .optional("count", [0, 1, 2, 100]),
        Sweep::of("RegexReplace").rows(many()).each("replace", [r"<\g<0>\n>"]),
        Sweep::of("RegexReplace")
            .rows([pair(pairs[0])])
            .each("replace", REPLACEMENTS.iter().copied())
            .each("count", [0, 1, 2]),
    ]
}

fn literal(value: impl Into<Value>) -> Given {
    Given::Literal(value.into())
}

fn row(values: &[(&'static str, bool)]) -> Row {
    values.iter().map(|(name, value)| (*name, literal(*value))).collect()
}
