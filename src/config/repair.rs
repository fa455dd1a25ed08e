//! Values and lines that are no TOML, written as TOML: the proposals of hints.
//!
//! People write by the habits of YAML, JSON, Python and word processors. A proposal is made only
//! where it is TOML itself.

mod line;
mod list;
mod number;
mod text;

use toml::de::DeTable;

pub(super) use line::line;
pub(super) use number::{number, percent, plain};
pub(super) use text::{escapes_hint, quoted};

/// The meant value as TOML.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Repair {
    /// The rule that was broken.
    pub(super) why: &'static str,
    /// The same as TOML.
    pub(super) text: String,
}

const COMMENT: &str = "a comment begins with `#`";
const CASE: &str = "names of values are written in lower case";

/// Longest text that is repaired, in bytes: a value may hold others, and each is tried in turn.
const LONGEST: usize = 256;

/// A value as TOML; `None` where nothing is proposed. TOML itself needs no repair.
pub(super) fn value(written: &str) -> Option<Repair> {
    let written = without_remark(written).trim();
    if written.is_empty() || written.len() > LONGEST || has_other_key(written) {
        return None;
    }
    let forms = [
        text::quotes,
        remark,
        comma,
        text::escapes,
        constant,
        number::numeric,
        variable,
        list::list,
        list::table,
        text::mixed,
        text::unclosed,
        text::word,
    ];
    let mut found = forms.iter().filter_map(|form| form(written));
    found.find(|repair| is_value(&repair.text))
}

/// Returns whether a text is a value of TOML.
pub(super) fn is_value(text: &str) -> bool {
    !text.contains('\n') && DeTable::parse(&format!("x = {text}")).is_ok()
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

/// `$HOME`.
fn variable(written: &str) -> Option<Repair> {
    let name = written.strip_prefix('$')?;
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_');
    let why = "the environment is read within a text";
    is_name.then(|| repair(why, format!("\"${{env:{name}}}\"")))?
}

/// A key without quotes, where it is one.
fn bare_key(text: &str) -> Option<&str> {
    let is_bare = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    let text = text.trim();
    (!text.is_empty() && text.chars().all(is_bare)).then_some(text)
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
}
