//! Faults that a component finds in its own keys.
//!
//! Each layer has its own error enum; what they share is [`KeyFault`]: a component knows which of
//! its keys is wrong and why, and the config layer knows where that key stands in the file.

/// A message and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The fault: a lowercase fragment, values in backticks.
    pub message: String,
    /// The remedy.
    pub hint: Option<String>,
}

impl Fault {
    /// Makes a fault without a remedy.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            hint: None,
        }
    }

    /// Returns the same fault with a remedy.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Takes an error's text apart, in the one form that all errors have: `message; hint: remedy`.
    /// A message of several lines has its hint on the last one.
    #[must_use]
    pub fn of(error: &impl std::fmt::Display) -> Self {
        let text = error.to_string();
        let parts = text.split_once("; hint: ");
        match parts.or_else(|| text.split_once("\nhint: ")) {
            Some((message, hint)) => Self::new(message).hint(hint),
            None => Self::new(text),
        }
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)?;
        match &self.hint {
            Some(hint) => write!(f, "; hint: {hint}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Fault {}

/// One fault (or warning) at one key of a component's own table.
#[derive(Debug, Clone, PartialEq)]
pub struct KeyFault {
    /// Path inside the component's table, such as `hidden[1]` or `split.val`; empty for the table.
    pub key: String,
    /// The fault: a lowercase fragment, values in backticks.
    pub message: String,
    /// The remedy.
    pub hint: Option<String>,
    /// Whether the run may start all the same.
    pub severity: Severity,
}

/// How bad a fault is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The config is refused.
    Error,
    /// The config runs; the reader should know.
    Warning,
}

impl KeyFault {
    /// An error at `key`.
    pub fn error(key: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            key: key.into(),
            message: message.into(),
            hint: None,
            severity: Severity::Error,
        }
    }

    /// A warning at `key`.
    pub fn warning(key: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(key, message)
        }
    }

    /// The same fault with a remedy.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl std::fmt::Display for KeyFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if !self.key.is_empty() {
            write!(f, "`{}`: ", self.key)?;
        }
        f.write_str(&self.message)?;
        match &self.hint {
            Some(hint) => write!(f, "; hint: {hint}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for KeyFault {}

/// An I/O error in words, without the number that Rust appends.
#[must_use]
pub fn io_reason(error: &std::io::Error) -> String {
    use std::io::ErrorKind;
    match error.kind() {
        ErrorKind::NotFound => "no such file or folder".into(),
        ErrorKind::PermissionDenied => "permission denied".into(),
        ErrorKind::IsADirectory => "it is a folder".into(),
        ErrorKind::InvalidData => "it is not UTF-8 text".into(),
        _ => error.to_string(),
    }
}
