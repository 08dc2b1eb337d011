//! Python's `re` syntax, translated for `fancy_regex`.
//!
//! Most of both languages is the same, but what differs differs silently: `$` before a final line
//! break, `\Z`, literal braces and brackets, class operators, octal escapes. Therefore every piece
//! is read and written again. Not supported: verbose and ASCII mode, `\N{name}`.

use fancy_regex::{Regex, RegexBuilder};

/// Flags of `re.compile`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Flags {
    /// `re.IGNORECASE`
    pub(super) ignore_case: bool,
    /// `re.MULTILINE`
    pub(super) multiline: bool,
    /// `re.DOTALL`
    pub(super) dot_all: bool,
}

/// Why a pattern cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum PatternError {
    /// Python refuses it too.
    #[error("it is not a regular expression: {0}")]
    Invalid(String),
    /// Python takes it.
    #[error("{0} is not supported in process; run this node on a server")]
    Unsupported(String),
}

/// A compiled pattern.
#[derive(Debug)]
pub(super) struct Pattern {
    /// Finds what Python finds.
    pub(super) regex: Regex,
    /// The same without empty matches; none when all matches are empty.
    pub(super) not_empty: Option<Regex>,
}

/// Compiles a pattern of Python's `re`.
pub(super) fn compile(pattern: &str, flags: Flags) -> Result<Pattern, PatternError> {
    let translated = Translator::new(pattern, flags).translate()?;
    let build = |not_empty: bool| {
        let mut builder = RegexBuilder::new(&translated);
        builder.case_insensitive(flags.ignore_case).dot_matches_new_line(flags.dot_all).find_not_empty(not_empty);
        builder.build()
    };
    let regex = build(false).map_err(|error| PatternError::Invalid(error.to_string()))?;
    Ok(Pattern { regex, not_empty: build(true).ok() })
}

fn invalid<T>(what: impl Into<String>) -> Result<T, PatternError> {
    Err(PatternError::Invalid(what.into()))
}

/// A character as a member of a class, whatever it means there.
fn class_char(char: char) -> String {
    format!(r"\x{{{:x}}}", u32::from(char))
}

struct Translator<'a> {
    rest: std::iter::Peekable<std::str::Chars<'a>>,
    out: String,
    /// Whether `^` and `$` match at lines, in the groups that are open, innermost last.
    multiline: Vec<bool>,
    /// Whether a quantifier may follow.
    repeatable: bool,
}

impl<'a> Translator<'a> {
    fn new(pattern: &'a str, flags: Flags) -> Self {
        let rest = pattern.chars().peekable();
        Self { rest, out: String::new(), multiline: vec![flags.multiline], repeatable: false }
    }

    fn translate(mut self) -> Result<String, PatternError> {
        while let Some(char) = self.rest.next() {
            match char {
                '\\' => self.escape()?,
                '[' => self.class()?,
                '(' => self.open_group()?,
                ')' => self.close_group()?,
                '|' => self.push("|", false),
                '^' => self.push(if self.at_lines() { "(?m:^)" } else { r"\A" }, false),
                '$' => self.push(if self.at_lines() { "(?m:$)" } else { r"(?=\n?\z)" }, false),
                '.' => self.push(".", true),
                '*' | '+' | '?' => self.quantifier(&char.to_string())?,
                '{' => self.braces()?,
                literal => self.literal(literal),
            }
        }
        if self.multiline.len() > 1 { invalid("a parenthesis is not closed") } else { Ok(self.out) }
    }

    fn at_lines(&self) -> bool {
        self.multiline.last().copied().unwrap_or_default()
    }

    fn push(&mut self, text: &str, repeatable: bool) {
        self.out.push_str(text);
        self.repeatable = repeatable;
    }

    fn literal(&mut self, char: char) {
        self.push(&fancy_regex::escape(char.encode_utf8(&mut [0; 4])), true);
    }

    fn eat(&mut self, char: char) -> bool {
        self.rest.next_if_eq(&char).is_some()
    }

