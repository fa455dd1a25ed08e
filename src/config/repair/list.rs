//! Lists and tables in the brackets and with the signs of other languages.

use super::{Repair, bare_key, inner, repair};

/// `(1, 2)`, `[1 2]`, `[relu, gelu]`.
pub(super) fn list(written: &str) -> Option<Repair> {
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
pub(super) fn table(written: &str) -> Option<Repair> {
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
