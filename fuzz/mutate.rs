//! Files with something wrong in them: seeded, so that a failure can be repeated by its number.

use trainer::rng::{Purpose, Stream};

/// Tokens that change what a text means.
const TOKENS: [&[u8]; 24] = [
    b"\0",
    b"\xff",
    b"\xef\xbb\xbf",
    b"\r\n",
    b"\r",
    b"\"",
    b"'",
    b",",
    b";",
    b"[",
    b"]",
    b"{",
    b"}",
    b"=",
    b"-1",
    b"nan",
    b"1e999",
    b"18446744073709551616",
    b"\xed\xa0\x80",
    b"\x1b[2J",
    b"\x1f\x8b\x08",
    b"true",
    b"null",
    b"((((((((",
];

/// Returns the `number`-th mutation of one of the `seeds`.
pub fn mutate(seeds: &[Vec<u8>], name: &str, number: u32) -> Vec<u8> {
    let dice = Stream::new(0, Purpose::Sample, name);
    let mut asked = 0;
    let mut below = |n: usize| {
        asked += 1;
        dice.below(n.max(1) as u32, number, 0, asked) as usize
    };
    let mut bytes = seeds[below(seeds.len())].clone();
    for _ in 0..=below(4) {
        let at = below(bytes.len() + 1);
        let end = (at + below(16)).min(bytes.len());
        match below(7) {
            0 => bytes.truncate(at),
            1 => drop(bytes.drain(at..end)),
            2 if at < bytes.len() => bytes[at] ^= 1 << below(8),
            3 if at < bytes.len() => bytes[at] = below(256) as u8,
            4 => drop(bytes.splice(at..at, TOKENS[below(TOKENS.len())].iter().copied())),
            5 => {
                let piece = bytes[at..end].repeat(1 + below(64));
                drop(bytes.splice(at..at, piece));
            }
            _ => {
                let other = &seeds[below(seeds.len())];
                let from = below(other.len() + 1);
                bytes.truncate(at);
                bytes.extend_from_slice(&other[from..]);
            }
        }
    }
    bytes
}
