//! JSON files that carry their own digest, so that a changed one is told from a good one: the value
//! of `digest` is the BLAKE3 of the file with 64 zeros in that value's place.

use serde::Serialize;

/// Digits of a digest.
const DIGITS: usize = 64;

/// Placeholder of a digest while it is computed.
pub fn blank() -> String {
    "0".repeat(DIGITS)
}

/// The text of `value`, whose digest is [`blank`], and the digest that the text has in its place.
pub fn seal(value: &impl Serialize) -> Result<(String, String), serde_json::Error> {
    let text = serde_json::to_string_pretty(value)? + "\n";
    let digest = blake3::hash(text.as_bytes()).to_hex().to_string();
    Ok((text.replacen(&blank(), &digest, 1), digest))
}

/// Returns whether `bytes` are the file that was sealed with `digest`.
pub fn holds(bytes: &[u8], digest: &str) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let blanked = text.replacen(digest, &blank(), 1);
    digest.len() == DIGITS && blake3::hash(blanked.as_bytes()).to_hex().as_str() == digest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_changed_byte_breaks_the_seal() {
        let value = serde_json::json!({ "digest": blank(), "loss": 0.25, "run": "r" });
        let (text, digest) = seal(&value).unwrap();
        assert!(text.contains(&digest) && holds(text.as_bytes(), &digest));
        for at in 0..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[at] ^= 1;
            let changed: Option<serde_json::Value> = serde_json::from_slice(&bytes).ok();
            let digest = changed.as_ref().and_then(|value| value["digest"].as_str());
            assert!(
                !digest.is_some_and(|digest| holds(&bytes, digest)),
                "byte {at}"
            );
        }
        assert!(!holds(b"{}", ""));
    }
}
