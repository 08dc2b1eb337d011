//! From rhai's syntax tree to a typed expression, refusing what rules must not do.

use rhai::{ASTFlags, Expr, FnCallExpr, Position};

use super::{
    error::{RuleError, RuleErrorKind as K},
    expression::{Arithmetic, Comparison, Expression},
    functions::{self, FUNCTIONS, Signature},
    syntax,
    variables::{Kind, Value, Variables},
};
use crate::ident::did_you_mean;

/// A rule's expression and the variables it reads, by their index in the expression.
pub(super) struct Compiled {
    pub(super) expression: Expression,
    pub(super) names: Vec<String>,
    pub(super) kinds: Vec<Kind>,
}

pub(super) fn compile(text: &str, variables: &Variables) -> Result<Compiled, RuleError> {
    let ast = syntax::parse(text)?;
    let expression =
        syntax::expression(&ast).ok_or_else(|| RuleError::new(K::Statement, None, "a rule is one expression"))?;
    let mut compiler = Compiler { text, variables, names: Vec::new(), kinds: Vec::new() };
    let (lowered, kind) = compiler.lower(expression)?;
    if kind != Kind::Bool {
        let offset = syntax::offset(text, start(expression));
        let message = format!("a rule is true or false, but this is {}", kind.describe());
        return Err(RuleError::new(K::NotBool, offset, message));
    }
    Ok(Compiled { expression: lowered, names: compiler.names, kinds: compiler.kinds })
}

/// An expression with its kind.
type Typed = (Expression, Kind);

struct Compiler<'a> {
    text: &'a str,
    variables: &'a Variables,
    names: Vec<String>,
    kinds: Vec<Kind>,
}

