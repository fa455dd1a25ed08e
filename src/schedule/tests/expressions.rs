//! Formulas: their values by Rust's own arithmetic, and where they are wrong.

use crate::schedule::{Expression, Point, Scale};

const POINT: Point = Point {
    u: 3.0,
    p: 0.3,
    length: 10.0,
    t: 13.0,
    epoch: 2.6,
    horizon: 100.0,
    from: 1.0,
    to: 0.0,
    scale: Scale {
        base: 0.05,
        ..Scale::FACTOR
    },
    followed: 1.0,
    state: 1.0,
};

fn value(text: &str) -> f64 {
    let expression: Expression = text.parse().expect(text);
    expression.at(&POINT)
}

fn error(text: &str) -> String {
    match text.parse::<Expression>() {
        Ok(_) => panic!("`{text}` is a formula"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn operators_bind_as_in_python() {
    for (text, expected) in [
        ("1 + 2 * 3 - 4 / 8", 6.5),
        ("(1 + 2) * (3 - 4) / 8", -0.375),
        ("10 - 4 - 3", 3.0),
        ("16 / 4 / 2", 2.0),
        ("2 ^ 3 ^ 2", 512.0),
        ("2**3**2", 512.0),
        ("-2 ^ 2", -4.0),
        ("2 ^ -1", 0.5),
        ("--2", 2.0),
        ("2 * -3", -6.0),
        ("1e-2 + .5 + 2. + 1E+1", 12.51),
        (" ( ( 7 ) ) ", 7.0),
    ] {
        assert_eq!(value(text), expected, "{text}");
    }
}

#[test]
fn names_are_those_of_the_point() {
    let all = value("t*1e6 + T*1e3 + u + p/10 + D*10 + epoch/1000 + base/1e6");
    assert_eq!(
        all,
        13.0 * 1e6 + 100.0 * 1e3 + 3.0 + 0.3 / 10.0 + 10.0 * 10.0 + 2.6 / 1000.0 + 0.05 / 1e6
    );
}

#[test]
fn functions_are_the_usual_ones() {
    let close = |text: &str, expected: f64| {
        let value = value(text);
        assert!((value - expected).abs() < 1e-15, "{text}: {value}");
    };
    close("cos(pi * p)", (std::f64::consts::PI * 0.3).cos());
    close("sin(1)", 1f64.sin());
    close("exp(-u / D)", (-0.3f64).exp());
    close("ln(T) / ln(10)", 2.0);
    close("sqrt(2)", 2f64.sqrt());
    close("floor(epoch) + floor(-0.5)", 1.0);
    close("abs(-2.5)", 2.5);
    close("min(3, 1, 2) + max(p, 0.2)", 1.3);
    close("max(min(u/5, 1), 1 - p)", 0.7);
}

#[test]
fn what_has_no_value_is_nan() {
    for text in [
        "ln(-1)",
        "sqrt(-1)",
        "0/0",
        "(-8)^(1/3)",
        "min(1, ln(-1))",
        "max(sqrt(-1), 1)",
    ] {
        assert!(value(text).is_nan(), "{text}");
    }
}

#[test]
fn faults_have_a_column_and_a_remedy() {
    for (text, message) in [
        (
            "",
            "the formula ends too early at column 1 of ``; hint: a number, a name or `(` belongs here",
        ),
        (
            "1 + ",
            "the formula ends too early at column 5 of `1 + `; hint: a number, a name or `(` belongs here",
        ),
        (
            "0.5 * (1 + cos(pi * p)",
            "the formula ends too early at column 23 of `0.5 * (1 + cos(pi * p)`; hint: a bracket is still open: `)` belongs here",
        ),
        (
            "1 - p)",
            "unexpected `)` at column 6 of `1 - p)`; hint: the formula could end here",
        ),
        (
            "2 u",
            "unexpected `u` at column 3 of `2 u`; hint: the formula could end here",
        ),
        (
            "1 - steps",
            "unknown name `steps` at column 5 of `1 - steps`; hint: the names are t, u, p, D, T, epoch, base, pi, cos, sin, exp, ln, sqrt, floor, abs, min, max",
        ),
        (
            "1 - sqr(p)",
            "unknown name `sqr` at column 5 of `1 - sqr(p)`; hint: did you mean `sqrt`?",
        ),
        (
            "cos + 1",
            "unexpected `+` at column 5 of `cos + 1`; hint: `cos` takes its argument in brackets",
        ),
        (
            "cos(p, 1)",
            "`cos` takes one, and has 2 at column 1 of `cos(p, 1)`; hint: arguments are separated by commas",
        ),
        (
            "1 + min(p)",
            "`min` takes two or more, and has 1 at column 5 of `1 + min(p)`; hint: arguments are separated by commas",
        ),
        (
            "1 + . 2",
            "`.` is no number at column 5 of `1 + . 2`; hint: for example 0.5 or 1e-6",
        ),
        (
            "1e999",
            "`1e999` is no number at column 1 of `1e999`; hint: for example 0.5 or 1e-6",
        ),
    ] {
        assert_eq!(error(text), message, "{text}");
    }
    assert!(error("α").starts_with("unknown name `α` at column 1"));
    assert!(error("p × 2").starts_with("unexpected `×` at column 3"));
}

#[test]
fn no_text_is_too_deep_or_too_long_to_read() {
    let deep = |open: &str, close: &str| open.repeat(100_000) + "1" + &close.repeat(100_000);
    for text in [
        deep("(", ")"),
        deep("-", ""),
        deep("2^", ""),
        deep("2^-", ""),
        deep("cos(", ")"),
        deep("1+(", ")"),
    ] {
        assert!(error(&text).contains("levels deep"), "{}", &text[..20]);
    }
    assert_eq!(value(&("1+".repeat(100_000) + "1")), 100_001.0);
    assert_eq!(value(&("2*".repeat(50) + "1")), 2f64.powi(50));
    assert_eq!(value(&("(".repeat(30) + "1" + &")".repeat(30))), 1.0);
}

#[test]
fn random_texts_never_panic() {
    let stream = crate::rng::Stream::new(5, crate::rng::Purpose::Sample, "formulas");
    let tokens = [
        "1", "u", "p", "(", ")", "+", "-", "*", "/", "^", "**", ",", "cos", "min(", ".", "e", " ",
        "é", "2e", "ln(",
    ];
    let mut sound = 0;
    for round in 0..20_000 {
        let count = 1 + stream.below(9, round, 0, 0) as u64;
        let token = |i| tokens[stream.below(tokens.len() as u32, round, 1, i) as usize];
        let text: String = (0..count).map(token).collect();
        if let Ok(expression) = text.parse::<Expression>() {
            let _ = expression.at(&POINT);
            sound += 1;
        }
    }
    assert!(sound > 300, "{sound} of the texts are formulas");
}