    /// Everything up to `end`, which is dropped.
    fn until(&mut self, end: char) -> Result<String, PatternError> {
        let mut text = String::new();
        loop {
            match self.rest.next() {
                Some(char) if char == end => return Ok(text),
                Some(char) => text.push(char),
                None => return invalid(format!("{end:?} is missing")),
            }
        }
    }

    fn escape(&mut self) -> Result<(), PatternError> {
        match self.rest.next() {
            None => return invalid("it ends with a backslash"),
            Some('Z') => self.push(r"\z", false),
            Some(anchor @ ('A' | 'b' | 'B')) => self.push(&format!(r"\{anchor}"), false),
            Some('s') => self.push(r"[\s\x1c-\x1f]", true),
            Some('S') => self.push(r"[^\s\x1c-\x1f]", true),
            Some(class @ ('d' | 'D' | 'w' | 'W')) => self.push(&format!(r"\{class}"), true),
            Some(digit @ '1'..='9') => self.reference_or_octal(digit)?,
            Some(other) => {
                let char = self.escaped_char(other)?;
                self.literal(char);
            }
        }
        Ok(())
    }

    fn reference_or_octal(&mut self, first: char) -> Result<(), PatternError> {
        let mut digits = first.to_string();
        digits.extend(self.rest.next_if(char::is_ascii_digit));
        let octal = |digits: &str| digits.chars().all(|digit| digit.is_digit(8));
        if digits.len() == 2
            && octal(&digits)
            && let Some(third) = self.rest.next_if(|digit| digit.is_digit(8))
        {
            digits.push(third);
            let char = u32::from_str_radix(&digits, 8).ok().filter(|code| *code < 256).and_then(char::from_u32);
            let Some(char) = char else { return invalid(format!(r"\{digits} is outside of \0 to \377")) };
            self.literal(char);
        } else {
            self.push(&format!(r"(?:\{digits})"), true);
        }
        Ok(())
    }

    /// The character that a backslash and `char` stand for.
    fn escaped_char(&mut self, char: char) -> Result<char, PatternError> {
        Ok(match char {
            'a' => '\u{7}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'v' => '\u{b}',
            'x' => self.hex(2)?,
            'u' => self.hex(4)?,
            'U' => self.hex(8)?,
            'N' => return Err(PatternError::Unsupported(r"a named character (\N)".to_owned())),
            '0' => self.octal(),
            letter if letter.is_ascii_alphanumeric() => return invalid(format!(r"\{letter} means nothing")),
            literal => literal,
        })
    }

    fn hex(&mut self, digits: usize) -> Result<char, PatternError> {
        let text: String = std::iter::from_fn(|| self.rest.next_if(char::is_ascii_hexdigit)).take(digits).collect();
        let code = u32::from_str_radix(&text, 16).ok().filter(|_| text.len() == digits);
        code.and_then(char::from_u32).map_or_else(|| invalid("an escape is incomplete"), Ok)
    }

    /// Up to two octal digits after `\0`.
    fn octal(&mut self) -> char {
        let digits = std::iter::from_fn(|| self.rest.next_if(|digit| digit.is_digit(8))).take(2);
        let code = digits.filter_map(|digit| digit.to_digit(8)).fold(0, |code, digit| code * 8 + digit);
        char::from_u32(code).unwrap_or_default()
    }

    fn class(&mut self) -> Result<(), PatternError> {
        let mut text = if self.eat('^') { "[^".to_owned() } else { "[".to_owned() };
        let mut first = true;
        loop {
            let Some(char) = self.rest.next() else { return invalid("a bracket is not closed") };
            if char == ']' && !first {
                break;
            }
            first = false;
            let Some(low) = self.class_member(char, &mut text)? else { continue };
            let mut ahead = self.rest.clone();
            if ahead.next() == Some('-') && ahead.next().is_some_and(|char| char != ']') {
                self.rest.next();
                let Some(char) = self.rest.next() else { return invalid("a bracket is not closed") };
                match self.class_member(char, &mut text)? {
                    Some(high) if low <= high => text.extend([class_char(low), "-".to_owned(), class_char(high)]),
                    _ => return invalid("a range is the wrong way round"),
                }
            } else {
                text.push_str(&class_char(low));
            }
        }
        text.push(']');
        self.push(&text, true);
        Ok(())
    }

