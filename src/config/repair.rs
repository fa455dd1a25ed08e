//! Values and lines that are no TOML, written as TOML: the proposals of hints.
//!
//! People write by the habits of YAML, JSON, Python and word processors. A proposal is made only
//! where it is TOML itself.

use toml::de::DeTable;

/// The meant value as TOML.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Repair {
    /// The rule that was broken.
    pub(super) why: &'static str,
    /// The same as TOML.
    pub(super) text: String,
}

const TEXT: &str = "a text stands in quotes";
const STRAIGHT: &str = "use straight quotes";
const ESCAPES: &str = "in double quotes `\\` begins an escape; use single quotes or `/`";
const COMMENT: &str = "a comment begins with `#`";
const CASE: &str = "names of values are written in lower case";
const MIXED: &str = "enclose a text in the other kind of quotes where it holds one";

/// Quotes of word processors, each with the straight one.
const QUOTES: [(char, char); 10] = [
    ('“', '"'),
    ('”', '"'),
    ('„', '"'),
    ('‟', '"'),
    ('«', '"'),
    ('»', '"'),
    ('‘', '\''),
    ('’', '\''),
    ('‚', '\''),
    ('`', '"'),
];

/// Longest text that is repaired, in bytes: a value may hold others, and each is tried in turn.
const LONGEST: usize = 256;

/// A value as TOML; `None` where nothing is proposed. TOML itself needs no repair.
pub(super) fn value(written: &str) -> Option<Repair> {
    let written = without_remark(written).trim();
    if written.is_empty() || written.len() > LONGEST || has_other_key(written) {
        return None;
    }
    let forms = [
        quotes, remark, comma, escapes, constant, numeric, variable, list, table, mixed, unclosed,
        word,
    ];
    let mut found = forms.iter().filter_map(|form| form(written));
    found.find(|repair| is_value(&repair.text))
}

/// Returns whether a text is a value of TOML.
pub(super) fn is_value(text: &str) -> bool {
    !text.contains('\n') && DeTable::parse(&format!("x = {text}")).is_ok()
}

/// A text in quotes that need no escapes, if there are such.
pub(super) fn quoted(text: &str) -> String {
    let plain = |c: char| c != '"' && c != '\\' && !c.is_control();
    match text {
        _ if text.chars().all(plain) => format!("\"{text}\""),
        _ if !text.contains(|c: char| c == '\'' || c.is_control()) => format!("'{text}'"),
        _ => toml::Value::from(text).to_string(),
    }
}

/// A number as TOML, whatever form it has: `.5`, `5.`, `1,5`, `1e-3f`, `10^-3`, `1/255`, `007`.
pub(super) fn number(written: &str) -> Option<Repair> {
    let text = written.trim().replace(['−', '–'], "-");
    let parts: [fn(&str) -> Option<Repair>; 5] =
        [digits, arithmetic, suffix, decimal_comma, groups];
    let found = parts.iter().filter_map(|part| part(&text));
    found.into_iter().find(|repair| is_value(&repair.text))
}

fn repair(why: &'static str, text: impl Into<String>) -> Option<Repair> {
    let text = text.into();
    Some(Repair { why, text })
}

/// A value that may need repair itself, within one that does.
fn inner(written: &str) -> Option<String> {
    let written = written.trim();
    match is_value(written) {
        true => Some(written.into()),
        false => value(written).map(|repair| repair.text),
    }
}

/// `1 b = 2`: a second key on the line.
fn has_other_key(written: &str) -> bool {
    let is_open = written.starts_with(['{', '"', '\'', '[', '“']);
    !is_open && !written.starts_with('=') && written.contains('=')
}

