//! The separator between values: given, or found.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::number::Decimal;

/// The character between two values of a row.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Separator {
    /// A comma where that makes two columns or more; else a semicolon, a tab or a vertical bar.
    #[default]
    Auto,
    /// This byte.
    Byte(u8),
}

/// The separators there are, each with its name in messages.
const KNOWN: [(u8, &str); 4] = [
    (b',', "\",\""),
    (b';', "\";\""),
    (b'\t', "\"\\t\""),
    (b'|', "\"|\""),
];

impl Separator {
    /// The separators to try, the likeliest first.
    pub(super) fn candidates(self, decimal: Decimal) -> Vec<u8> {
        match (self, decimal) {
            (Self::Byte(byte), _) => vec![byte],
            (Self::Auto, Decimal::Point) => vec![b',', b';', b'\t', b'|'],
            (Self::Auto, Decimal::Comma) => vec![b';', b'\t', b'|', b','],
        }
    }
}

/// A separator as the config writes it, in quotes.
pub(super) fn quoted(byte: u8) -> &'static str {
    let known = KNOWN.iter().find(|(known, _)| *known == byte);
    known.map_or("", |(_, name)| name)
}

impl TryFrom<String> for Separator {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.as_str() {
            "auto" => Ok(Self::Auto),
            "\\t" => Ok(Self::Byte(b'\t')),
            one if one.len() == 1 && KNOWN.iter().any(|(byte, _)| one.as_bytes()[0] == *byte) => {
                Ok(Self::Byte(one.as_bytes()[0]))
            }
            other => Err(format!(
                "`{}` is not a separator; hint: one of \",\", \";\", \"\\t\", \"|\" and \"auto\"",
                other.escape_debug()
            )),
        }
    }
}

impl From<Separator> for String {
    fn from(separator: Separator) -> Self {
        match separator {
            Separator::Auto => "auto".into(),
            Separator::Byte(byte) => char::from(byte).into(),
        }
    }
}

impl JsonSchema for Separator {
    fn schema_name() -> Cow<'static, str> {
        "Separator".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string", "format": "separator", "examples": [";", "auto"],
            "pattern": r"^(auto|,|;|\t|\\t|\|)$|\$\{env:",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn separators_read_and_write_the_same() {
        for text in ["auto", ",", ";", "\t", "|"] {
            let separator = Separator::try_from(text.to_string()).unwrap();
            assert_eq!(String::from(separator), text);
        }
        assert_eq!(
            Separator::try_from("\\t".to_string()),
            Ok(Separator::Byte(b'\t'))
        );
        for text in ["", ":", ",,", "é", "tab"] {
            let error = Separator::try_from(text.to_string()).unwrap_err();
            assert_eq!(
                error,
                format!(
                    "`{text}` is not a separator; hint: one of \",\", \";\", \"\\t\", \"|\" and \"auto\""
                )
            );
        }
    }
}