impl Compiler<'_> {
    fn error(&self, kind: K, position: Position, message: impl Into<String>) -> RuleError {
        RuleError::new(kind, syntax::offset(self.text, position), message)
    }

    fn lower(&mut self, expression: &Expr) -> Result<Typed, RuleError> {
        let forbidden = |what: &str| Err(self.error(K::Forbidden, start(expression), what));
        match expression {
            Expr::BoolConstant(truth, _) => Ok((Expression::Constant(Value::Bool(*truth)), Kind::Bool)),
            Expr::IntegerConstant(number, _) => Ok((Expression::Constant(Value::Integer(*number)), Kind::Integer)),
            Expr::FloatConstant(number, _) if number.is_finite() => {
                Ok((Expression::Constant(Value::Number(**number)), Kind::Number))
            }
            Expr::StringConstant(text, _) => Ok((Expression::Constant(Value::from(text.as_str())), Kind::Text)),
            Expr::Variable(..) | Expr::Dot(..) => self.chain(expression),
            Expr::And(operands, _) => Ok((Expression::And(self.truths(operands, "&&")?), Kind::Bool)),
            Expr::Or(operands, _) => Ok((Expression::Or(self.truths(operands, "||")?), Kind::Bool)),
            Expr::FnCall(call, position) => self.operator_or_call(call, *position),
            Expr::CharConstant(..) => forbidden("text stands in double quotes or backquotes: `front`"),
            Expr::InterpolatedString(..) => forbidden("text in a rule cannot have values inserted"),
            Expr::Coalesce(..) => forbidden("a rule has no \"??\": a metric that is absent is an error"),
            Expr::Map(..) => forbidden("a rule has no tables"),
            Expr::Array(..) | Expr::Index(..) => forbidden("a rule has no lists"),
            Expr::FloatConstant(..) => forbidden("this number is too large"),
            _ => forbidden("this cannot be used in a rule"),
        }
    }

    /// A variable, a member of a group, and methods called on either: `cutout.name.len()`.
    fn chain(&mut self, expression: &Expr) -> Result<Typed, RuleError> {
        let mut steps = Vec::new();
        flatten(expression, &mut steps).map_err(|p| self.error(K::Forbidden, p, "a rule has no \"?.\""))?;
        let mut steps = steps.into_iter().peekable();
        let Some(first) = steps.next() else {
            return Err(self.error(K::Forbidden, start(expression), "this cannot be used in a rule"));
        };
        let mut value = if let Expr::Variable(variable, _, position) = first {
            let mut name = variable.1.to_string();
            while let Some(Expr::Property(property, _)) = steps.peek() {
                name.push('.');
                name.push_str(&property.2);
                steps.next();
            }
            self.variable(name, *position)?
        } else {
            self.lower(first)?
        };
        for step in steps {
            value = match step {
                Expr::MethodCall(call, position) => self.call(call, Some((value, first)), *position)?,
                other => {
                    let message = format!("{} has no members", value.1.describe());
                    return Err(self.error(K::WrongType, other.position(), message));
                }
            };
        }
        Ok(value)
    }

    fn variable(&mut self, name: String, position: Position) -> Result<Typed, RuleError> {
        let Some(kind) = self.variables.kind(&name) else { return Err(self.unknown_variable(&name, position)) };
        let index = self.names.iter().position(|known| *known == name).unwrap_or_else(|| {
            self.names.push(name);
            self.kinds.push(kind);
            self.names.len() - 1
        });
        Ok((Expression::Variable(index), kind))
    }

    fn unknown_variable(&self, name: &str, position: Position) -> RuleError {
        if self.variables.is_group(name) {
            let members: Vec<&str> = self.variables.names().filter(|n| n.starts_with(&format!("{name}."))).collect();
            let message = format!("\"{name}\" is a group; read one of {}", members.join(", "));
            return self.error(K::UnknownVariable, position, message).suggest(members.first().copied());
        }
        let known: Vec<&str> = self.variables.names().collect();
        let near = did_you_mean(name, known.iter().copied());
        let message = match (near, known.is_empty()) {
            (Some(near), _) => format!("there is no variable \"{name}\"; did you mean \"{near}\"?"),
            (None, true) => format!("there is no variable \"{name}\"; no variables are declared here"),
            (None, false) => format!("there is no variable \"{name}\"; there are {}", known.join(", ")),
        };
        self.error(K::UnknownVariable, position, message).suggest(near)
    }

    fn truths(&mut self, operands: &[Expr], operator: &str) -> Result<Vec<Expression>, RuleError> {
        operands.iter().map(|operand| self.truth(operand, operator)).collect()
    }

    fn truth(&mut self, operand: &Expr, operator: &str) -> Result<Expression, RuleError> {
        let (lowered, kind) = self.lower(operand)?;
        if kind == Kind::Bool {
            return Ok(lowered);
        }
        let message = format!("\"{operator}\" takes true or false, but {}", is(operand, kind));
        Err(self.error(K::WrongType, start(operand), message))
    }

    fn operator_or_call(&mut self, call: &FnCallExpr, position: Position) -> Result<Typed, RuleError> {
        let operator = call.name.as_str();
        if operator.starts_with(|c: char| c.is_alphabetic() || c == '_') {
            return self.call(call, None, position);
        }
        match (&call.args[..], arithmetic(operator), comparison(operator)) {
            ([operand], ..) => self.unary(operator, operand, position),
            ([left, right], Some(operation), _) => self.arithmetic(operation, operator, left, right),
            ([left, right], _, Some(comparison)) => self.comparison(comparison, left, right, position),
            _ => {
                let meant = match operator {
                    "&" => Some("&&"),
                    "|" => Some("||"),
                    _ => None,
                };
                let hint = meant.map(|m| format!("; did you mean \"{m}\"?")).unwrap_or_default();
                let message = format!("a rule has no \"{operator}\"{hint}");
                Err(self.error(K::Forbidden, position, message).suggest(meant))
            }
        }
    }

    fn unary(&mut self, operator: &str, operand: &Expr, position: Position) -> Result<Typed, RuleError> {
        match operator {
            "!" => Ok((Expression::Not(Box::new(self.truth(operand, "!")?)), Kind::Bool)),
            "-" => {
                let (lowered, kind) = self.number(operand, "-")?;
                Ok((Expression::Negate(Box::new(lowered)), kind))
            }
            "+" => self.number(operand, "+"),
            other => Err(self.error(K::Forbidden, position, format!("a rule has no \"{other}\""))),
        }
    }

    fn number(&mut self, operand: &Expr, operator: &str) -> Result<Typed, RuleError> {
        let (lowered, kind) = self.lower(operand)?;
        if kind.is_number() {
            return Ok((lowered, kind));
        }
        let message = format!("\"{operator}\" takes numbers, but {}", is(operand, kind));
        Err(self.error(K::WrongType, start(operand), message))
    }

    fn arithmetic(
        &mut self,
        operation: Arithmetic,
        operator: &str,
        left: &Expr,
        right: &Expr,
    ) -> Result<Typed, RuleError> {
        let (left, right, kind) = same_kind(self.number(left, operator)?, self.number(right, operator)?);
        Ok((Expression::Arithmetic(operation, Box::new(left), Box::new(right)), kind))
    }

    fn comparison(
        &mut self,
        comparison: Comparison,
        left: &Expr,
        right: &Expr,
        position: Position,
    ) -> Result<Typed, RuleError> {
        let (a, b) = (self.lower(left)?, self.lower(right)?);
        let equality = matches!(comparison, Comparison::Equal | Comparison::NotEqual);
        let comparable = (a.1 == b.1 && (a.1 != Kind::Bool || equality)) || (a.1.is_number() && b.1.is_number());
        if !comparable {
            let message = match (a.1, b.1) {
                (Kind::Bool, Kind::Bool) => "true and false have no order".to_owned(),
                (a, b) => format!("{}, but {}; they cannot be compared", is(left, a), is(right, b)),
            };
            return Err(self.error(K::WrongType, position, message));
        }
        let (a, b, _) = same_kind(a, b);
        Ok((Expression::Compare(comparison, Box::new(a), Box::new(b)), Kind::Bool))
    }

    /// A call of a function; called as a method, `receiver` is its first argument.
    fn call(
        &mut self,
        call: &FnCallExpr,
        receiver: Option<(Typed, &Expr)>,
        position: Position,
    ) -> Result<Typed, RuleError> {
        let Some(signature) = functions::find(&call.name) else {
            return Err(self.unknown_function(&call.name, position));
        };
        let mut arguments: Vec<(Typed, &Expr)> = receiver.into_iter().collect();
        for argument in &call.args {
            arguments.push((self.lower(argument)?, argument));
        }
        if arguments.len() != signature.parameters.len() {
            let message = format!(
                "{} takes {} argument{}, not {}",
                signature.name,
                signature.parameters.len(),
                if signature.parameters.len() == 1 { "" } else { "s" },
                arguments.len()
            );
            return Err(self.error(K::WrongType, position, message));
        }
        for ((typed, source), parameter) in arguments.iter().zip(signature.parameters) {
            if typed.1 != *parameter && !(typed.1.is_number() && parameter.is_number()) {
                let message = format!("{} takes {}, but {}", signature.name, parameter.describe(), is(source, typed.1));
                return Err(self.error(K::WrongType, start(source), message));
            }
        }
        Ok(apply(signature, arguments.into_iter().map(|(typed, _)| typed).collect()))
    }

    fn unknown_function(&self, name: &str, position: Position) -> RuleError {
        let near = did_you_mean(name, FUNCTIONS.iter().map(|f| f.name));
        let message = if let Some(near) = near {
            format!("there is no function \"{name}\"; did you mean \"{near}\"?")
        } else {
            let all: Vec<&str> = FUNCTIONS.iter().map(|f| f.name).collect();
            format!("there is no function \"{name}\"; there are {}", all.join(", "))
        };
        self.error(K::UnknownFunction, position, message).suggest(near)
    }
}

