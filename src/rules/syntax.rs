//! Reads the text of a rule with rhai's parser, and says in our words what rhai did not like.

use std::sync::LazyLock;

use rhai::{AST, Engine, Expr, LexError, OptimizationLevel, ParseError, ParseErrorType, Position, Stmt};

use super::error::{RuleError, RuleErrorKind as K};

/// Longest rule, in bytes.
const LONGEST: usize = 2_000;

/// Deepest nesting; a chain of operators counts as well.
const DEEPEST: usize = 64;

/// Words that begin statements.
const STATEMENTS: [&str; 19] = [
    "if", "else", "switch", "let", "const", "while", "loop", "for", "do", "until", "return", "throw", "fn", "import",
    "export", "try", "break", "continue", "private",
];

/// What people write in other languages, and what it is here.
const FOREIGN: [(&str, &str); 5] = [("=", "=="), ("and", "&&"), ("or", "||"), ("<>", "!="), ("===", "==")];

// Only the parser is used, so the limits on evaluation never come to bear; they are set all the
// same, lest somebody evaluates with this engine one day.
static ENGINE: LazyLock<Engine> = LazyLock::new(|| {
    let mut engine = Engine::new_raw();
    engine
        .set_optimization_level(OptimizationLevel::None)
        .set_allow_if_expression(false)
        .set_allow_switch_expression(false)
        .set_allow_statement_expression(false)
        .set_allow_loop_expressions(false)
        .set_allow_looping(false)
        .set_allow_shadowing(false)
        .set_max_expr_depths(DEEPEST)
        .set_max_operations(10_000)
        .set_max_variables(0)
        .set_max_string_size(LONGEST)
        .set_max_map_size(1)
        .disable_symbol("eval");
    engine
});

/// The expression that `text` is.
pub(super) fn parse(text: &str) -> Result<AST, RuleError> {
    if text.len() > LONGEST {
        let message = format!("the rule has {} bytes, but may have {LONGEST}", text.len());
        return Err(RuleError::new(K::TooComplex, None, message));
    }
    if text.trim().is_empty() {
        return Err(RuleError::new(K::Syntax, 0, "the rule is empty"));
    }
    ENGINE.compile_expression(text).map_err(|error| explain(text, &error))
}

/// The only expression of `ast`.
pub(super) fn expression(ast: &AST) -> Option<&Expr> {
    match ast.statements() {
        [Stmt::Expr(expression)] => Some(expression),
        _ => None,
    }
}

/// The byte that `position` means in `text`; rhai counts lines and characters.
pub(super) fn offset(text: &str, position: Position) -> Option<usize> {
    let line = position.line()?;
    let start = match line {
        1 => 0,
        _ => text.match_indices('\n').nth(line - 2)?.0 + 1,
    };
    let column = position.position().unwrap_or(1).max(1) - 1;
    let rest = &text[start..];
    Some(start + rest.char_indices().nth(column).map_or(rest.len(), |(byte, _)| byte))
}

fn explain(text: &str, error: &ParseError) -> RuleError {
    let at = offset(text, error.position());
    let word = at.map_or("", |at| word_at(text, at));
    if let Some(not) = at.and_then(|at| not_before(text, at)) {
        return RuleError::new(K::Syntax, not, "\"not\" is written \"!\" here").suggest(Some("!"));
    }
    if STATEMENTS.contains(&word) {
        let message = format!("\"{word}\" begins a statement; a rule is one expression");
        return RuleError::new(K::Statement, at, message);
    }
    if word == ";" || word == "{" {
        return RuleError::new(K::Statement, at, "a rule is one expression, without ; and {}");
    }
    if let Some((_, here)) = FOREIGN.iter().find(|(foreign, _)| *foreign == word) {
        let kind = if word == "=" { K::Statement } else { K::Syntax };
        return RuleError::new(kind, at, format!("\"{word}\" is written \"{here}\" here")).suggest(Some(*here));
    }
    match error.err_type() {
        ParseErrorType::ExprTooDeep => {
            RuleError::new(K::TooComplex, at, "the rule is nested too deep, or a chain in it is too long")
        }
        ParseErrorType::Reserved(word) => {
            RuleError::new(K::Syntax, at, format!("\"{word}\" is a word of the language and cannot be read"))
        }
        ParseErrorType::BadInput(LexError::MalformedChar(_)) => {
            RuleError::new(K::Syntax, at, "text stands in double quotes or backquotes: `front`")
        }
        ParseErrorType::BadInput(LexError::UnterminatedString) => {
            RuleError::new(K::Syntax, at, "this text has no closing quote")
        }
        ParseErrorType::UnexpectedEOF => RuleError::new(K::Syntax, text.len(), "the rule ends too early"),
        ParseErrorType::BadInput(LexError::UnexpectedInput(_)) if !word.is_empty() => {
            RuleError::new(K::Syntax, at, format!("\"{word}\" is not expected here"))
        }
        other => RuleError::new(K::Syntax, at, lower_first(&other.to_string())),
    }
}

/// The word or the operator that begins at byte `at`.
fn word_at(text: &str, at: usize) -> &str {
    let rest = text.get(at..).unwrap_or_default();
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let Some(first) = rest.chars().next() else { return "" };
    let same = |c: char| if is_word(first) { is_word(c) } else { "=<>!&|".contains(c) && "=<>!&|".contains(first) };
    let end = rest.char_indices().skip(1).find(|(_, c)| !same(*c)).map_or(rest.len(), |(byte, _)| byte);
    &rest[..end]
}

/// The byte where a `not` stands that ends just before byte `at`.
fn not_before(text: &str, at: usize) -> Option<usize> {
    let before = text.get(..at)?.trim_end().strip_suffix("not")?;
    let separate = !before.ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '.');
    separate.then_some(before.len())
}

fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
}
