//! Interpolation: `{path}` and `{function(argument, …)}` in strings.
//!
//! A text is parsed once into a [`Template`] and filled many times. One pass: what is inserted is
//! never read again. Knows nothing of documents; a [`Scope`] says what names mean.

use serde_json::Value;

use super::template_text::TemplateText;
use crate::{content_hash::canonical_json, diagnostic::Span, ident::did_you_mean};

/// Where names get their values.
pub trait Scope {
    /// The value of `path`, none when there is no such name.
    fn value(&self, path: &[String]) -> Option<Value>;

    /// The position of the current value among the values of foreach key `key`, from 0.
    fn index(&self, key: &str) -> Option<usize>;

    /// Every name there is, for suggestions.
    fn names(&self) -> Vec<String>;

    /// The template that `reference` names, if it is one that may be used here.
    fn template(&self, _reference: &str) -> Option<&TemplateText> {
        None
    }

    /// Whether the values are those that are used, and none stands in for another.
    fn is_certain(&self) -> bool {
        true
    }
}

/// A text with the places where values go.
#[derive(Clone, Debug, PartialEq)]
pub struct Template {
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq)]
enum Part {
    Text(String),
    Insert(Expression, Span),
}

#[derive(Clone, Debug, PartialEq)]
enum Expression {
    Path(Vec<String>),
    Call(Function, Vec<Expression>),
    Literal(Value),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Function {
    Hash,
    Index,
    Pad,
    Slug,
    Stem,
}

const FUNCTIONS: [(&str, Function, usize); 5] = [
    ("hash", Function::Hash, usize::MAX),
    ("index", Function::Index, 1),
    ("pad", Function::Pad, 2),
    ("slug", Function::Slug, 1),
    ("stem", Function::Stem, 1),
];

/// Why a text cannot be interpolated; the span is in bytes of the text.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct InterpolationError {
    /// One sentence.
    pub message: String,
    /// The part of the text that is meant, braces included.
    pub span: Span,
    /// What was probably meant.
    pub suggestion: Option<String>,
}

impl Template {
    /// Reads `text`. Only `{name}`, `{name.field}` and `{function(…)}` are places; every other
    /// brace stays as it is, and n pairs of braces around a place give n-1.
    pub fn parse(text: &str) -> Result<Self, InterpolationError> {
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut rest = 0;
        while let Some(found) = text[rest..].find('{') {
            let open = rest + found;
            literal.push_str(&text[rest..open]);
            let opening = text[open..].bytes().take_while(|b| *b == b'{').count();
            let inner = open + opening;
            let Some((expression, end)) = parse_expression(text, inner, inner - 1)? else {
                literal.push_str(&text[open..inner]);
                rest = inner;
                continue;
            };
            let closing = text[end..].bytes().take_while(|b| *b == b'}').count();
            let pairs = opening.min(closing);
            if pairs == 0 {
                literal.push_str(&text[open..end]);
                rest = end;
                continue;
            }
            literal.push_str(&text[open..inner - pairs]);
            if pairs == 1 {
                if !literal.is_empty() {
                    parts.push(Part::Text(std::mem::take(&mut literal)));
                }
                parts.push(Part::Insert(expression, Span::new(inner - 1, end + 1)));
            } else {
                literal.push_str(&text[inner - pairs + 1..end + pairs - 1]);
            }
            rest = end + pairs;
        }
        literal.push_str(&text[rest..]);
        if !literal.is_empty() || parts.is_empty() {
            parts.push(Part::Text(literal));
        }
        Ok(Self { parts })
    }

    /// Whether there is nothing to insert.
    pub fn is_literal(&self) -> bool {
        self.parts.iter().all(|p| matches!(p, Part::Text(_)))
    }

    /// The name of a text that is only `{name}`.
    pub fn sole_path(&self) -> Option<&[String]> {
        match self.parts.as_slice() {
            [Part::Insert(Expression::Path(path), _)] => Some(path),
            _ => None,
        }
    }

