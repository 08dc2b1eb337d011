//! Every rule of the language of rules, right and wrong.

use proptest::prelude::*;
use rhai::{Engine, Scope};

use super::*;

fn variables() -> Variables {
    Variables::new()
        .with("quality", Kind::Number)
        .with("nsfw", Kind::Number)
        .with("width", Kind::Integer)
        .with("attempt", Kind::Integer)
        .with("angle", Kind::Text)
        .with("error", Kind::Text)
        .with("final", Kind::Bool)
        .with("cutout.quality", Kind::Number)
        .with("product", Kind::Text)
        .with("product.name", Kind::Text)
}

fn values() -> Values {
    let pairs: [(&str, Value); 10] = [
        ("quality", 0.75.into()),
        ("nsfw", 0.0.into()),
        ("width", 512_i64.into()),
        ("attempt", 2_u32.into()),
        ("angle", "front".into()),
        ("error", "".into()),
        ("final", true.into()),
        ("cutout.quality", 0.5.into()),
        ("product", "A1".into()),
        ("product.name", "Grüne Tasse".into()),
    ];
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn evaluate(text: &str) -> Result<bool, String> {
    let rule = Rule::compile(text, &variables()).map_err(|e| e.to_string())?;
    rule.evaluate(&values()).map_err(|e| e.to_string())
}

#[test]
fn answers() {
    let cases = [
        ("quality > 0.5", true),
        ("quality < 0.5", false),
        // Whole numbers and others mix.
        ("quality > 0", true),
        ("width > 511.5", true),
        ("width == 512.0", true),
        ("quality * 2 == 1.5", true),
        ("width + 0.5 > width", true),
        ("0.1 + 0.2 == 0.3", true),
        ("0.1 + 0.2 > 0.3", false),
        ("0.0 < 0.0001", true),
        // Whole numbers stay whole.
        ("width / 1000 == 0", true),
        ("7 / 2 == 3", true),
        ("7 % 4 == 3", true),
        ("2 ** 10 == 1024", true),
        ("7.0 / 2 == 3.5", true),
        ("-quality < 0", true),
        ("-attempt == -2", true),
        ("+attempt == 2", true),
        // Text.
        (r#"angle == "front""#, true),
        ("angle == `front`", true),
        (r#"angle != "back" && angle < "g""#, true),
        (r#"angle.starts_with("f") && ends_with(angle, "t")"#, true),
        (r#"contains(product.name, "Tasse")"#, true),
        (r#"product.name.contains("Glas")"#, false),
        (r#""ron" in angle"#, true),
        (r#""x" !in angle"#, true),
        ("len(product.name) == 11", true),
        ("product.name.len() > product.len()", true),
        (r#"error == """#, true),
        // Logic.
        ("true", true),
        ("!final", false),
        ("final == true", true),
        ("final && quality > 0.7 && width > 100", true),
        ("quality > 1 || width > 1000 || attempt == 2", true),
        ("!(quality > 1)", true),
        ("quality > 0.7 || nsfw > 0.5 && false", true),
        // Functions.
        ("abs(-3) == 3 && abs(-0.5) == 0.5", true),
        ("min(quality, 1) == 0.75 && max(width, 1024) == 1024", true),
        ("min(3, 2) == 2 && max(2.5, 2) == 2.5", true),
        ("floor(quality) == 0 && ceiling(quality) == 1 && round(quality) == 1", true),
        ("(width - 500).abs() == 12", true),
        // Groups.
        ("cutout.quality < quality", true),
        (r#"product == "A1" && product.name != product"#, true),
    ];
    for (text, expected) in cases {
        assert_eq!(evaluate(text), Ok(expected), "{text}");
    }
}

#[test]
fn faults_of_rules() {
    use RuleErrorKind as K;
    // The rule, the kind, the text at the place of the fault, the suggestion, a part of the message.
    let cases: [(&str, K, &str, Option<&str>, &str); 55] = [
        ("", K::Syntax, "", None, "empty"),
        ("  ", K::Syntax, "  ", None, "empty"),
        ("quality >", K::Syntax, "", None, "ends too early"),
        ("quality > 0.5)", K::Syntax, ")", None, "\")\" is not expected"),
        ("(quality > 0.5", K::Syntax, "", None, ""),
        ("quality 0.5", K::Syntax, "0.5", None, "\"0\" is not expected here"),
        ("quality > 0.5 and nsfw > 1", K::Syntax, "and nsfw > 1", Some("&&"), "\"and\" is written \"&&\""),
        ("quality > 0.5 or final", K::Syntax, "or final", Some("||"), "\"or\" is written \"||\""),
        ("not final", K::Syntax, "not final", Some("!"), "\"not\" is written \"!\""),
        ("angle == 'front'", K::Syntax, "'front'", None, "double quotes or backquotes"),
        ("angle == 'f'", K::Forbidden, "'f'", None, "double quotes or backquotes"),
        ("angle == \"front", K::Syntax, "\"front", None, "no closing quote"),
        ("quality > 1e999", K::Forbidden, "1e999", None, "too large"),
        ("match > 1", K::Syntax, "match > 1", None, "word of the language"),
        // Statements.
        ("let x = 1", K::Statement, "let x = 1", None, "\"let\" begins a statement"),
        ("if final { true } else { false }", K::Statement, "if final { true } else { false }", None, "\"if\" begins"),
        ("switch attempt { 1 => true }", K::Statement, "switch attempt { 1 => true }", None, "\"switch\" begins"),
        ("while true { }", K::Statement, "while true { }", None, "\"while\" begins"),
        ("loop { }", K::Statement, "loop { }", None, "\"loop\" begins"),
        ("fn f() { true }", K::Statement, "fn f() { true }", None, "\"fn\" begins"),
        ("return true", K::Statement, "return true", None, "\"return\" begins"),
        ("quality = 1", K::Statement, "= 1", Some("=="), "\"=\" is written \"==\""),
        ("quality += 1", K::Syntax, "+= 1", None, ""),
        ("final; final", K::Statement, "; final", None, "without ; and {}"),
        ("{ final }", K::Statement, "{ final }", None, "without ; and {}"),
        ("|x| x > 1", K::Syntax, "|x| x > 1", None, "\"|\" is not expected"),
        // What rules do not have.
        ("angle == `${angle}`", K::Forbidden, "`${angle}`", None, "inserted"),
        ("final & final", K::Forbidden, "& final", Some("&&"), "no \"&\""),
        ("final | final", K::Forbidden, "| final", Some("||"), "no \"|\""),
        ("width << 2 > 1", K::Forbidden, "<< 2 > 1", None, "no \"<<\""),
        ("quality ?? 1 > 0", K::Forbidden, "quality ?? 1 > 0", None, "absent is an error"),
        ("cutout?.quality > 1", K::Forbidden, "?.quality > 1", None, "?."),
        ("#{a: 1} == #{a: 1}", K::Forbidden, "#{a: 1} == #{a: 1}", None, "no tables"),
        ("[1] == [1]", K::Syntax, "[1] == [1]", None, ""),
        ("attempt in 1..3", K::Forbidden, "..3", None, "no \"..\""),
        // Names.
        ("qualty > 0.5", K::UnknownVariable, "qualty > 0.5", Some("quality"), "did you mean \"quality\"?"),
        ("final && qualty > 0.5", K::UnknownVariable, "qualty > 0.5", Some("quality"), "did you mean"),
        ("cutout.qualty > 1", K::UnknownVariable, "cutout.qualty > 1", Some("cutout.quality"), "did you mean"),
        ("cutout > 1", K::UnknownVariable, "cutout > 1", Some("cutout.quality"), "is a group"),
        ("something_else > 1", K::UnknownVariable, "something_else > 1", None, "there are quality, nsfw"),
        ("this > 1", K::Syntax, "this > 1", None, "word of the language"),
        ("eval(\"true\")", K::Syntax, "eval(\"true\")", None, ""),
        ("print(angle) == 1", K::UnknownFunction, "print(angle) == 1", None, "there are abs, min"),
        (
            "start_with(angle, \"f\")",
            K::UnknownFunction,
            "start_with(angle, \"f\")",
            Some("starts_with"),
            "did you mean",
        ),
        ("angle.sub_string(1) == angle", K::UnknownFunction, "sub_string(1) == angle", None, "no function"),
        // Types.
        ("quality > \"a\"", K::WrongType, "> \"a\"", None, "quality is a number, but \"a\" is text"),
        ("angle == 1", K::WrongType, "== 1", None, "angle is text, but 1 is a whole number"),
        ("final > false", K::WrongType, "> false", None, "no order"),
        ("final == 1", K::WrongType, "== 1", None, "cannot be compared"),
        (
            "quality && final",
            K::WrongType,
            "quality && final",
            None,
            "\"&&\" takes true or false, but quality is a number",
        ),
        ("!quality", K::WrongType, "quality", None, "\"!\" takes true or false"),
        (
            "angle + \"x\" == \"y\"",
            K::WrongType,
            "angle + \"x\" == \"y\"",
            None,
            "\"+\" takes numbers, but angle is text",
        ),
        ("len(width) > 1", K::WrongType, "width) > 1", None, "len takes text, but width is a whole number"),
        ("min(1) > 1", K::WrongType, "min(1) > 1", None, "min takes 2 arguments, not 1"),
        ("cutout.quality + 1", K::NotBool, "cutout.quality + 1", None, "a rule is true or false, but this is a number"),
    ];
    let mut wrong = Vec::new();
    for (text, kind, place, suggestion, message) in cases {
        let Err(error) = Rule::compile(text, &variables()) else {
            wrong.push(format!("{text}: no error"));
            continue;
        };
        let found = error.offset.map_or("", |at| &text[at..]);
        let right = error.kind == kind
            && found == place
            && error.suggestion.as_deref() == suggestion
            && error.message.contains(message);
        if !right {
            wrong.push(format!("{text}: at {found:?}: {error:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn places_are_bytes() {
    let place = |text: &str| Rule::compile(text, &variables()).map_err(|e| e.offset.map(|at| text[at..].to_owned()));
    assert_eq!(place("angle == \"日本\" && qualty > 1"), Err(Some("qualty > 1".to_owned())));
    assert_eq!(place("final\r\n&&\n\tqualty > 1"), Err(Some("qualty > 1".to_owned())));
    assert_eq!(place("final && (angle\n+ 1) > 1"), Err(Some("angle\n+ 1) > 1".to_owned())));
}

#[test]
fn limits() {
    let kind = |text: &str| Rule::compile(text, &variables()).map(|_| ()).map_err(|e| e.kind);
    let too_complex = Err(RuleErrorKind::TooComplex);
    assert_eq!(kind(&"(".repeat(100)), too_complex);
    assert_eq!(kind(&format!("{}final{}", "(".repeat(500), ")".repeat(500))), too_complex);
    assert_eq!(kind(&format!("{}final", "!".repeat(500))), too_complex);
    assert_eq!(kind(&format!("quality{} > 1", " + 1".repeat(400))), too_complex);
    assert_eq!(kind(&vec!["final"; 250].join(" && ")), too_complex);
    assert_eq!(kind(&vec!["final"; 40].join(" && ")), Ok(()));
    assert_eq!(kind(&vec!["final"; 40].join(" || ")), Ok(()));
    assert_eq!(kind(&format!("{}final{}", "(".repeat(20), ")".repeat(20))), Ok(()));
    assert_eq!(kind(&format!("angle == \"{}\"", "x".repeat(10_000))), too_complex);
    assert_eq!(kind(&format!("angle{}", ".len()".repeat(300))), too_complex);
}

#[test]
fn absent_is_an_error_and_never_false() {
    let mut given = values();
    given.remove("nsfw");
    let evaluate = |text: &str, values: &Values| {
        let rule = Rule::compile(text, &variables()).map_err(|e| e.to_string())?;
        rule.evaluate(values).map_err(|e| e.to_string())
    };
    for text in ["nsfw > 0.5", "!(nsfw > 0.5)", "quality > 0.5 || nsfw > 0.5", "false && nsfw > 0.5"] {
        assert_eq!(evaluate(text, &given), Err(format!("evaluate \"{text}\": \"nsfw\" was not measured")));
    }
    assert_eq!(evaluate("quality > 0.5", &given), Ok(true), "what a rule does not read may be absent");
    let wrong: [(Value, &str); 4] = [
        (f64::NAN.into(), "\"nsfw\" is not a number"),
        (f64::INFINITY.into(), "\"nsfw\" is not a number"),
        ("0.5".into(), "\"nsfw\" is not a number"),
        (true.into(), "\"nsfw\" is not a number"),
    ];
    for (value, message) in wrong {
        given.insert("nsfw".to_owned(), value);
        assert_eq!(evaluate("nsfw > 0.5", &given), Err(format!("evaluate \"nsfw > 0.5\": {message}")));
    }
    given.insert("width".to_owned(), 512.0.into());
    assert!(evaluate("width > 1", &given).is_err(), "a whole number is wanted");
}

#[test]
fn arithmetic_without_a_result_is_an_error() {
    for text in [
        "1 / (attempt - 2) > 0",
        "1 % (attempt - 2) > 0",
        "quality / nsfw > 0",
        "nsfw / nsfw == 0",
        "9223372036854775807 + attempt > 0",
        "-(-9223372036854775807 - 1) > 0",
        "2 ** 64 > 0",
        "2 ** -1 > 0",
        "10.0 ** 400 > 0",
    ] {
        let expected = Err(format!(
            "evaluate \"{text}\": the calculation has no result (division by zero, or a number too large)"
        ));
        assert_eq!(evaluate(text), expected);
    }
}

#[test]
fn a_rule_tells_what_it_reads() {
    let text = "cutout.quality > 0.5 && quality > 0.5 && product.name.len() > 1 && quality < 1";
    let rule = Rule::compile(text, &variables());
    let names = rule.map(|r| (r.variables().to_vec(), r.text().to_owned()));
    let expected = ["cutout.quality", "quality", "product.name"].map(str::to_owned).to_vec();
    assert_eq!(names, Ok((expected, text.to_owned())));
}

#[test]
fn a_rule_can_be_shared() {
    fn shared<T: Send + Sync + Clone + std::fmt::Debug>() {}
    shared::<Rule>();
}

/// Expressions over the variables of [`variables`], mostly well typed.
fn expressions() -> impl Strategy<Value = String> {
    let number = prop_oneof![
        Just("quality".to_owned()),
        Just("width".to_owned()),
        Just("attempt".to_owned()),
        (0_i64..20).prop_map(|n| n.to_string()),
        (0_i64..80).prop_map(|n| format!("{}.{}", n / 4, (n % 4) * 25)),
    ];
    let number = number.prop_recursive(3, 16, 2, |inner| {
        prop_oneof![
            (inner.clone(), prop_oneof!["[+*/%-]", Just("**".to_owned())], inner.clone())
                .prop_map(|(a, op, b)| format!("({a} {op} {b})")),
            inner.prop_map(|a| format!("(-{a})")),
        ]
    });
    let text = prop_oneof![Just("angle".to_owned()), Just("\"front\"".to_owned()), Just("\"g\"".to_owned())];
    let comparison = prop_oneof![Just("=="), Just("!="), Just("<"), Just("<="), Just(">"), Just(">=")];
    let truth = prop_oneof![
        (number.clone(), comparison.clone(), number).prop_map(|(a, op, b)| format!("{a} {op} {b}")),
        (text.clone(), comparison, text).prop_map(|(a, op, b)| format!("{a} {op} {b}")),
        Just("final".to_owned()),
    ];
    truth.prop_recursive(3, 24, 3, |inner| {
        prop_oneof![
            (inner.clone(), prop_oneof![Just("&&"), Just("||")], inner.clone())
                .prop_map(|(a, op, b)| format!("({a}) {op} ({b})")),
            inner.prop_map(|a| format!("!({a})")),
        ]
    })
}

/// What rhai itself says of `text`.
fn rhai_evaluate(text: &str) -> Result<bool, String> {
    let mut scope = Scope::new();
    scope.push("quality", 0.75_f64).push("width", 512_i64).push("attempt", 2_i64);
    scope.push("angle", "front".to_owned()).push("final", true);
    Engine::new().eval_expression_with_scope(&mut scope, text).map_err(|e| e.to_string())
}

proptest! {
    #[test]
    fn rhai_gives_the_same_answers(text in expressions()) {
        // Where a calculation has no finite result, rhai goes on with infinity; rules do not.
        match (evaluate(&text), rhai_evaluate(&text)) {
            (Ok(ours), theirs) => prop_assert_eq!(Ok(ours), theirs),
            (Err(message), _) => prop_assert!(message.contains("no result"), "{}", message),
        }
    }

    #[test]
    fn any_text_gives_a_rule_or_an_error(text in "\\PC{0,60}") {
        check_any(&text)?;
    }

    #[test]
    fn any_tokens_give_a_rule_or_an_error(
        tokens in prop::collection::vec(prop::sample::select(TOKENS.to_vec()), 0..14)
    ) {
        check_any(&tokens.join(" "))?;
    }
}

const TOKENS: [&str; 44] = [
    "quality", "cutout", ".", "angle", "final", "1", "0.5", "\"a\"", "`", "${", "}", "'x'", "(", ")", "[", "]", "{",
    "#{", ",", ";", "==", "=", "<", ">=", "&&", "||", "!", "-", "+", "**", "?.", "??", "..", "in", "if", "switch",
    "let", "fn", "|x|", "contains", "len", "/*", "//", "\n",
];

/// A fault is at a place that can be underlined.
fn check_any(text: &str) -> Result<(), TestCaseError> {
    if let Err(error) = Rule::compile(text, &variables()) {
        let at = error.offset.unwrap_or_default();
        prop_assert!(text.is_char_boundary(at), "{text:?}: {error:?}");
        prop_assert!(!error.message.is_empty());
    }
    Ok(())
}
