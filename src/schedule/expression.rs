//! Formulas in text: read once into a short program for a stack machine, then called at every update.

use std::{borrow::Cow, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::schedule::{Point, grammar::Parser};

/// A formula over a [`Point`]; its value is NaN where it has none.
///
/// ```
/// use trainer::schedule::Expression;
/// assert!("0.5 * (1 + cos(pi * p))".parse::<Expression>().is_ok());
/// let error = "1 - epohc/10".parse::<Expression>().unwrap_err();
/// assert_eq!(error.to_string(), "unknown name `epohc` at column 5 of `1 - epohc/10`; hint: did you mean `epoch`?");
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Expression {
    text: String,
    program: Vec<Op>,
}

/// Why a text is no formula: what is wrong, at which column (from 1), and a remedy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} at column {column} of `{text}`; hint: {hint}")]
pub struct ExpressionError {
    pub(super) what: String,
    pub(super) column: usize,
    pub(super) text: String,
    pub(super) hint: String,
}

/// Values that wait at most: deeper formulas are refused, so that no call ever allocates.
pub(super) const STACK: usize = 32;

/// One step of the machine: pushes a value, or replaces the topmost ones by a result.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Op {
    Number(f64),
    Variable(Variable),
    Negate,
    Add,
    Subtract,
    Multiply,
    Divide,
    Power,
    Call(Function),
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Variable {
    Update,
    Step,
    Share,
    Length,
    Horizon,
    Epoch,
    Base,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Function {
    Cos,
    Sin,
    Exp,
    Ln,
    Sqrt,
    Floor,
    Abs,
    Min,
    Max,
}

pub(super) const VARIABLES: [(&str, Variable); 7] = [
    ("t", Variable::Update),
    ("u", Variable::Step),
    ("p", Variable::Share),
    ("D", Variable::Length),
    ("T", Variable::Horizon),
    ("epoch", Variable::Epoch),
    ("base", Variable::Base),
];

pub(super) const FUNCTIONS: [(&str, Function); 9] = [
    ("cos", Function::Cos),
    ("sin", Function::Sin),
    ("exp", Function::Exp),
    ("ln", Function::Ln),
    ("sqrt", Function::Sqrt),
    ("floor", Function::Floor),
    ("abs", Function::Abs),
    ("min", Function::Min),
    ("max", Function::Max),
];

impl Expression {
    /// The value at a point.
    #[must_use]
    pub fn at(&self, x: &Point) -> f64 {
        let mut stack = [0.0; STACK];
        let mut top = 0;
        for op in &self.program {
            match *op {
                Op::Number(number) => {
                    stack[top] = number;
                    top += 1;
                }
                Op::Variable(variable) => {
                    stack[top] = variable.of(x);
                    top += 1;
                }
                Op::Negate => stack[top - 1] = -stack[top - 1],
                Op::Call(function) if !function.takes_two() => {
                    stack[top - 1] = function.of(stack[top - 1], 0.0);
                }
                two => {
                    top -= 1;
                    stack[top - 1] = two.of(stack[top - 1], stack[top]);
                }
            }
        }
        stack[0]
    }
}

impl Op {
    /// The result of an operation on two values.
    fn of(self, a: f64, b: f64) -> f64 {
        match self {
            Self::Add => a + b,
            Self::Subtract => a - b,
            Self::Multiply => a * b,
            Self::Divide => a / b,
            Self::Power => libm::pow(a, b),
            Self::Call(function) => function.of(a, b),
            Self::Number(_) | Self::Variable(_) | Self::Negate => f64::NAN,
        }
    }
}

impl Variable {
    fn of(self, x: &Point) -> f64 {
        match self {
            Self::Update => x.t,
            Self::Step => x.u,
            Self::Share => x.p,
            Self::Length => x.length,
            Self::Horizon => x.horizon,
            Self::Epoch => x.epoch,
            Self::Base => x.scale.base,
        }
    }
}

impl Function {
    pub fn takes_two(self) -> bool {
        matches!(self, Self::Min | Self::Max)
    }

    /// NaN goes through all of them, `min` and `max` too.
    fn of(self, a: f64, b: f64) -> f64 {
        match self {
            Self::Cos => libm::cos(a),
            Self::Sin => libm::sin(a),
            Self::Exp => libm::exp(a),
            Self::Ln => libm::log(a),
            Self::Sqrt => libm::sqrt(a),
            Self::Floor => a.floor(),
            Self::Abs => a.abs(),
            Self::Min | Self::Max if a.is_nan() || b.is_nan() => f64::NAN,
            Self::Min => a.min(b),
            Self::Max => a.max(b),
        }
    }
}

impl std::str::FromStr for Expression {
    type Err = ExpressionError;

    fn from_str(text: &str) -> Result<Self, ExpressionError> {
        let program = Parser::new(text).read()?;
        let text = text.into();
        Ok(Self { text, program })
    }
}

impl TryFrom<String> for Expression {
    type Error = ExpressionError;

    fn try_from(text: String) -> Result<Self, ExpressionError> {
        text.parse()
    }
}

impl From<Expression> for String {
    fn from(expression: Expression) -> Self {
        expression.text
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl JsonSchema for Expression {
    fn schema_name() -> Cow<'static, str> {
        "Expression".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "minLength": 1 })
    }
}
