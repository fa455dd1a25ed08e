//! The grammar of formulas: from text to a program.
//!
//! ```text
//! sum     = product (("+" | "-") product)*
//! product = sign (("*" | "/") sign)*
//! sign    = "-" sign | power
//! power   = atom (("^" | "**") sign)?            -2^2 is -4, 2^3^2 is 2^9
//! atom    = number | name | function "(" sum ("," sum)* ")" | "(" sum ")"
//! ```

use std::f64::consts::PI;

use super::program::{FUNCTIONS, Function, Op, STACK, VARIABLES};
use crate::suggest::{did_you_mean, nearest};

/// The fault of a text that is no formula: what is wrong, at which column (from 1), and a remedy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} at column {column} of `{text}`; hint: {hint}")]
pub struct ExpressionError {
    what: String,
    column: usize,
    text: String,
    hint: String,
}

/// Reads a text from left to right, one rule of the grammar a method.
pub(crate) struct Parser<'a> {
    text: &'a str,
    at: usize,
    program: Vec<Op>,
    /// Values on the stack so far, and rules inside rules.
    waiting: usize,
    depth: usize,
}

type Parsed = Result<(), ExpressionError>;

impl<'a> Parser<'a> {
    /// At the beginning of a text.
    pub fn new(text: &'a str) -> Self {
        Self {
            text,
            at: 0,
            program: Vec::new(),
            waiting: 0,
            depth: 0,
        }
    }

    /// Returns the program of the whole text.
    pub fn read(mut self) -> Result<Vec<Op>, ExpressionError> {
        self.sum()?;
        match self.peek() {
            Some(_) => Err(self.unexpected("the formula could end here")),
            None => Ok(self.program),
        }
    }

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

    /// Returns the next character that is no space.
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
            Some(near) => did_you_mean(near),
            None => format!("the names are {}", known.join(", ")),
        };
        self.error(format!("unknown name `{name}`"), &hint)
    }
}