    /// The character that a member of a class stands for; none for a class of its own, which is
    /// added to `text`.
    fn class_member(&mut self, char: char, text: &mut String) -> Result<Option<char>, PatternError> {
        if char != '\\' {
            return Ok(Some(char));
        }
        match self.rest.next() {
            None => invalid("it ends with a backslash"),
            Some('s') => {
                text.push_str(r"\s\x1c-\x1f");
                Ok(None)
            }
            Some('S') => {
                text.push_str(r"[^\s\x1c-\x1f]");
                Ok(None)
            }
            Some(class @ ('d' | 'D' | 'w' | 'W')) => {
                text.extend(['\\', class]);
                Ok(None)
            }
            Some('b') => Ok(Some('\u{8}')),
            Some(digit @ '1'..='7') => {
                let digits: String =
                    std::iter::from_fn(|| self.rest.next_if(|digit| digit.is_digit(8))).take(2).collect();
                let code = u32::from_str_radix(&format!("{digit}{digits}"), 8).ok().filter(|code| *code < 256);
                code.and_then(char::from_u32)
                    .map_or_else(|| invalid("an octal escape is too large"), |char| Ok(Some(char)))
            }
            Some(other) => self.escaped_char(other).map(Some),
        }
    }

    fn open_group(&mut self) -> Result<(), PatternError> {
        let multiline = self.at_lines();
        if !self.eat('?') {
            self.multiline.push(multiline);
            self.push("(", false);
            return Ok(());
        }
        match self.rest.next() {
            Some('#') => {
                self.until(')')?;
                return Ok(());
            }
            Some('P') => return self.named(),
            Some('(') => {
                let group = self.until(')')?;
                let number = group.chars().all(|char| char.is_ascii_digit());
                self.push(&if number { format!("(?({group})") } else { format!("(?(<{group}>)") }, false);
            }
            Some('<') => match self.rest.next() {
                Some(kind @ ('=' | '!')) => self.push(&format!("(?<{kind}"), false),
                _ => return invalid("a group after (?< is neither (?<= nor (?<!"),
            },
            Some(kind @ (':' | '=' | '!' | '>')) => self.push(&format!("(?{kind}"), false),
            Some(flag) => return self.flags(flag),
            None => return invalid("a parenthesis is not closed"),
        }
        self.multiline.push(multiline);
        Ok(())
    }

    /// `(?P<name>` or `(?P=name)`.
    fn named(&mut self) -> Result<(), PatternError> {
        if self.eat('<') {
            let name = self.until('>')?;
            let multiline = self.at_lines();
            self.multiline.push(multiline);
            self.push(&format!("(?P<{name}>"), false);
        } else if self.eat('=') {
            let name = self.until(')')?;
            self.push(&format!("(?P={name})"), true);
        } else {
            return invalid("a group after (?P is neither (?P< nor (?P=");
        }
        Ok(())
    }

    /// `(?i)` at the start, or `(?i-s:`.
    fn flags(&mut self, first: char) -> Result<(), PatternError> {
        let at_start = self.out.is_empty();
        let mut text = "(?".to_owned();
        let mut multiline = self.at_lines();
        let mut on = true;
        let mut next = Some(first);
        loop {
            match next {
                Some('i' | 's') => text.extend(next),
                Some('m') => multiline = on,
                Some('u') => {}
                Some('-') if on => {
                    on = false;
                    text.push('-');
                }
                Some(flag @ ('a' | 'x')) => return Err(PatternError::Unsupported(format!("the flag {flag:?}"))),
                Some(end @ (':' | ')')) => {
                    let text = text.trim_end_matches('-');
                    return self.end_flags(end, text, multiline, at_start);
                }
                _ => return invalid("an unknown kind of group after (?"),
            }
            next = self.rest.next();
        }
    }