fn quotes(written: &str) -> Option<Repair> {
    let curly = |c: &char| QUOTES.iter().any(|(odd, _)| odd == c);
    let is_enclosed = written.starts_with(|c| curly(&c)) || written.ends_with(|c| curly(&c));
    let straight = |c: char| {
        let found = QUOTES.iter().find(|(odd, _)| *odd == c);
        found.map_or(c, |(_, straight)| *straight)
    };
    let is_list = written.starts_with(['[', '{']) && written.contains(|c| curly(&c));
    let text: String = written.chars().map(straight).collect();
    (is_enclosed || is_list).then(|| repair(STRAIGHT, inner(&text)?))?
}

/// A remark behind the value: `1 // half`.
fn remark(written: &str) -> Option<Repair> {
    let marks = [" //", " /*", " --", " ;", " %", "\t//"];
    let at = marks.iter().filter_map(|mark| written.find(mark)).min()?;
    let rest = written[at..].trim_start_matches([' ', '\t', '/', '*', '-', ';', '%']);
    let rest = rest.trim_end_matches([' ', '*', '/']);
    repair(COMMENT, format!("{} # {rest}", inner(&written[..at])?))
}

/// A comma or semicolon behind the value, as in JSON and C.
fn comma(written: &str) -> Option<Repair> {
    let before = written.strip_suffix([',', ';'])?;
    repair("a line ends without a comma", inner(before)?)
}

/// `"C:\Users"`.
fn escapes(written: &str) -> Option<Repair> {
    let text = written.strip_prefix('"')?.strip_suffix('"')?;
    let is_plain = text.contains('\\') && !text.contains(['"', '\'']);
    is_plain.then(|| repair(ESCAPES, format!("'{text}'")))?
}

/// A remedy for a text in double quotes whose escapes were not meant as such: a path with `\n` in
/// it. `written` is the text with its quotes.
pub(super) fn escapes_hint(key: &str, written: &str) -> Option<String> {
    let text = toml::from_str::<toml::Table>(&format!("x = {written}")).ok()?;
    let is_odd = text["x"].as_str()?.contains(char::is_control);
    let Repair { why, text } = escapes(written).filter(|_| is_odd)?;
    Some(format!("{why}: `{key} = {text}`"))
}

fn constant(written: &str) -> Option<Repair> {
    let lower = written.to_lowercase();
    let text = match lower.trim_start_matches(['+', '-', '.']) {
        "true" | "false" if lower != written => return repair(CASE, lower),
        "yes" | "on" => return repair("yes is `true`, no is `false`", "true"),
        "no" | "off" => return repair("yes is `true`, no is `false`", "false"),
        "nan" => "nan",
        "inf" | "infinity" => "inf",
        _ => return None,
    };
    let sign = if lower.starts_with('-') { "-" } else { "" };
    repair(CASE, format!("{sign}{text}"))
}