    /// All names that the text inserts, with their places.
    pub fn paths(&self) -> Vec<(&[String], Span)> {
        fn collect<'a>(expression: &'a Expression, span: Span, out: &mut Vec<(&'a [String], Span)>) {
            match expression {
                Expression::Path(path) => out.push((path, span)),
                Expression::Call(_, arguments) => arguments.iter().for_each(|a| collect(a, span, out)),
                Expression::Literal(_) => {}
            }
        }
        let mut out = Vec::new();
        for part in &self.parts {
            if let Part::Insert(expression, span) = part {
                collect(expression, *span, &mut out);
            }
        }
        out
    }

    /// Fills the text. A text that is only `{path}` or `{function(…)}` gives the value itself,
    /// everything else a string.
    pub fn fill(&self, scope: &dyn Scope) -> Result<Value, InterpolationError> {
        if let [Part::Insert(expression, span)] = self.parts.as_slice() {
            return evaluate(expression, scope, *span).map(|value| match value {
                Value::Object(mut row) if row.contains_key(ROW_KEY) => row.shift_remove(ROW_KEY).unwrap_or_default(),
                other => other,
            });
        }
        let mut out = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Insert(expression, span) => {
                    let value = evaluate(expression, scope, *span)?;
                    out.push_str(&to_text(&value).ok_or_else(|| InterpolationError {
                        message: "a list or a table cannot be inserted into a text".to_owned(),
                        span: *span,
                        suggestion: None,
                    })?);
                }
            }
        }
        Ok(Value::String(out))
    }
}

/// The text of a scalar: numbers in their shortest form; none for a list or table, unless it is a
/// table row of a foreach key, whose text is that of its key.
pub fn to_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(bool) => Some(bool.to_string()),
        Value::Object(row) => row.get(ROW_KEY).and_then(to_text),
        Value::Array(_) | Value::Null => None,
    }
}

/// The field under which a row of a foreach key keeps the value that identifies it. A name that no
/// column can have, since `{…}` cannot say it.
pub const ROW_KEY: &str = "=";

fn evaluate(expression: &Expression, scope: &dyn Scope, span: Span) -> Result<Value, InterpolationError> {
    let error = |message: String, suggestion| InterpolationError { message, span, suggestion };
    match expression {
        Expression::Literal(value) => Ok(value.clone()),
        Expression::Path(path) => scope.value(path).ok_or_else(|| unknown_name(path, scope, span)),
        Expression::Call(Function::Index, arguments) => match arguments.as_slice() {
            [Expression::Path(path)] if path.len() == 1 => scope
                .index(&path[0])
                .map(Value::from)
                .ok_or_else(|| error(format!("`{}` is not a foreach key", path[0]), None)),
            _ => Err(error("`index` takes the name of a foreach key".to_owned(), None)),
        },
        Expression::Call(function, arguments) => {
            let values = arguments.iter().map(|a| evaluate(a, scope, span)).collect::<Result<Vec<_>, _>>()?;
            apply(*function, &values).map_err(|message| error(message, None))
        }
    }
}

fn unknown_name(path: &[String], scope: &dyn Scope, span: Span) -> InterpolationError {
    let given = path.join(".");
    let names = scope.names();
    let suggestion = did_you_mean(&given, names.iter().map(String::as_str)).map(str::to_owned);
    InterpolationError { message: format!("there is no `{given}` to insert here"), span, suggestion }
}

fn apply(function: Function, values: &[Value]) -> Result<Value, String> {
    let text = |i: usize| to_text(&values[i]).ok_or_else(|| "a list or a table has no text".to_owned());
    match function {
        Function::Hash => {
            let plain: Vec<Value> = values.iter().map(without_row_key).collect();
            Ok(Value::from(hash32(&plain)))
        }
        Function::Pad => {
            let width = values[1].as_u64().filter(|w| *w <= 64).ok_or("`pad` takes a width from 0 to 64")?;
            Ok(Value::from(format!("{:0>width$}", text(0)?, width = width as usize)))
        }
        Function::Slug => Ok(Value::from(crate::ident::slug(&text(0)?))),
        Function::Stem => {
            let path = text(0)?;
            let name = path.rsplit('/').next().unwrap_or(&path);
            Ok(Value::from(name.rsplit_once('.').map_or(name, |(stem, _)| if stem.is_empty() { name } else { stem })))
        }
        Function::Index => Err("`index` takes the name of a foreach key".to_owned()),
    }
}

