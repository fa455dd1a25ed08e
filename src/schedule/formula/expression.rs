//! Formulas in text: read once into a short program for a stack machine, then called at every update.

use std::{borrow::Cow, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::{
    parser::{ExpressionError, Parser},
    program::{Op, run},
};
use crate::schedule::Point;

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

impl Expression {
    /// The value at a point.
    #[must_use]
    pub fn at(&self, x: &Point) -> f64 {
        run(&self.program, x)
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
