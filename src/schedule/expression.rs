//! Formulas in text: read once into a short program for a stack machine, then called at every update.
//!
//! ```text
//! sum     = product (("+" | "-") product)*
//! product = sign (("*" | "/") sign)*
//! sign    = "-" sign | power
//! power   = atom (("^" | "**") sign)?            -2^2 is -4, 2^3^2 is 2^9
//! atom    = number | name | function "(" sum ("," sum)* ")" | "(" sum ")"
//! ```

use std::{borrow::Cow, f64::consts::PI, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::{error::nearest, schedule::Point};

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
    what: String,
    column: usize,
    text: String,
    hint: String,
}

/// Values that wait at most: deeper formulas are refused, so that no call ever allocates.
const STACK: usize = 32;

/// One step of the machine: pushes a value, or replaces the topmost ones by a result.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Op {
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
enum Variable {
    Update,
    Step,
    Share,
    Length,
    Horizon,
    Epoch,
    Base,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Function {
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

const VARIABLES: [(&str, Variable); 7] = [
    ("t", Variable::Update),
    ("u", Variable::Step),
    ("p", Variable::Share),
    ("D", Variable::Length),
    ("T", Variable::Horizon),
    ("epoch", Variable::Epoch),
    ("base", Variable::Base),
];

const FUNCTIONS: [(&str, Function); 9] = [
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
    fn takes_two(self) -> bool {
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

/// Reads a text from left to right, one rule of the grammar a method.
struct Parser<'a> {
    text: &'a str,
    at: usize,
    program: Vec<Op>,
    /// Values on the stack so far, and rules inside rules.
    waiting: usize,
    depth: usize,
}

type Parsed = Result<(), ExpressionError>;

impl std::str::FromStr for Expression {
    type Err = ExpressionError;

    fn from_str(text: &str) -> Result<Self, ExpressionError> {
        let mut parser = Parser {
            text,
            at: 0,
            program: Vec::new(),
            waiting: 0,
            depth: 0,
        };
        parser.sum()?;
        if parser.peek().is_some() {
            return Err(parser.unexpected("the formula could end here"));
        }
        Ok(Self {
            text: text.into(),
            program: parser.program,
        })
    }
}

impl Parser<'_> {
    fn sum(&mut self) -> Parsed {
        self.depth += 1;
        if self.depth > STACK {
            return Err(self.too_deep());
        }
        self.product()?;
        loop {
            let op = match self.peek() {
                Some('+') => Op::Add,
                Some('-') => Op::Subtract,
                _ => break,
            };
            self.at += 1;
            self.product()?;
            self.join(op);
        }
        self.depth -= 1;
        Ok(())
    }

    fn product(&mut self) -> Parsed {
        self.sign()?;
        loop {
            let op = match self.peek() {
                Some('*') => Op::Multiply,
                Some('/') => Op::Divide,
                _ => return Ok(()),
            };
            self.at += 1;
            self.sign()?;
            self.join(op);
        }
    }

    fn sign(&mut self) -> Parsed {
        if self.take("-") {
            self.depth += 1;
            if self.depth > STACK {
                return Err(self.too_deep());
            }
            self.sign()?;
            self.program.push(Op::Negate);
            self.depth -= 1;
            return Ok(());
        }
        self.power()
    }

    fn power(&mut self) -> Parsed {
        self.atom()?;
        if self.take("^") || self.take("**") {
            self.depth += 1;
            self.sign()?;
            self.join(Op::Power);
            self.depth -= 1;
        }
        Ok(())
    }

    fn atom(&mut self) -> Parsed {
        match self.peek() {
            Some('(') => {
                self.at += 1;
                self.sum()?;
                self.close()
            }
            Some(c) if c.is_ascii_digit() || c == '.' => self.number(),
            Some(c) if c.is_alphabetic() || c == '_' => self.name(),
            _ => Err(self.unexpected("a number, a name or `(` belongs here")),
        }
    }

    fn number(&mut self) -> Parsed {
        let rest = &self.text[self.at..];
        let digits = |s: &str| s.find(|c: char| !c.is_ascii_digit()).unwrap_or(s.len());
        let mut end = digits(rest);
        if rest[end..].starts_with('.') {
            end += 1 + digits(&rest[end + 1..]);
        }
        if rest[end..].starts_with(['e', 'E']) {
            let sign = usize::from(rest[end + 1..].starts_with(['+', '-']));
            let exponent = digits(&rest[end + 1 + sign..]);
            end += if exponent > 0 { 1 + sign + exponent } else { 0 };
        }
        match rest[..end].parse::<f64>() {
            Ok(number) if number.is_finite() => {
                self.push(Op::Number(number))?;
                self.at += end;
                Ok(())
            }
            _ => Err(self.error(
                format!("`{}` is no number", &rest[..end]),
                "for example 0.5 or 1e-6",
            )),
        }
    }

    fn name(&mut self) -> Parsed {
        let rest = &self.text[self.at..];
        let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_'));
        let name = &rest[..end.unwrap_or(rest.len())];
        if let Some((_, function)) = FUNCTIONS.iter().find(|(known, _)| *known == name) {
            return self.call(name, *function);
        }
        let variable = VARIABLES.iter().find(|(known, _)| *known == name);
        let op = match variable {
            Some((_, variable)) => Op::Variable(*variable),
            None if name == "pi" => Op::Number(PI),
            None => return Err(self.unknown(name)),
        };
        self.push(op)?;
        self.at += name.len();
        Ok(())
    }

    fn call(&mut self, name: &str, function: Function) -> Parsed {
        let start = self.at;
        self.at += name.len();
        if !self.take("(") {
            return Err(self.unexpected(&format!("`{name}` takes its argument in brackets")));
        }
        self.sum()?;
        let mut count = 1;
        while self.take(",") {
            self.sum()?;
            count += 1;
            if function.takes_two() {
                self.join(Op::Call(function));
            }
        }
        self.close()?;
        if (count > 1) != function.takes_two() {
            self.at = start;
            let takes = if function.takes_two() {
                "two or more"
            } else {
                "one"
            };
            return Err(self.error(
                format!("`{name}` takes {takes}, and has {count}"),
                "arguments are separated by commas",
            ));
        }
        if !function.takes_two() {
            self.program.push(Op::Call(function));
        }
        Ok(())
    }

    fn close(&mut self) -> Parsed {
        if self.take(")") {
            return Ok(());
        }
        Err(self.unexpected("a bracket is still open: `)` belongs here"))
    }

    /// Puts an operation that pushes a value.
    fn push(&mut self, op: Op) -> Parsed {
        self.waiting += 1;
        if self.waiting > STACK {
            return Err(self.too_deep());
        }
        self.program.push(op);
        Ok(())
    }

    /// Puts an operation that makes one value of two.
    fn join(&mut self, op: Op) {
        self.waiting -= 1;
        self.program.push(op);
    }

    /// The next character that is no space.
    fn peek(&mut self) -> Option<char> {
        let rest = &self.text[self.at..];
        self.at += rest.len() - rest.trim_start().len();
        self.text[self.at..].chars().next()
    }

    fn take(&mut self, token: &str) -> bool {
        self.peek();
        let found = self.text[self.at..].starts_with(token);
        self.at += if found { token.len() } else { 0 };
        found
    }

    fn error(&self, what: String, hint: &str) -> ExpressionError {
        ExpressionError {
            what,
            column: self.text[..self.at].chars().count() + 1,
            text: self.text.into(),
            hint: hint.into(),
        }
    }

    fn unexpected(&mut self, hint: &str) -> ExpressionError {
        match self.peek() {
            Some(c) => self.error(format!("unexpected `{c}`"), hint),
            None => self.error("the formula ends too early".into(), hint),
        }
    }

    fn too_deep(&self) -> ExpressionError {
        self.error(
            format!("the formula is more than {STACK} levels deep"),
            "use fewer brackets",
        )
    }

    fn unknown(&self, name: &str) -> ExpressionError {
        let variables = VARIABLES.iter().map(|(name, _)| *name);
        let functions = FUNCTIONS.iter().map(|(name, _)| *name);
        let known: Vec<&str> = variables.chain(["pi"]).chain(functions).collect();
        let hint = match nearest(name, known.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("the names are {}", known.join(", ")),
        };
        self.error(format!("unknown name `{name}`"), &hint)
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
