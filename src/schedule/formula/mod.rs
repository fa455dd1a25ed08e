//! Formulas that users write in a config, as `expr` reads them.
//!
//! `parser` turns the text into a `program`, which runs at every update without allocating;
//! [`Expression`] is the text and its program together.

mod expression;
mod parser;
mod program;

pub use expression::Expression;
pub use parser::ExpressionError;
