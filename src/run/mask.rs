//! Secrets stay out of the run directory: values whose keys look like secrets become `***`.
//!
//! A key looks like one if a word of it is `token`, `secret`, `password`, … (`HF_TOKEN`,
//! `api-key`, `clientSecret`); `tokenizer` and `max_tokens` do not.

use toml::de::{DeTable, DeValue};

/// What stands for a masked value.
const MASK: &str = "***";

/// Words that make a key secret.
const WORDS: [&str; 12] = [
    "token",
    "secret",
    "secrets",
    "password",
    "passwords",
    "passwd",
    "passphrase",
    "apikey",
    "credential",
    "credentials",
    "bearer",
    "authorization",
];

/// Tables whose keys are names that the user's data bring along, and no settings.
const NAMES: [&str; 1] = ["columns"];

/// Words that make the word `key` after them secret.
const BEFORE_KEY: [&str; 4] = ["api", "access", "private", "secret"];

/// Returns whether a TOML text has masked values.
#[must_use]
pub fn has_masks(text: &str) -> bool {
    text.contains(&format!("\"{MASK}\""))
}

/// Returns whether the value of `key` is to be masked.
pub fn is_secret(key: &str) -> bool {
    let words = words(key);
    words.iter().any(|word| WORDS.contains(&word.as_str()))
        || words
            .windows(2)
            .any(|pair| BEFORE_KEY.contains(&pair[0].as_str()) && pair[1] == "key")
}

/// The words of a key in lower case: split at everything but letters and digits, and where a
/// capital follows a small letter.
fn words(key: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut small = false;
    for c in key.chars() {
        if !c.is_alphanumeric() || (small && c.is_uppercase()) {
            words.push(String::new());
        }
        if c.is_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.extend(c.to_lowercase());
        }
        small = c.is_lowercase();
    }
    words
}

/// A TOML text with the texts, lists and tables under secret keys masked, everything else as it
/// was. Numbers and booleans stay: they are settings (`pad_token = 0`), not secrets. A text that is
/// no TOML is not copied at all.
pub fn toml(text: &str) -> String {
    let Ok(table) = DeTable::parse(text) else {
        return "# not kept: this was not TOML\n".into();
    };
    let mut spans = Vec::new();
    secret_values(table.get_ref(), Some(false), &mut spans);
    let mut masked = text.to_string();
    spans.sort_unstable_by_key(|span: &std::ops::Range<usize>| std::cmp::Reverse(span.start));
    for span in spans {
        masked.replace_range(span, &format!("\"{MASK}\""));
    }
    masked
}

/// Places of the values to be masked. Inside a secret table every value is; where `inside` is
/// `None`, the keys are names that say nothing about their values.
fn secret_values(
    table: &DeTable<'_>,
    inside: Option<bool>,
    spans: &mut Vec<std::ops::Range<usize>>,
) {
    for (key, value) in table {
        let secret = inside.is_some_and(|inside| inside || is_secret(key.get_ref()));
        let names = !secret && NAMES.contains(&key.get_ref().as_ref());
        match value.get_ref() {
            DeValue::Table(table) if names => secret_values(table, None, spans),
            DeValue::Table(table) => secret_values(table, Some(secret), spans),
            DeValue::Array(array) => {
                for item in array.iter() {
                    match item.get_ref() {
                        DeValue::Table(table) => secret_values(table, Some(secret), spans),
                        DeValue::String(_) | DeValue::Array(_) if secret => spans.push(item.span()),
                        _ => {}
                    }
                }
            }
            DeValue::String(_) if secret => spans.push(value.span()),
            _ => {}
        }
    }
}

/// `key=value` with the value masked where the key is secret.
pub fn assignment(text: &str) -> String {
    match text.split_once('=') {
        Some((key, _)) if is_secret(key) => format!("{key}={MASK}"),
        _ => text.to_string(),
    }
}

/// A command line with `--token VALUE`, `--token=VALUE` and `--set hub.token=VALUE` masked.
pub fn arguments(argv: &[String]) -> Vec<String> {
    let mut after_secret = false;
    argv.iter()
        .map(|argument| {
            let flag = argument.starts_with('-');
            let masked = if after_secret && !flag {
                MASK.to_string()
            } else {
                assignment(argument)
            };
            after_secret = flag && !argument.contains('=') && is_secret(argument);
            masked
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_told_from_settings() {
        for key in [
            "token",
            "HF_TOKEN",
            "hub.api_key",
            "clientSecret",
            "--password",
            "access-key",
        ] {
            assert!(is_secret(key), "{key}");
        }
        for key in [
            "tokenizer",
            "max_tokens",
            "key",
            "secretary",
            "keyboard.api",
            "monkey",
        ] {
            assert!(!is_secret(key), "{key}");
        }
    }

    #[test]
    fn a_config_keeps_everything_but_the_secret() {
        let text = "# mine\n[hub]\napi_key = \"k-1\" # note\ntoken='a'\nurls = [\"u\"]\npad_token = 0\n[env.secrets]\nx = \"1\"\ny = [\"2\", {z = '''3'''}]\n";
        let masked = toml(text);
        assert_eq!(
            masked,
            "# mine\n[hub]\napi_key = \"***\" # note\ntoken=\"***\"\nurls = [\"u\"]\npad_token = 0\n[env.secrets]\nx = \"***\"\ny = [\"***\", {z = \"***\"}]\n"
        );
        assert!(!toml("not toml: token = x").contains('x'));
        let columns = "columns = { token = { type = \"ignore\" } }\n";
        assert_eq!(toml(columns), columns);
    }

    #[test]
    fn command_lines_lose_their_secrets() {
        let argv = [
            "trainer",
            "run",
            "a.toml",
            "--set",
            "hub.token=abc",
            "--api-key",
            "k",
            "--password=p",
            "-v",
        ];
        let masked = arguments(&argv.map(String::from));
        assert_eq!(
            masked,
            [
                "trainer",
                "run",
                "a.toml",
                "--set",
                "hub.token=***",
                "--api-key",
                "***",
                "--password=***",
                "-v"
            ]
        );
    }
}