    fn end_flags(&mut self, end: char, text: &str, multiline: bool, at_start: bool) -> Result<(), PatternError> {
        match end {
            ':' => {
                self.multiline.push(multiline);
                self.push(&format!("{text}:"), false);
            }
            _ if !at_start => return invalid("flags for everything must stand at the start"),
            _ => {
                self.multiline = vec![multiline];
                if text != "(?" {
                    self.push(&format!("{text})"), false);
                }
            }
        }
        Ok(())
    }

    fn close_group(&mut self) -> Result<(), PatternError> {
        if self.multiline.len() == 1 {
            return invalid("a parenthesis was never opened");
        }
        self.multiline.pop();
        self.push(")", true);
        Ok(())
    }

    /// A `{`: a quantifier where it looks like one, else a brace.
    fn braces(&mut self) -> Result<(), PatternError> {
        let mut ahead = self.rest.clone();
        let mut digits = || -> String { std::iter::from_fn(|| ahead.next_if(char::is_ascii_digit)).collect() };
        let low = digits();
        let comma = ahead.next_if_eq(&',').is_some();
        let high: String = std::iter::from_fn(|| ahead.next_if(char::is_ascii_digit)).collect();
        if ahead.next() != Some('}') || (low.is_empty() && !comma) {
            self.literal('{');
            return Ok(());
        }
        self.rest = ahead;
        let number =
            |text: &str| text.parse::<u32>().map_err(|_| PatternError::Invalid("a repeat is too large".to_owned()));
        let least = if low.is_empty() { 0 } else { number(&low)? };
        let quantifier = match (comma, high.is_empty()) {
            (false, _) => format!("{{{least}}}"),
            (true, true) => format!("{{{least},}}"),
            (true, false) if least <= number(&high)? => format!("{{{least},{high}}}"),
            (true, false) => return invalid("a repeat has a minimum above its maximum"),
        };
        self.quantifier(&quantifier)
    }

    fn quantifier(&mut self, quantifier: &str) -> Result<(), PatternError> {
        if !self.repeatable {
            return invalid(format!("{quantifier} has nothing to repeat"));
        }
        self.push(quantifier, false);
        if let Some(kind) = self.rest.next_if(|next| matches!(next, '?' | '+')) {
            self.out.push(kind);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finds(pattern: &str, text: &str) -> Option<String> {
        let compiled = compile(pattern, Flags::default()).expect(pattern);
        compiled.regex.find(text).expect(pattern).map(|found| found.as_str().to_owned())
    }

    #[test]
    fn patterns_mean_what_they_mean_in_python() {
        for (pattern, text, found) in [
            ("a$", "a\n", Some("a")),
            (r"a\Z", "a\n", None),
            ("{x}", "{x}", Some("{x}")),
            ("a{,2}", "aaa", Some("aa")),
            ("[[a&&b]", "&", Some("&")),
            ("[]a]+", "a]", Some("a]")),
            (r"[\b-]", "-", Some("-")),
            (r"\101", "A", Some("A")),
            (r"(a)\1", "aa", Some("aa")),
            (r"(?P<x>a)(?P=x)", "aa", Some("aa")),
            (r"(?<=a)b(?!c)", "abc ab", Some("b")),
            ("(?m:^b$)", "a\nb\nc", Some("b")),
            ("(?i)A", "a", Some("a")),
            ("a++a", "aa", None),
            ("(?#note)a", "a", Some("a")),
            (r"(a)?(?(1)b|c)", "c", Some("c")),
        ] {
            assert_eq!(finds(pattern, text).as_deref(), found, "{pattern}");
        }
    }

    #[test]
    fn what_python_refuses_is_invalid() {
        for pattern in
            ["(", "a)", "*a", "a**", "^*", "[a", r"\q", r"\", "a{2,1}", "[b-a]", "(?<n>a)", "a(?i)", r"\xg", "(?P<n"]
        {
            let error = compile(pattern, Flags::default()).expect_err(pattern);
            assert!(matches!(error, PatternError::Invalid(_)), "{pattern}: {error}");
        }
        let error = compile("(?x) a", Flags::default()).expect_err("verbose");
        assert!(matches!(error, PatternError::Unsupported(_)), "{error}");
    }
}
