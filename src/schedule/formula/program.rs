//! Formulas as short programs for a stack machine, called at every update.

use crate::schedule::Point;

/// Values that wait at most: deeper formulas are refused, so that no call ever allocates.
pub(crate) const STACK: usize = 32;

/// One step of the machine: pushes a value, or replaces the topmost ones by a result.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Op {
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
pub(crate) enum Variable {
    Update,
    Step,
    Share,
    Length,
    Horizon,
    Epoch,
    Base,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Function {
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

pub(crate) const VARIABLES: [(&str, Variable); 7] = [
    ("t", Variable::Update),
    ("u", Variable::Step),
    ("p", Variable::Share),
    ("D", Variable::Length),
    ("T", Variable::Horizon),
    ("epoch", Variable::Epoch),
    ("base", Variable::Base),
];

pub(crate) const FUNCTIONS: [(&str, Function); 9] = [
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

/// Runs a program and returns its value at a point.
pub(crate) fn run(program: &[Op], x: &Point) -> f64 {
    let mut stack = [0.0; STACK];
    let mut top = 0;
    for op in program {
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