fn numeric(written: &str) -> Option<Repair> {
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
pub(super) fn percent(share: f64) -> String {
    // The product of 0.07 and 100 is not 7.
    format!("{}%", plain((share * 1e11).round() / 1e9))
}

/// A number without a point where it is whole.
pub(super) fn plain(number: f64) -> String {
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

/// `$HOME`.
fn variable(written: &str) -> Option<Repair> {
    let name = written.strip_prefix('$')?;
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_');
    let why = "the environment is read within a text";
    is_name.then(|| repair(why, format!("\"${{env:{name}}}\"")))?
}

/// `(1, 2)`, `[1 2]`, `[relu, gelu]`.
fn list(written: &str) -> Option<Repair> {
    let (why, body) = match written.strip_prefix('(') {
        Some(body) => ("a list stands in square brackets", body.strip_suffix(')')?),
        None => {
            let body = written.strip_prefix('[')?.strip_suffix(']')?;
            (
                "entries of a list are values with commas between them",
                body,
            )
        }
    };
    let pieces: Vec<&str> = match body.contains(',') {
        true => entries(body),
        false => body.split_whitespace().collect(),
    };
    let items: Option<Vec<String>> = pieces.into_iter().map(inner).collect();
    repair(why, format!("[{}]", items?.join(", ")))
}

/// `{ "a": 1 }`.
fn table(written: &str) -> Option<Repair> {
    let body = written.strip_prefix('{')?.strip_suffix('}')?;
    let pair = |entry: &str| {
        let (key, value) = entry.split_once([':', '='])?;
        let key = key.trim().trim_matches(['"', '\'']);
        Some(format!("{} = {}", bare_key(key)?, inner(value)?))
    };
    let pairs: Option<Vec<String>> = entries(body).into_iter().map(pair).collect();
    let why = "`=` stands between a key and its value";
    repair(why, format!("{{ {} }}", pairs?.join(", ")))
}

/// The pieces between commas that stand in no brackets or quotes; empty ones are left out.
fn entries(body: &str) -> Vec<&str> {
    let (mut depth, mut quote, mut start) = (0_usize, None, 0);
    let mut pieces = Vec::new();
    for (at, c) in body.char_indices() {
        match (c, quote) {
            (_, Some(open)) => quote = Some(open).filter(|open| *open != c),
            ('"' | '\'', None) => quote = Some(c),
            ('[' | '{' | '(', None) => depth += 1,
            (']' | '}' | ')', None) => depth = depth.saturating_sub(1),
            (',', None) if depth == 0 => {
                pieces.push(&body[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    pieces.push(&body[start..]);
    pieces.retain(|piece| !piece.trim().is_empty());
    pieces
}

/// `"say "hi""`, `'it's'`, `f"x"`.
fn mixed(written: &str) -> Option<Repair> {
    let prefixed = written.strip_prefix(['f', 'r', 'b', 'u', 'F', 'R', 'B', 'U']);
    if let Some(text) = prefixed.filter(|text| text.starts_with(['"', '\''])) {
        return repair("a text has no letter before its quotes", inner(text)?);
    }
    let open = written.chars().next().filter(|c| "\"'".contains(*c))?;
    let text = written.strip_prefix(open)?.strip_suffix(open)?;
    text.contains(open).then(|| repair(MIXED, quoted(text)))?
}

/// `"abc` and `abc"`.
fn unclosed(written: &str) -> Option<Repair> {
    let is_quote = |c: char| "\"'".contains(c);
    let text = written.trim_matches(is_quote);
    let is_half = written.starts_with(is_quote) != written.ends_with(is_quote);
    (is_half && !text.contains(is_quote))
        .then(|| repair("a text begins and ends with a quote", quoted(text)))?
}

/// Words without quotes.
fn word(written: &str) -> Option<Repair> {
    let is_none =
        ["none", "null", "nil", "undefined", "~"].contains(&written.to_lowercase().as_str());
    let is_open = written.starts_with(['[', '{', '(', '"', '\'', '=', '#']);
    (!is_none && !is_open).then(|| repair(TEXT, quoted(written)))?
}

/// A key without quotes, where it is one.
fn bare_key(text: &str) -> Option<&str> {
    let is_bare = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    let text = text.trim();
    (!text.is_empty() && text.chars().all(is_bare)).then_some(text)
}

/// A remedy for a line that is no TOML, in words and with the line as it should be.
pub(super) fn line(written: &str) -> Option<String> {
    let written = written.trim().trim_start_matches('\u{feff}');
    if written.len() > LONGEST {
        return None;
    }
    let told = |why: &str, text: String| {
        DeTable::parse(&text)
            .is_ok()
            .then(|| format!("{why}: `{text}`"))
    };
    if written.starts_with("<<<<<<<")
        || written.starts_with(">>>>>>>")
        || written.starts_with("=======")
    {
        return Some("a merge left its marks here; decide for one side".into());
    }
    if let Some(rest) = ["//", "/*", "--", ";", "%"]
        .iter()
        .find_map(|mark| written.strip_prefix(mark))
    {
        let rest = rest.trim_end_matches("*/").trim();
        return told(COMMENT, format!("# {rest}"));
    }
    if written.starts_with('[') {
        return header(written);
    }
    let (key, value_text, joint) = pair(written)?;
    if value_text.is_empty() {
        return match joint {
            "=" => Some(format!("write a value, or leave `{key}` out")),
            ":" => told(
                "a table begins with its name in brackets",
                format!("[{key}]"),
            ),
            _ => None,
        };
    }
    let is_none = ["none", "null", "nil", "undefined", "~"];
    if is_none.contains(&value_text.trim_end_matches(',').to_lowercase().as_str()) {
        return Some(format!("there is no null; leave `{key}` out"));
    }
    if has_other_key(value_text) {
        return Some("each key stands on a line of its own".into());
    }
    let found = match is_value(value_text) {
        true => Repair {
            why: "`=` stands between a key and its value",
            text: value_text.into(),
        },
        false => value(value_text)?,
    };
    let why = if joint == "=" {
        found.why
    } else {
        "`=` stands between a key and its value"
    };
    told(why, format!("{key} = {}", found.text))
}

/// Key, value and what stands between them: `=`, another sign, or a space.
fn pair(written: &str) -> Option<(&str, &str, &'static str)> {
    let written = written.trim_start_matches("- ");
    let is_joint = |c: char| c == '=' || c == ':' || c.is_whitespace();
    let end = written.find(is_joint).unwrap_or(written.len());
    let key = written[..end].trim_matches(['"', '\'', '“', '”']);
    let rest = written[end..].trim_start();
    let joints = ["==", ":=", "=>", "=", ":"];
    let joint = joints.into_iter().find(|joint| rest.starts_with(joint));
    let value = rest.strip_prefix(joint.unwrap_or_default())?;
    let value = without_remark(value).trim();
    Some((bare_key(key)?, value, joint.unwrap_or(" ")))
}

/// The text before a comment of TOML.
fn without_remark(written: &str) -> &str {
    let mut quote = None;
    for (at, c) in written.char_indices() {
        match (c, quote) {
            (_, Some(open)) => quote = Some(open).filter(|open| *open != c),
            ('"' | '\'', None) => quote = Some(c),
            ('#', None) => return &written[..at],
            _ => {}
        }
    }
    written
}

/// A table's header with a bracket too few or too many, or with a key behind it.
fn header(written: &str) -> Option<String> {
    if DeTable::parse(written).is_ok() {
        return None;
    }
    let name = written.trim_start_matches('[');
    let depth = written.len() - name.len();
    let end = name.find([']', '=', '#']).unwrap_or(name.len());
    let name_text = bare_key(name[..end].trim())?;
    let rest = name[end..].trim_start_matches(']').trim();
    let closing = name[end..].len() - name[end..].trim_start_matches(']').len();
    let table = match depth.max(closing) {
        1 => format!("[{name_text}]"),
        _ => format!("[[{name_text}]]"),
    };
    if !rest.is_empty() && !rest.starts_with('#') {
        return Some(format!("`{table}` stands on a line of its own"));
    }
    Some(format!("a table's name stands between brackets: `{table}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The proposals, each of them TOML.
    fn proposed(written: &str) -> String {
        match value(written) {
            Some(repair) => {
                assert!(is_value(&repair.text), "{written}: {}", repair.text);
                repair.text
            }
            None => String::new(),
        }
    }

    #[test]
    fn values_of_other_languages_are_written_as_toml() {
        let table = [
            (".5", "0.5"),
            ("-.5", "-0.5"),
            ("5.", "5.0"),
            ("1.e-3", "1.0e-3"),
            (".5e-3", "0.5e-3"),
            ("007", "7"),
            ("1,5", "1.5"),
            ("0,001", "0.001"),
            ("1'000", "1_000"),
            ("1 000", "1_000"),
            ("1,000,000", "1_000_000"),
            ("1e-3f", "1e-3"),
            ("1.0f32", "1.0"),
            ("5.f", "5.0"),
            ("10^-3", "1e-3"),
            ("10**-3", "1e-3"),
            ("10^{-3}", "1e-3"),
            ("2**10", "1024"),
            ("1/4", "0.25"),
            ("3 * 4", "12"),
            ("1e−3", "1e-3"),
            ("−1", "-1"),
            ("True", "true"),
            ("FALSE", "false"),
            ("yes", "true"),
            ("Off", "false"),
            ("NaN", "nan"),
            ("-Infinity", "-inf"),
            ("None", ""),
            ("null", ""),
            ("~", ""),
            ("“digits”", "\"digits\""),
            ("„digits“", "\"digits\""),
            ("‘digits’", "'digits'"),
            ("`digits`", "\"digits\""),
            ("[“a”, “b”]", "[\"a\", \"b\"]"),
            ("mlp", "\"mlp\""),
            ("5 epochs", "\"5 epochs\""),
            ("10%", "\"10%\""),
            ("../data/x.csv", "\"../data/x.csv\""),
            ("C:\\x\\y.csv", "'C:\\x\\y.csv'"),
            ("\"C:\\Users\\me\\d.csv\"", "'C:\\Users\\me\\d.csv'"),
            ("\"D:\\data\", # here", "'D:\\data'"),
            ("f\"x\"", "\"x\""),
            ("'it's'", "\"it's\""),
            ("\"say \"hi\"\"", "'say \"hi\"'"),
            ("\"abc", "\"abc\""),
            ("abc\"", "\"abc\""),
            ("$DATA", "\"${env:DATA}\""),
            ("${env:DATA}", "\"${env:DATA}\""),
            ("(1, 2)", "[1, 2]"),
            ("[1 2]", "[1, 2]"),
            ("[relu, gelu]", "[\"relu\", \"gelu\"]"),
            ("[1,,2]", "[1, 2]"),
            ("[True, .5]", "[true, 0.5]"),
            ("[[1, .5], (2, 3)]", "[[1, 0.5], [2, 3]]"),
            ("{ \"a\": 1, b: [x] }", "{ a = 1, b = [\"x\"] }"),
            ("1 // half", "1 # half"),
            ("\"x\" /* why */", "\"x\" # why"),
            (".5 ; x", "0.5 # x"),
            ("1,", "1"),
            ("\"a\";", "\"a\""),
            ("1 b = 2", ""),
            ("1.2.3", "\"1.2.3\""),
            ("", ""),
        ];
        for (written, expected) in table {
            assert_eq!(proposed(written), expected, "{written}");
        }
    }

    #[test]
    fn lines_of_other_languages_are_written_as_toml() {
        let table = [
            ("lr: 0.1", "`lr = 0.1`"),
            ("  type: mlp", "`type = \"mlp\"`"),
            ("model:", "`[model]`"),
            ("- lr: .5", "`lr = 0.5`"),
            ("\"lr\": 0.1,", "`lr = 0.1`"),
            ("“lr” = 0.1", "`lr = 0.1`"),
            ("lr 0.1", "`lr = 0.1`"),
            ("lr == 0.1", "`lr = 0.1`"),
            ("lr := .1", "`lr = 0.1`"),
            ("lr => 0.1", "`lr = 0.1`"),
            ("// a remark", "`# a remark`"),
            ("[model", "`[model]`"),
            ("[[schedule]", "`[[schedule]]`"),
            (
                "[model] type = \"mlp\"",
                "`[model]` stands on a line of its own",
            ),
            ("a = ", "write a value, or leave `a` out"),
            ("a = None", "there is no null; leave `a` out"),
            ("a = 1, b = 2", "each key stands on a line of its own"),
            ("<<<<<<< HEAD", "a merge left its marks here"),
        ];
        for (written, expected) in table {
            let told = line(written).unwrap_or_default();
            assert!(told.contains(expected), "{written}: {told}");
        }
    }
}