fn apply(signature: &Signature, arguments: Vec<Typed>) -> Typed {
    let all_integers = arguments.iter().all(|(_, kind)| *kind == Kind::Integer);
    let keep = signature.keeps_integers && all_integers;
    let lowered = arguments.into_iter().map(|typed| if keep { typed.0 } else { to_number(typed) }).collect();
    let result = if keep { Kind::Integer } else { signature.result };
    (Expression::Call(signature.function, lowered), result)
}

/// Both operands as numbers when one of them is, and their common kind.
fn same_kind(left: Typed, right: Typed) -> (Expression, Expression, Kind) {
    if left.1 == right.1 {
        return (left.0, right.0, left.1);
    }
    (to_number(left), to_number(right), Kind::Number)
}

fn to_number((expression, kind): Typed) -> Expression {
    if kind == Kind::Integer { Expression::ToNumber(Box::new(expression)) } else { expression }
}

/// `quality is a number`, in the words of the rule where they are short.
fn is(operand: &Expr, kind: Kind) -> String {
    let what = match operand {
        Expr::IntegerConstant(number, _) => number.to_string(),
        Expr::FloatConstant(number, _) => number.to_string(),
        Expr::StringConstant(text, _) if text.len() <= 40 => format!("\"{text}\""),
        Expr::BoolConstant(truth, _) => truth.to_string(),
        other => dotted_name(other).unwrap_or_else(|| "this".to_owned()),
    };
    format!("{what} is {}", kind.describe())
}

