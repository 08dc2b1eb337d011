//! The functions that rules may call: a closed list.

use super::{
    expression::Function,
    variables::Kind::{self, Bool, Integer, Number, Text},
};

/// How a function is called and what it gives.
pub(super) struct Signature {
    pub(super) name: &'static str,
    pub(super) function: Function,
    /// The kinds of its arguments. An integer is taken for a number, too.
    pub(super) parameters: &'static [Kind],
    pub(super) result: Kind,
    /// Whether it gives an integer when all its arguments are integers.
    pub(super) keeps_integers: bool,
}

/// All functions, in the order of the manual.
pub(super) const FUNCTIONS: [Signature; 10] = [
    keeping("abs", Function::Abs, &[Number]),
    keeping("min", Function::Min, &[Number, Number]),
    keeping("max", Function::Max, &[Number, Number]),
    plain("floor", Function::Floor, &[Number], Number),
    plain("ceiling", Function::Ceiling, &[Number], Number),
    plain("round", Function::Round, &[Number], Number),
    plain("len", Function::Len, &[Text], Integer),
    plain("contains", Function::Contains, &[Text, Text], Bool),
    plain("starts_with", Function::StartsWith, &[Text, Text], Bool),
    plain("ends_with", Function::EndsWith, &[Text, Text], Bool),
];

const fn plain(name: &'static str, function: Function, parameters: &'static [Kind], result: Kind) -> Signature {
    Signature { name, function, parameters, result, keeps_integers: false }
}

const fn keeping(name: &'static str, function: Function, parameters: &'static [Kind]) -> Signature {
    Signature { name, function, parameters, result: Number, keeps_integers: true }
}

pub(super) fn find(name: &str) -> Option<&'static Signature> {
    FUNCTIONS.iter().find(|signature| signature.name == name)
}