/// A row without the field that only marks its key.
fn without_row_key(value: &Value) -> Value {
    match value {
        Value::Object(row) if row.contains_key(ROW_KEY) => {
            Value::Object(row.iter().filter(|(k, _)| *k != ROW_KEY).map(|(k, v)| (k.clone(), v.clone())).collect())
        }
        other => other.clone(),
    }
}

/// BLAKE3 of the canonical JSON of `arguments` as a list: its first eight bytes, big-endian,
/// modulo 2^32.
fn hash32(arguments: &[Value]) -> u32 {
    let hash = blake3::hash(canonical_json(&Value::from(arguments.to_vec())).as_bytes());
    let bytes = hash.as_bytes();
    u32::from_be_bytes([bytes[4], bytes[5], bytes[6], bytes[7]])
}

/// Reads an expression at `start`; gives it and where it ends, which must be a closing brace.
/// None when what stands there is not meant as one.
fn parse_expression(text: &str, start: usize, brace: usize) -> Result<Option<(Expression, usize)>, InterpolationError> {
    let mut reader = Reader { text, at: start, depth: 0 };
    let Some(name) = reader.name() else { return Ok(None) };
    if reader.peek() != Some(b'(') {
        let path = reader.path_after(name);
        return Ok((reader.peek() == Some(b'}')).then_some((Expression::Path(path), reader.at)));
    }
    let error = |reader: &Reader<'_>, message: String, suggestion: Option<&str>| InterpolationError {
        message,
        span: Span::new(brace, (reader.at + 1).min(text.len())),
        suggestion: suggestion.map(str::to_owned),
    };
    let known = FUNCTIONS.iter().any(|(n, ..)| *n == name);
    match reader.call(&name) {
        Ok(call) if reader.peek() == Some(b'}') => Ok(Some((call, reader.at))),
        Err(CallError::Unknown) if reader.closes_as_call() => {
            let suggestion = did_you_mean(&name, FUNCTIONS.iter().map(|f| f.0));
            Err(error(
                &reader,
                format!("there is no function `{name}`; there are hash, index, pad, slug and stem"),
                suggestion,
            ))
        }
        Err(CallError::Arguments(message)) if known => Err(error(&reader, message, None)),
        Ok(_) if known => Err(error(&reader, format!("`{{{name}(…)` is not closed by a brace"), None)),
        _ => Ok(None),
    }
}

/// Where the place ends at whose expression `start` stands: before its closing brace. None when it is no place.
pub(super) fn expression_end(text: &str, start: usize) -> Option<usize> {
    parse_expression(text, start, start - 1).ok().flatten().map(|(_, end)| end)
}

/// The text that a document writes for the literal `text`, so that nothing in it is inserted.
///
/// # Errors
/// When there is none: what looks like a call of a function that there is not is an error however
/// many braces stand around it.
pub fn escape_interpolation(text: &str) -> Result<String, InterpolationError> {
    let mut out = String::with_capacity(text.len());
    let mut rest = 0;
    while let Some(found) = text[rest..].find('{') {
        let open = rest + found;
        let inner = open + text[open..].bytes().take_while(|b| *b == b'{').count();
        out.push_str(&text[rest..inner]);
        rest = inner;
        if let Some((_, end)) = parse_expression(text, inner, inner - 1)? {
            out.push('{');
            out.push_str(&text[inner..end]);
            out.push('}');
            rest = end;
        }
    }
    out.push_str(&text[rest..]);
    Ok(out)
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    /// Calls that are open.
    depth: usize,
}

/// Most calls within calls.
const DEEPEST_CALL: usize = 16;

enum CallError {
    Unknown,
    Arguments(String),
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_spaces(&mut self) {
        while self.peek() == Some(b' ') {
            self.at += 1;
        }
    }

    fn take_while(&mut self, accept: impl Fn(u8) -> bool) -> String {
        let start = self.at;
        while self.peek().is_some_and(&accept) {
            self.at += 1;
        }
        self.text[start..self.at].to_owned()
    }

    fn name(&mut self) -> Option<String> {
        let first = self.peek()?;
        (first.is_ascii_alphabetic() || first == b'_')
            .then(|| self.take_while(|b| b.is_ascii_alphanumeric() || b == b'_'))
    }

