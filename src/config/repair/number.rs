//! Numbers in the forms of other languages, as TOML.

use super::{Repair, is_value, repair};

/// A number as TOML, whatever form it has: `.5`, `5.`, `1,5`, `1e-3f`, `10^-3`, `1/255`, `007`.
pub(in crate::config) fn number(written: &str) -> Option<Repair> {
    let text = written.trim().replace(['−', '–'], "-");
    let parts: [fn(&str) -> Option<Repair>; 5] =
        [digits, arithmetic, suffix, decimal_comma, groups];
    let found = parts.iter().filter_map(|part| part(&text));
    found.into_iter().find(|repair| is_value(&repair.text))
}

pub(super) fn numeric(written: &str) -> Option<Repair> {
    number(written)
}

/// A point or an exponent without digits around it, zeros in front.
fn digits(text: &str) -> Option<Repair> {
    let (sign, size) = match text.strip_prefix(['-', '+']) {
        Some(size) => (text[..1].trim_start_matches('+'), size),
        None => ("", text),
    };
    let is_number = |c: char| c.is_ascii_digit() || ".eE+-_".contains(c);
    let is_plain = size.contains(|c: char| c.is_ascii_digit()) && size.chars().all(is_number);
    size.replace('_', "")
        .parse::<f64>()
        .ok()
        .filter(|_| is_plain)?;
    let (mantissa, exponent) = match size.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, format!("e{exponent}")),
        None => (size, String::new()),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, format!(".{}", or_zero(fraction))),
        None => (mantissa, String::new()),
    };
    let whole = or_zero(whole.trim_start_matches(['0', '_']));
    let why = match mantissa.starts_with('0') {
        true => "a number has no zeros in front",
        false => "a number has digits on both sides of its point",
    };
    repair(why, format!("{sign}{whole}{fraction}{exponent}"))
}

fn or_zero(digits: &str) -> &str {
    if digits.is_empty() { "0" } else { digits }
}

/// `10^-3`, `2**10`, `1/255`, `3 * 4`.
fn arithmetic(text: &str) -> Option<Repair> {
    let signs = [("**", '^'), ("^", '^'), ("*", '*'), ("/", '/')];
    let (sign, operation) = signs.into_iter().find(|(sign, _)| text.contains(sign))?;
    let (left, right) = text.split_once(sign)?;
    let number = |text: &str| {
        text.trim()
            .trim_matches(['(', ')', '{', '}'])
            .parse::<f64>()
            .ok()
    };
    let (left, right) = (number(left)?, number(right)?);
    if operation == '^' && left == 10.0 {
        return repair("a power of ten is written with `e`", format!("1e{right}"));
    }
    let result = match operation {
        '^' => left.powf(right),
        '*' => left * right,
        _ => left / right,
    };
    let why = "a value is a number, not a calculation";
    result.is_finite().then(|| repair(why, plain(result)))?
}

/// A share of one as a percentage: `7%` for 0.07.
pub(in crate::config) fn percent(share: f64) -> String {
    // The product of 0.07 and 100 is not 7.
    format!("{}%", plain((share * 1e11).round() / 1e9))
}

/// A number without a point where it is whole.
pub(in crate::config) fn plain(number: f64) -> String {
    match number.abs() {
        size if size != 0.0 && !(1e-4..1e15).contains(&size) => format!("{number:e}"),
        _ => number.to_string(),
    }
}

/// `1e-3f`, `1.0f32`, `10L`.
fn suffix(text: &str) -> Option<Repair> {
    let number = text.trim_end_matches(|c: char| c.is_ascii_digit());
    let number = if number.ends_with(['f', 'F']) {
        number
    } else {
        text
    };
    let number = number.strip_suffix(['f', 'F', 'd', 'D', 'l', 'L'])?;
    let is_number =
        number.parse::<f64>().is_ok() && number.ends_with(|c: char| c.is_ascii_digit() || c == '.');
    let why = "a number has no letter behind it";
    is_number.then(|| digits(number).map(|found| Repair { why, ..found }))?
}

/// `1,5` and `0,001`; `1,000` could be a thousand, too.
fn decimal_comma(text: &str) -> Option<Repair> {
    let (whole, fraction) = text.split_once(',')?;
    let are_digits = |text: &str| text.chars().all(|c| c.is_ascii_digit());
    let size = whole.trim_start_matches(['-', '+']);
    let is_thousand = fraction.len() == 3 && !matches!(size, "" | "0");
    let mantissa = fraction.split(['e', 'E']).next().unwrap_or_default();
    let is_decimal = are_digits(size) && are_digits(mantissa) && !mantissa.is_empty();
    let why = "decimals follow a point, not a comma";
    (is_decimal && !is_thousand).then(|| {
        let found = digits(&text.replace(',', "."));
        found.map(|found| Repair { why, ..found })
    })?
}

/// `1'000`, `1 000`, `1,000,000`.
fn groups(text: &str) -> Option<Repair> {
    let parts: Vec<&str> = text.split(['\'', ' ', ',', '\u{a0}', '\u{202f}']).collect();
    let are_digits = |text: &&str| text.chars().all(|c| c.is_ascii_digit());
    let (first, rest) = parts.split_first()?;
    let is_first = (1..=3).contains(&first.len()) && are_digits(first) && !first.starts_with('0');
    let are_groups =
        !rest.is_empty() && rest.iter().all(|part| part.len() == 3 && are_digits(part));
    let why = "digits are grouped with `_`";
    (is_first && are_groups).then(|| repair(why, parts.join("_")))?
}