/// The name that a chain of dots is, if it is one.
fn dotted_name(expression: &Expr) -> Option<String> {
    let mut steps = Vec::new();
    flatten(expression, &mut steps).ok()?;
    let part = |step: &&Expr| match step {
        Expr::Variable(variable, ..) => Some(variable.1.to_string()),
        Expr::Property(property, _) => Some(property.2.to_string()),
        _ => None,
    };
    let parts: Option<Vec<String>> = steps.iter().map(part).collect();
    parts.map(|parts| parts.join("."))
}

/// Where `expression` begins; rhai places an operation at its operator.
fn start(expression: &Expr) -> Position {
    match expression {
        Expr::FnCall(call, position) if call.op_token.is_some() && call.args.len() == 2 => {
            call.args.first().map_or(*position, start)
        }
        Expr::And(operands, position) | Expr::Or(operands, position) | Expr::Coalesce(operands, position) => {
            operands.first().map_or(*position, start)
        }
        Expr::Dot(pair, ..) => start(&pair.lhs),
        other => other.position(),
    }
}

/// The steps of a chain of dots, or the place of a `?.`.
fn flatten<'e>(expression: &'e Expr, steps: &mut Vec<&'e Expr>) -> Result<(), Position> {
    let Expr::Dot(pair, flags, position) = expression else {
        steps.push(expression);
        return Ok(());
    };
    if flags.intersects(ASTFlags::NEGATED) {
        return Err(*position);
    }
    flatten(&pair.lhs, steps)?;
    flatten(&pair.rhs, steps)
}

fn arithmetic(operator: &str) -> Option<Arithmetic> {
    Some(match operator {
        "+" => Arithmetic::Add,
        "-" => Arithmetic::Subtract,
        "*" => Arithmetic::Multiply,
        "/" => Arithmetic::Divide,
        "%" => Arithmetic::Remainder,
        "**" => Arithmetic::Power,
        _ => return None,
    })
}

fn comparison(operator: &str) -> Option<Comparison> {
    Some(match operator {
        "==" => Comparison::Equal,
        "!=" => Comparison::NotEqual,
        "<" => Comparison::Less,
        "<=" => Comparison::LessOrEqual,
        ">" => Comparison::Greater,
        ">=" => Comparison::GreaterOrEqual,
        _ => return None,
    })
}