    fn path_after(&mut self, first: String) -> Vec<String> {
        let mut path = vec![first];
        while self.peek() == Some(b'.') {
            self.at += 1;
            let Some(name) = self.name() else {
                self.at -= 1;
                break;
            };
            path.push(name);
        }
        path
    }

    /// The call of `name`, at its opening parenthesis.
    fn call(&mut self, name: &str) -> Result<Expression, CallError> {
        let (_, function, most) = FUNCTIONS.iter().find(|(n, ..)| *n == name).ok_or(CallError::Unknown)?;
        self.depth += 1;
        if self.depth > DEEPEST_CALL {
            return Err(CallError::Arguments(format!("calls are nested at most {DEEPEST_CALL} deep")));
        }
        self.at += 1;
        let mut arguments = Vec::new();
        loop {
            self.skip_spaces();
            if self.peek() == Some(b')') && arguments.is_empty() {
                break;
            }
            arguments.push(self.argument(name)?);
            self.skip_spaces();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b')') => break,
                _ => return Err(CallError::Arguments(format!("the arguments of `{name}` end with a parenthesis"))),
            }
        }
        self.at += 1;
        let fits = if *most == usize::MAX { !arguments.is_empty() } else { arguments.len() == *most };
        if fits {
            self.depth -= 1;
            Ok(Expression::Call(*function, arguments))
        } else {
            let wanted = if *most == usize::MAX { "at least 1".to_owned() } else { most.to_string() };
            Err(CallError::Arguments(format!("`{name}` takes {wanted} argument(s), not {}", arguments.len())))
        }
    }

    fn argument(&mut self, function: &str) -> Result<Expression, CallError> {
        let wrong =
            || CallError::Arguments(format!("an argument of `{function}` is a name, a number or a quoted text"));
        match self.peek() {
            Some(quote @ (b'"' | b'\'')) => {
                self.at += 1;
                let text = self.take_while(|b| b != quote);
                if self.peek() != Some(quote) {
                    return Err(wrong());
                }
                self.at += 1;
                Ok(Expression::Literal(Value::from(text)))
            }
            Some(b'-' | b'0'..=b'9') => {
                let digits = self.take_while(|b| matches!(b, b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9'));
                let number = serde_json::from_str::<Value>(&digits).ok().filter(Value::is_number);
                number.map(Expression::Literal).ok_or_else(wrong)
            }
            _ => {
                let name = self.name().ok_or_else(wrong)?;
                if self.peek() == Some(b'(') {
                    return self.call(&name).map_err(|e| match e {
                        CallError::Unknown => CallError::Arguments(format!("there is no function `{name}`")),
                        arguments @ CallError::Arguments(_) => arguments,
                    });
                }
                Ok(Expression::Path(self.path_after(name)))
            }
        }
    }

    /// Whether what follows reads `(…)}` without another brace in it.
    fn closes_as_call(&mut self) -> bool {
        let rest = &self.text[self.at..];
        match rest.find(['{', '}', '\n']) {
            Some(end) if rest[..end].ends_with(')') && rest.as_bytes()[end] == b'}' => {
                self.at += end;
                true
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    struct Names(Value);

    impl Scope for Names {
        fn value(&self, path: &[String]) -> Option<Value> {
            path.iter().try_fold(&self.0, |v, name| v.get(name)).cloned()
        }

        fn index(&self, key: &str) -> Option<usize> {
            (key == "angle").then_some(2)
        }

        fn names(&self) -> Vec<String> {
            self.0.as_object().map(|o| o.keys().cloned().collect()).unwrap_or_default()
        }
    }

    fn scope() -> Names {
        Names(json!({
            "steps": 20, "cfg": 7.5, "on": true, "subject": "a {cat} @home", "file": "photos/My Cat.JPG",
            "product": { "=": "A1", "sku": "A1", "name": "Lamp" }, "angle": "45 degrees", "list": [1, 2],
        }))
    }

    fn fill(text: &str) -> Result<Value, String> {
        Template::parse(text).and_then(|t| t.fill(&scope())).map_err(|e| e.message)
    }

    #[test]
    fn every_sentence_of_the_rules() {
        let cases = [
            // A string that is only {path} takes the value itself.
            ("{steps}", json!(20)),
            ("{cfg}", json!(7.5)),
            ("{on}", json!(true)),
            ("{list}", json!([1, 2])),
            ("{product.sku}", json!("A1")),
            ("{product}", json!("A1")),
            // Inside a text it becomes text; a row is its key.
            ("{steps} steps, cfg {cfg}, {on}", json!("20 steps, cfg 7.5, true")),
            ("{product} {product.name}", json!("A1 Lamp")),
            // One pass: an inserted value is never read again.
            ("{subject}!", json!("a {cat} @home!")),
            // No space after the brace; every other brace stays.
            ("{ steps}", json!("{ steps}")),
            ("{steps }", json!("{steps }")),
            ("{a|b}", json!("{a|b}")),
            (r#"{"a": {"b": 1}}"#, json!(r#"{"a": {"b": 1}}"#)),
            (r#"{"a":{steps}}"#, json!(r#"{"a":20}"#)),
            ("void main() {x = 1.0;}", json!("void main() {x = 1.0;}")),
            ("{", json!("{")),
            ("}{}", json!("}{}")),
            ("{9}", json!("{9}")),
            ("{steps", json!("{steps")),
            ("{main(){}}", json!("{main(){}}")),
            // n pairs give n-1.
            ("{{steps}}", json!("{steps}")),
            ("{{{steps}}}", json!("{{steps}}")),
            ("{{steps}", json!("{20")),
            ("{{a|b}}", json!("{{a|b}}")),
            ("{{pad(steps, 4)}}", json!("{pad(steps, 4)}")),
            // Functions.
            ("{index(angle)}", json!(2)),
            ("{pad(steps, 4)}", json!("0020")),
            ("{pad(index(angle), 3)}.png", json!("002.png")),
            ("{slug(angle)}", json!("45-degrees")),
            ("{slug('Ä B')}", json!("b")),
            ("{stem(file)}", json!("My Cat")),
            ("", json!("")),
        ];
        for (text, expected) in cases {
            assert_eq!(fill(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn hash_is_stable() {
        let Ok(Value::Number(number)) = fill("{hash(product.sku, angle)}") else { panic!() };
        let expected = blake3::hash(br#"["A1","45 degrees"]"#);
        let first = u64::from_be_bytes(expected.as_bytes()[..8].try_into().unwrap());
        assert_eq!(number.as_u64(), Some(first & 0xffff_ffff));
        assert_ne!(fill("{hash(angle)}"), fill("{hash(steps)}"));
    }

    #[test]
    fn errors() {
        for (text, message) in [
            ("{stepz}", "there is no `stepz` to insert here"),
            ("{product.colour}", "there is no `product.colour` to insert here"),
            ("{hsah(steps)}", "there is no function `hsah`; there are hash, index, pad, slug and stem"),
            ("{pad(steps)}", "`pad` takes 2 argument(s), not 1"),
            ("{hash()}", "`hash` takes at least 1 argument(s), not 0"),
            ("{slug(%)}", "an argument of `slug` is a name, a number or a quoted text"),
            ("{index(steps)}", "`steps` is not a foreach key"),
            ("x {list}", "a list or a table cannot be inserted into a text"),
            ("{hash(steps) }", "`{hash(…)` is not closed by a brace"),
            (&format!("{{{}steps{}}}", "slug(".repeat(17), ")".repeat(17)), "calls are nested at most 16 deep"),
        ] {
            assert_eq!(fill(text), Err(message.to_owned()), "{text}");
        }
        let error = Template::parse("ab {stepz}").unwrap().fill(&scope()).unwrap_err();
        assert_eq!((error.span, error.suggestion.as_deref()), (Span::new(3, 10), Some("steps")));
    }

    #[test]
    fn escaped_texts_say_what_they_said() {
        for text in ["{a}", "{{a}", "{a}}}", "{a|b} {x.y}", "{ a }", "{hash(a, 1)} {", "{a}{b}", "{{{a}}}", "{1}"] {
            let template = Template::parse(&escape_interpolation(text).unwrap()).unwrap();
            assert!(template.is_literal(), "{text}");
            assert_eq!(template.fill(&Names(json!({}))), Ok(Value::from(text)), "{text}");
        }
        assert!(escape_interpolation("{nothing(1)}").is_err());
    }
}
